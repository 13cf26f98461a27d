"""Which outlines of a wide layer may be near a place, by their longitudes and latitudes."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

Shapes = NDArray[np.object_]
Indexes = NDArray[np.int64]

_DEGREE_M = 110_500.0
"""Less than a degree of latitude, or of longitude at the equator, is long on the ellipsoids in use."""
_POLAR = 88.0


class Neighbourhood:
    """Outlines in longitude and latitude behind a tree of their bounding boxes."""

    def __init__(self, shapes_lonlat: Shapes) -> None:
        self._count = len(shapes_lonlat)
        self._tree = shapely.STRtree(shapely.box(*shapely.bounds(shapes_lonlat).T))

    def within(self, shapes_lonlat: Shapes, reach_m: float) -> Indexes:
        """Indexes, in order, of all that may be within a distance of any of these, and of some that are not."""
        everything = np.arange(self._count, dtype=np.int64)
        x0, y0, x1, y1 = shapely.total_bounds(shapes_lonlat)
        up = reach_m / _DEGREE_M
        top = max(abs(y0 - up), abs(y1 + up))
        if not np.isfinite([x0, y0, x1, y1]).all() or top > _POLAR:
            return everything
        aside = up / float(np.cos(np.radians(top)))
        if x1 - x0 + 2 * aside >= 360.0:
            return everything
        turns = np.array([-720.0, -360.0, 0.0, 360.0, 720.0])  # outlines across 180 degrees go on beyond it
        boxes = shapely.box(x0 - aside + turns, y0 - up, x1 + aside + turns, y1 + up)
        return np.unique(self._tree.query(boxes)[1]).astype(np.int64)
