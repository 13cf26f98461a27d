"""Label files as labelling services write them are read as their authors meant them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geogrounding.datasets import read_samples
from geogrounding.datasets.sample import Sample
from geogrounding.errors import InputError
from tests import labelled

BOXES = {1: [(20, 30, 40, 30), (150, 60, 50, 40)], 2: [(60, 60, 40, 30)], 3: []}
"""COCO boxes by image."""
TANK = {"id": 1, "name": "tank", "supercategory": "yard-survey-q3"}


@pytest.fixture
def coco(tmp_path: Path) -> dict[str, Any]:
    """Three images of 320 x 240, tanks in two of them."""
    data: dict[str, Any] = {"images": [], "annotations": [], "categories": [TANK]}
    for number, boxes in BOXES.items():
        name = f"p{number}.png"
        labelled.image(tmp_path / "images" / name, (320, 240), seed=number)
        data["images"].append({"id": number, "file_name": name, "width": 320, "height": 240})
        for box in boxes:
            count = len(data["annotations"])
            annotation = {"id": count, "image_id": number, "category_id": 1, "bbox": list(box), "iscrowd": 0}
            data["annotations"].append({**annotation, "area": box[2] * box[3], "segmentation": []})
    return data


def read(folder: Path, data: Any, **options: Any) -> list[tuple[str, str, list[list[float]]]]:
    """(image, expression, boxes) of every sample; nothing may be left out."""
    file = labelled.write_json(folder / "labels.json", data)
    found = read_samples(file, folder / "images", on_error="refuse", **options)
    return [(sample.image.name, sample.expression, sample.boxes_px.tolist()) for sample in found.samples]


MEANT = [
    ("p1.png", "tank", [[20, 30, 60, 60], [150, 60, 200, 100]]),
    ("p2.png", "tank", [[60, 60, 100, 90]]),
]


def with_categories(*categories: dict[str, Any]) -> Any:
    return lambda data: data.update(categories=list(categories))


def with_names(prefix: str) -> Any:
    def change(data: dict[str, Any]) -> None:
        for image in data["images"]:
            image["file_name"] = prefix + image["file_name"]

    return change


def each(kind: str, change: Any) -> Any:
    def apply(data: dict[str, Any]) -> None:
        for item in data[kind]:
            change(item)

    return apply


def text_ids(data: dict[str, Any]) -> None:
    for item in data["annotations"]:
        item.update(image_id=str(item["image_id"]), category_id="1")


def boxes_as_polygons(data: dict[str, Any]) -> None:
    for item in data["annotations"]:
        x, y, w, h = item.pop("bbox")
        item["segmentation"] = [[x, y, x + w, y, x + w, y + h, x, y + h]]


def boxes_as_runs(data: dict[str, Any]) -> None:
    for item in data["annotations"]:
        x, y, w, h = item.pop("bbox")
        mask = np.zeros((240, 320), bool)
        mask[y : y + h, x : x + w] = True
        flat = mask.T.ravel()
        edges = np.flatnonzero(np.diff(flat)) + 1
        item["segmentation"] = {"size": [240, 320], "counts": np.diff([0, *edges, flat.size]).tolist()}


KINDS = {
    "as COCO": lambda data: None,
    "root category that nothing uses": with_categories(
        {"id": 0, "name": "yard-survey-q3", "supercategory": "none"}, TANK
    ),
    "root category as text": with_categories({"id": "0", "name": "yard survey q3"}, {**TANK, "id": "1"}),
    "same name twice": with_categories(
        {"id": 0, "name": "tank", "supercategory": "none"}, {**TANK, "supercategory": "tank"}
    ),
    "same name in capitals": with_categories(TANK, {"id": 2, "name": "Tank"}),
    "same category twice": with_categories(TANK, TANK),
    "backslashes": with_names("images\\"),
    "folders above": with_names("..\\..\\studio\\media\\upload\\4\\"),
    "a Windows path": with_names("C:\\Users\\ana\\survey\\images\\"),
    "a share": with_names("\\\\server\\survey\\images\\"),
    "an absolute path": with_names("/data/upload/4/"),
    "a folder that is not there": with_names("train/"),
    "per cent signs": with_names("..%2Fupload%2F"),
    "a file address": with_names("file:///data/upload/"),
    "no sizes": each("images", lambda item: (item.pop("width"), item.pop("height"))),
    "sizes of 0": each("images", lambda item: item.update(width=0, height=0)),
    "sizes as texts": each("images", lambda item: item.update(width="320", height="240")),
    "ids of images as texts": each("images", lambda item: item.update(id=str(item["id"]))),
    "ids of annotations as texts": text_ids,
    "ids as decimals": each("annotations", lambda item: item.update(image_id=float(item["image_id"]))),
    "polygons and no boxes": boxes_as_polygons,
    "masks and no boxes": boxes_as_runs,
    "no supercategory, area or crowd": each("annotations", lambda item: (item.pop("area"), item.pop("iscrowd"))),
}


@pytest.mark.parametrize("change", KINDS.values(), ids=list(KINDS))
def test_coco_of_labelling_services(tmp_path: Path, coco: dict[str, Any], change: Any) -> None:
    change(coco)
    assert read(tmp_path, coco) == MEANT
    # Only the image without tanks is asked for what it lacks, and never for a group.
    assert read(tmp_path, coco, with_negatives=5) == [*MEANT, ("p3.png", "tank", [])]


def test_a_group_of_a_class_that_is_there_is_not_asked_as_absent(tmp_path: Path, coco: dict[str, Any]) -> None:
    """Both levels are annotated: an image of tanks shows containers, and one of containers may show tanks."""
    coco["categories"] = [
        {"id": 7, "name": "container", "supercategory": "object"},
        {"id": 1, "name": "tank", "supercategory": "container"},
        {"id": 9, "name": "car", "supercategory": "vehicle"},
    ]
    coco["annotations"][-1]["category_id"] = 7  # in p2.png
    asked = {(image, name) for image, name, boxes in read(tmp_path, coco, with_negatives=9) if not boxes}
    assert asked == {("p1.png", "car"), ("p2.png", "car")} | {("p3.png", name) for name in ("container", "tank", "car")}


def test_two_images_that_end_alike_are_not_mixed_up(tmp_path: Path, coco: dict[str, Any]) -> None:
    for image, folder in zip(coco["images"], ("north", "south", "south"), strict=True):
        image["file_name"] = f"C:\\{folder}\\a.png" if image["id"] < 3 else "p3.png"
    labelled.image(tmp_path / "images" / "a.png", (320, 240))
    file = labelled.write_json(tmp_path / "labels.json", coco)
    found = read_samples(file, tmp_path / "images", with_negatives=1)
    assert [sample.image.name for sample in found.samples] == ["p3.png"]
    assert ["ends alike" in problem.reason for problem in found.problems] == [True, True]
    for folder in ("north", "south"):
        labelled.image(tmp_path / "images" / folder / "a.png", (320, 240), seed=5)
    names = [sample.image.parent.name for sample in read_samples(file, tmp_path / "images").samples]
    assert names == ["north", "south"]


def test_names_that_lead_outside_stay_refused(tmp_path: Path, coco: dict[str, Any]) -> None:
    labelled.image(tmp_path / "secret.png", (320, 240))
    outside = copy.deepcopy(coco)
    outside["images"][0]["file_name"] = "..\\secret.png"
    outside["images"][1]["file_name"] = str(tmp_path / "secret.png")
    file = labelled.write_json(tmp_path / "labels.json", outside)
    with pytest.raises(InputError, match="holds no sample") as caught:
        read_samples(file, tmp_path / "images")
    assert "outside the folder" in str(caught.value)


@pytest.mark.parametrize("name", ["a.png", "images\\a.png", "C:\\set\\a.png", "/root/set/a.png", "..\\a.png"])
def test_the_other_formats_read_such_names_too(tmp_path: Path, name: str) -> None:
    labelled.image(tmp_path / "images" / "a.png", (64, 48))
    record = {"image": name, "problem": "ship", "solution": [10, 20, 30, 40]}
    samples: tuple[Sample, ...] = read_samples(
        labelled.write_json(tmp_path / "train.json", [record]), tmp_path / "images", format="geo-r1"
    ).samples
    assert [sample.image.name for sample in samples] == ["a.png"]
