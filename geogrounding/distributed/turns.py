"""Threads that take turns, so that several scenes are under way in a process that does one thing at a time.

GDAL's settings and Python's warning filters belong to the whole process. Threads that each walk a scene would disturb
each other's; with turns, one thread works while the others wait for their answers, which is what the workers are for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


class Turns:
    """A lock that is let go while its holder waits for something."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._mine = threading.local()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Work in turn with other threads in such blocks."""
        with self._lock:
            self._mine.held = True
            try:
                yield
            finally:
                self._mine.held = False

    def wait_for(self, something: Callable[[], T]) -> T:
        """Wait without holding others up; in a thread that takes no turns, just wait."""
        if not getattr(self._mine, "held", False):
            return something()
        self._lock.release()
        try:
            return something()
        finally:
            self._lock.acquire()
