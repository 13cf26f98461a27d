"""One object, one feature: bring together what overlapping chips say about the same thing.

The rule ``auto`` (the default), as an analyst would put it:

1. *Within one chip the model is believed.* Two boxes of the same chip are two objects, unless they are nearly
   identical (IoU of at least 0.85): then the better one stays.
2. *Duplicates.* Two boxes of different chips (or of a fine and a coarse level) that match (``metric`` >=
   ``threshold``), each being the other's best match on its chip, show the same object. One stays: rather one that was
   seen whole than one that was cut, then the one of the finer level, then the one with the better score. Boxes are
   compared with a margin of 2 chip pixels all around, so that tiny objects are not held to an exactness that no model
   has.
3. *Leftover parts.* A box that was cut by the border of its chip and lies inside a box of another chip that goes on
   across that border is a part of it, and is dropped.
4. *Cut parts.* Two boxes that were cut where their chips meet, face each other, reach across the strip that both chips
   see and agree there on their extent along the border are two parts of one object, and are joined into the box around
   both. Each part takes its best partner per chip. Parts chain over any number of chips, and around corners.
5. *Neighbours stay apart.* A box that no chip border cut is never joined with anything: a row of parked aircraft stays
   a row, and small whole boxes inside a large one stay too, unless objects are known not to nest.
6. *Nested boxes* (``nested=False``). Where no object of a group lies inside another, a box mostly inside a larger one,
   and not much better scored, is a part of that object, and goes to it.

"Cut" means: the box ends within 1% of the side of the image (at least 2 pixels) from a border of the chip beyond which
the run goes on. Boxes are only compared within one group (one query and one label). A score that is not known counts
as lower than any known one, and all unknown ones are equal; ties go to the box farther from the border of its chip,
then to the one nearer the top left of the scene. The merged feature carries the best score of its members, and the
reasoning that came with it. The outcome does not depend on the order in which chips were finished.

The classic methods are there for comparison and know nothing of chips: ``nms`` keeps the better-scored of two matching
boxes, ``nmm`` lets it grow to the box around those it takes (greedy, like SAHI's GREEDYNMM), ``union`` joins everything
connected by matches, ``none`` changes nothing.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from geogrounding.errors import SettingsError
from geogrounding.geometry import boxes as bx
from geogrounding.vector.candidates import Candidates, Merged
from geogrounding.vector.seams import merge_across_seams

Method = Literal["auto", "nms", "nmm", "union", "none"]
__all__ = ["METHODS", "METRICS", "Candidates", "Merged", "Method", "merge"]

METHODS: tuple[Method, ...] = get_args(Method)
METRICS: tuple[bx.Metric, ...] = get_args(bx.Metric)


NESTED_SHARE = 0.8
"""Share of its area from which a box lies inside another."""
NESTED_SCORE = 1.3
"""A box that scores more than so many times the score of the larger one stays: then the larger one is doubtful."""


def merge(
    candidates: Candidates,
    *,
    method: Method = "auto",
    metric: bx.Metric = "iou",
    threshold: float = 0.5,
    nested: bool = True,
) -> Merged:
    """Merge candidates of overlapping chips into one box per object; the module's docstring gives the rules.

    Args:
        candidates: the boxes of all chips, in any order.
        method: ``auto``, or one of the classic methods.
        metric: how two boxes are compared: intersection over union, or over the smaller box.
        threshold: in (0, 1]: from which value of the metric two boxes match.
        nested: whether an object may lie inside another of its group; for ``auto``.

    Time and memory grow with the number of boxes and of overlapping pairs.

    Raises:
        SettingsError: an unknown method or metric, or a threshold outside (0, 1].
    """
    if method not in METHODS:
        raise SettingsError(f"unknown merge method {method!r}", hint=f"choose one of {', '.join(METHODS)}")
    if metric not in METRICS:
        raise SettingsError(f"unknown match metric {metric!r}", hint=f"choose one of {', '.join(METRICS)}")
    if not 0.0 < threshold <= 1.0:
        raise SettingsError(f"the match threshold {threshold} is not in (0, 1]", hint="0.5 is a good start")
    if len(candidates) == 0:
        none = np.empty(0, np.int64)
        return Merged(
            boxes_scene_px=np.empty((0, 4)),
            scores=np.empty(0),
            representative=none,
            sizes=none.copy(),
            results=none.copy(),
        )
    order = _rank(candidates)
    ranked = candidates.take(order)
    if method == "auto":
        boxes, owner = merge_across_seams(ranked, metric=metric, threshold=threshold)
        if not nested:
            owner = _taken_by_larger(ranked, boxes, owner)
    else:
        boxes, owner = _merge_classic(ranked, method=method, metric=metric, threshold=threshold)
    return _collect(ranked, boxes, owner, order)


def _rank(candidates: Candidates) -> NDArray[np.int64]:
    """Indexes (N,) from the candidate to believe most to the least, whatever the order they came in.

    Better score first; then more room to the border of the chip, finer scale, group, raster order, chip, index.
    """
    boxes, windows = candidates.boxes_scene_px, candidates.chip_windows_scene_px
    margins = np.concatenate([boxes[:, :2] - windows[:, :2], windows[:, 2:] - boxes[:, 2:]], axis=1)
    room = np.where(candidates.cut, 0.0, margins).min(axis=1) / candidates.scales
    worth = np.where(np.isnan(candidates.scores), -np.inf, candidates.scores)
    return bx.lexical_order(
        -worth,
        -np.round(room, 6),
        candidates.scales,
        candidates.groups,
        *boxes[:, [1, 0, 3, 2]].T,
        candidates.chips,
    )


def _taken_by_larger(ranked: Candidates, boxes: NDArray[np.float64], owner: NDArray[np.int64]) -> NDArray[np.int64]:
    """The owner (N,) of each candidate when objects that lie inside a larger one have gone to it: rule 6."""
    living = np.flatnonzero(owner == np.arange(len(owner)))
    own, area = boxes[living], bx.area(boxes[living])
    # An owner need not be the best-ranked of its members, and its score is that of the best.
    score = np.full(len(owner), -np.inf)
    np.maximum.at(score, owner, np.nan_to_num(ranked.scores, nan=1.0))
    score = score[living]

    def by_size(one: NDArray[np.int64], two: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.where(area[one] < area[two], (one, two), (two, one))

    def inside(one: NDArray[np.int64], two: NDArray[np.int64]) -> NDArray[np.bool_]:
        small, large = by_size(one, two)
        within = bx.intersection_area(own[small], own[large]) >= NESTED_SHARE * area[small]
        fits: NDArray[np.bool_] = within & (area[small] < area[large]) & (score[small] <= NESTED_SCORE * score[large])
        return fits

    one, two = bx.near_pairs(own, ranked.groups[living], keep=inside)
    small, large = by_size(one, two)
    chosen = bx.best_of_each(small, large, score[large])
    taken = owner.copy()
    taken[living[small[chosen]]] = living[large[chosen]]
    return bx.follow(taken)


def _merge_classic(
    ranked: Candidates, *, method: Method, metric: bx.Metric, threshold: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Boxes (N, 4) and the owner (N,) of each candidate by a rule that knows nothing of chips."""
    boxes, count = ranked.boxes_scene_px, len(ranked)
    if method == "none":
        return boxes, np.arange(count, dtype=np.int64)
    first, second = bx.near_pairs(
        boxes, ranked.groups, keep=lambda one, two: bx.similarity(boxes[one], boxes[two], metric) >= threshold
    )
    strength = bx.similarity(boxes[first], boxes[second], metric)
    owner = bx.components(count, first, second) if method == "union" else bx.greedy(count, first, second, strength)
    return (boxes if method == "nms" else bx.union(boxes, owner, count)), owner


def _collect(
    ranked: Candidates, boxes: NDArray[np.float64], owner: NDArray[np.int64], order: NDArray[np.int64]
) -> Merged:
    """Results from owners (N,): candidates are ranked, so the first member of each is its best-scored one."""
    members = np.bincount(owner, minlength=len(owner))
    owners = np.flatnonzero(members)
    sizes = members[owners]
    first_member = np.empty(len(owner), dtype=np.int64)
    first_member[owner[::-1]] = np.arange(len(owner))[::-1]  # the last one written is the lowest
    representative = first_member[owners]
    results = boxes[owners]
    best = order[representative]
    scores = ranked.scores[representative]
    groups = ranked.groups[representative]
    final = bx.lexical_order(*results[:, [1, 0, 3, 2]].T, groups, best)
    place = np.empty(len(owner), dtype=np.int64)
    place[owners[final]] = np.arange(len(final))
    result_of = np.empty(len(owner), dtype=np.int64)
    result_of[order] = place[owner]
    return Merged(
        boxes_scene_px=results[final],
        scores=scores[final],
        representative=best[final].astype(np.int64),
        sizes=sizes[final].astype(np.int64),
        results=result_of,
    )
