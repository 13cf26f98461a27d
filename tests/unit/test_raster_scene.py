"""Where scenes lie, which bands they show, and which are refused for want of a place."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image
from pyproj import CRS, Geod, Transformer
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp, Resampling

from geogrounding.errors import MissingCRSError, SceneError, SettingsError
from geogrounding.raster.grid import ChipGrid
from geogrounding.raster.reader import read_chips
from geogrounding.raster.scene import Scene
from geogrounding.raster.stretch import compute_stretch
from geogrounding.raster.tiling import Tiling
from tests.rasters import NORTH_UP, noise, write

RGB = noise((3, 96, 128))


@pytest.mark.parametrize(
    ("crs", "transform", "metres"),
    [
        ("EPSG:32633", NORTH_UP, 0.5),
        ("EPSG:4326", Affine(1e-5, 0, 10, 0, -1e-5, 60), None),
        ("EPSG:2263", Affine(2, 0, 980_000, 0, -2, 200_000), 2 * 0.3048006),
        ("EPSG:3857", Affine(1, 0, 1e6, 0, -1, 8_399_737.9), math.cos(math.radians(60))),
        ("EPSG:9518", Affine(1e-5, 0, 10, 0, -1e-5, 60), None),
        ("+proj=laea +lat_0=45 +lon_0=9 +datum=WGS84", Affine(3, 0, 0, 0, -3, 0), 3),
        ("+proj=eqc +R=1737400", Affine(100, 0, 0, 0, -100, 0), 100),
        ("EPSG:32633", Affine(0.5, 0, 400_000, 0, 0.5, 5_000_000), 0.5),
        ("EPSG:32633", Affine(0.3, 0.4, 400_000, 0.4, -0.3, 5_000_000), 0.5),
    ],
)
def test_ground_resolution_in_any_coordinate_system(
    tmp_path: Path, crs: str, transform: Affine, metres: float | None
) -> None:
    path = write(tmp_path / "scene.tif", RGB, crs=CRS(crs).to_wkt(), transform=transform)
    if metres is None:
        geod = Geod(ellps="WGS84")
        steps = [geod.inv(10, 60, 10 + 1e-5, 60)[2], geod.inv(10, 60, 10, 60 + 1e-5)[2]]
        metres = min(steps)  # the finer side of pixels that are not square
    with Scene.open(path) as scene:
        assert scene.crs is not None
        assert scene.transform.almost_equals(transform)
        assert scene.ground_resolution_m == pytest.approx(metres, rel=2e-3)


def test_custom_and_compound_systems_survive(tmp_path: Path) -> None:
    for number, text in enumerate(("EPSG:9518", "+proj=tmerc +lat_0=1 +lon_0=2 +k=0.9 +x_0=5 +ellps=bessel")):
        wanted = CRS(text)
        with Scene.open(write(tmp_path / f"{number}.tif", RGB, crs=wanted.to_wkt())) as scene:
            assert scene.crs is not None
            there = Transformer.from_crs(wanted.to_2d(), scene.crs.to_2d(), always_xy=True)
            assert there.transform(12.5, 41.0) == pytest.approx((12.5, 41.0), abs=1e-9)
            assert len(scene.crs.sub_crs_list) == len(wanted.sub_crs_list)


def test_a_missing_coordinate_system_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    path = write(tmp_path / "plain.tif", RGB, crs=None, transform=None)
    with pytest.raises(MissingCRSError) as caught:
        Scene.open(path)
    assert "--pixel-coordinates" in caught.value.hint
    with Scene.open(path, pixel_coordinates=True) as scene:
        assert scene.crs is None
        assert scene.transform == Affine.identity()
        assert scene.ground_resolution_m is None


def test_a_coordinate_system_without_a_transform_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="no transform"):
        Scene.open(write(tmp_path / "nowhere.tif", RGB, transform=None))


@pytest.mark.parametrize(
    "transform", [Affine(1, 1, 0, 1, 1, 0), Affine(math.nan, 0, 0, 0, -1, 0), Affine(1, 0, math.inf, 0, -1, 0)]
)
def test_flat_and_infinite_transforms_are_errors(tmp_path: Path, transform: Affine) -> None:
    with pytest.raises(SceneError, match=r"flat|finite|transform"):
        Scene.open(write(tmp_path / "bad.tif", RGB, transform=transform))


def test_pixel_coordinates_of_a_placed_scene(tmp_path: Path) -> None:
    with Scene.open(write(tmp_path / "scene.tif", RGB), pixel_coordinates=True) as scene:
        assert (scene.crs, scene.transform) == (None, Affine.identity())
        assert scene.ground_resolution_m == pytest.approx(0.5, rel=2e-3)


def test_ground_control_points_become_a_regular_grid(tmp_path: Path) -> None:
    height, width = RGB.shape[1:]
    points = [
        GroundControlPoint(row, column, 10 + column * 1e-4, 50 - row * 1e-4)
        for row, column in ((0, 0), (0, width), (height, 0), (height, width))
    ]
    path = write(tmp_path / "gcps.tif", RGB, transform=None, crs="EPSG:4326", gcps=points)
    with Scene.open(path) as scene:
        assert scene.warped
        assert scene.crs == CRS("EPSG:4326")
        assert scene.transform.c == pytest.approx(10, abs=1e-4)
        assert scene.transform.f == pytest.approx(50, abs=1e-4)
        assert scene.transform.a == pytest.approx(1e-4, rel=0.02)
        grid = ChipGrid(scene.width, scene.height, tiling=Tiling(tile_size_px=64, overlap_px=8))
        images = list(read_chips(scene, grid, compute_stretch(scene)))
        assert all(image.error is None and image.pixels is not None for image in images)
    with Scene.open(path, pixel_coordinates=True) as scene:
        assert not scene.warped
        assert (scene.width, scene.height) == (width, height)


def test_a_rotated_grid_of_control_points_has_empty_corners_that_are_not_data(tmp_path: Path) -> None:
    size = 128
    points = [GroundControlPoint(r, c, 10 + (c - r) * 1e-4, 50 - (c + r) * 1e-4) for r in (0, size) for c in (0, size)]
    path = write(tmp_path / "turned.tif", noise((3, size, size), low=100), transform=None, crs="EPSG:4326", gcps=points)
    with Scene.open(path) as scene:
        grid = ChipGrid(scene.width, scene.height, tiling=Tiling(tile_size_px=32, overlap_px=0))
        shares = [image.valid_share for image in read_chips(scene, grid, compute_stretch(scene))]
        assert min(shares) == 0
        assert max(shares) == 1


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp"])
def test_plain_images_in_pixel_coordinates(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"image{suffix}"
    gradient = np.linspace(0, 255, 300, dtype=np.uint8)
    values = np.stack(
        [np.tile(gradient, (200, 1)), np.tile(gradient[::-1], (200, 1)), np.full((200, 300), 90, np.uint8)], -1
    )
    options: dict[str, Any] = {"lossless": True} if suffix == ".webp" else {}
    Image.fromarray(values).save(path, **options)
    with pytest.raises(MissingCRSError):
        Scene.open(path)
    with Scene.open(path, pixel_coordinates=True) as scene:
        grid = ChipGrid(scene.width, scene.height, tiling=Tiling(tile_size_px=128, overlap_px=16, scales=(1, 3)))
        for image in read_chips(scene, grid, compute_stretch(scene)):
            assert image.pixels is not None
            if image.chip.level == 0:
                x0, y0, x1, y1 = (int(v) for v in image.chip.window_scene_px)
                tolerance = 12 if suffix == ".jpg" else 0
                difference = image.pixels.astype(int) - values[y0:y1, x0:x1].astype(int)
                assert np.abs(difference).max() <= tolerance


def test_bands_by_colour_by_wish_and_by_order(tmp_path: Path) -> None:
    six = noise((6, 40, 50), "uint16", high=4000)
    path = write(tmp_path / "six.tif", six, photometric="minisblack")
    with Scene.open(path) as scene:
        assert scene.bands == (1, 2, 3)
        assert scene.band_count == 6
    with Scene.open(path, bands=(5, 3, 1)) as scene:
        assert scene.bands == (5, 3, 1)
        raw, valid = scene.read_raw()
        assert valid is None
        assert np.array_equal(raw, six[[4, 2, 0]])
    with Scene.open(path, bands=[4]) as scene:
        assert scene.bands == (4,)
    with Scene.open(write(tmp_path / "two.tif", six[:2])) as scene:
        assert scene.bands == (1,)
    for wrong in ((1, 2), (7, 1, 2), (0,), ()):
        with pytest.raises(SettingsError, match="band"):
            Scene.open(path, bands=wrong)


def test_band_order_follows_colour_interpretation(tmp_path: Path) -> None:
    path = write(tmp_path / "bgr.tif", RGB, photometric="minisblack")
    with rasterio.open(path, "r+") as dataset:
        dataset.colorinterp = [ColorInterp.blue, ColorInterp.green, ColorInterp.red]
    with Scene.open(path) as scene:
        assert scene.bands == (3, 2, 1)


def test_complex_values_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "radar.tif", noise((1, 32, 32)).astype("complex64"))
    with pytest.raises(SceneError, match="complex"):
        Scene.open(path)


def test_the_fingerprint_follows_the_data(tmp_path: Path) -> None:
    path = write(tmp_path / "scene.tif", noise((3, 400, 400)), compress="none")
    with Scene.open(path) as scene:
        before = scene.fingerprint
    with Scene.open(path, bands=[1]) as scene:
        assert scene.fingerprint == before
    stamp = path.stat()
    data = bytearray(path.read_bytes())
    data[-10] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    with Scene.open(path) as scene:
        assert scene.fingerprint != before


def test_overviews_are_found_inside_and_beside_the_file(tmp_path: Path) -> None:
    inside = write(tmp_path / "inside.tif", noise((3, 512, 600)), overviews=(2, 4))
    beside = write(tmp_path / "beside.tif", noise((3, 512, 600)))
    with rasterio.Env(TIFF_USE_OVR=True), rasterio.open(beside, "r+") as dataset:
        dataset.build_overviews([2, 4], Resampling.average)
    assert beside.with_name("beside.tif.ovr").exists()
    for path in (inside, beside):
        with Scene.open(path) as scene:
            assert scene.overview_factors == (2, 4)
            assert scene.source_for((1.9, 1.9)).width == 600
            assert scene.source_for((2.0, 2.0)).width == 300
            assert scene.source_for((100, 100)).width == 150


def test_open_options_that_the_reader_needs_itself_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "scene.tif", RGB)
    with Scene.open(path, open_options={"num_threads": "2"}) as scene:
        assert scene.width == 128
    with pytest.raises(SettingsError, match="OVERVIEW_LEVEL"):
        Scene.open(path, open_options={"overview_level": "0"})


@pytest.mark.parametrize(
    ("driver", "suffix", "options"), [("HFA", ".img", {}), ("ENVI", ".dat", {}), ("NITF", ".ntf", {"ICORDS": "N"})]
)
def test_formats_other_than_tiff(tmp_path: Path, driver: str, suffix: str, options: dict[str, str]) -> None:
    array = noise((3, 70, 90))
    path = tmp_path / f"scene{suffix}"
    kind = {"driver": driver, "count": 3, "height": 70, "width": 90, "dtype": "uint8", "crs": "EPSG:32633"}
    with rasterio.open(path, "w", transform=NORTH_UP, **kind, **options) as dataset:
        dataset.write(array)
    with Scene.open(path) as scene:
        assert scene.driver == driver
        assert scene.ground_resolution_m == pytest.approx(0.5, rel=0.02)
        assert np.array_equal(scene.read_raw()[0], array)
