"""Views and images with expressions about their labels: true, readable, and silent about what is not known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from geogrounding.datasets import read_samples
from geogrounding.datasets.synthetic import ALL_KINDS
from recipes.builtin_model.corpora import CLASSES
from recipes.builtin_model.samples import choosing_records, expressions_of, record_of, write_views

BOXES = np.array([[10.0, 10, 60, 60], [200, 20, 240, 70], [20, 200, 80, 280]])
LABELS = np.array([CLASSES.index(name) for name in ("ship", "ship", "harbor")])


def coco_set(root: Path) -> None:
    """A data set of two images in the place where the recipe looks for NWPU's."""
    images = root / "nwpu-vhr10" / "images"
    images.mkdir(parents=True)
    records, annotations = [], []
    for n in range(2):
        Image.fromarray(np.full((400, 500, 3), 90, np.uint8)).save(images / f"{n}.png")
        records.append({"id": n, "file_name": f"{n}.png", "width": 500, "height": 400})
        for (x0, y0, x1, y1), label in zip(BOXES, LABELS, strict=True):
            annotations.append({"image_id": n, "category_id": int(label), "bbox": [x0, y0, x1 - x0, y1 - y0]})
    coco = {
        "images": records,
        "annotations": annotations,
        "categories": [{"id": n, "name": name} for n, name in enumerate(CLASSES)],
    }
    for split in ("train", "test"):
        (images.parent / f"{split}.json").write_text(json.dumps(coco))


def test_only_known_classes_are_said_to_be_absent() -> None:
    known = np.array([name in ("ship", "bridge") for name in CLASSES])
    made = expressions_of(BOXES, LABELS, known, (400, 400), np.random.default_rng(0), count=60, kinds=("negative",))
    assert made
    absent = {e.meaning.category for e in made if e.meaning.relation is None and e.meaning.selector is None}
    assert absent <= {"ship", "bridge"}


def test_records_are_read_back_as_they_were_made(tmp_path: Path) -> None:
    known = np.ones(len(CLASSES), dtype=bool)
    made = expressions_of(BOXES, LABELS, known, (400, 400), np.random.default_rng(1), count=20, kinds=ALL_KINDS)
    Image.fromarray(np.zeros((400, 400, 3), np.uint8)).save(tmp_path / "a.png")
    lines = [json.dumps(record_of("a.png", (400, 400), e, BOXES, n)) for n, e in enumerate(made)]
    (tmp_path / "train.jsonl").write_text("\n".join(lines) + "\n")
    read = read_samples(tmp_path / "train.jsonl", tmp_path)
    assert read.problems == ()
    for expression, sample in zip(made, read.samples, strict=True):
        assert (sample.expression, sample.task) == (expression.text, expression.task)
        assert np.allclose(sample.boxes_px, BOXES[list(expression.targets)].reshape(-1, 4), atol=0.01)
        assert sample.category == expression.meaning.category


def test_views_show_what_their_records_say(tmp_path: Path) -> None:
    coco_set(tmp_path)
    file = write_views(
        tmp_path, tmp_path / "out", count=6, seed=0, kinds=ALL_KINDS, sources=frozenset({"nwpu"}), negatives=1.0
    )
    read = read_samples(file, tmp_path / "out")
    assert read.samples
    assert read.problems == ()
    assert {s.task for s in read.samples} <= {"refer", "detect"}
    again = write_views(
        tmp_path, tmp_path / "again", count=6, seed=0, kinds=ALL_KINDS, sources=frozenset({"nwpu"}), negatives=1.0
    )
    assert again.read_text() == file.read_text()
    only = write_views(
        tmp_path, tmp_path / "only", count=6, seed=0, kinds=("class",), classes=frozenset({"ship"}), split="test"
    )
    assert {s.category for s in read_samples(only, tmp_path / "only").samples} == {"ship"}


def test_choosing_questions_have_one_target(tmp_path: Path) -> None:
    coco_set(tmp_path)
    records = list(choosing_records(tmp_path, "test", seed=0))
    assert records
    for record in records:
        assert record["task"] == "refer"
        assert len(json.loads(record["solution"])) == 1
        assert record["kind"] in ("position", "rank", "size", "relation")
