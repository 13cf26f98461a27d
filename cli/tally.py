"""How far a batch is, in numbers: scenes done and failed, chips a second, and the time left."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .terminal import count, duration

if TYPE_CHECKING:
    from geogrounding.execution.report import Progress

End = Literal["done", "failed", "kept"]
"""``kept``: done in an earlier batch, and passed over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A batch at one moment."""

    scenes: int
    done: int
    """Also those that were kept."""
    failed: int
    chips_per_s: float | None
    """None before the first chip."""
    seconds_left: float | None
    """None before anything is known."""
    under_way: tuple[tuple[str, Progress | None], ...]
    """Scenes that were begun and have not ended, in the order of their begin; None before the first chips."""

    def line(self) -> str:
        """Everything but the scenes under way, for a person."""
        parts = [f"{self.done:,} of {count(self.scenes, 'scene')} done"]
        if self.failed:
            parts.append(f"{self.failed:,} failed")
        if self.chips_per_s is not None:
            parts.append(f"{self.chips_per_s:.3g} chips/s")
        if self.seconds_left is not None and self.done + self.failed < self.scenes:
            parts.append(f"about {duration(self.seconds_left)} left")
        return ", ".join(parts)


class Tally:
    """Counts scenes and chips; threads may report together."""

    def __init__(self, weights: Mapping[str, float], *, clock: Callable[[], float] = time.monotonic) -> None:
        """Start counting now.

        Args:
            weights: how much work each scene is beside the others, by name; only ratios count.
            clock: seconds.
        """
        self._weights = dict(weights)
        self._clock = clock
        self._began = clock()
        self._lock = threading.Lock()
        self._under_way: dict[str, Progress | None] = {}
        self._ended = {"done": 0, "failed": 0, "kept": 0}
        self._chips = 0
        self._worked = 0.0
        """Weight of what was done in this batch, in scenes that have ended."""
        self._left = sum(self._weights.values())
        """Weight of the scenes that have not ended."""

    def begin(self, name: str) -> None:
        """A scene is begun."""
        with self._lock:
            self._under_way[name] = None

    def update(self, name: str, progress: Progress) -> None:
        """A scene has come so far."""
        with self._lock:
            self._under_way[name] = progress

    def end(self, name: str, how: End) -> None:
        """A scene has ended."""
        with self._lock:
            progress = self._under_way.pop(name, None)
            weight = self._weights[name]
            self._left -= weight
            self._ended[how] += 1
            if how != "kept":
                self._chips += _answered(progress)
                self._worked += weight * (1.0 - (_resumed_share(progress) if progress else 0.0))

    def standing(self) -> Standing:
        """How it stands now."""
        with self._lock:
            under_way = tuple(self._under_way.items())
            chips, worked, left = self._chips, self._worked, self._left
            ended = dict(self._ended)
        for name, progress in under_way:
            if progress is not None and progress.chips_total:
                weight = self._weights[name]
                chips += _answered(progress)
                worked += weight * _answered(progress) / progress.chips_total
                left -= weight * progress.chips_done / progress.chips_total
        seconds = self._clock() - self._began
        return Standing(
            scenes=len(self._weights),
            done=ended["done"] + ended["kept"],
            failed=ended["failed"],
            chips_per_s=chips / seconds if chips and seconds > 0 else None,
            seconds_left=max(0.0, left) * seconds / worked if worked > 0 else None,
            under_way=under_way,
        )


def _answered(progress: Progress | None) -> int:
    return 0 if progress is None else progress.chips_done - progress.chips_resumed


def _resumed_share(progress: Progress) -> float:
    return progress.chips_resumed / progress.chips_total if progress.chips_total else 0.0
