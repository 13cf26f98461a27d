"""Longitudes in any wrap: scenes, areas, boxes and results meet where the Earth meets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine
from pyproj import Transformer

from geogrounding.errors import AreaError
from geogrounding.execution.area import resolve_area
from geogrounding.raster.scene import Scene
from tests.blobs import write_scene
from tests.kinds.doors import command, go, polygons

DEGREE = 1e-5
BLOBS = ((20, 20, 40, 40), (180, 50, 200, 70), (250, 150, 280, 170))
WIDTH, HEIGHT = 300, 200
SOUTH = -16.0


def scene_at(tmp_path: Path, west: float) -> Path:
    """A scene of 300 x 200 pixels of 1e-5 degrees whose left edge is at a longitude, in whatever wrap."""
    return write_scene(
        tmp_path / "scene.tif", BLOBS, crs="EPSG:4326", transform=Affine(DEGREE, 0, west, 0, -DEGREE, SOUTH)
    )


def box_of(west: float, x0: int, x1: int) -> tuple[float, float, float, float]:
    """A box over columns of that scene, a little more than its height."""
    return west + x0 * DEGREE, SOUTH - (HEIGHT + 5) * DEGREE, west + x1 * DEGREE, SOUTH + 5 * DEGREE


@pytest.mark.parametrize("turns", [-2, -1, 1, 2])
@pytest.mark.parametrize("west", [200.0, -170.0, 10.0, 359.999, 179.9985, -180.0015])
def test_a_box_meets_the_scene_in_any_wrap(tmp_path: Path, west: float, turns: int) -> None:
    xmin, ymin, xmax, ymax = box_of(west, 170, 210)
    with Scene.open(scene_at(tmp_path, west)) as scene:
        area = resolve_area(scene, bbox=(xmin + 360 * turns, ymin, xmax + 360 * turns, ymax), bbox_crs="EPSG:4326")
    assert area.window_scene_px == (170, 0, 210, 200)
    assert area.notices == ()


@pytest.mark.parametrize("west", [179.9985, -180.0015])
def test_west_may_be_larger_than_east(tmp_path: Path, west: float) -> None:
    """RFC 7946, 5.2: a box from 179.999 to -179.999 crosses the antimeridian."""
    path = scene_at(tmp_path, west)
    with Scene.open(path) as scene:
        area = resolve_area(scene, bbox=(179.9995, -17.0, -179.9995, -15.0), bbox_crs="EPSG:4326")
    assert area.window_scene_px == (100, 0, 200, 200)
    shown = command("info", path, "--bbox", "179.9995,-17,-179.9995,-15", "--bbox-crs", "EPSG:4326")
    assert shown.exit_code == 0, shown.output


@pytest.mark.parametrize("crs", ["EPSG:3460", "EPSG:32760", "EPSG:32701", "EPSG:3832"])
def test_west_larger_than_east_over_a_projected_scene(tmp_path: Path, crs: str) -> None:
    x, y = Transformer.from_crs(4326, crs, always_xy=True).transform(180.0, -16.8)
    path = write_scene(tmp_path / "fiji.tif", BLOBS, crs=crs, transform=Affine(0.5, 0, x - 75, 0, -0.5, y + 50))
    with Scene.open(path) as scene:
        area = resolve_area(scene, bbox=(179.9999, -16.9, -179.9999, -16.7), bbox_crs="EPSG:4326")
    x0, y0, x1, y1 = area.window_scene_px
    # 0.0002 degrees of longitude are about 21 m, 42 pixels, around the middle column.
    assert (x1 - x0) == pytest.approx(43, abs=4)
    assert (x0 + x1) / 2 == pytest.approx(150, abs=3)
    assert (y0, y1) == (0, HEIGHT)


def areas(*shapes: Any) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=list(shapes), crs=4326)


@pytest.mark.parametrize("west", [179.998, -180.002])
def test_an_area_split_at_180_is_one_area(tmp_path: Path, west: float) -> None:
    path = scene_at(tmp_path, west)  # 180 degrees is its column 200
    halves = [shapely.box(179.999, -17, 180, -15), shapely.box(-180, -17, -179.9995, -15)]
    areas(shapely.MultiPolygon(halves)).to_file(tmp_path / "split.geojson")
    areas(*halves).to_file(tmp_path / "two.gpkg")
    areas(shapely.box(179.999, -17, 180.0005, -15)).to_file(tmp_path / "past.gpkg")
    areas(shapely.box(-180.001, -17, -179.9995, -15)).to_file(tmp_path / "before.gpkg")
    with Scene.open(path) as scene:
        for name in ("split.geojson", "two.gpkg", "past.gpkg", "before.gpkg"):
            area = resolve_area(scene, aoi=tmp_path / name)
            assert area.window_scene_px == (100, 0, 250, 200), name
            assert area.shape_scene_px is not None
            assert area.shape_scene_px.area == pytest.approx(150 * 200, rel=1e-6)
    go(path, tmp_path / "out.gpkg", aoi=tmp_path / "split.geojson")
    assert len(polygons(tmp_path / "out.gpkg")) == 1  # columns 180 to 200


def test_an_area_that_jumps_across_180_meets_a_scene_that_only_so_touches_it(tmp_path: Path) -> None:
    """Not split, as RFC 7946 wants it, but drawn from 179.999 to -179.9995."""
    path = scene_at(tmp_path, 180.0001)
    ring = [(179.999, -17), (-179.999, -17), (-179.999, -15), (179.999, -15)]
    areas(shapely.Polygon(ring)).to_file(tmp_path / "jump.gpkg")
    with Scene.open(path) as scene:
        assert resolve_area(scene, aoi=tmp_path / "jump.gpkg").window_scene_px == (0, 0, 90, 200)


def test_an_area_as_large_as_a_country_over_a_projected_scene(tmp_path: Path) -> None:
    """Parts of it lie where the projection of the scene is not defined."""
    path = write_scene(tmp_path / "scene.tif", BLOBS)
    areas(shapely.box(-180, -89, 180, 89)).to_file(tmp_path / "world.gpkg")
    with Scene.open(path) as scene:
        assert resolve_area(scene, aoi=tmp_path / "world.gpkg").window_scene_px == (0, 0, 300, 200)


def test_a_global_scene_of_0_to_360(tmp_path: Path) -> None:
    path = write_scene(
        tmp_path / "globe.tif", (), width=360, height=180, crs="EPSG:4326", transform=Affine(1, 0, 0, 0, -1, 90)
    )
    with Scene.open(path) as scene:
        area = resolve_area(scene, bbox=(-20, -10, 10, 10), bbox_crs="EPSG:4326")
        assert area.shape_scene_px is not None or area.window_scene_px == (0, 80, 360, 100)
        assert area.shape_scene_px is None or area.shape_scene_px.area == pytest.approx(30 * 20)
        mercator = resolve_area(scene, bbox=(-2_226_390, -1_118_890, -1_113_195, 1_118_890), bbox_crs="EPSG:3857")
        assert mercator.window_scene_px == (340, 80, 350, 100)


@pytest.mark.parametrize("west", [200.0, 359.999, 179.9985])
def test_results_lie_in_the_usual_wrap(tmp_path: Path, west: float) -> None:
    path = scene_at(tmp_path, west)
    go(path, tmp_path / "out.geojson")
    found = polygons(tmp_path / "out.geojson")
    assert len(found) == len(BLOBS)
    bounds = np.array([shape.bounds for shape in found])
    assert bounds[:, [0, 2]].min() >= -180
    assert bounds[:, [0, 2]].max() <= 180


def test_a_box_elsewhere_still_misses(tmp_path: Path) -> None:
    with Scene.open(scene_at(tmp_path, 200.0)) as scene, pytest.raises(AreaError, match="does not touch"):
        resolve_area(scene, bbox=(20, -17, 21, -15), bbox_crs="EPSG:4326")
