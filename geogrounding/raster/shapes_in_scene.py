"""Shapes from any CRS into pixels of a scene: areas of interest, boxes and labels meet the scene where the Earth meets.

Longitudes wrap: a scene may lie at 0 to 360 or beyond 180 degrees, a box may reach from 179 to -179 (RFC 7946), a
polygon may be split at 180. Shapes are moved by whole turns until they meet the scene; what lies far from it is cut off
before it is transformed, since a projection is defined only around its own place.
"""

from __future__ import annotations

import math

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from shapely.geometry.base import BaseGeometry

from geogrounding.errors import AreaError, OutputError
from geogrounding.geometry.affine import apply_affine
from geogrounding.geometry.operation import Operation
from geogrounding.raster.scene import Scene

SEGMENTS = 64
"""Pieces of each side of a shape before it is transformed: straight in one CRS is curved in another."""
SIDE_POINTS = 32

Shapes = NDArray[np.object_]
Box = tuple[float, float, float, float]


def to_scene_px(scene: Scene, shapes: Shapes, crs: CRS | None, what: str) -> Shapes:
    """Polygons (N,) in ``crs`` as valid polygons (N,) in scene pixels.

    Parts farther from the scene than the scene is large may be left out; the rest lies where it is.

    Args:
        scene: the raster.
        shapes: polygons and multipolygons; parts of one may overlap and are united.
        crs: of the shapes; None is that of the scene (its pixels where it has none).
        what: the shapes are, for errors.

    Raises:
        AreaError: no transformation is known between the two CRSs, or shapes lie where it is not defined.
    """
    shapes = structured(shapely.force_2d(shapes))
    if scene.crs is not None:
        shapes = _to_scene_crs(scene, shapes, crs or scene.crs, what)
    inverse = ~scene.transform
    placed = shapely.transform(shapes, lambda xy: np.column_stack(apply_affine(inverse, xy[:, 0], xy[:, 1])))
    return structured(placed)


def structured(shapes: Shapes) -> Shapes:
    """Valid polygons (N,): parts that overlap are united, where the default of ``make_valid`` drops the overlap."""
    wrong = ~shapely.is_valid(shapes)
    if not wrong.any():
        return shapes
    mended = np.array(shapes, dtype=object)
    mended[wrong] = shapely.make_valid(shapes[wrong], method="structure", keep_collapsed=False)
    return mended


def turn_of(crs: CRS) -> float | None:
    """A whole turn in units of a geographic CRS (360 degrees, 400 grads); None for other CRSs."""
    if not crs.is_geographic or not crs.axis_info:
        return None
    return 2.0 * math.pi / float(crs.axis_info[0].unit_conversion_factor)


def _to_scene_crs(scene: Scene, shapes: Shapes, crs: CRS, what: str) -> Shapes:
    assert scene.crs is not None
    turn = turn_of(scene.crs)
    if crs != scene.crs:
        operation = _operation(scene, crs, what)
        near = _footprint(scene, operation)
        if near is not None:
            shapes = _met(shapes, near, turn_of(crs), cut=True)
        shapes = _transformed(shapes, operation, turn, what)
    return shapes if turn is None else _met(shapes, scene.bounds, turn, cut=crs != scene.crs)


def _operation(scene: Scene, crs: CRS, what: str) -> Operation:
    try:
        return scene.operation_to(crs)
    except OutputError as error:
        raise AreaError(
            f"the {what} cannot be brought into the CRS of the scene: {error}", hint="Give it in the CRS of the scene."
        ) from error


def _footprint(scene: Scene, operation: Operation) -> Box | None:
    """The scene and as much again on each side, in the CRS of the shapes; None around a pole or where not defined."""
    along = np.linspace(0.0, 1.0, SIDE_POINTS, endpoint=False)
    zero, one = np.zeros(SIDE_POINTS), np.ones(SIDE_POINTS)
    x = np.concatenate([along, one, 1.0 - along, zero, [0.0]]) * scene.width
    y = np.concatenate([zero, along, one, 1.0 - along, [0.0]]) * scene.height
    x, y = operation.forward(*apply_affine(scene.transform, x, y))
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return None
    turn = turn_of(operation.target)
    if turn is not None:
        x = np.unwrap(x, period=turn)
        if abs(x[-1] - x[0]) > turn / 2:
            return None
    margin = max(float(np.ptp(x)), float(np.ptp(y)))
    return float(x.min()) - margin, float(y.min()) - margin, float(x.max()) + margin, float(y.max()) + margin


