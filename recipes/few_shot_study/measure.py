"""Measure a model on the test sets of the study. See ``study``."""

from __future__ import annotations

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
from recipes.few_shot_study.data import DEV

TASKS: tuple[Task, ...] = ("refer", "detect")
Measured = dict[str, dict[str, dict[str, Any]]]
"""Set -> task -> the metrics of ``evaluate``, and ``by_picture``: metric -> [numerators, denominators], a number an image."""


CHIP = {"scales": (1.0,), "whole_scene": False}
"""A view is one chip, and the model itself chooses among its objects."""


def measure(model: str, tests: Mapping[str, Sequence[Sample]], *, resamples: int, seed: int) -> Measured:
    """Ask a model all questions of all test sets.

    Args:
        model: what ``load_model`` takes.
        tests: samples by set; those without a target count in the task ``detect``.
        resamples: of the intervals.
        seed: of the intervals.

    Raises:
        ModelError: the model cannot be loaded or go on.
    """
    measured: Measured = {}
    with closing(load_model(model)) as opened:
        for name, samples in tests.items():
            measured[name] = {}
            for task in TASKS:
                mine = [sample for sample in samples if sample.task == task]
                if mine:
                    found = evaluate(opened, mine, resamples=resamples, seed=seed, settings=CHIP)
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


def dev_score(measured: Mapping[str, Any]) -> float:
    """Mean of Acc@0.5 and F1@0.5 on the images kept back, as far as they are known."""
    mine = measured[DEV]
    found = [mine.get("refer", {}).get("acc50"), mine.get("detect", {}).get("f1_50")]
    known = [one for one in found if one is not None]
    return float(sum(known) / len(known))
