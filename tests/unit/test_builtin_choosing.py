"""Which regions are the boxes of an answer, and what the scores learn from it."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from geogrounding.models.builtin.region_loss import after_seeing, alike, right_regions, score_loss  # noqa: E402

NAN = math.nan
LOOK = torch.tensor([[[1.0, 0], [1, 0], [1, 0], [0.99, 0.1], [0, 1]]])
COMPLETE = torch.tensor([False])
REGIONS = [[0, 0, 10, 10], [1, 0, 11, 10], [0, 0, 10, 20], [50, 50, 60, 60], [0, 0, 0, 0]]


def test_the_best_region_is_right_and_near_ones_are_no_examples() -> None:
    boxes = torch.tensor([REGIONS, REGIONS], dtype=torch.float32)
    truth = torch.tensor([[[0, 0, 10, 10], [50, 50, 61, 60]], [[NAN] * 4, [NAN] * 4]])
    right, unsure = right_regions(boxes, truth)
    assert right.tolist() == [[True, False, False, True, False], [False] * 5]
    assert unsure.tolist() == [[False, True, True, False, False], [False] * 5]


def test_a_box_that_no_region_shows_makes_none_right() -> None:
    boxes = torch.tensor([REGIONS], dtype=torch.float32)
    right, unsure = right_regions(boxes, torch.tensor([[[0, 0, 40, 40]]], dtype=torch.float32))
    assert not right.any()
    assert not unsure.any()
    right, unsure = right_regions(boxes, torch.empty(1, 0, 4))
    assert not right.any()


def test_scores_move_towards_what_is_right() -> None:
    boxes = torch.tensor([REGIONS], dtype=torch.float32)
    truth = torch.tensor([[[0, 0, 10, 10.0]]])
    scores = torch.zeros(1, 5, requires_grad=True)
    real = torch.tensor([[True, True, True, True, False]])
    loss = score_loss(scores, boxes, truth, real, look=LOOK, partial=COMPLETE)
    loss.backward()
    assert loss.item() == pytest.approx(math.log(2))
    up, near, nearer, down, none = scores.grad[0].tolist()
    assert up < 0 < down
    assert near == nearer == none == 0


def test_what_looks_like_it_counts_neither_way_where_labels_are_partial() -> None:
    boxes, truth = torch.tensor([REGIONS], dtype=torch.float32), torch.tensor([[[0, 0, 10, 10.0]]])
    scores, real = torch.zeros(1, 5, requires_grad=True), torch.ones(1, 5, dtype=torch.bool)
    score_loss(scores, boxes, truth, real, look=LOOK, partial=~COMPLETE).backward()
    assert (scores.grad[0] != 0).tolist() == [True, False, False, False, True]
    right, _ = right_regions(boxes, truth)
    assert alike(LOOK, right)[0].tolist() == [True, True, True, True, False]
    assert not alike(LOOK, torch.zeros_like(right)).any(), "nothing is like nothing"


def test_what_is_not_meant_is_wrong_whatever_it_looks_like() -> None:
    """Where labels are partial as well; a region of a target stays what it is."""
    boxes, truth = torch.tensor([[*REGIONS[:3], [30, 0, 40, 10], REGIONS[3]]]), torch.tensor([[[0, 0, 10, 10.0]]])
    scores, real = torch.zeros(1, 5, requires_grad=True), torch.ones(1, 5, dtype=torch.bool)
    unlike = torch.tensor([[[30, 1, 40, 11], [1, 0, 11, 10], [NAN] * 4]])
    look = torch.ones(1, 5, 2)
    score_loss(scores, boxes.float(), truth, real, look=look, partial=~COMPLETE, unlike_px=unlike).backward()
    assert scores.grad[0].sign().tolist() == [-1, 0, 0, 1, 0]


def test_without_a_target_only_what_is_not_meant_counts_where_labels_are_partial() -> None:
    boxes, real = torch.tensor([REGIONS], dtype=torch.float32), torch.ones(1, 5, dtype=torch.bool)
    scores = torch.zeros(1, 5, requires_grad=True)
    unlike = torch.tensor([[[50, 50, 60, 60.0]]])
    loss = score_loss(scores, boxes, torch.empty(1, 0, 4), real, look=LOOK, partial=~COMPLETE, unlike_px=unlike)
    loss.backward()
    assert scores.grad[0].sign().tolist() == [0, 0, 0, 1, 0]
    scores.grad = None
    score_loss(scores, boxes, torch.empty(1, 0, 4), real, look=LOOK, partial=COMPLETE, unlike_px=unlike).backward()
    assert scores.grad[0].sign().tolist() == [1] * 5


def test_nothing_real_costs_nothing() -> None:
    boxes = torch.tensor([REGIONS], dtype=torch.float32)
    loss = score_loss(
        torch.zeros(1, 5), boxes, torch.empty(1, 0, 4), torch.zeros(1, 5, dtype=torch.bool), look=LOOK, partial=COMPLETE
    )
    assert loss.item() == 0


def test_the_state_of_seeing() -> None:
    hidden = torch.arange(12.0).reshape(2, 3, 2)
    named, said = after_seeing(hidden, torch.tensor([[False, True, True], [False, False, False]]))
    assert named[0].tolist() == [2, 3]
    assert said.tolist() == [True, False]
