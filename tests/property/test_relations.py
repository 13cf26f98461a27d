"""Over many objects of a scene, ranks, places and neighbours are what shapely says about each, one by one."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from geogrounding.datasets.synthetic import PLACES, RANKS, Meaning, Objects, Relation, RelationKind
from geogrounding.geometry.measure import Ground
from geogrounding.query import plan as parts
from geogrounding.query.evaluate import select
from geogrounding.query.things import Lookup, Things, World
from tests.unit.expression_truth import Truth

SIZE = (512, 256)
"""Powers of two, so that shares of the sides are exact and ties are ties for everybody."""
EXAMPLES = [150, pytest.param(5_000, marks=pytest.mark.slow)]

Boxes = NDArray[np.float64]


def choose(
    meaning: Meaning,
    ships: Boxes,
    harbors: Boxes,
    size_px: tuple[int, int],
    *,
    place: str | None = None,
    same: bool = False,
) -> list[int]:
    """What the evaluator of plans says, in pixels."""
    ground = Ground.around(None, (0, 0, 1, 1))
    kinds = {"ship": things(ground, ships, 0), "harbor": things(ground, harbors, 1 << 40)}
    width, height = size_px
    world = World(
        ground=ground,
        extent=(0.0, 0.0, float(width), float(height)),
        corners=np.array([(0, 0), (width, 0), (width, -height), (0, -height)], np.float64),
        find=lambda target: Lookup(things=kinds[target.noun]),
    )
    steps: list[parts.Step] = []
    if meaning.relation is not None:
        other = parts.TargetReference(target=parts.Target(noun="ship" if same else "harbor"))
        if meaning.relation.kind in ("nearest", "farthest"):
            steps.append(parts.Rank(by="distance", descending=meaning.relation.kind == "farthest", to=other))
        else:
            steps.append(parts.Relation.model_validate({"how": meaning.relation.kind, "other": other}))
    for part in (place, meaning.selector if meaning.selector in PLACES else None):
        if part is not None:
            steps.append(parts.Place.model_validate({"part": part}))
    if meaning.selector in RANKS:
        first, last = (1, meaning.count) if meaning.count is not None else (meaning.ordinal, meaning.ordinal)
        by = {"leftmost": "left", "rightmost": "right", "topmost": "top", "bottommost": "bottom"}.get(
            meaning.selector, "area"
        )
        rank = {"by": by, "descending": meaning.selector != "smallest", "first": first, "last": last}
        steps.append(parts.Rank.model_validate(rank))
    chosen: list[int] = select(world, parts.Target(noun="ship", steps=tuple(steps))).chosen.tolist()
    return chosen


def things(ground: Ground, boxes_px: Boxes, first: int) -> Things:
    shapes = np.atleast_1d(shapely.box(*boxes_px.T)) if len(boxes_px) else np.empty(0, object)
    ids = first + np.arange(len(boxes_px), dtype=np.int64)
    return Things(shapes=ground.lay(shapes), image=boxes_px, ids=ids)


@st.composite
def boxes(draw: st.DrawFn) -> Boxes:
    """Boxes on a coarse grid, large and small: touching, equal, nested and far apart."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.sampled_from([0, 1, 2, 5, 12, 40]))
    sides = random.integers(1, draw(st.sampled_from([3, 6, 20])), (count, 2)) * 4
    low = np.round(random.uniform(0, 1, (count, 2)) * (np.array(SIZE) - sides) / 4) * 4
    return np.hstack([low, low + sides]).astype(np.float64)


@st.composite
def meanings(draw: st.DrawFn) -> Meaning:
    kind: RelationKind | None = draw(st.none() | st.sampled_from(get_args(RelationKind)))
    selector = draw(st.none() | st.sampled_from([*RANKS, *PLACES]))
    return Meaning(
        category="ship",
        relation=None if kind is None else Relation(kind=kind, category=draw(st.sampled_from(["ship", "harbor"]))),
        selector=selector,
        ordinal=draw(st.integers(1, 3)),
        count=draw(st.none() | st.integers(1, 4)) if selector in RANKS else None,
    )


def expected(meaning: Meaning, ships: Boxes, harbors: Boxes, place: str | None) -> list[int]:
    """By the second opinion, step by step."""
    truth = Truth(
        Objects(
            boxes_px=np.vstack([ships, harbors]),
            labels=("ship",) * len(ships) + ("harbor",) * len(harbors),
            size_px=SIZE,
        )
    )
    found = list(range(len(ships)))
    if meaning.relation is not None:
        found = truth.related(found, meaning.relation.kind, meaning.relation.category)
    if place is not None:
        found = [i for i in found if truth.is_in(i, place)]
    return truth.selected(found, meaning)


@pytest.mark.parametrize("examples", EXAMPLES)
def test_it_is_what_the_second_opinion_says_about_all_objects(examples: int) -> None:
    chosen = {"some": 0, "none": 0}

    @given(meaning=meanings(), ships=boxes(), harbors=boxes(), place=st.none() | st.sampled_from(sorted(PLACES)))
    @settings(max_examples=examples, deadline=None, derandomize=True, database=None)
    def holds(meaning: Meaning, ships: Boxes, harbors: Boxes, place: str | None) -> None:
        same = meaning.relation is not None and meaning.relation.category == "ship"
        found = choose(meaning, ships, harbors, SIZE, place=place, same=same)
        assert found == expected(meaning, ships, harbors, place)
        chosen["some" if len(found) else "none"] += 1

    holds()
    assert min(chosen.values()) > examples / 10  # both in number, or the test says nothing


def test_a_harbor_out_of_reach_is_no_neighbour() -> None:
    ships = np.array([[0.0, 0, 10, 10]])
    meaning = Meaning(category="ship", relation=Relation(kind="left of", category="harbor"))
    for gap, found in ((99, [0]), (101, [])):
        harbor = np.array([[10.0 + gap, 0, 20 + gap, 10]])
        assert choose(meaning, ships, harbor, SIZE) == found
    nearest = Meaning(category="ship", relation=Relation(kind="nearest", category="harbor"))
    assert choose(nearest, ships, np.array([[1e5, 0, 1e5 + 9, 9]]), SIZE) == [0]


def test_thousands_of_crowded_objects_are_one_answer_each() -> None:
    """More targets than are looked up at a time; every second one has a neighbour."""
    column = np.arange(5_000.0) * 10
    ships = np.stack([column, column * 0, column + 4, column * 0 + 4], axis=1)
    harbors = ships[::2] + np.array([0, 5, 0, 5])
    meaning = Meaning(category="ship", relation=Relation(kind="next to", category="harbor"))
    assert choose(meaning, ships, harbors, (50_000, 20)) == list(range(0, 5_000, 2))
    farthest = Meaning(category="ship", relation=Relation(kind="farthest", category="harbor"))
    assert choose(farthest, ships, harbors[:1], (50_000, 20)) == [4_999]
