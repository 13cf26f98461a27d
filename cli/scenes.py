"""The scenes of a batch, one after the other or several at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from .progress import Silent
from .scene_list import Listed
from .tally import Tally

if TYPE_CHECKING:
    from geogrounding.distributed.turns import Turns
    from geogrounding.execution.report import Progress

T = TypeVar("T")
RunOne = Callable[[Listed, "Callable[[Progress], None]"], T]
"""Runs one scene, and reports its progress."""


def sizes(scenes: Sequence[Listed]) -> dict[str, float]:
    """Bytes of each scene, by name; 0 where it is no local file: the size of others is not asked for."""
    found: dict[str, float] = {}
    for scene in scenes:
        try:
            found[scene.name] = float(Path(scene.source).stat().st_size)
        except (OSError, ValueError):  # a URL, a subdataset, or nothing at all
            found[scene.name] = 0.0
    return found


def weights(bytes_of: dict[str, float]) -> dict[str, float]:
    """What each scene counts in an estimate of the time: its bytes, and the mean of the others where unknown."""
    known = [size for size in bytes_of.values() if size > 0]
    mean = sum(known) / len(known) if known else 1.0
    return {name: size or mean for name, size in bytes_of.items()}


def in_order(
    scenes: Sequence[Listed], run_one: RunOne[T], reporter: Silent, tally: Tally
) -> Generator[tuple[Listed, T], None, None]:
    """Run one scene after the other."""
    for scene in scenes:

        def update(progress: Progress, name: str = scene.name) -> None:
            tally.update(name, progress)
            reporter.update(progress)

        tally.begin(scene.name)
        yield scene, run_one(scene, update)


def at_once(
    scenes: Sequence[Listed], run_one: RunOne[T], reporter: Silent, tally: Tally, *, turns: Turns, most: int
) -> Generator[tuple[Listed, T], None, None]:
    """Run several scenes at once, by threads that take turns; yield them as they are finished.

    When the generator is closed early, scenes under way end at their next batch of chips, as after Ctrl-C.
    """
    stopped = threading.Event()

    def work(scene: Listed) -> T:
        def update(progress: Progress) -> None:
            if stopped.is_set():
                raise KeyboardInterrupt
            tally.update(scene.name, progress)
            reporter.update(progress, scene.source)

        with turns.taken():
            tally.begin(scene.name)
            return run_one(scene, update)

    upcoming = enumerate(scenes)
    running: dict[Future[T], tuple[int, Listed]] = {}
    with ThreadPoolExecutor(max_workers=most, thread_name_prefix="scene") as threads:
        try:
            while True:
                for place, scene in upcoming:
                    running[threads.submit(work, scene)] = (place, scene)
                    if len(running) >= most:
                        break
                if not running:
                    return
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in sorted(done, key=lambda one: running[one][0]):
                    yield running.pop(future)[1], future.result()
        finally:
            stopped.set()
