"""Results stay without a question, are found again, and a run that ended early can be continued."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import ScriptedLink, box, emits, features, progress, until_cancelled
from geoground_qgis import kept, results, saving, settings
from geoground_qgis.dock import Dock
from geoground_qgis.unfinished import MOST, begin, new_folder, unfinished
from panels import Run, layers, messages, painted
from qgis.core import QgsApplication, QgsProject
from qgis.gui import QgisInterface

Until = Callable[..., None]
FOUND = [box(404215 + 5 * i, 3285110, 3, number=i, label=f"r{i}") for i in range(4)]


@pytest.fixture
def keeping(dock: Dock) -> Dock:
    settings.save(settings.Settings(engine="good"))
    return dock


def test_results_go_into_one_geopackage_beside_the_project(
    run: Run, keeping: Dock, link: ScriptedLink, until: Until, tmp_path: Path, iface: QgisInterface
) -> None:
    project = QgsProject.instance()
    assert project.write(str(tmp_path / "town.qgz"))
    link.answers["run"] = emits(features(*FOUND, box(404215, 3285120, 2, number=9, query="car")))
    run("tree\ncar")
    until(lambda: not keeping.saving.busy)
    path = tmp_path / "town_results.gpkg"
    assert sorted(saving.layers_in(path)) == ["car (scene)", "tree (scene)"]
    tree = layers()["tree"]
    assert tree.providerType() == "ogr"
    assert painted(tree) == {"r0", "r1", "r2", "r3"}
    until(lambda: keeping.review.ranking.total == 4)
    tree.selectAll()
    keeping.review.accept.click()
    assert project.write()
    assert project.read(str(tmp_path / "town.qgz"))
    again = layers()["tree"]
    assert {feature["review"] for feature in again.getFeatures()} == {"accepted"}
    assert not any("Saved" in text for text in messages(iface))  # nothing was asked, so nothing is said


def test_without_a_project_they_go_into_the_profile_and_are_found_again(
    run: Run, keeping: Dock, link: ScriptedLink, until: Until, tmp_path: Path
) -> None:
    link.answers["run"] = emits(features(*FOUND))
    run()
    until(lambda: not keeping.saving.busy)
    colour = results.COLOURS[0]
    QgsProject.instance().clear()
    ((target, whole),) = list(kept.earlier(QgsProject.instance()))
    assert whole
    assert target.path.parent == settings.home() / "results"
    keeping.review._fill_earlier()
    (action,) = keeping.review.earlier.menu().actions()
    action.trigger()
    layer = layers()["tree"]
    assert painted(layer) == {"r0", "r1", "r2", "r3"}
    assert layer.customProperty(results.QUERY) == "tree"
    rules = {rule.label(): rule for rule in layer.renderer().rootRule().children()}
    assert rules["open"].symbol().symbolLayer(1).color().name() == colour
    until(lambda: keeping.review.ranking.total == 4)
    assert list(kept.earlier(QgsProject.instance())) == []


def test_the_same_question_twice_keeps_both_answers(
    run: Run, keeping: Dock, link: ScriptedLink, until: Until, iface: QgisInterface
) -> None:
    link.answers["run"] = emits(features(*FOUND))
    for _ in range(2):
        run()
        until(lambda: not keeping.saving.busy)
    names = saving.layers_in(kept.results_path(QgsProject.instance()))
    assert len(names) == 2, (names, messages(iface))


def test_a_setting_leaves_them_temporary(run: Run, dock: Dock, link: ScriptedLink) -> None:
    link.answers["run"] = emits(features(*FOUND))
    run()
    assert layers()["tree"].providerType() == "memory"
    assert settings.load().keep_results is False


def journal(params: dict) -> None:
    """What the engine leaves beside the output of a run that ended early."""
    Path(params["output"] + ".journal").write_text("chips answered so far")


def test_a_folder_that_cannot_be_written_to_is_said_with_a_way_out(
    run: Run, dock: Dock, link: ScriptedLink, tmp_path: Path
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file where the folder should be")
    settings.save(settings.Settings(engine="good", results_folder=str(taken)))
    link.answers["run"] = emits(features(box(404_222, 3_285_112, 2)))
    assert run() == "done"
    assert layers()["tree"].providerType() == "memory"
    assert layers()["tree"].featureCount() == 1
    (said,) = (text for text in messages(dock._iface) if "temporary" in text)
    assert str(taken) in said
    assert "settings" in said
    assert taken.read_text() == "a file where the folder should be"


@pytest.mark.parametrize("how", ["cancelled", "failed"])
def test_a_run_that_ended_early_can_be_continued(
    run: Run, dock: Dock, link: ScriptedLink, until: Until, how: str
) -> None:
    from geoground_qgis.engine_link import EngineError

    def end_early(params, emit, cancelled):
        journal(params)
        if how == "failed":
            raise EngineError("the engine has died", "")
        return until_cancelled(progress(1, 9, 0))(params, emit, cancelled)

    link.answers["run"] = end_early
    width = dock.ask.minimumSizeHint().width()
    run.start("tree\ncar")
    if how == "cancelled":
        until(lambda: "1 of 9" in dock.ask.progress.text())
        dock.ask.cancel_button.click()
    until(lambda: bool(run.outcomes))
    assert run.outcomes.pop() == how
    assert dock.ask.resume_button.isVisibleTo(dock)
    assert "tree; car (scene)" in dock.ask.resume_button.text()
    assert dock.ask.minimumSizeHint().width() <= width  # a longer question would push Run and the menu out of sight
    link.answers["run"] = emits(features(*FOUND))
    dock.ask.resume_button.click()
    until(lambda: bool(run.outcomes) and dock.asking.writer.idle)
    first, second = link.asked("run")
    assert second == {**first, "resume": True}
    assert layers()["tree"].featureCount() == 4
    assert layers()["tree"].crs().authid() == "EPSG:32617"
    assert unfinished() == []
    assert not dock.ask.resume_button.isVisibleTo(dock)


def test_a_run_that_is_done_leaves_nothing(run: Run, dock: Dock, link: ScriptedLink) -> None:
    link.answers["run"] = emits(features(*FOUND))
    run()
    assert list((settings.home() / "runs").iterdir()) == []
    assert not dock.ask.resume_button.isVisibleTo(dock)


def test_records_that_are_damaged_count_as_none() -> None:
    good = begin(new_folder(), {"expressions": ["tree"]}, "scene", "")
    journal(good.params)
    for number, text in enumerate(("", "[]", "{}", '{"params": {}, "name": "x", "crs_wkt": "", "date": ""}', "null")):
        folder = settings.home() / "runs" / f"bad{number}"
        folder.mkdir()
        (folder / "request.json").write_text(text)
    stranger = settings.home() / "runs" / "stranger"
    stranger.mkdir()
    (stranger / "request.json").write_text((good.folder / "request.json").read_text())
    assert unfinished() == [good]


def test_only_the_latest_are_kept() -> None:
    for number in range(MOST + 4):
        journal(begin(new_folder(), {"expressions": [f"q{number}"]}, "scene", "").params)
    assert len(unfinished()) == MOST


def test_a_panel_that_closes_while_a_file_is_written_leaves_the_file_whole(
    run: Run, dock: Dock, link: ScriptedLink, until: Until, tmp_path: Path
) -> None:
    link.answers["run"] = emits(features(*FOUND))
    run()
    target = saving.Target(tmp_path / "found.gpkg", saving.GPKG, "tree")
    dock.saving.save_to(layers()["tree"], target, "all")
    assert dock.saving.busy
    dock.saving.close()
    gc.collect()
    until(lambda: not QgsApplication.taskManager().count())
    assert saving.rows_in(target) == len(FOUND)
