"""The built-in model's language: text and tokens say the same."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geogrounding.models.builtin import tokenizer as words

SIDE_PX = 336
NUMBER = st.integers(0, SIDE_PX)
NAMES = ("airplane", "storage tank", "windmill")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return words.build_tokenizer(["detect", "refer", "the", "airplane", "airplanes", "storage", "tank", "on"], SIDE_PX)


@settings(max_examples=60, deadline=None)
@given(boxes=st.lists(st.tuples(NUMBER, NUMBER, NUMBER, NUMBER), min_size=1, max_size=8), name=st.sampled_from(NAMES))
def test_an_answer_is_strict_json_and_decodes_to_itself(
    tokenizer: Any, boxes: list[tuple[int, int, int, int]], name: str
) -> None:
    text = words.answer_text(f"leftmost {name}", name, boxes, side_px=SIDE_PX)
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert tokenizer.unk_token_id not in ids
    assert tokenizer.decode(ids) == text
    found = re.search(r"<answer>```json\n(.*)\n```</answer>", text, re.DOTALL)
    assert found is not None
    assert json.loads(found.group(1)) == [{"bbox_2d": list(box), "label": name} for box in boxes]


def test_a_known_thing_costs_four_tokens_a_box_and_its_name(tokenizer: Any) -> None:
    one = tokenizer(words.answer_text("airplane", "airplane", [(1, 2, 3, 4)], side_px=SIDE_PX))["input_ids"]
    two = tokenizer(words.answer_text("airplane", "airplane", [(1, 2, 3, 4)] * 2, side_px=SIDE_PX))["input_ids"]
    assert len(two) - len(one) == 6  # four numbers, the name, what stands between two boxes


def test_nothing_found_is_said_in_a_few_tokens(tokenizer: Any) -> None:
    text = words.answer_text("airplane", "airplane", [], side_px=SIDE_PX)
    assert text == "<think>I look for airplane. I see none.</think><answer>None</answer>"
    assert len(tokenizer(text)["input_ids"]) == 4


def test_strange_words_are_spelled_and_strange_letters_unknown(tokenizer: Any) -> None:
    ids = tokenizer("detect: The Airplanes, on the Ávi!")["input_ids"]
    bodies = [t.replace("\u2581", "") for t in tokenizer.convert_ids_to_tokens(ids)]
    assert bodies == ["detect", ":", "the", "airplanes", "on", "the", "a", "##v", "##i"]
    assert tokenizer.decode(ids).split() == ["detect", ":", "the", "airplanes", "on", "the", "avi"]
    assert tokenizer("東京")["input_ids"] == [tokenizer.unk_token_id]


def test_every_place_has_its_name() -> None:
    third = SIDE_PX / 3
    names = {
        words.place_of((c * third, r * third, (c + 1) * third, (r + 1) * third), SIDE_PX)
        for r in range(3)
        for c in range(3)
    }
    assert names == set(words.PLACES)
    assert words.place_of((300, 300, 336, 336), SIDE_PX) == "lower right"


def test_number_families_follow_each_other(tokenizer: Any) -> None:
    first = tokenizer.convert_tokens_to_ids(words.number_token(0, 0))
    for family in range(3):
        for number in (0, 1, 335, 336):
            token = tokenizer.convert_tokens_to_ids(words.number_token(family, number))
            assert token == first + family * (SIDE_PX + 1) + number
