"""The choices of training: one definition for the settings, the command line and the engine. Imports nothing heavy."""

from __future__ import annotations

from typing import Literal

Method = Literal["sft", "grpo"]
Scheduler = Literal["constant", "linear", "cosine", "constant_with_warmup"]
"""Learning rate over steps, by the names of transformers."""
Loss = Literal["grpo", "dapo", "dr_grpo", "bnpo"]
"""How the loss is averaged over tokens and completions, by the names of TRL."""
RewardScale = Literal["group", "batch", "none"]
"""Whose standard deviation the advantages are divided by."""
VllmMode = Literal["colocate", "server"]
