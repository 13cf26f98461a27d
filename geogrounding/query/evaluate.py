"""Which of the many objects of a scene are meant: ranks, places and neighbours, over arrays.

The rules and their numbers are those of ``training.expressions`` (``evaluate`` there is the one truth, for some tens of
objects of a picture); here they are computed for as many objects as a scene has, in time that grows little faster than
their number. Pairs are only looked at where a spatial index says that they are near enough.

Two rules are for scenes alone:

* *Reach.* A neighbour that something is "left of", "right of", "above" or "below" lies within ``REACH`` times the size
  of the two (their size is that of ``relations.NEXT_TO``: the fourth root of the product of their areas). A scene is
  large: without it nearly everything would be left of some harbour. "Nearest" and "farthest" look at the whole scene.
* *Directions* are those of the raster: up is its first row, which is north where the raster is north up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from geogrounding.geometry import boxes as bx
from geogrounding.query.expression import Meaning, place_degree
from geogrounding.query.lexicon import PLACES
from geogrounding.query.relations import CONE, INSIDE, NEAR, NEXT_TO, RelationKind

Mask = NDArray[np.bool_]

REACH = 10.0
"""See "Reach" above."""
_REACH_STEPS = (0.125, 0.25, 0.5, 1.0)
"""Neighbours are looked for in rings: most objects find theirs near by, and the far ring is only for the others."""
_BLOCK = 2_048
"""Targets looked up at a time, which bounds the memory that crowded places need."""
_SLACK = 1e-6
"""The index looks a hair farther than the rule, which is then applied exactly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which targets are meant."""

    chosen: bx.Indexes
    """Indexes, ascending."""
    pool: bx.Indexes
    """Those that stand to a neighbour and lie in ``place`` as asked, from which the meaning's place or rank chose."""


def choose(
    meaning: Meaning,
    targets_px: bx.Boxes,
    neighbours_px: bx.Boxes,
    size_px: tuple[int, int],
    *,
    place: str | None = None,
    same: bool = False,
) -> Choice:
    """Evaluate a meaning over all objects; category and attribute are taken as fulfilled by all targets.

    Args:
        meaning: relation first, then place or rank.
        targets_px: (N, 4) boxes in pixels of the area that was asked about.
        neighbours_px: (M, 4) boxes of the neighbours in the same pixels; without a relation they do not matter.
        size_px: (width, height) of that area: places are parts of it.
        place: where to choose from, besides what the meaning says; a key of ``PLACES``.
        same: the neighbours are the targets themselves ("a tank next to a tank"): nothing is its own neighbour.
    """
    scene = _Scene(targets_px, targets_px if same else neighbours_px, size_px, same)
    pool = np.arange(len(targets_px), dtype=np.int64)
    if meaning.relation is not None:
        pool = scene.related(meaning.relation.kind)
    if place is not None:
        pool = pool[scene.inside(place, targets_px[pool])]
    chosen = pool
    if meaning.selector in PLACES:
        chosen = pool[scene.inside(str(meaning.selector), targets_px[pool])]
    elif meaning.selector is not None:
        key = scene.rank_key(meaning.selector, targets_px[pool])
        first, last = (0, meaning.count) if meaning.count is not None else (meaning.ordinal - 1, meaning.ordinal)
        chosen = np.sort(pool[np.argsort(key, kind="stable")[first:last]])
    return Choice(chosen=chosen, pool=pool)


