"""Arithmetic on many boxes at once: overlaps, pairs of neighbours, greedy choices, connected components.

Boxes are (N, 4) float64 arrays of (x0, y0, x1, y1), all in one frame. Pairs are two index arrays of the same length.
Nothing here loops over pairs in Python, and memory follows the number of pairs, not its square.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray

Boxes = NDArray[np.float64]
Indexes = NDArray[np.int64]
Metric = Literal["iou", "ios"]

PAIR_BLOCK = 16_384
"""Boxes looked up at a time; also bounds the memory that very crowded places need."""
ROUNDS_BEFORE_WALKING = 64


def as_boxes(boxes: object) -> Boxes:
    """Any nested sequence of boxes as an (N, 4) array; an empty one as (0, 4).

    Raises:
        ValueError: it is not a list of four numbers each.
    """
    array = np.asarray(boxes, dtype=np.float64)
    if not array.size:
        return np.empty((0, 4))
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f"boxes of shape {array.shape} are not (N, 4)")
    return array


def area(boxes: Boxes) -> NDArray[np.float64]:
    """Areas (...) of boxes (..., 4)."""
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def intersection(first: Boxes, second: Boxes) -> Boxes:
    """Common boxes (..., 4) of boxes that broadcast; where two do not meet, x1 < x0 or y1 < y0."""
    low = np.maximum(first[..., :2], second[..., :2])
    return np.concatenate([low, np.minimum(first[..., 2:], second[..., 2:])], axis=-1)


def intersection_area(first: Boxes, second: Boxes) -> NDArray[np.float64]:
    """Areas (...) of the common boxes of boxes that broadcast."""
    common = intersection(first, second)
    return np.maximum(common[..., 2] - common[..., 0], 0.0) * np.maximum(common[..., 3] - common[..., 1], 0.0)


def iou_matrix(first: Boxes, second: Boxes) -> NDArray[np.float64]:
    """Intersection over union of every box (N, 4) with every box (M, 4): (N, M) in [0, 1]; 0 for empty boxes."""
    return similarity(first[:, None], second[None], "iou")


def similarity(first: Boxes, second: Boxes, metric: Metric) -> NDArray[np.float64]:
    """Intersection over union (``iou``) or over the smaller box (``ios``) of boxes that broadcast, pair by pair.

    Args:
        first: (..., 4).
        second: (..., 4).
        metric: which of the two.

    Returns:
        (...) in [0, 1]; 0 for empty boxes.
    """
    shared = intersection_area(first, second)
    area_1, area_2 = area(first), area(second)
    whole = area_1 + area_2 - shared if metric == "iou" else np.minimum(area_1, area_2)
    return np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0.0)


def near_pairs(
    boxes: Boxes,
    groups: Indexes,
    *,
    reach: NDArray[np.float64] | float = 0.0,
    keep: Callable[[Indexes, Indexes], NDArray[np.bool_]] | None = None,
) -> tuple[Indexes, Indexes]:
    """Pairs i < j of one group whose boxes, each grown by its ``reach``, meet, and that pass ``keep``.

    Boxes are walked from top to bottom in blocks. Each block has a small spatial index (an STR tree) of its own boxes
    and of those below that they can reach: one index over everything outgrows the processor's cache, and time then
    grows faster than the number of boxes. Groups are moved apart along y first. Only pairs worth keeping are held.
    """
    first_blocks: list[Indexes] = [np.empty(0, np.int64)]
    second_blocks: list[Indexes] = [np.empty(0, np.int64)]
    if len(boxes) < 2:
        return first_blocks[0], second_blocks[0]
    grown = grow(boxes, reach)
    order = lexical_order(groups, grown[:, 1])
    grown = grown[order]
    number = np.cumsum(_first_of_each(groups[order])) - 1  # in this order, groups follow one another
    away = number * (2.0 * (grown[:, 3].max() - grown[:, 1].min()) + 1.0)
    grown[:, 1] += away
    grown[:, 3] += away
    for begin in range(0, len(boxes), PAIR_BLOCK):
        size = min(PAIR_BLOCK, len(boxes) - begin)
        reached = int(np.searchsorted(grown[:, 1], grown[begin : begin + size, 3].max(), side="right"))
        near = grown[begin : max(reached, begin + size)]
        shapes = shapely.box(near[:, 0], near[:, 1], near[:, 2], near[:, 3])
        query, found = shapely.STRtree(shapes).query(shapes[:size])
        wanted = query < found  # each pair once, and no box with itself
        one, two = order[begin + query[wanted]], order[begin + found[wanted]]
        first, second = np.minimum(one, two), np.maximum(one, two)
        if keep is not None:
            wanted = keep(first, second)
            first, second = first[wanted], second[wanted]
        first_blocks.append(first)
        second_blocks.append(second)
    return np.concatenate(first_blocks), np.concatenate(second_blocks)


def nearby_order(boxes: Boxes) -> Indexes:
    """Indexes (N,) strip by strip from the top, each strip from left to right; ties keep their order."""
    strips = max(1.0, np.sqrt(len(boxes)) / 4.0)
    top, bottom = boxes[:, 1].min(), boxes[:, 1].max()
    strip = np.floor((boxes[:, 1] - top) * (strips / max(float(bottom - top), 1e-9)))
    return lexical_order(strip, boxes[:, 0])


def grow(boxes: Boxes, reach: NDArray[np.float64] | float) -> Boxes:
    """Boxes with every edge moved outwards by ``reach`` (N,) or one number."""
    by = np.broadcast_to(np.asarray(reach, dtype=np.float64), (len(boxes),))
    return boxes + np.stack([-by, -by, by, by], axis=1)


def greedy(count: int, first: Indexes, second: Indexes, strength: NDArray[np.float64]) -> Indexes:
    """Walk indexes 0 .. count-1 in order; each one still there takes away the later ones that it is paired with.

    Args:
        count: how many indexes there are.
        first: the earlier index of each pair (P,).
        second: the later index of each pair (P,), which falls to ``first``.
        strength: how alike each pair is (P,); one taken away belongs to its strongest taker, then to the earliest.

    Returns:
        keeper (count,): the index that took each one away, or its own index where it stays.

    The result is that of the plain sequential walk, found in rounds over arrays: whoever has no living earlier partner
    stays, its partners go. Long chains, which would need many rounds, are finished by walking.
    """
    keeper = np.arange(count, dtype=np.int64)
    undecided = np.zeros(count, dtype=np.bool_)
    undecided[first] = undecided[second] = True
    stays = ~undecided
    goes = np.zeros(count, dtype=np.bool_)
    one, two = first, second
    for _ in range(ROUNDS_BEFORE_WALKING):
        if not len(one):
            break
        blocked = np.zeros(count, dtype=np.bool_)
        blocked[two] = True
        stays |= undecided & ~blocked
        undecided &= blocked
        goes[two[stays[one]]] = True
        undecided &= ~goes
        alive = undecided[one] & undecided[two]
        one, two = one[alive], two[alive]
    else:
        order = np.lexsort((two, one))
        for earlier, later in zip(one[order].tolist(), two[order].tolist(), strict=True):
            if not goes[earlier]:
                goes[later] = True
        undecided[:] &= ~goes
    stays |= undecided & ~goes
    taken = stays[first] & goes[second]
    one, two = first[taken], second[taken]
    order = np.lexsort((one, -strength[taken], two))
    latest = _first_of_each(two[order])
    keeper[two[order][latest]] = one[order][latest]
    return keeper


def mutual_best(
    first: Indexes, second: Indexes, first_place: Indexes, second_place: Indexes, strength: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Which pairs (P,) are the best choice of both sides, where each side has one choice per place of the other.

    A place is the chip a box was seen on: one object has one counterpart per chip. Ties go to the lower indexes.
    """
    # An index may stand on either side of its pairs, so each pair is looked at from both.
    count = len(first)
    chooser, chosen = np.concatenate([first, second]), np.concatenate([second, first])
    place, strengths = np.concatenate([second_place, first_place]), np.concatenate([strength, strength])
    order = np.lexsort((chosen, -strengths, place, chooser))
    best = np.zeros(2 * count, dtype=np.bool_)
    best[order[_first_of_each(chooser[order], place[order])]] = True
    return best[:count] & best[count:]


