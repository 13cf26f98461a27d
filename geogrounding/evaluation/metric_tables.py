"""Shared by the metrics of all tasks: ratios of sums by image, classes, and intervals over images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geogrounding.evaluation.bootstrap import Interval, Weights, intervals, ratio
from geogrounding.evaluation.predict import Prediction

OTHER = "other"
"""The class of samples that name none."""
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A line for a plot."""

    name: str
    x: Values
    y: Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """Lines of one plot."""

    title: str
    x_label: str
    y_label: str
    lines: tuple[Curve, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Metrics of one task."""

    metrics: dict[str, Any]
    """Flat; ``NAME_ci`` is the 95% interval of NAME; ``per_class`` holds a flat dictionary by class. None where there is
    nothing to measure."""
    quality: tuple[float, ...]
    """In [0, 1], one for each prediction: by which the report ranks images."""
    curves: Curves


@dataclass(frozen=True, slots=True, kw_only=True)
class Resampling:
    """How intervals are made."""

    resamples: int = 1000
    seed: int = 0


def category_of(prediction: Prediction) -> str:
    """The class a sample is counted under."""
    return prediction.sample.category or OTHER


def has_target(prediction: Prediction) -> bool:
    """Whether the image shows what is asked for."""
    return bool(len(prediction.sample.boxes_px))


def image_numbers(predictions: Sequence[Prediction]) -> tuple[NDArray[np.int64], int]:
    """(N,) the number of each prediction's image, and how many images there are."""
    known: dict[Any, int] = {}
    numbers = [known.setdefault(prediction.image, len(known)) for prediction in predictions]
    return np.array(numbers, np.int64), len(known)


@dataclass(slots=True)
class Ratios:
    """Metrics that are a sum over predictions divided by another, with intervals over images."""

    predictions: Sequence[Prediction]
    _numbers: NDArray[np.int64] = field(init=False)
    _images: int = field(init=False)
    _sums: dict[str, tuple[Values, Values]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._numbers, self._images = image_numbers(self.predictions)

    def add(self, name: str, numerator: Values, denominator: Values) -> None:
        """A metric: sum of ``numerator`` over sum of ``denominator``, (N,) each, one number for each prediction."""
        self._sums[name] = (self._by_image(numerator), self._by_image(denominator))

    def add_f1(self, name: str, hits: Values, found: Values, targets: Values) -> None:
        """F1 = 2 hits / (found + targets)."""
        self.add(name, 2 * hits, found + targets)

    def values(self) -> dict[str, float | None]:
        """All metrics; None where the denominator is 0."""
        return {name: plain(ratio(n.sum(), d.sum())) for name, (n, d) in self._sums.items()}

    def intervals(self, resampling: Resampling) -> dict[str, Interval]:
        """Their 95% intervals."""

        def statistic(weights: Weights) -> dict[str, Values]:
            return {name: ratio(weights @ n, weights @ d) for name, (n, d) in self._sums.items()}

        return intervals(statistic, self._images, resamples=resampling.resamples, seed=resampling.seed)

    def _by_image(self, values: Values) -> Values:
        return np.bincount(self._numbers, weights=values, minlength=self._images).astype(np.float64)


def with_intervals(values: Mapping[str, float | None], found: Mapping[str, Interval]) -> dict[str, Any]:
    """Each metric, rounded, followed by its interval."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat[name] = rounded(value)
        interval = found.get(name)
        flat[f"{name}_ci"] = None if interval is None else [rounded(side) for side in interval]
    return flat


def plain(value: Any) -> float | None:
    """A float, None for NaN."""
    number = float(value)
    return number if math.isfinite(number) else None


def rounded(value: float | None) -> float | None:
    """Rounded to four digits."""
    return None if value is None else round(value, 4)


def success_curve(name: str, iou: Values) -> Curve:
    """The share of targets with at least each overlap."""
    x = np.linspace(0.0, 1.0, 101)
    ordered = np.sort(iou)
    share = 1.0 - np.searchsorted(ordered, x, side="left") / max(len(ordered), 1)
    return Curve(name=name, x=x, y=share if len(ordered) else np.zeros_like(x))
