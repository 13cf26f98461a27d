"""What several packages must agree on: the average precision of benchmarks and of ``geoground eval``, tasks, IoU."""

import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import shapely

from geogrounding.datasets.sample import Sample
from geogrounding.errors import SettingsError
from geogrounding.evaluation.detection import detect_metrics
from geogrounding.evaluation.metric_tables import Resampling
from geogrounding.evaluation.predict import Prediction, ScoredBoxes
from geogrounding.geometry.boxes import iou_matrix, similarity
from geogrounding.models.prompts import build_prompt
from geogrounding.settings import RUN_TASKS, RunSettings
from geogrounding.types import PromptStyle, Question, Task
from recipes.builtin_model.matching import match


def some_boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    low = rng.integers(0, 60, (count, 2)).astype(float)
    return np.hstack([low, low + rng.integers(8, 30, (count, 2))])


def prediction(number: int, truth: np.ndarray, boxes: np.ndarray, scores: np.ndarray) -> Prediction:
    order = np.argsort(-scores, kind="stable")
    found = ScoredBoxes(boxes_px=boxes[order], scores=scores[order])
    sample = Sample(
        id=str(number),
        image=Path(f"{number}.png"),
        size_px=(100, 100),
        expression="ship",
        task="detect",
        boxes_px=truth,
        labels=("ship",) * len(truth),
        category="ship",
        origin="test",
    )
    return Prediction(sample=sample, kept=found, ranked=found, chips=1)


@pytest.mark.parametrize("seed", range(20))
def test_the_model_card_and_eval_print_the_same_average_precision(seed: int) -> None:
    rng = np.random.default_rng(seed)
    predictions, found, truth = [], [], []
    for number in range(6):
        targets = some_boxes(rng, int(rng.integers(1, 6)))
        boxes = np.vstack([targets + rng.normal(0, 2.5, targets.shape), some_boxes(rng, 4)]).clip(0, 100)
        scores = rng.permutation(np.linspace(0.1, 0.9, len(boxes))) + number * 1e-3  # no ties
        predictions.append(prediction(number, targets, boxes, scores))
        found.append((boxes, scores))
        truth.append((targets, np.ones(len(targets), bool)))
    printed = detect_metrics(predictions, Resampling(resamples=0)).metrics["ap50"]
    card = match(found, truth).average_precision()
    assert 0.1 < card < 1.0
    assert printed == pytest.approx(card, abs=5e-5)


def test_a_box_on_a_target_that_does_not_count_is_left_out() -> None:
    boxes = np.array([[0, 0, 10, 10], [50, 50, 60, 60]], float)
    hits = match([(boxes, np.array([0.9, 0.8]))], [(boxes, np.array([False, True]))])
    assert (hits.right.tolist(), hits.targets) == ([True], 1)


def test_iou_of_all_pairs_is_that_of_shapely() -> None:
    rng = np.random.default_rng(3)
    first, second = some_boxes(rng, 7), some_boxes(rng, 5)
    shapes = [shapely.box(*boxes.T) for boxes in (first, second)]
    inter = shapely.area(shapely.intersection(shapes[0][:, None], shapes[1][None]))
    union = shapely.area(shapely.union(shapes[0][:, None], shapes[1][None]))
    assert iou_matrix(first, second) == pytest.approx(inter / union)
    assert np.array_equal(np.diag(iou_matrix(first[:5], second)), similarity(first[:5], second, "iou"))
    assert iou_matrix(np.zeros((1, 4)), np.zeros((2, 4))).tolist() == [[0.0, 0.0]]


def test_a_run_refuses_the_task_that_needs_masks() -> None:
    for task in get_args(Task):
        if task in RUN_TASKS:
            assert RunSettings(source="a.tif", expressions=("ship",), task=task).task == task
        else:
            with pytest.raises(SettingsError, match="masks"):
                RunSettings(source="a.tif", expressions=("ship",), task=task)


@pytest.mark.parametrize("style", get_args(PromptStyle))
def test_masks_are_asked_for_as_boxes_with_keypoints(style: PromptStyle) -> None:
    masks, boxes = (build_prompt(Question(expression="ship", task=task), style) for task in ("segment", "detect"))
    without = re.sub(r', "keypoint[12]": \[x, y\]|Both keypoints lie on the object\. ', "", masks)
    assert without == boxes
