"""The rules of relations, places and groups over arrays, in whatever unit the ground has.

Where a rule begins and ends stands in ``borders``: sizes decide what is "next to" and "near", so that a car beside a
stadium is measured in cars and stadiums alike.
"Left of", "right of", "above" and "below" reach ``REACH`` times the size of the two; compass directions have no reach.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import shapely

from geogrounding.geometry.boxes import Boxes, Indexes, components
from geogrounding.geometry.measure import Floats, Ground, Shapes, nearest, pairs_within, shared
from geogrounding.query.borders import CONE, INSIDE, NEAR, NEXT_TO, REACH, place_depth
from geogrounding.query.things import Mask, Things

_REACH_STEPS = (0.125, 0.25, 0.5, 1.0)
"""Neighbours are looked for in rings: most things find theirs near by, and the far ring is only for the others."""
TOLERANCE = 1e-4
"""Share of a distance by which a plane and the rounding of outlines may differ from the ground."""
TOUCHING = 0.01
"""Outlines that are this near touch (m; a hundredth of a pixel without a CRS)."""
OVERLAP = 1e-4
"""Least share of an outline that two have in common to overlap."""
BETWEEN_DEGREES = 120.0
"""What lies between two others sees them at least this far apart."""
_BLOCK = 2_048
_BRUTE = 4_000_000
"""Pairs compared at a time where no index helps."""


def ids_of(one: Things, other: Things) -> tuple[Indexes, Indexes] | None:
    """Identities, where something could be its own neighbour."""
    return (one.ids, other.ids) if np.isin(one.ids, other.ids).any() else None


def sides(things: Things, ground: Ground) -> Floats:
    """Square roots of areas (N,); 0 of points and lines."""
    return np.sqrt(np.nan_to_num(things.sizes(ground).area))


def by_size(
    ground: Ground, one: Things, other: Things, reach: float, holds: Callable[[Indexes, Indexes], Mask] | None = None
) -> tuple[Indexes, Indexes]:
    """Pairs whose gap is at most ``reach`` times their size (the geometric mean of their sides) and for which a rule holds.

    Where one of the two is a point or a line, the size is that of the other.
    """
    first, second = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    if not len(one) or not len(other):
        return first[0], second[0]
    a, b = sides(one, ground), sides(other, ground)
    ids = ids_of(one, other)
    # Two outlines that are grown by half of their own side times the reach meet wherever the gap is within reach.
    half = 1.0 if (a == 0).any() or (b == 0).any() else 0.5
    farthest = (float(a.max()) + float(b.max())) * reach * half * 1.01 + 1.0
    for members, near_by, _, mine, theirs in ground.facing(one.shapes, other.shapes, farthest):
        grow_a, grow_b = a[members] * reach * half * 1.001 + 1e-6, b[near_by] * reach * half * 1.001 + 1e-6
        boxes = shapely.bounds(theirs) + np.stack([-grow_b, -grow_b, grow_b, grow_b], axis=1)
        tree = shapely.STRtree(shapely.box(*boxes.T))
        mine_boxes = shapely.bounds(mine) + np.stack([-grow_a, -grow_a, grow_a, grow_a], axis=1)
        for start in range(0, len(members), _BLOCK):
            asked, found = tree.query(shapely.box(*mine_boxes[start : start + _BLOCK].T))
            local, index, there, found = start + asked, members[start + asked], found, near_by[found]
            if ids is not None:
                keep = ids[0][index] != ids[1][found]
                local, index, there, found = local[keep], index[keep], there[keep], found[keep]
            size = np.sqrt(a[index] * b[found])
            size = np.where(size > 0, size, np.maximum(a[index], b[found]))
            if holds is not None:  # the rule is cheaper than the distance of two outlines
                keep = holds(index, found)
                local, index, there, found, size = local[keep], index[keep], there[keep], found[keep], size[keep]
            gap = shapely.distance(mine[local], theirs[there])
            near = gap <= reach * size * (1 + TOLERANCE * 0.1) + 1e-9
            first.append(index[near])
            second.append(found[near])
    return np.concatenate(first), np.concatenate(second).astype(np.int64)


def next_to(ground: Ground, one: Things, other: Things, *, near: bool) -> tuple[Indexes, Indexes]:
    """Pairs that are next to each other, or near each other."""
    return by_size(ground, one, other, (NEAR if near else NEXT_TO)[0])


def within(ground: Ground, one: Things, other: Things, least: float, most: float) -> tuple[Indexes, Indexes]:
    """Pairs whose outlines are so far apart."""
    ids = ids_of(one, other)
    a, b = pairs_within(ground, one.shapes, other.shapes, most * (1 + TOLERANCE), ids=ids)
    if least > 0 and len(a):
        nearer = set(
            zip(
                *(
                    part.tolist()
                    for part in pairs_within(ground, one.shapes, other.shapes, least * (1 - TOLERANCE), ids=ids)
                ),
                strict=True,
            )
        )
        keep = np.array([pair not in nearer for pair in zip(a.tolist(), b.tolist(), strict=True)], np.bool_)
        a, b = a[keep], b[keep]
    return a, b


def gaps(ground: Ground, one: Things, other: Things) -> tuple[Floats, Indexes]:
    """Distance (N,) to the nearest of the others and its index (N,); infinite and -1 without one."""
    return nearest(ground, one.shapes, other.shapes, ids=ids_of(one, other))


def inside(ground: Ground, one: Things, other: Things, *, least: float = INSIDE[0]) -> tuple[Indexes, Indexes]:
    """Pairs whose first lies in the second, at least by half."""
    a, b = _meeting(ground, one, other)
    keep = shared(ground, one.shapes, other.shapes, a, b) >= least - 1e-9
    return a[keep], b[keep]


def containing(ground: Ground, one: Things, other: Things) -> tuple[Indexes, Indexes]:
    """Pairs whose second lies in the first, at least by half."""
    b, a = inside(ground, other, one)
    order = np.lexsort((b, a))
    return a[order], b[order]


def overlapping(ground: Ground, one: Things, other: Things) -> tuple[Indexes, Indexes]:
    """Pairs that have more than a boundary in common."""
    a, b = _meeting(ground, one, other)
    flat = (shapely.get_dimensions(one.shapes[a]) < 2) | (shapely.get_dimensions(other.shapes[b]) < 2)
    common = np.maximum(shared(ground, one.shapes, other.shapes, a, b), shared(ground, other.shapes, one.shapes, b, a))
    keep = flat | (common > OVERLAP)
    return a[keep], b[keep]


def touching(ground: Ground, one: Things, other: Things) -> tuple[Indexes, Indexes]:
    """Pairs whose outlines meet."""
    return pairs_within(ground, one.shapes, other.shapes, TOUCHING, ids=ids_of(one, other))


def _meeting(ground: Ground, one: Things, other: Things) -> tuple[Indexes, Indexes]:
    return pairs_within(ground, one.shapes, other.shapes, 0.0, ids=ids_of(one, other))


def _turned(boxes: Boxes, side: str) -> Boxes:
    """Boxes turned so that the side asked for is up (towards smaller y)."""
    x0, y0, x1, y1 = boxes.T
    return np.stack({"above": (x0, y0, x1, y1), "below": (x0, -y1, x1, -y0), "left of": (y0, x0, y1, x1), "right of": (y0, -x1, y1, -x0)}[side], axis=1)  # fmt: skip


def direction(
    ground: Ground, one: Things, other: Things, boxes: tuple[Boxes, Boxes], side: str, *, reach: bool
) -> Mask:
    """Which things (N,) have another on the opposite side: centre outside its box, within 45 degrees.

    Args:
        ground: of both.
        one: (N,) things.
        other: (M,) others.
        boxes: of both, in the frame whose directions are meant, y downwards.
        side: "left of", "right of", "above" or "below".
        reach: whether the other must be within ``REACH`` sizes.
    """
    a, b = _turned(boxes[0], side), _turned(boxes[1], side)
    x, y = (a[:, 0] + a[:, 2]) / 2, (a[:, 1] + a[:, 3]) / 2
    other_x, other_y, top = (b[:, 0] + b[:, 2]) / 2, (b[:, 1] + b[:, 3]) / 2, b[:, 1]

    def holds(i: Indexes, j: Indexes) -> Mask:
        along, aside = other_y[j] - y[i], np.abs(other_x[j] - x[i])
        return np.asarray((top[j] - y[i] >= 0) & (aside <= CONE[0] * np.maximum(along, 1e-9) * (1 + 1e-12)), np.bool_)

    found = np.zeros(len(one), np.bool_)
    if not len(one) or not len(other):
        return found
    for step in _REACH_STEPS:
        rest = np.flatnonzero(~found)
        pairs = by_size(ground, one.take(rest), other, step * REACH[0], lambda i, j, rest=rest: holds(rest[i], j))  # type: ignore[misc]
        found[rest[pairs[0]]] = True
    if reach:
        return found
    rest = np.flatnonzero(~found & _dominated(x, y, other_x, other_y))
    ids = ids_of(one, other)
    block = max(1, _BRUTE // len(other))
    everything = np.arange(len(other))
    for start in range(0, len(rest), block):
        some = rest[start : start + block]
        i, j = np.repeat(some, len(other)), np.tile(everything, len(some))
        fits = holds(i, j)
        if ids is not None:
            fits &= ids[0][i] != ids[1][j]
        found[np.unique(i[fits])] = True
    return found


def _dominated(x: Floats, y: Floats, other_x: Floats, other_y: Floats) -> Mask:
    """Which points (N,) have any of the others below them within 45 degrees: a sweep in n log n."""
    u, v = x + y, y - x
    other_u, other_v = other_x + other_y, other_y - other_x
    order = np.argsort(-other_u, kind="stable")
    best = np.maximum.accumulate(other_v[order])
    count = np.searchsorted(-other_u[order], -(u - 1e-9), side="right")
    return np.asarray((count > 0) & (best[np.maximum(count - 1, 0)] >= v - 1e-9), np.bool_)


def diagonal(ground: Ground, one: Things, other: Things, boxes: tuple[Boxes, Boxes], side: str) -> Mask:
    """As ``direction`` for "northeast of" and its kin: the centre lies within 22.5 degrees of the diagonal, outside the box."""
    east, north = (1.0 if "east" in side else -1.0), (1.0 if "north" in side else -1.0)
    a, b = boxes
    x, y = (a[:, 0] + a[:, 2]) / 2 * east, -(a[:, 1] + a[:, 3]) / 2 * north
    other_x, other_y = (b[:, 0] + b[:, 2]) / 2 * east, -(b[:, 1] + b[:, 3]) / 2 * north
    found = np.zeros(len(one), np.bool_)
    ids = ids_of(one, other)
    block = max(1, _BRUTE // max(len(other), 1))
    for start in range(0, len(one), block):
        rows = slice(start, start + block)
        across, up = x[rows, None] - other_x[None], y[rows, None] - other_y[None]
        fits = (across > 0) & (up > 0) & (np.abs(np.degrees(np.arctan2(up, across)) - 45.0) <= 22.5 + 1e-9)
        if ids is not None:
            fits &= ids[0][rows, None] != ids[1][None]
        found[rows] = fits.any(axis=1)
    return found


def between(ground: Ground, one: Things, first: Things, second: Things) -> Mask:
    """Which things (N,) lie between a thing of the first kind and one of the second: they see them in opposite directions."""
    found = np.zeros(len(one), np.bool_)
    if not len(one) or not len(first) or not len(second):
        return found
    nearest_first = nearest(ground, one.shapes, first.shapes, ids=ids_of(one, first))[1]
    if first is second:
        return _between_two_of_a_kind(ground, one, first, nearest_first)
    nearest_second = nearest(ground, one.shapes, second.shapes, ids=ids_of(one, second))[1]
    for members, part in ground.parts(one.shapes):
        mine = ground.local(part, one.shapes[members])
        steps = [
            _towards(mine, ground.local(part, kind.shapes[near[members]]), near[members] >= 0)
            for kind, near in ((first, nearest_first), (second, nearest_second))
        ]
        found[members] = _opposite(*steps)
    return found


def _between_two_of_a_kind(ground: Ground, one: Things, other: Things, near: Indexes) -> Mask:
    """Which things (N,) see the nearest of the others (index (N,)) and a second, at most four times as far, opposite."""
    found, some = np.zeros(len(one), np.bool_), np.flatnonzero(near >= 0)
    to_nearest, reach = np.zeros((len(one), 2)), np.zeros(len(one))
    for at, part in ground.parts(one.shapes[some]):
        members = some[at]
        mine = ground.local(part, one.shapes[members])
        to_nearest[members] = _towards(mine, ground.local(part, other.shapes[near[members]]))
    reach = 4.0 * np.maximum(np.hypot(*to_nearest.T), sides(one, ground))
    farthest = float(reach[some].max(initial=0.0))
    for at, near_by, _, mine, theirs in ground.facing(one.shapes[some], other.shapes, farthest):
        members = some[at]
        asked, seen = shapely.STRtree(theirs).query(mine, predicate="dwithin", distance=reach[members])
        index, second = members[asked], near_by[seen]
        keep = (one.ids[index] != other.ids[second]) & (second != near[index])
        asked, seen, index = asked[keep], seen[keep], index[keep]
        fits = _opposite(to_nearest[index], _towards(mine[asked], theirs[seen]))
        found[index[fits]] = True
    return found


def _towards(mine: Shapes, others: Shapes, known: Mask | None = None) -> Floats:
    """Steps (N, 2) from each centre to the nearest point of the other of each; 0 where there is none."""
    ends = shapely.get_coordinates(shapely.shortest_line(shapely.centroid(mine), others)).reshape(-1, 2, 2)
    steps = ends[:, 1] - ends[:, 0]
    return steps if known is None else np.where(known[:, None], steps, 0.0)


def _opposite(one: Floats, other: Floats) -> Mask:
    lengths = np.hypot(*one.T) * np.hypot(*other.T)
    cosine = (one * other).sum(axis=1) / np.where(lengths > 0, lengths, 1.0)
    return np.asarray((lengths > 0) & (cosine <= np.cos(np.radians(BETWEEN_DEGREES)) + 1e-9), np.bool_)


def group_sizes(ground: Ground, things: Things, distance: float | None, *, line: bool) -> Indexes:
    """How many members the group of each thing has (N,), itself included; 0 where the group is not in a line as asked."""
    a, b = (
        next_to(ground, things, things, near=True)
        if distance is None
        else within(ground, things, things, 0.0, distance)
    )
    root = components(len(things), a, b)
    _, group, count = np.unique(root, return_inverse=True, return_counts=True)
    group = group.reshape(-1)
    if line:
        middle, size = things.centres(), np.median(sides(things, ground)) if len(things) else 0.0
        for number in np.flatnonzero(count >= 3):
            points = middle[group == number]
            points = points - points.mean(axis=0)
            spread = np.linalg.svd(points, full_matrices=False)[2]
            if np.abs(points @ spread[1]).max() > max(0.75 * size, 0.1 * np.abs(points @ spread[0]).max()):
                count[number] = 0
        count[count < 3] = 0
    return np.asarray(count[group], np.int64)


def in_place(part: str, boxes: Boxes, extent: tuple[float, float, float, float], *, corner: bool) -> Mask:
    """Which centres (N,) lie in a half, a quarter, the middle, or (``corner``) in the outer third of both sides."""
    x0, y0, x1, y1 = extent
    x = ((boxes[:, 0] + boxes[:, 2]) / 2 - x0) / ((x1 - x0) or 1.0)
    y = ((boxes[:, 1] + boxes[:, 3]) / 2 - y0) / ((y1 - y0) or 1.0)
    return np.asarray(place_depth(part, x, y, corner=corner) >= 0, np.bool_)
