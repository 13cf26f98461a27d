"""Compare SFT and GRPO on a few labels of new classes, from the same base model.

    python -m recipes.few_shot_study run --data ../shared/data --base BASE --run runs/experiment
    python -m recipes.few_shot_study report --run runs/experiment

The base model (``--base``) never saw the withheld classes; ``make experiment`` makes it first. For every seed and number of shots
it is trained by SFT and by GRPO with the same questions, as many steps and as many questions a step, and measured on test
sets of the withheld classes, of other data sets, and of the classes that were not withheld.

A folder of an experiment holds ``plan.json``, ``data/`` (the pool and the test sets), ``shots/``, ``runs/NAME/`` with
``result.json`` for each finished training and ``results.json`` with everything. Started again, it resumes after the last
finished training; more seeds and shots can be added later, other settings need another folder.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import os
import platform
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from geogrounding.errors import GeogroundingError, InputError, OutputError, SettingsError
from geogrounding.training.config import GRPOSettings, SFTSettings, TrainSettings, describe, make_settings
from geogrounding.training.run_folder import CHECKPOINTS, versions
from recipes.few_shot_study import data as data_of

Arm = Literal["sft", "grpo"]
ARMS: tuple[Arm, ...] = get_args(Arm)
QUESTIONS_A_STEP = 8
GROUP = 8

# Settings of the trainings. A step of both methods learns from as many questions.
BOTH: Mapping[str, Any] = {"steps": 40, "log_every": 5, "save_every": 1_000_000}
DEFAULTS: Mapping[Arm, Mapping[str, Any]] = {
    "sft": {**BOTH, "batch": QUESTIONS_A_STEP, "learning_rate": 1e-3},
    "grpo": {
        **BOTH,
        "group": GROUP,
        "batch": QUESTIONS_A_STEP * GROUP,
        "learning_rate": 1e-3,
        "completions_every": 20,
    },
}
_OWN = frozenset({"data", "images", "data_format", "model", "seed", "shots", "scene", "labels"})
"""Settings that the experiment decides."""

PLAN, RESULT, RESULTS = "plan.json", "result.json", "results.json"
ZERO_SHOT = "zero-shot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is trained and measured."""

    arms: tuple[Arm, ...] = ARMS
    shots: tuple[int, ...] = (1, 5, 10)
    """Of each withheld class."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Of the choice of shots and of training."""
    pool_views: int = 400
    test_views: int = 160
    """Drawn for each test set; views without a target are left out."""
    data_seed: int = 0
    resamples: int = 500
    """Of the intervals."""
    settings: Mapping[Arm, Mapping[str, Any]] = field(default_factory=lambda: dict(DEFAULTS))
    """Of the trainings."""

    def training(self, arm: Arm, **own: Any) -> TrainSettings:
        """Checked settings of one training.

        Raises:
            SettingsError: a name is unknown or a value out of range.
        """
        given = self.settings[arm]
        if taken := sorted(_OWN & set(given)):
            raise SettingsError(f"the experiment decides {', '.join(taken)} itself")
        return make_settings(GRPOSettings if arm == "grpo" else SFTSettings, {**given, **own})

    def fixed(self) -> dict[str, Any]:
        """What all trainings of a folder must have in common, in plain values."""
        settings = dataclasses.asdict(self)
        for name in ("arms", "shots", "seeds"):
            del settings[name]
        plain: dict[str, Any] = json.loads(json.dumps(settings))
        return plain