def _transformed(shapes: Shapes, operation: Operation, turn: float | None, what: str) -> Shapes:
    """Shapes (N,) in the CRS of the scene; rings whose longitudes jump by a turn are made continuous."""
    bounds = shapely.bounds(shapes)
    step = np.maximum(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1]) / SEGMENTS
    dense = np.array(shapes, dtype=object)
    chosen = np.isfinite(step) & (step > 0)
    dense[chosen] = shapely.segmentize(shapes[chosen], step[chosen])
    moved = shapely.transform(dense, lambda xy: np.column_stack(operation.backward(xy[:, 0], xy[:, 1])))
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        raise AreaError(
            f"the {what} lies where the CRS of the scene is not defined", hint="Is its CRS declared correctly?"
        )
    if turn is not None:
        moved = np.array([_unwrapped(shape, turn) for shape in moved], dtype=object)
    return structured(moved)


def _met(shapes: Shapes, box: Box, turn: float | None, *, cut: bool) -> Shapes:
    """Shapes moved by whole turns to where they meet a box; with ``cut``, parts beyond the box are cut off."""
    placed = np.empty(len(shapes), dtype=object)
    for i, shape in enumerate(shapes):
        placed[i] = _met_one(shape, box, turn, cut)
    return placed


def _met_one(shape: BaseGeometry, box: Box, turn: float | None, cut: bool) -> BaseGeometry:
    parts = [part for part in shapely.get_parts(shape) if not part.is_empty]
    if turn is None:
        meeting = parts
    else:
        parts = [_unwrapped(part, turn) if _jumps(part, turn) else part for part in parts]
        meeting = [moved for part in parts for moved in _turns(part, box, turn)] or parts
    if cut:
        meeting = [_cut(part, box) for part in meeting]
    return meeting[0] if len(meeting) == 1 else shapely.union_all(meeting)


def _cut(part: BaseGeometry, box: Box) -> BaseGeometry:
    west, south, east, north = part.bounds
    inside = west >= box[0] and south >= box[1] and east <= box[2] and north <= box[3]
    return part if inside else shapely.intersection(part, shapely.box(*box))


def _turns(part: BaseGeometry, box: Box, turn: float) -> list[BaseGeometry]:
    """A part moved by every number of turns that makes it meet the box."""
    west, _, east, _ = part.bounds
    first, last = math.ceil((box[0] - east) / turn), math.floor((box[2] - west) / turn)
    moved = (part if k == 0 else _moved(part, k * turn) for k in range(first, last + 1))
    return [one for one in moved if one.intersects(shapely.box(*box))]


def _moved(shape: BaseGeometry, distance: float) -> BaseGeometry:
    return shapely.transform(shape, lambda xy: xy + np.array([distance, 0.0]))


def _jumps(part: BaseGeometry, turn: float) -> bool:
    """Whether an edge is longer than half a turn: it then goes the short way round, across the antimeridian.

    RFC 7946, 3.1.9, wants such polygons split. An edge of a whole turn is that of the whole world.
    """
    x = shapely.get_coordinates(shapely.get_exterior_ring(part))[:, 0] if part.geom_type == "Polygon" else np.empty(0)
    steps = np.abs(np.diff(x))
    return bool((steps > turn / 2).any() and (steps < turn * (1.0 - 1e-9)).all())


def _unwrapped(shape: BaseGeometry, turn: float) -> BaseGeometry:
    """The shape with rings that jump by more than half a turn read as crossing the meridian where longitudes wrap."""
    polygons = []
    for part in shapely.get_parts(shape):
        if not isinstance(part, shapely.Polygon):
            continue
        rings = [np.array(ring.coords) for ring in (part.exterior, *part.interiors)]
        for ring in rings:
            ring[:, 0] = np.unwrap(ring[:, 0], period=turn)
        closed = [ring for ring in rings if abs(ring[-1, 0] - ring[0, 0]) < turn / 2]
        polygons.append(shapely.Polygon(closed[0], closed[1:]) if len(closed) == len(rings) else part)
    return polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)
