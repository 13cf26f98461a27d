"""Rewards in the form that TRL's GRPOTrainer takes: plain functions of completions and of the columns of the data set.

Every reward is finite and in [0, 1] for any text at all. Columns, one entry for each completion:

    boxes_px      true boxes [x0, y0, x1, y1] in the numbers that the model answers in; [] where there is no target
    labels        what each box holds, in words
    size_px       (width, height) of the frame of those numbers: pixels of the image the model saw, or 1000 x 1000
    polygons_px   true masks in the same frame (mask_giou_reward): WKT, GeoJSON geometries, rings of [x, y], or shapely
    solution      instead of boxes_px and labels: a right answer as text (the column of Geo-R1 and VLM-R1)
    task          refer, detect or segment (grounding_reward)

All texts are read by ``grounding.answer.parse_answer``, as answers are at inference. What an answer lists but cannot be
used (a box outside the image, the same box twice, three numbers) counts as a wrong box. A text that cannot be
understood is not the answer "none". docs/rewards.md compares the definitions with the published ones.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from geogrounding.errors import InputError, SettingsError
from geogrounding.evaluation.matching import average_precision, match
from geogrounding.geometry.boxes import Boxes, as_boxes, iou_matrix
from geogrounding.models.parsing.answer import Reason, parse_answer
from geogrounding.models.parsing.found import REMARKS
from geogrounding.training.strict_answers import read_plain
from geogrounding.types import Task

if TYPE_CHECKING:
    import shapely

Reward = Callable[..., list[float]]
Column = Sequence[Any] | None

UNBOUNDED_PX = 2**31
"""Side of the frame where ``size_px`` is not given: nothing is clipped."""
_HARMLESS = REMARKS
_NOT_A_BOX = REMARKS | {Reason.EMPTY_REPLY, Reason.NO_ANSWER, Reason.NO_BOX, Reason.TOO_LONG}
"""Reasons for drops that stand for no box of the answer."""
_OPEN_THINK, _CLOSE_THINK, _OPEN_ANSWER, _CLOSE_ANSWER = "<think>", "</think>", "<answer>", "</answer>"


def format_reward(completions: Sequence[Any], **columns: Any) -> list[float]:
    """1 where the completion is ``<think>...</think><answer>...</answer>``, else 0.

    White space may stand around and between the two parts; each tag comes once; neither part is blank. Special tokens
    must have been left out in decoding, as TRL does.
    """
    return [float(_is_formatted(text_of(completion))) for completion in completions]


def box_iou_reward(
    completions: Sequence[Any],
    *,
    boxes_px: Column = None,
    labels: Column = None,
    size_px: Column = None,
    solution: Column = None,
    **columns: Any,
) -> list[float]:
    """``refer``: IoU of the first box of the answer with the target; 1 where there is no target and the answer is none.

    Half-open float boxes. Further boxes neither help nor harm: at inference the first one counts.
    Labels are not looked at. Where the truth holds several boxes, the best overlap counts.
    """
    truths = _truths(len(completions), boxes_px, labels, size_px, solution)
    rewards = []
    for completion, truth in zip(completions, truths, strict=True):
        said = _read(completion, truth, "refer")
        if not len(truth.boxes_px):
            rewards.append(float(said.none))
        elif not len(said.boxes_px):
            rewards.append(0.0)
        else:
            rewards.append(float(iou_matrix(said.boxes_px[:1], truth.boxes_px).max()))
    return rewards


def detection_reward(
    completions: Sequence[Any],
    *,
    boxes_px: Column = None,
    labels: Column = None,
    size_px: Column = None,
    solution: Column = None,
    **columns: Any,
) -> list[float]:
    """``detect``: min(1, sqrt(N_true / N_answered)) x mean AP over the IoU thresholds .50:.05:.95 (Geo-R1).

    AP is that of COCO for one image, the order of the answer standing for falling scores, averaged over the true
    labels. N_answered counts everything the answer lists. A box with a label outside the truth counts as a wrong box of
    every true label, at its place in the order. Labels are compared without regard to case and spacing; a box without
    one has the only true label, if there is only one; where the truth has no labels, they are not compared.
    No target: 1 for none, 0 for anything else.
    """
    return _detection(completions, boxes_px, labels, size_px, solution, factor=lambda share: math.sqrt(share))


def od_length_reward(
    completions: Sequence[Any],
    *,
    boxes_px: Column = None,
    labels: Column = None,
    size_px: Column = None,
    solution: Column = None,
    **columns: Any,
) -> list[float]:
    """As ``detection_reward`` with VLM-R1's harder length factor (its ``odLength``): min(1, N_true / N_answered)."""
    return _detection(completions, boxes_px, labels, size_px, solution, factor=lambda share: share)


