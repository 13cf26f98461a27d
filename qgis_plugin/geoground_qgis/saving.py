"""Results into a file, beside the main thread, without harm to what is in the file already."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsProject,
    QgsProviderRegistry,
    QgsVectorFileWriter,
    QgsVectorFileWriterTask,
    QgsVectorLayer,
)
from qgis.PyQt.QtXml import QDomDocument

from . import results
from .gdal_files import layer_of, opened
from .messages import short, tr
from .rasters import LayerError

GPKG = "GPKG"
ENDINGS = {
    GPKG: ".gpkg",
    "GeoJSON": ".geojson",
    "FlatGeobuf": ".fgb",
    "ESRI Shapefile": ".shp",
    "KML": ".kml",
    "CSV": ".csv",
}
"""Formats by the name of the driver, with the ending of their files."""
LONGITUDE_LATITUDE = frozenset({"GeoJSON", "KML"})
"""Formats that hold nothing but WGS 84."""
OPTIONS = {"GeoJSON": ["RFC7946=YES"], "CSV": ["GEOMETRY=AS_WKT", "CREATE_CSVT=NO"]}

BUSY_S = 0.05
"""How long is waited where another program is writing to a file."""

Action = Literal["new", "replace", "append"]


@dataclass(frozen=True)
class Target:
    """Where results go."""

    path: Path
    driver: str
    table: str = ""
    """Name of the layer inside a GeoPackage; empty: the name of the layer that is saved, or the next free one."""
    action: Action = "new"
    """In a GeoPackage that exists: a new layer beside the others, or the layer ``table`` replaced or added to. Files of
    other formats hold one layer and are always replaced."""


def resolve(layer: QgsVectorLayer, target: Target) -> Target:
    """The target with the name of its table, checked against what is in the file and what is open in the project.

    Raises:
        LayerError: saving there would lose rows, or the file is of another kind.
    """
    if target.driver != GPKG:
        _refuse_open(target.path, None, layer)
        return target
    there = {name.lower(): name for name in names_in(target.path)}
    if target.action == "new":
        wanted = (target.table or short(layer.name(), 40)).replace("|", "¦")  # a bar ends the name in QGIS's sources
        table = free_name(set(there), wanted)
        return Target(target.path, target.driver, table)
    table = there.get(target.table.lower())
    if table is None:
        raise LayerError(tr("There is no layer “{name}” in {file}.").format(name=target.table, file=target.path.name))
    chosen = Target(target.path, target.driver, table, target.action)
    _refuse_open(target.path, table, layer, unless_another=target.action == "append")
    if target.action == "append" and not results.is_result(open_table(chosen)):
        raise LayerError(
            tr("The layer “{name}” of {file} has not the attributes of results, so nothing can be added to it.").format(
                name=table, file=target.path.name
            )
        )
    return chosen


def connect(path: Path, mode: str = "rw", *, wait_s: float = BUSY_S) -> sqlite3.Connection:
    """Open a GeoPackage that is there, for reading (``ro``) or for both; what to wait for other programs, seconds.

    Raises:
        sqlite3.OperationalError: it is not there, or cannot be opened.
    """
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=wait_s)


def names_in(path: Path) -> list[str]:
    """Tables and views of a GeoPackage, none where the file does not exist.

    Raises:
        LayerError: it is no GeoPackage.
    """
    if not path.exists():
        return []
    try:
        with closing(connect(path, "ro", wait_s=5.0)) as database:
            database.execute("SELECT table_name FROM gpkg_contents LIMIT 1")
            found = database.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
            return [str(name) for (name,) in found]
    except sqlite3.Error as error:
        raise LayerError(
            tr("{file} exists and is no GeoPackage ({why}). Choose another name.").format(file=path.name, why=error)
        ) from error


def layers_in(path: Path) -> list[str]:
    """Vector layers of a GeoPackage; none where it does not exist or is something else."""
    try:
        with closing(connect(path, "ro", wait_s=5.0)) as database:
            found = database.execute("SELECT table_name FROM gpkg_contents WHERE data_type = 'features'")
            return [str(name) for (name,) in found]
    except sqlite3.Error:
        return []


def free_name(taken: set[str], wanted: str) -> str:
    """The name, or the first of "name 2", "name 3" … that no table has; SQLite takes upper and lower case as one."""
    name, number = wanted, 1
    while name.lower() in taken:
        number += 1
        name = f"{wanted} {number}"
    return name


def open_table(target: Target) -> QgsVectorLayer:
    """The layer of a target, as a layer of its own outside of the project."""
    return QgsVectorLayer(uri(target), target.table or target.path.stem, "ogr")


def open_results(target: Target) -> QgsVectorLayer | None:
    """The layer of a target, where it is there and holds results."""
    if target.table not in layers_in(target.path):
        return None
    layer = open_table(target)
    return layer if results.is_result(layer) else None


def rows_in(target: Target) -> int:
    """Rows of the layer of a target, counted by a connection of its own; -1 where it cannot be read."""
    source = opened(target.path, gdal.OF_VECTOR)
    layer = layer_of(source, target.table or 0)
    return -1 if layer is None else int(layer.GetFeatureCount())


def writable_now(layer: QgsVectorLayer) -> bool:
    """Whether nothing else writes to the GeoPackage of a layer: QGIS would wait seconds, and the interface with it."""
    if layer.providerType() != "ogr":
        return True
    path = Path(str(QgsProviderRegistry.instance().decodeUri("ogr", layer.source()).get("path", "")))
    if path.suffix.lower() != ENDINGS[GPKG]:
        return True
    try:
        with closing(connect(path, wait_s=0.0)) as database:
            database.execute("BEGIN IMMEDIATE")
            database.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        return "locked" not in str(error)  # QGIS says what else is wrong
    except sqlite3.Error:
        return True
    return True


def uri(target: Target) -> str:
    """Source of the layer of a target, as QGIS writes it."""
    return f"{target.path}|layername={target.table}" if target.driver == GPKG else str(target.path)


def write_results(
    layer: QgsVectorLayer,
    target: Target,
    only: list[int] | None,
    done: Callable[[Target], None],
    failed: Callable[[str], None],
) -> QgsVectorFileWriterTask | None:
    """Write a layer, or the features ``only``, by a task; keep the task until one function was called.

    Rows in the file are counted before and after: a write that lost some is a failure. GeoJSON and KML are written in
    longitude and latitude of WGS 84.

    Returns:
        The task; None where the target was refused, and ``failed`` was called at once.
    """
    try:
        target = resolve(layer, target)
        before = rows_in(target) if target.action == "append" else 0
    except LayerError as error:
        failed(str(error))
        return None
    expected = before + (layer.featureCount() if only is None else len(only))
    options = _options(layer, target)
    selected = layer.selectedFeatureIds()
    layer.blockSignals(True)  # the selection is only lent to the writer
    try:
        if only is not None:
            layer.selectByIds(only)
            options.onlySelectedFeatures = True
        task = QgsVectorFileWriterTask(layer, str(target.path), options)
    finally:
        layer.selectByIds(selected)
        layer.blockSignals(False)

    def complete(*_: object) -> None:
        written = rows_in(target)
        if written == expected:
            done(target)
        else:
            failed(tr("{n} of {all} rows are in the file.").format(n=written, all=expected))

    task.setDescription(tr("Saving results"))
    task.writeComplete.connect(complete)
    task.errorOccurred.connect(lambda _code, message: failed(message or tr("unknown error")))
    QgsApplication.taskManager().addTask(task)
    return task


def _options(layer: QgsVectorLayer, target: Target) -> QgsVectorFileWriter.SaveVectorOptions:
    actions = QgsVectorFileWriter.ActionOnExistingFile
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = target.driver
    options.fileEncoding = "UTF-8"
    options.layerName = target.table or short(layer.name(), 40)
    options.layerOptions = OPTIONS.get(target.driver, [])
    # A GeoPackage numbers its rows itself: numbers brought along would collide with those that are there.
    options.attributes = [i for i, field in enumerate(layer.fields()) if field.name().lower() != "fid"]
    if target.driver != GPKG or not target.path.exists():
        options.actionOnExistingFile = actions.CreateOrOverwriteFile
    elif target.action == "append":
        options.actionOnExistingFile = actions.AppendToLayerNoNewFields
    else:
        options.actionOnExistingFile = actions.CreateOrOverwriteLayer
    crs = layer.crs()
    if target.driver in LONGITUDE_LATITUDE:
        crs = QgsCoordinateReferenceSystem("EPSG:4326")
    elif target.action == "append":
        crs = open_table(target).crs()
    if crs != layer.crs():
        options.ct = QgsCoordinateTransform(layer.crs(), crs, QgsProject.instance())
    return options


def reload_readers(target: Target) -> None:
    """Let layers of the project that read the file of a target open it again: the files of SQLite beside it are new."""
    for layer in readers(target.path, None):
        if layer.isEditable() or layer.customProperty(results.HELD):  # a run fills it
            continue
        results.reload(layer)
        layer.updateExtents()


def readers(path: Path, table: str | None) -> list[QgsVectorLayer]:
    """Layers of the project that read a file, or one table of it."""
    found = []
    for layer in QgsProject.instance().mapLayers().values():
        if not isinstance(layer, QgsVectorLayer) or layer.providerType() != "ogr":
            continue
        parts = QgsProviderRegistry.instance().decodeUri("ogr", layer.source())
        name = parts.get("layerName")
        if not parts.get("path") or not _same(Path(str(parts["path"])), path):
            continue
        if table is None or name is None or str(name).lower() == table.lower():
            found.append(layer)
    return found


def _refuse_open(path: Path, table: str | None, layer: QgsVectorLayer, *, unless_another: bool = False) -> None:
    """Refuse to write over what a layer of the project reads (``unless_another``: over what ``layer`` itself reads).

    Raises:
        LayerError: a layer of the project lives there.
    """
    for other in readers(path, table):
        if unless_another and other.id() != layer.id() and not other.isEditable():
            continue
        raise LayerError(
            tr("The layer “{name}” of this project lives there. Choose another name.").format(name=other.name())
        )


def _same(one: Path, other: Path) -> bool:
    try:
        return one.resolve() == other.resolve()
    except OSError:
        return False


def keep_in_file(layer: QgsVectorLayer, target: Target) -> bool:
    """Let a temporary layer live in the GeoPackage it was saved to; style, review and name stay.

    Its style is stored in the file first, by a layer of its own, so that it is found again by whoever opens the file:
    the map reads the file from the moment the layer moves, and SQLite lets no one write beside it.
    """
    layer.removeSelection()  # rows have other ids there
    store_style(layer, target)
    options = layer.dataProvider().ProviderOptions()
    layer.setDataSource(uri(target), layer.name(), "ogr", options, False)
    return bool(layer.isValid())


def store_style(layer: QgsVectorLayer, target: Target) -> None:
    """Store the style of a layer, with its properties, in the GeoPackage of a target, as the one it is opened with."""
    write_style(target, style_of(layer))


def style_of(layer: QgsVectorLayer) -> str:
    """The style of a layer with its properties, as QGIS writes it."""
    style = QDomDocument()
    layer.exportNamedStyle(style)
    return str(style.toString())


def write_style(target: Target, style: str) -> None:
    """Store a style in the GeoPackage of a target, as the one its layer is opened with.

    Raises:
        sqlite3.OperationalError: the file cannot be written, perhaps because another program is writing.
    """
    if forget_style(target):  # QGIS would ask in a dialog whether to replace a style, and wait
        with closing(connect(target.path)) as database:
            database.execute(_NEW_STYLE, (target.table, short(target.table, 30), style))
            database.commit()
        return
    stored, document = open_table(target), QDomDocument()  # QGIS makes the table of styles with the first of them
    document.setContent(style)
    stored.importNamedStyle(document)
    stored.saveStyleToDatabase(short(target.table, 30), "", True, "")


_NEW_STYLE = (
    "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, styleQML,"
    " styleSLD, useAsDefault, description, owner)"
    " SELECT '', '', c.table_name, g.column_name, ?2, ?3, '', 1, '', ''"
    " FROM gpkg_contents c JOIN gpkg_geometry_columns g USING (table_name) WHERE c.table_name = ?1"
)


def forget_style(target: Target) -> bool:
    """Take the styles of a table out of its GeoPackage; whether it has a table for styles at all.

    Raises:
        sqlite3.OperationalError: the file cannot be written, perhaps because another program is writing.
    """
    if not any(name == "layer_styles" for name in names_in(target.path)):
        return False
    with closing(connect(target.path)) as database:
        database.execute("DELETE FROM layer_styles WHERE f_table_name = ?", (target.table,))
        database.commit()
    return True


def proposed_path(layer: QgsVectorLayer, folder: str, driver: str) -> str:
    """A file name made from the question and the raster, so that another raster gets another file."""
    query = str(layer.customProperty(results.QUERY) or "")
    source = str(layer.customProperty(results.SOURCE) or "")
    wanted = "_".join(short(part, 40) for part in (query, source) if part) or short(layer.name(), 60)
    stem = "".join(c if c.isalnum() or c in "-_ " else "_" for c in wanted).strip() or "results"
    return str(Path(folder) / (stem.replace(" ", "_") + ENDINGS[driver]))
