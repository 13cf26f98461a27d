"""Cells: groups of stored blocks, decoded once, kept as 8-bit pixels.

A cell belongs to a *layer*: the raster or one of its overviews, averaged by a whole factor where the raster has no
overview coarse enough. Keeping 8-bit pixels instead of raw values makes a cell 1 or 3 bytes a pixel whatever the type.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rasterio.windows import Window

from geogrounding.raster.buffers import BufferPool
from geogrounding.raster.grid import Chip
from geogrounding.raster.handle import Handle, short_reason
from geogrounding.raster.overviews import Source
from geogrounding.raster.pixels import Valid, read_raw
from geogrounding.raster.scene import Scene
from geogrounding.raster.security import WHOLE_IMAGE_DRIVERS
from geogrounding.raster.stretch import Stretch

CELL_SIDE_PX = 1024
"""Target side of a cell: a call to GDAL then costs nothing beside decoding, and little is decoded beyond the edge of an
area or strip."""
STRIP_CELL_PIXELS = 2**20
"""Target size of a cell of a raster stored in full-width strips."""
MAX_CELL_WIDTH_PX = 65_536

Pixels = NDArray[np.uint8]
"""(h, w, 1), grey, or (h, w, 3), red, green, blue."""


@dataclass(frozen=True, slots=True)
class Layer:
    """What the chips of one resolution are made from."""

    source: Source
    factor: tuple[int, int]
    """Pixels of the source averaged into one of the layer, along x and y."""
    cell_width: int
    cell_height: int
    """Of a cell, in pixels of the source; multiples of the factors."""
    scale_x: float
    scale_y: float
    """Scene pixels per pixel of the layer."""

    @classmethod
    def build(cls, scene: Scene, scale: tuple[float, float]) -> Layer:
        """The layer for chips of a scale (scene px per chip px, along x and y): at most twice as fine as they are."""
        source = scene.source_for(scale)
        ratio_x, ratio_y = scene.width / source.width, scene.height / source.height
        ratio = max(ratio_x, ratio_y)
        factor_x, factor_y = (max(1, math.floor(along / ratio * 1.001)) for along in scale)
        rows, columns = source.block_shape
        if scene.driver in WHOLE_IMAGE_DRIVERS:
            cell_width, cell_height = source.width, source.height
        elif columns >= source.width:
            cell_width = min(source.width, MAX_CELL_WIDTH_PX)
            cell_height = max(1, STRIP_CELL_PIXELS // cell_width // rows) * rows
        else:
            cell_width = max(1, CELL_SIDE_PX // columns) * columns
            cell_height = max(1, CELL_SIDE_PX // rows) * rows
        return cls(
            source=source,
            factor=(factor_x, factor_y),
            cell_width=-(-min(cell_width, source.width) // factor_x) * factor_x,
            cell_height=-(-min(cell_height, source.height) // factor_y) * factor_y,
            scale_x=ratio_x * factor_x,
            scale_y=ratio_y * factor_y,
        )

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the layer in its own pixels."""
        return -(-self.source.width // self.factor[0]), -(-self.source.height // self.factor[1])

    @property
    def step(self) -> tuple[int, int]:
        """Width and height of a cell in pixels of the layer."""
        return self.cell_width // self.factor[0], self.cell_height // self.factor[1]

    def cell_bytes(self, scene: Scene) -> int:
        """Raw values of a cell."""
        return self.cell_width * self.cell_height * len(scene.bands) * scene.plan.dtype.itemsize

    def cells(self, region: Region) -> Iterator[tuple[int, int]]:
        """Columns and rows of the cells that a region touches, row by row."""
        step_x, step_y = self.step
        for row in range(region.top // step_y, -(-region.bottom // step_y)):
            for column in range(region.left // step_x, -(-region.right // step_x)):
                yield column, row

    def source_window(self, column: int, row: int) -> Window:
        """The pixels of the source that make a cell."""
        left, top = column * self.cell_width, row * self.cell_height
        right, bottom = min(left + self.cell_width, self.source.width), min(top + self.cell_height, self.source.height)
        return Window(left, top, right - left, bottom - top)


@dataclass(frozen=True, slots=True)
class Region:
    """The pixels of a layer that one chip needs, and the exact window inside them."""

    left: int
    top: int
    right: int
    bottom: int
    """Half-open, pixels of the layer, support of the resampling filter included."""
    box: tuple[float, float, float, float]
    """The window of the chip in pixels of the layer, half-open floats."""
    copied: bool
    """True where layer pixels become chip pixels one to one."""

    @property
    def inner_box(self) -> tuple[float, float, float, float]:
        """The window of the chip in pixels of the region, kept inside it against rounding."""
        width, height = float(self.right - self.left), float(self.bottom - self.top)
        x0, y0, x1, y1 = self.box
        return (
            max(0.0, x0 - self.left),
            max(0.0, y0 - self.top),
            min(width, x1 - self.left),
            min(height, y1 - self.top),
        )

    @classmethod
    def build(cls, layer: Layer, chip: Chip) -> Region:
        """Where a chip lies in its layer."""
        x0, y0, x1, y1 = chip.window_scene_px
        box = (x0 / layer.scale_x, y0 / layer.scale_y, x1 / layer.scale_x, y1 / layer.scale_y)
        whole = all(value == round(value) for value in box)
        width, height = layer.size
        if whole and box[2] - box[0] == chip.size_px[0] and box[3] - box[1] == chip.size_px[1]:
            return cls(int(box[0]), int(box[1]), int(box[2]), int(box[3]), box, True)
        # A triangle filter reaches one pixel of the coarser of both grids to each side.
        reach_x = max(1.0, (box[2] - box[0]) / chip.size_px[0]) + 1
        reach_y = max(1.0, (box[3] - box[1]) / chip.size_px[1]) + 1
        return cls(
            max(0, math.floor(box[0] - reach_x)),
            max(0, math.floor(box[1] - reach_y)),
            min(width, math.ceil(box[2] + reach_x)),
            min(height, math.ceil(box[3] + reach_y)),
            box,
            False,
        )


@dataclass(frozen=True, slots=True)
class Cell:
    """Decoded pixels of a cell."""

    pixels: Pixels
    """0 where not valid."""
    valid: Valid | None
    """(h, w); None stands for everywhere."""
    damage: tuple[tuple[int, int, int, int, str], ...] = ()
    """Blocks that could not be decoded: (x0, y0, x1, y1) in pixels of the layer, and why."""

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        return self.pixels.nbytes + (0 if self.valid is None else self.valid.nbytes)


def read_cells(
    scene: Scene, handle: Handle, layer: Layer, stretch: Stretch, pool: BufferPool, places: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], Cell]:
    """Decode the cells of a rectangle, by (column, row), in one read; one by one where a block cannot be decoded."""
    if len(places) > 1:
        windows = {place: layer.source_window(*place) for place in places}
        left, top = min(w.col_off for w in windows.values()), min(w.row_off for w in windows.values())
        right = max(w.col_off + w.width for w in windows.values())
        bottom = max(w.row_off + w.height for w in windows.values())
        try:
            pixels, valid = _read_pixels(scene, handle, stretch, Window(left, top, right - left, bottom - top), pool)
        except Exception:  # noqa: BLE001 (reading cell by cell shows where the damage is)
            return {place: read_cell(scene, handle, layer, stretch, pool, *place) for place in places}
        return {
            place: _part(pixels, valid, layer, Window(w.col_off - left, w.row_off - top, w.width, w.height), pool)
            for place, w in windows.items()
        }
    return {place: read_cell(scene, handle, layer, stretch, pool, *place) for place in places}


def _part(pixels: Pixels, valid: Valid | None, layer: Layer, window: Window, pool: BufferPool) -> Cell:
    """The cell at a window of what was read, in memory of its own."""
    part = np.s_[window.row_off : window.row_off + window.height, window.col_off : window.col_off + window.width]
    out = pool.take((window.height, window.width, pixels.shape[2]))
    out[:] = pixels[part]
    shown = None if valid is None or valid[part].all() else valid[part].copy()
    if max(layer.factor) > 1:
        out, shown = average(out, shown, layer.factor)
    return Cell(out, shown)


def read_cell(
    scene: Scene, handle: Handle, layer: Layer, stretch: Stretch, pool: BufferPool, column: int, row: int
) -> Cell:
    """Decode a cell; never raises for damaged data: the blocks that cannot be decoded are listed and left black."""
    window = layer.source_window(column, row)
    damage: list[tuple[int, int, int, int, str]] = []
    try:
        pixels, valid = _read_pixels(scene, handle, stretch, window, pool)
    except Exception as error:  # noqa: BLE001 (GDAL decides which; reading block by block shows where the damage is)
        pixels, valid = _read_block_by_block(scene, handle, layer, stretch, pool, window, damage, error)
    if max(layer.factor) > 1:
        pixels, valid = average(pixels, valid, layer.factor)
    return Cell(pixels, valid, tuple(damage))


def _read_pixels(
    scene: Scene, handle: Handle, stretch: Stretch, window: Window, pool: BufferPool
) -> tuple[Pixels, Valid | None]:
    plan = scene.plan
    shape = (window.height, window.width)
    # Bands apart, interleaved here: GDAL's own interleaving takes twice as long, and its decoding threads gain nothing.
    raw_out = pool.take((len(plan.bands), *shape)) if plan.dtype == np.uint8 else None
    raw, valid = read_raw(handle.dataset, plan, window, out=raw_out)
    return stretch.pixels(raw, valid, out=pool.take((*shape, stretch.channels(len(plan.bands))))), valid


def _read_block_by_block(
    scene: Scene,
    handle: Handle,
    layer: Layer,
    stretch: Stretch,
    pool: BufferPool,
    window: Window,
    damage: list[tuple[int, int, int, int, str]],
    error: Exception,
) -> tuple[Pixels, Valid | None]:
    pixels = np.zeros((window.height, window.width, stretch.channels(len(scene.bands))), np.uint8)
    valid = np.zeros((window.height, window.width), bool)
    block_rows, block_columns = layer.source.block_shape
    single = block_rows >= window.height and block_columns >= window.width
    for top in _starts(window.row_off, window.height, block_rows):
        for left in _starts(window.col_off, window.width, block_columns):
            bottom = min((top // block_rows + 1) * block_rows, window.row_off + window.height)
            right = min((left // block_columns + 1) * block_columns, window.col_off + window.width)
            part = np.s_[top - window.row_off : bottom - window.row_off, left - window.col_off : right - window.col_off]
            try:
                if single:  # there is nothing smaller to try
                    raise error
                block = Window(left, top, right - left, bottom - top)
                pixels[part], block_valid = _read_pixels(scene, handle, stretch, block, pool)
            except Exception as reason:  # noqa: BLE001 (as above)
                k_x, k_y = layer.factor
                damaged = (left // k_x, top // k_y, -(-right // k_x), -(-bottom // k_y))
                damage.append((*damaged, short_reason(reason)))
                continue
            valid[part] = True if block_valid is None else block_valid
    return pixels, valid


def _starts(offset: int, length: int, block: int) -> list[int]:
    """Starts of the blocks that a stretch of pixels touches; the first is the offset itself."""
    return [offset, *range((offset // block + 1) * block, offset + length, block)]


def average(pixels: Pixels, valid: Valid | None, factor: tuple[int, int]) -> tuple[Pixels, Valid | None]:
    """Average blocks of pixels, so many along x and y (fewer at the right and bottom edge) over those that are valid.

    A pixel of the result is valid where at least half of what it covers is.
    """
    return _weigh(pixels, valid, lambda image: image.reduce(factor))


def resample(
    pixels: Pixels, valid: Valid | None, size_px: tuple[int, int], box: tuple[float, float, float, float]
) -> tuple[Pixels, Valid | None]:
    """Resample the window ``box`` of an image to a size, with a triangle filter as wide as the coarser grid (bilinear,
    antialiased); invalid pixels do not bleed into valid ones.
    """
    return _weigh(pixels, valid, lambda image: image.resize(size_px, Image.Resampling.BILINEAR, box=box))


def _weigh(
    pixels: Pixels, valid: Valid | None, shrink: Callable[[Image.Image], Image.Image]
) -> tuple[Pixels, Valid | None]:
    """Shrink an image, and undo the darkening by invalid pixels (which are 0) through the share of valid ones."""
    count = pixels.shape[2]
    small = np.asarray(shrink(Image.fromarray(pixels if count == 3 else pixels[:, :, 0])))
    small = small.reshape(*small.shape[:2], count)
    if valid is None:
        return small, None
    share = np.asarray(shrink(Image.fromarray(valid.view(np.uint8) * np.uint8(255))))
    if share.min() == 255:
        return small, None
    small_valid = share >= 128
    weighed = small * (255.0 / np.maximum(share, 1)).astype(np.float32)[:, :, None]
    return np.minimum(np.rint(weighed), 255).astype(np.uint8) * small_valid[:, :, None], small_valid
