"""The published metrics of the three tasks, and beside them what Geo-R1's own scripts would print for the same answers.

Acc@t       share of targets whose box overlaps the answer with IoU >= t                              refer
AP50, mAP   COCO's average precision, mean over classes (and over IoU .50:.05:.95)                    detect
P, R, F1    of the boxes that a run gives, matched at IoU >= 0.5, all classes together                detect
gIoU, cIoU  mean IoU of masks over samples; summed intersection over summed union                     segment
none rate   share of questions about what an image does not show that were answered with nothing    all

Geo-R1's conventions (names that begin with ``geo_r1_``) differ in: for ``refer`` IoU > t, an overlap of at most one pixel
in width or height counts as none, and boxes are left in the pixels of the resized image (``..._unscaled``, where the
model answers in such pixels); for ``detect`` equal scores and the first 100 boxes; for ``segment`` an empty answer to an
empty image is worth 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geogrounding.evaluation.bootstrap import ratio
from geogrounding.evaluation.metric_tables import (
    Curves,
    Measured,
    Ratios,
    Resampling,
    Values,
    category_of,
    has_target,
    plain,
    rounded,
    success_curve,
    with_intervals,
)
from geogrounding.evaluation.predict import Prediction, ScoredBoxes
from geogrounding.geometry.boxes import Boxes, iou_matrix
from geogrounding.models.image_size import smart_resize


def refer_metrics(predictions: Sequence[Prediction], resampling: Resampling, *, unscaled: bool = False) -> Measured:
    """Acc@0.5 and Acc@0.7: all, unique and non-unique targets, by class.

    Args:
        predictions: of samples of the task ``refer``.
        resampling: of the intervals.
        unscaled: also count boxes left in the pixels of the image as Qwen2.5-VL's processor resizes it.
    """
    target = np.array([has_target(o) for o in predictions], np.float64)
    iou = np.array([_first_iou(o.kept, o.sample.boxes_px) for o in predictions], np.float64)
    ratios = Ratios(predictions)
    for name, least in (("acc50", 0.5), ("acc70", 0.7)):
        ratios.add(name, (iou >= least) * target, target)
    ratios.add("mean_iou", iou * target, target)
    metrics: dict[str, Any] = {"n": int(target.sum())}
    unique = np.array([o.sample.unique is True for o in predictions]) * target
    other = np.array([o.sample.unique is False for o in predictions]) * target
    for suffix, some in (("unique", unique), ("non_unique", other)):
        for name, least in (("acc50", 0.5), ("acc70", 0.7)):
            ratios.add(f"{name}_{suffix}", (iou >= least) * some, some)
        metrics[f"n_{suffix}"] = int(some.sum())
    mixed = np.array([_first_mixed_iou(o.kept, o.sample.boxes_px) for o in predictions], np.float64)
    for name, least in (("geo_r1_acc50", 0.5), ("geo_r1_acc70", 0.7)):
        ratios.add(name, (mixed > least) * target, target)
    if unscaled:
        left = np.array([_first_mixed_iou(_left_unscaled(o), o.sample.boxes_px) for o in predictions], np.float64)
        for name, least in (("geo_r1_acc50_unscaled", 0.5), ("geo_r1_acc70_unscaled", 0.7)):
            ratios.add(name, (left > least) * target, target)
    silent = add_none_rate(ratios, metrics, predictions)
    metrics |= with_intervals(ratios.values(), ratios.intervals(resampling))
    metrics["per_class"] = _classes(
        predictions,
        lambda some: {
            "n": int(target[some].sum()),
            "acc50": _share((iou >= 0.5) * target, target, some),
            "acc70": _share((iou >= 0.7) * target, target, some),
            "mean_iou": _share(iou * target, target, some),
        },
        target > 0,
    )
    lines = [("all", target > 0), ("unique", unique > 0), ("non-unique", other > 0)]
    return Measured(
        metrics=metrics,
        quality=tuple(np.where(target > 0, iou, silent).tolist()),
        curves=Curves(
            title="Share of targets found, by how well they must be met",
            x_label="least IoU",
            y_label="accuracy",
            lines=tuple(success_curve(name, iou[some]) for name, some in lines if some.any()),
        ),
    )


def segment_metrics(predictions: Sequence[Prediction], resampling: Resampling) -> Measured:
    """GIoU and cIoU.

    Of masks in the first place (``giou``, ``ciou``), of the outlines that a run would write (``giou_outlines``,
    ``ciou_outlines``) and of boxes (``giou_boxes``, ``ciou_boxes``); masks and outlines are counted in pixels of the image,
    areas of boxes are exact. Where no segmenter was asked, boxes count as masks (``"masks": "boxes"``). An empty answer to
    an empty image is IoU 1, anything else there is 0.
    """
    drawn = all(o.masks_px is not None for o in predictions)
    areas = {"boxes": np.array([_areas(o) for o in predictions], np.float64).reshape(-1, 2)}
    if drawn:
        counted = np.array([_pixels(o) for o in predictions], np.float64).reshape(-1, 2, 2)
        areas = {"": counted[:, 0], "outlines": counted[:, 1], **areas}
    else:
        areas = {"": areas["boxes"]}
    target, one = np.array([has_target(o) for o in predictions], np.float64), np.ones(len(predictions))
    ratios = Ratios(predictions)
    for name, (inter, union) in ((name, own.T) for name, own in areas.items()):
        suffix = f"_{name}" if name else ""
        ratios.add(f"giou{suffix}", _iou(inter, union), one)
        ratios.add(f"ciou{suffix}", inter, union)
    inter, union = areas[""].T
    iou = _iou(inter, union)
    ratios.add("geo_r1_giou", np.where(union > 0, iou, 0.0), one)
    metrics: dict[str, Any] = {"n": len(predictions), "masks": "masks" if drawn else "boxes"}
    add_none_rate(ratios, metrics, predictions)
    metrics |= with_intervals(ratios.values(), ratios.intervals(resampling))
    metrics["per_class"] = _classes(
        predictions,
        lambda some: {
            "n": int(some.sum()),
            "giou": _share(iou, one, some),
            "ciou": _share(inter, union, some),
        },
        target > 0,
    )
    return Measured(
        metrics=metrics,
        quality=tuple(iou.tolist()),
        curves=Curves(
            title="Share of targets covered, by how well they must be met",
            x_label="least IoU of the masks",
            y_label="share of samples",
            lines=(success_curve("all with a target", iou[target > 0]),),
        ),
    )


def _iou(inter: Values, union: Values) -> Values:
    return np.where(union > 0, inter / np.maximum(union, np.finfo(np.float64).tiny), 1.0)


def _pixels(prediction: Prediction) -> list[tuple[int, int]]:
    """Pixels of intersection and union of masks and truth, and of outlines and truth."""
    true = _painted(prediction.sample.polygons_px, prediction.sample.size_px)
    counts = []
    for shapes in (prediction.masks_px or (), prediction.outlines_px or ()):
        found = _painted(shapes, prediction.sample.size_px)
        counts.append((int((true & found).sum()), int((true | found).sum())))
    return counts


def _painted(shapes: Sequence[shapely.Geometry], size_px: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels (height, width) whose centres shapes cover."""
    from rasterio.features import rasterize

    width, height = size_px
    filled = [shape for shape in map(shapely.make_valid, shapes) if shape.area > 0]
    if not filled:
        return np.zeros((height, width), np.bool_)
    return np.asarray(rasterize(filled, (height, width), dtype="uint8")) > 0