@dataclass(frozen=True, slots=True)
class _Scene:
    """Targets (N, 4), neighbours (M, 4), (width, height), and whether both are the same objects."""

    targets: bx.Boxes
    neighbours: bx.Boxes
    size_px: tuple[int, int]
    same: bool

    def centre_shares(self, boxes: bx.Boxes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Centres as shares of width and height."""
        return (boxes[:, 0] + boxes[:, 2]) / 2 / self.size_px[0], (boxes[:, 1] + boxes[:, 3]) / 2 / self.size_px[1]

    def centres(self, boxes: bx.Boxes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Centres in pixels, rounded as ``training.expressions.relations`` rounds them."""
        x, y = self.centre_shares(boxes)
        return x * self.size_px[0], y * self.size_px[1]

    def inside(self, place: str, boxes: bx.Boxes) -> Mask:
        """Which centres lie in a part of the area."""
        x, y = self.centre_shares(boxes)
        return np.array([place_degree(place, *at) >= 0 for at in zip(x.tolist(), y.tolist(), strict=True)], np.bool_)

    def rank_key(self, rank: str, boxes: bx.Boxes) -> NDArray[np.float64]:
        """What a rank sorts by, the first comes first."""
        if rank in ("largest", "smallest"):
            key = bx.area(boxes)
        else:
            key = self.centre_shares(boxes)[int(rank in ("topmost", "bottommost"))]
        return -key if rank in ("largest", "rightmost", "bottommost") else key

    def related(self, kind: RelationKind) -> bx.Indexes:
        """Targets that stand to any neighbour as asked."""
        if not len(self.targets) or not len(self.neighbours):
            return np.empty(0, np.int64)
        if kind in ("nearest", "farthest"):
            return self._most(kind)
        everything = np.arange(len(self.targets), dtype=np.int64)
        if kind == "inside":
            return self._any(everything, 0.0, self._mostly_inside)
        if kind in ("next to", "near"):
            border = (NEXT_TO if kind == "next to" else NEAR)[0]
            return self._any(everything, border, lambda one, other: self._gap_in_sizes(one, other) <= border)

        def beside(one: bx.Indexes, other: bx.Indexes) -> Mask:
            return self._beside(kind, one, other) & (self._gap_in_sizes(one, other) <= REACH)

        found = np.zeros(len(self.targets), np.bool_)
        for step in _REACH_STEPS:
            found[self._any(np.flatnonzero(~found), step * REACH, beside)] = True
        return np.flatnonzero(found)

    def _any(self, some: bx.Indexes, reach: float, holds: Callable[[bx.Indexes, bx.Indexes], Mask]) -> bx.Indexes:
        """Which of some targets have a neighbour, no farther than ``reach`` times their size, for which a rule holds.

        The size of two boxes is the geometric mean of their sides, so never more than half the sum: boxes that are
        grown by half of their own side times the reach meet wherever the gap is within reach.
        """
        sides = np.sqrt(bx.area(self.neighbours)) * (reach / 2 * (1 + _SLACK)) + _SLACK
        tree = shapely.STRtree(shapely.box(*bx.grow(self.neighbours, sides).T))
        found = np.zeros(len(self.targets), np.bool_)
        for start in range(0, len(some), _BLOCK):
            block = some[start : start + _BLOCK]
            own = self.targets[block]
            shapes = shapely.box(*bx.grow(own, np.sqrt(bx.area(own)) * (reach / 2 * (1 + _SLACK)) + _SLACK).T)
            asked, other = tree.query(shapes)
            one = block[asked]
            if self.same:
                one, other = one[one != other], other[one != other]
            found[one[holds(one, other)]] = True
        return np.flatnonzero(found)

    def _gap(self, one: bx.Indexes, other: bx.Indexes) -> NDArray[np.float64]:
        """Distances (P,) between the nearest edges, 0 where two boxes touch or overlap."""
        a, b = self.targets[one], self.neighbours[other]
        beyond = np.maximum(np.maximum(b[:, :2] - a[:, 2:], a[:, :2] - b[:, 2:]), 0.0)
        return np.asarray(np.hypot(beyond[:, 0], beyond[:, 1]), np.float64)

    def _gap_in_sizes(self, one: bx.Indexes, other: bx.Indexes) -> NDArray[np.float64]:
        size = np.sqrt(np.sqrt(bx.area(self.targets[one]) * bx.area(self.neighbours[other])))
        return np.asarray(self._gap(one, other) / size, np.float64)

    def _mostly_inside(self, one: bx.Indexes, other: bx.Indexes) -> Mask:
        a, b = self.targets[one], self.neighbours[other]
        return np.asarray(bx.intersection_area(a, b) / bx.area(a) >= INSIDE[0], np.bool_)

    def _beside(self, kind: RelationKind, one: bx.Indexes, other: bx.Indexes) -> Mask:
        """Whether the centre lies outside the neighbour on the side asked for, within 45 degrees."""
        a, b = self.targets[one], self.neighbours[other]
        (x, y), (other_x, other_y) = self.centres(a), self.centres(b)
        across, down = other_x - x, other_y - y
        if kind == "left of":
            outside, along, aside = b[:, 0] - x, across, down
        elif kind == "right of":
            outside, along, aside = x - b[:, 2], -across, down
        elif kind == "above":
            outside, along, aside = b[:, 1] - y, down, across
        else:
            outside, along, aside = y - b[:, 3], -down, across
        return np.asarray((outside >= 0) & (np.abs(aside) / np.maximum(along, 1e-9) <= CONE[0]), np.bool_)

    def _most(self, kind: RelationKind) -> bx.Indexes:
        """The one target nearest to its nearest neighbour, or farthest from it; ties go by centres, then by order."""
        gap = self._nearest_gap()
        usable = np.flatnonzero(np.isfinite(gap))
        if not len(usable):
            return usable
        sign = 1.0 if kind == "nearest" else -1.0
        tied: bx.Indexes = usable[gap[usable] == sign * (sign * gap[usable]).min()]
        if len(tied) > 1:
            tied = tied[[np.argmin(sign * self._nearest_centre(tied))]]
        return tied

    def _nearest_gap(self) -> NDArray[np.float64]:
        """(N,) distance to the nearest neighbour in pixels; infinite for a target without any but itself."""
        everything = np.arange(len(self.targets), dtype=np.int64)
        gap = np.full(len(self.targets), np.inf)
        gap[self._any(everything, 0.0, lambda one, other: self._gap(one, other) == 0)] = 0.0
        rest = np.flatnonzero(
            gap > 0
        )  # none of them has a twin in the same place, so "exclusive" leaves out itself alone
        tree = shapely.STRtree(shapely.box(*self.neighbours.T))
        asked, other = tree.query_nearest(shapely.box(*self.targets[rest].T), exclusive=self.same, all_matches=False)
        gap[rest[asked]] = self._gap(rest[asked], other)
        return gap

    def _nearest_centre(self, some: bx.Indexes) -> NDArray[np.float64]:
        """(K,) distance from the centres of some targets to the nearest centre of a neighbour, pixels."""
        x, y = self.centres(self.targets[some])
        other_x, other_y = self.centres(self.neighbours)
        tree = shapely.STRtree(shapely.points(other_x, other_y))
        asked, other = tree.query_nearest(shapely.points(x, y), exclusive=self.same, all_matches=False)
        apart = np.full(len(some), np.inf)
        apart[asked] = np.hypot(x[asked] - other_x[other], y[asked] - other_y[other])
        if self.same:  # "exclusive" also leaves out another object with the same centre
            _, place, count = np.unique(np.stack([other_x, other_y]), axis=1, return_inverse=True, return_counts=True)
            apart[count[place.reshape(-1)[some]] > 1] = 0.0
        return apart
