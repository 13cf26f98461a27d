"""A few real steps of the detector's training: it learns, it goes on where it stood, and its result is a model."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from geogrounding.models.builtin import WEIGHTS
from recipes.builtin_model import train_detector
from recipes.builtin_model.assemble import assemble
from recipes.builtin_model.end_to_end import load_start


@pytest.fixture(autouse=True)
def _denormal_numbers_again() -> Iterator[None]:
    """Training turns them off for its process: other tests need them."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture
def turbines(tmp_path: Path) -> Path:
    """A data set of the true form: white turbines on fields."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "data" / "wind-turbines"
    (folder / "images").mkdir(parents=True)
    images, boxes = [], []
    for n in range(4):
        pixels = rng.normal((90, 110, 60), 12, (300, 300, 3)).clip(0, 255).astype(np.uint8)
        x, y = (int(v) for v in rng.integers(40, 220, 2))
        pixels[y : y + 36, x : x + 36] = 240
        name = f"m_41093{n:02d}_ne_15_{n}.png"
        Image.fromarray(pixels).save(folder / "images" / name)
        images.append({"id": n, "file_name": name, "width": 300, "height": 300})
        boxes.append({"id": n, "image_id": n, "category_id": 23, "bbox": [x, y, 36, 36], "area": 1296, "iscrowd": 0})
    labels = {"images": images, "annotations": boxes, "categories": [{"id": 23, "name": "wind turbine"}]}
    (folder / "train.json").write_text(json.dumps(labels))
    return tmp_path / "data"


def test_training_goes_on_where_it_stood(tmp_path: Path, turbines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def train(steps: int) -> dict[str, torch.Tensor]:
        run = ["--data", str(turbines), "--start", str(WEIGHTS), "--run", str(tmp_path / "run"), "--minutes", "9"]
        train_detector.main([*run, "--steps", str(steps), "--batch", "2", "--loaders", "1", "--device", "cpu"])
        out: dict[str, torch.Tensor] = torch.load(tmp_path / "run" / "detector.pt", weights_only=True)
        return out

    first = train(1)
    assert "4 images, 0 views done" in capsys.readouterr().out
    second = train(3)
    assert "4 images, 2 views done" in capsys.readouterr().out
    changed = {name for name in first if not torch.equal(first[name], second[name])}
    blocks = {int(found.group(1)) for name in first if (found := re.search(r"encoder\.layer\.(\d+)\.", name))}
    assert blocks == {7, 8, 9, 10}, "the beginning of the tower is not trained"
    assert any(name.startswith("head.") for name in changed)
    assert any(name.startswith("tower.") for name in changed)
    state = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert state["step"] == 3
    assemble(WEIGHTS, tmp_path / "run" / "detector.pt", tmp_path / "model")
    assert (tmp_path / "model" / "vision.safetensors").exists()
    assemble(WEIGHTS, tmp_path / "run" / "detector.pt", tmp_path / "between", share=0.5)
    name = "head.fine.weight"
    ends = [load_start(folder).get_parameter(name) for folder in (WEIGHTS, tmp_path / "model", tmp_path / "between")]
    assert not torch.equal(ends[0], ends[1])
    assert torch.allclose((ends[0] + ends[1]) / 2, ends[2], atol=1e-4)  # kept as float16
