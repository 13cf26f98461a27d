"""What was seen of a batch of images, and answers made from it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geogrounding.models.builtin import tokenizer as vocabulary
from geogrounding.models.builtin.regions import DenseMaps, Regions
from geogrounding.types import Answer, Detection

_THINK = re.compile(r"<think>(.*?)</think>", re.DOTALL)
FAINT = 0.02
"""Boxes below this score are noise even where low scores are asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A batch of images, looked at once."""

    regions: Regions
    scores: NDArray[np.float64]
    """(B, K, classes)."""
    maps: DenseMaps
    frames: list[tuple[tuple[int, int], float]]
    """Per image its (width, height) and model pixels per image pixel."""


def answer_of(
    sought: str,
    label: str,
    order: Sequence[int],
    emitted: Sequence[int],
    boxes_px: NDArray[np.float64],
    scores: NDArray[np.float64],
    frame: tuple[tuple[int, int], float],
    side_px: int,
) -> Answer:
    """One answer: detections in pixels of the image, and the text of the boxes that the model is sure of."""
    size, factor = frame
    detections = []
    for k in order:
        x0, y0, x1, y1 = (min(max(float(v) / factor, 0.0), float(size[side % 2])) for side, v in enumerate(boxes_px[k]))
        if x1 > x0 and y1 > y0:
            detections.append(Detection(box_chip_px=(x0, y0, x1, y1), label=label, score=float(scores[k])))
    text = vocabulary.answer_text(sought, label, boxes_px[list(emitted)].tolist(), side_px=side_px)
    reasoning = _THINK.search(text)
    return Answer(
        reasoning=reasoning.group(1).strip() if reasoning else "", detections=tuple(detections), raw_text=text
    )
