from __future__ import annotations

import math

import pytest

from geogrounding.models.parsing.answer import parse_answer
from geogrounding.models.parsing.token_scores import score_spans, token_offsets

LOG_HALF = math.log(0.5)
LOG_TENTH = math.log(0.1)


def test_geometric_mean_over_the_number_tokens_only() -> None:
    tokens = ["[", "1", "2", ",", " ", "3", "4", "]"]
    logprobs = [-9.0, LOG_HALF, LOG_TENTH, -9.0, -9.0, LOG_HALF, LOG_HALF, -9.0]
    (score,) = score_spans(tokens, logprobs, [[(1, 3), (5, 7)]])
    assert score == pytest.approx((0.5 * 0.1 * 0.5 * 0.5) ** 0.25)


def test_a_token_over_several_numbers_counts_once() -> None:
    (score,) = score_spans(["[12, 34", ", 5]"], [LOG_HALF, LOG_TENTH], [[(1, 3), (5, 7), (9, 10)]])
    assert score == pytest.approx((0.5 * 0.1) ** 0.5)


def test_boxes_are_scored_apart_and_in_order() -> None:
    tokens = ["1", ",", "2", ";", "3"]
    assert score_spans(tokens, [LOG_HALF, 0.0, LOG_TENTH, 0.0, 0.0], [[(4, 5)], [(0, 1)], [(2, 3)]]) == pytest.approx(
        [1.0, 0.5, 0.1]
    )


def test_offsets_may_stand_in_place_of_texts() -> None:
    offsets = [(0, 1), (1, 3), (3, 3), (3, 4)]
    assert score_spans(offsets, [0.0, LOG_HALF, -50.0, 0.0], [[(1, 3)]]) == pytest.approx([0.5])


def test_bytes_that_split_a_character() -> None:
    text = "\u00e9 12 \u98de 7"
    raw = text.encode()
    tokens = [raw[:1], raw[1:4], raw[4:7], raw[7:8], raw[8:]]
    assert b"".join(tokens) == raw
    assert "".join(text[a:b] for a, b in token_offsets(tokens, text)) == text
    # "12" is b"1" in the second and b"2" in the third token
    (score,) = score_spans(tokens, [-9.0, LOG_HALF, LOG_TENTH, -9.0, -9.0], [[(2, 4)]], text=text)
    assert score == pytest.approx((0.5 * 0.1) ** 0.5)


def test_reply_that_is_a_part_of_the_tokens() -> None:
    tokens = ["<think>", "well 5", "</think>", "\n", "[", "5", "]", "<|im_end|>"]
    logprobs = [0.0, -9.0, 0.0, 0.0, 0.0, LOG_HALF, 0.0, 0.0]
    assert score_spans(tokens, logprobs, [[(1, 2)]], text="[5]") == pytest.approx([0.5])


def test_tokens_that_do_not_spell_the_reply_are_looked_up() -> None:
    tokens = ["<s>", "\u2581box", " 12", "<pad>", " 34 ", "</s>"]
    logprobs = [-9.0, -9.0, LOG_HALF, -9.0, LOG_TENTH, -9.0]
    text = "box  12\n34"
    scores = score_spans(tokens, logprobs, [[(5, 7)], [(8, 10)]], text=text)
    assert scores == pytest.approx([0.5, 0.1])


@pytest.mark.parametrize(
    ("tokens", "logprobs", "spans"),
    [
        (["12"], [0.0, 0.0], [[(0, 2)]]),  # lengths differ
        (["12"], [math.nan], [[(0, 2)]]),
        (["12"], [None], [[(0, 2)]]),
        (["12"], [True], [[(0, 2)]]),
        (["12"], [0.0], [[(0, 2), (5, 6)]]),  # a number beyond the tokens
        (["12"], [0.0], [[]]),
        ([], [], [[(0, 2)]]),
    ],
)
def test_unknown_scores_are_none(
    tokens: list[str], logprobs: list[float | None], spans: list[list[tuple[int, int]]]
) -> None:
    assert score_spans(tokens, logprobs, spans) == [None]


def test_scores_stay_in_range() -> None:
    assert score_spans(["1"], [1e-7], [[(0, 1)]]) == [1.0]
    assert score_spans(["1"], [-math.inf], [[(0, 1)]]) == [0.0]
    assert score_spans(["1"], [-9999.0], [[(0, 1)]]) == [0.0]


def test_parser_takes_scores_from_tokens_and_not_from_the_text() -> None:
    text = '<answer>[{"bbox_2d": [10, 20, 30, 40], "label": "a", "score": 0.99}, {"bbox_2d": [1, 2, 3, 4]}]</answer>'
    tokens = list(text)
    logprobs = [LOG_HALF if index < text.index("}") else LOG_TENTH for index in range(len(text))]
    answer = parse_answer(
        text,
        image_size_px=(100, 100),
        coordinates="resized-pixels",
        task="detect",
        default_label="x",
        tokens=tokens,
        logprobs=logprobs,
    )
    assert [d.score for d in answer.detections] == pytest.approx([0.5, 0.1])


def test_scores_follow_their_boxes_past_dropped_ones() -> None:
    text = "[[1,1,1,1],[10,20,30,40],[500,500,600,600],[50,60,70,80]]"
    logprobs = [LOG_HALF if index < 25 else LOG_TENTH for index in range(len(text))]
    answer = parse_answer(
        text,
        image_size_px=(100, 100),
        coordinates="resized-pixels",
        task="detect",
        default_label="x",
        tokens=list(text),
        logprobs=logprobs,
    )
    assert [d.box_chip_px[0] for d in answer.detections] == [10, 50]
    assert [d.score for d in answer.detections] == pytest.approx([0.5, 0.1])
