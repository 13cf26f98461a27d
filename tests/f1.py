"""F1 of layers of boxes against known ones, for tests and benchmarks."""

from __future__ import annotations

from typing import Any

import numpy as np

from geogrounding.evaluation.matching import match
from geogrounding.geometry.boxes import as_boxes, iou_matrix


def f1(found: Any, truth: Any, *, iou: float) -> float:
    """F1 of a GeoDataFrame of boxes with scores against another, each matched once at this IoU, the surest first."""
    surest_first = found.sort_values("score", ascending=False)
    boxes, targets = (as_boxes(layer.bounds.to_numpy()) for layer in (surest_first, truth))
    hits = match(iou_matrix(boxes, targets), np.array([iou])).sum()
    return float(2 * hits / max(1, len(found) + len(truth)))
