"""Scores that are probabilities: of the boxes with a score of 0.7, seven in ten are right.

Fitted with two numbers (Platt scaling, Platt 1999): the logit of a score is ``scale`` times that of the model plus ``shift``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


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
