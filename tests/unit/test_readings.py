"""Readings that are not the only one are stated; so is what lies far away, and what was not found at all."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest
import shapely

import geogrounding as gg
from geogrounding.errors import SettingsError
from geogrounding.query.describe import plan_text
from geogrounding.query.plan import QueryPlan
from geogrounding.query.plan_words import plan_sentences
from geogrounding.query.read import read_query


@pytest.fixture
def town(tmp_path: Path) -> Path:
    """Three cars, two trees and two houses in UTM; the second house is large, and the first tree stands at it."""
    rows = [
        ("car", (0, 0, 4, 2), "red"),
        ("car", (10, 0, 14, 2), "white"),
        ("car", (20, 0, 24, 2), "blue"),
        ("tree", (100, 100, 105, 105), None),
        ("tree", (3, 5, 8, 10), None),
        ("house", (108, 100, 130, 120), None),
        ("house", (0, 12, 10, 22), None),
    ]
    boxes = [
        shapely.box(*(value + offset for value, offset in zip(box, (5e5, 5e6) * 2, strict=True))) for _, box, _ in rows
    ]
    path = tmp_path / "town.gpkg"
    frame = gpd.GeoDataFrame({"label": [r[0] for r in rows], "colour": [r[2] for r in rows]}, geometry=boxes, crs=32633)
    frame.to_file(path)
    return path


@pytest.mark.parametrize(
    ("query", "stated"),
    [
        ("trees near houses, cars and pools", "'houses, cars and pools' was read as any of them"),
        ("trees near houses and cars", "'houses and cars' was read as two things to find"),
        ("cars in the parking lot next to the stadium", "being about the cars, not the parking lot"),
        ("trees near houses with a pool", "'with a pool' was read as being about the houses"),
        ("houses near the road with a pool", "being about the houses, not the road"),
        ("buildings 50 m from the road", "'50 m from' was read as at most so far"),
        ("trees within 10 m of houses that are larger than 200 m2", "being about the houses, the noun before it"),
    ],
)
def test_a_reading_that_is_not_the_only_one_is_said(query: str, stated: str) -> None:
    plan = read_query(query)
    assert any(stated in remark for remark in plan.remarks)
    assert QueryPlan.read(plan.json_text()) == plan
    assert any(stated in line for line in plan_sentences(plan))


@pytest.mark.parametrize(
    "query",
    [
        "trees near a house or a pool",
        "ships and tanks near the pier",
        "cars in the parking lot that is next to the stadium",
        "trees within 10 m of a house that is larger than 200 m2",
        "ships near the pier that are longer than 30 m",
        "trees near houses and near cars",
        "trees near the house with a red roof",
    ],
)
def test_plain_queries_have_no_remark(query: str) -> None:
    assert read_query(query).remarks == ()


def test_a_clause_speaks_of_the_noun_that_its_number_fits(town: Path) -> None:
    assert gg.ask(town, "trees within 10 m of a house that is larger than 200 m2").features == (4,)
    assert gg.ask(town, "trees within 10 m of a house that are larger than 200 m2").value == 0
    assert gg.ask(town, "trees within 10 m of a house that is not larger than 200 m2").features == (5,)


def test_two_negated_colours_are_kept_and_said(town: Path) -> None:
    reply = gg.ask(town, "cars that are not red and not white")
    assert reply.features == (3,)
    assert "not red and not white" in reply.answer


@pytest.mark.parametrize(
    ("query", "value", "begins"),
    [
        ("are there more cars than trees?", True, "Yes, there are more cars than trees: three against two"),
        ("are there fewer cars than trees?", False, "No, there are more cars than trees"),
        ("are there as many houses as trees?", True, "Yes, there are as many houses as trees"),
        ("how many more cars than trees are there?", 1, "There are more cars than trees"),
        ("how many fewer trees than cars are there?", 1, "There are more cars than trees"),
        ("are there more cars within 10 m of a tree than houses?", False, "No, there are as many cars"),
    ],
)
def test_numbers_of_two_kinds_are_compared(town: Path, query: str, value: object, begins: str) -> None:
    reply = gg.ask(town, query)
    assert (reply.value, reply.unknown) == (value, ())
    assert reply.answer.startswith(begins)


def test_a_comparison_needs_two_targets() -> None:
    with pytest.raises(SettingsError, match="two targets"):
        QueryPlan.read('{"query": "q", "answer": {"kind": "compare"}, "targets": [{"noun": "car"}]}')


def test_what_lies_far_away_and_what_is_not_there_is_said(town: Path, tmp_path: Path) -> None:
    swapped = gg.ask(town, "cars within 100 m of 45.15, 15.0")
    assert swapped.value == 0
    assert "lies 4,379 km" in swapped.answer
    assert "around longitude 15.0" in swapped.answer
    near = gg.ask(town, "cars within 100 m of 15.0, 45.15")
    assert "lies" not in near.answer
    river = tmp_path / "river.gpkg"
    line = shapely.LineString([(5.3e5, 5e6), (5.3e5, 5.01e6)])
    gpd.GeoDataFrame(geometry=[line], crs=32633).to_file(river)
    assert (
        "the nearest of the rivers lies 30 km"
        in gg.ask(town, "cars within 1 km of the river", context={"river": river}).answer
    )
    empty = gg.ask(town, "cars within 5 m of a house larger than 900 m2")
    assert "no houses were found" not in empty.answer  # there are houses, none of them is so large


@pytest.mark.parametrize(
    ("query", "plan"),
    [
        ("is every ship in the harbor longer than 10 m?", "is it true of ships inside a harbor: longer than 10 m"),
        ("are all houses near a road larger than 90 m2?", "is it true of houses near a road: larger than 90 m2"),
        ("do all houses near the road have a pool?", "is it true of houses near a road: next to a swimming pool"),
        (
            "are all houses larger than 90 m2 and near a road?",
            "is it true of houses: larger than 90 m2 and near a road",
        ),
        (
            "what share of ships in the harbor are longer than 9 m",
            "the share of the ships inside a harbor: longer than 9 m",
        ),
        (
            "is the largest ship in the north longer than 9 m?",
            "is it true of the largest ship in the north: longer than 9 m",
        ),
        ("the house closest to the house with a red roof", "find the house nearest to a house with a red roof"),
        ("buildings on the left of the road", "find buildings left of a road"),
        ("all cars but the red ones", "find cars not red"),
        ("vehicles that are not trucks or buses", "find vehicles not same as a bus and not same as a truck"),
        ("white or grey cars", "find cars white or grey"),
        ("non-red cars", "find cars not red"),
        ("the first three ships from the top", "find the three topmost ships"),
        ("airplanes longer then 40 m", "find airplanes longer than 40 m"),
        ("trees within a half mile of the pier", "find trees within 804.7 m of a harbor"),
        (
            "houses with a pool but no tree within 10 m",
            "find houses next to a swimming pool and not within 10 m of a tree",
        ),
        ("is there a pool at every house?", "is it true of houses: next to a swimming pool"),
        ("are there trees within 10 m of every house?", "is it true of houses: within 10 m of a tree"),
        ("is there a car in every parking lot?", "is it true of parking lots: containing a car"),
        ("houses with one pool", "find houses next to a swimming pool"),
        ("houses with at least one pool", "find houses next to at least one swimming pool"),
        ("buildings with two trees", "find buildings next to at least two trees"),
        ("lakes with two ships", "find lakes containing at least two ships"),
        ("trees within 5 m of at least one building", "find trees within 5 m of at least one building"),
        (
            "houses having no pool but at least 2 trees within 20 m",
            "find houses not next to a swimming pool and within 20 m of at least two trees",
        ),
        (
            "houses with a pool and more than three trees within 20 m",
            "find houses next to a swimming pool and within 20 m of at least four trees",
        ),
        ("cars at the building", "find cars next to a building"),
        ("ships at the pier", "find ships inside a harbor"),
        ("planes over the lake", "find airplanes overlapping a lake"),
        ("cars on top of the building", "find cars inside a building"),
        ("average area per building", "the average area of buildings"),
    ],
)
def test_wordings_of_other_people(query: str, plan: str) -> None:
    read = read_query(query)
    assert (plan_text(read), read.unread) == (plan, ())


@pytest.mark.parametrize(
    ("query", "plan", "remark"),
    [
        ("cars under the bridge", "find cars below a bridge", "cannot be seen from above"),
        ("boats beneath the pier", "find boats below a harbor", "cannot be seen from above"),
        ("cars below the overpass", "find cars below an overpass", "cannot be seen from above"),
        ("cars below the building", "find cars below a building", None),
        ("largest ships", "find the largest ship", "read as the one largest"),
        ("the most isolated buildings", "find the building farthest from any other", "the 5 most isolated buildings"),
        ("the 5 largest ships", "find the five largest ships", None),
        ("top 3 largest ships", "find the three largest ships", None),
        ("all but the largest ships", "find all but the largest ships", None),
        ("the largest of the three northernmost buildings", "find the largest building the three northernmost", None),
        ("which of the ships is the longest?", "find the longest ship", None),
        ("buildings larger than 1.000 m²", "find buildings larger than 1 m2", "for thousands write 1000"),
        ("buildings larger than 1.5 ha", "find buildings larger than 15,000 m2", None),
        ("5 cars near the house", "find cars near a house", "'5 cars' was read as all cars that fit"),
        ("the 3 buildings closest to the river", "find the three buildings nearest to a river", None),
        ("the building surrounded by trees", "find buildings near a tree", "'surrounded by' was read as near"),
    ],
)
def test_a_word_with_another_meaning_is_said_to_be_read_so(query: str, plan: str, remark: str | None) -> None:
    read = read_query(query)
    assert (plan_text(read), read.unread) == (plan, ())
    assert len(read.remarks) == (remark is not None)
    assert remark is None or remark in read.remarks[0]
