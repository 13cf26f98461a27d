"""Results of a run into layers of the project, while the run goes on."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from qgis.core import QgsCoordinateReferenceSystem, QgsFeature, QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from . import saving
from .keeping import CANCELLED, Keeper, settle
from .kept import free_name, group_for
from .merging import Bounds, Replacement, bounds_of
from .messages import short
from .results import (
    COLOUR,
    COLOURS,
    FILLING,
    QUERY,
    dress,
    hold,
    memory_layer,
    mend_layer,
    now,
    release,
    reload,
    to_feature,
)

SLICE_S, MOST_IN_SLICE = 0.02, 200
"""Features are made for so long, or so many, and added; then the interface gets its turn."""
REPAINT_S = 0.5
TRIES, AGAIN_MS = 100, 100
"""How often, and how long after another, results are written again where a file could not be written to."""


class ResultWriter(QObject):
    """Fills one layer a question, in slices so short that the interface never waits for them.

    The layer of a question is made with its first result: a table of the kept GeoPackage, where there is one, else a
    temporary layer. It cannot be edited while the run fills it. ``add`` may be called with any number of features; they
    wait in a queue. ``replace`` puts merged results in the place of the provisional ones. Tables that hold results
    already, of a run that goes on, are taken up. ``finish`` or ``close`` ends it, and ``settle`` notes how.
    """

    layer_made = pyqtSignal(object)
    """A layer was added to the project, or one of it is filled."""
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
        keeper: Keeper | None = None,
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
            keeper: of the tables that the results of each question are kept in; without one layers are temporary.
        """
        super().__init__(parent)
        self._project, self._crs, self._name, self._exported = project, crs, name, exported
        self._queries = tuple(queries)
        self._asked = json.dumps(asked or {})
        self._keeper = keeper
        self._tables = keeper.tables if keeper is not None else {}
        self._making: Iterator[None] | None = keeper.make() if keeper is not None and keeper.tables else None
        self._settling: Iterator[None] | None = None
        self._tries = 0
        self._date = now()
        self._queue: deque[Mapping[str, Any] | None] = deque()
        """Results; None: what comes after it takes the place of all before."""
        self._layers: dict[str, str] = {}
        self._dirty: set[str] = set()
        self._rows: dict[str, dict[int, Bounds]] = {}
        """Bounds of the rows of each layer."""
        self._adopted: deque[tuple[str, Iterator[QgsFeature]]] = deque()
        self._replaced: dict[str, Replacement] = {}
        self._painted = 0.0
        self._finished = self._settled = self._retired = False
        self.unusable = 0
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._work)
        if self._making is not None:
            self._timer.start()

    @property
    def layers(self) -> list[QgsVectorLayer]:
        """The layers that are still in the project: the user may have removed some."""
        found = (self._project.mapLayer(layer_id) for layer_id in self._layers.values())
        return [layer for layer in found if layer is not None]

    @property
    def count(self) -> int:
        """Results on the map, without those that are being replaced."""
        return sum(self._count(str(layer.id())) for layer in self.layers)

    @property
    def removed(self) -> int:
        """Layers of this run that the user took out of the project."""
        return sum(self._project.mapLayer(layer_id) is None for layer_id in self._layers.values())

    @property
    def empty(self) -> list[str]:
        """The questions without a result."""
        return [
            query
            for query in self._queries
            if not self._count(self._layers.get(query, "")) and not self._is_removed(query)
        ]

    @property
    def idle(self) -> bool:
        """Whether everything that came is on the map."""
        return not (self._making or self._queue or self._adopted or self._replaced)

    @property
    def settled(self) -> bool:
        """Whether the tables say how the run ended, and the layers read the file as it is now."""
        return self._settled and self._settling is None

    def add(self, features: Iterable[Mapping[str, Any]]) -> None:
        """Queue results."""
        self._queue.extend(features)
        if self._queue:
            self._timer.start()

    def replace(self, features: Iterable[Mapping[str, Any]]) -> None:
        """Show these results and no others: see ``Replacement``."""
        self._queue.clear()
        self._queue.append(None)
        self.add(features)

    def finish(self) -> None:
        """The run has ended: what waits is still added, then the layers may be edited."""
        self._finished = True
        if self.idle:
            self._release()

    def close(self) -> None:
        """Stop adding, for good: what waits is dropped, and the run counts as cancelled if it has not ended."""
        self._queue.clear()
        self._adopted.clear()
        self._replaced.clear()
        self._making = None
        self._release()
        if not self._settled:
            self.settle(CANCELLED)
        self._settle_all()
        self._timer.stop()

    def settle(self, state: str) -> None:
        """Note in the tables how the run ended."""
        self._settled = True
        if self._tables:
            states = {query: CANCELLED if self._is_removed(query) else state for query in self._tables}
            self._settling = settle(self._tables, states, self._styles())
            self._timer.start()

    def retire(self) -> None:
        """Go, when the tables are settled."""
        self._retired = True
        if self._settling is None:
            self.deleteLater()

    def _settle_all(self) -> None:
        while self._settling is not None:
            self._settle_on()

    def _settle_on(self) -> None:
        """One step; after the last, the layers open the file again: other connections wrote to it."""
        if self._settling is None:
            return
        if next(self._settling, self) is self:
            self._settling = None
            self._timer.stop()
            saving.reload_readers(next(iter(self._tables.values())))
            if self._retired:
                self.deleteLater()

    def _styles(self) -> dict[str, str]:
        """The styles of the layers that are kept, by question."""
        return {
            query: saving.style_of(layer)
            for query in self._tables
            if (layer := self._project.mapLayer(self._layers.get(query, ""))) is not None
            and layer.providerType() != "memory"
        }

    def _work(self) -> None:
        if self._settling is not None:
            self._settle_on()
            return
        begin = time.monotonic()
        if self._making is not None:
            if next(self._making, self) is self:
                self._making = None
                self._adopt()
        elif self._adopted:
            self._read(begin)
        elif self._queue:
            self._add(begin)
        else:
            self._take_away()
        if self.idle:
            self._drain()
        elif time.monotonic() - self._painted > REPAINT_S and not self._replaced:
            self._repaint()

    def _adopt(self) -> None:
        """Take up the tables that hold results already."""
        for query, target in self._tables.items():
            layer = self._layer_of(query) if saving.rows_in(target) > 0 else None
            if layer is not None:
                self._adopted.append((str(layer.id()), layer.getFeatures()))

    def _read(self, begin: float) -> None:
        """Note the rows of a table that was taken up."""
        layer_id, rows = self._adopted[0]
        known = self._rows.setdefault(layer_id, {})
        for row in rows:
            known[row.id()] = bounds_of(row)
            if time.monotonic() - begin > SLICE_S:
                return
        self._adopted.popleft()
        layer = self._project.mapLayer(layer_id)
        if (
            layer is not None and len(known) < layer.featureCount() and self._tries < TRIES
        ):  # cut off by a connection that closed
            self._tries += 1
            self._adopted.append((str(layer.id()), layer.getFeatures()))

    def _add(self, begin: float) -> None:
        """Add results to their layers, each layer's in one transaction."""
        batches: dict[str, list[tuple[Mapping[str, Any], QgsFeature]]] = {}
        for _ in range(MOST_IN_SLICE):
            if not self._queue or time.monotonic() - begin > SLICE_S:
                break
            found = self._queue.popleft()
            if found is None:
                if batches:
                    self._queue.appendleft(None)
                    break
                self._begin_replacing()
                continue
            query = _query(found)
            layer = self._layer_of(query)
            if layer is None:
                continue
            feature = to_feature(layer.fields(), found, self._date, exported=self._name if self._exported else None)
            if feature is None:
                self.unusable += 1
            else:
                batches.setdefault(query, []).append((found, feature))
        for query, batch in batches.items():
            layer = self._layer_of(query)
            if layer is not None:
                self._write(layer, batch)

    def _write(self, layer: QgsVectorLayer, batch: list[tuple[Mapping[str, Any], QgsFeature]]) -> None:
        taken, added = False, []
        if saving.writable_now(layer):
            taken, added = layer.dataProvider().addFeatures([feature for _, feature in batch])
        self._timer.setInterval(0 if taken else AGAIN_MS)
        if taken:
            self._tries = 0
            rows = {feature.id(): bounds_of(feature) for feature in added}
            self._rows.setdefault(layer.id(), {}).update(rows)
            if layer.id() in self._replaced:
                self._replaced[layer.id()].add(rows)
        elif layer.providerType() != "memory" and self._tries < TRIES:  # another program is writing to the file
            self._tries += 1
            self._queue.extendleft(found for found, _ in reversed(batch))
        else:
            self.unusable += len(batch)
        self._dirty.add(layer.id())

    def _begin_replacing(self) -> None:
        self.unusable = 0
        for layer in self.layers:
            before = self._replaced.get(layer.id())
            old = {**self._rows.get(layer.id(), {}), **(before.old if before is not None else {})}
            self._rows[layer.id()] = {}
            self._replaced[layer.id()] = Replacement(layer, old)

    def _take_away(self) -> None:
        """Take away what was replaced, in one layer."""
        layer_id, replacement = next(iter(self._replaced.items()))
        layer = self._project.mapLayer(layer_id)
        self._timer.setInterval(0)
        if layer is not None and not saving.writable_now(layer) and self._tries < TRIES:
            self._tries += 1
            self._timer.setInterval(AGAIN_MS)
        elif layer is None or not replacement.step(layer):
            self._rows[layer_id] = replacement.new
            del self._replaced[layer_id]
            self._dirty.add(layer_id)

    def _count(self, layer_id: str) -> int:
        return len(self._rows.get(layer_id, ()))

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
                if layer.providerType() == "memory":
                    reload(layer)
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
        layer = self._shown_already(query) or self._make_layer(query)
        hold(layer, FILLING)
        self._layers[query] = str(layer.id())
        self.layer_made.emit(layer)
        return layer

    def _shown_already(self, query: str) -> QgsVectorLayer | None:
        """The layer of the project that reads the table of a question."""
        target = self._tables.get(query)
        return next(iter(saving.readers(target.path, target.table)), None) if target is not None else None

    def _make_layer(self, query: str) -> QgsVectorLayer:
        target = self._tables.get(query)
        layer = saving.open_results(target) if target is not None else None
        goes_on = layer is not None and layer.featureCount() > 0
        if layer is None:
            layer = memory_layer("")
            layer.setCrs(self._crs)
        layer.setName(free_name(self._project, f"{short(query, 40)} ({short(self._name, 40)})", self._date))
        group = group_for(self._project, query)
        asked = [g for g in self._project.layerTreeRoot().findGroups() if g.customProperty(QUERY) is not None]
        colour = group.customProperty(COLOUR) or COLOURS[(len(asked) - 1) % len(COLOURS)]
        group.setCustomProperty(COLOUR, colour)
        if goes_on:
            layer.loadDefaultStyle()
            mend_layer(layer)
        else:
            dress(layer, query, self._name, self._asked, colour)
        layer.setCustomProperty(QUERY, query)
        self._project.addMapLayer(layer, False)
        group.insertLayer(0, layer).setExpanded(False)  # a question has its name; what colours mean is rarely looked up
        return layer


def _query(found: Mapping[str, Any]) -> str:
    properties = found.get("properties")
    return str(properties.get("query", "")) if isinstance(properties, Mapping) else ""
