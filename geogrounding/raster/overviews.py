"""What blocks can be read from: the raster itself and those of its overviews that are as complete as it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window

from geogrounding.errors import UnsafeSceneError
from geogrounding.raster import security
from geogrounding.raster.handle import open_handle
from geogrounding.raster.pixels import BandPlan, inside, read_raw
from geogrounding.raster.security import Location, check_block

MAX_LOST_SHARE = 0.1
"""An overview that lacks more of what the full resolution holds, in the windows looked at, is not used. At the border
of data every method but averaging loses a pixel or two."""
LOST_SIDE_PX, BORDER_PX = 3, 4
"""Nor is one that lacks a square of this side, in its pixels, farther than the border from pixels without data. So what
is larger than the square is lost only in the border, or outside the windows looked at."""
EVEN_WINDOWS, SUSPICIOUS_WINDOWS, WINDOW_PX, MAX_LOOK_PX, REMOTE_WINDOWS = 2, 6, 512, 1024, 1
"""Windows along each side of the raster, more of them where the coarsest overview lacks data between pixels with data,
and as many where it lacks data at all, their side, and the side of the coarsest overview as it is looked at. Of a
remote raster each number of windows is the last one: they cost a network."""


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
    found.sort(key=lambda overview: -overview.width)
    return tuple(found) if plan.always_valid else _complete(dataset, location, options, plan, found)


def _complete(
    dataset: Any, location: Location, options: Mapping[str, str], plan: BandPlan, found: list[Source]
) -> tuple[Source, ...]:
    """Those overviews that hold data where the full resolution does.

    Some resampling methods drop every pixel that has one without data below it: striped or speckled scenes then look
    empty from afar. A finer overview that lost data means that those made from it did.
    """
    kept: list[Source] = []
    windows = _windows(dataset, location, options, plan, found[-1]) if found else []
    try:
        full = [(window, _valid(dataset, plan, window, None)) for window in windows]

        def lost(source: Source) -> bool:
            with open_handle(location, options, level=source.level) as handle:
                return _lost_data(full, handle.dataset, plan, dataset)

        if location.remote and found and not lost(found[-1]):
            return tuple(found)  # the coarsest is made from the others, which cost requests
        for source in found:
            if lost(source):
                break
            kept.append(source)
    except RasterioError:  # a damaged block is reported by the chips that need it
        return tuple(found)
    return tuple(kept)


def _windows(
    dataset: Any, location: Location, options: Mapping[str, str], plan: BandPlan, coarsest: Source
) -> list[Window]:
    """Windows of the full resolution: some spread over the raster, some where its coarsest overview lacks data."""
    even, suspicious = (REMOTE_WINDOWS, REMOTE_WINDOWS) if location.remote else (EVEN_WINDOWS, SUSPICIOUS_WINDOWS)
    centres = [
        ((column + 0.5) / even * dataset.width, (row + 0.5) / even * dataset.height)
        for row in range(even)
        for column in range(even)
    ]
    rows, columns = min(coarsest.height, MAX_LOOK_PX), min(coarsest.width, MAX_LOOK_PX)
    with open_handle(location, options, level=coarsest.level) as handle:
        whole = Window(0, 0, handle.dataset.width, handle.dataset.height)
        shown = _valid(handle.dataset, plan, whole, (rows, columns))
    places = [_spread(np.flatnonzero(lacking.ravel()), suspicious) for lacking in (inside(shown), ~shown)]
    if location.remote and any(len(found) for found in places):
        centres = []  # where data may be lost says more than the middle, and each window is some requests
    for place in np.concatenate(places):
        row, column = divmod(int(place), columns)
        centres.append(((column + 0.5) / columns * dataset.width, (row + 0.5) / rows * dataset.height))
    width, height = min(WINDOW_PX, dataset.width), min(WINDOW_PX, dataset.height)
    # remote windows begin where a block does, so that they touch as few as can be
    step_y, step_x = block_shape(dataset, plan, whole_image=False) if location.remote else (1, 1)
    corners = {
        (
            min(max(0, int(x - width / 2)) // step_x * step_x, dataset.width - width),
            min(max(0, int(y - height / 2)) // step_y * step_y, dataset.height - height),
        )
        for x, y in centres
    }
    return [Window(x, y, width, height) for x, y in sorted(corners)]


def _valid(dataset: Any, plan: BandPlan, window: Window, shape: tuple[int, int] | None) -> NDArray[np.bool_]:
    raw, valid = read_raw(dataset, plan, window, shape)
    return np.ones(raw.shape[1:], bool) if valid is None else valid


def _spread(places: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Some of many places, evenly spread over them."""
    return places[:: max(1, len(places) // count)][:count]


def _lost_data(full: list[tuple[Window, NDArray[np.bool_]]], overview: Any, plan: BandPlan, dataset: Any) -> bool:
    """Whether an overview lacks data under which at least half of the full resolution has it: see the constants."""
    scale_x, scale_y = dataset.width / overview.width, dataset.height / overview.height
    lost = held = 0
    for window, valid in full:
        x0, y0 = math.ceil(window.col_off / scale_x), math.ceil(window.row_off / scale_y)
        x1 = math.floor((window.col_off + window.width) / scale_x)
        y1 = math.floor((window.row_off + window.height) / scale_y)
        if x0 >= x1 or y0 >= y1:
            continue
        # Cumulative sums give the share of data under each pixel of the overview, whatever the scale.
        sums = np.zeros((valid.shape[0] + 1, valid.shape[1] + 1))
        sums[1:, 1:] = valid.cumsum(0).cumsum(1)
        xs = np.clip(np.rint(np.arange(x0, x1 + 1) * scale_x - window.col_off).astype(int), 0, valid.shape[1])
        ys = np.clip(np.rint(np.arange(y0, y1 + 1) * scale_y - window.row_off).astype(int), 0, valid.shape[0])
        boxes = np.diff(np.diff(sums[np.ix_(ys, xs)], axis=0), axis=1)
        share = boxes / np.maximum(np.outer(np.diff(ys), np.diff(xs)), 1)
        shown = _valid(overview, plan, Window(x0, y0, x1 - x0, y1 - y0), None)
        expected = share >= 0.5
        held += int(expected.sum())
        lost += int((expected & ~shown).sum())
        around, border = LOST_SIDE_PX + 2 * BORDER_PX, slice(BORDER_PX, -BORDER_PX)
        if min(expected.shape) >= around:
            amid = sliding_window_view(expected, (around, around)).all(axis=(2, 3))
            gone = np.asarray(sliding_window_view(~shown, (LOST_SIDE_PX, LOST_SIDE_PX)).all(axis=(2, 3)))
            if (amid & gone[border, border]).any():
                return True
    return lost > MAX_LOST_SHARE * held


def check_sidecars(dataset: Any, location: Location) -> None:
    """Refuse files that name their overviews elsewhere, before anything asks GDAL for overviews or masks."""
    _check_overview_item(dataset, location.name)
    if location.file is None:
        return
    for path in security.sidecars(location.file):
        with open_handle(Location(path=path, drivers=["GTiff"], remote=False, name=path.name), {}) as beside:
            _check_overview_item(beside.dataset, path.name)


def _check_overview_item(dataset: Any, name: str) -> None:
    if any(key.upper() == "OVERVIEW_FILE" for key in dataset.tags(ns="OVERVIEWS")):
        raise UnsafeSceneError(
            f"{name} names its overviews in another file, which GDAL would open whatever it is",
            hint="Copy the raster without that item: gdal_translate -co TILED=YES in.tif out.tif",
        )
