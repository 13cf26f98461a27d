"""Drawing a rectangle or a polygon on the map."""

from __future__ import annotations

from qgis.core import QgsCoordinateReferenceSystem, QgsGeometry, QgsPointXY, QgsRectangle, QgsWkbTypes
from qgis.gui import QgsMapCanvas, QgsMapMouseEvent, QgsMapTool, QgsMapToolExtent, QgsRubberBand
from qgis.PyQt.QtCore import QObject, Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor, QKeyEvent

FILL, LINE = QColor(47, 111, 85, 40), QColor(47, 111, 85, 220)
LEAST_CORNERS = 3


def mark_on(canvas: QgsMapCanvas) -> QgsRubberBand:
    """An empty mark of an area on a map."""
    band = QgsRubberBand(canvas, QgsWkbTypes.GeometryType.PolygonGeometry)
    band.setFillColor(FILL)
    band.setStrokeColor(LINE)
    band.setWidth(2)
    return band


class PolygonTool(QgsMapTool):
    """A corner with each click; a click with the right button closes the polygon, Escape forgets it."""

    drawn = pyqtSignal(object)
    """The corners in the coordinate system of the map."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self._corners: list[QgsPointXY] = []
        self._band = mark_on(canvas)

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: N802 - QGIS's name
        """A corner, or the end."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._corners.append(event.mapPoint())
            self._show([])
        elif event.button() == Qt.MouseButton.RightButton and len(self._corners) >= LEAST_CORNERS:
            corners = self._corners
            self.forget()
            self.drawn.emit(corners)

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: N802 - QGIS's name
        """The next corner follows the mouse."""
        if self._corners:
            self._show([event.mapPoint()])

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - QGIS's name
        """Escape begins again."""
        if event.key() == Qt.Key.Key_Escape:
            self.forget()

    def deactivate(self) -> None:
        """Another tool was chosen."""
        self.forget()
        super().deactivate()

    def forget(self) -> None:
        """Take the corners back."""
        self._corners = []
        self._band.reset(QgsWkbTypes.GeometryType.PolygonGeometry)

    def _show(self, more: list[QgsPointXY]) -> None:
        self._band.setToGeometry(QgsGeometry.fromPolygonXY([[*self._corners, *more]]), None)


class DrawnArea(QObject):
    """An area that the user draws; it stays marked on the map until it is cleared."""

    drawn = pyqtSignal()

    def __init__(self, canvas: QgsMapCanvas, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._before: QgsMapTool | None = None
        self._rectangle, self._polygon = QgsMapToolExtent(canvas), PolygonTool(canvas)
        self._rectangle.extentChanged.connect(self._take)
        self._polygon.drawn.connect(self._take_polygon)
        self._band: QgsRubberBand | None = None
        self.extent: QgsRectangle | None = None
        """Of the rectangle, or around the polygon, in ``crs``."""
        self.polygon: QgsGeometry | None = None
        """None for a rectangle."""
        self.crs = QgsCoordinateReferenceSystem()

    def start(self, *, polygon: bool = False) -> None:
        """Let the user draw; afterwards the tool that was active before is active again."""
        if self._canvas.mapTool() not in (self._rectangle, self._polygon):
            self._before = self._canvas.mapTool()
        self._canvas.setMapTool(self._polygon if polygon else self._rectangle)

    def set(self, extent: QgsRectangle, crs: QgsCoordinateReferenceSystem, polygon: QgsGeometry | None = None) -> None:
        """Take an area as if it had been drawn."""
        self.extent, self.crs, self.polygon = QgsRectangle(extent), crs, polygon
        if self._band is None:
            self._band = mark_on(self._canvas)
        self._band.setToGeometry(polygon or QgsGeometry.fromRect(self.extent), self.crs)
        self.drawn.emit()

    def clear(self) -> None:
        """Forget the area, its mark and the tools."""
        self.extent = self.polygon = None
        if self._band is not None:
            self._canvas.scene().removeItem(self._band)
            self._band = None
        self._polygon.forget()
        for tool in (self._rectangle, self._polygon):
            if self._canvas.mapTool() is tool:
                self._canvas.unsetMapTool(tool)

    def close(self) -> None:
        """Clear, and take the tools from the map, which lives on."""
        self.clear()
        for tool in (self._rectangle, self._polygon):
            tool.deleteLater()

    def show_mark(self, visible: bool) -> None:
        """Show or hide the mark on the map."""
        if self._band is not None:
            self._band.setVisible(visible)

    def _take(self, extent: QgsRectangle) -> None:
        if not extent.isEmpty():
            self._rectangle.clearRubberBand()
            self._end(extent, None)

    def _take_polygon(self, corners: list[QgsPointXY]) -> None:
        shape = QgsGeometry.fromPolygonXY([corners])
        shape = shape if shape.isGeosValid() else shape.makeValid()
        if shape.area() > 0:
            self._end(shape.boundingBox(), shape)

    def _end(self, extent: QgsRectangle, polygon: QgsGeometry | None) -> None:
        if self._before is not None:
            self._canvas.setMapTool(self._before)
        self.set(extent, self._canvas.mapSettings().destinationCrs(), polygon)
