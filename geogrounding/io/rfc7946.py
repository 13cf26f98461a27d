"""Polygons for GeoJSON as RFC 7946 wants them: WGS84, counter-clockwise, cut at the antimeridian, 7 decimals.

An edge of a box that is straight in the scene may be a curve in longitude and latitude: vertices are added where it
deviates by more than the last decimal written (about 1 cm). A polygon that crosses 180 degrees is cut there by the
``antimeridian`` package. One that holds or touches a pole is cut in two along the meridians 0 and 180, since no ring in
longitude and latitude can go around a pole; so is one wider than half the globe, and no part is wider than 180 degrees.
Parts of one MultiPolygon must not share an edge: along the meridian 0 the western one ends one last decimal short.
"""

from __future__ import annotations

from typing import cast

import antimeridian
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from shapely import MultiPolygon, Polygon

from geogrounding.geometry.geodesy import POLAR_LATITUDE, densify, transform_points
from geogrounding.geometry.operation import Operation

WGS84 = CRS.from_epsg(4326)
DECIMALS = 7
EDGE_TOLERANCE_DEGREES = 1e-7
GAP_DEGREES = 1e-7
POLE_REACH_DEGREES = 1e-7
"""A polygon that comes nearer to a pole than this (about 1 cm) touches it."""


def polygons_lonlat(
    polygons: NDArray[np.object_],
    crs: CRS,
    *,
    target_crs: CRS = WGS84,
    decimals: int | None = DECIMALS,
    operation: Operation | None = None,
) -> NDArray[np.object_]:
    """Polygons (N,) in ``crs`` as Polygons and MultiPolygons (N,) of longitude and latitude in degrees.

    Args:
        polygons: valid polygons, with or without holes.
        crs: the CRS in which their edges are straight.
        target_crs: a geographic CRS; GeoJSON knows only WGS84.
        decimals: round to this many decimals; None keeps all. A polygon that rounding would spoil keeps all as well.
        operation: from ``crs`` to ``target_crs``; None leaves the choice to PROJ, point by point.

    Raises:
        OutputError: a polygon lies outside what the target CRS can describe.
    """
    if len(polygons) == 0:
        return polygons
    dense = densify(polygons, crs, target_crs, tolerance=EDGE_TOLERANCE_DEGREES, operation=operation)
    coordinates = shapely.get_coordinates(dense)
    lonlat = transform_points(coordinates, crs, target_crs, operation)
    placed = shapely.set_coordinates(dense.copy(), lonlat)
    for i in np.flatnonzero(_needs_a_cut(placed)):
        placed[i] = _cut(placed[i])
    placed = shapely.orient_polygons(placed)
    return placed if decimals is None else _rounded(placed, decimals)


