"""The one protocol that every model backend fulfils, and the conventions it states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from geogrounding.types import Answer, BoxOrder, CoordinateConvention, Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Conventions:
    """What the tiling engine must know of a model before it cuts the first chip."""

    tile_size_px: int
    """Side of the chips that suit the model, chip pixels."""
    overlap_px: int
    """Overlap of neighbouring chips that suits the model, chip pixels."""
    coordinates: CoordinateConvention
    box_order: BoxOrder = "xyxy"
    scales: tuple[float, ...] = (1.0,)
    """Scene pixels per chip pixel at each level of the grid, finest first; (1, 2) also looks at half of it."""
    ground_resolution_m: tuple[float, float] | None = None
    """(finest, coarsest) metres per chip pixel the model is good for; None when unknown."""
    object_sizes_px: tuple[float, float] | None = None
    """(least, most) size of an object, chip pixels (root of the area of its box), at which the model sees it well.
    Where a scene is looked at on several levels, smaller objects are taken from the finest alone and larger ones from
    the coarsest alone. None: every level counts for every object."""
    unnested: tuple[str, ...] = ()
    """Classes of which no object lies inside the box of another: there a box in a larger one is a part of it that was
    taken for a whole. Boxes of slanted neighbours, such as moored boats, do lie in each other."""
    batch_size: int = 1
    """Chips per call of ``ground`` that suit the model."""
    min_score: float = 0.0
    """Default of ``--min-score`` for ``detect``; ``refer`` takes the best whatever its score."""
    classes: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Classes that the model finds by name, with the ground resolutions (metres per chip pixel, finest first) at which
    each is looked for; none where nothing is known. Empty for a model that is not limited to a list of classes."""
    coarse_to_fine: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """Classes that are looked for coarse to fine where the ground resolution of a scene is known. Each has the ground
    resolution of the first look (metres per chip pixel), which is taken everywhere, and the score from which on a small
    box calls for a look at finer levels: see ``execution.coarse_to_fine``. Other classes are looked for on every level
    everywhere. Needs ``object_sizes_px`` and ``min_score``."""
    taught: tuple[str, ...] = ()
    """Names of things that fine-tuning has taught the model, in the singular: understood in such questions as well."""
    scene_questions: bool = False
    """Whether questions that choose by rank, place or neighbour are split into plain ones and decided over the whole
    scene: see ``query.planner``."""


@runtime_checkable
class Writer(Protocol):
    """A model that also writes text about a text, without an image."""

    def write(self, prompt: str, *, max_tokens: int) -> str:
        """What the model writes.

        Raises:
            ModelError: it cannot write, or its server does not answer.
        """
        ...


@runtime_checkable
class Model(Protocol):
    """Something that answers questions about images."""

    name: str
    """Short name written to every feature, such as ``"builtin"`` or ``"Qwen/Qwen2.5-VL-3B-Instruct"``."""
    fingerprint: str
    """Identity of weights and settings that change answers; a journal of another fingerprint is refused."""
    conventions: Conventions

    def ground(self, images: Sequence[NDArray[np.uint8]], questions: Sequence[Question]) -> list[list[Answer]]:
        """Answer every question about every image.

        Args:
            images: RGB images, each (height, width, 3) uint8; sizes may differ.
            questions: asked of each image; the work on the image is shared between them.

        Returns:
            ``answers[i][j]`` for ``images[i]`` and ``questions[j]``, boxes in pixels of ``images[i]``. An image that
            cannot be answered gives an Answer whose ``error`` says why.

        Raises:
            ModelError: the model cannot go on at all (server gone, weights unusable).
        """
        ...

    def close(self) -> None:
        """Free memory, sockets and processes. Calling it twice is harmless."""
        ...
