"""Answering the chips of a scene level by level: the coarsest everywhere, finer ones where something may be.

Four fifths of the chips belong to the finest level. Where it is known how a model's scores of a coarse level go with
what a finer one shows (``Conventions.coarse_to_fine``), only those chips of it are looked at that touch something which
the coarser levels show too small or not surely. The others are recorded as passed over. Which they are follows from the
records of the coarser levels, so a resumed run comes to the same ones.
"""

from __future__ import annotations

from array import array
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from geogrounding.execution.executor import MAX_BATCH_CHIPS, Answering
from geogrounding.execution.journal import ChipRecord, Journal
from geogrounding.execution.report import Clock
from geogrounding.execution.scan_plan import Plan
from geogrounding.raster.stretch import Stretch
from geogrounding.vector.georeference import boxes_to_scene_px


def answer_chips(
    answering: Answering, plan: Plan, stretch: Stretch, journal: Journal, clock: Clock
) -> Generator[list[ChipRecord], None, None]:
    """Answer every chip that the journal does not know yet, then once more those that failed before.

    Each batch is in the journal when it is yielded, and before the next is asked.

    Args:
        answering: the scene at an executor.
        plan: of the scene.
        stretch: of the scene.
        journal: of the run.
        clock: gets the time spent.

    Raises:
        GeogroundingError: see ``Answering.batches`` and ``Journal.append``.
    """
    with closing(_batches(answering, plan, stretch, journal, clock)) as batches:
        for records in batches:
            journal.append(records)
            yield records


def _batches(
    answering: Answering, plan: Plan, stretch: Stretch, journal: Journal, clock: Clock
) -> Generator[list[ChipRecord], None, None]:
    """What ``answer_chips`` yields, before it is in the journal.

    Chips passed over before the first of a batch are a batch of their own, those between its chips are part of it: so a
    run cut off after any batch goes on with the same ones.
    """
    failed_before = journal.failed
    for chips, wanted in _parts(plan, journal):
        done = chips.start
        for together in _runs(wanted):
            with closing(answering.batches(plan, stretch, together, clock)) as batches:
                for answered in batches:
                    yield from _passed_over(range(done, answered[0].index))
                    done = answered[0].index
                    records = []
                    for record in answered:
                        records += [ChipRecord(index=i, passed_over=True) for i in range(done, record.index)]
                        records.append(record)
                        done = record.index + 1
                    yield records
        yield from _passed_over(range(done, chips.stop))
    with closing(answering.batches(plan, stretch, failed_before, clock)) as batches:
        yield from batches


def _parts(plan: Plan, journal: Journal) -> Iterator[tuple[range, Sequence[int]]]:
    """Neighbouring chips of the grid that are not answered yet, and which of them are to be.

    All at once where every chip is; else level by level, since a level says what is wanted of the next.
    """
    grid = plan.grid
    if plan.closer is None:
        chips = range(journal.next_chip, len(grid))
        yield chips, chips
        return
    for position in reversed(range(grid.level_count)):
        level = grid.level_chips(position)
        chips = range(max(level.start, journal.next_chip), level.stop)
        if chips:
            yield chips, _wanted(plan, journal, position, chips)


def _wanted(plan: Plan, journal: Journal, position: int, chips: range) -> Sequence[int]:
    """Of chips of a level, those worth a look; a chip of a coarser level that failed may have shown anything."""
    grid, closer = plan.grid, plan.closer or ()
    if plan.everywhere(position):
        return chips
    x, y = grid.level_spans(position)
    near = np.zeros((len(y), len(x)), np.bool_)
    for index in range(grid.level_chips(position).start):
        record = journal[index]
        if record.error is not None:
            _mark(near, x, y, np.array([grid[index].window_scene_px]))
            continue
        for one, answer in zip(closer, record.answers, strict=False):
            unclear = [d.box_chip_px for d in answer.detections if one.unclear(d)]
            if unclear:
                _mark(near, x, y, boxes_to_scene_px(grid[index], np.array(unclear, np.float64)))
    return array("q", (chip.index for chip in map(grid.__getitem__, chips) if near[chip.row, chip.column]))


def _mark(
    near: NDArray[np.bool_], x: NDArray[np.float64], y: NDArray[np.float64], boxes_scene_px: NDArray[np.float64]
) -> None:
    """Set what shares more than an edge with a box. Starts and ends of chips both grow along an axis."""
    left, top, right, bottom = boxes_scene_px.T
    columns = zip(np.searchsorted(x[:, 1], left, "right"), np.searchsorted(x[:, 0], right), strict=True)
    rows = zip(np.searchsorted(y[:, 1], top, "right"), np.searchsorted(y[:, 0], bottom), strict=True)
    for (c0, c1), (r0, r1) in zip(columns, rows, strict=True):
        near[r0:r1, c0:c1] = True


def _runs(chips: Sequence[int]) -> Iterator[Sequence[int]]:
    """The chips, parted where so many between them are passed over that a batch would become a long line."""
    start = 0
    for n in range(1, len(chips)):
        if chips[n] - chips[n - 1] > MAX_BATCH_CHIPS:
            yield chips[start:n]
            start = n
    if len(chips):
        yield chips[start:]


def _passed_over(chips: range) -> Iterator[list[ChipRecord]]:
    for start in range(chips.start, chips.stop, MAX_BATCH_CHIPS):
        some = range(start, min(start + MAX_BATCH_CHIPS, chips.stop))
        yield [ChipRecord(index=index, passed_over=True) for index in some]
