"""The nouns that every package shares: tasks, questions, detections, answers, and the formats of labelled data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Task = Literal["refer", "detect", "segment"]
"""``refer``: the one target of the expression. ``detect``: the boxes of all targets. ``segment``: their masks."""

DataFormat = Literal["auto", "coco", "vrsbench", "voc", "earthreason", "geo-r1", "ms-swift", "trl"]
"""Formats of labelled data; ``auto`` decides by the content. Here and not in ``datasets``, so that a help text can
list them without importing GDAL."""
OnError = Literal["skip", "refuse"]
"""What happens to records that cannot be used: left out and listed, or the first one ends the reading."""

BoxPx = tuple[float, float, float, float]
"""(x0, y0, x1, y1), half-open, pixels; the frame is in the name of the variable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One expression and how it is meant."""

    expression: str
    task: Task = "detect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """One object that a model found on a chip."""

    box_chip_px: BoxPx
    """(x0, y0, x1, y1), half-open floats inside the chip: 0 <= x0 < x1 <= width, 0 <= y0 < y1 <= height."""
    label: str
    score: float | None = None
    """In [0, 1], from token probabilities; None when the model gives none."""
    keypoints_chip_px: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """A part of an answer that could not be used, and why."""

    reason: str
    """A short stable phrase, such as ``"box outside the chip"``; counted in the run's summary."""
    text: str = ""
    """The offending text, shortened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model said about one question on one chip."""

    reasoning: str = ""
    detections: tuple[Detection, ...] = ()
    dropped: tuple[Drop, ...] = ()
    raw_text: str = field(default="", repr=False)
    error: str | None = None
    """Why there is no answer (the chip failed); the other fields are then empty."""
