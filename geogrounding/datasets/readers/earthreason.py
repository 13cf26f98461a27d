"""EarthReason: questions about a region, answers in words, and a mask for each image.

A split is a folder with ``images/NAME.jpg``, ``labels/NAME.png`` (not black inside the targets) and ``QAs/NAME.json``,
which has the lists ``questions`` (the same one in several wordings) and ``answer``; an empty ``answer`` says that there is
no target (github.com/earth-insights/SegEarth-R1, train_dataset.py). The first question is taken, as its evaluation does.
The class, for few-shot choice and metrics by class, is ``category`` where a record has one, else that of the file name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from geogrounding.datasets.images import ImageFolder, MalformedError
from geogrounding.datasets.masks import polygons_of_mask, read_mask
from geogrounding.datasets.readers.records import LabelFiles, Wanted, parse_json, readable, text_of
from geogrounding.datasets.sample import Problem, Sample
from geogrounding.errors import GeogroundingError, InputError

LEAST_REGION_PX = 16
"""Regions of a mask with fewer pixels are drawing noise: part of the mask, but they get no box."""
_SUFFIXES = (".jpg", ".png", ".jpeg", ".tif")


def split_folder(data: Path, split: str | None) -> Path | None:
    """The folder of a split that a path stands for: itself, or the one of this name inside it."""
    folders = [data] if split is None else [data, data / split]
    for folder in folders:
        if (folder / "QAs").is_dir() and (folder / "labels").is_dir():
            return folder
    return None


def read(data: Path, images: ImageFolder, files: LabelFiles, wanted: Wanted) -> Iterator[Sample | Problem]:
    """Samples of the task ``segment`` (or, where asked for, ``detect`` or ``refer`` with the boxes around the regions of
    the masks), in the order of the names of the files.

    Raises:
        InputError: the folder is not a split of EarthReason.
    """
    folder = split_folder(data, wanted.split)
    if folder is None:
        raise InputError(f"{data} holds no folders QAs and labels", hint="Name the folder of one split.")
    labels = ImageFolder(folder / "labels")
    for path in sorted((folder / "QAs").glob("*.json")):
        try:
            record = parse_json(files.read(path, part_of=folder / "QAs"), path.name)
            if not isinstance(record, Mapping):
                raise MalformedError("the file is not a JSON object")
            yield _sample(record, path, images, labels, wanted)
        except (MalformedError, GeogroundingError) as error:
            yield Problem(origin=path.name, reason=str(error))


def _sample(
    record: Mapping[str, object], path: Path, images: ImageFolder, labels: ImageFolder, wanted: Wanted
) -> Sample:
    questions, answers = record.get("questions"), record.get("answer", record.get("answers"))
    if not isinstance(questions, list) or not questions:
        raise MalformedError("the list questions is missing")
    image, size_px = _image(path.stem, images)
    mask_path, _ = labels.find(f"{path.stem}.png")
    polygons = polygons_of_mask(read_mask(mask_path, size_px))
    large = [polygon for polygon in polygons if polygon.area >= LEAST_REGION_PX] or list(polygons)
    stated = record.get("category", record.get("class_name"))
    category = readable(text_of(stated, "the category")) if stated else _class_of_name(path.stem)
    answer = answers[0] if isinstance(answers, list) and answers else ""
    task = wanted.task or "segment"
    return Sample(
        id=path.name,
        image=image,
        size_px=size_px,
        expression=text_of(questions[0], "the question"),
        task=task,
        boxes_px=np.array([polygon.bounds for polygon in large], dtype=np.float64).reshape(-1, 4),
        labels=((readable(str(stated)) if stated else "target"),) * len(large),
        polygons_px=polygons,
        category=category,
        reasoning=text_of(answer, "the answer") if answer else "",
        origin=path.name,
    )


def _class_of_name(stem: str) -> str:
    """The class in a name such as ``storage_tank_12``, as AID and fMoW name the images that the set was chosen from."""
    found = re.match(r"([A-Za-z]+(?:[_-][A-Za-z]+)*?)_?\d", stem)
    return readable(found.group(1)).lower() if found else ""


def _image(stem: str, images: ImageFolder) -> tuple[Path, tuple[int, int]]:
    for suffix in _SUFFIXES[:-1]:
        try:
            images.locate(stem + suffix)
        except MalformedError:
            continue
        return images.find(stem + suffix)
    return images.find(stem + _SUFFIXES[-1])
