"""What is trained and measured, and the command line that says so. See ``study``."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from geogrounding.errors import SettingsError
from geogrounding.training.choices import Method
from geogrounding.training.config import GRPOSettings, SFTSettings, TrainSettings, make_settings
from recipes.few_shot_study.data import RegimeName

Arm = Literal["sft", "grpo", "sft-grpo", "sft-sft"]
ARMS: tuple[Arm, ...] = get_args(Arm)
METHODS: tuple[Method, ...] = ("sft", "grpo")
QUESTIONS_A_STEP = 8
GROUP = 8

# Settings of the trainings. A step of both methods learns from as many questions.
BOTH: Mapping[str, Any] = {"steps": 40, "log_every": 5, "save_every": 1_000_000}
DEFAULTS: Mapping[Method, Mapping[str, Any]] = {
    "sft": {**BOTH, "batch": QUESTIONS_A_STEP},
    "grpo": {**BOTH, "group": GROUP, "batch": QUESTIONS_A_STEP * GROUP, "completions_every": 20},
}
_OWN = frozenset(
    {"data", "images", "data_format", "model", "seed", "shots", "scene", "labels", "learning_rate", "reasoning"}
)
"""Settings that the experiment decides."""


def method_of(arm: Arm) -> Method:
    """The method of an arm's last stage."""
    return "grpo" if arm.endswith("grpo") else "sft"


def first_of(arm: Arm) -> Arm | None:
    """The arm whose model an arm goes on from; None: the base model."""
    return "sft" if arm in ("sft-grpo", "sft-sft") else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is trained and measured."""

    regime: RegimeName = "classes"
    withheld: tuple[str, ...] = ()
    """Classes or kinds of expression; none: those of ``data.regime_of``."""
    arms: tuple[Arm, ...] = ARMS
    shots: tuple[int, ...] = (1, 5, 10)
    """Of each withheld class or way to choose."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Of the choice of shots and of training."""
    pool_views: int = 400
    test_views: int = 160
    """Drawn for each test set; views without a target are left out."""
    dev_views: int = 80
    """Drawn of images kept back."""
    data_seed: int = 0
    resamples: int = 500
    """Of the intervals."""
    rates: tuple[float, ...] = (1e-4, 3e-4, 1e-3)
    """Learning rates tried on images kept back, the same for every arm; one: it is taken."""
    tune_shots: int = 5
    tune_seed: int = 100
    """Of the choice of shots, and of the trainings, that learning rates are chosen by."""
    reasoning: bool = True
    """Whether answers begin with reasoning; those of the built-in model always do."""
    settings: Mapping[Method, Mapping[str, Any]] = field(default_factory=lambda: dict(DEFAULTS))
    """Of the trainings."""

    def training(self, method: Method, **own: Any) -> TrainSettings:
        """Checked settings of one training.

        Raises:
            SettingsError: a name is unknown or a value out of range.
        """
        given = self.settings[method]
        if taken := sorted(_OWN & set(given)):
            raise SettingsError(f"the experiment decides {', '.join(taken)} itself")
        values = {**given, "reasoning": self.reasoning, **own}
        return make_settings(GRPOSettings if method == "grpo" else SFTSettings, values)

    def fixed(self) -> dict[str, Any]:
        """What all trainings of a folder must have in common, in plain values."""
        settings = dataclasses.asdict(self)
        for name in ("arms", "shots", "seeds"):
            del settings[name]
        plain: dict[str, Any] = json.loads(json.dumps(settings))
        return plain


def _setting(text: str) -> tuple[str, Any]:
    """NAME=VALUE with a value in JSON, or a word."""
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def make_parser(description: str) -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m recipes.few_shot_study", description=description)
    steps = parser.add_subparsers(dest="step", required=True)
    run = steps.add_parser("run", help="train and measure what is not done yet, then write the report")
    report = steps.add_parser("report", help="write table and chart from results.json")
    plan = Plan()
    run.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    run.add_argument("--base", type=Path, required=True, help="folder of the model that everything starts from")
    run.add_argument("--regime", choices=get_args(RegimeName), default=plan.regime, help="what the base model lacks")
    run.add_argument("--withheld", nargs="+", default=plan.withheld, help="the classes, or the kinds of expression")
    run.add_argument("--arms", nargs="+", choices=ARMS, default=plan.arms)
    run.add_argument("--shots", nargs="+", type=int, default=plan.shots)
    run.add_argument("--seeds", nargs="+", type=int, default=plan.seeds)
    run.add_argument("--rates", nargs="+", type=float, default=plan.rates, help="learning rates to choose from")
    run.add_argument("--steps", type=int, default=None, help=f"of every stage (default: {BOTH['steps']})")
    for name in ("pool_views", "test_views", "dev_views", "data_seed", "resamples", "tune_shots", "tune_seed"):
        run.add_argument(f"--{name.replace('_', '-')}", type=int, default=getattr(plan, name))
    run.add_argument("--no-reasoning", action="store_true", help="answers alone (not the built-in model)")
    for method in METHODS:
        run.add_argument(
            f"--{method}",
            nargs="*",
            type=_setting,
            default=[],
            metavar="NAME=VALUE",
            help=f"settings of train {method}",
        )
    run.add_argument("--keep", action="store_true", help="leave the weights of the trained models")
    run.add_argument("--threads", type=int, default=None, help="processor threads (default: all)")
    for one in (run, report):
        one.add_argument("--run", type=Path, required=True, help="folder of the experiment")
        one.add_argument("--chart", type=Path, default=None, help="default docs/images/experiment-REGIME.png")
        one.add_argument("--page", type=Path, default=Path("docs/experiments.md"), help="its table is written again")
    return parser


def plan_of(given: argparse.Namespace) -> Plan:
    """The plan that the command line asks for."""
    steps = {} if given.steps is None else {"steps": given.steps}
    own: dict[Method, list[tuple[str, Any]]] = {"sft": given.sft, "grpo": given.grpo}
    return Plan(
        regime=given.regime,
        withheld=tuple(given.withheld),
        arms=tuple(arm for arm in ARMS if arm in given.arms),
        shots=tuple(given.shots),
        seeds=tuple(given.seeds),
        pool_views=given.pool_views,
        test_views=given.test_views,
        dev_views=given.dev_views,
        data_seed=given.data_seed,
        resamples=given.resamples,
        rates=tuple(given.rates),
        tune_shots=given.tune_shots,
        tune_seed=given.tune_seed,
        reasoning=not given.no_reasoning,
        settings={method: {**DEFAULTS[method], **steps, **dict(own[method])} for method in METHODS},
    )
