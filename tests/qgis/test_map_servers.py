"""A map server that sends nothing, or not all: QGIS says nothing about it, so the plugin has to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import ScriptedLink, box, emits, features
from geoground_qgis.dock import Dock
from panels import Run
from qgis.core import QgsCoordinateReferenceSystem, QgsProject, QgsRasterLayer, QgsRectangle
from qgis.gui import QgisInterface
from qgis.PyQt.QtGui import QColor, QImage

Until = Callable[..., None]
HALF = 20037508.342789244


@pytest.fixture
def server(tmp_path: Path, dock: Dock, iface: QgisInterface) -> Callable[..., QgsRasterLayer]:
    """A layer of XYZ tiles of zoom 2, those of the columns that are there; the map shows all of them."""

    def make(*columns: int) -> QgsRasterLayer:
        for x in columns:
            folder = tmp_path / "tiles" / "2" / str(x)
            folder.mkdir(parents=True)
            for y in range(4):
                image = QImage(256, 256, QImage.Format.Format_RGB32)
                image.fill(QColor(60 * x, 60 * y, 200))
                image.save(str(folder / f"{y}.png"))
        address = f"file://{tmp_path}/tiles/{{z}}/{{x}}/{{y}}.png".replace("{", "%7B").replace("}", "%7D")
        layer = QgsRasterLayer(f"type=xyz&url={address}&zmin=2&zmax=2", "tiles", "wms")
        QgsProject.instance().addMapLayer(layer)
        canvas = iface.mapCanvas()
        canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:3857"))
        canvas.setExtent(QgsRectangle(-HALF, -HALF, HALF, HALF))
        dock.ask.layer.setLayer(layer)
        dock.ask.resolution.setValue(dock.ask.resolution.maximum())
        dock.ask.area.by_drawing.setChecked(True)
        dock.ask.area.drawn.set(QgsRectangle(-HALF / 64, -HALF / 64, HALF / 64, HALF / 64), layer.crs())
        return layer

    return make


def test_nothing_at_all_is_no_result(
    server: Callable[..., QgsRasterLayer], run: Run, dock: Dock, link: ScriptedLink
) -> None:
    server()
    link.answers["run"] = emits(features())
    assert run() == "failed"
    assert "The map server of “tiles” sent nothing" in dock.asking.last_message
    assert link.asked("run") == []


def test_what_did_not_come_is_said(
    server: Callable[..., QgsRasterLayer], run: Run, dock: Dock, link: ScriptedLink
) -> None:
    server(2, 3)  # the east of the area
    link.answers["run"] = emits(features(box(10_000, 10_000, 5_000)))
    assert run() == "done"
    assert dock.asking.last_message == "1 result. 50 % of the area came empty from the map server."


def test_of_a_server_that_sends_all_nothing_is_said(
    server: Callable[..., QgsRasterLayer], run: Run, dock: Dock, link: ScriptedLink
) -> None:
    server(0, 1, 2, 3)
    link.answers["run"] = emits(features(box(10_000, 10_000, 5_000)))
    assert run() == "done"
    assert dock.asking.last_message == "1 result."
