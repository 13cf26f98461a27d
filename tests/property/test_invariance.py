"""The answer to a question does not depend on the CRS, on the turn of the grid, or on the order of the rows."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
import shapely.affinity
from hypothesis import given, settings
from hypothesis import strategies as st

import geogrounding as gg

QUERIES = (
    "buildings larger than 150 m2",
    "ships longer than 18.5 m",
    "the three largest buildings",
    "all ships but the smallest",
    "ships within 20.5 m of a building",
    "ships not within 35.5 m of a building",
    "the ship nearest to the largest building",
    "buildings with at least two ships within 60.5 m",
    "the westernmost ship",
    "ships next to another ship",
)
CRS = (32633, 3857, 4326, 3035)


def things(seed: int) -> tuple[list[shapely.Polygon], list[str]]:
    """Slanting rectangles in UTM, no two of one size; thresholds lie between the sizes."""
    random = np.random.default_rng(seed)
    shapes, labels = [], []
    for number in range(30):
        box = shapely.affinity.rotate(shapely.box(0, 0, 8 + number, 4 + number / 10), random.uniform(0, 180))
        x, y = random.uniform(0, 300, 2)
        shapes.append(shapely.affinity.translate(box, 480_000 + x, 6_650_000 + y))
        labels.append("ship" if number % 2 else "building")
    return shapes, labels


@pytest.mark.parametrize("examples", [3, pytest.param(100, marks=pytest.mark.slow)])
def test_crs_turn_and_order_change_nothing(tmp_path_factory: pytest.TempPathFactory, examples: int) -> None:
    path, chosen = tmp_path_factory.mktemp("layer") / "scene.gpkg", 0

    @given(seed=st.integers(0, 2**31), turn=st.floats(0, 360), epsg=st.sampled_from(CRS))
    @settings(max_examples=examples, deadline=None, derandomize=True, database=None)
    def holds(seed: int, turn: float, epsg: int) -> None:
        nonlocal chosen
        shapes, labels = things(seed)
        ids = np.arange(1, 31)
        order = np.random.default_rng(seed).permutation(30)
        turned = [shapely.affinity.rotate(shape, turn, origin=(480_150, 6_650_150)) for shape in shapes]
        plain = gpd.GeoDataFrame({"id": ids, "label": labels}, geometry=shapes, crs=32633)
        other = gpd.GeoDataFrame({"id": ids, "label": labels}, geometry=turned, crs=32633).to_crs(epsg).iloc[order]
        answers = []
        for frame in (plain, plain.to_crs(epsg), other):
            frame.to_file(path)
            answers.append({query: sorted(gg.ask(path, query).features) for query in QUERIES})
        for query in QUERIES:
            found = [answer[query] for answer in (answers if "west" not in query else answers[:2])]
            assert all(answer == found[0] for answer in found), (query, found)
            chosen += len(found[0])

    holds()
    assert chosen > 10 * examples
