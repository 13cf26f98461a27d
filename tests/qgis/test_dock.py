"""The panel with an engine that does what the test says."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import ScriptedLink, box, emits, features, progress, until_cancelled
from geoground_qgis import results, save_controller, settings
from geoground_qgis.dock import Dock
from geoground_qgis.engine_link import EngineError
from geoground_qgis.saving import Target
from panels import Run, layers, messages
from pulse import LIMIT_S, Pulse
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.gui import QgisInterface

Until = Callable[..., None]


def test_each_question_has_a_group_with_a_styled_layer(
    run: Run, link: ScriptedLink, raster: QgsRasterLayer, iface: QgisInterface
) -> None:
    link.answers["run"] = emits(
        progress(1, 2, 1), features(box(404220, 3285110, 5), box(404230, 3285110, 5, query="car", number=2))
    )
    assert run("tree\ncar\ntree\n\n") == "done"
    found = layers()
    assert set(found) == {"tree", "car"}
    colours = set()
    for layer in found.values():
        assert layer.featureCount() == 1
        assert layer.crs() == raster.crs()
        assert results.is_result(layer)
        rules = {rule.label(): rule for rule in layer.renderer().rootRule().children()}
        assert set(rules) == {"open", "accepted", "rejected"}
        colours.add(rules["open"].symbol().symbolLayer(1).color().name())
    assert len(colours) == 2
    (params,) = link.asked("run")
    assert params["expressions"] == ["tree", "car"]
    assert Path(params["source"]).name == "OSBS_029.tif"
    assert "bbox" not in params
    assert settings.history()[:2] == ["tree", "car"]


def test_results_are_on_the_map_while_it_runs_and_cancel_keeps_them(
    run: Run, dock: Dock, link: ScriptedLink, until: Until
) -> None:
    link.answers["run"] = until_cancelled(
        progress(0, 9),
        features(box(404220, 3285110, 5, number="p1"), stage="provisional", first=False),
        progress(3, 9, 1),
    )
    run.start("tree")
    until(lambda: dock.asking.writer is not None and dock.asking.writer.count == 1)
    assert dock.asking.running
    assert layers()["tree"].featureCount() == 1
    until(lambda: "3 of 9" in dock.ask.progress.text())
    begin = time.monotonic()
    dock.ask.cancel_button.click()
    until(lambda: bool(run.outcomes))
    assert time.monotonic() - begin < 2
    assert run.outcomes == ["cancelled"]
    assert layers()["tree"].featureCount() == 1
    assert dock.ask.run_button.isVisibleTo(dock)


def test_merged_results_take_the_place_of_provisional_ones_and_keep_verdicts(
    run: Run, dock: Dock, link: ScriptedLink, until: Until
) -> None:
    gate: list[bool] = []

    def answer(params, emit, cancelled):
        emit(
            features(
                box(0, 0, 10, number="p1"),
                box(0, 0.5, 10, number="p2"),
                box(50, 0, 10, number="p3"),
                stage="provisional",
                first=False,
            )
        )
        while not gate:
            time.sleep(0.01)
        emit(features(box(0, 0.2, 10, number=1), box(50, 0, 10, number=2)))
        emit(features(box(90, 0, 10, number=3), first=False))
        return {"chips": 1, "failed": 0}

    link.answers["run"] = answer
    run.start("tree")
    until(lambda: dock.asking.writer is not None and dock.asking.writer.count == 3)
    layer = layers()["tree"]
    until(lambda: dock.review.ranking.total == 3)
    third = next(f.id() for f in layer.getFeatures() if f.geometry().boundingBox().xMinimum() == 50)
    layer.selectByIds([third])
    dock.review.reject.click()
    gate.append(True)
    until(lambda: bool(run.outcomes) and dock.asking.writer.idle)
    assert sorted((f["id"], f["review"]) for f in layer.getFeatures()) == [(1, ""), (2, "rejected"), (3, "")]


def test_the_estimate_says_chips_and_time_before_starting(dock: Dock, link: ScriptedLink, until: Until) -> None:
    dock.ask.question.setPlainText("tree")
    until(lambda: "5 chips, about 3 s" in dock.ask.estimate.text())
    assert link.asked("run") == []


def test_the_models_of_the_engine_are_offered(dock: Dock, link: ScriptedLink, until: Until) -> None:
    listed = [{"name": "builtin"}, {"name": "/m/mine", "kind": "folder"}, {"name": "big", "present": False}]
    link.answers["models"] = emits(models=[*listed, {"name": "null", "kind": "null"}])
    dock.asking.load_models()
    until(lambda: dock.ask.model.count() == 2)
    assert [dock.ask.model.itemData(i) for i in range(2)] == ["builtin", "/m/mine"]


@pytest.mark.parametrize(("which", "labels"), [("all", "abc"), ("shown", "ac"), ("accepted", "b")])
def test_what_is_saved_is_what_was_chosen(
    run: Run, dock: Dock, link: ScriptedLink, until: Until, tmp_path: Path, which: str, labels: str
) -> None:
    scores = {"a": 0.9, "b": 0.2, "c": None}
    link.answers["run"] = emits(
        features(*(box(4 * i, 0, 2, number=i, label=k, score=s) for i, (k, s) in enumerate(scores.items())))
    )
    run()
    layer = layers()["tree"]
    layer.selectByExpression("label = 'b'")
    until(lambda: dock.review.ranking.total == 3)
    dock.review.accept.click()
    dock.review.slider.setValue(50)
    dock.saving.save_to(layer, Target(tmp_path / "saved.geojson", "GeoJSON"), which)
    until(lambda: not dock.saving.busy)
    saved = QgsVectorLayer(str(tmp_path / "saved.geojson"), "saved")
    # QGIS writes a part of a layer in the order of a hash table
    assert sorted(feature["label"] for feature in saved.getFeatures()) == list(labels)


def test_nothing_to_save_is_said(run: Run, dock: Dock, link: ScriptedLink, tmp_path: Path) -> None:
    link.answers["run"] = emits(features(box(0, 0, 2, score=0.2)))
    run()
    dock.review.slider.setValue(50)
    for which, said in (("shown", "hidden"), ("accepted", "accepted yet")):
        dock.saving.save_to(layers()["tree"], Target(tmp_path / "saved.gpkg", "GPKG"), which)
        assert any(said in text for text in messages(dock._iface))
    assert not (tmp_path / "saved.gpkg").exists()


@pytest.mark.parametrize("which", ["shown", "accepted"])
def test_where_nothing_can_be_saved_no_file_is_asked_for(
    run: Run, dock: Dock, link: ScriptedLink, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    link.answers["run"] = emits(features(box(0, 0, 2, score=0.2)))
    run()
    dock.review.slider.setValue(50)
    monkeypatch.setattr(save_controller, "QFileDialog", None)  # asking would fail
    dock.saving.ask(layers()["tree"], "GPKG", which)
    assert "hidden" in messages(dock._iface)[-1] or "accepted yet" in messages(dock._iface)[-1]


def test_an_extent_is_sent_in_the_crs_of_the_layer(run: Run, dock: Dock, link: ScriptedLink) -> None:
    link.answers["run"] = emits(features())
    wgs84 = QgsCoordinateReferenceSystem("EPSG:4326")
    dock.ask.drawn.set(QgsRectangle(-81.99005, 29.69236, -81.98975, 29.69263), wgs84)
    assert dock.ask.area.by_drawing.isChecked()
    assert run() == "done"
    (params,) = link.asked("run")
    xmin, ymin, xmax, ymax = params["bbox"]
    assert 404211 < xmin < xmax < 404252
    assert 3285102 < ymin < ymax < 3285143


def test_an_extent_beside_the_layer_is_refused(run: Run, dock: Dock, link: ScriptedLink, until: Until) -> None:
    dock.ask.drawn.set(QgsRectangle(0, 0, 1, 1), QgsCoordinateReferenceSystem("EPSG:32617"))
    run.start("tree")
    assert "beside the layer" in dock.ask.estimate.text()
    assert not dock.asking.running
    assert link.asked("run") == []


def test_options_reach_the_engine(run: Run, dock: Dock, link: ScriptedLink) -> None:
    link.answers["run"] = emits(features())
    dock.ask.task.setCurrentIndex(1)
    dock.ask.resolution.setValue(0.25)
    dock.ask.min_score.setValue(0.4)
    dock.ask.set_models(["builtin", "/models/mine"], "/models/mine")
    run()
    (params,) = link.asked("run")
    assert (params["task"], params["resolution_m"], params["min_score"], params["model"]) == (
        "refer",
        0.25,
        0.4,
        "/models/mine",
    )


def test_an_invalid_crs_is_refused_with_a_way_out(
    run: Run, dock: Dock, raster: QgsRasterLayer, link: ScriptedLink
) -> None:
    raster.setCrs(QgsCoordinateReferenceSystem())
    run.start("tree")
    assert "no valid coordinate system" in dock.ask.estimate.text()
    assert link.asked("run") == []


def test_an_error_of_the_engine_is_shown_literally(
    run: Run, link: ScriptedLink, iface: QgisInterface, dock: Dock
) -> None:
    def fail(params, emit, cancelled):
        raise EngineError("<b>bad</b> & worse", "Do <i>this</i>.")

    link.answers["run"] = fail
    assert run() == "failed"
    assert any("&lt;b&gt;bad&lt;/b&gt; &amp; worse. Do &lt;i&gt;this" in text for text in messages(iface))
    assert dock.ask.run_button.isVisibleTo(dock)


def test_the_questions_without_a_result_are_named(run: Run, dock: Dock, link: ScriptedLink) -> None:
    link.answers["run"] = emits(features(box(0, 0, 2)))
    run("tree\n<b>windmill</b>")
    assert dock.asking.last_message == "1 result. Nothing for: <b>windmill</b>."


def test_nothing_found_is_said(run: Run, link: ScriptedLink, iface: QgisInterface) -> None:
    link.answers["run"] = emits(features())
    assert run() == "done"
    assert any("Nothing was found" in text for text in messages(iface))


def test_failed_chips_are_said(run: Run, link: ScriptedLink, iface: QgisInterface) -> None:
    link.answers["run"] = emits(
        features(box(0, 0, 1)), chips=7, failed=2, failed_chips=[{"chip": "0/0/1", "reason": "x"}] * 2
    )
    run()
    assert any("2 of 7 chips" in text for text in messages(iface))


def test_the_way_to_a_first_engine(iface: QgisInterface, link: ScriptedLink, raster: QgsRasterLayer) -> None:
    settings.save(settings.Settings())
    dock = Dock(iface, link)
    dock.show()
    assert dock.welcome.isVisibleTo(dock)
    assert not dock.tabs.isVisibleTo(dock)
    assert link.requests == []
    settings.save(settings.Settings(engine="good"))
    link.settings_changed()
    assert not dock.welcome.isVisibleTo(dock)
    assert dock.tabs.isVisibleTo(dock)
    dock.close_everything()
    dock.deleteLater()


def test_the_interface_is_never_blocked(run: Run, dock: Dock, link: ScriptedLink, until: Until) -> None:
    """20,000 results come at once, twice; a timer of 5 ms shows the longest silence of the event loop."""
    many = [box(i % 200, i // 200, 0.5, number=i, score=(i % 100) / 100) for i in range(20_000)]
    blocks = [many[i : i + 500] for i in range(0, len(many), 500)]

    def answer(params, emit, cancelled):
        for block in blocks:
            emit(features(*block, stage="provisional", first=False))
        for number, block in enumerate(blocks):
            emit(features(*block, first=number == 0))
        return {"chips": 1, "failed": 0}

    link.answers["run"] = answer

    pulse = Pulse()
    run.start("tree")
    until(lambda: run.outcomes and dock.asking.writer.idle and dock.review.ranking.total == 20_000, 60)
    dock.review.slider.setValue(50)
    dock.review.next.click()
    assert layers()["tree"].featureCount() == 20_000
    beats = pulse.beats
    until(lambda: pulse.beats > beats + 1)
    pulse.close()
    assert pulse.longest < LIMIT_S, f"blocked for {pulse.longest * 1000:.0f} ms: {pulse.where}"


def test_fifty_starts_and_cancels_leave_nothing_behind(run: Run, dock: Dock, link: ScriptedLink, until: Until) -> None:
    import threading

    link.answers["run"] = until_cancelled(features(box(0, 0, 1), stage="provisional", first=False))
    before = 0
    for number in range(50):
        if number == 10:  # Python keeps an entry for each thread of Qt's that it saw; Qt uses them again
            before = threading.active_count()
        run.start("tree")
        until(lambda: dock.asking.writer.count == 1)
        dock.ask.cancel_button.click()
        until(lambda: bool(run.outcomes))
        run.outcomes.clear()
    assert threading.active_count() <= before + 2
    assert len(QgsProject.instance().layerTreeRoot().findGroups()) == 1
    assert not dock.asking.running
