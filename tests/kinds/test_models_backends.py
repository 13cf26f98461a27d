"""Kind: backends of other packages, found by entry points."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geogrounding.errors import ModelError, SettingsError
from geogrounding.model_options import OPTION_NAMES, ModelOptions
from geogrounding.models import available, load_model
from geogrounding.models.backends import names
from geogrounding.types import Answer, Question

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """``install(code, acme="acme_grounding:load")``: an installed package of somebody else."""

    def make(code: str, **entries: str) -> None:
        place = tmp_path / "site"
        info = place / "acme_grounding-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-grounding\nVersion: 1.0\n")
        lines = "".join(f"{name} = {value}\n" for name, value in entries.items())
        (info / "entry_points.txt").write_text(f"[geogrounding.models]\n{lines}")
        (place / "acme_grounding.py").write_text(code)
        monkeypatch.syspath_prepend(str(place))

    yield make
    sys.modules.pop("acme_grounding", None)


CODE = """
from geogrounding.models import NullModel

class Acme(NullModel):
    def __init__(self, name, options):
        super().__init__(batch_size=options.batch_size)
        self.name = f"acme-{name}-{options.coordinates}"

load = Acme

def fails(name, options):
    raise OSError("no licence file")

def nothing(name, options):
    return object()
"""


@pytest.mark.parametrize(("name", "rest"), [("acme:big-1.0", "big-1.0"), ("acme", ""), ("acme:a/b:c", "a/b:c")])
def test_a_backend_gets_its_name_and_the_options(install: Install, name: str, rest: str) -> None:
    install(CODE, acme="acme_grounding:load")
    model = load_model(name, batch_size=3, coordinates="percent")
    assert model.name == f"acme-{rest}-percent"
    assert model.conventions.batch_size == 3
    assert model.ground([np.zeros((4, 4, 3), np.uint8)], [Question(expression="x")]) == [[Answer()]]
    assert names() == ["acme"]


@pytest.mark.parametrize(
    ("entry", "words"),
    [("acme_grounding:fails", "no licence file"), ("acme_grounding:nothing", "not a model"),
     ("acme_grounding:absent", "absent"), ("no_such_module:load", "no_such_module")],
)  # fmt: skip
def test_a_broken_backend_is_named(install: Install, entry: str, words: str) -> None:
    install(CODE, acme=entry)
    with pytest.raises(ModelError, match="acme") as caught:
        load_model("acme:x")
    assert words in str(caught.value)
    assert caught.value.hint


def test_a_backend_cannot_take_the_place_of_the_built_in_names(install: Install) -> None:
    install(CODE, null="acme_grounding:fails", builtin="acme_grounding:fails")
    assert load_model("null").name == "null"
    assert names() == []


def test_one_list_of_options() -> None:
    parameters = inspect.signature(load_model).parameters
    assert set(parameters) == {"name", *OPTION_NAMES}
    assert all(parameter.default is None for name, parameter in parameters.items() if name != "name")
    assert all(field.default is None for field in fields(ModelOptions))


@pytest.mark.parametrize(
    ("options", "words"),
    [({"dtype": "int8"}, "dtype"), ({"coordinates": "pixel"}, "resized-pixels"), ({"box_order": "xyhw"}, "cxcywh"),
     ({"style": "gpt"}, "qwen3"), ({"batch_size": 0}, "batch_size"), ({"timeout_s": float("nan")}, "timeout_s"),
     ({"max_pixels": -1}, "max_pixels"), ({"device": ""}, "device"), ({"adapter": "a" * 5000}, "adapter")],
)  # fmt: skip
def test_values_out_of_range_are_refused_with_the_choices(options: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        ModelOptions(**options)
    assert words in str(caught.value) + caught.value.hint


def test_a_key_is_not_shown() -> None:
    assert "secret" not in repr(ModelOptions(api_key="secret"))


def test_backends_and_detectors_are_listed(install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(CODE, acme="acme_grounding:load")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    for model_type in ("grounding-dino", "sam3", "bert"):
        (tmp_path / "models" / model_type).mkdir(parents=True)
        (tmp_path / "models" / model_type / "config.json").write_text(f'{{"model_type": "{model_type}"}}')
    listed = {info.name.rpartition("/")[2]: info.kind for info in available([tmp_path / "models"])}
    assert listed["acme:NAME"] == "backend"
    assert listed["grounding-dino"] == listed["sam3"] == "folder"
    assert "bert" not in listed
