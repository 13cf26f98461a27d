"""Fixtures of the tests that run inside QGIS."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes import ScriptedLink
from geoground_qgis import settings
from geoground_qgis.dock import Dock
from panels import Bar, Run
from qgis.core import QgsApplication, QgsProject, QgsRasterLayer, QgsSettings
from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import QEventLoop, QTimer

ROOT = Path(__file__).resolve().parents[2]
ENGINE = Path(os.environ.get("GEOGROUND_TEST_ENGINE", ROOT / ".venv" / "bin" / "python"))
"""The Python that geogrounding is installed in."""


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Let Qt work until the condition holds; fails after so long."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        let_qt_work()


def let_qt_work() -> None:
    """Wait for events, a little; to ask again and again would take the processor from the engine."""
    loop = QEventLoop()
    QTimer.singleShot(10, loop.quit)
    loop.exec()


@pytest.fixture
def until() -> Callable[..., None]:
    return wait_until


@pytest.fixture(autouse=True)
def _clean(qgis_new_project: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test has an empty project, no settings of the plugin, and a profile of its own."""
    QgsSettings().remove("geogrounding")
    monkeypatch.setattr(QgsApplication, "qgisSettingsDirPath", staticmethod(lambda: f"{tmp_path}/profile/"))
    yield
    QgsProject.instance().clear()
    QgsSettings().remove("geogrounding")


@pytest.fixture
def scene() -> Path:
    """The scene that ships with the project: 400 x 400 pixels of 0.1 m in UTM 17N."""
    return ROOT / "examples" / "data" / "OSBS_029.tif"


@pytest.fixture
def raster(scene: Path) -> QgsRasterLayer:
    """The scene as a layer of the project."""
    layer = QgsRasterLayer(str(scene), "scene")
    assert layer.isValid()
    QgsProject.instance().addMapLayer(layer)
    return layer


@pytest.fixture
def link() -> ScriptedLink:
    return ScriptedLink()


@pytest.fixture
def iface(qgis_iface: QgisInterface, monkeypatch: pytest.MonkeyPatch) -> QgisInterface:
    """QGIS, with a real message bar."""
    bar = Bar()
    monkeypatch.setattr(qgis_iface, "messageBar", lambda: bar)
    return qgis_iface


@pytest.fixture
def dock(iface: QgisInterface, link: ScriptedLink, raster: QgsRasterLayer) -> Iterator[Dock]:
    settings.save(settings.Settings(engine="good", keep_results=False))
    dock = Dock(iface, link)
    dock.show()
    yield dock
    dock.close_everything()
    dock.deleteLater()


@pytest.fixture
def run(dock: Dock, until: Callable[..., None]) -> Run:
    return Run(dock, until)


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
