"""How good the region head is on the images kept back, and the offsets that make its scores comparable between classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from geogrounding.geometry.boxes import as_boxes, iou_matrix
from geogrounding.models.builtin.processing import normalise
from geogrounding.models.builtin.regions import RegionHead, select_regions
from recipes.builtin_model.corpora import CLASSES, SIDE_PX
from recipes.builtin_model.features import Cache, Joined, Record
from recipes.builtin_model.matching import Hits, match
from recipes.builtin_model.regions import MIN_SIDE_PX, MIN_VISIBLE

BEST_F1_AT = 0.4
"""Score at which, after calibration, F1 is about best."""
Found = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Boxes (K, 4) and scores (K, classes) of one view."""


@torch.no_grad()
def find(head: RegionHead, cache: Cache | Joined, index: Sequence[int], *, batch: int = 16) -> list[Found]:
    """Regions of cached views."""
    head.eval()
    out: list[Found] = []
    for k in range(0, len(index), batch):
        some = index[k : k + batch]
        features = torch.from_numpy(np.stack([cache.features[n] for n in some])).float()
        with torch.autocast("cpu", torch.bfloat16):
            maps = head(features, normalise(np.stack([cache.pixels[n] for n in some])))
        regions = select_regions(maps, side_px=SIDE_PX, candidates=256, keep=64, least=64)
        out += [(b.numpy(), s.numpy()) for b, s in zip(regions.boxes_px, regions.scores, strict=True)]
    return out


def counts(record: Record) -> NDArray[np.bool_]:
    """(N,) True for objects that a detector must find: seen well enough and not too small."""
    sides = record.boxes_view_px[:, 2:] - record.boxes_view_px[:, :2]
    return np.asarray((record.visible >= MIN_VISIBLE) & (sides.min(axis=1, initial=np.inf) >= MIN_SIDE_PX))


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """Results on a set of views."""

    hits: dict[str, Hits]
    acc50: float
    """Share of single targets whose best-scored region has IoU > 0.5."""
    acc70: float
    singles: int

    def __str__(self) -> str:
        lines = [f"single targets: Acc@0.5 {self.acc50:.3f}, Acc@0.7 {self.acc70:.3f} of {self.singles}"]
        for name, hits in self.hits.items():
            threshold, f1 = hits.best_threshold()
            if hits.targets:
                lines.append(
                    f"  {name:20s} AP50 {hits.average_precision():.3f} best F1 {f1:.3f} at {threshold:.2f}, {hits.targets} targets"
                )
        return "\n".join(lines)


def inspect(found: Sequence[Found], records: Sequence[Record]) -> Inspection:
    """Compare regions with labels; only classes that a view's set labels are counted on it."""
    hits: dict[str, Hits] = {}
    best50, best70 = [], []
    for label, name in enumerate(CLASSES):
        boxes_scores, truth = [], []
        for (boxes, scores), record in zip(found, records, strict=True):
            if not record.known[label]:
                continue
            mine = record.labels == label
            kept = scores[:, label] > 0.02
            boxes_scores.append((boxes[kept], scores[kept, label]))
            truth.append((record.boxes_view_px[mine], counts(record)[mine]))
            if mine.sum() == 1 and counts(record)[mine][0]:
                best = int(np.argmax(scores[:, label]))
                overlap = iou_matrix(as_boxes(boxes[best : best + 1]), as_boxes(record.boxes_view_px[mine]))[0, 0]
                best50.append(overlap > 0.5)
                best70.append(overlap > 0.7)
        hits[name] = match(boxes_scores, truth)
    return Inspection(
        hits=hits,
        acc50=float(np.mean(best50)) if best50 else math.nan,
        acc70=float(np.mean(best70)) if best70 else math.nan,
        singles=len(best50),
    )


def offsets(inspection: Inspection, *, least_targets: int = 20) -> NDArray[np.float64]:
    """(classes,) what to add to each class's logit so that F1 is best at ``BEST_F1_AT``.

    A class with few targets keeps its logits: there is nothing to correct them by. No offset is larger than 1.
    """

    def logit(p: float) -> float:
        return math.log(p / (1 - p))

    def offset(hits: Hits) -> float:
        if hits.targets < least_targets:
            return 0.0
        return logit(BEST_F1_AT) - logit(min(0.9, max(0.1, hits.best_threshold()[0])))

    return np.array([np.clip(offset(hits), -1, 1) for hits in inspection.hits.values()])


def calibrate(head: RegionHead, shift: NDArray[np.float64]) -> None:
    """Add offsets to the class logits of a head, for good."""
    with torch.no_grad():
        bias = head.out.bias
        assert bias is not None
        bias[: len(shift)] += torch.from_numpy(shift).to(bias.dtype)
