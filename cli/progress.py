"""How far a run is: a bar for people, JSON lines for programs, or nothing.

With ``--progress json`` standard output carries one JSON object a line and nothing else. Every object has ``event``:

    start      source, output                                        once for each scene
    progress   chips_done, chips_total, chips_failed, chips_resumed, found     five a second at most, and the last;
               with source where several scenes of a batch are under way together
    done       features, chips, empty_chips, failed_chips, drops, seconds, ...  once for each scene that gave a layer
    error      type, message, hint, exit_code                        when a scene, or the command, failed
    summary    scenes, failed, table                                 at the end of a batch
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import fields, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

import click

from .terminal import clean, to_json

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

    from geogrounding.execution.report import Progress

MIN_SECONDS_BETWEEN_LINES = 0.2


class Reporter(Protocol):
    """Somebody who wants to know how far the run is."""

    def __enter__(self) -> Self:
        """Start."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and leave the terminal as it was."""
        ...

    def event(self, event: str, **details: Any) -> None:
        """Something other than progress happened."""
        ...

    def update(self, progress: Progress, source: str = "") -> None:
        """A batch of chips is done; of which scene, where several are under way together."""
        ...

    def together(self, scenes: int) -> None:
        """Several scenes of so many will be under way together."""
        ...


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

    def together(self, scenes: int) -> None:
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
        self._scenes: dict[str, Progress] = {}
        """The latest of each scene, where several are under way together."""
        self._number = 0
        self._ended: Counter[str] = Counter()

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
        if self._bar is None:
            return
        if self._number:
            self._ended[event] += event in ("done", "error") and "source" in details
            self._show_scenes()
            return
        if event != "start":
            return
        if self._task is not None:
            self._bar.remove_task(self._task)
        name = str(details.get("source", "")).rpartition("/")[2]
        self._task = self._bar.add_task(clean(name, limit=24), total=None, note="loading")

    def together(self, scenes: int) -> None:
        """One bar for all chips of the scenes under way, with how many scenes are done and failed."""
        self._number = scenes
        if self._bar is not None:
            self._task = self._bar.add_task("", total=None, note="loading")
            self._show_scenes()

    def _show_scenes(self) -> None:
        if self._bar is not None and self._task is not None:
            failed = f", {self._ended['error']} failed" if self._ended["error"] else ""
            self._bar.update(self._task, description=f"{self._ended['done']} of {self._number} scenes done{failed}")

    def update(self, progress: Progress, source: str = "") -> None:
        """Move the bar."""
        super().update(progress, source)
        if self._bar is None or self._task is None:
            return
        if source:
            self._scenes[source] = progress
            progress = _sum(self._scenes.values())
        failed = f", {progress.chips_failed} failed" if progress.chips_failed else ""
        self._bar.update(
            self._task,
            completed=progress.chips_done,
            total=progress.chips_total,
            note=f"{progress.found} found{failed}",
        )


def _sum(every: Iterable[Progress]) -> Progress:
    parts = list(every)
    names = [field.name for field in fields(parts[0])]
    return replace(parts[0], **{name: sum(getattr(part, name) for part in parts) for name in names})


def make_reporter(mode: str, *, quiet: bool) -> Silent:
    """The reporter for ``--progress`` and ``--quiet``; JSON lines are for a program and come even when quiet."""
    if mode == "json":
        return JsonLines()
    if not quiet and (mode == "bar" or (mode == "auto" and sys.stderr.isatty())):
        return Bar()
    return Silent()
