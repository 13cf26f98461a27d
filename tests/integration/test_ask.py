"""``ask`` on vector layers and on a raster, from Python and from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from click.testing import CliRunner

import geogrounding as gg
from cli.main import geoground
from geogrounding.errors import InputError, SettingsError
from tests.integration.test_whole_scene import HARBORS, SHIPS, TANKS, THINGS, Painted, box_px, paint

TREES, HOUSES = 80, 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trees (with ids from 101) in UTM, buildings in Web Mercator, and both in one layer with labels."""
    folder = tmp_path_factory.mktemp("layers")
    random = np.random.default_rng(7)
    places = random.uniform(0, 400, (TREES, 2)) + np.array([5e5, 5e6])
    trees = [shapely.Point(*p).buffer(r) for p, r in zip(places, random.uniform(1, 5, TREES), strict=True)]
    low = random.uniform(0, 400, (HOUSES, 2)) + np.array([5e5, 5e6])
    houses = list(shapely.box(*low.T, *(low + random.uniform(6, 40, (HOUSES, 2))).T))
    gpd.GeoDataFrame({"id": np.arange(101, 101 + TREES)}, geometry=trees, crs=32633).to_file(folder / "trees.gpkg")
    gpd.GeoDataFrame(geometry=houses, crs=32633).to_crs(3857).to_file(folder / "buildings.gpkg")
    labels = ["tree"] * TREES + ["building"] * HOUSES
    gpd.GeoDataFrame({"label": labels, "roof": ["flat", "gabled"] * 50}, geometry=[*trees, *houses], crs=32633).to_file(
        folder / "both.gpkg"
    )
    return folder


@pytest.fixture(scope="module")
def both(folder: Path) -> gpd.GeoDataFrame:
    return gpd.read_file(folder / "both.gpkg")


