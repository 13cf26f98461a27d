"""The protocol of every segmenter: an image and boxes to masks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from geogrounding.types import Mask

Points = tuple[tuple[float, float], ...]


@runtime_checkable
class Segmenter(Protocol):
    """Draws the objects that a model found with boxes."""

    name: str
    """Short name, such as ``"builtin"`` or ``"facebook/sam2.1-hiera-large"``."""
    fingerprint: str
    """Identity of weights and settings that change masks; a journal of another fingerprint is refused."""

    def segment(
        self, image: NDArray[np.uint8], boxes_px: NDArray[np.float64], keypoints_px: Sequence[Points]
    ) -> list[Mask | None]:
        """Draw the object in each box.

        Masks do not depend on the other boxes of the call. Memory is bounded by the image and one batch of boxes.

        Args:
            image: (height, width, 3) RGB.
            boxes_px: (N, 4) half-open boxes in pixels of the image.
            keypoints_px: (N,) points inside each object, as far as the model gave any.

        Returns:
            (N,) masks in pixels of the image; None where nothing was recognised.

        Raises:
            ModelError: the segmenter cannot go on at all.
        """
        ...

    def close(self) -> None:
        """Free memory. Calling it twice is harmless."""
        ...
