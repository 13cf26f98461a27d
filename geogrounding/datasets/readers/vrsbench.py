"""VRSBench in the three forms in which it is published (github.com/lx709/VRSBench).

VRSBench_EVAL_referring.json   a list of records ``image_id``, ``question``, ``ground_truth``, ``obj_cls``, ``is_unique``;
                               the box is a text ``{<x1><y1><x2><y2>}`` in hundredths of the image.
VRSBench_train.json            conversations; turns marked ``[refer]`` are read, captions and questions passed over.
Annotations_*/                 one JSON an image with ``objects``: ``referring_sentence``, ``obj_cls``, ``is_unique`` and
                               ``obj_coord``, four shares of the width and height, finer than hundredths.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from geogrounding.datasets.images import ImageFolder, MalformedError
from geogrounding.datasets.readers.records import (
    LabelFiles,
    Wanted,
    boxes_in_image,
    numbers_of,
    parse_json,
    parse_records,
    readable,
    text_of,
)
from geogrounding.datasets.readers.solutions import take_question
from geogrounding.datasets.sample import Problem, Sample
from geogrounding.errors import GeogroundingError, InputError

IMAGE_FOLDERS = ("Images_val", "Images_train", "images")
_BOX = re.compile(r"\{<(\d{1,3})><(\d{1,3})><(\d{1,3})><(\d{1,3})>\}")
_ASKING = re.compile(
    r"^\s*(?:give me the location of|where (?:is|can I locate)|from this image, tell me the location of|"
    r"could you tell me the location (?:of|for)|the location of)\s+(?:the )?(?P<e>.+?)(?: is)?\s*\??\s*$",
    re.IGNORECASE | re.DOTALL,
)


def read(data: Path, images: ImageFolder, files: LabelFiles, wanted: Wanted) -> Iterator[Sample | Problem]:
    """Samples of the task ``refer``, in the order of the file or of the names of the files in a folder.

    Raises:
        InputError: the labels are not VRSBench's.
    """
    if data.is_dir():
        for path in sorted(data.glob("*.json")):
            yield from _read_image_file(path, images, files, wanted, data)
        return
    for origin, record in parse_records(files.read(data), data.name):
        if isinstance(record, MalformedError):
            yield Problem(origin=origin, reason=str(record))
        elif "conversations" in record:
            yield from _read_conversation(record, origin, images, wanted)
        else:
            try:
                box = _box_of(record.get("ground_truth"))
                yield _sample(
                    record, record.get("image_id"), _expression(record.get("question")), box, origin, images, wanted
                )
            except (MalformedError, GeogroundingError) as error:
                yield Problem(origin=origin, reason=str(error))


def _read_conversation(
    record: Mapping[str, Any], origin: str, images: ImageFolder, wanted: Wanted
) -> Iterator[Sample | Problem]:
    turns = record["conversations"]
    if not isinstance(turns, list) or not all(isinstance(turn, Mapping) for turn in turns):
        yield Problem(origin=origin, reason="the conversations are not a list of turns")
        return
    for number, (question, answer) in enumerate(zip(turns[::2], turns[1::2], strict=False)):
        asked = question.get("value")
        if not isinstance(asked, str) or "[refer]" not in asked:
            continue
        place = f"{origin}.conversations[{2 * number}]"
        try:
            box = _box_of(answer.get("value"))
            yield _sample({}, record.get("image"), _expression(asked), box, place, images, wanted)
        except (MalformedError, GeogroundingError) as error:
            yield Problem(origin=place, reason=str(error))


def _read_image_file(
    path: Path, images: ImageFolder, files: LabelFiles, wanted: Wanted, folder: Path
) -> Iterator[Sample | Problem]:
    try:
        record = parse_json(files.read(path, part_of=folder), path.name)
        objects = record.get("objects") if isinstance(record, Mapping) else None
        if not isinstance(objects, list):
            raise MalformedError("the list objects is missing")
    except (InputError, MalformedError) as error:
        yield Problem(origin=path.name, reason=str(error))
        return
    for number, item in enumerate(objects):
        origin = f"{path.name}:objects[{number}]"
        try:
            if not isinstance(item, Mapping):
                raise MalformedError("the object is not a JSON object")
            shares = numbers_of(item.get("obj_coord"), 4, "obj_coord")
            if not all(0 <= share <= 1 for share in shares):
                raise MalformedError("obj_coord holds a number outside 0 to 1")
            expression = text_of(item.get("referring_sentence"), "the referring sentence")
            yield _sample(item, record.get("image"), expression, shares, origin, images, wanted)
        except (MalformedError, GeogroundingError) as error:
            yield Problem(origin=origin, reason=str(error))


def _sample(
    record: Mapping[str, Any],
    image: object,
    expression: str,
    shares: list[float],
    origin: str,
    images: ImageFolder,
    wanted: Wanted,
) -> Sample:
    path, size_px = images.find(image)
    width, height = size_px
    x0, y0, x1, y1 = shares
    category = readable(text_of(record["obj_cls"], "obj_cls")) if record.get("obj_cls") else ""
    unique = record.get("is_unique", record.get("unique"))
    return Sample(
        id=origin,
        image=path,
        size_px=size_px,
        expression=expression,
        task=wanted.task or "refer",
        boxes_px=boxes_in_image([(x0 * width, y0 * height, x1 * width, y1 * height)], size_px),
        labels=(category or expression,),
        category=category,
        unique=bool(unique) if isinstance(unique, bool | int) else None,
        origin=origin,
    )


def _box_of(value: object) -> list[float]:
    """Shares of the width and height from ``{<x1><y1><x2><y2>}`` in hundredths."""
    found = _BOX.fullmatch(value.replace(" ", "")) if isinstance(value, str) else None
    if found is None:
        raise MalformedError(f"the box {str(value)[:40]!r} is not of the form {{<x1><y1><x2><y2>}}")
    hundredths = [int(number) for number in found.groups()]
    if max(hundredths) > 100:
        raise MalformedError(f"the box {value!r} holds a number above 100")
    return [number / 100 for number in hundredths]


def _expression(question: object) -> str:
    """The expression of a question, without ``[refer]`` and the words that ask for its place."""
    if not isinstance(question, str):
        raise MalformedError("the question is missing or not a text")
    text = question.replace("[refer]", " ").replace("<image>", " ").strip()
    asking = _ASKING.match(text)
    return take_question(asking.group("e") if asking and "<p>" not in text else text).expression
