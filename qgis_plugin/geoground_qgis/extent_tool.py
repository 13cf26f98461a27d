"""Drawing a rectangle on the map."""

from __future__ import annotations

from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry, QgsRectangle, QgsWkbTypes
from qgis.gui import QgsMapCanvas, QgsMapTool, QgsMapToolExtent, QgsRubberBand
from qgis.PyQt.QtCore import QObject, pyqtSignal
from qgis.PyQt.QtGui import QColor

FILL, LINE = QColor(47, 111, 85, 40), QColor(47, 111, 85, 220)


class DrawnExtent(QObject):
    """An extent that the user draws; it stays marked on the map until it is cleared."""

    drawn = pyqtSignal()

    def __init__(self, canvas: QgsMapCanvas, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._before: QgsMapTool | None = None
        self._tool = QgsMapToolExtent(canvas)
        self._tool.extentChanged.connect(self._take)
        self._band: QgsRubberBand | None = None
        self.extent: QgsRectangle | None = None
        self.crs = QgsCoordinateReferenceSystem()

    def start(self) -> None:
        """Let the user draw; afterwards the tool that was active before is active again."""
        if self._canvas.mapTool() is not self._tool:
            self._before = self._canvas.mapTool()
        self._canvas.setMapTool(self._tool)

    def set(self, extent: QgsRectangle, crs: QgsCoordinateReferenceSystem) -> None:
        """Take an extent as if it had been drawn."""
        self.extent, self.crs = QgsRectangle(extent), crs
        self._mark()
        self.drawn.emit()

    def clear(self) -> None:
        """Forget the extent, its mark and the tool."""
        self.extent = None
        if self._band is not None:
            self._canvas.scene().removeItem(self._band)
            self._band = None
        if self._canvas.mapTool() is self._tool:
            self._canvas.unsetMapTool(self._tool)

    def show_mark(self, visible: bool) -> None:
        """Show or hide the mark on the map."""
        if self._band is not None:
            self._band.setVisible(visible)

    def _take(self, extent: QgsRectangle) -> None:
        if extent.isEmpty():
            return
        self._tool.clearRubberBand()
        if self._before is not None:
            self._canvas.setMapTool(self._before)
        self.set(extent, self._canvas.mapSettings().destinationCrs())

    def _mark(self) -> None:
        if self._band is None:
            self._band = QgsRubberBand(self._canvas, QgsWkbTypes.GeometryType.PolygonGeometry)
            self._band.setFillColor(FILL)
            self._band.setStrokeColor(LINE)
            self._band.setWidth(2)
        self._band.setToGeometry(QgsGeometry.fromRect(self.extent), self.crs)
