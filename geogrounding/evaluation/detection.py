"""Metrics of the task ``detect``: average precision over all scores; precision and recall at the default score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geogrounding.evaluation.bootstrap import Interval, Weights, intervals, ratio
from geogrounding.evaluation.matching import COCO_THRESHOLDS, average_precision, match
from geogrounding.evaluation.metric_tables import (
    Curve,
    Curves,
    Measured,
    Ratios,
    Resampling,
    Values,
    category_of,
    image_numbers,
    plain,
    rounded,
    with_intervals,
)
from geogrounding.evaluation.metrics import add_none_rate
from geogrounding.evaluation.predict import Prediction, ScoredBoxes
from geogrounding.geometry.boxes import iou_matrix

GEO_R1_BOXES = 100
"""COCO's limit of boxes per image and class."""
MAX_BOOTSTRAP_CELLS = 300_000_000
"""Boxes x thresholds x draws: with very many boxes average precision is drawn less often, but 100 times at least."""
MIN_RESAMPLES = 100
CURVE_POINTS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """The boxes of one class in all images, by falling score."""

    right: NDArray[np.bool_]
    """(T, N) by IoU threshold."""
    images: NDArray[np.int64]
    """(N,) the image of each box."""
    targets: Values
    """(P,) targets of the class in each image."""

    def average_precision(self) -> Values:
        """(T,), NaN without targets."""
        return average_precision(self.right, float(self.targets.sum()))

    def drawn(self, weights: Weights) -> Values:
        """(B, T) with each image counted as often as it was drawn, (B, P)."""
        number = weights @ self.targets
        return average_precision(self.right[None], number[:, None], weights[:, None, self.images])


def detect_metrics(predictions: Sequence[Prediction], resampling: Resampling) -> Measured:
    """AP50 and mAP (COCO, without its limit of 100 boxes), precision, recall and F1 at IoU 0.5, by class.

    A class counts in the images that it was asked about.
    """
    hits = np.array([_hits(o) for o in predictions], np.float64)
    found = np.array([len(o.kept.boxes_px) for o in predictions], np.float64)
    targets = np.array([len(o.sample.boxes_px) for o in predictions], np.float64)
    classes = _by_class(predictions, [o.ranked for o in predictions])
    ratios = Ratios(predictions)
    ratios.add("precision50", hits, found)
    ratios.add("recall50", hits, targets)
    ratios.add_f1("f1_50", hits, found, targets)
    metrics: dict[str, Any] = {"n": int(targets.sum()), "classes": len(classes)}
    silent = add_none_rate(ratios, metrics, predictions)
    by_class = {name: ranked.average_precision() for name, ranked in classes.items()}
    aps, interval = _means(by_class), _ap_intervals(classes, resampling)
    metrics |= with_intervals(aps, interval)
    metrics |= with_intervals(ratios.values(), ratios.intervals(resampling))
    plainly = _means(
        {n: r.average_precision() for n, r in _by_class(predictions, [_as_geo_r1(o.kept) for o in predictions]).items()}
    )
    metrics |= {f"geo_r1_{name}": rounded(plainly[name]) for name in ("ap50", "map")}
    metrics["scored"] = bool(any(np.isfinite(o.ranked.scores).any() for o in predictions))
    names = np.array([category_of(o) for o in predictions])
    metrics["per_class"] = {}
    for name, ap in by_class.items():
        some = names == name
        got, kept, all_of = hits[some].sum(), found[some].sum(), targets[some].sum()
        metrics["per_class"][name] = {
            "n": int(all_of),
            "ap50": rounded(plain(ap[0])),
            "map": rounded(plain(ap.mean())),
            "precision50": rounded(plain(ratio(got, kept))),
            "recall50": rounded(plain(ratio(got, all_of))),
            "f1_50": rounded(plain(ratio(2 * got, kept + all_of))),
        }
    quality = np.where(targets + found > 0, 2 * hits / np.maximum(found + targets, 1.0), silent)
    return Measured(metrics=metrics, quality=tuple(quality.tolist()), curves=_curves(classes))


