"""Average precision by pycocotools, as a program outside this project would compute it."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

Box = Sequence[float]
"""x0, y0, x1, y1."""


def coco_stats(
    truth: Sequence[Sequence[tuple[Box, str]]], found: Sequence[Sequence[tuple[Box, str, float]]]
) -> tuple[float, float]:
    """(mAP, AP50) over images; found boxes with a label outside the truth are left out, as VLM-R1 does."""
    names = list(dict.fromkeys(label for image in truth for _, label in image))
    coco = COCO()
    coco.dataset = {
        "images": [{"id": n, "width": 4096, "height": 4096} for n in range(len(truth))],
        "categories": [{"id": n, "name": name} for n, name in enumerate(names)],
        "annotations": [],
    }
    for n, image in enumerate(truth):
        for box, label in image:
            coco.dataset["annotations"].append(
                {
                    "id": len(coco.dataset["annotations"]) + 1,
                    "image_id": n,
                    "category_id": names.index(label),
                    "iscrowd": 0,
                    **_xywh(box),
                }
            )
    results = [
        {"image_id": n, "category_id": names.index(label), "score": score, **_xywh(box)}
        for n, image in enumerate(found)
        for box, label, score in image
        if label in names
    ]
    if not results:
        return 0.0, 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0]), float(evaluation.stats[1])


def random_boxes(rng: np.random.Generator, count: int, *, size: int = 300) -> np.ndarray[Any, Any]:
    """Whole-numbered boxes (count, 4), so that no rounding hides behind a threshold."""
    corner = rng.integers(0, size, (count, 2))
    return np.concatenate([corner, corner + rng.integers(5, 90, (count, 2))], axis=1)


def _xywh(box: Box) -> dict[str, Any]:
    x0, y0, x1, y1 = (float(v) for v in box)
    return {"bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0)}
