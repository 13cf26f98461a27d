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
    QgsProject,
    QgsVectorLayer,
)
from qgis.gui import QgisInterface
from safe_layers import ALL, SEVEN, Until, X, Y
from safe_layers import found as found
from safe_layers import gpkg as gpkg
from safe_layers import save as save


def tables(path: Path) -> dict[str, int]:
    """Rows of every layer of a GeoPackage."""
    with sqlite3.connect(path) as database:
        names = [
            name for (name,) in database.execute("SELECT table_name FROM gpkg_contents WHERE data_type='features'")
        ]
        counts = {name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}
    database.close()
    return counts


VARIABLES = [results.MIN_SCORE, results.MIN_AREA, results.MAX_AREA]


# What is saved stays visible


def test_results_are_drawn_after_saving_and_after_reopening(
    found: QgsVectorLayer, save: Callable[..., str], tmp_path: Path, until: Until, dock: Dock
) -> None:
    results.show_only(found, results.Shown())
    assert painted(found) == ALL
    save(found, tmp_path / "kept.gpkg")
    assert found.providerType() == "ogr"
    assert painted(found) == ALL
    results.show_only(found, results.Shown(0.55))
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
            rule.filterExpression().replace(
                results.SHOWN_IF, 'coalesce("score", 1) >= coalesce(@geogrounding_min_score, 0)'
            )
        )
    for value in (0.1, 0.2, 0.0):
        QgsExpressionContextUtils.setLayerVariable(found, "geogrounding_min_score", value)
    assert painted(found) == set()
    project = QgsProject.instance()
    assert project.write(str(tmp_path / "old.qgz"))
    assert project.read(str(tmp_path / "old.qgz"))
    (again,) = (layer for layer in project.mapLayers().values() if results.is_result(layer))
    assert painted(again) == ALL
    assert sorted(again.customProperty("variableNames")) == sorted(VARIABLES)


def test_the_slider_leaves_one_variable_and_keeps_those_of_the_user(found: QgsVectorLayer, dock: Dock) -> None:
    QgsExpressionContextUtils.setLayerVariable(found, "mine", "kept")
    for percent in range(10, 60):
        dock.review.slider.setValue(percent)
    assert sorted(found.customProperty("variableNames")) == sorted([*VARIABLES, "mine"])
    assert results.shown_of(found).score == pytest.approx(0.59)
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
