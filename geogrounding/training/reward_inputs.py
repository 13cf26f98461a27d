"""Inputs of the rewards: texts of completions, parsed answers, and ground truth from the columns of the data set."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from geogrounding.errors import InputError, SettingsError
from geogrounding.geometry.boxes import Boxes, as_boxes
from geogrounding.models.parsing.answer import Reason, parse_answer
from geogrounding.models.parsing.found import REMARKS
from geogrounding.training.strict_answers import read_plain
from geogrounding.types import Task

if TYPE_CHECKING:
    import shapely

Column = Sequence[Any] | None
"""One entry for each completion."""

UNBOUNDED_PX = 2**31
"""Side of the frame where ``size_px`` is not given: nothing is clipped."""
_HARMLESS = REMARKS
_NOT_A_BOX = REMARKS | {Reason.EMPTY_REPLY, Reason.NO_ANSWER, Reason.NO_BOX, Reason.TOO_LONG}
"""Reasons for drops that stand for no box of the answer."""


def text_of(completion: Any) -> str:
    """The text of a completion: a string, or the messages of a conversation as TRL passes them."""
    if isinstance(completion, str):
        return completion
    if isinstance(completion, Mapping):
        return text_of(completion.get("content", completion.get("text", "")))
    if isinstance(completion, Sequence) and not isinstance(completion, bytes):
        return "".join(text_of(part) for part in completion)
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundTruth:
    """Boxes and labels of one completion's question, in the frame of its answer."""

    boxes_px: Boxes
    labels: tuple[str, ...]
    size_px: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedCompletion:
    """What a completion answers."""

    boxes_px: Boxes
    labels: tuple[str, ...]
    wrong: int
    """Listed entries that are not usable boxes."""
    none: bool
    """Whether the answer says that there is no target."""
    keypoints_px: tuple[tuple[tuple[float, float], ...], ...] = ()
    """The keypoints of each box; empty where no box has any."""


def parse_completion(completion: Any, truth: GroundTruth, task: Task) -> ParsedCompletion:
    """Parse a completion as at inference."""
    text = text_of(completion)
    plain = read_plain(text, truth.size_px, task)
    if plain is not None:
        return ParsedCompletion(
            boxes_px=as_boxes(plain.boxes_px),
            labels=tuple(map(_plain, plain.labels)),
            wrong=plain.wrong,
            none=not plain.boxes_px and not plain.wrong,
        )
    known = dict.fromkeys(truth.labels)
    answer = parse_answer(
        text,
        image_size_px=truth.size_px,
        coordinates="resized-pixels",
        task=task,
        default_label=next(iter(known)) if len(known) == 1 else "",
    )
    return ParsedCompletion(
        boxes_px=as_boxes([found.box_chip_px for found in answer.detections]),
        labels=tuple(_plain(found.label) for found in answer.detections),
        wrong=sum(drop.reason not in _NOT_A_BOX for drop in answer.dropped),
        none=not answer.detections and all(drop.reason in _HARMLESS for drop in answer.dropped),
        keypoints_px=tuple(found.keypoints_chip_px for found in answer.detections),
    )


def ground_truths(count: int, boxes_px: Column, labels: Column, size_px: Column, solution: Column) -> list[GroundTruth]:
    """The ground truth of each completion, from boxes and labels or from target answers.

    Raises:
        SettingsError: a column is missing or has another length.
        InputError: an entry cannot be used.
    """
    boxes, words = column_of("boxes_px", boxes_px, count), column_of("labels", labels, count)
    sizes, solutions = column_of("size_px", size_px, count), column_of("solution", solution, count)
    if boxes is None and solutions is None:
        raise SettingsError(
            "a reward needs the truth: the column boxes_px or solution", hint="Name the columns of the data set so."
        )
    read: dict[tuple[str, tuple[int, int]], GroundTruth] = {}  # the completions of a group share their solution
    truths = []
    for index in range(count):
        size = (UNBOUNDED_PX, UNBOUNDED_PX) if sizes is None else _size(sizes[index], index)
        if boxes is not None:
            truths.append(_truth(boxes[index], None if words is None else words[index], size, index))
        elif solutions is not None:
            text = text_of(solutions[index])
            if (text, size) not in read:
                read[text, size] = _solution(text, size, index)
            truths.append(read[text, size])
    return truths


def _truth(boxes: Any, labels: Any, size: tuple[int, int], index: int) -> GroundTruth:
    try:
        array = as_boxes(boxes if boxes is not None else [])
    except (TypeError, ValueError) as error:
        raise InputError(f"boxes_px of completion {index} are not boxes: {error}") from error
    if not (array[:, :2] < array[:, 2:]).all() or not np.isfinite(array).all():
        raise InputError(f"boxes_px of completion {index} hold an empty box or a number that is not finite")
    words = ("",) * len(array) if labels is None else tuple(_plain(str(label)) for label in labels)
    if len(words) != len(array):
        raise InputError(f"completion {index} has {len(array)} boxes and {len(words)} labels")
    return GroundTruth(boxes_px=array, labels=words, size_px=size)


def _solution(text: str, size: tuple[int, int], index: int) -> GroundTruth:
    answer = parse_answer(text, image_size_px=size, coordinates="resized-pixels", task="detect", default_label="")
    bad = [drop.reason for drop in answer.dropped if drop.reason not in _HARMLESS]
    if bad:
        raise InputError(f"the solution of completion {index} cannot be used: {bad[0]}")
    return _truth(
        [found.box_chip_px for found in answer.detections], [found.label for found in answer.detections], size, index
    )


def column_of(name: str, values: Column, count: int) -> Sequence[Any] | None:
    """The values of a column, checked for their number; None where it is not given."""
    if values is None:
        return None
    if len(values) != count:
        raise SettingsError(f"the column {name} has {len(values)} entries for {count} completions")
    return values


def _size(value: Any, index: int) -> tuple[int, int]:
    try:
        width, height = (math.ceil(side) for side in value)
    except (TypeError, ValueError, OverflowError):
        width = height = 0
    if width < 1 or height < 1:
        raise InputError(f"size_px of completion {index} is not (width, height): {value!r}")
    return width, height


def polygon_of(value: Any, index: int) -> shapely.Geometry:
    """A true mask as a valid geometry."""
    import shapely
    import shapely.geometry

    try:
        if isinstance(value, str):
            shape = shapely.from_wkt(value)
        elif isinstance(value, Mapping):
            shape = shapely.geometry.shape(dict(value))
        elif isinstance(value, shapely.Geometry):
            shape = value
        else:
            shape = shapely.Polygon(np.asarray(value, dtype=np.float64).reshape(-1, 2))
        if not np.isfinite(shapely.get_coordinates(shape)).all():
            raise ValueError("a coordinate is not finite")
    except (shapely.errors.ShapelyError, TypeError, ValueError, AttributeError, KeyError) as error:
        raise InputError(f"polygons_px of completion {index} hold no valid polygon: {error}") from error
    return shapely.make_valid(shape)


def _plain(label: str) -> str:
    """A label as it is compared."""
    return " ".join(label.casefold().split())
