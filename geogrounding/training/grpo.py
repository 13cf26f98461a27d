"""Group relative policy optimisation: the model answers each question several times and learns from which answers were
better (GRPO, arXiv 2402.03300; clip-higher and token-level loss of DAPO, arXiv 2503.14476).

Imports torch and trl: import it late.
"""

from __future__ import annotations

import copy
import functools
import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from geogrounding.errors import ModelError, SettingsError
from geogrounding.training import run_log
from geogrounding.training.base_model import is_builtin
from geogrounding.training.choices import Method
from geogrounding.training.config import GRPOSettings
from geogrounding.training.rows import Row, to_dataset
from geogrounding.training.runner import Outcome, Prepared, common_arguments, repeated, run

_LABEL = re.compile(r'\s*,\s*"label"\s*:\s*"(?:[^"\\]|\\.)*"')


def train_grpo(
    settings: GRPOSettings, output: Path, *, resume: bool = False, on_log: run_log.OnLog | None = None
) -> Outcome:
    """Train by rewards.

    Args:
        settings: of the run.
        output: folder of the run; it must not exist.
        resume: go on with the run in the folder from its last checkpoint, with the same result.
        on_log: called with the numbers of each logged step.

    Raises:
        SettingsError, InputError, ModelError, OutputError: what cannot work, before the first step.
    """
    settings = settings.completed(builtin=is_builtin(settings.model))
    settings.check_batch(int(os.environ.get("WORLD_SIZE", "1") or 1))
    if settings.vllm and find_spec("vllm") is None:
        raise SettingsError(
            "rollouts with vLLM need the package vllm, not installed here",
            hint="pip install vllm, or go without --vllm.",
        )
    if settings.vllm and is_builtin(settings.model):
        raise SettingsError("vLLM does not know the built-in model", hint="Go without --vllm: it is fast by itself.")
    return run(GRPORecipe(settings=settings, on_log=on_log), output, resume=resume)


