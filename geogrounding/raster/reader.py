"""Chips as images: read ahead by threads, blocks decoded about once, in order, in bounded memory.

How it works. The caller's thread looks ``ahead`` chips forward and asks for the cells (groups of blocks, see
cells.py) that they need. Threads, each with its own GDAL handle, decode cells; the thread that finishes the last
missing cell of a chip puts the chip together at once. Of a remote raster with small blocks neighbouring cells are
decoded together: blocks that lie side by side in the file are then one request. Cells that no chip in sight needs any
more stay in a cache of a fixed number of bytes, oldest out first: chips come in strips of limited width, so the rows
shared by two rows of chips are still there when they are needed. Nothing grows with the raster.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from geogrounding.errors import SettingsError
from geogrounding.raster.block_reader import Cell, Layer, Pixels, Region, read_cells, resample
from geogrounding.raster.buffers import BufferPool
from geogrounding.raster.grid import Chip
from geogrounding.raster.handle import Handle
from geogrounding.raster.pixels import Valid
from geogrounding.raster.scene import Scene
from geogrounding.raster.stretch import Stretch

CACHE_BYTES = 128 * 2**20
"""Cells kept for later chips: those that the next row of a strip of chips shares (see STRIP_WIDTH_PX), 1,024 rows of
it or two thousand, at 3 bytes a pixel, or 4 where validity is kept too; together with those that chips wait for."""
AHEAD_BYTES = 64 * 2**20
"""Finished or started chips that the caller has not taken yet: 21 of 1024 px, more than a batch of a large model.
Memory touched for the first time costs as much as decoding on some machines, so neither is larger than needed."""
MAX_AHEAD = 256
REMOTE_READ_BYTES = 32 * 2**20
"""Raw values of neighbouring cells of a remote raster that are read together: of JPEG that is about a megabyte."""
RAW_BYTES_IN_FLIGHT = 512 * 2**20
"""Raw values of cells being decoded; where single blocks are huge, fewer threads run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipImage:
    """A chip as the model gets it."""

    chip: Chip
    pixels: NDArray[np.uint8] | None
    """(height, width, 3) RGB, black where there is no data; None where no pixel holds data or the chip could not be
    read."""
    valid_share: float
    """Share of pixels that hold data, 0 to 1."""
    error: str | None = None
    """Why the chip could not be read; None where it could."""


def read_chips(
    scene: Scene, chips: Iterable[Chip], stretch: Stretch, *, threads: int | None = None, ahead: int | None = None
) -> Generator[ChipImage, None, None]:
    """Yield the images of chips, in the order of the chips.

    A block that cannot be decoded fails exactly the chips that need it. Closing the iterator stops the threads.

    Args:
        scene: the raster; it must stay in place, but not open, while chips are read.
        chips: of a ChipGrid of the scene, all or some, in any order; the grid's own order decodes blocks about once.
        stretch: of the scene.
        threads: that decode; None is one a core, at most 8.
        ahead: chips read before they are asked for; None goes by bytes. At least the size of a batch, so that a
            model never waits.

    Raises:
        SettingsError: threads or ahead are no positive numbers.
        SceneError: the raster cannot be opened any more.
    """
    if threads is not None and threads < 1:
        raise SettingsError(f"at least one reading thread is needed, not {threads}")
    if ahead is not None and ahead < 1:
        raise SettingsError(f"at least one chip must be read ahead, not {ahead}")
    return _read(scene, chips, stretch, threads or min(8, available_cores()), ahead)


