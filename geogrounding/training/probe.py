"""Before and after GRPO: whether the answers of a model earn rewards that training can learn from.

GRPO learns from differences of reward within the answers to one question. Where none of them ever earns anything, or all
earn the same, no step changes the model, however long the training. Imports torch: import it late.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from geogrounding.errors import ModelError, SettingsError
from geogrounding.training import run_log
from geogrounding.training.config import GRPOSettings
from geogrounding.training.rows import Row, reward_columns
from geogrounding.training.runner import Prepared

MAX_PROBED_GROUP = 8
"""Answers to each question of the probe, at most."""
_LABEL = re.compile(r'\s*,\s*"label"\s*:\s*"(?:[^"\\]|\\.)*"')
_ADVICE = (
    "GRPO learns from answers that are right now and then: teach the model first with `geoground train sft` on the same "
    "data, check that the labels are what is asked for, or raise --group or --temperature"
)


def reward_functions(settings: GRPOSettings, tasks: Collection[str], *, tagged: bool) -> list[Any]:
    """The reward functions of a run.

    Args:
        settings: name them, or leave them to the data: the form of the answer, and what suits the task.
        tasks: of the samples.
        tagged: whether the model answers between tags, as ``format_reward`` wants it.

    Raises:
        SettingsError: a name leads to no function, or a segmenter has nothing to draw.
        ModelError: the segmenter cannot be loaded.
    """
    from geogrounding.training.mask_reward import mask_reward
    from geogrounding.training.rewards import TASK_REWARDS, format_reward, resolve

    own: dict[str, Any] = dict(TASK_REWARDS)
    if settings.segmenter is not None:
        if "segment" not in tasks:
            raise SettingsError(
                f"a segmenter is for samples of the task segment, and these are of {' and '.join(sorted(set(tasks)))}",
                hint="Give --task segment and labels with masks, or leave out --segmenter.",
            )
        own["segment"] = mask_reward(settings.segmenter, settings.device)
    if settings.rewards:
        chosen = [own["segment"] if name == "mask" else resolve(name) for name in settings.rewards]
    else:
        kinds = set(tasks)
        worth = own[kinds.pop()] if len(kinds) == 1 else _grounding(own)
        chosen = [format_reward, worth] if tagged else [worth]
    return chosen if settings.compare_labels else [_without_labels(function) for function in chosen]


def _grounding(own: Mapping[str, Any]) -> Any:
    """``grounding_reward`` with these rewards of tasks."""
    from geogrounding.training.rewards import TASK_REWARDS, by_task, grounding_reward

    if own == TASK_REWARDS:
        return grounding_reward

    @functools.wraps(grounding_reward)
    def reward(completions: Sequence[Any], *, task: Sequence[str], **columns: Any) -> list[float]:
        return by_task(completions, task, own, columns)

    return reward


def _without_labels(function: Any) -> Any:
    """A reward without the labels of boxes, where the question asks for one class only."""
    from geogrounding.training.reward_inputs import text_of

    @functools.wraps(function)
    def reward(completions: Sequence[Any], **columns: Any) -> list[float | None]:
        texts = [
            _LABEL.sub("", text_of(completion)) if len(set(labels)) <= 1 else text_of(completion)
            for completion, labels in zip(completions, columns["labels"], strict=True)
        ]
        rewards: list[float | None] = function(texts, **columns)
        return rewards

    return reward


def probe(settings: GRPOSettings, prepared: Prepared) -> Mapping[str, Any]:
    """Let the base model answer a few questions and write the answers down.

    Returns:
        Mean rewards by name, for the record.

    Raises:
        ModelError: no answer has the required form: a reward that is always 0 teaches nothing.
    """
    from geogrounding.training.run_folder import is_main
    from geogrounding.training.trainers import answers

    base = prepared.base
    if not settings.probe or not is_main():
        return {}
    rows = _spread(prepared.rows, settings.probe)
    group = min(settings.group, MAX_PROBED_GROUP)
    asked = [row for row in rows for _ in range(group)]
    tokens = settings.max_completion or 0
    texts = answers(base.model, base.processor, asked, tokens=tokens, temperature=settings.temperature)
    by_row = [reward_columns(row, base.form) for row in asked]
    columns = {name: [one[name] for one in by_row] for name in by_row[0]}
    completions = [[{"role": "assistant", "content": text}] for text in texts]
    functions = reward_functions(settings, columns["task"], tagged=base.form.tagged)
    rewards = {function.__name__: list(function(completions, **columns)) for function in functions}
    entries = [
        {
            "prompt": row.prompt,
            "completion": text,
            "target": row.completion,
            "rewards": {name: values[index] for name, values in rewards.items()},
        }
        for index, (row, text) in enumerate(zip(asked, texts, strict=True))
    ]
    run_log.add_completions(prepared.folder, 0, entries)
    _check_form(rewards, texts, settings)
    note = note_of_probe(rewards, group, texts[0])
    if note:
        prepared.notes.add(note)
    return {
        name: round(sum(known) / len(known), 4)
        for name, values in rewards.items()
        if (known := [value for value in values if value is not None])
    }


def _check_form(rewards: Mapping[str, Sequence[float | None]], texts: Sequence[str], settings: GRPOSettings) -> None:
    for name, values in rewards.items():
        known = [value for value in values if value is not None]
        if _is_form(name) and known and not any(known):
            raise ModelError(
                f"of {len(texts)} answers of {settings.model} none has the required form, so that {name} would stay 0 "
                f"and teach nothing; the first answer: {texts[0][:120]!r}",
                hint="Train it first with `geoground train sft`, on the same data and with the same --[no-]reasoning.",
            )


def note_of_probe(rewards: Mapping[str, Sequence[float | None]], group: int, first: str) -> str:
    """A warning where the probed answers earned nothing, or nothing that differs within a group; else an empty text.

    Args:
        rewards: by name of the function, one for each answer; groups follow each other.
        group: answers to each question.
        first: the first answer, for the message.
    """
    values = {name: np.array([0.0 if one is None else one for one in given]) for name, given in rewards.items()}
    earned = {name: given for name, given in values.items() if not _is_form(name)}
    if not earned:
        return ""
    total = np.sum(list(values.values()), axis=0)
    questions = len(total) // group
    if not any(given.any() for given in earned.values()):
        return (
            f"Before training, none of {len(total)} answers to {questions} questions earned {_names(earned)}; the first: "
            f"{first[:120]!r}. {_ADVICE}."
        )
    if not np.ptp(total.reshape(questions, group), axis=1).any():
        return (
            f"Before training, the answers to each of {questions} questions all earned the same "
            f"(mean {total.mean():.3f}). {_ADVICE}."
        )
    return ""


def note_of_history(rows: Sequence[Mapping[str, float]]) -> str:
    """A warning where a whole training could learn nothing; else an empty text.

    Args:
        rows: the numbers of all logged steps, by TRL's names.
    """
    names = sorted({key for row in rows for key in row if key.startswith("rewards/") and key.endswith("/mean")})
    earned = {name: [row[name] for row in rows if name in row] for name in names if not _is_form(name.split("/")[1])}
    same = [row["frac_reward_zero_std"] for row in rows if "frac_reward_zero_std" in row]
    if earned and not any(any(values) for values in earned.values()):
        functions = _names([name.split("/")[1] for name in earned])
        return f"In {len(rows)} logged steps no answer earned {functions}: the model has not learned. {_ADVICE}."
    if same and min(same) >= 1.0:
        return (
            f"In {len(rows)} logged steps the answers to each question all earned the same, so that nothing was learned. "
            f"{_ADVICE}."
        )
    return ""


def _is_form(name: str) -> bool:
    """Whether a reward is for the form of an answer, not for its boxes."""
    return name.startswith("format")


def _names(names: Collection[str]) -> str:
    return " or ".join(sorted(names))


def _spread(rows: Sequence[Row], count: int) -> list[Row]:
    """``count`` rows, evenly spread over the data."""
    step = max(1, len(rows) // count)
    return list(rows[::step])[:count]