@dataclass(frozen=True, slots=True, kw_only=True)
class GRPORecipe:
    """See ``run.Recipe``."""

    settings: GRPOSettings
    on_log: run_log.OnLog | None = None
    method: Method = "grpo"

    @property
    def answer_tokens(self) -> int:
        """Room that the longest answer needs."""
        return self.settings.max_completion or 0

    def trainer(self, prepared: Prepared) -> Any:
        """A ``GRPOTrainer``."""
        from transformers import PrinterCallback
        from trl import GRPOConfig

        from geogrounding.training.trainers import GroundingGRPOTrainer, RunFiles

        settings, start = self.settings, prepared.start
        functions = reward_functions(settings, {row.sample.task for row in prepared.rows}, tagged=start.form.tagged)
        # A copy in memory is the reference of full training: TRL would load the start by a name it may not know.
        own_reference = settings.beta > 0 and settings.full
        arguments = GRPOConfig(
            **common_arguments(settings, prepared),
            per_device_train_batch_size=cast(int, settings.batch),  # complete by now
            num_generations=settings.group,
            max_completion_length=settings.max_completion,
            temperature=settings.temperature,
            top_p=settings.top_p,
            top_k=0,
            loss_type=settings.loss,
            epsilon=settings.epsilon,
            epsilon_high=settings.epsilon_high,
            beta=0.0 if own_reference else settings.beta,
            num_iterations=settings.iterations,
            scale_rewards=settings.scale_rewards,
            mask_truncated_completions=settings.mask_truncated,
            reward_weights=list(settings.reward_weights) or None,
            disable_dropout=settings.lora_dropout == 0,
            **_vllm(settings),
        )
        rows = repeated(prepared.rows, cast(int, arguments.generation_batch_size) // settings.group)
        reference = copy.deepcopy(start.model).requires_grad_(False).eval() if own_reference else None
        trainer = GroundingGRPOTrainer(
            model=start.model,
            reward_funcs=functions,
            args=arguments,
            train_dataset=to_dataset(rows, start.form, images="files" if settings.vllm else "references"),
            processing_class=start.processor,
            peft_config=prepared.adapter,
            callbacks=[RunFiles(prepared.folder, self.on_log)],
            folder=prepared.folder,
            completions_every=settings.completions_every,
        )
        trainer.remove_callback(PrinterCallback)
        _give_heads(trainer, reference, settings)
        return trainer

    def before(self, prepared: Prepared) -> Mapping[str, Any]:
        """Look at the first answers."""
        return _probe(self.settings, prepared)

    def after(self, prepared: Prepared, model: Any, step: int) -> None:
        """Nothing: completions were written down on the way."""


def _give_heads(trainer: Any, reference: Any, settings: GRPOSettings) -> None:
    """Let models that TRL's way does not suit compute their own log-probabilities, and put in our own reference."""
    from trl.trainer.utils import add_fused_lm_head

    from geogrounding.training.logprobs import add_own_head, needs_own_head

    base = _bare(trainer.model)
    own = needs_own_head(base)
    if own:
        add_own_head(base, temperature=settings.temperature)
    if reference is None:
        return
    if own:
        add_own_head(reference, temperature=settings.temperature)
    else:
        add_fused_lm_head(reference, temperature=settings.temperature, outputs=("log_probs", "entropy"))
    trainer.ref_model = trainer.accelerator.prepare_model(reference, evaluation_mode=True)
    trainer.beta = settings.beta


def _bare(model: Any) -> Any:
    return model.get_base_model() if hasattr(model, "peft_config") else model


def _vllm(settings: GRPOSettings) -> dict[str, Any]:
    if not settings.vllm:
        return {}
    told: dict[str, Any] = {
        "use_vllm": True,
        "vllm_mode": settings.vllm_mode,
        "vllm_gpu_memory_utilization": settings.vllm_memory,
    }
    if settings.vllm_base_url:
        told["vllm_server_base_url"] = settings.vllm_base_url
    return told


def reward_functions(settings: GRPOSettings, tasks: Collection[str], *, tagged: bool) -> list[Any]:
    """The reward functions of a run.

    Args:
        settings: name them, or leave them to the data: the form of the answer, and what suits the task.
        tasks: of the samples.
        tagged: whether the model answers between tags, as ``format_reward`` wants it.

    Raises:
        SettingsError: a name leads to no function.
    """
    from geogrounding.training.rewards import TASK_REWARDS, format_reward, grounding_reward, resolve

    if settings.rewards:
        chosen = [resolve(name) for name in settings.rewards]
    else:
        kinds = set(tasks)
        worth = TASK_REWARDS[kinds.pop()] if len(kinds) == 1 else grounding_reward
        chosen = [format_reward, worth] if tagged else [worth]
    return chosen if settings.compare_labels else [_without_labels(function) for function in chosen]


def _without_labels(function: Any) -> Any:
    """A reward that does not see what boxes are called where the question asks for one kind of thing only."""
    from geogrounding.training.rewards import text_of

    @functools.wraps(function)
    def reward(completions: Sequence[Any], **columns: Any) -> list[float | None]:
        texts = [
            _LABEL.sub("", text_of(completion)) if len(set(labels)) <= 1 else text_of(completion)
            for completion, labels in zip(completions, columns["labels"], strict=True)
        ]
        rewards: list[float | None] = function(texts, **columns)
        return rewards

    return reward


def _probe(settings: GRPOSettings, prepared: Prepared) -> Mapping[str, Any]:
    """Let the start answer a few questions, write the answers down, and refuse a model that never finds the form.

    Raises:
        ModelError: no answer has the form: a reward that is always 0 teaches nothing.
    """
    from geogrounding.training.run_folder import is_main
    from geogrounding.training.trainers import answers

    start = prepared.start
    if not settings.probe or not is_main():
        return {}
    rows = _spread(prepared.rows, settings.probe)
    asked = [row for row in rows for _ in range(min(settings.group, 8))]
    tokens = settings.max_completion or 0
    texts = answers(start.model, start.processor, asked, tokens=tokens, temperature=settings.temperature)
    told = [start.form.reward_columns(row.sample, row.frame) for row in asked]
    columns = {name: [one[name] for one in told] for name in told[0]}
    completions = [[{"role": "assistant", "content": text}] for text in texts]
    functions = reward_functions(settings, columns["task"], tagged=start.form.tagged)
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
    for name, values in rewards.items():
        known = [value for value in values if value is not None]
        if name.startswith("format") and known and not any(known):
            raise ModelError(
                f"of {len(texts)} answers of {settings.model} none has the form that is asked for, so that {name} would "
                f"stay 0 and teach nothing; the first answer: {texts[0][:120]!r}",
                hint="Train it first with `geoground train sft`, on the same data and with the same --[no-]reasoning.",
            )
    return {
        name: round(sum(known) / len(known), 4)
        for name, values in rewards.items()
        if (known := [value for value in values if value is not None])
    }


def _spread(rows: Sequence[Row], count: int) -> list[Row]:
    """So many rows from the whole of the data."""
    step = max(1, len(rows) // count)
    return list(rows[::step])[:count]
