"""Labelled objects from a vector layer, brought into pixels of a scene."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geogrounding.errors import AreaError, GeogroundingError, InputError, SettingsError, UnsafeSceneError
from geogrounding.messages import ERROR, shorten
from geogrounding.models.prompts import clean_expression
from geogrounding.raster.scene import Scene

_SHOWN = 5
"""Examples in a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    """Polygons of a layer inside a scene, single parts."""

    polygons_scene_px: NDArray[np.object_]
    """(N,) valid polygons in scene pixels, not clipped to the scene."""
    expressions: NDArray[np.int64]
    """(N,) indexes into ``names``."""
    names: tuple[str, ...]
    """The different expressions, in alphabetical order."""
    left_out: dict[str, int]
    """Features that are no objects here, counted by reason."""


def read_objects(
    layer: Path,
    scene: Scene,
    *,
    expression_field: str | None,
    expression: str | None,
    layer_name: str | None = None,
    repair: bool = False,
) -> Objects:
    """Read the polygons of a layer; the parts of a multipolygon are objects of their own.

    Args:
        layer: a vector file that GDAL reads (GeoPackage, GeoJSON, Shapefile, ...).
        scene: with a CRS.
        expression_field: the text column that says what each object is.
        expression: what every object is; exactly one of the two is given.
        layer_name: of a file with several layers.
        repair: make invalid polygons valid in place of refusing them.

    Raises:
        SettingsError: both or neither of ``expression_field`` and ``expression``.
        InputError: the file, the layer, its CRS, its polygons or the field are missing or unusable.
        AreaError: no polygon touches the scene.
    """
    if (expression_field is None) == (expression is None):
        raise SettingsError(
            "exactly one of the expression and the expression field is needed",
            hint="--expression says what all polygons are, --expression-field names the column that says it.",
        )
    frame = _read(layer, layer_name, expression_field)
    left_out: dict[str, int] = {}
    frame = _keep(frame, frame.geometry.notna() & ~frame.geometry.is_empty, "no geometry", left_out)
    names = _names(frame, expression_field, expression)
    frame = frame.assign(geogrounding_name=names)
    frame = _keep(frame, frame["geogrounding_name"] != "", f"no text in the field {expression_field}", left_out)
    areal = frame.geometry.geom_type.isin(["Polygon", "MultiPolygon", "GeometryCollection"])
    frame = _keep(frame, areal, "not a polygon", left_out)
    if not len(frame):
        reasons = ", ".join(f"{count} with {reason}" for reason, count in left_out.items()) or "it is empty"
        raise InputError(
            f"{layer.name} holds no labelled polygon ({reasons})", hint="Points and lines need a buffer first."
        )
    _check_valid(frame, layer, repair=repair)
    polygons = shapely.make_valid(np.asarray(frame.geometry.array, dtype=object))
    polygons = _to_scene_px(polygons, frame.crs, scene, layer)
    parts, owners = shapely.get_parts(polygons, return_index=True)
    # A collection can hold polygons, multipolygons and lines: take it apart once more and keep what has an area.
    inner, outer = shapely.get_parts(parts, return_index=True)
    owners = owners[outer]
    labels = np.asarray(frame["geogrounding_name"], dtype=object)[owners]
    inside = (shapely.get_dimensions(inner) == 2) & shapely.intersects(
        inner, shapely.box(0, 0, scene.width, scene.height)
    )
    if not inside.any():
        raise AreaError(
            f"no polygon of {layer.name} touches {scene.name}: the layer lies {_where(inner, scene)}",
            hint="Is its CRS declared rightly? `geoground info` shows the extent of the scene.",
        )
    outside = int((~inside & (shapely.get_dimensions(inner) == 2)).sum())
    if outside:
        left_out["outside the scene"] = outside
    known, indexes = np.unique(labels[inside].astype(str), return_inverse=True)
    return Objects(
        polygons_scene_px=inner[inside],
        expressions=indexes.astype(np.int64),
        names=tuple(str(name) for name in known),
        left_out=left_out,
    )


