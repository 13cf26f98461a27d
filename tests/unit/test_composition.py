"""Which queries are split, into what, and what is said about the answer."""

from __future__ import annotations

import numpy as np
import pytest

from geogrounding.query.describe import reason_text
from geogrounding.query.evaluate import Note, Selection
from geogrounding.query.plan import Rank
from geogrounding.query.planner import Composed, Known, compose
from geogrounding.query.read import read_query
from geogrounding.query.things import Things
from geogrounding.types import Question


def asked(*expressions: str, whole_scene: bool | None = True) -> list[str]:
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
        ("the largest red car", ["car"]),
        ("a storage tank next to another storage tank", ["storage tank"]),
        ("largest house in the upper left", ["house"]),
        ("the second largest ship in the left half of this scene", ["ship"]),
        ("the red car next to a car", ["car"]),
        ("airplanes longer than 40 m", ["airplane"]),
        ("the largest building within 50 m of a tree", ["building", "tree"]),
        ("tree, car", ["tree", "car"]),
        ("ships and tanks", ["ship", "storage tank"]),
        ("how many airplanes", ["airplane"]),
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
    assert [p if isinstance(p, int) else tuple(p.questions.values()) for p in composition.parts] == [
        0, (0,), (0, 1), (1,), 2,
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
        ("red cars at the top", (2, 0, 2), "There are two cars in the scene; this one is red and in the upper half."),
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
def test_the_reason_names_counts_and_the_choice(expression: str, counts: tuple[int, int, int], text: str) -> None:
    assert reason(expression, counts) == text


def reason(expression: str, counts: tuple[int, int, int], *, where: str = "the scene", sure: bool = True) -> str:
    """The reason of a selection whose steps left these numbers."""
    total, others, pool = counts
    target = read_query(expression).targets[0]
    none = Things(shapes=np.empty(0, object), image=np.empty((0, 4)), ids=np.empty(0, np.int64))
    notes = [Note(step=None, count=total)]
    for step in target.steps:
        other = getattr(step, "other", None) or getattr(step, "to", None)
        named = () if other is None else ((other.target.noun, others),)
        rank = isinstance(step, Rank)
        notes.append(Note(step=step, count=1 if rank else total if step.kind == "attribute" else pool, others=named))
    return reason_text(
        Selection(target=target, things=none, chosen=np.empty(0, np.int64), notes=notes),
        where=where,
        unit="m",
        sure=sure,
    )


def test_the_reason_does_not_say_more_than_was_seen() -> None:
    text = reason("the leftmost ship", (2, 0, 2), where="what was seen of the scene", sure=False)
    assert text == "There may be two ships in what was seen of the scene; this one is the leftmost."


def test_what_was_taught_is_understood_too() -> None:
    said = ("the largest scrub oak", "scrub oaks", "ship next to a scrub oak")
    assert asked(*said) == [*said[:2], "ship", "scrub oak"]
    composition = compose(said, "detect", whole_scene=True, known=Known(taught=("scrub oak", "ship")))
    assert [question.expression for question in composition.questions] == ["scrub oak", "scrub oaks", "ship"]
    assert isinstance(composition.parts[0], Composed)


def test_a_model_without_whole_scene_questions_is_still_spared_what_no_chip_shows() -> None:
    assert asked("the leftmost ship", whole_scene=None) == ["the leftmost ship"]
    assert asked("ships longer than 40 m", whole_scene=None) == ["ship"]
    assert asked("ships within 50 m of a harbor", whole_scene=None) == ["ship", "harbor"]


def test_words_that_the_model_does_not_know_are_named_and_not_asked() -> None:
    known = Known(classes=("ship", "building"))
    composition = compose(
        ("the ship nearest the terminal building", "house", "flubber"), "detect", whole_scene=True, known=known
    )
    assert [question.expression for question in composition.questions] == ["ship", "house", "flubber"]
    assert composition.unread == {"flubber": ("flubber",)}
