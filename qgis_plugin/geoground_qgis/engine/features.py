"""Features of the engine in the forms that a GIS takes."""

from __future__ import annotations

import math
from typing import Any


def flat(feature: dict[str, Any]) -> dict[str, Any]:
    """A feature as one dictionary: its attributes, ``id``, and ``wkt`` (empty where the geometry is no polygon)."""
    properties = feature.get("properties")
    found = dict(properties) if isinstance(properties, dict) else {}
    found["id"] = feature.get("id")
    found["wkt"] = polygon_wkt(feature.get("geometry"))
    return found


def polygon_wkt(geometry: Any) -> str:
    """WKT of a GeoJSON polygon; empty for anything else."""
    if not isinstance(geometry, dict) or geometry.get("type") != "Polygon":
        return ""
    try:
        rings = [
            "(" + ", ".join(f"{_number(x)} {_number(y)}" for x, y in ring) + ")" for ring in geometry["coordinates"]
        ]
    except (KeyError, TypeError, ValueError):
        return ""
    return f"POLYGON ({', '.join(rings)})" if rings else ""


def _number(value: Any) -> str:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("a coordinate is not finite")
    return repr(number)
