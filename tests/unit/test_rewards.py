"""What an answer is worth."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from geogrounding.errors import InputError, SettingsError
from geogrounding.training import rewards
from geogrounding.training.rewards import (
    REWARDS,
    box_iou_reward,
    detection_reward,
    format_reward,
    grounding_reward,
    mask_giou_reward,
    od_length_reward,
    resolve,
)
from tests.coco_reference import coco_stats, random_boxes

SIZE = (400, 400)
PLANE, OTHER, THIRD = [10, 10, 60, 50], [100, 100, 150, 160], [200, 220, 260, 300]
NONE = "<think>Nothing like it is here.</think><answer>None</answer>"


def reply(boxes: Sequence[Any], label: str | Sequence[str] = "airplane") -> str:
    labels = [label] * len(boxes) if isinstance(label, str) else label
    entries = [{"bbox_2d": [int(v) for v in b], "label": w} for b, w in zip(boxes, labels, strict=True)]
    return f"<think>I look for it.</think><answer>```json\n{json.dumps(entries)}\n```</answer>"


def detect(text: Any, boxes: Sequence[Any], labels: Sequence[str] | None = None) -> float:
    words = ["airplane"] * len(boxes) if labels is None else labels
    return detection_reward([text], boxes_px=[boxes], labels=[words], size_px=[SIZE], prompts=["?"])[0]


@pytest.mark.parametrize(
    ("text", "reward"),
    [
        ("<think>a</think><answer>None</answer>", 1.0),
        (" <think>a\nb</think>\n\n<answer>\n[]\n</answer>\n", 1.0),
        ("<think>a</think><answer>None</answer> and so on", 0.0),
        ("well <think>a</think><answer>None</answer>", 0.0),
        ("<think>a</think> so <answer>None</answer>", 0.0),
        ("<think></think><answer>None</answer>", 0.0),
        ("<think>a</think><answer> </answer>", 0.0),
        ("<think>a</think><answer>None", 0.0),
        ("<answer>None</answer><think>a</think>", 0.0),
        ("<think>a</think><answer>x</answer><answer>y</answer>", 0.0),
        ("<think>a<answer>b</think>c</answer>", 0.0),
        ("<think>a<think>b</think><answer>c</answer>", 0.0),
        ("", 0.0),
    ],
)
def test_format(text: str, reward: float) -> None:
    assert format_reward([text]) == [reward]


def test_completions_of_a_conversation() -> None:
    messages = [{"role": "assistant", "content": [{"type": "text", "text": reply([PLANE])}]}]
    assert format_reward([messages]) == [1.0]
    assert detect(messages, [PLANE]) == 1.0


class TestBox:
    def test_iou_of_half_open_boxes(self) -> None:
        truth, text = [[0, 0, 10, 10]], reply([[5, 0, 15, 10]])
        assert box_iou_reward([text], boxes_px=[truth], size_px=[SIZE]) == pytest.approx([50 / 150])

    def test_the_first_box_counts(self) -> None:
        text = reply([OTHER, PLANE])
        assert box_iou_reward([text], boxes_px=[[PLANE]], size_px=[SIZE]) == [0.0]
        assert box_iou_reward([text], boxes_px=[[OTHER]], size_px=[SIZE]) == [1.0]

    def test_no_target(self) -> None:
        texts = [NONE, reply([PLANE]), "what?", "", "<answer></answer>"]
        assert box_iou_reward(texts, boxes_px=[[]] * 5, size_px=[SIZE] * 5) == [1.0, 0.0, 0.0, 0.0, 1.0]

    def test_missed_target(self) -> None:
        assert box_iou_reward([NONE], boxes_px=[[PLANE]], size_px=[SIZE]) == [0.0]

    def test_solution_as_text(self) -> None:
        texts = [reply([PLANE]), reply([PLANE])]
        assert box_iou_reward(texts, solution=[reply([PLANE]), NONE]) == [1.0, 0.0]


class TestDetection:
    def test_all_found(self) -> None:
        assert detect(reply([OTHER, PLANE]), [PLANE, OTHER]) == 1.0

    def test_empty_against_empty(self) -> None:
        assert detect(NONE, []) == 1.0
        assert detect(reply([PLANE]), []) == 0.0
        assert detect(NONE, [PLANE]) == 0.0
        assert detect("a text without any sense", []) == 0.0
        assert detect(reply([[390, 10, 500, 20]]), [[390, 10, 400, 20]]) == 1.0, "clipped to the image"

    def test_a_wrong_box_after_right_ones_costs_the_root(self) -> None:
        assert detect(reply([PLANE, OTHER]), [PLANE]) == pytest.approx(math.sqrt(1 / 2))

    def test_half_found(self) -> None:
        # precision 1 up to recall 0.5: 51 of 101 recalls
        assert detect(reply([PLANE]), [PLANE, OTHER]) == pytest.approx(51 / 101)

    def test_a_label_outside_the_truth_counts_against(self) -> None:
        alone, foreign = detect(reply([PLANE]), [PLANE]), detect(reply([PLANE, OTHER], ["airplane", "cat"]), [PLANE])
        first = detect(reply([OTHER, PLANE], ["cat", "airplane"]), [PLANE])
        assert alone == 1.0
        assert foreign == pytest.approx(math.sqrt(1 / 2))
        assert first == pytest.approx(math.sqrt(1 / 2) / 2)
        assert detect(reply([PLANE], "cat"), [PLANE]) == 0.0

    def test_copies_of_a_box_are_wrong_boxes(self) -> None:
        assert detect(reply([PLANE] * 4), [PLANE]) == pytest.approx(math.sqrt(1 / 4))
        near = [[10, 10, 60, 50 + n] for n in range(4)]
        assert detect(reply(near), [PLANE]) == pytest.approx(math.sqrt(1 / 4))

    def test_what_is_no_box_on_the_image_counts(self) -> None:
        outside = reply([PLANE, [900, 900, 950, 950], [20, 20, 20, 20]])
        assert detect(outside, [PLANE]) == pytest.approx(math.sqrt(1 / 3))
        assert detect(reply([[900, 900, 950, 950]]), []) == 0.0

    def test_many_boxes_do_not_pay(self) -> None:
        """The known way to a high AP: list everything. It must be worth less than one good box."""
        grid = [[x, y, x + 50, y + 40] for x in range(0, 350, 10) for y in range(0, 350, 25)]
        assert detect(reply([*grid, PLANE]), [PLANE, OTHER]) < detect(reply([PLANE]), [PLANE, OTHER])

    def test_labels_are_compared_loosely(self) -> None:
        assert detect(reply([PLANE], " Storage  Tank"), [PLANE], ["storage tank"]) == 1.0

    def test_a_box_without_label_has_the_only_one(self) -> None:
        text = '<answer>[{"bbox_2d": [10, 10, 60, 50]}]</answer>'
        assert detect(text, [PLANE]) == 1.0
        assert detect(text, [PLANE, OTHER], ["airplane", "ship"]) == 0.0

    def test_a_truth_without_labels(self) -> None:
        assert detection_reward([reply([PLANE])], boxes_px=[[PLANE]], size_px=[SIZE]) == [1.0]

    def test_two_labels_are_averaged(self) -> None:
        truth, labels = [PLANE, OTHER, THIRD], ["airplane", "ship", "ship"]
        assert detect(reply(truth, labels), truth, labels) == 1.0
        assert detect(reply([PLANE]), truth, labels) == 0.5
        assert detect(reply(truth, ["ship", "airplane", "ship"]), truth, labels) == pytest.approx(
            (0 + 51 / 101 / 2) / 2
        )

    def test_the_order_is_the_ranking(self) -> None:
        truth = [PLANE, OTHER]
        assert detect(reply([PLANE, OTHER, THIRD]), truth) > detect(reply([THIRD, PLANE, OTHER]), truth)


@pytest.mark.parametrize("seed", range(30))
def test_average_precision_is_that_of_coco(seed: int) -> None:
    """One label or two, boxes near and far from the truth; all labels known, so that both definitions agree."""
    rng = np.random.default_rng(seed)
    names = ["airplane", "ship"][: 1 + seed % 2]
    truth = random_boxes(rng, int(rng.integers(1, 9)))
    near = np.clip(truth + rng.integers(-8, 9, truth.shape), 0, 4000)
    near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 2)
    found = np.unique(rng.permutation(np.concatenate([near, random_boxes(rng, 4)])), axis=0)
    found = rng.permutation(found)
    true_labels = [names[n % len(names)] for n in range(len(truth))]
    labels = [str(rng.choice(sorted(set(true_labels)))) for _ in found]
    expected, _ = coco_stats(
        [list(zip(truth.tolist(), true_labels, strict=True))],
        [[(b, w, 1 - n / 1000) for n, (b, w) in enumerate(zip(found.tolist(), labels, strict=True))]],
    )
    columns = {"boxes_px": [truth.tolist()], "labels": [true_labels], "size_px": [(4096, 4096)]}
    factor = len(truth) / max(len(found), len(truth))
    assert detection_reward([reply(found.tolist(), labels)], **columns) == pytest.approx([expected * math.sqrt(factor)])
    assert od_length_reward([reply(found.tolist(), labels)], **columns) == pytest.approx([expected * factor])


def test_more_than_a_hundred_boxes_all_count() -> None:
    """COCO looks at the first 100 boxes of an image; a large scene holds more."""
    truth = [[10 * n, 10 * m, 10 * n + 8, 10 * m + 8] for n in range(12) for m in range(12)]
    assert detect(reply(truth), truth) == 1.0
    pairs = [(box, "airplane") for box in truth]
    assert coco_stats([pairs], [[(*pair, 1.0) for pair in pairs]])[0] < 0.75


class TestMask:
    def test_boxes_of_the_answer_against_polygons(self) -> None:
        triangle = [[0, 0], [100, 0], [0, 100]]
        reward = mask_giou_reward([reply([[0, 0, 100, 100]])], boxes_px=[[]], polygons_px=[[triangle]], size_px=[SIZE])
        assert reward == pytest.approx([0.5])

    @pytest.mark.parametrize(
        "shape",
        [
            "POLYGON ((0 0, 50 0, 50 50, 0 50, 0 0))",
            {"type": "Polygon", "coordinates": [[[0, 0], [50, 0], [50, 50], [0, 50], [0, 0]]]},
            [[0, 0], [50, 0], [50, 50], [0, 50]],
        ],
    )
    def test_forms_of_a_polygon(self, shape: Any) -> None:
        text = reply([[0, 0, 50, 50]])
        assert mask_giou_reward([text], boxes_px=[[]], polygons_px=[[shape]], size_px=[SIZE]) == [1.0]

    def test_overlapping_boxes_count_once(self) -> None:
        text = reply([[0, 0, 60, 100], [40, 0, 100, 100]])
        assert mask_giou_reward([text], boxes_px=[[[0, 0, 100, 100]]], size_px=[SIZE]) == pytest.approx([1.0])

    def test_clipped_to_the_image(self) -> None:
        text = reply([[300, 300, 900, 900]])
        assert mask_giou_reward([text], boxes_px=[[[300, 300, 500, 500]]], size_px=[SIZE]) == pytest.approx([1.0])

    def test_no_target(self) -> None:
        texts = [NONE, reply([PLANE]), "?"]
        assert mask_giou_reward(texts, boxes_px=[[]] * 3, size_px=[SIZE] * 3) == [1.0, 0.0, 0.0]
        assert mask_giou_reward([NONE], boxes_px=[[PLANE]], size_px=[SIZE]) == [0.0]

    def test_no_polygon(self) -> None:
        with pytest.raises(InputError, match="completion 0 hold no valid polygon"):
            mask_giou_reward([NONE], boxes_px=[[]], polygons_px=[["POINT"]], size_px=[SIZE])


def test_mixed_tasks() -> None:
    texts = [reply([PLANE, OTHER])] * 3
    columns: dict[str, Any] = {"boxes_px": [[PLANE]] * 3, "labels": [["airplane"]] * 3, "size_px": [SIZE] * 3}
    got = grounding_reward(texts, task=["detect", "refer", "segment"], trainer_state=object(), **columns)
    assert got == pytest.approx([math.sqrt(1 / 2), 1.0, 2000 / 5000])
    with pytest.raises(InputError, match="sing"):
        grounding_reward(texts, task=["detect", "sing", "refer"], **columns)
    with pytest.raises(SettingsError, match="column task"):
        grounding_reward(texts, **columns)


def test_wrong_columns_are_named() -> None:
    with pytest.raises(SettingsError, match="boxes_px or solution"):
        detection_reward([NONE])
    with pytest.raises(SettingsError, match="labels has 1 entries for 2"):
        detection_reward([NONE, NONE], boxes_px=[[], []], labels=[[]])
    with pytest.raises(InputError, match="2 labels"):
        detection_reward([NONE], boxes_px=[[PLANE]], labels=[["a", "b"]])
    for bad in ([[1, 2, 3]], [[5, 5, 5, 9]], [[0, 0, math.nan, 1]], "x"):
        with pytest.raises(InputError, match="completion 0"):
            detection_reward([NONE], boxes_px=[bad])
    for size in (None, (0, 5), "ab", (math.inf, 3)):
        with pytest.raises(InputError, match="size_px"):
            detection_reward([NONE], boxes_px=[[]], size_px=[size])
    with pytest.raises(InputError, match="solution of completion 0"):
        detection_reward([NONE], solution=["<answer>[[1, 2, 3]]</answer>"])


def test_resolve() -> None:
    for name, function in REWARDS.items():
        assert resolve(name) is function
    assert resolve("geogrounding.training.rewards.format_reward") is format_reward
    assert resolve("geogrounding.training.rewards:format_reward") is format_reward
    for name in ("", "format_reward", "no.such.module", "math.nothing", "math.pi", "..a"):
        with pytest.raises(SettingsError):
            resolve(name)


def test_rewards_travel_to_other_processes() -> None:
    for function in REWARDS.values():
        assert pickle.loads(pickle.dumps(function)) is function
        assert getattr(rewards, function.__name__) is function, "TRL names curves by it"


def test_the_published_odlength_where_it_differs() -> None:
    """VLM-R1's definition, in words of its own, beside ours; docs/rewards.md lists the differences."""

    def published(found: list[list[int]], labels: list[str], truth: list[list[int]]) -> float:
        ap, _ = coco_stats([[(b, "airplane") for b in truth]], [[(b, w, 1.0) for b, w in zip(found, labels)]])  # noqa: B905
        return ap * min(1.0, len(truth) / len(found))

    def ours(found: list[list[int]], labels: list[str], truth: list[list[int]]) -> float:
        return od_length_reward([reply(found, labels)], boxes_px=[truth], labels=[["airplane"] * len(truth)])[0]

    same = ([PLANE, THIRD], ["airplane"] * 2, [PLANE, OTHER])
    assert ours(*same) == pytest.approx(published(*same))
    foreign_first = ([THIRD, PLANE], ["cat", "airplane"], [PLANE, OTHER])
    assert published(*foreign_first) == pytest.approx(51 / 101), "a label outside the truth costs nothing there"
    assert ours(*foreign_first) == pytest.approx(51 / 101 / 2)
    assert detection_reward(["gibberish"], boxes_px=[[]]) == [0.0]
