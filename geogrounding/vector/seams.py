"""The rule ``auto`` of ``merge``: it knows which edges of a box were cut by the border of its chip.

Everything is decided on pairs of boxes of one group from different chips whose windows meet. Three words matter:

* A box *reaches* a line when it ends beyond it, or before it by no more than the tolerance.
* A box *explains* the cuts of another when it reaches every line along which the other was cut: the other's chip ended
  there, this box goes on, so the cut edge is no edge of the object.
* The *strip* is what both chips see.

Tolerances follow ``georeference.border_tolerance_px`` (1% of the side of the image, at least 2 chip pixels), in scene
pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from geogrounding.geometry import boxes as bx
from geogrounding.vector.candidates import Candidates
from geogrounding.vector.georeference import BORDER_LEAST_PX, border_tolerance_px

SAME_CHIP_IOU = 0.85
"""Two boxes of one chip are one object only when they are nearly identical."""
INSIDE_SHARE = 0.7
"""A cut box lies inside another when this share of its area does; boxes are not the objects, so not all of it."""
FACING_SHARE = 0.5
"""Of the shorter extent along the border (or of the thickness of the strip, for slanting objects) that parts share."""

LEFT, TOP, RIGHT, BOTTOM = range(4)


@dataclass(frozen=True, slots=True)
class _Pairs:
    first: bx.Indexes
    second: bx.Indexes

    def where(self, mask: NDArray[np.bool_]) -> _Pairs:
        return _Pairs(self.first[mask], self.second[mask])

    def turned(self) -> _Pairs:
        return _Pairs(self.second, self.first)

    def both_ways(self) -> _Pairs:
        return _Pairs(np.concatenate([self.first, self.second]), np.concatenate([self.second, self.first]))


def merge_across_seams(
    ranked: Candidates, *, metric: bx.Metric, threshold: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Boxes (N, 4) and the owner (N,) of each candidate; candidates come ranked, the most believed first.

    The box of an owner is that of the merged object; the boxes of other candidates have no meaning.
    """
    # Neighbours in the scene become neighbours in memory; the rank travels along as a column.
    rank = bx.nearby_order(ranked.boxes_scene_px)
    boxes, owner = _merge(ranked.take(rank), rank, metric=metric, threshold=threshold)
    boxes_by_rank, owner_by_rank = np.empty_like(boxes), np.empty_like(owner)
    boxes_by_rank[rank], owner_by_rank[rank] = boxes, rank[owner]
    return boxes_by_rank, owner_by_rank


def _merge(
    found: Candidates, rank: bx.Indexes, *, metric: bx.Metric, threshold: float
) -> tuple[NDArray[np.float64], bx.Indexes]:
    """``merge_across_seams`` for candidates in any order, each with its rank (N,)."""
    boxes = _snapped(found)
    tolerance = _tolerance(found)
    is_part = np.asarray(found.cut.any(axis=1), np.bool_)
    owner = _same_chip_duplicates(found, boxes, rank)
    alive = owner == np.arange(len(found))
    pairs = _neighbours(found, boxes, tolerance, alive)

    # Duplicates: whole boxes are preferred to parts, then the rank decides.
    strength = _likeness(found, boxes, pairs, metric)
    match = strength >= threshold
    # Of two parts, one that goes on where the other was cut is no duplicate: they are for the next steps.
    reach = np.maximum(tolerance[pairs.first], tolerance[pairs.second])
    goes_on = _goes_past(found, boxes, reach, pairs) | _goes_past(found, boxes, reach, pairs.turned())
    match &= ~(is_part[pairs.first] & is_part[pairs.second] & goes_on)
    same, strength = pairs.where(match), strength[match]
    mutual = bx.mutual_best(same.first, same.second, found.chips[same.first], found.chips[same.second], strength)
    # Seen whole before cut, then the finer level, then the rank.
    level = np.unique(found.scales, return_inverse=True)[1].reshape(-1).astype(np.int64)
    _take(owner, same.where(mutual), strength[mutual], level + is_part * (level.max() + 1), rank)
    alive &= owner == np.arange(len(found))
    pairs = pairs.where(alive[pairs.first] & alive[pairs.second])

    # Leftover parts, dropped inside what explains them.
    _absorb(owner, found, boxes, tolerance, pairs.both_ways(), rank)
    alive &= owner == np.arange(len(found))
    pairs = pairs.where(alive[pairs.first] & alive[pairs.second] & is_part[pairs.first] & is_part[pairs.second])

    # Cut parts, joined.
    facing = _facing(found, boxes, tolerance, pairs, threshold)
    joined = bx.components(len(found), facing.first, facing.second)
    owner = joined[bx.follow(owner)]
    whole_boxes = found.boxes_scene_px.copy()
    living = np.flatnonzero(alive)
    unions = bx.union(found.boxes_scene_px[living], joined[living], len(found))
    is_union = np.bincount(joined[living], minlength=len(found)) > 1
    whole_boxes[is_union] = unions[is_union]
    best = rank.copy()
    np.minimum.at(best, joined[living], rank[living])
    return _settle_unions(found, whole_boxes, owner, is_union, best, metric=metric, threshold=threshold)


