"""The files of a training run, and run folders as models."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from geogrounding.errors import ModelError, OutputError, SettingsError
from geogrounding.models import load, trained_run
from geogrounding.training import run_folder, run_log
from geogrounding.training.image_refs import Recent

INFERENCE = {
    "base": "owner/model",
    "processor": None,
    "style": "geo-r1",
    "coordinates": "resized-pixels",
    "max_pixels": 99,
}


# -- numbers, curves, completions --------------------------------------------------------------------------


def test_metrics_hold_a_line_a_step_and_leave_unknown_numbers_empty(tmp_path: Path) -> None:
    history: list[dict[str, Any]] = [
        {"step": 1, "loss": 0.5, "reward": 1.0},
        {"step": 2, "loss": float("nan"), "reward": 0.25, "note": "words"},
        {"step": 2, "train_runtime": 3.0, "train_loss": 0.4},
    ]
    run_log.write_metrics(tmp_path, run_log.history_rows(history))
    with (tmp_path / run_log.METRICS).open(encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows == [["step", "loss", "reward"], ["1", "0.5", "1"], ["2", "", "0.25"]]


def test_a_later_row_of_a_step_wins() -> None:
    rows = run_log.history_rows([{"step": 2, "loss": 1.0}, {"step": 1, "loss": 2.0}, {"step": 2, "loss": 3.0}])
    assert rows == [{"step": 1.0, "loss": 2.0}, {"step": 2.0, "loss": 3.0}]


def test_curves_are_an_image(tmp_path: Path) -> None:
    rows = [{"step": float(n), "reward": n / 9, "rewards/box_iou_reward/mean": 0.5, "loss": 0.1} for n in range(1, 9)]
    run_log.draw_curves(tmp_path, rows)
    with Image.open(tmp_path / run_log.CURVES) as image:
        assert image.format == "PNG"
        assert min(image.size) > 200
    assert not list(tmp_path.glob("*.new"))


def test_no_numbers_no_curves(tmp_path: Path) -> None:
    run_log.draw_curves(tmp_path, [])
    assert not (tmp_path / run_log.CURVES).exists()


def test_completions_of_steps_after_the_checkpoint_are_forgotten(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        entry = {
            "prompt": "ship?",
            "completion": f"answer {step} 船",
            "rewards": {"iou": 0.5, "x": None},
            "advantage": 1.0,
        }
        run_log.add_completions(tmp_path, step, [entry])
    with (tmp_path / run_log.COMPLETIONS).open("a", encoding="utf-8") as file:
        file.write('{"step": 3, "prom')  # killed while writing
    run_log.forget_after(tmp_path, 2)
    kept = [json.loads(line) for line in (tmp_path / run_log.COMPLETIONS).read_text(encoding="utf-8").splitlines()]
    assert [entry["step"] for entry in kept] == [1, 2]
    readable = (tmp_path / run_log.READABLE).read_text(encoding="utf-8")
    assert "answer 2 船" in readable
    assert "answer 3" not in readable
    assert "iou 0.500; advantage +1.00" in readable


def test_a_line_for_people() -> None:
    line = run_log.one_line({"step": 3, "steps": 10, "reward": 0.5, "rewards/format_reward/mean": 1.0, "kl": 0.01})
    assert line == "step 3 of 10: reward 0.500, format_reward 1.000, kl 0.01"


# -- the folder ----------------------------------------------------------------------------------------------


def test_a_folder_that_holds_something_is_refused_and_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "precious.txt").write_text("mine")
    with pytest.raises(OutputError, match="exists and is not empty"):
        run_folder.begin(folder, {})
    assert [path.name for path in folder.iterdir()] == ["precious.txt"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    run_folder.begin(tmp_path / "new" / "run", {"method": "sft"})
    assert run_folder.read_record(tmp_path / "new" / "run") == {"method": "sft", "status": "running"}


def test_the_newest_complete_checkpoint_counts(tmp_path: Path) -> None:
    for name in ("checkpoint-9", "checkpoint-10", "checkpoint-11", "checkpoint-x"):
        (tmp_path / run_folder.CHECKPOINTS / name).mkdir(parents=True)
    for name in ("checkpoint-9", "checkpoint-10", "checkpoint-x"):  # 11 was cut off
        (tmp_path / run_folder.CHECKPOINTS / name / "trainer_state.json").write_text("{}")
    found = run_folder.last_checkpoint(tmp_path)
    assert found is not None
    assert found.name == "checkpoint-10"


def test_versions_name_what_results_depend_on() -> None:
    assert {"geogrounding", "torch", "transformers", "trl", "peft"} <= set(run_folder.versions())


def test_recent_forgets_the_oldest_and_never_keeps_too_much() -> None:
    recent: Recent[bytes] = Recent(10, len)
    recent.put("a", b"1234")
    recent.put("b", b"1234")
    assert recent.get("a") == b"1234"
    recent.put("c", b"1234")
    assert recent.get("b") is None
    assert recent.get("a") == b"1234"
    recent.put("d", b"x" * 11)
    assert recent.get("d") is None
    assert len(recent) == 2
    recent.put("a", b"12")
    recent.put("e", b"1234")
    assert len(recent) == 3


# -- as a model ----------------------------------------------------------------------------------------------


def write_run(folder: Path, *, status: str = "done", adapter: bool = True, **changes: Any) -> Path:
    folder.mkdir()
    record = {"status": status, "inference": {**INFERENCE, **changes}}
    (folder / trained_run.RECORD).write_text(json.dumps(record), encoding="utf-8")
    (folder / ("adapter_config.json" if adapter else "config.json")).write_text("{}")
    return folder


def test_an_adapter_leads_to_its_model(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    name, options = load._trained(str(folder), {"device": "cpu"})
    assert name == "owner/model"
    assert options == {
        "style": "geo-r1",
        "coordinates": "resized-pixels",
        "max_pixels": 99,
        "device": "cpu",
        "adapter": str(folder),
    }


def test_a_full_model_is_itself_and_options_of_the_user_win(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", adapter=False, base=None, processor="owner/other")
    name, options = load._trained(str(folder), {"max_pixels": 1000})
    assert name == str(folder)
    assert options["max_pixels"] == 1000
    assert options["processor"] == "owner/other"
    assert "adapter" not in options


def test_other_folders_and_names_are_left_alone(tmp_path: Path) -> None:
    assert load._trained(str(tmp_path), {"a": 1}) == (str(tmp_path), {"a": 1})
    assert load._trained("owner/name", {}) == ("owner/name", {})


def test_a_plain_adapter_folder_names_its_model(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "owner/model"}))
    assert load._trained(str(tmp_path), {}) == ("owner/model", {"adapter": str(tmp_path)})
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": None}))
    with pytest.raises(ModelError, match="does not say which model"):
        load._trained(str(tmp_path), {})


def test_an_adapter_on_an_adapter_is_refused(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    with pytest.raises(SettingsError, match="is an adapter itself"):
        load._trained(str(folder), {"adapter": "other"})


def test_a_run_that_is_not_done_is_no_model(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", status="running")
    with pytest.raises(ModelError, match="is not done") as caught:
        load.load_model(str(folder))
    assert "--resume" in caught.value.hint


@pytest.mark.parametrize(
    "changes",
    [
        {"style": "haiku"},
        {"style": None},
        {"coordinates": "miles"},
        {"max_pixels": "many"},
        {"max_pixels": True},
        {"max_pixels": 0},
        {"base": 7},
        {"processor": []},
    ],
)
def test_a_damaged_record_is_reported(tmp_path: Path, changes: dict[str, Any]) -> None:
    folder = write_run(tmp_path / "run", **changes)
    with pytest.raises(ModelError, match="is damaged"):
        trained_run.inference_of(folder)
