"""What people type, and what it means."""

from __future__ import annotations

from typing import Any

import pytest

from geogrounding.datasets.synthetic import SYNONYMS, Meaning, Relation, read_expression, words_for
from geogrounding.query.lexicon import (
    COMPASS_PLACES,
    COMPASS_RANKS,
    COMPASS_RELATIONS,
    CORNERS,
    MORE_PLACES,
    MORE_RANKS,
    MORE_RELATIONS,
    PLACES,
    RANKS,
    RELATIONS,
)


def refer(category: str, **parts: Any) -> Meaning:
    return Meaning(category=category, task="refer", **parts)


def detect(category: str, **parts: Any) -> Meaning:
    return Meaning(category=category, task="detect", **parts)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("airplanes", detect("airplane")),
        ("  All the AIRPLANES. ", detect("airplane")),
        ("any boats?", detect("ship")),
        ("all cars", detect("vehicle")),
        ("every car", detect("vehicle")),
        ("the airplane", refer("airplane")),
        ("aircraft", refer("airplane")),
        ("all aircraft", detect("airplane")),
        ("Please show me the swimming pools in this aerial image", detect("swimming pool")),
        ("Where are the oil-tanks?", detect("storage tank")),
        ("is there a bridge in the picture?", refer("bridge")),
        ("biggest house", refer("building", selector="largest")),
        ("the largest of the ships", refer("ship", selector="largest")),
        ("2nd largest ship", refer("ship", selector="largest", ordinal=2)),
        ("the third plane from the left", refer("airplane", selector="leftmost", ordinal=3)),
        ("the northernmost aircraft", refer("airplane", selector="topmost")),
        ("the left-most jet", refer("airplane", selector="leftmost")),
        ("the two leftmost cars", detect("vehicle", selector="leftmost", count=2)),
        ("the leftmost two cars", detect("vehicle", selector="leftmost", count=2)),
        ("top 2 ships", detect("ship", selector="topmost", count=2)),
        ("both ships", detect("ship", count=2)),
        ("the three airplanes", detect("airplane", count=3)),
        ("14 trees", detect("tree", count=14)),
        ("one tree", refer("tree")),
        ("the planes on the left", detect("airplane", selector="left")),
        ("houses on the left side of the image", detect("building", selector="left")),
        ("airplane top left", refer("airplane", selector="upper left")),
        ("tank in the bottom-right corner of the picture", refer("storage tank", selector="lower right")),
        ("white cars", detect("vehicle", attribute=("colour", "white"))),
        ("the gray ship", refer("ship", attribute=("colour", "grey"))),
        ("cars that are red", detect("vehicle", attribute=("colour", "red"))),
        ("the largest red car", refer("vehicle", selector="largest", attribute=("colour", "red"))),
        ("buildings whose roof type is flat", detect("building", attribute=("roof type", "flat"))),
        ("tanks next to the pier", detect("storage tank", relation=Relation(kind="next to", category="harbor"))),
        ("airplanes near a harbor", detect("airplane", relation=Relation(kind="near", category="harbor"))),
        ("boats docked in the harbour", detect("ship", relation=Relation(kind="inside", category="harbor"))),
        ("cars parked beside buildings", detect("vehicle", relation=Relation(kind="next to", category="building"))),
        ("the car to the left of the house", refer("vehicle", relation=Relation(kind="left of", category="building"))),
        (
            "the airplane nearest the tank",
            refer("airplane", relation=Relation(kind="nearest", category="storage tank")),
        ),
        ("the nearest ship to the bridge", refer("ship", relation=Relation(kind="nearest", category="bridge"))),
        ("plane next to another plane", refer("airplane", relation=Relation(kind="next to", category="airplane"))),
        (
            "the largest ship near the bridge",
            refer("ship", selector="largest", relation=Relation(kind="near", category="bridge")),
        ),
        ("the ship nearest the top", refer("ship", selector="topmost")),
    ],
)
def test_what_analysts_type_is_understood(text: str, meaning: Meaning) -> None:
    assert read_expression(text) == meaning


@pytest.mark.parametrize(
    "text",
    [
        "",
        "the",
        "left",
        "zebra",
        "houses near water",
        "burnt houses",
        "leftmost cars",  # one or several?
        "largest airplane on the left",  # two selectors
        "two car",
        "the second red",
        "ships except boats",
        "airplane and ship",
        "the airplane nearest",
        "next to the pier",
        "house whose roof is red next to the swimming pool",
        "airplanes " * 60,
        "?" * 10_000,
    ],
)
def test_what_is_not_understood_is_not_guessed(text: str) -> None:
    assert read_expression(text) is None


@pytest.mark.parametrize(
    "table", [RANKS, COMPASS_RANKS, MORE_RANKS, PLACES, CORNERS, COMPASS_PLACES, MORE_PLACES], ids=lambda t: str(len(t))
)
def test_every_phrase_for_ranks_and_places_is_understood(table: dict[str, tuple[str, ...]]) -> None:
    for key, templates in table.items():
        for template in templates:
            for noun in ("storage tank", "red car"):
                meaning = read_expression(f"the {template.format(noun)}")
                assert meaning is not None, template
                assert meaning.selector == key, template


@pytest.mark.parametrize("table", [RELATIONS, COMPASS_RELATIONS, MORE_RELATIONS], ids=lambda t: str(len(t)))
def test_every_phrase_for_relations_is_understood(table: dict[str, tuple[str, ...]]) -> None:
    for kind, phrases in table.items():
        for phrase in phrases:
            meaning = read_expression(f"the ship {phrase} the bridge")
            assert meaning is not None, phrase
            assert meaning.relation == Relation(kind=kind, category="bridge"), phrase  # type: ignore[arg-type]


def test_every_word_of_every_class_is_understood() -> None:
    for category, pairs in SYNONYMS.items():
        for one, many in pairs:
            for text in (f"the {one}", f"all {many}", f"leftmost {one}", f"{many} near the {one}"):
                meaning = read_expression(text)
                assert meaning is not None, text
                assert meaning.category == category, text


def test_classes_of_ones_own_are_understood_with_their_table() -> None:
    assert read_expression("the largest toll station") is None
    words = words_for(["toll station", "car"])
    assert read_expression("the largest toll station", words) == refer("toll station", selector="largest")
    assert read_expression("cars", words) == detect("car")
    assert read_expression("vehicles", words) == detect("vehicle")


def test_the_task_that_was_asked_for_is_kept() -> None:
    assert read_expression("airplane", task="detect") == detect("airplane")
    assert read_expression("airplanes", task="refer") == refer("airplane")
