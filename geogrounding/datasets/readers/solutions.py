"""Extract the expression from the question of a training record, and the boxes from its answer.

Data sets such as those of VLM-R1 and Geo-R1 hold complete prompts and answers. Parsing is strict: unlike the reply of a model, a
label that cannot be parsed is reported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from geogrounding.datasets.images import MalformedError
from geogrounding.datasets.readers.records import numbers_of, text_of
from geogrounding.messages import quote
from geogrounding.types import Task

_MEDIA = re.compile(r"<image>|<video>|<\|vision_start\|>.*?<\|vision_end\|>|<\|image_pad\|>", re.DOTALL)
_REFERENCE = re.compile(r"<\|object_ref_start\|>(.+?)<\|object_ref_end\|>|<p>(.+?)</p>|<ref>(.+?)</ref>", re.DOTALL)
_REST = r"\s*(?:[.?!\n]\s*(?:(?:First|Then|Please|Output|Think|Write|Answer|Give|If)\b.*)?|,\s*(?:and )?output\b.*)?$"
"""Text that may follow an expression: nothing, or instructions for the answer."""
_FORMS: tuple[tuple[str, Task | None], ...] = (
    (r"^(refer|detect|segment):\s*(?P<e>.+)$", None),
    (r"this sentence describes:\s*[\"“](?P<e>.+?)[\"”]", "refer"),
    (r"fits? this description:\s*[\"“](?P<e>.+?)[\"”]", "detect"),
    (r"(?:sentence|phrase|expression|description) describes:\s*(?P<e>.+?)" + _REST, "refer"),
    (r"detect the following objects?:\s*(?P<e>.+?)" + _REST, "detect"),
    (r"^(?:Locate|Find|Detect) (?:all|every) (?:of )?(?:the )?(?P<e>.+?)(?: in (?:the|this) image)?" + _REST, "detect"),
    (r"^(?:Locate|Find|Detect) (?:the )?(?P<e>.+?)(?: in (?:the|this) image)?" + _REST, None),
)
_PATTERNS = tuple((re.compile(form, re.DOTALL), task) for form, task in _FORMS)
_LISTED = re.compile(r"[\"']([^\"']+)[\"']")
_THINK = re.compile(r"<think>(.*?)</think>", re.DOTALL)
_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_FENCE = re.compile(r"```(?:json)?\s*(.*?)\s*```", re.DOTALL)
_BOX_KEYS = ("bbox_2d", "bbox", "box")
_POINT_KEYS = ("keypoint1", "keypoint2", "keypoints", "points", "point_1", "point_2")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedQuestion:
    """A parsed question."""

    expression: str
    task: Task | None
    """The task in its words; None where they name none."""
    known: bool
    """Whether the question has a known form; else the expression is all of its text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedAnswer:
    """A parsed answer."""

    boxes: tuple[tuple[float, float, float, float], ...]
    """x0, y0, x1, y1 as written; the reader knows the unit."""
    labels: tuple[str, ...]
    """One for each box, empty where it has none."""
    reasoning: str
    points: bool
    """Whether the boxes come with key points, as the answers of the task ``segment`` do."""


def take_question(value: object) -> ParsedQuestion:
    """Extract the expression of a question; of an unknown form, all of its text.

    Raises:
        MalformedError: it is not a text or nothing is left of it.
    """
    if not isinstance(value, str):
        raise MalformedError("the question is missing or not a text")
    text = _MEDIA.sub(" ", value).strip()
    inner, task, known = text, None, False
    for pattern, stated in _PATTERNS:
        found = pattern.search(text)
        if found is not None:
            inner, known = found.group("e"), True
            task = stated or task_named(found.group(1))
            break
    marked = _REFERENCE.search(text)
    if marked is not None:
        inner, known = next(group for group in marked.groups() if group), True
    if inner.startswith("[") and (several := _LISTED.findall(inner)):
        inner = ", ".join(several)
    return ParsedQuestion(expression=text_of(inner.strip(" \"'“”[]"), "the expression"), task=task, known=known)


def task_named(word: object) -> Task | None:
    """The task of this name; None where there is no such task."""
    names: tuple[Task, ...] = get_args(Task)
    return next((name for name in names if name == word), None)


def take_solution(value: object) -> ParsedAnswer:
    """Extract the boxes of an answer.

    Understood are a box of four numbers; a list of boxes; objects with ``bbox_2d`` (or ``bbox``) and ``label``; each as
    JSON values or as a text that holds them, in ``<answer>`` tags and a code fence or without; and ``None`` for "there is
    no such target".

    Raises:
        MalformedError: it is something else.
    """
    reasoning = ""
    if isinstance(value, str):
        thought = _THINK.search(value)
        reasoning = " ".join(thought.group(1).split()) if thought else ""
        value = _json_inside(_THINK.sub("", value))
    if value is None:
        return ParsedAnswer(boxes=(), labels=(), reasoning=reasoning, points=False)
    if isinstance(value, Mapping) or (isinstance(value, Sequence) and len(value) == 4 and _is_number(value[0])):
        value = [value]
    if not isinstance(value, Sequence):
        raise MalformedError("the solution is neither boxes nor None")
    boxes, labels, points = [], [], False
    for item in value:
        box, label = item, ""
        if isinstance(item, Mapping):
            box = next((item[key] for key in _BOX_KEYS if key in item), None)
            label = text_of(item["label"], "the label") if item.get("label") else ""
            points = points or any(key in item for key in _POINT_KEYS)
        x0, y0, x1, y1 = numbers_of(box, 4, "a box of the solution")
        boxes.append((x0, y0, x1, y1))
        labels.append(label)
    return ParsedAnswer(boxes=tuple(boxes), labels=tuple(labels), reasoning=reasoning, points=points)


def _json_inside(text: str) -> object:
    answer = _ANSWER.search(text)
    text = (answer.group(1) if answer else text).strip()
    fence = _FENCE.search(text)
    text = (fence.group(1) if fence else text).strip()
    if text.rstrip(".").lower() in ("none", "null"):
        return None
    if not text:
        raise MalformedError("the solution is empty")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise MalformedError(f"the solution is not JSON: {quote(text)}") from None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
