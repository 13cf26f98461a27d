"""Measure a model on the test sets of the study. See ``study``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import numpy as np

from geogrounding.datasets.sample import Sample
from geogrounding.evaluation import evaluate
from geogrounding.evaluation.matching import match
from geogrounding.evaluation.metric_tables import has_target, image_numbers
from geogrounding.evaluation.predict import Prediction
from geogrounding.geometry.boxes import iou_matrix
from geogrounding.models.load import load_model
from geogrounding.types import Task

TASKS: tuple[Task, ...] = ("refer", "detect")
Measured = dict[str, dict[str, dict[str, Any]]]
"""Set -> task -> the metrics of ``evaluate``, and ``by_picture``: metric -> [numerators, denominators], a number an image."""


class SharedFeatures:
    """Encoded images, shared between models with the same vision tower.

    Training leaves the vision tower of the built-in model unchanged, so that each test image is encoded once in the whole
    study. A digest of the weights decides whether towers are the same; other kinds of models are not shared.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[str, ...], Any] = {}
        self.looked = 0
        """Batches of images that went through a tower."""

    def lend(self, model: Any) -> None:
        """Let an open model use and fill the cache."""
        inner: Any = getattr(model, "_model", None)
        if not hasattr(inner, "encode_images") or not hasattr(inner, "region_head"):
            return
        whose = _digest_of_weights(inner)
        look = inner.encode_images

        def encode_images(pixel_values: Any) -> Any:
            raw = hashlib.sha256(pixel_values.float().cpu().numpy().tobytes()).hexdigest()
            key = (whose, raw, str(tuple(pixel_values.shape)), str(pixel_values.device))
            if key not in self._seen:
                self.looked += 1
                self._seen[key] = look(pixel_values)
            return self._seen[key]

        inner.encode_images = encode_images


def _digest_of_weights(model: Any) -> str:
    import torch

    digest = hashlib.sha256()
    for part in (model.vision_tower, model.region_head):
        for name, tensor in part.state_dict().items():
            digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def measure(
    model: str, tests: Mapping[str, Sequence[Sample]], *, features: SharedFeatures, resamples: int, seed: int
) -> Measured:
    """Ask a model all questions of all test sets.

    Args:
        model: what ``load_model`` takes.
        tests: samples by set; those without a target count in the task ``detect``.
        features: encoded images of other models.
        resamples: of the intervals.
        seed: of the intervals.

    Raises:
        ModelError: the model cannot be loaded or go on.
    """
    measured: Measured = {}
    with closing(load_model(model)) as opened:
        features.lend(opened)
        for name, samples in tests.items():
            measured[name] = {}
            for task in TASKS:
                mine = [sample for sample in samples if sample.task == task]
                if mine:
                    found = evaluate(opened, mine, resamples=resamples, seed=seed)
                    measured[name][task] = {**found.metrics, "by_picture": by_image(found.predictions)}
    return measured


def by_image(predictions: Sequence[Prediction]) -> dict[str, list[list[float]]]:
    """[numerators, denominators] of the metrics that are ratios of sums by image, so that means over seeds can have
    intervals; images in the order of the predictions.
    """
    numbers, images = image_numbers(predictions)
    target = np.array([has_target(o) for o in predictions], np.float64)
    silent = np.array([not len(o.kept.boxes_px) for o in predictions], np.float64)
    sums = {"none_rate": (silent * (1 - target), 1 - target)}
    if all(o.sample.task == "refer" for o in predictions):
        iou = np.array([iou_matrix(o.kept.boxes_px[:1], o.sample.boxes_px).max(initial=0.0) for o in predictions])
        sums |= {"acc50": ((iou >= 0.5) * target, target), "acc70": ((iou >= 0.7) * target, target)}
    else:
        iou50 = np.array([0.5])
        hits = np.array([match(iou_matrix(o.kept.boxes_px, o.sample.boxes_px), iou50).sum() for o in predictions])
        found = np.array([len(o.kept.boxes_px) for o in predictions], np.float64)
        targets = np.array([len(o.sample.boxes_px) for o in predictions], np.float64)
        sums["f1_50"] = (2.0 * hits, found + targets)
    return {
        name: [np.bincount(numbers, weights=part, minlength=images).tolist() for part in parts]
        for name, parts in sums.items()
    }
