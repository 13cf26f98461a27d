"""GRPO with the mask reward, as a user starts it: TRL's trainer, a frozen segmenter, EarthReason's folders."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from geogrounding_cli.main import geoground
from PIL import Image

from geogrounding.geometry.masks import unpack_mask
from geogrounding.models.segmenters.load import load_segmenter
from tests import labelled
from tests.integration.tiny_models import save_tiny
from tests.unit.test_sam import small_sam2

pytest.importorskip("trl")
SIDE = 56
OBJECT = (10, 12, 44, 40)
BOX, POINTS = (8, 10, 46, 42), ((20.0, 20.0), (36.0, 30.0))
SAYS = (
    "<think>a roof.</think><answer>",
    '```json\n[{"bbox_2d": [8, 10, 46, 42], "keypoint1": [',
    "20, 20",
    '], "keypoint2": [',
    "36, 30",
    '], "label": "target"}]\n```',
    "</answer>",
)
"""The parts of a target answer; where the model skips to other tokens, an answer earns less or nothing."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A split of EarthReason: two images with one bright object each."""
    split = tmp_path_factory.mktemp("earthreason") / "train"
    x0, y0, x1, y1 = OBJECT
    for n, ground in enumerate((70, 110)):
        name = f"roof_{n}"
        pixels = np.full((SIDE, SIDE, 3), ground, np.uint8)
        pixels[y0:y1, x0:x1] = 220
        (split / "images").mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(split / "images" / f"{name}.png")
        labelled.mask(split / "labels" / f"{name}.png", [OBJECT], (SIDE, SIDE))
        record = {"questions": ["Where does rain run off?"], "answer": ["The roof."]}
        labelled.write_json(split / "QAs" / f"{name}.json", record)
    return split


@pytest.fixture(scope="module")
def talker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("talker")
    return save_tiny(folder, "qwen2_5_vl", say=SAYS, probabilities=[0.9] * 8, max_pixels=SIDE * SIDE)


@pytest.mark.parametrize("kind", ["builtin", "sam2"])
def test_masks_of_a_frozen_segmenter_are_what_grpo_earns(data: Path, talker: Path, tmp_path: Path, kind: str) -> None:
    segmenter = "builtin" if kind == "builtin" else str(small_sam2(tmp_path / "sam2"))
    run = tmp_path / "run"
    command = (
        f"train grpo --data {data} --task segment --segmenter {segmenter} --model {talker} -o {run} --device cpu "
        "--steps 2 --group 4 --batch 8 --max-completion 14 --learning-rate 0.01 --completions-every 1 "
        "--no-gradient-checkpointing"
    )
    result = CliRunner().invoke(geoground, command.split())
    assert result.exit_code == 0, result.output
    record = json.loads((run / "training.json").read_text(encoding="utf-8"))
    assert record["status"] == "done"
    assert record["config"]["segmenter"] == segmenter
    said = [json.loads(line) for line in (run / "completions.jsonl").read_text(encoding="utf-8").splitlines()]
    by_step = {n: [entry["rewards"]["mask_reward"] for entry in said if entry["step"] == n] for n in (0, 1, 2)}
    assert {n: len(earned) for n, earned in by_step.items()} == {0: 8, 1: 8, 2: 8}  # the probe, and two steps
    # what is said otherwise than the answer earns nothing; what is drawn earns more than nothing, and not all
    assert {0.0} < {value for earned in by_step.values() for value in earned}
    assert all(value == 0.0 or 0.2 < value < 1.0 for earned in by_step.values() for value in earned)
    # advantages are those of the mask reward and the form within a group
    for group in (said[8:12], said[12:16]):
        totals = np.array([sum(entry["rewards"].values()) for entry in group])
        advantages = np.array([entry["advantage"] for entry in group])
        assert np.allclose(advantages, (totals - totals.mean()) / (totals.std(ddof=1) + 1e-4), atol=0.01)
    # the reward of a whole answer is the IoU of what the segmenter draws in its box, computed here again by hand
    whole = {entry["rewards"]["mask_reward"] for entry in said if entry["completion"].startswith("".join(SAYS[:-1]))}
    by_hand = []
    drawing = load_segmenter(segmenter, device="cpu")
    for image in sorted((data / "images").glob("*.png")):
        pixels = np.asarray(Image.open(image))
        (mask,) = drawing.segment(pixels, np.array([BOX], float), [POINTS])
        assert mask is not None
        found, true = np.zeros((2, SIDE, SIDE), np.bool_)
        left, top, right, bottom = mask.window_chip_px
        found[top:bottom, left:right] = unpack_mask(mask)
        found[: BOX[1]] = found[BOX[3] :] = found[:, : BOX[0]] = found[:, BOX[2] :] = False
        true[OBJECT[1] : OBJECT[3], OBJECT[0] : OBJECT[2]] = True
        by_hand.append(float((found & true).sum() / (found | true).sum()))
    assert whole
    assert all(min(abs(value - one) for one in by_hand) < 1e-3 for value in whole)
    with (run / "metrics.csv").open(encoding="utf-8", newline="") as file:
        steps = list(csv.DictReader(file))
    assert [float(one["rewards/mask_reward/mean"]) for one in steps] == pytest.approx(
        [np.mean(by_step[1]), np.mean(by_step[2])], abs=1e-3
    )
    assert any(float(one["grad_norm"]) > 0 for one in steps)