Train = Callable[[Arm, TrainSettings, Path], Mapping[str, Any]]
"""(method, settings, folder of the result) -> facts about the training, for the record."""
Measure = Callable[[str, Mapping[str, Sequence[Any]]], Mapping[str, Any]]
"""(model, samples by set) -> metrics; see ``measure.measure``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doers:
    """The functions that do the work; tests replace them."""

    write: data_of.Write
    train: Train
    measure: Measure


def doers(root: Path, plan: Plan) -> Doers:
    """The functions of a real study.

    Args:
        root: folder of the data sets.
        plan: of the experiment.
    """
    from geogrounding.training.launch import train
    from recipes.few_shot_study.measure import SharedFeatures, measure

    features = SharedFeatures()

    def trained(arm: Arm, settings: TrainSettings, output: Path) -> Mapping[str, Any]:
        outcome = train(arm, settings, output)
        return {
            "steps": outcome.steps,
            "seconds": round(outcome.seconds, 1),
            "questions": outcome.samples,
            "pictures_encoded": outcome.images_encoded,
            "last": dict(outcome.last),
        }

    def measured(model: str, tests: Mapping[str, Sequence[Any]]) -> Mapping[str, Any]:
        return measure(model, tests, features=features, resamples=plan.resamples, seed=plan.data_seed)

    return Doers(write=data_of.view_writer(root), train=trained, measure=measured)


def run_experiment(
    plan: Plan,
    folder: Path,
    *,
    base: Path,
    doers: Doers,
    keep: bool = False,
    command: Sequence[str] = (),
    say: Callable[[str], None] = print,
) -> Path:
    """Train and measure what is not done yet.

    Args:
        plan: of the experiment.
        folder: of the experiment.
        base: folder of the base model.
        doers: the functions that do the work.
        keep: leave the weights of the trained models.
        command: that was given, for the record.
        say: prints progress.

    Returns:
        ``results.json``.

    Raises:
        InputError: the base model is missing, or the data do not show the classes.
        SettingsError: the folder holds an experiment with other settings or another base model.
        GeogroundingError: what training and measuring raise.
    """
    if not (base / "config.json").is_file():
        raise InputError(
            f"{base} is not the folder of a model",
            hint="`make experiment` makes it; see the Makefile.",
        )
    for arm in plan.arms:  # settings are checked before any work
        plan.training(arm, data=folder, model=str(base))
    begun = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    start = _digest(base)
    _same(folder, {**plan.fixed(), "start": start})
    for wanted in (data_of.POOL_SET, *data_of.TESTS):
        views = plan.pool_views if wanted.name == data_of.POOL else plan.test_views
        data_of.prepare(folder / "data", wanted, views=views, seed=plan.data_seed, write=doers.write)
    pool = folder / "data" / data_of.POOL
    tests = {wanted.name: data_of.read_questions(folder / "data" / wanted.name) for wanted in data_of.TESTS}

    zero = folder / "runs" / ZERO_SHOT / RESULT
    if not zero.is_file():
        say(f"{ZERO_SHOT} ...")
        at = time.monotonic()
        metrics = doers.measure(str(base), tests)
        _write(zero, {"arm": ZERO_SHOT, "shots": 0, "measured": metrics, "evaluation_seconds": _since(at)})
    todo = [(seed, shots, arm) for seed in plan.seeds for shots in plan.shots for arm in plan.arms]
    for number, (seed, shots, arm) in enumerate(todo, start=1):
        name = f"{arm}-{shots}-shot-seed-{seed}"
        place = folder / "runs" / name
        if (place / RESULT).is_file():
            continue
        say(f"{number} of {len(todo)}: {name} ...")
        shot_file = folder / "shots" / f"{shots}-seed-{seed}.jsonl"
        shot_file.parent.mkdir(exist_ok=True)
        data_of.write_records(shot_file, data_of.shot_records(pool, shots, seed=seed))
        settings = plan.training(arm, data=shot_file, images=pool, data_format="geo-r1", model=str(base), seed=seed)
        model = place / "model"
        shutil.rmtree(model, ignore_errors=True)  # of an interrupted training
        at, busy = time.monotonic(), time.process_time()
        training = doers.train(arm, settings, model)
        busy = round(time.process_time() - busy, 1)
        trained_s, at = _since(at), time.monotonic()
        metrics = doers.measure(str(model), tests)
        _write(
            place / RESULT,
            {
                "arm": arm,
                "shots": shots,
                "seed": seed,
                "settings": describe(settings),
                "shots_sha256": hashlib.sha256(shot_file.read_bytes()).hexdigest(),
                "training": dict(training),
                "training_seconds": trained_s,
                "training_processor_seconds": busy,
                "evaluation_seconds": _since(at),
                "measured": metrics,
            },
        )
        if not keep:
            for weights in model.glob("*.safetensors"):
                weights.unlink()
            shutil.rmtree(model / CHECKPOINTS, ignore_errors=True)
        say(f"{name}: trained in {trained_s:.0f} s, measured in {_since(at):.0f} s")
    return _collect(plan, folder, start=start, base=base, command=command, seconds=_since(begun))


def _collect(plan: Plan, folder: Path, *, start: str, base: Path, command: Sequence[str], seconds: float) -> Path:
    """Write ``results.json`` from all finished trainings of the folder, those of earlier plans as well."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((folder / "runs").glob(f"*/{RESULT}"))]
    runs = [one for one in found if one["arm"] != ZERO_SHOT]
    runs.sort(key=lambda one: (one["seed"], one["shots"], ARMS.index(one["arm"])))
    sets = {wanted.name: data_of.describe(folder / "data" / wanted.name) for wanted in data_of.TESTS}
    results = {
        "command": shlex.join(command),
        "versions": versions(),
        "machine": {"processor": platform.machine(), "cores": os.cpu_count(), "system": platform.system()},
        "start": {"folder": str(base), "fingerprint": start},
        "withheld": list(data_of.WITHHELD),
        "plan": {**plan.fixed(), "arms": list(plan.arms), "shots": list(plan.shots), "seeds": list(plan.seeds)},
        "sets": {data_of.POOL: data_of.describe(folder / "data" / data_of.POOL), **sets},
        "seconds_of_this_start": seconds,
        "zero_shot": next(one for one in found if one["arm"] == ZERO_SHOT),
        "runs": runs,
    }
    _write(folder / RESULTS, results)
    return folder / RESULTS


