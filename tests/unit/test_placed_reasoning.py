"""Reasoning names places in the area asked about, never in a chip that no one sees."""

from __future__ import annotations

import pytest

from geogrounding.execution.placed_reasoning import place_in_area, placed_reasoning
from geogrounding.models.builtin.tokenizer import PLACES

AREA = (100.0, 200.0, 400.0, 500.0)


@pytest.mark.parametrize(
    ("box", "place"),
    [
        ((100, 200, 110, 210), "upper left"),
        ((390, 490, 400, 500), "lower right"),
        ((240, 340, 260, 360), "centre"),
        ((50, 340, 60, 360), "centre left"),  # pokes out of the area
        ((390, 600, 400, 700), "lower right"),
    ],
)
def test_the_ninth_of_the_area(box: tuple[float, ...], place: str) -> None:
    assert place_in_area(box, AREA) == place


@pytest.mark.parametrize("said", PLACES)
def test_the_place_in_the_chip_gives_way(said: str) -> None:
    text = placed_reasoning(f"I look for ship. I see the best match in the {said}.", "upper left")
    assert text == "I look for ship; this one is in the upper left of the area asked about."


@pytest.mark.parametrize("said", ["A white hull in the lower corner.", "", "I see the best match in the garage."])
def test_words_of_another_model_stay(said: str) -> None:
    assert placed_reasoning(said, "upper left") == said
