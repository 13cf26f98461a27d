"""Which class a question names, and which regions answer it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from geogrounding.models.builtin import BUILTIN_CONVENTIONS, CLASS_GROUND_M
from geogrounding.models.builtin.classes import Names, class_scores, of_class
from geogrounding.query.lexicon import SYNONYMS

CLASSES = tuple(CLASS_GROUND_M)
NAMES = Names(CLASSES, ())


def test_the_model_card_says_at_which_levels_a_class_is_looked_for() -> None:
    card = (Path(__file__).parents[2] / "docs" / "model-card.md").read_text(encoding="utf-8")
    table = card.split("looked for at, m a pixel |")[1].split("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    assert {row[0]: tuple(map(float, row[2].split(","))) for row in rows} == CLASS_GROUND_M


def named(expression: str, names: Names = NAMES) -> list[str]:
    return [names.classes[n] for n in names.sought(expression).classes]


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("airplane", "airplane"),
        ("all the parked cars", "vehicle"),
        ("please show every lorry in this image", "vehicle"),
        ("yachts", "ship"),
        ("photovoltaic panels", "solar panel"),
        ("PV", "solar panel"),
        ("windmill", "wind turbine"),
        ("flyovers", "overpass"),
        ("bridges", "bridge"),
        ("tree crowns", "tree"),
    ],
)
def test_a_class_by_any_of_its_names_is_plain(expression: str, name: str) -> None:
    assert named(expression) == [name]
    assert NAMES.sought(expression).plain


@pytest.mark.parametrize(
    ("expression", "target"),
    [
        ("the largest airplane", "airplane"),
        ("boats next to the pier", "ship"),
        ("the red car", "vehicle"),
        ("houses in the upper left", "building"),
    ],
)
def test_what_says_more_than_a_class_is_read(expression: str, target: str) -> None:
    sought = NAMES.sought(expression)
    assert sought.known
    assert not sought.plain
    assert named(expression)[0] == target


@pytest.mark.parametrize("expression", ["zebra crossing", "xyzzy", "冰山", "helicopter", "самолёт", "", "the"])
def test_what_names_nothing_known_is_not_known(expression: str) -> None:
    assert not NAMES.sought(expression).known


def test_words_inside_an_expression_that_is_not_understood_still_say_what_it_may_be_about() -> None:
    assert named("whatever looks like a swimming pool behind that odd villa") == ["swimming pool"]
    assert named("a motorboat perhaps with a car upon it") == ["ship", "vehicle"]
    assert not NAMES.sought("a motorboat perhaps with a car upon it").plain


def test_what_fine_tuning_taught_is_left_to_the_language_side() -> None:
    names = Names(CLASSES, ["scrub oak", "tree"])
    assert names.sought("scrub oaks").taught == "scrub oak"
    assert names.sought("the largest scrub oak").taught == ""
    assert names.sought("the largest scrub oak").known
    assert names.sought("trees").taught == "tree"
    assert not names.sought("trees").plain, "it was taught again: the region head does not know"
    assert names.sought("airplanes").plain
    assert names.taught_names == ("scrub oak",)


def test_each_object_answers_once_and_the_surest_first() -> None:
    boxes = np.array([[0.0, 0, 20, 20], [1, 0, 21, 20], [50, 50, 60, 60], [80, 80, 90, 90]])
    scores = np.array([0.5, 0.9, 0.6, 0.01])
    assert of_class(boxes, scores, least=0.05) == [1, 2]
    assert of_class(boxes, scores, least=0.95) == []


def test_three_in_a_chain_lose_only_what_the_best_covers() -> None:
    """The second goes for the first; the third overlaps only the second and stays."""
    boxes = np.array([[0.0, 0, 20, 10], [6, 0, 26, 10], [12, 0, 32, 10]])
    assert of_class(boxes, np.array([0.9, 0.8, 0.7]), least=0.05) == [0, 2]


def test_every_class_has_words_and_resolutions_within_the_range_of_the_model() -> None:
    low, high = BUILTIN_CONVENTIONS.ground_resolution_m or (0.0, 0.0)
    for name, levels in CLASS_GROUND_M.items():
        assert SYNONYMS[name][0][0] == name
        assert list(levels) == sorted(set(levels))
        assert all(low <= level <= high for level in levels)


def test_a_shift_moves_one_class_and_leaves_what_is_no_region() -> None:
    scores = torch.tensor([[[0.5, 0.5, 0.9], [0.0, 0.0, 0.0]]])
    assert class_scores(scores, []).tolist() == [[[0.5, 0.5], [0.0, 0.0]]]
    shifted = class_scores(scores, [0.0, -1.0])[0]
    assert shifted[0].tolist() == pytest.approx([0.5, 1 / (1 + np.e)])
    assert shifted[1].tolist() == [0.0, 0.0]
