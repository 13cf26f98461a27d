"""Raw values to colours: every type, with every way to say "no data"."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from geogrounding.errors import SettingsError
from geogrounding.raster.grid import ChipGrid
from geogrounding.raster.pixels import representable
from geogrounding.raster.reader import ChipImage, read_chips
from geogrounding.raster.scene import Scene
from geogrounding.raster.stretch import Stretch, compute_stretch, parse_method
from geogrounding.raster.tiling import Tiling
from tests.rasters import noise, write

DTYPES = ["uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float32", "float64"]


def chips(scene: Scene, stretch: Stretch, **tiling: Any) -> list[ChipImage]:
    grid = ChipGrid(scene.width, scene.height, tiling=Tiling(**{"tile_size_px": 64, "overlap_px": 0} | tiling))
    return list(read_chips(scene, grid, stretch, threads=2))


def half_empty(dtype: str, kind: str, path: Path) -> Path:
    """128 x 64: data (10..100) to the left, none to the right, an extreme value where there is none."""
    data = noise((3, 64, 128), "int16", low=10, high=100)
    empty = np.zeros((64, 128), bool)
    empty[:, 64:] = True
    is_float = dtype.startswith("float")
    # rasterio writes nodata as a double, which GDAL reads wrongly for 64-bit extremes.
    extreme = float(np.finfo(dtype).max) if is_float else min(int(np.iinfo(dtype).max), 2**31)
    array = data.astype(dtype)
    if kind == "nodata":
        array[:, empty] = extreme
        return write(path, array, nodata=extreme)
    if kind == "nan":
        array[:, empty] = np.nan
        return write(path, array, nodata=math.nan)
    if kind == "unset-nan":
        array[:, empty] = np.nan
        return write(path, array)
    array[:, empty] = extreme
    if kind == "mask":
        return write(path, array, mask=~empty, env={"GDAL_TIFF_INTERNAL_MASK": "YES"})
    if kind == "msk":
        return write(path, array, mask=~empty, env={"GDAL_TIFF_INTERNAL_MASK": "NO"})
    assert kind == "alpha"
    opacity = np.where(empty, 0, extreme).astype(dtype)[None]
    return write(path, np.concatenate([array, opacity]), photometric="rgb", alpha="yes")


CASES = [
    (d, k) for d, k in itertools.product(DTYPES, ["nodata", "mask", "msk", "alpha"]) if (d, k) != ("int8", "alpha")
]
CASES += [(d, k) for d in ("float32", "float64") for k in ("nan", "unset-nan")]


@pytest.mark.parametrize(("dtype", "kind"), CASES)
def test_what_is_not_data_is_neither_stretched_nor_shown(tmp_path: Path, dtype: str, kind: str) -> None:
    path = half_empty(dtype, kind, tmp_path / "scene.tif")
    if kind == "msk":
        assert path.with_name("scene.tif.msk").exists()
    with Scene.open(path) as scene:
        assert scene.has_mask
        assert scene.bands == (1, 2, 3)
        stretch = compute_stretch(scene, "minmax")
        assert stretch.low == (10.0, 10.0, 10.0)
        assert stretch.high == (99.0, 99.0, 99.0)
        full, empty = chips(scene, stretch)
        assert full.valid_share == 1
        assert full.pixels is not None
        assert (full.pixels.min(), full.pixels.max()) == (0, 255)
        assert (empty.valid_share, empty.pixels, empty.error) == (0, None, None)
        both = chips(scene, stretch, tile_size_px=128)[0]
        assert both.valid_share == 0.5
        assert both.pixels is not None
        assert not both.pixels[:, 64:].any()
        assert np.array_equal(both.pixels[:, :64], full.pixels)


@pytest.mark.parametrize("dtype", DTYPES)
def test_one_formula_for_every_type(tmp_path: Path, dtype: str) -> None:
    array = noise((3, 64, 64), "int64", low=-100 if not dtype.startswith("u") else 0, high=120).astype(dtype)
    with Scene.open(write(tmp_path / "scene.tif", array)) as scene:
        stretch = compute_stretch(scene, "10,90")
        image = chips(scene, stretch)[0]
        expected = np.rint(np.clip((array.astype(float) - 10) / 80 * 255, 0, 255)).astype(np.uint8)
        assert image.pixels is not None
        assert np.array_equal(image.pixels, np.moveaxis(expected, 0, -1))
        assert np.array_equal(stretch.apply(array), image.pixels)


def test_half_floats(tmp_path: Path) -> None:
    array = noise((1, 64, 64), "float32")
    with Scene.open(write(tmp_path / "half.tif", array, nbits=16)) as scene:
        assert compute_stretch(scene, "minmax").high == (249.0,)


def test_one_bit(tmp_path: Path) -> None:
    array = noise((1, 64, 64), low=0, high=2)
    with Scene.open(write(tmp_path / "bit.tif", array, nbits=1)) as scene:
        image = chips(scene, compute_stretch(scene))[0]
        assert image.pixels is not None
        assert np.array_equal(image.pixels[:, :, 0], array[0] * 255)


def test_a_palette_is_expanded_and_its_transparent_entry_is_no_data(tmp_path: Path) -> None:
    array = np.repeat(np.arange(4, dtype=np.uint8), 16)[None, None].repeat(64, 1)
    colours: dict[int, tuple[int, ...]] = {
        0: (255, 0, 0, 255),
        1: (0, 255, 0, 255),
        2: (0, 0, 255, 255),
        3: (9, 9, 9, 0),
    }
    path = write(tmp_path / "palette.tif", array, photometric="palette", colormap=colours, nodata=3)
    with Scene.open(path) as scene:
        assert scene.plan.palette is not None
        image = chips(scene, compute_stretch(scene))[0]
        assert image.pixels is not None
        assert image.pixels[0, ::16].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255], [0, 0, 0]]
        assert image.valid_share == 0.75


def test_auto_leaves_eight_bit_colour_alone_and_stretches_all_else(tmp_path: Path) -> None:
    with Scene.open(write(tmp_path / "colour.tif", noise((3, 64, 64)))) as scene:
        assert compute_stretch(scene).passes
        assert compute_stretch(scene, "percentile:2,98").low is not None
    ramp = np.linspace(0, 10_000, 64 * 64).reshape(1, 64, 64).astype("uint16")
    with Scene.open(write(tmp_path / "grey.tif", ramp)) as scene:
        stretch = compute_stretch(scene)
        assert stretch.low == pytest.approx((200.0,), abs=3)
        assert stretch.high == pytest.approx((9800.0,), abs=3)
        image = chips(scene, stretch)[0]
        assert image.pixels is not None
        assert image.pixels.shape == (64, 64, 3)
        assert (image.pixels[:, :, 0] == image.pixels[:, :, 2]).all()


def test_the_stretch_is_the_same_every_time_and_can_be_written_down(tmp_path: Path) -> None:
    path = write(tmp_path / "large.tif", noise((1, 2500, 2500), "uint16", high=5000), block=256)
    found = []
    for _ in range(2):
        with Scene.open(path) as scene:
            stretch = compute_stretch(scene)
            found.append(json.dumps(stretch.describe()))
            assert stretch.low is not None
            assert stretch.high is not None
            assert stretch.low[0] == pytest.approx(100, abs=10)
            assert stretch.high[0] == pytest.approx(4900, abs=10)
    assert found[0] == found[1]


def test_the_sample_comes_from_all_over_a_large_scene_without_overviews(tmp_path: Path) -> None:
    ramp = np.broadcast_to(np.linspace(0, 60_000, 4096, dtype=np.uint16)[:, None], (4096, 4096))[None]
    layouts: dict[str, dict[str, Any]] = {"tiles": {"block": 256}, "strips": {"tiled": False, "blockysize": 16}}
    for name, options in layouts.items():
        with Scene.open(write(tmp_path / f"{name}.tif", ramp, **options)) as scene:
            stretch = compute_stretch(scene)
            assert stretch.low == pytest.approx((1200.0,), abs=600)
            assert stretch.high == pytest.approx((58_800.0,), abs=600)


@pytest.mark.parametrize("value", [0, 7])
def test_flat_and_empty_scenes_have_a_stretch(tmp_path: Path, value: int) -> None:
    array = np.full((1, 64, 64), value, np.uint16)
    with Scene.open(write(tmp_path / "flat.tif", array, nodata=0)) as scene:
        stretch = compute_stretch(scene)
        assert stretch.low is not None
        assert stretch.high is not None
        assert stretch.low[0] < stretch.high[0]
        assert (chips(scene, stretch)[0].pixels is None) == (value == 0)


def test_infinite_values_are_not_data(tmp_path: Path) -> None:
    array = noise((1, 64, 64), "float32")
    array[0, 0, :2] = np.inf, -np.inf
    with Scene.open(write(tmp_path / "inf.tif", array)) as scene:
        stretch = compute_stretch(scene, "minmax")
        assert stretch.high == (249.0,)
        image = chips(scene, stretch)[0]
        assert image.pixels is not None
        assert not image.pixels[0, :2].any()
        assert image.valid_share == 1 - 2 / 64**2


def test_nodata_given_by_the_user_wins(tmp_path: Path) -> None:
    array = noise((3, 64, 64))
    array[:, :, 32:] = 255
    with Scene.open(write(tmp_path / "scene.tif", array), nodata=255) as scene:
        assert scene.nodata == 255
        assert chips(scene, compute_stretch(scene))[0].valid_share == 0.5


def test_a_pixel_is_data_where_any_band_is(tmp_path: Path) -> None:
    array = noise((3, 64, 64))
    array[0] = 0
    with Scene.open(write(tmp_path / "scene.tif", array, nodata=0)) as scene:
        assert chips(scene, compute_stretch(scene))[0].valid_share == 1


@pytest.mark.parametrize(
    ("value", "dtype", "held"),
    [
        (-9999, "uint8", None),
        (0.5, "int16", None),
        (1e40, "float32", None),
        (math.nan, "float32", None),
        (math.inf, "int32", None),
        (255.0, "uint8", 255),
        (-3.4028234663852886e38, "float32", float(np.float32(-3.4028234663852886e38))),
        (0.1, "float32", float(np.float32(0.1))),
        (2**64 - 1, "uint64", 2**64 - 1),
    ],
)
def test_nodata_that_a_type_cannot_hold_never_occurs(value: float, dtype: str, held: float | None) -> None:
    assert representable(value, np.dtype(dtype)) == held


@pytest.mark.parametrize(
    "wrong",
    ["", "automatic", "percentile", "percentile:98,2", "percentile:-1,50", "1", "5,5", "nan,3", "1,2,3", "x:1,2"],
)
def test_methods_that_make_no_sense(tmp_path: Path, wrong: str) -> None:
    with Scene.open(write(tmp_path / "scene.tif", noise((1, 32, 32)))) as scene, pytest.raises(SettingsError):
        compute_stretch(scene, wrong)


def test_limits_of_each_band(tmp_path: Path) -> None:
    path = tmp_path / "s.tif"
    values = np.stack([np.full((8, 8), value, np.uint16) for value in (150, 300, 80)])
    with rasterio.open(path, "w", driver="GTiff", width=8, height=8, count=3, dtype="uint16", crs="EPSG:32633",
        transform=rasterio.transform.from_origin(500000, 4600000, 1, 1),
    ) as out:  # fmt: skip
        out.write(values)
    with Scene.open(path) as scene:
        stretch = compute_stretch(scene, "100,200,200,400,0,160")
        assert stretch.low == (100.0, 200.0, 0.0)
        assert np.abs(stretch.apply(values).astype(int) - 127).max() <= 1
        with pytest.raises(SettingsError, match="pairs for 3 bands"):
            compute_stretch(scene, "100,200,200,400")


@pytest.mark.parametrize("wrong", ["1,2,3", "2,1,3,4", "1,2,3,4,5,6,7,8", "percentile:1,2,3,4", "1,nan,2,3"])
def test_limits_that_are_none(wrong: str) -> None:
    with pytest.raises(SettingsError, match="not understood"):
        parse_method(wrong)
