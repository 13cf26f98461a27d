"""The grammar of queries: every row of the table in docs/questions.md, plans as JSON, and words that stay unread."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geogrounding.errors import SettingsError
from geogrounding.query.contradictions import check_unit
from geogrounding.query.describe import plan_text
from geogrounding.query.plan import QueryPlan
from geogrounding.query.quantities import normalise
from geogrounding.query.read import read_query

PAGE = Path(__file__).parents[2] / "docs" / "questions.md"
GRAMMAR = PAGE.read_text("utf-8").partition("## The grammar")[2].partition("\n## ")[0]
ROWS = [
    (query, plan)
    for query, plan in re.findall(r"^\| (.+?) \| (.+?) \|$", GRAMMAR, re.M)
    if not query.startswith(("query", "---", "**"))
]


def test_the_table_is_there() -> None:
    assert len(ROWS) > 80


@pytest.mark.parametrize(("query", "plan"), ROWS)
def test_every_row_of_the_table(query: str, plan: str) -> None:
    read = read_query(query)
    assert plan_text(read) == plan
    assert not read.unread
    assert QueryPlan.read(read.json_text()) == read


@pytest.mark.parametrize(
    ("text", "words", "values"),
    [
        ("more than 200 sq m", "more than #a0", [200.0]),
        ("over half a hectare", "over #a0", [5000.0]),
        ("at least 40 metres long", "at least #l0 long", [40.0]),
        ("wider than 30 ft", "wider than #l0", [9.144]),
        ("between 100 and 200 m²", "between #a0 and #a1", [100.0, 200.0]),
        ("100-200 m2", "#a0 to #a1", [100.0, 200.0]),
        ("two hundred and fifty square feet", "#a0", [23.2257600]),
        ("≥ 1,500 m²", "at least #a0", [1500.0]),
        ("200+ m2", "#a0 or more", [200.0]),
        ("a quarter of a mile", "#l0", [402.336]),
        ("one and a half acres", "#a0", [6070.2846336]),
        ("-5 m", "#l0", [-5.0]),
        ("2nd largest", "2nd largest", []),
    ],
)
def test_numbers_and_units(text: str, words: str, values: list[float]) -> None:
    marked, quantities = normalise(text)
    assert marked == words
    assert [quantity.si for quantity in quantities] == pytest.approx(values)


@pytest.mark.parametrize(
    ("query", "unread"),
    [
        ("ships facing the harbor", ("facing", "the", "harbor")),
        ("big buildings", ("big",)),
        ("vehicles moving north", ("moving",)),
        ("冰山", ("冰山",)),
        ("cars 2+3 near", ("2+3", "near")),  # as it was written
    ],
)
def test_what_is_not_understood_is_named(query: str, unread: tuple[str, ...]) -> None:
    plan = read_query(query)
    assert plan.unread == unread or not plan.targets[0].known


@pytest.mark.parametrize("query", ["the airplane closest to the terminal building", "wombats near a building", "zebra"])
def test_unknown_nouns_are_no_guess(query: str) -> None:
    text = read_query(query).json_text()
    assert '"known": false' in text


@given(
    st.text(max_size=120)
    | st.lists(
        st.sampled_from(
            [
                "the",
                "largest",
                "buildings",
                "within",
                "5",
                "m",
                "of",
                "a",
                "tree",
                "and",
                "not",
                "or",
                "200",
                "m2",
                "larger",
                "than",
                "ships",
                "all",
                "but",
                "two",
                "near",
            ]
        ),
        max_size=14,
    ).map(" ".join)
)
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
def test_any_text_gives_a_plan_or_a_clear_refusal(text: str) -> None:
    try:
        plan = read_query(text)
    except SettingsError:
        return
    assert QueryPlan.read(plan.json_text()) == plan
    assert plan_text(plan)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("how many clusters of trees are there?", "cannot be counted"),
        ("the largest group of cars", "cannot be counted"),
        ("how long is the row of planes?", "cannot be counted"),
        ("trees within 5 m2 of a house", "unit of an area"),
        ("cars within 10 of a house", "unit of the distance is missing"),
        ("buildings larger than 1e400 m2", "too large"),
        ("the 0 largest buildings", "0 things"),
        ("what is the density of buildings per hectare?", "densities"),
        ("number of trees per hectare", "densities"),
        ("how many cars are there per building?", "densities"),
        ("the ratio of cars to trees", "ratios"),
        ("how many of the 5 largest ships are red?", "ranks are decided"),
        ("which of the three longest ships are within 10 m of a pier", "ranks are decided"),
        ("the 0th largest building", "counted from 1"),
        ("ships longer than 40 m within 20 px of a pier", "pixels and metres"),
    ],
)
def test_what_would_be_read_as_something_else_is_refused(query: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read_query(query)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("tanks in the lower third of the image", ("third",)),
        ("every second building", ("every second",)),
        ("trees per hectare", ("per", "hectare")),
        ("buildings with a pool or a tree within 10 m but not both", ("but not both",)),
        ("ships that are longer than they are wide", ("longer", "than", "wide")),
        ("find all big red cars", ("big",)),
    ],
)
def test_words_that_would_change_the_meaning_are_named(query: str, words: tuple[str, ...]) -> None:
    assert read_query(query).unread == words


@pytest.mark.parametrize(
    ("query", "unit"), [("ships longer than 40 px", "px"), ("ships over 90 ft", "m"), ("ships", None)]
)
def test_the_unit_of_lengths_stands_in_the_plan(query: str, unit: str | None) -> None:
    plan = read_query(query)
    assert plan.unit == unit
    for metres, wrong in ((True, "px"), (False, "m")):
        if unit == wrong:
            with pytest.raises(SettingsError, match="CRS"):
                check_unit(plan, metres=metres)
        else:
            check_unit(plan, metres=metres)
