"""The tables of a run in the GeoPackage that results are kept in, there from its begin, so that nothing is lost.

What the run finds is written into them as it comes, by the layers on the map, which read and write these tables. How
the run stands is the description of each table, which every program that reads GeoPackages shows.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProject,
    QgsVectorFileWriter,
    QgsWkbTypes,
)

from . import results, saving, settings
from .gdal_files import layer_of, opened
from .messages import NAME, short
from .rasters import LayerError
from .saving import GPKG, Target

RUNNING, CANCELLED, DONE = "running", "cancelled", "done"
TRIES = 200
"""How often writing is tried where another program is writing to the file."""
Tables = Mapping[str, Target]
"""The table of each question."""


def results_path(project: QgsProject) -> Path:
    """The GeoPackage that results of this project are kept in: in the folder of the settings, or beside the project.

    A project that was never saved has no folder; its results are kept in the profile, a file a day.
    """
    chosen = settings.load().results_folder
    stem = Path(project.fileName()).stem if project.fileName() else ""
    if chosen:
        folder = Path(chosen)
    elif stem:
        folder = Path(project.homePath() or Path(project.fileName()).parent)
    else:
        folder = settings.home() / "results"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / (f"{stem}_results.gpkg" if stem else f"{date.today().isoformat()}.gpkg")


def tables_for(project: QgsProject, questions: Sequence[str], raster: str) -> dict[str, Target]:
    """New tables for the questions of a run; none where results are not kept, or the file cannot be used."""
    if not settings.load().keep_results:
        return {}
    try:
        path = results_path(project)
        taken = {name.lower() for name in saving.names_in(path)}
    except (OSError, LayerError):  # said when the results are there, and are to be kept
        return {}
    tables = {}
    for question in questions:
        wanted = short(f"{short(question, 40)} ({short(raster, 40)})", 40).replace("|", "¦")
        name = saving.free_name(taken, wanted)
        taken.add(name.lower())
        tables[question] = Target(path, GPKG, name)
    return tables


def usable(project: QgsProject, tables: Tables) -> dict[str, Target]:
    """The tables of a run that goes on, but those that the user is editing in this project."""
    edited = {layer.id() for layer in project.mapLayers().values() if getattr(layer, "isEditable", bool)()}
    return {
        question: target
        for question, target in tables.items()
        if target.path.parent.is_dir()
        and not any(layer.id() in edited for layer in saving.readers(target.path, target.table))
    }


class Keeper:
    """Makes the tables of a run, and notes in them how it ended: step by step, for a timer of the main thread.

    All the plugin writes into the file of a run is written there: GDAL does not wait where another thread is writing.
    """

    def __init__(
        self, tables: Tables, crs: QgsCoordinateReferenceSystem, raster: str, asked: Mapping[str, Any]
    ) -> None:
        """Prepare: ``asked`` is the request and the area, which are kept with the results."""
        self.tables = dict(tables)
        self._crs, self._raster, self._asked = crs, raster, json.dumps(asked)

    def make(self) -> Iterator[None]:
        """Make the tables that are not there. One that cannot be made is said when its results are to be kept."""
        for number, (question, target) in enumerate(self.tables.items()):
            if target.table not in saving.layers_in(target.path):
                if not self._create(target):
                    continue
                yield
                layer = results.memory_layer(question)
                colour = results.COLOURS[number % len(results.COLOURS)]
                results.dress(layer, question, self._raster, self._asked, colour)
                yield from _patiently(partial(saving.write_style, target, saving.style_of(layer)))
            yield from _patiently(partial(set_state, target, RUNNING))
            yield

    def _create(self, target: Target) -> bool:
        actions = QgsVectorFileWriter.ActionOnExistingFile
        options = QgsVectorFileWriter.SaveVectorOptions()
        options.driverName, options.layerName, options.fileEncoding = GPKG, target.table, "UTF-8"
        there = target.path.exists()
        options.actionOnExistingFile = actions.CreateOrOverwriteLayer if there else actions.CreateOrOverwriteFile
        writer = QgsVectorFileWriter.create(
            str(target.path),
            results.result_fields(),
            QgsWkbTypes.Type.Polygon,
            self._crs,
            QgsProject.instance().transformContext(),
            options,
        )
        made = writer.hasError() == QgsVectorFileWriter.WriterError.NoError
        del writer  # closes the file
        return made


def settle(tables: Tables, states: Mapping[str, str], styles: Mapping[str, str]) -> Iterator[None]:
    """A run has ended: note how, keep the styles, all by question, and take away tables that hold nothing."""
    for question, target in tables.items():
        rows = saving.rows_in(target)
        if rows == 0:
            _drop(target)
            yield from _patiently(partial(saving.forget_style, target))
        elif rows > 0:
            yield from _patiently(partial(set_state, target, states[question]))
            if question in styles:
                yield from _patiently(partial(saving.write_style, target, styles[question]))
        yield
    for path in {target.path for target in tables.values()}:
        if path.exists() and _holds_nothing(path):
            path.unlink()


def _patiently(act: Callable[[], object]) -> Iterator[None]:
    """Try again in later steps where another program is writing to the file."""
    for _ in range(TRIES):
        try:
            act()
        except sqlite3.OperationalError:
            yield
        else:
            return


def set_state(target: Target, state: str) -> None:
    """Note how a run stands; a table that is gone has no state."""
    with closing(saving.connect(target.path)) as database:
        database.execute(
            "UPDATE gpkg_contents SET description = ? WHERE table_name = ?", (f"{NAME}: {state}", target.table)
        )
        database.commit()


def unfinished_in(path: Path) -> frozenset[str]:
    """The tables of a GeoPackage whose runs did not come to their end."""
    try:
        with closing(saving.connect(path)) as database:
            found = database.execute("SELECT table_name, description FROM gpkg_contents").fetchall()
    except sqlite3.Error:
        return frozenset()
    begins, done = f"{NAME}: ", f"{NAME}: {DONE}"
    return frozenset(str(name) for name, text in found if str(text).startswith(begins) and text != done)


def _drop(target: Target) -> None:
    data = opened(target.path, gdal.OF_VECTOR | gdal.OF_UPDATE)
    if data is None:
        return
    layers = [layer_of(data, number) for number in range(data.GetLayerCount())]
    names = ["" if layer is None else layer.GetName() for layer in layers]
    layers = []
    if target.table in names:
        data.DeleteLayer(names.index(target.table))
    data = None  # closes the file


def _holds_nothing(path: Path) -> bool:
    """Whether a GeoPackage holds no table but its own and that of styles, which is empty, and is open nowhere."""
    with suppress(sqlite3.Error), closing(saving.connect(path)) as database:
        listed = {name for (name,) in database.execute("SELECT table_name FROM gpkg_contents")} - {"layer_styles"}
        tables = database.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')").fetchall()
        others = [name for (name,) in tables if not str(name).startswith(_OWN) and name != "layer_styles"]
        styles = ("layer_styles",) in tables and database.execute("SELECT 1 FROM layer_styles LIMIT 1").fetchone()
        if listed or others or styles:
            return False
        database.close()  # the last connection takes the log away; where it stays, another one is open
        return not path.with_name(f"{path.name}-wal").exists()
    return False


_OWN = ("gpkg_", "rtree_", "sqlite_")
