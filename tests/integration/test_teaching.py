"""Ten polygons on a real raster teach the built-in model a word, and it forgets nothing for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd

import geogrounding as gg
from geogrounding.training import launch
from geogrounding.training.config import SFTSettings, make_settings
from tests.f1 import f1

WORD = "scrub oak"
STEPS = 60


def test_ten_polygons_teach_a_word(example_scene: Path, tmp_path: Path) -> None:
    trees = gg.ground(example_scene, "tree").sort_values("score", ascending=False)
    assert len(trees) > 15
    assert not len(gg.ground(example_scene, WORD)), "the word is not known before"
    trees.head(10)[["geometry"]].to_file(tmp_path / "ten.gpkg")
    settings = {"scene": example_scene, "labels": tmp_path / "ten.gpkg", "expression": WORD}
    outcome = launch.train("sft", make_settings(SFTSettings, {**settings, "steps": STEPS}), tmp_path / "run")
    assert json.loads((tmp_path / "run" / "training.json").read_text("utf-8"))["taught"] == [WORD]
    assert outcome.steps == STEPS
    model = str(tmp_path / "run")
    taught = gg.ground(example_scene, WORD, model=model)
    assert f1(taught, trees, iou=0.4) > 0.4
    (largest,) = gg.ground(example_scene, "the largest scrub oak", model=model).itertuples()
    assert "this one is the largest" in largest.reasoning
    assert f1(gg.ground(example_scene, "tree", model=model), trees, iou=0.4) > 0.5
    assert not len(gg.ground(example_scene, "airplane", model=model))


def test_what_is_rejected_scores_less_than_what_is_accepted(example_scene: Path, tmp_path: Path) -> None:
    """Every other result is rejected, so that neither looks nor earlier scores separate the two."""
    trees = gg.ground(example_scene, "tree").sort_values("score", ascending=False)
    accepted, rejected = trees.iloc[0:16:2], trees.iloc[1:16:2]
    settings: dict[str, Any] = {"scene": example_scene, "expression": WORD, "steps": 40, "turns": 1, "rehearse": 0}
    for name, rows in (("labels", accepted), ("unlike", rejected)):
        settings[name] = tmp_path / f"{name}.gpkg"
        rows[["geometry"]].to_file(settings[name])
    launch.train("sft", make_settings(SFTSettings, settings), tmp_path / "run")
    taught = gg.ground(example_scene, WORD, model=str(tmp_path / "run"), min_score=0.02)
    meant, not_meant = (mean_score(taught, places) for places in (accepted, rejected))
    assert meant > 0.5
    assert not_meant < meant - 0.2


def mean_score(found: gpd.GeoDataFrame, places: gpd.GeoDataFrame) -> float:
    """Mean over places of the best score there; 0 where nothing was found."""
    best = []
    for place in places.geometry:
        iou = found.intersection(place).area / found.union(place).area
        best.append(float(found.score[iou >= 0.4].max()) if (iou >= 0.4).any() else 0.0)
    return sum(best) / len(best)
