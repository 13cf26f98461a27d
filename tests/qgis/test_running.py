"""A run writes into the kept GeoPackage from its first second: killed, cancelled, left, reviewed meanwhile."""

from __future__ import annotations

import gc
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from fakes import ScriptedLink, box, emits, features, progress, until_cancelled
from geoground_qgis import keeping, kept, results, saving, settings
from geoground_qgis.dock import Dock
from geoground_qgis.engine_link import Cancelled
from geoground_qgis.merging import Replacement, bounds_of
from geoground_qgis.saving import GPKG, Target
from geoground_qgis.unfinished import unfinished
from panels import Run, layers, painted
from pulse import LIMIT_S, Pulse
from qgis.core import QgsCoordinateReferenceSystem, QgsProject, QgsVectorLayer

Until = Callable[..., None]
FOUND = [box(404215 + 5 * i, 3285110, 3, number=i, label=f"r{i}") for i in range(4)]
COUNT = int(os.environ.get("GEOGROUND_MANY", "4000"))
HERE = Path(__file__).parent
PROVISIONAL = features(*FOUND[:2], stage="provisional", first=False)


def rows(path: Path, table: str = "tree (scene)") -> dict[str, str]:
    """Label and verdict of what a table holds, read by SQLite."""
    with closing(sqlite3.connect(path)) as database:
        found = database.execute(f'SELECT label, review FROM "{table}"').fetchall()
    assert len(found) == len(dict(found))
    return dict(found)


def states(path: Path) -> dict[str, str]:
    """How the run of each table stands."""
    with closing(sqlite3.connect(path)) as database:
        found = database.execute("SELECT table_name, description FROM gpkg_contents WHERE data_type = 'features'")
        return dict(found.fetchall())


@pytest.fixture
def town(dock: Dock, tmp_path: Path) -> Path:
    """The GeoPackage that results of the project are kept in."""
    settings.save(settings.Settings(engine="good"))
    dock.review.step_on.setChecked(False)
    assert QgsProject.instance().write(str(tmp_path / "town.qgz"))
    return tmp_path / "town_results.gpkg"


def goes_on(params, emit, cancelled):
    """A run that has answered two chips, and goes on."""
    Path(params["output"] + ".journal").write_text("chips answered so far")
    return until_cancelled(PROVISIONAL, progress(2, 4, 2))(params, emit, cancelled)


def two_results(run: Run, dock: Dock, link: ScriptedLink, until: Until, questions: str) -> None:
    """Start a run that goes on, and wait for its first results."""
    link.answers["run"] = goes_on
    run.start(questions)
    until(lambda: dock.asking.writer is not None and dock.asking.writer.count == 2)


def test_the_file_is_there_before_the_first_result(
    run: Run, dock: Dock, town: Path, link: ScriptedLink, until: Until
) -> None:
    link.answers["run"] = until_cancelled(progress(0, 4))
    run.start("tree\ncar")
    until(lambda: dock.asking.writer.idle and "0 of 4" in dock.ask.progress.text())
    assert states(town) == dict.fromkeys(("tree (scene)", "car (scene)"), "geogrounding: running")
    layer = saving.open_table(Target(town, GPKG, "tree (scene)"))
    layer.loadDefaultStyle()
    asked = json.loads(layer.customProperty(results.ASKED))
    assert asked["request"]["expressions"] == ["tree", "car"]
    assert "area" in asked
    assert layer.crs().authid() == "EPSG:32617"
    dock.ask.cancel_button.click()
    until(lambda: bool(run.outcomes) and not town.exists())  # nothing was found, so nothing is left


