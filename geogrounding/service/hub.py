"""Who waits for events of which job: threads publish, coroutines wait."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from geogrounding.service.store import Event

if TYPE_CHECKING:
    from collections.abc import Iterator

KEPT = 64
"""Latest events of a job kept in memory while someone follows it, so that a hundred followers read the disk once."""


class _Channel:
    def __init__(self) -> None:
        self.recent: deque[Event] = deque(maxlen=KEPT)
        self.wakers: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()


class Hub:
    """Channels of the jobs that someone follows."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._channels: dict[str, _Channel] = {}

    @property
    def followers(self) -> int:
        """Open streams."""
        with self._lock:
            return sum(len(channel.wakers) for channel in self._channels.values())

    def publish(self, job_id: str, event: Event) -> None:
        """Pass an event on; from any thread."""
        with self._lock:
            channel = self._channels.get(job_id)
            if channel is None:
                return
            channel.recent.append(event)
            wakers = list(channel.wakers)
        for loop, waker in wakers:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(waker.set)

    @contextmanager
    def follow(self, job_id: str) -> Iterator[Follower]:
        """Follow a job; inside a running loop."""
        key = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            channel = self._channels.setdefault(job_id, _Channel())
            channel.wakers.add(key)
        try:
            yield Follower(channel, key[1], self._lock)
        finally:
            with self._lock:
                channel.wakers.discard(key)
                if not channel.wakers and self._channels.get(job_id) is channel:
                    del self._channels[job_id]


class Follower:
    """One stream."""

    def __init__(self, channel: _Channel, waker: asyncio.Event, lock: threading.Lock) -> None:
        self._channel, self._waker, self._lock = channel, waker, lock

    async def wait(self, timeout_s: float) -> bool:
        """Wait for something new; False where nothing came."""
        try:
            await asyncio.wait_for(self._waker.wait(), timeout_s)
        except TimeoutError:
            return False
        self._waker.clear()
        return True

    def recent(self, after: int) -> list[Event] | None:
        """Events after a number from memory; None where they go back further than memory does."""
        with self._lock:
            events = list(self._channel.recent)
        if not events or events[0].number > after + 1:
            return None
        return [event for event in events if event.number > after]
