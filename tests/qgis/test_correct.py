"""Correcting results in the panel: merge, delete, add, corners, split, sizes, order, colours, the area asked about."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from fakes import ScriptedLink, box, emits, features
from geoground_qgis import results
from geoground_qgis.dock import Dock
from geoground_qgis.review_view import area_of, asked_of
from panels import Run, contrast, layers, messages, painted
from qgis.core import (
    QgsExpression,
    QgsFeature,
    QgsGeometry,
    QgsProject,
    QgsRectangle,
    QgsSymbolLayer,
    QgsSymbolLayerUtils,
    QgsVectorLayer,
    QgsVectorLayerUtils,
)
from qgis.gui import QgisInterface
from qgis.PyQt.QtGui import QColor

Until = Callable[..., None]
X, Y = 404_215, 3_285_110
SIDES = (2, 4, 6, 8)
SCORES = (0.9, 0.7, 0.5, 0.3)
FOUND = [
    box(X + 10 * i, Y, side, number=i, label=f"r{i}", score=score)
    for i, (side, score) in enumerate(zip(SIDES, SCORES, strict=True))
]


@pytest.fixture
def found(run: Run, dock: Dock, link: ScriptedLink, until: Until) -> QgsVectorLayer:
    """Four squares of 4, 16, 36 and 64 m² with scores 0.9, 0.7, 0.5, 0.3, under review."""
    link.answers["run"] = emits(features(*FOUND))
    run()
    until(lambda: dock.review.ranking.total == 4)
    return layers()["tree"]


def row(layer: QgsVectorLayer, label: str) -> QgsFeature:
    return next(f for f in layer.getFeatures() if f["label"] == label)


def labels(layer: QgsVectorLayer) -> list[str]:
    return sorted(feature["label"] for feature in layer.getFeatures())


def select(layer: QgsVectorLayer, *names: str) -> None:
    layer.selectByIds([row(layer, name).id() for name in names])


def test_merge_keeps_the_surest_and_is_one_step(found: QgsVectorLayer, dock: Dock, until: Until) -> None:
    assert found.startEditing()
    one = row(found, "r0").id()
    found.changeGeometry(one, QgsGeometry.fromRect(QgsRectangle(X, Y, X + 11, Y + 2)))  # now it touches r1
    select(found, "r0", "r1")
    before = found.undoStack().index()
    dock.review.merge.click()
    assert found.undoStack().index() == before + 1
    assert labels(found) == ["r0", "r2", "r3"]
    assert row(found, "r0").geometry().area() == pytest.approx(11 * 2 + 16 - 2)
    found.undoStack().undo()
    assert labels(found) == ["r0", "r1", "r2", "r3"]
    found.undoStack().redo()
    dock.review.keep_edits.click()
    assert not found.isEditable()
    merged = row(found, "r0")
    assert merged["outline"] == results.DRAWN  # never drawn again from a mask
    assert merged["area_m2"] == pytest.approx(merged.geometry().area(), rel=2e-3)  # metres of UTM, a little stretched
    assert row(found, "r2")["outline"] == "box"
    until(lambda: dock.review.ranking.total == 3)


def test_what_does_not_touch_is_not_merged(found: QgsVectorLayer, dock: Dock, iface: QgisInterface) -> None:
    select(found, "r0", "r3")
    dock.review.merge.click()
    assert any("do not touch" in text for text in messages(iface))
    assert found.featureCount() == 4
    select(found, "r0")
    dock.review.merge.click()
    assert any("two or more" in text for text in messages(iface))


def test_delete_can_be_undone(found: QgsVectorLayer, dock: Dock, iface: QgisInterface) -> None:
    dock.review.delete.click()
    assert any("Select results" in text for text in messages(iface))
    select(found, "r1", "r2")
    dock.review.delete.click()
    assert labels(found) == ["r0", "r3"]
    found.undoStack().undo()
    assert labels(found) == ["r0", "r1", "r2", "r3"]


@pytest.mark.parametrize(("button", "following"), [("next", "r2"), ("previous", "r0")])
def test_after_a_deletion_review_goes_on_where_it_was(
    found: QgsVectorLayer, dock: Dock, until: Until, button: str, following: str
) -> None:
    select(found, "r1")
    dock.review.delete.click()
    until(lambda: dock.review.ranking.total == 3)
    getattr(dock.review, button).click()
    assert found.getFeature(dock.review.current)["label"] == following
    found.undoStack().undo()
    until(lambda: dock.review.ranking.total == 4)
    found.removeSelection()
    getattr(dock.review, button).click()
    assert found.getFeature(dock.review.current)["label"] == {"r2": "r3", "r0": "r3"}[following]


def test_another_layer_is_reviewed_from_its_surest(found: QgsVectorLayer, dock: Dock, until: Until) -> None:
    select(found, "r2")
    other = found.clone()
    other.removeSelection()
    QgsProject.instance().addMapLayer(other)
    dock.review.show_layer(other)
    until(lambda: dock.review.ranking.total == 4 and not dock.review.ranking.busy)
    dock.review.next.click()
    assert other.getFeature(dock.review.current)["label"] == "r0"


def test_one_that_was_missed_gets_its_fields(found: QgsVectorLayer, dock: Dock, until: Until) -> None:
    found.startEditing()
    shape = QgsGeometry.fromRect(QgsRectangle(X, Y + 15, X + 10, Y + 18))
    found.addFeature(QgsVectorLayerUtils.createFeature(found, shape))  # as the tool of QGIS makes it
    found.commitChanges()
    added = row(found, "tree")
    assert (added["query"], added["source"], added["review"]) == ("tree", "scene", "accepted")
    assert added["outline"] == results.DRAWN
    assert added["area_m2"] == pytest.approx(30, rel=2e-3)
    assert str(added["date"]).startswith("20")
    until(lambda: dock.review.ranking.counts()["accepted"] == 1)
    assert found.editFormConfig().suppress() == type(found.editFormConfig()).FeatureFormSuppress.SuppressOn


@pytest.mark.parametrize("tool", ["add_one", "vertices", "split"])
def test_tools_of_qgis_start_on_the_layer_under_review(
    found: QgsVectorLayer, dock: Dock, iface: QgisInterface, monkeypatch: pytest.MonkeyPatch, tool: str
) -> None:
    from qgis.PyQt.QtWidgets import QAction

    used: list[str] = []
    for name in ("actionAddFeature", "actionVertexToolActiveLayer", "actionSplitFeatures"):
        action = QAction(dock)
        action.triggered.connect(lambda _checked, name=name: used.append(name))
        monkeypatch.setattr(iface, name, lambda action=action: action, raising=False)
    getattr(dock.review, tool).click()
    assert found.isEditable()
    assert iface.activeLayer() is found
    wanted = {"add_one": "actionAddFeature", "vertices": "actionVertexToolActiveLayer", "split": "actionSplitFeatures"}
    assert used == [wanted[tool]]
    found.rollBack()


def test_sizes_hide_on_the_map_in_the_counts_and_in_the_steps(found: QgsVectorLayer, dock: Dock) -> None:
    dock.review.smallest.setValue(10)
    dock.review.largest.setValue(40)
    assert painted(found) == {"r1", "r2"}
    assert dock.review.ranking.counts()["hidden"] == 2
    dock.review.next.click()
    assert found.getFeature(dock.review.current)["label"] == "r1"
    dock.review.slider.setValue(60)
    assert painted(found) == {"r1"}
    assert results.shown_of(found) == results.Shown(0.6, 10, 40)
    dock.review.largest.setValue(0)
    assert results.shown_of(found).largest == math.inf


def test_least_sure_first(found: QgsVectorLayer, dock: Dock) -> None:
    dock.review.order.setCurrentIndex(dock.review.order.findData(-1))
    names = []
    for _ in range(3):
        dock.review.next.click()
        names.append(found.getFeature(dock.review.current)["label"])
    assert names == ["r3", "r2", "r1"]
    dock.review.accept.click()
    assert found.getFeature(dock.review.current)["label"] == "r0"  # the next surer one


def test_the_chart_counts_every_score(found: QgsVectorLayer, dock: Dock) -> None:
    assert sum(dock.review.chart.counts) == 4
    assert [i for i, n in enumerate(dock.review.chart.counts) if n] == [15, 25, 35, 45]


def test_colours_by_score_and_back(found: QgsVectorLayer, dock: Dock) -> None:
    dock.review.colours.setCurrentIndex(1)
    assert results.coloured_by_score(found)
    assert painted(found) == {"r0", "r1", "r2", "r3"}
    rule = next(rule for rule in found.renderer().rootRule().children() if rule.label() == "open")
    line = rule.symbol().symbolLayer(1)
    colour = line.dataDefinedProperties().property(QgsSymbolLayer.Property.PropertyStrokeColor).expressionString()
    for score in ("0", "0.25", "0.5", "0.75", "1", "1.2", "null"):
        shown = QgsSymbolLayerUtils.decodeColor(QgsExpression(colour.replace('"score"', score)).evaluate())
        assert contrast(shown, QColor("white")) >= 3.0, (score, shown.name())  # the line below is light
    dock.review.colours.setCurrentIndex(0)
    assert not results.coloured_by_score(found)


def test_the_request_and_the_area_stay_with_the_results(run: Run, dock: Dock, link: ScriptedLink, until: Until) -> None:
    link.answers["run"] = emits(features(*FOUND))
    area = QgsRectangle(X, Y, X + 20, Y + 12)
    dock.ask.area.drawn.set(area, dock.ask.layer.currentLayer().crs())
    run()
    layer = layers()["tree"]
    assert asked_of(layer)["request"]["expressions"] == ["tree"]
    assert area_of(layer).boundingBox() == area
    until(lambda: dock.review.ranking.total == 4)
    dock.review.area_asked.setChecked(True)
    assert dock.review.view._mark.isVisible()
    dock.review.area_asked.setChecked(False)
    assert not dock.review.view._mark.isVisible()


@pytest.mark.parametrize("kept", ["", "null", "[]", "{", '{"area": 5}', '{"area": "POLYGON((0"}'])
def test_a_damaged_note_is_no_area(found: QgsVectorLayer, kept: str) -> None:
    found.setCustomProperty(results.ASKED, kept)
    assert area_of(found) is None


def test_examples_are_drawn_from_the_panel_and_learned(
    dock: Dock, iface: QgisInterface, link: ScriptedLink, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qgis.PyQt.QtWidgets import QAction

    action, used = QAction(dock), []
    action.triggered.connect(lambda _checked: used.append("add"))
    monkeypatch.setattr(iface, "actionAddFeature", lambda: action, raising=False)
    dock.teach.draw_button.click()
    layer = dock.teach.examples.currentLayer()
    assert layer.isEditable()
    assert layer.crs() == dock.teach.raster.currentLayer().crs()
    assert used == ["add"]
    assert layer.extent().isEmpty()  # QGIS keeps this, and does not look at what is drawn
    middle = dock.teach.raster.currentLayer().extent().center()
    for number in range(3):
        feature = QgsFeature(layer.fields())
        corner = QgsRectangle(middle.x() + number, middle.y(), middle.x() + number + 0.5, middle.y() + 1)
        feature.setGeometry(QgsGeometry.fromRect(corner))
        layer.addFeature(feature)
    dock.teach.expression.setText("oak")
    dock.teach.name.setText("oaks")
    dock.teach.train_button.click()
    until(lambda: bool(link.asked("train")))  # nothing needs to be saved first
    until(lambda: not dock.teach.cancel_button.isVisibleTo(dock.teach))
    layer.rollBack()
