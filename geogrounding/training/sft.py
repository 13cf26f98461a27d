"""Supervised fine-tuning on target answers. Imports torch and trl: import it late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geogrounding.training import run_log
from geogrounding.training.base_model import is_builtin
from geogrounding.training.choices import Method
from geogrounding.training.config import SFTSettings
from geogrounding.training.runner import OnNote, Prepared, TrainingResult, common_arguments, run

SHOWN = 4
"""Answers written down before and after."""
_ROOM = 1.25
"""Largest length of a logged answer, as a multiple of the longest target answer."""


def train_sft(
    settings: SFTSettings,
    output: Path,
    *,
    resume: bool = False,
    on_log: run_log.OnLog | None = None,
    on_note: OnNote | None = None,
) -> TrainingResult:
    """Train on target answers.

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
    return run(SFTRecipe(settings=settings, on_log=on_log, on_note=on_note), output, resume=resume)


@dataclass(frozen=True, slots=True, kw_only=True)
class SFTRecipe:
    """See ``runner.Recipe``."""

    settings: SFTSettings
    on_log: run_log.OnLog | None = None
    on_note: OnNote | None = None
    method: Method = "sft"
    answer_tokens: int = 0

    def trainer(self, prepared: Prepared) -> Any:
        """An ``SFTTrainer``."""
        from datasets import Dataset
        from transformers import PrinterCallback
        from trl import SFTConfig

        from geogrounding.training._compat import count_aux_loss
        from geogrounding.training.logprobs import add_own_head, needs_own_head
        from geogrounding.training.processor import BuiltinEncoder
        from geogrounding.training.trainers import AnswerCollator, GroundingSFTTrainer, RunFiles

        base = prepared.base
        texts = base.processor.encoder
        arguments = SFTConfig(
            **common_arguments(self.settings, prepared),
            per_device_train_batch_size=self.settings.batch,
            dataset_kwargs={"skip_prepare_dataset": True},
            max_length=None,
        )
        trainer = GroundingSFTTrainer(
            model=base.model,
            args=arguments,
            train_dataset=Dataset.from_dict({"row": list(range(len(prepared.rows)))}),
            data_collator=AnswerCollator(
                rows=prepared.rows,
                processor=base.processor,
                box_token_ids=texts.box_token_ids if isinstance(texts, BuiltinEncoder) else (),
            ),
            processing_class=base.processor,
            peft_config=prepared.adapter,
            callbacks=[RunFiles(prepared.folder, self.on_log)],
        )
        trainer.remove_callback(PrinterCallback)
        model: Any = trainer.model
        inner = model.get_base_model() if hasattr(model, "peft_config") else model
        if needs_own_head(inner):
            add_own_head(inner)
        if base.builtin:
            count_aux_loss(trainer)
        return trainer

    def before(self, prepared: Prepared) -> Mapping[str, Any]:
        """Write down answers of the base model."""
        _show(prepared, prepared.base.model, 0)
        return {}

    def after(self, prepared: Prepared, model: Any, step: int, rows: Sequence[Mapping[str, float]]) -> None:
        """Write down answers of the trained model."""
        _show(prepared, model, step)


def _show(prepared: Prepared, model: Any, step: int) -> None:
    """Write down the answers of a model to a few samples."""
    from geogrounding.training.run_folder import is_main
    from geogrounding.training.trainers import answers

    if not is_main():
        return
    rows = prepared.rows[:SHOWN]
    tokenizer = prepared.base.processor.tokenizer
    longest = max(len(tokenizer(row.completion)["input_ids"]) for row in rows)
    texts = answers(model, prepared.base.processor, rows, tokens=int(longest * _ROOM) + 8)
    entries = [
        {"prompt": row.prompt, "completion": text, "target": row.completion}
        for row, text in zip(rows, texts, strict=True)
    ]
    run_log.add_completions(prepared.folder, step, entries)
