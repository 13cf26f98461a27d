"""Confidence intervals by drawing pictures anew.

Pictures are the units that are drawn, not boxes or sentences: what one picture shows is answered alike (percentile
bootstrap of Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
BLOCK_CELLS = 2_000_000
"""Numbers held at a time while drawing: bounds memory, whatever the number of pictures."""

Weights = NDArray[np.float64]
"""(B, P): how often each of P pictures is in each of B draws."""
Interval = tuple[float, float] | None


def draws(pictures: int, resamples: int, seed: int, *, cells: int | None = None) -> Iterator[Weights]:
    """Blocks of draws of as many pictures as there are, with replacement.

    Args:
        pictures: how many there are.
        resamples: draws in all.
        seed: the same seed gives the same draws, however they are split into blocks.
        cells: numbers per draw that the caller holds; the number of pictures when None.
    """
    rng = np.random.default_rng(seed)
    block = max(1, BLOCK_CELLS // max(cells or pictures, pictures, 1))
    for start in range(0, resamples, block):
        some = min(block, resamples - start)
        drawn = rng.integers(0, pictures, (some, pictures))
        flat = drawn + np.arange(some)[:, None] * pictures
        yield np.bincount(flat.ravel(), minlength=some * pictures).reshape(some, pictures).astype(np.float64)


def intervals(
    statistic: Callable[[Weights], dict[str, NDArray[np.float64]]],
    pictures: int,
    *,
    resamples: int,
    seed: int,
    cells: int | None = None,
) -> dict[str, Interval]:
    """95% intervals of several figures at once.

    Args:
        statistic: figures by name, (B,) each, from weights (B, P); NaN where a draw has none.
        pictures: how many pictures there are.
        resamples: how often they are drawn; 0 for no intervals.
        seed: of the draws.
        cells: see ``draws``.

    Returns:
        (low, high) by name; None with fewer than two pictures, or where no draw has the figure.
    """
    values: dict[str, list[NDArray[np.float64]]] = {}
    if pictures >= 2:
        for weights in draws(pictures, resamples, seed, cells=cells):
            for name, figures in statistic(weights).items():
                values.setdefault(name, []).append(figures)
    return {name: _interval(np.concatenate(blocks)) for name, blocks in values.items()}


def ratio(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> NDArray[np.float64]:
    """Element by element, NaN where there is nothing to divide by."""
    with np.errstate(invalid="ignore", divide="ignore"):
        result: NDArray[np.float64] = np.where(denominator > 0, numerator / denominator, np.nan)
    return result


def _interval(values: NDArray[np.float64]) -> Interval:
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