def _read(layer: Path, layer_name: str | None, expression_field: str | None) -> Any:
    """The features as a GeoDataFrame with the one column that is needed."""
    import pyogrio

    try:
        with layer.open("rb") as file:
            head = file.read(1024)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name cannot be used"
        raise InputError(f"the layer {layer} cannot be read: {reason}", hint="Name one vector file.") from None
    if b"<OGRVRT" in head or str(layer).startswith("/vsi"):
        raise UnsafeSceneError(f"{layer.name} points at other data", hint="Give the vector file itself.")
    try:
        found = [str(name) for name, kind in pyogrio.list_layers(layer) if kind is not None]
        name = layer_name or (found[0] if found else None)
        if layer_name is None and len(found) > 1:
            raise InputError(
                f"{layer.name} has {len(found)} layers: {', '.join(found[:20])}", hint="Name one with --layer-name."
            )
        if name is None or name not in found:
            raise InputError(f"{layer.name} has no layer {name!r} with geometries", hint=f"It has: {', '.join(found)}.")
        fields = [str(field) for field in pyogrio.read_info(layer, layer=name)["fields"]]
        if expression_field is not None and expression_field not in fields:
            raise InputError(
                f"{layer.name} has no field {expression_field!r}", hint=f"Its fields: {', '.join(fields) or 'none'}."
            )
        frame = pyogrio.read_dataframe(layer, layer=name, columns=[expression_field] if expression_field else [])
    except GeogroundingError:
        raise
    except Exception as error:  # noqa: BLE001 (pyogrio raises many kinds for a broken file, and all mean the same)
        raise InputError(
            f"{layer.name} is no vector file that can be read: {shorten(error, ERROR)}",
            hint="GeoPackage and GeoJSON work.",
        ) from None
    if not hasattr(frame, "geometry"):
        raise InputError(f"{layer.name} holds no geometries", hint="Give a layer of polygons.")
    if frame.crs is None:
        raise InputError(
            f"{layer.name} has no coordinate system", hint="Declare it first, in QGIS: Layer > Set CRS of Layer."
        )
    return frame


def _keep(frame: Any, wanted: Any, reason: str, left_out: dict[str, int]) -> Any:
    count = int((~wanted).sum())
    if count:
        left_out[reason] = count
    return frame[wanted]


def _names(frame: Any, expression_field: str | None, expression: str | None) -> list[str]:
    if expression_field is None:
        return [clean_expression(expression or "")] * len(frame)
    values = list(frame[expression_field])
    texts = [value for value in values if isinstance(value, str)]
    if not texts and any(value is not None and value == value for value in values):
        raise InputError(
            f"the field {expression_field!r} holds numbers, not words",
            hint="An expression says what an object is, such as storage tank.",
        )
    cleaned: dict[str, str] = {"": ""}
    for text in {text for text in texts if text.strip()}:
        cleaned[text] = clean_expression(text)
    return [cleaned.get(value, "") if isinstance(value, str) else "" for value in values]


def _check_valid(frame: Any, layer: Path, *, repair: bool) -> None:
    if repair:
        return
    shapes = np.asarray(frame.geometry.array, dtype=object)
    wrong = np.flatnonzero(~shapely.is_valid(shapes))
    if len(wrong):
        examples = "; ".join(
            f"feature {frame.index[i]}: {shapely.is_valid_reason(shapes[i])[:80]}" for i in wrong[:_SHOWN]
        )
        raise InputError(
            f"{len(wrong)} polygons of {layer.name} are invalid ({examples})",
            hint="Repair them, in QGIS: Fix geometries; or let them be repaired: repair=True.",
        )


def _to_scene_px(polygons: NDArray[np.object_], crs: Any, scene: Scene, layer: Path) -> NDArray[np.object_]:
    """Transform polygons from the CRS of the layer to pixels of the scene."""
    from pyproj import CRS, Transformer
    from pyproj.exceptions import ProjError

    inverse = ~scene.transform
    if CRS(crs) != scene.crs:
        try:
            transformer = Transformer.from_crs(CRS(crs), scene.crs, always_xy=True)
        except ProjError:
            raise InputError(f"the CRS of {layer.name} cannot be brought into that of the scene") from None
        polygons = shapely.transform(polygons, _pairs(transformer.transform))
    polygons = shapely.transform(
        polygons,
        _pairs(lambda x, y: (inverse.a * x + inverse.b * y + inverse.c, inverse.d * x + inverse.e * y + inverse.f)),
    )
    finite = np.array([bool(np.isfinite(shapely.get_coordinates(polygon)).all()) for polygon in polygons])
    if not finite.all():
        raise InputError(
            f"{int((~finite).sum())} polygons of {layer.name} lie where the CRS of the scene is not defined",
            hint="Is the CRS of the layer declared rightly?",
        )
    # A polygon that is valid in one CRS may cross itself in another by a rounding error.
    return np.asarray(shapely.make_valid(polygons), dtype=object)


def _pairs(function: Callable[[Any, Any], tuple[Any, Any]]) -> Callable[[Any], Any]:
    return lambda xy: np.column_stack(function(xy[:, 0], xy[:, 1]))


def _where(polygons: NDArray[np.object_], scene: Scene) -> str:
    x0, y0, x1, y1 = shapely.total_bounds(polygons)
    sides = []
    if x1 < 0 or x0 > scene.width:
        sides.append(f"{max(-x1, x0 - scene.width):,.0f} px to the {'left' if x1 < 0 else 'right'}")
    if y1 < 0 or y0 > scene.height:
        sides.append(f"{max(-y1, y0 - scene.height):,.0f} px {'above' if y1 < 0 else 'below'}")
    return " and ".join(sides) or "around it"
