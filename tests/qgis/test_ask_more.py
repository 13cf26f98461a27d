"""Plans in words, examples in place of words, drawn polygons, layers named in questions, outlines that move live."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import ScriptedLink, box, emits, features, until_cancelled
from geoground_qgis import settings
from geoground_qgis.ask_controller import PlanDialog
from geoground_qgis.dock import Dock
from geoground_qgis.understanding import leaves, read_value, replaced, understand
from geoground_qgis.unfinished import unfinished
from osgeo import gdal
from panels import Run, layers
from qgis.core import QgsFeature, QgsGeometry, QgsPointXY, QgsProject, QgsRasterLayer, QgsVectorLayer
from qgis.gui import QgisInterface, QgsMapMouseEvent
from qgis.PyQt.QtCore import QEvent, Qt

Until = Callable[..., None]
X, Y = 404_215, 3_285_110
FOUND = [box(X + 10 * i, Y, 5, number=i, label=f"r{i}", outline="mask") for i in range(4)]


@pytest.fixture
def found(run: Run, dock: Dock, link: ScriptedLink, until: Until) -> QgsVectorLayer:
    link.answers["run"] = emits(features(*FOUND))
    run()
    until(lambda: dock.review.ranking.total == 4)
    return layers()["tree"]


# Plans in words


def test_the_plan_is_shown_in_words_before_the_run(dock: Dock, link: ScriptedLink, until: Until) -> None:
    dock.ask.question.setPlainText("the largest building")
    until(lambda: "Every the largest building." in dock.ask.understood.text())
    assert "Looked for" not in dock.ask.understood.text()  # it says the same again
    assert dock.ask.edit_plan.isVisibleTo(dock)


def test_what_the_model_was_taught_is_known(dock: Dock, link: ScriptedLink, until: Until, tmp_path: Path) -> None:
    """Else the panel says of the very word that was taught that no class has this name."""
    for name, config in (("oaks", '{"taught": ["scrub oak", 7, ""]}'), ("none", "[]"), ("damaged", "{")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(config)
        dock.ask.set_models([], str(tmp_path / name))
        dock.ask.question.setPlainText(f"the largest scrub oak of {name}")
        until(lambda name=name: f"oak of {name}." in dock.ask.understood.text())
    assert [params["context"] for params in link.asked("plan_query")[-3:]] == [["scrub oak"], [], []]


def test_a_model_that_is_renamed_stays_chosen(dock: Dock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from geoground_qgis import model_store, models_menu

    folder = settings.models_folder(settings.load()) / "oaks"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    monkeypatch.setattr(models_menu.QInputDialog, "getText", lambda *_: ("my oaks", True))
    dock.ask.set_models([str(folder)], str(folder))
    dock.teach.models.rename(folder)
    assert [one.name for one in model_store.models()] == ["my oaks"]
    assert dock.ask.model.currentData() == str(folder.with_name("my oaks"))
    dock.ask.set_models([], "builtin")
    dock.teach.models.rename(folder.with_name("my oaks"))  # the same name again: nothing happens
    assert dock.ask.model.currentData() == "builtin"


def test_a_contradiction_is_said_before_the_run(dock: Dock, link: ScriptedLink, until: Until) -> None:
    from geoground_qgis.engine_link import EngineError

    def contradict(params, emit, cancelled):
        raise EngineError("larger than 5 m is no area", "Write 5 m2.")

    link.answers["plan_query"] = contradict
    dock.ask.question.setPlainText("buildings larger than 5 m")
    until(lambda: "Write 5 m2." in dock.ask.understood.text())
    assert not dock.ask.edit_plan.isVisibleTo(dock)


def test_a_changed_plan_is_checked_and_sent(run: Run, dock: Dock, link: ScriptedLink, until: Until) -> None:
    plan = {"version": 1, "targets": [{"noun": "building", "steps": [{"measure": "area", "least": 200.0}]}]}
    link.answers["plan_query"] = lambda params, emit, cancelled: {
        "plan": params.get("plan") or plan,
        "sentences": [f"Least {(params.get('plan') or plan)['targets'][0]['steps'][0]['least']}."],
    }
    dialog = PlanDialog(link, understand(link, ["big building"], {}, [], lambda: False), [], dock)
    parts = {dialog.table.item(r, 0).text(): dialog.table.item(r, 1) for r in range(dialog.table.rowCount())}
    assert "version" not in parts
    parts["targets ▸ 1 ▸ steps ▸ 1 ▸ least"].setText("nonsense")
    assert "does not fit" in dialog.words.text()
    parts["targets ▸ 1 ▸ steps ▸ 1 ▸ least"].setText("350")
    until(lambda: dialog.words.text() == "Least 350.0.")
    dock.ask.plans.update(dialog.changed)
    dialog.accept()
    link.answers["run"] = emits(features())
    run("big building\ntree")
    (params,) = link.asked("run")
    assert json.loads(params["plans"]["big building"])["targets"][0]["steps"][0]["least"] == 350.0
    assert set(params["plans"]) == {"big building"}


def test_leaves_can_be_read_and_replaced() -> None:
    plan = {"a": [{"b": 1.5, "c": None}, {"b": True}], "d": "x"}
    assert leaves(plan) == [(("a", 0, "b"), 1.5), (("a", 1, "b"), True), (("d",), "x")]
    changed = replaced(plan, ("a", 0, "b"), 2.0)
    assert changed["a"][0] == {"b": 2.0, "c": None}
    assert plan["a"][0]["b"] == 1.5
    assert read_value(" false ", True) is False
    for text, before in (("maybe", True), ("1.5", 1), ("x", 1.0)):
        with pytest.raises(ValueError, match=r"true|invalid|convert"):
            read_value(text, before)


# Examples in place of words


def test_find_all_like_the_accepted_ones_and_not_the_rejected(
    run: Run, dock: Dock, link: ScriptedLink, found: QgsVectorLayer
) -> None:
    ids = {f["label"]: f.id() for f in found.getFeatures()}
    for verdict, names in (("accepted", ("r0", "r1")), ("rejected", ("r3",))):
        found.selectByIds([ids[name] for name in names])
        dock.review.judge(verdict)
    found.removeSelection()
    dock.review.like_button.click()
    assert dock.tabs.currentIndex() == 0
    seen: dict[str, set[str]] = {}

    def answer(params, emit, cancelled):
        for name in ("like", "unlike"):
            seen[name] = {f["label"] for f in QgsVectorLayer(params[name], name, "ogr").getFeatures()}
        return emits(features())(params, emit, cancelled)

    link.answers["run"] = answer
    assert run("my trees") == "done"
    assert seen == {"like": {"r0", "r1"}, "unlike": {"r3"}}


def test_selected_ones_are_examples_without_a_verdict(
    run: Run, dock: Dock, link: ScriptedLink, found: QgsVectorLayer
) -> None:
    found.selectByIds([next(found.getFeatures()).id()])
    dock.review.like_button.click()
    link.answers["run"] = emits(features())
    run("like it")
    params = link.asked("run")[-1]
    assert "like" in params
    assert "unlike" not in params
    dock.ask.like.choose(None)
    run("tree again")
    assert "like" not in link.asked("run")[-1]


def test_results_without_a_verdict_are_no_examples(dock: Dock, found: QgsVectorLayer, until: Until) -> None:
    dock.review.like_button.click()
    until(lambda: "Accept results" in dock.ask.estimate.text())


# Areas and context


def test_a_polygon_drawn_on_the_map_is_the_area(
    run: Run, dock: Dock, link: ScriptedLink, raster: QgsRasterLayer, iface: QgisInterface
) -> None:
    canvas = iface.mapCanvas()
    canvas.setDestinationCrs(raster.crs())
    canvas.zoomToFeatureExtent(raster.extent())
    dock.ask.area.polygon_button.click()
    tool, to_map = canvas.mapTool(), canvas.getCoordinateTransform()
    inside = raster.extent()
    places = [(inside.xMinimum() + x, inside.yMinimum() + y) for x, y in ((5, 5), (30, 8), (15, 30))]
    pixels = [to_map.transform(QgsPointXY(x, y)) for x, y in places]
    corners = [(round(pixel.x()), round(pixel.y())) for pixel in pixels]
    for x, y in corners:
        tool.canvasReleaseEvent(_click(canvas, x, y, Qt.MouseButton.LeftButton))
    tool.canvasReleaseEvent(_click(canvas, 10, 10, Qt.MouseButton.RightButton))
    assert dock.ask.area.by_drawing.isChecked()
    wanted = QgsGeometry.fromPolygonXY([[QgsPointXY(to_map.toMapCoordinates(x, y)) for x, y in corners]])
    seen: list[QgsGeometry] = []

    def answer(params, emit, cancelled):
        assert "bbox" not in params
        seen.extend(f.geometry() for f in QgsVectorLayer(params["aoi"], "a", "ogr").getFeatures())
        return emits(features())(params, emit, cancelled)

    link.answers["run"] = answer
    assert run() == "done"
    assert seen[0].symDifference(wanted).area() < 1e-6 * wanted.area()


def _click(canvas: object, x: int, y: int, button: Qt.MouseButton) -> QgsMapMouseEvent:
    from qgis.PyQt.QtCore import QPoint

    return QgsMapMouseEvent(canvas, QEvent.Type.MouseButtonRelease, QPoint(x, y), button)


def test_layers_that_a_question_names_are_sent(run: Run, dock: Dock, link: ScriptedLink, until: Until) -> None:
    river = QgsVectorLayer("LineString?crs=EPSG:32617", "River", "memory")
    feature = QgsFeature()
    feature.setGeometry(QgsGeometry.fromWkt(f"LINESTRING({X} {Y}, {X + 30} {Y + 30})"))
    river.dataProvider().addFeatures([feature])
    road = QgsVectorLayer("LineString?crs=EPSG:32617", "road", "memory")
    QgsProject.instance().addMapLayers([river, road])
    seen: dict[str, int] = {}

    def answer(params, emit, cancelled):
        seen.update({n: QgsVectorLayer(p, n, "ogr").featureCount() for n, p in params["contexts"].items()})
        return emits(features())(params, emit, cancelled)

    link.answers["run"] = answer
    assert run("trees within 5 m of the river") == "done"
    assert seen == {"river": 1}
    until(lambda: bool(link.asked("plan_query")))  # asked when nothing was typed for a moment
    assert link.asked("plan_query")[-1]["context"] == ["river"]


# Exports and outlines


def test_the_run_of_an_exported_raster_can_be_continued(
    run: Run, dock: Dock, link: ScriptedLink, scene: Path, tmp_path: Path, until: Until
) -> None:
    gdal.Translate(str(tmp_path / "v.vrt"), str(scene), format="VRT")
    layer = QgsRasterLayer(str(tmp_path / "v.vrt"), "virtual")
    QgsProject.instance().addMapLayer(layer)
    dock.ask.layer.setLayer(layer)

    def end_early(params, emit, cancelled):
        Path(params["output"] + ".journal").touch()
        return until_cancelled({"event": "loading"})(params, emit, cancelled)

    link.answers["run"] = end_early
    run.start("tree")
    until(lambda: bool(link.asked("run")))
    dock.ask.cancel_button.click()
    until(lambda: bool(run.outcomes))
    run.outcomes.clear()
    (left,) = unfinished()
    assert Path(left.params["source"]).is_file()
    assert dock.ask.resume_box.isVisibleTo(dock)
    link.answers["run"] = emits(features(*FOUND))
    dock.ask.resume_button.click()
    until(lambda: bool(run.outcomes) and dock.asking.writer.idle)
    assert next(layers()["tree"].getFeatures())["source"] == "virtual"
    assert not Path(left.params["source"]).exists()
    assert unfinished() == []


def test_runs_that_ended_early_can_be_forgotten(run: Run, dock: Dock, link: ScriptedLink, until: Until) -> None:
    def end_early(params, emit, cancelled):
        Path(params["output"] + ".journal").touch()
        return until_cancelled({"event": "loading"})(params, emit, cancelled)

    link.answers["run"] = end_early
    for number, question in enumerate(("tree", "car")):
        run.start(question)
        until(lambda number=number: len(link.asked("run")) > number)
        dock.ask.cancel_button.click()
        until(lambda: bool(run.outcomes))
        run.outcomes.clear()
    assert len(unfinished()) == 2
    dock.ask.unfinished.menu().actions()[-1].trigger()
    assert unfinished() == []
    assert not dock.ask.resume_box.isVisibleTo(dock)


@pytest.fixture
def outlined(run: Run, dock: Dock, link: ScriptedLink, until: Until) -> QgsVectorLayer:
    """Results that were asked for as outlines, with a file of masks."""

    def answer(params, emit, cancelled):
        emit(features(*FOUND, stage="provisional", first=False))
        until_drawn.wait(5)  # the layer is under review before the masks are written
        Path(params["masks"]).touch()
        return emits(features(*FOUND))(params, emit, cancelled)

    until_drawn = threading.Event()
    dock.asking.layer_made.connect(lambda _layer: until_drawn.set())
    link.answers["run"] = answer
    dock.ask.outline.setCurrentIndex(dock.ask.outline.findData("mask"))
    run()
    until(lambda: dock.review.ranking.total == 4)
    return layers()["tree"]


def test_outlines_follow_the_slider_without_the_model(
    outlined: QgsVectorLayer, dock: Dock, link: ScriptedLink, until: Until
) -> None:
    assert link.asked("run")[0]["outline"] == "mask"
    assert dock.review.shape_box.isEnabled()
    done: list[bool] = []
    dock.shaping.drawn.connect(lambda: done.append(True))
    by_hand = next(f.id() for f in outlined.getFeatures() if f["label"] == "r3")
    outlined.startEditing()
    outlined.changeGeometry(by_hand, QgsGeometry.fromWkt(f"POLYGON(({X} {Y}, {X + 9} {Y}, {X} {Y + 9}, {X} {Y}))"))
    outlined.commitChanges()
    redrawn = [box(X + 10 * i, Y, 7, number=i, outline="regular") for i in range(4)]
    link.answers["redraw"] = emits(features(*redrawn))
    dock.review.outline.setCurrentIndex(dock.review.outline.findData("regular"))
    dock.review.simplify.setValue(10)
    until(lambda: bool(done))
    params = link.asked("redraw")[-1]
    assert (params["outline"], params["simplify_m"]) == ("regular", 0.5)
    areas = {f["label"]: f.geometry().area() for f in outlined.getFeatures()}
    assert areas == pytest.approx({"r0": 49, "r1": 49, "r2": 49, "r3": 40.5})  # r3 was changed by hand
    assert {f["area_m2"] for f in outlined.getFeatures() if f["label"] != "r3"} == {49}
    assert len(link.asked("run")) == 1


def test_shapes_that_are_being_edited_are_not_drawn_again(
    outlined: QgsVectorLayer, dock: Dock, link: ScriptedLink, until: Until
) -> None:
    said: list[str] = []
    dock.shaping.said.connect(said.append)
    outlined.startEditing()
    dock.review.simplify.setValue(20)
    until(lambda: bool(said))
    assert "Save the edits first" in said[0]
    assert link.asked("redraw") == []
    outlined.rollBack()


def test_boxes_have_nothing_to_draw_again(found: QgsVectorLayer, dock: Dock) -> None:
    assert not dock.review.shape_box.isEnabled()
    assert list(settings.masks_folder().iterdir()) == []
