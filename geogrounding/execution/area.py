"""Which part of a scene a run looks at: a bounding box, an area of interest, or all of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError
from shapely.geometry.base import BaseGeometry

from geogrounding.errors import AreaError, GeogroundingError, InputError, UnsafeSceneError
from geogrounding.io.read_layer import read_layer
from geogrounding.raster.scene import Scene
from geogrounding.raster.shapes_in_scene import structured, to_scene_px, turn_of

Box = tuple[float, float, float, float]

PIXELS = "pixels"
"""As CRS of a bounding box: it is in pixels of the scene, x right, y down."""
MOSTLY = 0.5
"""A bounding box of which less than this share lies in the scene is worth a notice."""
ORDERS = (
    ("xmin,xmax,ymin,ymax, as QGIS writes extents", (0, 2, 1, 3)),
    ("ymin,xmin,ymax,xmax, latitude first", (1, 0, 3, 2)),
)
"""Other orders in which the four numbers of a box are written, as places of xmin, ymin, xmax, ymax."""
INFO_HINT = "`geoground info` shows the extent and CRS of the scene."


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """The part of the scene a run looks at."""

    window_scene_px: tuple[int, int, int, int]
    """(x0, y0, x1, y1), half-open, whole pixels, inside the scene, never empty."""
    shape_scene_px: BaseGeometry | None
    """The exact outline in scene pixels; None when it is the window itself."""
    notices: tuple[str, ...] = ()
    """What a user should know about the area."""


def resolve_area(
    scene: Scene,
    *,
    bbox: Box | None = None,
    bbox_crs: str | None = None,
    aoi: Path | None = None,
    aoi_layer: str | None = None,
) -> Area:
    """Bring a bounding box and an area of interest into pixels of the scene.

    Args:
        scene: the raster.
        bbox: (xmin, ymin, xmax, ymax) in ``bbox_crs``, or in the CRS of the scene (pixels where it has none). In a
            geographic CRS xmin may be larger than xmax: the box then crosses the antimeridian (RFC 7946, 5.2).
        bbox_crs: anything pyproj understands, or ``"pixels"`` for pixels of the scene.
        aoi: a vector file; its polygons, united, limit the search. With ``bbox`` both must hold.
        aoi_layer: the layer of that file, where it has several.

    Raises:
        AreaError: malformed, in an unknown CRS, unreadable, or outside the scene.
    """
    whole = shapely.box(0, 0, scene.width, scene.height)
    shape: BaseGeometry = whole
    notices: tuple[str, ...] = ()
    if bbox is not None:
        box = _bbox_shape(scene, bbox, bbox_crs)
        notices = _check_share(scene, box, bbox, bbox_crs)
        shape = shape.intersection(box)
    if aoi is not None:
        polygons, crs = _read_aoi(aoi, aoi_layer)
        if crs is None and scene.crs is not None:
            notices = (*notices, f"{aoi.name} has no coordinate system; that of the scene is taken")
        placed = to_scene_px(scene, polygons, crs, "area of interest")
        shape = shape.intersection(shapely.union_all(placed))
    shape = _areal(shape)
    if shape.is_empty or shape.area == 0:
        raise AreaError(
            "the area asked for does not touch the scene", hint=_other_crs(scene, bbox, bbox_crs, aoi, aoi_layer)
        )
    x0, y0, x1, y1 = shape.bounds
    # A pixel counts as inside when more than a thousandth of it is: rounding noise must not add a row.
    window = (
        max(0, math.floor(x0 + 1e-3)),
        max(0, math.floor(y0 + 1e-3)),
        min(scene.width, math.ceil(x1 - 1e-3)),
        min(scene.height, math.ceil(y1 - 1e-3)),
    )
    window = (window[0], window[1], max(window[2], window[0] + 1), max(window[3], window[1] + 1))
    filled = shape.area / ((window[2] - window[0]) * (window[3] - window[1]))
    rectangle = aoi is None and (filled > 0.999 or shape.equals(shapely.box(*shape.bounds)))
    return Area(window_scene_px=window, shape_scene_px=None if rectangle else shape, notices=notices)


def _bbox_shape(scene: Scene, bbox: Box, bbox_crs: str | None) -> BaseGeometry:
    """A bounding box as a shape in scene pixels."""
    if bbox_crs == PIXELS:
        return _bbox_polygon(bbox, None)
    crs = _crs(bbox_crs, scene)
    polygon = _bbox_polygon(bbox, None if crs is None else turn_of(crs))
    (placed,) = to_scene_px(scene, np.array([polygon], dtype=object), crs, "bounding box")
    return placed


def _bbox_polygon(bbox: Box, turn: float | None) -> BaseGeometry:
    xmin, ymin, xmax, ymax = bbox
    if not all(math.isfinite(value) for value in bbox):
        raise AreaError("the bounding box has a value that is not a number")
    if turn is not None and xmin > xmax and abs(xmin - xmax) < turn:
        xmax += turn
    if xmin >= xmax or ymin >= ymax:
        raise AreaError(
            f"the bounding box {xmin:.10g},{ymin:.10g},{xmax:.10g},{ymax:.10g} is empty",
            hint="The order is xmin,ymin,xmax,ymax.",
        )
    box = shapely.box(xmin, ymin, xmax, ymax)
    # A box says which way round it goes: its edges are kept short enough not to be taken for ones across 180 degrees.
    return box if turn is None or xmax - xmin <= turn / 2 else shapely.segmentize(box, turn / 4)


def _check_share(scene: Scene, box: BaseGeometry, bbox: Box, bbox_crs: str | None) -> tuple[str, ...]:
    """A notice where a box lies mostly outside the scene.

    Raises:
        AreaError: and in another order of its numbers it would lie inside.
    """
    share = _share_inside(scene, box)
    if share >= MOSTLY:
        return ()
    for order, places in ORDERS:
        other = (bbox[places[0]], bbox[places[1]], bbox[places[2]], bbox[places[3]])
        try:
            inside = _share_inside(scene, _bbox_shape(scene, other, bbox_crs))
        except AreaError:
            continue
        if inside > 0.99:
            raise AreaError(
                f"{1 - share:.0%} of the bounding box lies outside the scene; read as {order}, all of it lies inside",
                hint="The order is xmin,ymin,xmax,ymax; an extent of QGIS is read with its CRS in brackets.",
            )
    if share == 0:
        return ()  # refused by the caller
    return (f"most of the bounding box lies outside the scene; {INFO_HINT}",)


def _other_crs(scene: Scene, bbox: Box | None, bbox_crs: str | None, aoi: Path | None, aoi_layer: str | None) -> str:
    """What helps where an area misses the scene: another CRS in which it would touch it, if there is one."""
    if scene.crs is None:
        return INFO_HINT
    whole = shapely.box(0, 0, scene.width, scene.height)
    try:
        if bbox is not None and bbox_crs is None and _bbox_shape(scene, bbox, "EPSG:4326").intersects(whole):
            return "As longitudes and latitudes its numbers lie in the scene: add --bbox-crs EPSG:4326."
        if bbox is not None and bbox_crs not in (None, PIXELS) and _bbox_shape(scene, bbox, None).intersects(whole):
            return "In the CRS of the scene its numbers lie in it: drop --bbox-crs."
        if aoi is not None:
            polygons, crs = _read_aoi(aoi, aoi_layer)
            if crs is not None and shapely.intersects(to_scene_px(scene, polygons, scene.crs, aoi.name), whole).any():
                return (
                    f"In the CRS of the scene the coordinates of {aoi.name} lie in it: declare that CRS for the file."
                )
    except GeogroundingError:
        pass
    return INFO_HINT


def _share_inside(scene: Scene, shape: BaseGeometry) -> float:
    inside = shape.intersection(shapely.box(0, 0, scene.width, scene.height)).area
    return float(inside / shape.area) if shape.area > 0 else 0.0


def _crs(text: str | None, scene: Scene) -> CRS | None:
    if text is None:
        return scene.crs
    if scene.crs is None:
        raise AreaError(
            "the scene has no CRS, so a bounding box can only be given in its pixels", hint="Drop --bbox-crs."
        )
    try:
        return CRS.from_user_input(text)
    except CRSError as error:
        raise AreaError(f"the CRS {text!r} is unknown", hint="Example: EPSG:4326.") from error


def _read_aoi(path: Path, layer: str | None) -> tuple[np.ndarray, CRS | None]:
    """The polygons (N,) of a vector file and their CRS."""
    try:
        frame = read_layer(path, layer=layer, layer_option="--aoi-layer", what="area of interest")
    except UnsafeSceneError:
        raise
    except InputError as error:
        raise AreaError(str(error), hint=error.hint) from error
    areal = [_areal(shape) for shape in frame.geometry if shape is not None and not shape.is_empty]
    shapes = [shape for shape in areal if not shape.is_empty]
    if not shapes:
        raise AreaError(f"{path.name} holds no polygon", hint="Points and lines need a buffer first.")
    polygons = np.empty(len(shapes), dtype=object)
    polygons[:] = shapes
    return structured(polygons), CRS(frame.crs) if frame.crs else None


def _areal(shape: BaseGeometry) -> BaseGeometry:
    """The polygons of a shape; lines and points in a collection are left out."""
    if shape.geom_type in ("Polygon", "MultiPolygon"):
        return shape
    parts = [part for part in shapely.get_parts(shape) if part.geom_type in ("Polygon", "MultiPolygon")]
    return shapely.union_all(parts) if parts else shapely.Polygon()