def _digest(base: Path) -> str:
    from geogrounding.models import hub

    return hub.fingerprint([base], settings=None)


def _same(folder: Path, fixed: Mapping[str, Any]) -> None:
    """Write down what all trainings have in common, or compare it with what the folder was begun with."""
    file = folder / PLAN
    if not file.is_file():
        _write(file, fixed)
        return
    begun = json.loads(file.read_text(encoding="utf-8"))
    other = sorted(name for name in {*begun, *fixed} if begun.get(name) != fixed.get(name))
    if other:
        raise SettingsError(
            f"{folder} was begun with another {' and '.join(other)}",
            hint="Its results would not compare with new ones: give another --run, or remove the folder.",
        )


def _write(file: Path, content: Mapping[str, Any]) -> None:
    """Write JSON, whole or not at all."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f".{file.name}.partial")
        partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        partial.replace(file)
    except OSError as error:
        raise OutputError(f"{file} cannot be written: {error.strerror or error}") from error


def _since(moment: float) -> float:
    return round(time.monotonic() - moment, 1)


def _setting(text: str) -> tuple[str, Any]:
    """NAME=VALUE with a value in JSON, or a word."""
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m recipes.few_shot_study", description=(__doc__ or "").split("\n")[0]
    )
    steps = parser.add_subparsers(dest="step", required=True)
    run = steps.add_parser("run", help="train and measure what is not done yet, then write the report")
    report = steps.add_parser("report", help="write table and chart from results.json")
    plan = Plan()
    run.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    run.add_argument("--base", type=Path, required=True, help="folder of the model that everything starts from")
    run.add_argument("--arms", nargs="+", choices=ARMS, default=plan.arms)
    run.add_argument("--shots", nargs="+", type=int, default=plan.shots)
    run.add_argument("--seeds", nargs="+", type=int, default=plan.seeds)
    run.add_argument("--steps", type=int, default=None, help=f"of both methods (default: {BOTH['steps']})")
    for name in ("pool_views", "test_views", "data_seed", "resamples"):
        run.add_argument(f"--{name.replace('_', '-')}", type=int, default=getattr(plan, name))
    for arm in ARMS:
        run.add_argument(
            f"--{arm}", nargs="*", type=_setting, default=[], metavar="NAME=VALUE", help=f"settings of train {arm}"
        )
    run.add_argument("--keep", action="store_true", help="leave the weights of the trained models")
    run.add_argument("--threads", type=int, default=None, help="processor threads (default: all)")
    for one in (run, report):
        one.add_argument("--run", type=Path, required=True, help="folder of the experiment")
        one.add_argument("--chart", type=Path, default=Path("docs/images/experiment.png"))
        one.add_argument("--page", type=Path, default=Path("docs/experiments.md"), help="its table is written again")
    return parser


def plan_of(given: argparse.Namespace) -> Plan:
    """The plan that the command line asks for."""
    steps = {} if given.steps is None else {"steps": given.steps}
    own: dict[Arm, list[tuple[str, Any]]] = {"sft": given.sft, "grpo": given.grpo}
    return Plan(
        arms=tuple(given.arms),
        shots=tuple(given.shots),
        seeds=tuple(given.seeds),
        pool_views=given.pool_views,
        test_views=given.test_views,
        data_seed=given.data_seed,
        resamples=given.resamples,
        settings={arm: {**DEFAULTS[arm], **steps, **dict(own[arm])} for arm in ARMS},
    )


def main(arguments: list[str] | None = None) -> int:
    """Entry point; see the module's docstring. Returns the exit code."""
    from recipes.few_shot_study.report import write_report

    words = sys.argv[1:] if arguments is None else arguments
    given = _parser().parse_args(words)
    try:
        if given.step == "run":
            if given.threads:
                import torch

                torch.set_num_threads(given.threads)
            plan = plan_of(given)
            command = ["python", "-m", "recipes.few_shot_study", *words]
            run_experiment(
                plan, given.run, base=given.base, doers=doers(given.data, plan), keep=given.keep, command=command
            )
        write_report(given.run / RESULTS, chart=given.chart, page=given.page)
    except GeogroundingError as error:
        print(f"Error: {error}", *([f"Hint: {error.hint}"] if error.hint else []), sep="\n", file=sys.stderr)
        return error.exit_code
    return 0
