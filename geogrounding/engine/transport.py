"""The pipes to a client: lines in, lines out, and no other code writes to them."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

from geogrounding.engine.protocol import encode

CHUNK_BYTES = 1 << 16


class TooLong:
    """Stands for a line that was longer than allowed and thrown away."""


class LineReader:
    """Lines of a pipe, in bounded memory."""

    def __init__(self, descriptor: int, *, limit: int) -> None:
        """Read ``descriptor``; of a line with more than ``limit`` bytes only its length is reported."""
        self._descriptor, self._limit = descriptor, limit

    def __iter__(self) -> Iterator[bytes | TooLong]:
        """Lines without their end, until the pipe closes; a last line without an end is no line. Empty ones are left
        out.
        """
        parts: list[bytes] = []
        size, skipping = 0, False
        while chunk := self._read():
            *whole, rest = chunk.split(b"\n")
            for piece in whole:
                if skipping or size + len(piece) > self._limit:
                    yield TooLong()
                elif line := b"".join([*parts, piece]).strip():
                    yield line
                parts, size, skipping = [], 0, False
            if not skipping and rest:
                parts.append(rest)
                size += len(rest)
                if size > self._limit:
                    parts, skipping = [], True

    def _read(self) -> bytes:
        try:
            return os.read(self._descriptor, CHUNK_BYTES)
        except OSError:  # closed at the other end in a way that Windows calls an error
            return b""


class Writer:
    """Whole lines to a pipe, from any thread."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def send(self, message: dict[str, Any]) -> None:
        """Write a message.

        Raises:
            OSError: no one reads any more.
        """
        self.send_line(encode(message))

    def send_line(self, line: bytes) -> None:
        """Write a line with its end.

        Raises:
            OSError: no one reads any more.
        """
        view = memoryview(line)
        with self._lock:
            while view:
                view = view[os.write(self._descriptor, view) :]


def take_over() -> tuple[int, int]:
    """Make the standard pipes private: (descriptor to read requests, descriptor to write replies).

    Afterwards descriptor 0 is empty and descriptor 1 is standard error, for this process, its libraries and its
    children: a stray ``print``, in Python or in C, ends in the log and not between two replies.
    """
    requests, replies = os.dup(0), os.dup(1)
    if os.name == "nt":
        import msvcrt

        for descriptor in (requests, replies):  # no translation of line ends
            msvcrt.setmode(descriptor, os.O_BINARY)  # type: ignore[attr-defined,unused-ignore]
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdout.flush()
    os.dup2(2, 1)
    return requests, replies
