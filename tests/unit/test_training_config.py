"""Settings of training: complete, validated, the same on the command line and in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from geogrounding_cli import train as cli
from geogrounding_cli.main import geoground

from geogrounding.errors import SettingsError
from geogrounding.training.config import (
    GRPOSettings,
    SFTSettings,
    TrainSettings,
    describe,
    make_settings,
    read_config,
)

DATA = {"data": "train.jsonl"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "give either data"),
        ({"data": "a", "scene": "b", "labels": "c", "expression": "d"}, "give either data"),
        ({"scene": "a"}, "scene and labels go together"),
        ({"scene": "a", "labels": "b"}, "give expression_field or expression"),
        (
            {"scene": "a", "labels": "b", "expression": "x", "expression_field": "y"},
            "give expression_field or expression",
        ),
        ({**DATA, "expression_field": "name"}, "expression_field: only with scene and labels"),
        ({"images": "a", "scene": "a", "labels": "b", "expression": "c"}, "images goes with data"),
        ({**DATA, "steps": 3, "epochs": 1}, "give one of them"),
        ({**DATA, "train_vision": True}, "train_vision needs full"),
        ({**DATA, "learning_rate": 0}, "learning_rate: "),
        ({**DATA, "learning_rate": float("inf")}, "learning_rate: "),
        ({**DATA, "lern_rate": 1}, "unknown setting 'lern_rate'"),
        ({**DATA, "seed": -1}, "seed: "),
        ({**DATA, "style": "haiku"}, "style: "),
    ],
)
@pytest.mark.parametrize("kind", [SFTSettings, GRPOSettings])
def test_wrong_settings_are_refused_with_their_name(
    kind: type[TrainSettings], given: dict[str, Any], said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        make_settings(kind, given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"epsilon": 0.3, "epsilon_high": 0.2}, "epsilon_high 0.2 is below epsilon 0.3"),
        ({"reward_weights": [1]}, "reward_weights goes with rewards"),
        ({"rewards": ["format"], "reward_weights": [1, 2]}, "2 reward_weights for 1 rewards"),
        ({"iterations": 4, "save_every": 6}, "save_every 6 is not a multiple of iterations 4"),
        ({"vllm_base_url": "http://x"}, "vllm_base_url goes with vllm"),
        ({"group": 1}, "group: "),
    ],
)
def test_wrong_settings_of_grpo_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        make_settings(GRPOSettings, {**DATA, **given})


@pytest.mark.parametrize(
    ("batch", "accumulate", "processes", "good"),
    [(8, 1, 1, True), (4, 2, 1, True), (2, 1, 4, True), (6, 1, 1, False), (4, 1, 1, False), (12, 1, 1, False)],
)
def test_a_step_holds_whole_groups(batch: int, accumulate: int, processes: int, good: bool) -> None:
    settings = make_settings(GRPOSettings, {**DATA, "group": 8, "batch": batch, "accumulate": accumulate})
    if good:
        settings.check_batch(processes)
        return
    with pytest.raises(SettingsError, match="cannot be divided into groups of 8") as caught:
        settings.check_batch(processes)
    assert "8" in caught.value.hint


def test_defaults_are_those_of_dapo() -> None:
    settings = make_settings(GRPOSettings, DATA)
    assert (settings.loss, settings.epsilon, settings.epsilon_high, settings.beta) == ("dapo", 0.2, 0.28, 0.0)
    assert settings.lora_dropout == 0


def test_completed_settings_leave_nothing_open_and_keep_what_was_given() -> None:
    for builtin in (False, True):
        grpo = make_settings(GRPOSettings, {**DATA, "group": 4}).completed(builtin=builtin)
        assert grpo.batch == (32 if builtin else 4)
        assert grpo.steps == 200
        assert None not in (grpo.learning_rate, grpo.max_completion, grpo.gradient_checkpointing, grpo.compare_labels)
        sft = make_settings(SFTSettings, {**DATA, "learning_rate": 0.5, "steps": 7}).completed(builtin=builtin)
        assert (sft.learning_rate, sft.steps, sft.epochs) == (0.5, 7, None)
    given = make_settings(GRPOSettings, {**DATA, "epochs": 2.0, "max_completion": 99, "batch": 16}).completed(
        builtin=True
    )
    assert (given.steps, given.epochs, given.max_completion, given.batch) == (None, 2.0, 99, 16)


@pytest.mark.parametrize("ending", [".json", ".yaml"])
def test_a_file_and_options_together_and_options_win(tmp_path: Path, ending: str) -> None:
    import yaml

    content = {"data": "a.json", "group": 4, "rewards": ["format", "iou"], "reward_weights": [1, 0.5]}
    path = tmp_path / f"settings{ending}"
    path.write_text(json.dumps(content) if ending == ".json" else yaml.safe_dump(content), encoding="utf-8")
    settings = make_settings(GRPOSettings, {"group": 16}, path)
    assert (settings.group, settings.rewards, settings.reward_weights) == (16, ("format", "iou"), (1.0, 0.5))
    assert settings.data == Path("a.json")


def test_what_a_run_wrote_repeats_it(tmp_path: Path) -> None:
    settings = make_settings(GRPOSettings, {**DATA, "beta": 0.04, "rewards": ["iou"]}).completed(builtin=False)
    path = tmp_path / "training.json"
    path.write_text(json.dumps({"geogrounding": "1", "method": "grpo", "config": describe(settings)}), encoding="utf-8")
    assert make_settings(GRPOSettings, {}, path) == settings


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.json", b"{", "cannot be read"),
        ("a.yaml", b"a: [", "is not YAML"),
        ("a.yaml", b"- 1\n", "holds no settings"),
        ("a.yaml", b"1: 2\n", "holds no settings"),
        ("a.yaml", b"\xff\xfe\x00", "cannot be read"),
        ("a.yaml", b"!!python/object/apply:os.getcwd []\n", "is not YAML"),
        ("a.json", b"[" * 100_000, "cannot be read"),
        ("a.json", b" " * 1_000_001, "larger than a configuration"),
    ],
)
def test_files_that_are_no_settings_are_refused(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=said):
        read_config(path)


# -- the command line -------------------------------------------------------------------------------------

NOT_SETTINGS = {"output", "config", "resume", "processes", "quiet"}
ONLY_IN_FILES = {"keep_checkpoints", "share_vision"}


@pytest.mark.parametrize(("command", "kind"), [(cli.sft, SFTSettings), (cli.grpo, GRPOSettings)])
def test_every_setting_has_an_option(command: click.Command, kind: type[TrainSettings]) -> None:
    shown = (param for param in command.params if param.expose_value and not getattr(param, "hidden", False))
    names = {param.name for param in shown} - NOT_SETTINGS
    assert names == set(kind.model_fields) - ONLY_IN_FILES


def test_choices_are_those_of_the_settings() -> None:
    choices = {
        param.name: tuple(param.type.choices)
        for param in cli.grpo.params
        if isinstance(param.type, click.Choice) and param.name in GRPOSettings.model_fields
    }
    for name, offered in choices.items():
        schema = json.dumps(GRPOSettings.model_json_schema()["properties"][name])
        assert all(f'"{choice}"' in schema for choice in offered), name


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    given: dict[str, Any] = {}

    def train(method: str, settings: TrainSettings, output: Path, **call: Any) -> Any:
        given.update(method=method, settings=settings, output=output, **call)
        raise SettingsError("far enough")

    monkeypatch.setattr("geogrounding.training.launch.train", train)
    return given


def test_options_become_settings(seen: dict[str, Any]) -> None:
    arguments = (
        "train grpo --data a.json --images img -o runs/b --model runs/a --shots 10 --seed 3 --no-reasoning --full"
    )
    more = ["--reward", "format", "--reward", "iou", "--reward-weight", "1", "--reward-weight", "2", "--beta", "0.04"]
    result = CliRunner().invoke(geoground, [*arguments.split(), *more])
    assert "far enough" in result.output
    settings = seen["settings"]
    assert (settings.model, settings.shots, settings.seed) == ("runs/a", 10, 3)
    assert (settings.reasoning, settings.full, settings.beta) == (False, True, 0.04)
    assert (settings.rewards, settings.reward_weights) == (("format", "iou"), (1.0, 2.0))
    assert seen["output"] == Path("runs/b")
    assert seen["method"] == "grpo"


def test_what_is_not_given_is_left_to_the_settings(seen: dict[str, Any]) -> None:
    CliRunner().invoke(geoground, ["train", "sft", "--data", "a.json", "-o", "runs/b"])
    assert seen["settings"] == make_settings(SFTSettings, {"data": "a.json"})


def test_wrong_settings_end_with_exit_code_2() -> None:
    result = CliRunner().invoke(geoground, ["train", "sft", "-o", "runs/b"])
    assert result.exit_code == 2
    assert "give either data" in result.output


def test_resume_needs_a_run(tmp_path: Path) -> None:
    result = CliRunner().invoke(geoground, ["train", "sft", "-o", str(tmp_path), "--resume"])
    assert result.exit_code == 5
    assert "holds no training run" in result.output
