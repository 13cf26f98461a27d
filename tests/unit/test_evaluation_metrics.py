"""Metrics from answers that are known: against pycocotools, and against plain arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from geogrounding.datasets.sample import Sample
from geogrounding.evaluation import bootstrap
from geogrounding.evaluation.detection import _by_class, detect_metrics
from geogrounding.evaluation.metric_tables import Resampling, success_curve
from geogrounding.evaluation.metrics import mixed_iou, refer_metrics, segment_metrics
from geogrounding.evaluation.predict import Prediction, ScoredBoxes
from geogrounding.geometry.boxes import as_boxes
from geogrounding.types import Task
from tests.coco_reference import coco_stats, random_boxes

NO_DRAWS = Resampling(resamples=0)
SIZE = (400, 400)


def found(boxes: Any, scores: Any = None) -> ScoredBoxes:
    array = as_boxes(boxes)
    values = np.full(len(array), np.nan) if scores is None else np.asarray(scores, np.float64)
    order = np.argsort(-np.nan_to_num(values, nan=-1.0), kind="stable")
    return ScoredBoxes(boxes_px=array[order], scores=values[order])


def prediction(
    true: Any,
    kept: Any,
    *,
    scores: Any = None,
    ranked: ScoredBoxes | None = None,
    image: str = "a.png",
    category: str = "ship",
    task: Task = "detect",
    **sample: Any,
) -> Prediction:
    boxes = as_boxes(true)
    answer = found(kept, scores)
    return Prediction(
        sample=Sample(
            id=f"{image}/{category}",
            image=Path(image),
            size_px=SIZE,
            expression=category or "it",
            task=task,
            boxes_px=boxes,
            labels=(category,) * len(boxes),
            category=category,
            origin="test",
            **sample,
        ),
        kept=answer,
        ranked=answer if ranked is None else ranked,
        chips=1,
    )


def random_predictions(
    seed: int, *, images: int = 6, classes: Sequence[str] = ("ship", "car", "tank")
) -> list[Prediction]:
    """Every class asked about every image, some of them absent; whole-numbered boxes, scores with ties."""
    rng = np.random.default_rng(seed)
    predictions = []
    for n in range(images):
        for name in classes:
            true = random_boxes(rng, int(rng.integers(0, 6)))
            near = true + rng.integers(-6, 7, true.shape)
            near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 2)
            answer = np.concatenate([near, random_boxes(rng, int(rng.integers(0, 4)))])
            scores = rng.integers(1, 20, len(answer)) / 20
            predictions.append(
                prediction(np.clip(true, 0, 400), answer, scores=scores, image=f"{n}.png", category=name)
            )
    return predictions


@pytest.mark.parametrize("seed", range(8))
def test_average_precision_is_that_of_coco(seed: int) -> None:
    predictions = random_predictions(seed)
    names = list(dict.fromkeys(o.image for o in predictions))
    truth: list[list[Any]] = [[] for _ in names]
    answers: list[list[Any]] = [[] for _ in names]
    for o in predictions:
        place = names.index(o.image)
        truth[place] += [(box, o.sample.category) for box in o.sample.boxes_px.tolist()]
        rows = zip(o.ranked.boxes_px.tolist(), o.ranked.scores.tolist(), strict=True)
        answers[place] += [(box, o.sample.category, score) for box, score in rows]
    expected_map, expected_ap50 = coco_stats(truth, answers)
    metrics = detect_metrics(predictions, NO_DRAWS).metrics
    assert metrics["map"] == pytest.approx(expected_map, abs=1e-4)
    assert metrics["ap50"] == pytest.approx(expected_ap50, abs=1e-4)
    equal = [[(box, name, 1.0) for box, name, _ in image] for image in answers]
    expected_map, expected_ap50 = coco_stats(truth, equal)
    assert metrics["geo_r1_map"] == pytest.approx(expected_map, abs=1e-4)
    assert metrics["geo_r1_ap50"] == pytest.approx(expected_ap50, abs=1e-4)


def test_geo_r1_looks_at_a_hundred_boxes() -> None:
    grid = [[4 * n, 4 * m, 4 * n + 3, 4 * m + 3] for n in range(15) for m in range(10)]
    metrics = detect_metrics([prediction(grid, grid, scores=np.linspace(1, 0.5, 150))], NO_DRAWS).metrics
    assert metrics["ap50"] == metrics["map"] == metrics["f1_50"] == 1.0
    assert metrics["geo_r1_ap50"] == pytest.approx(67 / 101, abs=1e-4)


A, B, C = [10, 10, 50, 50], [100, 100, 160, 140], [200, 200, 230, 290]


def test_precision_recall_and_none_rate() -> None:
    faint = found([A, B, C], [0.9, 0.3, 0.1])
    predictions = [
        prediction([A, B], [A, C], scores=[0.9, 0.8], ranked=faint),
        prediction([C], [], ranked=found([C], [0.2]), category="car"),
        prediction([], [], category="tank"),
        prediction([], [A], scores=[0.9], category="tank", image="b.png"),
    ]
    metrics = detect_metrics(predictions, NO_DRAWS).metrics
    assert metrics["precision50"] == pytest.approx(1 / 3, abs=1e-4)
    assert metrics["recall50"] == pytest.approx(1 / 3, abs=1e-4)
    assert metrics["f1_50"] == pytest.approx(2 / 6, abs=1e-4)
    assert metrics["ap50"] == 1.0, "boxes of low score count for average precision"
    assert (metrics["n"], metrics["n_none"], metrics["none_rate"]) == (3, 2, 0.5)
    assert set(metrics["per_class"]) == {"ship", "car"}
    assert metrics["per_class"]["car"] == {
        "n": 1,
        "ap50": 1.0,
        "map": 1.0,
        "precision50": None,
        "recall50": 0.0,
        "f1_50": 0.0,
    }
    assert metrics["scored"] is True


def test_nothing_to_measure_is_none_and_not_a_number() -> None:
    metrics = detect_metrics([prediction([], [])], NO_DRAWS).metrics
    assert metrics["ap50"] is metrics["map"] is metrics["recall50"] is None
    assert metrics["none_rate"] == 1.0
    assert metrics["per_class"] == {}
    assert metrics["scored"] is False


def test_accuracy_of_single_targets() -> None:
    half = [10, 10, 50, 30]  # IoU 0.5 with A
    predictions = [
        prediction([A], [A], task="refer", unique=True),
        prediction([A], [half], task="refer", unique=False, image="b.png"),
        prediction([B], [A, B], task="refer", unique=False, image="c.png", category="car"),
        prediction([B], [], task="refer", image="d.png", category=""),
        prediction([], [], task="refer", image="e.png"),
        prediction([], [A], task="refer", image="f.png"),
    ]
    measured = refer_metrics(predictions, NO_DRAWS)
    metrics = measured.metrics
    assert (metrics["n"], metrics["n_unique"], metrics["n_non_unique"], metrics["n_none"]) == (4, 1, 2, 2)
    assert (metrics["acc50"], metrics["acc70"], metrics["mean_iou"]) == (0.5, 0.25, 0.375)
    assert (metrics["acc50_unique"], metrics["acc50_non_unique"], metrics["acc70_non_unique"]) == (1.0, 0.5, 0.0)
    assert metrics["geo_r1_acc50"] == 0.25, "IoU > 0.5 there, >= 0.5 here"
    assert metrics["none_rate"] == 0.5
    assert metrics["per_class"]["ship"] == {"n": 2, "acc50": 1.0, "acc70": 0.5, "mean_iou": 0.75}
    assert set(metrics["per_class"]) == {"ship", "car", "other"}
    assert measured.quality == (1.0, 0.5, 0.0, 0.0, 1.0, 0.0)
    assert "geo_r1_acc50_unscaled" not in metrics


def test_boxes_left_in_pixels_of_the_resized_image() -> None:
    """400 becomes 392 in multiples of 28: a small box at the far corner is lost by it, a large one is not."""
    far, large = [360, 360, 400, 400], [0, 0, 400, 400]
    predictions = [prediction([far], [far], task="refer"), prediction([large], [large], task="refer", image="b.png")]
    metrics = refer_metrics(predictions, NO_DRAWS, unscaled=True).metrics
    assert metrics["acc70"] == metrics["geo_r1_acc70"] == 1.0
    assert metrics["geo_r1_acc70_unscaled"] == 0.5


def test_the_published_overlap_in_plain_words() -> None:
    def published(one: list[int], two: list[int]) -> float:
        x0, y0 = max(one[0], two[0]), max(one[1], two[1])
        x1, y1 = min(one[2] - 1, two[2] - 1), min(one[3] - 1, two[3] - 1)
        inter = (x1 - x0 + 1) * (y1 - y0 + 1) if x0 < x1 and y0 < y1 else 0
        areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (one, two)]
        return inter / (sum(areas) - inter)

    rng = np.random.default_rng(3)
    one, two = random_boxes(rng, 40, size=60), random_boxes(rng, 40, size=60)
    got = mixed_iou(one.astype(float), two.astype(float))
    assert got.tolist() == [[pytest.approx(published(a, b)) for b in two.tolist()] for a in one.tolist()]
    assert mixed_iou(np.array([[0.0, 0, 10, 1]]), np.array([[0.0, 0, 10, 1]])) == 0.0, "one row of pixels is lost"


def test_masks() -> None:
    triangle = shapely.Polygon([(0, 0), (100, 0), (0, 100)])
    predictions = [
        prediction([[0, 0, 100, 100]], [[0, 0, 100, 100]], task="segment", polygons_px=(triangle,)),
        prediction([A], [A, A], task="segment", image="b.png", category="car", polygons_px=(shapely.box(*A),)),
        prediction([], [], task="segment", image="c.png"),
        prediction([], [[0, 0, 10, 10]], task="segment", image="d.png"),
    ]
    measured = segment_metrics(predictions, NO_DRAWS)
    metrics = measured.metrics
    assert measured.quality == pytest.approx((0.5, 1.0, 1.0, 0.0))
    assert metrics["giou"] == pytest.approx(2.5 / 4)
    assert metrics["geo_r1_giou"] == pytest.approx(1.5 / 4), "an empty answer to an empty image is worth 0 there"
    assert metrics["ciou"] == pytest.approx((5000 + 1600) / (10_000 + 1600 + 100), abs=1e-4)
    assert (metrics["n"], metrics["none_rate"], metrics["masks"]) == (4, 0.5, "boxes")
    assert metrics["per_class"]["ship"]["n"] == 3


def test_a_mask_that_crosses_itself_is_measured() -> None:
    bow_tie = shapely.Polygon([(0, 0), (100, 100), (100, 0), (0, 100)])
    box = [[0, 0, 100, 100]]
    metrics = segment_metrics([prediction(box, box, task="segment", polygons_px=(bow_tie,))], NO_DRAWS).metrics
    assert metrics["giou"] == pytest.approx(0.5)


def test_success_curve() -> None:
    line = success_curve("all", np.array([0.0, 0.5, 1.0, 1.0]))
    assert (line.y[0], line.y[50], line.y[51], line.y[100]) == (1.0, 0.75, 0.5, 0.5)
    assert not success_curve("none", np.array([])).y.any()


class TestIntervals:
    def test_a_draw_is_a_choice_of_images(self) -> None:
        blocks = list(bootstrap.draws(7, 50, seed=1))
        assert np.concatenate(blocks).shape == (50, 7)
        assert (np.concatenate(blocks).sum(axis=1) == 7).all()

    def test_the_seed_alone_decides(self, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = np.concatenate(list(bootstrap.draws(7, 50, seed=1)))
        monkeypatch.setattr(bootstrap, "BLOCK_CELLS", 21)
        assert (np.concatenate(list(bootstrap.draws(7, 50, seed=1))) == whole).all()
        assert (np.concatenate(list(bootstrap.draws(7, 50, seed=2))) != whole).any()

    def test_average_precision_of_a_draw_is_that_of_its_images(self) -> None:
        """Weights must give what the images themselves give, repeated as often as they were drawn."""
        images = random_predictions(5, classes=["ship"])

        def numbered(some: list[int]) -> list[Prediction]:
            made = []
            for copy, n in enumerate(some):
                o = images[n]
                scores = np.random.default_rng(n).random(len(o.ranked.scores))
                made.append(prediction(o.sample.boxes_px, o.ranked.boxes_px, scores=scores, image=f"{n}-{copy}.png"))
            return made

        base = numbered(list(range(len(images))))
        ranked = _by_class(base, [o.ranked for o in base])["ship"]
        for chosen in ([0, 0, 2, 3, 4, 4], [1, 1, 1, 1, 1, 1], [0, 1, 2, 3, 4, 5]):
            weights = np.bincount(chosen, minlength=len(images)).astype(np.float64)[None]
            repeated = numbered(chosen)
            again = _by_class(repeated, [o.ranked for o in repeated])
            if "ship" not in again:
                assert np.isnan(ranked.drawn(weights)).all()
                continue
            # copies of a box stand side by side in the ranking: precision between them is read a little finer
            assert ranked.drawn(weights)[0] == pytest.approx(again["ship"].average_precision(), abs=0.02)

    def test_intervals_hold_the_metric_and_shrink(self) -> None:
        few, many = random_predictions(1, images=10), random_predictions(1, images=60)
        widths = []
        for predictions in (few, many):
            metrics = detect_metrics(predictions, Resampling(resamples=200, seed=3)).metrics
            for name in ("ap50", "map", "precision50", "recall50", "f1_50"):
                low, high = metrics[f"{name}_ci"]
                assert 0 <= low <= metrics[name] <= high <= 1
            widths.append(metrics["map_ci"][1] - metrics["map_ci"][0])
        assert widths[1] < widths[0] / 1.5
        assert detect_metrics(few, Resampling(resamples=200, seed=3)).metrics["map_ci"] == pytest.approx(
            detect_metrics(few, Resampling(resamples=200, seed=3)).metrics["map_ci"]
        )

    def test_as_wide_as_theory_says(self) -> None:
        """One question an image, half of them right: the standard error of a share is known."""
        predictions = [prediction([A], [A if n % 2 else B], task="refer", image=f"{n}.png") for n in range(200)]
        low, high = refer_metrics(predictions, Resampling(resamples=2000, seed=0)).metrics["acc50_ci"]
        assert (high - low) / 2 == pytest.approx(1.96 * np.sqrt(0.25 / 200), rel=0.1)

    def test_images_are_drawn_and_not_questions(self) -> None:
        """Ten equal answers about each of twenty images are twenty facts."""
        predictions = [
            prediction([A], [A if n % 2 else B], task="refer", image=f"{n}.png") for n in range(20) for _ in range(10)
        ]
        low, high = refer_metrics(predictions, Resampling(resamples=2000, seed=0)).metrics["acc50_ci"]
        assert (high - low) / 2 == pytest.approx(1.96 * np.sqrt(0.25 / 20), rel=0.15)

    def test_one_image_has_none(self) -> None:
        metrics = refer_metrics([prediction([A], [A], task="refer")], Resampling()).metrics
        assert metrics["acc50_ci"] is None
