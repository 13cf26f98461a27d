"""Table and chart of the study, from ``results.json`` alone. See ``study``.

Metrics of several seeds are given as mean ± standard deviation over the seeds (n - 1). Intervals are 95% percentile
intervals from resampling the images of the test set, together for all seeds; the metric of a draw is the mean over the
seeds. For the difference of two arms the same draws serve both, because both answered the same questions.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geogrounding.errors import InputError, OutputError
from geogrounding.evaluation.bootstrap import Interval, Weights, intervals, ratio
from recipes.few_shot_study.data import DEV, POOL
from recipes.few_shot_study.measure import dev_score

BEGIN, END = "<!-- experiment {}: begin -->", "<!-- experiment {}: end -->"
CHART = "docs/images/experiment-{}.png"
TABLE = "table.md"
METRICS = (
    ("refer", "acc50", "Acc@0.5"),
    ("refer", "acc70", "Acc@0.7"),
    ("detect", "ap50", "AP50"),
    ("detect", "f1_50", "F1@0.5"),
    ("detect", "none_rate", "none said"),
)
"""(task, name, heading)."""
DRAWN = {
    "classes": (("refer", "acc50", "Acc@0.5, one target"), ("detect", "ap50", "AP50, all targets")),
    "expressions": (("refer", "acc50", "Acc@0.5, one target"), ("detect", "f1_50", "F1@0.5, all targets")),
}
DRAWN["known"] = DRAWN["expressions"]
NAMES = {"sft": "SFT", "grpo": "GRPO", "sft-grpo": "SFT, then GRPO", "sft-sft": "SFT, then SFT"}
COLOURS = {"sft": "#d95f02", "grpo": "#1b6ca8", "sft-grpo": "#1b9e77", "sft-sft": "#a6761d"}
COMPARED = (("grpo", "sft", "GRPO − SFT"), ("sft-grpo", "sft-sft", "(SFT, GRPO) − (SFT, SFT)"))
"""(more, less, heading): as many steps, from the same model."""
OF = {
    "classes": "of each withheld class",
    "expressions": "of each withheld way to choose",
    "known": "of each way to choose",
}

Run = Mapping[str, Any]
Results = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A metric of one or several trainings that differ in their seed."""

    mean: float
    spread: float | None
    """Standard deviation over the seeds; None for one training."""
    interval: Interval
    low: float
    high: float
    """Of the seeds."""

    def __str__(self) -> str:
        spread = "" if self.spread is None else f" ± {self.spread:.2f}"
        return f"{self.mean:.2f}{spread}" + _bracket(self.interval)


def read_results(file: Path) -> Results:
    """The results of a study.

    Raises:
        InputError: it is missing or something else.
    """
    try:
        results = json.loads(file.read_text(encoding="utf-8"))
        if not {"zero_shot", "runs", "sets", "plan", "versions", "regime", "tests", "rates"} <= set(results):
            raise ValueError("unexpected content")
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"{file} holds no results of the experiment: {error}", hint="`make experiment` writes them."
        ) from error
    checked: Results = results
    return checked


def value_of(runs: Sequence[Run], where: str, task: str, name: str) -> Value | None:
    """A metric over the seeds; None where the set has no such questions."""
    measured = [run["measured"].get(where, {}).get(task) for run in runs]
    known = [one[name] for one in measured if one is not None and one.get(name) is not None]
    if not known:
        return None
    interval: Interval = None
    parts = [_parts(one, name) for one in measured if one is not None]
    if all(part is not None for part in parts):
        interval = _interval([part for part in parts if part is not None], [], _resamples(measured))
    elif len(known) == 1 and measured[0][f"{name}_ci"] is not None:
        low, high = measured[0][f"{name}_ci"]
        interval = (low, high)
    return Value(
        # of seeds that agree the mean may be off by a rounding
        mean=min(max(float(np.mean(known)), min(known)), max(known)),
        spread=float(np.std(known, ddof=1)) if len(known) > 1 else None,
        interval=interval,
        low=min(known),
        high=max(known),
    )


def difference(
    more: Sequence[Run], less: Sequence[Run], where: str, task: str, name: str
) -> tuple[float, Interval] | None:
    """Mean of ``more`` minus mean of ``less``, with its interval where the metric is a sum by image."""
    a, b = value_of(more, where, task, name), value_of(less, where, task, name)
    if a is None or b is None:
        return None
    parts = [[_parts(run["measured"][where][task], name) for run in runs] for runs in (more, less)]
    if any(part is None for side in parts for part in side):
        return a.mean - b.mean, None
    first, second = ([part for part in side if part is not None] for side in parts)
    return a.mean - b.mean, _interval(first, second, _resamples([more[0]["measured"][where][task]]))


_Parts = tuple[NDArray[np.float64], NDArray[np.float64]]


