"""What blocks can be read from: the raster itself and those of its overviews that are as complete as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from geogrounding.raster.handle import open_handle
from geogrounding.raster.pixels import BandPlan
from geogrounding.raster.security import Location, check_block


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The raster itself, or one of its overviews, as something to read blocks from."""

    level: int | None
    """Index of the overview in GDAL's order; None for full resolution."""
    width: int
    height: int
    block_shape: tuple[int, int]
    """(rows, columns) of the blocks as they are stored."""


def check_blocks(dataset: Any, name: str, whole_image: bool) -> None:
    """Refuse blocks that are too large once decoded, as GDAL will read them.

    Raises:
        UnsafeSceneError: there are such blocks.
    """
    itemsize = max(np.dtype(_numpy_name(dtype)).itemsize for dtype in set(dataset.dtypes))
    interleaved = dataset.count if dataset.driver in ("GTiff", "JP2OpenJPEG") and is_interleaved(dataset) else 1
    if whole_image:
        check_block(dataset.width * dataset.height * dataset.count * itemsize, whole_image=True, what=name)
        return
    for rows, columns in set(dataset.block_shapes):
        check_block(rows * columns * interleaved * itemsize, what=name)


def is_interleaved(dataset: Any) -> bool:
    """True where a block holds all bands of its pixels."""
    return dataset.interleaving is not None and dataset.interleaving.name == "pixel"


def _numpy_name(dtype: str) -> str:
    return {"complex_int16": "complex64"}.get(dtype, dtype)


def block_shape(dataset: Any, plan: BandPlan, whole_image: bool) -> tuple[int, int]:
    """(rows, columns) of the blocks of the chosen bands."""
    if whole_image:
        return dataset.height, dataset.width
    rows, columns = dataset.block_shapes[plan.bands[0] - 1]
    return min(rows, dataset.height), min(columns, dataset.width)


def find_overviews(
    dataset: Any, location: Location, options: Mapping[str, str], plan: BandPlan, name: str
) -> tuple[Source, ...]:
    """Overviews that are as complete as the raster: smaller, same bands, with the mask if it has one."""
    found: list[Source] = []
    for level in range(len(dataset.overviews(plan.bands[0]))):
        with open_handle(location, options, level=level) as handle:
            overview = handle.dataset
            if overview.count != dataset.count or not (
                overview.width < dataset.width or overview.height < dataset.height
            ):
                continue
            if overview.width > dataset.width or overview.height > dataset.height:
                continue
            masked = any(flag.name == "per_dataset" for flag in overview.mask_flag_enums[plan.bands[0] - 1])
            if plan.mask and not masked:
                continue
            check_blocks(overview, f"overview {level} of {name}", whole_image=False)
            shape = block_shape(overview, plan, whole_image=False)
            found.append(Source(level=level, width=overview.width, height=overview.height, block_shape=shape))
    return tuple(sorted(found, key=lambda overview: -overview.width))