def _hits(prediction: Prediction) -> int:
    iou = iou_matrix(prediction.kept.boxes_px, prediction.sample.boxes_px)
    return int(match(iou, np.array([0.5])).sum())


def _as_geo_r1(found: ScoredBoxes) -> ScoredBoxes:
    """Boxes without scores, as Geo-R1's script evaluates them: all scores equal, the first hundred boxes."""
    boxes_px = found.boxes_px[:GEO_R1_BOXES]
    return ScoredBoxes(boxes_px=boxes_px, scores=np.ones(len(boxes_px)))


def _by_class(predictions: Sequence[Prediction], found: Sequence[ScoredBoxes]) -> dict[str, Ranked]:
    """Every class that some image shows, by name; unknown scores rank equally, below known ones."""
    numbers, images = image_numbers(predictions)
    places: dict[str, list[int]] = {}
    for index, prediction in enumerate(predictions):
        places.setdefault(category_of(prediction), []).append(index)
    classes = {}
    for name, some in sorted(places.items()):
        targets = np.zeros(images)
        np.add.at(targets, numbers[some], [len(predictions[i].sample.boxes_px) for i in some])
        if not targets.any():
            continue
        right = [match(iou_matrix(found[i].boxes_px, predictions[i].sample.boxes_px)) for i in some]
        scores = np.concatenate([np.nan_to_num(found[i].scores, nan=-1.0) for i in some])
        order = np.argsort(-scores, kind="stable")
        of_image = np.repeat(numbers[some], [len(found[i].scores) for i in some])
        classes[name] = Ranked(right=np.concatenate(right, axis=1)[:, order], images=of_image[order], targets=targets)
    return classes


def _means(by_class: dict[str, Values]) -> dict[str, float | None]:
    """AP50, AP75 and mAP: means over classes."""
    if not by_class:
        return {"ap50": None, "ap75": None, "map": None}
    values = np.array(list(by_class.values()))
    return {"ap50": plain(values[:, 0].mean()), "ap75": plain(values[:, 5].mean()), "map": plain(values.mean())}


def _ap_intervals(classes: dict[str, Ranked], resampling: Resampling) -> dict[str, Interval]:
    if not classes:
        return {}
    images = len(next(iter(classes.values())).targets)
    boxes = sum(ranked.right.size for ranked in classes.values())
    resamples = min(resampling.resamples, max(MIN_RESAMPLES, MAX_BOOTSTRAP_CELLS // max(boxes, 1)))

    def statistic(weights: Weights) -> dict[str, Values]:
        values = np.stack([ranked.drawn(weights) for ranked in classes.values()])
        known = np.isfinite(values[:, :, :1])  # a draw may lack every image of a class
        mean = ratio(np.where(known, values, 0.0).sum(axis=0), np.broadcast_to(known, values.shape).sum(axis=0) * 1.0)
        return {"ap50": mean[:, 0], "ap75": mean[:, 5], "map": mean.mean(axis=1)}

    largest = max(ranked.right.size for ranked in classes.values())
    return intervals(statistic, images, resamples=resamples, seed=resampling.seed, cells=largest)


def _curves(classes: dict[str, Ranked], most: int = 12) -> Curves:
    """Precision over recall at IoU 0.5 of the classes with the most targets."""
    largest = sorted(classes, key=lambda name: (-classes[name].targets.sum(), name))[:most]
    lines = []
    for name in sorted(largest):
        ranked = classes[name]
        true = np.cumsum(ranked.right[0])
        recall, precision = true / ranked.targets.sum(), true / np.arange(1, len(true) + 1)
        keep = np.unique(np.linspace(0, len(true) - 1, min(len(true), CURVE_POINTS)).astype(np.int64))
        lines.append(Curve(name=name, x=recall[keep], y=precision[keep]))
    return Curves(
        title=f"Precision and recall at IoU {COCO_THRESHOLDS[0]:g}",
        x_label="recall",
        y_label="precision",
        lines=tuple(lines),
    )
