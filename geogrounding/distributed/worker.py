"""What runs on the workers of a cluster: reading a stretch of chips, and asking a model about a batch of them.

Nothing here knows Ray: plain functions and a plain class, which ``distributed.ray`` makes into tasks and actors.
"""

from __future__ import annotations

import os
import platform
import socket
import time
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geogrounding._version import __version__
from geogrounding.errors import GeogroundingError, ModelError, SceneError
from geogrounding.execution.examples import model_like
from geogrounding.execution.executor import (
    Identity,
    ModelIdentity,
    ModelSource,
    SegmenterSource,
    ask_batch,
    open_model,
    open_segmenter,
)
from geogrounding.execution.journal import ChipRecord
from geogrounding.execution.model_plan import with_plans
from geogrounding.messages import first_line
from geogrounding.models.base import Model
from geogrounding.models.segmenters.base import Segmenter
from geogrounding.raster.grid import Chip
from geogrounding.raster.reader import ChipImage, read_chips
from geogrounding.raster.scene import Scene
from geogrounding.raster.stretch import Stretch
from geogrounding.settings import RunSettings
from geogrounding.types import Question

KEPT_MODELS = 4
"""Models fitted to examples (``--like``) that a worker keeps, one a scene."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Software:
    """What has to be the same on every worker for the same bytes."""

    geogrounding: str
    python: str
    host: str
    process: int


def software() -> Software:
    """The software of this process."""
    return Software(
        geogrounding=__version__, python=platform.python_version(), host=socket.gethostname(), process=os.getpid()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneJob:
    """One scene of a run, as workers get it: small, and without open files."""

    key: str
    """Of its own for each scene of an executor."""
    scene: Scene
    settings: RunSettings

    @classmethod
    def of(cls, key: str, scene: Scene, settings: RunSettings) -> SceneJob:
        """A job for an open scene; the scene stays open with its owner."""
        return cls(key=key, scene=replace(scene, _own=[]), settings=settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipState:
    """What is known of a chip that was read: whether it has pixels, and why not."""

    chip: Chip
    has_pixels: bool
    valid_share: float
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identities:
    """Model and segmenter for one scene."""

    model: ModelIdentity
    segmenter: Identity | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The records of a batch, and what they were made with."""

    records: list[ChipRecord]
    fingerprints: tuple[str, str | None]
    """Of model and segmenter."""
    seconds: float


Failure = GeogroundingError
"""Errors come back as values: an exception that leaves a task arrives wrapped in one of Ray's."""


_checked: set[tuple[str, str]] = set()


def read_part(
    job: SceneJob, fingerprint: str, chips: Sequence[Chip], stretch: Stretch
) -> list[list[ChipState] | Failure | NDArray[np.uint8] | None]:
    """Read neighbouring chips.

    Args:
        job: the scene.
        fingerprint: of the raster as the owner of the run sees it; a raster of the same name with other content would
            give polygons in places that do not exist.
        chips: to read, in the order of the grid.
        stretch: of the scene.

    Returns:
        What is known of each chip, then the pixels (height, width, 3) of each, None where it has none; or an error.
    """
    nothing: list[Any] = [None] * len(chips)
    try:
        _check_same(job.scene, fingerprint)
        images = list(read_chips(job.scene, chips, stretch))
    except GeogroundingError as error:
        return [error, *nothing]
    states = [
        ChipState(chip=i.chip, has_pixels=i.pixels is not None, valid_share=i.valid_share, error=i.error)
        for i in images
    ]
    return [states, *(image.pixels for image in images)]


def _check_same(scene: Scene, fingerprint: str) -> None:
    known = (scene.source, fingerprint)
    if known in _checked:
        return
    found = scene.fingerprint
    if found != fingerprint:
        raise SceneError(
            f"{scene.name} on {socket.gethostname()} is not the raster that the run was started with",
            hint="Every machine must see the same file under the same path: use shared storage or a URL.",
        )
    if len(_checked) > 10_000:
        _checked.clear()
    _checked.add(known)


