"""Scores that are probabilities: of the boxes with a score of 0.7, seven in ten are right.

Fitted with two numbers (Platt scaling, Platt 1999): the logit of a score is ``scale`` times that of the model plus ``shift``.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from recipes.builtin_model.corpora import CLASSES
from recipes.builtin_model.matching import Hits

BEST_F1_AT = 0.4
"""Score at which F1 of every class is about best: the default of ``--min-score``."""
LEAST_TARGETS = 15
"""Classes with fewer targets kept back are calibrated as all classes together."""
TRUST = 30
"""Targets of a class from which its own threshold counts more than that of all classes together."""
MOST_SLOPE = (0.4, 2.5)


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


def platt(hits: Hits) -> tuple[float, float]:
    """(slope, shift) from the logit of a score to that of the share of right boxes, then moved so that F1 is best at
    ``BEST_F1_AT``.
    """
    scores = hits.scores.clip(1e-4, 1 - 1e-4)
    odds = np.log(scores / (1 - scores))
    right = hits.right
    slope = 1.0
    if right.any() and not right.all():
        slope = float(np.clip(fit(odds, right)[0], *MOST_SLOPE))
    best = _best_logit(hits)
    return slope, math.log(BEST_F1_AT / (1 - BEST_F1_AT)) - slope * best


def _together(known: Sequence[Hits]) -> Hits:
    """The boxes of several classes as those of one."""
    scores = np.concatenate([h.scores for h in known])
    order = np.argsort(-scores, kind="stable")
    right = np.concatenate([h.right for h in known])
    return Hits(scores=scores[order], right=right[order], targets=sum(h.targets for h in known))


def _best_logit(hits: Hits) -> float:
    """Middle of the thresholds whose F1 is within 1% of the best: the best itself hangs on single boxes."""
    least, most = _good_logits(hits)
    return (least + most) / 2


def _good_logits(hits: Hits) -> tuple[float, float]:
    """(least, most) of the thresholds whose F1 is within 1% of the best."""
    f1 = 2 * np.cumsum(hits.right) / (np.arange(1, len(hits.right) + 1) + hits.targets)
    good = hits.scores[f1 >= 0.99 * f1.max()].clip(1e-4, 1 - 1e-4)
    odds = np.log(good / (1 - good))
    return float(odds.min()), float(odds.max())


def slopes_and_shifts(hits: Mapping[str, Hits], *, silent: Collection[str]) -> tuple[list[float], list[float]]:
    """Slope and shift of the logit of every class; those of a silent class change nothing.

    Args:
        hits: by class, on views of images kept back.
        silent: classes that nothing was learned of.
    """
    known = _settled(hits)
    together = _together(list(known.values()))
    slopes, shifts = [], []
    for name in CLASSES:
        if name in silent:
            slope, shift = 1.0, 0.0
        else:
            mine = known.get(name)
            enough = mine is not None and mine.targets >= LEAST_TARGETS
            slope, shift = platt(mine if mine is not None and enough else together)
            print(f"{name:20s} logit x {slope:.2f} {shift:+.2f}, {mine.targets if mine else 0} targets", flush=True)
        slopes.append(slope)
        shifts.append(shift)
    return slopes, shifts


def shifts_of_runs(hits: Mapping[str, Hits]) -> list[float]:
    """What is to be added to the logit of every class so that F1 of whole runs is best at ``BEST_F1_AT``.

    Args:
        hits: by class, of runs over images kept back.
    """
    known = _settled(hits)
    wanted = math.log(BEST_F1_AT / (1 - BEST_F1_AT))
    pooled = wanted - _best_logit(_together(list(known.values())))
    shifts = []
    for name in CLASSES:
        mine, shift = known.get(name), pooled
        if mine is not None and mine.targets >= LEAST_TARGETS:
            # well separated objects fit any threshold: of those that fit, the one nearest to that of all classes
            least, most = _good_logits(mine)
            own = min(max(pooled, wanted - most), wanted - least)
            shift = (mine.targets * own + TRUST * pooled) / (mine.targets + TRUST)
        shifts.append(shift)
        print(f"{name:20s} {shift:+.2f}, {0 if mine is None else mine.targets} targets", flush=True)
    return shifts


def _settled(hits: Mapping[str, Hits]) -> dict[str, Hits]:
    """Classes of which something was found and something was there to be found."""
    return {name: found for name, found in hits.items() if found.targets and found.right.any()}