def frames(both: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    return both[both.label == "tree"], both[both.label == "building"]


def rows(frame: gpd.GeoDataFrame) -> list[int]:
    return [int(i) + 1 for i in frame.index]


def test_trees_near_a_building_of_another_layer_in_another_crs(folder: Path, both: gpd.GeoDataFrame) -> None:
    trees, houses = frames(both)
    expected = trees[trees.distance(houses.union_all()) <= 5]
    for name in ("buildings", "footprints"):  # named so, and the only layer there is
        reply = gg.ask(
            folder / "trees.gpkg",
            "which trees stand within 5 m of a building?",
            context={name: folder / "buildings.gpkg"},
        )
        assert list(reply.features) == [101 + i for i in expected.index]
        assert reply.value == len(expected) > 3
        assert reply.layer["distance_m"].to_numpy() == pytest.approx(
            trees.distance(houses.union_all())[expected.index], rel=1e-3, abs=1e-3
        )


# fmt: off
# ruff: noqa: E501 - one case a line
CASES: list[tuple[str, Any]] = [
    ("buildings larger than 300 m2", lambda t, h: rows(h[h.area > 300 * 0.9996**2])),
    ("houses no bigger than 300 sq m", lambda t, h: rows(h[h.area <= 300 * 0.9996**2])),
    ("the two largest buildings", lambda t, h: sorted(rows(h.loc[h.area.nlargest(2).index]))),
    ("all buildings except the largest", lambda t, h: rows(h.drop(h.area.idxmax()))),
    ("trees farther than 60 m from any house", lambda t, h: rows(t[t.distance(h.union_all()) > 60])),
    ("the tree nearest to the largest building", lambda t, h: rows(t.loc[[t.distance(h.geometry[h.area.idxmax()]).idxmin()]])),
    ("buildings with at least 4 trees within 30 m", lambda t, h: rows(h[[(t.distance(g) <= 30).sum() >= 4 for g in h.geometry]])),
    ("buildings within 10 m of a tree and larger than 400 m2", lambda t, h: rows(h[(h.distance(t.union_all()) <= 10) & (h.area > 400)])),
    ("buildings larger than 900 m2 or smaller than 200 m2", lambda t, h: rows(h[(h.area > 900) | (h.area < 200)])),
    ("trees not within 60 m of a building", lambda t, h: rows(t[t.distance(h.union_all()) > 60])),
    ("the northernmost building", lambda t, h: rows(h.loc[[h.centroid.y.idxmax()]])),
    ("buildings whose roof is flat", lambda t, h: rows(h[h.roof == "flat"])),
    ("trees touching a building", lambda t, h: rows(t[t.intersects(h.union_all())])),
    ("everything except trees", lambda t, h: rows(h)),
]
# fmt: on


@pytest.mark.parametrize(("query", "expected"), CASES, ids=[query for query, _ in CASES])
def test_rows_are_those_of_geopandas(folder: Path, both: gpd.GeoDataFrame, query: str, expected: Any) -> None:
    reply = gg.ask(folder / "both.gpkg", query)
    assert sorted(reply.features) == expected(*frames(both))
    assert not reply.unknown


# fmt: off
VALUES: list[tuple[str, Any, str | None]] = [
    ("how many trees are there?", lambda t, h: len(t), None),
    ("what is the total area of all buildings?", lambda t, h: h.area.sum() / 0.9996**2, "m2"),
    ("total area of the houses in hectares", lambda t, h: h.area.sum() / 0.9996**2 / 1e4, "ha"),
    ("what percentage of trees are within 20 m of a building?", lambda t, h: 100 * (t.distance(h.union_all()) <= 20).mean(), "%"),
    ("is the largest building within 100 m of a tree?", lambda t, h: bool(t.distance(h.geometry[h.area.idxmax()]).min() <= 100), None),
    ("are all buildings larger than 300 m2?", lambda t, h: bool((h.area > 300).all()), None),
    ("are there more than 70 trees?", lambda t, h: len(t) > 70, None),
    ("are there fewer than 10 trees?", lambda t, h: len(t) < 10, None),
    ("how far is the largest building from the nearest tree?", lambda t, h: t.distance(h.geometry[h.area.idxmax()]).min() / 0.9996, "m"),
]
# fmt: on


@pytest.mark.parametrize(("query", "expected", "unit"), VALUES, ids=[query for query, _, _ in VALUES])
def test_values_are_those_of_geopandas(
    folder: Path, both: gpd.GeoDataFrame, query: str, expected: Any, unit: str | None
) -> None:
    reply = gg.ask(folder / "both.gpkg", query)
    wanted = expected(*frames(both))
    assert reply.value == pytest.approx(wanted, rel=1e-5)
    assert reply.unit == unit
    if isinstance(wanted, bool):
        assert reply.value is wanted
        assert reply.answer.startswith("Yes" if wanted else "No")


def test_what_is_unknown_is_named_and_nothing_is_counted(folder: Path) -> None:
    for query, word in (
        ("how many airplanes?", "airplanes"),
        ("the building closest to the terminal building", "terminal building"),
        ("trees near a wombat", "wombat"),
        ("冰山", "冰山"),
    ):
        reply = gg.ask(folder / "both.gpkg", query)
        assert reply.unknown == (word,)
        assert (reply.value, reply.features) == (None, ())
        assert f"'{word}'" in reply.answer


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("buildings larger than 5 m", "two ways"),
        ("buildings longer than 5 m2", "is an area"),
        ("buildings larger than 200", "unit is missing"),
        ("buildings within -5 m of a tree", "negative"),
        ("ships longer than 50 m and shorter than 30 m", "contradicts itself"),
        ("trees within 5 m of a building and more than 10 m from a building", "contradicts itself"),
        ("buildings taller than 10 m", "height"),
        ("", "empty"),
    ],
)
def test_questions_that_cannot_be_answered_are_refused(folder: Path, tmp_path: Path, query: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        gg.ask(folder / "both.gpkg", query)
    result = CliRunner().invoke(geoground, ["ask", str(folder / "both.gpkg"), query, "-o", str(tmp_path / "o.gpkg")])
    assert result.exit_code == 2
    assert not (tmp_path / "o.gpkg").exists()


def test_layers_that_cannot_be_used_are_refused(folder: Path, tmp_path: Path) -> None:
    far = gpd.GeoDataFrame(geometry=[shapely.box(100, 10, 100.1, 10.1)], crs=4326)
    far.to_file(tmp_path / "far.gpkg")
    far[:0].to_file(tmp_path / "empty.gpkg")
    with pytest.warns(UserWarning, match="'crs' was not provided"):
        gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)]).to_file(tmp_path / "plain.gpkg")
    for name, message in (
        ("far.gpkg", "far away"),
        ("empty.gpkg", "no geometry"),
        ("plain.gpkg", "no coordinate system"),
    ):
        with pytest.raises(InputError, match=message):
            gg.ask(folder / "trees.gpkg", "trees within 5 m of a building", context={"building": tmp_path / name})
    with pytest.raises(InputError, match="no field"):
        gg.ask(folder / "trees.gpkg", "how many trees?", label_field="species")
    with pytest.raises(InputError, match="no such file"):
        gg.ask(folder / "missing.gpkg", "how many trees?")


