"""What things look like, measured: colours of their pixels, the shape of their outlines, the axis they point along.

A colour is a region of CIE LCh (lightness, chroma, hue), not a point: regions overlap, because a brick roof is "red" to one
person and "brown" to another. A thing has a colour when enough of its pixels lie in that region. Shapes are ratios of areas
and lengths, so that they do not depend on size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from geogrounding.geometry.measure import Floats, Shapes
from geogrounding.geometry.rectangles import least_rectangles

Mask = NDArray[np.bool_]

# name: (least and most lightness, least and most chroma, hue from, hue to in degrees, share of pixels that is enough)
_REGIONS: dict[str, tuple[float, float, float, float, float, float, float]] = {
    "black": (0, 28, 0, 14, 0, 360, 0.55), "dark": (0, 40, 0, 200, 0, 360, 0.6),
    "white": (76, 101, 0, 14, 0, 360, 0.4), "light": (66, 101, 0, 200, 0, 360, 0.6),
    "grey": (26, 82, 0, 11, 0, 360, 0.5), "silver": (52, 90, 0, 11, 0, 360, 0.45),
    "red": (12, 85, 17, 200, -15, 52, 0.35), "pink": (55, 95, 12, 60, -30, 30, 0.35),
    "orange": (42, 90, 30, 200, 45, 80, 0.35), "brown": (12, 58, 11, 50, 35, 85, 0.45),
    "beige": (56, 95, 7, 32, 55, 108, 0.45), "yellow": (52, 101, 30, 200, 78, 112, 0.35),
    "green": (10, 95, 10, 200, 108, 185, 0.35), "turquoise": (25, 95, 12, 200, 170, 235, 0.35),
    "blue": (8, 95, 15, 200, 195, 310, 0.35), "purple": (8, 90, 12, 200, 310, 348, 0.35),
}  # fmt: skip
COLOURS = tuple(_REGIONS)
"""Colours that can be measured."""
_ALIKE = {"gray": "grey", "violet": "purple", "maroon": "red", "cyan": "turquoise", "teal": "turquoise", "tan": "beige",
          "navy": "blue", "cream": "beige", "bright": "light", "pale": "light"}  # fmt: skip
COLOUR_COLUMNS = ("colour", "roof colour")
SHAPES = ("round", "square", "rectangular", "elongated")
ROUND_FILL = 0.78
"""Least share of the least circle around a round outline; that of a regular hexagon is 0.83, of a square 0.64."""
RECTANGULAR_FILL = 0.82
"""Least share of the least rectangle around a rectangular outline; a circle has 0.785."""
COMPACT = 1.25
"""Greatest ratio of length to width of a square or a round outline."""
ELONGATED = 3.0
"""Least ratio of length to width of an elongated outline."""
AXIS = 1.15
"""Least ratio of length to width of an outline that has a direction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """What N things look like."""

    shares: Floats
    """(N, colours): the share of the pixels of each that has each of ``COLOURS``; NaN where no pixel was seen."""
    outlines: Shapes
    """(N,) what was seen of each as a polygon in the plane of the ground; None where nothing was."""


def colour_name(said: str) -> str | None:
    """The colour that can be measured for a word; None where there is none."""
    name = _ALIKE.get(said, said)
    return name if name in _REGIONS else None


def measurable(column: str, value: str) -> bool:
    """Whether an attribute is measured from pixels or outlines."""
    return (column in COLOUR_COLUMNS and colour_name(value) is not None) or (column == "shape" and value in SHAPES)


def colour_shares(rgb: NDArray[np.uint8]) -> Floats:
    """The share of pixels (P, 3) that has each of ``COLOURS`` (C,); NaN without a pixel."""
    if not len(rgb):
        return np.full(len(COLOURS), np.nan)
    light, chroma, hue = lch(rgb)
    out = np.empty(len(COLOURS))
    for i, (low, high, least, most, begin, end, _) in enumerate(_REGIONS.values()):
        turned = (hue - begin) % 360.0
        within = turned <= end - begin if end - begin < 360 else np.ones(len(hue), np.bool_)
        out[i] = np.mean((light >= low) & (light <= high) & (chroma >= least) & (chroma <= most) & within)
    return out


def enough_of(colour: str) -> float:
    """The share of the pixels from which on a thing has a colour."""
    return _REGIONS[colour][-1]


