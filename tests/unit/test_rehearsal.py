"""Few-shot training: which samples are turned, and what is rehearsed beside them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from geogrounding.datasets import Sample
from geogrounding.training import rehearsal
from geogrounding.training.config import GRPOSettings, SFTSettings, TrainSettings, make_settings
from geogrounding.types import Answer, Detection, Question
from tests.blobs import BlobModel


def settings(kind: type[TrainSettings] = SFTSettings, **given: Any) -> Any:
    where = {"scene": "s.tif", "labels": "l.gpkg", "expression": "shed"}
    return make_settings(kind, {**where, **given}).completed(builtin=True)  # type: ignore[attr-defined]


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    return [make_sample(tmp_path, n) for n in range(3)]


def make_sample(folder: Path, number: int, expression: str = "shed") -> Sample:
    path = folder / f"{number}.png"
    Image.fromarray(np.full((20, 30, 3), number, np.uint8)).save(path)
    return Sample(
        id=str(number),
        image=path,
        size_px=(30, 20),
        expression=expression,
        task="detect",
        boxes_px=np.array([[2.0, 3, 10, 9]]),
        labels=("shed",),
        origin=f"t:{number}",
    )


class Knows(BlobModel):
    """Finds a tree in the corner of every image, faintly a ship, and nothing else."""

    def ground(self, images: Sequence[Any], questions: Sequence[Question]) -> list[list[Answer]]:
        said = {"tree": 0.9, "ship": 0.3}
        return [
            [
                Answer(
                    detections=(Detection(box_chip_px=(0, 0, 5, 4), label=q.expression, score=said[q.expression]),)
                    if q.expression in said
                    else ()
                )
                for q in questions
            ]
            for _ in images
        ]


@pytest.fixture
def base(monkeypatch: pytest.MonkeyPatch) -> Any:
    from geogrounding.models import load

    monkeypatch.setattr(load, "load_model", lambda source, **_: Knows())
    config = SimpleNamespace(classes=["tree", "ship", "airplane"])
    return SimpleNamespace(model=SimpleNamespace(config=config), source="builtin")


def test_defaults_are_for_the_built_in_model_and_a_scene() -> None:
    assert (settings().turns, settings().rehearse, settings().partial) == (8, 1.0, True)
    assert (settings(GRPOSettings).turns, settings(GRPOSettings).partial) == (8, False)
    given = make_settings(SFTSettings, {"data": "a.json"})
    assert (given.completed(builtin=True).turns, given.completed(builtin=True).rehearse) == (1, 0.0)
    scene = make_settings(SFTSettings, {"scene": "s.tif", "labels": "l.gpkg", "expression": "x"})
    assert (scene.completed(builtin=False).turns, scene.completed(builtin=False).rehearse) == (1, 0.0)
    assert scene.completed(builtin=False).partial is False


def test_labels_may_be_partial_but_rehearsal_is_complete(samples: list[Sample], base: Any) -> None:
    wide = rehearsal.widen(samples, settings(), base)
    assert [one.complete for one in wide] == [False] * 24 + [True] * 24
    assert all(one.complete for one in rehearsal.widen(samples, settings(partial=False), base))


def test_each_sample_is_turned_and_has_something_known_beside_it(samples: list[Sample], base: Any) -> None:
    wide = rehearsal.widen(samples, settings(), base)
    taught, known = wide[:24], wide[24:]
    assert len(known) == 24
    assert {(one.image.name, one.turn) for one in taught} == {(f"{n}.png", t) for n in range(3) for t in range(8)}
    assert [(one.image, one.turn) for one in known] == [(one.image, one.turn) for one in taught]
    assert {one.expression for one in known} == {"tree", "ship", "airplane"}
    for one in known:
        assert len(one.boxes_px) == (one.expression == "tree"), "what the base model is unsure of counts as absent"
        assert one.labels == ("tree",) * len(one.boxes_px)
    shown = sum(one.expression == "tree" for one in known)
    assert 8 <= shown <= 20, "about six in ten are about something that is there"
    assert [one.id for one in rehearsal.widen(samples, settings(), base)] == [one.id for one in wide]
    assert [one.id for one in rehearsal.widen(samples, settings(seed=1), base)] != [one.id for one in wide]


def test_what_is_taught_is_not_rehearsed(tmp_path: Path, base: Any) -> None:
    wide = rehearsal.widen([make_sample(tmp_path, 1, "trees")], settings(), base)
    assert {one.expression for one in wide} == {"trees", "ship", "airplane"}


def test_directions_are_not_turned(tmp_path: Path, base: Any) -> None:
    for said in ("the leftmost shed", "shed in the upper left", "the shed north of the tree", "whatever I mean"):
        wide = rehearsal.widen([make_sample(tmp_path, 1, said)], settings(rehearse=0), base)
        assert [one.turn for one in wide] == [0], said


def test_many_images_are_turned_less(samples: list[Sample], base: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "MAX_IMAGES", 7)
    assert len(rehearsal.widen(samples, settings(rehearse=0), base)) == 6
    monkeypatch.setattr(rehearsal, "MAX_IMAGES", 2)
    assert len(rehearsal.widen(samples, settings(rehearse=0), base)) == 3


def test_shares_of_rehearsal(samples: list[Sample], base: Any) -> None:
    assert len(rehearsal.widen(samples, settings(rehearse=0), base)) == 24
    assert len(rehearsal.widen(samples, settings(rehearse=2), base)) == 72
    assert 24 < len(rehearsal.widen(samples, settings(rehearse=0.5), base)) < 48


def test_words_taught_by_earlier_runs_are_known(samples: list[Sample], base: Any, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    base.source = str(run)
    assert rehearsal.known_words(base) == ["tree", "ship", "airplane"]
    (run / "training.json").write_text(json.dumps({"taught": ["crane", 7]}), encoding="utf-8")
    assert rehearsal.known_words(base) == ["tree", "ship", "airplane", "crane"]
    assert rehearsal.taught(base, samples) == ["crane", "shed"]
    (run / "training.json").write_text(json.dumps({"taught": "crane"}), encoding="utf-8")
    assert rehearsal.taught(base, samples) == ["shed"]
