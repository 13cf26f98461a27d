"""Which part of the raster is asked about: all of it, the view, what is drawn, or the polygons of a layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeature,
    QgsGeometry,
    QgsMapLayerProxyModel,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QHBoxLayout,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from .area_tool import DrawnArea
from .examples import extent_of
from .forms import form, kept_layer_box, tool
from .messages import tr
from .rasters import LayerError

MOST_SHOWN = 1_000
"""Of more polygons the rectangle around them is shown."""


@dataclass(frozen=True)
class AreaAsked:
    """An area in one of its forms; without any, all of the raster is asked about."""

    extent: QgsRectangle | None = None
    """Of a rectangle, or around the polygons, in ``crs``."""
    crs: QgsCoordinateReferenceSystem = field(default_factory=QgsCoordinateReferenceSystem)
    polygons: QgsVectorLayer | None = None
    selected_only: bool = False

    def shape(self, target: QgsCoordinateReferenceSystem) -> QgsGeometry:
        """The area in another CRS, to be shown; empty where all of the raster is asked about.

        Raises:
            LayerError: it has no place there.
        """
        if self.extent is None:
            return QgsGeometry()
        shape = QgsGeometry.fromRect(self.extent)
        if self.polygons is not None:
            layer = self.polygons
            found = layer.selectedFeatures() if self.selected_only else layer.getFeatures()
            parts = [f.geometry() for f in islice(found, MOST_SHOWN + 1) if f.hasGeometry()]
            if len(parts) <= MOST_SHOWN:
                shape = QgsGeometry.unaryUnion(parts)
        try:
            shape.transform(QgsCoordinateTransform(self.crs, target, QgsProject.instance()))
        except QgsCsException as error:
            raise LayerError(tr("The extent cannot be expressed in the coordinate system of the layer.")) from error
        return shape


class AreaChoice(QWidget):
    """Four buttons; the layer of polygons appears when it is wanted."""

    changed = pyqtSignal()

    def __init__(self, canvas: QgsMapCanvas, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self.drawn = DrawnArea(canvas, self)
        self._build()
        self._connect()
        self._show_polygons()

    def area(self) -> AreaAsked:
        """What is chosen.

        Raises:
            LayerError: nothing is drawn, or there is no polygon.
        """
        if self.by_canvas.isChecked():
            return AreaAsked(self._canvas.extent(), self._canvas.mapSettings().destinationCrs())
        if self.by_drawing.isChecked():
            if self.drawn.extent is None:
                raise LayerError(tr("Draw a rectangle or a polygon on the map first."))
            return AreaAsked(self.drawn.extent, self.drawn.crs, self._drawn_polygon())
        if self.by_polygons.isChecked():
            return self._polygons_asked()
        return AreaAsked()

    def _drawn_polygon(self) -> QgsVectorLayer | None:
        """The polygon that is drawn, as a layer of its own."""
        if self.drawn.polygon is None:
            return None
        layer = QgsVectorLayer("MultiPolygon", tr("Drawn"), "memory")
        layer.setCrs(self.drawn.crs)
        feature, shape = QgsFeature(), QgsGeometry(self.drawn.polygon)
        shape.convertToMultiType()
        feature.setGeometry(shape)
        layer.dataProvider().addFeatures([feature])
        layer.updateExtents()
        return layer

    def freeze_view(self) -> None:
        """Keep the view that is asked about as a drawn rectangle: a review moves the map, and the next run must not."""
        if self.by_canvas.isChecked():
            self.drawn.set(self._canvas.extent(), self._canvas.mapSettings().destinationCrs())

    def close_tools(self) -> None:
        """Take everything off the map, and let go of map and project."""
        self._canvas.extentsChanged.disconnect(self._map_moved)
        QgsProject.instance().cleared.disconnect(self.drawn.clear)
        self.drawn.close()

    def _polygons_asked(self) -> AreaAsked:
        layer = self.polygons.currentLayer()
        if not isinstance(layer, QgsVectorLayer) or not layer.isValid():
            raise LayerError(tr("Choose a polygon layer for the area."))
        if not layer.crs().isValid():
            raise LayerError(
                tr("The layer “{name}” has no valid coordinate system. Set it in Layer Properties ▸ Source.").format(
                    name=layer.name()
                )
            )
        selected = self.selected_only.isChecked()
        if selected and not layer.selectedFeatureCount():
            raise LayerError(tr("Select polygons of “{name}” first.").format(name=layer.name()))
        extent = layer.boundingBoxOfSelected() if selected else extent_of(layer)
        if extent.isEmpty() or not extent.isFinite():
            raise LayerError(tr("The layer “{name}” holds no polygon.").format(name=layer.name()))
        return AreaAsked(extent, layer.crs(), layer, selected)

    def _build(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        rows = form()
        self.by_layer, self.by_canvas = QRadioButton(tr("Layer")), QRadioButton(tr("View"))
        self.by_drawing, self.by_polygons = QRadioButton(tr("Drawn")), QRadioButton(tr("Polygons"))
        self.by_layer.setToolTip(tr("All of the raster"))
        self.by_canvas.setToolTip(tr("What the map shows when you press Run; it is then kept as a drawn rectangle"))
        self.by_polygons.setToolTip(tr("Inside the polygons of a layer"))
        self.draw_button = tool("▭", tr("Draw a rectangle on the map"))
        self.polygon_button = tool("⬠", tr("Draw a polygon on the map; a click with the right button ends it"))
        self._buttons = QButtonGroup(self)
        given, own = (self.by_layer, self.by_canvas, self.by_polygons), (self.by_drawing,)
        for title, choices, tools in ((tr("Where"), given, ()), ("", own, (self.draw_button, self.polygon_button))):
            row = QHBoxLayout()
            row.setSpacing(4)
            for button in choices:
                self._buttons.addButton(button)
                row.addWidget(button)
            for button in tools:
                row.addWidget(button)
            row.addStretch(1)
            rows.addRow(title, row)
        self.by_layer.setChecked(True)
        layout.addLayout(rows)
        self.polygon_box = QWidget()
        polygons = QHBoxLayout(self.polygon_box)
        polygons.setContentsMargins(0, 0, 0, 0)
        self.polygons = kept_layer_box(QgsMapLayerProxyModel.Filter.PolygonLayer)
        self.selected_only = QCheckBox(tr("Selected"))
        self.selected_only.setToolTip(tr("Only inside the selected polygons"))
        polygons.addWidget(self.polygons, 1)
        polygons.addWidget(self.selected_only)
        layout.addWidget(self.polygon_box)

    def _connect(self) -> None:
        self.draw_button.clicked.connect(self._draw_rectangle)
        self.polygon_button.clicked.connect(self._draw_polygon)
        self.drawn.drawn.connect(self._drawn)
        self._buttons.buttonClicked.connect(self._chosen)
        self.polygons.layerChanged.connect(self._emit)
        self.selected_only.toggled.connect(self._emit)
        self._canvas.extentsChanged.connect(self._map_moved)
        QgsProject.instance().cleared.connect(self.drawn.clear)

    def _emit(self, *_: object) -> None:
        self.changed.emit()

    def _map_moved(self) -> None:
        if self.by_canvas.isChecked():
            self.changed.emit()

    def _show_polygons(self) -> None:
        self.polygon_box.setVisible(self.by_polygons.isChecked())

    def _chosen(self, *_: object) -> None:
        self.drawn.show_mark(self.by_drawing.isChecked())
        self._show_polygons()
        if self.by_drawing.isChecked() and self.drawn.extent is None:
            self.drawn.start()
        self.changed.emit()

    def _draw_rectangle(self) -> None:
        self._draw(polygon=False)

    def _draw_polygon(self) -> None:
        self._draw(polygon=True)

    def _draw(self, *, polygon: bool) -> None:
        self.by_drawing.setChecked(True)
        self._show_polygons()
        self.drawn.start(polygon=polygon)

    def _drawn(self) -> None:
        self.by_drawing.setChecked(True)
        self._show_polygons()
        self.drawn.show_mark(True)
        self.changed.emit()
