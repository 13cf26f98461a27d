"""The embedded model's language: text and tokens say the same."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

from geogrounding.grounding.models.builtin import vocabulary as words

CLASSES = ("airplane", "storage tank")
SIDE_PX = 336


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return words.build_tokenizer(
        ["detect", "refer", "the", "airplane", "airplanes", "storage", "tank", "on"], CLASSES, SIDE_PX
    )


def answer(boxes: list[tuple[int, int, int, int]], name: str) -> list[str]:
    tokens = [
        words.LOOK,
        words.class_token(name),
        words.count_token(len(boxes)),
        words.place_token("centre", target=False),
    ]
    for n, (x0, y0, x1, y1) in enumerate(boxes):
        tokens += [words.number_token(0, x0), words.number_token(1, y0), words.number_token(1, x1)]
        tokens += [words.number_token(2, y1), words.label_token(name, last=n == len(boxes) - 1)]
    return tokens


def test_an_answer_is_strict_json_and_encodes_to_its_own_tokens(tokenizer: Any) -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        boxes = [tuple(int(v) for v in rng.integers(0, SIDE_PX + 1, 4)) for _ in range(rng.integers(1, 9))]
        name = str(rng.choice(CLASSES))
        ids = tokenizer.convert_tokens_to_ids(answer(boxes, name))  # type: ignore[arg-type]
        text = tokenizer.decode(ids)
        assert tokenizer(text)["input_ids"] == ids
        found = re.search(r"<answer>```json\n(.*)\n```</answer>", text, re.DOTALL)
        assert found is not None
        assert json.loads(found.group(1)) == [{"bbox_2d": list(box), "label": name} for box in boxes]


def test_nothing_found_is_two_chunks(tokenizer: Any) -> None:
    ids = tokenizer.convert_tokens_to_ids([words.LOOK, words.class_token("airplane"), words.NONE])
    assert tokenizer.decode(ids) == "<think>I look for airplane. I see none.</think><answer>None</answer>"
    assert tokenizer(tokenizer.decode(ids))["input_ids"] == ids


def test_prompts_are_words_and_strange_words_are_unknown(tokenizer: Any) -> None:
    ids = tokenizer("detect: The Airplanes, on the zzyzx!")["input_ids"]
    bodies = [t.replace("\u2581", "") for t in tokenizer.convert_ids_to_tokens(ids)]
    assert bodies == ["detect", ":", "the", "airplanes", "on", "the", words.UNKNOWN]


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