def mask_giou_reward(
    completions: Sequence[Any],
    *,
    boxes_px: Column = None,
    labels: Column = None,
    size_px: Column = None,
    polygons_px: Column = None,
    solution: Column = None,
    **columns: Any,
) -> list[float]:
    """``segment``: IoU of the union of the answered boxes with the union of the true masks; none against none is 1.

    The mean over images is gIoU. The answered boxes are their own masks (no segmenting model is asked), both sides
    are clipped to the image, and areas are exact. True masks are ``polygons_px``; where there are none, ``boxes_px``.
    """
    import shapely

    truths = _truths(len(completions), boxes_px, labels, size_px, solution)
    masks = _column("polygons_px", polygons_px, len(completions))
    rewards = []
    for index, (completion, truth) in enumerate(zip(completions, truths, strict=True)):
        said = _read(completion, truth, "detect")
        width, height = truth.size_px
        frame = shapely.box(0, 0, width, height)
        shapes = [] if masks is None or masks[index] is None else [_polygon(item, index) for item in masks[index]]
        true = shapely.intersection(shapely.union_all(shapes or shapely.box(*truth.boxes_px.T)), frame)
        if true.is_empty or true.area <= 0:
            rewards.append(float(said.none))
            continue
        found = shapely.union_all(shapely.box(*said.boxes_px.T))
        inter = shapely.intersection(found, true).area
        union = found.area + true.area - inter
        rewards.append(min(max(float(inter / union), 0.0), 1.0))
    return rewards


def grounding_reward(completions: Sequence[Any], *, task: Column = None, **columns: Any) -> list[float]:
    """The reward of each completion's own task, for data that mixes tasks (column ``task``).

    Raises:
        SettingsError: the column is missing.
        InputError: a task is unknown.
    """
    tasks = _column("task", task, len(completions))
    if tasks is None:
        raise SettingsError("grounding_reward needs the column task", hint="Or choose the reward of one task.")
    rewards = [0.0] * len(completions)
    for name in dict.fromkeys(tasks):
        if name not in TASK_REWARDS:
            raise InputError(f"the task {name!r} is unknown", hint=f"Tasks: {', '.join(TASK_REWARDS)}.")
        places = [i for i, one in enumerate(tasks) if one == name]
        part = {
            key: [value[i] for i in places]
            for key, value in columns.items()
            if key in _COLUMNS and isinstance(value, Sequence) and len(value) == len(completions)
        }
        for place, reward in zip(places, TASK_REWARDS[name]([completions[i] for i in places], **part), strict=True):
            rewards[place] = reward
    return rewards


_COLUMNS = ("boxes_px", "labels", "size_px", "polygons_px", "solution")
TASK_REWARDS: Mapping[str, Reward] = {
    "refer": box_iou_reward,
    "detect": detection_reward,
    "segment": mask_giou_reward,
}
"""What an answer is worth, by task."""
REWARDS: Mapping[str, Reward] = {
    "format": format_reward,
    "iou": box_iou_reward,
    "detection": detection_reward,
    "od-length": od_length_reward,
    "mask": mask_giou_reward,
    "grounding": grounding_reward,
}
"""Rewards by short name."""


def resolve(name: str) -> Reward:
    """A reward by its short name, or any function by its dotted path (``package.module.function``).

    A path imports that module, which runs its code: take paths from the user only, never from data.

    Raises:
        SettingsError: there is no such reward.
    """
    if name in REWARDS:
        return REWARDS[name]
    module, _, attribute = name.strip().replace(":", ".").rpartition(".")
    hint = f"Known: {', '.join(REWARDS)}; or package.module.function."
    if not module or not attribute:
        raise SettingsError(f"there is no reward {name!r}", hint=hint)
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise SettingsError(f"the reward {name!r} cannot be imported: {error}", hint=hint) from error
    if not callable(found):
        raise SettingsError(f"{name!r} is not a function", hint=hint)
    reward: Reward = found
    return reward


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
class _Truth:
    boxes_px: Boxes
    labels: tuple[str, ...]
    size_px: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    boxes_px: Boxes
    labels: tuple[str, ...]
    wrong: int
    """Things listed that are no usable boxes."""
    none: bool
    """Whether the answer says that there is no target."""


