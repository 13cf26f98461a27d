"""Mapbox vector tiles (version 2) of a layer with too many features for one answer.

The format is a few lengths and zigzag numbers of protocol buffers; the packages that write it demand an older protobuf
than models do. GDAL reads the result back in the tests.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import shapely

from geogrounding.service.layers import Layer, Wanted

EXTENT = 4096
BUFFER = 64
MOST_FEATURES = 10_000
"""In one tile: the largest ones; more would be smaller than a pixel."""
LAYER_NAME = "features"
POLYGON = 3
"""GEOS's number for the type."""
Ring = list[list[int]]
Numbers = np.ndarray[Any, np.dtype[Any]]


def tile_bounds(z: int, x: int, y: int) -> tuple[float, float, float, float]:
    """West, south, east, north of a tile of WebMercatorQuad, degrees."""
    n = 1 << z
    west, east = x / n * 360 - 180, (x + 1) / n * 360 - 180
    north, south = (math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * row / n)))) for row in (y, y + 1))
    return west, south, east, north


def bounds_around(z: int, x: int, y: int, share: float) -> tuple[float, float, float, float]:
    """Those of a tile with a margin, as a share of its width, on every side."""
    west, south, east, north = tile_bounds(z, x, y)
    margin = (east - west) * share
    return west - margin, max(-90.0, south - margin), east + margin, min(90.0, north + margin)


def to_world(longitude: Numbers, latitude: Numbers) -> tuple[Numbers, Numbers]:
    """Degrees to parts of the square of Web Mercator: columns from its west, rows from its north."""
    radians = np.radians(np.clip(latitude, -85.0511, 85.0511))
    return (longitude + 180) / 360, (1 - np.arcsinh(np.tan(radians)) / np.pi) / 2


def to_tile(lonlat: Numbers, z: int, x: int, y: int) -> Numbers:
    """Longitudes and latitudes (N, 2) to parts of a tile (N, 2), y down."""
    placed: Numbers = np.stack(to_world(lonlat[:, 0], lonlat[:, 1]), axis=1) * (1 << z) - (x, y)
    return placed


def vector_tile(layer: Layer, wanted: Wanted, z: int, x: int, y: int) -> bytes:
    """One tile with the attributes ``query``, ``score``, ``review`` and ``area_m2``; empty where nothing is."""
    rows = layer.shapes(replace(wanted, bbox=bounds_around(z, x, y, BUFFER / EXTENT)), MOST_FEATURES)
    if not rows:
        return b""
    shapes = shapely.from_geojson(np.array([row[5] for row in rows]))
    placed = shapely.transform(shapes, lambda lonlat: np.rint(EXTENT * to_tile(lonlat, z, x, y)))
    placed = shapely.clip_by_rect(placed, -BUFFER, -BUFFER, EXTENT + BUFFER, EXTENT + BUFFER)
    keys = ("query", "score", "review", "area_m2")
    values: dict[Any, int] = {}
    encoded = []
    for row, rings in zip(rows, _rings(placed), strict=True):
        geometry = _commands(rings)
        if not geometry:
            continue
        tags: list[int] = []
        for key, value in enumerate(row[1:5]):
            if value is not None:
                tags += [key, values.setdefault(value, len(values))]
        feature = _field(1, row[0]) + _packed(2, tags) + _field(3, 3) + _packed(4, geometry)
        encoded.append(_bytes(2, feature))
    if not encoded:
        return b""
    named = _bytes(1, LAYER_NAME.encode()) + b"".join(encoded)
    tables = b"".join(_bytes(3, key.encode()) for key in keys) + b"".join(_bytes(4, _value(value)) for value in values)
    return _bytes(3, named + tables + _field(5, EXTENT) + _field(15, 2))


def _rings(placed: Any) -> list[list[tuple[bool, Ring]]]:
    """Of each geometry its rings in whole units: whether it is an interior one, and its points without the last."""
    found: list[list[tuple[bool, Ring]]] = [[] for _ in placed]
    parts, owner = shapely.get_parts(placed, return_index=True)
    polygons = (shapely.get_type_id(parts) == POLYGON) & ~shapely.is_empty(parts)
    parts, owner = parts[polygons], owner[polygons]
    rings, part = shapely.get_rings(parts, return_index=True)
    coordinates, ring = shapely.get_coordinates(rings, return_index=True)
    points = np.rint(coordinates).astype(np.int64).tolist()
    starts = np.searchsorted(ring, np.arange(len(rings) + 1)).tolist()
    before = -1
    for number, (of_part, of_shape) in enumerate(zip(part.tolist(), owner[part].tolist(), strict=True)):
        found[of_shape].append((of_part == before, points[starts[number] : starts[number + 1] - 1]))
        before = of_part
    return found


def _commands(rings: list[tuple[bool, Ring]]) -> list[int]:
    """Command integers of the rings of a feature; exterior rings that vanish in the tile are drawn as one unit."""
    commands: list[int] = []
    at_x = at_y = 0
    skipped = False
    for interior, ring in rings:
        if interior and skipped:
            continue
        # exterior rings run clockwise on the screen, where y points down: positive area in tile units
        points = [point for point, last in zip(ring, [ring[-1], *ring], strict=False) if point != last]
        area = _area(points)
        if len(points) < 3 or area == 0:
            if interior:
                continue
            x, y = ring[0]
            points, area = [[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1]], 1
            skipped = True  # it has no room for holes
        elif not interior:
            skipped = False
        if (area > 0) == interior:
            points.reverse()
        for number, (x, y) in enumerate(points):
            if number == 0:
                commands += (9, _zigzag(x - at_x), _zigzag(y - at_y), (len(points) - 1) << 3 | 2)
            else:
                commands += (_zigzag(x - at_x), _zigzag(y - at_y))
            at_x, at_y = x, y
        commands.append(15)
    return commands


def _area(points: Ring) -> int:
    """Twice the signed area."""
    following = [*points[1:], *points[:1]]
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(points, following, strict=True))


def _zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def _field(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _bytes(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _packed(number: int, values: Iterable[int]) -> bytes:
    return _bytes(number, b"".join(map(_varint, values)))


def _value(value: Any) -> bytes:
    if isinstance(value, str):
        return _bytes(1, value.encode())
    return _varint(3 << 3 | 1) + np.float64(value).tobytes()
