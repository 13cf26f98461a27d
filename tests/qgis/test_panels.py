"""Review, teach, settings page, and the plugin as a whole."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import ScriptedLink, box, emits, until_cancelled
from geoground_qgis import classFactory, results, settings
from geoground_qgis.ask_panel import AskPanel
from geoground_qgis.background import Call
from geoground_qgis.diagnostics import diagnostics
from geoground_qgis.options_page import OptionsPage
from geoground_qgis.result_writer import ResultWriter
from geoground_qgis.review_panel import ReviewPanel
from geoground_qgis.teach_panel import TeachPanel
from geoground_qgis.train_controller import Teaching
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsGeometry,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsSettings,
    QgsVectorLayer,
)
from qgis.gui import QgisInterface

Until = Callable[..., None]
UTM = QgsCoordinateReferenceSystem("EPSG:32617")


@pytest.fixture
def found(until: Until) -> QgsVectorLayer:
    """Four results with scores 0.9, 0.7, 0.5, none."""
    writer = ResultWriter(QgsProject.instance(), ["tree"], UTM, "scene")
    scores = (0.5, 0.9, None, 0.7)
    writer.add(
        [box(404215 + 8 * i, 3285110, 5, number=i, score=s, reasoning=f"<b>{i}</b>") for i, s in enumerate(scores)]
    )
    writer.finish()
    until(lambda: writer.idle)
    return writer.layers[0]


@pytest.fixture
def review(iface: QgisInterface, found: QgsVectorLayer, until: Until) -> Iterator[ReviewPanel]:
    iface.mapCanvas().setDestinationCrs(UTM)
    panel = ReviewPanel(iface.mapCanvas())
    panel.show_layer(found)
    until(lambda: panel.ranking.total == 4)
    yield panel
    panel.close_connections()
    panel.deleteLater()


def current(panel: ReviewPanel) -> int:
    return panel.layer.getFeature(panel.current)["id"]


def test_next_goes_from_sure_to_unsure_and_zooms(review: ReviewPanel, iface: QgisInterface) -> None:
    order = []
    for _ in range(5):
        review.next.click()
        order.append(current(review))
    assert order == [2, 1, 3, 0, 2]
    review.previous.click()
    assert current(review) == 0
    middle = iface.mapCanvas().extent().center()
    assert middle.x() == pytest.approx(404217.5)
    assert middle.y() == pytest.approx(3285112.5)


def test_the_reasoning_of_the_selected_result_is_shown_literally(review: ReviewPanel) -> None:
    review.next.click()
    assert review.reasoning.toPlainText() == "<b>2</b>"
    review.layer.removeSelection()
    assert review.reasoning.toPlainText() == ""


def test_verdicts_step_on_and_can_be_taken_back(review: ReviewPanel) -> None:
    review.next.click()
    review.accept.click()
    assert current(review) == 1
    review.reject.click()
    assert current(review) == 3
    assert review.ranking.counts() == {"accepted": 1, "rejected": 1, "open": 2, "hidden": 0}
    verdicts = {f["id"]: f["review"] for f in review.layer.getFeatures()}
    assert verdicts == {2: "accepted", 1: "rejected", 3: "", 0: ""}
    review.previous.click()
    review.reopen.click()
    assert {f["id"]: f["review"] for f in review.layer.getFeatures()}[1] == ""
    assert current(review) == 1


def test_hidden_results_are_passed_over(review: ReviewPanel) -> None:
    review.slider.setValue(80)
    assert "2 hidden" in review.counts.text()
    order = []
    for _ in range(3):
        review.next.click()
        order.append(current(review))
    assert order == [2, 1, 2]
    assert results.shown_of(review.layer).score == 0.8


def test_a_layer_that_is_being_edited_gets_the_verdict_in_its_buffer(review: ReviewPanel) -> None:
    review.next.click()
    layer, one = review.layer, review.current
    layer.startEditing()
    review.accept.click()
    assert layer.getFeature(one)["review"] == "accepted"
    layer.rollBack()
    assert layer.getFeature(one)["review"] == ""


def test_only_results_are_offered_and_a_removed_layer_is_let_go(review: ReviewPanel, until: Until) -> None:
    other = QgsVectorLayer("Polygon?crs=EPSG:32617", "parcels", "memory")
    QgsProject.instance().addMapLayer(other)
    assert [review.choice.layer(i).name() for i in range(review.choice.count())] == ["tree (scene)"]
    QgsProject.instance().removeMapLayer(review.layer)
    until(lambda: review.layer is None and review.ranking.total == 0)
    review.next.click()
    review.accept.click()
    assert not review.save.isEnabled()


@pytest.fixture
def teach(
    iface: QgisInterface, link: ScriptedLink, raster: QgsRasterLayer, found: QgsVectorLayer
) -> Iterator[Teaching]:
    settings.save(settings.Settings(engine="good"))
    panel = TeachPanel()
    index = found.fields().indexOf("review")
    found.dataProvider().changeAttributeValues({f.id(): {index: "accepted"} for f in found.getFeatures()})
    panel.examples.setLayer(found)
    panel.raster.setLayer(raster)
    teaching = Teaching(panel, link, iface.messageBar())
    teaching.panel = panel
    yield teaching
    teaching.close()
    panel.deleteLater()


def test_teaching_trains_shows_the_curve_and_names_the_model(
    teach: Teaching, link: ScriptedLink, until: Until, tmp_path: Path
) -> None:
    steps = [
        {"event": "training", "step": n, "steps": 3, "reward": n / 3, "loss": 0.1, "seconds_left": 9} for n in (1, 2, 3)
    ]
    link.answers["train"] = emits({"event": "loading"}, *steps, model="/models/mine")
    models: list[str] = []
    teach.trained.connect(models.append)
    teach.panel.expression.setText("crown")
    teach.panel.name.setText("mine")
    teach.panel.train_button.click()
    until(lambda: bool(models))
    assert models == ["/models/mine"]
    assert [step for step, _ in teach.panel.curve.points] == [1, 2, 3]
    (asked,) = link.asked("train")
    assert asked["method"] == "sft"
    assert Path(asked["output"]).name == "mine"
    assert asked["settings"]["expression"] == "crown"
    assert not Path(asked["settings"]["labels"]).exists()
    assert not teach.panel.grab().isNull()


def test_rejected_results_are_what_is_not_meant(
    teach: Teaching, link: ScriptedLink, found: QgsVectorLayer, until: Until
) -> None:
    """The engine gets a layer with the accepted rows and one with the rejected rows."""
    index, ids = found.fields().indexOf("review"), sorted(f.id() for f in found.getFeatures())
    found.dataProvider().changeAttributeValues({ids[0]: {index: "rejected"}})
    seen: dict[str, list[str]] = {}

    def look(params: dict[str, Any], emit: Any, cancelled: Any) -> dict[str, Any]:
        for name in ("labels", "unlike"):
            layer = QgsVectorLayer(params["settings"][name], name, "ogr")
            seen[name] = [feature["review"] for feature in layer.getFeatures()]
        return {"model": "/models/mine"}

    link.answers["train"] = look
    teach.panel.expression.setText("crown")
    teach.panel.name.setText("mine")
    teach.panel.train_button.click()
    said = teach.panel.message.text()
    until(lambda: len(seen) == 2)
    assert seen == {"labels": ["accepted"] * 3, "unlike": ["rejected"]}
    assert "3 examples; not meant: 1" in said


def test_training_can_be_cancelled(teach: Teaching, link: ScriptedLink, until: Until) -> None:
    link.answers["train"] = until_cancelled()
    outcomes: list[str] = []
    teach.finished.connect(outcomes.append)
    teach.panel.expression.setText("crown")
    teach.panel.name.setText("mine")
    teach.panel.train_button.click()
    until(lambda: bool(link.asked("train")))
    teach.panel.cancel_button.click()
    until(lambda: bool(outcomes), 2)
    assert outcomes == ["cancelled"]
    assert teach.panel.train_button.isVisibleTo(teach.panel)


@pytest.mark.parametrize(
    ("expression", "name", "said"),
    [
        ("", "mine", "what the examples are"),
        ("crown", "", "short name"),
        ("crown", "../evil", "short name"),
        ("crown", "con/x", "short name"),
    ],
)
def test_a_lesson_that_cannot_work_is_refused(
    teach: Teaching, link: ScriptedLink, expression: str, name: str, said: str
) -> None:
    teach.panel.expression.setText(expression)
    teach.panel.name.setText(name)
    teach.panel.train_button.click()
    assert said in teach.panel.message.text()
    assert link.requests == []


def test_the_accepted_results_are_the_examples(
    teach: Teaching, link: ScriptedLink, found: QgsVectorLayer, until: Until
) -> None:
    index = found.fields().indexOf("review")
    one = next(found.getFeatures()).id()
    found.dataProvider().changeAttributeValues({one: {index: "rejected"}})
    counts: list[int] = []

    def train(params, emit, cancelled):
        counts.append(QgsVectorLayer(params["settings"]["labels"], "labels", "ogr").featureCount())
        return {"model": "/models/mine"}

    link.answers["train"] = train
    teach.panel.expression.setText("crown")
    teach.panel.name.setText("mine")
    teach.panel.train_button.click()
    until(lambda: counts == [3])
    until(lambda: teach._task is None)


def test_results_of_which_none_is_accepted_are_no_examples(
    teach: Teaching, link: ScriptedLink, found: QgsVectorLayer
) -> None:
    index = found.fields().indexOf("review")
    found.dataProvider().changeAttributeValues({f.id(): {index: ""} for f in found.getFeatures()})
    teach.panel.expression.setText("crown")
    teach.panel.name.setText("mine")
    teach.panel.train_button.click()
    assert "Accept results" in teach.panel.message.text()
    assert link.requests == []


def test_a_click_on_the_map_selects_the_smallest_result_there(review: ReviewPanel, iface: QgisInterface) -> None:
    layer = review.layer
    inner = next(layer.getFeatures("id = 1"))
    box = inner.geometry().boundingBox()
    wide = QgsFeature(layer.fields())
    wide.setGeometry(QgsGeometry.fromRect(box.buffered(3)))
    wide["score"] = 0.95
    layer.dataProvider().addFeature(wide)
    review.refresh()
    while review.ranking.busy:
        QgsApplication.processEvents()
    review.pick(QgsRectangle(box.center(), box.center()).buffered(0.1))
    assert current(review) == 1
    review.pick(QgsRectangle(0, 0, 1, 1))
    assert review.current is None
    review.slider.setValue(93)  # hides the inner one
    review.pick(QgsRectangle(box.center(), box.center()).buffered(0.1))
    assert layer.getFeature(review.current)["score"] == 0.95


def test_scores_on_the_map_can_be_switched_off(review: ReviewPanel) -> None:
    assert review.labels.isChecked()
    review.labels.setChecked(False)
    assert not review.layer.labelsEnabled()


def test_too_few_examples_are_refused(teach: Teaching, link: ScriptedLink, found: QgsVectorLayer) -> None:
    found.selectByIds([next(found.getFeatures()).id()])
    teach.panel.selected_only.setChecked(True)
    teach.panel.expression.setText("crown")
    teach.panel.name.setText("mine")
    teach.panel.train_button.click()
    assert "too few" in teach.panel.message.text()
    assert link.requests == []


def test_the_settings_page_keeps_and_tests(link: ScriptedLink, until: Until) -> None:
    changes: list[int] = []
    link.on_settings_changed = lambda: changes.append(1)
    page = OptionsPage(link)
    page.engine.setFilePath("/somewhere/good/python")
    page.server.setText("http://me:secret@host/v1")
    page.idle.setValue(3)
    page.test()
    until(lambda: "works" in page.outcome.toPlainText())
    assert "9.9" in page.outcome.toPlainText()
    assert "WGS 84" in page.outcome.toPlainText()
    assert settings.load().engine == ""
    page.apply()
    assert changes == [1]
    kept = settings.load()
    assert (kept.engine, kept.idle_minutes) == ("/somewhere/good/python", 3)
    page.engine.setFilePath("/somewhere/bad")
    page.test()
    until(lambda: "does not work" in page.outcome.toPlainText())
    assert "choose another" in page.outcome.toPlainText()
    copied = diagnostics(link, page.chosen())
    assert "QGIS: " in copied
    assert "a line of the engine" in copied
    assert "secret" not in copied
    page.close()
    page.deleteLater()


@pytest.mark.parametrize(
    ("key", "value", "field", "expected"),
    [
        ("min_score", "nonsense", "min_score", -1.0),
        ("min_score", "7", "min_score", -1.0),
        ("resolution_m", "nan", "resolution_m", 0.0),
        ("idle_minutes", "-5", "idle_minutes", 1),
        ("task", "dance", "task", "detect"),
    ],
)
def test_settings_edited_by_hand_do_no_harm(key: str, value: str, field: str, expected: object) -> None:
    QgsSettings().setValue(f"geogrounding/{key}", value)
    assert getattr(settings.load(), field) == expected


def test_history_is_short_and_without_duplicates() -> None:
    for number in range(50):
        settings.remember([f"q{number}", "tree"])
    assert len(settings.history()) == settings.HISTORY_LENGTH
    assert settings.history()[0:2] == ["q49", "tree"]
    assert len(set(settings.history())) == settings.HISTORY_LENGTH
    settings.forget_history()
    settings.remember(["one"])
    assert settings.history() == ["one"]


def test_earlier_questions_are_in_the_history(iface: QgisInterface, link: ScriptedLink) -> None:
    settings.remember(["<b>x</b> & y", "tree"])
    panel = AskPanel(iface.mapCanvas())
    panel.question.setPlainText("car")
    menu = panel.history.menu()
    menu.aboutToShow.emit()
    assert [action.text() for action in menu.actions()][:2] == ["<b>x</b> && y", "tree"]
    menu.actions()[0].trigger()
    menu.actions()[0].trigger()
    assert panel.questions() == ["car", "<b>x</b> & y"]
    menu.actions()[-1].trigger()
    assert settings.history() == []
    panel.close_tools()
    panel.deleteLater()


def ours() -> list[object]:
    """Every object of a class of the plugin."""
    gc.collect()
    return [thing for thing in gc.get_objects() if type(thing).__module__.startswith("geoground_qgis")]


def test_fifty_loads_and_unloads_leave_nothing_behind(
    iface: QgisInterface, raster: QgsRasterLayer, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    for name in ("registerOptionsWidgetFactory", "unregisterOptionsWidgetFactory", "addPluginToRasterMenu"):
        monkeypatch.setattr(iface, name, lambda *arguments: None, raising=False)  # a mock would remember arguments
    monkeypatch.setattr(iface, "removePluginRasterMenu", lambda *arguments: None, raising=False)
    registry = QgsApplication.processingRegistry()
    threads = threading.active_count()

    def load_and_unload(times: int) -> None:
        for _ in range(times):
            plugin = classFactory(iface)
            plugin.initGui()
            assert registry.providerById("geogrounding") is not None
            plugin.unload()
            assert registry.providerById("geogrounding") is None
            del plugin
            QgsApplication.sendPostedEvents(None, 52)  # deferred deletion

    load_and_unload(5)
    until(lambda: not any(isinstance(thing, Call) for thing in ours()))  # what a busy machine has not delivered yet
    few = len(ours())
    load_and_unload(45)
    until(lambda: len(ours()) <= few)
    assert threading.active_count() == threads
    QgsProject.instance().clear()
