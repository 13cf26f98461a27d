"""Scores that are probabilities: of the boxes with a score of 0.7, seven in ten are right.

Measured on views of images kept back, for every class that their sets label, and fitted with two numbers (Platt scaling,
Platt 1999): the logit of a score is ``scale`` times that of the model plus ``shift``. Training by rewards makes a model as
bold as its reward likes; this says again how sure it can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from geogrounding.geometry.boxes import as_boxes, iou_matrix
from geogrounding.models.builtin.generation import think
from recipes.builtin_model.corpora import CLASSES
from recipes.builtin_model.features import Record
from recipes.builtin_model.inspection import counts
from recipes.builtin_model.language import RegionBank

RIGHT_IOU = 0.5


@torch.no_grad()
def odds_and_truth(
    model: Any, tokenizer: Any, bank: RegionBank, records: Sequence[Record]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Logits of regions, and whether their boxes are right, for every class that a view's set labels.

    A box is right if it takes a target that no surer one took. Boxes on targets that do not count are left out.
    """
    model.eval()
    found: list[NDArray[np.float64]] = []
    right: list[NDArray[np.bool_]] = []
    for label, name in enumerate(CLASSES):
        views = [n for n, record in enumerate(records) if record.known[label]]
        prompt = tokenizer(f"detect: {name}<s>", add_special_tokens=False)["input_ids"]
        words = torch.tensor(prompt[:-1])
        for start in range(0, len(views), 32):
            some = views[start : start + 32]
            said = words.expand(len(some), -1)
            with torch.autocast("cpu", torch.bfloat16):
                read = model.read(bank.take(some).seen(), said, torch.ones_like(said, dtype=torch.bool))
                odds = think(model, read, prompt, most=16).odds.double().numpy()
            for n, logits in zip(some, odds, strict=True):
                order = np.argsort(-logits, kind="stable")
                order = order[logits[order] > -8]
                mine = records[n].labels == label
                truth, counted = records[n].boxes_view_px[mine], counts(records[n])[mine]
                hit, kept = _take(bank.boxes_px[n][order], truth, counted)
                found.append(logits[order][kept])
                right.append(hit[kept])
    return np.concatenate(found), np.concatenate(right)


def _take(
    boxes_px: NDArray[np.float32], truth_px: NDArray[np.float32], counted: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which boxes, the surest first, take a target, and which of them are to be counted at all."""
    hit, kept = np.zeros(len(boxes_px), bool), np.ones(len(boxes_px), bool)
    if not len(truth_px):
        return hit, kept
    overlap, free = iou_matrix(as_boxes(boxes_px), as_boxes(truth_px)), np.ones(len(truth_px), bool)
    for k, row in enumerate(overlap):
        best = int(np.argmax(np.where(free, row, 0.0)))
        if free[best] and row[best] >= RIGHT_IOU:
            free[best] = False
            hit[k], kept[k] = True, bool(counted[best])
    return hit, kept


def fit(
    odds: NDArray[np.float64], right: NDArray[np.bool_] | NDArray[np.float64], *, rounds: int = 50
) -> tuple[float, float]:
    """(scale, shift) of the likeliest logistic curve, by Newton's method.

    Args:
        odds: (N,) logits.
        right: (N,) whether each is right, or how surely.
        rounds: at most.

    Raises:
        ValueError: all boxes are right, or none is.
    """
    if right.min() == right.max():
        raise ValueError("scores can be fitted only where some boxes are right and some are wrong")
    x = np.stack([odds, np.ones_like(odds)], 1)
    weights = np.array([1.0, 0.0])
    for _ in range(rounds):
        p = 1 / (1 + np.exp(-(x @ weights).clip(-30, 30)))
        gradient = x.T @ (right - p)
        curvature = (x * (p * (1 - p))[:, None]).T @ x + 1e-6 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        weights = weights + step.clip(-1, 1)
        if np.abs(step).max() < 1e-8:
            break
    return float(weights[0]), float(weights[1])
