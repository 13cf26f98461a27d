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

from geogrounding.vector import boxes as bx
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
    boxes = _snapped(ranked)
    tolerance = _tolerance(ranked)
    is_part = np.asarray(ranked.cut.any(axis=1), np.bool_)
    owner = _same_chip_duplicates(ranked, boxes)
    alive = owner == np.arange(len(ranked))
    pairs = _neighbours(ranked, boxes, tolerance, alive)

    # Twins: whole boxes are preferred to parts, then the rank decides.
    strength = _likeness(ranked, boxes, pairs, metric)
    match = strength >= threshold
    # Of two parts, one that goes on where the other was cut is no twin: they are for the next steps.
    reach = np.maximum(tolerance[pairs.first], tolerance[pairs.second])
    goes_on = _goes_past(ranked, boxes, reach, pairs) | _goes_past(ranked, boxes, reach, pairs.turned())
    match &= ~(is_part[pairs.first] & is_part[pairs.second] & goes_on)
    twins, strength = pairs.where(match), strength[match]
    mutual = bx.mutual_best(twins.first, twins.second, ranked.chips[twins.first], ranked.chips[twins.second], strength)
    # Seen whole before cut, then the finer level, then the rank.
    level = np.unique(ranked.scales, return_inverse=True)[1].reshape(-1).astype(np.int64)
    _take(owner, twins.where(mutual), strength[mutual], level + is_part * (level.max() + 1))
    alive &= owner == np.arange(len(ranked))
    pairs = pairs.where(alive[pairs.first] & alive[pairs.second])

    # Leftover parts, dropped inside what explains them.
    _absorb(owner, ranked, boxes, tolerance, pairs.both_ways())
    alive &= owner == np.arange(len(ranked))
    pairs = pairs.where(alive[pairs.first] & alive[pairs.second] & is_part[pairs.first] & is_part[pairs.second])

    # Cut parts, joined.
    facing = _facing(ranked, boxes, tolerance, pairs, threshold)
    joined = bx.components(len(ranked), facing.first, facing.second)
    owner = joined[bx.follow(owner)]
    whole_boxes = ranked.boxes_scene_px.copy()
    living = np.flatnonzero(alive)
    unions = bx.union(ranked.boxes_scene_px[living], joined[living], len(ranked))
    is_union = np.bincount(joined[living], minlength=len(ranked)) > 1
    whole_boxes[is_union] = unions[is_union]
    return _settle_unions(ranked, whole_boxes, owner, is_union, metric=metric, threshold=threshold)


def _likeness(ranked: Candidates, boxes: NDArray[np.float64], pairs: _Pairs, metric: bx.Metric) -> NDArray[np.float64]:
    """How alike two boxes (P,) are, each with a margin of what no model can tell: 2 pixels of the coarser chip.

    It matters for objects of a few pixels, above all between levels; large boxes are compared as they are.
    """
    margin = BORDER_LEAST_PX * np.maximum(ranked.scales[pairs.first], ranked.scales[pairs.second])
    return bx.similarity(bx.grow(boxes[pairs.first], margin), bx.grow(boxes[pairs.second], margin), metric)


def _settle_unions(
    ranked: Candidates,
    boxes: NDArray[np.float64],
    owner: bx.Indexes,
    is_union: NDArray[np.bool_],
    *,
    metric: bx.Metric,
    threshold: float,
) -> tuple[NDArray[np.float64], bx.Indexes]:
    """A joined object may also have been seen whole on a coarser level, or leave a part of its own behind."""
    if not is_union.any():
        return boxes, owner
    living = np.flatnonzero(owner == np.arange(len(owner)))
    is_part = ranked.cut.any(axis=1) & ~is_union

    def related(a: bx.Indexes, b: bx.Indexes) -> NDArray[np.bool_]:
        one, two = living[a], living[b]
        match = bx.similarity(boxes[one], boxes[two], metric) >= threshold
        inside = bx.similarity(boxes[one], boxes[two], "ios") >= INSIDE_SHARE
        smaller = np.where(bx.area(boxes[one]) < bx.area(boxes[two]), one, two)
        return (is_union[one] | is_union[two]) & (match | (is_part[smaller] & inside))

    first, second = bx.near_pairs(boxes[living], ranked.groups[living], keep=related)
    pairs = _Pairs(living[first], living[second])
    strength = bx.similarity(boxes[pairs.first], boxes[pairs.second], metric)
    # 0: whole boxes, 1: joined ones, 2: parts.
    kind = np.where(is_union, 1, np.where(is_part, 2, 0))
    _take(owner, pairs, strength, kind)
    return boxes, bx.follow(owner)


def _take(
    owner: bx.Indexes, pairs: _Pairs, strength: NDArray[np.float64], kind: NDArray[np.bool_] | NDArray[np.int64]
) -> None:
    """Let the box of lower kind, then of higher rank, take its partners; writes into ``owner``."""
    if not len(pairs.first):
        return
    order = np.argsort(kind, kind="stable").astype(np.int64)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    earlier = np.minimum(place[pairs.first], place[pairs.second])
    later = np.maximum(place[pairs.first], place[pairs.second])
    keeper = order[bx.greedy(len(owner), earlier, later, strength)]
    moved = keeper != order
    owner[order[moved]] = keeper[moved]


def _same_chip_duplicates(ranked: Candidates, boxes: NDArray[np.float64]) -> bx.Indexes:
    """Owners (N,) after dropping near-identical boxes of one chip and group."""
    places = np.unique(np.stack([ranked.chips, ranked.groups], axis=1), axis=0, return_inverse=True)[1]
    first, second = bx.near_pairs(
        boxes,
        places.reshape(-1).astype(np.int64),
        keep=lambda one, two: bx.similarity(boxes[one], boxes[two], "iou") >= SAME_CHIP_IOU,
    )
    return bx.greedy(len(ranked), first, second, bx.similarity(boxes[first], boxes[second], "iou"))


