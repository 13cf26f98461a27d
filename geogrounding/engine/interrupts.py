"""Cancelling the job in the main thread of the worker, from its other threads."""

from __future__ import annotations

import _thread
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Emit = Callable[..., None]
"""Sends an event of a request: name, and members by keyword."""


class Interrupted(BaseException):
    """The job was cancelled. No Exception, so that libraries do not take it for a failure of their own."""


class Interrupts:
    """Which jobs are cancelled, and whether the one in the main thread may be interrupted right now."""

    def __init__(self) -> None:
        self._cancelled: set[object] = set()
        self._current: object = None
        self._open = False

    def install(self) -> None:
        """Take over SIGINT; in the main thread."""
        signal.signal(signal.SIGINT, self._on_signal)

    def cancel(self, job: object) -> None:
        """Cancel a job, from any thread; its main thread is woken where it can be."""
        self._cancelled.add(job)
        if os.name == "posix":  # wakes also a thread that waits in the system
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        else:
            _thread.interrupt_main()

    def check(self) -> None:
        """Where a job may end.

        Raises:
            Interrupted: the job in the main thread was cancelled.
        """
        if self._current is not None and self._current in self._cancelled:
            raise Interrupted

    @contextmanager
    def job(self, job: object) -> Iterator[None]:
        """The job that the main thread is at."""
        self._current = job
        try:
            yield
        finally:
            self._current, self._open = None, False
            self._cancelled.discard(job)

    @contextmanager
    def open(self) -> Iterator[None]:
        """A part of a job that may be interrupted anywhere.

        Raises:
            Interrupted: the job was cancelled before or during it.
        """
        self._open = True
        try:
            self.check()  # after the flag: a signal that came before it was not heeded
            yield
        finally:
            self._open = False

    def _on_signal(self, _number: int, _frame: object) -> None:
        # Runs in the main thread, between two steps of its program: no other thread can change the flag meanwhile.
        if self._open:
            self.check()
