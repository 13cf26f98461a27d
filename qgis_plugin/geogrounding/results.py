"""Result layers: how they are made, filled while a run goes on, and styled."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsExpressionContextUtils,
    QgsFeature,
    QgsFields,
    QgsGeometry,
    QgsLayerTreeGroup,
    QgsProject,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal
from qgis.PyQt.QtGui import QColor

from .text import NAME, short

FIELDS = (
    ("id", "int8"),
    ("query", "string"),
    ("label", "string"),
    ("score", "double"),
    ("reasoning", "string"),
    ("model", "string"),
    ("chip", "string"),
    ("source", "string"),
    ("area_m2", "double"),
    ("date", "string"),
    ("review", "string"),
)
"""Attributes of a result, with their kind as the memory provider calls it."""

OPEN, ACCEPTED, REJECTED = "", "accepted", "rejected"
MIN_SCORE = "geogrounding_min_score"
"""Variable of the layer: the style hides what scores lower. What gives no score is always shown."""

COLOURS = ("#e07b00", "#2563c9", "#a3269c", "#0f8a8a", "#b8860b", "#d12f5b", "#5b52c7", "#4d7a12")
SLICE_S = 0.02
"""Features are added for so long, then the interface gets its turn."""
REPAINT_S = 0.5


def result_fields() -> QgsFields:
    """The attributes as QGIS has them; built by a provider, because the classes of types differ between Qt 5 and 6."""
    return _memory_layer("fields").fields()


def now() -> str:
    """Local date and time to the second, with its offset."""
    return datetime.now(timezone.utc).astimezone().isoformat(timespec="seconds")


def to_feature(fields: QgsFields, found: Mapping[str, Any], date: str) -> QgsFeature | None:
    """A result of the engine as a feature; None where its geometry is no polygon.

    Texts are kept as they came: they are data, and every place that shows them shows them literally.
    """
    geometry = QgsGeometry.fromWkt(str(found.get("wkt", "")))
    if geometry.isNull() or geometry.isEmpty() or not geometry.convertToSingleType():
        return None
    feature = QgsFeature(fields)
    feature.setGeometry(geometry)
    for name, kind in FIELDS:
        value = found.get(name)
        if value is None or name in ("date", "review"):
            continue
        index = fields.indexOf(name)
        if index < 0:
            continue
        try:
            plain = {"int8": int, "double": float, "string": str}[kind](value)
        except (TypeError, ValueError, OverflowError):
            continue
        feature.setAttribute(index, plain)
    if fields.indexOf("date") >= 0:
        feature.setAttribute("date", date)
    if fields.indexOf("review") >= 0:
        feature.setAttribute("review", OPEN)
    return feature


def style_path() -> Path:
    """The style of results."""
    return Path(__file__).parent / "styles" / "result.qml"


def apply_style(layer: QgsVectorLayer, colour: str = COLOURS[0]) -> None:
    """Give a layer with the attributes of results their style, open results in ``colour``."""
    layer.loadNamedStyle(str(style_path()))
    root = layer.renderer().rootRule()
    for rule in root.children():
        if rule.label() == "open":
            fill = QColor(colour)
            symbol = rule.symbol().symbolLayer(0)
            symbol.setStrokeColor(fill)
            fill.setAlpha(45)
            symbol.setFillColor(fill)
    layer.triggerRepaint()


def hide_below(layer: QgsVectorLayer, score: float) -> None:
    """Hide results with a lower score on the map; nothing is deleted."""
    QgsExpressionContextUtils.setLayerVariable(layer, MIN_SCORE, score)
    layer.triggerRepaint()


def hidden_below(layer: QgsVectorLayer) -> float:
    """The score below which results are hidden."""
    value = QgsExpressionContextUtils.layerScope(layer).variable(MIN_SCORE)
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


def is_result(layer: object) -> bool:
    """Whether a layer holds results that can be reviewed."""
    if not isinstance(layer, QgsVectorLayer) or not layer.isValid():
        return False
    names = {field.name() for field in layer.fields()}
    return {"query", "score", "reasoning", "review"} <= names


def group_for(project: QgsProject, query: str) -> QgsLayerTreeGroup:
    """The group of a question, at the top of the tree; asked again, the old group takes the new layer in."""
    name, root = short(query), project.layerTreeRoot()
    for group in root.findGroups():
        if group.customProperty(f"{NAME}/query") == query:
            return group
    group = root.insertGroup(0, name)
    group.setCustomProperty(f"{NAME}/query", query)
    return group


class ResultWriter(QObject):
    """Fills one layer a question, in slices so short that the interface never waits for them.

    ``add`` may be called with any number of features; they wait in a queue. ``replace`` throws away what is shown and
    queued, for when the engine sends merged results in place of the provisional ones.
    """

    drained = pyqtSignal()
    """The queue is empty."""
    failed = pyqtSignal(int)
    """So many results could not be shown."""

    def __init__(
        self,
        project: QgsProject,
        queries: Iterable[str],
        crs: QgsCoordinateReferenceSystem,
        name: str,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._date = now()
        self._queue: deque[Mapping[str, Any]] = deque()
        self._layers: dict[str, str] = {}
        self._project = project
        self._dirty: set[str] = set()
        self._painted = 0.0
        self.count = 0
        self.unusable = 0
        for query in queries:
            self._layers[query] = self._make_layer(query, crs, name)
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._work)

    @property
    def layers(self) -> list[QgsVectorLayer]:
        """The layers that are still in the project: the user may have removed some."""
        found = (self._project.mapLayer(layer_id) for layer_id in self._layers.values())
        return [layer for layer in found if layer is not None]

    @property
    def idle(self) -> bool:
        """Whether everything that came is on the map."""
        return not self._queue

    def add(self, features: Iterable[Mapping[str, Any]]) -> None:
        """Queue results."""
        self._queue.extend(features)
        if self._queue:
            self._timer.start()

    def replace(self, features: Iterable[Mapping[str, Any]]) -> None:
        """Show these results and no others."""
        self._queue.clear()
        self.count = self.unusable = 0
        for layer in self.layers:
            layer.dataProvider().truncate()
            self._dirty.add(layer.id())
        self.add(features)
        if not self._queue:
            self._finish()

    def close(self) -> None:
        """Stop adding; what waits is dropped."""
        self._timer.stop()
        self._queue.clear()

    def _work(self) -> None:
        begin = time.monotonic()
        batches: dict[str, list[QgsFeature]] = {}
        while self._queue and time.monotonic() - begin < SLICE_S:
            found = self._queue.popleft()
            layer_id = self._layers.get(str(found.get("query", "")))
            layer = self._project.mapLayer(layer_id) if layer_id else None
            if layer is None:
                continue
            feature = to_feature(layer.fields(), found, self._date)
            if feature is None:
                self.unusable += 1
                continue
            batches.setdefault(layer_id, []).append(feature)
        for layer_id, features in batches.items():
            layer = self._project.mapLayer(layer_id)
            taken, _ = layer.dataProvider().addFeatures(features)
            if taken:
                self.count += len(features)
            else:
                self.unusable += len(features)
            self._dirty.add(layer_id)
        if not self._queue:
            self._finish()
        elif time.monotonic() - self._painted > REPAINT_S:
            self._repaint()

    def _finish(self) -> None:
        self._timer.stop()
        self._repaint()
        if self.unusable:
            self.failed.emit(self.unusable)
        self.drained.emit()

    def _repaint(self) -> None:
        self._painted = time.monotonic()
        for layer_id in self._dirty:
            layer = self._project.mapLayer(layer_id)
            if layer is not None:
                layer.updateExtents()
                layer.reload()
                layer.triggerRepaint()
        self._dirty.clear()

    def _make_layer(self, query: str, crs: QgsCoordinateReferenceSystem, name: str) -> str:
        layer = _memory_layer(short(name))
        layer.setCrs(crs)
        group = group_for(self._project, query)
        colour = COLOURS[self._project.layerTreeRoot().findGroups().index(group) % len(COLOURS)]
        colour = group.customProperty(f"{NAME}/colour") or colour
        group.setCustomProperty(f"{NAME}/colour", colour)
        apply_style(layer, colour)
        hide_below(layer, 0.0)
        layer.setCustomProperty(f"{NAME}/query", query)
        layer.setCustomProperty("skipMemoryLayersCheck", 0)
        self._project.addMapLayer(layer, False)
        group.insertLayer(0, layer)
        return str(layer.id())


def _memory_layer(name: str) -> QgsVectorLayer:
    columns = "&".join(f"field={column}:{kind}" for column, kind in FIELDS)
    return QgsVectorLayer(f"Polygon?{columns}", name, "memory")
