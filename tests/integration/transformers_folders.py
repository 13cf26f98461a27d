"""Tiny checkpoints of transformers for the tests of its adapter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geogrounding.models.hf.processing import Pixels
from geogrounding.types import Answer, Question
from tests.integration import tiny_models
from tests.integration.tiny_models import Family

QUESTIONS = [Question(expression=text) for text in ("plane", "the red ship at the quay", "storage tank")]

SAYING = [
    "<think>",
    "one at the left",
    "</think><answer>",
    '[{"bbox_2d": [',
    "28, ",
    "56, ",
    "140,",
    " 112",
    '], "label": "',
    "plane",
    '"}]',
]

SURE = [0.9, 0.8, 0.9, 0.9, 0.5, 0.6, 0.7, 0.8, 0.9, 0.9, 0.9, 0.9]

CPU: dict[str, Any] = {"device": "cpu", "dtype": "float32", "max_new_tokens": 10}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Family, bool], Path]:
    """``folders(family, rigged)`` -> a model folder, built once."""
    built: dict[tuple[Family, bool], Path] = {}

    def folder(family: Family, rigged: bool = False) -> Path:
        if (family, rigged) not in built:
            place = tmp_path_factory.mktemp("models") / f"{family}-{'rigged' if rigged else 'random'}"
            saying = {"say": SAYING, "probabilities": SURE} if rigged else {}
            built[family, rigged] = tiny_models.save_tiny(place, family, **saying)  # type: ignore[arg-type]
        return built[family, rigged]

    return folder


def images_of(*sizes: tuple[int, int]) -> list[Pixels]:
    """Noise of (width, height) pixels."""
    random = np.random.default_rng(7)
    return [random.integers(0, 256, (height, width, 3), dtype=np.uint8) for width, height in sizes]


def texts(answers: list[list[Answer]]) -> list[list[str]]:
    assert all(answer.error is None or "token limit" in answer.error for row in answers for answer in row)
    return [[answer.raw_text for answer in row] for row in answers]


def copied(folder: Path, place: Path) -> Path:
    place.mkdir()
    for path in folder.iterdir():
        (place / path.name).write_bytes(path.read_bytes())
    return place
