"""A model without classes that were not learned: its other answers stay, and training can go on from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from geogrounding.errors import GeogroundingError
from geogrounding.models import builtin
from geogrounding.models.builtin import WEIGHTS
from geogrounding.models.builtin.pixels import normalise
from geogrounding.types import Question
from recipes.builtin_model.corpora import CLASSES
from recipes.builtin_model.end_to_end import load_start
from recipes.builtin_model.narrow import narrowed, silence, silent_classes
from recipes.builtin_model.sets import OPEN_CLASSES, SETS
from recipes.builtin_model.weights import load, write_weights


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, Path]:
    """(model of all classes that is silent about most, the same without them, folder of the latter)."""
    folder = tmp_path_factory.mktemp("few")
    wide, tokenizer = load(WEIGHTS)
    silence(wide.region_head, OPEN_CLASSES)
    narrow = narrowed(wide)
    write_weights(narrow, tokenizer, folder)
    return wide, narrow, folder


def image() -> NDArray[np.uint8]:
    rng = np.random.default_rng(0)
    pixels = rng.normal(110, 25, (336, 336, 3)).clip(0, 255).astype(np.uint8)
    for x, y in rng.integers(10, 290, (12, 2)):
        pixels[y : y + 24, x : x + 34] = rng.integers(0, 255, 3)
    return pixels


def test_what_is_left_answers_as_before(few: tuple[Any, Any, Path]) -> None:
    wide, narrow, _ = few
    kept = [n for n, name in enumerate(CLASSES) if name in OPEN_CLASSES]
    assert narrow.config.classes == list(OPEN_CLASSES)
    assert narrow.config.calibration == [wide.config.calibration[n] for n in kept]
    with torch.no_grad():
        before, after = (m.encode_images(normalise(image()[None])) for m in (wide, narrow))
        assert torch.allclose(before.regions.boxes_px, after.regions.boxes_px)
        assert torch.allclose(before.regions.scores[..., [*kept, len(CLASSES)]], after.regions.scores, atol=1e-6)
        assert before.regions.scores.max() > 0.05, "there is something to compare"
        words = torch.tensor([[11, 12, 13]])
        said = [
            m.read(s, words, torch.ones_like(words, dtype=torch.bool)) for m, s in ((wide, before), (narrow, after))
        ]
    assert torch.allclose(said[0].relevance, said[1].relevance, atol=1e-3)


def test_training_can_go_on_from_it(few: tuple[Any, Any, Path]) -> None:
    _, _, folder = few
    whole, begun = load_start(WEIGHTS).head, load_start(folder).head
    for n, name in enumerate(CLASSES):
        assert torch.allclose(whole.out.weight[n], begun.out.weight[n], atol=1e-2) == (name in OPEN_CLASSES)
    assert torch.equal(whole.out.weight[len(CLASSES) :], begun.out.weight[len(CLASSES) :])
    assert silent_classes(begun) == set(CLASSES) - set(OPEN_CLASSES)


def test_it_is_asked_only_for_what_it_knows(few: tuple[Any, Any, Path]) -> None:
    _, _, folder = few
    model = builtin.load(folder)
    assert set(model.conventions.classes) == set(OPEN_CLASSES)
    answers = model.ground([image()], [Question(expression="airplane", task="detect")])
    assert not any(found.detections for found in answers[0])
    model.close()
    with pytest.raises(GeogroundingError):
        model.ground([image()], [Question(expression="tree", task="detect")])


def test_what_it_was_made_of_shows_all_that_it_knows() -> None:
    assert [name for name in CLASSES if name in OPEN_CLASSES] == list(OPEN_CLASSES), "in the order of CLASSES"
    assert {item.folder for item in SETS if item.open} == {
        "neon-crowns", "neon-crowns-2", "estonia-ortho", "gsi-solar", "wind-turbines", "kampala-buildings",
        "banepa-buildings",
    }  # fmt: skip
