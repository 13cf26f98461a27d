"""Every expression fits exactly its targets, and its reasoning is true and leads there: checked by a second opinion."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geogrounding.datasets.synthetic import (
    ALL_KINDS,
    Expression,
    Meaning,
    Objects,
    Relation,
    RelationKind,
    category_of,
    evaluate,
    make_expressions,
    read_expression,
    words_for,
)
from geogrounding.query.lexicon import PLACES, RANKS
from tests.unit.expression_truth import LABELS, NAMES, Truth

EXAMPLES = [60, pytest.param(3_000, marks=pytest.mark.slow)]
SIZES = ((336, 336), (640, 400))
GRID_PX = 4
LOOKED_FOR = ("airplane", "storage tank", "harbor", "bridge", "ship", "tree", "vehicle")


def image_of(seed: int) -> Objects:
    """Few or many objects on a coarse grid, so that ties, touching boxes and centres on the middle lines are common."""
    random = np.random.default_rng(seed)
    width, height = SIZES[random.integers(len(SIZES))]
    labels = random.choice(sorted(LABELS), random.integers(1, 6), replace=False)
    count = int(random.choice([12, 9, 6, 4, 3, 2, 1, 0, 16]))
    sides = random.integers(2, 25, (count, 2)) * GRID_PX
    low = np.round(random.uniform(0, 1, (count, 2)) * ([width, height] - sides) / GRID_PX) * GRID_PX
    attributes: tuple[dict[str, str], ...] = ()
    if random.random() < 0.5:
        colours, missing = (["red", "white"], ["red", "grey", "teal"])[random.integers(2)], random.random() < 0.5
        attributes = tuple(
            {"color": str(random.choice(colours)), "roof": str(random.choice(["flat", "gable"])), "id": f"x{index}"}
            if not missing or random.random() < 0.9
            else {}
            for index in range(count)
        )
    return Objects(
        boxes_px=np.hstack([low, low + sides]).astype(np.float64),
        labels=tuple(str(random.choice(labels)) for _ in range(count)),
        size_px=(width, height),
        attributes=attributes,
        looked_for=LOOKED_FOR if random.random() < 0.5 else (),
        north_up=bool(random.random() < 0.5),
    )


def images() -> st.SearchStrategy[Objects]:
    return st.integers(0, 2**32 - 1).map(image_of)


def with_boxes(objects: Objects, boxes_px: np.ndarray) -> Objects:
    return replace(objects, boxes_px=boxes_px)


@pytest.mark.parametrize("examples", EXAMPLES)
def test_each_expression_fits_exactly_its_targets_and_its_reasoning_leads_to_them(examples: int) -> None:
    """Images are drawn without Hypothesis: it mixes in constants of whatever modules are loaded, so that how often each
    kind is met would depend on the tests that ran before.
    """
    kinds: Counter[str] = Counter()
    for seed in range(examples):
        objects = image_of(seed)
        truth = Truth(objects)
        words = words_for(map(category_of, objects.labels))
        made = make_expressions(objects, np.random.default_rng(seed), count=30)
        assert len({(one.task, one.text) for one in made}) == len(made)
        for one in made:
            kinds[one.kind] += 1
            assert list(one.targets) == truth.fits(one.meaning), one
            assert one.targets == evaluate(one.meaning, objects), one
            assert truth.reads(one.reasoning, one.meaning.category) == list(one.targets), one
            check_form(one)
            assert read_expression(one.text, words, task=one.task) == one.meaning, one
            for name in (one.meaning.category, one.meaning.relation.category if one.meaning.relation else ""):
                assert not name or truth.members(name) or name in objects.looked_for, one
    assert set(kinds) == set(ALL_KINDS)
    assert min(kinds.values()) > examples, kinds  # each kind in number, or the test says nothing about it


def check_form(one: Expression) -> None:
    """What does not depend on the image."""
    assert one.meaning.task == one.task
    assert bool(one.targets) is (one.kind != "negative")
    if one.task == "refer" and one.kind != "negative":
        assert len(one.targets) == 1
    if one.meaning.count is not None:
        assert len(one.targets) == one.meaning.count
    assert one.text == " ".join(one.text.split())
    assert "{" not in one.text + one.reasoning


@pytest.mark.parametrize("examples", EXAMPLES)
def test_no_answer_hangs_on_a_fifth_of_a_pixel(examples: int) -> None:
    """Margins: boxes drawn a little differently have the same answer."""

    @given(objects=images(), seed=st.integers(0, 2**32 - 1))
    @settings(max_examples=examples, deadline=None, derandomize=True, database=None)
    def holds(objects: Objects, seed: int) -> None:
        random = np.random.default_rng(seed)
        moved = np.tile(random.uniform(-0.2, 0.2, (len(objects.boxes_px), 2)), 2)
        shifted = with_boxes(objects, objects.boxes_px + moved)
        for one in make_expressions(objects, random, count=30):
            assert evaluate(one.meaning, shifted) == one.targets, one

    holds()


@given(objects=images(), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_what_is_chosen_by_position_or_size_is_so_by_a_margin(objects: Objects, seed: int) -> None:
    random = np.random.default_rng(seed)
    width, height = objects.size_px
    moved = np.tile(random.uniform(-0.012, 0.012, (len(objects.boxes_px), 2)) * [width, height], 2)
    shifted = with_boxes(objects, objects.boxes_px + moved)
    for one in make_expressions(objects, random, count=30, kinds=("position", "rank")):
        assert evaluate(one.meaning, shifted) == one.targets, one
    area = np.prod(objects.boxes_px[:, 2:] - objects.boxes_px[:, :2], axis=1)
    for one in make_expressions(objects, random, count=30, kinds=("size",)):
        name = one.meaning.category
        others = [i for i, label in enumerate(objects.labels) if category_of(label) == name and i not in one.targets]
        (target,) = one.targets
        for other in others:
            low, high = sorted((area[target], area[other]))
            assert high >= 1.15 * low
            assert bool(area[target] == high) is (one.meaning.selector == "largest")


@given(objects=images(), data=st.data())
@settings(max_examples=150, deadline=None, derandomize=True, database=None)
def test_any_meaning_is_evaluated_like_the_second_opinion(objects: Objects, data: st.DataObject) -> None:
    """Also meanings that nothing generates, at ties too, but for the order among what is alike."""
    name, other = data.draw(st.sampled_from(sorted(NAMES))), data.draw(st.sampled_from(sorted(NAMES)))
    kinds: list[RelationKind] = ["next to", "near", "left of", "right of", "above", "below", "inside"]
    kind, has_colour = data.draw(st.sampled_from(kinds)), data.draw(st.booleans())
    meaning = Meaning(
        category=name,
        attribute=("colour", "red") if objects.attributes and has_colour else None,
        relation=Relation(kind=kind, category=other) if data.draw(st.booleans()) else None,
        selector=data.draw(st.sampled_from([None, *PLACES, *RANKS])),
        ordinal=data.draw(st.integers(1, 3)),
        count=data.draw(st.sampled_from([None, 1, 2])),
    )
    truth, found = Truth(objects), evaluate(meaning, objects)
    if meaning.selector in RANKS:
        assert len(found) == len(truth.fits(meaning))
        pool = truth.fits(replace(meaning, selector=None, ordinal=1, count=None))
        assert set(found) <= set(pool)
    else:
        assert list(found) == truth.fits(meaning)


@given(objects=images(), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None, derandomize=True, database=None)
def test_the_same_seed_gives_the_same_expressions(objects: Objects, seed: int) -> None:
    one, two = (make_expressions(objects, np.random.default_rng(seed), count=12) for _ in range(2))
    assert one == two


@given(text=st.text(max_size=600))
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
def test_reading_never_raises(text: str) -> None:
    meaning = read_expression(text)
    assert meaning is None or meaning.category
