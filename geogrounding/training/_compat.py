"""What training takes from TRL and transformers that is not part of their public interface.

Everything else in this package uses these names only, so that an update of a library breaks one file and one test
(``tests/unit/test_training_compat.py``). Imports torch and trl: import it late.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from transformers import TrainingArguments
from trl.trainer.utils import FusedCausalLMOutput, add_fused_lm_head

__all__ = ["CHECKPOINTING", "CompletionLog", "FusedCausalLMOutput", "Quiet", "add_fused_lm_head", "count_aux_loss"]

CHECKPOINTING = "activation" if hasattr(TrainingArguments, "activation_checkpointing") else "gradient"
"""First word of ``gradient_checkpointing``, which transformers renames; the old name warns where the new one exists."""


class Quiet:
    """A mixin of TRL's trainers, before the trainer: nothing is sent anywhere, and no model card is written."""

    def _send_telemetry(self) -> None:
        """TRL calls it at the end of ``__init__``; here it sends nothing."""

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """TRL calls it at each checkpoint; a run has a record of its own."""


@dataclass(frozen=True, slots=True)
class CompletionLog:
    """The completions that a ``GRPOTrainer`` has sampled since the last log, before it clears them."""

    prompts: Sequence[Any]
    completions: Sequence[Any]
    advantages: Sequence[float]
    rewards: Mapping[str, Sequence[float]]
    """By name of the reward function."""

    @classmethod
    def of(cls, trainer: Any) -> CompletionLog:
        """A copy of what the trainer holds."""
        logs: Mapping[str, Any] = trainer._logs
        return cls(
            prompts=list(logs["prompt"]),
            completions=list(logs["completion"]),
            advantages=list(logs["advantages"]),
            rewards={name: list(values) for name, values in logs["rewards"].items()},
        )


def count_aux_loss(trainer: Any) -> None:
    """Let an ``SFTTrainer`` add ``aux_loss`` of the model's output to the loss.

    TRL means it for the router of a mixture of experts; the built-in model returns the loss of its regions there.
    """
    trainer.aux_loss_enabled, trainer.router_aux_loss_coef = True, 1.0
