"""Nothing is lost and nothing vanishes: saving beside other tables, reopening, editing, undoing, new projects."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import ScriptedLink, box, emits, features, progress, until_cancelled
from geoground_qgis import results, saving
from geoground_qgis.dock import Dock
from geoground_qgis.saving import Target
from panels import Run, layers, messages, painted
from qgis.core import (
    QgsApplication,
    QgsExpressionContextUtils,
    QgsFeature,
    QgsGeometry,
    QgsProject,
    QgsVectorFileWriter,
    QgsVectorLayer,
)
from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest

Until = Callable[..., None]
X, Y = 404215, 3285110
SEVEN = [
    box(X + 5 * i, Y, 3, number=i, label=f"r{i}", score=s) for i, s in enumerate((0.9, 0.8, 0.7, 0.6, 0.5, 0.4, None))
]


@pytest.fixture
def found(run: Run, dock: Dock, link: ScriptedLink, until: Until) -> QgsVectorLayer:
    """Seven results of a run, under review."""
    link.answers["run"] = emits(features(*SEVEN))
    run()
    until(lambda: dock.review.ranking.total == 7)
    return layers()["tree"]


@pytest.fixture
def gpkg(tmp_path: Path) -> Path:
    """A GeoPackage with two layers of somebody else."""
    path = tmp_path / "town.gpkg"
    for number, name in enumerate(("my_buildings", "roads")):
        layer = QgsVectorLayer("Polygon?crs=EPSG:32617&field=name:string", name, "memory")
        feature = QgsFeature(layer.fields())
        feature.setGeometry(QgsGeometry.fromWkt("POLYGON((0 0, 1 0, 1 1, 0 0))"))
        feature["name"] = "mine"
        layer.dataProvider().addFeature(feature)
        options = QgsVectorFileWriter.SaveVectorOptions()
        options.layerName = name
        actions = QgsVectorFileWriter.ActionOnExistingFile
        options.actionOnExistingFile = (actions.CreateOrOverwriteFile, actions.CreateOrOverwriteLayer)[number]
        QgsVectorFileWriter.writeAsVectorFormatV3(layer, str(path), QgsProject.instance().transformContext(), options)
    return path


@pytest.fixture
def save(dock: Dock, until: Until, iface: QgisInterface) -> Callable[..., str]:
    """Saves and gives the last message."""

    def save(layer: QgsVectorLayer, path: Path, which: str = "all", **more: str) -> str:
        said: list[str] = []
        dock.saving.said.connect(lambda text, _level: said.append(text))
        dock.saving.save_to(layer, Target(path, more.pop("driver", "GPKG"), **more), which)
        until(lambda: not dock.saving.busy and bool(said))
        return said[-1]

    return save


def tables(path: Path) -> dict[str, int]:
    """Rows of every layer of a GeoPackage."""
    with sqlite3.connect(path) as database:
        names = [
            name for (name,) in database.execute("SELECT table_name FROM gpkg_contents WHERE data_type='features'")
        ]
        counts = {name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}
    database.close()
    return counts


VARIABLE = "@geogrounding_min_score"
ALL = {f"r{i}" for i in range(7)}


# What is saved stays visible


def test_results_are_drawn_after_saving_and_after_reopening(
    found: QgsVectorLayer, save: Callable[..., str], tmp_path: Path, until: Until, dock: Dock
) -> None:
    results.hide_below(found, 0.0)
    assert painted(found) == ALL
    save(found, tmp_path / "kept.gpkg")
    assert found.providerType() == "ogr"
    assert painted(found) == ALL
    results.hide_below(found, 0.55)
    assert painted(found) == {"r0", "r1", "r2", "r3", "r6"}
    project = QgsProject.instance()
    assert project.write(str(tmp_path / "p.qgz"))
    assert project.read(str(tmp_path / "p.qgz"))
    (again,) = (layer for layer in project.mapLayers().values() if results.is_result(layer))
    assert painted(again) == {"r0", "r1", "r2", "r3", "r6"}
    until(lambda: dock.review.ranking.total == 7)
    dock.review.slider.setValue(0)
    assert painted(again) == ALL


def test_a_project_of_version_0_1_draws_its_results_again(
    found: QgsVectorLayer, save: Callable[..., str], tmp_path: Path
) -> None:
    save(found, tmp_path / "kept.gpkg")
    for rule in found.renderer().rootRule().children():
        rule.setFilterExpression(
            rule.filterExpression().replace("to_real(@geogrounding_min_score)", "@geogrounding_min_score")
        )
    for value in (0.1, 0.2, 0.0):
        QgsExpressionContextUtils.setLayerVariable(found, "geogrounding_min_score", value)
    assert painted(found) == set()
    project = QgsProject.instance()
    assert project.write(str(tmp_path / "old.qgz"))
    assert project.read(str(tmp_path / "old.qgz"))
    (again,) = (layer for layer in project.mapLayers().values() if results.is_result(layer))
    assert painted(again) == ALL
    assert list(again.customProperty("variableNames")) == ["geogrounding_min_score"]


def test_the_slider_leaves_one_variable_and_keeps_those_of_the_user(found: QgsVectorLayer, dock: Dock) -> None:
    QgsExpressionContextUtils.setLayerVariable(found, "mine", "kept")
    for percent in range(10, 60):
        dock.review.slider.setValue(percent)
    assert sorted(found.customProperty("variableNames")) == ["geogrounding_min_score", "mine"]
    assert results.hidden_below(found) == pytest.approx(0.59)
    assert QgsExpressionContextUtils.layerScope(found).variable("mine") == "kept"


def test_the_style_is_found_in_the_file(found: QgsVectorLayer, save: Callable[..., str], tmp_path: Path) -> None:
    save(found, tmp_path / "kept.gpkg")
    other = QgsVectorLayer(f"{tmp_path / 'kept.gpkg'}|layername={found.name()}", "elsewhere", "ogr")
    other.loadDefaultStyle()
    assert {rule.label() for rule in other.renderer().rootRule().children()} == {"open", "accepted", "rejected"}
    assert painted(other) == ALL


# Saving harms nothing


def test_other_layers_of_a_geopackage_stay(found: QgsVectorLayer, save: Callable[..., str], gpkg: Path) -> None:
    save(found, gpkg)
    assert tables(gpkg) == {"my_buildings": 1, "roads": 1, "tree (scene)": 7}


def test_a_part_saved_to_the_file_that_the_layer_lives_in_is_another_layer(
    found: QgsVectorLayer, save: Callable[..., str], gpkg: Path, dock: Dock, until: Until
) -> None:
    save(found, gpkg)
    until(lambda: dock.review.ranking.total == 7)
    dock.review.next.click()
    dock.review.accept.click()
    save(found, gpkg, "accepted")
    assert tables(gpkg) == {"my_buildings": 1, "roads": 1, "tree (scene)": 7, "tree (scene) 2": 1}
    assert found.featureCount() == 7


@pytest.mark.parametrize("action", ["replace", "append"])
def test_a_layer_is_not_saved_over_or_into_itself(
    found: QgsVectorLayer, save: Callable[..., str], gpkg: Path, action: str
) -> None:
    save(found, gpkg)
    assert "lives there" in save(found, gpkg, action=action, table="tree (scene)")
    assert tables(gpkg)["tree (scene)"] == 7


@pytest.mark.parametrize("action", ["replace", "append"])
def test_the_layer_of_somebody_else_is_not_taken(
    found: QgsVectorLayer, save: Callable[..., str], gpkg: Path, action: str
) -> None:
    QgsProject.instance().addMapLayer(QgsVectorLayer(f"{gpkg}|layername=roads", "the roads", "ogr"))
    said = save(found, gpkg, action=action, table="roads")
    assert "the roads" in said or "attributes of results" in said
    assert tables(gpkg) == {"my_buildings": 1, "roads": 1}


def test_rows_are_added_to_earlier_results(
    found: QgsVectorLayer, save: Callable[..., str], gpkg: Path, run: Run, link: ScriptedLink, until: Until
) -> None:
    save(found, gpkg)
    link.answers["run"] = emits(features(box(X, Y + 20, 2, number=1, label="later")))
    run()
    later = next(layer for layer in QgsProject.instance().mapLayers().values() if layer.providerType() == "memory")
    assert later.name().startswith("tree (scene) ")
    save(later, gpkg, action="append", table="tree (scene)")
    assert tables(gpkg) == {"my_buildings": 1, "roads": 1, "tree (scene)": 8}
    assert later.providerType() == "memory"
    until(lambda: found.featureCount() == 8)
    assert {feature["label"] for feature in found.getFeatures()} == {*ALL, "later"}


def test_a_file_that_is_no_geopackage_is_left_alone(
    found: QgsVectorLayer, save: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "notes.gpkg").write_text("my notes")
    assert "no GeoPackage" in save(found, tmp_path / "notes.gpkg")
    assert (tmp_path / "notes.gpkg").read_text() == "my notes"
    assert found.providerType() == "memory"
    assert not found.readOnly()


def test_a_file_that_a_layer_reads_is_not_replaced(
    found: QgsVectorLayer, save: Callable[..., str], tmp_path: Path
) -> None:
    save(found, tmp_path / "a.geojson", driver="GeoJSON")
    QgsProject.instance().addMapLayer(QgsVectorLayer(str(tmp_path / "a.geojson"), "opened", "ogr"))
    assert "opened" in save(found, tmp_path / "a.geojson", driver="GeoJSON")


@pytest.mark.parametrize("driver", sorted(saving.ENDINGS))
def test_every_format_holds_every_row(
    found: QgsVectorLayer, save: Callable[..., str], tmp_path: Path, driver: str
) -> None:
    path = tmp_path / f"saved{saving.ENDINGS[driver]}"
    assert "Saved" in save(found, path, "shown", driver=driver)
    saved = QgsVectorLayer(str(path), "saved", "ogr")
    assert saved.featureCount() == 7
    assert {feature["label"] for feature in saved.getFeatures()} == ALL


def test_another_raster_is_proposed_another_file(found: QgsVectorLayer) -> None:
    assert Path(saving.proposed_path(found, "/x", "GPKG")).name == "tree_scene.gpkg"


# Editing while saving


def test_a_layer_that_is_edited_is_saved_with_its_edits_and_stays_where_it_is(
    found: QgsVectorLayer, save: Callable[..., str], gpkg: Path
) -> None:
    found.startEditing()
    found.deleteFeature(next(found.getFeatures("label = 'r3'")).id())
    said = save(found, gpkg)
    assert "still a temporary one" in said
    assert tables(gpkg)["tree (scene)"] == 6
    assert found.providerType() == "memory"
    assert found.commitChanges()
    assert {feature["label"] for feature in found.getFeatures()} == ALL - {"r3"}
    save(found, gpkg)
    assert found.providerType() == "ogr"
    assert found.featureCount() == 6


def test_neither_edits_nor_verdicts_come_between_copy_and_move(
    found: QgsVectorLayer, dock: Dock, gpkg: Path, until: Until, iface: QgisInterface
) -> None:
    dock.review.next.click()
    dock.saving.save_to(found, Target(gpkg, "GPKG"), "all")
    assert not found.startEditing()
    dock.review.accept.click()
    assert any("being saved" in text for text in messages(iface))
    until(lambda: not dock.saving.busy)
    assert found.providerType() == "ogr"
    until(lambda: dock.review.ranking.total == 7 and not dock.review.ranking.busy)
    assert found.startEditing()
    assert found.rollBack()
    dock.review.next.click()
    dock.review.accept.click()
    with sqlite3.connect(gpkg) as database:
        accepted = database.execute("SELECT label FROM \"tree (scene)\" WHERE review = 'accepted'").fetchall()
    database.close()
    assert len(accepted) == 1


def test_unloading_while_saving_leaves_file_and_layer_whole(
    found: QgsVectorLayer, dock: Dock, gpkg: Path, until: Until
) -> None:
    dock.saving.save_to(found, Target(gpkg, "GPKG"), "all")
    dock.saving.close()
    until(lambda: tables(gpkg).get("tree (scene)") == 7)
    until(lambda: QgsApplication.taskManager().countActiveTasks() == 0)
    assert found.providerType() == "memory"
    assert found.startEditing()
    assert found.rollBack()


def test_a_layer_cannot_be_edited_while_a_run_fills_it(run: Run, dock: Dock, link: ScriptedLink, until: Until) -> None:
    link.answers["run"] = until_cancelled(features(SEVEN[0], stage="provisional", first=False), progress(1, 9, 1))
    run.start("tree")
    until(lambda: dock.asking.writer is not None and dock.asking.writer.count == 1)
    assert not layers()["tree"].startEditing()
    dock.ask.cancel_button.click()
    until(lambda: bool(run.outcomes))
    assert layers()["tree"].startEditing()


# Review follows the layer


def review_of(layer: QgsVectorLayer) -> dict[str, str]:
    return {feature["label"]: feature["review"] or "" for feature in layer.getFeatures()}


def current(dock: Dock) -> str:
    return dock.review.layer.getFeature(dock.review.current)["label"]


@pytest.mark.parametrize("in_file", [False, True])
def test_review_follows_what_is_deleted_added_undone_and_rolled_back(
    found: QgsVectorLayer, dock: Dock, until: Until, save: Callable[..., str], gpkg: Path, in_file: bool
) -> None:
    if in_file:
        save(found, gpkg)
    review = dock.review
    until(lambda: review.ranking.total == 7)
    review.next.click()
    assert "r0" in review.facts.text() or current(dock) in ALL
    found.startEditing()
    doomed = review.current
    found.deleteFeature(doomed)
    until(lambda: review.ranking.total == 6)
    assert "6 results" in review.counts.text()
    assert review.facts.text() == ""
    assert review.reasoning.toPlainText() == ""
    assert not review.accept.isEnabled()
    seen = set()
    for _ in range(6):
        review.next.click()
        seen.add(current(dock))
    assert len(seen) == 6
    found.undoStack().undo()
    until(lambda: review.ranking.total == 7)
    feature = QgsFeature(found.fields())
    feature.setGeometry(QgsGeometry.fromWkt(f"POLYGON(({X} {Y + 9}, {X + 2} {Y + 9}, {X + 2} {Y + 11}, {X} {Y + 9}))"))
    found.addFeature(feature)
    until(lambda: review.ranking.total == 8)
    found.selectByIds([feature.id()])
    review.accept.click()
    assert "1 accepted" in review.counts.text()
    found.rollBack()
    until(lambda: review.ranking.total == 7)
    assert "0 accepted" in review.counts.text()
    review.next.click()
    assert current(dock) in ALL


def test_a_result_that_was_drawn_can_be_reviewed_after_saving_the_edits(
    found: QgsVectorLayer, dock: Dock, until: Until, save: Callable[..., str], gpkg: Path
) -> None:
    save(found, gpkg)
    found.startEditing()
    feature = QgsFeature(found.fields())
    feature.setGeometry(QgsGeometry.fromWkt(f"POLYGON(({X} {Y + 9}, {X + 2} {Y + 9}, {X + 2} {Y + 11}, {X} {Y + 9}))"))
    found.addFeature(feature)
    assert found.commitChanges()
    until(lambda: dock.review.ranking.total == 8)
    drawn = next(f.id() for f in found.getFeatures() if not isinstance(f["label"], str))
    found.selectByIds([drawn])
    dock.review.reject.click()
    assert found.getFeature(drawn)["review"] == "rejected"


def test_a_verdict_in_the_attribute_table_is_counted(found: QgsVectorLayer, dock: Dock, until: Until) -> None:
    found.startEditing()
    one = next(found.getFeatures("label = 'r1'")).id()
    found.changeAttributeValue(one, found.fields().indexOf("review"), "rejected")
    until(lambda: "1 rejected" in dock.review.counts.text())
    found.undoStack().undo()
    until(lambda: "0 rejected" in dock.review.counts.text())


def test_a_verdict_on_many_is_one_step_of_undo(found: QgsVectorLayer, dock: Dock, until: Until) -> None:
    found.startEditing()
    found.selectAll()
    dock.review.accept.click()
    assert set(review_of(found).values()) == {"accepted"}
    assert found.undoStack().count() == 1
    found.undoStack().undo()
    assert set(review_of(found).values()) == {""}
    until(lambda: "0 accepted" in dock.review.counts.text())


@pytest.mark.parametrize("editing", [False, True])
def test_undo_takes_the_last_verdict_back_and_goes_back_to_it(found: QgsVectorLayer, dock: Dock, editing: bool) -> None:
    if editing:
        found.startEditing()
    review = dock.review
    review.next.click()
    first = current(dock)
    review.accept.click()
    second = current(dock)
    review.reject.click()
    assert second != first
    review.undo_button.click()
    assert current(dock) == second
    assert review_of(found)[second] == ""
    review.undo_button.click()
    assert current(dock) == first
    assert set(review_of(found).values()) == {""}
    assert not review.undo_button.isEnabled()
    assert "0 accepted, 0 rejected" in review.counts.text()


def test_undo_restores_the_verdict_that_was_there(found: QgsVectorLayer, dock: Dock) -> None:
    review = dock.review
    review.step_on.setChecked(False)
    review.next.click()
    one = current(dock)
    review.accept.click()
    review.reject.click()
    review.undo_button.click()
    assert review_of(found)[one] == "accepted"
    review.reopen.click()
    assert review_of(found)[one] == ""


def test_what_the_slider_hides_is_neither_selected_nor_judged(found: QgsVectorLayer, dock: Dock) -> None:
    found.selectAll()
    dock.review.slider.setValue(75)
    dock.review.accept.click()
    assert {label for label, verdict in review_of(found).items() if verdict} == {"r0", "r1", "r6"}


def test_a_layer_that_takes_no_verdict_is_named(
    found: QgsVectorLayer, dock: Dock, save: Callable[..., str], tmp_path: Path, until: Until, iface: QgisInterface
) -> None:
    path = tmp_path / "saved.fgb"
    save(found, path, driver="FlatGeobuf")
    layer = QgsVectorLayer(str(path), "flat", "ogr")
    QgsProject.instance().addMapLayer(layer)
    dock.review.show_layer(layer)
    until(lambda: dock.review.ranking.total == 7 and not dock.review.ranking.busy)
    dock.review.next.click()
    dock.review.accept.click()
    if not any(verdict for verdict in review_of(layer).values()):
        assert any("cannot be changed" in text for text in messages(iface))
        assert "0 accepted" in dock.review.counts.text()


def test_keys_work_in_the_whole_panel_while_the_tab_is_open(found: QgsVectorLayer, dock: Dock, until: Until) -> None:
    dock.tabs.setCurrentIndex(1)
    dock.window().show()
    dock.window().activateWindow()
    until(dock.isActiveWindow)
    for widget in (dock, dock.review.undo_button):
        widget.setFocus()
        before = dock.review.current
        QTest.keyClick(dock, Qt.Key.Key_N)
        assert dock.review.current != before
    dock.tabs.setCurrentIndex(0)
    before = dock.review.current
    QTest.keyClick(dock, Qt.Key.Key_N)
    assert dock.review.current == before


# Runs and projects


def test_a_new_project_ends_the_run_without_a_word(
    run: Run, dock: Dock, link: ScriptedLink, until: Until, iface: QgisInterface
) -> None:
    cancelled: list[bool] = []

    def answer(params, emit, is_cancelled):
        try:
            return until_cancelled(features(SEVEN[0], stage="provisional", first=False))(params, emit, is_cancelled)
        finally:
            cancelled.append(True)

    link.answers["run"] = answer
    run.start("tree")
    until(lambda: dock.asking.writer is not None and dock.asking.writer.count == 1)
    before = len(messages(iface))
    QgsProject.instance().clear()
    until(lambda: bool(cancelled))
    until(lambda: not dock.asking.running)
    assert messages(iface)[before:] == []
    assert dock.ask.run_button.isVisibleTo(dock)
    assert QgsProject.instance().mapLayers() == {}
    assert QgsProject.instance().layerTreeRoot().findGroups() == []


def test_a_result_layer_that_was_removed_is_named(run: Run, dock: Dock, link: ScriptedLink, until: Until) -> None:
    gate: list[bool] = []

    def answer(params, emit, cancelled):
        emit(features(SEVEN[0], stage="provisional", first=False))
        emit(progress(1, 2, 1))
        until_gate(gate)
        emit(features(*SEVEN))
        return {"chips": 2, "failed": 0}

    link.answers["run"] = answer
    run.start("tree")
    until(lambda: dock.asking.writer is not None and dock.asking.writer.count == 1)
    QgsProject.instance().removeMapLayer(layers()["tree"])
    gate.append(True)
    until(lambda: bool(run.outcomes) and dock.asking.writer.idle)
    assert "was removed" in dock.asking.last_message


def until_gate(gate: list[bool]) -> None:
    """Wait in the thread of the engine until the test opens the gate."""
    import time

    while not gate:
        time.sleep(0.01)


@pytest.mark.parametrize("how", ["nothing", "refused", "cancelled", "merged away"])
def test_a_run_without_results_leaves_no_layer_and_no_group(
    run: Run, dock: Dock, link: ScriptedLink, until: Until, how: str
) -> None:
    from geoground_qgis.engine_link import EngineError

    def refuse(params, emit, cancelled):
        raise EngineError("no", "")

    link.answers["run"] = {
        "nothing": emits(features()),
        "refused": refuse,
        "cancelled": until_cancelled(progress(0, 9)),
        "merged away": emits(features(SEVEN[0], stage="provisional", first=False), features()),
    }[how]
    run.start("tree")
    if how == "cancelled":
        until(lambda: "of 9" in dock.ask.progress.text())
        dock.ask.cancel_button.click()
    until(lambda: bool(run.outcomes) and dock.asking.writer.idle)
    root = QgsProject.instance().layerTreeRoot()
    assert root.findGroups() == []
    assert [layer.name() for layer in QgsProject.instance().mapLayers().values()] == ["scene"]


def test_the_notice_of_qgis_about_the_task_is_taken_away(until: Until) -> None:
    from geoground_qgis.background import FLAGS, clear_notice
    from qgis.core import QgsTask
    from qgis.gui import QgsMessageBar

    bar = QgsMessageBar()
    bar.pushInfo("Task failed", "geogrounding: 1 question")
    bar.pushInfo("geogrounding", "Cancelled; 3 results so far.")
    clear_notice(bar, "geogrounding: 1 question")
    if hasattr(QgsTask.Flag, "Silent"):
        assert FLAGS & QgsTask.Flag.Silent
    else:
        until(lambda: [item.text() for item in bar.items()] == ["Cancelled; 3 results so far."])