def test_killed_in_mid_run_it_is_all_there_and_goes_on(
    run: Run, dock: Dock, link: ScriptedLink, until: Until, tmp_path: Path, scene: Path
) -> None:
    project = tmp_path / "killed.qgz"
    command = [sys.executable, "-P", "-m", "pytest", "-c", str(HERE / "pytest.ini"), "-p", "no:cacheprovider"]
    command += ["--basetemp", str(tmp_path / "killed"), str(HERE / "killed.py")]
    places = {"GEOGROUND_TEST_PROFILE": f"{tmp_path}/profile", "GEOGROUND_TEST_PROJECT": str(project)}
    ended = subprocess.run(command, capture_output=True, timeout=120, env={**os.environ, **places})
    assert ended.returncode == -signal.SIGKILL, ended.stdout.decode()[-2000:]
    path = tmp_path / "killed_results.gpkg"
    accepted = {"r0": "accepted", "r1": ""}
    assert rows(path) == accepted
    assert rows(path, "car (scene)") == {}
    assert set(states(path).values()) == {"geogrounding: running"}
    # The next start: the same profile and the same project.
    settings.save(settings.Settings(engine="good"))
    assert QgsProject.instance().read(str(project))
    dock.engine_changed()
    ((target, whole),) = kept.earlier(QgsProject.instance())
    assert (target.table, whole) == ("tree (scene)", False)
    assert painted(kept.reopen(QgsProject.instance(), target)) == {"r0", "r1"}
    link.answers["run"] = emits(features(*FOUND, box(404215, 3285120, 2, number=9, query="car", label="c")))
    dock.ask.resume_button.click()
    until(lambda: bool(run.outcomes) and dock.asking.writer.idle)
    until(lambda: set(states(path).values()) == {"geogrounding: done"})
    assert rows(path) == {**accepted, "r2": "", "r3": ""}
    assert rows(path, "car (scene)") == {"c": ""}
    assert painted(layers()["tree"]) == {"r0", "r1", "r2", "r3"}
    assert layers()["tree"].customProperty(results.QUERY) == "tree"
    assert unfinished() == []


def test_cancelled_it_stays_and_goes_on_in_the_same_layer(
    run: Run, dock: Dock, town: Path, link: ScriptedLink, until: Until
) -> None:
    two_results(run, dock, link, until, "tree\ncar")
    assert rows(town) == {"r0": "", "r1": ""}
    dock.ask.cancel_button.click()
    until(lambda: bool(run.outcomes))
    assert run.outcomes.pop() == "cancelled"
    until(lambda: states(town) == {"tree (scene)": "geogrounding: cancelled"})
    layer = layers()["tree"]
    correct(layer, "r1")
    link.answers["run"] = emits(features(*FOUND))
    dock.ask.resume_button.click()
    until(lambda: bool(run.outcomes) and states(town) == {"tree (scene)": "geogrounding: done"})
    assert layers()["tree"].id() == layer.id()
    assert sorted(rows(town)) == ["r0", "r1", "r2", "r3"]
    (drawn,) = (row for row in layer.getFeatures() if row["outline"] == results.DRAWN)
    assert drawn["label"] == "r1"
    assert not layer.readOnly()


def correct(layer: QgsVectorLayer, label: str) -> None:
    """Change a result by hand."""
    (row,) = (row for row in layer.getFeatures() if row["label"] == label)
    layer.startEditing()
    shape = row.geometry()
    shape.translate(0.2, 0)
    layer.changeGeometry(row.id(), shape)
    assert layer.commitChanges()


def test_a_layer_that_is_being_edited_is_left_alone_when_its_run_goes_on(
    run: Run, dock: Dock, town: Path, link: ScriptedLink, until: Until
) -> None:
    two_results(run, dock, link, until, "tree")
    dock.ask.cancel_button.click()
    until(lambda: bool(run.outcomes))
    run.outcomes.clear()
    layer = layers()["tree"]
    layer.startEditing()
    link.answers["run"] = emits(features(*FOUND))
    dock.ask.resume_button.click()
    until(lambda: bool(run.outcomes) and states(town).get("tree (scene) 2") == "geogrounding: done")
    assert rows(town) == {"r0": "", "r1": ""}
    assert len(rows(town, "tree (scene) 2")) == 4
    layer.rollBack()


