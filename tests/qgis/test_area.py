"""Where is asked, and how many rasters: polygons, a view that stays, several rasters, estimates before an export."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import ScriptedLink, box, emits, features
from geoground_qgis import manual
from geoground_qgis.dock import Dock
from osgeo import gdal
from panels import Run, messages
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest

Until = Callable[..., None]
INSIDE, ELSEWHERE = (404_215, 3_285_110), (404_240, 3_285_130)


@pytest.fixture
def blocks() -> QgsVectorLayer:
    """Two squares on the raster, the first one selected."""
    layer = QgsVectorLayer("Polygon?crs=EPSG:32617&field=name:string", "blocks", "memory")
    for x, y in (INSIDE, ELSEWHERE):
        feature = QgsFeature(layer.fields())
        feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(x, y, x + 6, y + 6)))
        layer.dataProvider().addFeature(feature)
    QgsProject.instance().addMapLayer(layer)
    layer.selectByIds([next(layer.getFeatures()).id()])
    return layer


@pytest.mark.parametrize("selected", [False, True])
def test_polygons_of_a_layer_are_the_area(
    run: Run, dock: Dock, link: ScriptedLink, blocks: QgsVectorLayer, selected: bool
) -> None:
    seen: list[tuple[int, str]] = []

    def answer(params, emit, cancelled):
        layer = QgsVectorLayer(params["aoi"], "area", "ogr")
        seen.append((layer.featureCount(), layer.crs().authid()))
        return emits(features(box(404_216, 3_285_112, 2)))(params, emit, cancelled)

    link.answers["run"] = answer
    dock.ask.area.by_polygons.click()
    dock.ask.area.polygons.setLayer(blocks)
    dock.ask.area.selected_only.setChecked(selected)
    assert run() == "done"
    assert seen == [(1 if selected else 2, "EPSG:32617")]
    (params,) = link.asked("run")
    assert "bbox" not in params
    assert not Path(params["aoi"]).exists()  # the file was for the run only


def test_a_polygon_that_was_just_drawn_is_part_of_the_area(
    run: Run, dock: Dock, link: ScriptedLink, blocks: QgsVectorLayer
) -> None:
    counts: list[int] = []

    def answer(params, emit, cancelled):
        counts.append(QgsVectorLayer(params["aoi"], "area", "ogr").featureCount())
        return {"chips": 1, "failed": 0, "failed_chips": []}

    link.answers["run"] = answer
    blocks.dataProvider().truncate()
    assert blocks.extent().isEmpty()  # QGIS keeps this, and does not look at what is drawn
    blocks.startEditing()
    feature = QgsFeature(blocks.fields())
    feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(*INSIDE, INSIDE[0] + 6, INSIDE[1] + 6)))
    blocks.addFeature(feature)
    dock.ask.area.by_polygons.click()
    dock.ask.area.polygons.setLayer(blocks)
    assert run() == "done", dock.ask.estimate.text()
    assert counts == [1]
    blocks.rollBack()


def test_polygons_that_are_not_there_are_named(
    run: Run, dock: Dock, link: ScriptedLink, blocks: QgsVectorLayer
) -> None:
    dock.ask.area.by_polygons.click()
    dock.ask.area.polygons.setLayer(blocks)
    dock.ask.area.selected_only.setChecked(True)
    blocks.removeSelection()
    run.start("tree")
    assert "Select polygons" in dock.ask.estimate.text()
    assert link.asked("run") == []


def test_the_estimate_knows_the_polygons(dock: Dock, link: ScriptedLink, blocks: QgsVectorLayer, until: Until) -> None:
    dock.ask.question.setPlainText("tree")
    dock.ask.area.by_polygons.click()
    dock.ask.area.polygons.setLayer(blocks)
    until(lambda: link.asked("plan") and "aoi" in link.asked("plan")[-1])
    until(lambda: "5 chips" in dock.ask.estimate.text())


def test_the_view_that_was_asked_about_stays(
    run: Run, dock: Dock, link: ScriptedLink, iface: QgisInterface, raster: QgsRasterLayer
) -> None:
    canvas = iface.mapCanvas()
    canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:32617"))
    canvas.setExtent(QgsRectangle(404_220, 3_285_110, 404_230, 3_285_120))
    link.answers["run"] = emits(features(box(404_222, 3_285_112, 2)))
    dock.ask.area.by_canvas.click()
    run()
    canvas.setExtent(QgsRectangle(404_222, 3_285_112, 404_223, 3_285_113))  # as a review does
    run()
    first, second = link.asked("run")
    assert first["bbox"] == second["bbox"]


def test_several_rasters_are_asked_one_after_the_other(
    run: Run, dock: Dock, link: ScriptedLink, scene: Path, raster: QgsRasterLayer, until: Until
) -> None:
    other = QgsRasterLayer(str(scene), "second")
    QgsProject.instance().addMapLayer(other)
    dock.ask.set_more([other.id()])
    link.answers["run"] = emits(features(box(404_222, 3_285_112, 2), box(404_232, 3_285_112, 2, number=2)))
    dock.ask.question.setPlainText("tree")
    until(lambda: "2 rasters: 10 chips" in dock.ask.estimate.text())
    assert run() == "done"
    assert len(link.asked("run")) == 2
    said = [text.removeprefix("<b>geogrounding:</b> ") for text in messages(dock._iface)]
    assert said == ["scene: 2 results.", "second: 2 results."]
    (group,) = QgsProject.instance().layerTreeRoot().findGroups()
    assert sorted(node.layer().name() for node in group.findLayers()) == ["tree (scene)", "tree (second)"]
    assert all(node.layer().featureCount() == 2 for node in group.findLayers())


def test_cancel_ends_the_rasters_that_wait(
    run: Run, dock: Dock, link: ScriptedLink, scene: Path, raster: QgsRasterLayer, until: Until
) -> None:
    from fakes import progress, until_cancelled

    other = QgsRasterLayer(str(scene), "second")
    QgsProject.instance().addMapLayer(other)
    dock.ask.set_more([other.id()])
    link.answers["run"] = until_cancelled(progress(1, 9))
    run.start("tree")
    until(lambda: "1 of 9" in dock.ask.progress.text())
    dock.ask.cancel_button.click()
    until(lambda: bool(run.outcomes))
    assert run.outcomes == ["cancelled"]
    assert len(link.asked("run")) == 1


def test_an_export_is_estimated_before_it_is_made(
    dock: Dock, link: ScriptedLink, scene: Path, tmp_path: Path, until: Until
) -> None:
    sizes: list[tuple[int, int, bool]] = []

    def plan(params, emit, cancelled):
        data = gdal.Open(params["source"])
        sizes.append((data.RasterXSize, data.RasterYSize, params["measure"]))
        return {"chips": 7, "seconds": None}

    link.answers["plan"] = plan
    path = Path(gdal.BuildVRT(str(tmp_path / "a.vrt"), str(scene)).GetDescription())
    layer = QgsRasterLayer(str(path), "virtual")
    QgsProject.instance().addMapLayer(layer)
    dock.ask.layer.setLayer(layer)
    dock.ask.question.setPlainText("tree")
    until(lambda: "7 chips" in dock.ask.estimate.text())
    assert sizes[-1] == (400, 400, False)
    assert "exported" in dock.ask.estimate.text()


def test_run_is_greyed_with_its_reason(dock: Dock, until: Until) -> None:
    dock.ask.question.setPlainText("")
    until(lambda: not dock.ask.run_button.isEnabled())
    assert "Type what to look for" in dock.ask.run_button.toolTip()
    dock.ask.question.setPlainText("tree")
    assert dock.ask.run_button.isEnabled()


def test_a_problem_of_the_engine_leads_to_the_settings(dock: Dock, link: ScriptedLink, until: Until) -> None:
    from geoground_qgis.engine_link import EngineError

    def fail(params, emit, cancelled):
        raise EngineError("there is no engine at /nowhere", "")

    link.answers["plan"] = link.answers["plan_query"] = fail
    opened: list[bool] = []
    dock.open_settings = lambda: opened.append(True)
    dock.ask.settings_requested.disconnect()
    dock.ask.settings_requested.connect(lambda: dock.open_settings())
    dock.ask.question.setPlainText("tree")
    until(lambda: dock.ask.open_settings.isVisibleTo(dock) and "/nowhere" in dock.ask.understood.text())
    assert not dock.ask.understood.isVisibleTo(dock)  # said twice it would push the way out below the edge
    dock.ask.open_settings.click()
    assert opened


def test_ctrl_enter_runs(dock: Dock, link: ScriptedLink, until: Until) -> None:
    link.answers["run"] = emits(features(box(404_222, 3_285_112, 2)))
    dock.window().show()
    dock.window().activateWindow()
    until(dock.isActiveWindow)
    dock.ask.question.setPlainText("tree")
    dock.ask.question.setFocus()
    QTest.keyClick(dock.ask.question, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    until(lambda: bool(link.asked("run")))
    until(lambda: not dock.asking.running)


def test_a_demo_raster_is_one_click_away(dock: Dock, raster: QgsRasterLayer, iface: QgisInterface) -> None:
    assert not dock.ask.demo.isVisibleTo(dock)
    QgsProject.instance().removeMapLayer(raster)
    assert dock.ask.demo.isVisibleTo(dock)
    dock.ask.demo.click()
    (layer,) = QgsProject.instance().mapLayers().values()
    assert dock.ask.layer.currentLayer() is layer
    assert dock.ask.questions() == ["tree"]
    assert not dock.ask.demo.isVisibleTo(dock)
    assert dock.ask.asks()[0].source.path is not None


def test_the_manual_can_be_read_in_qgis() -> None:
    assert manual.text().startswith("#")
    assert "![" not in manual.text()
