"""``geoground batch --dry-run``: what a batch would need, without writing anything."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from geogrounding.errors import GeogroundingError, IncompleteError

from .batch_run import Answerers, Batch, answerers, is_done, scene_key
from .batch_table import cell, read_table
from .progress import JsonLines, Silent
from .scene_list import Listed
from .terminal import count, duration, table

if TYPE_CHECKING:
    from geogrounding.execution.estimate import Probed
    from geogrounding.execution.executor import Executor
    from geogrounding.models.base import Model
    from geogrounding.models.segmenters.base import Segmenter


@dataclass(slots=True)
class _Sum:
    """Over the scenes that are not done."""

    scenes: int = 0
    done: int = 0
    chips: int = 0
    bytes_to_read: int = 0
    unknown: int = 0
    """Scenes whose bytes are not known."""
    seconds: float = 0.0
    """For opening them."""
    largest: tuple[int, Listed] | None = None
    failed: list[tuple[Listed, GeogroundingError]] = field(default_factory=list)


def estimate(
    batch: Batch,
    load: Callable[[], Model],
    segmenter: Callable[[], Segmenter],
    reporter: Silent,
    *,
    probe: bool,
) -> None:
    """Print scenes, chips, bytes and, with a probe, the time; on standard output.

    Raises:
        IncompleteError: some scenes cannot be used.
    """
    batch.output.prepare(dry=True)
    workers = batch.options["workers"]
    if batch.options["executor"] == "ray":  # with several workers, a probe would measure how they start
        batch.options["workers"] = 1
    with answerers(batch, load, segmenter) as answering:
        found = _sum(batch, answering)
        probed = _probe(batch, answering, found.largest[1]) if probe and found.largest is not None else None
        if answering.executor is not None:
            workers = workers or answering.executor.room
    workers = workers or 1
    seconds = None if probed is None else _seconds(found, probed, workers)
    reporter.event(
        "estimate",
        scenes=len(batch.scenes),
        done=found.done,
        failed=len(found.failed),
        chips=found.chips,
        bytes_to_read=found.bytes_to_read,
        seconds=seconds,
        seconds_per_chip=None if probed is None else probed.seconds_per_chip,
        workers=workers,
    )
    if not isinstance(reporter, JsonLines):
        time_needed = "not estimated" if probed is None or seconds is None else _time(seconds, probed, workers)
        lines = [
            ("Scenes", f"{len(batch.scenes):,}{_not_run(found)}"),
            ("Chips", f"{found.chips:,}"),
            ("To read", _bytes(found)),
            ("Time", time_needed),
        ]
        click.echo(table(lines))
    if found.failed:
        scene, error = found.failed[0]
        raise IncompleteError(
            f"{len(found.failed)} of {count(len(batch.scenes), 'scene')} cannot be used; the first, {scene.source}: "
            f"{error}",
            hint=error.hint,
        )


def _sum(batch: Batch, answering: Answerers) -> _Sum:
    """Plan every scene that an earlier batch has not done."""
    from geogrounding.execution.estimate import needed
    from geogrounding.execution.scan_plan import make_plan
    from geogrounding.execution.scene import open_scene

    found = _Sum()
    before = {row.id: row for row in read_table(batch.output.table)} if batch.output.writing.resume else {}
    for scene in batch.scenes:
        try:
            earlier = before.get((cell(scene.source), cell(batch.output.cell(scene.name))))
            if earlier is not None and is_done(batch, scene, earlier, *scene_key(batch, answering, scene)):
                found.done += 1
                continue
            begin = time.monotonic()
            settings = batch.settings(scene)
            with open_scene(settings) as opened:
                need = needed(opened, make_plan(opened, settings, answering.identity.conventions))
            found.seconds += time.monotonic() - begin
        except GeogroundingError as error:
            found.failed.append((scene, error))
            continue
        found.scenes += 1
        found.chips += need.chips
        found.bytes_to_read += need.bytes_to_read or 0
        found.unknown += need.bytes_to_read is None
        if found.largest is None or need.chips > found.largest[0]:
            found.largest = (need.chips, scene)
    return found


def _probe(batch: Batch, answering: Answerers, scene: Listed) -> Probed:
    """Answer some chips of a scene."""
    from geogrounding.execution.estimate import probe
    from geogrounding.execution.local import LocalExecutor
    from geogrounding.execution.scan_plan import make_plan
    from geogrounding.execution.scene import open_scene

    settings = batch.settings(scene)
    executor: Executor = answering.executor or LocalExecutor()
    with ExitStack() as stack:
        opened = stack.enter_context(open_scene(settings))
        at = stack.enter_context(executor.answering(opened, settings, answering.model, answering.segmenter))
        settings = at.planned(settings)
        return probe(at, opened, settings, make_plan(opened, settings, at.model.conventions))


def _not_run(found: _Sum) -> str:
    parts = [f"{found.done:,} done already"] if found.done else []
    parts += [f"{len(found.failed):,} cannot be used"] if found.failed else []
    return f" ({', '.join(parts)})" if parts else ""


def _bytes(found: _Sum) -> str:
    unknown = f"; {count(found.unknown, 'scene')} of unknown size not counted" if found.unknown else ""
    return f"about {readable(found.bytes_to_read)}{unknown}"


def readable(number: float) -> str:
    """``12 kB``, ``3.4 GB``: bytes in powers of a thousand."""
    units = ("B", "kB", "MB", "GB", "TB", "PB")
    power = 0
    while number >= 999.5 and power < len(units) - 1:
        number, power = number / 1000, power + 1
    return f"{number:.3g} {units[power]}"


def _seconds(found: _Sum, probed: Probed, workers: int) -> float:
    return found.seconds + found.scenes * probed.seconds_before + found.chips * probed.seconds_per_chip / workers


def _time(seconds: float, probed: Probed, workers: int) -> str:
    return (
        f"about {duration(seconds)} with {count(workers, 'worker')}: {probed.seconds_per_chip:.3g} s a chip, as "
        f"measured on {count(probed.chips, 'chip')}"
    )