def _likeness(found: Candidates, boxes: NDArray[np.float64], pairs: _Pairs, metric: bx.Metric) -> NDArray[np.float64]:
    """How alike two boxes (P,) are, each with a margin for the precision of models: 2 pixels of the coarser chip.

    It matters for objects of a few pixels, above all between levels; large boxes are compared as they are.
    """
    margin = BORDER_LEAST_PX * np.maximum(found.scales[pairs.first], found.scales[pairs.second])
    return bx.similarity(bx.grow(boxes[pairs.first], margin), bx.grow(boxes[pairs.second], margin), metric)


def _settle_unions(
    found: Candidates,
    boxes: NDArray[np.float64],
    owner: bx.Indexes,
    is_union: NDArray[np.bool_],
    rank: bx.Indexes,
    *,
    metric: bx.Metric,
    threshold: float,
) -> tuple[NDArray[np.float64], bx.Indexes]:
    """A joined object may also have been seen whole on a coarser level, or leave a part of its own behind."""
    if not is_union.any():
        return boxes, owner
    living = np.flatnonzero(owner == np.arange(len(owner)))
    is_part = found.cut.any(axis=1) & ~is_union

    def related(a: bx.Indexes, b: bx.Indexes) -> NDArray[np.bool_]:
        one, two = living[a], living[b]
        match = bx.similarity(boxes[one], boxes[two], metric) >= threshold
        inside = bx.similarity(boxes[one], boxes[two], "ios") >= INSIDE_SHARE
        smaller = np.where(bx.area(boxes[one]) < bx.area(boxes[two]), one, two)
        return (is_union[one] | is_union[two]) & (match | (is_part[smaller] & inside))

    first, second = bx.near_pairs(boxes[living], found.groups[living], keep=related)
    pairs = _Pairs(living[first], living[second])
    strength = bx.similarity(boxes[pairs.first], boxes[pairs.second], metric)
    # 0: whole boxes, 1: joined ones, 2: parts.
    kind = np.where(is_union, 1, np.where(is_part, 2, 0))
    _take(owner, pairs, strength, kind, rank)
    return boxes, bx.follow(owner)


def _take(
    owner: bx.Indexes, pairs: _Pairs, strength: NDArray[np.float64], kind: NDArray[np.int64], rank: bx.Indexes
) -> None:
    """Let the box of lower kind, then of better rank, take its partners; writes into ``owner``."""
    if not len(pairs.first):
        return
    order = bx.lexical_order(kind, rank)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    earlier = np.minimum(place[pairs.first], place[pairs.second])
    later = np.maximum(place[pairs.first], place[pairs.second])
    keeper = order[bx.greedy(len(owner), earlier, later, strength)]
    moved = keeper != order
    owner[order[moved]] = keeper[moved]


