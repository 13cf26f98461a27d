"""Which model answers where none is named: that of ``GEOGROUND_MODEL``, on every way in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from geogrounding_cli.main import geoground

import geogrounding as gg
from geogrounding.engine.parameters import Load
from geogrounding.packaged import BUILTIN, MODEL_VARIABLE, PACKAGED, default_model, folder_name
from geogrounding.service.inputs import read_inputs
from geogrounding.service.scenes import Scenes
from geogrounding.service.shelf import Shelf
from geogrounding.service.store import Store
from geogrounding.training.config import SFTSettings, make_settings


@pytest.fixture(params=[None, "", "  "])
def unset(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No model is named, or nothing is."""
    if request.param is None:
        monkeypatch.delenv(MODEL_VARIABLE, raising=False)
    else:
        monkeypatch.setenv(MODEL_VARIABLE, request.param)


def model_of(layer: Path) -> str:
    """What the side-car of a layer says of its model."""
    name: str = json.loads(layer.with_name(f"{layer.name}.run.json").read_text())["model"]["name"]
    return name


@pytest.mark.usefixtures("unset")
def test_the_built_in_model_answers_where_nothing_is_named() -> None:
    assert default_model() == BUILTIN
    assert Load().model == BUILTIN


def test_every_way_in_takes_the_model_of_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, example_scene: Path
) -> None:
    monkeypatch.setenv(MODEL_VARIABLE, "null")
    assert gg.load_model().name == "null"
    assert not len(gg.ground(str(example_scene), "tree"))
    assert list(gg.stream(str(example_scene), "tree")) == []
    gg.run(str(example_scene), tmp_path / "a.geojson", "tree")
    assert model_of(tmp_path / "a.geojson") == "null"
    assert gg.ask(str(example_scene), "how many trees are there?").value == 0
    assert Load().model == "null"
    assert Load(model="builtin").model == "builtin", "what is named counts"
    training: Any = make_settings(SFTSettings, {"data": tmp_path / "labels.jsonl", "images": tmp_path})
    assert training.model == "null"
    out = tmp_path / "b.geojson"
    done = CliRunner().invoke(geoground, ["run", str(example_scene), "tree", "-o", str(out), "--quiet"])
    assert done.exit_code == 0, done.output
    assert model_of(out) == "null"
    done = CliRunner().invoke(
        geoground,
        ["run", str(example_scene), "tree", "-o", str(tmp_path / "c.geojson"), "--model", "nothing-such"],
    )
    assert done.exit_code != 0, "an option goes before the variable"
    assert "nothing-such" in done.output


def test_a_service_offers_the_packaged_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(MODEL_VARIABLE, raising=False)
    shelf = Shelf(Store(tmp_path / "jobs.sqlite"), Scenes((), tmp_path / "uploads"), tmp_path / "state", ())
    assert shelf.model_names() == ["builtin", "builtin-open"]
    monkeypatch.setenv(MODEL_VARIABLE, "builtin-open")
    assert shelf.model_names() == ["builtin-open", "builtin"], "the usual one is offered first"
    assert shelf.model("builtin-open") == "builtin-open"
    inputs: Any = read_inputs("ground", {"scene": "a", "queries": ["tree"]})
    assert inputs.model == "builtin-open"


def test_folders_of_packaged_models_have_their_names(tmp_path: Path) -> None:
    assert {folder_name(folder) for folder in PACKAGED.values()} == set(PACKAGED)
    assert folder_name(tmp_path / "cars") == "cars"
