"""The result: one geometry with where it came from."""

from __future__ import annotations

from dataclasses import dataclass

from shapely import Point, Polygon

from geogrounding.types import Outline


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """A polygon or point in the CRS of the scene (or in scene pixels where it has none) with its provenance."""

    id: int
    """1, 2, 3 ... in the order of the output; the same for the same run."""
    query: str
    """The expression as the user typed it."""
    label: str
    """What the model called it."""
    score: float | None
    """In [0, 1]; None when the model gives none."""
    reasoning: str
    """What the model said before it answered, for the chip this feature was best seen on."""
    model: str
    chip: str
    """The chip as ``level/row/column``."""
    source: str
    """Name of the raster, without its folder."""
    outline: Outline = "box"
    """What the geometry shows; ``box`` also where a mask was asked for and none was found."""
    area_m2: float | None
    """Geodesic area; None for pixel coordinates and for points."""
    geometry_crs: Polygon | Point
    measures: tuple[tuple[str, float], ...] = ()
    """What a query about the whole scene measured: "length_m", "distance_m", "rank" ...; NaN where it did not."""
