"""Views, expressions and matching: what the built-in model is taught is true."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from geogrounding.datasets.synthetic import Kind
from geogrounding.errors import InputError
from geogrounding.geometry.boxes import iou_matrix
from recipes.builtin_model import corpora, questions
from recipes.builtin_model.matching import match


def labelled_image(folder: Path, boxes: list[list[float]], size: tuple[int, int] = (200, 160)) -> corpora.LabelledImage:
    """A black image with white boxes."""
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    for x0, y0, x1, y1 in np.array(boxes, dtype=int):
        pixels[y0:y1, x0:x1] = 255
    Image.fromarray(pixels).save(folder / "a.png")
    coco = {
        "images": [{"id": 7, "file_name": "a.png", "width": size[0], "height": size[1]}],
        "annotations": [
            {"image_id": 7, "category_id": 3, "bbox": [x0, y0, x1 - x0, y1 - y0]} for x0, y0, x1, y1 in boxes
        ],
        "categories": [{"id": 3, "name": "ship"}],
    }
    (folder / "train.json").write_text(json.dumps(coco))
    [read] = corpora.read_coco(folder / "train.json", folder, source="test", known=lambda _: frozenset({"ship"}))
    return read


def test_boxes_follow_the_pixels_through_every_flip_and_turn(tmp_path: Path) -> None:
    source = labelled_image(tmp_path, [[40, 30, 100, 50]])
    seen = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        pixels = source.pixels()
        view = corpora.draw_view(source, pixels, rng, scales=(0.4, 0.6))
        white = view.pixels.astype(int).mean(-1)
        for box, visible in zip(view.boxes_view_px, view.visible, strict=True):
            if visible < 0.9:
                continue
            x0, y0, x1, y1 = (round(float(v)) for v in box)
            inside = white[y0 + 3 : y1 - 3, x0 + 3 : x1 - 3].mean()
            outside = white[max(0, y0 - 9) : max(0, y0 - 4), x0:x1]
            assert inside > 120
            assert outside.size == 0 or outside.mean() < inside - 60
            seen += 1
    assert seen > 15


def test_clip_boxes_gives_the_visible_share() -> None:
    clipped, visible = corpora.clip_boxes(np.array([[0.0, 0, 10, 10], [5, 5, 15, 15]]), (5, 0, 25, 10))
    assert clipped.tolist() == [[0, 0, 5, 10], [0, 5, 10, 10]]
    assert visible.tolist() == [0.5, 0.5]


def test_a_file_that_is_not_coco_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "train.json"
    file.write_text('{"images": []}')
    with pytest.raises(InputError, match="COCO"):
        corpora.read_coco(file, tmp_path, source="test", known=lambda _: frozenset())


BOXES = np.array([[10.0, 10, 30, 30], [100, 5, 160, 65], [200, 200, 210, 212], [20, 250, 60, 300]], np.float32)
SHIP, TANK = corpora.CLASSES.index("ship"), corpora.CLASSES.index("storage tank")


def scores() -> NDArray[np.float32]:
    out = np.zeros((4, len(corpora.CLASSES) + 1), np.float32)
    out[:, SHIP] = [0.9, 0.5, 0.6, 0.2]
    out[3, TANK] = 0.8
    return out


def asked(count: int = 400) -> list[questions.Asked]:
    rng = np.random.default_rng(0)
    return [a for _ in range(count // 8) for a in questions.ask_about(BOXES, scores(), rng, count=8)]


@pytest.mark.parametrize(
    ("sought", "task", "meant"),
    [
        ("ship", "detect", [0, 2, 1]),
        ("storage tank", "detect", [3]),
        ("leftmost ship", "refer", [0]),
        ("largest ship", "refer", [1]),
        ("smallest ship", "refer", [2]),
        ("upper ship", "detect", [0, 1]),
        ("ship nearest storage tank", "refer", [2]),
        ("bridge", "detect", []),
        ("that", "refer", []),
    ],
)
def test_an_answer_names_what_is_meant(sought: str, task: str, meant: list[int]) -> None:
    found = [a for a in asked(2400) if (a.sought, a.task) == (sought, task)]
    assert found
    assert all(a.meant() == meant for a in found)


def test_one_of_several_is_the_surest() -> None:
    plain = [a for a in asked() if a.task == "refer" and a.sought == "ship"]
    assert plain
    assert all(a.meant() == [0] for a in plain)


def test_faint_regions_are_meant_faintly() -> None:
    found = next(a for a in asked() if a.sought == "ship" and a.task == "detect")
    assert found.relevance.tolist() == scores()[:, SHIP].tolist()


def test_withheld_classes_are_never_named() -> None:
    rng = np.random.default_rng(1)
    gone = frozenset({"ship", "bridge"})
    for _ in range(40):
        for one in questions.ask_about(BOXES, scores(), rng, count=8, withheld=gone):
            assert not {"ship", "boat", "vessel", "bridge"} & set(f"{one.text} {one.sought}".split())


def test_withheld_kinds_are_never_used() -> None:
    rng = np.random.default_rng(1)
    said = [
        one.text
        for _ in range(100)
        for one in questions.ask_about(
            BOXES, scores(), rng, count=8, without_kinds=frozenset[Kind]({"rank", "size", "relation"})
        )
    ]
    words = re.compile("most|largest|biggest|smallest|tiniest|lowest|closest|near|furthest|farthest|beside|next")
    assert len(said) > 300
    assert not [text for text in said if words.search(text)]
    assert any("upper" in text for text in said)


def test_every_word_of_a_question_is_known_or_meant_to_be_unknown() -> None:
    known = set(questions.vocabulary())
    for one in asked():
        if one.label != "that":
            assert set(re.findall("[a-z]+", f"{one.text} {one.sought}".lower())) <= known, one.text


def test_matching_counts_each_target_once() -> None:
    truth = [(np.array([[0.0, 0, 10, 10]]), np.array([True])), (np.zeros((0, 4)), np.zeros(0, bool))]
    found = [
        (np.array([[0.0, 0, 10, 10], [0, 0, 10, 9]]), np.array([0.9, 0.8])),
        (np.array([[1.0, 1, 2, 2]]), np.array([0.3])),
    ]
    hits = match(found, truth)
    assert (hits.right.tolist(), hits.targets) == ([True, False, False], 1)
    assert hits.average_precision() == 1.0
    assert hits.f1(0.85) == 1.0
    assert hits.best_threshold() == (0.9, 1.0)
    assert hits.f1(0.0) == pytest.approx(0.5)


def test_a_box_on_a_target_that_does_not_count_is_left_out() -> None:
    truth = [(np.array([[0.0, 0, 10, 10]]), np.array([False]))]
    hits = match([(np.array([[0.0, 0, 10, 10]]), np.array([0.9]))], truth)
    assert (len(hits.scores), hits.targets) == (0, 0)


def test_box_iou() -> None:
    assert iou_matrix(np.array([[0, 0, 2, 2]]), np.array([[1, 0, 3, 2], [5, 5, 6, 6]])).tolist() == [[1 / 3, 0.0]]
