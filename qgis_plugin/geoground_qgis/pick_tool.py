"""Clicking a result on the map to review it."""

from __future__ import annotations

from qgis.core import QgsCsException, QgsFeatureRequest, QgsRectangle, QgsVectorLayer
from qgis.gui import QgsMapCanvas, QgsMapMouseEvent, QgsMapTool
from qgis.PyQt.QtCore import Qt, pyqtSignal

TOLERANCE_PX = 4


class PickTool(QgsMapTool):
    """Reports where the user clicks; stays active until another tool is chosen."""

    clicked = pyqtSignal(object)
    """A rectangle of a few pixels, in the coordinate system of the map."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: N802 - QGIS's name
        """The button was let go."""
        if event.button() == Qt.MouseButton.LeftButton:
            at, reach = event.mapPoint(), TOLERANCE_PX * self.canvas().mapUnitsPerPixel()
            self.clicked.emit(QgsRectangle(at.x() - reach, at.y() - reach, at.x() + reach, at.y() + reach))


def hit(canvas: QgsMapCanvas, layer: QgsVectorLayer, place: QgsRectangle, shown: set[int]) -> int | None:
    """The smallest result of ``shown`` that touches a place on the map: the one drawn inside others can be reached."""
    try:
        box = canvas.mapSettings().mapToLayerCoordinates(layer, place)
    except QgsCsException:
        return None
    request = QgsFeatureRequest().setFilterRect(box).setFlags(QgsFeatureRequest.Flag.ExactIntersect)
    request.setSubsetOfAttributes([])
    found = [(feature.geometry().area(), feature.id()) for feature in layer.getFeatures(request)]
    return min(((area, one) for area, one in found if one in shown), default=(0.0, None))[1]
