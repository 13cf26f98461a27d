"""What happens to a layer under review: rows that come and go, verdicts given elsewhere, edits undone."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsVectorLayer
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

ROWS = (
    "featuresDeleted",
    "featureAdded",
    "committedFeaturesAdded",
    "committedFeaturesRemoved",
    "afterRollBack",
    "dataSourceChanged",
    "dataChanged",
)
"""Signals of a layer after which its rows, or their ids, are others."""


class LayerWatch(QObject):
    """Follows one layer; what happens in one go is reported once, when the event loop is reached again."""

    selection_changed = pyqtSignal()
    rows_changed = pyqtSignal()
    """Rows came, went, or have other ids: read the layer again."""
    ids_changed = pyqtSignal()
    """Ids noted before mean nothing any more."""
    verdicts_changed = pyqtSignal(object)
    """Verdicts were given in the attribute table, or by undo and redo: {id: verdict}."""
    shapes_saved = pyqtSignal(object)
    """Ids of rows whose shapes were changed by hand, now that the edits are saved."""
    fields_changed = pyqtSignal()
    gone = pyqtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._layer: QgsVectorLayer | None = None
        self._review = self._score = -1
        self._muted = False
        self._verdicts: dict[int, str] = {}
        self._rows = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._report)

    @property
    def layer(self) -> QgsVectorLayer | None:
        """The layer that is followed."""
        return self._layer

    def follow(self, layer: QgsVectorLayer | None) -> None:
        """Follow this layer, and the one before no longer."""
        self._disconnect()
        self._verdicts, self._rows = {}, False
        self._layer = layer
        if layer is None:
            return
        self._find_fields()
        layer.selectionChanged.connect(self._selected)
        layer.attributeValueChanged.connect(self._value_changed)
        layer.updatedFields.connect(self._fields)
        layer.committedGeometriesChanges.connect(self._shapes)
        layer.willBeDeleted.connect(self._deleted)
        for name in ROWS:
            getattr(layer, name).connect(self._rows_other)
        for name in ("afterRollBack", "dataSourceChanged"):
            getattr(layer, name).connect(self._ids_other)

    def mute(self, muted: bool) -> None:
        """Report no verdicts: the caller is giving some, and knows."""
        self._muted = muted

    def _disconnect(self) -> None:
        layer, self._layer = self._layer, None
        if layer is None:
            return
        layer.selectionChanged.disconnect(self._selected)
        layer.attributeValueChanged.disconnect(self._value_changed)
        layer.updatedFields.disconnect(self._fields)
        layer.committedGeometriesChanges.disconnect(self._shapes)
        layer.willBeDeleted.disconnect(self._deleted)
        for name in ROWS:
            getattr(layer, name).disconnect(self._rows_other)
        for name in ("afterRollBack", "dataSourceChanged"):
            getattr(layer, name).disconnect(self._ids_other)

    def _find_fields(self) -> None:
        fields = self._layer.fields() if self._layer is not None else None
        self._review = fields.indexOf("review") if fields is not None else -1
        self._score = fields.indexOf("score") if fields is not None else -1

    def _selected(self, *_: object) -> None:
        self.selection_changed.emit()

    def _rows_other(self, *_: object) -> None:
        self._rows = True
        self._timer.start()

    def _ids_other(self, *_: object) -> None:
        self.ids_changed.emit()

    def _value_changed(self, feature_id: int, index: int, value: Any) -> None:
        if index == self._score:
            self._rows_other()
        elif index == self._review and not self._muted:
            self._verdicts[feature_id] = value if isinstance(value, str) else ""
            self._timer.start()

    def _shapes(self, _layer_id: str, shapes: dict[int, object]) -> None:
        self.shapes_saved.emit(list(shapes))

    def _fields(self) -> None:
        self._find_fields()
        self.fields_changed.emit()

    def _deleted(self) -> None:
        self._layer = None  # its signals end with it
        self._timer.stop()
        self.gone.emit()

    def _report(self) -> None:
        verdicts, rows = self._verdicts, self._rows
        self._verdicts, self._rows = {}, False
        if rows:
            self.rows_changed.emit()
        elif verdicts:
            self.verdicts_changed.emit(verdicts)