def available_cores() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _read(
    scene: Scene, chips: Iterable[Chip], stretch: Stretch, threads: int, ahead: int | None
) -> Generator[ChipImage, None, None]:
    crew = _Crew(scene, stretch, threads)
    waiting: deque[_Ticket] = deque()
    upcoming = iter(chips)
    exhausted = False
    try:
        while True:
            most = ahead or _ahead_for(waiting)
            if not crew.reads_together or len(waiting) <= most // 2:
                with crew.held():
                    while not exhausted and len(waiting) < (ahead or _ahead_for(waiting)):
                        chip = next(upcoming, None)
                        if chip is None:
                            exhausted = True
                        else:
                            waiting.append(crew.order(chip))
            if not waiting:
                return
            yield crew.collect(waiting.popleft())
    finally:
        crew.stop()


def _ahead_for(waiting: deque[_Ticket]) -> int:
    if not waiting:
        return 1
    width, height = waiting[0].chip.size_px
    return max(4, min(MAX_AHEAD, AHEAD_BYTES // (width * height * 3)))


_Key = tuple[int, int, int]
"""Layer, column and row of a cell."""


@dataclass(slots=True, eq=False)
class _Ticket:
    """A chip under way."""

    chip: Chip
    layer: int
    region: Region
    keys: list[_Key]
    missing: int = 0
    image: ChipImage | None = None
    failure: BaseException | None = None


@dataclass(slots=True, eq=False)
class _Slot:
    """A cell that is kept, being decoded or ordered."""

    users: int = 0
    cell: Cell | None = None
    blocked: list[_Ticket] = field(default_factory=list)


class _Crew:
    """Threads, their handles, and the cells between them. ``order``, ``collect`` and ``stop`` are for one caller's
    thread.
    """

    def __init__(self, scene: Scene, stretch: Stretch, threads: int) -> None:
        self._scene, self._stretch = scene, stretch
        self._count = threads
        self.reads_together = scene.remote and _has_small_blocks(scene)
        """Whether neighbouring cells are read in one go."""
        self._pool = BufferPool()
        self._layers: list[Layer] = []
        self._layer_of_scale: dict[tuple[float, float], int] = {}
        self._handles: dict[int | None, list[Handle]] = {}
        self._threads: list[threading.Thread] = []
        self._state = threading.Condition()
        # Everything below is guarded by _state.
        self._jobs: deque[Callable[[int], None]] = deque()
        self._wanted: OrderedDict[_Key, _Slot] = OrderedDict()  # cells to decode
        self._slots: dict[_Key, _Slot] = {}
        self._idle: OrderedDict[_Key, None] = OrderedDict()
        self._cell_bytes = 0
        self._stopping = False

    def held(self) -> AbstractContextManager[object]:
        """While chips are ordered, so that no thread begins with the first of several neighbouring cells."""
        return self._state if self.reads_together else nullcontext()

    def order(self, chip: Chip) -> _Ticket:
        """Start reading a chip."""
        index = self._layer_for(chip)
        layer = self._layers[index]
        region = Region.build(layer, chip)
        ticket = _Ticket(chip, index, region, [(index, column, row) for column, row in layer.cells(region)])
        with self._state:
            for key in ticket.keys:
                slot = self._slots.get(key)
                if slot is None:
                    slot = self._slots[key] = _Slot()
                    self._wanted[key] = slot
                self._idle.pop(key, None)
                slot.users += 1
                if slot.cell is None:
                    slot.blocked.append(ticket)
                    ticket.missing += 1
            if not ticket.missing:
                self._jobs.append(partial(self._assemble, ticket))
            self._state.notify_all()
        return ticket

    def collect(self, ticket: _Ticket) -> ChipImage:
        """Wait for a chip."""
        with self._state:
            while ticket.image is None and ticket.failure is None:
                self._state.wait()
        if ticket.failure is not None:
            raise ticket.failure
        assert ticket.image is not None
        return ticket.image

    def stop(self) -> None:
        """End the threads after what they are doing now, and close their handles."""
        with self._state:
            self._stopping = True
            self._jobs.clear()
            self._wanted.clear()
            self._state.notify_all()
        for thread in self._threads:
            thread.join()
        for handles in self._handles.values():
            for handle in handles:
                handle.close()
        self._handles.clear()
        self._slots.clear()

    def _layer_for(self, chip: Chip) -> int:
        aspect_x, aspect_y = chip.pixel_aspect
        scale = (round(chip.level_scale * aspect_x, 6), round(chip.level_scale * aspect_y, 6))
        if scale not in self._layer_of_scale:
            layer = Layer.build(self._scene, scale)
            if layer not in self._layers:
                self._layers.append(layer)
                self._hire(layer)
            self._layer_of_scale[scale] = self._layers.index(layer)
        return self._layer_of_scale[scale]

    def _hire(self, layer: Layer) -> None:
        """Open a handle per thread for a layer (here, since opening touches the process's warning filters), start
        threads.
        """
        raw_bytes = layer.cell_bytes(self._scene)
        if not self._threads:
            self._count = max(1, min(self._count, RAW_BYTES_IN_FLIGHT // max(1, raw_bytes)))
        if layer.source.level not in self._handles:
            self._handles[layer.source.level] = [self._scene.open_handle(layer.source) for _ in range(self._count)]
        while len(self._threads) < self._count:
            worker = len(self._threads)
            thread = threading.Thread(target=self._work, args=(worker,), name=f"chip-reader-{worker}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self, worker: int) -> None:
        with self._scene.gdal():
            while True:
                with self._state:
                    while not (self._jobs or self._wanted or self._stopping):
                        self._state.wait()
                    if self._stopping:
                        return
                    # Chips are put together first: the caller may be waiting for one, and its cells can go.
                    job = self._jobs.popleft() if self._jobs else partial(self._decode, self._next_cells())
                job(worker)

    def _next_cells(self) -> dict[_Key, _Slot]:
        """The cell that has been wanted for longest, and of a remote raster those beside and below it: a rectangle."""
        (layer, column, row), slot = self._wanted.popitem(last=False)
        taken = {(layer, column, row): slot}
        if not self.reads_together:
            return taken
        most = max(1, REMOTE_READ_BYTES // self._layers[layer].cell_bytes(self._scene))
        left = right = column
        while len(taken) < most and (layer, right + 1, row) in self._wanted:
            right += 1
            taken[layer, right, row] = self._wanted.pop((layer, right, row))
        while len(taken) < most and (layer, left - 1, row) in self._wanted:
            left -= 1
            taken[layer, left, row] = self._wanted.pop((layer, left, row))
        while True:
            row += 1
            below = [(layer, place, row) for place in range(left, right + 1)]
            if len(taken) + len(below) > most or not all(key in self._wanted for key in below):
                return taken
            taken.update({key: self._wanted.pop(key) for key in below})

    def _decode(self, slots: dict[_Key, _Slot], worker: int) -> None:
        layer = self._layers[next(iter(slots))[0]]
        try:
            cells = read_cells(
                self._scene,
                self._handles[layer.source.level][worker],
                layer,
                self._stretch,
                self._pool,
                [key[1:] for key in slots],
            )
        except BaseException as error:  # noqa: BLE001 (it must reach the caller, not die in a thread)
            with self._state:
                for slot in slots.values():
                    for ticket in slot.blocked:
                        ticket.failure = error
                self._state.notify_all()
            return
        with self._state:
            for key, slot in slots.items():
                slot.cell = cells[key[1:]]
                self._cell_bytes += slot.cell.nbytes
                for ticket in slot.blocked:
                    ticket.missing -= 1
                    if not ticket.missing:
                        self._jobs.append(partial(self._assemble, ticket))
                slot.blocked.clear()
            self._evict()
            self._state.notify_all()

    def _assemble(self, ticket: _Ticket, _: int) -> None:
        try:
            found = ((key, self._slots[key].cell) for key in ticket.keys)
            cells = {key[1:]: cell for key, cell in found if cell is not None}
            ticket.image = assemble(ticket.chip, self._layers[ticket.layer], ticket.region, cells, self._pool)
        except BaseException as error:  # noqa: BLE001 (as in _decode)
            ticket.failure = error
        with self._state:
            for key in ticket.keys:
                self._release(key, ticket)
            self._state.notify_all()

    def _release(self, key: _Key, ticket: _Ticket) -> None:
        """One chip less needs a cell; if no other does, it is idle, and goes when room is needed.

        First to go are the cells that end well above the chip, where the next row of chips will not reach (its
        neighbours in the row have ordered theirs already), then the ones that have been idle for longest.
        """
        slot = self._slots[key]
        slot.users -= 1
        if slot.users or slot.cell is None:
            return
        self._idle[key] = None
        region, step_y = ticket.region, self._layers[ticket.layer].step[1]
        if (key[2] + 1) * step_y < region.bottom - (region.bottom - region.top) // 4:
            self._idle.move_to_end(key, last=False)
        self._evict()

    def _evict(self) -> None:
        """Let idle cells go while all cells together are too many bytes."""
        while self._cell_bytes > CACHE_BYTES and self._idle:
            key, _ = self._idle.popitem(last=False)
            dropped = self._slots.pop(key).cell
            self._cell_bytes -= dropped.nbytes if dropped is not None else 0


def _has_small_blocks(scene: Scene) -> bool:
    """Whether blocks are some tens of kilobytes, so that a request for each cell is mostly waiting."""
    with scene.gdal(), scene.open_handle() as handle:
        compression = handle.dataset.tags(ns="IMAGE_STRUCTURE").get("COMPRESSION", "")
    return any(name in compression.upper() for name in ("JPEG", "WEBP", "JXL"))


def assemble(
    chip: Chip, layer: Layer, region: Region, cells: dict[tuple[int, int], Cell], pool: BufferPool
) -> ChipImage:
    """Put a chip together from the cells that its region touches."""
    for cell in cells.values():
        for x0, y0, x1, y1, reason in cell.damage:
            if x0 < region.right and x1 > region.left and y0 < region.bottom and y1 > region.top:
                return ChipImage(chip=chip, pixels=None, valid_share=0.0, error=f"a block cannot be decoded: {reason}")
    shape = (region.bottom - region.top, region.right - region.left)
    valid = np.ones(shape, bool) if any(cell.valid is not None for cell in cells.values()) else None
    count = max(cell.pixels.shape[2] for cell in cells.values())
    pixels = gather(layer, region, cells, pool.take((*shape, count)), valid)
    if not region.copied:
        pixels, valid = resample(pixels, valid, chip.size_px, region.inner_box)
    if count == 1:
        grey, pixels = pixels, pool.take((*pixels.shape[:2], 3))
        pixels[:] = grey
    share = 1.0 if valid is None else float(np.count_nonzero(valid)) / valid.size
    return ChipImage(chip=chip, pixels=pixels if share > 0 else None, valid_share=share)


def gather(
    layer: Layer, region: Region, cells: dict[tuple[int, int], Cell], pixels: Pixels, valid: Valid | None
) -> Pixels:
    """Copy what cells hold of a region into an array (h, w, 1 or 3) and, if wanted, validity (h, w)."""
    step_x, step_y = layer.step
    for (column, row), cell in cells.items():
        cell_x, cell_y = column * step_x, row * step_y
        cell_height, cell_width = cell.pixels.shape[:2]
        left, right = max(region.left, cell_x), min(region.right, cell_x + cell_width)
        top, bottom = max(region.top, cell_y), min(region.bottom, cell_y + cell_height)
        to = np.s_[top - region.top : bottom - region.top, left - region.left : right - region.left]
        of = np.s_[top - cell_y : bottom - cell_y, left - cell_x : right - cell_x]
        pixels[to] = cell.pixels[of]
        if valid is not None and cell.valid is not None:
            valid[to] = cell.valid[of]
    return pixels