def test_a_new_project_in_mid_run_leaves_the_file_to_be_continued(
    run: Run, dock: Dock, town: Path, link: ScriptedLink, until: Until
) -> None:
    two_results(run, dock, link, until, "tree\ncar")
    QgsProject.instance().clear()
    assert states(town) == {"tree (scene)": "geogrounding: cancelled"}
    assert rows(town) == {"r0": "", "r1": ""}
    (left,) = unfinished()
    assert left.tables["tree"].path == town
    run.outcomes.clear()
    link.answers["run"] = emits(features(*FOUND))
    dock.ask.resume_button.click()
    until(lambda: bool(run.outcomes) and states(town) == {"tree (scene)": "geogrounding: done"})
    assert sorted(rows(town)) == ["r0", "r1", "r2", "r3"]
    assert painted(layers()["tree"]) == {"r0", "r1", "r2", "r3"}


def test_verdicts_given_in_mid_run_are_in_the_file_and_survive_the_merging(
    run: Run, dock: Dock, town: Path, link: ScriptedLink, until: Until
) -> None:
    gate: list[bool] = []

    def gated(params, emit, cancelled):
        with suppress(Cancelled):
            until_cancelled(PROVISIONAL)(params, emit, lambda: bool(gate))
        emit(features(*FOUND))
        return {"chips": 4, "failed": 0, "failed_chips": []}

    link.answers["run"] = gated
    run.start("tree")
    until(lambda: dock.review.ranking.total == 2 and not dock.review.ranking.busy)
    layer = layers()["tree"]
    judge(dock, layer, "r0", results.REJECTED)
    judge(dock, layer, "r1", results.ACCEPTED)
    assert rows(town) == {"r0": "rejected", "r1": "accepted"}
    gate.append(True)
    until(lambda: bool(run.outcomes) and states(town) == {"tree (scene)": "geogrounding: done"})
    assert rows(town) == {"r0": "rejected", "r1": "accepted", "r2": "", "r3": ""}
    until(lambda: dock.asking.writer.settled)  # the layer has opened the file again
    assert [feature["label"] for feature in layer.selectedFeatures()] == ["r1"]
    assert not list(town.parent.glob("*.gpkg-journal"))


def test_what_is_selected_stays_selected_while_results_come(
    run: Run, dock: Dock, link: ScriptedLink, until: Until
) -> None:
    two_results(run, dock, link, until, "tree")
    layer = layers()["tree"]
    assert layer.providerType() == "memory"
    layer.selectByIds([row.id() for row in layer.getFeatures() if row["label"] == "r1"])
    dock.asking.writer.add(FOUND[2:])
    until(lambda: dock.asking.writer.idle and layer.featureCount() == 4)
    assert [feature["label"] for feature in layer.selectedFeatures()] == ["r1"]


def judge(dock: Dock, layer: QgsVectorLayer, label: str, verdict: str) -> None:
    layer.selectByIds([row.id() for row in layer.getFeatures() if row["label"] == label])
    dock.review.judge(verdict)