def _parts(measured: Mapping[str, Any], name: str) -> _Parts | None:
    """(P,) numerators and denominators of a metric by image."""
    found = measured["by_picture"].get(name)
    return None if found is None else (np.array(found[0], np.float64), np.array(found[1], np.float64))


def _resamples(measured: Sequence[Mapping[str, Any] | None]) -> tuple[int, int]:
    one = next(one for one in measured if one is not None)
    return int(one["resamples"]), int(one["seed"])


def _interval(more: Sequence[_Parts], less: Sequence[_Parts], resampling: tuple[int, int]) -> Interval:
    def mean(runs: Sequence[_Parts], weights: Weights) -> NDArray[np.float64]:
        if not runs:
            return np.zeros(len(weights))
        return np.asarray(np.mean([ratio(weights @ n, weights @ d) for n, d in runs], axis=0))

    resamples, seed = resampling
    found = intervals(
        lambda weights: {"mean": mean(more, weights) - mean(less, weights)},
        len(more[0][0]),
        resamples=resamples,
        seed=seed,
    )
    return found.get("mean")


def _bracket(interval: Interval) -> str:
    return "" if interval is None else f" ({interval[0]:.2f} to {interval[1]:.2f})"


def _grouped(results: Results) -> dict[int, dict[str, list[Run]]]:
    """Trainings by shots and method."""
    groups: dict[int, dict[str, list[Run]]] = {}
    for run in results["runs"]:
        groups.setdefault(int(run["shots"]), {}).setdefault(run["arm"], []).append(run)
    return dict(sorted(groups.items()))


