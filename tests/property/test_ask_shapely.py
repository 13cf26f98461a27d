"""Questions about a vector layer against an oracle of its own: plain loops over shapely's geometry in plane metres.

The oracle shares no code with the product: no index, no plan, no ellipsoid. The layer lies where the scale of UTM is 1
to a few parts in 100,000; scenes in which a decision hangs on less than ``MARGIN`` are passed over.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely import affinity
from shapely.geometry import Polygon, box

from geogrounding.asking import ask

ORIGIN = (680_000.0, 5_400_000.0)
"""UTM 33N, 180 km east of the central meridian, where the scale of the projection is 1."""
MARGIN = 0.005
SCENES = [6, pytest.param(150, marks=pytest.mark.slow)]

Rows = dict[str, list[tuple[int, Polygon]]]
"""Label -> (id, outline)."""
Oracle = Callable[[Rows], list[int] | None]
"""The ids behind the right answer; None where the scene does not decide it clearly."""


def scene(rng: np.random.Generator) -> Rows:
    """Rotated rectangles of three classes, scattered over 600 m."""
    rows: Rows = {"building": [], "tree": [], "parking lot": []}
    sizes = {"building": (8, 40), "tree": (2, 8), "parking lot": (50, 120)}
    number = 0
    for label, count in (("building", 9), ("tree", 30), ("parking lot", 3)):
        for _ in range(count):
            number += 1
            x, y = rng.uniform(0, 600, 2) + ORIGIN
            width, height = rng.uniform(*sizes[label], 2)
            outline = affinity.rotate(box(x, y, x + width, y + height), rng.uniform(0, 180))
            rows[label].append((number, outline))
    return rows


def clear(values: list[float], limits: list[float]) -> bool:
    """Whether no value is within the margin of a limit."""
    return all(abs(value - limit) > MARGIN * max(abs(limit), 1) for value in values for limit in limits)


def ranked(measure: Callable[[Polygon], float], label: str, place: slice, *, descending: bool) -> Oracle:
    def find(rows: Rows) -> list[int] | None:
        order = sorted(rows[label], key=lambda row: measure(row[1]), reverse=descending)
        values = [measure(outline) for _, outline in order]
        for border in (place.start, place.stop):
            if 0 < border < len(values) and not clear([values[border]], [values[border - 1]]):
                return None
        return sorted(number for number, _ in order[place])

    return find


def within(label: str, metres: float, other: str, *, negated: bool = False) -> Oracle:
    def find(rows: Rows) -> list[int] | None:
        gaps = {number: min(outline.distance(o) for _, o in rows[other]) for number, outline in rows[label]}
        if not clear(list(gaps.values()), [metres]):
            return None
        return sorted(number for number, gap in gaps.items() if (gap <= metres) != negated)

    return find


def nearest(label: str, other: str, *, farthest: bool = False) -> Oracle:
    def find(rows: Rows) -> list[int] | None:
        gaps = sorted((min(outline.distance(o) for _, o in rows[other]), number) for number, outline in rows[label])
        if farthest:
            gaps.reverse()
        return [gaps[0][1]] if abs(gaps[0][0] - gaps[1][0]) > MARGIN * max(gaps[0][0], 1) else None

    return find


def inside(label: str, other: str) -> Oracle:
    def find(rows: Rows) -> list[int] | None:
        shares = {
            number: max(outline.intersection(o).area for _, o in rows[other]) / outline.area
            for number, outline in rows[label]
        }
        if any(0.001 < share < 0.999 for share in shares.values()):
            return None  # partly inside: what counts is the product's rule, not geometry
        return sorted(number for number, share in shares.items() if share >= 0.999)

    return find


def length(outline: Polygon) -> float:
    corners = shapely.get_coordinates(shapely.minimum_rotated_rectangle(outline))
    return max(float(np.hypot(*(corners[1] - corners[0]))), float(np.hypot(*(corners[2] - corners[1]))))


QUESTIONS: dict[str, Oracle] = {
    "the largest building": ranked(lambda p: p.area, "building", slice(0, 1), descending=True),
    "the three smallest trees": ranked(lambda p: p.area, "tree", slice(0, 3), descending=False),
    "the second largest building": ranked(lambda p: p.area, "building", slice(1, 2), descending=True),
    "the longest building": ranked(length, "building", slice(0, 1), descending=True),
    "the trees within 25 m of a building": within("tree", 25, "building"),
    "which trees stand within 60 m of a parking lot?": within("tree", 60, "parking lot"),
    "the trees that are more than 40 m from any building": within("tree", 40, "building", negated=True),
    "the tree nearest to a building": nearest("tree", "building"),
    "the building farthest from a parking lot": nearest("building", "parking lot", farthest=True),
    "the trees inside a parking lot": inside("tree", "parking lot"),
}


def write(rows: Rows, path: Path) -> None:
    """A layer whose ``id`` are the numbers, in an order that says nothing."""
    flat = [(number, label, outline) for label, some in rows.items() for number, outline in some]
    flat.sort(key=lambda row: row[2].centroid.x)
    frame = gpd.GeoDataFrame(
        {"id": [row[0] for row in flat], "label": [row[1] for row in flat]},
        geometry=[row[2] for row in flat],
        crs="EPSG:32633",
    )
    frame.to_file(path)


@pytest.mark.parametrize("scenes", SCENES)
@pytest.mark.parametrize("question", QUESTIONS)
def test_the_features_are_those_of_shapely(tmp_path: Path, question: str, scenes: int) -> None:
    rng = np.random.default_rng(len(question))
    decided = some = 0
    for turn in range(scenes):
        rows = scene(rng)
        expected = QUESTIONS[question](rows)
        if expected is None:
            continue
        write(rows, tmp_path / f"{turn}.gpkg")
        answered = ask(tmp_path / f"{turn}.gpkg", question)
        assert sorted(answered.features) == expected
        decided += 1
        some += bool(expected)
    assert decided >= scenes / 6
    assert some > 0


@pytest.mark.parametrize("scenes", SCENES)
def test_numbers_are_those_of_shapely(tmp_path: Path, scenes: int) -> None:
    rng = np.random.default_rng(3)
    for turn in range(scenes):
        rows = scene(rng)
        path = tmp_path / f"{turn}.gpkg"
        write(rows, path)
        areas = [outline.area for _, outline in rows["building"]]
        assert ask(path, "what is the total area of all buildings?").value == pytest.approx(sum(areas), rel=1e-3)
        assert ask(path, "how long is the longest building?").value == pytest.approx(
            max(length(outline) for _, outline in rows["building"]), rel=1e-3
        )
        near = within("tree", 25, "building")(rows)
        if near is not None:
            assert ask(path, "how many trees are within 25 m of a building?").value == len(near)
        assert ask(path, "how many trees are there?").value == len(rows["tree"])
