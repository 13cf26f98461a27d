"""Any text at all: rewards are finite, bounded, and never better for a worse answer."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geogrounding.evaluation.matching import average_precision, match
from geogrounding.geometry.boxes import iou_matrix
from geogrounding.models.parsing.answer import Reason, parse_answer
from geogrounding.models.parsing.found import REMARKS
from geogrounding.training.rewards import REWARDS, TASK_REWARDS, format_reward
from geogrounding.training.strict_answers import read_plain
from geogrounding.types import Task
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
        iou = iou_matrix(np.array(found, float).reshape(-1, 4), np.array(truth, float).reshape(-1, 4))
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
def test_a_weight_is_a_repetition(boxes: list[tuple[bool, int]], missed: int) -> None:
    """Drawing an image twice is the same as having it twice, up to where in the ranking its copies stand."""
    right = np.array([hit for hit, _ in boxes], np.bool_)
    targets = int(right.sum()) + missed
    weights = np.array([weight for _, weight in boxes], np.float64)
    zeros = average_precision(right, targets, np.where(weights > 0, 1.0, 0.0))
    assert float(zeros) == pytest.approx(float(average_precision(right[weights > 0], targets)))
    doubled = average_precision(right, 2 * targets, np.full(len(right), 2.0))
    assert float(doubled) == pytest.approx(float(average_precision(right, targets)))


CORNERS = st.one_of(
    st.integers(-20, 700),
    st.sampled_from([0, 1, 0.5, 1.0005, 640, 480, 999999999, -1, 0.999, "10.00000"]),
    st.floats(-5, 700).map(lambda v: f"{v:.4f}"),
)
ENTRIES = st.tuples(
    st.lists(CORNERS, min_size=4, max_size=4), st.sampled_from(["airplane", "ship 2", "None", "no boat", "a-b, c."])
)
SPACES = st.sampled_from(["", " ", "\n", "\n  "])


@pytest.mark.parametrize("count", COUNTS)
def test_the_taught_form_is_read_as_the_parser_reads_it(count: int) -> None:
    @settings(max_examples=count, deadline=None)
    @given(st.lists(ENTRIES, max_size=6), st.integers(0, 3), SPACES, st.sampled_from(["refer", "detect"]), st.data())
    def check(entries: list[Any], copies: int, space: str, task: Task, data: st.DataObject) -> None:
        entries = entries + entries[:copies]
        listed = ",".join(
            f'{{"bbox_2d":{space}[{", ".join(map(str, corners))}],{space}"label": "{label}"{space}}}'
            for corners, label in entries
        )
        think = data.draw(
            st.sampled_from(["I look for it.", "No such thing.", "[1, 2, 3, 4]", '{"bbox_2d": [1, 2, 3, 4]}'])
        )
        answer = f"```json{space}[{space}{listed}]{space}```" if entries else "None"
        text = f"<think>{think}</think>{space}<answer>{answer}</answer>"
        plain = read_plain(text, SIZE, task)
        parsed = parse_answer(
            text, image_size_px=SIZE, coordinates="resized-pixels", task=task, default_label="airplane"
        )
        if plain is None:
            assert "a-b, c." in text or "999999999" in text, "the form that is taught must not take the slow way"
            return
        assert plain.boxes_px == [found.box_chip_px for found in parsed.detections]
        assert plain.labels == [found.label for found in parsed.detections]
        assert plain.wrong == sum(drop.reason not in REMARKS for drop in parsed.dropped)
        assert not {drop.reason for drop in parsed.dropped} & {Reason.NO_BOX, Reason.NO_ANSWER, Reason.EMPTY_REPLY}

    check()


@pytest.mark.parametrize(
    "text",
    [
        "<answer>None</answer>",
        "<think>a</think><answer>none</answer>",
        "<think>a</think><answer>None</answer>.",
        "<think>a</think><answer>[]</answer>",
        '<think>a</think><answer>```json [{"bbox_2d": [1, 2, 3], "label": "a"}] ```</answer>',
        '<think>a</think><answer>```json [{"bbox_2d": [1, 2, 3, 4], "label": "a\\n"}] ```</answer>',
        '<think><answer></think><answer>```json [{"bbox_2d": [1, 2, 3, 4], "label": "a"}] ```</answer>',
        '<think>a</think><answer>```json [{"bbox_2d": [1, 2, 3, 4], "label": "a"}] ``` and more</answer>',
    ],
)
def test_any_other_form_is_left_to_the_parser(text: str) -> None:
    assert read_plain(text, SIZE, "detect") is None