def _same_chip_duplicates(found: Candidates, boxes: NDArray[np.float64], rank: bx.Indexes) -> bx.Indexes:
    """Owners (N,) after dropping near-identical boxes of one chip and group."""
    groups = found.groups - found.groups.min()
    first, second = bx.near_pairs(
        boxes,
        found.chips * (groups.max() + 1) + groups,
        keep=lambda one, two: bx.similarity(boxes[one], boxes[two], "iou") >= SAME_CHIP_IOU,
    )
    owner = np.arange(len(found), dtype=np.int64)
    strength = bx.similarity(boxes[first], boxes[second], "iou")
    _take(owner, _Pairs(first, second), strength, np.zeros(len(found), np.int64), rank)
    return owner


def _neighbours(
    found: Candidates, boxes: NDArray[np.float64], tolerance: NDArray[np.float64], alive: NDArray[np.bool_]
) -> _Pairs:
    """Pairs of one group from different chips whose boxes meet within their tolerances."""
    living = np.flatnonzero(alive)
    chips = found.chips[living]
    first, second = bx.near_pairs(
        boxes[living],
        found.groups[living],
        reach=tolerance[living].max(axis=1),
        keep=lambda one, two: chips[one] != chips[two],
    )
    return _Pairs(living[first], living[second])


def _absorb(
    owner: bx.Indexes,
    found: Candidates,
    boxes: NDArray[np.float64],
    tolerance: NDArray[np.float64],
    pairs: _Pairs,
    rank: bx.Indexes,
) -> None:
    """Give parts (``pairs.first``) to the box (``pairs.second``) that they lie inside; writes into ``owner``.

    The taker must explain every cut of the part, be larger, and not end at a cut edge that the part goes past.
    """
    pairs = pairs.where(np.asarray(found.cut.any(axis=1), np.bool_)[pairs.first])
    areas = bx.area(boxes)
    pairs = pairs.where(areas[pairs.first] < areas[pairs.second])
    part, taker = boxes[pairs.first], boxes[pairs.second]
    reach = np.maximum(tolerance[pairs.first], tolerance[pairs.second])
    grown = taker + reach[:, [0, 1, 0, 1]] * np.array([-1.0, -1.0, 1.0, 1.0])
    share = np.divide(
        bx.intersection_area(part, grown), areas[pairs.first], out=np.ones(len(part)), where=areas[pairs.first] > 0
    )
    fits = (share >= INSIDE_SHARE) & _explains(found, boxes, reach, pairs.turned())
    fits &= ~_goes_past(found, boxes, reach, pairs)
    pairs, share = pairs.where(fits), share[fits]
    # Of takers that fit alike, one that was seen whole, then the best ranked.
    preference = rank + found.cut.any(axis=1) * len(found)
    chosen = bx.best_of_each(pairs.first, preference[pairs.second], share)
    owner[pairs.first[chosen]] = pairs.second[chosen]


def _explains(
    found: Candidates, boxes: NDArray[np.float64], reach: NDArray[np.float64], pairs: _Pairs
) -> NDArray[np.bool_]:
    """Whether the first box of each pair reaches every line along which the second was cut."""
    lines = found.chip_windows_scene_px[pairs.second]
    mine = boxes[pairs.first]
    reaches = np.concatenate([mine[:, :2] <= lines[:, :2] + reach, mine[:, 2:] >= lines[:, 2:] - reach], axis=1)
    return cast(NDArray[np.bool_], (reaches | ~found.cut[pairs.second]).all(axis=1))


def _goes_past(
    found: Candidates, boxes: NDArray[np.float64], reach: NDArray[np.float64], pairs: _Pairs
) -> NDArray[np.bool_]:
    """Whether the first box of each pair goes on beyond a line along which the second was cut."""
    lines = found.chip_windows_scene_px[pairs.second]
    mine = boxes[pairs.first]
    # No tolerance: a cut box ends at the line only because the scene did, and joining loses nothing.
    past = np.concatenate([mine[:, :2] < lines[:, :2], mine[:, 2:] > lines[:, 2:]], axis=1)
    return np.asarray((past & found.cut[pairs.second]).any(axis=1), np.bool_)


