"""Runs inside the desktop of QGIS (qgis --code): plays the part of a user and writes what happened to a file.

Environment: GEOGROUND_TEST_PLAY names one of the plays below, GEOGROUND_TEST_OUT the folder for report.json and
pictures, GEOGROUND_TEST_SCENE the raster.
"""

from __future__ import annotations

import json
import os
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qgis.core import QgsApplication, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QCoreApplication, QEventLoop, QTimer
from qgis.utils import iface, plugins

OUT = Path(os.environ["GEOGROUND_TEST_OUT"])
SCENE = os.environ["GEOGROUND_TEST_SCENE"]
REPORT: dict[str, Any] = {}


class Pulse:
    """The longest time in which the event loop was busy, without the time that the system gave to other programs."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._last = self._now()
        self._timer = QTimer()
        self._timer.setInterval(5)
        self._timer.timeout.connect(self._beat)
        self._timer.start()

    @staticmethod
    def _now() -> tuple[float, float]:
        waited = int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
        return time.monotonic(), waited

    def _beat(self) -> None:
        now = self._now()
        self.longest = max(self.longest, now[0] - self._last[0] - (now[1] - self._last[1]))
        self._last = now

    def restart(self) -> None:
        self.longest, self._last = 0.0, self._now()


def until(condition: Callable[[], Any], seconds: float = 240.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("it did not happen in time")
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)


def pause(seconds: float) -> None:
    end = time.monotonic() + seconds
    until(lambda: time.monotonic() > end)


def picture(name: str) -> None:
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


def note_layers(raster: QgsRasterLayer) -> None:
    found = {}
    for group in QgsProject.instance().layerTreeRoot().findGroups():
        layer = group.findLayers()[0].layer()
        inside = [raster.extent().buffered(0.01).contains(f.geometry().boundingBox()) for f in layer.getFeatures()]
        found[group.name()] = {
            "count": layer.featureCount(),
            "inside": all(inside),
            "crs": layer.crs().authid(),
            "reasoning": sum(bool(f["reasoning"]) for f in layer.getFeatures()),
        }
    REPORT["layers"] = found


def ask() -> None:
    """A question on a raster: estimate, run, results, review."""
    dock = plugins["geogrounding"].dock
    raster = load_scene()
    dock.ask.question.setPlainText(os.environ.get("GEOGROUND_TEST_QUESTION", "tree"))
    dock.ask.min_score.setValue(float(os.environ.get("GEOGROUND_TEST_SCORE", "0.3")))
    until(lambda: "chips" in dock.ask.estimate.text() and "about" in dock.ask.estimate.text())
    REPORT["estimate"] = dock.ask.estimate.text()
    picture("1-ask")
    pulse = Pulse()
    outcomes: list[str] = []
    dock.asking.finished.connect(outcomes.append)
    begin = time.monotonic()
    dock.ask.run_button.click()
    until(lambda: outcomes and dock.asking.writer.idle)
    REPORT["outcome"], REPORT["seconds"] = outcomes[0], time.monotonic() - begin
    pause(1.5)
    REPORT["longest_block_s"] = pulse.longest
    note_layers(raster)
    REPORT["engine"] = plugins["geogrounding"].link.pid
    picture("2-found")
    dock.tabs.setCurrentIndex(1)
    dock.review.next.click()
    pause(0.5)
    dock.review.accept.click()
    pause(0.5)
    picture("3-review")
    REPORT["reasoning_shown"] = dock.review.reasoning.toPlainText()
    REPORT["counts"] = dock.review.ranking.counts(0.0)


def hang() -> None:
    """A run that is under way when QGIS is killed: the test does that."""
    dock = plugins["geogrounding"].dock
    load_scene()
    dock.ask.question.setPlainText("tree\ncar\nbuilding\nairplane\nship")
    dock.ask.set_models([], "null")  # finds nothing, in a worker of its own as every model
    dock.ask.resolution.setValue(0.002)
    dock.ask.run_button.click()
    link = plugins["geogrounding"].link
    until(lambda: link.pid is not None and " of " in dock.ask.progress.text())
    REPORT["engine"] = link.pid
    write_report()
    pause(600)


def write_report() -> None:
    part = OUT / "report.part"
    part.write_text(json.dumps(REPORT), encoding="utf-8")
    part.rename(OUT / "report.json")


def main() -> None:
    try:
        iface.mainWindow().resize(1400, 900)
        REPORT["plugins"] = sorted(plugins)
        REPORT["profile"] = QgsApplication.qgisSettingsDirPath()
        {"ask": ask, "hang": hang}[os.environ["GEOGROUND_TEST_PLAY"]]()
    except Exception:
        REPORT["error"] = traceback.format_exc()
        iface.mainWindow().grab().save(str(OUT / "error.png"))
    write_report()
    QgsProject.instance().clear()
    QTimer.singleShot(300, iface.actionExit().trigger)


QTimer.singleShot(1000, main)
