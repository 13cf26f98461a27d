"""How far a run is: a bar for people, JSON lines for programs, or nothing.

With ``--progress json`` standard output carries one JSON object a line and nothing else. Every object has ``event``:

    start      source, output                                        once for each scene
    progress   chips_done, chips_total, chips_failed, chips_resumed, found     five a second at most, and the last;
               with source where several scenes of a batch are under way together
    done       features, chips, empty_chips, failed_chips, drops, seconds, ...  once for each scene that gave a layer
    error      type, message, hint, exit_code                        when a scene, or the command, failed
    summary    scenes, failed, table                                 at the end of a batch
    estimate   scenes, done, failed, chips, bytes_to_read, seconds, seconds_per_chip, workers     of batch --dry-run;
               both seconds are null without a probe
"""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import click

from geogrounding.sources.names import shown

from .terminal import clean, to_json

if TYPE_CHECKING:
    from rich.live import Live
    from rich.progress import Progress as RichProgress
    from rich.table import Table

    from geogrounding.execution.report import Progress

    from .tally import Tally

MIN_SECONDS_BETWEEN_LINES = 0.2
MOST_ROWS = 12
"""Scenes under way that are shown one by one."""


class Silent:
    """Reports nothing, but remembers the last progress for the message after Ctrl-C."""

    def __init__(self) -> None:
        self.last: Progress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def event(self, event: str, **details: Any) -> None:
        """No one listens."""

    def update(self, progress: Progress, source: str = "") -> None:
        """Keep it."""
        self.last = progress

    def show(self, tally: Tally) -> None:
        """No one listens."""


class JsonLines(Silent):
    """One JSON object a line on standard output."""

    def __init__(self) -> None:
        super().__init__()
        self._next_line = 0.0
        self._gone = False

    def event(self, event: str, **details: Any) -> None:
        """Write one line. A reader that has gone does not end a run that may have taken hours."""
        if self._gone:
            return
        if "source" in details:
            details["source"] = shown(str(details["source"]))
        try:
            click.echo(to_json({"event": event, **details}))
        except BrokenPipeError:
            self._gone = True

    def update(self, progress: Progress, source: str = "") -> None:
        """Write a line when the last one is old enough, and always for the last chip."""
        super().update(progress, source)
        now = time.monotonic()
        if now < self._next_line and progress.chips_done < progress.chips_total:
            return
        self._next_line = now + MIN_SECONDS_BETWEEN_LINES
        self.event(
            "progress",
            chips_done=progress.chips_done,
            chips_total=progress.chips_total,
            chips_failed=progress.chips_failed,
            chips_resumed=progress.chips_resumed,
            found=progress.found,
            **({"source": source} if source else {}),
        )


class Bar(Silent):
    """A bar on standard error with the number of finds and the time left."""

    def __init__(self) -> None:
        super().__init__()
        self._bar: RichProgress | None = None
        self._task: Any = None

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("chips"),
            TextColumn("{task.fields[note]}", markup=False),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def event(self, event: str, **details: Any) -> None:
        """A new scene gets a new bar; reading and loading come first, so its length is not known yet."""
        if self._bar is None or event != "start":
            return
        if self._task is not None:
            self._bar.remove_task(self._task)
        name = shown(str(details.get("source", ""))).rpartition("/")[2]
        self._task = self._bar.add_task(clean(name, limit=24), total=None, note="loading")

    def update(self, progress: Progress, source: str = "") -> None:
        """Move the bar."""
        super().update(progress, source)
        if self._bar is None or self._task is None:
            return
        failed = f", {progress.chips_failed} failed" if progress.chips_failed else ""
        self._bar.update(
            self._task,
            completed=progress.chips_done,
            total=progress.chips_total,
            note=f"{progress.found} found{failed}",
        )


class LiveTable(Silent):
    """A batch on a terminal: one line for all scenes, and one for each that is under way."""

    def __init__(self) -> None:
        super().__init__()
        self._live: Live | None = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, tally: Tally) -> None:
        """Draw the table four times a second, until the batch ends."""
        from rich.console import Console
        from rich.live import Live

        def drawn() -> Table:
            return draw(tally)

        self._live = Live(get_renderable=drawn, console=Console(stderr=True), refresh_per_second=4, transient=True)
        self._live.start(refresh=True)


def draw(tally: Tally) -> Table:
    """The table of a batch."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    standing = tally.standing()
    table = Table.grid(padding=(0, 1))
    for _ in range(3):
        table.add_column(no_wrap=True)
    bar = ProgressBar(total=max(1, standing.scenes), completed=standing.done + standing.failed, width=30)
    table.add_row(Text("all scenes"), bar, Text(standing.line()))
    for name, progress in standing.under_way[:MOST_ROWS]:
        if progress is None:
            bar, text = ProgressBar(total=None, width=30, pulse=True), "opening"
        else:
            bar = ProgressBar(total=max(1, progress.chips_total), completed=progress.chips_done, width=30)
            failed = f", {progress.chips_failed} failed" if progress.chips_failed else ""
            text = f"{progress.chips_done:,}/{progress.chips_total:,} chips, {progress.found:,} found{failed}"
        table.add_row(Text(clean(name, limit=32)), bar, Text(text))
    return table


def make_reporter(mode: str, *, quiet: bool, batch: bool = False) -> Silent:
    """The reporter for ``--progress`` and ``--quiet``; JSON lines are for a program and come even when quiet."""
    if mode == "json":
        return JsonLines()
    if not quiet and (mode == "bar" or (mode == "auto" and sys.stderr.isatty())):
        return LiveTable() if batch else Bar()
    return Silent()