def _facing(
    found: Candidates,
    boxes: NDArray[np.float64],
    tolerance: NDArray[np.float64],
    pairs: _Pairs,
    threshold: float,
) -> _Pairs:
    """Pairs of parts that continue one another across the border of their chips, each the other's best."""
    facing: list[_Pairs] = []
    strengths: list[NDArray[np.float64]] = []
    both = pairs.both_ways()
    reach = np.maximum(tolerance[both.first], tolerance[both.second])
    window_1, window_2 = found.chip_windows_scene_px[both.first], found.chip_windows_scene_px[both.second]
    strip = bx.intersection(window_1, window_2)
    part_1, part_2 = boxes[both.first], boxes[both.second]
    seen_1, seen_2 = bx.intersection(part_1, strip), bx.intersection(part_2, strip)
    for low, high in ((LEFT, RIGHT), (TOP, BOTTOM)):
        across, along = low, 1 - low
        # The first part was cut at its high end and goes on into the window of the second, which begins before that.
        cut = found.cut[both.first, high] & found.cut[both.second, low]
        begins_inside = (window_1[:, low] < window_2[:, low]) & (window_1[:, high] < window_2[:, high])
        meets = strip[:, high] - strip[:, low] >= -reach[:, across]
        spans = (part_1[:, low] <= window_2[:, low] + reach[:, across]) & (
            part_2[:, high] >= window_1[:, high] - reach[:, across]
        )
        shared = np.minimum(seen_1[:, along + 2], seen_2[:, along + 2]) - np.maximum(seen_1[:, along], seen_2[:, along])
        around = np.maximum(seen_1[:, along + 2], seen_2[:, along + 2]) - np.minimum(seen_1[:, along], seen_2[:, along])
        shorter = np.minimum(seen_1[:, along + 2] - seen_1[:, along], seen_2[:, along + 2] - seen_2[:, along])
        agreement = np.divide(shared, around, out=np.zeros(len(shared)), where=around > 0)
        thickness = strip[:, high] - strip[:, low]
        slanting = (thickness >= 4.0 * reach[:, across]) & (shared >= FACING_SHARE * np.minimum(shorter, thickness))
        agree = (shared > 0) & ((agreement >= threshold) | slanting)
        # Masks say where the cut edge itself lies; where chips barely overlap both see the same one.
        edge = _shared_edge(found, both, low, high)
        known = ~np.isnan(edge) & (thickness < 4.0 * reach[:, across])
        agreement = np.where(known, edge, agreement)
        agree = np.where(known, edge >= threshold, agree)
        fits = cut & begins_inside & meets & spans & agree
        facing.append(both.where(fits))
        strengths.append(agreement[fits])
    first = np.concatenate([pair.first for pair in facing])
    second = np.concatenate([pair.second for pair in facing])
    chosen = bx.mutual_best(first, second, found.chips[first], found.chips[second], np.concatenate(strengths))
    return _Pairs(first, second).where(chosen)


def _shared_edge(found: Candidates, pairs: _Pairs, low: int, high: int) -> NDArray[np.float64]:
    """How much of their cut edges the masks of pairs share (P,), as length over extent; NaN where one has none."""
    if found.spans is None:
        return np.full(len(pairs.first), np.nan)
    one, two = found.spans[pairs.first, high], found.spans[pairs.second, low]
    shared = np.minimum(one[:, 1], two[:, 1]) - np.maximum(one[:, 0], two[:, 0])
    around = np.maximum(one[:, 1], two[:, 1]) - np.minimum(one[:, 0], two[:, 0])
    share: NDArray[np.float64] = np.clip(shared, 0.0, None) / np.where(around > 0, around, np.nan)
    return share


def _snapped(found: Candidates) -> NDArray[np.float64]:
    """Boxes (N, 4) with every cut edge moved onto the border of the chip that cut it."""
    return np.where(found.cut, found.chip_windows_scene_px, found.boxes_scene_px)


def _tolerance(found: Candidates) -> NDArray[np.float64]:
    """Tolerances (N, 2) along x and y in scene pixels."""
    windows = found.chip_windows_scene_px
    sides_px = (windows[:, 2:] - windows[:, :2]) / found.scales[:, None]
    return border_tolerance_px(sides_px) * found.scales[:, None]
