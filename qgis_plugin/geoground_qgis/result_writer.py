"""Results of a run into layers of the project, while the run goes on."""

from __future__ import annotations

import json
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFeatureRequest,
    QgsLayerTreeGroup,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from .messages import short
from .results import (
    ASKED,
    COLOUR,
    COLOURS,
    FILLING,
    OPEN,
    QUERY,
    SOURCE,
    Shown,
    apply_style,
    hold,
    memory_layer,
    now,
    prepare_form,
    release,
    show_only,
    to_feature,
)

SLICE_S = 0.02
"""Features are added for so long, then the interface gets its turn."""
REPAINT_S = 0.5
SAME_PLACE = 0.5
"""Overlap from which a merged result takes over the verdict on a provisional one."""


def group_for(project: QgsProject, query: str) -> QgsLayerTreeGroup:
    """The group of a question, at the top of the tree; asked again, the old group takes the new layer in."""
    name, root = short(query), project.layerTreeRoot()
    for group in root.findGroups():
        if group.customProperty(QUERY) == query:
            return group
    group = root.insertGroup(0, name)
    group.setCustomProperty(QUERY, query)
    return group


class ResultWriter(QObject):
    """Fills one layer a question, in slices so short that the interface never waits for them.

    The layer of a question is made with its first result, and cannot be edited while the run fills it. ``add`` may be
    called with any number of features; they wait in a queue. ``replace`` throws away what is shown and queued, for when
    the engine sends merged results in place of the provisional ones; verdicts that were given meanwhile go over to the
    results in the same place. ``finish`` or ``close`` ends it.
    """

    layer_made = pyqtSignal(object)
    """A layer was added to the project."""
    drained = pyqtSignal()
    """The queue is empty."""

    def __init__(
        self,
        project: QgsProject,
        queries: Iterable[str],
        crs: QgsCoordinateReferenceSystem,
        name: str,
        parent: QObject | None = None,
        *,
        exported: bool = False,
        asked: Mapping[str, Any] | None = None,
    ) -> None:
        """Prepare.

        Args:
            project: where the layers go.
            queries: the questions of the run.
            crs: of the results.
            name: of the raster, for people.
            parent: of the object.
            exported: the engine looks at a temporary copy of the raster, so its name is taken as the source.
            asked: the request, which is kept with the layers.
        """
        super().__init__(parent)
        self._project, self._crs, self._name, self._exported = project, crs, name, exported
        self._queries = tuple(queries)
        self._asked = dict(asked or {})
        self._date = now()
        self._queue: deque[Mapping[str, Any]] = deque()
        self._layers: dict[str, str] = {}
        self._dirty: set[str] = set()
        self._judged: dict[str, list[tuple[QgsRectangle, str]]] = {}
        self._painted = 0.0
        self._finished = False
        self._counts: Counter[str] = Counter()
        self.unusable = 0
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._work)

    @property
    def layers(self) -> list[QgsVectorLayer]:
        """The layers that are still in the project: the user may have removed some."""
        found = (self._project.mapLayer(layer_id) for layer_id in self._layers.values())
        return [layer for layer in found if layer is not None]

    @property
    def count(self) -> int:
        """Results on the map."""
        return sum(self._counts.values())

    @property
    def removed(self) -> int:
        """Layers of this run that the user took out of the project."""
        return sum(self._project.mapLayer(layer_id) is None for layer_id in self._layers.values())

    @property
    def empty(self) -> list[str]:
        """The questions without a result."""
        return [query for query in self._queries if not self._counts[query] and not self._is_removed(query)]

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
        self._counts.clear()
        self.unusable = 0
        for layer in self.layers:
            self._judged[layer.id()] = _judged(layer)
            layer.removeSelection()
            layer.dataProvider().truncate()
            self._dirty.add(layer.id())
        self.add(features)
        if not self._queue:
            self._drain()

    def finish(self) -> None:
        """The run has ended: what waits is still added, then the layers may be edited."""
        self._finished = True
        if self.idle:
            self._release()

    def close(self) -> None:
        """Stop adding; what waits is dropped."""
        self._timer.stop()
        self._queue.clear()
        self._release()

    def _work(self) -> None:
        begin = time.monotonic()
        batches: dict[str, list[QgsFeature]] = {}
        while self._queue and time.monotonic() - begin < SLICE_S:
            found = self._queue.popleft()
            query = _query(found)
            layer = self._layer_of(query)
            if layer is None:
                continue
            feature = to_feature(layer.fields(), found, self._date, exported=self._name if self._exported else None)
            if feature is None:
                self.unusable += 1
                continue
            judged = self._judged.get(layer.id(), [])
            feature.setAttribute("review", _verdict(feature.geometry().boundingBox(), judged))
            batches.setdefault(query, []).append(feature)
        for query, features in batches.items():
            layer = self._layer_of(query)
            if layer is None:
                continue
            taken, _ = layer.dataProvider().addFeatures(features)
            if taken:
                self._counts[query] += len(features)
            else:
                self.unusable += len(features)
            self._dirty.add(layer.id())
        if not self._queue:
            self._drain()
        elif time.monotonic() - self._painted > REPAINT_S:
            self._repaint()

    def _drain(self) -> None:
        self._timer.stop()
        self._repaint()
        if self._finished:
            self._release()
        self.drained.emit()

    def _release(self) -> None:
        """Let the user edit the layers, and take those away that hold nothing: merging may have left none."""
        for layer in self.layers:
            release(layer)
            if layer.featureCount() == 0:
                node = self._project.layerTreeRoot().findLayer(layer.id())
                group = node.parent() if node is not None else None
                del self._layers[str(layer.customProperty(QUERY))]
                self._project.removeMapLayer(layer.id())
                if group is not None and group.customProperty(QUERY) is not None and not group.children():
                    group.parent().removeChildNode(group)

    def _repaint(self) -> None:
        self._painted = time.monotonic()
        for layer_id in self._dirty:
            layer = self._project.mapLayer(layer_id)
            if layer is not None:
                layer.updateExtents()
                layer.reload()
                layer.triggerRepaint()
        self._dirty.clear()

    def _is_removed(self, query: str) -> bool:
        layer_id = self._layers.get(query)
        return layer_id is not None and self._project.mapLayer(layer_id) is None

    def _layer_of(self, query: str) -> QgsVectorLayer | None:
        """The layer of a question, made where it is missing; None for one that was not asked or that was removed."""
        if query in self._layers:
            return self._project.mapLayer(self._layers[query])
        if query not in self._queries:
            return None
        layer = self._make_layer(query)
        self._layers[query] = str(layer.id())
        self.layer_made.emit(layer)
        return layer

    def _make_layer(self, query: str) -> QgsVectorLayer:
        layer = memory_layer(self._free_name(f"{short(query, 40)} ({short(self._name, 40)})"))
        layer.setCrs(self._crs)
        group = group_for(self._project, query)
        asked = [g for g in self._project.layerTreeRoot().findGroups() if g.customProperty(QUERY) is not None]
        colour = group.customProperty(COLOUR) or COLOURS[(len(asked) - 1) % len(COLOURS)]
        group.setCustomProperty(COLOUR, colour)
        apply_style(layer, colour)
        show_only(layer, Shown())
        layer.setCustomProperty(QUERY, query)
        layer.setCustomProperty(SOURCE, self._name)
        layer.setCustomProperty(ASKED, json.dumps(self._asked))
        layer.setCustomProperty("skipMemoryLayersCheck", 0)
        prepare_form(layer)
        self._project.addMapLayer(layer, False)
        hold(layer, FILLING)
        group.insertLayer(0, layer).setExpanded(False)  # a question has its name; what colours mean is rarely looked up
        return layer

    def _free_name(self, name: str) -> str:
        """The name, with the time where another layer has it: an answer to the same question before."""
        taken = {layer.name() for layer in self._project.mapLayers().values()}
        if name not in taken:
            return name
        timed = f"{name} {self._date[11:16]}"
        return timed if timed not in taken else f"{name} {self._date[11:19]}"


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
