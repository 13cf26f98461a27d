"""Labelled polygons of a vector layer, brought into pixels of a scene.

Frames: ``scene_px`` are pixels of the scene, half-open floats, (0, 0) at the outer corner of the first pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError

from geogrounding.errors import AreaError, InputError, OutputError, SettingsError
from geogrounding.geometry.affine import apply_affine
from geogrounding.geometry.boxes import components
from geogrounding.io.read_layer import read_layer, source_file
from geogrounding.models.prompts import clean_expression
from geogrounding.raster.scene import Scene

_SEAM_PX = 0.01
"""Parts of a feature that are no further apart than this touch."""
_SHARED_EDGE_PX = 0.5
"""Parts that share at least so long an edge are one object."""

Polygons = NDArray[np.object_]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelLayer:
    """Which features of which file are labels, and what they are called.

    Raises:
        SettingsError: both or neither of ``expression_field`` and ``expression``.
    """

    path: Path
    """A vector file that GDAL reads (GeoPackage, GeoJSON, Shapefile, ...); see ``io.read_layer``."""
    layer: str | None = None
    """Name of the layer, for a file that holds several."""
    expression_field: str | None = None
    """The text column that names each object."""
    expression: str | None = None
    """The name of all objects."""

    def __post_init__(self) -> None:
        if (self.expression_field is None) == (self.expression is None):
            raise SettingsError(
                "exactly one of the expression and the expression field is needed",
                hint="--expression names all polygons, --expression-field the column that holds their names.",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPolygons:
    """Objects of a layer inside a scene."""

    polygons_scene_px: Polygons
    """(N,) valid polygons or multipolygons in scene pixels, not clipped to the scene."""
    expressions: NDArray[np.int64]
    """(N,) indexes into ``names``."""
    names: tuple[str, ...]
    """The different expressions, in alphabetical order."""
    left_out: dict[str, int]
    """Features that are not objects here, counted by reason."""
    repaired: int
    """Polygons that crossed themselves and were made valid."""


def read_labels(source: LabelLayer, scene: Scene) -> LabelledPolygons:
    """Read the polygons of a layer.

    The parts of a multipolygon are objects of their own, unless they overlap or share an edge. A polygon that crosses
    itself stays one object with the outline that its vertices enclose. Longitudes may be written in any wrap.

    Args:
        source: the layer.
        scene: with a CRS.

    Raises:
        InputError: the file, the layer, its CRS, its polygons or the field are missing or unusable.
        UnsafeSceneError: the file points at other files.
        AreaError: no polygon touches the scene.
    """
    field = source.expression_field
    frame = read_layer(
        source.path,
        layer=source.layer,
        layer_option="--labels-layer",
        columns=[] if field is None else [field],
        what="layer of labels",
    )
    name = source_file(source.path).name
    if frame.crs is None:
        raise InputError(
            f"{name} has no coordinate system",
            hint="Declare it first, in QGIS: Layer > Set CRS of Layer; or ogr2ogr -a_srs EPSG:n out.gpkg in.shp.",
        )
    left_out: dict[str, int] = {}
    frame = _keep(frame, frame.geometry.notna() & ~frame.geometry.is_empty, "no geometry", left_out)
    frame = frame.assign(geogrounding_name=_names(frame, source))
    frame = _keep(frame, frame["geogrounding_name"] != "", f"no text in the field {field}", left_out)
    areal = frame.geometry.geom_type.isin(["Polygon", "MultiPolygon", "GeometryCollection"])
    frame = _keep(frame, areal, "not a polygon", left_out)
    if not len(frame):
        reasons = ", ".join(f"{count} with {reason}" for reason, count in left_out.items()) or "it is empty"
        raise InputError(f"{name} holds no labelled polygon ({reasons})", hint="Points and lines need a buffer first.")
    parts, owners = _parts(np.asarray(frame.geometry.array, dtype=object))
    repaired = int((~shapely.is_valid(parts)).sum())
    parts = _to_scene_px(_polygonal(parts), frame.crs, scene, name)
    flat = shapely.area(parts) <= 0
    if flat.any():
        left_out["no area"] = int(flat.sum())
    polygons, owners = _join_parts(parts[~flat], owners[~flat])
    inside = shapely.intersects(polygons, shapely.box(0, 0, scene.width, scene.height))
    if not inside.any():
        raise AreaError(
            f"no polygon of {name} touches {scene.name}: the layer lies {_where(polygons, scene)}",
            hint="Is its CRS declared correctly? `geoground info` shows the extent of the scene.",
        )
    if outside := int((~inside).sum()):
        left_out["outside the scene"] = outside
    labels = np.asarray(frame["geogrounding_name"], dtype=object)[owners[inside]]
    known, indexes = np.unique(labels.astype(str), return_inverse=True)
    return LabelledPolygons(
        polygons_scene_px=polygons[inside],
        expressions=indexes.astype(np.int64),
        names=tuple(str(name) for name in known),
        left_out=left_out,
        repaired=repaired,
    )


def _keep(frame: Any, wanted: Any, reason: str, left_out: dict[str, int]) -> Any:
    count = int((~wanted).sum())
    if count:
        left_out[reason] = count
    return frame[wanted]


def _names(frame: Any, source: LabelLayer) -> list[str]:
    field = source.expression_field
    if field is None:
        return [clean_expression(source.expression or "")] * len(frame)
    values = list(frame[field])
    texts = [value for value in values if isinstance(value, str)]
    if not texts and any(value is not None and value == value for value in values):
        raise InputError(
            f"the field {field!r} holds numbers, not words",
            hint="--expression-field is a text column that says what an object is, such as storage tank.",
        )
    cleaned: dict[str, str] = {"": ""}
    for text in {text for text in texts if text.strip()}:
        cleaned[text] = clean_expression(text)
    return [cleaned.get(value, "") if isinstance(value, str) else "" for value in values]


def _parts(geometries: Polygons) -> tuple[Polygons, NDArray[np.int64]]:
    """The single polygons of features, not repaired yet, and the feature of each."""
    parts, owners = shapely.get_parts(geometries, return_index=True)
    # A collection can hold polygons, multipolygons and lines: take it apart once more and keep what has an area.
    inner, outer = shapely.get_parts(parts, return_index=True)
    areal = shapely.get_dimensions(inner) == 2
    return inner[areal], owners[outer][areal]


def _polygonal(polygons: Polygons) -> Polygons:
    """Valid polygons or multipolygons: of a repaired polygon the lines and points are dropped."""
    valid: Polygons = np.array(polygons, dtype=object)
    for index in np.flatnonzero(~shapely.is_valid(polygons)):
        pieces = shapely.get_parts(shapely.make_valid(polygons[index]))
        valid[index] = shapely.union_all(pieces[shapely.get_dimensions(pieces) == 2])
    return valid


def _to_scene_px(polygons: Polygons, crs: Any, scene: Scene, name: str) -> Polygons:
    """Transform polygons (N,) from the CRS of the layer to pixels of the scene."""
    try:
        source = CRS(crs)
        polygons = _unwrapped(polygons) if source.is_geographic else polygons
        if source != scene.crs:
            polygons = shapely.transform(polygons, _pairs(scene.operation_to(source).backward))
    except (OutputError, CRSError):
        raise InputError(
            f"the CRS of {name} cannot be transformed to that of {scene.name}",
            hint="Reproject the layer first: ogr2ogr -t_srs EPSG:n out.gpkg in.gpkg.",
        ) from None
    inverse = ~scene.transform
    if scene.crs is not None and scene.crs.is_geographic:
        centre, _ = scene.transform @ (scene.width / 2, scene.height / 2)
        polygons = _wrapped_to(polygons, centre)
    polygons = shapely.transform(
        polygons,
        _pairs(lambda x, y: apply_affine(inverse, x, y)),
    )
    finite = np.array([bool(np.isfinite(shapely.get_coordinates(polygon)).all()) for polygon in polygons])
    if not finite.all():
        raise InputError(
            f"{int((~finite).sum())} polygons of {name} lie where the CRS of the scene is not defined",
            hint="Is the CRS of the layer declared correctly?",
        )
    # A polygon that is valid in one CRS may cross itself in another by a rounding error.
    return _polygonal(polygons)


def _unwrapped(polygons: Polygons) -> Polygons:
    """Polygons that cross the antimeridian with longitudes on both sides (179, -179), on one side (179, 181)."""
    bounds = shapely.bounds(polygons)
    wide = np.flatnonzero(bounds[:, 2] - bounds[:, 0] > 180)
    for index in wide:
        moved = shapely.transform(polygons[index], lambda xy: np.column_stack([xy[:, 0] % 360.0, xy[:, 1]]))
        low, _, high, _ = shapely.bounds(moved)
        if high - low <= 180:
            polygons[index] = moved
    return polygons


def _wrapped_to(polygons: Polygons, longitude: float) -> Polygons:
    """Polygons moved by whole turns to the wrap in which they are nearest to a longitude."""
    bounds = shapely.bounds(polygons)
    turns = np.round((longitude - (bounds[:, 0] + bounds[:, 2]) / 2) / 360.0)
    for index in np.flatnonzero(np.isfinite(turns) & (turns != 0)):
        by = 360.0 * turns[index]
        polygons[index] = shapely.transform(
            polygons[index], lambda xy, by=by: np.column_stack([xy[:, 0] + by, xy[:, 1]])
        )
    return polygons


def _join_parts(parts: Polygons, owners: NDArray[np.int64]) -> tuple[Polygons, NDArray[np.int64]]:
    """Join parts of one feature that overlap or share an edge (cut at the antimeridian, or drawn piece by piece)."""
    count = np.bincount(owners, minlength=1)
    several = np.flatnonzero(count[owners] > 1)
    if not len(several):
        return parts, owners
    tree = shapely.STRtree(parts[several])
    one, other = tree.query(parts[several], predicate="dwithin", distance=_SEAM_PX)
    one, other = several[one], several[other]
    pairs = (one < other) & (owners[one] == owners[other])
    one, other = one[pairs], other[pairs]
    grown = [shapely.buffer(parts[side], _SEAM_PX, join_style="mitre") for side in (one, other)]
    shared = shapely.area(shapely.intersection(*grown)) >= 2 * _SEAM_PX * _SHARED_EDGE_PX
    root = components(len(parts), one[shared], other[shared])
    kept = np.unique(root)
    joined: Polygons = np.array(parts, dtype=object)
    sizes = np.bincount(root, minlength=len(parts))
    for index in np.flatnonzero(sizes > 1):
        members = shapely.buffer(parts[root == index], _SEAM_PX, join_style="mitre")
        joined[index] = shapely.buffer(shapely.union_all(members), -_SEAM_PX, join_style="mitre")
    return joined[kept], owners[kept]


def _pairs(function: Callable[[Any, Any], tuple[Any, Any]]) -> Callable[[Any], Any]:
    return lambda xy: np.column_stack(function(xy[:, 0], xy[:, 1]))


def _where(polygons: Polygons, scene: Scene) -> str:
    if not len(polygons):
        return "nowhere: its polygons have no area"
    x0, y0, x1, y1 = shapely.total_bounds(polygons)
    sides = []
    if x1 < 0 or x0 > scene.width:
        sides.append(f"{max(-x1, x0 - scene.width):,.0f} px to the {'left' if x1 < 0 else 'right'}")
    if y1 < 0 or y0 > scene.height:
        sides.append(f"{max(-y1, y0 - scene.height):,.0f} px {'above' if y1 < 0 else 'below'}")
    return " and ".join(sides) or "around it"
