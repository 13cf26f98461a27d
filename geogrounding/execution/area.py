"""Which part of a scene a run looks at: a bounding box, an area of interest, or all of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from affine import Affine
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError
from shapely.geometry.base import BaseGeometry

from geogrounding.errors import AreaError
from geogrounding.raster.scene import Scene

DENSIFY_SEGMENTS = 64
"""Points added along each side of an area before it is transformed: straight in one CRS is curved in another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """The part of the scene a run looks at."""

    window_scene_px: tuple[int, int, int, int]
    """(x0, y0, x1, y1), half-open, whole pixels, inside the scene, never empty."""
    shape_scene_px: BaseGeometry | None
    """The exact outline in scene pixels; None when it is the window itself."""


PIXELS = "pixels"
"""As CRS of a bounding box: it is in pixels of the scene, x right, y down."""


def resolve_area(
    scene: Scene,
    *,
    bbox: tuple[float, float, float, float] | None = None,
    bbox_crs: str | None = None,
    aoi: Path | None = None,
) -> Area:
    """Bring a bounding box and an area of interest into pixels of the scene.

    Args:
        scene: the raster.
        bbox: (xmin, ymin, xmax, ymax) in ``bbox_crs``, or in the CRS of the scene (pixels where it has none).
        bbox_crs: anything pyproj understands, or ``"pixels"`` for pixels of the scene.
        aoi: a vector file; its polygons, united, limit the search. With ``bbox`` both must hold.

    Raises:
        AreaError: malformed, in an unknown CRS, unreadable, or outside the scene.
    """
    whole = shapely.box(0, 0, scene.width, scene.height)
    shape: BaseGeometry = whole
    if bbox is not None and bbox_crs == PIXELS:
        shape = shape.intersection(_bbox_polygon(bbox))
    elif bbox is not None:
        shape = shape.intersection(_to_scene_px(scene, _bbox_polygon(bbox), _crs(bbox_crs, scene), "bounding box"))
    if aoi is not None:
        polygons, crs = _read_aoi(aoi)
        shape = shape.intersection(_to_scene_px(scene, polygons, crs or scene.crs, "area of interest"))
    if shape.is_empty or shape.area == 0:
        raise AreaError(
            "the area asked for does not touch the scene",
            hint="`geoground info` shows the extent and CRS of the scene.",
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
    return Area(window_scene_px=window, shape_scene_px=None if rectangle else shape)


def _bbox_polygon(bbox: tuple[float, float, float, float]) -> BaseGeometry:
    xmin, ymin, xmax, ymax = bbox
    if not all(math.isfinite(v) for v in bbox):
        raise AreaError("the bounding box has a value that is not a number")
    if xmin >= xmax or ymin >= ymax:
        raise AreaError(
            f"the bounding box {xmin:g},{ymin:g},{xmax:g},{ymax:g} is empty", hint="The order is xmin,ymin,xmax,ymax."
        )
    return shapely.box(xmin, ymin, xmax, ymax)


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


def _to_scene_px(scene: Scene, shape: BaseGeometry, crs: CRS | None, what: str) -> BaseGeometry:
    """Transform a shape from ``crs`` to scene pixels, with its edges densified."""
    xmin, ymin, xmax, ymax = shape.bounds
    step = max(xmax - xmin, ymax - ymin) / DENSIFY_SEGMENTS
    shape = shapely.segmentize(shape, step) if step > 0 else shape
    if crs is not None and scene.crs is not None and crs != scene.crs:
        try:
            transformer = Transformer.from_crs(crs, scene.crs, always_xy=True)
        except ProjError as error:
            raise AreaError(f"the {what} cannot be brought into the CRS of the scene") from error
        shape = shapely.transform(shape, _pairs(transformer.transform))
    inverse: Affine = ~scene.transform
    shape = shapely.transform(
        shape,
        _pairs(lambda x, y: (inverse.a * x + inverse.b * y + inverse.c, inverse.d * x + inverse.e * y + inverse.f)),
    )
    if not np.isfinite(shapely.get_coordinates(shape)).all():
        raise AreaError(f"the {what} lies where the CRS of the scene is not defined")
    return shapely.make_valid(shape)


def _pairs(function: Callable[[Any, Any], tuple[Any, Any]]) -> Callable[[Any], Any]:
    return lambda xy: np.column_stack(function(xy[:, 0], xy[:, 1]))


def _read_aoi(path: Path) -> tuple[BaseGeometry, CRS | None]:
    import pyogrio

    if not path.is_file():
        raise AreaError(f"no such file: {path}")
    try:
        frame = pyogrio.read_dataframe(path, columns=[])
    except Exception as error:  # pyogrio raises many kinds for a broken file, and all mean the same to the user
        raise AreaError(f"{path} is no vector file that can be read", hint="GeoJSON and GeoPackage work.") from error
    shapes = [
        g for g in frame.geometry if g is not None and g.geom_type in ("Polygon", "MultiPolygon") and not g.is_empty
    ]
    if not shapes:
        raise AreaError(f"{path} holds no polygon")
    return shapely.unary_union([shapely.make_valid(g) for g in shapes]), CRS(frame.crs) if frame.crs else None
