"""A model that answers nothing: to measure and test everything around the model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geogrounding.errors import SettingsError
from geogrounding.models.base import Conventions
from geogrounding.types import Answer, Question

_TILE_SIZE_PX = 1024
_OVERLAP_PX = 128
_BATCH_SIZE = 8


class NullModel:
    """Looks at no pixel and finds nothing; its chips are 1024 px with 128 px overlap."""

    name = "null"
    fingerprint = "null-1"

    def __init__(self, *, batch_size: int | None = None) -> None:
        if batch_size is not None and batch_size < 1:
            raise SettingsError(f"batch size {batch_size} is not positive")
        self.conventions = Conventions(
            tile_size_px=_TILE_SIZE_PX,
            overlap_px=_OVERLAP_PX,
            coordinates="per-mille",
            batch_size=batch_size or _BATCH_SIZE,
        )

    def ground(self, images: Sequence[NDArray[np.uint8]], questions: Sequence[Question]) -> list[list[Answer]]:
        """One empty answer for every image and question."""
        return [[Answer() for _ in questions] for _ in images]

    def close(self) -> None:
        """Nothing is held."""
