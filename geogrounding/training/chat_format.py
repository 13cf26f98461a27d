"""Prompts, target answers and coordinate frames of samples: one object for training, probing and inference.

A ``Format`` knows the style of the prompt, the unit of coordinates, whether there is reasoning, and the size of an
image for the model. Prompts come from ``models/prompts.py``, sizes from the processing of inference, so that a
trained model is asked as it was trained. Frames: ``boxes_px`` of a sample are pixels of its image;
``boxes_answer`` are in the numbers that the model writes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geogrounding.datasets.synthetic import SYNONYMS, read_expression, words_for
from geogrounding.errors import SettingsError
from geogrounding.models.prompts import build_prompt, coordinates_of
from geogrounding.training.keypoints import keypoints_of
from geogrounding.types import CoordinateConvention, PromptStyle, Question, Task

if TYPE_CHECKING:
    from geogrounding.datasets import Sample

PER_MILLE = 1000
TRAINED_COORDINATES: tuple[CoordinateConvention, ...] = ("resized-pixels", "per-mille")
_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_ROWS, _COLUMNS = ("upper", "centre", "lower"), ("left", "centre", "right")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFrame:
    """The frame of the numbers in the answers about one image."""

    size: tuple[int, int]
    """(width, height): model pixels, or 1000 x 1000 for per mille."""
    scale: tuple[float, float]
    """Answer units per image pixel, along x and y."""

    def boxes(self, boxes_px: NDArray[np.float64]) -> NDArray[np.float64]:
        """Boxes (N, 4) of the image in this frame."""
        boxes: NDArray[np.float64] = boxes_px * np.array([*self.scale, *self.scale])
        return boxes


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """Conventions of one model; see the module's docstring."""

    style: PromptStyle
    coordinates: CoordinateConvention
    reasoning: bool = True
    """Whether answers begin with reasoning."""
    processor: Any = None
    """The built-in model's own processor, which words its questions and answers itself; None for other models."""

    def __post_init__(self) -> None:
        if self.processor is not None and not self.reasoning:
            raise SettingsError(
                "the built-in model cannot answer without reasoning: an answer begins with the class that it looks for",
                hint="Leave out --no-reasoning.",
            )

    @property
    def tagged(self) -> bool:
        """Whether answers stand between ``<think>`` and ``<answer>`` tags, as the format reward wants them."""
        return self.reasoning and not self.style.startswith("qwen3")

    def question(self, sample: Sample) -> Question:
        """The sample as a question."""
        return Question(expression=sample.expression, task=sample.task)

    def prompt(self, sample: Sample) -> str:
        """The words beside the image, the same as at inference.

        Raises:
            SettingsError: the expression is empty or too long.
        """
        return build_prompt(self.question(sample), self.style)

    def frame(self, sample: Sample, model_size_px: tuple[int, int] | None) -> AnswerFrame:
        """The frame of answers about a sample's image.

        Args:
            sample: its ``size_px`` is the size of the image.
            model_size_px: (width, height) of the image as the model sees it.

        Raises:
            SettingsError: the model answers in pixels of an image whose size is not known.
        """
        width, height = sample.size_px
        if self.coordinates == "per-mille":
            return AnswerFrame(size=(PER_MILLE, PER_MILLE), scale=(PER_MILLE / width, PER_MILLE / height))
        if model_size_px is None:
            raise SettingsError("the model answers in pixels of an image whose size only its own processor knows")
        model_width, model_height = model_size_px
        if self.processor is not None:  # one factor for both sides: the image is put into a square
            factor = min(1.0, self._side_px / max(width, height))
            return AnswerFrame(size=model_size_px, scale=(factor, factor))
        return AnswerFrame(size=model_size_px, scale=(model_width / width, model_height / height))

    @property
    def _side_px(self) -> int:
        return int(self.processor.image_processor.image_size)

    def completion(self, sample: Sample, frame: AnswerFrame) -> str:
        """The target answer, without the end token."""
        boxes = frame.boxes(sample.boxes_px)
        if self.processor is not None:
            label = sample.labels[0] if sample.labels else sample.category or sample.expression
            text: str = self.processor.completion(
                label, boxes.tolist(), task=_asked(sample), size_px=frame.size, sought=_sought(sample, label)
            )
            return text
        entries = [_entry(box, label, frame.size) for box, label in zip(boxes, sample.labels, strict=True)]
        if sample.task == "segment":
            scale = np.array(frame.scale)
            for entry, points in zip(entries, keypoints_of(sample), strict=True):
                numbers = [[round(float(v)) for v in point] for point in points * scale]
                entry |= {"keypoint1": numbers[0], "keypoint2": numbers[1], "label": entry.pop("label")}
        listed = "```json\n[" + ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries) + "]\n```"
        said = (sample.reasoning or plain_reasoning(sample.expression, boxes, frame.size)) if self.reasoning else ""
        if self.style.startswith("qwen3"):
            return f"{said}\n{listed}" if said else listed
        answer = f"<answer>{listed if entries else 'None'}</answer>"
        return f"<think>{said}</think>{answer}" if said else answer

    def reward_columns(self, sample: Sample, frame: AnswerFrame) -> dict[str, Any]:
        """Columns of the reward functions for a sample, in the frame of the answers."""
        scaled = frame.boxes(sample.boxes_px)
        polygons = [_scaled_wkt(polygon, frame.scale) for polygon in sample.polygons_px]
        return {
            "boxes_px": [[round(float(value), 3) for value in box] for box in scaled],
            "labels": list(sample.labels),
            "size_px": list(frame.size),
            "scale": list(frame.scale),
            "task": sample.task,
            "expression": sample.expression,
            "polygons_px": polygons,
        }


