"""Training on tiny models, from a data set to a folder that answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import geogrounding as gg
from geogrounding.errors import InputError, ModelError, OutputError, SettingsError
from geogrounding.training.config import GRPOSettings, SFTSettings, make_settings
from geogrounding.types import Question
from tests.integration.tiny_builtin import save_tiny_builtin
from tests.integration.tiny_models import save_tiny
from tests.training_data import save_talker, write_squares

TINY = {"device": "cpu", "gradient_checkpointing": False}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_squares(tmp_path_factory.mktemp("squares"), 4)


@pytest.fixture(scope="module")
def talker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_talker(tmp_path_factory.mktemp("talker"))


def sft(data: Path, model: Path | str, **more: Any) -> SFTSettings:
    return make_settings(SFTSettings, {"data": data, "model": str(model), "steps": 2, "batch": 2, **TINY, **more})


def grpo(data: Path, model: Path | str, **more: Any) -> GRPOSettings:
    given = {"data": data, "model": str(model), "steps": 2, "group": 4, "batch": 4, "max_completion": 12, "probe": 2}
    return make_settings(GRPOSettings, {**given, **TINY, **more})


def train(settings: SFTSettings | GRPOSettings, output: Path, **call: Any) -> Any:
    from geogrounding.training import launch

    return launch.train("grpo" if isinstance(settings, GRPOSettings) else "sft", settings, output, **call)


def weights_of(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return {name: tensor for path in sorted(folder.glob("*.safetensors")) for name, tensor in load_file(path).items()}


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    import torch

    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_sft_then_grpo_and_the_result_answers(data: Path, talker: Path, tmp_path: Path) -> None:
    said: list[Mapping[str, float]] = []
    outcome = train(sft(data, talker), tmp_path / "a", on_log=said.append)
    assert (outcome.steps, outcome.samples, outcome.problems) == (2, 4, 0)
    assert [numbers["step"] for numbers in said] == [1, 2]
    assert "loss" in said[0]
    # a run that is an adapter goes on as one, and the KL divergence is that from where it stood
    outcome = train(grpo(data, tmp_path / "a", beta=0.04, learning_rate=0.01), tmp_path / "b")
    assert outcome.images_encoded <= 4
    assert outcome.images_asked > 4 * outcome.images_encoded
    record = json.loads((tmp_path / "b" / "training.json").read_text(encoding="utf-8"))
    assert record["status"] == "done"
    assert record["config"]["epsilon_high"] == 0.28
    assert record["config"]["batch"] == 4
    assert record["versions"]["trl"]
    assert record["data"]["samples"] == 4
    assert [len(digest) for digest in record["data"]["files"].values()] == [64]
    assert 0 < record["before"]["format_reward"] <= 1
    for name in ("metrics.csv", "curves.png", "completions.jsonl", "completions.txt", "adapter_config.json"):
        assert (tmp_path / "b" / name).stat().st_size > 0, name
    assert '"lora_alpha": 32,' in (tmp_path / "b" / "adapter_config.json").read_text(encoding="utf-8")
    assert not (tmp_path / "b" / "README.md").exists()
    assert (tmp_path / "b" / "metrics.csv").read_text(encoding="utf-8").count("\n") == 3
    assert "kl" in (tmp_path / "b" / "metrics.csv").read_text(encoding="utf-8")
    assert not same(weights_of(tmp_path / "a"), weights_of(tmp_path / "b"))
    model = gg.load_model(str(tmp_path / "b"), device="cpu", dtype="float32", max_new_tokens=12)
    answer = model.ground([np.zeros((56, 56, 3), np.uint8)], [Question(expression="the square")])[0][0]
    assert answer.detections  # a model this small talks on until it is cut, which keeps the boxes
    assert "<answer>" in answer.raw_text


@pytest.mark.parametrize("kind", ["sft", "grpo"])
def test_a_killed_run_goes_on_to_the_same_weights(data: Path, talker: Path, tmp_path: Path, kind: str) -> None:
    more: dict[str, Any] = {"steps": 6, "save_every": 3, "seed": 5, "learning_rate": 0.01}
    settings = sft(data, talker, **more) if kind == "sft" else grpo(data, talker, **more, completions_every=1)
    train(settings, tmp_path / "whole")

    class Killed(Exception):
        pass

    def kill(numbers: Mapping[str, float]) -> None:
        if numbers["step"] == 4:
            raise Killed

    with pytest.raises(Killed):
        train(settings, tmp_path / "cut", on_log=kill)
    with pytest.raises(ModelError, match="is not done"):
        gg.load_model(str(tmp_path / "cut"))
    with pytest.raises(OutputError, match="exists and is not empty"):
        train(settings, tmp_path / "cut")
    said: list[Mapping[str, float]] = []
    train(settings, tmp_path / "cut", resume=True, on_log=said.append)
    assert [numbers["step"] for numbers in said] == [4, 5, 6]
    assert same(weights_of(tmp_path / "whole"), weights_of(tmp_path / "cut"))
    for name in ("completions.jsonl",):
        assert (tmp_path / "cut" / name).read_text("utf-8") == (tmp_path / "whole" / name).read_text("utf-8")
    with pytest.raises(OutputError, match="is done"):
        train(settings, tmp_path / "cut", resume=True)


def test_a_run_does_not_go_on_as_another(data: Path, talker: Path, tmp_path: Path) -> None:
    class Killed(Exception):
        pass

    def kill(numbers: Mapping[str, float]) -> None:
        raise Killed

    with pytest.raises(Killed):
        train(sft(data, talker, save_every=1, steps=3), tmp_path / "run", on_log=kill)
    with pytest.raises(SettingsError, match="begun with seed 0, not 1"):
        train(sft(data, talker, save_every=1, steps=3, seed=1), tmp_path / "run", resume=True)
    with pytest.raises(OutputError, match="is sft, not grpo"):
        train(grpo(data, talker), tmp_path / "run", resume=True)


def test_sharing_images_changes_no_number(data: Path, talker: Path, tmp_path: Path) -> None:
    import torch

    for name, share in (("shared", True), ("plain", False)):
        outcome = train(grpo(data, talker, learning_rate=0.01, share_vision=share, seed=2), tmp_path / name)
        assert (outcome.images_asked == outcome.images_encoded) is not share
    shared, plain = weights_of(tmp_path / "shared"), weights_of(tmp_path / "plain")
    for name, tensor in shared.items():
        torch.testing.assert_close(tensor, plain[name], rtol=1e-3, atol=1e-4)


def test_full_training_with_a_reference_gives_a_whole_model(data: Path, talker: Path, tmp_path: Path) -> None:
    train(
        grpo(data, talker, full=True, beta=0.1, learning_rate=0.01, iterations=2, save_every=2, steps=4),
        tmp_path / "run",
    )
    start, result = weights_of(talker), weights_of(tmp_path / "run")
    assert start.keys() == result.keys()
    assert not same(start, result)
    assert same({n: t for n, t in start.items() if "visual" in n}, {n: t for n, t in result.items() if "visual" in n})
    assert gg.load_model(str(tmp_path / "run"), device="cpu", max_new_tokens=4).name == "run"


def test_the_built_in_model_learns_by_sft_and_grpo(data: Path, tmp_path: Path) -> None:
    start = save_tiny_builtin(tmp_path / "base")
    squares = write_squares(tmp_path / "squares", 4, size=120)
    losses: list[float] = []
    more: dict[str, Any] = {"full": True, "steps": 15, "batch": 4, "learning_rate": 1e-2}
    train(sft(squares, start, **more), tmp_path / "a", on_log=lambda numbers: losses.append(numbers["loss"]))
    assert losses[-1] < losses[0] - 1
    # it has not learned to see, but it can learn to be brief
    more = {"rewards": ["tests.training_data.brevity_reward"], "compare_labels": True, "probe": 0, "steps": 3}
    outcome = train(grpo(squares, tmp_path / "a", batch=8, learning_rate=1e-3, **more), tmp_path / "b")
    assert outcome.images_encoded <= 4
    assert not same(weights_of(tmp_path / "a"), weights_of(tmp_path / "b"))
    for part in ("vision_tower", "region_head"):
        before = {name: tensor for name, tensor in weights_of(start).items() if name.startswith(part)}
        assert before
        assert same(before, {name: tensor for name, tensor in weights_of(tmp_path / "b").items() if name in before})
    model = gg.load_model(str(tmp_path / "b"))
    assert model.ground([np.zeros((120, 120, 3), np.uint8)], [Question(expression="the square")])[0][0].error is None


def test_from_a_raster_and_a_layer(talker: Path, tmp_path: Path) -> None:
    import geopandas
    from shapely.geometry import box

    from tests import rasters

    scene = rasters.write(tmp_path / "scene.tif", rasters.noise((3, 224, 224)))
    transform = rasters.NORTH_UP
    corners = [
        (transform @ (x, y), transform @ (x + 20, y + 30)) for x, y in ((10, 20), (60, 50), (150, 160), (30, 180))
    ]
    shapes = [box(x0, y1, x1, y0) for (x0, y0), (x1, y1) in corners]
    names = ["square", "square", "pool", "pool"]
    layer = tmp_path / "labels.gpkg"
    geopandas.GeoDataFrame({"name": names}, geometry=shapes, crs="EPSG:32633").to_file(layer)
    given = {"scene": scene, "labels": layer, "expression_field": "name", "model": str(talker), "steps": 1, "batch": 2}
    outcome = train(make_settings(SFTSettings, {**given, **TINY}), tmp_path / "run")
    assert outcome.samples >= 4
    asked = (tmp_path / "run" / "chips" / "train.jsonl").read_text(encoding="utf-8")
    assert "pool" in asked
    record = json.loads((tmp_path / "run" / "training.json").read_text(encoding="utf-8"))
    assert {str(scene), str(layer)} <= set(record["data"]["files"])
    with pytest.raises(InputError, match="nam"):
        train(make_settings(SFTSettings, {**given, **TINY, "expression_field": "nam"}), tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_grpo_in_which_nothing_is_earned_says_so_before_and_after(data: Path, talker: Path, tmp_path: Path) -> None:
    """The model finds the form, and never the thing."""
    elsewhere = tmp_path / "d" / "train.jsonl"
    elsewhere.parent.mkdir()
    for image in data.parent.glob("*.png"):
        (elsewhere.parent / image.name).write_bytes(image.read_bytes())
    answer = '```json\n[{"bbox_2d": [44, 44, 54, 54], "label": "flux capacitor"}]\n```'
    record = {"problem": "flux capacitor", "expression": "flux capacitor", "task": "detect", "solution": answer}
    lines = [json.dumps({"image": f"{n}.png", **record}) for n in range(3)]
    elsewhere.write_text("\n".join(lines), encoding="utf-8")
    heard: list[str] = []
    outcome = train(grpo(elsewhere, talker), tmp_path / "run", on_note=heard.append)
    before, after = heard
    assert before.startswith("Before training, none of 8 answers to 2 questions earned detection_reward")
    assert after.startswith("In 2 logged steps no answer earned detection_reward: the model has not learned.")
    assert "geoground train sft" in after
    assert outcome.notes == (before, after)
    assert json.loads((tmp_path / "run" / "training.json").read_text(encoding="utf-8"))["result"]["notes"] == heard
    learned: list[str] = []
    rewards = ("format", "tests.training_data.brevity_reward")
    train(grpo(elsewhere, talker, rewards=rewards), tmp_path / "other", on_note=learned.append)
    assert learned == []


# -- what cannot work is refused before the first step, and leaves nothing behind -----------------------------


def test_a_model_that_never_finds_the_form_is_refused(data: Path, tmp_path: Path) -> None:
    babbler = save_tiny(tmp_path / "m", "qwen2_5_vl", max_pixels=112 * 112)
    with pytest.raises(ModelError, match="none has the required form") as caught:
        train(grpo(data, babbler), tmp_path / "run")
    assert "train sft" in caught.value.hint
    assert not (tmp_path / "run").exists()


def test_groups_must_fit_the_batch(data: Path, talker: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be divided into groups of 4"):
        train(grpo(data, talker, batch=6), tmp_path / "run")


def test_images_beyond_the_budget_are_refused_or_reduced(talker: Path, tmp_path: Path) -> None:
    large = write_squares(tmp_path / "d", 2, size=140)
    with pytest.raises(InputError, match="2 of 2 images are larger than the 12,544 pixels"):
        train(sft(large, talker), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    outcome = train(sft(large, talker, reduce_pictures=True, steps=1), tmp_path / "run")
    assert outcome.samples == 2
    target = json.loads((tmp_path / "run" / "completions.jsonl").read_text(encoding="utf-8").splitlines()[0])["target"]
    numbers = json.loads(target.partition("[{")[2].partition("}")[0].join(("{", "}")))["bbox_2d"]
    assert max(numbers) <= 112


def test_an_empty_data_set_is_refused(talker: Path, tmp_path: Path) -> None:
    empty = tmp_path / "train.jsonl"
    empty.write_text("", encoding="utf-8")
    with pytest.raises(InputError):
        train(sft(empty, talker), tmp_path / "run")


def test_answers_that_do_not_fit_the_model_are_refused(data: Path, talker: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="more than the 8192 that the model can read"):
        train(grpo(data, talker, max_completion=8100), tmp_path / "run")


def test_a_family_whose_images_are_not_known_is_refused(data: Path, tmp_path: Path) -> None:
    other = save_tiny(tmp_path / "m", "llava_next")
    with pytest.raises(ModelError, match="models of type llava_next cannot be trained here"):
        train(sft(data, other), tmp_path / "run")


def test_vllm_that_is_missing_is_reported(
    data: Path, talker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("geogrounding.training.grpo.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match="need the package vllm"):
        train(grpo(data, talker, vllm=True), tmp_path / "run")


def test_what_the_built_in_model_cannot_do_is_refused(data: Path, tmp_path: Path) -> None:
    start = save_tiny_builtin(tmp_path / "base")
    with pytest.raises(SettingsError, match="cannot answer without reasoning"):
        train(sft(data, start, reasoning=False), tmp_path / "run")
    with pytest.raises(SettingsError, match="max_pixels does not go with the built-in model"):
        train(sft(data, start, max_pixels=1000), tmp_path / "run")