def _neighbours(
    ranked: Candidates, boxes: NDArray[np.float64], tolerance: NDArray[np.float64], alive: NDArray[np.bool_]
) -> _Pairs:
    """Pairs of one group from different chips whose boxes meet within their tolerances."""
    living = np.flatnonzero(alive)
    chips = ranked.chips[living]
    first, second = bx.near_pairs(
        boxes[living],
        ranked.groups[living],
        reach=tolerance[living].max(axis=1),
        keep=lambda one, two: chips[one] != chips[two],
    )
    return _Pairs(living[first], living[second])


def _absorb(
    owner: bx.Indexes,
    ranked: Candidates,
    boxes: NDArray[np.float64],
    tolerance: NDArray[np.float64],
    pairs: _Pairs,
) -> None:
    """Give parts (``pairs.first``) to the box (``pairs.second``) that they lie inside; writes into ``owner``.

    The taker must explain every cut of the part, be larger, and not end at a cut edge that the part goes past.
    """
    pairs = pairs.where(np.asarray(ranked.cut.any(axis=1), np.bool_)[pairs.first])
    areas = bx.area(boxes)
    pairs = pairs.where(areas[pairs.first] < areas[pairs.second])
    part, taker = boxes[pairs.first], boxes[pairs.second]
    reach = np.maximum(tolerance[pairs.first], tolerance[pairs.second])
    grown = taker + reach[:, [0, 1, 0, 1]] * np.array([-1.0, -1.0, 1.0, 1.0])
    share = np.divide(
        bx.intersection_area(part, grown), areas[pairs.first], out=np.ones(len(part)), where=areas[pairs.first] > 0
    )
    fits = (share >= INSIDE_SHARE) & _explains(ranked, boxes, reach, pairs.turned())
    fits &= ~_goes_past(ranked, boxes, reach, pairs)
    pairs, share = pairs.where(fits), share[fits]
    # The largest taker first would chain parts of parts; the best fitting one is enough, since owners are followed.
    chosen = bx.best_of_each(pairs.first, pairs.second, share)
    owner[pairs.first[chosen]] = pairs.second[chosen]


def _explains(
    ranked: Candidates, boxes: NDArray[np.float64], reach: NDArray[np.float64], pairs: _Pairs
) -> NDArray[np.bool_]:
    """Whether the first box of each pair reaches every line along which the second was cut."""
    lines = ranked.chip_windows_scene_px[pairs.second]
    mine = boxes[pairs.first]
    reaches = np.concatenate([mine[:, :2] <= lines[:, :2] + reach, mine[:, 2:] >= lines[:, 2:] - reach], axis=1)
    return cast(NDArray[np.bool_], (reaches | ~ranked.cut[pairs.second]).all(axis=1))


def _goes_past(
    ranked: Candidates, boxes: NDArray[np.float64], reach: NDArray[np.float64], pairs: _Pairs
) -> NDArray[np.bool_]:
    """Whether the first box of each pair goes on beyond a line along which the second was cut."""
    lines = ranked.chip_windows_scene_px[pairs.second]
    mine = boxes[pairs.first]
    past = np.concatenate([mine[:, :2] < lines[:, :2] - reach, mine[:, 2:] > lines[:, 2:] + reach], axis=1)
    return np.asarray((past & ranked.cut[pairs.second]).any(axis=1), np.bool_)


def _facing(
    ranked: Candidates,
    boxes: NDArray[np.float64],
    tolerance: NDArray[np.float64],
    pairs: _Pairs,
    threshold: float,
) -> _Pairs:
    """Pairs of parts that continue one another across the border of their chips, each the other's best."""
    found: list[_Pairs] = []
    strengths: list[NDArray[np.float64]] = []
    both = pairs.both_ways()
    reach = np.maximum(tolerance[both.first], tolerance[both.second])
    window_1, window_2 = ranked.chip_windows_scene_px[both.first], ranked.chip_windows_scene_px[both.second]
    strip = bx.intersection(window_1, window_2)
    part_1, part_2 = boxes[both.first], boxes[both.second]
    seen_1, seen_2 = bx.intersection(part_1, strip), bx.intersection(part_2, strip)
    for low, high in ((LEFT, RIGHT), (TOP, BOTTOM)):
        across, along = low, 1 - low
        # The first part was cut at its high end and goes on into the window of the second, which begins before that.
        cut = ranked.cut[both.first, high] & ranked.cut[both.second, low]
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
        fits = cut & begins_inside & meets & spans & agree
        found.append(both.where(fits))
        strengths.append(agreement[fits])
    first = np.concatenate([pair.first for pair in found])
    second = np.concatenate([pair.second for pair in found])
    chosen = bx.mutual_best(first, second, ranked.chips[first], ranked.chips[second], np.concatenate(strengths))
    return _Pairs(first, second).where(chosen)


def _snapped(ranked: Candidates) -> NDArray[np.float64]:
    """Boxes (N, 4) with every cut edge moved onto the border of the chip that cut it."""
    return np.where(ranked.cut, ranked.chip_windows_scene_px, ranked.boxes_scene_px)


def _tolerance(ranked: Candidates) -> NDArray[np.float64]:
    """Tolerances (N, 2) along x and y in scene pixels."""
    windows = ranked.chip_windows_scene_px
    sides_px = (windows[:, 2:] - windows[:, :2]) / ranked.scales[:, None]
    return border_tolerance_px(sides_px) * ranked.scales[:, None]
