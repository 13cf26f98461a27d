"""Counting what was found: greedy matching of scored boxes, average precision, best F1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geogrounding.evaluation.matching import average_precision
from geogrounding.evaluation.matching import match as match_boxes
from geogrounding.geometry.boxes import as_boxes, iou_matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class Hits:
    """Scored boxes of many images against the truth."""

    scores: NDArray[np.float64]
    """(N,) descending."""
    right: NDArray[np.bool_]
    """(N,) True where the box took a target no better-scored box had taken."""
    targets: int

    def average_precision(self) -> float:
        """COCO's average precision, as ``geoground eval`` prints it; NaN without targets."""
        return float(average_precision(self.right, int(self.targets)))

    def f1(self, threshold: float) -> float:
        """F1 of the boxes with at least this score."""
        kept = self.scores >= threshold
        return float(2 * self.right[kept].sum() / max(1, kept.sum() + self.targets))

    def best_threshold(self) -> tuple[float, float]:
        """(threshold, F1) where F1 is largest."""
        if not len(self.scores):
            return 0.5, 0.0
        f1 = 2 * np.cumsum(self.right) / (np.arange(1, len(self.right) + 1) + self.targets)
        best = int(np.argmax(f1))
        return float(self.scores[best]), float(f1[best])


def match(
    found: Sequence[tuple[NDArray[np.floating], NDArray[np.floating]]],
    truth: Sequence[tuple[NDArray[np.floating], NDArray[np.bool_]]],
    *,
    iou: float = 0.5,
) -> Hits:
    """Match boxes to targets image by image, better scores first, each target once.

    Args:
        found: per image: boxes (N, 4), scores (N,).
        truth: per image: boxes (M, 4), and (M,) True for targets that count; a box on one that does not is left out.
        iou: least IoU of a hit.
    """
    scores: list[float] = []
    right: list[bool] = []
    for (boxes, score), (targets, counts) in zip(found, truth, strict=True):
        overlap = iou_matrix(as_boxes(boxes), as_boxes(targets))
        order = np.argsort(-np.asarray(score), kind="stable")
        hit = match_boxes(overlap[order][:, counts], np.array([iou]))[0]
        aside = ~hit & (overlap[order][:, ~counts] >= iou).any(axis=1)  # on a target that does not count
        scores += np.asarray(score, np.float64)[order][~aside].tolist()
        right += hit[~aside].tolist()
    order = np.argsort(-np.array(scores), kind="stable")
    return Hits(
        scores=np.array(scores, np.float64)[order],
        right=np.array(right, bool)[order],
        targets=int(sum(int(c.sum()) for _, c in truth)),
    )
