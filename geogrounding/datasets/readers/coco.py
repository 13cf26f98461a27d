"""COCO detection files: ``images``, ``annotations`` with ``bbox`` [x, y, width, height], ``categories``.

A COCO file has no expressions, so the expression is the name of the class. One sample asks about one class in one image.

Files of labelling services differ from COCO's own, and are read as they are meant: ids may be texts or numbers; a category
that stands twice under one name is one class; a category that holds no annotation and is the ``supercategory`` of another
is a group, not a class that images lack; an annotation without ``bbox`` has that of its ``segmentation``.
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
    id_of,
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
    """The annotations of one image, as indexes into the list of the file, by class."""

    by_class: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    spoiled: set[str] = field(default_factory=set)
    """Classes of which an annotation cannot be used, so that the others are not all there are."""


@dataclass(frozen=True, slots=True)
class _Classes:
    """The classes of a file."""

    by_id: Mapping[str, str]
    """Id of a category -> name of its class."""
    parents: Mapping[str, frozenset[str]]
    """Class -> the classes that are its supercategory, or that of one of these."""
    named: tuple[str, ...]
    """Classes in the order of the file, without groups that no annotation uses."""

    def absent(self, shown: _Shown) -> list[str]:
        """Classes that an image without further objects does not show: not its classes, their groups or their kinds."""
        present = shown.by_class.keys() | shown.spoiled
        groups = frozenset().union(*(self.parents[name] for name in present))
        return [name for name in self.named if name not in present | groups and not self.parents[name] & present]


@dataclass(frozen=True, slots=True)
class _Image:
    id: str
    file: str
    index: int
    record: Mapping[str, Any]
    path: Path
    size_px: tuple[int, int]


def read(data: Path, images: ImageFolder, files: LabelFiles, wanted: Wanted) -> Iterator[Sample | Problem]:
    """Samples of a COCO file, image by image, classes in the order of the file.

    ``refer`` takes the classes with exactly one annotation in an image. A class with an annotation that cannot be used, or
    with a crowd region, is left out in that image: the boxes would not be all there are.

    Raises:
        InputError: the file is not a COCO file.
    """
    coco = _parse(files.read(data), data.name)
    annotations: list[Any] = coco["annotations"]
    classes = _classes(coco["categories"], annotations, data.name)
    shown: dict[str, _Shown] = defaultdict(_Shown)
    crowds = 0
    for index, item in enumerate(annotations):
        try:
            crowds += _sort_in(item, index, classes, shown)
        except MalformedError as error:
            yield Problem(origin=f"{data.name}:annotations[{index}]", reason=str(error))
    if crowds:
        reason = f"{crowds} crowd regions (iscrowd): in their images their classes are left out"
        yield Problem(origin=f"{data.name}:annotations", reason=reason)
    images.expect(record.get("file_name") for record in coco["images"] if isinstance(record, Mapping))
    seen: set[str] = set()
    for index, record in enumerate(coco["images"]):
        try:
            image = _find_image(record, index, data.name, images, seen)
        except MalformedError as error:
            yield Problem(origin=f"{data.name}:images[{index}]", reason=str(error))
            continue
        yield from _samples(image, shown.get(image.id, _Shown()), annotations, classes, wanted)
    for number in sorted(shown.keys() - seen):
        yield Problem(origin=f"{data.name}:images", reason=f"annotations name the image {number}, which is not there")


def _parse(text: bytes, name: str) -> Mapping[str, Any]:
    """The lists of a COCO file.

    Raises:
        InputError: one of them is missing.
    """
    coco = parse_json(text, name)
    missing = [
        key
        for key in ("categories", "images", "annotations")
        if not isinstance(coco, Mapping) or not isinstance(coco.get(key), list)
    ]
    if missing:
        raise InputError(f"{name} lacks the list {missing[0]}", hint="Is it a COCO detection file?")
    checked: Mapping[str, Any] = coco
    return checked


def _find_image(record: object, index: int, file: str, images: ImageFolder, seen: set[str]) -> _Image:
    """The image of a record; its id joins those that were seen."""
    number = id_of(record.get("id")) if isinstance(record, Mapping) else None
    if number is None or not isinstance(record, Mapping):
        raise MalformedError("the image has no id")
    if number in seen:
        raise MalformedError(f"the image id {record['id']!r} is used twice")
    seen.add(number)
    path, size_px = images.find(record.get("file_name"))
    check_declared_size(record, size_px)
    return _Image(number, file, index, record, path, size_px)


def _samples(
    image: _Image, shown: _Shown, annotations: list[Any], classes: _Classes, wanted: Wanted
) -> Iterator[Sample | Problem]:
    task: Task = wanted.task or "detect"
    for name in classes.named:
        places = shown.by_class.get(name, [])
        if not places or name in shown.spoiled or (task == "refer" and len(places) != 1):
            continue
        try:
            yield _sample(image, name, task, places, annotations)
        except (MalformedError, GeogroundingError) as error:
            origin = f"{image.file}:annotations[{places[0]}]"
            yield Problem(origin=origin, reason=f"{name} in {image.record['file_name']}: {error}")
    absent = sorted(classes.absent(shown), key=lambda name: _shuffled(image.record["file_name"], name))
    for name in absent[: wanted.negatives]:
        yield _sample(image, name, task, [], annotations)


def _sample(image: _Image, name: str, task: Task, places: list[int], annotations: list[Any]) -> Sample:
    corners = [_corners(annotations[place], image.size_px) for place in places]
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


def _corners(item: Mapping[str, Any], size_px: tuple[int, int]) -> tuple[float, float, float, float]:
    if not item.get("bbox"):
        x0, y0, x1, y1 = polygon_of_segmentation(item["segmentation"], size_px).bounds
        return x0, y0, x1, y1
    x, y, w, h = item["bbox"]
    return x, y, x + w, y + h


def _classes(categories: list[Any], annotations: list[Any], file: str) -> _Classes:
    by_id: dict[str, str] = {}
    spelled: dict[str, str] = {}
    above: dict[str, set[str]] = defaultdict(set)
    for index, item in enumerate(categories):
        try:
            number = id_of(item.get("id")) if isinstance(item, Mapping) else None
            if number is None:
                raise MalformedError("the category has no id")
            words = readable(text_of(item.get("name"), "the name of the category"))
            name = spelled.setdefault(words.casefold(), words)  # "Tank" beside "tank" is the same class
            if by_id.setdefault(number, name) != name:
                raise MalformedError(f"the id {number} stands for {by_id[number]!r} and for {name!r}")
        except MalformedError as error:
            raise InputError(f"{file}:categories[{index}]: {error}", hint="Correct the categories.") from None
        above[name].add(readable(str(item.get("supercategory") or "")).casefold())
    parents: dict[str, frozenset[str]] = {}
    for name in spelled.values():
        found: set[str] = set()
        waiting = [name]
        while waiting:
            up = {spelled[one] for one in above[waiting.pop()] if one in spelled} - found - {name}
            found |= up
            waiting += up
        parents[name] = frozenset(found)
    used = {by_id.get(id_of(item.get("category_id")) or "") for item in annotations if isinstance(item, Mapping)}
    groups = frozenset().union(*parents.values()) - used
    return _Classes(by_id, parents, tuple(name for name in spelled.values() if name not in groups))


def _sort_in(item: object, index: int, classes: _Classes, shown: dict[str, _Shown]) -> bool:
    """Add an annotation to its image; return whether it is a crowd region.

    Raises:
        MalformedError: it cannot be used.
    """
    number = id_of(item.get("image_id")) if isinstance(item, Mapping) else None
    if not isinstance(item, Mapping) or number is None:
        raise MalformedError("the annotation names no image")
    name = classes.by_id.get(id_of(item.get("category_id")) or "")
    if name is None:
        raise MalformedError(f"the category {item.get('category_id')!r} is not in the list")
    image = shown[number]
    image.by_class[name].append(index)
    if item.get("iscrowd"):
        image.spoiled.add(name)
        return True
    try:
        if item.get("bbox") or not item.get("segmentation"):
            numbers_of(item.get("bbox"), 4, "the bbox")
    except MalformedError:
        image.spoiled.add(name)
        raise
    return False


def _shuffled(file_name: str, category: str) -> bytes:
    """Sort key of a class, pseudo-random from image to image and reproducible."""
    return hashlib.sha256(f"{file_name}\n{category}".encode()).digest()
