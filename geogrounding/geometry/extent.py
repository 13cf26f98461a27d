"""Extents as text, in the forms that other programs write.

xmin,ymin,xmax,ymax                                    commas, spaces or semicolons
xmin,xmax,ymin,ymax [EPSG:25833]                       QGIS
-te xmin ymin xmax ymax, -projwin ulx uly lrx lry      GDAL
BOX(xmin ymin,xmax ymax)                               PostGIS
POLYGON((...)), SRID=4326;POLYGON((...))               WKT of a rectangle
ENVELOPE(xmin, xmax, ymax, ymin)                       CQL
[w, s, e, n], {"bbox": [...]}, {"type": "Polygon"...}  GeoJSON
left=..., bottom=..., right=..., top=...               rasterio, and other names of the sides
xmin,ymin : xmax,ymax                                  QGIS, of a rectangle
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape

from geogrounding.errors import AreaError

HINT = "Give xmin,ymin,xmax,ymax, an extent of QGIS with its CRS in brackets, a WKT rectangle or a GeoJSON bbox."
LONLAT = "EPSG:4326"

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_SIDES = {
    "xmin": ("xmin", "minx", "left", "west", "w", "x_min", "min_x"),
    "ymin": ("ymin", "miny", "bottom", "south", "s", "y_min", "min_y"),
    "xmax": ("xmax", "maxx", "right", "east", "e", "x_max", "max_x"),
    "ymax": ("ymax", "maxy", "top", "north", "n", "y_max", "max_y"),
}
_WORD = re.compile(r"(?:srid\s*=\s*(\d+)\s*;)?\s*(polygon|multipolygon|envelope|box3d|box)\s*z?\s*\(", re.IGNORECASE)
_NAMED = re.compile(rf"[\"']?([a-z_]+)[\"']?\s*[=:]\s*(?:np\.float64\()?({_NUMBER})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Extent:
    """A box, and the CRS that the text names for it."""

    bounds: tuple[float, float, float, float]
    """(xmin, ymin, xmax, ymax); xmin > xmax where a box in longitudes crosses the antimeridian."""
    crs: str | None = None


def parse_extent(text: str) -> Extent:
    """Read an extent in one of the forms of this module.

    Raises:
        AreaError: it is none of them.
    """
    plain = text.strip()
    try:
        found = _structured(plain)
    except (ValueError, TypeError, KeyError, ShapelyError, RecursionError):
        found = None
    if found is None or not all(math.isfinite(value) for value in found.bounds):
        raise AreaError(f"{plain[:100]!r} is not an extent", hint=HINT)
    return found


def _structured(text: str) -> Extent | None:
    if text.startswith("{"):
        return Extent(_geojson(json.loads(text)), LONLAT)
    word = re.match(
        r"(?:srid\s*=\s*(\d+)\s*;)?\s*(polygon|multipolygon|envelope|box3d|box)\s*z?\s*\(", text, re.IGNORECASE
    )
    if word is not None:
        crs = f"EPSG:{word[1]}" if word[1] else None
        return Extent(_shape(word[2].lower(), text.split(";")[-1]), crs)
    sides = _named(text)
    if sides is not None:
        return Extent(sides)
    return _numbers(text)


def _named(text: str) -> tuple[float, float, float, float] | None:
    given = {key.lower(): float(value) for key, value in _NAMED.findall(text)}
    values = [next((given[name] for name in names if name in given), None) for names in _SIDES.values()]
    if any(value is None for value in values):
        return None
    xmin, ymin, xmax, ymax = (float(value) for value in values if value is not None)
    return xmin, ymin, xmax, ymax


def _numbers(text: str) -> Extent | None:
    crs = re.search(r"\[\s*([A-Za-z_]+:[^\]\s]+)\s*\]\s*$", text)
    body = text[: crs.start()] if crs else text
    option = re.match(r"\s*-{0,2}(te|projwin|spat|bbox|bounds|extent)\b[\s=]*", body, re.IGNORECASE)
    body = body[option.end() :] if option else body
    body = re.sub(r"<?QgsRectangle:?|BoundingBox|Rectangle|[()\[\]<>]", " ", body)
    if re.sub(rf"{_NUMBER}|[\s,;:]", "", body):
        return None
    values = [float(value) for value in re.findall(_NUMBER, body)]
    if len(values) == 6:  # GeoJSON with heights
        values = [values[i] for i in (0, 1, 3, 4)]
    if len(values) != 4:
        return None
    one, two, three, four = values
    if crs is not None:
        return Extent((one, three, two, four), crs[1])
    if option is not None and option[1].lower() == "projwin":
        return Extent((one, four, three, two))
    return Extent((one, two, three, four))


def _geojson(value: dict[str, Any]) -> tuple[float, float, float, float]:
    box = value.get("bbox")
    if box is not None:
        numbers = [float(number) for number in box]
        west, south, east, north = numbers if len(numbers) == 4 else [numbers[i] for i in (0, 1, 3, 4)]
        return west, south, east, north
    if value.get("type") == "FeatureCollection":
        (value,) = value["features"]
    return _rectangle(shape(value.get("geometry", value)))


def _shape(word: str, text: str) -> tuple[float, float, float, float]:
    if "polygon" in word:
        return _rectangle(shapely.from_wkt(text))
    values = [float(value) for value in re.findall(_NUMBER, text.partition("(")[2])]
    if word == "envelope":
        xmin, xmax, ymax, ymin = values
        return xmin, ymin, xmax, ymax
    if word == "box3d" or len(values) == 6:
        values = [values[i] for i in (0, 1, 3, 4)]
    xmin, ymin, xmax, ymax = values
    return xmin, ymin, xmax, ymax


def _rectangle(geometry: Any) -> tuple[float, float, float, float]:
    xmin, ymin, xmax, ymax = geometry.bounds
    box = shapely.box(xmin, ymin, xmax, ymax)
    if geometry.is_empty or geometry.symmetric_difference(box).area > 1e-6 * box.area:
        raise AreaError(
            "the shape given as an extent is not a rectangle", hint="Write it to a file and give that with --aoi."
        )
    return xmin, ymin, xmax, ymax
