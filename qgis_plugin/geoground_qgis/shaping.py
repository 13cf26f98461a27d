"""Other outlines for results on the map, while sliders move: drawn by the engine from kept masks, without the model."""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from qgis.core import QgsCsException, QgsFeatureRequest, QgsGeometry, QgsVectorLayer
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from . import results, settings
from .background import Calls
from .engine.features import polygon_wkt
from .engine_link import Link
from .messages import joined, tr
from .review_panel import ReviewPanel
from .review_view import asked_of

MOST_KEPT = 60
"""Files of masks that are kept; of older results the outlines stay as they are."""
SETTLE_MS = 80
"""Outlines are asked for when the slider has rested for so long."""
IN_VIEW = 300
"""Outlines that are drawn first."""
STEP_M = 0.05
"""Tolerance of one step of the slider; below the first it is automatic."""
SLICE_S = 0.02
WITH_TOLERANCE = ("mask", "regular")


def masks_file() -> Path:
    """A new file for the masks of a run; the oldest ones are deleted."""
    folder = settings.masks_folder()
    kept = sorted(folder.glob("*.masks"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in kept[MOST_KEPT - 1 :]:
        old.unlink(missing_ok=True)
    return folder / f"{uuid.uuid4().hex}.masks"


class Shaping(QObject):
    """What is in view first, then the rest; what was changed by hand stays."""

    said = pyqtSignal(str)
    """Why something could not be done."""
    drawn = pyqtSignal()
    """All outlines are as the sliders say."""

    def __init__(self, panel: ReviewPanel, link: Link, canvas: QgsMapCanvas, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._panel, self._link, self._canvas = panel, link, canvas
        self._calls = Calls(self)
        self._rows: dict[int, int] = {}
        """Feature ids of the layer by the ids of results, of rows that were not changed by hand."""
        self._waiting: deque[Mapping[str, Any]] = deque()
        self._settle, self._work = QTimer(self), QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._ask)
        self._work.setInterval(0)
        self._work.timeout.connect(self._write)
        panel.outline.currentIndexChanged.connect(self._moved)
        panel.simplify.valueChanged.connect(self._moved)
        panel.choice.layerChanged.connect(self._follow)
        panel.ranking.changed.connect(self._enable)  # masks are there when a run has ended, after its layer
        self._follow()

    @property
    def tolerance_m(self) -> float | None:
        """What the slider says; None: automatic."""
        value = self._panel.simplify.value()
        return None if value < 0 else round(value * STEP_M, 3)

    def close(self) -> None:
        """Stop everything, for good."""
        self._stop()
        self._panel.choice.layerChanged.disconnect(self._follow)
        self._panel.ranking.changed.disconnect(self._enable)
        self._calls.forget()

    def _follow(self, *_: object) -> None:
        """Another layer is under review: show how its outlines were drawn."""
        self._stop()
        layer = self._panel.layer
        self._enable()
        request = asked_of(layer).get("request") if layer is not None else None
        outline = request.get("outline") if isinstance(request, dict) else None
        for widget in (self._panel.outline, self._panel.simplify):
            widget.blockSignals(True)
        self._panel.outline.setCurrentIndex(max(0, self._panel.outline.findData(outline)))
        self._panel.simplify.setValue(-1)
        for widget in (self._panel.outline, self._panel.simplify):
            widget.blockSignals(False)
        self._notify()

    def _enable(self) -> None:
        there = _masks_of(self._panel.layer) is not None
        self._panel.shape_box.setEnabled(there)
        self._panel.shape_box.setToolTip("" if there else tr("For results that were asked for as outlines"))

    def _stop(self) -> None:
        self._settle.stop()
        self._work.stop()
        self._waiting.clear()
        self._calls.stop("redraw")

    def _moved(self, *_: object) -> None:
        self._notify()
        self._settle.start()

    def _notify(self) -> None:
        usable = self._panel.outline.currentData() in WITH_TOLERANCE
        self._panel.simplify.setEnabled(usable)
        tolerance = self.tolerance_m
        self._panel.tolerance.setText(tr("automatic") if tolerance is None else f"{tolerance:.2f} m")

    def _ask(self) -> None:
        """Ask for what is in view; the rest follows."""
        layer = self._panel.layer
        masks = _masks_of(layer)
        if layer is None or masks is None:
            return
        if layer.isEditable() or layer.readOnly():
            self.said.emit(tr("Save the edits first: shapes that are being edited are not drawn again."))
            return
        self._waiting.clear()
        self._rows = {}
        ids = self._in_view(layer)
        if ids:
            self._request(layer, masks, ids)
        else:
            self._rest(layer, masks)

    def _in_view(self, layer: QgsVectorLayer) -> list[int]:
        try:
            box = self._canvas.mapSettings().mapToLayerCoordinates(layer, self._canvas.extent())
        except QgsCsException:
            return []
        return self._read(layer, QgsFeatureRequest().setFilterRect(box).setLimit(IN_VIEW))

    def _read(self, layer: QgsVectorLayer, request: QgsFeatureRequest) -> list[int]:
        """The ids of results that may be drawn again, with their rows noted."""
        fields = layer.fields()
        request.setFlags(QgsFeatureRequest.Flag.NoGeometry)
        request.setSubsetOfAttributes([fields.indexOf("id"), fields.indexOf("outline")])
        found = {
            int(one["id"]): one.id()
            for one in layer.getFeatures(request)
            if isinstance(one["id"], int) and one["outline"] != results.DRAWN
        }
        self._rows.update(found)
        return list(found)

    def _request(self, layer: QgsVectorLayer, masks: Path, ids: list[int] | None) -> None:
        outline = self._panel.outline.currentData()
        params: dict[str, Any] = {"masks": str(masks), "outline": outline, "ids": ids}
        if outline in WITH_TOLERANCE:
            params["simplify_m"] = self.tolerance_m
        self._calls.start(
            "redraw",
            partial(redraw, self._link, params),
            partial(self._take, layer.id(), masks, ids is None),
            lambda message, hint: self.said.emit(joined(message, hint)) if message else None,
        )

    def _take(self, layer_id: str, masks: Path, whole: bool, found: list[Mapping[str, Any]]) -> None:
        layer = self._panel.layer
        if layer is None or layer.id() != layer_id:
            return
        self._waiting.extend(found)
        self._work.start()
        if not whole:
            self._rest(layer, masks)

    def _rest(self, layer: QgsVectorLayer, masks: Path) -> None:
        self._read(layer, QgsFeatureRequest())
        self._request(layer, masks, None)

    def _write(self) -> None:
        """Put outlines into the layer, in slices so short that the interface never waits for them."""
        layer = self._panel.layer
        if layer is None or layer.isEditable():
            self._stop()
            return
        begin = time.monotonic()
        shapes: dict[int, QgsGeometry] = {}
        values: dict[int, dict[int, object]] = {}
        outline, area = (layer.fields().indexOf(name) for name in ("outline", "area_m2"))
        while self._waiting and time.monotonic() - begin < SLICE_S:
            one = self._waiting.popleft()
            row = self._rows.get(one.get("id"))
            shape = QgsGeometry.fromWkt(polygon_wkt(one.get("geometry")))
            if row is not None and not shape.isNull():
                shapes[row] = shape
                values[row] = {outline: one["properties"].get("outline"), area: one["properties"].get("area_m2")}
        layer.dataProvider().changeFeatures(values, shapes)
        layer.triggerRepaint()
        if not self._waiting:
            self._work.stop()
            if not self._calls.busy("redraw"):
                layer.updateExtents()
                self._panel.refresh()
                self.drawn.emit()


def redraw(link: Link, params: dict[str, Any], cancelled: Callable[[], bool]) -> list[Mapping[str, Any]]:
    """The features with other outlines; runs beside the main thread."""
    found: list[Mapping[str, Any]] = []

    def take(event: dict[str, Any]) -> None:
        if event.get("event") == "features":
            found.extend(one for one in event.get("features") or [] if isinstance(one, dict))

    link.call("redraw", params, on_event=take, cancelled=cancelled)
    return found


def _masks_of(layer: QgsVectorLayer | None) -> Path | None:
    """The file of masks that belongs to a layer, where it is still there."""
    request = asked_of(layer).get("request") if layer is not None else None
    named = request.get("masks") if isinstance(request, dict) else None
    path = Path(named) if isinstance(named, str) else None
    return path if path is not None and path.parent == settings.masks_folder() and path.is_file() else None
