"""Logs of a run: metrics as CSV, curves as PNG, completions as JSON lines and as text.

Metrics come from the history of the trainer, which a checkpoint restores, so that a resumed run has the same files as an
uninterrupted one.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

METRICS, CURVES = "metrics.csv", "curves.png"
COMPLETIONS, READABLE = "completions.jsonl", "completions.txt"
_NOT_CURVES = frozenset({"step", "epoch", "train_runtime", "train_samples_per_second", "train_steps_per_second"})
_LAST = frozenset({"train_runtime", "train_samples_per_second", "train_steps_per_second", "total_flos", "train_loss"})
_FIRST = (
    "reward",
    "rewards/format_reward/mean",
    "loss",
    "kl",
    "entropy",
    "mean_token_accuracy",
    "completions/mean_length",
    "completions/clipped_ratio",
    "frac_reward_zero_std",
    "grad_norm",
    "learning_rate",
    "step_time",
)
"""Curves that are drawn first, in this order; means of other rewards come after the first."""

OnLog = Callable[[Mapping[str, float]], None]


def history_rows(history: Iterable[Mapping[str, Any]]) -> list[dict[str, float]]:
    """The rows of a trainer's log history that belong to steps; a later row of the same step wins."""
    rows: dict[int, dict[str, float]] = {}
    for entry in history:
        if not _LAST.isdisjoint(entry) or "step" not in entry:
            continue
        numbers = {
            key: float(value)
            for key, value in entry.items()
            if isinstance(value, int | float) and math.isfinite(float(value))
        }
        rows[int(entry["step"])] = numbers
    return [rows[step] for step in sorted(rows)]


def write_metrics(folder: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write ``metrics.csv``: one line a logged step, ``step`` first; what was not measured stays empty."""
    names = sorted({key for row in rows for key in row} - {"step"})
    temporary = folder / (METRICS + ".new")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["step", *names])
        for row in rows:
            writer.writerow([int(row["step"]), *(f"{row[name]:.8g}" if name in row else "" for name in names)])
    temporary.replace(folder / METRICS)


def draw_curves(folder: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Draw ``curves.png``: up to twelve numbers over steps, thin as measured and bold as a running mean."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    present = {key for row in rows for key in row} - _NOT_CURVES
    rewards = sorted(name for name in present if name.startswith("rewards/") and name.endswith("/mean"))
    names = [name for name in dict.fromkeys((*_FIRST[:1], *rewards, *_FIRST[1:])) if name in present][:12]
    if not rows or not names:
        return
    columns = min(3, len(names))
    lines = math.ceil(len(names) / columns)
    chart = Figure(figsize=(4.2 * columns, 2.6 * lines), layout="constrained")
    FigureCanvasAgg(chart)
    for place, name in enumerate(names):
        axes = chart.add_subplot(lines, columns, place + 1)
        steps = [row["step"] for row in rows if name in row]
        values = [row[name] for row in rows if name in row]
        axes.plot(steps, values, linewidth=0.7, alpha=0.5, marker="." if len(values) < 20 else "")
        axes.plot(steps, _smooth(values), linewidth=1.6)
        axes.set_title(name, fontsize=9)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.3)
    temporary = folder / (CURVES + ".new")
    chart.savefig(temporary, dpi=110, format="png")
    temporary.replace(folder / CURVES)


def _smooth(values: Sequence[float]) -> list[float]:
    """Running mean over a twentieth of the run, at least five values."""
    width = max(5, len(values) // 20)
    return [
        sum(part) / len(part) for stop in range(1, len(values) + 1) if (part := values[max(0, stop - width) : stop])
    ]


def add_completions(folder: Path, step: int, entries: Sequence[Mapping[str, Any]]) -> None:
    """Append completions of a step to the JSON lines and to the text for people.

    Args:
        folder: of the run.
        step: after which they were sampled.
        entries: ``prompt``, ``completion``, and what else is known: ``target``, ``rewards`` by name, ``advantage``.
    """
    with (folder / COMPLETIONS).open("a", encoding="utf-8") as file:
        for entry in entries:
            file.write(json.dumps({"step": step, **entry}, ensure_ascii=False) + "\n")
    with (folder / READABLE).open("a", encoding="utf-8") as file:
        file.writelines(_readable(step, entry) for entry in entries)


def forget_after(folder: Path, step: int) -> None:
    """Remove completions of steps after the checkpoint from which a run resumes."""
    path = folder / COMPLETIONS
    if not path.is_file():
        return
    kept = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # the last line of a killed run may be torn
        if int(entry["step"]) <= step:
            kept.append(entry)
    path.write_text("".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in kept), encoding="utf-8")
    (folder / READABLE).write_text("".join(_readable(int(entry["step"]), entry) for entry in kept), encoding="utf-8")


def _readable(step: int, entry: Mapping[str, Any]) -> str:
    parts = [f"==== step {step}", f"question: {entry['prompt']}"]
    if "target" in entry:
        parts.append(f"right: {entry['target']}")
    if "rewards" in entry:
        rewards = ", ".join(f"{name} {value:.3f}" for name, value in entry["rewards"].items() if value is not None)
        advantage = entry.get("advantage")
        parts.append(f"rewards: {rewards}" + ("" if advantage is None else f"; advantage {advantage:+.2f}"))
    parts.append(f"answer: {entry['completion']}")
    return "\n".join(parts) + "\n\n"


def one_line(numbers: Mapping[str, float]) -> str:
    """The numbers of a step for a person: ``step 12 of 200: reward 0.531, format_reward 1.000, ...``."""
    parts = [f"{name} {numbers[name]:.3f}" for name in ("reward", "loss", "mean_token_accuracy") if name in numbers]
    rewards = [name for name in numbers if name.startswith("rewards/") and name.endswith("/mean")]
    parts += [f"{name.split('/')[1]} {numbers[name]:.3f}" for name in sorted(rewards)]
    parts += [f"{short} {numbers[name]:.3g}" for name, short in _SHORT.items() if name in numbers]
    return f"step {numbers['step']:.0f} of {numbers['steps']:.0f}: {', '.join(parts)}"


_SHORT = {"kl": "kl", "entropy": "entropy", "completions/mean_length": "tokens", "step_time": "s/step"}
