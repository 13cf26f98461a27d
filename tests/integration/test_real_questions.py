"""The nine questions that a new user asked, of the built-in model on real scenes: right, or named what they lack.

What is right is computed from the outlines of the classes, which the same run is asked for, by shapely and geopandas.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from PIL import Image

import geogrounding as gg

AIRPORT = (
    "airplanes",
    "airplanes longer than 40 m",
    "how many airplanes",
    "all airplanes except the largest",
    "the airplane closest to the terminal building",
    "planes parked next to each other",
)
TOWN = (
    "buildings",
    "trees",
    "buildings larger than 200 m2",
    "the largest building within 50 m of a tree",
    "the building nearest the northeast corner",
    "building with red roof",
)
NEAR_LIMIT = 0.002
"""Share by which the plane of UTM and the ellipsoid may differ in an area."""


class Asked:
    """What one run answered: the layer, and the answers by question."""

    def __init__(self, layer: Path) -> None:
        self.layer = gpd.read_file(layer)
        self.described = layer.with_name(f"{layer.name}.run.json").read_text()
        self.answers: dict[str, Any] = json.loads(self.described)["result"]["answers"]

    def shapes(self, query: str) -> gpd.GeoSeries:
        """The outlines that a question chose."""
        return gpd.GeoSeries(self.layer[self.layer["query"] == query].geometry.reset_index(drop=True))


def asked_about(
    image: Path, window: tuple[int, int, int], pixel_m: float, queries: tuple[str, ...], folder: Path
) -> Asked:
    """Ask about a square (x, y, side) of an image, placed in UTM."""
    x, y, side = window
    scene = folder / "scene.tif"
    with Image.open(image) as opened:
        pixels = np.moveaxis(np.asarray(opened.convert("RGB"))[y : y + side, x : x + side], 2, 0)
    grid = Affine(pixel_m, 0, 500_000, 0, -pixel_m, 6_580_000)
    size: dict[str, Any] = {"width": pixels.shape[2], "height": pixels.shape[1], "count": 3}
    with rasterio.open(scene, "w", driver="GTiff", dtype="uint8", crs="EPSG:32635", transform=grid, **size) as out:
        out.write(pixels)
    layer = folder / "answers.gpkg"
    gg.run(scene, layer, *queries, model="builtin")
    return Asked(layer)


@pytest.fixture(scope="module")
def airport(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    image = shared_data / "airbus-aircraft" / "images" / "dacabde6-c8a7-475b-ab26-81b4e4dd5977.jpg"
    labels = json.loads((shared_data / "airbus-aircraft" / "test.json").read_text())
    number = next(one["id"] for one in labels["images"] if one["file_name"] == image.name)
    boxes = np.array([one["bbox"] for one in labels["annotations"] if one["image_id"] == number])
    corners = np.clip(boxes[:, :2] - 400, 0, 2560 - 800).astype(int)
    held = ((boxes[:, :2] > corners[:, None]) & (boxes[:, :2] < corners[:, None] + 760)).all(axis=2).sum(axis=1)
    x, y = corners[held.argmax()]  # where most are
    return asked_about(image, (int(x), int(y), 800), 0.5, AIRPORT, tmp_path_factory.mktemp("airport"))


@pytest.fixture(scope="module")
def town(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    image = shared_data / "estonia-ortho" / "images" / "20cm-image-0-01-05.jpg"
    return asked_about(image, (0, 0, 640), 0.2, TOWN, tmp_path_factory.mktemp("town"))


def lengths(shapes: gpd.GeoSeries) -> np.ndarray:
    """The longer sides of boxes, in metres."""
    around = shapely.bounds(shapes.to_numpy())
    return np.asarray(np.maximum(around[:, 2] - around[:, 0], around[:, 3] - around[:, 1]))


def same(one: gpd.GeoSeries, other: gpd.GeoSeries) -> bool:
    """Whether two sets of outlines are the same ones."""
    return sorted(np.round(one.bounds.to_numpy(), 2).tolist()) == sorted(np.round(other.bounds.to_numpy(), 2).tolist())


def test_airplanes_longer_than_40_m(airport: Asked) -> None:
    airplanes = airport.shapes("airplanes")
    length = lengths(airplanes)
    assert len(airplanes) >= 5
    assert not (np.abs(length - 40) < 40 * NEAR_LIMIT).any()
    assert same(airport.shapes("airplanes longer than 40 m"), airplanes[length > 40])


def test_how_many_airplanes(airport: Asked) -> None:
    answer, count = airport.answers["how many airplanes"], len(airport.shapes("airplanes"))
    assert (answer["value"], answer["unknown"]) == (count, [])
    assert answer["answer"].startswith("There ")


def test_all_airplanes_except_the_largest(airport: Asked) -> None:
    airplanes = airport.shapes("airplanes")
    assert same(airport.shapes("all airplanes except the largest"), airplanes.drop(airplanes.area.idxmax()))


def test_the_airplane_closest_to_the_terminal_building_says_what_it_lacks(airport: Asked) -> None:
    query = "the airplane closest to the terminal building"
    answer = airport.answers[query]
    assert (answer["unknown"], answer["value"]) == (["terminal building"], None)
    assert "'terminal building' is not known here, nothing was searched for it" in answer["answer"]
    assert "'terminal building' is not known to the built-in model; nothing was searched for it" in airport.described
    assert airport.shapes(query).empty


def test_planes_parked_next_to_each_other(airport: Asked) -> None:
    airplanes = airport.shapes("airplanes")
    shapes = airplanes.to_numpy()
    apart = shapely.distance(shapes[:, None], shapes[None])
    size = np.sqrt(airplanes.area.to_numpy())
    usual = np.sqrt(size[:, None] * size[None])  # "next to" is a gap of half the size of the two
    np.fill_diagonal(apart, np.inf)
    assert not (np.abs(apart / usual - 0.5) < NEAR_LIMIT).any()
    beside = (apart <= 0.5 * usual).any(axis=1)
    assert same(airport.shapes("planes parked next to each other"), airplanes[beside])


def test_buildings_larger_than_200_m2(town: Asked) -> None:
    buildings = town.shapes("buildings")
    assert len(buildings) >= 10
    assert not (np.abs(buildings.area - 200) < 200 * NEAR_LIMIT).any()
    assert same(town.shapes("buildings larger than 200 m2"), buildings[buildings.area > 200])


def test_the_largest_building_within_50_m_of_a_tree(town: Asked) -> None:
    query, trees = "the largest building within 50 m of a tree", town.shapes("trees")
    chosen = town.shapes(query)
    if trees.empty:  # the answer is right about what was found, and says that no tree was
        assert chosen.empty
        assert "no trees were found" in town.answers[query]["answer"]
    else:
        buildings = town.shapes("buildings")
        near = buildings[buildings.distance(trees.union_all()) <= 50]
        assert same(chosen, near[near.index == near.area.idxmax()])


def test_the_building_nearest_the_northeast_corner(town: Asked) -> None:
    buildings = town.shapes("buildings")
    corner = shapely.Point(500_200, 6_580_000)
    nearest = buildings.distance(corner).idxmin()
    assert same(town.shapes("the building nearest the northeast corner"), buildings[buildings.index == nearest])


def test_building_with_red_roof(town: Asked) -> None:
    """Two roofs of the scene are red, a house and its shed; an orange one and brown ones are not."""
    chosen = town.shapes("building with red roof")
    assert len(chosen) == 2
    seen = [((box.centroid.x - 500_000) / 0.2, (6_580_000 - box.centroid.y) / 0.2) for box in chosen]
    assert sorted(seen) == [pytest.approx((380, 503), abs=25), pytest.approx((448, 420), abs=25)]


def test_questions_about_the_scene_of_the_project(example_scene: Path, tmp_path: Path) -> None:
    queries = (
        "trees",
        "how many trees are there?",
        "the widest tree",
        "trees within 2 m of another tree",
        "trees near the pagoda",
    )
    gg.run(example_scene, tmp_path / "answers.gpkg", *queries, model="builtin")
    asked = Asked(tmp_path / "answers.gpkg")
    trees = asked.shapes("trees")
    assert asked.answers["how many trees are there?"]["value"] == len(trees) > 5
    around = shapely.bounds(trees.to_numpy())
    width = np.minimum(around[:, 2] - around[:, 0], around[:, 3] - around[:, 1])
    assert same(asked.shapes("the widest tree"), trees[width == width.max()])
    apart = shapely.distance(trees.to_numpy()[:, None], trees.to_numpy()[None])
    np.fill_diagonal(apart, np.inf)
    assert same(asked.shapes("trees within 2 m of another tree"), trees[(apart <= 2).any(axis=1)])
    assert asked.answers["trees near the pagoda"]["unknown"] == ["pagoda"]
    assert asked.shapes("trees near the pagoda").empty
