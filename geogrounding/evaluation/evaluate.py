"""Evaluate a model on samples: what ``geoground eval`` does."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from geogrounding.datasets.sample import Sample
from geogrounding.errors import InputError, SettingsError
from geogrounding.evaluation.detection import detect_metrics
from geogrounding.evaluation.metric_tables import Curves, Measured, Resampling
from geogrounding.evaluation.metrics import refer_metrics, segment_metrics
from geogrounding.evaluation.predict import Prediction, PredictOptions, by_image, predict
from geogrounding.models.base import Model
from geogrounding.models.segmenters.base import Segmenter
from geogrounding.types import Task

_BUILTIN = "builtin:"
"""How fingerprints of the built-in model begin; it puts images into a square and resizes none to multiples of 28."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Metrics, and what they were computed from."""

    metrics: Mapping[str, Any]
    """Flat and in plain values, see ``metrics`` and ``detection``; ``per_class`` last."""
    predictions: tuple[Prediction, ...]
    quality: tuple[float, ...]
    """In [0, 1], one for each prediction."""
    curves: Curves

    @property
    def failures(self) -> list[tuple[str, str]]:
        """(image, reason) of each image that was not wholly answered, in order."""
        return list(dict.fromkeys((o.sample.image.name, o.failure) for o in self.predictions if o.failure is not None))


def evaluate(  # noqa: PLR0913 - keyword-only options of the public function
    model: Model,
    samples: Sequence[Sample],
    *,
    min_score: float | None = None,
    segmenter: Segmenter | None = None,
    limit: int | None = None,
    seed: int = 0,
    resamples: int = 1000,
    settings: Mapping[str, Any] | None = None,
    on_image: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Ask a model about every sample, through the same pipeline as a run, and measure the answers.

    Args:
        model: stays open.
        samples: all of one task.
        min_score: boxes that score less do not count (average precision looks at all of them); None takes the model's
            own default.
        segmenter: draws the boxes found for samples of the task ``segment``; stays open. None: boxes count as masks.
        limit: number of images, drawn by the seed; None is all of them.
        seed: of that choice and of the intervals.
        resamples: how often images are drawn again for the intervals; 0 for none.
        settings: more fields of ``RunSettings``, such as ``tile_size``.
        on_image: called with (images done, images) after each one.

    Returns:
        Metrics, and what they were made from. An image that could not be fully answered counts with the boxes that were
        found; ``failures`` lists it and ``failed`` counts it.

    Raises:
        SettingsError: samples of several tasks, or settings that contradict each other.
        InputError: there is no sample.
        ModelError: the model cannot go on.
    """
    tasks = list(dict.fromkeys(sample.task for sample in samples))
    if not tasks:
        raise InputError("there is no sample to evaluate on")
    if len(tasks) > 1:
        raise SettingsError(
            f"the samples are of {' and '.join(tasks)}, not of one task", hint="Choose one with --task."
        )
    begin = time.monotonic()
    chosen = choose(samples, limit, seed)
    options = PredictOptions(min_score=min_score, segmenter=segmenter, settings=dict(settings or {}))
    predictions = tuple(predict(model, chosen, options, on_image=on_image))
    seconds = time.monotonic() - begin
    unscaled = (
        model.conventions.coordinates == "resized-pixels"
        and not model.fingerprint.startswith(_BUILTIN)
        and all(prediction.chips <= 1 for prediction in predictions)
    )
    measured = _measure(tasks[0], predictions, Resampling(resamples=resamples, seed=seed), unscaled)
    usual = model.conventions.min_score if tasks[0] != "refer" else 0.0
    metrics = {
        "task": tasks[0],
        "model": model.name,
        "fingerprint": model.fingerprint,
        **({} if segmenter is None or tasks[0] != "segment" else {"segmenter": segmenter.name}),
        **{name: value for name, value in measured.metrics.items() if name != "per_class"},
        "questions": len(predictions),
        "pictures": len(by_image(chosen)),
        "failed": len({prediction.image for prediction in predictions if prediction.failure is not None}),
        "chips": sum({prediction.image: prediction.chips for prediction in predictions}.values()),
        "min_score": usual if min_score is None else min_score,
        "seed": seed,
        "resamples": resamples,
        "seconds": round(seconds, 3),
        "per_class": measured.metrics["per_class"],
    }
    return Evaluation(metrics=metrics, predictions=predictions, quality=measured.quality, curves=measured.curves)


def choose(samples: Sequence[Sample], limit: int | None, seed: int) -> list[Sample]:
    """The samples of ``limit`` images drawn by the seed, in their order; all of them when there are no more."""
    groups = by_image(samples)
    if limit is not None and limit < len(groups):
        if limit < 1:
            raise SettingsError(f"a limit of {limit} images leaves nothing", hint="Give 1 or more.")
        drawn = sorted(np.random.default_rng(seed).permutation(len(groups))[:limit].tolist())
        groups = [groups[n] for n in drawn]
    return [sample for group in groups for sample in group]


def _measure(task: Task, predictions: Sequence[Prediction], resampling: Resampling, unscaled: bool) -> Measured:
    if task == "refer":
        return refer_metrics(predictions, resampling, unscaled=unscaled)
    return detect_metrics(predictions, resampling) if task == "detect" else segment_metrics(predictions, resampling)
