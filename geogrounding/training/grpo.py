"""Group relative policy optimisation: the model answers each question several times and learns from which answers were
better (GRPO, arXiv 2402.03300; clip-higher and token-level loss of DAPO, arXiv 2503.14476).

Imports torch and trl: import it late.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from geogrounding.errors import SettingsError
from geogrounding.training import run_log
from geogrounding.training.base_model import is_builtin
from geogrounding.training.choices import Method
from geogrounding.training.config import GRPOSettings
from geogrounding.training.probe import note_of_history, probe, reward_functions
from geogrounding.training.rows import to_dataset
from geogrounding.training.runner import OnNote, Prepared, TrainingResult, common_arguments, repeated, run


def train_grpo(
    settings: GRPOSettings,
    output: Path,
    *,
    resume: bool = False,
    on_log: run_log.OnLog | None = None,
    on_note: OnNote | None = None,
) -> TrainingResult:
    """Train by rewards.

    Args:
        settings: of the run.
        output: folder of the run; it must not exist.
        resume: go on with the run in the folder from its last checkpoint, with the same result.
        on_log: called with the numbers of each logged step.
        on_note: called with what the user should know, when it is known.

    Raises:
        SettingsError, InputError, ModelError, OutputError: what cannot work, before the first step.
    """
    settings = settings.completed(builtin=is_builtin(settings.model))
    settings.check_batch(int(os.environ.get("WORLD_SIZE", "1") or 1))
    if settings.vllm and find_spec("vllm") is None:
        raise SettingsError(
            "rollouts with vLLM need the package vllm, not installed here",
            hint="pip install vllm, or leave out --vllm.",
        )
    if settings.vllm and is_builtin(settings.model):
        raise SettingsError("vLLM does not support the built-in model", hint="Leave out --vllm.")
    return run(GRPORecipe(settings=settings, on_log=on_log, on_note=on_note), output, resume=resume)


@dataclass(frozen=True, slots=True, kw_only=True)
class GRPORecipe:
    """See ``runner.Recipe``."""

    settings: GRPOSettings
    on_log: run_log.OnLog | None = None
    on_note: OnNote | None = None
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

        settings, base = self.settings, prepared.base
        functions = reward_functions(settings, {row.sample.task for row in prepared.rows}, tagged=base.form.tagged)
        # A copy in memory is the reference of full training: TRL would load the base model by a name it may not know.
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
        reference = copy.deepcopy(base.model).requires_grad_(False).eval() if own_reference else None
        trainer = GroundingGRPOTrainer(
            model=base.model,
            reward_funcs=functions,
            args=arguments,
            train_dataset=to_dataset(rows, base.form, images="files" if settings.vllm else "references"),
            processing_class=base.processor,
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
        return probe(self.settings, prepared)

    def after(self, prepared: Prepared, model: Any, step: int, rows: Sequence[Mapping[str, float]]) -> None:
        """Note where no step could learn anything. Completions were written down on the way."""
        note = note_of_history(rows)
        if note:
            prepared.notes.add(note)


def _give_heads(trainer: Any, reference: Any, settings: GRPOSettings) -> None:
    """Install the log-probabilities of models that TRL's fused head does not support, and the reference model."""
    from geogrounding.training._compat import add_fused_lm_head
    from geogrounding.training.logprobs import add_own_head, needs_own_head

    inner = _bare(trainer.model)
    own = needs_own_head(inner)
    if own:
        add_own_head(inner, temperature=settings.temperature)
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
    options: dict[str, Any] = {
        "use_vllm": True,
        "vllm_mode": settings.vllm_mode,
        "vllm_gpu_memory_utilization": settings.vllm_memory,
    }
    if settings.vllm_base_url:
        options["vllm_server_base_url"] = settings.vllm_base_url
    return options
