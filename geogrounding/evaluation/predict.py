"""Answer samples through the pipeline of ``geoground run``: the whole image, in chips, merged across their borders."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geogrounding.datasets.sample import Sample
from geogrounding.errors import InputError
from geogrounding.execution.results import Collection
from geogrounding.geometry.boxes import Boxes
from geogrounding.models.base import Model
from geogrounding.models.segmenters.base import Segmenter
from geogrounding.pipeline import Walk, walk_scene
from geogrounding.settings import MAX_EXPRESSIONS, RunSettings
from geogrounding.types import Outline, Task

FAINT = 0.05
"""Average precision ranks boxes down to this score, whatever the score from which a run keeps them."""

ImageKey = tuple[str, tuple[int, int, int, int] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredBoxes:
    """Boxes for one expression, by falling score."""

    boxes_px: Boxes
    """(N, 4), pixels of the sample's image."""
    scores: NDArray[np.float64]
    """(N,), NaN where the model gives none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """A sample and the answer to it."""

    sample: Sample
    kept: ScoredBoxes
    """The boxes that a run would write."""
    ranked: ScoredBoxes
    """The same with boxes of low score, for average precision; only for the task ``detect``, else as ``kept``."""
    masks_px: tuple[shapely.Geometry, ...] | None = None
    """The masks of the kept boxes along pixel edges, pixels of the image; None where no segmenter was asked. An object
    that the segmenter does not recognise has its box."""
    outlines_px: tuple[shapely.Geometry, ...] | None = None
    """The outlines that a run would write of them."""
    chips: int
    failure: str | None = None
    """Why the answer is incomplete: the image cannot be read, or chips failed."""

    @property
    def image(self) -> ImageKey:
        """Which image was asked about."""
        return image_of(self.sample)


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictOptions:
    """Settings of the runs: any field of ``RunSettings`` but source, expressions, task and area."""

    min_score: float | None = None
    """Boxes that score less are left out of what a run would give; None takes what suits the model."""
    segmenter: Segmenter | None = None
    """Draws what is found for samples of the task ``segment``; None: their boxes count as masks."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Such as ``tile_size``, ``overlap``, ``scales``, ``merge``."""


def image_of(sample: Sample) -> ImageKey:
    """The image of a sample, as a key."""
    return str(sample.image), sample.window_px


