"""Pure geometry of chips: how a raster of W x H pixels is cut into model-sized windows.

Frames: ``scene px`` are pixels of the full-resolution raster, x right, y down, half-open floats, (0, 0) at the outer
corner of the first pixel. ``chip px`` are pixels of the image the model gets. A level with ``scale`` 2 shows the
scene at half resolution: one chip pixel covers 2 x 2 scene pixels. Where scene pixels are not square on the ground, a
scale counts square ones: see ``ChipGrid``.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import overload

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from geogrounding.errors import AreaError, SettingsError
from geogrounding.raster.tiling import Tiling


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One window of the scene, and the size of the image it becomes."""

    index: int
    """Position in the order of the run, counted over all levels."""
    level: int
    """Index of the level (0 = finest)."""
    column: int
    row: int
    """Place in the grid of its level."""
    window_scene_px: tuple[float, float, float, float]
    """(x0, y0, x1, y1), half-open, in scene pixels; whole numbers unless the level is resampled."""
    size_px: tuple[int, int]
    """(width, height) of the image in chip pixels."""
    cut: tuple[bool, bool, bool, bool]
    """(left, top, right, bottom): True where the edge lies inside the area of the run, so that objects may go on
    beyond it."""
    pixel_aspect: tuple[float, float] = (1.0, 1.0)
    """Scene pixels along x and y that are equally long on the ground: see ``ChipGrid``."""

    @property
    def level_scale(self) -> float:
        """Square scene pixels per chip pixel, along the axis where rounding leaves fewer; one number a level."""
        return min(scale / aspect for scale, aspect in zip(self.scale, self.pixel_aspect, strict=True))

    @property
    def scale(self) -> tuple[float, float]:
        """Scene pixels per chip pixel along x and y."""
        x0, y0, x1, y1 = self.window_scene_px
        return (x1 - x0) / self.size_px[0], (y1 - y0) / self.size_px[1]

    def to_scene_px(self, x_chip_px: float, y_chip_px: float) -> tuple[float, float]:
        """Map a point from chip pixels to scene pixels."""
        scale_x, scale_y = self.scale
        return self.window_scene_px[0] + x_chip_px * scale_x, self.window_scene_px[1] + y_chip_px * scale_y


MAX_CHIPS = 2**31
"""More chips than any run can answer."""
STRIP_WIDTH_PX = 19_000
"""Chips are ordered in strips at most this wide (chip pixels), top to bottom: what two rows of chips share then fits
the reader's cache, whatever the width of the raster. Blocks on the border of two strips are decoded twice."""


