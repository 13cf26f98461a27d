"""The private parts of TRL and transformers that training uses are as they were when it was written (TRL 1.16).

A failure here names what changed; ``geogrounding/training/_compat.py`` is the one place to mend.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("trl")

from transformers import TrainingArguments
from trl import GRPOConfig, GRPOTrainer, SFTTrainer

from geogrounding.training import _compat
from geogrounding.training.trainers import GroundingGRPOTrainer, GroundingSFTTrainer

PACKAGE = Path(_compat.__file__).parent


def calls(owner: type, method: str) -> bool:
    """Whether the trainer or one of its bases calls a method of itself."""
    for kind in owner.__mro__:
        if not kind.__module__.startswith(("trl", "transformers")):
            continue
        tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == f"self.{method}":
                return True
    return False


@pytest.mark.parametrize("trainer", [GRPOTrainer, SFTTrainer])
def test_telemetry_and_model_cards_are_where_they_are_switched_off(trainer: type) -> None:
    for name in ("_send_telemetry", "create_model_card"):
        assert calls(trainer, name), f"{trainer.__name__} does not call {name} any more"
    for ours in (GroundingGRPOTrainer, GroundingSFTTrainer):
        assert ours._send_telemetry is _compat.Quiet._send_telemetry
        assert ours.create_model_card is _compat.Quiet.create_model_card


def test_the_log_of_completions_has_its_columns() -> None:
    source = inspect.getsource(GRPOTrainer)
    for column in ("prompt", "completion", "rewards", "advantages"):
        assert f'self._logs["{column}"]' in source
    kept = {"prompt": ["p"], "completion": ["c"], "advantages": [0.5], "rewards": {"r": [1.0]}}
    log = _compat.CompletionLog.of(SimpleNamespace(_logs=kept))
    assert (log.prompts, log.completions, log.advantages, log.rewards) == (["p"], ["c"], [0.5], {"r": [1.0]})


def test_sft_adds_the_auxiliary_loss_of_the_model() -> None:
    source = inspect.getsource(SFTTrainer)
    for name in ("self.aux_loss_enabled", "self.router_aux_loss_coef", "outputs.aux_loss"):
        assert name in source, name


def test_the_fused_head_takes_and_gives_what_logprobs_expects() -> None:
    taken = inspect.signature(_compat.add_fused_lm_head).parameters
    assert {"model", "temperature", "outputs"} <= set(taken)
    given = {field.name for field in dataclasses.fields(_compat.FusedCausalLMOutput)}
    assert {"loss", "log_probs", "entropy", "is_top1", "label_mask", "aux_loss"} <= given


def test_checkpointing_has_one_of_its_two_names() -> None:
    for kind in (TrainingArguments, GRPOConfig):
        names = inspect.signature(kind).parameters
        assert f"{_compat.CHECKPOINTING}_checkpointing" in names
        assert f"{_compat.CHECKPOINTING}_checkpointing_kwargs" in names


def test_no_other_module_reaches_into_the_libraries() -> None:
    found = []
    for path in sorted(PACKAGE.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or path.name == "_compat.py":
                continue
            if (node.module or "").startswith("trl."):
                found.append(f"{path.name}:{node.lineno}")
    assert not found
