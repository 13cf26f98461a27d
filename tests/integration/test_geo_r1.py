"""The configurations of the paper's experiments are complete, and train and answer on files of the true form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from geogrounding.errors import SettingsError
from geogrounding.training.config import GRPOSettings, SFTSettings, make_settings
from recipes.geo_r1 import experiments as ex
from recipes.geo_r1.__main__ import main
from tests import labelled
from tests.training_data import save_talker

ALL = [
    (name, method, shots, hardware)
    for name, one in ex.SETS.items()
    for method in ex.METHODS
    for shots in one.shots
    for hardware in ex.HARDWARE
]


@pytest.fixture(scope="module")
def talker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_talker(tmp_path_factory.mktemp("talker"))


@pytest.mark.parametrize(("name", "method", "shots", "hardware"), ALL)
def test_every_configuration_is_complete(name: str, method: Any, shots: int, hardware: Any) -> None:
    settings = ex.settings_of(ex.find_set(name), method, shots, hardware, data="a.json")
    assert settings.model == "Qwen/Qwen2.5-VL-3B-Instruct"
    assert (settings.task, settings.shots, settings.full) == (ex.SETS[name].task, shots, hardware == "full")
    questions = (settings.epochs or 0) * shots * ex.SETS[name].classes
    assert questions >= ex.QUESTIONS * 0.99
    if isinstance(settings, GRPOSettings):
        settings.check_batch(ex.PROCESSES[hardware])
        assert (settings.group, settings.max_completion) == (8, 2048)
        assert (settings.epsilon_high, settings.loss) == ((0.28, "dapo") if method == "dapo" else (0.2, "grpo"))
    else:
        assert settings.reasoning is False


def test_experiments_that_the_paper_has_not_are_refused() -> None:
    with pytest.raises(SettingsError, match="nwpu-fs has no 1 shots"):
        ex.config(ex.find_set("nwpu-fs"), "grpo", 1, "lora")
    with pytest.raises(SettingsError, match="no few-shot set"):
        ex.find_set("dota")


def test_what_is_printed_is_a_configuration_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "nwpu-fs", "--method", "sft", "--shots", "5", "--hardware", "full"]) == 0
    file = tmp_path / "run.yaml"
    file.write_text(capsys.readouterr().out)
    assert make_settings(SFTSettings, {"data": "a.json"}, file).shots == 5
    assert main(["list"]) == 0
    listed = capsys.readouterr().out
    assert "grpo 10 shots: acc50 50.59" in listed
    assert "arXiv 2509.21976" in listed


def vrsbench(folder: Path) -> tuple[Path, Path]:
    """Annotations of three images, two classes."""
    for number in range(3):
        labelled.image(folder / "Images_train" / f"P{number}.png", (56, 56), seed=number)
        objects = [
            {"obj_cls": name, "is_unique": True, "referring_sentence": f"The {name} in the middle.", "obj_coord": box}
            for name, box in (("ship", [0.1, 0.1, 0.7, 0.7]), ("large-vehicle", [0.5, 0.6, 0.8, 0.9]))
        ]
        record = {"image": f"P{number}.png", "objects": objects}
        labelled.write_json(folder / "Annotations_train" / f"P{number}.json", record)
    return folder / "Annotations_train", folder / "Images_train"


def nwpu(folder: Path) -> tuple[Path, Path]:
    """A COCO file of two classes."""
    images = []
    for number in range(3):
        labelled.image(folder / "positive" / f"{number}.png", (56, 56), seed=number)
        images.append({"id": number, "file_name": f"{number}.png", "width": 56, "height": 56})
    annotations = [
        {"id": 2 * number + kind, "image_id": number, "category_id": kind, "bbox": [8, 8, 20 + kind, 20], "iscrowd": 0}
        for number in range(3)
        for kind in (0, 1)
    ]
    categories = [{"id": 0, "name": "airplane"}, {"id": 1, "name": "ship"}]
    data = {"images": images, "annotations": annotations, "categories": categories}
    return labelled.write_json(folder / "train.json", data), folder / "positive"


def earthreason(folder: Path) -> tuple[Path, None]:
    """A split with a mask for each image."""
    split = folder / "train"
    for name in ("apron_1", "apron_2", "storage_tank_7"):
        labelled.image(split / "images" / f"{name}.jpg", (56, 56))
        labelled.mask(split / "labels" / f"{name}.png", [(8, 8, 40, 40)], (56, 56))
        labelled.write_json(split / "QAs" / f"{name}.json", {"questions": ["Where is it?"], "answer": ["There."]})
    return split, None


SMALL = ["--device", "cpu", "--set-option", "steps=1", "epochs=null", "max_completion=12", "bf16=false", "probe=1"]


@pytest.mark.parametrize(
    ("name", "method", "shots", "make", "metric"),
    [
        ("vrsbench-fs", "sft", "1", vrsbench, "acc50"),
        ("vrsbench-fs", "grpo", "1", vrsbench, "acc50"),
        ("nwpu-fs", "dapo", "5", nwpu, "ap50"),
        ("earthreason-fs", "grpo", "1", earthreason, "giou"),
    ],
)
def test_an_experiment_from_training_to_metrics(
    tmp_path: Path,
    talker: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    method: str,
    shots: str,
    make: Any,
    metric: str,
) -> None:
    data, images = make(tmp_path / "data")
    which = [name, "--method", method, "--shots", shots, "--data", str(data)]
    which += [] if images is None else ["--images", str(images)]
    small = [one for one in SMALL if method != "sft" or not one.startswith(("max_completion", "probe"))]
    assert main(["train", *which, "--model", str(talker), "-o", str(tmp_path / "run"), *small]) == 0
    record = json.loads((tmp_path / "run" / "training.json").read_text(encoding="utf-8"))
    assert record["status"] == "done"
    assert record["data"]["samples"] == {"vrsbench-fs": 2, "nwpu-fs": 6, "earthreason-fs": 2}[name]
    out = tmp_path / "metrics.json"
    assert main(["eval", *which, "--model", str(tmp_path / "run"), "--device", "cpu", "-o", str(out)]) == 0
    assert metric in json.loads(out.read_text(encoding="utf-8"))
    printed = capsys.readouterr().out
    assert metric in printed
    if (name, method) == ("vrsbench-fs", "grpo"):
        assert "45.78" in printed
