"""How the experiment of docs/experiments.md measures: differences, parts of metrics by image, images looked at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geogrounding.datasets.sample import Sample
from geogrounding.evaluation.detection import detect_metrics
from geogrounding.evaluation.metric_tables import Resampling
from geogrounding.evaluation.metrics import refer_metrics
from geogrounding.evaluation.predict import Prediction, ScoredBoxes
from recipes.few_shot_study import report
from recipes.few_shot_study.features import SharedFeatures
from recipes.few_shot_study.measure import by_image


def test_differences_are_of_the_same_images() -> None:
    """A method that is better by the same amount on every image is better beyond doubt, however images vary."""
    rng = np.random.default_rng(0)

    def run(extra: float, size: Any) -> dict[str, Any]:
        parts = [(size * 0.5 + extra * 4).tolist(), [4.0] * len(size)]
        given = {"f1_50": sum(parts[0]) / sum(parts[1]), "resamples": 300, "seed": 1, "by_picture": {"f1_50": parts}}
        return {"measured": {"nwpu": {"detect": given}}}

    sizes = [rng.integers(0, 4, 30) for _ in range(3)]
    sft, grpo = [run(0.0, s) for s in sizes], [run(0.25, s) for s in sizes]
    found = report.difference(grpo, sft, "nwpu", "detect", "f1_50")
    assert found is not None
    assert found[1] is not None
    assert (found[0], *found[1]) == pytest.approx((0.25, 0.25, 0.25))
    one = report.value_of(sft, "nwpu", "detect", "f1_50")
    assert one is not None
    assert one.interval is not None
    assert one.interval[0] < one.mean < one.interval[1]
    assert one.interval[1] - one.interval[0] > 0.02
    assert report.value_of(sft, "nwpu", "refer", "acc50") is None


def prediction(task: Any, found: list[list[float]], truth: list[list[float]], image: int) -> Prediction:
    sample = Sample(
        id="", image=Path(f"{image}.png"), size_px=(50, 50), expression="ship", task=task, category="ship",
        boxes_px=np.array(truth, np.float64).reshape(-1, 4), labels=("ship",) * len(truth), origin="",
    )  # fmt: skip
    boxes = ScoredBoxes(boxes_px=np.array(found, np.float64).reshape(-1, 4), scores=np.ones(len(found)))
    return Prediction(sample=sample, kept=boxes, ranked=boxes, chips=1)


A, B, C = [0.0, 0.0, 10.0, 10.0], [20.0, 20.0, 30.0, 30.0], [0.0, 0.0, 10.0, 6.0]


def test_parts_by_image_add_up_to_the_metrics() -> None:
    refer = [
        prediction("refer", f, t, n // 2) for n, (f, t) in enumerate([([A], [A]), ([C], [A]), ([B], [A]), ([], [A])])
    ]
    detect = [
        prediction("detect", f, t, n // 2)
        for n, (f, t) in enumerate([([A, B], [A]), ([C], [A, B]), ([], []), ([B], []), ([], [B])])
    ]
    for predictions, names, measure in (
        (refer, ("acc50", "acc70"), refer_metrics),
        (detect, ("f1_50", "none_rate"), detect_metrics),
    ):
        parts, given = by_image(predictions), measure(predictions, Resampling(resamples=0)).metrics
        for name in names:
            above, below = parts[name]
            assert len(above) == len(below) == (len(predictions) + 1) // 2
            assert sum(above) / sum(below) == pytest.approx(given[name], abs=1e-4), name
    assert refer_metrics(refer, Resampling(resamples=0)).metrics["acc50"] == 0.5


class Looker:
    """A model that counts how often it looks."""

    def __init__(self, weight: float) -> None:
        import torch

        self.vision_tower, self.region_head = torch.nn.Linear(2, 2), torch.nn.Linear(2, 1)
        for part in (self.vision_tower, self.region_head):
            torch.nn.init.constant_(part.weight, weight)
            torch.nn.init.zeros_(part.bias)
        self.weight = weight
        self.looked = 0

    def dense_maps(self, pixels: Any) -> Any:
        self.looked += len(pixels)
        return pixels * self.weight

    def regions_of(self, maps: Any) -> Any:
        return maps + 1

    def seen(self, maps: Any, regions: Any) -> Any:
        return maps - regions

    def encode_images(self, pixels: Any) -> Any:
        maps = self.dense_maps(pixels)
        return self.seen(maps, self.regions_of(maps)) + pixels


def test_models_share_features_only_of_the_same_tower() -> None:
    import torch

    first, same, other = Looker(1.0), Looker(1.0), Looker(2.0)
    pixels = torch.ones(1, 3, 2, 2)
    method = Looker.dense_maps
    with SharedFeatures(Looker) as features:
        for one in (first, same, other):
            maps = one.dense_maps(pixels)
            regions = one.regions_of(maps)
            assert torch.equal(regions, pixels * one.weight + 1)
            assert torch.equal(one.seen(maps, regions), -torch.ones_like(pixels))
        two = torch.cat([pixels, pixels * 3])
        assert torch.equal(same.encode_images(two), -torch.ones_like(two)), "one row is known, the other is not"
        assert torch.equal(first.dense_maps(two), two), "several images at a time are not shared"
        assert [one.looked for one in (first, same, other)] == [1 + 2, 1, 1]
        assert features.looked == 3
    assert Looker.dense_maps is method
