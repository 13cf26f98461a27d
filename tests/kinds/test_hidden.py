"""What hides pixels is named whenever it could be something else: alpha, masks and nodata over what may be objects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from tests.kinds.doors import command, go
from tests.rasters import NORTH_UP, write

SIDE = 200
LAND = np.random.default_rng(1).integers(40, 200, (3, SIDE, SIDE)).astype(np.uint8)


def notices(path: Path, *options: object) -> list[str]:
    shown = command("info", path, "--json", *options)
    assert shown.exit_code == 0, shown.output
    found: list[str] = json.loads(shown.output)["notices"]
    return found


def four(tmp_path: Path, fourth: NDArray[Any], colours: NDArray[Any] = LAND) -> Path:
    return write(tmp_path / "scene.tif", np.concatenate([colours, fourth[None].astype(colours.dtype)]))


def band(value: int, blob: int | None = None, side: int = 20) -> NDArray[np.uint8]:
    """A flat band with one square of another value in the middle."""
    flat = np.full((SIDE, SIDE), value, np.uint8)
    if blob is not None:
        flat[90 : 90 + side, 90 : 90 + side] = blob
    return flat


@pytest.mark.parametrize(
    ("fourth", "words"),
    [
        (band(90), "nowhere full"),
        (band(90, 0), "nowhere full"),
        (band(254), "nowhere full"),
        (band(255, 0), "1% between"),
        (band(255, 0, 6), "0.09% between"),
        (band(1, 0), "1% between"),
        (np.clip(LAND[0].astype(int) + 40, 1, 255).astype(np.uint8), "between none and full"),
        (np.where(np.arange(SIDE) < 30, 0, 255)[None].repeat(SIDE, 0), "15% hold colours"),
    ],
)
def test_a_fourth_band_that_may_be_something_else_is_named(
    tmp_path: Path, fourth: NDArray[np.uint8], words: str
) -> None:
    path = four(tmp_path, fourth)
    (notice,) = notices(path)
    assert words in notice
    assert "--alpha none" in notice
    assert notices(path, "--alpha", "none") == []
    assert go(path, tmp_path / "out.gpkg").notices == (notice,)


def test_sixteen_bits(tmp_path: Path) -> None:
    colours = LAND.astype(np.uint16) * 100
    path = tmp_path / "scene.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=SIDE, height=SIDE, count=4, dtype="uint16", crs=32633,
        transform=NORTH_UP, photometric="RGB", alpha="UNSPECIFIED",
    ) as file:  # fmt: skip
        file.write(colours, (1, 2, 3))
        file.write(band(90, 0).astype(np.uint16) * 100, 4)
        file.colorinterp = [rasterio.enums.ColorInterp[name] for name in ("red", "green", "blue", "alpha")]
    (notice,) = notices(path)
    assert "nowhere full" in notice


BLANK = np.where(np.add.outer(np.arange(SIDE), np.arange(SIDE)) < SIDE // 2, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("fourth", "colours"),
    [
        (band(255), LAND),
        (BLANK, LAND * (BLANK > 0)),
        (BLANK, np.where(BLANK > 0, LAND, 255).astype(np.uint8)),
        (BLANK, np.where(BLANK > 0, LAND, 3).astype(np.uint8)),
        (band(255, 0), LAND * (band(255, 0) > 0)),
        (band(1), LAND),
    ],
)
def test_plain_opacity_stays_quiet(tmp_path: Path, fourth: NDArray[np.uint8], colours: NDArray[np.uint8]) -> None:
    assert notices(four(tmp_path, fourth, colours)) == []


@pytest.mark.parametrize(
    ("dtype", "nodata", "value", "reported"),
    [
        ("uint8", 255, 255, True),  # white roofs
        ("uint8", 0, 0, True),  # shadows
        ("uint8", 255, 100, False),  # nothing is hidden
        ("int16", 0, 0, True),  # among -500 and 500
        ("int16", -9999, -9999, False),
        ("uint16", 0, 0, False),
        ("float32", -1, -1, False),
        ("float32", 7, 7, True),
        ("float32", float("nan"), float("nan"), False),
    ],
)
def test_nodata_that_may_be_objects_is_named(
    tmp_path: Path, dtype: str, nodata: float, value: float, reported: bool
) -> None:
    values = LAND.astype(np.float64) - (500 if dtype == "int16" else 0)
    if dtype == "int16":
        values *= np.where(np.arange(SIDE) < 100, 1, -1)
    values[:, 90:110, 90:110] = value
    if dtype == "float32" and value == 7:
        values[:, 0, 0] = 1
    path = write(tmp_path / "scene.tif", values.astype(dtype), nodata=nodata)
    found = notices(path)
    assert len(found) == reported
    if reported:
        assert "1% between" in found[0]
        assert "--nodata nan" in found[0]
        assert notices(path, "--nodata", "nan") == []


def test_a_border_of_nodata_stays_quiet(tmp_path: Path) -> None:
    for number, colours in enumerate((LAND * (BLANK > 0), LAND * (BLANK[::-1] > 0), LAND * (np.arange(SIDE) > 9))):
        assert notices(write(tmp_path / f"{number}.tif", colours.astype(np.uint8), nodata=0)) == []


@pytest.mark.parametrize("beside", [True, False])
def test_masks_over_colours_are_named(tmp_path: Path, beside: bool) -> None:
    path = write(tmp_path / "scene.tif", LAND, mask=band(255, 0), env={"GDAL_TIFF_INTERNAL_MASK": not beside})
    (notice,) = notices(path)
    assert "the mask of the raster hides 1% of the scene, 1% between" in notice


def test_speckle_and_stripes_are_no_objects(tmp_path: Path) -> None:
    speckle = LAND.copy()
    speckle[:, 3::7, 5::11] = 255
    assert notices(write(tmp_path / "speckle.tif", speckle, nodata=255)) == []
    stripes = LAND.copy()
    stripes[:, 10::40] = stripes[:, 11::40] = 0
    assert notices(write(tmp_path / "stripes.tif", stripes, nodata=0)) == []


def test_the_example_scene_has_no_note() -> None:
    assert notices(Path(__file__).parents[2] / "examples" / "data" / "OSBS_029.tif") == []