class Answerer:
    """A model that stays loaded, and answers batches of chips of any scene."""

    def __init__(self, model: ModelSource, segmenter: SegmenterSource) -> None:
        self._sources = (model, segmenter)
        self._open = ExitStack()
        self._model: Model | None = None
        self._segmenter: Segmenter | None = None
        self._fitted: OrderedDict[str, Model] = OrderedDict()

    def software(self) -> Software:
        """What runs here."""
        return software()

    def identify(self, settings: RunSettings) -> Identities | Failure:
        """Model and segmenter, loaded where they are not yet."""
        try:
            return _described(*self._loaded(settings))
        except Exception as error:  # noqa: BLE001 (it must arrive as what it is, not wrapped)
            return as_failure(error)

    def describe(self, job: SceneJob) -> Identities | Failure:
        """Model and segmenter for a scene, loaded where they are not yet."""
        try:
            return _described(*self._for(job))
        except Exception as error:  # noqa: BLE001 (as above)
            return as_failure(error)

    def plan(self, job: SceneJob, settings: RunSettings, again: bool) -> RunSettings | Failure:
        """The settings with the model's plans; the same from every worker, since models write without chance."""
        try:
            return with_plans(settings, self._for(job)[0], again=again)
        except Exception as error:  # noqa: BLE001 (as above)
            return as_failure(error)

    def answer(
        self,
        job: SceneJob,
        questions: Sequence[Question],
        least_score: float,
        states: Sequence[ChipState],
        *pixels: NDArray[np.uint8] | None,
    ) -> Answered | Failure:
        """Answer the questions about a batch of chips.

        Args:
            job: the scene.
            questions: asked of each chip.
            least_score: detections that score less get no mask.
            states: of the chips.
            pixels: (height, width, 3) of each chip, None for those without; copied, since what other processes share
                cannot be written to and models may do so.
        """
        begin = time.monotonic()
        try:
            model, segmenter = self._for(job)
            batch = [
                ChipImage(
                    chip=state.chip,
                    pixels=None if image is None else np.array(image),
                    valid_share=state.valid_share,
                    error=state.error,
                )
                for state, image in zip(states, pixels, strict=True)
            ]
            records = ask_batch(model, batch, questions, segmenter, least_score=least_score)
        except Exception as error:  # noqa: BLE001 (as above)
            return as_failure(error)
        used = (model.fingerprint, None if segmenter is None else segmenter.fingerprint)
        return Answered(records=records, fingerprints=used, seconds=time.monotonic() - begin)

    def close(self) -> None:
        """Close what was opened."""
        self._open.close()

    def _for(self, job: SceneJob) -> tuple[Model, Segmenter | None]:
        model, segmenter = self._loaded(job.settings)
        return self._model_for(job, model), segmenter

    def _loaded(self, settings: RunSettings) -> tuple[Model, Segmenter | None]:
        model, segmenter = self._sources
        if self._model is None:
            self._model = self._enter(open_model(model))
        if self._segmenter is None and settings.needs_masks:
            self._segmenter = self._enter(open_segmenter(segmenter, settings))
        return self._model, self._segmenter if settings.needs_masks else None

    def _model_for(self, job: SceneJob, model: Model) -> Model:
        if job.settings.like is None:
            return model
        if job.key not in self._fitted:
            self._fitted[job.key] = model_like(job.scene, job.settings, model)
            if len(self._fitted) > KEPT_MODELS:
                self._fitted.popitem(last=False)
        return self._fitted[job.key]

    def _enter(self, manager: AbstractContextManager[Any]) -> Any:
        return self._open.enter_context(manager)


def _described(model: Model, segmenter: Segmenter | None) -> Identities:
    return Identities(
        model=ModelIdentity(name=model.name, fingerprint=model.fingerprint, conventions=model.conventions),
        segmenter=None if segmenter is None else Identity(name=segmenter.name, fingerprint=segmenter.fingerprint),
    )


def as_failure(error: Exception) -> Failure:
    """An error that can travel: one of ours as it is, any other as a model that failed."""
    if isinstance(error, GeogroundingError):
        error.__traceback__ = error.__cause__ = error.__context__ = None
        return error
    return ModelError(f"a worker on {socket.gethostname()} failed: {type(error).__name__}: {first_line(error)}")
