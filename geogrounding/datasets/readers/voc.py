"""VOC-style XML, one file an image: DIOR-RSVG and RRSIS-D with an expression for each object, and plain VOC detection.

DIOR-RSVG   ``Annotations/*.xml``, ``JPEGImages/``, and ``train.txt``, ``val.txt``, ``test.txt`` beside them, whose lines
            count the objects of all XML files in the order of their names (github.com/ZhanYang-nwpu/RSVG-pytorch).
RRSIS-D     ``images/rrsisd/ann_split/*.xml`` with ``<split>`` inside, ``images/rrsisd/JPEGImages/``; the masks are in
            ``rrsisd/instances.json`` under the number of the image (github.com/Lsan2401/RMSIN). Its pickled list of
            expressions is never opened: unpickling can run code, and the XML has the same expressions.

The numbers of ``<bndbox>`` are taken as edges in pixels, as the evaluations of these sets take them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from geogrounding.datasets.images import ImageFolder, MalformedError
from geogrounding.datasets.masks import polygon_of_segmentation
from geogrounding.datasets.readers.records import (
    LabelFiles,
    Wanted,
    boxes_in_image,
    parse_json,
    readable,
    text_of,
)
from geogrounding.datasets.sample import Problem, Sample
from geogrounding.errors import GeogroundingError, InputError, SettingsError

IMAGE_FOLDERS = ("JPEGImages", "images")
LABEL_FOLDERS = ("Annotations", "ann_split")
MAX_XML_BYTES = 16 * 2**20
MAX_XML_DEPTH = 32

_WORDS = {
    "baseballfield": "baseball field",
    "basketballcourt": "basketball court",
    "golffield": "golf field",
    "groundtrackfield": "ground track field",
    "storagetank": "storage tank",
    "tenniscourt": "tennis court",
    "trainstation": "train station",
}
"""Class names of DIOR that are written without spaces."""


def label_folder(data: Path) -> Path | None:
    """The folder of XML files that a path stands for: itself, one inside it, or one beside a split file."""
    base = data if data.is_dir() else data.parent
    for folder in (base, *(base / name for name in LABEL_FOLDERS)):
        if folder.is_dir() and next(folder.glob("*.xml"), None) is not None:
            return folder
    return None


def read(data: Path, images: ImageFolder, files: LabelFiles, wanted: Wanted) -> Iterator[Sample | Problem]:
    """Samples in the order of the names of the XML files.

    Objects with a ``<description>`` become one sample each, of the task ``refer``, or ``segment`` where masks are asked
    for. Files without any become samples of the task ``detect``, one for each class in an image.

    Args:
        data: the folder of XML files, the folder above it, or a split file beside it.
        images: where the images are.
        files: reads the labels.
        wanted: ``split`` takes the split file of this name, or the files whose ``<split>`` is this.

    Raises:
        InputError: there are no XML files, or the split does not exist.
        SettingsError: expressions about single objects cannot serve ``detect``.
    """
    folder = label_folder(data)
    if folder is None:
        raise InputError(f"there are no XML files in {data}", hint="Name the folder of the annotations.")
    chosen, split = _chosen(data, folder, files, wanted.split)
    masks = _Masks(folder, files) if wanted.task == "segment" else None
    count = 0
    found_split = split is None
    for path in sorted(folder.glob("*.xml")):
        try:
            root = _parse(files.read(path, part_of=folder))
        except (MalformedError, InputError) as error:
            yield Problem(origin=path.name, reason=str(error))
            continue
        objects = root.findall("object")
        numbers = range(count, count + len(objects))
        count += len(objects)
        if split is not None and _text(root, "split") != split:
            continue
        found_split = True
        if chosen is not None and path.stem not in chosen:
            taken = [item for item, number in zip(objects, numbers, strict=True) if number in chosen]
        else:
            taken = objects
        if taken or chosen is None or path.stem in chosen:
            yield from _read_image(_File(path.name, path.stem, root), objects, taken, images, wanted, masks)
    if not found_split:
        raise InputError(f"no file in {folder} belongs to the split {split!r}", hint="Check the name of the split.")


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    stem: str
    root: Element


def _read_image(
    file: _File,
    objects: list[Element],
    taken: list[Element],
    images: ImageFolder,
    wanted: Wanted,
    masks: _Masks | None,
) -> Iterator[Sample | Problem]:
    try:
        path, size_px = images.find(_text(file.root, "filename") or f"{file.stem}.jpg")
        _check_size(file.root, size_px)
    except MalformedError as error:
        yield Problem(origin=file.name, reason=str(error))
        return
    if not any(item.find("description") is not None for item in objects):
        yield from _detect_samples(file, taken, path, size_px, wanted)
        return
    if wanted.task == "detect":
        raise SettingsError(
            f"{file.name} describes single objects; it does not say that these are all",
            hint="Ask for the task refer.",
        )
    for item in taken:
        origin = f"{file.name}:object[{objects.index(item)}]"
        try:
            category = _category(item)
            expression = text_of(_text(item, "description"), "the description")
            polygon = masks.of(file.stem, size_px) if masks is not None else None
            yield Sample(
                id=origin,
                image=path,
                size_px=size_px,
                expression=expression,
                task=wanted.task or "refer",
                boxes_px=boxes_in_image([_box(item)], size_px),
                labels=(category,),
                polygons_px=() if polygon is None else (polygon,),
                category=category,
                # One description of a class does not say that the image shows only one of it.
                unique=False if sum(_text(other, "name") == _text(item, "name") for other in objects) > 1 else None,
                origin=origin,
            )
        except (MalformedError, GeogroundingError) as error:
            yield Problem(origin=origin, reason=str(error))


def _detect_samples(
    file: _File, objects: list[Element], path: Path, size_px: tuple[int, int], wanted: Wanted
) -> Iterator[Sample | Problem]:
    boxes: dict[str, list[tuple[float, float, float, float]]] = defaultdict(list)
    spoiled: set[str] = set()
    for number, item in enumerate(objects):
        category = ""
        try:
            category = _category(item)
            boxes[category].append(_box(item))
        except MalformedError as error:
            spoiled.add(category)
            yield Problem(origin=f"{file.name}:object[{number}]", reason=str(error))
    for category, found in boxes.items():
        if category in spoiled or (wanted.task == "refer" and len(found) != 1):
            continue
        origin = f"{file.name}:{category}"
        try:
            yield Sample(
                id=origin,
                image=path,
                size_px=size_px,
                expression=category,
                task=wanted.task or "detect",
                boxes_px=boxes_in_image(found, size_px),
                labels=(category,) * len(found),
                category=category,
                unique=True if wanted.task == "refer" else None,
                origin=origin,
            )
        except (MalformedError, GeogroundingError) as error:
            yield Problem(origin=origin, reason=str(error))


class _Masks:
    """The masks of RRSIS-D by the number of the image; one image has one expression and one mask."""

    def __init__(self, folder: Path, files: LabelFiles) -> None:
        places = [
            parent / part
            for parent in (folder, *folder.parents[:3])
            for part in ("instances.json", "rrsisd/instances.json")
        ]
        place = next((path for path in places if path.is_file()), None)
        if place is None:
            raise InputError(
                f"the masks of {folder} are not there",
                hint="The task segment needs RRSIS-D's instances.json beside the annotations or in a folder rrsisd above.",
            )
        content = parse_json(files.read(place), place.name)
        items = content.get("annotations") if isinstance(content, Mapping) else None
        if not isinstance(items, list):
            raise InputError(f"{place.name} lacks the list annotations", hint="Is it RRSIS-D's?")
        self._codes: dict[int, Any] = {}
        for item in items:
            if isinstance(item, Mapping) and isinstance(item.get("image_id"), int):
                self._codes[item["image_id"]] = item.get("segmentation")

    def of(self, stem: str, size_px: tuple[int, int]) -> Any:
        """The mask of the image with this number as its name."""
        if not stem.isdecimal() or int(stem) not in self._codes:
            raise MalformedError("there is no mask for this image")
        return polygon_of_segmentation(self._codes[int(stem)], size_px)


def _chosen(
    data: Path, folder: Path, files: LabelFiles, split: str | None
) -> tuple[frozenset[int | str] | None, str | None]:
    """What a split file lists (numbers of objects, or names of files), or the name that ``<split>`` must have."""
    path = data if data.is_file() else None
    if path is None and split is not None:
        places = [parent / f"{split}.txt" for parent in (folder.parent, folder, folder.parent / "ImageSets" / "Main")]
        path = next((place for place in places if place.is_file()), None)
    if path is None:
        return None, split
    lines = files.read(path).decode("utf-8-sig", errors="replace").split()
    if not lines:
        raise InputError(f"{path} is empty", hint="A split file has a number or a name on each line.")
    if all((folder / f"{line}.xml").is_file() for line in lines):
        return frozenset(lines), None
    if all(line.isdecimal() and len(line) < 10 for line in lines):
        return frozenset(int(line) for line in lines), None
    raise InputError(
        f"{path} holds neither numbers of objects nor names of annotation files", hint="Is it a split file?"
    )


def _parse(content: bytes) -> Element:
    """Parse XML; a document type is refused, because it can declare entities that expand without bound."""
    if len(content) > MAX_XML_BYTES:
        raise MalformedError(f"the file is larger than {MAX_XML_BYTES:,} bytes")
    builder = TreeBuilder()
    depth = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_XML_DEPTH:
            raise MalformedError("the XML is nested too deeply")
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def refuse(*_: object) -> None:
        raise MalformedError("the XML declares a document type, which is not read")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise MalformedError(f"the file is not XML: {error}") from None
    return builder.close()


def _text(element: Element, tag: str) -> str:
    return (element.findtext(tag) or "").strip()


def _category(item: Element) -> str:
    name = text_of(_text(item, "name"), "the name of the class")
    return _WORDS.get(name.lower(), readable(name))


def _box(item: Element) -> tuple[float, float, float, float]:
    numbers = []
    for tag in ("xmin", "ymin", "xmax", "ymax"):
        text = item.findtext(f"bndbox/{tag}")
        try:
            number = float(text) if text is not None else float("nan")
        except ValueError:
            number = float("nan")
        if number != number or abs(number) > 1e9:
            raise MalformedError(f"{tag} of the bndbox is missing or not a number")
        numbers.append(number)
    x0, y0, x1, y1 = numbers
    return x0, y0, x1, y1


def _check_size(root: Element, size_px: tuple[int, int]) -> None:
    """Refuse labels that are for an image of another size."""
    width, height = root.findtext("size/width", ""), root.findtext("size/height", "")
    if width.strip().isdecimal() and height.strip().isdecimal() and (int(width), int(height)) != size_px:
        raise MalformedError(f"the labels are for {width} x {height} pixels, the image has {size_px[0]} x {size_px[1]}")
