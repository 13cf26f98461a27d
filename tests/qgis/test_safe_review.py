"""Review follows the layer: verdicts, undo, and what is deleted or filtered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from geoground_qgis.dock import Dock
from panels import messages
from qgis.core import (
    QgsFeature,
    QgsGeometry,
    QgsProject,
    QgsVectorLayer,
)
from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest
from safe_layers import ALL, Until, X, Y
from safe_layers import found as found
from safe_layers import gpkg as gpkg
from safe_layers import save as save

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
    until(lambda: dock.isActiveWindow() and dock.review.ranking.total == 7)
    for widget in (dock, dock.review.undo_button):
        widget.setFocus()
        before = dock.review.current
        QTest.keyClick(dock, Qt.Key.Key_N)
        assert dock.review.current != before
    dock.tabs.setCurrentIndex(0)
    before = dock.review.current
    QTest.keyClick(dock, Qt.Key.Key_N)
    assert dock.review.current == before


def test_a_verdict_given_the_moment_edits_were_saved_counts(
    found: QgsVectorLayer, dock: Dock, until: Until, save: Callable[..., str], gpkg: Path
) -> None:
    """The row has another id from then on, which the ranking has not read yet."""
    save(found, gpkg)
    review = dock.review
    until(lambda: review.ranking.total == 7)
    assert found.startEditing()
    feature = QgsFeature(found.fields())
    feature.setGeometry(QgsGeometry.fromWkt(f"POLYGON(({X} {Y}, {X + 2} {Y}, {X + 2} {Y + 2}, {X} {Y}))"))
    feature["label"] = "new"
    assert found.addFeature(feature)
    until(lambda: review.ranking.total == 8)
    assert found.commitChanges()
    (one,) = (f.id() for f in found.getFeatures() if f["label"] == "new")
    found.selectByIds([one])
    review.judge("accepted")
    assert review_of(found)["new"] == "accepted"
    until(lambda: review.ranking.counts()["accepted"] == 1)
    review.undo()
    assert review_of(found)["new"] == ""


def test_a_verdict_on_what_is_gone_is_none(found: QgsVectorLayer, dock: Dock, until: Until) -> None:
    """As when a run replaces its provisional results while one of them is selected."""
    review = dock.review
    until(lambda: review.ranking.total == 7 and not review.ranking.busy)
    review.next.click()
    rows = [QgsFeature(feature) for feature in found.getFeatures()]
    found.dataProvider().truncate()
    found.dataProvider().addFeatures(rows)
    review.judge("accepted")
    assert set(review_of(found).values()) == {""}
    assert review.ranking.counts()["accepted"] == 0


def test_a_verdict_given_again_is_no_step_to_take_back(found: QgsVectorLayer, dock: Dock, until: Until) -> None:
    review = dock.review
    until(lambda: review.ranking.total == 7 and not review.ranking.busy)
    found.selectByIds([row.id() for row in found.getFeatures() if row["label"] in ("r0", "r1")])
    review.step_on.setChecked(False)
    review.judge("accepted")
    review.judge("accepted")
    found.selectAll()
    review.judge("accepted")  # five of seven are other than before
    review.undo()
    assert [v for _, v in sorted(review_of(found).items())] == ["accepted", "accepted", "", "", "", "", ""]
    review.undo()
    assert set(review_of(found).values()) == {""}
    assert not review.undo_button.isEnabled()


def test_a_verdict_given_again_adds_nothing_to_the_edits(found: QgsVectorLayer, dock: Dock, until: Until) -> None:
    until(lambda: dock.review.ranking.total == 7 and not dock.review.ranking.busy)
    found.selectByIds([row.id() for row in found.getFeatures() if row["label"] == "r0"])
    assert found.startEditing()
    for _ in range(3):
        dock.review.judge("rejected")
        found.selectByIds([row.id() for row in found.getFeatures() if row["label"] == "r0"])
    assert found.undoStack().count() == 1
    found.rollBack()
