"""A layer that decides what is asked or learned is removed: no other layer takes its place unasked."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from geoground_qgis.dock import Dock
from geoground_qgis.rasters import LayerError
from qgis.core import QgsFeature, QgsGeometry, QgsProject, QgsRectangle, QgsVectorLayer

Until = Callable[..., None]


def polygons(name: str) -> QgsVectorLayer:
    layer = QgsVectorLayer("Polygon?crs=EPSG:32617", name, "memory")
    feature = QgsFeature()
    feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(404_222, 3_285_112, 404_232, 3_285_122)))
    layer.dataProvider().addFeatures([feature])
    layer.updateExtents()
    QgsProject.instance().addMapLayer(layer)
    return layer


@pytest.fixture
def two(dock: Dock) -> tuple[QgsVectorLayer, QgsVectorLayer]:
    """Two polygon layers of the project."""
    return polygons("a"), polygons("b")


@pytest.mark.parametrize("which", [0, 1])
def test_examples_become_words_again(two: tuple[QgsVectorLayer, QgsVectorLayer], dock: Dock, which: int) -> None:
    like = dock.ask.like
    like.choose(two[which])
    assert like.examples() is not None
    QgsProject.instance().removeMapLayer(two[which].id())
    assert like.examples() is None
    assert like.layer.currentText() == "(none: by the words)"
    assert not like.selected_only.isVisibleTo(dock)


def test_an_area_that_is_gone_is_asked_for(
    two: tuple[QgsVectorLayer, QgsVectorLayer], dock: Dock, until: Until
) -> None:
    dock.ask.question.setPlainText("tree")
    dock.ask.area.by_polygons.click()
    dock.ask.area.polygons.setLayer(two[1])
    until(lambda: dock.ask.run_button.isEnabled() and "chips" in dock.ask.estimate.text())
    QgsProject.instance().removeMapLayer(two[1].id())
    with pytest.raises(LayerError, match="Choose a polygon layer"):
        dock.ask.area.area()
    until(lambda: not dock.ask.run_button.isEnabled())
    assert "Choose a polygon layer" in dock.ask.estimate.text()
    dock.ask.area.polygons.setLayer(two[0])
    assert dock.ask.area.area().polygons is two[0]


def test_a_lesson_needs_its_examples(two: tuple[QgsVectorLayer, QgsVectorLayer], dock: Dock) -> None:
    dock.teach.examples.setLayer(two[0])
    dock.teach.field.setField("")
    QgsProject.instance().removeMapLayer(two[0].id())
    assert dock.teach.examples.currentLayer() is None
    assert dock.teach.field.layer() is None
    dock.teach.train_button.click()
    assert "Choose a polygon layer" in dock.teach.message.text()


def test_the_first_layer_of_a_kind_is_offered(dock: Dock) -> None:
    layer = polygons("only")
    assert dock.teach.examples.currentLayer() is layer
    QgsProject.instance().removeMapLayer(layer.id())
    again = polygons("again")
    assert dock.teach.examples.currentLayer() is again
    assert dock.ask.like.examples() is None
