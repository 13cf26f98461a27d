"""Several processes: what is started, and what each of them does."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from geogrounding.errors import InputError, ModelError, OutputError, SettingsError
from geogrounding.training import launch
from geogrounding.training.config import GRPOSettings, SFTSettings, describe, make_settings


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    seen: dict[str, Any] = {"code": 0}

    def run(command: list[str], *, check: bool) -> subprocess.CompletedProcess[str]:
        seen.update(command=command, job=json.loads(Path(command[-1]).read_text(encoding="utf-8")))
        return subprocess.CompletedProcess(command, seen["code"])

    monkeypatch.setattr(subprocess, "run", run)
    return seen


def test_a_process_for_each_device(started: dict[str, Any], tmp_path: Path) -> None:
    settings = make_settings(GRPOSettings, {"data": "a.json", "model": "owner/m", "batch": 2, "device": "cpu"})
    launch.launch("grpo", settings, tmp_path / "run", processes=4)
    command = started["command"]
    assert command[command.index("--nproc_per_node") + 1] == "4"
    assert command[-3:-1] == ["-m", "geogrounding.training.launch"]
    assert started["job"]["method"] == "grpo"
    assert make_settings(GRPOSettings, started["job"]["settings"]) == settings.completed(builtin=False)
    launch.launch("grpo", make_settings(GRPOSettings, {"data": "a.json", "model": "o/m"}), tmp_path / "r", processes=2)
    command = started["command"]
    assert command[1:3] == ["-m", "accelerate.commands.launch"]
    assert command[command.index("--num_processes") + 1] == "2"
    assert "--multi_gpu" in command


def test_what_cannot_work_is_refused_before_anything_is_started(started: dict[str, Any], tmp_path: Path) -> None:
    settings = make_settings(GRPOSettings, {"data": "a.json", "model": "owner/m", "batch": 2})
    with pytest.raises(SettingsError, match="2 x accumulate 1 x 3 processes"):
        launch.launch("grpo", settings, tmp_path / "run", processes=3)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "x").touch()
    with pytest.raises(OutputError, match="exists"):
        launch.launch("sft", make_settings(SFTSettings, {"data": "a.json"}), tmp_path / "run", processes=2)
    assert "command" not in started


def test_a_process_that_fails_is_reported(started: dict[str, Any], tmp_path: Path) -> None:
    started["code"] = 1
    with pytest.raises(ModelError, match="in 2 processes failed"):
        launch.launch("sft", make_settings(SFTSettings, {"data": "a.json"}), tmp_path / "run", processes=2)


def test_a_process_does_its_job_and_says_why_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = make_settings(SFTSettings, {"data": "a.json", "seed": 7})
    job = {"method": "sft", "settings": describe(settings), "output": str(tmp_path / "run"), "resume": True}
    file = tmp_path / "job.json"
    file.write_text(json.dumps(job), encoding="utf-8")
    calls: list[Any] = []

    def train(*given: Any, resume: bool, on_log: Any, on_note: Any) -> None:
        calls.append((*given, resume))
        on_log({"step": 1, "steps": 2, "loss": 0.5})
        on_note("nothing was learned")
        if len(calls) > 1:
            raise InputError("no image", hint="Look there.")

    monkeypatch.setattr(launch, "train", train)
    assert launch.main(file) == 0
    assert calls == [("sft", settings, tmp_path / "run", True)]
    said = capsys.readouterr().err
    assert "step 1 of 2: loss 0.500" in said
    assert "Warning: nothing was learned" in said
    assert launch.main(file) == InputError.exit_code
    assert "Error: no image\nHint: Look there." in capsys.readouterr().err
    monkeypatch.setenv("RANK", "1")  # the others fail in silence: one message is enough
    assert launch.main(file) == InputError.exit_code
    assert "Error" not in capsys.readouterr().err


def test_settings_and_method_go_together(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="do not go with grpo"):
        launch.train("grpo", make_settings(SFTSettings, {"data": "a.json"}), tmp_path / "run")
