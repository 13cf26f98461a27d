"""Example polygons into a GeoPackage that the engine can read."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from pathlib import Path

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsFeature,
    QgsFeatureRequest,
    QgsFeatureSink,
    QgsFields,
    QgsProject,
    QgsVectorFileWriter,
    QgsVectorLayer,
    QgsVectorLayerFeatureSource,
    QgsWkbTypes,
)

from . import settings
from .messages import tr
from .rasters import LayerError


def write_examples(
    path: Path,
    features: Iterable[QgsFeature],
    fields: QgsFields,
    crs: QgsCoordinateReferenceSystem,
    context: QgsCoordinateTransformContext,
    cancelled: Callable[[], bool] = lambda: False,
) -> int:
    """Write polygons to a GeoPackage and return how many.

    Raises:
        LayerError: the file cannot be written, or no feature has a geometry.
    """
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = "GPKG"
    options.layerName = "examples"
    writer = QgsVectorFileWriter.create(
        str(path), _without_fid(fields), QgsWkbTypes.Type.MultiPolygon, crs, context, options
    )
    if writer.hasError() != QgsVectorFileWriter.WriterError.NoError:
        raise LayerError(tr("The examples could not be written: {why}").format(why=writer.errorMessage()))
    count, kept = 0, _without_fid(fields)
    for feature in features:
        if cancelled():
            break
        geometry = feature.geometry()
        if geometry.isNull() or geometry.isEmpty() or not geometry.convertToMultiType():
            continue
        copy = QgsFeature(kept)
        copy.setGeometry(geometry)
        for field in kept:
            copy[field.name()] = feature[field.name()]
        if writer.addFeature(copy, QgsFeatureSink.Flag.FastInsert):
            count += 1
    del writer  # closes the file
    if not count and not cancelled():
        raise LayerError(tr("The layer holds no polygon that can be used."))
    return count


class ExampleFile:
    """The examples of a layer in a temporary file; made in the main thread, written in another."""

    def __init__(
        self,
        layer: QgsVectorLayer,
        *,
        selected_only: bool = False,
        ids: list[int] | None = None,
        folder: Path | None = None,
    ) -> None:
        """Prepare: all polygons of a layer, the selected ones, or those of ``ids``."""
        self.path = (folder or settings.cache_folder()) / f"{uuid.uuid4().hex}.gpkg"
        self._source = QgsVectorLayerFeatureSource(layer)
        self._fields, self._crs = layer.fields(), layer.crs()
        self._context = QgsProject.instance().transformContext()
        self._ids = list(layer.selectedFeatureIds()) if selected_only else ids

    def run(self, _progress: Callable[[float], None], cancelled: Callable[[], bool]) -> Path:
        """Write the file and return its path.

        Raises:
            LayerError: it cannot be written.
        """
        request = QgsFeatureRequest()
        if self._ids is not None:
            request.setFilterFids(self._ids)
        write_examples(self.path, self._source.getFeatures(request), self._fields, self._crs, self._context, cancelled)
        return self.path

    def cancel(self) -> None:
        """Nothing to do: ``run`` asks ``cancelled`` before every feature."""

    def discard(self) -> None:
        """Delete the file and what SQLite put beside it."""
        for path in self.path.parent.glob(f"{self.path.stem}.*"):
            path.unlink(missing_ok=True)


def _without_fid(fields: QgsFields) -> QgsFields:
    """A GeoPackage makes its own ``fid``."""
    kept = QgsFields()
    for field in fields:
        if field.name().lower() != "fid":
            kept.append(field)
    return kept
