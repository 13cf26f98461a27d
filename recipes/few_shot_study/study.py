"""Compare SFT, GRPO and both in turn on a few labels, from the same base model.

    python -m recipes.few_shot_study run --data ../shared/data --base BASE --run runs/experiment
    python -m recipes.few_shot_study report --run runs/experiment

``--regime classes``: the base model (``--base``) never saw the withheld classes; ``make experiment`` makes it first.
``--regime expressions``: it knows all classes, and never read some kinds of expression (``recipes.builtin_model.assemble
language --fresh --without-kinds``). ``--regime known``: nothing is withheld.

Learning rates are chosen first: each arm is trained with every rate and measured on images kept back. Then for every seed
and number of shots each arm is trained with the same questions, as many steps a stage and as many questions a step, and
measured on the test sets, chip by chip (a view is one chip). The second stages (``sft-grpo``, ``sft-sft``) go on from the
model of ``sft``.

A folder of an experiment holds ``plan.json``, ``data/``, ``shots/``, ``tuning/NAME/`` and ``runs/NAME/`` with
``result.json`` for each finished training, and ``results.json`` with everything. Started again, it resumes after the last
finished training; more seeds and shots can be added later, other settings need another folder.
"""

from __future__ import annotations

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
from typing import Any

from geogrounding.errors import GeogroundingError, InputError, OutputError, SettingsError
from geogrounding.training.choices import Method
from geogrounding.training.config import TrainSettings, describe
from geogrounding.training.run_folder import CHECKPOINTS, versions
from recipes.few_shot_study import data as data_of
from recipes.few_shot_study.measure import dev_score
from recipes.few_shot_study.plan import ARMS, Arm, Plan, first_of, make_parser, method_of, plan_of

PLAN, RESULT, RESULTS = "plan.json", "result.json", "results.json"
ZERO_SHOT = "zero-shot"

Train = Callable[[Method, TrainSettings, Path], Mapping[str, Any]]
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
    from recipes.few_shot_study.measure import measure

    def trained(method: Method, settings: TrainSettings, output: Path) -> Mapping[str, Any]:
        outcome = train(method, settings, output)
        return {
            "steps": outcome.steps,
            "seconds": round(outcome.seconds, 1),
            "questions": outcome.samples,
            "last": dict(outcome.last),
        }

    def measured(model: str, tests: Mapping[str, Sequence[Any]]) -> Mapping[str, Any]:
        return measure(model, tests, resamples=plan.resamples, seed=plan.data_seed)

    return Doers(write=data_of.view_writer(root), train=trained, measure=measured)


