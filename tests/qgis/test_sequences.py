"""Random sequences of save, append, edit, undo, verdict, reopen and runs over real GeoPackages: no row is ever lost.

A model of plain dictionaries says what every table holds. GEOGROUND_SEQUENCES=1000 runs as many sequences; the default
keeps the tests quick.
"""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from fakes import ScriptedLink, box
from geoground_qgis import results, saving, settings
from geoground_qgis.dock import Dock
from geoground_qgis.keeping import Keeper
from geoground_qgis.result_writer import ResultWriter
from geoground_qgis.saving import Target, free_name
from geoground_qgis.verdicts import Verdicts, set_review
from panels import painted
from qgis.core import QgsCoordinateReferenceSystem, QgsFeature, QgsGeometry, QgsProject, QgsVectorLayer
from qgis.gui import QgisInterface

Until = Callable[..., None]
UTM = QgsCoordinateReferenceSystem("EPSG:32617")
SEQUENCES = int(os.environ.get("GEOGROUND_SEQUENCES", "12"))
STEPS = 18


class Machine:
    """One project, one result layer that may move into a file, and what should be where."""

    def __init__(self, seed: int, dock: Dock, until: Until, folder: Path) -> None:
        self.random = random.Random(seed)
        self.dock, self.until, self.folder = dock, until, folder
        self.gpkg = folder / f"{seed}.gpkg"
        self.made = 0
        writer = ResultWriter(QgsProject.instance(), ["tree"], UTM, f"scene {seed}")
        writer.add([self.result() for _ in range(5)])
        until(lambda: writer.idle)
        writer.finish()
        self.layer = writer.layers[0]
        self.rows = {f"r{i}": "" for i in range(5)}
        """Of the layer: label and verdict."""
        self.tables: dict[str, list[str]] = {}
        """Of the GeoPackage, without the table that the layer lives in: the verdicts of the rows."""
        self.table: str | None = None
        self.buffer: list[dict[str, str]] | None = None
        """States of the edit buffer, the committed one first."""
        self.writer: ResultWriter | None = None
        """Of the run in progress, which fills another table of the file."""
        self.running: dict[str, str] = {}
        """Label and verdict of what it has found."""
        self.running_table = ""
        dock.review.show_layer(self.layer)

    def result(self) -> dict:
        label, at = f"r{self.made}", 404_215 + 4 * self.made
        self.made += 1
        return box(at, 3_285_110, 3, number=self.made, label=label, score=round(self.random.random(), 2))

    # Steps

    def save_all(self) -> None:
        table = self._save("all", "new")
        if self.layer.providerType() == "ogr" and self.table is None:
            self.table = table
        else:
            self.tables[table] = list(self.rows.values())

    def save_accepted(self) -> None:
        accepted = [verdict for verdict in self.rows.values() if verdict == "accepted"]
        if accepted:
            self.tables[self._save("accepted", "new")] = accepted

    def append(self) -> None:
        if self.tables:
            table = self.random.choice(sorted(self.tables))
            self._save("all", "append", table)
            self.tables[table] += self.rows.values()

    def replace(self) -> None:
        if self.tables:
            table = self.random.choice(sorted(self.tables))
            self._save("all", "replace", table)
            self.tables[table] = list(self.rows.values())

    def start_editing(self) -> None:
        if self.buffer is None:
            assert self.layer.startEditing()
            self.buffer = [dict(self.rows)]

    def delete(self) -> None:
        if self.buffer is not None and self.rows:
            label = self.random.choice(sorted(self.rows))
            assert self.layer.deleteFeature(self.id_of(label))
            del self.rows[label]
            self.buffer.append(dict(self.rows))

    def draw(self) -> None:
        if self.buffer is not None:
            label, at = f"d{self.made}", 404_215 + 4 * self.made
            self.made += 1
            feature = QgsFeature(self.layer.fields())
            feature.setGeometry(QgsGeometry.fromWkt(f"POLYGON(({at} 0, {at + 2} 0, {at + 2} 2, {at} 0))"))
            feature["label"] = label
            assert self.layer.addFeature(feature)
            self.rows[label] = ""
            self.buffer.append(dict(self.rows))

    def undo_edit(self) -> None:
        if self.buffer is not None and len(self.buffer) > 1:
            self.layer.undoStack().undo()
            self.buffer.pop()
            self.rows = dict(self.buffer[-1])

    def commit(self) -> None:
        if self.buffer is not None:
            assert self.layer.commitChanges(), self.layer.commitErrors()
            self.buffer = None

    def roll_back(self) -> None:
        if self.buffer is not None:
            self.layer.rollBack()
            self.rows = dict(self.buffer[0])
            self.buffer = None

    def judge(self, label: str = "") -> None:
        if self.rows:
            label = label or self.random.choice(sorted(self.rows))
            self.settle()
            self.layer.selectByIds([self.id_of(label)])
            verdict = self.random.choice([results.ACCEPTED, results.REJECTED])
            changes = verdict != self.rows[label]
            self.dock.review.judge(verdict)
            self.rows[label] = verdict
            if self.buffer is not None and changes:  # the same verdict again is no step
                self.buffer.append(dict(self.rows))

    def judge_and_undo(self) -> None:
        before = dict(self.rows)
        still_open = sorted(label for label, verdict in before.items() if not verdict)
        if still_open:
            self.judge(self.random.choice(still_open))
            self.dock.review.undo()
            self.rows = before
            if self.buffer is not None:
                self.buffer.append(dict(self.rows))

    def reopen(self) -> None:
        if self.buffer is None and self.table is not None:
            if self.writer is not None:
                self.run_cancel()
            project = QgsProject.instance()
            assert project.write(str(self.folder / "p.qgz"))
            assert project.read(str(self.folder / "p.qgz"))
            (self.layer,) = (
                one for one in project.mapLayers().values() if saving.readers(self.gpkg, self.table) == [one]
            )
            self.dock.review.show_layer(self.layer)

    # A run in progress, which is killed, cancelled or merged at some point

    def run_batch(self) -> None:
        """A run begins, or its next chips are answered."""
        if self.writer is None:
            self._begin()
        found = [{**self.result(), "id": f"p{self.made}"} for _ in range(self.random.randint(1, 4))]
        self.writer.add(found)
        self.running |= {one["properties"]["label"]: "" for one in found}
        self.until(lambda: self.writer.idle)

    def run_judge(self) -> None:
        """A provisional result is judged."""
        if self.writer is not None and self.writer.layers:
            (layer,), label = self.writer.layers, self.random.choice(sorted(self.running))
            ids = np.array([f.id() for f in layer.getFeatures() if f["label"] == label])
            self.running[label] = self.random.choice([results.ACCEPTED, results.REJECTED])
            assert set_review(layer, Verdicts.same(ids, self.running[label]))

    def run_merge(self) -> None:
        """It ends: what it has found comes again with other ids, and more; or it ends with nothing."""
        if self.writer is not None and self.writer.layers:
            rows = {f["label"]: f for f in self.writer.layers[0].getFeatures()}
            assert set(rows) == set(self.running)
            again = [
                box(self._left(row), 3_285_110, 3, number=n, label=label) for n, (label, row) in enumerate(rows.items())
            ]
            more = [self.result()]
            self.writer.replace([*again, *more])
            self.running[more[0]["properties"]["label"]] = ""
            self.until(lambda: self.writer.idle)
            self._end("done")

    def run_cancel(self) -> None:
        if self.writer is not None:
            self._end("cancelled")

    def run_goes_on(self) -> None:
        """The layer is gone, as after a crash; another run takes the table up, and ends in the same set."""
        if self.writer is not None and self.writer.layers:
            self.dock.review.show_layer(self.layer)
            QgsProject.instance().removeMapLayer(self.writer.layers[0].id())
            self.writer.deleteLater()
            self._begin(self.running_table)
            self.until(lambda: self.writer.count == len(self.running))

    def _begin(self, table: str = "") -> None:
        self.running_table = table or free_name({name.lower() for name in self._tables_in_file()}, "running")
        keeper = Keeper({"tree": Target(self.gpkg, "GPKG", self.running_table)}, UTM, "scene", {})
        self.writer = ResultWriter(QgsProject.instance(), ["tree"], UTM, "running", keeper=keeper)
        self.until(lambda: self.writer.idle)
        if not table:
            self.running = {}

    def _end(self, state: str) -> None:
        self.writer.finish()
        self.writer.settle(state)
        self.until(lambda: self.writer._settling is None)
        layers = self.writer.layers
        if self.running:
            self.tables[self.running_table] = list(self.running.values())
        for layer in layers:
            QgsProject.instance().removeMapLayer(layer.id())
        self.dock.review.show_layer(self.layer)
        self.writer.deleteLater()
        self.writer, self.running = None, {}

    @staticmethod
    def _left(row: QgsFeature) -> float:
        return row.geometry().boundingBox().xMinimum()

    # Helpers and checks

    def _save(self, which: str, action: str, table: str = "") -> str:
        before = set(self._tables_in_file())
        said: list[str] = []
        self.dock.saving.said.connect(lambda text, _level: said.append(text))
        self.dock.saving.save_to(self.layer, Target(self.gpkg, "GPKG", table, action), which)
        self.until(lambda: not self.dock.saving.busy)
        assert said[-1].startswith("Saved"), said
        new = set(self._tables_in_file()) - before
        return table or new.pop()

    def id_of(self, label: str) -> int:
        return next(f.id() for f in self.layer.getFeatures() if f["label"] == label)

    def settle(self) -> None:
        ranking = self.dock.review.ranking
        self.until(lambda: not ranking.busy and ranking.total == len(self.rows))

    def counted(self) -> tuple[int, int]:
        counts = self.dock.review.ranking.counts()
        return counts["accepted"], counts["rejected"]

    def _tables_in_file(self) -> list[str]:
        if not self.gpkg.exists():
            return []
        with closing(sqlite3.connect(self.gpkg)) as database:
            return [n for (n,) in database.execute("SELECT table_name FROM gpkg_contents WHERE data_type = 'features'")]

    def check(self) -> None:
        found = {f["label"]: f["review"] if isinstance(f["review"], str) else "" for f in self.layer.getFeatures()}
        assert found == self.rows
        with closing(sqlite3.connect(self.gpkg if self.gpkg.exists() else ":memory:")) as database:
            for table, rows in self.tables.items():
                stored = database.execute(f'SELECT review FROM "{table}"').fetchall()
                assert sorted(v or "" for (v,) in stored) == sorted(rows), table
            if self.writer is not None:
                stored = database.execute(f'SELECT label, review FROM "{self.running_table}"').fetchall()
                assert sorted(stored) == sorted(self.running.items())
        self.settle()
        values = list(self.rows.values())
        wanted = (values.count("accepted"), values.count("rejected"))
        self.until(lambda: self.counted() == wanted)
        if self.rows:
            assert painted(self.layer) == set(self.rows)


@pytest.fixture
def dock(iface: QgisInterface, link: ScriptedLink) -> Iterator[Dock]:
    settings.save(settings.Settings(engine="good", keep_results=False))
    dock = Dock(iface, link)
    dock.show()
    dock.review.step_on.setChecked(False)
    yield dock
    dock.close_everything()
    dock.deleteLater()


STEP_NAMES = (
    "save_all",
    "save_accepted",
    "append",
    "replace",
    "start_editing",
    "delete",
    "draw",
    "undo_edit",
    "commit",
    "roll_back",
    "judge",
    "judge_and_undo",
    "reopen",
    "run_batch",
    "run_batch",
    "run_judge",
    "run_merge",
    "run_cancel",
    "run_goes_on",
)


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_no_sequence_loses_a_row(seed: int, dock: Dock, until: Until, tmp_path: Path) -> None:
    machine = Machine(seed, dock, until, tmp_path)
    done = []
    for _ in range(STEPS):
        step = machine.random.choice(STEP_NAMES)
        done.append(step)
        try:
            getattr(machine, step)()
            machine.check()
        except AssertionError as error:
            raise AssertionError(f"after {done}: {error}") from error
    assert isinstance(machine.layer, QgsVectorLayer)
