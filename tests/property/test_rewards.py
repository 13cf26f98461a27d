"""Any text at all: rewards are finite, bounded, and never better for a worse answer."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geogrounding.training.evaluation.matching import average_precision, box_iou, match
from geogrounding.training.rewards import REWARDS, TASK_REWARDS, format_reward
from tests.property.test_answer import PIECES

COUNTS = [200, pytest.param(20_000, marks=pytest.mark.slow)]
SIZE = (640, 480)
NUMBERS = st.one_of(
    st.integers(-10_000, 10_000), st.floats(), st.sampled_from(["1e999", "NaN", "-0", "1" * 40, "٣", "½"])
)
TEXTS = st.one_of(
    st.text(max_size=300),
    st.lists(st.one_of(st.sampled_from(PIECES), NUMBERS.map(str), st.text(max_size=8)), max_size=60).map("".join),
    st.lists(st.lists(NUMBERS, min_size=3, max_size=5), max_size=6).map(lambda b: f"<answer>{b}</answer>"),
)
COORDINATES = st.integers(0, 400)
BOXES = st.lists(
    st.tuples(COORDINATES, COORDINATES, st.integers(1, 80), st.integers(1, 80)).map(
        lambda b: [b[0], b[1], b[0] + b[2], b[1] + b[3]]
    ),
    max_size=8,
    unique_by=tuple,
)
LABELS = st.sampled_from(["airplane", "ship", ""])


def written(boxes: list[list[int]], labels: list[str]) -> str:
    entries = [{"bbox_2d": box, "label": label} for box, label in zip(boxes, labels, strict=True)]
    return f"<think>a</think><answer>```json\n{json.dumps(entries)}\n```</answer>"


@pytest.mark.parametrize("count", COUNTS)
def test_finite_and_bounded_for_any_text(count: int) -> None:
    @settings(max_examples=count, deadline=None)
    @given(TEXTS, BOXES, st.data())
    def check(text: str, boxes: list[list[int]], data: st.DataObject) -> None:
        labels = [data.draw(LABELS) for _ in boxes]
        columns: dict[str, Any] = {"boxes_px": [boxes], "labels": [labels], "size_px": [SIZE], "task": ["segment"]}
        for function in REWARDS.values():
            (reward,) = function([text], **columns)
            assert type(reward) is float
            assert math.isfinite(reward)
            assert 0.0 <= reward <= 1.0

    check()


@pytest.mark.parametrize("count", COUNTS)
def test_the_truth_is_worth_one_and_a_foreign_box_less(count: int) -> None:
    @settings(max_examples=count, deadline=None)
    @given(BOXES, st.integers(0, 8))
    def check(boxes: list[list[int]], place: int) -> None:
        labels = ["airplane"] * len(boxes)
        columns: dict[str, Any] = {"boxes_px": [boxes], "labels": [labels], "size_px": [SIZE]}
        right = written(boxes, labels)
        assert format_reward([right]) == [1.0]
        for function in TASK_REWARDS.values():
            if boxes[1:] and function is TASK_REWARDS["refer"]:
                continue
            assert function([right], **columns) == pytest.approx([1.0])
        spoiled = [*boxes[:place], [500, 100, 600, 200], *boxes[place:]]
        words = [*labels[:place], "cat", *labels[place:]]
        (reward,) = TASK_REWARDS["detect"]([written(spoiled, words)], **columns)
        assert reward < 1.0

    check()


def slow_match(iou: np.ndarray[Any, Any], threshold: float) -> list[bool]:
    """The rule in plain loops."""
    taken: set[int] = set()
    right = []
    for row in iou:
        best, value = -1, min(threshold, 1 - 1e-10)
        for target, overlap in enumerate(row):
            if target not in taken and overlap >= value:
                best, value = target, overlap
        taken.add(best)
        right.append(best >= 0)
    return right


def slow_precision(right: list[bool], targets: int) -> float:
    """Average precision in plain loops over 101 recalls."""
    points = []
    for recall in np.linspace(0, 1, 101):
        best = 0.0
        for n in range(1, len(right) + 1):
            if sum(right[:n]) / targets >= recall:
                best = max(best, sum(right[:n]) / n)
        points.append(best)
    return float(np.mean(points))


@pytest.mark.parametrize("count", [100, pytest.param(5_000, marks=pytest.mark.slow)])
def test_matching_and_precision_in_plain_loops(count: int) -> None:
    @settings(max_examples=count, deadline=None)
    @given(BOXES, BOXES)
    def check(found: list[list[int]], truth: list[list[int]]) -> None:
        iou = box_iou(np.array(found, float).reshape(-1, 4), np.array(truth, float).reshape(-1, 4))
        thresholds = np.array([0.1, 0.5, 0.75])
        right = match(iou, thresholds)
        for row, threshold in zip(right.tolist(), thresholds, strict=True):
            assert row == slow_match(iou, float(threshold))
            if truth:
                precision = float(average_precision(np.array(row, np.bool_), len(truth)))
                assert precision == pytest.approx(slow_precision(row, len(truth)))

    check()


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=12), st.integers(1, 12))
@settings(max_examples=100, deadline=None)
def test_a_weight_is_a_repetition(boxes: list[tuple[bool, int]], targets: int) -> None:
    """Drawing a picture twice is the same as having it twice, up to where in the ranking its copies stand."""
    right = np.array([hit for hit, _ in boxes], np.bool_)
    weights = np.array([weight for _, weight in boxes], np.float64)
    zeros = average_precision(right, targets, np.where(weights > 0, 1.0, 0.0))
    assert float(zeros) == pytest.approx(float(average_precision(right[weights > 0], targets)))
    doubled = average_precision(right, 2 * targets, np.full(len(right), 2.0))
    assert float(doubled) == pytest.approx(float(average_precision(right, targets)))
