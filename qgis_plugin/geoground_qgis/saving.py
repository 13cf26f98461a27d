"""Results into a file, beside the main thread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsProject,
    QgsVectorFileWriter,
    QgsVectorFileWriterTask,
    QgsVectorLayer,
)

from .messages import short, tr

ENDINGS = {"GPKG": ".gpkg", "GeoJSON": ".geojson"}


def write_results(
    layer: QgsVectorLayer,
    path: Path,
    driver: str,
    only: list[int] | None,
    done: Callable[[str], None],
    failed: Callable[[str], None],
) -> QgsVectorFileWriterTask:
    """Write a layer, or the features ``only``, to ``path`` by a task; keep the task until one function was called.

    GeoJSON is written as RFC 7946 wants it: longitude and latitude of WGS 84.
    """
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = driver
    options.fileEncoding = "UTF-8"
    options.layerName = short(layer.name(), 40)
    options.actionOnExistingFile = QgsVectorFileWriter.ActionOnExistingFile.CreateOrOverwriteFile
    if driver == "GeoJSON":
        wgs84 = QgsCoordinateReferenceSystem("EPSG:4326")
        options.ct = QgsCoordinateTransform(layer.crs(), wgs84, QgsProject.instance())
        options.layerOptions = ["RFC7946=YES"]
    before = layer.selectedFeatureIds()
    layer.blockSignals(True)  # the selection is only lent to the writer
    try:
        if only is not None:
            layer.selectByIds(only)
            options.onlySelectedFeatures = True
        task = QgsVectorFileWriterTask(layer, str(path), options)
    finally:
        layer.selectByIds(before)
        layer.blockSignals(False)
    task.setDescription(tr("Saving results"))
    task.writeComplete.connect(lambda written, *_: done(written))
    task.errorOccurred.connect(lambda _code, message: failed(message or tr("unknown error")))
    QgsApplication.taskManager().addTask(task)
    return task


def keep_in_file(layer: QgsVectorLayer, path: Path) -> bool:
    """Let a temporary layer live in the GeoPackage it was saved to; style, review and name stay."""
    options = layer.dataProvider().ProviderOptions()
    layer.setDataSource(str(path), layer.name(), "ogr", options, False)
    return bool(layer.isValid())


def proposed_path(layer: QgsVectorLayer, folder: str, driver: str) -> str:
    """A file name made from the question."""
    query = str(layer.customProperty("geogrounding/query") or layer.name())
    stem = "".join(c if c.isalnum() or c in "-_ " else "_" for c in short(query, 40)).strip() or "results"
    return str(Path(folder) / (stem.replace(" ", "_") + ENDINGS[driver]))
