"""Who answers the chips of a scene: the protocol of executors, and what all of them share.

An executor gives back the run's own batches of chips, answered, in the order of the chips. It keeps nothing and writes
nothing: the walk (``pipeline.walk_scene``) puts each batch into the journal and makes the layer from it. So where the
chips were answered, by how many workers and how often a worker was lost, cannot show in the result.

``execution.local`` answers in this process, ``distributed.ray`` on the workers of a Ray cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from geogrounding.errors import ModelError
from geogrounding.execution.journal import ChipRecord
from geogrounding.execution.report import Clock
from geogrounding.execution.scan_plan import Plan
from geogrounding.models.base import Conventions, Model
from geogrounding.models.segmenters.answers import with_masks
from geogrounding.models.segmenters.base import Segmenter
from geogrounding.raster.reader import ChipImage
from geogrounding.raster.scene import Scene
from geogrounding.raster.stretch import Stretch
from geogrounding.settings import RunSettings
from geogrounding.types import Answer, Question

MAX_BATCH_CHIPS = 2_000
"""A batch ends after so many chips even when nearly all are empty, so that the journal keeps up with the run."""

ModelSource = Model | str | Callable[[], Model]
"""A loaded model (left open), a name for ``load_model``, or a function that loads one: a raster that cannot be used is
then refused before weights are read."""

SegmenterSource = Segmenter | str | Callable[[], Segmenter]
"""The same for a segmenter; it is only loaded where the outline asked for needs masks."""


class Described(Protocol):
    """What a result says of a segmenter, wherever it runs."""

    @property
    def name(self) -> str:
        """Short name."""
        ...

    @property
    def fingerprint(self) -> str:
        """Identity of weights and settings that change answers."""
        ...


class DescribedModel(Described, Protocol):
    """What a plan and a result need of a model, wherever it runs."""

    @property
    def conventions(self) -> Conventions:
        """What the model states."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A segmenter as another process describes it."""

    name: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelIdentity:
    """A model as another process describes it."""

    name: str
    fingerprint: str
    conventions: Conventions


class Answering(Protocol):
    """One scene at an executor."""

    @property
    def model(self) -> DescribedModel:
        """What answers."""
        ...

    @property
    def segmenter(self) -> Described | None:
        """What draws masks; None where none are needed."""
        ...

    def planned(self, settings: RunSettings, *, again: bool = False) -> RunSettings:
        """The settings with the model's plans for what the grammar cannot read: see ``execution.model_plan``."""
        ...

    def batches(
        self, plan: Plan, stretch: Stretch, chips: Sequence[int], clock: Clock
    ) -> Generator[list[ChipRecord], None, None]:
        """Answer chips, in the order given; each batch as soon as it and all before it are answered.

        Args:
            plan: of the scene.
            stretch: of the scene.
            chips: indexes in the plan's grid.
            clock: gets the time spent in the model and the time spent waiting for pixels.

        Raises:
            GeogroundingError: the raster, the model or the workers cannot go on.
        """
        ...


class Executor(Protocol):
    """A way to answer the chips of scenes."""

    def answering(
        self, scene: Scene, settings: RunSettings, model: ModelSource, segmenter: SegmenterSource
    ) -> AbstractContextManager[Answering]:
        """Get ready for one scene; leaving the ``with`` block closes what was opened for it.

        Raises:
            GeogroundingError: the model cannot be loaded, or no worker can be had.
        """
        ...


class HasPixels(Protocol):
    """A chip of a batch: with pixels (here or on another machine), or without."""

    @property
    def pixels(self) -> Any:
        """None for an empty or failed chip."""
        ...


G = TypeVar("G", bound=HasPixels)


def batches_of(images: Iterable[G], batch_size: int) -> Iterator[list[G]]:
    """Group chips so that each group holds ``batch_size`` images for the model; empty and failed chips do not count.

    Where a group ends depends only on the chips since the last group, so a resumed run forms the same groups.
    """
    group: list[G] = []
    with_pixels = 0
    for image in images:
        group.append(image)
        with_pixels += image.pixels is not None
        if with_pixels == batch_size or len(group) == MAX_BATCH_CHIPS:
            yield group
            group, with_pixels = [], 0
    if group:
        yield group


def ask_batch(
    model: Model,
    batch: Sequence[ChipImage],
    questions: Sequence[Question],
    segmenter: Segmenter | None = None,
    *,
    least_score: float = 0.0,
) -> list[ChipRecord]:
    """Ask the model about a batch; one record per chip, including empty and failed ones.

    With a segmenter, detections that a run may write (from ``least_score`` on, and the best) get masks.
    """
    pixels = [image.pixels for image in batch if image.pixels is not None]
    answers = model.ground(pixels, questions) if pixels else []
    if len(answers) != len(pixels) or any(len(a) != len(questions) for a in answers):
        raise ModelError(f"{model.name} gave {len(answers)} answers about {len(pixels)} chips")
    remaining = iter(answers)
    records = []
    for image in batch:
        of_chip: tuple[Answer, ...] = () if image.pixels is None else tuple(next(remaining))
        if segmenter is not None and image.pixels is not None:
            of_chip = tuple(with_masks(segmenter, image.pixels, of_chip, least_score=least_score))
        error = image.error or next((a.error for a in of_chip if a.error is not None), None)
        records.append(ChipRecord(index=image.chip.index, answers=of_chip, error=error))
    return records


@contextmanager
def open_model(source: ModelSource) -> Iterator[Model]:
    """Load a model and close it afterwards; one that came loaded belongs to the caller and is left open."""
    if isinstance(source, str):
        from geogrounding.models.load import load_model

        manager: Any = closing(load_model(source))
    elif isinstance(source, Model):
        manager = nullcontext(source)
    else:
        manager = closing(source())
    with manager as model:
        yield model


@contextmanager
def open_segmenter(source: SegmenterSource, settings: RunSettings) -> Iterator[Segmenter | None]:
    """Load a segmenter where masks are needed, and close it afterwards; one that came loaded is left open."""
    manager: Any = nullcontext(source if settings.needs_masks else None)
    if settings.needs_masks and not isinstance(source, Segmenter):
        manager = closing(segmenter_of(source))
    with manager as segmenter:
        yield segmenter


def segmenter_of(source: SegmenterSource) -> Segmenter:
    """The segmenter of a source, loaded if it is not yet."""
    if isinstance(source, str):
        from geogrounding.models.segmenters.load import load_segmenter

        return load_segmenter(source)
    return source if isinstance(source, Segmenter) else source()
