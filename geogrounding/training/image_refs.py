"""References to the images of a training set, and a cache of prepared images.

A trainer copies its rows once for each completion of a group, and again for its logs. An ``ImageRef`` is small to copy; pixels
are read and prepared when they are needed, and cached.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from geogrounding.datasets import Sample

V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRef:
    """A reference to an image; equal keys mean equal pixels."""

    sample: Sample
    """Any sample that shows it."""

    @property
    def key(self) -> Hashable:
        """Identity of the pixels: the file, the window, and the orientation."""
        return str(self.sample.image), self.sample.window_px, self.sample.turn

    def pixels(self) -> NDArray[np.uint8]:
        """The image, (height, width, 3) uint8 RGB."""
        return self.sample.pixels()

    def __copy__(self) -> ImageRef:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> ImageRef:
        return self


class Recent(Generic[V]):
    """The most recently used values, at most ``limit_bytes`` of them together."""

    def __init__(self, limit_bytes: int, size_of: Callable[[V], int]) -> None:
        self._values: OrderedDict[Hashable, V] = OrderedDict()
        self._limit, self._size_of = limit_bytes, size_of
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Hashable) -> V | None:
        """The value, now the most recent one; None when it is not there."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: Hashable, value: V) -> None:
        """Keep a value, and forget the oldest ones where there is no room; a value above the limit is not kept."""
        size = self._size_of(value)
        old = self._values.pop(key, None)
        if old is not None:
            self._bytes -= self._size_of(old)
        if size > self._limit:
            return
        self._values[key] = value
        self._bytes += size
        while self._bytes > self._limit:
            _, oldest = self._values.popitem(last=False)
            self._bytes -= self._size_of(oldest)

    def clear(self) -> None:
        """Forget everything."""
        self._values.clear()
        self._bytes = 0
