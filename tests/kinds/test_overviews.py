"""Overviews that lost their validity are not used: what the full resolution shows, a coarse look must show too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.enums import Resampling

from geogrounding.raster.scene import Scene
from tests.blobs import BlobModel
from tests.kinds.doors import go, polygons
from tests.rasters import NORTH_UP, write

SIDE = 1024
BLOBS = (130, 460, 800)


def pixels() -> NDArray[np.uint8]:
    values = np.full((3, SIDE, SIDE), 30, np.uint8)
    for x in BLOBS:
        values[:, x : x + 140, x : x + 140] = 220
    return values


def hidden(kind: str) -> NDArray[np.bool_]:
    """Pixels without data: stripes, columns, speckle, a lattice, or an honest empty half."""
    row, column = np.ogrid[:SIDE, :SIDE]
    if kind == "rows":
        return np.broadcast_to(row % 12 >= 8, (SIDE, SIDE))
    if kind == "columns":
        return np.broadcast_to(column % 20 >= 14, (SIDE, SIDE))
    if kind == "speckle":
        return np.random.default_rng(0).random((SIDE, SIDE)) < 0.15
    if kind == "lattice":
        return np.asarray((row % 8 == 0) | (column % 8 == 0))
    return np.broadcast_to(column + row < SIDE // 2, (SIDE, SIDE))


def cog(tmp_path: Path, kind: str, how: str, resampling: str) -> Path:
    values, empty = pixels(), hidden(kind)
    if how == "nan":
        values = values.astype(np.float32)
        values[:, empty] = np.nan
        path = write(tmp_path / "s.tif", values, nodata=float("nan"), transform=NORTH_UP, block=128)
    elif how == "alpha":
        values = np.concatenate([values, np.where(empty, 0, 255).astype(np.uint8)[None]])
        path = write(tmp_path / "s.tif", values, transform=NORTH_UP, block=128)
    else:
        values[:, empty] = 0
        path = write(tmp_path / "s.tif", values, nodata=0, transform=NORTH_UP, block=128)
    copied = tmp_path / "cog.tif"
    options = {"BLOCKSIZE": 128, "OVERVIEW_RESAMPLING": resampling}
    rasterio.shutil.copy(path, copied, driver="COG", **{k: v for k, v in options.items() if v})
    return copied


@pytest.mark.parametrize(
    ("kind", "how"),
    [("rows", "nodata"), ("columns", "nodata"), ("speckle", "nodata"), ("lattice", "nodata"), ("rows", "nan"),
     ("rows", "alpha")],
)  # fmt: skip
@pytest.mark.parametrize("resampling", ["CUBIC", "AVERAGE"])
def test_objects_are_found_from_afar(tmp_path: Path, kind: str, how: str, resampling: str) -> None:
    path = cog(tmp_path, kind, how, resampling)
    report = go(path, tmp_path / "out.gpkg", model=BlobModel(scales=(8.0,)))
    assert report.empty_chips == 0
    assert len(polygons(tmp_path / "out.gpkg")) == len(BLOBS)


@pytest.mark.parametrize("kind", ["rows", "speckle"])
def test_an_overview_that_lost_data_is_not_used(tmp_path: Path, kind: str) -> None:
    with Scene.open(cog(tmp_path, kind, "nodata", "CUBIC")) as scene:
        assert max(scene.overview_factors, default=1) < 8
    with Scene.open(cog(tmp_path, kind, "nodata", "AVERAGE")) as scene:
        assert max(scene.overview_factors) >= 8


@pytest.mark.parametrize("resampling", ["CUBIC", "AVERAGE", "NEAREST", "BILINEAR"])
@pytest.mark.parametrize("how", ["nodata", "nan", "alpha"])
def test_an_honest_empty_part_costs_no_overview(tmp_path: Path, how: str, resampling: str) -> None:
    with Scene.open(cog(tmp_path, "half", how, resampling)) as scene:
        assert len(scene.overview_factors) >= 2


def test_an_overview_emptied_in_one_place_only(tmp_path: Path) -> None:
    """The stripes cover a fifth of the scene: windows where the coarsest overview lacks data find them."""
    values = pixels()
    values[:, :, SIDE // 5 :][:, hidden("rows")[:, SIDE // 5 :]] = 0
    values[:, SIDE // 2 :] = np.where(values[:, SIDE // 2 :] == 0, 30, values[:, SIDE // 2 :])
    path = write(tmp_path / "s.tif", values, nodata=0, block=128)
    with rasterio.open(path, "r+") as file:
        file.build_overviews([2, 4, 8], Resampling.cubic)
    with Scene.open(path) as scene:
        assert max(scene.overview_factors, default=1) < 8


@pytest.mark.parametrize("side", [64, 100])
@pytest.mark.parametrize("how", ["nodata", "nan", "alpha"])
def test_one_object_with_speckle_amid_sound_data_is_not_lost(tmp_path: Path, how: str, side: int) -> None:
    """The object is below 1% of the scene, and most of the scene is an empty border."""
    values = np.full((3, SIDE, SIDE), 30, np.uint8)
    values[:, 500 : 500 + side, 700 : 700 + side] = 220
    empty = np.ones((SIDE, SIDE), bool)
    empty[400:720, 500:1000] = False
    speckle = np.add.outer(3 * np.arange(side), 5 * np.arange(side)) % 7 == 0
    empty[500 : 500 + side, 700 : 700 + side] = speckle
    count = 3
    if how == "alpha":
        values, count = np.concatenate([values, np.where(empty, 0, 255).astype(np.uint8)[None]]), 4
    values = values.astype(np.float32 if how == "nan" else np.uint8)
    values[:3, empty] = np.nan if how == "nan" else 0
    nodata = {"nodata": 0, "nan": float("nan"), "alpha": None}[how]
    path = write(tmp_path / "s.tif", values, nodata=nodata, transform=NORTH_UP, block=128)
    with rasterio.open(path, "r+") as file:
        assert file.count == count
        file.build_overviews([2, 4, 8], Resampling.cubic)
    go(path, tmp_path / "out.gpkg", model=BlobModel(scales=(8.0,)))
    assert len(polygons(tmp_path / "out.gpkg")) == 1
