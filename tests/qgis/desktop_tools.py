"""What the plays inside the desktop of QGIS have in common: waiting, screenshots, the report, the first steps.

Environment: GEOGROUND_TEST_OUT names the folder for report.json and screenshots, GEOGROUND_TEST_SCENE the raster,
GEOGROUND_TEST_ENGINE the Python of the engine, GEOGROUND_TEST_ZIP the plugin.
"""

from __future__ import annotations

import importlib
import json
import os
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qgis.core import QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QEventLoop, QTimer
from qgis.PyQt.QtWidgets import QApplication
from qgis.utils import iface, plugins

OUT = Path(os.environ["GEOGROUND_TEST_OUT"])
SCENE = os.environ["GEOGROUND_TEST_SCENE"]
ENGINE = os.environ["GEOGROUND_TEST_ENGINE"]
QUESTION = os.environ.get("GEOGROUND_TEST_QUESTION", "tree")
REPORT: dict[str, Any] = {}


def until(condition: Callable[[], Any], seconds: float = 240.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("it did not happen in time")
        loop = QEventLoop()  # to ask again and again would take the processor from the engine
        QTimer.singleShot(10, loop.quit)
        loop.exec()


def guarded(function: Callable[[], None]) -> Callable[[], None]:
    """For timers: an error goes into the report, where a modal dialog would hide it for ever."""

    def call() -> None:
        try:
            function()
        except Exception:
            REPORT["error"] = traceback.format_exc()
            dialog = QApplication.activeModalWidget()
            if dialog is not None:
                dialog.grab().save(str(OUT / "error.png"))
                dialog.close()

    return call


def pause(seconds: float) -> None:
    end = time.monotonic() + seconds
    until(lambda: time.monotonic() > end)


def screenshot(name: str) -> None:
    until(lambda: not iface.mapCanvas().isDrawing())
    pause(0.5)
    iface.mainWindow().grab().save(str(OUT / f"{name}.png"))


def load_scene() -> QgsRasterLayer:
    layer = QgsRasterLayer(SCENE, Path(SCENE).stem)
    QgsProject.instance().addMapLayer(layer)
    pause(0.5)
    iface.mapCanvas().setExtent(layer.extent())
    iface.mapCanvas().refresh()
    return layer


def install() -> None:
    """Install the zip as Plugins > Manage and Install Plugins > Install from ZIP does, and see it run."""
    from pyplugin_installer import instance

    assert "geoground_qgis" not in plugins
    instance().installFromZipFile(os.environ["GEOGROUND_TEST_ZIP"])
    REPORT["installed"] = "geoground_qgis" in plugins
    plugins["geoground_qgis"].dock.setUserVisible(True)


def with_engine() -> Any:
    """The panel, with the plugin installed, its engine named, and the scene on the map."""
    install()
    settings = importlib.import_module("geoground_qgis.settings")
    settings.save(settings.Settings(engine=ENGINE))
    dock = plugins["geoground_qgis"].dock
    dock.engine_changed()
    load_scene()
    return dock


def write_report() -> None:
    part = OUT / "report.part"
    part.write_text(json.dumps(REPORT), encoding="utf-8")
    part.rename(OUT / "report.json")
