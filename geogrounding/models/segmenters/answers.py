"""Adding masks to the answers about one image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from geogrounding.models.segmenters.base import Segmenter
from geogrounding.types import Answer, Detection


def with_masks(
    segmenter: Segmenter, image: NDArray[np.uint8], answers: Sequence[Answer], *, least_score: float
) -> list[Answer]:
    """The answers with masks for what a run may write: detections of at least this score, and the best of each answer.

    Detections that have a mask of their own keep it.
    """
    wanted = [(a, d) for a, answer in enumerate(answers) for d in _wanted(answer.detections, least_score)]
    if not wanted:
        return list(answers)
    found = [answers[a].detections[d] for a, d in wanted]
    masks = segmenter.segment(
        image,
        np.array([one.box_chip_px for one in found], np.float64),
        [one.keypoints_chip_px for one in found],
    )
    drawn = {place: mask for place, mask in zip(wanted, masks, strict=True) if mask is not None}
    return [
        replace(
            answer,
            detections=tuple(
                replace(detection, mask=drawn[a, d]) if (a, d) in drawn else detection
                for d, detection in enumerate(answer.detections)
            ),
        )
        for a, answer in enumerate(answers)
    ]


def _wanted(detections: Sequence[Detection], least_score: float) -> list[int]:
    scores = [np.inf if one.score is None else one.score for one in detections]
    best = int(np.argmax(scores)) if scores else -1
    return [d for d, one in enumerate(detections) if one.mask is None and (scores[d] >= least_score or d == best)]
