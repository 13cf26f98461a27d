"""Right angles and circles for outlines of things that people build.

The outline is turned so that its main direction lies along the axes, its edges are sorted into horizontal and vertical
runs, and each run becomes one line at the mean height of its edges: what the line cuts off on one side it adds on the
other. Lines shorter than a least length are taken out, the lines beside them become one. Several least lengths are
tried, and the fewest corners win that fit the mask nearly as well as the best. A circle wins over more than four
corners that do not fit clearly better.

The library buildingregulariser (0.2.5) was tried first: it leaves a notch where the ring begins, so that the mask of a
plain turned rectangle comes back with ten corners and more.

All shapes are in metres on a plane around the object.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon

from geogrounding.geometry.masks import polygon_iou
from geogrounding.geometry.rectangles import least_rectangles
from geogrounding.settings import LEAST_FIT

Floats = NDArray[np.float64]

FEWER_CORNERS_IOU = 0.02
"""So much overlap may be given up for fewer corners."""
LEAST_EDGES = (2.0, 4.0, 8.0)
"""Least lengths of an edge that are tried, in tolerances."""
SAME_DIRECTION = np.radians(0.5)
RECTANGLE = 5
"""Points of a closed ring with four corners."""
LEAST_ROUNDNESS = 0.75
"""Only such outlines are compared with a circle."""
CIRCLE_QUARTER = 8
"""Edges of a quarter of a circle."""


def straightened(mask: Polygon, simple: Polygon, tolerance: float, *, least_fit: float = LEAST_FIT) -> Polygon | None:
    """The outline with right angles, or the circle, that fits a mask; None where neither does.

    Args:
        mask: outline along the edges of pixels; what the result must fit.
        simple: the same with few vertices; what it is made from.
        tolerance: of the simplification, more than 0.
        least_fit: an outline that overlaps less with the mask (IoU) is not taken.
    """
    fitted = [
        _fitted(simple, direction, least * tolerance) for direction in _directions(simple) for least in LEAST_EDGES
    ]
    shapes = list(dict.fromkeys(one for one in fitted if one is not None))
    # Compared with the simplified outline, which has fewer vertices than the mask by far; the winner with the mask.
    overlaps = [polygon_iou(one, simple) for one in shapes]
    top = max(overlaps, default=0.0)
    good = [(iou, one) for iou, one in zip(overlaps, shapes, strict=True) if iou >= top - FEWER_CORNERS_IOU]
    # Fewest corners, then the best overlap; of equal ones the first that was tried.
    best, fit = None, 0.0
    for _, one in sorted(good, key=lambda pair: (_corners(pair[1]), -pair[0])):
        fit = polygon_iou(one, mask)
        if fit >= least_fit:
            best = one
            break
    if _roundness(simple) < LEAST_ROUNDNESS:
        return best
    # A circle has fewer parameters than any corners: more than four of those have to fit better than it does.
    circle = shapely.Point(mask.centroid).buffer(float(np.sqrt(mask.area / np.pi)), quad_segs=CIRCLE_QUARTER)
    round_fit = polygon_iou(circle, mask)
    given_up = FEWER_CORNERS_IOU if best is not None and _corners(best) > RECTANGLE else 0.0
    if round_fit >= least_fit and (best is None or round_fit >= fit - given_up):
        return cast(Polygon, circle)
    return best


def _roundness(polygon: Polygon) -> float:
    """4 pi area / perimeter^2: 1 for a circle, 0.79 for a square."""
    return float(4.0 * np.pi * polygon.area / max(polygon.exterior.length, np.finfo(float).tiny) ** 2)


def _corners(polygon: Polygon) -> int:
    return int(shapely.get_num_coordinates(polygon))


def _directions(polygon: Polygon) -> list[float]:
    """Main directions to try, radians: the mean of all edges modulo a right angle, and the smallest rectangle's."""
    edges = np.diff(np.asarray(polygon.exterior.coords), axis=0)
    length = np.hypot(*edges.T)
    angle = np.arctan2(edges[:, 1], edges[:, 0])
    mean = float(np.angle(np.sum(length**2 * np.exp(4j * angle)))) / 4.0
    ring = np.asarray(cast(Polygon, least_rectangles(np.array([polygon], object))[0]).exterior.coords)
    side = ring[1] - ring[0]
    other = float(np.arctan2(side[1], side[0]))
    apart = abs((other - mean + np.pi / 4.0) % (np.pi / 2.0) - np.pi / 4.0)
    return [mean] if apart < SAME_DIRECTION else [mean, other]


def _fitted(polygon: Polygon, direction: float, least: float) -> Polygon | None:
    """The polygon with edges along and across a direction, none shorter than ``least``; None where that fails."""
    cos, sin = np.cos(direction), np.sin(direction)
    turn = np.array([[cos, sin], [-sin, cos]])
    exterior = _fitted_ring(np.asarray(polygon.exterior.coords) @ turn.T, least)
    if exterior is None:
        return None
    holes = [_fitted_ring(np.asarray(hole.coords) @ turn.T, least) for hole in polygon.interiors]
    placed = Polygon(exterior @ turn, [hole @ turn for hole in holes if hole is not None])
    return placed if placed.is_valid and placed.area > 0.0 else None


def _fitted_ring(points: Floats, least: float) -> Floats | None:
    """Corners (C, 2) of the ring of horizontal and vertical lines that fits a closed ring (P, 2); None for none."""
    lines = _runs(points)
    while len(lines) >= 4:
        corners = _corners_of(lines)
        length = np.abs(np.roll(corners, -1, axis=0) - corners).max(axis=1)
        shortest = int(np.argmin(length))
        if length[shortest] >= least:
            return corners
        if len(lines) == 4:
            return None
        lines = _without(lines, shortest)
    return None


Line = tuple[bool, float, float]
"""Whether it is horizontal, where it lies on the other axis, and the length that it stands for."""


def _runs(points: Floats) -> list[Line]:
    """The lines of a closed ring: neighbouring edges of one kind together, horizontal and vertical in turn."""
    edges = np.diff(points, axis=0)
    middles = (points[:-1] + points[1:]) / 2.0
    lines: list[Line] = []
    for (dx, dy), (x, y) in zip(edges, middles, strict=True):
        flat = bool(abs(dx) >= abs(dy))
        own: Line = (flat, float(y if flat else x), float(abs(dx) if flat else abs(dy)))
        if lines and lines[-1][0] == flat:
            lines[-1] = _joined(lines[-1], own)
        else:
            lines.append(own)
    if len(lines) > 1 and lines[0][0] == lines[-1][0]:
        lines[0] = _joined(lines[0], lines.pop())
    return lines


def _joined(one: Line, other: Line) -> Line:
    """Two parallel lines as one, at their mean by length."""
    total = one[2] + other[2]
    return (one[0], (one[1] * one[2] + other[1] * other[2]) / total if total > 0 else one[1], total)


def _corners_of(lines: list[Line]) -> Floats:
    """Where each line meets the next: corner i ends line i - 1 and begins line i."""
    corners = np.empty((len(lines), 2))
    for i, (flat, at, _) in enumerate(lines):
        before = lines[i - 1][1]
        corners[i] = (before, at) if flat else (at, before)
    return corners


def _without(lines: list[Line], i: int) -> list[Line]:
    """The lines without line ``i``; its neighbours, which are parallel, become one."""
    count = len(lines)
    joined = _joined(lines[i - 1], lines[(i + 1) % count])
    turned = [lines[(i + k) % count] for k in range(count)]  # begins with the one to take out
    return [joined, *turned[2:-1]]