def markdown(results: Results) -> str:
    """What was trained, and a table for each test set."""
    groups, plan, pool = _grouped(results), results["plan"], results["sets"][POOL]
    lines = [
        f"Shots, {OF[results['regime']]}, are chosen from {pool['pictures']} views. What the last stage of a training took, "
        "mean over the seeds:",
        "",
        "| shots | method | seeds | questions | steps | learning rate | training, s | processor, s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for shots, arms in groups.items():
        for arm, runs in arms.items():
            seeds = ", ".join(str(run["seed"]) for run in runs)
            mean = [
                float(np.mean([run["training"]["questions"] for run in runs])),
                float(np.mean([run["training"]["steps"] for run in runs])),
            ]
            took = [
                float(np.mean([run["training"]["seconds"] for run in runs])),
                float(np.mean([run["training_processor_seconds"] for run in runs])),
            ]
            cells = [*(f"{one:.0f}" for one in mean), f"{results['rates'][arm]:g}", *(f"{one:.0f}" for one in took)]
            lines.append(f"| {shots} | {NAMES[arm]} | {seeds} | " + " | ".join(cells) + " |")
    if results["tuning"]:
        lines += ["", _tuning(results)]
    for name in results["tests"]:
        lines += ["", *_table(results, groups, name)]
    measured = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    lines += [
        "",
        f"Settings: SFT `{_settings_text(plan['settings']['sft'])}`; GRPO `{_settings_text(plan['settings']['grpo'])}`. "
        f"Seeds of the data {plan['data_seed']}; {results['machine']['cores']} processor cores "
        f"({results['machine']['processor']}); {measured}.",
    ]
    return "\n".join(lines) + "\n"


def _tuning(results: Results) -> str:
    """By which the learning rates were chosen."""
    by_arm: dict[str, list[str]] = {}
    for one in sorted(results["tuning"], key=lambda one: float(one["rate"])):
        by_arm.setdefault(one["arm"], []).append(f"{one['score']:.3f} at {one['rate']:g}")
    said = "; ".join(f"{NAMES[arm]} {', '.join(by_arm[arm])}" for arm in NAMES if arm in by_arm)
    held, zero = results["sets"][DEV], results["zero_shot"]["measured"][DEV]
    return (
        f"Learning rates were chosen by the mean of Acc@0.5 and F1@0.5 on {held['pictures']} views of images kept back "
        f"({results['plan']['tune_shots']} shots; zero-shot {_score(zero):.3f}): {said}."
    )


def _score(measured: Mapping[str, Any]) -> float:
    return dev_score({DEV: measured})


def _table(results: Results, groups: Mapping[int, Mapping[str, Sequence[Run]]], name: str) -> list[str]:
    held = results["sets"][name]
    lines = [
        f"**{held['title']}** ({held['pictures']} views; {held['refer']} questions for one target, {held['detect']} for "
        f"all, {held['none']} without a target)",
        "",
        "| shots | method | " + " | ".join(heading for _, _, heading in METRICS) + " |",
        "|---|---|" + "---|" * len(METRICS),
        _row("0", "zero-shot", [value_of([results["zero_shot"]], name, t, n) for t, n, _ in METRICS]),
    ]
    for shots, arms in groups.items():
        for arm, runs in arms.items():
            lines.append(_row(str(shots), NAMES[arm], [value_of(runs, name, task, n) for task, n, _ in METRICS]))
        for more, less, heading in COMPARED:
            both = {run["seed"] for run in arms.get(more, ())} & {run["seed"] for run in arms.get(less, ())}
            if not both:
                continue
            pair = [[run for run in arms[arm] if run["seed"] in both] for arm in (more, less)]
            found = [difference(pair[0], pair[1], name, task, n) for task, n, _ in METRICS]
            cells = [None if one is None else f"{one[0]:+.2f}" + _signed(one[1]) for one in found]
            lines.append(_row(str(shots), heading, cells))
    return lines


def _row(shots: str, method: str, cells: Sequence[object | None]) -> str:
    return f"| {shots} | {method} | " + " | ".join("–" if cell is None else str(cell) for cell in cells) + " |"


def _signed(interval: Interval) -> str:
    return "" if interval is None else f" ({interval[0]:+.2f} to {interval[1]:+.2f})"


def _settings_text(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings.items())


def draw(results: Results, file: Path) -> None:
    """Metrics over shots: a row for each metric of ``DRAWN``, a column for each test set; bars span the seeds.

    Raises:
        OutputError: the image cannot be written.
    """
    from matplotlib.figure import Figure

    groups, tests, drawn = _grouped(results), results["tests"], DRAWN[results["regime"]]
    at = {shots: place for place, shots in enumerate(groups)}
    arms_of = [arm for arm in NAMES if any(arm in arms for arms in groups.values())]
    chart = Figure(figsize=(max(2.6 * len(tests), 5.6), 2.6 * len(drawn)), layout="constrained")
    axes = chart.subplots(len(drawn), len(tests), squeeze=False, sharex=True, sharey=True)
    for row, (task, name, label) in enumerate(drawn):
        for column, test in enumerate(tests):
            one = axes[row][column]
            zero = value_of([results["zero_shot"]], test, task, name)
            if zero is not None:
                one.axhline(zero.mean, color="#777777", linestyle="--", linewidth=1.2, label="zero-shot")
            for number, arm in enumerate(arms_of):
                shift = 0.1 * (number - (len(arms_of) - 1) / 2)
                points = [
                    (at[shots] + shift, value)
                    for shots, arms in groups.items()
                    if arm in arms and (value := value_of(arms[arm], test, task, name)) is not None
                ]
                if points:
                    means = [value.mean for _, value in points]
                    bars = [[v.mean - v.low for _, v in points], [v.high - v.mean for _, v in points]]
                    where = [x for x, _ in points]
                    one.errorbar(
                        where,
                        means,
                        yerr=bars,
                        color=COLOURS[arm],
                        marker="o",
                        markersize=4,
                        capsize=3,
                        label=NAMES[arm],
                    )
            one.set_ylim(0, 1)
            one.set_xlim(-0.5, len(at) - 0.5)
            one.set_xticks(list(at.values()), [str(shots) for shots in at])
            one.grid(alpha=0.3)
            if row == 0:
                one.set_title(results["sets"][test]["title"].replace(", ", ",\n"), fontsize=9)
            if column == 0:
                one.set_ylabel(label)
    handles, labels = axes[0][0].get_legend_handles_labels()
    chart.supxlabel(f"shots {OF[results['regime']]}", fontsize=10)
    columns = len(labels) if len(tests) > 2 else 3  # as many as are as wide as the chart
    chart.legend(handles, labels, loc="outside upper center", ncols=max(1, columns), fontsize=9)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        chart.savefig(file, dpi=110, metadata={"Software": None})
    except OSError as error:
        raise OutputError(f"{file} cannot be written: {error.strerror or error}") from error


def write_report(results_file: Path, *, chart: Path | None, page: Path) -> str:
    """Write the chart (default ``CHART``), ``table.md`` beside the results and, where the page exists, the part between the
    marks of the regime.

    Raises:
        InputError: there are no results, or the page has no marks.
        OutputError: something cannot be written.
    """
    results = read_results(results_file)
    regime = str(results["regime"])
    chart = Path(CHART.format(regime)) if chart is None else chart
    text = markdown(results)
    draw(results, chart)
    try:
        (results_file.parent / TABLE).write_text(text, encoding="utf-8")
        if page.is_file():
            link = Path(os.path.relpath(chart, page.parent)).as_posix()
            _between_marks(page, regime, f"![Metrics over shots]({link})\n\n{text}")
    except OSError as error:
        raise OutputError(f"the report cannot be written: {error}") from error
    return text


def _between_marks(page: Path, regime: str, text: str) -> None:
    old, marks = page.read_text(encoding="utf-8"), (BEGIN.format(regime), END.format(regime))
    before, begin, rest = old.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not begin or not end:
        raise InputError(f"{page} has no place for the table", hint=f"Write {' and '.join(marks)} where it belongs.")
    page.write_text(f"{before}{marks[0]}\n\n{text}\n{marks[1]}{after}", encoding="utf-8")
