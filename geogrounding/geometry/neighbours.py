"""Nearest neighbours and pairs within a distance among many outlines of one plane.

A spatial index gives candidates by their bounding boxes; only those that can still be the nearest are measured. That is
several times faster than GEOS's own search for the nearest, and time grows nearly in proportion to the outlines.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import shapely
from numpy.typing import NDArray

from geogrounding.geometry.quadrilaterals import convex_quadrilaterals, gaps

Shapes = NDArray[np.object_]
Indexes = NDArray[np.int64]
Floats = NDArray[np.float64]

BLOCK = 16_384
"""Outlines looked up at a time."""
START = 0.4
"""First radius in which neighbours are looked for, in mean distances between the others."""
RINGS = 5
"""Neighbours are looked for within a radius that grows so many times; the few that are left are searched one by one."""
GROWTH = 2.5
MOST_VERTICES = 64
"""Larger outlines are measured in pieces of their boundary, each with a bounding box of its own."""
_STRIP = 8.0
"""Height of the strips in whose order outlines are looked up, in mean distances between the others."""
_SLACK = 1e-9


def nearest_in_plane(
    mine: Shapes, theirs: Shapes, *, ids: tuple[Indexes, Indexes] | None, limit: float | None
) -> tuple[Floats, Indexes]:
    """Distance (N,) to the nearest of the others, and its index (N,); infinite and -1 where there is none.

    Args:
        mine: (N,) geometries of any type.
        theirs: (M,).
        ids: identities (N,) and (M,): what has the same is the same thing, and no neighbour of itself.
        limit: others farther away do not matter.
    """
    gap, index = np.full(len(mine), np.inf), np.full(len(mine), -1, np.int64)
    if not len(mine) or not len(theirs):
        return gap, index
    search = _Search(mine, theirs, ids)
    todo = search.order
    for ring, reach in enumerate(_radii(search.spacing, limit)):
        for block in _blocks(todo):
            asked, two, apart = search.near(block, reach, overlapping=not ring)
            first = _least_of_each(asked, apart, two)
            within = first[apart[first] <= reach * (1 + _SLACK) + _SLACK]
            found = block[asked[within]]
            gap[found], index[found] = apart[within], two[within]
        todo = todo[index[todo] < 0]
        if not len(todo):
            break
    if limit is None and len(todo):
        # None of these has another thing of the same outline, or it would have been found at distance 0: "exclusive"
        # passes over the thing itself and nothing else.
        tree = shapely.STRtree(theirs)
        (asked, other), apart = tree.query_nearest(
            mine[todo], return_distance=True, exclusive=ids is not None, all_matches=False
        )
        gap[todo[asked]], index[todo[asked]] = apart, other
    return gap, index


def pairs_in_plane(
    mine: Shapes, theirs: Shapes, distance: float, *, ids: tuple[Indexes, Indexes] | None
) -> tuple[Indexes, Indexes]:
    """All pairs (P,), (P,) at most ``distance`` apart, ordered by the first, then the second."""
    if not len(mine) or not len(theirs):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    search = _Search(mine, theirs, ids)
    pairs = [np.empty(0, np.int64)]
    for block in _blocks(search.order):
        asked, two, apart = search.near(block, distance, all_of_them=True)
        near = apart <= distance * (1 + _SLACK) + _SLACK
        pairs.append(block[asked[near]] * len(theirs) + two[near])
    return np.divmod(np.unique(np.concatenate(pairs)), len(theirs))


class _Search:
    """Outlines, and behind a tree of bounding boxes the others, with large ones in pieces."""

    def __init__(self, mine: Shapes, theirs: Shapes, ids: tuple[Indexes, Indexes] | None) -> None:
        self._mine, self._ids = mine, ids
        self._pieces, self._owner = _pieces(theirs)
        self._own, self._bounds = shapely.bounds(mine), shapely.bounds(self._pieces)
        self._tree = shapely.STRtree(self._pieces)
        self._gaps = _Gaps(mine, self._pieces)
        large = np.unique(self._owner[np.bincount(self._owner, minlength=len(theirs))[self._owner] > 1])
        self._large = large[shapely.get_dimensions(theirs[large]) == 2]
        self._large_tree = shapely.STRtree(theirs[self._large]) if len(self._large) else None
        x0, y0, x1, y1 = shapely.total_bounds(theirs)
        side = np.median(np.maximum(self._bounds[:, 2] - self._bounds[:, 0], self._bounds[:, 3] - self._bounds[:, 1]))
        self.spacing = float(max(np.sqrt((x1 - x0) * (y1 - y0) / len(theirs)), side, 1e-6))

    @property
    def order(self) -> Indexes:
        """All of mine (N,) that have a place, neighbours after each other: what they ask for is then still at hand."""
        low = self._own[:, :2]
        placed = np.flatnonzero(np.isfinite(low[:, 0]))
        if not len(placed):
            return placed
        x, y = low[placed].T
        cell = _STRIP * self.spacing
        row = (y - y.min()) // cell
        return placed[np.lexsort((x, row))]

    def near(
        self, block: Indexes, reach: float, *, overlapping: bool = False, all_of_them: bool = False
    ) -> tuple[Indexes, Indexes, Floats]:
        """(position in the block, index of the other, distance) of pairs: that may be nearest, or all within reach.

        With ``overlapping`` only those whose bounding boxes overlap, for which no grown boxes are made.
        """
        own = self._own[block]
        if overlapping:
            asked, piece = self._tree.query(self._mine[block])
        else:
            grown = own + np.array([-1, -1, 1, 1]) * (reach * (1 + _SLACK) + _SLACK)
            asked, piece = self._tree.query(shapely.linestrings(grown.reshape(-1, 2, 2)))  # the boxes of the diagonals
        if self._ids is not None:
            keep = self._others(block[asked], self._owner[piece])
            asked, piece = asked[keep], piece[keep]
        if overlapping:
            least = np.zeros(len(asked))
        else:
            a, b = own.take(asked, axis=0), self._bounds.take(piece, axis=0)
            beyond = np.maximum(np.maximum(b[:, :2] - a[:, 2:], a[:, :2] - b[:, 2:]), 0.0)
            least = np.hypot(beyond[:, 0], beyond[:, 1])
            possible = least <= reach * (1 + _SLACK) + _SLACK
            asked, piece, least = asked[possible], piece[possible], least[possible]
        if all_of_them:
            apart = self._gaps.of(block[asked], piece)
        else:  # the distance to the one whose box is nearest bounds how far the boxes of others may be
            first = _least_of_each(asked, least, self._owner[piece])
            apart = np.full(len(asked), np.inf)
            apart[first] = self._gaps.of(block[asked[first]], piece[first])
            bound = np.full(len(block), np.inf)
            bound[asked[first]] = apart[first]
            bound[bound == 0] = -1  # nothing is nearer than what it touches
            rest = np.flatnonzero(np.isinf(apart) & (least <= bound[asked] * (1 + _SLACK)))
            apart[rest] = self._gaps.of(block[asked[rest]], piece[rest])
            measured = np.isfinite(apart)
            asked, piece, apart = asked[measured], piece[measured], apart[measured]
        two = self._owner[piece]
        if self._large_tree is not None:  # what lies inside a large polygon is far from its boundary
            inside, which = self._large_tree.query(self._mine[block], predicate="intersects")
            around = self._large[which]
            keep = self._others(block[inside], around)
            asked, two = np.r_[asked, inside[keep]], np.r_[two, around[keep]]
            apart = np.r_[apart, np.zeros(int(keep.sum()))]
        return asked, two, apart

    def _others(self, one: Indexes, two: Indexes) -> NDArray[np.bool_]:
        if self._ids is None:
            return np.ones(len(one), np.bool_)
        return np.asarray(self._ids[0][one] != self._ids[1][two], np.bool_)


class _Gaps:
    """Distances of pairs of outlines: of convex quadrilaterals by arrays, of all others by GEOS."""

    def __init__(self, one: Shapes, two: Shapes) -> None:
        self._shapes = one, two
        self._corners, self._row = [], []
        for shapes in (one, two):
            which, corners = convex_quadrilaterals(shapes)
            row = np.full(len(shapes), -1, np.int64)
            row[which] = np.arange(len(which))
            self._corners.append(corners)
            self._row.append(row)

    def of(self, first: Indexes, second: Indexes) -> Floats:
        """The distance (P,) of pairs, given as indexes (P,), (P,)."""
        one, two = self._row[0][first], self._row[1][second]
        easy = (one >= 0) & (two >= 0)
        if easy.all():
            return gaps(self._corners[0], self._corners[1], one, two)
        out = np.empty(len(first))
        out[easy] = gaps(self._corners[0], self._corners[1], one[easy], two[easy])
        out[~easy] = shapely.distance(self._shapes[0][first[~easy]], self._shapes[1][second[~easy]])
        return out


def _radii(spacing: float, limit: float | None) -> Iterator[float]:
    """Growing radii in which the nearest is looked for: 0 for what overlaps, then up to the limit or a few rings."""
    yield 0.0
    reach = START * spacing
    for _ in range(RINGS) if limit is None else itertools.count():
        if limit is not None and reach >= limit:
            yield limit
            return
        yield reach
        reach *= GROWTH


def _blocks(indexes: Indexes) -> Iterator[Indexes]:
    for start in range(0, len(indexes), BLOCK):
        yield indexes[start : start + BLOCK]


def _least_of_each(one: Indexes, apart: Floats, two: Indexes) -> Indexes:
    """Positions of the pair with the least distance of each first index; ties go to the lower second index."""
    if not len(one):
        return np.empty(0, np.int64)
    order = np.arange(len(one), dtype=np.int64)
    if (one[1:] < one[:-1]).any():
        order = np.argsort(one, kind="stable")
        one, apart, two = one[order], apart[order], two[order]
    starts = np.flatnonzero(np.r_[True, one[1:] != one[:-1]])
    group = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(one)]))
    least = np.flatnonzero(apart == np.minimum.reduceat(apart, starts)[group])
    one, two = one[least], two[least]
    starts = np.flatnonzero(np.r_[True, one[1:] != one[:-1]])
    group = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(one)]))
    lowest = np.flatnonzero(two == np.minimum.reduceat(two, starts)[group])
    first = np.r_[True, one[lowest][1:] != one[lowest][:-1]]
    return np.asarray(order[least[lowest[first]]], np.int64)


def _pieces(shapes: Shapes) -> tuple[Shapes, Indexes]:
    """Small outlines as they are, large ones as pieces of their boundary, with the index of the outline of each."""
    owner = np.arange(len(shapes), dtype=np.int64)
    large = shapely.get_num_coordinates(shapes) > MOST_VERTICES
    if not large.any():
        return shapes, owner
    which = np.flatnonzero(large)
    areal = shapely.get_dimensions(shapes[which]) == 2
    lines = shapes[which].copy()
    lines[areal] = shapely.boundary(lines[areal])
    parts, part_of = shapely.get_parts(lines, return_index=True)
    cut: list[Shapes] = []
    owners: list[int] = []
    for part, number in zip(parts, part_of, strict=True):
        points = shapely.get_coordinates(part)
        if len(points) < 2:
            cut.append(np.array([part], object))
        else:
            cut.append(np.array([shapely.LineString(points[at : at + MOST_VERTICES // 2 + 1])
                for at in range(0, len(points) - 1, MOST_VERTICES // 2)], object))  # fmt: skip
        owners += [int(which[number])] * len(cut[-1])
    return np.concatenate([shapes[~large], *cut]), np.r_[owner[~large], np.array(owners, np.int64)]
