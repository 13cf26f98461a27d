"""Drawing: QGIS's own tools on results or on examples, and what it has no tool for. All can be undone."""

from __future__ import annotations

from collections.abc import Callable

from qgis.core import QgsGeometry, QgsProject, QgsVectorLayer
from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import QObject, pyqtSignal

from . import results
from .messages import short, tr
from .review_panel import ReviewPanel
from .teach_panel import TeachPanel


class Correcting(QObject):
    """Starts editing when it is needed; *Save edits* writes everything."""

    said = pyqtSignal(str)
    """Why something could not be done."""

    def __init__(
        self, panel: ReviewPanel, teach: TeachPanel, iface: QgisInterface, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._panel, self._teach, self._iface = panel, teach, iface
        teach.draw_button.clicked.connect(self.draw_examples)
        panel.add_one.clicked.connect(self.add)
        panel.vertices.clicked.connect(self.move_corners)
        panel.split.clicked.connect(self.split)
        panel.merge.clicked.connect(self.merge)
        panel.delete.clicked.connect(self.delete)
        panel.keep_edits.clicked.connect(self.save)

    def draw_examples(self) -> None:
        """Make a layer for examples of the raster in the tab Teach, and let the user draw in it."""
        raster = self._teach.raster.currentLayer()
        if raster is None or not raster.crs().isValid():
            self.said.emit(tr("Choose the raster that the examples were drawn on."))
            return
        name = f"{tr('Examples')} ({short(raster.name(), 40)})"
        layer = QgsVectorLayer("Polygon?field=name:string", name, "memory")
        layer.setCrs(raster.crs())
        form = layer.editFormConfig()
        form.setSuppress(type(form).FeatureFormSuppress.SuppressOn)
        layer.setEditFormConfig(form)
        QgsProject.instance().addMapLayer(layer)
        self._teach.examples.setLayer(layer)
        layer.startEditing()
        self._iface.setActiveLayer(layer)
        self._iface.actionAddFeature().trigger()

    def add(self) -> None:
        """Draw one that was missed; its fields are filled in (``results.prepare_form``)."""
        self._use(lambda: self._iface.actionAddFeature())

    def move_corners(self) -> None:
        """Move, add and delete corners."""
        self._use(lambda: self._iface.actionVertexToolActiveLayer())

    def split(self) -> None:
        """Cut results in two by a line."""
        self._use(lambda: self._iface.actionSplitFeatures())

    def merge(self) -> None:
        """Make the selected results one: their shapes together, the attributes of the surest."""
        layer = self._editable()
        if layer is None:
            return
        chosen = sorted(layer.selectedFeatures(), key=_sureness, reverse=True)
        if len(chosen) < 2:
            self.said.emit(tr("Select two or more results to merge."))
            return
        shape = QgsGeometry.unaryUnion([one.geometry() for one in chosen])
        parts = shape.asGeometryCollection() if shape.isMultipart() else [shape]
        if len(parts) != 1:
            self.said.emit(tr("These results do not touch, so that they cannot become one polygon."))
            return
        best, others = chosen[0].id(), [one.id() for one in chosen[1:]]
        layer.beginEditCommand(tr("Merge"))
        written = layer.changeGeometry(best, parts[0])
        written = layer.deleteFeatures(others) and written
        if written:
            layer.endEditCommand()
            layer.selectByIds([best])
        else:
            layer.destroyEditCommand()
        layer.triggerRepaint()

    def delete(self) -> None:
        """Delete the selected results."""
        layer = self._editable()
        if layer is None:
            return
        if not layer.selectedFeatureCount():
            self.said.emit(tr("Select results to delete."))
            return
        layer.beginEditCommand(tr("Delete"))
        layer.deleteSelectedFeatures()
        layer.endEditCommand()
        layer.triggerRepaint()

    def save(self) -> None:
        """Write the corrections into the layer."""
        layer = self._panel.layer
        if layer is not None and layer.isEditable() and not layer.commitChanges():
            self.said.emit("; ".join(layer.commitErrors()))

    def _use(self, tool: Callable[[], object]) -> None:
        layer = self._editable()
        if layer is not None:
            self._iface.setActiveLayer(layer)
            tool().trigger()

    def _editable(self) -> QgsVectorLayer | None:
        """The layer under review in edit mode; None where it cannot be edited, which is said."""
        layer = self._panel.layer
        if layer is None:
            return None
        if not layer.isEditable() and not layer.startEditing():
            self.said.emit(tr("The layer “{name}” cannot be changed.").format(name=layer.name()))
            return None
        return layer


def _sureness(feature: object) -> tuple[bool, float]:
    score = feature["score"]
    return feature["review"] == results.ACCEPTED, float(score) if isinstance(score, (int, float)) else 1.0
