"""Confidence intervals by resampling images (percentile bootstrap).

Images are resampled, not boxes or questions, because answers about one image depend on each other (percentile
bootstrap of Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
BLOCK_CELLS = 2_000_000
"""Numbers held at a time while drawing: bounds memory, whatever the number of images."""

Weights = NDArray[np.float64]
"""(B, P): how often each of P images is in each of B draws."""
Interval = tuple[float, float] | None


def draws(images: int, resamples: int, seed: int, *, cells: int | None = None) -> Iterator[Weights]:
    """Blocks of bootstrap samples of the images, with replacement.

    Args:
        images: how many there are.
        resamples: draws in all.
        seed: the same seed gives the same draws, however they are split into blocks.
        cells: numbers per draw that the caller holds; the number of images when None.
    """
    rng = np.random.default_rng(seed)
    block = max(1, BLOCK_CELLS // max(cells or images, images, 1))
    for start in range(0, resamples, block):
        some = min(block, resamples - start)
        drawn = rng.integers(0, images, (some, images))
        flat = drawn + np.arange(some)[:, None] * images
        yield np.bincount(flat.ravel(), minlength=some * images).reshape(some, images).astype(np.float64)


def intervals(
    statistic: Callable[[Weights], dict[str, NDArray[np.float64]]],
    images: int,
    *,
    resamples: int,
    seed: int,
    cells: int | None = None,
) -> dict[str, Interval]:
    """95% intervals of several metrics at once.

    Args:
        statistic: metrics by name, (B,) each, from weights (B, P); NaN where a draw has none.
        images: how many images there are.
        resamples: how often they are drawn; 0 for no intervals.
        seed: of the draws.
        cells: see ``draws``.

    Returns:
        (low, high) by name; None with fewer than two images, or where no draw has the metric.
    """
    values: dict[str, list[NDArray[np.float64]]] = {}
    if images >= 2:
        for weights in draws(images, resamples, seed, cells=cells):
            for name, metrics in statistic(weights).items():
                values.setdefault(name, []).append(metrics)
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
