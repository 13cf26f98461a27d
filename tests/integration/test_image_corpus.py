"""An image corpus against rasterio, pixel by pixel: what a chip shows is what rasterio reads there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.enums import Resampling

from geogrounding.raster.grid import ChipGrid
from geogrounding.raster.reader import read_chips
from geogrounding.raster.scene import Scene
from geogrounding.raster.stretch import compute_stretch
from geogrounding.raster.tiling import Tiling
from tests.rasters import noise, write

TILED = {"tiled": True, "block": 64}
STRIPS = {"tiled": False, "blockysize": 16}
CORPUS: dict[str, dict[str, Any]] = {
    "tiles, pixel interleaved": {**TILED, "interleave": "pixel"},
    "tiles, band interleaved": {**TILED, "interleave": "band"},
    "strips, pixel interleaved": {**STRIPS, "interleave": "pixel"},
    "strips, band interleaved": {**STRIPS, "interleave": "band"},
    "uncompressed": {**STRIPS, "compress": None},
    "lzw with predictor": {**TILED, "compress": "lzw", "predictor": 2},
    "zstd": {**TILED, "compress": "zstd"},
    "lerc": {**TILED, "compress": "lerc"},
    "lerc with zstd": {**TILED, "compress": "lerc_zstd"},
    "packbits": {**STRIPS, "compress": "packbits"},
    "webp lossless": {**TILED, "compress": "webp", "webp_lossless": True, "interleave": "pixel"},
    "jpeg": {**TILED, "compress": "jpeg", "interleave": "pixel"},
    "jpeg ycbcr": {**TILED, "compress": "jpeg", "photometric": "ycbcr", "interleave": "pixel"},
    "big tiff": {**TILED, "bigtiff": "yes"},
    "big endian": {**TILED, "endianness": "big"},
    "sparse": {**TILED, "sparse_ok": True},
    "uint16": {**TILED, "dtype": "uint16"},
    "uint16, 12 bits": {**TILED, "dtype": "uint16", "nbits": 12},
    "int16": {**TILED, "dtype": "int16"},
    "uint32": {**TILED, "dtype": "uint32"},
    "float32 with predictor": {**TILED, "dtype": "float32", "predictor": 3},
    "float64": {**TILED, "dtype": "float64"},
    "grey": {**TILED, "count": 1},
    "4 bits": {**TILED, "count": 1, "nbits": 4},
    "overviews": {**TILED, "overviews": (2, 4)},
}


def chips(scene: Scene, scales: tuple[float, ...] = (1.0,)) -> Any:
    grid = ChipGrid(scene.width, scene.height, tiling=Tiling(tile_size_px=80, overlap_px=16, scales=scales))
    return read_chips(scene, grid, compute_stretch(scene, "none" if scene.dtype == "uint8" else "0,4000"))


def expected(values: NDArray[Any]) -> NDArray[np.uint8]:
    """(3, h, w) or (1, h, w) as the stretch 0 to 4000, or none, shows them."""
    if values.dtype != np.uint8:
        values = np.rint(np.clip(values.astype(np.float64) * (255.0 / 4000.0), 0, 255)).astype(np.uint8)
    shown = values if len(values) == 3 else np.repeat(values[:1], 3, axis=0)
    return np.asarray(shown.transpose(1, 2, 0))


def compare(path: Path) -> int:
    """Every chip of a raster against what rasterio reads in its window, with the mask of the dataset."""
    seen = 0
    with rasterio.open(path) as dataset, Scene.open(path) as scene:
        for image in chips(scene):
            x0, y0, x1, y1 = (int(value) for value in image.chip.window_scene_px)
            window = rasterio.windows.Window(x0, y0, x1 - x0, y1 - y0)
            wanted = expected(dataset.read(list(scene.bands), window=window))
            mask = dataset.dataset_mask(window=window) > 0
            wanted[~mask] = 0
            shown = np.zeros_like(wanted) if image.pixels is None else image.pixels
            assert image.error is None
            assert np.array_equal(shown, wanted), image.chip
            assert image.valid_share == pytest.approx(mask.mean())
            seen += 1
    return seen


@pytest.mark.parametrize("name", CORPUS)
def test_every_layout_and_codec(tmp_path: Path, name: str) -> None:
    options = dict(CORPUS[name])
    dtype, count = options.pop("dtype", "uint8"), options.pop("count", 3)
    high = 16 if name == "4 bits" else 250 if dtype == "uint8" else 4000
    array = noise((count, 150, 210), dtype, low=1, high=high)
    if options.get("compress") == "jpeg":  # smooth, so that the codec keeps it recognizable
        row, column = np.mgrid[:150, :210]
        array = np.stack([row, column, row + column]).astype("uint8")
    path = write(tmp_path / "scene.tif", array, **options)
    assert compare(path) == 12


@pytest.mark.parametrize("kind", ["alpha", "internal mask", "mask beside", "nodata", "nan"])
def test_every_mask(tmp_path: Path, kind: str) -> None:
    hidden = np.zeros((150, 210), bool)
    hidden[30:90, 50:120] = True
    array = noise((3, 150, 210), "float32" if kind == "nan" else "uint8", high=250)
    shown = np.where(hidden, 0, 255).astype(np.uint8)
    if kind == "alpha":
        path = write(tmp_path / "s.tif", np.concatenate([array, shown[None]]))
    elif kind == "nodata":
        path = write(tmp_path / "s.tif", np.where(hidden, 0, array).astype("uint8"), nodata=0)
    elif kind == "nan":
        array[:, hidden] = np.nan
        path = write(tmp_path / "s.tif", array, nodata=float("nan"))
    else:
        inside = {"GDAL_TIFF_INTERNAL_MASK": kind == "internal mask"}
        path = write(tmp_path / "s.tif", array, mask=shown, env=inside)
    with rasterio.open(path) as dataset:
        assert (dataset.dataset_mask() == 0).sum() == hidden.sum()
    if kind != "nan":
        compare(path)
    with Scene.open(path) as scene:
        assert np.array_equal(scene.read()[1], ~hidden)


def test_one_bit_is_black_and_white(tmp_path: Path) -> None:
    """GDAL gives one-bit files a palette of two colours."""
    array = noise((1, 150, 210), low=0, high=2)
    path = write(tmp_path / "s.tif", array, nbits=1)
    with Scene.open(path) as scene:
        rgb, mask = scene.read()
    assert np.array_equal(rgb, np.repeat(array[0][:, :, None] * 255, 3, axis=2))
    assert mask.all()


def test_palette_colours_are_those_of_the_table(tmp_path: Path) -> None:
    table: Any = {i: (i, 255 - i, (i * 7) % 256, 255) for i in range(256)}
    array = noise((1, 150, 210), low=0, high=256)
    path = write(tmp_path / "s.tif", array, colormap=table)
    colours = np.array([table[i][:3] for i in range(256)], np.uint8)
    with Scene.open(path) as scene:
        for image in chips(scene):
            x0, y0, x1, y1 = (int(value) for value in image.chip.window_scene_px)
            assert np.array_equal(image.pixels, colours[array[0, y0:y1, x0:x1]])


@pytest.mark.parametrize("compress", ["DEFLATE", "LZW", "ZSTD", "WEBP", "JPEG", "LERC"])
def test_cloud_optimized(tmp_path: Path, compress: str) -> None:
    row, column = np.mgrid[:600, :700]
    array = np.stack([row % 250, column % 250, (row + column) % 250]).astype("uint8")
    write(tmp_path / "s.tif", array)
    rasterio.shutil.copy(tmp_path / "s.tif", tmp_path / "cog.tif", driver="COG", COMPRESS=compress, BLOCKSIZE=128)
    assert compare(tmp_path / "cog.tif") > 50
    with Scene.open(tmp_path / "cog.tif") as scene:
        assert scene.overview_factors


@pytest.mark.parametrize("factor", [2, 4])
def test_coarse_chips_are_the_overviews(tmp_path: Path, factor: int) -> None:
    """At a factor that an overview has, a chip is that overview, pixel by pixel."""
    path = write(tmp_path / "s.tif", noise((3, 320, 480)), overviews=(2, 4))
    with rasterio.open(path, overview_level=factor // 2 - 1) as overview, Scene.open(path) as scene:
        whole = overview.read()
        for image in chips(scene, (float(factor),)):
            x0, y0, x1, y1 = (round(value / factor) for value in image.chip.window_scene_px)
            assert np.array_equal(image.pixels, whole[:, y0:y1, x0:x1].transpose(1, 2, 0))


def test_coarse_chips_without_overviews_are_averages(tmp_path: Path) -> None:
    array = noise((3, 320, 480))
    path = write(tmp_path / "s.tif", array)
    with rasterio.open(path) as dataset:
        wanted = dataset.read(out_shape=(3, 80, 120), resampling=Resampling.average)
    with Scene.open(path) as scene:
        for image in chips(scene, (4.0,)):
            x0, y0, x1, y1 = (round(value / 4) for value in image.chip.window_scene_px)
            assert image.pixels is not None
            difference = image.pixels.astype(int) - wanted[:, y0:y1, x0:x1].transpose(1, 2, 0)
            assert np.abs(difference).max() <= 1