def best_of_each(chooser: Indexes, preference: Indexes, strength: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which pairs (P,) are the strongest of their chooser; of equally strong ones that of the lowest preference."""
    order = np.lexsort((preference, -strength, chooser))
    result = np.zeros(len(chooser), dtype=np.bool_)
    result[order[_first_of_each(chooser[order])]] = True
    return result


def lexical_order(*keys: NDArray[np.generic]) -> Indexes:
    """Indexes (N,) sorted by the first key, then the second and so on; ties in all keep their order.

    The same as ``np.lexsort`` of the keys reversed, but later keys are only looked at where the first one ties: with
    many keys of many different values that is several times faster.
    """
    order = np.argsort(keys[0], kind="stable").astype(np.int64)
    first = keys[0][order]
    tied = np.zeros(len(order), dtype=np.bool_)
    equal = first[1:] == first[:-1]
    tied[1:] |= equal
    tied[:-1] |= equal
    among = order[tied]
    if len(among) and len(keys) > 1:
        order[tied] = among[np.lexsort([key[among] for key in reversed(keys)])]
    return order


def components(count: int, first: Indexes, second: Indexes) -> Indexes:
    """The lowest index (count,) that each index is connected to through pairs (P,), itself included."""
    root = np.arange(count, dtype=np.int64)
    while len(first):
        low = np.minimum(root[first], root[second])
        high = np.maximum(root[first], root[second])
        apart = low != high
        if not apart.any():
            break
        first, second, low, high = first[apart], second[apart], low[apart], high[apart]
        np.minimum.at(root, high, low)
        root = follow(root)
    return root


def follow(parent: Indexes) -> Indexes:
    """The last index (N,) reached by following ``parent`` (N,) from each index; parents must not form circles."""
    while True:
        further = parent[parent]
        if (further == parent).all():
            return parent
        parent = further


def union(boxes: Boxes, owner: Indexes, count: int) -> Boxes:
    """The box (count, 4) around the boxes (N, 4) that belong to each owner; infinite where an owner has none."""
    result = np.empty((count, 4))
    result[:, :2], result[:, 2:] = np.inf, -np.inf
    for axis in (0, 1):
        np.minimum.at(result[:, axis], owner, boxes[:, axis])
        np.maximum.at(result[:, axis + 2], owner, boxes[:, axis + 2])
    return result


def _first_of_each(*keys: Indexes) -> NDArray[np.bool_]:
    """True at the first of each run of equal keys in sorted arrays."""
    first = np.ones(len(keys[0]), dtype=np.bool_)
    if len(first):
        first[1:] = np.logical_or.reduce([key[1:] != key[:-1] for key in keys])
    return first
