"""The classifier behind ``--like``, and the model made from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from geogrounding.errors import ModelError
from geogrounding.models.base import Conventions
from geogrounding.models.builtin.like import LikeModel, LookedAt, fit
from geogrounding.types import Question

CONVENTIONS = Conventions(tile_size_px=336, overlap_px=64, coordinates="resized-pixels", min_score=0.4)
SURE = np.full(100, 0.7)


def clouds(seed: int, *, examples: int, others: int, apart: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Features of two kinds of things that differ along one of forty directions."""
    rng = np.random.default_rng(seed)
    one, other = rng.normal(size=(examples, 40)), rng.normal(size=(others, 40))
    one[:, 7] += apart
    return one.astype(np.float32), other.astype(np.float32)


@given(seed=st.integers(0, 2**16), examples=st.integers(3, 20))
def test_what_was_not_seen_is_ranked_like_the_examples(seed: int, examples: int) -> None:
    some, others = clouds(seed, examples=examples, others=300, apart=6.0)
    ranker = fit(some, others, least_score=0.4)
    more, rest = clouds(seed + 1, examples=100, others=100, apart=6.0)
    right, wrong = ranker.scores(more, SURE), ranker.scores(rest, SURE)
    # the share of pairs in the right order is the area under the ROC curve
    assert (right[:, None] > wrong[None]).mean() > 0.9
    assert (wrong > 0.4).mean() < 0.2


def test_the_least_score_lies_between_examples_and_others() -> None:
    some, others = clouds(0, examples=8, others=500, apart=8.0)
    ranker = fit(some, others, least_score=0.4)
    assert (ranker.scores(some, np.full(8, 0.7)) > 0.4).mean() > 0.8
    assert (ranker.scores(others, np.full(500, 0.7)) > 0.4).mean() < 0.02


def test_what_is_hardly_an_object_scores_less() -> None:
    some, others = clouds(0, examples=8, others=500, apart=8.0)
    ranker = fit(some, others, least_score=0.4)
    assert (ranker.scores(some, np.full(8, 0.05)) < ranker.scores(some, np.full(8, 0.7))).all()


def test_unnamed_examples_among_the_others_do_not_spoil_the_ranking() -> None:
    """Five of a hundred are named: the rest of them stand among the others."""
    some, others = clouds(4, examples=5, others=200, apart=8.0)
    unnamed, _ = clouds(5, examples=95, others=1, apart=8.0)
    ranker = fit(some, np.concatenate([others, unnamed]), least_score=0.4)
    right, wrong = ranker.scores(unnamed, np.full(95, 0.7)), ranker.scores(others, np.full(200, 0.7))
    assert (right[:, None] > wrong[None]).mean() > 0.7


def test_the_same_examples_give_the_same_ranker() -> None:
    some, others = clouds(3, examples=5, others=50, apart=3.0)
    first, second = fit(some, others, least_score=0.4), fit(some, others, least_score=0.4)
    assert np.array_equal(first.weights, second.weights)
    assert first.shift == second.shift


@pytest.mark.parametrize(("examples", "others"), [(0, 5), (5, 0)])
def test_nothing_to_compare_is_an_error(examples: int, others: int) -> None:
    with pytest.raises(ModelError, match="examples"):
        fit(np.zeros((examples, 3)), np.zeros((others, 3)), least_score=0.4)


class Eye:
    """Stands for the built-in model: sees the same three regions everywhere, two of them of one object."""

    name, fingerprint = "builtin", "builtin:0:float32"
    closed = False

    def look_at(self, images: list[Any]) -> list[LookedAt | str]:
        some, others = clouds(9, examples=2, others=1, apart=8.0)
        seen = LookedAt(
            boxes_px=np.array([[0.0, 0, 20, 20], [1, 0, 21, 20], [40, 40, 60, 60]]),
            objectness=np.array([0.6, 0.8, 0.8]),
            features=np.concatenate([some, others]),
            given=np.zeros((0, 40), np.float32),
        )
        return ["no image" if image is None else seen for image in images]

    def close(self) -> None:
        self.closed = True


def test_regions_that_look_like_the_examples_are_reported_once() -> None:
    eye = Eye()
    some, others = clouds(9, examples=6, others=300, apart=8.0)
    model = LikeModel(eye, fit(some, others, least_score=0.4), CONVENTIONS)
    assert model.fingerprint.startswith(eye.fingerprint)
    image = np.zeros((80, 80, 3), np.uint8)
    answers = model.ground([image, None], [Question(expression="kilns")])  # type: ignore[list-item]
    sure = [d for d in answers[0][0].detections if (d.score or 0) > 0.4]
    assert [d.label for d in sure] == ["kilns"]
    assert sure[0].box_chip_px[0] < 2
    assert answers[1][0].error == "no image"
    model.close()
    assert eye.closed


def test_the_logit_of_a_class_counts_most() -> None:
    """Features that say nothing, and the logit of one class of three that does: examples are distinguished by it."""
    rng = np.random.default_rng(5)

    def things(count: int, logits: tuple[float, float, float]) -> np.ndarray:
        return np.concatenate([rng.normal(size=(count, 60)), rng.normal(logits, 0.5, (count, 3))], axis=1)

    ranker = fit(things(5, (2, -4, -4)), things(80, (-4, 1, -3)), least_score=0.4, classes=3)
    blind = fit(things(5, (2, -4, -4))[:, :60], things(80, (-4, 1, -3))[:, :60], least_score=0.4)
    same, other = things(40, (2, -4, -4)), things(40, (-4, 1, -3))
    sure = np.full(40, 0.6)
    assert ranker.scores(same, sure).min() > 0.4 > ranker.scores(other, sure).max()
    assert blind.scores(same[:, :60], sure).min() < blind.scores(other[:, :60], sure).max()


def test_a_logit_beyond_all_measure_decides_nothing_alone() -> None:
    rng = np.random.default_rng(6)
    some = np.concatenate([rng.normal(2.0, 0.3, (5, 20)), rng.normal(1.0, 0.1, (5, 2))], axis=1)
    others = np.concatenate([rng.normal(-2.0, 0.3, (60, 20)), rng.normal(-1.0, 0.1, (60, 2))], axis=1)
    ranker = fit(some, others, least_score=0.4, classes=2)
    odd = others[:1].copy()
    odd[:, -2:] = 1e6
    bounded = others[:1].copy()
    bounded[:, -2:] = 5.0
    assert ranker.scores(odd, np.array([0.6])) == ranker.scores(bounded, np.array([0.6]))
