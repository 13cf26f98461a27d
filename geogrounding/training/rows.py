"""Read, choose and validate the samples of a run, and turn them into rows of a trainer.

Imports datasets and, through the processor, torch: import it late.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from geogrounding.errors import InputError, SettingsError
from geogrounding.messages import first_line
from geogrounding.training.chat_format import AnswerFrame, Format
from geogrounding.training.config import TrainSettings
from geogrounding.training.image_refs import ImageRef

if TYPE_CHECKING:
    from geogrounding.datasets import CutOptions, Problem, Sample
    from geogrounding.models.base import Conventions
    from geogrounding.training.processor import TrainingProcessor

CUT = "chips"
"""Folder of the run that holds the chips cut from a scene."""
_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSet:
    """The training data of a run."""

    samples: tuple[Sample, ...]
    problems: tuple[Problem, ...]
    files: Mapping[str, str]
    """SHA-256 of each file that was read, by path."""
    notes: tuple[str, ...] = ()
    """Notes on the labels."""


def read_training_set(settings: TrainSettings, output: Path, *, conventions: Conventions) -> TrainingSet:
    """Read the data of the settings: a file of samples, or chips cut from a scene into the folder of the run.

    Args:
        settings: of the run.
        output: folder of the run.
        conventions: of the model, so that chips are those of a run with it.

    Raises:
        InputError: a file cannot be used, or nothing is left to train on.
    """
    from geogrounding.datasets import read_samples

    hashes: dict[str, str] = {}
    notes: tuple[str, ...] = ()
    data, images, form = settings.data, settings.images, settings.data_format
    if settings.scene is not None and settings.labels is not None:
        from geogrounding.datasets.cut import cut_training_set, notes_of_cut
        from geogrounding.io.read_layer import source_file

        data = output / CUT / "train.jsonl"
        with _first_process_first():
            if not data.is_file():
                cut_training_set(
                    settings.scene,
                    settings.labels,
                    out=output / CUT,
                    options=cut_options(settings),
                    conventions=conventions,
                )
        notes = notes_of_cut(output / CUT)
        form = "geo-r1"
        used = (settings.scene, settings.labels, settings.aoi, settings.unlike)
        paths = [source_file(path) for path in used if path is not None]
        hashes = {str(path): _digest(path) for path in paths if path.is_file()}
    if data is None:
        raise SettingsError("there is no data to train on", hint="Give --data, or --scene with --labels.")
    read = read_samples(data, images, format=form, task=settings.task, on_error=settings.on_error)
    samples: Sequence[Sample] = read.samples
    if not samples:
        raise InputError(
            f"{data} holds no sample to train on"
            + (f" ({len(read.problems)} records cannot be used: {read.problems[0].reason})" if read.problems else ""),
            hint="Look at the file, or name its format with --format.",
        )
    if settings.shots is not None:
        from geogrounding.datasets.few_shot import choose_shots

        if not any(sample.category for sample in samples):
            raise InputError(
                f"no sample of {data} names its class, by which shots are chosen", hint="Leave out --shots."
            )
        samples = choose_shots(samples, settings.shots, seed=settings.seed)
    return TrainingSet(samples=tuple(samples), problems=read.problems, files={**hashes, **read.files}, notes=notes)


def cut_options(settings: TrainSettings) -> CutOptions:
    """How chips of ``scene`` are cut for a run."""
    from geogrounding.datasets.cut import CutOptions

    return CutOptions(
        expression_field=settings.expression_field,
        expression=settings.expression,
        labels_layer=settings.labels_layer,
        unlike=settings.unlike,
        task="refer" if settings.task == "refer" else "detect",
        aoi=settings.aoi,
        aoi_layer=settings.aoi_layer,
        tile_size_px=settings.tile_size,
        negatives=0.0 if settings.partial else settings.negatives,
        seed=settings.seed,
    )


def _first_process_first() -> AbstractContextManager[None]:
    """With several processes, the others wait here for the first one."""
    if int(os.environ.get("WORLD_SIZE", "1") or 1) == 1:
        return nullcontext()
    from accelerate import PartialState

    waiting: AbstractContextManager[None] = PartialState().main_process_first()
    return waiting


def _digest(path: Path) -> str:
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A sample as prompt and target answer of the model."""

    sample: Sample
    prompt: str
    completion: str
    frame: AnswerFrame
    image_tokens: int
    model_size_px: tuple[int, int] | None
    """(width, height) of the image as the model sees it."""


