"""Runs inside the desktop of QGIS (qgis --code): plays the part of a user and writes what happened to a file.

Environment: GEOGROUND_TEST_PLAY names one of the plays, GEOGROUND_TEST_FOLDER the folder of this file; more in
desktop_tools.py.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
import traceback

from qgis.core import QgsApplication, QgsProject, QgsRasterLayer, QgsVectorLayer
from qgis.gui import QgsOptionsPageWidget
from qgis.PyQt.QtCore import QPoint, Qt, QTimer
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QApplication
from qgis.utils import iface, plugins

sys.path.insert(0, os.environ["GEOGROUND_TEST_FOLDER"])  # QGIS runs this file as a text
from desktop_tools import (
    ENGINE,
    OUT,
    QUESTION,
    REPORT,
    guarded,
    install,
    load_scene,
    pause,
    screenshot,
    until,
    write_report,
)
from interrupted import cut_short, go_on, hang
from pulse import Pulse


def note_layers(raster: QgsRasterLayer, name: str) -> None:
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
    REPORT[name] = found


def draw() -> None:
    """Draw a rectangle over the middle of the map with the mouse."""
    dock = plugins["geoground_qgis"].dock
    dock.ask.area.draw_button.click()
    target, middle = iface.mapCanvas().viewport(), iface.mapCanvas().viewport().rect().center()
    first, last = middle - QPoint(150, 120), middle + QPoint(150, 120)
    QTest.mousePress(target, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, first)
    for share in (0.3, 0.7, 1.0):
        QTest.mouseMove(target, first + (last - first) * share)
        pause(0.05)
    QTest.mouseRelease(target, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, last)
    until(lambda: dock.ask.drawn.extent is not None, 10)
    drawn = dock.ask.drawn.extent
    layer = ask(QUESTION)
    screenshot("drawn")
    shapes = [feature.geometry().boundingBox() for feature in layer.getFeatures()]
    REPORT["drawn"] = {
        "count": len(shapes),
        "touch": all(drawn.buffered(0.2).intersects(shape) for shape in shapes),
        "share": drawn.area() / dock.ask.layer.currentLayer().extent().area(),
    }
    dock.ask.area.by_layer.click()


def set_up() -> None:
    """A first start: the panel leads to the settings, where the engine is named and tested."""
    plugin = plugins["geoground_qgis"]
    welcome = plugin.dock.welcome
    REPORT["welcome"] = welcome.isVisible()
    screenshot("welcome")
    dialogs = importlib.import_module("geoground_qgis.setup_dialog")
    dialog = dialogs.SetupDialog(plugin.dock)
    dialog.show()
    pause(0.3)
    dialog.grab().save(str(OUT / "setup.png"))
    REPORT["pythons"] = dialog.python.count()
    dialog.reject()

    def fill_in() -> None:
        dialog = QApplication.activeModalWidget()
        page = next(page for page in dialog.findChildren(QgsOptionsPageWidget) if hasattr(page, "test_button"))
        page.engine.setFilePath(ENGINE)
        page.test_button.click()
        until(page.test_button.isEnabled)
        REPORT["tested"] = page.outcome.toPlainText()
        pause(0.3)
        dialog.grab().save(str(OUT / "settings.png"))
        dialog.accept()

    QTimer.singleShot(1500, guarded(fill_in))
    welcome.open_settings.click()  # returns when the dialog is closed
    if "error" in REPORT:
        raise RuntimeError(REPORT["error"])
    REPORT["welcome_after"] = welcome.isVisible()


def ask(question: str) -> QgsVectorLayer:
    """Ask a question of the raster that is chosen; the layer with the results."""
    dock = plugins["geoground_qgis"].dock
    dock.tabs.setCurrentIndex(0)
    dock.ask.question.setPlainText(question)
    until(lambda: "chip" in dock.ask.estimate.text() and "about" in dock.ask.estimate.text())
    REPORT.setdefault("estimates", []).append(dock.ask.estimate.text())
    outcomes: list[str] = []
    dock.asking.finished.connect(outcomes.append)
    begin = time.monotonic()
    dock.ask.run_button.click()
    seen_running = [0]

    def ended() -> bool:
        if dock.asking.running and dock.asking.writer.count:
            seen_running[0] = max(seen_running[0], dock.asking.writer.count)
        return bool(outcomes) and dock.asking.writer.idle

    until(ended)
    REPORT.setdefault("asked", []).append(
        {"outcome": outcomes[0], "seconds": time.monotonic() - begin, "while_running": seen_running[0]}
    )
    return dock.asking.writer.layers[0]


def review(layer: QgsVectorLayer) -> None:
    """Look at the results one by one: accept ten, reject one."""
    dock = plugins["geoground_qgis"].dock
    dock.tabs.setCurrentIndex(1)
    dock.review.show_layer(layer)
    until(lambda: dock.review.ranking.total == layer.featureCount())
    dock.review.next.click()
    for _ in range(10):
        dock.review.accept.click()
        pause(0.05)
    dock.review.reject.click()
    dock.review.view_box.setCollapsed(False)
    pause(0.5)
    screenshot("review")
    dock.review.view_box.setCollapsed(True)
    REPORT["reasoning_shown"] = dock.review.reasoning.toPlainText()
    REPORT["counts"] = dock.review.ranking.counts()
    dock.review.slider.setValue(60)
    until(lambda: "hidden" in dock.review.counts.text())
    REPORT["counts_hidden"] = dock.review.counts.text()
    dock.review.slider.setValue(0)
    saving = importlib.import_module("geoground_qgis.saving")
    dock.saving.save_to(layer, saving.Target(OUT / "accepted.gpkg", "GPKG"), "accepted")
    until(lambda: not dock.saving.busy)


def like(layer: QgsVectorLayer) -> None:
    """Find what looks like the four surest results, without a name that the model knows."""
    dock = plugins["geoground_qgis"].dock
    dock.tabs.setCurrentIndex(1)
    layer.selectByIds(dock.review.ranking.shown()[:4])
    dock.review.like_button.click()
    found = ask("what I marked")
    screenshot("like")
    REPORT["like"] = {"count": found.featureCount(), "tab": dock.tabs.currentIndex()}
    dock.ask.like.choose(None)
    layer.removeSelection()
    hide(found)


def outlines() -> None:
    """Ask for outlines, then draw them again, simpler and with right angles, without asking the model."""
    dock = plugins["geoground_qgis"].dock
    box = dock.ask.outline
    box.setCurrentIndex(box.findData("mask"))
    layer = ask(QUESTION)
    box.setCurrentIndex(box.findData("box"))
    dock.tabs.setCurrentIndex(1)
    dock.review.show_layer(layer)
    until(lambda: dock.review.ranking.total == layer.featureCount() and dock.review.shape_box.isEnabled())
    dock.review.correct_box.setCollapsed(False)
    done: list[bool] = []
    dock.shaping.drawn.connect(lambda: done.append(True))
    counts = {"mask": corners(layer)}
    for name, act in (
        ("simple", lambda: dock.review.simplify.setValue(30)),
        ("regular", lambda: dock.review.outline.setCurrentIndex(dock.review.outline.findData("regular"))),
        ("mask again", lambda: (dock.review.outline.setCurrentIndex(0), dock.review.simplify.setValue(-1))),
    ):
        done.clear()
        act()
        until(lambda: bool(done))
        counts[name] = corners(layer)
        screenshot(f"outlines-{name.replace(' ', '-')}")
    REPORT["outlines"] = {"corners": counts, "kinds": sorted({f["outline"] for f in layer.getFeatures()})}
    dock.review.correct_box.setCollapsed(True)
    hide(layer)


def corners(layer: QgsVectorLayer) -> int:
    return sum(f.geometry().constGet().nCoordinates() for f in layer.getFeatures())


def hide(layer: QgsVectorLayer) -> None:
    QgsProject.instance().layerTreeRoot().findLayer(layer.id()).setItemVisibilityChecked(False)


def teach(layer: QgsVectorLayer) -> None:
    """Train a model of a new word on the results that were accepted."""
    dock = plugins["geoground_qgis"].dock
    dock.tabs.setCurrentIndex(2)
    layer.selectByExpression("review = 'accepted'")
    panel = dock.teach
    panel.examples.setLayer(layer)
    panel.selected_only.setChecked(True)
    panel.expression.setText("scrub oak")
    panel.name.setText("scrub-oaks")
    panel.length.setCurrentIndex(0)
    outcomes: list[str] = []
    dock.teaching.finished.connect(outcomes.append)
    panel.train_button.click()
    until(lambda: outcomes or len(panel.curve.points) > 6)
    screenshot("teach")
    until(lambda: bool(outcomes))
    REPORT["taught"] = {
        "outcome": outcomes[0],
        "said": panel.message.text(),
        "points": len(panel.curve.points),
        "chosen": dock.ask.model.currentText(),
    }
    layer.removeSelection()


def tour() -> None:
    """From the zip to a model of one's own."""
    install()
    set_up()
    dock = plugins["geoground_qgis"].dock
    raster = load_scene()
    until(lambda: dock.ask.model.count() > 0 and dock.ask.layer.currentLayer() is not None)
    pulse = Pulse()
    layer = ask(QUESTION)
    pause(1.5)
    pulse.close()
    REPORT["longest_block_s"], REPORT["longest_block"] = pulse.longest, pulse.where
    note_layers(raster, "layers")
    screenshot("found")
    draw()
    review(layer)
    iface.mapCanvas().setExtent(raster.extent())
    hide(layer)
    like(layer)
    outlines()
    iface.mapCanvas().setExtent(raster.extent())
    teach(layer)
    QgsProject.instance().layerTreeRoot().findGroup(QUESTION).setItemVisibilityChecked(False)
    ask("scrub oak")
    pause(0.5)
    note_layers(raster, "layers_after")
    screenshot("taught")
    REPORT["engine"] = plugins["geoground_qgis"].link.pid


def main() -> None:
    try:
        iface.mainWindow().resize(1400, 900)
        REPORT["plugins"] = sorted(plugins)
        REPORT["profile"] = QgsApplication.qgisSettingsDirPath()
        {"tour": tour, "hang": hang, "cut_short": cut_short, "go_on": go_on}[os.environ["GEOGROUND_TEST_PLAY"]]()
    except Exception:
        REPORT["error"] = traceback.format_exc()
        iface.mainWindow().grab().save(str(OUT / "error.png"))
    write_report()
    QgsProject.instance().clear()
    QTimer.singleShot(300, iface.actionExit().trigger)


QTimer.singleShot(1000, main)
