"""Outlines that a model draws itself: polygons and turned boxes, from numbers to points to masks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import shapely

from geogrounding.geometry.masks import pack_mask
from geogrounding.types import BoxPx, Mask

Outline = tuple[tuple[float, float], ...]
_SAME = 1e-9


def turned_box(x: float, y: float, width: float, height: float, angle: float) -> Outline:
    """The corners of a box around (x, y) that is turned by ``angle`` radians from the x axis towards the y axis.

    With y down that is clockwise as the image is seen; ``width`` lies along the turned x axis.
    """
    cos, sin = math.cos(angle), math.sin(angle)
    return tuple(
        (x + a * width / 2 * cos - b * height / 2 * sin, y + a * width / 2 * sin + b * height / 2 * cos)
        for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    )


def bounds_of(outline: Sequence[tuple[float, float]]) -> tuple[float, float, float, float]:
    """The smallest box around points, in their order of coordinates."""
    first, second = zip(*outline, strict=True)
    return min(first), min(second), max(first), max(second)


def is_box(outline: Sequence[tuple[float, float]]) -> bool:
    """Whether points are only the corners of their bounds: such an outline says nothing that the box does not."""
    a0, b0, a1, b1 = bounds_of(outline)
    corners = {(a0, b0), (a1, b0), (a1, b1), (a0, b1)}
    upright = all(a == c or b == d for (a, b), (c, d) in zip(outline, [*outline[1:], outline[0]], strict=True))
    return len(set(outline)) < 3 or (set(outline) == corners and upright)


def mask_of(outline_px: Sequence[tuple[float, float]], box_px: BoxPx) -> Mask | None:
    """The pixels whose centres an outline encloses, inside its box; those that it touches where that is none.

    An outline that crosses itself is taken for the areas that it encloses.

    Args:
        outline_px: points in pixels of the chip, not necessarily inside it.
        box_px: the bounds of the outline, cut to the chip.
    """
    from affine import Affine
    from rasterio.features import rasterize

    x0, y0 = math.floor(box_px[0] + _SAME), math.floor(box_px[1] + _SAME)
    x1, y1 = math.ceil(box_px[2] - _SAME), math.ceil(box_px[3] - _SAME)
    shape = shapely.make_valid(shapely.Polygon(outline_px))
    if x1 <= x0 or y1 <= y0 or not shape.area > 0:
        return None
    parts = shapely.get_parts(shapely.get_parts(shape))  # a collection may hold another
    areas = shapely.union_all([p for p in parts if p.geom_type == "Polygon" and p.area > 0])
    for touched in (False, True):
        pixels = rasterize(
            [areas], (y1 - y0, x1 - x0), transform=Affine.translation(x0, y0), all_touched=touched, dtype="uint8"
        )
        if pixels.any():
            return pack_mask(pixels > 0, (x0, y0))
    return None
