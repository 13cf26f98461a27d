"""Run a training from settings to a folder that is a model: shared by SFT and GRPO.

    check the folder -> load the base model -> read and check the data -> record -> train -> save -> mark as done

Imports torch and trl: import it late.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from geogrounding.errors import InputError, ModelError, OutputError, SettingsError
from geogrounding.messages import first_line
from geogrounding.models.hf import checkpoint as checkpoints
from geogrounding.training import run_folder, run_log
from geogrounding.training._compat import CHECKPOINTING
from geogrounding.training.base_model import Base, adapter_config, libraries_quiet, load_base, save_result
from geogrounding.training.choices import Method
from geogrounding.training.config import TrainSettings, describe
from geogrounding.training.prefix_sharing import SharedPrompt
from geogrounding.training.rehearsal import taught, widen
from geogrounding.training.rows import CUT, Row, TrainingSet, make_rows, read_training_set
from geogrounding.training.run_folder import CHECKPOINTS
from geogrounding.training.vision_cache import SharedVision

PROBLEMS = "problems.txt"


OnNote = Callable[[str], None]


class Notes:
    """What the user should know about a run: kept for the record and passed on at once, each only once."""

    def __init__(self, on_note: OnNote | None = None) -> None:
        self._on_note = on_note
        self.texts: list[str] = []

    def add(self, text: str) -> None:
        """Add a note."""
        if text not in self.texts:
            self.texts.append(text)
            if self._on_note is not None and run_folder.is_main():
                self._on_note(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """The result of a run."""

    folder: Path
    steps: int
    seconds: float
    """In training itself, without loading and saving."""
    samples: int
    problems: int
    """Records that could not be used; they are listed in problems.txt."""
    last: Mapping[str, float]
    """Numbers of the last logged step."""
    notes: tuple[str, ...]
    """Notes for the user, such as labels that were repaired, or a training that could not learn."""
    images_asked: int
    """Images that the trainer passed to the vision tower ..."""
    images_encoded: int
    """... and those that it encoded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Inputs of a trainer."""

    base: Base
    rows: list[Row]
    data: TrainingSet
    folder: Path
    adapter: Any
    """LoRA configuration of a new adapter; None for full training and for adapters that are trained further."""
    going_on: Path | None
    """Checkpoint from which the run resumes."""
    notes: Notes


class Recipe(Protocol):
    """What differs between the methods of training."""

    @property
    def method(self) -> Method:
        """Its name."""
        ...

    @property
    def settings(self) -> TrainSettings:
        """Complete; see ``completed``."""
        ...

    @property
    def answer_tokens(self) -> int:
        """Tokens that an answer may have; 0 where target answers alone decide."""
        ...

    def trainer(self, prepared: Prepared) -> Any:
        """A trainer of TRL."""
        ...

    @property
    def on_note(self) -> OnNote | None:
        """Called with each note."""
        ...

    def before(self, prepared: Prepared) -> Mapping[str, Any]:
        """Try the base model before the first step: refuse it, or return what goes into the record."""
        ...

    def after(self, prepared: Prepared, model: Any, step: int, rows: Sequence[Mapping[str, float]]) -> None:
        """Try the trained model before it is saved.

        Args:
            prepared: of the run.
            model: unwrapped.
            step: the last one.
            rows: numbers of all logged steps.
        """
        ...


def run(recipe: Recipe, output: Path, *, resume: bool = False) -> TrainingResult:
    """Train, and write a folder that is a model.

    Args:
        recipe: what to do.
        output: folder of the run.
        resume: go on with the run in the folder.

    Raises:
        OutputError: the folder exists, or holds another run.
        InputError, SettingsError, ModelError: what cannot work.
    """
    method, settings = recipe.method, recipe.settings
    going_on = _resumed(method, settings, output) if resume else None
    if not resume and run_folder.is_main():
        run_folder.check_new(output)
    base = load_base(settings)
    shared = SharedVision(_bare(base.model), share=settings.share_vision)
    prompts = SharedPrompt(_bare(base.model), share=settings.share_vision)
    try:
        if not resume:
            run_folder.begin(output, {"geogrounding": run_folder.versions()["geogrounding"], "method": method})
        data = read_training_set(settings, output, conventions=base.conventions)
        rows = make_rows(
            widen(data.samples, settings, base),
            base.form,
            base.processor,
            reduce_pictures=settings.reduce_pictures,
            context=base.context,
            answer_tokens=recipe.answer_tokens,
            largest_px=base.largest_px,
        )
        fresh = not base.adapted and not settings.full
        prepared = Prepared(
            base=base,
            rows=rows,
            data=data,
            folder=output,
            adapter=adapter_config(base, settings) if fresh else None,
            going_on=going_on,
            notes=Notes(recipe.on_note),
        )
        for note in data.notes:
            prepared.notes.add(note)
        record = _record(method, settings, prepared)
        if resume:
            _check_same(output, record)
            record["before"] = run_folder.read_record(output).get("before", {})
        else:
            record["before"] = dict(recipe.before(prepared))
        if run_folder.is_main():
            run_folder.write_record(output, {**record, "status": "running"})
            _write_problems(output, data)
        return _train(recipe, prepared, record, shared)
    except (InputError, SettingsError, ModelError):
        if not resume:
            _clear(output)
        raise
    finally:
        prompts.close()
        shared.close()


def _train(recipe: Recipe, prepared: Prepared, record: dict[str, Any], shared: SharedVision) -> TrainingResult:
    output, base = prepared.folder, prepared.base
    with libraries_quiet():
        trainer = recipe.trainer(prepared)
    if prepared.going_on is not None and run_folder.is_main():
        run_log.forget_after(output, int(prepared.going_on.name.rpartition("-")[2]))
    began = time.monotonic()
    try:
        with libraries_quiet():
            trainer.train(resume_from_checkpoint=None if prepared.going_on is None else str(prepared.going_on))
    except Exception as error:
        if not checkpoints.is_out_of_memory(error):
            raise
        raise ModelError(
            f"memory ran out: {first_line(error)}",
            hint="Choose a smaller --batch (with --accumulate to make up for it), --max-pixels or --max-completion, or "
            "--gradient-checkpointing.",
        ) from error
    seconds = time.monotonic() - began
    rows = run_log.history_rows(trainer.state.log_history)
    trainer.accelerator.wait_for_everyone()
    model = trainer.accelerator.unwrap_model(trainer.model)
    if run_folder.is_main():
        _check_finite(model)
        recipe.after(prepared, model, int(trainer.state.global_step), rows)
        inference = save_result(base, recipe.settings, model, output, taught=record["taught"])
        counts = {"asked": shared.counts.asked, "encoded": shared.counts.encoded}
        result = {"steps": trainer.state.global_step, "seconds": round(seconds, 1), "pictures": counts}
        notes = {"notes": prepared.notes.texts} if prepared.notes.texts else {}
        run_folder.complete(output, {**record, "result": {**result, **notes}, "inference": asdict(inference)})
    trainer.accelerator.wait_for_everyone()
    return TrainingResult(
        folder=output,
        steps=trainer.state.global_step,
        seconds=seconds,
        samples=len(prepared.data.samples),
        problems=len(prepared.data.problems),
        last=rows[-1] if rows else {},
        notes=tuple(prepared.notes.texts),
        images_asked=shared.counts.asked,
        images_encoded=shared.counts.encoded,
    )


def _record(method: Method, settings: TrainSettings, prepared: Prepared) -> dict[str, Any]:
    base = prepared.base
    return {
        "geogrounding": run_folder.versions()["geogrounding"],
        "method": method,
        "config": describe(settings),
        "versions": run_folder.versions(),
        "start": {"model": base.source, "fingerprint": base.fingerprint, "device": str(base.device)},
        "bf16": base.bf16,
        "taught": taught(base, prepared.data.samples),
        "data": {
            "files": dict(prepared.data.files),
            "samples": len(prepared.rows),
            "ids": [row.sample.id for row in prepared.rows][:10_000],
            "problems": len(prepared.data.problems),
        },
        "format": {"style": base.form.style, "coordinates": base.form.coordinates},
    }


def _resumed(method: Method, settings: TrainSettings, output: Path) -> Path | None:
    """The checkpoint to resume from; None where none was written yet.

    Raises:
        OutputError: the folder holds no run, a finished one, or one of another method.
        SettingsError: the run was begun with other settings.
    """
    if not (output / run_folder.RECORD).is_file():
        raise OutputError(f"{output} holds no training run to go on with", hint="Leave out --resume.")
    record = run_folder.read_record(output)
    if record.get("status") == "done":
        raise OutputError(f"the run in {output} is done", hint="Give another folder for another run.")
    if record.get("method") != method:
        raise OutputError(f"the run in {output} is {record.get('method')}, not {method}")
    begun = record.get("config")
    if isinstance(begun, dict):
        now = describe(settings)
        other = sorted(name for name in now if begun.get(name) != now[name])
        if other:
            raise SettingsError(
                f"the run in {output} was begun with {other[0]} {begun.get(other[0])!r}, not {now[other[0]]!r}",
                hint="--resume goes on with the same settings: give only -o and --resume.",
            )
    return run_folder.last_checkpoint(output)


def _check_same(output: Path, record: Mapping[str, Any]) -> None:
    """Refuse to go on with other data or another base model than the run was begun with."""
    begun = run_folder.read_record(output)
    for part, what in (("data", "the data"), ("start", "the model")):
        known = begun.get(part)
        if isinstance(known, dict) and {**known, "device": ""} != {**record[part], "device": ""}:
            raise OutputError(
                f"{what} changed since the run in {output} was begun", hint="Begin a new run in another folder."
            )


def _clear(output: Path) -> None:
    """Remove the folder of a run that was refused before its first step."""
    if not run_folder.is_main() or not (output / run_folder.RECORD).is_file():
        return
    ours = {run_folder.RECORD, PROBLEMS, CUT, run_log.COMPLETIONS, run_log.READABLE}
    if {path.name for path in output.iterdir()} <= ours:
        shutil.rmtree(output)


def _write_problems(output: Path, data: TrainingSet) -> None:
    lines = [f"{problem.origin}: {problem.reason}\n" for problem in data.problems] + [
        f"{note}\n" for note in data.notes
    ]
    if lines:
        (output / PROBLEMS).write_text("".join(lines), encoding="utf-8")


def _check_finite(model: Any) -> None:
    """Refuse to save weights that are not finite."""
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and not torch.isfinite(parameter).all():
            raise ModelError(
                f"training diverged: {name} holds numbers that are not finite",
                hint="Choose a smaller --learning-rate, or go without --bf16.",
            )


def _bare(model: Any) -> Any:
    return model.get_base_model() if hasattr(model, "peft_config") else model


def common_arguments(settings: TrainSettings, prepared: Prepared) -> dict[str, Any]:
    """Arguments of TRL's configurations that both methods share."""
    base = prepared.base
    checkpointing = bool(settings.gradient_checkpointing)
    length: dict[str, Any] = (
        {"max_steps": settings.steps} if settings.steps is not None else {"num_train_epochs": settings.epochs or 1.0}
    )
    return {
        "output_dir": str(prepared.folder / CHECKPOINTS),
        "gradient_accumulation_steps": settings.accumulate,
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": settings.scheduler,
        "warmup_steps": settings.warmup_steps,
        "weight_decay": settings.weight_decay,
        "max_grad_norm": settings.max_grad_norm,
        "seed": settings.seed,
        "bf16": base.bf16,
        f"{CHECKPOINTING}_checkpointing": checkpointing,
        f"{CHECKPOINTING}_checkpointing_kwargs": {"use_reentrant": False} if checkpointing else None,
        "logging_steps": settings.log_every,
        "save_strategy": "steps",
        "save_steps": settings.save_every,
        "save_total_limit": settings.keep_checkpoints,
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": base.device.type == "cpu",
        "remove_unused_columns": False,
        "dataloader_pin_memory": base.device.type == "cuda",
        **length,
    }


def repeated(rows: Sequence[Row], least: int) -> list[Row]:
    """The rows, repeated until there are at least ``least``."""
    return list(rows) * max(1, math.ceil(least / len(rows)))