def _needs_a_cut(placed: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Which polygons (N,) jump across the antimeridian, touch a pole, or are wider than half the globe."""
    rings, polygon_of_ring = shapely.get_rings(placed, return_index=True)
    lonlat, ring_of_point = shapely.get_coordinates(rings, return_index=True)
    same_ring = ring_of_point[:-1] == ring_of_point[1:]
    jumps = (np.abs(np.diff(lonlat[:, 0])) > 180.0) & same_ring
    result = np.zeros(len(placed), dtype=np.bool_)
    result[polygon_of_ring[ring_of_point[:-1][jumps]]] = True
    bounds = shapely.bounds(placed)
    result |= bounds[:, 2] - bounds[:, 0] > 180.0
    result |= np.abs(bounds[:, [1, 3]]).max(axis=1) >= 90.0 - POLE_REACH_DEGREES
    return result


def _cut(polygon: Polygon) -> Polygon | MultiPolygon:
    bounds = polygon.bounds
    if max(abs(bounds[1]), abs(bounds[3])) > POLAR_LATITUDE:
        sign = 1.0 if bounds[3] > POLAR_LATITUDE else -1.0
        seen_from_pole = _around_pole(polygon, sign)
        if shapely.dwithin(seen_from_pole, shapely.Point(0.0, 0.0), POLE_REACH_DEGREES):
            return _cut_at_pole(seen_from_pole, sign)
    # Edges are straight in longitude and latitude by now, so they cross 180 degrees where a straight line does.
    cut = antimeridian.fix_polygon(polygon, fix_winding=True, great_circle=False)
    west, south, east, north = cut.bounds
    parts = list(cut.geoms) if isinstance(cut, MultiPolygon) else [cut]
    halves: list[Polygon] = []
    for part in parts:
        if part.bounds[2] - part.bounds[0] > 180.0:
            for half in (shapely.box(west, south, -GAP_DEGREES, north), shapely.box(0.0, south, east, north)):
                halves.extend(_polygons_of(shapely.intersection(part, half)))
        else:
            halves.append(part)
    # A polygon that only touches the antimeridian leaves a part without area on its other side.
    return _assembled([half for half in halves if half.area > 0] or halves)


def _around_pole(polygon: Polygon, sign: float) -> Polygon:
    """The polygon on a plane around a pole: x to 90 degrees east, -y to the prime meridian, distances in degrees."""

    def project(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
        distance, longitude = 90.0 - sign * lonlat[:, 1], np.radians(lonlat[:, 0])
        return np.stack([distance * np.sin(longitude), -distance * np.cos(longitude)], axis=1)

    return cast(Polygon, shapely.make_valid(shapely.transform(polygon, project)))


def _cut_at_pole(seen_from_pole: Polygon, sign: float) -> Polygon | MultiPolygon:
    """Cut a polygon on the plane of ``_around_pole`` along the meridians 0 and 180; return longitude and latitude."""
    far = 400.0
    parts: list[Polygon] = []
    for side in (1.0, -1.0):
        half = shapely.box(min(0.0, side * far), -far, max(0.0, side * far), far)
        for part in _polygons_of(shapely.intersection(seen_from_pole, half)):
            ring = _half_ring(np.asarray(part.exterior.coords), side, sign)
            holes = [_half_ring(np.asarray(hole.coords), side, sign) for hole in part.interiors]
            placed = shapely.make_valid(Polygon(ring, holes))
            if side < 0:
                placed = shapely.intersection(placed, shapely.box(-180.0, -90.0, -GAP_DEGREES, 90.0))
            parts.extend(_polygons_of(placed))
    return _assembled(parts)


def _half_ring(ring: NDArray[np.float64], side: float, sign: float) -> list[tuple[float, float]]:
    """One ring of an eastern (``side`` 1) or western (-1) half, with the pole drawn as the line that it is."""
    distance = np.hypot(ring[:, 0], ring[:, 1])
    # abs() puts points on the cutting line on the right side: longitude 180 or -180, never the other one.
    longitude = side * np.degrees(np.arctan2(np.abs(ring[:, 0]), -ring[:, 1]))
    latitude = sign * (90.0 - distance)
    at_pole = distance < POLE_REACH_DEGREES
    result: list[tuple[float, float]] = []
    count = len(ring) - 1
    for i in range(count):
        before, after = (i - 1) % count, (i + 1) % count
        if at_pole[i]:
            result += [(float(longitude[k]), sign * 90.0) for k in (before, after) if not at_pole[k]]
            continue
        result.append((float(longitude[i]), float(latitude[i])))
        if abs(longitude[after] - longitude[i]) > 179.0 and not at_pole[after]:
            result += [(float(longitude[k]), sign * 90.0) for k in (i, after)]
    return result


def _polygons_of(geometry: shapely.Geometry) -> list[Polygon]:
    """The polygons in a geometry; points and lines that a cut leaves behind are dropped."""
    return [part for part in shapely.get_parts(geometry) if isinstance(part, Polygon) and part.area > 0.0] + [
        polygon
        for part in shapely.get_parts(geometry)
        if isinstance(part, MultiPolygon)
        for polygon in _polygons_of(part)
    ]


def _assembled(parts: list[Polygon]) -> Polygon | MultiPolygon:
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)


def _rounded(placed: NDArray[np.object_], decimals: int) -> NDArray[np.object_]:
    """Coordinates rounded, except for polygons that rounding would make invalid (smaller than the last decimal)."""
    rounded = shapely.transform(placed, lambda lonlat: np.round(lonlat, decimals))
    spoiled = ~shapely.is_valid(rounded)
    rounded[spoiled] = placed[spoiled]
    return cast(NDArray[np.object_], rounded)