@dataclass(slots=True)
class Study:
    """An experiment in its folder."""

    plan: Plan
    folder: Path
    base: Path
    doers: Doers
    say: Callable[[str], None] = print
    regime: data_of.Regime = field(init=False)
    _tests: dict[str, Sequence[Any]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Check everything that can be checked before any work.

        Raises:
            InputError: the base model is missing, or what is withheld does not exist.
            SettingsError: settings of the trainings are wrong.
        """
        config = self.base / "config.json"
        if not config.is_file():
            raise InputError(
                f"{self.base} is not the folder of a model", hint="`make experiment` makes it; see the Makefile."
            )
        known = json.loads(config.read_text(encoding="utf-8")).get("classes")
        if not isinstance(known, list):
            from recipes.builtin_model.corpora import CLASSES

            known = list(CLASSES)
        self.regime = data_of.regime_of(self.plan.regime, self.plan.withheld, tuple(map(str, known)))
        for arm in self.plan.arms:
            self._settings(method_of(arm), self.folder, str(self.base), seed=0, rate=self.plan.rates[0])

    def _settings(self, method: Method, shot_file: Path, model: str, *, seed: int, rate: float) -> TrainSettings:
        return self.plan.training(
            method,
            data=shot_file,
            images=self.folder / "data" / data_of.POOL,
            data_format="geo-r1",
            model=model,
            seed=seed,
            learning_rate=rate,
        )

    def prepare(self) -> None:
        """Draw the views of all sets."""
        plan = self.plan
        own = {data_of.POOL: plan.pool_views, data_of.DEV: plan.dev_views}
        for wanted in self.regime.sets:
            views = own.get(wanted.name, plan.test_views)
            data_of.prepare(self.folder / "data", wanted, views=views, seed=plan.data_seed, write=self.doers.write)
        self._tests = {
            wanted.name: data_of.read_questions(self.folder / "data" / wanted.name)
            for wanted in self.regime.sets
            if wanted.name != data_of.POOL
        }

    def zero_shot(self) -> None:
        """Measure the base model on all sets."""
        file = self.folder / "runs" / ZERO_SHOT / RESULT
        if not file.is_file():
            self.say(f"{ZERO_SHOT} ...")
            at = time.monotonic()
            metrics = self.doers.measure(str(self.base), self._tests)
            _write(file, {"arm": ZERO_SHOT, "shots": 0, "measured": metrics, "evaluation_seconds": _since(at)})

    def tune(self) -> dict[Arm, float]:
        """The learning rate of each arm: the best on the images kept back."""
        rates, plan = dict.fromkeys(plan_arms(self.plan), self.plan.rates[0]), self.plan
        if len(plan.rates) == 1:
            return rates
        only_dev = {data_of.DEV: self._tests[data_of.DEV]}
        for arm in rates:
            first = self._first(arm, "tuning", rates.get("sft"))
            values = {}
            for rate in plan.rates:
                place = self.folder / "tuning" / _tuned(arm, rate)
                self._train(arm, place, plan.tune_shots, plan.tune_seed, rate, first=first, tests=only_dev)
                values[rate] = dev_score(json.loads((place / RESULT).read_text())["measured"])
            rates[arm] = max(values, key=lambda rate: values[rate])
            self.say(f"{arm}: learning rate {rates[arm]:g} of {values}")
        return rates

    def run(self, rates: Mapping[Arm, float], *, keep: bool) -> None:
        """Train and measure every arm that is not done."""
        plan = self.plan
        tests = {name: samples for name, samples in self._tests.items() if name != data_of.DEV}
        todo = [(seed, shots) for seed in plan.seeds for shots in plan.shots]
        for number, (seed, shots) in enumerate(todo, start=1):
            suffix = f"{shots}-shot-seed-{seed}"
            missing = [a for a in plan.arms if not (self.folder / "runs" / f"{a}-{suffix}" / RESULT).is_file()]
            # a model whose weights were cleared away is trained again where a second stage needs it
            if any(first_of(arm) for arm in missing) and not _has_weights(self.folder / "runs" / f"sft-{suffix}"):
                (self.folder / "runs" / f"sft-{suffix}" / RESULT).unlink(missing_ok=True)
                missing = [arm for arm in ARMS if arm == "sft" or arm in missing]
            for arm in missing:
                self.say(f"{number} of {len(todo)}: {arm}-{suffix} ...")
                first = self.folder / "runs" / f"sft-{suffix}" if first_of(arm) else None
                place = self.folder / "runs" / f"{arm}-{suffix}"
                self._train(arm, place, shots, seed, rates[arm], first=first, tests=tests)
            if not keep:
                for arm in ARMS:
                    _clear(self.folder / "runs" / f"{arm}-{suffix}")

    def _first(self, arm: Arm, where: str, rate: float | None) -> Path | None:
        return None if first_of(arm) is None or rate is None else self.folder / where / _tuned("sft", rate)

    def _train(
        self,
        arm: Arm,
        place: Path,
        shots: int,
        seed: int,
        rate: float,
        *,
        first: Path | None,
        tests: Mapping[str, Sequence[Any]],
    ) -> None:
        """Train an arm's last stage and measure the result, unless that is done."""
        if (place / RESULT).is_file():
            return
        shot_file = self.folder / "shots" / f"{shots}-seed-{seed}.jsonl"
        shot_file.parent.mkdir(exist_ok=True)
        pool = self.folder / "data" / data_of.POOL
        data_of.write_records(shot_file, data_of.shot_records(pool, shots, seed=seed, regime=self.regime))
        start = str(self.base if first is None else first / "model")
        # as a longer training would, a second stage sees other draws of the questions than the first
        settings = self._settings(
            method_of(arm), shot_file, start, seed=seed if first is None else seed + 1000, rate=rate
        )
        model = place / "model"
        shutil.rmtree(model, ignore_errors=True)  # of an interrupted training
        at, busy = time.monotonic(), time.process_time()
        training = self.doers.train(method_of(arm), settings, model)
        busy = round(time.process_time() - busy, 1)
        trained_s, at = _since(at), time.monotonic()
        metrics = self.doers.measure(str(model), tests)
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
        self.say(f"{place.name}: trained in {trained_s:.0f} s, measured in {_since(at):.0f} s")


def plan_arms(plan: Plan) -> tuple[Arm, ...]:
    """The arms of a plan and those that they go on from."""
    needed = {*plan.arms, *(first for arm in plan.arms if (first := first_of(arm)))}
    return tuple(arm for arm in ARMS if arm in needed)


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
    from geogrounding.models import hub

    study = Study(plan, folder, base, doers, say)
    begun = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    start = hub.fingerprint([base], settings=None)
    _same(folder, {**plan.fixed(), "withheld": list(study.regime.withheld), "start": start})
    study.prepare()
    study.zero_shot()
    rates = study.tune()
    study.run(rates, keep=keep)
    return _collect(study, rates, start=start, command=command, seconds=_since(begun))


def _collect(study: Study, rates: Mapping[Arm, float], *, start: str, command: Sequence[str], seconds: float) -> Path:
    """Write ``results.json`` from all finished trainings of the folder, those of earlier plans as well."""
    plan, folder = study.plan, study.folder

    def finished(where: str) -> list[dict[str, Any]]:
        return [json.loads(path.read_text(encoding="utf-8")) for path in sorted((folder / where).glob(f"*/{RESULT}"))]

    found = finished("runs")
    runs = [one for one in found if one["arm"] != ZERO_SHOT]
    runs.sort(key=lambda one: (one["seed"], one["shots"], ARMS.index(one["arm"])))
    results = {
        "command": shlex.join(command),
        "versions": versions(),
        "machine": {"processor": platform.machine(), "cores": os.cpu_count(), "system": platform.system()},
        "start": {"folder": str(study.base), "fingerprint": start},
        "regime": study.regime.name,
        "withheld": list(study.regime.withheld),
        "plan": {**plan.fixed(), "arms": list(plan.arms), "shots": list(plan.shots), "seeds": list(plan.seeds)},
        "rates": dict(rates),
        "tuning": [
            {"arm": one["arm"], "rate": one["settings"]["learning_rate"], "score": dev_score(one["measured"])}
            for one in finished("tuning")
        ],
        "sets": {one.name: data_of.describe(folder / "data" / one.name, one.title) for one in study.regime.sets},
        "tests": [one.name for one in study.regime.tests],
        "seconds_of_this_start": seconds,
        "zero_shot": next(one for one in found if one["arm"] == ZERO_SHOT),
        "runs": runs,
    }
    _write(folder / RESULTS, results)
    return folder / RESULTS


def _tuned(arm: Arm, rate: float) -> str:
    return f"{arm}-rate-{rate:g}"


def _has_weights(place: Path) -> bool:
    return (place / RESULT).is_file() and any((place / "model").glob("*.safetensors"))


def _clear(place: Path) -> None:
    for weights in (place / "model").glob("*.safetensors"):
        weights.unlink()
    shutil.rmtree(place / "model" / CHECKPOINTS, ignore_errors=True)


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


def main(arguments: list[str] | None = None) -> int:
    """Entry point; see the module's docstring. Returns the exit code."""
    from recipes.few_shot_study.features import SharedFeatures
    from recipes.few_shot_study.report import write_report

    words = sys.argv[1:] if arguments is None else arguments
    given = make_parser((__doc__ or "").split("\n")[0]).parse_args(words)
    try:
        if given.step == "run":
            if given.threads:
                import torch

                torch.set_num_threads(given.threads)
            plan = plan_of(given)
            command = ["python", "-m", "recipes.few_shot_study", *words]
            with SharedFeatures():
                run_experiment(
                    plan, given.run, base=given.base, doers=doers(given.data, plan), keep=given.keep, command=command
                )
        write_report(given.run / RESULTS, chart=given.chart, page=given.page)
    except GeogroundingError as error:
        print(f"Error: {error}", *([f"Hint: {error.hint}"] if error.hint else []), sep="\n", file=sys.stderr)
        return error.exit_code
    return 0
