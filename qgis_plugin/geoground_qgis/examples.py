"""Which polygons of a layer are examples, and examples as a GeoPackage that the engine can read."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsFeature,
    QgsFeatureRequest,
    QgsFeatureSink,
    QgsFields,
    QgsProcessingFeatureSource,
    QgsProject,
    QgsRectangle,
    QgsVectorFileWriter,
    QgsVectorLayer,
    QgsVectorLayerFeatureSource,
    QgsWkbTypes,
)

from . import results, settings
from .messages import tr
from .rasters import LayerError


@dataclass(frozen=True)
class Examples:
    """Examples in a layer, and of results those that are not meant."""

    layer: QgsVectorLayer
    ids: list[int] | None
    """None: all of them."""
    unlike: list[int]

    @property
    def count(self) -> int:
        """How many are meant."""
        return int(self.layer.featureCount()) if self.ids is None else len(self.ids)


def examples_of(layer: QgsVectorLayer, *, selected_only: bool) -> Examples:
    """The selected polygons of a layer, of a layer of results the accepted ones, else all.

    Raises:
        LayerError: there is none, or the layer has no valid CRS.
    """
    if not layer.crs().isValid():
        raise LayerError(
            tr("The layer “{name}” has no valid coordinate system. Set it in Layer Properties ▸ Source.").format(
                name=layer.name()
            )
        )
    reviewed = results.is_result(layer)
    ids = None
    if selected_only:
        ids = sorted(layer.selectedFeatureIds())
        if not ids:
            raise LayerError(tr("Select polygons of “{name}” first.").format(name=layer.name()))
    elif reviewed:
        ids = list(results.chosen(layer, results.ACCEPTED))
        if not ids:
            raise LayerError(
                tr("Accept results in the tab Review first, or select some and tick “Selected”: those are examples.")
            )
    elif not layer.featureCount():
        raise LayerError(tr("The layer “{name}” holds no polygon.").format(name=layer.name()))
    unlike = list(results.chosen(layer, results.REJECTED)) if reviewed else []
    return Examples(layer, ids, [one for one in unlike if ids is None or one not in set(ids)])


def extent_of(layer: QgsVectorLayer) -> QgsRectangle:
    """Around the polygons of a layer, edits that are not saved among them: QGIS's own extent may be that of before."""
    if not layer.isEditable():
        return layer.extent()
    extent = QgsRectangle()
    for feature in layer.getFeatures(QgsFeatureRequest().setNoAttributes()):
        if feature.hasGeometry():
            extent.combineExtentWith(feature.geometry().boundingBox())
    return extent


def counts_of(examples: Examples) -> str:
    """For people: how many examples there are, and how many results that are not meant."""
    text = tr("{n} examples").format(n=f"{examples.count:,}")
    return text + (tr("; not meant: {n}").format(n=f"{len(examples.unlike):,}") if examples.unlike else "")


def write_examples(
    path: Path,
    features: Iterable[QgsFeature],
    fields: QgsFields,
    crs: QgsCoordinateReferenceSystem,
    context: QgsCoordinateTransformContext,
    cancelled: Callable[[], bool] = lambda: False,
    kind: QgsWkbTypes.Type = QgsWkbTypes.Type.MultiPolygon,
) -> int:
    """Write polygons, or multi-geometries of another ``kind``, to a GeoPackage and return how many.

    Raises:
        LayerError: the file cannot be written, or no feature has a geometry.
    """
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = "GPKG"
    options.layerName = "examples"
    writer = QgsVectorFileWriter.create(str(path), _without_fid(fields), kind, crs, context, options)
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
        raise LayerError(tr("The layer holds no geometry that can be used."))
    return count


class ExampleFile:
    """The geometries of a layer in a temporary file; made in the main thread, written in another."""

    def __init__(
        self,
        layer: QgsVectorLayer | QgsProcessingFeatureSource,
        *,
        selected_only: bool = False,
        ids: list[int] | None = None,
        folder: Path | None = None,
    ) -> None:
        """Prepare: everything of a layer or of a source of Processing, what is selected, or the rows of ``ids``."""
        self.path = (folder or settings.cache_folder()) / f"{uuid.uuid4().hex}.gpkg"
        self._fields = layer.fields()
        if isinstance(layer, QgsVectorLayer):
            self._source, self._crs = QgsVectorLayerFeatureSource(layer), layer.crs()
        else:
            self._source, self._crs = layer, layer.sourceCrs()
        self._context = QgsProject.instance().transformContext()
        self._kind = QgsWkbTypes.multiType(QgsWkbTypes.flatType(layer.wkbType()))
        self._ids = list(layer.selectedFeatureIds()) if selected_only else ids

    def run(self, _progress: Callable[[float], None], cancelled: Callable[[], bool]) -> Path:
        """Write the file and return its path.

        Raises:
            LayerError: it cannot be written.
        """
        request = QgsFeatureRequest()
        if self._ids is not None:
            request.setFilterFids(self._ids)
        found = self._source.getFeatures(request)
        write_examples(self.path, found, self._fields, self._crs, self._context, cancelled, self._kind)
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