def _detection(
    completions: Sequence[Any],
    boxes_px: Column,
    labels: Column,
    size_px: Column,
    solution: Column,
    *,
    factor: Callable[[float], float],
) -> list[float]:
    truths = _truths(len(completions), boxes_px, labels, size_px, solution)
    rewards = []
    for completion, truth in zip(completions, truths, strict=True):
        said = _read(completion, truth, "detect")
        number, listed = len(truth.boxes_px), len(said.boxes_px) + said.wrong
        if not number:
            rewards.append(float(said.none))
        elif not len(said.boxes_px):
            rewards.append(0.0)
        else:
            rewards.append(min(1.0, factor(min(1.0, number / listed))) * _mean_precision(said, truth))
    return rewards


def _mean_precision(said: _Said, truth: _Truth) -> float:
    """Mean over true labels and thresholds of the average precision of one image."""
    iou = iou_matrix(said.boxes_px, truth.boxes_px)
    known = dict.fromkeys(truth.labels)
    if len(known) == 1:
        own = [label in known or "" in known for label in said.labels]
        if not all(own):
            iou[np.logical_not(own)] = 0.0
        return float(average_precision(match(iou), len(truth.labels)).mean())
    said_labels, true_labels = np.array(said.labels), np.array(truth.labels)
    foreign = ~np.isin(said_labels, true_labels)
    values = []
    for label in known:
        mine, targets = said_labels == label, true_labels == label
        ranked = np.where(mine[:, None], iou, 0.0)[mine | foreign][:, targets]
        values.append(float(average_precision(match(ranked), int(targets.sum())).mean()))
    return float(np.mean(values))


def _read(completion: Any, truth: _Truth, task: Task) -> _Said:
    text = text_of(completion)
    plain = read_plain(text, truth.size_px, task)
    if plain is not None:
        return _Said(
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
    return _Said(
        boxes_px=as_boxes([found.box_chip_px for found in answer.detections]),
        labels=tuple(_plain(found.label) for found in answer.detections),
        wrong=sum(drop.reason not in _NOT_A_BOX for drop in answer.dropped),
        none=not answer.detections and all(drop.reason in _HARMLESS for drop in answer.dropped),
    )


def _truths(count: int, boxes_px: Column, labels: Column, size_px: Column, solution: Column) -> list[_Truth]:
    boxes, words = _column("boxes_px", boxes_px, count), _column("labels", labels, count)
    sizes, solutions = _column("size_px", size_px, count), _column("solution", solution, count)
    if boxes is None and solutions is None:
        raise SettingsError(
            "a reward needs the truth: the column boxes_px or solution", hint="Name the columns of the data set so."
        )
    read: dict[tuple[str, tuple[int, int]], _Truth] = {}  # the completions of a group share their solution
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


def _truth(boxes: Any, labels: Any, size: tuple[int, int], index: int) -> _Truth:
    try:
        array = as_boxes(boxes if boxes is not None else [])
    except (TypeError, ValueError) as error:
        raise InputError(f"boxes_px of completion {index} are not boxes: {error}") from error
    if not (array[:, :2] < array[:, 2:]).all() or not np.isfinite(array).all():
        raise InputError(f"boxes_px of completion {index} hold an empty box or a number that is not finite")
    words = ("",) * len(array) if labels is None else tuple(_plain(str(label)) for label in labels)
    if len(words) != len(array):
        raise InputError(f"completion {index} has {len(array)} boxes and {len(words)} labels")
    return _Truth(boxes_px=array, labels=words, size_px=size)


def _solution(text: str, size: tuple[int, int], index: int) -> _Truth:
    answer = parse_answer(text, image_size_px=size, coordinates="resized-pixels", task="detect", default_label="")
    bad = [drop.reason for drop in answer.dropped if drop.reason not in _HARMLESS]
    if bad:
        raise InputError(f"the solution of completion {index} cannot be used: {bad[0]}")
    return _truth(
        [found.box_chip_px for found in answer.detections], [found.label for found in answer.detections], size, index
    )


def _column(name: str, values: Column, count: int) -> Sequence[Any] | None:
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


def _polygon(value: Any, index: int) -> shapely.Geometry:
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


def _is_formatted(text: str) -> bool:
    text = text.strip()
    if any(text.count(tag) != 1 for tag in (_OPEN_THINK, _CLOSE_THINK, _OPEN_ANSWER, _CLOSE_ANSWER)):
        return False
    if not (text.startswith(_OPEN_THINK) and text.endswith(_CLOSE_ANSWER)):
        return False
    thought, _, rest = text.removeprefix(_OPEN_THINK).removesuffix(_CLOSE_ANSWER).partition(_CLOSE_THINK)
    between, _, answer = rest.partition(_OPEN_ANSWER)
    return bool(thought.strip() and answer.strip()) and not between.strip()
