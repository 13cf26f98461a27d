"""Places on their way to a service and back: longitude and latitude there, the CRS of the raster here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from osgeo import gdal, ogr
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsCsException,
    QgsGeometry,
    QgsRectangle,
)

from .engine.errors import EngineError
from .gdal_files import layer_of, opened
from .messages import tr

SCENE = "scene:"
"""The source of a request that is a raster of the service begins with it; its places are in ``MAP_CRS``."""
MAP_CRS, LONLAT = "EPSG:3857", "EPSG:4326"
SIDE_POINTS = 16
"""Points on each side of a rectangle, whose sides are curves in another CRS."""


def crs_of(source: str) -> QgsCoordinateReferenceSystem:
    """The CRS of the places of a request about this source."""
    if source.startswith(SCENE):
        return QgsCoordinateReferenceSystem(MAP_CRS)
    data = opened(source, gdal.OF_RASTER)
    return QgsCoordinateReferenceSystem.fromWkt(data.GetProjection() if data is not None else "")


def rectangle(box: QgsRectangle, crs: QgsCoordinateReferenceSystem) -> dict[str, Any]:
    """A rectangle as GeoJSON."""
    return geojson(QgsGeometry.fromRect(box).densifyByCount(SIDE_POINTS), crs)


def union(path: Path) -> dict[str, Any]:
    """The polygons of a file as one geometry."""
    with _Layer(path) as layer:
        parts = [shape for shape, _ in layer.rows()]
        return geojson(QgsGeometry.unaryUnion(parts), layer.crs)


def shapes(path: Path, field: str | None = None) -> Iterator[tuple[dict[str, Any], str]]:
    """Geometries of a file in longitude and latitude, with the text of a field."""
    with _Layer(path) as layer:
        for shape, feature in layer.rows():
            yield geojson(shape, layer.crs), str(feature.GetField(field)) if field else ""


def features(path: Path, target: QgsCoordinateReferenceSystem | None) -> Iterator[dict[str, Any]]:
    """Features of a GeoPackage as the engine sends them."""
    with _Layer(path) as layer:
        for shape, feature in layer.rows():
            values = dict(feature.items())
            number = values.pop("id", feature.GetFID())
            put = shape if target is None else moved(shape, layer.crs, target)
            geometry = json.loads(put.asJson(12))
            yield {"type": "Feature", "id": number, "geometry": geometry, "properties": values}


def layer_crs(path: Path) -> QgsCoordinateReferenceSystem:
    """The CRS of the only layer of a file."""
    with _Layer(path) as layer:
        return layer.crs


class _Layer:
    """The only layer of a file."""

    def __init__(self, path: Path) -> None:
        self._data = opened(path, gdal.OF_VECTOR)
        self._layer: ogr.Layer | None = layer_of(self._data)
        reference = None if self._layer is None else self._layer.GetSpatialRef()
        wkt = "" if reference is None else reference.ExportToWkt(["FORMAT=WKT2_2019"])
        self.crs = QgsCoordinateReferenceSystem.fromWkt(wkt)

    def __enter__(self) -> _Layer:
        return self

    def __exit__(self, *_: object) -> None:
        self._layer = self._data = None  # closes the file

    def rows(self) -> Iterator[tuple[QgsGeometry, Any]]:
        for feature in self._layer if self._layer is not None else ():
            reference = feature.GetGeometryRef()
            if reference is None or reference.IsEmpty():
                continue
            shape = QgsGeometry()
            shape.fromWkb(bytes(reference.ExportToWkb()))
            if not shape.isNull():
                yield shape, feature


def placed(found_there: list[dict[str, Any]], target: QgsCoordinateReferenceSystem | None) -> list[dict[str, Any]]:
    """Features in longitude and latitude in the CRS of the raster."""
    if target is None or not target.isValid():
        return []
    found = []
    for feature in found_there:
        shape = ogr.CreateGeometryFromJson(json.dumps(feature["geometry"]))
        if shape is not None:
            lonlat = QgsGeometry()
            lonlat.fromWkb(bytes(shape.ExportToWkb()))
            put = moved(lonlat, QgsCoordinateReferenceSystem(LONLAT), target)
            found.append({**feature, "geometry": json.loads(put.asJson(12))})
    return found


def geojson(shape: QgsGeometry, crs: QgsCoordinateReferenceSystem) -> dict[str, Any]:
    """A geometry in longitude and latitude, as GeoJSON."""
    return dict(json.loads(moved(shape, crs, QgsCoordinateReferenceSystem(LONLAT)).asJson(12)))


def moved(
    shape: QgsGeometry, source: QgsCoordinateReferenceSystem, target: QgsCoordinateReferenceSystem
) -> QgsGeometry:
    """A geometry in another CRS.

    Raises:
        EngineError: it has no place there.
    """
    if source == target:
        return shape
    copy = QgsGeometry(shape)
    try:
        if not source.isValid():
            raise QgsCsException("")
        copy.transform(QgsCoordinateTransform(source, target, QgsCoordinateTransformContext()))
    except QgsCsException as error:
        raise EngineError(
            tr("An area or an example has no place in longitude and latitude."),
            tr("Check the coordinate system of its layer."),
        ) from error
    return copy
