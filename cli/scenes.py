"""The scenes of a batch, one after the other or several at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from .progress import Silent

if TYPE_CHECKING:
    from geogrounding.distributed.turns import Turns
    from geogrounding.execution.report import Progress

T = TypeVar("T")
RunOne = Callable[[str, "Callable[[Progress], None]"], T]
"""Runs one scene, and reports its progress."""


def in_order(scenes: Sequence[str], run_one: RunOne[T], reporter: Silent) -> Generator[tuple[str, T], None, None]:
    """Run one scene after the other."""
    for scene in scenes:
        yield scene, run_one(scene, reporter.update)


def at_once(
    scenes: Sequence[str], run_one: RunOne[T], reporter: Silent, *, turns: Turns, most: int
) -> Generator[tuple[str, T], None, None]:
    """Run several scenes at once, by threads that take turns; yield them as they are finished.

    When the generator is closed early, scenes under way end at their next batch of chips, as after Ctrl-C.
    """
    stopped = threading.Event()
    reporter.together(len(scenes))

    def update(scene: str, progress: Progress) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        reporter.update(progress, scene)

    def work(scene: str) -> T:
        with turns.taken():
            return run_one(scene, partial(update, scene))

    upcoming = iter(scenes)
    running: dict[Future[T], str] = {}
    with ThreadPoolExecutor(max_workers=most, thread_name_prefix="scene") as threads:
        try:
            while True:
                for scene in upcoming:
                    running[threads.submit(work, scene)] = scene
                    if len(running) >= most:
                        break
                if not running:
                    return
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in sorted(done, key=lambda one: scenes.index(running[one])):
                    yield running.pop(future), future.result()
        finally:
            stopped.set()
