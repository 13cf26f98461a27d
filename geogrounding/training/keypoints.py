"""Two points inside each object, as target answers of the task ``segment`` hold them."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from geogrounding.datasets.sample import Sample

_DETAIL = 0.02
"""How well the widest place is found, as a share of the box's shorter side."""


def keypoints_of(sample: Sample) -> NDArray[np.float64]:
    """Points (N, 2, 2) in pixels of the image: for each box, two places where its part of the mask is widest."""
    masks = shapely.union_all([shapely.make_valid(polygon) for polygon in sample.polygons_px])
    points = [_points(box, masks) for box in sample.boxes_px]
    return np.array(points, np.float64).reshape(-1, 2, 2)


def _points(box_px: NDArray[np.float64], masks: shapely.Geometry) -> list[tuple[float, float]]:
    frame = shapely.box(*box_px)
    shape = shapely.intersection(masks, frame)
    whole = shape if shape.area > 0 else frame
    side = float(min(box_px[2:] - box_px[:2]))
    first, radius = _widest(whole, side)
    rest = shapely.difference(whole, shapely.Point(first).buffer(radius))
    return [first, _widest(rest, side)[0] if rest.area > 0 else first]


def _widest(shape: shapely.Geometry, side: float) -> tuple[tuple[float, float], float]:
    """The centre and the radius of the largest circle inside the largest part of a shape."""
    part = max(shapely.get_parts(shape), key=lambda one: float(one.area))
    circle = shapely.maximum_inscribed_circle(part, tolerance=max(_DETAIL * side, 1e-6))
    (x, y), _ = circle.coords
    return (float(x), float(y)), float(circle.length)
