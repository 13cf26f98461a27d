"""Answering the chips of a scene in this process: batch by batch, each on disk before the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing

from geogrounding.errors import ModelError
from geogrounding.execution.journal import ChipRecord, Journal
from geogrounding.execution.report import Clock, Progress
from geogrounding.execution.scan_plan import Plan
from geogrounding.models.base import Model
from geogrounding.models.segmenters.answers import with_masks
from geogrounding.models.segmenters.base import Segmenter
from geogrounding.raster.reader import ChipImage, read_chips
from geogrounding.raster.scene import Scene
from geogrounding.raster.stretch import Stretch
from geogrounding.types import Answer

MAX_BATCH_CHIPS = 2_000
"""A batch ends after so many chips even when nearly all are empty, so that the journal keeps up with the run."""


def answer_chips(  # noqa: PLR0913 - the parts of the walk, each once
    scene: Scene,
    plan: Plan,
    stretch: Stretch,
    model: Model,
    segmenter: Segmenter | None,
    journal: Journal,
    clock: Clock,
    on_progress: Callable[[Progress], None] | None,
    on_batch: Callable[[list[ChipRecord]], None],
) -> None:
    """Ask the model about every chip the journal does not know yet, then once more about those that failed before."""
    resumed, failed_before = journal.next_chip, journal.failed
    to_do = [range(resumed, len(plan.grid)), failed_before]
    found = 0
    for chips in to_do:
        with closing(read_chips(scene, (plan.grid[i] for i in chips), stretch)) as images:
            batches = batches_of(images, model.conventions.batch_size)
            while True:
                with clock.count("waiting"):
                    batch = next(batches, None)
                if batch is None:
                    break
                with clock.count("model"):
                    records = ask_batch(model, batch, plan, segmenter)
                journal.append(records)
                found += sum(len(a.detections) for r in records for a in r.answers)
                on_batch(records)
                if on_progress is not None:
                    on_progress(
                        Progress(
                            chips_done=journal.next_chip,
                            chips_total=len(plan.grid),
                            chips_failed=len(journal.failed),
                            chips_resumed=resumed,
                            found=found,
                        )
                    )


def batches_of(images: Iterable[ChipImage], batch_size: int) -> Iterator[list[ChipImage]]:
    """Group chips so that each group holds ``batch_size`` images for the model; empty and failed chips do not count.

    Where a group ends depends only on the chips since the last group, so a resumed run forms the same groups.
    """
    group: list[ChipImage] = []
    with_pixels = 0
    for image in images:
        group.append(image)
        with_pixels += image.pixels is not None
        if with_pixels == batch_size or len(group) == MAX_BATCH_CHIPS:
            yield group
            group, with_pixels = [], 0
    if group:
        yield group


def ask_batch(model: Model, batch: list[ChipImage], plan: Plan, segmenter: Segmenter | None = None) -> list[ChipRecord]:
    """Ask the model about a batch; one record per chip, including empty and failed ones.

    With a segmenter, detections that a run may write get masks.
    """
    questions = plan.composition.questions
    pixels = [image.pixels for image in batch if image.pixels is not None]
    answers = model.ground(pixels, questions) if pixels else []
    if len(answers) != len(pixels) or any(len(a) != len(questions) for a in answers):
        raise ModelError(f"{model.name} gave {len(answers)} answers about {len(pixels)} chips")
    remaining = iter(answers)
    records = []
    for image in batch:
        of_chip: tuple[Answer, ...] = () if image.pixels is None else tuple(next(remaining))
        if segmenter is not None and image.pixels is not None:
            of_chip = tuple(with_masks(segmenter, image.pixels, of_chip, least_score=plan.sure_score))
        error = image.error or next((a.error for a in of_chip if a.error is not None), None)
        records.append(ChipRecord(index=image.chip.index, answers=of_chip, error=error))
    return records
