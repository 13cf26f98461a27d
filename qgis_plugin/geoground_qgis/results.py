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
    QgsFeatureRequest,
    QgsFields,
    QgsGeometry,
    QgsLayerTreeGroup,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal
from qgis.PyQt.QtGui import QColor

from .engine import flat
from .messages import NAME, short

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
ALL, SHOWN = "all", "shown"
MIN_SCORE = "geogrounding_min_score"
"""Variable of the layer: the style hides what scores lower. What gives no score is always shown."""

COLOURS = ("#e07b00", "#2563c9", "#a3269c", "#0f8a8a", "#b8860b", "#d12f5b", "#5b52c7", "#4d7a12")
SLICE_S = 0.02
"""Features are added for so long, then the interface gets its turn."""
REPAINT_S = 0.5
SAME_PLACE = 0.5
"""Overlap from which a merged result takes over the verdict on a provisional one."""


def result_fields() -> QgsFields:
    """The attributes as QGIS has them; built by a provider, because the classes of types differ between Qt 5 and 6."""
    return _memory_layer("fields").fields()


def now() -> str:
    """Local date and time to the second, with its offset."""
    return datetime.now(timezone.utc).astimezone().isoformat(timespec="seconds")


def to_feature(fields: QgsFields, found: Mapping[str, Any], date: str) -> QgsFeature | None:
    """A result of the engine (GeoJSON, in the CRS of the raster) as a feature; None where it is no polygon.

    Texts are kept as they came: they are data, and every place that shows them shows them literally.
    """
    told = flat(found)
    geometry = QgsGeometry.fromWkt(told["wkt"])
    if geometry.isNull() or geometry.isEmpty():
        return None
    feature = QgsFeature(fields)
    feature.setGeometry(geometry)
    for name, kind in FIELDS:
        index, value = fields.indexOf(name), told.get(name)
        if index < 0 or value is None or name in ("date", "review"):
            continue
        try:
            feature.setAttribute(index, {"int8": int, "double": float, "string": str}[kind](value))
        except (TypeError, ValueError, OverflowError):  # such as the id of a provisional result
            continue
    for name, value in (("date", date), ("review", OPEN)):
        if fields.indexOf(name) >= 0:
            feature.setAttribute(name, value)
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
            rule.symbol().symbolLayer(1).setColor(QColor(colour))  # above the light line that sets it off
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


def chosen(layer: QgsVectorLayer, which: str) -> list[int]:
    """Ids of the results that are ``SHOWN`` (not hidden by their score), or ``ACCEPTED``."""
    least, found = hidden_below(layer), []
    for feature in layer.getFeatures():
        score = feature["score"]
        sure = not isinstance(score, (int, float)) or score >= least
        if sure if which == SHOWN else feature["review"] == ACCEPTED:
            found.append(feature.id())
    return found


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
    queued, for when the engine sends merged results in place of the provisional ones; verdicts that were given
    meanwhile go over to the results in the same place.
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
        self._judged: dict[str, list[tuple[QgsRectangle, str]]] = {}
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
    def empty(self) -> list[str]:
        """The questions without a result, of those whose layer is still there."""
        found = ((query, self._project.mapLayer(layer_id)) for query, layer_id in self._layers.items())
        return [query for query, layer in found if layer is not None and layer.featureCount() == 0]

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
            self._judged[layer.id()] = _judged(layer)
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
            layer_id = self._layers.get(_query(found))
            layer = self._project.mapLayer(layer_id) if layer_id else None
            if layer is None:
                continue
            feature = to_feature(layer.fields(), found, self._date)
            if feature is None:
                self.unusable += 1
                continue
            feature.setAttribute("review", _verdict(feature.geometry().boundingBox(), self._judged.get(layer_id, [])))
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
        layer = _memory_layer(f"{short(query, 40)} ({short(name, 40)})")
        layer.setCrs(crs)
        group = group_for(self._project, query)
        asked = [g for g in self._project.layerTreeRoot().findGroups() if g.customProperty(f"{NAME}/query") is not None]
        colour = group.customProperty(f"{NAME}/colour") or COLOURS[(len(asked) - 1) % len(COLOURS)]
        group.setCustomProperty(f"{NAME}/colour", colour)
        apply_style(layer, colour)
        hide_below(layer, 0.0)
        layer.setCustomProperty(f"{NAME}/query", query)
        layer.setCustomProperty("skipMemoryLayersCheck", 0)
        self._project.addMapLayer(layer, False)
        group.insertLayer(0, layer).setExpanded(False)  # a question has its name; what colours mean is rarely looked up
        return str(layer.id())


def _query(found: Mapping[str, Any]) -> str:
    properties = found.get("properties")
    return str(properties.get("query", "")) if isinstance(properties, Mapping) else ""


def _judged(layer: QgsVectorLayer) -> list[tuple[QgsRectangle, str]]:
    """Places of the results that have a verdict."""
    request = QgsFeatureRequest().setFilterExpression("review <> ''")
    return [(feature.geometry().boundingBox(), feature["review"]) for feature in layer.getFeatures(request)]


def _verdict(box: QgsRectangle, judged: list[tuple[QgsRectangle, str]]) -> str:
    """The verdict on a result in the same place, by intersection over union."""
    for other, verdict in judged:
        shared = box.intersect(other)
        if shared.isEmpty():
            continue
        together = box.area() + other.area() - shared.area()
        if together > 0 and shared.area() / together >= SAME_PLACE:
            return verdict
    return OPEN


def _memory_layer(name: str) -> QgsVectorLayer:
    columns = "&".join(f"field={column}:{kind}" for column, kind in FIELDS)
    return QgsVectorLayer(f"Polygon?{columns}", name, "memory")
