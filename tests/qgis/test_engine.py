"""The panel with the real engine and the built-in model: right, cancelled, killed, missing."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import ENGINE, alive
from geoground_qgis import settings
from geoground_qgis.dock import Dock
from geoground_qgis.engine_link import EngineError, Link, model_options
from panels import messages
from qgis.core import QgsProject, QgsRasterLayer
from qgis.gui import QgisInterface

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


def test_the_test_button_describes_the_engine(link: Link) -> None:
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


def test_a_server_is_asked_unless_the_model_is_a_folder(tmp_path: Path) -> None:
    chosen = settings.Settings(server_url="http://host/v1", device="cuda")
    assert model_options(chosen, "builtin") == {"model_options": {"device": "cuda", "base_url": "http://host/v1"}}
    assert model_options(chosen, str(tmp_path)) == {"model_options": {"device": "cuda"}}
    assert model_options(settings.Settings(), "builtin") == {}


class Asker:
    """Asks through the panel."""

    def __init__(self, dock: Dock, until: Until) -> None:
        self.dock, self._until, self.outcomes = dock, until, []
        dock.asking.finished.connect(self.outcomes.append)

    def start(self, questions: str) -> None:
        self.outcomes.clear()
        self.dock.ask.question.setPlainText(questions)
        self.dock.ask.run_button.click()

    def until_chips(self) -> None:
        """Until the engine looks at chips."""
        self._until(lambda: " of " in self.dock.ask.progress.text() or self.outcomes, SLOW_S)
        assert not self.outcomes, self.dock.asking.last_message

    def end(self) -> str:
        self._until(lambda: self.outcomes and self.dock.asking.writer.idle, SLOW_S)
        return self.outcomes[0]


@pytest.fixture
def asker(dock: Dock, until: Until) -> Asker:
    return Asker(dock, until)


def test_a_question_is_answered_in_the_right_place(asker: Asker, dock: Dock) -> None:
    asker.start("tree")
    assert asker.end() == "done"
    (group,) = QgsProject.instance().layerTreeRoot().findGroups()
    results = list(group.findLayers()[0].layer().getFeatures())
    assert results
    extent = dock.ask.layer.currentLayer().extent().buffered(0.01)
    assert all(extent.contains(result.geometry().boundingBox()) for result in results)
    assert all(0 <= result["score"] <= 1 and result["model"] for result in results)


def test_cancel_and_kill_and_ask_again(
    asker: Asker, dock: Dock, link: Link, until: Until, iface: QgisInterface
) -> None:
    """With the model that finds nothing, which needs no weights; the process is the real one."""
    dock.ask.set_models([], "null")
    dock.ask.resolution.setValue(0.002)  # thousands of chips
    asker.start("tree\ncar\nship")
    asker.until_chips()
    begin = time.monotonic()
    dock.ask.cancel_button.click()
    assert asker.end() == "cancelled"
    assert time.monotonic() - begin < 2

    asker.start("tree\ncar\nship")
    asker.until_chips()
    engine = link.pid
    assert engine is not None
    os.kill(engine, signal.SIGKILL)
    assert asker.end() == "failed"
    assert any("ended unexpectedly" in text for text in messages(iface))

    dock.ask.resolution.setValue(0.0)
    asker.start("tree")
    assert asker.end() == "done"
    second = link.pid
    assert second not in (None, engine)
    link.close()
    until(lambda: not alive(second), 10)