def lch(rgb: NDArray[np.uint8]) -> tuple[Floats, Floats, Floats]:
    """Lightness, chroma and hue (P,), (P,), (P,) of sRGB pixels (P, 3): CIE 1976 L*C*h, white D65, hue in [0, 360)."""
    value = rgb.astype(np.float64) / 255.0
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    matrix = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    )
    xyz = linear @ matrix.T / [0.95047, 1.0, 1.08883]
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    a, b = 500.0 * (f[:, 0] - f[:, 1]), 200.0 * (f[:, 1] - f[:, 2])
    return 116.0 * f[:, 1] - 16.0, np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360.0


def has_shape(shape: str, outlines: Shapes) -> tuple[Mask, Floats]:
    """Which outlines (N,) have a shape, and the ratio (N,) that says so; NaN of what is no polygon.

    The ratio is length to width for "elongated", the share of the least circle around it for "round", that of the least
    rectangle around it for the others.
    """
    fits, ratio = np.zeros(len(outlines), np.bool_), np.full(len(outlines), np.nan)
    some = np.flatnonzero(shapely.get_dimensions(outlines) == 2)
    if not len(some):
        return fits, ratio
    polygons = outlines[some]
    around = least_rectangles(polygons)
    corners = shapely.get_coordinates(around).reshape(-1, 5, 2)
    sides = np.hypot(*np.moveaxis(np.diff(corners[:, :3], axis=1), 2, 0))
    slender = sides.max(axis=1) / np.maximum(sides.min(axis=1), 1e-12)
    area = shapely.area(polygons)
    rectangle = area / np.maximum(shapely.area(around), 1e-12)
    circle = area / np.maximum(np.pi * shapely.minimum_bounding_radius(polygons) ** 2, 1e-12)
    ratio[some] = {"elongated": slender, "round": circle}.get(shape, rectangle)
    fits[some] = {
        "round": (circle >= ROUND_FILL) & (slender <= COMPACT),
        "square": (rectangle >= RECTANGULAR_FILL) & (slender <= COMPACT) & (circle < ROUND_FILL),
        "rectangular": (rectangle >= RECTANGULAR_FILL) & (circle < ROUND_FILL),
        "elongated": slender >= ELONGATED,
    }[shape]
    return fits, ratio


def axes(outlines: Shapes, *, symmetric: bool) -> Floats:
    """The direction (N,) that outlines point along, degrees clockwise from up in [0, 180); NaN where they have none.

    Args:
        outlines: (N,) polygons.
        symmetric: the axis about which an outline is its own mirror image: that of an airplane, whose wings may be longer
            than its body; else its longer side.
    """
    out = np.full(len(outlines), np.nan)
    some = np.flatnonzero(shapely.get_dimensions(outlines) == 2)
    if not len(some):
        return out
    around = least_rectangles(outlines[some])
    corners = shapely.get_coordinates(around).reshape(-1, 5, 2)
    steps = np.diff(corners[:, :3], axis=1)
    sides = np.hypot(steps[:, :, 0], steps[:, :, 1])
    along = steps[np.arange(len(some)), np.argmax(sides, axis=1)]
    slender = sides.max(axis=1) / np.maximum(sides.min(axis=1), 1e-12)
    bearing = np.degrees(np.arctan2(along[:, 0], along[:, 1])) % 180.0
    out[some] = np.where(slender >= AXIS, bearing, np.nan)
    if symmetric:
        for i in some:
            out[i] = _mirror_axis(shapely.make_valid(outlines[i]))
    return out


def _mirror_axis(polygon: shapely.Geometry) -> float:
    """The bearing of the line through the centroid about which a polygon is most nearly its own mirror image."""
    centre = shapely.get_coordinates(shapely.centroid(polygon))[0]
    angles = np.arange(0.0, 180.0, 5.0)
    mirrored = []
    for angle in np.radians(angles):
        turned = np.array([[-np.cos(2 * angle), np.sin(2 * angle)], [np.sin(2 * angle), np.cos(2 * angle)]])
        mirrored.append(shapely.transform(polygon, lambda xy, turned=turned: (xy - centre) @ turned.T + centre))
    common = shapely.area(
        shapely.intersection(polygon, np.array([shapely.make_valid(one) for one in mirrored], object))
    )
    return float(angles[int(np.argmax(common))])
