"""What of a layer of results is seen: scores, sizes, colours, labels, the area that was asked about."""

from __future__ import annotations

import json
import math

from qgis.core import QgsGeometry, QgsVectorLayer
from qgis.gui import QgsMapCanvas, QgsRubberBand
from qgis.PyQt.QtCore import QObject, pyqtSignal

from . import results
from .area_tool import mark_on
from .review_form import ReviewForm


class ReviewView(QObject):
    """Between the form and the style of the layer; changes no row."""

    changed = pyqtSignal()
    """Other results are shown than before."""

    def __init__(self, form: ReviewForm, canvas: QgsMapCanvas, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._form, self._canvas = form, canvas
        self._layer: QgsVectorLayer | None = None
        self._mark: QgsRubberBand | None = None
        self.shown = results.Shown()
        form.slider.valueChanged.connect(self._chosen)
        form.smallest.valueChanged.connect(self._chosen)
        form.largest.valueChanged.connect(self._chosen)
        form.labels.toggled.connect(self._show_labels)
        form.colours.currentIndexChanged.connect(self._colour)
        form.area_asked.toggled.connect(self._show_area)

    @property
    def direction(self) -> int:
        """1: from the surest result to the least sure one; -1: the other way."""
        return int(self._form.order.currentData())

    def follow(self, layer: QgsVectorLayer | None) -> None:
        """Show what is set for this layer."""
        self._layer = layer
        form = self._form
        widgets = (form.slider, form.smallest, form.largest, form.labels, form.colours)
        for widget in widgets:
            widget.blockSignals(True)
        if layer is not None:
            self.shown = results.shown_of(layer)
            form.slider.setValue(round(self.shown.score * 100))
            form.smallest.setValue(self.shown.smallest)
            form.largest.setValue(self.shown.largest if math.isfinite(self.shown.largest) else 0.0)
            form.labels.setChecked(layer.labelsEnabled())
            form.colours.setCurrentIndex(int(results.coloured_by_score(layer)))
        for widget in widgets:
            widget.blockSignals(False)
        self._notify()
        self._show_area()

    def close(self) -> None:
        """Take the mark off the map."""
        self._layer = None
        if self._mark is not None:
            self._canvas.scene().removeItem(self._mark)
            self._mark = None

    def _chosen(self, *_: object) -> None:
        form = self._form
        largest = form.largest.value() or math.inf
        self.shown = results.Shown(form.slider.value() / 100, form.smallest.value(), largest)
        if self._layer is not None:
            results.show_only(self._layer, self.shown)
        self._notify()
        self.changed.emit()

    def _notify(self) -> None:
        self._form.threshold.setText(f"{self.shown.score:.2f}")
        self._form.chart.show_threshold(self.shown.score)

    def _show_labels(self, shown: bool) -> None:
        if self._layer is not None:
            self._layer.setLabelsEnabled(shown)
            self._layer.triggerRepaint()

    def _colour(self, *_: object) -> None:
        if self._layer is not None:
            results.colour_by_score(self._layer, by_score=bool(self._form.colours.currentData()))

    def _show_area(self, *_: object) -> None:
        area = area_of(self._layer) if self._layer is not None and self._form.area_asked.isChecked() else None
        self._form.area_asked.setEnabled(self._layer is not None and area_of(self._layer) is not None)
        if area is None:
            if self._mark is not None:
                self._mark.setVisible(False)
            return
        if self._mark is None:
            self._mark = mark_on(self._canvas)
        self._mark.setToGeometry(area, self._layer.crs())
        self._mark.setVisible(True)


def asked_of(layer: QgsVectorLayer) -> dict[str, object]:
    """The request that a layer answers, as it was kept with it; empty where nothing usable was."""
    try:
        found = json.loads(str(layer.customProperty(results.ASKED) or "{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def area_of(layer: QgsVectorLayer) -> QgsGeometry | None:
    """The area that was asked about; None where all of the raster was, or that is unknown."""
    shape = QgsGeometry.fromWkt(str(asked_of(layer).get("area") or ""))
    return None if shape.isNull() or shape.isEmpty() else shape
