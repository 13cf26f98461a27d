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
"""Boxes looked up at a time; bounds the memory that very crowded places need."""
ROUNDS_BEFORE_WALKING = 64


def area(boxes: Boxes) -> NDArray[np.float64]:
    """Areas (N,)."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def intersection(first: Boxes, second: Boxes) -> Boxes:
    """Common boxes (N, 4), row by row; where two do not meet, x1 < x0 or y1 < y0."""
    return np.concatenate([np.maximum(first[:, :2], second[:, :2]), np.minimum(first[:, 2:], second[:, 2:])], axis=1)


def intersection_area(first: Boxes, second: Boxes) -> NDArray[np.float64]:
    """Areas (N,) of the common boxes, row by row."""
    common = intersection(first, second)
    return np.maximum(common[:, 2] - common[:, 0], 0.0) * np.maximum(common[:, 3] - common[:, 1], 0.0)


def similarity(first: Boxes, second: Boxes, metric: Metric) -> NDArray[np.float64]:
    """Intersection over union (``iou``) or over the smaller box (``ios``), row by row, in [0, 1]; 0 for empty boxes."""
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

    One spatial index (an STR tree) serves all groups: each group is first moved to a place of its own along x. Pairs
    are found and tested in blocks, so that only those worth keeping are held.
    """
    first_blocks: list[Indexes] = [np.empty(0, np.int64)]
    second_blocks: list[Indexes] = [np.empty(0, np.int64)]
    grown = grow(boxes, reach)
    numbers, compact = np.unique(groups, return_inverse=True)
    if len(numbers) > 1:
        away = compact.reshape(-1) * (2.0 * (grown[:, 2].max() - grown[:, 0].min()) + 1.0)
        grown[:, 0] += away
        grown[:, 2] += away
    shapes = shapely.box(grown[:, 0], grown[:, 1], grown[:, 2], grown[:, 3])
    tree = shapely.STRtree(shapes)
    for begin in range(0, len(boxes), PAIR_BLOCK):
        query, found = tree.query(shapes[begin : begin + PAIR_BLOCK])
        first, second = query.astype(np.int64) + begin, found.astype(np.int64)
        wanted = first < second
        first, second = first[wanted], second[wanted]
        if keep is not None:
            wanted = keep(first, second)
            first, second = first[wanted], second[wanted]
        first_blocks.append(first)
        second_blocks.append(second)
    return np.concatenate(first_blocks), np.concatenate(second_blocks)


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

    def best(chooser: Indexes, place: Indexes, chosen: Indexes) -> NDArray[np.bool_]:
        order = np.lexsort((chosen, -strength, place, chooser))
        is_first = _first_of_each(chooser[order], place[order])
        result = np.zeros(len(chooser), dtype=np.bool_)
        result[order[is_first]] = True
        return result

    return best(first, second_place, second) & best(second, first_place, first)


def best_of_each(chooser: Indexes, chosen: Indexes, strength: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which pairs (P,) are the strongest of their chooser; ties go to the lower index chosen."""
    order = np.lexsort((chosen, -strength, chooser))
    result = np.zeros(len(chooser), dtype=np.bool_)
    result[order[_first_of_each(chooser[order])]] = True
    return result


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
