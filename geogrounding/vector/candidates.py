"""What goes into a merge and what comes out, as structs of arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geogrounding.errors import SettingsError
from geogrounding.vector.georeference import as_boxes


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """All boxes of a run before merging, as a struct of arrays over N candidates, in any order."""

    boxes_scene_px: NDArray[np.float64]
    """(N, 4) as x0, y0, x1, y1."""
    scores: NDArray[np.float64]
    """(N,) NaN where the model gave none."""
    groups: NDArray[np.int64]
    """(N,) only boxes of the same group are compared: one number per query and label."""
    cut: NDArray[np.bool_]
    """(N, 4) left, top, right, bottom: see ``georeference.cut_edges``."""
    chips: NDArray[np.int64]
    """(N,) the chip each was seen on."""
    chip_windows_scene_px: NDArray[np.float64]
    """(N, 4) the window of that chip."""
    scales: NDArray[np.float64]
    """(N,) scene pixels per chip pixel."""
    spans: NDArray[np.float64] | None = None
    """(N, 4, 2) where the mask of each meets the borders that cut it: see ``spans.cut_spans``. None without masks."""

    def __post_init__(self) -> None:
        count = len(self.boxes_scene_px)
        columns = (("boxes_scene_px", 4), ("cut", 4), ("chip_windows_scene_px", 4))
        for name, width in columns:
            if np.shape(getattr(self, name)) != (count, width):
                raise SettingsError(f"{name} must have the shape ({count}, {width})", hint="give one row a candidate")
        for name in ("scores", "groups", "chips", "scales"):
            if np.shape(getattr(self, name)) != (count,):
                raise SettingsError(f"{name} must have the shape ({count},)", hint="give one value a candidate")
        if self.spans is not None and np.shape(self.spans) != (count, 4, 2):
            raise SettingsError(f"spans must have the shape ({count}, 4, 2)", hint="give one row a candidate")
        as_boxes(self.boxes_scene_px, name="boxes_scene_px")
        as_boxes(self.chip_windows_scene_px, name="chip_windows_scene_px")
        if not (np.isfinite(self.scales) & (self.scales > 0)).all():
            raise SettingsError("scales must be positive numbers", hint="a scale is scene pixels per chip pixel")

    def __len__(self) -> int:
        return len(self.boxes_scene_px)

    def of_suited_level(self, sizes_px: tuple[float, float] | None, levels: Sequence[float]) -> NDArray[np.bool_]:
        """(N,) whether each candidate was seen on a level that suits its size.

        A box larger than the model sees well is often a part of its object, or ends at the wrong place, and one that is
        smaller is often something else; another level shows them at a better size (as in training by scale: Singh and
        Davis 2018, "An Analysis of Scale Invariance in Object Detection - SNIP").

        Args:
            sizes_px: (least, most) root of the area of a box in chip pixels; None: all suit.
            levels: scene pixels per chip pixel at each level of the run. There is no limit for large objects on the
                coarsest, nor for small ones on the finest.
        """
        if sizes_px is None or len(levels) < 2 or not len(self):
            return np.ones(len(self), bool)
        sides = self.boxes_scene_px[:, 2:] - self.boxes_scene_px[:, :2]
        size_px = np.sqrt(sides.prod(axis=1)) / self.scales
        # The scale of a chip is not exactly that of its level: levels are whole pixels large.
        ordered = sorted(levels)
        first = self.scales < math.sqrt(ordered[0] * ordered[1])
        last = self.scales > math.sqrt(ordered[-2] * ordered[-1])
        suited: NDArray[np.bool_] = ((size_px >= sizes_px[0]) | first) & ((size_px <= sizes_px[1]) | last)
        return suited

    def take(self, indexes: NDArray[np.int64]) -> Candidates:
        """The candidates at ``indexes``, in that order."""
        return Candidates(
            boxes_scene_px=np.asarray(self.boxes_scene_px, np.float64)[indexes],
            scores=np.asarray(self.scores, np.float64)[indexes],
            groups=np.asarray(self.groups, np.int64)[indexes],
            cut=np.asarray(self.cut, np.bool_)[indexes],
            chips=np.asarray(self.chips, np.int64)[indexes],
            chip_windows_scene_px=np.asarray(self.chip_windows_scene_px, np.float64)[indexes],
            scales=np.asarray(self.scales, np.float64)[indexes],
            spans=None if self.spans is None else self.spans[indexes],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """M merged boxes, from top to bottom and left to right (by y0, then x0, y1, x1, then group)."""

    boxes_scene_px: NDArray[np.float64]
    """(M, 4)."""
    scores: NDArray[np.float64]
    """(M,) the best score of the members; NaN where none is known."""
    representative: NDArray[np.int64]
    """(M,) index of the candidate with that score: its label, reasoning and chip stand for the result."""
    sizes: NDArray[np.int64]
    """(M,) how many candidates went into each."""
    results: NDArray[np.int64]
    """(N,) the merged box that each candidate went into."""

    def __len__(self) -> int:
        return len(self.boxes_scene_px)
