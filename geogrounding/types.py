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

CoordinateConvention = Literal["resized-pixels", "original-pixels", "per-mille", "per-1024", "fractions", "percent"]
"""What the numbers in a model's text mean.

``resized-pixels``: pixels of the image after the processor resized it (Qwen2.5-VL, Geo-R1, the built-in model).
``original-pixels``: pixels of the image as it was given to the model or server.
``per-mille``: 0-1000 of each side of the image (Qwen3-VL and most others).
``per-1024``: 0-1024 of each side. ``fractions``: 0-1 of each side. ``percent``: 0-100 of each side.
"""

BoxOrder = Literal["xyxy", "yxyx", "xywh", "cxcywh"]
"""Order of the four numbers of a box: two corners x first, two corners y first, upper left corner and size, or centre
and size."""

PromptStyle = Literal["geo-r1", "geo-r1-direct", "qwen3", "qwen3-direct", "embedded"]
"""``geo-r1``: Qwen2.5-VL and what was tuned from it (Geo-R1, VLM-R1). ``qwen3``: every other family; the prompt states
range and order of the numbers. Their ``-direct`` forms ask for the answer without reasoning. ``embedded``: the short
form that the built-in model was trained on."""

Dtype = Literal["float32", "bfloat16", "float16"]
"""Number format of the weights of a local model."""

BoxPx = tuple[float, float, float, float]
"""(x0, y0, x1, y1), half-open, pixels; the frame is in the name of the variable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One expression and how it is meant."""

    expression: str
    task: Task = "detect"


Outline = Literal["box", "mask", "regular", "oriented", "point"]
"""What a feature's geometry is: the box around the object, its mask, the mask with right angles, the smallest rotated
rectangle around the mask, or the centre of the box."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mask:
    """Which pixels of a chip show an object, inside a window of it. Made by ``geometry.masks.pack_mask``."""

    window_chip_px: tuple[int, int, int, int]
    """(x0, y0, x1, y1) whole pixels, half-open, inside the chip."""
    packed: bytes = field(repr=False)
    """The pixels of the window, row by row, one bit each, compressed by zlib."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """One object that a model found on a chip."""

    box_chip_px: BoxPx
    """(x0, y0, x1, y1), half-open floats inside the chip: 0 <= x0 < x1 <= width, 0 <= y0 < y1 <= height."""
    label: str
    score: float | None = None
    """In [0, 1], from token probabilities; None when the model gives none."""
    keypoints_chip_px: tuple[tuple[float, float], ...] = ()
    mask: Mask | None = None
    """Its pixels, where the model or a segmenter gave them."""


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
    """Why the answer is missing or incomplete (the chip failed); None of a whole answer. The other fields then hold
    what can be used anyway, often nothing."""
