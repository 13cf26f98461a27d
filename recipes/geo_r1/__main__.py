r"""Train and evaluate the experiments of the Geo-R1 paper, one command each.

    python -m recipes.geo_r1 list
    python -m recipes.geo_r1 train vrsbench-fs --method grpo --shots 10 --data VRSBench/Annotations_train \
        --images VRSBench/Images_train -o runs/vrsbench-grpo-10
    python -m recipes.geo_r1 eval vrsbench-fs --method grpo --shots 10 --model runs/vrsbench-grpo-10 \
        --test dior-rsvg --data DIOR-RSVG --split test -o runs/vrsbench-grpo-10/dior-rsvg.json

``config`` prints the settings as a file for ``geoground train --config``. A training that was cut off goes on with
``geoground train METHOD -o FOLDER --resume``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from geogrounding.errors import GeogroundingError, OutputError, SettingsError
from geogrounding.training.choices import Method
from recipes.geo_r1 import experiments as ex


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    given = _parser().parse_args(arguments)
    try:
        return int({"list": _list, "config": _config, "train": _train, "eval": _eval}[given.step](given))
    except GeogroundingError as error:
        print(f"Error: {error}", *([f"Hint: {error.hint}"] if error.hint else []), sep="\n", file=sys.stderr)
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m recipes.geo_r1", description=(__doc__ or "").split("\n")[0])
    steps = parser.add_subparsers(dest="step", required=True)
    steps.add_parser("list", help="the sets, their data and what the paper reports")
    for name, text in (
        ("config", "print the settings of an experiment as YAML"),
        ("train", "train it"),
        ("eval", "measure a model, beside what the paper reports"),
    ):
        step = steps.add_parser(name, help=text)
        step.add_argument("set", choices=list(ex.SETS))
        step.add_argument("--method", choices=ex.METHODS, default="grpo")
        step.add_argument("--shots", type=int, default=10)
        if name != "eval":
            step.add_argument(
                "--hardware", choices=ex.HARDWARE, default="lora", help="lora: one GPU of 24 GB; full: four"
            )
        if name != "config":
            step.add_argument("--data", type=Path, required=True, help="see: list")
            step.add_argument("--images", type=Path, help="folder of the images; default beside the labels")
            step.add_argument("-o", "--output", type=Path, required=True)
            step.add_argument("--model", help="default of train: Qwen/Qwen2.5-VL-3B-Instruct")
            step.add_argument("--device")
        if name == "train":
            step.add_argument("--seed", type=int, default=0, help="of the choice of shots and of the training")
            step.add_argument("--set-option", nargs="*", default=[], metavar="NAME=VALUE", help="other settings")
        if name == "eval":
            step.add_argument("--test", help="which test set the data are; default the set's own")
            step.add_argument("--split", help="part of a folder that holds several, such as test")
            step.add_argument("--limit", type=int, help="measure on so many images only")
    return parser


def _list(_: argparse.Namespace) -> int:
    for one in ex.SETS.values():
        print(f"{one.name}: {one.task}, {one.classes} classes, {'/'.join(map(str, one.shots))} shots")
        print(f"  train --data: {one.train}")
        for test, data in one.tests.items():
            print(f"  eval --test {test} --data: {data}")
            for row in (row for row in ex.REPORTED if row.test == test):
                print(f"    {row.method} {row.shots:>2} shots: {row.metric} {row.value:.2f}")
    print(f"Reported by {ex.SOURCE}.")
    return 0


def _config(given: argparse.Namespace) -> int:
    import yaml

    settings = ex.config(ex.find_set(given.set), given.method, given.shots, given.hardware)
    print(f"# {given.set}, {given.method}, {given.shots} shots, {given.hardware}; add data, images and the output")
    print(yaml.safe_dump(settings, sort_keys=False), end="")
    return 0


def _train(given: argparse.Namespace) -> int:
    from geogrounding.training.launch import launch, train
    from geogrounding.training.run_log import one_line

    own: dict[str, Any] = {"data": given.data, "images": given.images, "seed": given.seed}
    own |= {name: value for name in ("model", "device") if (value := getattr(given, name)) is not None}
    own |= dict(_setting(text) for text in given.set_option)
    settings = ex.settings_of(ex.find_set(given.set), given.method, given.shots, given.hardware, **own)
    method: Method = "sft" if given.method == "sft" else "grpo"
    processes = ex.PROCESSES[given.hardware]
    if processes > 1 and given.device != "cpu":
        launch(method, settings, given.output, processes=processes)
        return 0
    outcome = train(
        method,
        settings,
        given.output,
        on_log=lambda numbers: print(one_line(numbers), file=sys.stderr, flush=True),
        on_note=lambda note: print(f"Warning: {note}", file=sys.stderr, flush=True),
    )
    print(f"{outcome.samples} samples, {outcome.steps} steps in {outcome.seconds:.0f} s -> {outcome.folder}")
    return 0


def _eval(given: argparse.Namespace) -> int:
    from geogrounding.datasets import read_samples
    from geogrounding.evaluation import evaluate
    from geogrounding.models.load import load_model

    of = ex.find_set(given.set)
    test = given.test or next(iter(of.tests))
    if test not in of.tests:
        raise SettingsError(f"{of.name} is not tested on {test!r}", hint=f"Choose one of: {', '.join(of.tests)}.")
    if given.output.exists():
        raise OutputError(f"{given.output} exists", hint="Name another file.")
    # RRSIS-D and DIOR-RSVG come in the forms of their own tasks: single targets, of which the paper takes masks or boxes.
    samples = read_samples(given.data, given.images, task=of.task, split=given.split)
    options = {} if given.device is None else {"device": given.device}
    with closing(load_model(given.model or "Qwen/Qwen2.5-VL-3B-Instruct", **options)) as model:
        found = evaluate(model, samples.samples, limit=given.limit)
    given.output.write_text(json.dumps(found.metrics, indent=2) + "\n", encoding="utf-8")
    print(f"{'metric':<22} {'here':>8}   paper ({ex.SOURCE})")
    reported = {
        row.metric: row.value
        for row in ex.REPORTED
        if (row.test, row.method, row.shots) == (test, given.method, given.shots)
    }
    for metric, value in found.metrics.items():
        if f"{metric}_ci" in found.metrics and value is not None:
            paper = f"{reported[metric]:>8.2f}" if metric in reported else "       -"
            print(f"{metric:<22} {100 * value:>8.2f}  {paper}")
    return 0


def _setting(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise SettingsError(f"{text!r} is not NAME=VALUE", hint="Example: max_completion=512.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


if __name__ == "__main__":
    sys.exit(main())