def make_rows(
    samples: Sequence[Sample],
    form: Format,
    processor: TrainingProcessor,
    *,
    reduce_pictures: bool,
    context: int,
    answer_tokens: int,
    largest_px: tuple[int, int] | int | None,
) -> list[Row]:
    """Rows of a model for samples, validated before training begins.

    Args:
        samples: to train on.
        form: conventions of the model.
        processor: prepares the images.
        reduce_pictures: whether images larger than the model sees are reduced.
        context: tokens that the model can read.
        answer_tokens: room for an answer, tokens; a longer right answer needs its own length.
        largest_px: largest image of the model: (width, height), or their product.

    Raises:
        InputError: images cannot be read or prepared, or are larger than the model sees.
        SettingsError: question and answer do not fit into the model.
    """
    _check_budget(samples, largest_px, reduce_pictures=reduce_pictures)
    rows = []
    for sample in samples:
        try:
            image = processor.encode_image(ImageRef(sample=sample))
        except ValueError as error:  # our own errors about images are ValueErrors too
            raise InputError(f"{sample.origin}: {first_line(error)}", hint="Take the sample out.") from error
        frame = form.frame(sample, image.model_size_px)
        row = Row(
            sample=sample,
            prompt=form.prompt(sample),
            completion=form.completion(sample, frame),
            frame=frame,
            image_tokens=image.tokens.count(processor.image_token),
            model_size_px=image.model_size_px,
        )
        asked = len(processor.tokenizer(processor.encoder.chat(row.prompt))["input_ids"]) + row.image_tokens
        answer = max(answer_tokens, len(processor.tokenizer(row.completion)["input_ids"]))
        if asked + answer > context:
            raise SettingsError(
                f"{sample.origin}: image and question take {asked} tokens and the answer up to {answer}, together more "
                f"than the {context} that the model can read",
                hint="Choose a smaller --max-pixels, or smaller chips.",
            )
        rows.append(row)
    return rows


def _check_budget(
    samples: Sequence[Sample], largest_px: tuple[int, int] | int | None, *, reduce_pictures: bool
) -> None:
    if largest_px is None or reduce_pictures:
        return

    def beyond(size_px: tuple[int, int]) -> bool:
        if isinstance(largest_px, int):
            return size_px[0] * size_px[1] > largest_px
        return size_px[0] > largest_px[0] or size_px[1] > largest_px[1]

    large = [sample for sample in samples if beyond(sample.size_px)]
    if large:
        first = large[0]
        budget = (
            f"{largest_px:,} pixels" if isinstance(largest_px, int) else f"{largest_px[0]} x {largest_px[1]} pixels"
        )
        raise InputError(
            f"{len(large)} of {len(samples)} images are larger than the {budget} that the model sees, such as "
            f"{first.image.name} with {first.size_px[0]} x {first.size_px[1]}: they would be reduced, and the model would "
            "learn another scale than the chips of a run have",
            hint="Cut them into chips, choose a larger --max-pixels where the model takes it, or --reduce-images.",
        )


def reward_columns(row: Row, form: Format) -> dict[str, Any]:
    """What rewards get for a completion of a row."""
    return {**form.reward_columns(row.sample, row.frame), "shown": ImageRef(sample=row.sample)}


def to_dataset(rows: Sequence[Row], form: Format, *, images: Literal["references", "files"] = "references") -> Any:
    """Rows as a ``datasets.Dataset`` in TRL's conversational form with the columns of the rewards.

    Images are created on access, so that Arrow holds texts and numbers only: an ``ImageRef``, or, for vLLM, the image at
    the size of the model.
    """
    from datasets import Dataset
    from PIL import Image

    columns: dict[str, list[Any]] = {"row": list(range(len(rows)))}
    columns["prompt"] = [[{"role": "user", "content": row.prompt}] for row in rows]
    rewarded = [reward_columns(row, form) for row in rows]
    dataset = Dataset.from_dict(columns)

    def shown(row: Row) -> Any:
        if images == "references":
            return ImageRef(sample=row.sample)
        image = Image.fromarray(row.sample.pixels())
        return image if row.model_size_px is None else image.resize(row.model_size_px, Image.Resampling.BICUBIC)

    def look(batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        chosen = batch["row"]
        seen = {**batch, **{name: [rewarded[index][name] for index in chosen] for name in rewarded[0]}}
        seen["images"] = [[shown(rows[index])] for index in chosen]
        return seen

    dataset.set_transform(look)
    return dataset
