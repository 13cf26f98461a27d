"""Scene, Tiling and ChipGrid by hand, as users of rasterio would use them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.features
import shapely
from affine import Affine
from shapely.geometry import shape

import geogrounding as gg
from geogrounding.errors import AreaError, SettingsError
from tests.blobs import UTM, write_scene
from tests.rasters import noise, write

BLOBS = [(20, 30, 60, 50), (150, 100, 170, 160), (100, 40, 140, 80)]
ROTATED = Affine.translation(500_000, 4_600_000) @ Affine.rotation(30) @ Affine.scale(0.5, -0.5)


@pytest.fixture(params=[UTM, ROTATED], ids=["north up", "rotated"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_scene(tmp_path / "scene.tif", BLOBS, transform=request.param)


def test_bounds_shape_and_res_are_those_of_rasterio(path: Path) -> None:
    with gg.Scene.open(path) as scene, rasterio.open(path) as dataset:
        assert scene.shape == dataset.shape
        assert scene.res == pytest.approx((0.5, 0.5))
        corners = [dataset.transform @ corner for corner in ((0, 0), (300, 0), (300, 200), (0, 200))]
        xs, ys = zip(*corners, strict=True)
        assert scene.bounds == pytest.approx((min(xs), min(ys), max(xs), max(ys)))
        outline = shape(scene)
        assert outline.equals_exact(shapely.Polygon(corners), 1e-6) or outline.equals(shapely.Polygon(corners))
        assert shapely.area(outline) == pytest.approx(300 * 200 * 0.25)


def test_read_gives_pixels_and_mask(tmp_path: Path) -> None:
    array = noise((3, 90, 120))
    array[:, :10] = 0
    path = write(tmp_path / "scene.tif", array, nodata=0)
    with gg.Scene.open(path) as scene:
        rgb, mask = scene.read()
        assert np.array_equal(rgb, array.transpose(1, 2, 0))
        assert np.array_equal(mask, (array > 0).any(axis=0))
        part, part_mask = scene.read((5, 8, 25, 40))
        assert np.array_equal(part, rgb[8:40, 5:25])
        assert np.array_equal(part_mask, mask[8:40, 5:25])
        x, y = scene.transform @ (5, 8)
        boxed, _ = scene.read(bbox_crs=(x, y - 16, x + 10, y))
        assert np.array_equal(boxed, part)
        small, _ = scene.read(out_shape=(9, 12))
        assert small.shape == (9, 12, 3)
        clipped, _ = scene.read((-5, -5, 10, 12))
        assert np.array_equal(clipped, rgb[:12, :10])


def test_read_stretches_other_types(tmp_path: Path) -> None:
    values = np.linspace(0, 1, 60 * 80, dtype=np.float32).reshape(1, 60, 80)
    with gg.Scene.open(write(tmp_path / "float.tif", values)) as scene:
        rgb, _ = scene.read()
        assert rgb.shape == (60, 80, 3)
        assert rgb.min() == 0
        assert rgb.max() == 255
        plain, _ = scene.read(stretch=gg.compute_stretch(scene, "0,1"))
        assert np.abs(plain[:, :, 0] - np.rint(values[0] * 255)).max() <= 1


@pytest.mark.parametrize(
    ("window", "bbox", "error"),
    [
        ((0, 0, 0, 5), None, AreaError),
        ((400, 0, 500, 5), None, AreaError),
        (None, (0.0, 0.0, 1.0, 1.0), AreaError),
        (None, (float("nan"), 0.0, 1.0, 1.0), AreaError),
        ((0, 0, 5, 5), (500_000.0, 4_599_990.0, 500_010.0, 4_600_000.0), SettingsError),
    ],
)
def test_windows_that_miss_are_refused(
    path: Path,
    window: tuple[int, int, int, int] | None,
    bbox: tuple[float, float, float, float] | None,
    error: type[Exception],
) -> None:
    with gg.Scene.open(path) as scene, pytest.raises(error):
        scene.read(window, bbox_crs=bbox)


def test_a_grid_by_hand_finds_what_a_run_finds(path: Path) -> None:
    """Iterate chips, look at their pixels, and place boxes on the ground: five lines without a model."""
    found: list[Any] = []
    with gg.Scene.open(path) as scene:
        grid = scene.grid(gg.Tiling(tile_size_px=100, overlap_px=80))
        for image in gg.read_chips(scene, grid, scene.stretch):
            assert image.pixels is not None
            bright = (image.pixels.max(axis=2) > 128).astype(np.uint8)
            for geometry, _ in rasterio.features.shapes(bright, mask=bright > 0):
                x0, y0, x1, y1 = shape(geometry).bounds
                inside = x0 > 0 and y0 > 0 and x1 < image.chip.size_px[0] and y1 < image.chip.size_px[1]
                if inside:
                    found.extend(gg.georeference_boxes(scene, image.chip, np.array([[x0, y0, x1, y1]])))
        truth = [
            shapely.Polygon([scene.transform @ c for c in ((x0, y0), (x0, y1), (x1, y1), (x1, y0))])
            for x0, y0, x1, y1 in BLOBS
        ]
    for polygon in truth:
        assert any(
            polygon.equals_exact(one.normalize(), 1e-6) or polygon.symmetric_difference(one).area < 1e-6
            for one in found
        )
    for one in found:
        assert any(polygon.symmetric_difference(one).area < 1e-6 for polygon in truth)


def test_a_tiling_by_ground_resolution(path: Path) -> None:
    with gg.Scene.open(path) as scene:
        grid = scene.grid(gg.Tiling(tile_size_px=64, overlap_px=8, resolution_m=1.0))
        assert grid.level_size_px(0) == (150, 100)
        assert len(scene.grid()) == 1
