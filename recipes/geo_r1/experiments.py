"""The experiments: data sets, methods, hardware, and what the paper reports.

Settings come from the files in ``configs/``: ``common``, then the method, then the hardware; a later one wins. What depends
on the number of samples (how long to train) and on the memory (how many answers at once) is computed here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from geogrounding.errors import SettingsError
from geogrounding.training.config import GRPOSettings, SFTSettings, TrainSettings, make_settings, read_config
from geogrounding.types import Task

Method = Literal["sft", "grpo", "dapo"]
Hardware = Literal["lora", "full"]
METHODS: tuple[Method, ...] = get_args(Method)
HARDWARE: tuple[Hardware, ...] = get_args(Hardware)
CONFIGS = Path(__file__).parent / "configs"
QUESTIONS = 520
"""Questions that a training asks in all: two epochs of VRSBench-FS with 10 shots. The paper does not say how long it
trained; with this number 1, 5 and 10 shots cost the same."""
PROCESSES: Mapping[Hardware, int] = {"lora": 1, "full": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class FewShotSet:
    """A few-shot set of the paper."""

    name: str
    task: Task
    classes: int
    shots: tuple[int, ...]
    """Of each class."""
    train: str
    """What ``--data`` of the training is."""
    tests: Mapping[str, str]
    """Name of a test set -> what ``--data`` of the evaluation is; the first is the set's own, others are cross-dataset."""


SETS: Mapping[str, FewShotSet] = {
    one.name: one
    for one in (
        FewShotSet(
            name="vrsbench-fs",
            task="refer",
            classes=26,
            shots=(1, 5, 10),
            train="the folder Annotations_train of VRSBench, beside Images_train",
            tests={
                "vrsbench": "VRSBench_EVAL_referring.json, beside Images_val",
                "dior-rsvg": "the folder of DIOR-RSVG, with --split test",
            },
        ),
        FewShotSet(
            name="nwpu-fs",
            task="detect",
            classes=4,
            shots=(5, 10),
            train="a COCO file of NWPU VHR-10 with the four few-shot classes",
            tests={"nwpu": "a COCO file of the test images"},
        ),
        FewShotSet(
            name="earthreason-fs",
            task="segment",
            classes=24,
            shots=(1, 5, 10),
            train="the folder train of EarthReason",
            tests={
                "earthreason": "the folder test of EarthReason",
                "rrsis-d": "the folder of RRSIS-D, with --split test",
            },
        ),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A result of the paper, in per cent."""

    test: str
    method: str
    shots: int
    metric: str
    """As ``geoground eval`` calls it."""
    value: float


def _vrsbench() -> list[Reported]:
    """Acc@0.5 and Acc@0.7 on the VRSBench test split; 0 shots of GRPO is zero-shot with reasoning."""
    rows = {
        ("sft", 0): (37.48, 20.97),
        ("sft", 1): (32.75, 17.40),
        ("sft", 5): (35.21, 16.94),
        ("sft", 10): (38.29, 17.78),
        ("grpo", 0): (39.79, 22.22),
        ("grpo", 1): (45.78, 26.43),
        ("grpo", 5): (47.62, 27.06),
        ("grpo", 10): (50.59, 30.61),
        ("dapo", 1): (46.13, 27.50),
        ("dapo", 5): (49.00, 27.92),
        ("dapo", 10): (52.74, 31.84),
    }
    return [
        Reported(test="vrsbench", method=method, shots=shots, metric=metric, value=value)
        for (method, shots), pair in rows.items()
        for metric, value in zip(("acc50", "acc70"), pair, strict=True)
    ]


def _across() -> list[Reported]:
    """Trained on one set and tested on another; the metric is that of the test set's task."""
    rows = {
        ("dior-rsvg", "acc50"): {"sft": (32.4, 34.5, 34.9), "grpo": (37.3, 40.6, 40.4)},
        ("rrsis-d", "giou"): {"sft": (18.8, 20.3, 24.3), "grpo": (32.1, 36.4, 37.8)},
    }
    return [
        Reported(test=test, method=method, shots=shots, metric=metric, value=value)
        for (test, metric), methods in rows.items()
        for method, values in methods.items()
        for shots, value in zip((1, 5, 10), values, strict=True)
    ]


SOURCE = "arXiv 2509.21976, Qwen2.5-VL-3B, all weights trained"
REPORTED: tuple[Reported, ...] = (*_vrsbench(), *_across())
"""What is known here of the paper's tables; those of NWPU-FS and of EarthReason-FS on its own test split are missing. Rows
across data sets named ``sft`` are the paper's baseline, rows named ``grpo`` its Geo-R1."""


def find_set(name: str) -> FewShotSet:
    """The set of this name.

    Raises:
        SettingsError: there is none.
    """
    if name not in SETS:
        raise SettingsError(f"there is no few-shot set {name!r}", hint=f"Choose one of: {', '.join(SETS)}.")
    return SETS[name]


def config(of: FewShotSet, method: Method, shots: int, hardware: Hardware) -> dict[str, Any]:
    """Complete settings of ``geoground train`` but for the data.

    Raises:
        SettingsError: the paper has no such experiment.
    """
    if shots not in of.shots:
        raise SettingsError(f"{of.name} has no {shots} shots", hint=f"Choose one of: {', '.join(map(str, of.shots))}.")
    settings: dict[str, Any] = {}
    for file in ("common", method, hardware):
        settings |= read_config(CONFIGS / f"{file}.yaml")
    settings |= {"task": of.task, "shots": shots, "epochs": max(2.0, QUESTIONS / (shots * of.classes))}
    if method == "sft":
        return settings | {"batch": 1, "accumulate": 8 // PROCESSES[hardware]}
    # Answers to one question a step and device; on 24 GB two at a time.
    at_once = 2 if hardware == "lora" else int(settings["group"])
    return settings | {"batch": at_once, "accumulate": int(settings["group"]) // at_once}


def settings_of(of: FewShotSet, method: Method, shots: int, hardware: Hardware, **own: Any) -> TrainSettings:
    """Checked settings of one training; ``own`` gives the data and what else differs.

    Raises:
        SettingsError: there is no such experiment, or a value is out of range.
    """
    kind: type[TrainSettings] = SFTSettings if method == "sft" else GRPOSettings
    return make_settings(kind, {**config(of, method, shots, hardware), **own})