def add_none_rate(ratios: Ratios, metrics: dict[str, Any], predictions: Sequence[Prediction]) -> Values:
    """Add ``none_rate`` and ``n_none``; returns (N,) 1 where an prediction has no box."""
    absent = np.array([not has_target(o) for o in predictions], np.float64)
    silent = np.array([not len(o.kept.boxes_px) for o in predictions], np.float64)
    ratios.add("none_rate", silent * absent, absent)
    metrics["n_none"] = int(absent.sum())
    return silent


def mixed_iou(a: Boxes, b: Boxes) -> Values:
    """Geo-R1's and VLM-R1's overlap (N, M): inclusive last pixels in the intersection, half-open boxes in the union.

    It differs from IoU only where the overlap is at most one pixel wide or high, which counts as none.
    """
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:] - 1, b[None, :, 2:] - 1)
    sides = np.where((low < high).all(axis=-1, keepdims=True), high - low + 1, 0.0)
    inter = sides[..., 0] * sides[..., 1]
    area_a, area_b = np.prod(a[:, 2:] - a[:, :2], axis=1), np.prod(b[:, 2:] - b[:, :2], axis=1)
    union = area_a[:, None] + area_b[None, :] - inter
    return np.asarray(np.nan_to_num(ratio(inter, union)))


def _first_iou(found: ScoredBoxes, truth_px: Boxes) -> float:
    return float(iou_matrix(found.boxes_px[:1], truth_px).max(initial=0.0))


def _first_mixed_iou(found: ScoredBoxes, truth_px: Boxes) -> float:
    return float(mixed_iou(found.boxes_px[:1], truth_px).max(initial=0.0))


def _left_unscaled(prediction: Prediction) -> ScoredBoxes:
    """The boxes without scaling from the resized image to the original one."""
    width, height = prediction.sample.size_px
    resized = np.array(smart_resize(width, height), np.float64) / [width, height]
    return ScoredBoxes(boxes_px=prediction.kept.boxes_px * np.tile(resized, 2), scores=prediction.kept.scores)


def _areas(prediction: Prediction) -> tuple[float, float]:
    """Areas of intersection and union of the answer and the truth, square pixels of the image."""
    sample = prediction.sample
    frame = shapely.box(0, 0, *sample.size_px)
    true = shapely.intersection(shapely.union_all([shapely.make_valid(p) for p in sample.polygons_px]), frame)
    found = shapely.intersection(shapely.union_all(shapely.box(*prediction.kept.boxes_px.T)), frame)
    inter = float(shapely.intersection(true, found).area)
    return inter, max(float(true.area + found.area) - inter, 0.0)


def _classes(predictions: Sequence[Prediction], metrics: Any, shown: Any) -> dict[str, dict[str, Any]]:
    """Metrics of each class that some image shows, by name."""
    names = np.array([category_of(o) for o in predictions])
    return {name: metrics(names == name) for name in sorted(set(names[shown].tolist()))}


def _share(numerator: Values, denominator: Values, some: Values) -> float | None:
    return rounded(plain(ratio(numerator[some].sum(), denominator[some].sum())))
