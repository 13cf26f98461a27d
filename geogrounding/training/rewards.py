"""Reward functions for TRL's GRPOTrainer: plain functions of completions and of the columns of the data set.

Every reward is finite and in [0, 1] for any text. Columns, one entry for each completion:

    boxes_px      true boxes [x0, y0, x1, y1] in the unit of the model's answers; [] where there is no target
    labels        the label of each box
    size_px       (width, height) of the frame of those numbers: pixels of the image the model saw, or 1000 x 1000
    polygons_px   true masks in the same frame (mask_giou_reward): WKT, GeoJSON geometries, rings of [x, y], or shapely
    solution      instead of boxes_px and labels: a target answer as text (the column of Geo-R1 and VLM-R1)
    task          refer, detect or segment (grounding_reward)

All texts are parsed by ``models.parsing.answer.parse_answer``, as at inference. An entry of an answer that cannot be
used (a box outside the image, the same box twice, three numbers) counts as a wrong box. A text that cannot be
parsed is not the answer "none". docs/rewards.md compares the definitions with the published ones.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from geogrounding.errors import InputError, SettingsError
from geogrounding.evaluation.matching import average_precision, match
from geogrounding.geometry.boxes import iou_matrix
from geogrounding.training.reward_inputs import (
    Column,
    GroundTruth,
    ParsedCompletion,
    column_of,
    ground_truths,
    parse_completion,
    polygon_of,
    text_of,
)

Reward = Callable[..., list[float]]

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
    Labels are ignored. Where the truth holds several boxes, the best overlap counts.
    """
    truths = ground_truths(len(completions), boxes_px, labels, size_px, solution)
    rewards = []
    for completion, truth in zip(completions, truths, strict=True):
        answer = parse_completion(completion, truth, "refer")
        if not len(truth.boxes_px):
            rewards.append(float(answer.none))
        elif not len(answer.boxes_px):
            rewards.append(0.0)
        else:
            rewards.append(float(iou_matrix(answer.boxes_px[:1], truth.boxes_px).max()))
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

    The mean over images is gIoU. The answered boxes are taken as masks (``mask_reward.MaskReward`` draws them with a
    segmenter), both sides are clipped to the image, and areas are exact. True masks are ``polygons_px``; where there are none, ``boxes_px``.
    """
    import shapely

    truths = ground_truths(len(completions), boxes_px, labels, size_px, solution)
    masks = column_of("polygons_px", polygons_px, len(completions))
    rewards = []
    for index, (completion, truth) in enumerate(zip(completions, truths, strict=True)):
        answer = parse_completion(completion, truth, "detect")
        width, height = truth.size_px
        frame = shapely.box(0, 0, width, height)
        shapes = [] if masks is None or masks[index] is None else [polygon_of(item, index) for item in masks[index]]
        true = shapely.intersection(shapely.union_all(shapes or shapely.box(*truth.boxes_px.T)), frame)
        if true.is_empty or true.area <= 0:
            rewards.append(float(answer.none))
            continue
        found = shapely.union_all(shapely.box(*answer.boxes_px.T))
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
    tasks = column_of("task", task, len(completions))
    if tasks is None:
        raise SettingsError("grounding_reward needs the column task", hint="Or choose the reward of one task.")
    return by_task(completions, tasks, TASK_REWARDS, columns)


def by_task(
    completions: Sequence[Any], tasks: Sequence[Any], own: Mapping[str, Reward], columns: Mapping[str, Any]
) -> list[float]:
    """The reward of each completion by its task.

    Args:
        completions: of any tasks.
        tasks: one for each completion.
        own: the rewards by task.
        columns: of the data set; those that are not for rewards are left out.

    Raises:
        InputError: a task is unknown.
    """
    rewards = [0.0] * len(completions)
    for name in dict.fromkeys(tasks):
        if name not in own:
            raise InputError(f"the task {name!r} is unknown", hint=f"Tasks: {', '.join(own)}.")
        places = [i for i, one in enumerate(tasks) if one == name]
        part = {
            key: [value[i] for i in places]
            for key, value in columns.items()
            if key in _COLUMNS and isinstance(value, Sequence) and len(value) == len(completions)
        }
        for place, reward in zip(places, own[name]([completions[i] for i in places], **part), strict=True):
            rewards[place] = reward
    return rewards


_COLUMNS = ("boxes_px", "labels", "size_px", "polygons_px", "solution", "shown", "scale")
TASK_REWARDS: Mapping[str, Reward] = {
    "refer": box_iou_reward,
    "detect": detection_reward,
    "segment": mask_giou_reward,
}
"""The reward of an answer, by task."""
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


def _detection(
    completions: Sequence[Any],
    boxes_px: Column,
    labels: Column,
    size_px: Column,
    solution: Column,
    *,
    factor: Callable[[float], float],
) -> list[float]:
    truths = ground_truths(len(completions), boxes_px, labels, size_px, solution)
    rewards = []
    for completion, truth in zip(completions, truths, strict=True):
        answer = parse_completion(completion, truth, "detect")
        number, listed = len(truth.boxes_px), len(answer.boxes_px) + answer.wrong
        if not number:
            rewards.append(float(answer.none))
        elif not len(answer.boxes_px):
            rewards.append(0.0)
        else:
            rewards.append(min(1.0, factor(min(1.0, number / listed))) * _mean_precision(answer, truth))
    return rewards


def _mean_precision(answer: ParsedCompletion, truth: GroundTruth) -> float:
    """Mean over true labels and thresholds of the average precision of one image."""
    iou = iou_matrix(answer.boxes_px, truth.boxes_px)
    known = dict.fromkeys(truth.labels)
    if len(known) == 1:
        own = [label in known or "" in known for label in answer.labels]
        if not all(own):
            iou[np.logical_not(own)] = 0.0
        return float(average_precision(match(iou), len(truth.labels)).mean())
    said_labels, true_labels = np.array(answer.labels), np.array(truth.labels)
    foreign = ~np.isin(said_labels, true_labels)
    values = []
    for label in known:
        mine, targets = said_labels == label, true_labels == label
        ranked = np.where(mine[:, None], iou, 0.0)[mine | foreign][:, targets]
        values.append(float(average_precision(match(ranked), int(targets.sum())).mean()))
    return float(np.mean(values))


def _is_formatted(text: str) -> bool:
    text = text.strip()
    if any(text.count(tag) != 1 for tag in (_OPEN_THINK, _CLOSE_THINK, _OPEN_ANSWER, _CLOSE_ANSWER)):
        return False
    if not (text.startswith(_OPEN_THINK) and text.endswith(_CLOSE_ANSWER)):
        return False
    thought, _, rest = text.removeprefix(_OPEN_THINK).removesuffix(_CLOSE_ANSWER).partition(_CLOSE_THINK)
    between, _, answer = rest.partition(_OPEN_ANSWER)
    return bool(thought.strip() and answer.strip()) and not between.strip()
