"""The seeing part of the built-in model without transformers: its tower against transformers' own, and its loading."""

from __future__ import annotations

import json
import shutil
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from geogrounding.errors import ModelError
from geogrounding.models import load_model
from geogrounding.models.builtin import WEIGHTS
from geogrounding.models.builtin.vision import TowerSizes, VisionConfig, VisionTower, load_vision
from geogrounding.types import Question
from tests.integration.tiny_builtin import save_tiny_builtin

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As ``save_pretrained`` writes it, which names some weights of DINOv2 as earlier releases of transformers did."""
    return save_tiny_builtin(tmp_path_factory.mktemp("tiny") / "model")


def pixels(side_px: int) -> torch.Tensor:
    return torch.randn(2, 3, side_px, side_px, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_tower_gives_the_numbers_of_transformers(dtype: torch.dtype) -> None:
    from transformers import Dinov2Config, Dinov2Model

    sizes = TowerSizes(hidden_size=48, num_hidden_layers=3, num_attention_heads=4, image_size=56, mlp_ratio=2)
    theirs = Dinov2Model(Dinov2Config(**{f.name: getattr(sizes, f.name) for f in fields(sizes)})).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.normal_(0.0, 0.3, generator=generator)
    mine = VisionTower(sizes)
    mine.load_state_dict(theirs.state_dict())
    image = pixels(56)
    with torch.inference_mode(), torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        states = theirs.to(dtype)(image, output_hidden_states=True).hidden_states
        seen = mine.to(dtype)(image, [0, 2, 3])
    wanted = torch.cat([states[layer][:, 1:] for layer in (0, 2, 3)], -1)
    assert float(wanted.abs().max()) > 1
    torch.testing.assert_close(seen, wanted, rtol=0, atol=1e-4 if dtype == torch.float32 else 0.25)


def test_the_whole_is_seen_as_by_the_model_of_transformers(tiny: Path) -> None:
    from geogrounding.models.builtin.register import GeogroundForConditionalGeneration

    theirs = GeogroundForConditionalGeneration.from_pretrained(tiny, dtype=torch.float32).eval()
    mine = load_vision(tiny)
    assert mine.config == VisionConfig.of(theirs.config.to_dict())
    with torch.inference_mode():
        one, two = theirs.dense_maps(pixels(336)), mine.dense_maps(pixels(336))
    for name in ("logits", "boxes_px", "hidden", "coarse", "tower"):
        torch.testing.assert_close(getattr(two, name), getattr(one, name), rtol=1e-4, atol=1e-4)


def test_the_packaged_configuration_is_read_as_transformers_reads_it() -> None:
    from geogrounding.models.builtin.configuration import GeogroundConfig

    read = VisionConfig.of(json.loads((WEIGHTS / "config.json").read_text()))
    assert read == VisionConfig.of(GeogroundConfig.from_pretrained(WEIGHTS).to_dict())


def test_values_that_an_earlier_version_did_not_write_have_the_defaults_of_its_configuration() -> None:
    from geogrounding.models.builtin.configuration import GeogroundConfig

    bare = {"model_type": "geoground", "vision_config": GeogroundConfig().vision_config.to_dict()}
    assert VisionConfig.of(bare) == VisionConfig.of(GeogroundConfig().to_dict())


def test_sizes_have_the_defaults_of_transformers() -> None:
    from transformers import Dinov2Config

    theirs = Dinov2Config()
    assert TowerSizes() == TowerSizes(**{f.name: getattr(theirs, f.name) for f in fields(TowerSizes)})


def _cut_off(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


def _other_tower(folder: Path) -> None:
    _edit(folder, lambda config: config["vision_config"].update(use_swiglu_ffn=True))


def _other_size(folder: Path) -> None:
    _edit(folder, lambda config: config["vision_config"].update(hidden_size=192))


def _no_layers(folder: Path) -> None:
    _edit(folder, lambda config: config.update(vision_layers=[]))


def _beyond(folder: Path) -> None:
    _edit(folder, lambda config: config.update(vision_layers=[0, 7]))


def _no_number(folder: Path) -> None:
    _edit(folder, lambda config: config.update(class_shifts=["high"]))


def _no_json(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def _a_list(folder: Path) -> None:
    (folder / "config.json").write_text("[]")


def _edit(folder: Path, change: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    change(config)
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    "damage", [_cut_off, _other_tower, _other_size, _no_layers, _beyond, _no_number, _no_json, _a_list]
)
def test_damaged_folders_are_refused_before_anything_is_asked(damage: Any, tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "damaged")
    damage(folder)
    with pytest.raises(ModelError):
        load_model(str(folder))


def test_a_damaged_reading_part_is_an_error_where_it_is_needed(tiny: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny, tmp_path / "damaged")
    (folder / "processor_config.json").write_text("{")
    (folder / "tokenizer.json").write_text("{")
    model = load_model(str(folder))
    image = [np.zeros((336, 336, 3), np.uint8)]
    assert model.ground(image, [Question(task="detect", expression="ship")])[0][0].error is None
    with pytest.raises(ModelError, match="cannot be loaded"):
        model.ground(image, [Question(task="detect", expression="the leftmost ship")])