def make_format(
    *, style: PromptStyle, coordinates: CoordinateConvention | None, reasoning: bool, processor: Any = None
) -> Format:
    """A format from settings: without reasoning the style is the one that asks for the answer alone.

    Raises:
        SettingsError: the model cannot answer as asked.
    """
    direct: dict[PromptStyle, PromptStyle] = {"geo-r1": "geo-r1-direct", "qwen3": "qwen3-direct"}
    chosen = style if reasoning else direct.get(style, style)
    numbers = coordinates or coordinates_of(chosen)
    if numbers not in TRAINED_COORDINATES:
        raise SettingsError(
            f"models are not trained to answer in {numbers}", hint=f"Choose {' or '.join(TRAINED_COORDINATES)}."
        )
    return Format(
        style=chosen,
        coordinates=numbers,
        reasoning=reasoning and not chosen.endswith("-direct"),
        processor=processor,
    )


def plain_reasoning(expression: str, boxes: NDArray[np.float64], size: tuple[int, int]) -> str:
    """Reasoning for a sample that has none: what is looked for, how many there are, and where.

    Args:
        expression: what is asked.
        boxes: (N, 4).
        size: (width, height) of the frame of the boxes.
    """
    asked = f"I look for what fits: {expression.strip().rstrip('.')}."
    if not len(boxes):
        return f"{asked} The image shows no such target."
    places = [_place(box, size) for box in boxes]
    if len(boxes) == 1:
        return f"{asked} There is one, in the {places[0]}."
    count = _COUNTS[len(boxes)] if len(boxes) < len(_COUNTS) else str(len(boxes))
    where = f"all in the {places[0]}" if len(set(places)) == 1 else f"the first in the {places[0]}"
    return f"{asked} There are {count}, {where}."


def _place(box: Sequence[float] | NDArray[np.float64], size: tuple[int, int]) -> str:
    column = min(2, max(0, int((box[0] + box[2]) / 2 / size[0] * 3)))
    row = min(2, max(0, int((box[1] + box[3]) / 2 / size[1] * 3)))
    return "centre" if row == column == 1 else f"{_ROWS[row]} {_COLUMNS[column]}"


def _entry(box: NDArray[np.float64], label: str, size: tuple[int, int]) -> dict[str, Any]:
    limits = (*size, *size)
    numbers = [min(limit, max(0, round(float(value)))) for value, limit in zip(box, limits, strict=True)]
    return {"bbox_2d": numbers, "label": label}


def _sought(sample: Sample, label: str) -> str:
    """The words in which the built-in model states what it looks for: the class of a parsed expression, else the label."""
    meaning = read_expression(sample.expression, {**SYNONYMS, **words_for([label])})
    return meaning.plain if meaning is not None else label


def _asked(sample: Sample) -> Task:
    """The task in the built-in model's answer: masks are drawn from boxes."""
    return "refer" if sample.task == "refer" else "detect"


def _scaled_wkt(polygon: Any, scale: tuple[float, float]) -> str:
    from shapely import transform

    return str(transform(polygon, lambda points: points * np.array(scale)).wkt)