def test_points_have_no_area(tmp_path: Path) -> None:
    gpd.GeoDataFrame(geometry=shapely.points([[5e5, 5e6], [5e5 + 30, 5e6]]), crs=32633).to_file(tmp_path / "trees.gpkg")
    with pytest.raises(SettingsError, match="has an area"):
        gg.ask(tmp_path / "trees.gpkg", "trees larger than 5 m2")
    assert gg.ask(tmp_path / "trees.gpkg", "trees within 31 m of another tree").value == 2


def test_the_command_writes_the_answer_the_features_and_the_plan(folder: Path, tmp_path: Path) -> None:
    said, out = tmp_path / "a.json", tmp_path / "o.geojson"
    command = [
        "ask",
        str(folder / "trees.gpkg"),
        "which trees stand within 5 m of a building?",
        "--context",
        str(folder / "buildings.gpkg"),
    ]
    result = CliRunner().invoke(geoground, [*command, "--json", str(said), "-o", str(out), "--explain"])
    assert result.exit_code == 0, result.output
    answer = json.loads(said.read_text())
    assert list(answer) == ["answer", "value", "unit", "features", "plan", "steps", "unknown"]
    layer = gpd.read_file(out)
    assert layer["id"].tolist() == answer["features"]
    assert layer.crs.to_epsg() == 4326
    assert answer["steps"][0] == {"step": f"found {TREES} trees", "count": TREES}
    again = gg.ask(
        folder / "trees.gpkg",
        gg.QueryPlan.model_validate(answer["plan"]),
        context={"buildings": folder / "buildings.gpkg"},
    )
    assert list(again.features) == answer["features"]
    assert CliRunner().invoke(geoground, [*command, "--json", str(said)]).exit_code == 5


def test_a_plan_is_printed_and_run(tmp_path: Path) -> None:
    printed = CliRunner().invoke(geoground, ["plan", "ships longer than 3 m not within 20 m of a harbor"])
    assert printed.exit_code == 0
    plan = gg.QueryPlan.read(printed.stdout)
    scene = paint(tmp_path / "s.tif", THINGS)
    asked = gg.ask(scene, plan, model=Painted())
    layer = gg.ground(scene, plan.query, model=Painted(), plans={plan.query: printed.stdout})
    assert len(layer) == asked.value
    assert len(layer) > 0
    assert {"length_m", "distance_m"} <= set(layer.columns)
    (tmp_path / "bad.json").write_text('{"version": 9}')
    refused = CliRunner().invoke(
        geoground, ["run", str(scene), "--plan", str(tmp_path / "bad.json"), "-o", str(tmp_path / "o.gpkg")]
    )
    assert refused.exit_code == 2


def test_a_raster_is_measured_in_metres(tmp_path: Path) -> None:
    """Pixels are 0.5 m; boxes are given in pixels."""
    scene = paint(tmp_path / "s.tif", THINGS)

    def sides(boxes: list[tuple[int, int, int, int]]) -> np.ndarray:
        pixel = abs(gg.Scene.open(scene).transform.a)
        return np.array([(max(x1 - x0, y1 - y0) * pixel, (x1 - x0) * (y1 - y0) * pixel**2) for x0, y0, x1, y1 in boxes])

    long = float(np.median(sides(SHIPS)[:, 0])) + 0.1
    reply = gg.ask(scene, f"how many ships are longer than {long:.2f} m?", model=Painted())
    assert reply.value == int((sides(SHIPS)[:, 0] > long).sum())
    total = gg.ask(scene, "what is the total area of the storage tanks?", model=Painted())
    assert total.value == pytest.approx(sides(TANKS)[:, 1].sum(), rel=2e-3)  # UTM is not true to scale
    two = gg.ask(scene, "ships and harbors", model=Painted())
    assert two.value == len(SHIPS) + len(HARBORS)
    assert sorted(box_px(p) for p in two.layer.geometry) == sorted([*SHIPS, *HARBORS])
    unknown = gg.ask(scene, "the ship closest to the terminal building", model=Painted())
    assert unknown.value in (None, 0)