def by_image(samples: Sequence[Sample]) -> list[list[Sample]]:
    """Samples of the same image together, in the order in which the images first come."""
    groups: dict[ImageKey, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(image_of(sample), []).append(sample)
    return list(groups.values())


def predict(
    model: Model,
    samples: Sequence[Sample],
    options: PredictOptions,
    *,
    on_image: Callable[[int, int], None] | None = None,
) -> Iterator[Prediction]:
    """Answer every sample, image by image; all expressions about an image share the work on it.

    An image that cannot be read gives predictions with a ``failure`` and no boxes. Memory is bounded by an image's chips
    in flight and its boxes.

    Args:
        model: stays open.
        samples: in any order.
        options: how images are looked at.
        on_image: called with (images done, images) after each one.

    Raises:
        ModelError: the model cannot go on.
        SettingsError: the settings contradict each other.
    """
    groups = by_image(samples)
    for number, group in enumerate(groups, start=1):
        for task in dict.fromkeys(sample.task for sample in group):
            same = [sample for sample in group if sample.task == task]
            expressions = list(dict.fromkeys(sample.expression for sample in same))
            for start in range(0, len(expressions), MAX_EXPRESSIONS):
                some = tuple(expressions[start : start + MAX_EXPRESSIONS])
                yield from _predict_image(model, [s for s in same if s.expression in some], some, task, options)
        if on_image is not None:
            on_image(number, len(groups))


def _predict_image(
    model: Model, samples: Sequence[Sample], expressions: tuple[str, ...], task: Task, options: PredictOptions
) -> Iterator[Prediction]:
    window_px = samples[0].window_px
    own = dict(options.settings)
    if task != "segment" or options.segmenter is None:
        own |= {"outline": "box", "simplify_m": None}
    settings = RunSettings(
        source=str(samples[0].image),
        expressions=expressions,
        task=task,
        pixel_coordinates=True,
        bbox=None if window_px is None else (*map(float, window_px),),  # type: ignore[arg-type]
        min_score=options.min_score,
        **own,
    )
    empty = ScoredBoxes(boxes_px=np.empty((0, 4)), scores=np.empty(0))
    try:
        with warnings.catch_warnings(), tempfile.TemporaryDirectory(prefix="geogrounding-") as folder:
            warnings.filterwarnings("ignore", "Dataset has no geotransform")  # rasterio, about any JPEG
            with walk_scene(settings, model, Path(folder) / "run.journal", segmenter=options.segmenter or "") as walk:
                kept = _found(_drawn(walk, "box"), samples)
                masks, outlines = _masks(walk, samples) if settings.needs_masks else ({}, {})
                ranked = _found(_with_faint(walk), samples) if task == "detect" else kept
                chips = len(walk.plan.grid)
                failed = walk.report.failed_chips
    except InputError as error:
        for sample in samples:
            yield Prediction(sample=sample, kept=empty, ranked=empty, chips=0, failure=str(error))
        return
    failure = f"{len(failed)} of {chips} chips failed; the first, {failed[0][0]}: {failed[0][1]}" if failed else None
    for sample in samples:
        words = sample.expression
        yield Prediction(
            sample=sample,
            masks_px=masks.get(words, ()) if settings.needs_masks else None,
            outlines_px=outlines.get(words, ()) if settings.needs_masks else None,
            kept=kept.get(words, empty),
            ranked=ranked.get(words, empty) if sample.task == "detect" else kept.get(words, empty),
            chips=chips,
            failure=failure,
        )


def _drawn(walk: Walk, outline: Outline, simplify_m: float | None = None) -> Collection:
    """The same answers with other outlines."""
    if walk.settings.drawn_outline == outline and walk.settings.simplify_m == simplify_m:
        return walk.collection
    settings = replace(walk.settings, outline=outline, simplify_m=simplify_m)
    return Collection(walk.scene, walk.plan, settings, walk.journal, model_name=walk.model.name)


Shapes = dict[str, tuple[shapely.Geometry, ...]]


def _masks(walk: Walk, samples: Sequence[Sample]) -> tuple[Shapes, Shapes]:
    """Masks and outlines by expression, in pixels of the samples' image."""
    inside = {feature.id: feature.geometry_crs for feature in _drawn(walk, "box")}
    found: list[Shapes] = []
    for collection in (_drawn(walk, "mask", 0.0), walk.collection):
        shapes: Shapes = {}
        for feature in collection:
            belongs, _ = _in_image(np.array([inside[feature.id].bounds], np.float64), samples[0])
            if belongs[0]:
                shapes[feature.query] = (*shapes.get(feature.query, ()), _moved(feature.geometry_crs, samples[0]))
        found.append(shapes)
    return found[0], found[1]


def _moved(shape: shapely.Geometry, sample: Sample) -> shapely.Geometry:
    x0, y0 = (0, 0) if sample.window_px is None else sample.window_px[:2]
    moved: shapely.Geometry = shapely.transform(shape, lambda xy: xy - [x0, y0])
    return moved


def _with_faint(walk: Walk) -> Collection:
    """The same answers, collected again with boxes of low score."""
    if walk.plan.min_score <= FAINT:
        return walk.collection
    plan = replace(walk.plan, min_score=FAINT)
    return Collection(walk.scene, plan, walk.settings, walk.journal, model_name=walk.model.name, looker=walk.looker)


def _found(collection: Collection, samples: Sequence[Sample]) -> dict[str, ScoredBoxes]:
    """What was found by expression, in pixels of the samples' image."""
    boxes: dict[str, list[tuple[float, float, float, float]]] = {}
    scores: dict[str, list[float]] = {}
    for feature in collection:
        boxes.setdefault(feature.query, []).append(feature.geometry_crs.bounds)
        scores.setdefault(feature.query, []).append(np.nan if feature.score is None else feature.score)
    found = {}
    for query, some in boxes.items():
        box_scene_px, score = np.array(some, np.float64), np.array(scores[query], np.float64)
        inside, box_px = _in_image(box_scene_px, samples[0])
        order = np.argsort(-np.nan_to_num(score[inside], nan=-1.0), kind="stable")
        found[query] = ScoredBoxes(boxes_px=box_px[inside][order], scores=score[inside][order])
    return found


def _in_image(boxes_scene_px: Boxes, sample: Sample) -> tuple[NDArray[np.bool_], Boxes]:
    """(N,) whether a box belongs to the image, and the boxes in its pixels; a part of a file is cut at its border."""
    if sample.window_px is None:
        return np.ones(len(boxes_scene_px), np.bool_), boxes_scene_px
    x0, y0, _, _ = sample.window_px
    width, height = sample.size_px
    moved = boxes_scene_px - [x0, y0, x0, y0]
    centre = (moved[:, :2] + moved[:, 2:]) / 2
    inside = np.asarray(((centre >= 0) & (centre < [width, height])).all(axis=1), np.bool_)
    return inside, np.clip(moved, 0, [width, height, width, height])
