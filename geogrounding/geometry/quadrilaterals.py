"""Distances between convex quadrilaterals, many pairs at a time.

The boxes of a model, turned or not, are convex quadrilaterals, and they are nearly all that neighbours are looked for
among. GEOS takes a microsecond and more for a pair of any geometries; for these the answer is short: they meet unless
the line through one of their eight edges parts them, and if it does, the least distance is from a corner of one to an
edge of the other.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

Shapes = NDArray[np.object_]
Indexes = NDArray[np.int64]
Floats = NDArray[np.float64]

_RING_POINTS = 5
_POLYGON = 3
_BLOCK = 16_384
"""Pairs at a time."""


def convex_quadrilaterals(shapes: Shapes) -> tuple[Indexes, Floats]:
    """Which outlines (Q,) of (N,) are convex polygons of four corners, and these (2, 4, Q), x and y, anticlockwise."""
    which = np.flatnonzero(
        (shapely.get_type_id(shapes) == _POLYGON) & (shapely.get_num_coordinates(shapes) == _RING_POINTS)
    )
    some = shapes if len(which) == len(shapes) else shapes[which]
    rings = np.ascontiguousarray(shapely.get_coordinates(some).reshape(-1, _RING_POINTS, 2).T)
    (x, y), after = rings[:, 1:] - rings[:, :-1], [1, 2, 3, 0]
    turn = x * y[after] - y * x[after]
    left, right = (turn > 0).all(axis=0), (turn < 0).all(axis=0)
    corners = rings[:, :4]
    if right.any():
        corners = np.where(right, corners[:, ::-1], corners)
    convex = left | right
    return (which, corners) if convex.all() else (which[convex], corners[:, :, convex])


def gaps(one: Floats, two: Floats, first: Indexes, second: Indexes) -> Floats:
    """The distance (P,) of pairs of convex quadrilaterals; 0 where they meet.

    Args:
        one: corners (2, 4, N), x and y, counter-clockwise.
        two: (2, 4, M).
        first: of each pair, into the first (P,).
        second: into the second (P,).
    """
    out = np.zeros(len(first))
    for start in range(0, len(first), _BLOCK):
        rows = slice(start, start + _BLOCK)
        a, b = one.take(first[rows], axis=2), two.take(second[rows], axis=2)
        origin = a[:, :1].copy()
        a -= origin
        b -= origin
        apart = np.flatnonzero(_parted(a, b) | _parted(b, a))
        if len(apart):
            a, b = a.take(apart, axis=2), b.take(apart, axis=2)
            out[start + apart] = np.sqrt(np.minimum(_least_squared(a, b), _least_squared(b, a)))
    return out


def _parted(edges: Floats, corners: Floats) -> NDArray[np.bool_]:
    """Whether all corners (2, 4, P) lie outside one and the same edge of the others (2, 4, P)."""
    out = np.zeros(edges.shape[2], np.bool_)
    for k in range(4):
        (x, y), (to_x, to_y) = edges[:, k], edges[:, (k + 1) % 4]
        along_x, along_y = to_x - x, to_y - y
        # Outside is on the right; of the corners the innermost counts.
        left = along_x * corners[1]
        left -= along_y * corners[0]
        out |= left.max(axis=0) < along_x * y - along_y * x
    return out


def _least_squared(edges: Floats, corners: Floats) -> Floats:
    """The least squared distance (P,) of the corners (2, 4, P) to the edges (2, 4, P)."""
    out = np.full(edges.shape[2], np.inf)
    for k in range(4):
        (x, y), (to_x, to_y) = edges[:, k], edges[:, (k + 1) % 4]
        along_x, along_y = to_x - x, to_y - y
        away_x, away_y = corners[0] - x, corners[1] - y
        share = away_x * along_x
        share += away_y * along_y
        share /= along_x**2 + along_y**2
        np.clip(share, 0.0, 1.0, out=share)
        away_x -= share * along_x
        away_y -= share * along_y
        away_x *= away_x
        away_y *= away_y
        away_x += away_y
        np.minimum(out, away_x.min(axis=0), out=out)
    return out