def test_a_file_that_another_program_writes_to_gets_its_results_later(
    run: Run, dock: Dock, town: Path, link: ScriptedLink, until: Until
) -> None:
    two_results(run, dock, link, until, "tree")
    with closing(sqlite3.connect(town, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        pulse = Pulse()
        dock.asking.writer.add(FOUND[2:])
        until(lambda: dock.asking.writer._tries > 1)
        judge(dock, layers()["tree"], "r0", results.ACCEPTED)  # said, and not noted as given
        beats = pulse.beats
        until(lambda: pulse.beats > beats + 1)
        pulse.close()
        assert pulse.longest < 1.0, pulse.where  # QGIS itself waits five seconds
        assert dock.review.ranking.counts()["accepted"] == 0
        other.execute("ROLLBACK")
    until(lambda: dock.asking.writer.idle)
    assert sorted(rows(town)) == ["r0", "r1", "r2", "r3"]
    assert dock.asking.writer.unusable == 0


def test_other_tables_of_the_file_stay_and_one_that_is_empty_goes(
    run: Run, dock: Dock, town: Path, link: ScriptedLink, until: Until
) -> None:
    link.answers["run"] = emits(features(*FOUND))
    for _ in range(2):
        run("tree\ncar")
        until(lambda: set(states(town).values()) == {"geogrounding: done"})
    assert sorted(states(town)) == ["tree (scene)", "tree (scene) 2"]
    with closing(sqlite3.connect(town)) as database:
        styled = sorted(name for (name,) in database.execute("SELECT f_table_name FROM layer_styles"))
    assert styled == ["tree (scene)", "tree (scene) 2"]


def test_forgotten_runs_leave_what_they_found(
    run: Run, dock: Dock, town: Path, link: ScriptedLink, until: Until
) -> None:
    two_results(run, dock, link, until, "tree\ncar")
    QgsProject.instance().clear()
    keeping.set_state(Target(town, GPKG, "tree (scene)"), keeping.RUNNING)  # as after a crash
    dock.ask.forget_requested.emit()
    assert states(town) == {"tree (scene)": "geogrounding: cancelled"}
    assert unfinished() == []


def test_the_interface_never_waits_for_the_file(
    run: Run, dock: Dock, town: Path, link: ScriptedLink, until: Until
) -> None:
    """So many results as they come, and then merged."""
    many = [box(404000 + 3 * (i % 100), 3285000 + 3 * (i // 100), 2, number=i, label=f"r{i}") for i in range(COUNT)]
    blocks = [many[i : i + 500] for i in range(0, COUNT, 500)]
    provisional = [features(*block, stage="provisional", first=False) for block in blocks]
    merged = [features(*block, first=number == 0) for number, block in enumerate(blocks)]
    link.answers["run"] = emits(*provisional, *merged)
    gc.collect()
    gc.freeze()  # what the double holds is in the engine otherwise, and is not Python's of QGIS to look through
    pulse = Pulse()
    run.start("tree")
    until(lambda: bool(run.outcomes) and states(town) == {"tree (scene)": "geogrounding: done"}, 600)
    pulse.close()
    gc.unfreeze()
    print(f"longest stop {pulse.longest:.3f} s: {pulse.where}")
    assert len(rows(town)) == COUNT
    assert pulse.longest < LIMIT_S, f"blocked for {pulse.longest * 1000:.0f} ms: {pulse.where}"


def test_a_file_that_holds_anything_else_is_never_deleted(town: Path, dock: Dock) -> None:
    """A table that another program made, without listing it, counts."""
    targets = {"tree": Target(town, GPKG, "tree (scene)")}

    def make() -> None:
        for _ in keeping.Keeper(targets, utm(), "scene", {}).make():
            pass

    def settle() -> None:
        for _ in keeping.settle(targets, {"tree": keeping.CANCELLED}, {}):
            pass

    make()
    settle()
    assert not town.exists()
    make()
    with closing(sqlite3.connect(town)) as database:
        database.execute("CREATE TABLE notes (text)")
        database.execute("INSERT INTO notes VALUES ('mine')")
        database.commit()
    settle()
    with closing(sqlite3.connect(town)) as database:
        assert database.execute("SELECT text FROM notes").fetchall() == [("mine",)]


def utm() -> QgsCoordinateReferenceSystem:
    return QgsCoordinateReferenceSystem("EPSG:32617")


def test_a_row_that_grew_replaces_its_parts(until: Until) -> None:
    """Two halves of an object on the border of two chips become one; the verdict on the larger half goes over."""
    layer = results.memory_layer("parts")
    halves = [results.to_feature(layer.fields(), box(x, 0, 6, number=i), "") for i, x in enumerate((0, 5))]
    halves[0]["review"] = results.ACCEPTED
    _, added = layer.dataProvider().addFeatures(halves)
    replacement = Replacement(layer, {row.id(): bounds_of(row) for row in added})
    whole = results.to_feature(layer.fields(), box(0, 0, 7, number=7), "")
    _, (one,) = layer.dataProvider().addFeatures([whole])
    replacement.add({one.id(): bounds_of(one)})
    while replacement.step(layer):
        pass
    (row,) = layer.getFeatures()
    assert (row["id"], row["review"]) == (7, "accepted")
