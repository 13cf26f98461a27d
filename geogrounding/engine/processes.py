"""Processes that the engine owns and that end with it.

A child reads its standard input and ends when that closes, which the system does for it however the engine died. The
engine's own way to end one is to kill it, with its process group where it has one of its own.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

from geogrounding.engine.transport import LineReader, TooLong, Writer

MAX_LINE_BYTES = 1 << 26
"""Lines of a child are the engine's own; the bound is for a runaway child."""


def python_command(module: str, *arguments: str) -> list[str]:
    """A command that runs a module of this environment in the same way as this process."""
    isolated = ["-I"] if sys.flags.isolated else []
    return [sys.executable, *isolated, "-u", "-X", "utf8", "-m", module, *arguments]


class Child:
    """A running process that reads lines and writes lines."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        on_line: Callable[[bytes], None],
        on_end: Callable[[Child, int], None],
        own_group: bool = False,
    ) -> None:
        """Start it.

        Args:
            command: program and arguments.
            on_line: called with each line of its standard output, in a thread.
            on_end: called once in the same thread, with its exit code: the negative number of a signal on POSIX.
            own_group: it may start processes of its own, which are then killed with it.

        Raises:
            OSError: it cannot be started.
        """
        self._on_line, self._on_end = on_line, on_end
        self._own_group = own_group and os.name == "posix"
        self._process = subprocess.Popen(  # noqa: S603 - the command is this program's own
            list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=self._own_group, bufsize=0
        )
        assert self._process.stdin is not None
        self._writer = Writer(self._process.stdin.fileno())
        self._thread = threading.Thread(target=self._read, name=f"child {self._process.pid}", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def send(self, message: dict[str, Any]) -> None:
        """Send it a message; what a dead child does not read is settled by ``on_end``."""
        with contextlib.suppress(OSError, ValueError):
            self._writer.send(message)

    def kill(self) -> None:
        """End it at once; harmless when it has ended. ``on_end`` follows."""
        with contextlib.suppress(OSError):
            if self._own_group:
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()

    def wait(self, timeout_s: float) -> None:
        """Wait until it has ended and ``on_end`` was called, but no longer than that."""
        self._thread.join(timeout_s)

    def _read(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stdin is not None
        for line in LineReader(self._process.stdout.fileno(), limit=MAX_LINE_BYTES):
            if not isinstance(line, TooLong):
                self._on_line(line)
        code = self._process.wait()
        self._process.stdout.close()
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._on_end(self, code)


def describe_end(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
