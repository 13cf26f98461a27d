"""How a sample becomes prompt, right answer and reward columns, in the numbers that the model answers in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from geogrounding.datasets import Sample
from geogrounding.errors import SettingsError
from geogrounding.models.parsing.answer import parse_answer
from geogrounding.models.prompts import build_prompt
from geogrounding.training.chat_format import Format, make_format, plain_reasoning
from geogrounding.training.config import GRPOSettings, make_settings
from geogrounding.training.probe import reward_functions
from geogrounding.types import PromptStyle, Question


def sample(*boxes: tuple[float, ...], task: Any = "detect", **more: Any) -> Sample:
    given = {"labels": ("ship",) * len(boxes), "expression": "the ships", **more}
    boxes_px = np.array(boxes, dtype=np.float64).reshape(-1, 4)
    return Sample(
        id="1", image=Path("a.png"), size_px=(200, 100), boxes_px=boxes_px, task=task, origin="a.json:1", **given
    )


BOXES = ((10.0, 20.0, 60.0, 50.0), (100.0, 5.0, 180.0, 95.0))


@pytest.mark.parametrize("reasoning", [True, False])
@pytest.mark.parametrize(("style", "coordinates"), [("geo-r1", "resized-pixels"), ("qwen3", "per-mille")])
@pytest.mark.parametrize("boxes", [(), BOXES[:1], BOXES])
def test_the_right_answer_is_read_back_as_the_truth(
    style: PromptStyle, coordinates: Any, reasoning: bool, boxes: tuple[Any, ...]
) -> None:
    form = make_format(style=style, coordinates=None, reasoning=reasoning)
    one = sample(*boxes)
    frame = form.frame(one, (280, 140))
    text = form.completion(one, frame)
    answer = parse_answer(
        text,
        image_size_px=one.size_px,
        model_size_px=(280, 140),
        coordinates=form.coordinates,
        task="detect",
        default_label="x",
    )
    assert form.coordinates == coordinates
    assert not answer.dropped
    assert [detection.label for detection in answer.detections] == ["ship"] * len(boxes)
    found = np.array([detection.box_chip_px for detection in answer.detections]).reshape(-1, 4)
    assert np.allclose(found, one.boxes_px, atol=0.6)
    assert bool(answer.reasoning) is reasoning


@pytest.mark.parametrize("style", ["geo-r1", "qwen3"])
def test_the_right_answer_earns_every_reward(style: PromptStyle) -> None:
    form = make_format(style=style, coordinates=None, reasoning=True)
    settings = make_settings(GRPOSettings, {"data": "x"}).completed(builtin=False)
    for one in (sample(*BOXES), sample(), sample(BOXES[0], task="refer")):
        frame = form.frame(one, (2000, 1000))
        columns = {name: [value] for name, value in form.reward_columns(one, frame).items()}
        functions = reward_functions(settings, columns["task"], tagged=form.tagged)
        assert len(functions) == (2 if style == "geo-r1" else 1)
        for function in functions:
            (value,) = function([[{"role": "assistant", "content": form.completion(one, frame)}]], **columns)
            assert value > 0.9, function


def test_prompts_are_those_of_answering() -> None:
    form = make_format(style="geo-r1", coordinates=None, reasoning=True)
    assert form.prompt(sample(task="refer")) == build_prompt(Question(expression="the ships", task="refer"), "geo-r1")
    asked = build_prompt(Question(expression="the ships", task="segment"), "geo-r1")
    assert form.prompt(sample(task="segment")) == asked
    assert "keypoint1" in asked
    direct = make_format(style="geo-r1", coordinates=None, reasoning=False)
    assert direct.style == "geo-r1-direct"
    assert direct.prompt(sample()) == build_prompt(Question(expression="the ships"), "geo-r1-direct")
    assert not direct.tagged


def test_reward_columns_are_in_the_frame_of_the_answers() -> None:
    form = Format(style="qwen3", coordinates="per-mille")
    one = sample(BOXES[0], task="segment", polygons_px=(shapely.box(10, 20, 60, 50),))
    columns = form.reward_columns(one, form.frame(one, None))
    assert columns["boxes_px"] == [[50, 200, 300, 500]]
    assert columns["size_px"] == [1000, 1000]
    assert shapely.from_wkt(columns["polygons_px"][0]).bounds == (50, 200, 300, 500)
    assert columns["task"] == "segment"


def test_a_model_that_answers_in_unknown_pixels_is_refused() -> None:
    with pytest.raises(SettingsError, match="size only its own processor knows"):
        Format(style="geo-r1", coordinates="resized-pixels").frame(sample(), None)


class FakeProcessor:
    class image_processor:
        image_size = 50

    def completion(self, label: str, boxes: Any, *, task: str, size_px: Any, sought: str) -> str:
        return f"{label}|{sought}|{task}|{[[round(v, 3) for v in box] for box in boxes]}"


def test_the_built_in_model_words_its_own_answers_in_pixels_of_its_square() -> None:
    form = Format(style="embedded", coordinates="resized-pixels", processor=FakeProcessor())
    one = sample(BOXES[0])
    frame = form.frame(one, (50, 25))
    assert frame.scale == (0.25, 0.25)
    assert form.completion(one, frame) == "ship|ship|detect|[[2.5, 5.0, 15.0, 12.5]]"
    with pytest.raises(SettingsError, match="cannot answer without reasoning"):
        Format(style="embedded", coordinates="resized-pixels", processor=FakeProcessor(), reasoning=False)


def test_given_reasoning_is_used_and_plain_reasoning_is_true() -> None:
    form = make_format(style="geo-r1", coordinates=None, reasoning=True)
    one = sample(BOXES[0], reasoning="Because of its wake.")
    assert "<think>Because of its wake.</think>" in form.completion(one, form.frame(one, (200, 100)))
    nothing = plain_reasoning("ships", np.empty((0, 4)), (90, 90))
    assert nothing == "I look for what fits: ships. The image shows no such target."
    boxes = np.array([[60, 0, 90, 30], [0, 60, 30, 90], [30, 30, 60, 60]], dtype=float)
    places = [plain_reasoning("x", boxes[index : index + 1], (90, 90)) for index in range(3)]
    assert [place.partition("There is one, in the ")[2] for place in places] == [
        "upper right.",
        "lower left.",
        "centre.",
    ]
    assert "There are three, the first in the upper right." in plain_reasoning("x", boxes, (90, 90))


def test_labels_count_by_default() -> None:
    columns = {"boxes_px": [[[0, 0, 9, 9]]], "labels": [["pool"]], "size_px": [[20, 20]], "task": ["detect"]}
    text = '<think>a</think><answer>```json\n[{"bbox_2d": [0, 0, 9, 9], "label": "swimming \\"pool\\""}]\n```</answer>'
    for compare, expected in ((True, 0.0), (False, 1.0)):
        settings = make_settings(GRPOSettings, {"data": "x", "compare_labels": compare})
        _, worth = reward_functions(settings, ["detect"], tagged=True)
        assert list(worth([text], **columns)) == [expected]
    assert list(
        worth([text], **{**columns, "boxes_px": [[[0, 0, 9, 9], [1, 1, 5, 5]]], "labels": [["pool", "car"]]})
    ) == [0.0]


def test_mixed_tasks_and_unknown_rewards() -> None:
    settings = make_settings(GRPOSettings, {"data": "x", "compare_labels": True})
    names = [function.__name__ for function in reward_functions(settings, ["refer", "detect"], tagged=True)]
    assert names == ["format_reward", "grounding_reward"]
    wrong = make_settings(GRPOSettings, {"data": "x", "rewards": ["no.such"]})
    with pytest.raises(SettingsError, match=r"no\.such"):
        reward_functions(wrong, ["refer"], tagged=True)
