"""TRL's trainers with the files of a run, and batches of questions with target answers.

Imports torch and trl: import it late.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import TrainerCallback
from trl import GRPOTrainer, SFTTrainer

from geogrounding.training import run_log
from geogrounding.training._compat import CompletionLog, Quiet
from geogrounding.training.image_refs import ImageRef
from geogrounding.training.processor import TrainingProcessor
from geogrounding.training.rows import Row

_WRITE_SECONDS = 5.0
SHOWN_GROUPS = 2
"""Groups of completions logged at a time."""


class GroundingGRPOTrainer(Quiet, GRPOTrainer):
    """TRL's trainer, which also writes samples of its completions into the folder of the run."""

    def __init__(self, *args: Any, folder: Path, completions_every: int, **kwargs: Any) -> None:
        self._folder, self._every = folder, completions_every
        super().__init__(*args, **kwargs)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """As TRL; every ``completions_every`` steps the completions of the step are written down."""
        step = self.state.global_step
        kept = CompletionLog.of(self)
        super().log(logs, start_time)
        if not kept.prompts or not self.accelerator.is_main_process or "train_runtime" in logs:
            return
        if step % self._every and step > 1:
            return
        count = min(len(kept.prompts), SHOWN_GROUPS * cast(int, self.num_generations))
        entries = [
            {
                "prompt": _words(kept.prompts[index]),
                "completion": _words(kept.completions[index]),
                "rewards": {name: _number(values[index]) for name, values in kept.rewards.items()},
                "advantage": round(float(kept.advantages[index]), 4),
            }
            for index in range(count)
        ]
        run_log.add_completions(self._folder, step, entries)


class GroundingSFTTrainer(Quiet, SFTTrainer):
    """TRL's trainer without telemetry."""


def _words(messages: Any) -> str:
    content = messages[-1]["content"] if isinstance(messages, list) else messages
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def _number(value: float) -> float | None:
    return round(float(value), 4) if math.isfinite(value) else None


class RunFiles(TrainerCallback):
    """Writes the numbers of a run and passes them on; see ``run_log``."""

    def __init__(self, folder: Path, on_log: run_log.OnLog | None) -> None:
        self._folder, self._on_log, self._written = folder, on_log, 0.0

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """After each logged step."""
        if not state.is_world_process_zero or not logs or "train_runtime" in logs:
            return
        if time.monotonic() - self._written > _WRITE_SECONDS:
            run_log.write_metrics(self._folder, run_log.history_rows(state.log_history))
            self._written = time.monotonic()
        if self._on_log is not None:
            numbers = {key: float(value) for key, value in logs.items() if isinstance(value, int | float)}
            self._on_log({**numbers, "step": float(state.global_step), "steps": float(state.max_steps)})

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """After the last step."""
        if state.is_world_process_zero:
            rows = run_log.history_rows(state.log_history)
            run_log.write_metrics(self._folder, rows)
            run_log.draw_curves(self._folder, rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerCollator:
    """Batches of questions with target answers; the loss covers the tokens of the answers only."""

    rows: Sequence[Row]
    processor: TrainingProcessor
    box_token_ids: tuple[int, ...] = ()
    """Tokens that stand for boxes, of a model that also learns from the boxes themselves: the built-in one. Where the
    labels may be partial these tokens are left out of the loss, which would otherwise teach that nothing else is there; and
    where they name no target at all, the whole answer is."""

    def __call__(self, examples: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Padded on the left, ``labels`` -100 on image, question and padding."""
        rows = [self.rows[int(example["row"])] for example in examples]
        end = self.processor.tokenizer.eos_token
        questions = [self.processor.encoder.chat(row.prompt) for row in rows]
        whole = [question + row.completion + end for question, row in zip(questions, rows, strict=True)]
        images = [[ImageRef(sample=row.sample)] for row in rows]
        batch = dict(self.processor(images=images, text=whole, return_tensors="pt"))
        asked = self.processor(images=images, text=questions)["input_ids"]
        labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
        lengths = batch["attention_mask"].sum(1).tolist()
        for label, length, question in zip(labels, lengths, asked, strict=True):
            label[label.shape[0] - length : label.shape[0] - length + len(question)] = -100
        batch["labels"] = labels
        if self.box_token_ids:
            partial = torch.tensor([not row.sample.complete for row in rows])
            box_tokens = torch.isin(labels, torch.tensor(self.box_token_ids))
            unknown = torch.tensor([not row.sample.complete and not len(row.sample.boxes_px) for row in rows])
            batch["labels"] = labels.masked_fill(partial[:, None] & (box_tokens | unknown[:, None]), -100)
            batch["target_partial"] = partial
            batch["target_boxes"] = _padded([row.frame.boxes(row.sample.boxes_px) for row in rows])
            batch["target_unlike"] = _padded([row.frame.boxes(row.sample.unlike_px) for row in rows])
        return batch


def _padded(boxes: Sequence[NDArray[np.float64]]) -> torch.Tensor:
    """(B, N, 4) of lists of boxes, NaN where there are fewer."""
    out = torch.full((len(boxes), max(map(len, boxes)), 4), math.nan)
    for row, some in zip(out, boxes, strict=True):
        row[: len(some)] = torch.from_numpy(np.asarray(some, np.float32)).reshape(-1, 4)
    return out


def answers(
    model: Any, processor: TrainingProcessor, rows: Sequence[Row], *, tokens: int, temperature: float | None = None
) -> list[str]:
    """The answers of a model to rows: greedy, or sampled at a temperature. The random state is left as it was."""
    inputs = processor(
        images=[[ImageRef(sample=row.sample)] for row in rows],
        text=[processor.encoder.chat(row.prompt) for row in rows],
        return_tensors="pt",
    )
    moved = {
        name: tensor.to(model.device, model.dtype if tensor.is_floating_point() else None)
        for name, tensor in inputs.items()
    }
    sampling: dict[str, Any] = {"do_sample": False}
    if temperature is not None:
        sampling = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
    training = model.training
    model.eval()
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices), torch.no_grad():
        torch.manual_seed(0)
        written = model.generate(
            **moved,
            **sampling,
            max_new_tokens=tokens,
            pad_token_id=processor.tokenizer.pad_token_id,
            eos_token_id=_ends(model, processor),
        )
    model.train(training)
    return processor.batch_decode(written[:, moved["input_ids"].shape[1] :], skip_special_tokens=True)


def _ends(model: Any, processor: TrainingProcessor) -> list[int]:
    own = model.generation_config.eos_token_id
    ends = {processor.tokenizer.eos_token_id, *([own] if isinstance(own, int) else own or ())}
    return sorted(end for end in ends if end is not None)
