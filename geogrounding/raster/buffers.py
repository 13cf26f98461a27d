"""Arrays whose memory is used again once no reference to them is left.

Chips and cells are a few megabytes each and come and go by the thousand. Fresh memory of that size is mapped, zeroed
and unmapped by the kernel every time, which took a fifth of the time of decoding.
"""

from __future__ import annotations

import math
import mmap
import threading
import weakref

import numpy as np
from numpy.typing import NDArray

MAX_SPARE_BYTES = 16 * 2**20
"""Memory kept for later; what goes beyond is given back."""


class BufferPool:
    """Gives out uint8 arrays; an array's memory returns by itself when the array and all views of it are gone."""

    def __init__(self) -> None:
        self._spare: dict[int, list[mmap.mmap]] = {}
        self._spare_bytes = 0
        # A finalizer can run inside any allocation, so also while this very thread holds the lock.
        self._lock = threading.RLock()

    def take(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """An array of a shape, its values undefined."""
        size = math.prod(shape)
        with self._lock:
            same = self._spare.get(size)
            memory = same.pop() if same else None
            if memory is not None:
                self._spare_bytes -= size
        if memory is None:
            memory = mmap.mmap(-1, size)  # not malloc, which keeps and splits freed pieces in an arena per thread
        flat = np.frombuffer(memory, np.uint8)
        # Every view refers to ``flat``, since that is the array whose base is no array.
        weakref.finalize(flat, self._give_back, memory).atexit = False
        return flat.reshape(shape)

    def _give_back(self, memory: mmap.mmap) -> None:
        with self._lock:
            if self._spare_bytes + len(memory) <= MAX_SPARE_BYTES:
                self._spare.setdefault(len(memory), []).append(memory)
                self._spare_bytes += len(memory)
