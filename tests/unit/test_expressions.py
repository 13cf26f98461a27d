"""What expressions are made of: words, meanings, and the English that comes out."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from geogrounding.datasets.synthetic import (
    ALL_KINDS,
    SYNONYMS,
    ImageObjects,
    Kind,
    Meaning,
    Objects,
    Relation,
    RelationKind,
    category_of,
    evaluate,
    make_expressions,
    reason,
    words_for,
)
from geogrounding.errors import InputError, SettingsError
from geogrounding.query.borders import Boxes, degree
from geogrounding.query.lexicon import number, ordinal, plural, singular, with_article


def airfield() -> Objects:
    """Three airplanes in a row from the left, a storage tank below the second, two vehicles of different colours."""
    boxes_px = [
        [20, 40, 60, 80],  # 0 airplane, upper left
        [120, 30, 180, 90],  # 1 airplane, the largest, upper left half, right above the tank
        [260, 50, 290, 80],  # 2 airplane, upper right
        [130, 110, 170, 150],  # 3 storage tank
        [250, 250, 270, 262],  # 4 vehicle, white
        [40, 300, 60, 312],  # 5 vehicle, red
    ]
    return Objects(
        boxes_px=np.array(boxes_px, np.float64),
        labels=("airplane", "airplane", "airplane", "storage tank", "vehicle", "vehicle"),
        size_px=(336, 336),
        attributes=({}, {}, {}, {}, {"Color": "White"}, {"Color": "red"}),
        looked_for=("airplane", "storage tank", "vehicle", "ship"),
    )


@pytest.mark.parametrize(
    ("meaning", "targets"),
    [
        (Meaning(category="airplane"), (0, 1, 2)),
        (Meaning(category="airplane", selector="left"), (0, 1)),
        (Meaning(category="airplane", selector="upper right"), (2,)),
        (Meaning(category="airplane", selector="largest"), (1,)),
        (Meaning(category="airplane", selector="largest", ordinal=2), (0,)),
        (Meaning(category="airplane", selector="rightmost", ordinal=3), (0,)),
        (Meaning(category="airplane", selector="rightmost", ordinal=4), ()),
        (Meaning(category="airplane", selector="leftmost", count=2), (0, 1)),
        (Meaning(category="airplane", count=5), (0, 1, 2)),
        (Meaning(category="vehicle", attribute=("colour", "white")), (4,)),
        (Meaning(category="vehicle", attribute=("colour", "blue")), ()),
        (Meaning(category="airplane", relation=Relation(kind="nearest", category="storage tank")), (1,)),
        (Meaning(category="airplane", relation=Relation(kind="farthest", category="storage tank")), (2,)),
        (Meaning(category="airplane", relation=Relation(kind="next to", category="storage tank")), (1,)),
        (Meaning(category="airplane", relation=Relation(kind="above", category="storage tank")), (1,)),
        (Meaning(category="storage tank", relation=Relation(kind="below", category="airplane")), (3,)),
        (Meaning(category="airplane", relation=Relation(kind="right of", category="storage tank")), (2,)),
        (Meaning(category="airplane", relation=Relation(kind="next to", category="ship")), ()),
        (Meaning(category="airplane", relation=Relation(kind="next to", category="airplane")), ()),
        (Meaning(category="ship"), ()),
    ],
)
def test_a_meaning_fits_what_it_says(meaning: Meaning, targets: tuple[int, ...]) -> None:
    assert evaluate(meaning, airfield()) == targets


@pytest.mark.parametrize(
    ("meaning", "sentences"),
    [
        (
            Meaning(category="airplane", selector="largest"),
            "There are three airplanes in the picture. The largest of them is in the upper left quarter.",
        ),
        (
            Meaning(category="airplane", selector="left"),
            "There are three airplanes in the picture. Two of them are in the left half.",
        ),
        (
            Meaning(category="airplane", relation=Relation(kind="nearest", category="storage tank")),
            "There are three airplanes and one storage tank in the picture. "
            "The airplane nearest to the storage tank is in the upper left quarter.",
        ),
        (
            Meaning(category="airplane", relation=Relation(kind="next to", category="storage tank")),
            "There are three airplanes and one storage tank in the picture. "
            "One of the airplanes is next to the storage tank. It is in the upper left quarter.",
        ),
        (
            Meaning(category="vehicle", attribute=("colour", "red")),
            "There are two vehicles in the picture. The colour of one of them is red. It is in the lower left quarter.",
        ),
        (
            Meaning(category="airplane", selector="leftmost", ordinal=5),
            "There are only three airplanes in the picture.",
        ),
        (
            Meaning(category="airplane", selector="lower"),
            "There are three airplanes in the picture. None of them is in the lower half.",
        ),
        (Meaning(category="ship"), "There is no ship in the picture."),
        (
            Meaning(category="storage tank", relation=Relation(kind="next to", category="ship")),
            "There is one storage tank and no ship in the picture.",
        ),
    ],
)
def test_reasoning_says_what_there_is_and_what_fits(meaning: Meaning, sentences: str) -> None:
    image = ImageObjects(airfield())
    assert reason(image, meaning, image.fit(meaning), SYNONYMS) == sentences


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_only_the_kinds_that_are_asked_for_are_made(kind: Kind) -> None:
    made = make_expressions(airfield(), np.random.default_rng(3), count=8, kinds=[kind])
    assert len(made) >= 6
    assert {one.kind for one in made} == {kind}


def test_a_thing_is_said_to_be_absent_only_where_it_was_looked_for() -> None:
    silent = replace(airfield(), looked_for=())
    for seed in range(20):
        for one in make_expressions(silent, np.random.default_rng(seed), count=20, kinds=["negative"]):
            neighbour = one.meaning.relation.category if one.meaning.relation else "airplane"
            assert {one.meaning.category, neighbour} <= {"airplane", "storage tank", "vehicle"}


def test_a_class_is_not_absent_while_its_kinds_are_there() -> None:
    """An image of cars has vehicles, whatever its labels say."""
    cars = replace(airfield(), labels=("car",) * 6, looked_for=("vehicle", "car", "truck"), attributes=())
    meant = {one.meaning.category for one in make_expressions(cars, np.random.default_rng(0), count=60)}
    assert "vehicle" not in meant
    assert {"car", "truck"} <= meant


def test_a_class_is_not_asked_for_beside_its_kinds() -> None:
    mixed = replace(
        airfield(), labels=("vehicle", "vehicle", "car", "car", "ship", "ship"), attributes=(), looked_for=()
    )
    made = make_expressions(mixed, np.random.default_rng(0), count=60)
    assert {one.meaning.category for one in made} == {"car", "ship"}


def test_objects_without_a_value_keep_a_class_from_being_asked_for_by_it() -> None:
    unknown = replace(airfield(), attributes=({}, {}, {}, {}, {"color": "white"}, {"color": "nan"}))
    assert not make_expressions(unknown, np.random.default_rng(0), count=9, kinds=["attribute"])
    assert not ImageObjects(unknown).fit(Meaning(category="vehicle", attribute=("colour", "white"))).clear


def test_identifiers_and_remarks_are_no_attributes() -> None:
    names = tuple({"id": f"A{n}", "remark": "seen in the morning by us"} for n in range(6))
    assert not make_expressions(
        replace(airfield(), attributes=names), np.random.default_rng(0), count=9, kinds=["attribute"]
    )


def test_near_ties_are_not_asked_about() -> None:
    alike = replace(
        airfield(), boxes_px=np.array([[n * 50.0, 10 + n, n * 50 + 20, 30 + n] for n in range(6)]), labels=("ship",) * 6
    )
    made = make_expressions(alike, np.random.default_rng(0), count=40, kinds=["size", "rank"])
    assert {one.meaning.selector for one in made} == {"leftmost", "rightmost"}


def test_a_picture_gives_no_more_than_it_has() -> None:
    one_tank = Objects(boxes_px=np.array([[10.0, 10, 40, 40]]), labels=("storage tank",), size_px=(99, 99))
    made = make_expressions(one_tank, np.random.default_rng(0), count=10_000)
    assert 20 < len(made) < 2_000
    empty = Objects(boxes_px=np.zeros((0, 4)), labels=(), size_px=(99, 99))
    assert make_expressions(empty, np.random.default_rng(0), count=5) == []


def test_english_reads_naturally() -> None:
    made = [
        one
        for seed in range(10)
        for north_up in (False, True)
        for one in make_expressions(
            replace(airfield(), north_up=north_up, looked_for=tuple(SYNONYMS)), np.random.default_rng(seed), count=40
        )
    ]
    text = " | ".join(f"{one.text} | {one.reasoning}" for one in made)
    assert len(made) > 700
    for fault in (
        r"\ban? (?:the|all|any|one)\b",
        r"\ba [aeio]\w",
        r"\ban [^aeiouh]",
        r"\b(?:one|a|an|every|each) (?!of)(?:\w+ )?(?:airplanes|tanks|vehicles|ships)\b",
        r"\b(?:two|three|all) (?:\w+ )?(?:airplane|storage tank|vehicle|ship|boat|car)\b",
        r"\bthe the\b",
        r"  ",
        r" \.",
    ):
        assert re.search(fault, text) is None, re.findall(".{30}" + fault + ".{20}", text)[:3]
    for sample in ("the second airplane from the left", "near an airplane", "westernmost", "all the ", "white car"):
        assert sample in text


def test_compass_words_need_a_picture_whose_top_is_north() -> None:
    text = " ".join(
        one.text for seed in range(20) for one in make_expressions(airfield(), np.random.default_rng(seed), count=40)
    )
    assert re.search(r"\b(?:north|south|east|west)", text) is None


@pytest.mark.parametrize(
    ("changes", "reason_given"),
    [
        ({"labels": ("airplane",)}, "6 boxes, 1 labels"),
        ({"attributes": ({},)}, "1 sets of attributes"),
        ({"size_px": (0, 10)}, "0 x 10"),
        ({"boxes_px": np.array([[0.0, 0, 5, np.nan]] * 6)}, "not finite"),
        ({"boxes_px": np.array([[5.0, 0, 5, 5]] * 6)}, "empty"),
    ],
)
def test_objects_that_do_not_go_together_are_refused(changes: dict[str, object], reason_given: str) -> None:
    with pytest.raises(InputError, match=reason_given) as caught:
        replace(airfield(), **changes)  # type: ignore[arg-type]
    assert caught.value.hint


def test_unknown_selectors_kinds_and_counts_are_refused() -> None:
    with pytest.raises(SettingsError, match="shiniest"):
        Meaning(category="ship", selector="shiniest")
    with pytest.raises(SettingsError, match="start at 1"):
        Meaning(category="ship", selector="largest", ordinal=0)
    with pytest.raises(SettingsError, match="shape"):
        make_expressions(airfield(), np.random.default_rng(0), count=1, kinds=["shape"])  # type: ignore[list-item]
    with pytest.raises(SettingsError, match="-1"):
        make_expressions(airfield(), np.random.default_rng(0), count=-1)


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("airplane", "airplanes"),
        ("aircraft", "aircraft"),
        ("bus", "buses"),
        ("jetty", "jetties"),
        ("railway", "railways"),
        ("bench", "benches"),
        ("person", "people"),
        ("storage tank", "storage tanks"),
        ("piece of land", "pieces of land"),
        ("box", "boxes"),
    ],
)
def test_plurals(one: str, many: str) -> None:
    assert plural(one) == many
    assert " of " in one or singular(many) == one
    assert singular(one) == one


@pytest.mark.parametrize(
    ("noun", "phrase"),
    [
        ("airplane", "an airplane"),
        ("oil tank", "an oil tank"),
        ("harbor", "a harbor"),
        ("university", "a university"),
        ("uninhabited hut", "an uninhabited hut"),
        ("umbrella", "an umbrella"),
        ("one-way road", "a one-way road"),
        ("hour", "an hour"),
    ],
)
def test_articles(noun: str, phrase: str) -> None:
    assert with_article(noun) == phrase


def test_numbers() -> None:
    assert [number(n) for n in (0, 1, 12, 13)] == ["no", "one", "twelve", "13"]
    assert [ordinal(n) for n in (1, 3, 10, 11, 12, 21, 22, 113)] == [
        "first",
        "third",
        "tenth",
        "11th",
        "12th",
        "21st",
        "22nd",
        "113th",
    ]
    with pytest.raises(IndexError):
        ordinal(0)


@pytest.mark.parametrize(
    ("label", "category"),
    [
        ("storage-tank", "storage tank"),
        ("storagetank", "storage tank"),
        ("Storage Tanks", "storage tank"),
        ("groundtrackfield", "ground track field"),
        ("plane", "airplane"),
        ("Expressway-toll-station", "expressway toll station"),
        ("small-vehicle", "small vehicle"),
        ("Gebäude", "gebäude"),
        ("glass", "glass"),
        ("12", ""),
        ("--", ""),
    ],
)
def test_labels_of_data_sets_name_categories(label: str, category: str) -> None:
    assert category_of(label) == category


def test_no_word_means_two_things() -> None:
    for table in (SYNONYMS, words_for(["car", "overpass", "small vehicle", "stadium"])):
        words = [word for pairs in table.values() for pair in pairs for word in set(pair)]
        assert len(words) == len(set(words))
    taken = words_for(["car", "overpass"])
    assert taken["car"] == (("car", "cars"),)
    assert all("car" not in pair for pair in taken["vehicle"])
    assert taken["bridge"] == (("bridge", "bridges"),)


@pytest.mark.parametrize(
    ("kind", "box_px", "expected"),
    [
        # the neighbour is (100, 100, 120, 120): size 20, centre (110, 110), in an image of 200 x 200
        ("next to", (126, 100, 146, 120), 1.0),  # a gap of 0.3 sizes
        ("next to", (130, 100, 150, 120), 0.0),
        ("next to", (134, 100, 154, 120), -1.0),
        ("near", (140, 100, 160, 120), 1.0),
        ("near", (150, 100, 170, 120), 0.0),
        ("near", (160, 100, 180, 120), -1.0),
        ("left of", (86, 100, 106, 120), 1.0),  # the centre 4 px outside of the edge, 2% of the image
        ("left of", (90, 100, 110, 120), 0.0),
        ("left of", (40, 35, 60, 55), -5 / 60 / 0.3),  # 65 px up, 60 px across
        ("left of", (40, 58, 60, 78), 1.0),  # 42 px up, 60 px across
        ("right of", (114, 100, 134, 120), 1.0),
        ("above", (100, 86, 120, 106), 1.0),
        ("below", (100, 110, 120, 130), 0.0),
        ("inside", (105, 100, 125, 120), 1.0),
        ("inside", (110, 100, 130, 120), 0.0),
        ("inside", (115, 100, 135, 120), -1.0),
    ],
)
def test_relations_have_a_border_and_a_margin(kind: RelationKind, box_px: tuple[float, ...], expected: float) -> None:
    boxes = Boxes.of(np.array([box_px, (100, 100, 120, 120)], np.float64), (200, 200))
    found = degree(boxes, kind, 0, 1)
    assert found == pytest.approx(expected) or (expected == 1.0 and found >= 0.999)
    assert ImageObjects(
        Objects(boxes_px=np.array([box_px, (100, 100, 120, 120)]), labels=("ship", "bridge"), size_px=(200, 200))
    ).fit(Meaning(category="ship", relation=Relation(kind=kind, category="bridge"))).clear is (abs(found) >= 1)


def test_every_form_of_negative_is_made() -> None:
    made = [
        one
        for seed in range(20)
        for one in make_expressions(airfield(), np.random.default_rng(seed), count=20, kinds=["negative"])
    ]
    meanings = [one.meaning for one in made]
    assert any(meaning.category == "ship" for meaning in meanings)
    assert any(meaning.ordinal == 4 and meaning.category == "airplane" for meaning in meanings)
    assert any(meaning.selector == "lower" for meaning in meanings)
    assert any(meaning.attribute for meaning in meanings)
    assert {meaning.relation.category for meaning in meanings if meaning.relation} >= {"ship", "storage tank"}
