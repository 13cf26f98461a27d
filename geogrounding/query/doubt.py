"""What would change an answer: candidates that score too low to count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from geogrounding.geometry.boxes import lexical_order, similarity
from geogrounding.query.answer import Answered
from geogrounding.query.plan import Rank

FAINTER = 0.6
"""Share of the score threshold from which on candidates are considered."""
SAME = 0.5
"""Boxes that overlap so much (IoU) show the same thing."""


def with_doubt(answered: Answered, other: Answered, threshold: float) -> Answered:
    """The answer, with a step that says what less sure candidates would make of it, where that is something else.

    The sentence itself says so where a choice or a yes would change, not where a count would.

    Args:
        answered: over what was surely seen.
        other: the same over candidates from ``FAINTER`` times the threshold on.
        threshold: the least score of what counts.
    """
    if answered.unknown or other.unknown or not _differ(answered, other):
        return answered
    words = f"with candidates that score {threshold * FAINTER:.2f} to {threshold:.2f}, too low to count: {other.answer}"
    count = sum(len(selection.chosen) for selection in other.selections)
    sentence = answered.answer
    ranked = any(isinstance(step, Rank) for target in answered.plan.targets for step in target.steps)
    empty = not any(len(selection.chosen) for selection in answered.selections)
    truth = isinstance(answered.value, bool) and answered.value != other.value
    if truth or ranked or empty:
        sentence = f"{sentence} Less sure candidates would change this: {other.answer}"
    return replace(answered, answer=sentence, steps=(*answered.steps, {"step": words, "count": count}))


def _differ(one: Answered, other: Answered) -> bool:
    if isinstance(one.value, bool):
        return one.value != other.value
    for a, b in zip(one.selections, other.selections, strict=True):
        if len(a.chosen) != len(b.chosen):
            return True
        first, second = (s.things.image[s.chosen] for s in (a, b))
        first, second = (boxes[lexical_order(*boxes.T)] for boxes in (first, second))
        if len(first) and bool(np.any(similarity(first, second, "iou") < SAME)):
            return True
    return False
