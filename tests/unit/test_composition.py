"""Which questions are split, into what, and what is said about the answer."""

from __future__ import annotations

import pytest

from geogrounding.query.planner import Composed, compose, reasoning
from geogrounding.types import Question


def asked(*expressions: str, whole_scene: bool = True) -> list[str]:
    return [q.expression for q in compose(expressions, "detect", whole_scene=whole_scene).questions]


@pytest.mark.parametrize(
    ("expression", "questions"),
    [
        ("the leftmost airplane", ["airplane"]),
        ("second ship from the left", ["ship"]),
        ("the two largest storage tanks in the image", ["storage tank"]),
        ("all boats in the upper left", ["boat"]),
        ("the storage tanks next to the pier", ["storage tank", "harbor"]),
        ("the ship nearest to the bridge", ["ship", "bridge"]),
        ("the largest red car", ["red car"]),
        ("a storage tank next to another storage tank", ["storage tank"]),
        ("largest house in the upper left", ["house"]),
        ("the second largest ship in the left half of this scene", ["ship"]),
    ],
)
def test_what_chooses_by_rank_place_or_neighbour_is_split(expression: str, questions: list[str]) -> None:
    assert asked(expression) == questions
    assert asked(expression, whole_scene=False) == [expression]


@pytest.mark.parametrize(
    "expression",
    [
        "airplane",
        "the three ships",
        "red cars",
        "the leftmost thingamajig",
        "the red car next to a car",  # two questions would find the same car
        "the car next to a vehicle",
        "find the buildings whose roof is flat",
        "x" * 500,
        "largest " * 60 + "ship",
    ],
)
def test_everything_else_goes_to_the_model_unchanged(expression: str) -> None:
    composition = compose((expression,), "refer", whole_scene=True)
    assert composition.questions == (Question(expression=expression, task="refer"),)
    assert composition.parts == (0,)
    assert not composition.composed


def test_each_question_is_asked_once() -> None:
    expressions = ("ship", "the leftmost ship", "ships next to a pier", "the largest harbor", "anything")
    composition = compose(expressions, "detect", whole_scene=True)
    assert [q.expression for q in composition.questions] == ["ship", "harbor", "anything"]
    assert [p if isinstance(p, int) else (p.target, p.neighbour) for p in composition.parts] == [
        0, (0, None), (0, 1), (1, None), 2,
    ]  # fmt: skip
    # With "refer" the user's own "ship" is one ship, and the rank needs all of them.
    assert [q.task for q in compose(expressions[:2], "refer", whole_scene=True).questions] == ["refer", "detect"]


@pytest.mark.parametrize(
    ("expression", "counts", "text"),
    [
        ("leftmost ship", (5, 0, 5), "There are five ships in the scene; this one is the leftmost."),
        ("leftmost ship", (1, 0, 1), "There is one ship in the scene; it is the leftmost."),
        ("3rd ship from the top", (20, 0, 20), "There are 20 ships in the scene; this one is the third from the top."),
        ("two largest ships", (3, 0, 3), "There are three ships in the scene; this one is among the two largest."),
        ("red cars at the top", (2, 0, 2), "There are two red cars in the scene; this one is in the upper half."),
        (
            "tanks next to the pier",
            (5, 2, 3),
            "There are five storage tanks and two harbors in the scene; this one is next to a harbor.",
        ),
        (
            "tanks left of the pier",
            (5, 1, 3),
            "There are five storage tanks and one harbor in the scene; this one is left of the harbor.",
        ),
        (
            "largest tank near the pier",
            (5, 1, 3),
            "There are five storage tanks and one harbor in the scene; "
            "this one is the largest of the three near the harbor.",
        ),
        (
            "largest tank near the pier",
            (5, 1, 1),
            "There are five storage tanks and one harbor in the scene; this one is the only one near the harbor.",
        ),
        (
            "the tank farthest from the pier",
            (5, 2, 1),
            "There are five storage tanks and two harbors in the scene; this one is the farthest from any harbor.",
        ),
        (
            "tanks next to a tank",
            (5, 5, 2),
            "There are five storage tanks in the scene; this one is next to another storage tank.",
        ),
        (
            "second largest house in the upper left",
            (5, 0, 2),
            "There are five houses in the scene; this one is the second largest of the two in the upper left quarter.",
        ),
    ],
)  # fmt: skip
def test_the_reasoning_tells_counts_and_the_choice(expression: str, counts: tuple[int, int, int], text: str) -> None:
    part = compose((expression,), "detect", whole_scene=True).parts[0]
    assert isinstance(part, Composed)
    targets, neighbours, pool = counts
    assert reasoning(part, targets=targets, neighbours=neighbours, pool=pool) == text


def test_the_reasoning_does_not_say_more_than_was_seen() -> None:
    part = compose(("the leftmost ship",), "refer", whole_scene=True).parts[0]
    assert isinstance(part, Composed)
    told = reasoning(part, targets=2, neighbours=0, pool=2, where="what was seen of the scene", sure=False)
    assert told == "There may be two ships in what was seen of the scene; this one is the leftmost."


def test_what_was_taught_is_understood_too() -> None:
    said = ("the largest scrub oak", "scrub oaks", "ship next to a scrub oak")
    assert asked(*said) == list(said)
    composition = compose(said, "detect", whole_scene=True, taught=("scrub oak", "ship"))
    assert [question.expression for question in composition.questions] == ["scrub oak", "scrub oaks", "ship"]
    part = composition.parts[0]
    assert isinstance(part, Composed)
    told = reasoning(part, targets=3, neighbours=0, pool=3)
    assert told == "There are three scrub oaks in the scene; this one is the largest."
