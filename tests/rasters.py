"""Small rasters of every kind, made where a test needs them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import geogrounding._gdal  # noqa: F401  (before rasterio)

# isort: split
import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning

NORTH_UP = Affine(0.5, 0, 400_000, 0, -0.5, 5_000_000)


def noise(shape: tuple[int, ...], dtype: str = "uint8", seed: int = 0, low: int = 1, high: int = 250) -> NDArray[Any]:
    """Random values of a type; never 0, so that 0 may stand for nodata."""
    return np.random.default_rng(seed).integers(low, high, shape).astype(dtype)


def write(  # noqa: PLR0913 - options of a fixture
    path: Path,
    array: NDArray[Any],
    *,
    crs: Any = "EPSG:32633",
    transform: Affine | None = NORTH_UP,
    block: int = 64,
    mask: NDArray[Any] | None = None,
    colormap: dict[int, tuple[int, ...]] | None = None,
    overviews: tuple[int, ...] = (),
    env: dict[str, Any] | None = None,
    **options: Any,
) -> Path:
    """Write (bands, h, w) as a GeoTIFF, tiled unless said otherwise."""
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "count": array.shape[0],
        "height": array.shape[1],
        "width": array.shape[2],
        "dtype": array.dtype,
        "crs": crs,
        "tiled": True,
        "blockxsize": block,
        "blockysize": block,
        "compress": "deflate",
    }
    if transform is not None:
        profile["transform"] = transform
    profile |= options
    if not profile["tiled"]:
        profile.pop("blockxsize")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.Env(**(env or {})), rasterio.open(path, "w", **profile) as dataset:
            dataset.write(array)
            if mask is not None:
                dataset.write_mask(mask)
            if colormap is not None:
                dataset.write_colormap(1, colormap)
            if overviews:
                dataset.build_overviews(list(overviews), Resampling.average)
    return path


def corrupt_block(path: Path, column: int, row: int) -> None:
    """Overwrite the stored bytes of one block of the first band with bytes that no decoder takes."""
    with rasterio.open(path) as dataset:
        block = f"{column}_{row}"
        offset = _tag(dataset, "OFFSET", block)
        size = _tag(dataset, "SIZE", block)
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * size)


def _tag(dataset: Any, what: str, block: str) -> int:
    return int(dataset.get_tag_item(f"BLOCK_{what}_{block}", "TIFF", bidx=1))
