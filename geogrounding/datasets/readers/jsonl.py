"""Records of one question each, in JSONL or a JSON list: VLM-R1 and Geo-R1, ms-swift, TRL.

VLM-R1, Geo-R1   ``image``, ``problem``, ``solution``; or ``image``, ``conversations`` of ``from`` and ``value``. The task
                 segment has ``mask``, an image. This project writes the same with ``expression`` and ``task`` added,
                 and ``unlike``, boxes of what is not meant.
                 (github.com/om-ai-lab/VLM-R1, grpo_jsonl.py; github.com/Geo-R1/geo-r1, run_scripts)
ms-swift         ``messages``, ``images``, ``objects`` with ``ref`` and ``bbox``, and the marks ``<ref-object>`` and
                 ``<bbox>`` in the messages. (its documentation, "Custom dataset", part "Grounding")
TRL              ``prompt``, a text or messages, ``images``, and the answer as ``solution`` or ``completion``.
                 (its documentation, "Dataset formats")

Boxes are in pixels of the image.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from geogrounding.datasets.images import ImageFolder, MalformedError
from geogrounding.datasets.masks import polygons_of_mask, read_mask
from geogrounding.datasets.readers.records import (
    LabelFiles,
    Wanted,
    boxes_in_image,
    check_declared_size,
    numbers_of,
    parse_records,
    readable,
    text_of,
)
from geogrounding.datasets.readers.solutions import (
    ParsedAnswer,
    ParsedQuestion,
    take_question,
    take_solution,
    task_named,
)
from geogrounding.datasets.sample import Problem, Sample
from geogrounding.errors import GeogroundingError
from geogrounding.types import Task

_Parts = tuple[str, ParsedQuestion, ParsedAnswer]
"""Name of the image, question, answer."""
_MARK = re.compile(r"<ref-object>|<bbox>")


def read_geo_r1(data: Path, images: ImageFolder, files: LabelFiles, wanted: Wanted) -> Iterator[Sample | Problem]:
    """Samples of a VLM-R1 or Geo-R1 file, one for each record."""
    return _read(data, images, files, wanted, _take_geo_r1)


def read_swift(data: Path, images: ImageFolder, files: LabelFiles, wanted: Wanted) -> Iterator[Sample | Problem]:
    """Samples of an ms-swift file, one for each record."""
    return _read(data, images, files, wanted, _take_swift)


def read_trl(data: Path, images: ImageFolder, files: LabelFiles, wanted: Wanted) -> Iterator[Sample | Problem]:
    """Samples of a TRL file, one for each record."""
    return _read(data, images, files, wanted, _take_trl)


def _read(
    data: Path,
    images: ImageFolder,
    files: LabelFiles,
    wanted: Wanted,
    take: Callable[[Mapping[str, Any], ImageFolder], _Parts],
) -> Iterator[Sample | Problem]:
    for origin, record in parse_records(files.read(data), data.name):
        if isinstance(record, MalformedError):
            yield Problem(origin=origin, reason=str(record))
            continue
        try:
            yield _sample(record, take(record, images), origin, images, wanted)
        except (MalformedError, GeogroundingError) as error:
            yield Problem(origin=origin, reason=str(error))


def _sample(record: Mapping[str, Any], parts: _Parts, origin: str, images: ImageFolder, wanted: Wanted) -> Sample:
    name, asked, solved = parts
    path, size_px = images.find(name)
    check_declared_size(record, size_px)
    boxes_px = boxes_in_image(solved.boxes, size_px)
    polygons: tuple[shapely.Geometry, ...] = ()
    if record.get("mask"):
        mask_path, _ = images.find(record["mask"])
        polygons = polygons_of_mask(read_mask(mask_path, size_px))
        if not len(boxes_px):
            boxes_px = np.array([polygon.bounds for polygon in polygons], dtype=np.float64).reshape(-1, 4)
    task = wanted.task or _task(record, asked, solved, bool(polygons))
    labels = solved.labels or ("",) * len(boxes_px)
    category = readable(text_of(record["category"], "the category")) if record.get("category") else ""
    if not category and len(set(labels)) == 1:
        category = labels[0]
    unique = record.get("is_unique", record.get("unique"))
    return Sample(
        id=origin,
        image=path,
        size_px=size_px,
        expression=asked.expression,
        task=task,
        boxes_px=boxes_px,
        labels=tuple(label or category or asked.expression for label in labels),
        unlike_px=boxes_in_image(_unlike(record), size_px),
        polygons_px=polygons if task == "segment" else (),
        category=category,
        unique=unique if isinstance(unique, bool) else None,
        reasoning=solved.reasoning,
        origin=origin,
    )


def _unlike(record: Mapping[str, Any]) -> list[list[float]]:
    """Boxes of what is not meant, which this project writes; none in other files."""
    boxes = record.get("unlike", [])
    if not isinstance(boxes, list):
        raise MalformedError("unlike is not a list of boxes")
    return [numbers_of(box, 4, "an entry of unlike") for box in boxes]


def _task(record: Mapping[str, Any], asked: ParsedQuestion, solved: ParsedAnswer, masked: bool) -> Task:
    if (stated := task_named(record.get("task"))) is not None:
        return stated
    if masked:
        return "segment"
    return asked.task or ("refer" if len(solved.boxes) == 1 else "detect")


def _take_geo_r1(record: Mapping[str, Any], images: ImageFolder) -> _Parts:
    question, answer = record.get("problem"), record.get("solution")
    if "conversations" in record:
        question, answer = _one_turn(record["conversations"], "from", "value", ("human", "gpt"))
    if record.get("expression"):
        asked = ParsedQuestion(expression=text_of(record["expression"], "the expression"), task=None, known=True)
    else:
        asked = take_question(question)
        if not asked.known and record.get("normal_caption"):  # VLM-R1's files of RefCOCO
            asked = ParsedQuestion(
                expression=text_of(record["normal_caption"], "the caption"), task=asked.task, known=True
            )
    if "solution" not in record and "conversations" not in record:
        if record.get("mask"):
            return _one_image(record.get("image")), asked, take_solution(record.get("bbox_list") or "None")
        raise MalformedError("the record has no solution")
    if answer is None:
        raise MalformedError('the solution is null; "there is no such target" is the text None')
    return _one_image(record.get("image")), asked, take_solution(answer)


def _take_trl(record: Mapping[str, Any], images: ImageFolder) -> _Parts:
    prompt = record.get("prompt", record.get("messages"))
    question = prompt if isinstance(prompt, str) else _last_of(prompt, "user")
    if "solution" in record:
        answer = record["solution"]
    elif "completion" in record:
        completion = record["completion"]
        answer = completion if isinstance(completion, str) else _last_of(completion, "assistant")
    elif "messages" in record:
        answer = _last_of(record["messages"], "assistant")
    else:
        raise MalformedError("the record has neither solution nor completion")
    if answer is None:
        raise MalformedError('the solution is null; "there is no such target" is the text None')
    return _one_image(record.get("images", record.get("image"))), take_question(question), take_solution(answer)


def _take_swift(record: Mapping[str, Any], images: ImageFolder) -> _Parts:
    name = _one_image(record.get("images", record.get("image")))
    objects = record.get("objects")
    if not isinstance(objects, Mapping) or not isinstance(objects.get("bbox"), list):
        raise MalformedError("the record has no objects with a list bbox")
    refs = [text_of(ref, "an entry of ref") for ref in _list_of(objects, "ref")]
    question, answer = _last_of(record.get("messages"), "user"), _answer_of(record.get("messages"))
    marks = _MARK.findall(question)
    if "<bbox>" in marks:
        raise MalformedError("the question itself holds a box; such records are not about finding something")
    asked_refs = refs[: len(marks)]
    if len(asked_refs) < len(marks):
        raise MalformedError(f"the question has {len(marks)} marks <ref-object>, the record {len(refs)} refs")
    refs_left = iter(asked_refs)
    asked = take_question(_MARK.sub(lambda _: next(refs_left), question))
    if len(asked_refs) == 1:
        asked = ParsedQuestion(expression=asked_refs[0], task=asked.task, known=True)
    boxes = _swift_boxes(objects, name, images)
    if answer and answer.count("<bbox>") not in (0, len(boxes)):
        raise MalformedError(f"the answer has {answer.count('<bbox>')} marks <bbox>, the record {len(boxes)} boxes")
    answer_refs = refs[len(marks) :]
    if len(answer_refs) == len(boxes):
        labels = tuple(answer_refs)
    else:
        labels = (refs[0] if len(set(refs)) == 1 else asked.expression,) * len(boxes)
    if not asked.known and len(set(labels)) > 1:
        raise MalformedError(f"the question {asked.expression[:60]!r} does not say what to look for")
    return name, asked, ParsedAnswer(boxes=tuple(boxes), labels=labels, reasoning="", points=False)


def _swift_boxes(objects: Mapping[str, Any], name: str, images: ImageFolder) -> list[tuple[float, float, float, float]]:
    kind = objects.get("bbox_type", "real")
    if kind not in ("real", "norm1"):
        raise MalformedError(f"bbox_type {kind!r} is unknown")
    if any(number != 0 for number in _list_of(objects, "image_id")):
        raise MalformedError("a box is about a second image")
    unit_x, unit_y = images.find(name)[1] if kind == "norm1" else (1, 1)
    boxes = []
    for box in objects["bbox"]:
        x0, y0, x1, y1 = numbers_of(box, 4, "an entry of bbox")
        boxes.append((x0 * unit_x, y0 * unit_y, x1 * unit_x, y1 * unit_y))
    return boxes


def _list_of(objects: Mapping[str, Any], key: str) -> list[Any]:
    """An optional list; empty where it is left out."""
    value = objects.get(key)
    if value is not None and not isinstance(value, list):
        raise MalformedError(f"{key} of the objects is not a list")
    return value or []


def _one_image(value: object) -> str:
    """The name of the one image: a text, or a list of one text or of one ``{"path": ...}``."""
    if isinstance(value, list):
        if len(value) != 1:
            raise MalformedError(f"the record has {len(value)} images; one is needed")
        value = value[0]
    if isinstance(value, Mapping):
        value = value.get("path")
    if not isinstance(value, str) or not value.strip():
        raise MalformedError("the record names no image")
    return value


def _one_turn(turns: object, who: str, what: str, roles: tuple[str, str]) -> tuple[object, object]:
    if not isinstance(turns, list) or not all(isinstance(turn, Mapping) for turn in turns):
        raise MalformedError("the conversations are not a list of turns")
    if [turn.get(who) for turn in turns] != list(roles):
        raise MalformedError(f"the conversation is not one turn of {roles[0]} and one of {roles[1]}")
    return turns[0].get(what), turns[1].get(what)


def _last_of(messages: object, role: str) -> str:
    """The text of the last message of a role."""
    if not isinstance(messages, list):
        raise MalformedError("the messages are missing or not a list")
    for message in reversed(messages):
        if isinstance(message, Mapping) and message.get("role") == role:
            content = message.get("content")
            if isinstance(content, list):
                parts = [
                    part.get("text") for part in content if isinstance(part, Mapping) and part.get("type") == "text"
                ]
                content = " ".join(part for part in parts if isinstance(part, str))
            if not isinstance(content, str):
                raise MalformedError(f"the message of the {role} is not a text")
            return content
    raise MalformedError(f"there is no message of the {role}")


def _answer_of(messages: object) -> str:
    """The text of the last answer; empty where there is only a question, as records for GRPO have it."""
    if isinstance(messages, list) and any(isinstance(m, Mapping) and m.get("role") == "assistant" for m in messages):
        return _last_of(messages, "assistant")
    return ""
