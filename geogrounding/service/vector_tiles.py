"""Mapbox vector tiles (version 2) of a layer with too many features for one answer.

The format is a few lengths and zigzag numbers of protocol buffers; the packages that write it demand an older protobuf
than models do. GDAL reads the result back in the tests.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import shapely

from geogrounding.service.layers import Layer, Wanted

EXTENT = 4096
BUFFER = 64
MOST_FEATURES = 10_000
"""In one tile: the largest ones; more would be smaller than a pixel."""
LAYER_NAME = "features"


def tile_bounds(z: int, x: int, y: int) -> tuple[float, float, float, float]:
    """West, south, east, north of a tile of WebMercatorQuad, degrees."""
    n = 1 << z
    west, east = x / n * 360 - 180, (x + 1) / n * 360 - 180
    north, south = (math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * row / n)))) for row in (y, y + 1))
    return west, south, east, north


def vector_tile(layer: Layer, wanted: Wanted, z: int, x: int, y: int) -> bytes:
    """One tile with the attributes ``query``, ``score`` and ``review``; empty where nothing is."""
    west, south, east, north = tile_bounds(z, x, y)
    margin = (east - west) * BUFFER / EXTENT
    around = (west - margin, max(-90.0, south - margin), east + margin, min(90.0, north + margin))
    rows = layer.shapes(
        Wanted(bbox=around, min_score=wanted.min_score, review=wanted.review, query=wanted.query), MOST_FEATURES
    )
    if not rows:
        return b""
    shapes = shapely.from_geojson(np.array([row[4] for row in rows]))
    placed = shapely.transform(shapes, lambda lonlat: _to_tile(lonlat, z, x, y))
    placed = shapely.clip_by_rect(placed, -BUFFER, -BUFFER, EXTENT + BUFFER, EXTENT + BUFFER)
    keys = ("query", "score", "review")
    values: dict[Any, int] = {}
    encoded = []
    for row, shape in zip(rows, placed, strict=True):
        geometry = list(_commands(shape))
        if not geometry:
            continue
        tags: list[int] = []
        for key, value in zip(range(len(keys)), row[1:4], strict=True):
            if value is not None:
                tags += [key, values.setdefault(value, len(values))]
        feature = _field(1, row[0]) + _packed(2, tags) + _field(3, 3) + _packed(4, geometry)
        encoded.append(_bytes(2, feature))
    if not encoded:
        return b""
    named = _bytes(1, LAYER_NAME.encode()) + b"".join(encoded)
    tables = b"".join(_bytes(3, key.encode()) for key in keys) + b"".join(_bytes(4, _value(value)) for value in values)
    return _bytes(3, named + tables + _field(5, EXTENT) + _field(15, 2))


def _to_tile(lonlat: np.ndarray[Any, np.dtype[np.float64]], z: int, x: int, y: int) -> Any:
    """Longitude and latitude to whole units of a tile, y down."""
    n = 1 << z
    latitude = np.radians(np.clip(lonlat[:, 1], -85.0511, 85.0511))
    column = ((lonlat[:, 0] + 180) / 360 * n - x) * EXTENT
    row = ((1 - np.arcsinh(np.tan(latitude)) / np.pi) / 2 * n - y) * EXTENT
    return np.rint(np.stack([column, row], axis=1))


def _commands(shape: shapely.Geometry) -> Iterator[int]:
    """Command integers of the polygons in a geometry; rings that vanish in the tile are drawn as one unit."""
    at = (0, 0)
    for part in shapely.get_parts(shape):
        if part.geom_type != "Polygon" or part.is_empty:
            continue
        for number, ring in enumerate((part.exterior, *part.interiors)):
            # exterior rings run clockwise on the screen, where y points down: positive area in tile units
            points = np.rint(np.asarray(ring.coords)[:-1]).astype(int)
            points = points[np.any(points != np.roll(points, 1, axis=0), axis=1)]
            area = _area(points)
            if len(points) < 3 or area == 0:
                if number:
                    continue
                corner = np.rint(np.asarray(ring.coords)[0]).astype(int)
                points, area = corner + np.array([[0, 0], [1, 0], [1, 1], [0, 1]]), 1.0
            if (area > 0) == bool(number):
                points = points[::-1]
            moves = np.diff(np.vstack([at, points]), axis=0)
            at = (int(points[-1][0]), int(points[-1][1]))
            yield from (9, _zigzag(moves[0][0]), _zigzag(moves[0][1]), (len(moves) - 1) << 3 | 2)
            for dx, dy in moves[1:].tolist():
                yield _zigzag(dx)
                yield _zigzag(dy)
            yield 15


def _area(points: np.ndarray[Any, Any]) -> float:
    following = np.roll(points, -1, axis=0)
    return float(np.sum(points[:, 0] * following[:, 1] - following[:, 0] * points[:, 1])) / 2


def _zigzag(value: int) -> int:
    value = int(value)
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
