"""Least rectangles around outlines: length, width and bearing."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from geogrounding.geometry.quadrilaterals import convex_quadrilaterals

Shapes = NDArray[np.object_]
Indexes = NDArray[np.int64]
Floats = NDArray[np.float64]


def least_rectangles(shapes: Shapes) -> Shapes:
    """The rectangle of least area around each shape (N,) of a plane; a line or a point around what has no area.

    ``shapely.oriented_envelope``, except where it fails: of one polygon along pixel edges in two thousand,
    GEOS 3.14 makes a rectangle without area (``findings/oriented_envelope_without_area.sh``).
    """
    around: Shapes = np.atleast_1d(shapely.oriented_envelope(shapes))
    hulls = np.atleast_1d(shapely.convex_hull(shapes))
    for i in np.flatnonzero(shapely.area(around) < shapely.area(hulls) * (1.0 - 1e-9)):
        around[i] = _around_hull(hulls[i])
    return around


def _around_hull(hull: shapely.Polygon) -> shapely.Polygon:
    """The least rectangle around a convex polygon."""
    (corners,) = _around_convex(shapely.get_coordinates(hull)[None, :-1])
    return shapely.Polygon([*corners, corners[0] + corners[2] - corners[1]])


def sides(shapes: Shapes) -> tuple[Floats, Floats, Floats]:
    """Sides of the rectangle of least area around each outline (N,) of a plane.

    Returns:
        The longer side (N,), the shorter one (N,), and the bearing (N,) of the longer one in degrees clockwise from
        upwards, in [0, 180). NaN for points and for nothing.
    """
    long, short, bearing = (np.full(len(shapes), np.nan) for _ in range(3))
    some = np.flatnonzero(shapely.get_dimensions(shapes) >= 1)
    if not len(some):
        return long, short, bearing
    corners = np.zeros((len(some), 3, 2))
    boxes, boxed = _around_quadrilaterals(shapes[some])
    corners[boxes] = boxed
    rest = np.setdiff1d(np.arange(len(some)), boxes)
    corners[rest] = _around_any(shapes[some[rest]])
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 1]
    a, b = np.hypot(*one.T), np.hypot(*two.T)
    along = np.where((a >= b)[:, None], one, two)
    long[some], short[some] = np.maximum(a, b), np.minimum(a, b)
    bearing[some] = np.degrees(np.arctan2(along[:, 0], along[:, 1])) % 180.0
    return long, short, bearing


def _around_any(shapes: Shapes) -> Floats:
    """Three corners in turn (N, 3, 2) of the least rectangle around each outline."""
    corners = np.zeros((len(shapes), 3, 2))
    if not len(shapes):
        return corners
    around = least_rectangles(shapes)
    full = shapely.get_dimensions(around) == 2
    points, owner = shapely.get_coordinates(around, return_index=True)
    first = np.searchsorted(owner, np.arange(len(shapes)))
    for step in range(3):
        corners[full, step] = points[first[full] + step]
    flat = np.flatnonzero(~full)
    if len(flat):  # a straight line: its rectangle has no area
        corners[flat, 0], corners[flat, 1] = points[first[flat]], points[np.r_[first[1:], len(points)][flat] - 1]
        corners[flat, 2] = corners[flat, 1]
    return corners


def _around_quadrilaterals(shapes: Shapes) -> tuple[Indexes, Floats]:
    """Which outlines (Q,) are convex with four corners, as boxes are, and corners (Q, 3, 2) of their rectangles."""
    which, corners = convex_quadrilaterals(shapes)
    return which, _around_convex(corners.transpose(2, 1, 0))


def _around_convex(points: Floats) -> Floats:
    """Three corners in turn (Q, 3, 2) of the least rectangle around each of Q convex polygons of K corners (Q, K, 2).

    A side of the least rectangle lies on an edge of the convex hull. Every edge of the outline is tried.
    """
    edges = np.roll(points, -1, axis=1) - points
    along = edges / np.hypot(edges[..., 0], edges[..., 1])[..., None]
    across = np.stack([-along[..., 1], along[..., 0]], axis=-1)
    u = np.einsum("qkd,qed->qek", points, along)
    v = np.einsum("qkd,qed->qek", points, across)
    low_u, high_u, low_v, high_v = u.min(axis=2), u.max(axis=2), v.min(axis=2), v.max(axis=2)
    best = np.argmin((high_u - low_u) * (high_v - low_v), axis=1)
    row = np.arange(len(points))

    def corner(s: Floats, t: Floats) -> Floats:
        return np.asarray(s[row, best, None] * along[row, best] + t[row, best, None] * across[row, best], np.float64)

    return np.stack([corner(low_u, low_v), corner(high_u, low_v), corner(high_u, high_v)], axis=1)
