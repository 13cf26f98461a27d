"""What must hold for any candidates: order does not matter, greedy choices are those of the plain walk, and so on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import Generator
from numpy.typing import NDArray

from geogrounding.geometry import boxes as bx
from geogrounding.vector.candidates import Candidates
from geogrounding.vector.merge import METHODS, Method, merge
from tests.unit.chips_and_boxes import Seen, candidates, row_of_chips

seeds = st.integers(0, 2**32 - 1)
few = settings(max_examples=15, deadline=None, derandomize=True, database=None)


def drawn(random: Generator, count: int) -> Candidates:
    """Crowded boxes over a grid of two levels, many of them cut, with ties in score and place."""
    chips = row_of_chips(3, 3) + row_of_chips(2, 2, scale=2.0, first=9)
    seen = []
    for _ in range(count):
        chip = chips[int(random.integers(len(chips)))]
        x0, y0, x1, y1 = chip.window_scene_px
        low = np.round(random.uniform([x0 - 30, y0 - 30], [x1, y1]) / 8) * 8
        high = low + np.round(random.uniform(8, 160, 2) / 8) * 8
        box = np.clip([*low, *high], [x0, y0, x0, y0], [x1, y1, x1, y1])
        score = float(random.choice([0.3, 0.5, 0.9, np.nan]))
        seen.append(Seen(chip, (box[0], box[1], box[2], box[3]), score, int(random.integers(2))))
    return candidates(seen)


@pytest.mark.parametrize("method", METHODS)
@given(seed=seeds)
@few
def test_the_order_of_candidates_does_not_matter(method: Method, seed: int) -> None:
    random = np.random.default_rng(seed)
    first = drawn(random, 120)
    order = random.permutation(len(first)).astype(np.int64)
    one, two = merge(first, method=method), merge(first.take(order), method=method)
    assert np.array_equal(one.boxes_scene_px, two.boxes_scene_px)
    assert np.array_equal(one.scores, two.scores, equal_nan=True)
    assert np.array_equal(one.sizes, two.sizes)
    # Candidates that are alike in everything may stand for one another.
    for name in ("boxes_scene_px", "chips", "groups", "scores"):
        mine, theirs = getattr(first, name)[one.representative], getattr(first, name)[order[two.representative]]
        assert np.array_equal(mine, theirs, equal_nan=name == "scores")


@pytest.mark.parametrize("method", METHODS)
@given(seed=seeds)
@few
def test_every_candidate_goes_into_one_result(method: Method, seed: int) -> None:
    found = drawn(np.random.default_rng(seed), 100)
    merged = merge(found, method=method)
    assert merged.sizes.sum() == len(found)
    assert len(set(merged.representative.tolist())) == len(merged)
    assert np.array_equal(merged.scores, found.scores[merged.representative], equal_nan=True)
    assert (merged.boxes_scene_px[:, :2] <= merged.boxes_scene_px[:, 2:]).all()


@given(seed=seeds)
@few
def test_whole_boxes_are_never_joined(seed: int) -> None:
    found = drawn(np.random.default_rng(seed), 100)
    merged = merge(found)
    originals = {tuple(box) for box in found.boxes_scene_px.tolist()}
    parts = found.boxes_scene_px[found.cut.any(axis=1)]
    for box in merged.boxes_scene_px.tolist():
        joined = all(box[side] in parts[:, side] for side in range(4))
        assert tuple(box) in originals or joined


@given(seed=seeds)
@few
def test_a_row_of_touching_neighbours_stays_a_row(seed: int) -> None:
    random = np.random.default_rng(seed)
    chips = row_of_chips(6)
    width = float(random.uniform(12, 50))
    start = float(random.uniform(10, 60))
    row = [(start + n * width, 100.0, start + (n + 1) * width, 140.0) for n in range(int(1600 / width))]
    seen = []
    for chip in chips:
        x0, _, x1, _ = chip.window_scene_px
        seen += [Seen(chip, box, float(random.uniform())) for box in row if box[0] > x0 + 4 and box[2] < x1 - 4]
    merged = merge(candidates(seen))
    shown = [box for box in row if any(one.box == box for one in seen)]
    assert [tuple(box) for box in merged.boxes_scene_px.tolist()] == sorted(shown)


def walked(count: int, first: NDArray[np.int64], second: NDArray[np.int64]) -> list[bool]:
    """The plain sequential greedy walk."""
    gone = [False] * count
    partners: dict[int, list[int]] = {}
    for one, two in zip(first.tolist(), second.tolist(), strict=True):
        partners.setdefault(one, []).append(two)
    for one in range(count):
        if not gone[one]:
            for two in partners.get(one, []):
                gone[two] = True
    return gone


@given(seed=seeds, count=st.integers(1, 60), chain=st.booleans())
@few
def test_greedy_in_rounds_is_the_plain_walk(seed: int, count: int, chain: bool) -> None:
    random = np.random.default_rng(seed)
    pairs = random.integers(0, count, (3 * count, 2))
    if chain:  # as long a chain as there can be, so that the rounds run out
        count = 400
        pairs = np.stack([np.arange(count - 1), np.arange(1, count)], axis=1)
    pairs = np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1), axis=0)
    first, second = pairs[:, 0].astype(np.int64), pairs[:, 1].astype(np.int64)
    keeper = bx.greedy(count, first, second, np.ones(len(first)))
    gone = walked(count, first, second)
    assert (keeper != np.arange(count)).tolist() == gone
    for index, taker in enumerate(keeper.tolist()):
        assert not gone[taker]
        assert taker == index or (taker, index) in set(map(tuple, pairs.tolist()))


@given(seed=seeds, count=st.integers(1, 80))
@few
def test_components_are_those_of_a_plain_search(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    pairs = random.integers(0, count, (count // 2 + 1, 2)).astype(np.int64)
    expected = np.arange(count)
    for _ in range(count):
        for one, two in pairs.tolist():
            expected[one] = expected[two] = min(expected[one], expected[two])
    assert bx.components(count, pairs[:, 0], pairs[:, 1]).tolist() == expected.tolist()


@given(seed=seeds, count=st.integers(0, 60))
@few
def test_lexical_order_is_that_of_lexsort(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    keys = [random.integers(0, 5, count).astype(np.float64), random.integers(0, 3, count), random.uniform(size=count)]
    assert bx.lexical_order(*keys).tolist() == np.lexsort(keys[::-1]).tolist()


@given(seed=seeds, count=st.integers(2, 40))
@few
def test_mutual_best_is_that_of_a_plain_search(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    places = random.integers(0, 4, count).astype(np.int64)
    pairs = np.unique(np.sort(random.integers(0, count, (4 * count, 2)), axis=1), axis=0)
    pairs = pairs[places[pairs[:, 0]] != places[pairs[:, 1]]]
    pairs = np.where(random.uniform(size=len(pairs))[:, None] < 0.5, pairs, pairs[:, ::-1]).astype(np.int64)
    first, second, strength = pairs[:, 0], pairs[:, 1], random.uniform(size=len(pairs))
    found = bx.mutual_best(first, second, places[first], places[second], strength)

    def best(one: int, two: int) -> float:
        """The strongest pair of ``one`` with anything at the place of ``two``."""
        mine = [(set(pair) - {one}, value) for pair, value in zip(pairs.tolist(), strength, strict=True) if one in pair]
        return float(max(value for others, value in mine if places[next(iter(others))] == places[two]))

    for (one, two), value, said in zip(pairs.tolist(), strength, found, strict=True):
        assert said == (value == best(one, two) == best(two, one))
