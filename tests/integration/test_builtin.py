"""The weights that come with the package, on the example scene."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from PIL import Image

import geogrounding as gg
from geogrounding.models.base import Model
from geogrounding.models.parsing.answer import parse_answer
from geogrounding.types import Question, Task
from tests.integration.tiny_builtin import save_tiny_builtin

TREE = Question(expression="the trees")
SCENE = Path(__file__).parents[2] / "examples" / "data" / "OSBS_029.tif"


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    loaded = gg.load_model("builtin")
    yield loaded
    loaded.close()


@pytest.fixture(scope="module")
def chip() -> NDArray[np.uint8]:
    with rasterio.open(SCENE) as source:
        pixels: NDArray[np.uint8] = source.read((1, 2, 3))[:, :336, :336].transpose(1, 2, 0).astype(np.uint8)
    return pixels


def test_the_same_chip_gets_the_same_answer(model: Model, chip: NDArray[np.uint8]) -> None:
    first = model.ground([chip], [TREE])
    assert first == model.ground([chip], [TREE])
    assert first[0][0].detections


def test_a_batch_answers_like_single_chips(model: Model, chip: NDArray[np.uint8]) -> None:
    chips = [chip, chip[::-1].copy(), chip[:200, :150].copy()]
    together = model.ground(chips, [TREE])
    for one, answers in zip(chips, together, strict=True):
        alone = model.ground([one], [TREE])[0][0]
        sure = [d for d in alone.detections if (d.score or 0) > 0.5]
        found = [d.box_chip_px for d in answers[0].detections]
        for detection in sure:
            assert any(np.allclose(detection.box_chip_px, box, atol=3.0) for box in found)


def test_boxes_lie_inside_the_chip_and_scores_inside_0_to_1(model: Model, chip: NDArray[np.uint8]) -> None:
    small = chip[:120, :90].copy()
    for detection in model.ground([small], [TREE])[0][0].detections:
        x0, y0, x1, y1 = detection.box_chip_px
        assert 0 <= x0 < x1 <= 90
        assert 0 <= y0 < y1 <= 120
        assert detection.score is not None
        assert 0 <= detection.score <= 1


@pytest.mark.parametrize("thing", ["a zebra", "xyzzy", "the chimney", "zebra crossing", "冰山", "helicopters"])
@pytest.mark.parametrize("task", ["detect", "refer"])
def test_what_it_has_no_class_for_is_answered_with_nothing(
    model: Model, chip: NDArray[np.uint8], thing: str, task: Task
) -> None:
    answer = model.ground([chip], [Question(expression=thing, task=task)])[0][0]
    assert not answer.detections
    assert "No word" in answer.reasoning


@pytest.mark.parametrize("absent", ["airplane", "running track", "storage tank", "wind turbine"])
def test_a_class_that_is_not_there_is_not_answered_with_another(
    model: Model, chip: NDArray[np.uint8], absent: str
) -> None:
    answer = model.ground([chip], [Question(expression=absent)])[0][0]
    assert all((d.score or 0) < model.conventions.min_score for d in answer.detections)


def test_every_question_is_answered_by_the_class_it_names(model: Model, chip: NDArray[np.uint8]) -> None:
    asked = [Question(expression=e) for e in ("tree crowns", "every tree", "the largest tree", "houses", "parked cars")]
    for question, answer in zip(asked, model.ground([chip], asked)[0], strict=True):
        expected = {"houses": "building", "parked cars": "vehicle"}.get(question.expression, "tree")
        assert {d.label for d in answer.detections} <= {expected}


def test_a_crowded_image_has_more_answers_than_the_language_side_reads(model: Model, chip: NDArray[np.uint8]) -> None:
    """Four copies of a wood at half size: the 64 regions of the question encoder would not do."""
    small = np.asarray(Image.fromarray(chip).resize((168, 168)))
    answer = model.ground([np.tile(small, (2, 2, 1))], [TREE])[0][0]
    assert len(answer.detections) > 64


def test_one_target_is_one_box_and_the_text_says_the_same(model: Model, chip: NDArray[np.uint8]) -> None:
    answer = model.ground([chip], [Question(expression="the largest tree", task="refer")])[0][0]
    assert len(answer.detections) == 1
    read = parse_answer(
        answer.raw_text, image_size_px=(336, 336), coordinates="resized-pixels", task="refer", default_label="tree"
    )
    assert read.detections[0].label == answer.detections[0].label == "tree"
    assert np.allclose(read.detections[0].box_chip_px, answer.detections[0].box_chip_px, atol=1.0)


def test_a_neighbour_is_not_taken_for_the_target(model: Model, chip: NDArray[np.uint8]) -> None:
    answer = model.ground([chip], [Question(expression="the storage tanks next to the trees")])[0][0]
    assert "storage tank" in answer.reasoning


def test_results_of_a_trained_model_name_it(tmp_path: Path) -> None:
    """Provenance and the ``model`` attribute of results say which model it was."""
    folder = save_tiny_builtin(tmp_path / "blue-roofs")
    model = gg.load_model(str(folder))
    assert model.name == "blue-roofs"
    model.close()


def test_the_open_model_finds_what_it_knows_and_nothing_else(chip: NDArray[np.uint8]) -> None:
    with closing(gg.load_model("builtin-open")) as model:
        assert model.name == "builtin-open"
        assert set(model.conventions.classes) == {"vehicle", "building", "tree", "solar panel", "wind turbine"}
        trees, tanks = model.ground([chip], [TREE, Question(expression="storage tanks")])[0]
        assert len([d for d in trees.detections if (d.score or 0) >= 0.4]) >= 5
        assert not tanks.detections
        _, asked = model.ground([chip], [TREE, Question(expression="the largest tree", task="refer")])[0]
        assert len(asked.detections) == 1
        assert asked.detections[0].label == "tree"
