"""Published sets on small files of their true forms: VRSBench, DIOR-RSVG, RRSIS-D, EarthReason; and masks."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from faster_coco_eval.core import mask as coco_mask
from rasterio.features import rasterize

from geogrounding.datasets import Samples, read_samples
from geogrounding.datasets.images import MalformedError
from geogrounding.datasets.masks import polygon_of_segmentation, polygons_of_mask
from geogrounding.errors import InputError, SettingsError
from tests import labelled

# VRSBench

EVAL = {
    "image_id": "P0003_0002.png",
    "question": "The small vehicle is on the left side, near the bottom.",
    "ground_truth": "{<25><40><50><75>}",
    "question_id": 0,
    "type": "ref",
    "dataset": "DOTA",
    "obj_ids": [0],
    "size_group": "small",
    "is_unique": True,
    "obj_cls": "small-vehicle",
    "obj_corner": [0.25, 0.4, 0.5, 0.4, 0.5, 0.75, 0.25, 0.75],
}


def vrsbench(folder: Path, *records: Any, **options: Any) -> Samples:
    labelled.image(folder / "Images_val" / "P0003_0002.png", (512, 256))
    return read_samples(labelled.write_json(folder / "VRSBench_EVAL_referring.json", list(records)), **options)


def test_vrsbench_evaluation_file(tmp_path: Path) -> None:
    got = vrsbench(tmp_path, EVAL)
    assert got.format == "vrsbench"
    (sample,) = got.samples
    assert sample.expression == "The small vehicle is on the left side, near the bottom."
    assert sample.boxes_px.tolist() == [[128, 0.4 * 256, 256, 192]]  # hundredths of 512 x 256
    assert (sample.task, sample.category, sample.unique) == ("refer", "small vehicle", True)
    assert sample.origin == "VRSBench_EVAL_referring.json[0]"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"ground_truth": "{<25><40><50>}"}, "is not of the form"),
        ({"ground_truth": "{<25><40><50><75>|<30>}"}, "is not of the form"),
        ({"ground_truth": [1, 2, 3, 4]}, "is not of the form"),
        ({"ground_truth": "{<25><40><50><101>}"}, "above 100"),
        ({"ground_truth": "{<25><40><25><75>}"}, "is empty"),
        ({"question": None}, "the question is missing"),
        ({"image_id": "gone.png"}, "is not in"),
        ({"image_id": None}, "the name of the image is missing"),
        ({"obj_cls": 3}, "obj_cls is missing or not a text"),
    ],
)
def test_vrsbench_records_that_are_reported(tmp_path: Path, changed: dict[str, Any], reason: str) -> None:
    got = vrsbench(tmp_path, EVAL, EVAL | changed)
    assert [problem.origin for problem in got.problems] == ["VRSBench_EVAL_referring.json[1]"]
    assert reason in got.problems[0].reason


def test_vrsbench_training_conversations(tmp_path: Path) -> None:
    labelled.image(tmp_path / "Images_train" / "00001_0000.png", (512, 512))

    def turn(asked: str, answer: str) -> list[dict[str, str]]:
        return [{"from": "human", "value": asked}, {"from": "gpt", "value": answer}]

    records = [
        {"id": 0, "image": "00001_0000.png", "conversations": turn("<image>\n[caption] Describe it.", "A harbor.")},
        {
            "id": 1,
            "image": "00001_0000.png",
            "conversations": turn(
                "<image>\n[refer] give me the location of <p> The large ship at the pier. </p>", "{<0><50><100><75>}"
            )
            + turn("[refer] where is the crane on the left?", "{<1><2><3><4>}")
            + turn("[refer] where is the lighthouse?", "There is none."),
        },
    ]
    got = read_samples(labelled.write_json(tmp_path / "VRSBench_train.json", records))
    assert got.format == "vrsbench"
    assert [sample.expression for sample in got.samples] == ["The large ship at the pier.", "crane on the left"]
    assert got.samples[0].boxes_px.tolist() == [[0, 256, 512, 384]]
    assert [problem.origin for problem in got.problems] == ["VRSBench_train.json[1].conversations[4]"]


def test_vrsbench_annotation_files(tmp_path: Path) -> None:
    labelled.image(tmp_path / "Images_val" / "P0003_0002.png", (512, 256))
    item = {
        "obj_id": 0,
        "obj_cls": "ship",
        "obj_corner": [0.1, 0.2, 0.3, 0.2, 0.3, 0.6, 0.1, 0.6],
        "obj_coord": [0.125, 0.25, 0.375, 0.5],
        "is_unique": False,
        "referring_sentence": "The ship in the middle.",
    }
    labels = {"image": "P0003_0002.png", "caption": "", "qa_pairs": [], "objects": [item, item | {"obj_coord": [1, 2]}]}
    labelled.write_json(tmp_path / "Annotations_val" / "P0003_0002.json", labels)
    (tmp_path / "Annotations_val" / "P0004.json").write_text("{")
    got = read_samples(tmp_path / "Annotations_val")
    (sample,) = got.samples
    assert sample.boxes_px.tolist() == [[64, 64, 192, 128]]
    assert (sample.expression, sample.unique) == ("The ship in the middle.", False)
    assert [problem.origin for problem in got.problems] == ["P0003_0002.json:objects[1]", "P0004.json"]
    assert list(got.files) == [str(tmp_path / "Annotations_val")]


# VOC: DIOR-RSVG and RRSIS-D


def rsvg(folder: Path) -> Path:
    """Three files with 2 + 1 + 1 objects, and a list of objects 1 and 3."""
    files = {
        "00001": [
            ("golffield", (5, 6, 30, 40), "A golf field on the left"),
            ("airplane", (40, 10, 60, 30), "The <b>"),
        ],
        "00002": [("storagetank", (1, 2, 20, 20), "The storage tank next to the river")],
        "00003": [("Expressway-Service-area", (1, 2, 20, 20), "The service area")],
    }
    files["00001"][1] = ("airplane", (40, 10, 60, 30), "The airplane on the right")
    for stem, objects in files.items():
        labelled.image(folder / "JPEGImages" / f"{stem}.jpg")
        (folder / "Annotations").mkdir(exist_ok=True)
        (folder / "Annotations" / f"{stem}.xml").write_text(labelled.voc_xml(f"{stem}.jpg", objects))
    (folder / "train.txt").write_text("1\n3\n")
    (folder / "names.txt").write_text("00002\n00003\n")
    return folder


def test_dior_rsvg_objects_become_samples(tmp_path: Path) -> None:
    got = read_samples(rsvg(tmp_path) / "Annotations")
    assert got.format == "voc"
    assert [(s.expression, s.category) for s in got.samples] == [
        ("A golf field on the left", "golf field"),
        ("The airplane on the right", "airplane"),
        ("The storage tank next to the river", "storage tank"),
        ("The service area", "Expressway Service area"),
    ]
    first = got.samples[0]
    assert first.boxes_px.tolist() == [[5, 6, 30, 40]]
    assert (first.task, first.origin, first.image.name) == ("refer", "00001.xml:object[0]", "00001.jpg")


@pytest.mark.parametrize("how", ["folder", "file", "annotations"])
def test_dior_rsvg_split_counts_objects(tmp_path: Path, how: str) -> None:
    folder = rsvg(tmp_path)
    if how == "file":
        got = read_samples(folder / "train.txt")
    else:
        got = read_samples(folder if how == "folder" else folder / "Annotations", split="train")
    assert [sample.origin for sample in got.samples] == ["00001.xml:object[1]", "00003.xml:object[0]"]
    assert str(folder / "train.txt") in got.files


def test_a_split_file_may_name_annotation_files(tmp_path: Path) -> None:
    got = read_samples(rsvg(tmp_path) / "names.txt")
    assert [sample.origin for sample in got.samples] == ["00002.xml:object[0]", "00003.xml:object[0]"]


def test_a_split_that_is_not_there_is_reported(tmp_path: Path) -> None:
    folder = rsvg(tmp_path)
    with pytest.raises(InputError, match="belongs to the split 'test'"):
        read_samples(folder, split="test")
    (folder / "bad.txt").write_text("00001\nwhat\n")
    with pytest.raises(InputError, match="neither numbers of objects nor names"):
        read_samples(folder / "bad.txt")


def test_expressions_about_single_objects_do_not_serve_detect(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="describes single objects"):
        read_samples(rsvg(tmp_path), task="detect")


XML = labelled.voc_xml("00001.jpg", [("ship", (1, 2, 20, 20), "The ship")])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("<annotation>", "the file is not XML"),
        ("", "the file is not XML"),
        (XML.replace("<xmin>1</xmin>", ""), "xmin of the bndbox is missing"),
        (XML.replace("<xmin>1<", "<xmin>one<"), "xmin of the bndbox is missing or not a number"),
        (XML.replace("<xmin>1<", "<xmin>nan<"), "xmin of the bndbox is missing or not a number"),
        (XML.replace("<xmin>1<", "<xmin>1e300<"), "xmin of the bndbox is missing or not a number"),
        (XML.replace("<xmin>1<", "<xmin>21<"), "swapped"),
        (XML.replace("The ship", " "), "the description is empty"),
        (XML.replace("<name>ship<", "<name><"), "the name of the class is empty"),
        (XML.replace("<width>64<", "<width>800<"), "the labels are for 800 x 48 pixels"),
        (XML.replace("00001.jpg", "../00009.jpg"), "is not in"),
        ("<a>" * 100 + "</a>" * 100, "nested too deeply"),
        ('<!DOCTYPE annotation SYSTEM "file:///etc/passwd">' + XML, "document type"),
        ('<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;&b;">]><a>&d;</a>', "document type"),
    ],
)
def test_an_annotation_that_cannot_be_used_is_reported(tmp_path: Path, content: str, reason: str) -> None:
    folder = rsvg(tmp_path)
    (folder / "Annotations" / "00001.xml").write_text(content)
    got = read_samples(folder)
    assert len(got.samples) == 2
    assert got.problems[0].origin.startswith("00001.xml")
    assert reason in got.problems[0].reason


def test_a_document_type_in_another_encoding_is_refused_as_well(tmp_path: Path) -> None:
    folder = rsvg(tmp_path)
    (folder / "Annotations" / "00001.xml").write_bytes(('<!DOCTYPE a [<!ENTITY b "c">]>' + XML).encode("utf-16"))
    assert "document type" in read_samples(folder).problems[0].reason


def test_plain_voc_is_detection(tmp_path: Path) -> None:
    objects = [("ship", (1, 2, 20, 20), None), ("ship", (30, 2, 50, 20), None), ("car", (5, 30, 9, 34), None)]
    labelled.image(tmp_path / "JPEGImages" / "1.jpg")
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "Annotations" / "1.xml").write_text(labelled.voc_xml("1.jpg", objects))
    got = read_samples(tmp_path)
    assert [(s.expression, s.task, len(s.boxes_px)) for s in got.samples] == [
        ("ship", "detect", 2),
        ("car", "detect", 1),
    ]
    assert [s.expression for s in read_samples(tmp_path, task="refer").samples] == ["car"]


def rrsis_d(folder: Path) -> Path:
    """The layout of RRSIS-D with one image for training and one for testing, masks run-length coded."""
    annotations = []
    for number, split in ((1, "train"), (2, "test")):
        labelled.image(folder / "images" / "rrsisd" / "JPEGImages" / f"{number:05}.jpg", seed=number)
        xml = labelled.voc_xml(f"{number:05}.jpg", [("ship", (10, 12, 20, 32), f"The ship {number}")], split=split)
        (folder / "images" / "rrsisd" / "ann_split").mkdir(exist_ok=True)
        (folder / "images" / "rrsisd" / "ann_split" / f"{number:05}.xml").write_text(xml)
        pixels = np.zeros((48, 64), np.uint8, order="F")
        pixels[12:32, 10:20] = 1
        pixels[31, 19] = 0
        code = coco_mask.encode(pixels)
        counts = code["counts"]
        code = {"size": [48, 64], "counts": counts.decode() if isinstance(counts, bytes) else counts}
        annotations.append(
            {"bbox": [10, 12, 20, 32], "categories_id": 13, "id": number, "image_id": number, "segmentation": [code]}
        )
    labelled.write_json(folder / "rrsisd" / "instances.json", {"images": [], "annotations": annotations})
    return folder / "images" / "rrsisd" / "ann_split"


def test_rrsis_d_by_split(tmp_path: Path) -> None:
    data = rrsis_d(tmp_path)
    assert len(read_samples(data).samples) == 2
    (sample,) = read_samples(data, split="test").samples
    assert (sample.expression, sample.task, sample.image.name) == ("The ship 2", "refer", "00002.jpg")
    with pytest.raises(InputError, match="belongs to the split 'val'"):
        read_samples(data, split="val")


def test_rrsis_d_masks(tmp_path: Path) -> None:
    (sample,) = read_samples(rrsis_d(tmp_path), split="train", task="segment").samples
    assert sample.polygons_px[0].area == 199
    assert sample.polygons_px[0].bounds == (10, 12, 20, 32)
    assert sample.boxes_px.tolist() == [[10, 12, 20, 32]]


def test_rrsis_d_without_masks_is_reported(tmp_path: Path) -> None:
    data = rrsis_d(tmp_path)
    shutil.rmtree(tmp_path / "rrsisd")
    with pytest.raises(InputError, match=r"the masks of .* are not there"):
        read_samples(data, task="segment")


# EarthReason


def earthreason(folder: Path) -> Path:
    split = folder / "train"
    labelled.image(split / "images" / "airport_1.jpg")
    labelled.mask(split / "labels" / "airport_1.png", [(4, 5, 24, 25), (40, 30, 50, 44), (60, 1, 62, 3)])
    labelled.write_json(
        split / "QAs" / "airport_1.json",
        {"questions": ["Where can aircraft park?", "Which area?"], "answer": ["The apron, because it is paved.", "x"]},
    )
    labelled.image(split / "images" / "lake_2.png")
    labelled.mask(split / "labels" / "lake_2.png", [])
    labelled.write_json(split / "QAs" / "lake_2.json", {"questions": ["Where can boats moor?"], "answer": []})
    return split


def test_earthreason_questions_and_masks(tmp_path: Path) -> None:
    got = read_samples(earthreason(tmp_path))
    assert got.format == "earthreason"
    apron, lake = got.samples
    assert (apron.task, apron.expression) == ("segment", "Where can aircraft park?")
    assert apron.reasoning == "The apron, because it is paved."
    assert sorted(apron.boxes_px.tolist()) == [[4, 5, 24, 25], [40, 30, 50, 44]]  # the speck gets no box
    assert sum(polygon.area for polygon in apron.polygons_px) == 400 + 140 + 4  # but stays in the mask
    assert (lake.boxes_px.shape, lake.polygons_px, lake.reasoning) == ((0, 4), (), "")


def test_earthreason_by_split(tmp_path: Path) -> None:
    earthreason(tmp_path)
    assert len(read_samples(tmp_path, split="train").samples) == 2
    with pytest.raises(InputError, match="holds no labels of a known format"):
        read_samples(tmp_path, split="val")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda f: (f / "QAs" / "lake_2.json").write_text("{"), "is not JSON"),
        (lambda f: (f / "QAs" / "lake_2.json").write_text("[]"), "is not a JSON object"),
        (lambda f: (f / "QAs" / "lake_2.json").write_text('{"questions": []}'), "list questions is missing"),
        (
            lambda f: (f / "QAs" / "lake_2.json").write_text('{"questions": [3]}'),
            "the question is missing or not a text",
        ),
        (lambda f: (f / "labels" / "lake_2.png").unlink(), "'lake_2.png' is not in"),
        (lambda f: (f / "images" / "lake_2.png").unlink(), "is not in"),
        (lambda f: labelled.mask(f / "labels" / "lake_2.png", [], (20, 20)), "the mask has 20 x 20 pixels"),
    ],
)
def test_earthreason_records_that_are_reported(tmp_path: Path, spoil: Any, reason: str) -> None:
    folder = earthreason(tmp_path)
    spoil(folder)
    got = read_samples(folder)
    assert [problem.origin for problem in got.problems] == ["lake_2.json"]
    assert reason in got.problems[0].reason


# Masks


def test_run_length_codes_are_read_as_coco_writes_them() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        pixels = np.asfortranarray(rng.random((rng.integers(2, 40), rng.integers(2, 40))) < rng.random()).astype(
            np.uint8
        )
        if not pixels.any():
            continue
        height, width = pixels.shape
        counts = coco_mask.encode(np.asfortranarray(pixels))["counts"]
        text = counts.decode() if isinstance(counts, bytes) else counts
        region = polygon_of_segmentation({"size": [height, width], "counts": text}, (width, height))
        drawn = rasterize([region], out_shape=(height, width))
        assert np.array_equal(drawn, pixels)


def test_uncompressed_run_lengths_are_read() -> None:
    region = polygon_of_segmentation({"size": [4, 3], "counts": [5, 2, 5]}, (3, 4))
    assert region.equals(shapely.box(1, 1, 2, 3))


@pytest.mark.parametrize(
    "segmentation",
    [
        None,
        3,
        "text",
        [],
        [[1, 2, 3]],
        [[1, 2, 3, 4, 5, "6"]],
        [[1, 2, 3, 4, 5, float("nan")]],
        [[100, 100, 200, 100, 200, 200]],
        {"size": [4, 4], "counts": [16]},
        {"size": [4, 3], "counts": [5, 2, 4]},
        {"size": [4, 3], "counts": [5, -2, 9]},
        {"size": [4, 3], "counts": [12]},
        {"size": [4, 3], "counts": "\x01"},
        {"size": [4, 3], "counts": "o" * 50},
        {"size": [4, 3], "counts": None},
        {"counts": [12]},
    ],
)
def test_a_segmentation_that_is_none_is_refused(segmentation: Any) -> None:
    with pytest.raises(MalformedError):
        polygon_of_segmentation(segmentation, (3, 4))


def test_regions_that_touch_at_a_corner_are_one_and_valid() -> None:
    pixels = np.zeros((6, 6), bool)
    pixels[1:3, 1:3] = pixels[3:5, 3:5] = True
    (region,) = polygons_of_mask(pixels)
    assert region.is_valid
    assert region.area == 8
    assert region.bounds == (1, 1, 5, 5)
