"""The panel with the real engine and the embedded model: right, cancelled, killed, missing."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator

import pytest
from conftest import ENGINE, alive
from geogrounding.dock import Dock
from geogrounding.link import EngineError, Link
from qgis.core import QgsProject, QgsRasterLayer
from qgis.gui import QgisInterface

from geogrounding import settings

pytestmark = pytest.mark.skipif(not ENGINE.is_file(), reason="no engine: make .venv first")
Until = Callable[..., None]
SLOW_S = 300.0


@pytest.fixture
def link() -> Iterator[Link]:
    settings.save(settings.Settings(engine=str(ENGINE)))
    link = Link()
    yield link
    link.close()


@pytest.fixture
def dock(iface: QgisInterface, link: Link, raster: QgsRasterLayer) -> Iterator[Dock]:
    dock = Dock(iface, link)
    dock.ask.min_score.setValue(0.0)
    yield dock
    dock.close_everything()
    dock.deleteLater()


def test_the_test_button_tells_about_the_engine(link: Link) -> None:
    found = link.probe(settings.load())
    assert found["geogrounding"]
    assert found["crs"]["id"] == "EPSG:32633"
    assert "builtin" in [model["name"] for model in found["models"]]


@pytest.mark.parametrize("path", ["/nowhere/python", "/etc/hostname", "/usr/bin/python3", "", "/tmp"])
def test_a_wrong_path_is_said(link: Link, path: str) -> None:
    with pytest.raises(EngineError) as caught:
        link.probe(settings.Settings(engine=path))
    assert str(caught.value)
    assert caught.value.hint


def test_ask_cancel_kill_and_ask_again(dock: Dock, link: Link, until: Until, iface: QgisInterface) -> None:
    """One engine goes through it all, because loading a model is slow."""
    outcomes: list[str] = []
    dock.asking.finished.connect(outcomes.append)

    def run(questions: str) -> None:
        outcomes.clear()
        dock.ask.question.setPlainText(questions)
        dock.ask.run_button.click()

    def layer(name: str) -> object:
        groups = {group.name(): group for group in QgsProject.instance().layerTreeRoot().findGroups()}
        return groups[name].findLayers()[0].layer()

    run("tree")
    until(lambda: outcomes and dock.asking.writer.idle, SLOW_S)
    assert outcomes == ["done"]
    results = list(layer("tree").getFeatures())
    assert results
    extent = dock.ask.layer.currentLayer().extent().buffered(0.01)
    assert all(extent.contains(result.geometry().boundingBox()) for result in results)
    assert all(0 <= result["score"] <= 1 and result["model"] for result in results)

    dock.ask.resolution.setValue(0.005)  # many chips
    run("tree\ncar\nship")
    until(lambda: "of" in dock.ask.progress.text() or outcomes, SLOW_S)
    begin = time.monotonic()
    dock.ask.cancel_button.click()
    until(lambda: bool(outcomes), SLOW_S)
    assert outcomes == ["cancelled"]
    assert time.monotonic() - begin < 2

    run("tree\ncar\nship")
    until(lambda: "of" in dock.ask.progress.text() or outcomes, SLOW_S)
    engine = link.pid
    assert engine is not None
    os.kill(engine, signal.SIGKILL)
    until(lambda: bool(outcomes), SLOW_S)
    assert outcomes == ["failed"]
    said = [text for texts in iface.messageBar().messages.values() for text in texts]
    assert any("ended unexpectedly" in text for text in said)

    dock.ask.resolution.setValue(0.0)
    run("tree")
    until(lambda: bool(outcomes), SLOW_S)
    assert outcomes == ["done"]
    assert link.pid not in (None, engine)
    second = link.pid
    link.close()
    until(lambda: not alive(second), 10)
