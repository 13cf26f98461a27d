"""The borders of relations and places, and how far from them two boxes of an image stand.

``rules`` decides with these borders, over arrays and outlines. Degrees are 0 on the border of a rule, 1 where it surely
holds, -1 where it surely does not: ``image_objects`` asks for them where a training expression must be beyond doubt.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RelationKind = Literal["nearest", "farthest", "next to", "near", "left of", "right of", "above", "below", "inside"]

NEXT_TO = (0.5, 0.2)
"""(border, margin): two boxes are next to each other if the gap between them is at most half their size."""
NEAR = (1.5, 0.5)
"""The same for "near": one and a half times their size. The size of two boxes is the fourth root of the product of their areas,
so that a car beside a stadium is measured in cars and stadiums alike."""
CONE = (1.0, 0.3)
"""(border, margin) of the slope under which one box may lie left of another: 45 degrees to either side."""
BESIDE_MARGIN = 0.02
"""Share of the side of the image by which the centre must lie outside the neighbour for left, right, above and below."""
REACH = (10.0, 1.0)
"""(border, margin) of a direction of the image, in sizes of the two, measured as for "near": a scene is large, and nearly
everything is left of something."""
INSIDE = (0.5, 0.25)
"""(border, margin) of the share of a box that lies in the neighbour."""


@dataclass(slots=True)
class Boxes:
    """Boxes as lists of plain numbers: at some tens of objects faster than arrays."""

    corners: list[list[float]]
    """x0, y0, x1, y1 in pixels."""
    width: float
    height: float
    x: list[float]
    """Centres as shares of the width."""
    y: list[float]
    """Centres as shares of the height."""
    area: list[float]
    """Pixels squared."""
    _keys: dict[str, tuple[list[float], list[float]]] = field(default_factory=dict)

    @classmethod
    def of(cls, boxes_px: NDArray[np.float64], size_px: tuple[int, int]) -> Boxes:
        """Prepare boxes of an image of this (width, height)."""
        width, height = float(size_px[0]), float(size_px[1])
        corners: list[list[float]] = boxes_px.tolist()
        return cls(
            corners=corners,
            width=width,
            height=height,
            x=[(box[0] + box[2]) / 2 / width for box in corners],
            y=[(box[1] + box[3]) / 2 / height for box in corners],
            area=[(box[2] - box[0]) * (box[3] - box[1]) for box in corners],
        )

    def keys(self, rank: str) -> tuple[list[float], list[float]]:
        """What a rank sorts by, the first comes first: (by centre or area, by the outer edge)."""
        if rank not in self._keys:
            edge: list[float]
            if rank in ("leftmost", "topmost"):
                low = rank == "topmost"
                centre, edge = self.y if low else self.x, [box[int(low)] for box in self.corners]
            elif rank in ("rightmost", "bottommost"):
                low = rank == "bottommost"
                centre = [-value for value in (self.y if low else self.x)]
                edge = [-box[2 + int(low)] for box in self.corners]
            else:
                centre = self.area if rank == "smallest" else [-area for area in self.area]
                edge = centre
            self._keys[rank] = centre, edge
        return self._keys[rank]


def gap_px(boxes: Boxes, one: int, other: int) -> float:
    """Distance between the nearest edges of two boxes, 0 where they touch or overlap."""
    a, b = boxes.corners[one], boxes.corners[other]
    across = max(b[0] - a[2], a[0] - b[2], 0.0)
    down = max(b[1] - a[3], a[1] - b[3], 0.0)
    return math.hypot(across, down)


def distances(boxes: Boxes, one: int, others: list[int]) -> tuple[float, float]:
    """(gap, distance of centres) to the nearest of the others, pixels; infinite when there is no other."""
    gap = centre = float("inf")
    for other in others:
        if other != one:
            gap = min(gap, gap_px(boxes, one, other))
            across = (boxes.x[one] - boxes.x[other]) * boxes.width
            down = (boxes.y[one] - boxes.y[other]) * boxes.height
            centre = min(centre, math.hypot(across, down))
    return gap, centre


def degree(boxes: Boxes, kind: RelationKind, one: int, other: int) -> float:
    """How clearly a relation holds between a box and its neighbour.

    Args:
        boxes: all boxes.
        kind: any but "nearest" and "farthest", which compare several boxes.
        one: index of the target.
        other: index of the neighbour.
    """
    apart = gap_px(boxes, one, other) / math.sqrt(math.sqrt(boxes.area[one] * boxes.area[other]))
    if kind in ("next to", "near"):
        border, margin = NEXT_TO if kind == "next to" else NEAR
        return (border - apart) / margin
    a, b = boxes.corners[one], boxes.corners[other]
    if kind == "inside":
        across = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
        down = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
        return (across * down / boxes.area[one] - INSIDE[0]) / INSIDE[1]
    x, y = boxes.x[one] * boxes.width, boxes.y[one] * boxes.height
    across, down = boxes.x[other] * boxes.width - x, boxes.y[other] * boxes.height - y
    if kind == "left of":
        outside, along, aside = (b[0] - x) / boxes.width, across, down
    elif kind == "right of":
        outside, along, aside = (x - b[2]) / boxes.width, -across, down
    elif kind == "above":
        outside, along, aside = (b[1] - y) / boxes.height, down, across
    else:
        outside, along, aside = (y - b[3]) / boxes.height, -down, across
    # what lies out of reach is in doubt, not clearly elsewhere: people would still call it "left of"
    reach = max((REACH[0] - apart) / REACH[1], -0.5)
    return min(outside / BESIDE_MARGIN, (CONE[0] - abs(aside) / max(along, 1e-9)) / CONE[1], reach)


def place_depth(part: str, x: Floats | float, y: Floats | float, *, corner: bool = False) -> Floats:
    """How far inside a part of the image centres (N,) lie, as shares of its sides; below 0 outside.

    Args:
        part: a half, a quarter or ``central``, such as "upper left".
        x: centres as shares of the width.
        y: centres as shares of the height.
        corner: the outer third of both sides, in place of the half.
    """
    if part == "central":
        return np.asarray(0.25 - np.maximum(np.abs(x - 0.5), np.abs(y - 0.5)), np.float64)
    border, words = (1 / 3 if corner else 0.5), part.split()
    depths = [
        border - share
        for word, share in (("left", x), ("right", 1 - x), ("upper", y), ("lower", 1 - y))
        if word in words
    ]
    return np.min(np.array(depths, np.float64), axis=0)  # type: ignore[no-any-return]
