"""COCO, and what holds for the reading of every format: what is used, what is reported, and where it stood."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from geogrounding.datasets import read_samples
from geogrounding.datasets.readers import records as record_tools
from geogrounding.errors import InputError, SettingsError
from tests import labelled


def read_coco(folder: Path, changed: dict[str, Any] | None = None, **options: Any) -> Any:
    labels = labelled.coco(folder)
    return read_samples(labelled.write_json(folder / "train.json", labels | (changed or {})), **options)


def test_coco_asks_for_each_class_in_each_image(tmp_path: Path) -> None:
    read = read_coco(tmp_path)
    assert read.format == "coco"
    assert [(s.id, s.expression, s.task, s.labels) for s in read.samples] == [
        ("a.png/airplane", "airplane", "detect", ("airplane", "airplane")),
        ("a.png/ship", "ship", "detect", ("ship",)),
    ]
    planes, ship = read.samples
    assert planes.boxes_px.tolist() == [[2, 3, 12, 15], [30, 3, 40, 15]]
    assert ship.boxes_px.tolist() == [[40, 20, 60, 40]]
    assert ship.category == "ship"
    assert ship.size_px == (64, 48)
    assert ship.origin == "train.json:images[0]"
    assert ship.pixels().shape == (48, 64, 3)
    assert read.problems == ()


def test_the_hash_of_the_labels_is_kept(tmp_path: Path) -> None:
    read = read_coco(tmp_path)
    path = tmp_path / "train.json"
    assert read.files == {str(path): hashlib.sha256(path.read_bytes()).hexdigest()}


def test_coco_refer_takes_classes_that_stand_once(tmp_path: Path) -> None:
    read = read_coco(tmp_path, task="refer")
    assert [(s.id, s.unique) for s in read.samples] == [("a.png/ship", True)]


def test_coco_segment_takes_polygons_and_reports_what_has_none(tmp_path: Path) -> None:
    read = read_coco(tmp_path, task="segment")
    assert [s.id for s in read.samples] == ["a.png/ship"]
    assert read.samples[0].polygons_px[0].equals(shapely.Polygon([(40, 20), (60, 20), (60, 40)]))
    assert [(p.origin, p.reason) for p in read.problems] == [
        ("train.json:annotations[0]", "airplane in a.png: the segmentation is missing or of no known form")
    ]


def test_coco_negatives_ask_for_absent_classes(tmp_path: Path) -> None:
    read = read_coco(tmp_path, with_negatives=1)
    absent = [s for s in read.samples if not len(s.boxes_px)]
    assert [s.image.name for s in absent] == ["a.png", "b.jpg"]
    assert absent[0].expression == "storage tank"  # the only one that a.png does not show; underscores become words
    assert all(s.unique is None and s.labels == () for s in absent)
    assert len(read_coco(tmp_path, with_negatives=9).samples) == 2 + 1 + 3
    assert [s.id for s in read_coco(tmp_path, with_negatives=1).samples] == [s.id for s in read.samples]


def test_images_are_found_in_the_folder_given(tmp_path: Path) -> None:
    labels = labelled.coco(tmp_path / "elsewhere")
    data = labelled.write_json(tmp_path / "labels" / "train.json", labels)
    with pytest.raises(InputError, match=r"the image 'a\.png' is not in"):
        read_samples(data)
    assert len(read_samples(data, tmp_path / "elsewhere" / "images").samples) == 2


def test_an_image_outside_the_folder_is_a_problem(tmp_path: Path) -> None:
    labels = labelled.coco(tmp_path / "set")
    labelled.image(tmp_path / "secret.png")
    labels["images"][0]["file_name"] = "../secret.png"
    labels["images"][1]["file_name"] = "b.jpg"
    labels["annotations"].append({"image_id": 2, "category_id": 5, "bbox": [1, 1, 5, 5]})
    read = read_samples(labelled.write_json(tmp_path / "set" / "train.json", labels))
    assert [s.image.name for s in read.samples] == ["b.jpg"]
    assert [p.origin for p in read.problems] == ["train.json:images[0]"]
    assert "lies outside the folder" in read.problems[0].reason


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        ({"image_id": 1, "category_id": 5, "bbox": [1, 2, 3]}, "the bbox is not a list of 4 numbers"),
        ({"image_id": 1, "category_id": 5, "bbox": [1, 2, "3", 4]}, "which is not a number"),
        ({"image_id": 1, "category_id": 5, "bbox": [1, 2, True, 4]}, "which is not a number"),
        ({"image_id": 1, "category_id": 5, "bbox": [1, 2, 1e999, 4]}, "not finite"),
        ({"image_id": 1, "category_id": 5, "bbox": [1, 2, 10**400, 4]}, "not finite"),
        ({"image_id": 1, "category_id": 5}, "the bbox is not a list of 4 numbers"),
        ({"image_id": 1, "category_id": 99, "bbox": [1, 2, 3, 4]}, "the category 99 is not in the list"),
        ({"category_id": 5, "bbox": [1, 2, 3, 4]}, "names no image"),
        ("text", "names no image"),
    ],
)
def test_a_malformed_annotation_is_reported_with_its_place(tmp_path: Path, annotation: Any, reason: str) -> None:
    labels = labelled.coco(tmp_path)
    labels["annotations"].append(annotation)
    data = labelled.write_json(tmp_path / "train.json", labels)
    read = read_samples(data)
    assert [p.origin for p in read.problems] == ["train.json:annotations[3]"]
    assert reason in read.problems[0].reason
    with pytest.raises(InputError, match=r"train.json:annotations\[3\]: ") as caught:
        read_samples(data, on_error="refuse")
    assert reason in str(caught.value)


def test_a_class_with_a_box_that_cannot_be_used_is_left_out(tmp_path: Path) -> None:
    """A ship more, of unknown place: the boxes that are left are not all ships, so nothing is asked about ships."""
    labels = labelled.coco(tmp_path)
    labels["annotations"].append({"image_id": 1, "category_id": 5, "bbox": None})
    read = read_samples(labelled.write_json(tmp_path / "train.json", labels), with_negatives=9)
    assert [s.id for s in read.samples if s.image.name == "a.png"] == ["a.png/airplane", "a.png/storage tank"]


def test_a_crowd_region_leaves_its_class_out(tmp_path: Path) -> None:
    labels = labelled.coco(tmp_path)
    labels["annotations"][1]["iscrowd"] = 1
    read = read_samples(labelled.write_json(tmp_path / "train.json", labels))
    assert [s.id for s in read.samples] == ["a.png/ship"]
    (problem,) = read.problems
    assert "1 crowd regions" in problem.reason


@pytest.mark.parametrize(
    ("bbox", "reason"),
    [
        ([1, 2, 0, 5], "is empty or has its corners swapped"),
        ([1, 2, 5, -5], "is empty or has its corners swapped"),
        ([60, 40, 60, 40], "lies outside the image of 64 x 48 pixels"),  # corners given in place of sizes
        ([100, 2, 5, 5], "lies outside the image"),
    ],
)
def test_a_box_that_is_none_is_reported(tmp_path: Path, bbox: list[float], reason: str) -> None:
    labels = labelled.coco(tmp_path)
    labels["annotations"][2]["bbox"] = bbox
    read = read_samples(labelled.write_json(tmp_path / "train.json", labels))
    assert [s.id for s in read.samples] == ["a.png/airplane"]
    assert [p.origin for p in read.problems] == ["train.json:annotations[2]"]
    assert reason in read.problems[0].reason


def test_a_box_that_sticks_out_a_little_is_cut(tmp_path: Path) -> None:
    labels = labelled.coco(tmp_path)
    labels["annotations"][2]["bbox"] = [-1, 30, 20, 20]
    read = read_samples(labelled.write_json(tmp_path / "train.json", labels))
    assert read.samples[1].boxes_px.tolist() == [[0, 30, 19, 48]]


def test_labels_for_an_image_of_another_size_are_reported(tmp_path: Path) -> None:
    labels = labelled.coco(tmp_path)
    labels["images"][0]["width"] = 128
    with pytest.raises(InputError, match="the labels are for 128 x 48 pixels, the image has 64 x 48"):
        read_samples(labelled.write_json(tmp_path / "train.json", labels))


def test_annotations_of_an_image_that_is_not_there_are_reported(tmp_path: Path) -> None:
    labels = labelled.coco(tmp_path)
    labels["annotations"].append({"image_id": 77, "category_id": 5, "bbox": [1, 2, 3, 4]})
    read = read_samples(labelled.write_json(tmp_path / "train.json", labels))
    assert [p.reason for p in read.problems] == ["annotations name the image 77, which is not there"]


def test_an_image_id_used_twice_is_reported(tmp_path: Path) -> None:
    labels = labelled.coco(tmp_path)
    labels["images"][1]["id"] = 1
    read = read_samples(labelled.write_json(tmp_path / "train.json", labels))
    assert [(p.origin, p.reason) for p in read.problems] == [("train.json:images[1]", "the image id 1 is used twice")]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"categories": None}, "lacks the list categories"),
        ({"categories": [{"id": 3}]}, r"categories\[0\]: the name of the category is missing"),
        ({"categories": [{"name": "ship"}]}, r"categories\[0\]: the category has no id"),
        ({"categories": [{"id": 1, "name": "ship"}, {"id": 1, "name": "tank"}]}, "stands for 'ship' and for 'tank'"),
        ({"images": {}}, "lacks the list images"),
        ({"annotations": []}, "holds no sample that can be used"),
    ],
)
def test_a_file_that_is_no_coco_is_refused(tmp_path: Path, changed: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        read_coco(tmp_path, changed)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "holds no record that can be read"),
        (b"{", "holds no record that can be read"),
        (b"[1, 2", "is not JSON"),
        (b'{"annotations": [], "categories": [', "is not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"\xff\xfe[]", "holds no record that can be read"),
        (b'[{"x": 1}]', "of no known format: x"),
        (b"[]", "holds no record that can be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    data = tmp_path / "train.json"
    data.write_bytes(content)
    with pytest.raises(InputError, match=reason) as caught:
        read_samples(data)
    assert caught.value.hint


def test_missing_labels_are_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone.json cannot be read: No such file"):
        read_samples(tmp_path / "gone.json")
    with pytest.raises(InputError, match="holds no labels of a known format"):
        read_samples(tmp_path)


def test_labels_beyond_the_limit_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_tools, "MAX_LABEL_BYTES", 10)
    with pytest.raises(InputError, match="is larger than 10 bytes"):
        read_coco(tmp_path)


@pytest.mark.parametrize("options", [{"format": "yolo"}, {"on_error": "ignore"}, {"task": "count"}, {"split": "train"}])
def test_options_are_checked(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        read_coco(tmp_path, **options)


def test_negatives_are_for_coco(tmp_path: Path) -> None:
    labelled.image(tmp_path / "a.png")
    record = {"image": "a.png", "problem": "the ship", "solution": [1, 2, 3, 4]}
    with pytest.raises(SettingsError, match="hold their own negatives"):
        read_samples(labelled.write_lines(tmp_path / "a.jsonl", [record]), with_negatives=1)


def test_a_byte_order_mark_is_no_problem(tmp_path: Path) -> None:
    labels = labelled.coco(tmp_path)
    data = tmp_path / "train.json"
    data.write_bytes(b"\xef\xbb\xbf" + json.dumps(labels).encode())
    assert len(read_samples(data).samples) == 2


@pytest.mark.parametrize("name", ["nwpu-vhr10", "airbus-aircraft", "neon-crowns"])
def test_the_real_sets_are_read_whole(shared_data: Path, name: str) -> None:
    data = shared_data / name / "test.json"
    read = read_samples(data, on_error="refuse")
    labels = json.loads(data.read_text())
    assert sum(len(s.boxes_px) for s in read.samples) == len(labels["annotations"])
    first = read.samples[0]
    assert first.pixels().shape == (first.size_px[1], first.size_px[0], 3)
    assert first.pixels().dtype == np.uint8
