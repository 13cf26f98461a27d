"""COCO detection files: ``images``, ``annotations`` with ``bbox`` [x, y, width, height], ``categories``.

A COCO file has no sentences, so the expression is the name of the class. One sample asks about one class in one image.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import shapely

from geogrounding.datasets.images import ImageFolder, MalformedError
from geogrounding.datasets.masks import polygon_of_segmentation
from geogrounding.datasets.readers.records import (
    LabelFiles,
    Wanted,
    boxes_in_image,
    check_declared_size,
    numbers_of,
    parse_json,
    readable,
    text_of,
)
from geogrounding.datasets.sample import Problem, Sample
from geogrounding.errors import GeogroundingError, InputError
from geogrounding.types import Task


@dataclass(slots=True)
class _Shown:
    """What is labelled in one image: by class, the places of its annotations in the file."""

    by_class: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    spoiled: set[int] = field(default_factory=set)
    """Classes of which an annotation cannot be used, so that the others are not all there are."""


def read(data: Path, images: ImageFolder, files: LabelFiles, wanted: Wanted) -> Iterator[Sample | Problem]:
    """Samples of a COCO file, image by image, classes in the order of the file.

    ``refer`` takes the classes that stand exactly once in an image. A class with an annotation that cannot be used, or
    with a crowd region, is left out in that image: the boxes would not be all there are.

    Raises:
        InputError: the file is no COCO file.
    """
    coco = parse_json(files.read(data), data.name)
    names = _names(coco, data.name)
    if not all(isinstance(coco.get(key), list) for key in ("images", "annotations")):
        raise InputError(f"{data.name} lacks the lists images and annotations", hint="Is it a COCO detection file?")
    annotations: list[Any] = coco["annotations"]
    shown: dict[Any, _Shown] = defaultdict(_Shown)
    for index, item in enumerate(annotations):
        try:
            _sort_in(item, index, names, shown)
        except MalformedError as error:
            yield Problem(origin=f"{data.name}:annotations[{index}]", reason=str(error))
    seen: set[Any] = set()
    for index, image in enumerate(coco["images"]):
        origin = f"{data.name}:images[{index}]"
        try:
            if not isinstance(image, Mapping) or not isinstance(image.get("id"), int | str):
                raise MalformedError("the image has no id")
            if image["id"] in seen:
                raise MalformedError(f"the image id {image['id']!r} is used twice")
            seen.add(image["id"])
            path, size_px = images.find(image.get("file_name"))
            check_declared_size(image, size_px)
        except MalformedError as error:
            yield Problem(origin=origin, reason=str(error))
            continue
        pictured = _Image(data.name, index, image, path, size_px)
        yield from _samples(pictured, shown.get(image["id"], _Shown()), annotations, names, wanted)
    for number in sorted((shown.keys() - seen), key=str):
        yield Problem(origin=f"{data.name}:images", reason=f"annotations name the image {number!r}, which is not there")


@dataclass(frozen=True, slots=True)
class _Image:
    file: str
    index: int
    record: Mapping[str, Any]
    path: Path
    size_px: tuple[int, int]


def _samples(
    image: _Image, shown: _Shown, annotations: list[Any], names: dict[int, str], wanted: Wanted
) -> Iterator[Sample | Problem]:
    task: Task = wanted.task or "detect"
    for category, name in names.items():
        places = shown.by_class.get(category, [])
        if not places or category in shown.spoiled or (task == "refer" and len(places) != 1):
            continue
        try:
            yield _sample(image, name, task, places, annotations)
        except (MalformedError, GeogroundingError) as error:
            origin = f"{image.file}:annotations[{places[0]}]"
            yield Problem(origin=origin, reason=f"{name} in {image.record['file_name']}: {error}")
    absent = [name for category, name in names.items() if category not in shown.by_class.keys() | shown.spoiled]
    for name in sorted(absent, key=lambda name: _shuffled(image.record["file_name"], name))[: wanted.negatives]:
        yield _sample(image, name, task, [], annotations)


def _sample(image: _Image, name: str, task: Task, places: list[int], annotations: list[Any]) -> Sample:
    corners = [(x, y, x + w, y + h) for x, y, w, h in (annotations[place]["bbox"] for place in places)]
    polygons: tuple[shapely.Geometry, ...] = ()
    if task == "segment":
        polygons = tuple(
            polygon_of_segmentation(annotations[place].get("segmentation"), image.size_px) for place in places
        )
    return Sample(
        id=f"{image.record['file_name']}/{name}",
        image=image.path,
        size_px=image.size_px,
        expression=name,
        task=task,
        boxes_px=boxes_in_image(corners, image.size_px),
        labels=(name,) * len(places),
        polygons_px=polygons,
        category=name,
        unique=len(places) == 1 if task == "refer" and places else None,
        origin=f"{image.file}:images[{image.index}]",
    )


def _names(coco: object, file: str) -> dict[int, str]:
    if not isinstance(coco, Mapping) or not isinstance(coco.get("categories"), list):
        raise InputError(f"{file} lacks the list categories", hint="Is it a COCO detection file?")
    names: dict[int, str] = {}
    for index, item in enumerate(coco["categories"]):
        try:
            if not isinstance(item, Mapping) or isinstance(item.get("id"), bool) or not isinstance(item.get("id"), int):
                raise MalformedError("the category has no id")
            name = readable(text_of(item.get("name"), "the name of the category"))
            if item["id"] in names or name in names.values():
                raise MalformedError(f"the category {name!r} is there twice")
        except MalformedError as error:
            raise InputError(f"{file}:categories[{index}]: {error}", hint="Correct the categories.") from None
        names[item["id"]] = name
    return names


def _sort_in(item: object, index: int, names: dict[int, str], shown: dict[Any, _Shown]) -> None:
    if not isinstance(item, Mapping) or not isinstance(item.get("image_id"), int | str):
        raise MalformedError("the annotation names no image")
    category = item.get("category_id")
    if not isinstance(category, int) or category not in names:
        raise MalformedError(f"the category {category!r} is not in the list")
    image = shown[item["image_id"]]
    image.by_class[category].append(index)
    if item.get("iscrowd"):
        image.spoiled.add(category)
        return
    try:
        numbers_of(item.get("bbox"), 4, "the bbox")
    except MalformedError:
        image.spoiled.add(category)
        raise


def _shuffled(file_name: str, category: str) -> bytes:
    """A key for an order of the classes that differs from image to image and is the same every time."""
    return hashlib.sha256(f"{file_name}\n{category}".encode()).digest()
