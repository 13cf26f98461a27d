"""Pixels that are not square on the ground: a chip shows ground at one scale in both directions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from affine import Affine
from pyproj import Geod

from geogrounding.raster.grid import ChipGrid
from geogrounding.raster.reader import read_chips
from geogrounding.raster.scene import Scene
from geogrounding.raster.stretch import compute_stretch
from geogrounding.raster.tiling import Tiling
from tests.kinds.doors import command, go, polygons
from tests.rasters import write

GEOD = Geod(ellps="WGS84")
ROTATED = Affine.translation(400_000, 5_000_000) @ Affine.rotation(33) @ Affine.scale(0.4, -0.2)


def aspect_of_degrees(latitude: float) -> float:
    """Length of a degree of longitude over one of latitude, on the ellipsoid."""
    east, north = GEOD.inv(0, latitude, 1e-3, latitude)[2], GEOD.inv(0, latitude, 0, latitude + 1e-3)[2]
    return float(east / north)


PLACES: dict[str, tuple[str, Affine, float]] = {
    # CRS, transform, true width of a pixel over its height
    "utm 0.1 x 0.05": ("EPSG:32633", Affine(0.1, 0, 400_000, 0, -0.05, 5_000_000), 2.0),
    "utm 0.05 x 0.1": ("EPSG:32633", Affine(0.05, 0, 400_000, 0, -0.1, 5_000_000), 0.5),
    "degrees at 60 N": ("EPSG:4326", Affine(1e-6, 0, 10, 0, -1e-6, 60.0), aspect_of_degrees(60)),
    "degrees at 75 S": ("EPSG:4326", Affine(1e-6, 0, -60, 0, 1e-6, -75.0), aspect_of_degrees(-75)),
    "rotated 0.4 x 0.2": ("EPSG:32633", ROTATED, 2.0),
    "feet, 3 x 1": ("EPSG:2263", Affine(3, 0, 980_000, 0, -1, 200_000), 3.0),
}


def scene_with(tmp_path: Path, place: str, *, overviews: tuple[int, ...] = ()) -> tuple[Path, list[shapely.Polygon]]:
    """A scene with bright rectangles of different shapes, and where they lie in its CRS."""
    crs, transform, _ = PLACES[place]
    pixels = np.full((3, 260, 300), 30, np.uint8)
    boxes = [(10, 20, 40, 70), (130, 100, 142, 104), (120, 150, 190, 170), (220, 30, 280, 90), (60, 200, 64, 240)]
    for x0, y0, x1, y1 in boxes:
        pixels[:, y0:y1, x0:x1] = 220
    path = write(tmp_path / "scene.tif", pixels, crs=crs, transform=transform, overviews=overviews)
    corners = [[transform @ (x, y) for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))] for x0, y0, x1, y1 in boxes]
    return path, [shapely.Polygon(corner) for corner in corners]


@pytest.mark.parametrize("place", PLACES)
def test_the_aspect_of_a_pixel_is_measured_on_the_ground(tmp_path: Path, place: str) -> None:
    path, _ = scene_with(tmp_path, place)
    with Scene.open(path) as scene:
        width_m, height_m = scene.pixel_size.x_m, scene.pixel_size.y_m
        assert width_m is not None
        assert height_m is not None
        assert width_m / height_m == pytest.approx(PLACES[place][2], rel=2e-3)
        assert scene.ground_resolution_m == min(width_m, height_m)


@pytest.mark.parametrize("overviews", [(), (2, 4)])
@pytest.mark.parametrize("scale", [1.0, 2.0, 5.3])
@pytest.mark.parametrize("place", PLACES)
def test_chips_show_one_scale_in_both_directions(
    tmp_path: Path, place: str, scale: float, overviews: tuple[int, ...]
) -> None:
    path, _ = scene_with(tmp_path, place, overviews=overviews)
    with Scene.open(path) as scene:
        aspect = scene.pixel_size.aspect
        grid = ChipGrid(
            scene.width,
            scene.height,
            tiling=Tiling(tile_size_px=64, overlap_px=16, scales=(scale,)),
            pixel_aspect=aspect,
        )
        assert scene.pixel_size.x_m is not None
        assert scene.pixel_size.y_m is not None
        for image in read_chips(scene, grid, compute_stretch(scene)):
            scale_x, scale_y = image.chip.scale
            shown_m = scale_x * scene.pixel_size.x_m, scale_y * scene.pixel_size.y_m
            # The last column of pixels is shared out over all: less than half a chip pixel over the whole side.
            whole = min(grid.level_size_px(0))
            assert shown_m[0] == pytest.approx(shown_m[1], rel=1.2 / whole)
            assert image.pixels is not None
            assert image.pixels.shape[:2] == image.chip.size_px[::-1]


@pytest.mark.parametrize("place", PLACES)
def test_objects_are_found_where_they_lie(tmp_path: Path, place: str) -> None:
    path, truth = scene_with(tmp_path, place)
    go(path, tmp_path / "out.gpkg")
    found = polygons(tmp_path / "out.gpkg")
    assert len(found) == len(truth)
    for polygon in truth:
        overlap = max(polygon.intersection(one).area / polygon.union(one).area for one in found)
        # One row of chip pixels more or less on the thinnest rectangle, which is 4 scene pixels high.
        assert overlap > 0.6


@pytest.mark.parametrize("resolution", [0.2, 0.5])
def test_a_resolution_asked_for_is_that_of_both_axes(tmp_path: Path, resolution: float) -> None:
    path, truth = scene_with(tmp_path, "utm 0.1 x 0.05")
    go(path, tmp_path / "out.gpkg", resolution_m=resolution)
    assert json.loads((tmp_path / "out.gpkg.run.json").read_text())["grid"]["pixel_aspect"][1] == 1.0
    assert len(polygons(tmp_path / "out.gpkg")) >= len(truth) - 2  # two are thinner than half a metre


def test_an_area_far_from_the_centre_has_its_own_aspect(tmp_path: Path) -> None:
    """A degree at 50 N is wider than at 70 N: the aspect is that of the area, not of the middle of the scene."""
    transform = Affine(0.01, 0, 5, 0, -0.01, 72.0)
    path = write(tmp_path / "north.tif", np.full((3, 2400, 200), 30, np.uint8), crs="EPSG:4326", transform=transform)
    with Scene.open(path) as scene:
        north = scene.pixel_size_near((0, 100, 200, 300)).aspect[1]
        south = scene.pixel_size_near((0, 2100, 200, 2300)).aspect[1]
    assert north == pytest.approx(np.cos(np.radians(70)), rel=0.01)
    assert south == pytest.approx(np.cos(np.radians(50)), rel=0.01)


def test_info_reports_both_sizes(tmp_path: Path) -> None:
    path, _ = scene_with(tmp_path, "utm 0.1 x 0.05")
    facts = json.loads(_info(path, "--json"))
    assert facts["pixel_size_m"] == pytest.approx([0.1, 0.05], rel=2e-3)
    assert facts["square_pixels"] is False
    assert "0.1 x 0.05" in _info(path)


def test_the_preview_shows_the_ground_without_stretch(tmp_path: Path) -> None:
    from PIL import Image

    path, _ = scene_with(tmp_path, "degrees at 60 N")
    go(path, tmp_path / "out.gpkg", preview=tmp_path / "out.png")
    pixels = np.asarray(Image.open(tmp_path / "out.png").convert("L")).astype(int)
    # 300 columns of half the length of 260 rows: the image is 1.73 times as high as wide, above its legend.
    with Scene.open(path) as scene:
        raw, _ = scene.read_decimated(900)
    assert raw.shape[1] / raw.shape[2] == pytest.approx(260 / 150, rel=0.02)
    assert pixels.shape[0] > pixels.shape[1]


def _info(path: Path, *options: str) -> str:
    result = command("info", path, *options)
    assert result.exit_code == 0, result.output
    return result.output