@dataclass(frozen=True, slots=True)
class _Axis:
    """Chips along one axis of one level, in chip pixels of the level's virtual raster."""

    size: int
    tile: int
    stride: int

    @property
    def count(self) -> int:
        return 1 if self.size <= self.tile else -(-(self.size - self.tile) // self.stride) + 1

    def span(self, index: int) -> tuple[int, int]:
        """Start and end of the chip at a place; the last one is shifted inward."""
        start = max(0, min(index * self.stride, self.size - self.tile))
        return start, min(start + self.tile, self.size)


@dataclass(frozen=True, slots=True)
class _Level:
    """One resolution: its axes, and how its chips are numbered."""

    index: int
    x: _Axis
    y: _Axis
    strip_columns: int
    first: int
    """Number of chips in coarser levels."""

    @property
    def count(self) -> int:
        return self.x.count * self.y.count

    def place(self, position: int) -> tuple[int, int]:
        """Column and row of the chip at a position within the level: strip after strip, row after row inside a
        strip.
        """
        strip, rest = divmod(position, self.strip_columns * self.y.count)
        left = strip * self.strip_columns
        row, column = divmod(rest, min(self.strip_columns, self.x.count - left))
        return left + column, row


class ChipGrid(Sequence[Chip]):
    """All chips of a run over an area, in the order in which they are read and answered.

    Each level is a virtual raster of ``max(1, round(W / scale_x))`` x ``max(1, round(H / scale_y))`` pixels that covers
    exactly the area. ``scale_x`` and ``scale_y`` are the scale times ``pixel_aspect``, so that a chip shows the ground
    at one scale in both directions also where the pixels of the raster are not square. Neighbouring chips overlap by at
    least ``overlap_px``; the last row and column are shifted inward, so that no chip is smaller than the tile unless
    the whole virtual raster is. All of the coarsest level comes first: it is soon done, and may say where a closer look
    is worth its time. A coarser level is left out when the next finer one shows the whole area in one chip.

    ``grid[i]`` takes constant time and nothing is kept per chip, unless an area of interest of any shape is given:
    then one 8-byte number is kept for each chip that touches it.

    Args:
        width: columns of the raster, in scene pixels.
        height: rows of the raster, in scene pixels.
        tiling: tile, overlap and scales (``tiling.resolved`` first, where a ground resolution is asked for).
        area_scene_px: (x0, y0, x1, y1), whole numbers, half-open; None is the whole raster. Parts outside are cut off.
        aoi_scene_px: a shapely geometry; chips that do not touch it are left out, and its bounds narrow the area.
        pixel_aspect: scene pixels along x and y that are equally long on the ground, such as
            ``scene.pixel_size.aspect``; (1, 1) for square pixels.
        strip_width_px: width of the strips; the order of the chips depends on it.

    Raises:
        AreaError: the area or the geometry is empty or misses the raster.
        SettingsError: the grid has more chips than MAX_CHIPS.
    """

    def __init__(
        self,
        width: int,
        height: int,
        *,
        tiling: Tiling,
        area_scene_px: tuple[int, int, int, int] | None = None,
        aoi_scene_px: BaseGeometry | None = None,
        pixel_aspect: tuple[float, float] = (1.0, 1.0),
        strip_width_px: int = STRIP_WIDTH_PX,
    ) -> None:
        if tiling.resolution_m is not None:
            raise SettingsError(
                "the tiling still holds a ground resolution",
                hint="Call tiling.resolved(scene.ground_resolution_m) first.",
            )
        if not all(math.isfinite(value) and value > 0 for value in pixel_aspect):
            raise SettingsError(f"the aspect of a pixel must be two positive numbers, not {pixel_aspect}")
        self.tiling = tiling
        self.pixel_aspect = pixel_aspect
        self.area_scene_px = _narrow_area(width, height, area_scene_px, aoi_scene_px)
        x0, y0, x1, y1 = self.area_scene_px
        self._width, self._height = x1 - x0, y1 - y0
        self._levels = _numbered(list(self._plan_levels(strip_width_px)))
        self._total = sum(level.count for level in self._levels)
        if self._total > MAX_CHIPS:
            raise SettingsError(
                f"the grid has {self._total:,} chips, more than {MAX_CHIPS:,}",
                hint="Use larger tiles or a coarser resolution.",
            )
        self._kept: NDArray[np.int64] | None = None
        if aoi_scene_px is not None:
            self._kept = self._touching(aoi_scene_px)
            if not len(self._kept):
                raise AreaError("the area of interest touches no chip", hint="Check its coordinates and their CRS.")

    @property
    def level_count(self) -> int:
        """Number of levels that are used."""
        return len(self._levels)

    def level_size_px(self, level: int) -> tuple[int, int]:
        """Width and height of a level's virtual raster, in chip pixels."""
        return self._levels[level].x.size, self._levels[level].y.size

    def level_shape(self, level: int) -> tuple[int, int]:
        """Columns and rows of a level, before an area of interest leaves some chips out."""
        return self._levels[level].x.count, self._levels[level].y.count

    def level_chips(self, level: int) -> range:
        """Indexes of the chips of a level."""
        first, end = self._levels[level].first, self._levels[level].first + self._levels[level].count
        if self._kept is not None:
            first, end = (int(n) for n in np.searchsorted(self._kept, (first, end)))
        return range(first, end)

    def level_spans(self, level: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(columns, 2) and (rows, 2) starts and ends of the chips of a level along x and along y, scene pixels."""
        x0, y0 = self.area_scene_px[:2]
        axes = ((self._levels[level].x, self._width, x0), (self._levels[level].y, self._height, y0))
        x, y = (
            np.array([axis.span(n) for n in range(axis.count)], np.float64) * (length / axis.size) + start
            for axis, length, start in axes
        )
        return x, y

    def __len__(self) -> int:
        return self._total if self._kept is None else len(self._kept)

    @overload
    def __getitem__(self, index: int) -> Chip: ...
    @overload
    def __getitem__(self, index: slice) -> list[Chip]: ...
    def __getitem__(self, index: int | slice) -> Chip | list[Chip]:
        if isinstance(index, slice):
            return [self._chip(i) for i in range(*index.indices(len(self)))]
        position = operator.index(index)
        if position < 0:
            position += len(self)
        if not 0 <= position < len(self):
            raise IndexError(f"chip {index} of a grid of {len(self)}")
        return self._chip(position)

    def __iter__(self) -> Iterator[Chip]:
        return (self._chip(i) for i in range(len(self)))

    def __repr__(self) -> str:
        return f"ChipGrid({self._width} x {self._height} px, {self.level_count} levels, {len(self)} chips)"

    def _plan_levels(self, strip_width_px: int) -> Iterator[_Level]:
        tile, stride = self.tiling.tile_size_px, self.tiling.tile_size_px - self.tiling.overlap_px
        previous: _Level | None = None
        for index, scale in enumerate(self.tiling.scales):
            if previous is not None and previous.count == 1:
                return
            x = _Axis(max(1, round(self._width / (scale * self.pixel_aspect[0]))), tile, stride)
            y = _Axis(max(1, round(self._height / (scale * self.pixel_aspect[1]))), tile, stride)
            if previous is not None and (x, y) == (previous.x, previous.y):
                continue  # scales so close that they round to the same raster
            widest = max(1, (strip_width_px - self.tiling.overlap_px) // stride)
            strips = -(-x.count // widest)
            previous = _Level(index, x, y, -(-x.count // strips), first=0)
            yield previous

    def _chip(self, index: int) -> Chip:
        position = index if self._kept is None else int(self._kept[index])
        level = next(level for level in self._levels if level.first <= position)
        column, row = level.place(position - level.first)
        left, right = level.x.span(column)
        top, bottom = level.y.span(row)
        x0, y0 = self.area_scene_px[:2]
        return Chip(
            index=index,
            level=level.index,
            column=column,
            row=row,
            window_scene_px=(
                x0 + left * self._width / level.x.size,
                y0 + top * self._height / level.y.size,
                x0 + right * self._width / level.x.size,
                y0 + bottom * self._height / level.y.size,
            ),
            size_px=(right - left, bottom - top),
            cut=(left > 0, top > 0, right < level.x.size, bottom < level.y.size),
            pixel_aspect=self.pixel_aspect,
        )

    def _touching(self, aoi_scene_px: BaseGeometry) -> NDArray[np.int64]:
        """Positions of the chips whose window shares more than an edge with a geometry, looked at row by row."""
        shapely.prepare(aoi_scene_px)
        kept: list[NDArray[np.int64]] = []
        x0, y0 = self.area_scene_px[:2]
        for level in reversed(self._levels):
            scale_x, scale_y = self._width / level.x.size, self._height / level.y.size
            for left in range(0, level.x.count, level.strip_columns):
                columns = range(left, min(left + level.strip_columns, level.x.count))
                spans = np.array([level.x.span(column) for column in columns], np.float64) * scale_x + x0
                start = level.first + left * level.y.count
                for row in range(level.y.count):
                    top, bottom = level.y.span(row)
                    windows = shapely.box(spans[:, 0], top * scale_y + y0, spans[:, 1], bottom * scale_y + y0)
                    hit = shapely.intersects(aoi_scene_px, windows) & ~shapely.touches(aoi_scene_px, windows)
                    kept.append(start + row * len(columns) + np.flatnonzero(hit).astype(np.int64))
        return np.concatenate(kept)


def _numbered(levels: list[_Level]) -> tuple[_Level, ...]:
    """Levels, finest first, with their chips numbered from the coarsest on."""
    first, out = 0, []
    for level in reversed(levels):
        out.append(replace(level, first=first))
        first += level.count
    return tuple(reversed(out))


def _narrow_area(
    width: int,
    height: int,
    area_scene_px: tuple[int, int, int, int] | None,
    aoi_scene_px: BaseGeometry | None,
) -> tuple[int, int, int, int]:
    if width < 1 or height < 1:
        raise AreaError(f"a raster of {width} x {height} pixels has no chips")
    x0, y0, x1, y1 = (0, 0, width, height) if area_scene_px is None else (operator.index(v) for v in area_scene_px)
    if x0 >= x1 or y0 >= y1:
        raise AreaError(f"the area {(x0, y0, x1, y1)} is empty: x0 < x1 and y0 < y1 are needed")
    x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    if aoi_scene_px is not None:
        bounds = aoi_scene_px.bounds
        if aoi_scene_px.is_empty or not all(math.isfinite(v) for v in bounds):
            raise AreaError("the area of interest is empty or not finite")
        x0, y0 = max(x0, math.floor(bounds[0])), max(y0, math.floor(bounds[1]))
        x1, y1 = min(x1, math.ceil(bounds[2])), min(y1, math.ceil(bounds[3]))
    if x0 >= x1 or y0 >= y1:
        raise AreaError(
            "the area misses the scene", hint="Check its coordinates and their CRS against `geoground info`."
        )
    return x0, y0, x1, y1
