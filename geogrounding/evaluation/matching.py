"""Boxes against boxes: greedy matching at many thresholds at once, average precision.

The rules are those of COCO's evaluation (``COCOeval.evaluateImg`` and ``accumulate`` in cocodataset/cocoapi): boxes in
order of falling score each take the free target they overlap most, if they overlap it enough; average precision is the
mean of the precision envelope at 101 recalls. Not taken over: the limit of 100 boxes per image, and area ranges.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

COCO_THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""IoU thresholds .50:.05:.95, the same floats as pycocotools uses."""
RECALLS = np.linspace(0.0, 1.0, 101)
"""Recalls at which precision is read, the same floats as pycocotools uses."""
_BELOW_ONE = 1.0 - 1e-10
"""COCO's cap of the threshold, so that equal boxes match whatever the rounding."""


def match(iou: NDArray[np.float64], thresholds: NDArray[np.float64] = COCO_THRESHOLDS) -> NDArray[np.bool_]:
    """Match boxes to targets greedily, each target once.

    Args:
        iou: (N, M) of N boxes, by falling score, with M targets.
        thresholds: (T,) least IoU of a hit.

    Returns:
        (T, N). At each threshold, box after box takes the free target it overlaps most (of equal ones the last, as
        COCO does).
    """
    boxes, targets = iou.shape
    right = np.zeros((len(thresholds), boxes), np.bool_)
    if not targets:
        return right
    least = np.minimum(thresholds, _BELOW_ONE)
    enough = iou >= least.min()
    near = enough.sum(axis=1)
    if near.max(initial=0) <= 1 and enough.sum(axis=0).max() <= 1:  # no target is contested
        hit: NDArray[np.bool_] = iou.max(axis=1) >= least[:, None]
        return hit
    backwards = iou[:, ::-1]  # argmax gives the first of equal ones
    free = np.ones((len(thresholds), targets), np.bool_)
    rows = np.arange(len(thresholds))
    for n in np.flatnonzero(near):
        overlap = np.where(free, backwards[n], -1.0)
        best = overlap.argmax(axis=1)
        hit = overlap[rows, best] >= least
        right[:, n] = hit
        free[rows, best] &= ~hit
    return right


def average_precision(
    right: NDArray[np.bool_],
    targets: float | NDArray[np.float64],
    weights: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Interpolated average precision at 101 recalls.

    Args:
        right: (..., N) whether each box is right, by falling score.
        targets: how many targets there are, a number or an array that broadcasts with (...).
        weights: (..., N) how often each box counts, such as how often its image was drawn; None is once.

    Returns:
        (...) in [0, 1]; 0 without boxes, NaN where there are no targets.
    """
    if weights is None and isinstance(targets, int) and targets > 0:
        true = right.cumsum(axis=-1)
        precision = true / np.arange(1, right.shape[-1] + 1)
        envelope = np.maximum.accumulate(precision[..., ::-1], axis=-1)[..., ::-1]
        counted: NDArray[np.float64] = (envelope * right * _steps(targets)[true]).sum(axis=-1) / len(RECALLS)
        return counted
    number = np.asarray(targets, dtype=np.float64)
    weight = np.ones(right.shape[-1]) if weights is None else weights
    true = np.cumsum(right * weight, axis=-1)
    every = np.cumsum(np.broadcast_to(weight, true.shape), axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(every > 0, true / every, 0.0)
        recall = true / number[..., None]
    envelope = np.maximum.accumulate(precision[..., ::-1], axis=-1)[..., ::-1]
    # A recall is first reached at a right box: each counts as often as there are recalls between the last one and it.
    reached = np.where(true > 0, np.searchsorted(RECALLS, np.nan_to_num(recall), side="right"), 0)
    steps = np.diff(reached, axis=-1, prepend=0)
    total: NDArray[np.float64] = (envelope * steps).sum(axis=-1) / len(RECALLS)
    return np.where(number > 0, total, np.nan)


@lru_cache(maxsize=512)
def _steps(targets: int) -> NDArray[np.int64]:
    """(targets + 1,) how many of the recalls are first reached by the k-th right box, 0 for k = 0."""
    reached = np.searchsorted(RECALLS, np.arange(targets + 1) / targets, side="right")
    reached[0] = 0
    return np.diff(reached, prepend=0)
