"""Candidates that score too low to count are named where they would change the answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import rasterio

import geogrounding as gg
from tests.integration.test_whole_scene import Painted, paint

SURE = {"ship": [(10, 10, 40, 30), (100, 10, 120, 20)]}


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """Two ships that are surely seen, and a larger one that scores 0.5 where 0.6 is asked for."""
    path = paint(tmp_path / "scene.tif", SURE)
    with rasterio.open(path, "r+") as opened:
        pixels = opened.read()
        pixels[0, 100:160, 200:300] = 125
        opened.write(pixels)
    return path


def test_a_faint_candidate_that_would_be_chosen_is_named(scene: Path, tmp_path: Path) -> None:
    asked = gg.ask(scene, "the largest ship", model=Painted(tile=128, overlap=64))
    assert asked.value == 1
    assert asked.layer["area_m2"].iloc[0] == pytest.approx(30 * 20 / 4, rel=0.05)
    assert "Less sure candidates would change this" in asked.answer
    assert asked.steps[-1]["step"].startswith("with candidates that score 0.36 to 0.60, too low to count: ")
    gg.run(scene, tmp_path / "a.geojson", "the largest ship", model=Painted(tile=128, overlap=64))
    answers = json.loads((tmp_path / "a.geojson.run.json").read_text())["result"]["answers"]["the largest ship"]
    assert "too low to count" in answers["steps"][-1]["step"]
    assert len(json.loads((tmp_path / "a.geojson").read_text())["features"]) == 1


def test_a_count_names_them_in_its_steps_only(scene: Path) -> None:
    asked = gg.ask(scene, "how many ships are there?", model=Painted(tile=128, overlap=64))
    assert (asked.value, asked.answer) == (2, "There are two ships in the scene.")
    assert (asked.steps[-1]["count"], "three ships" in asked.steps[-1]["step"]) == (3, True)


@pytest.mark.parametrize(
    ("question", "value", "doubted"),
    [
        ("are there any ships larger than 1000 m2?", False, True),
        ("are there any ships larger than 100 m2?", True, False),
        ("the smallest ship", 1, False),
        ("how many ships are smaller than 100 m2?", 1, False),
    ],
)
def test_only_what_would_change_the_answer_is_named(scene: Path, question: str, value: object, doubted: bool) -> None:
    asked = gg.ask(scene, question, model=Painted(tile=128, overlap=64))
    assert asked.value == value
    assert any("too low to count" in step["step"] for step in asked.steps) is doubted
    assert ("Less sure" in asked.answer) is doubted
