"""Supervised fine-tuning: the model learns to write the right answers. Imports torch and trl: import it late."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geogrounding.training import run_log
from geogrounding.training.base_model import is_builtin
from geogrounding.training.choices import Method
from geogrounding.training.config import SFTSettings
from geogrounding.training.runner import Outcome, Prepared, common_arguments, run

SHOWN = 4
"""Answers written down before and after."""
_ROOM = 1.25
"""How much longer than the longest right answer a shown answer may be."""


def train_sft(
    settings: SFTSettings, output: Path, *, resume: bool = False, on_log: run_log.OnLog | None = None
) -> Outcome:
    """Train on right answers.

    Args:
        settings: of the run.
        output: folder of the run; it must not exist.
        resume: go on with the run in the folder from its last checkpoint, with the same result.
        on_log: called with the numbers of each logged step.

    Raises:
        SettingsError, InputError, ModelError, OutputError: what cannot work, before the first step.
    """
    settings = settings.completed(builtin=is_builtin(settings.model))
    return run(SFTRecipe(settings=settings, on_log=on_log), output, resume=resume)


@dataclass(frozen=True, slots=True, kw_only=True)
class SFTRecipe:
    """See ``run.Recipe``."""

    settings: SFTSettings
    on_log: run_log.OnLog | None = None
    method: Method = "sft"
    answer_tokens: int = 0

    def trainer(self, prepared: Prepared) -> Any:
        """An ``SFTTrainer``."""
        from datasets import Dataset
        from transformers import PrinterCallback
        from trl import SFTConfig

        from geogrounding.training.logprobs import add_own_head, needs_own_head
        from geogrounding.training.processor import BuiltinEncoder
        from geogrounding.training.trainers import AnswerCollator, GroundingSFTTrainer, RunFiles

        start = prepared.start
        texts = start.processor.encoder
        arguments = SFTConfig(
            **common_arguments(self.settings, prepared),
            per_device_train_batch_size=self.settings.batch,
            dataset_kwargs={"skip_prepare_dataset": True},
            max_length=None,
        )
        trainer = GroundingSFTTrainer(
            model=start.model,
            args=arguments,
            train_dataset=Dataset.from_dict({"row": list(range(len(prepared.rows)))}),
            data_collator=AnswerCollator(
                rows=prepared.rows,
                processor=start.processor,
                box_token_ids=texts.box_token_ids if isinstance(texts, BuiltinEncoder) else (),
            ),
            processing_class=start.processor,
            peft_config=prepared.adapter,
            callbacks=[RunFiles(prepared.folder, self.on_log)],
        )
        trainer.remove_callback(PrinterCallback)
        model: Any = trainer.model
        base = model.get_base_model() if hasattr(model, "peft_config") else model
        if needs_own_head(base):
            add_own_head(base)
        if start.builtin:
            trainer.learn_own_loss()
        return trainer

    def before(self, prepared: Prepared) -> Mapping[str, Any]:
        """Write down what the start says."""
        _show(prepared, prepared.start.model, 0)
        return {}

    def after(self, prepared: Prepared, model: Any, step: int) -> None:
        """Write down what the trained model says."""
        _show(prepared, model, step)


def _show(prepared: Prepared, model: Any, step: int) -> None:
    """Write down what a model says about a few samples."""
    from geogrounding.training.run_folder import is_main
    from geogrounding.training.trainers import answers

    if not is_main():
        return
    rows = prepared.rows[:SHOWN]
    tokenizer = prepared.start.processor.tokenizer
    longest = max(len(tokenizer(row.completion)["input_ids"]) for row in rows)
    texts = answers(model, prepared.start.processor, rows, tokens=int(longest * _ROOM) + 8)
    entries = [
        {"prompt": row.prompt, "completion": text, "target": row.completion}
        for row, text in zip(rows, texts, strict=True)
    ]
    run_log.add_completions(prepared.folder, step, entries)
