"""What results should look like: the polygons of a layer as examples, where the user chooses one."""

from __future__ import annotations

from qgis.core import QgsMapLayerProxyModel, QgsVectorLayer
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QWidget

from .examples import Examples, examples_of
from .forms import kept_layer_box
from .messages import tr


class LikeChoice(QWidget):
    """A layer with examples, or none; without one, questions are answered by their words."""

    changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self.layer = kept_layer_box(QgsMapLayerProxyModel.Filter.PolygonLayer)
        self.layer.setAllowEmptyLayer(True, tr("(none: by the words)"))
        self.layer.choose_none()
        self.selected_only = QCheckBox(tr("Selected"))
        tip = tr(
            "What looks like these examples is found, and the question is only its name. Of results the accepted ones "
            "are examples, and the rejected ones are not meant."
        )
        self.layer.setToolTip(tip)
        row.addWidget(QLabel(tr("Examples")))
        row.addWidget(self.layer, 1)
        row.addWidget(self.selected_only)
        self.layer.layerChanged.connect(self._changed)
        self.selected_only.toggled.connect(self._changed)
        self._changed()

    def choose(self, layer: QgsVectorLayer | None, *, selected_only: bool = False) -> None:
        """Take these examples."""
        self.selected_only.setChecked(selected_only)
        if layer is None:
            self.layer.choose_none()
        else:
            self.layer.setLayer(layer)

    def examples(self) -> Examples | None:
        """What is chosen; None: the words.

        Raises:
            LayerError: the layer holds no example, or has no CRS.
        """
        layer = self.layer.currentLayer()
        if not isinstance(layer, QgsVectorLayer):
            return None
        return examples_of(layer, selected_only=self.selected_only.isChecked())

    def _changed(self, *_: object) -> None:
        self.selected_only.setVisible(self.layer.currentLayer() is not None)
        self.changed.emit()
