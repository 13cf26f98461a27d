"""Verdicts on results, and taking them back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from qgis.core import QgsFeatureRequest, QgsVectorLayer
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from . import results
from .messages import tr

MOST_STEPS = 1_000
"""Steps that can be taken back."""
AT_ONCE = 1_000
"""More verdicts are written in slices."""
LEAST_IN_SLICE, MOST_IN_SLICE, SLICE_S = 1_000, 20_000, 0.03


def set_review(layer: QgsVectorLayer, verdicts: Mapping[int, str]) -> bool:
    """Write verdicts by id: one step of the edit buffer where the user is editing, else straight into the layer.

    Returns:
        Whether all were written; a file may be read-only.
    """
    index = layer.fields().indexOf("review")
    if layer.isEditable():
        layer.beginEditCommand(tr("Review of {n} results").format(n=len(verdicts)))
        written = True
        for one, verdict in verdicts.items():
            written = layer.changeAttributeValue(one, index, verdict) and written
        layer.endEditCommand()
    else:
        written = layer.dataProvider().changeAttributeValues(
            {one: {index: verdict} for one, verdict in verdicts.items()}
        )
    layer.triggerRepaint()
    return bool(written)


def verdicts_of(layer: QgsVectorLayer, ids: list[int]) -> dict[int, str]:
    """The verdicts on results that are there."""
    request = QgsFeatureRequest().setFilterFids(ids).setFlags(QgsFeatureRequest.Flag.NoGeometry)
    found = ((feature.id(), feature["review"]) for feature in layer.getFeatures(request))
    return {one: verdict if isinstance(verdict, str) else results.OPEN for one, verdict in found}


class Bulk(QObject):
    """Verdicts on very many results, written straight into a layer in slices, so that the interface never waits."""

    progressed = pyqtSignal(int)
    """Verdicts written so far."""
    ended = pyqtSignal(object)
    """The verdicts that were written; where the layer refused some, not all of them."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._layer: QgsVectorLayer | None = None
        self._waiting: list[tuple[int, str]] = []
        self._written: dict[int, str] = {}
        self._size = LEAST_IN_SLICE
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._work)

    @property
    def busy(self) -> bool:
        """Whether verdicts are being written."""
        return self._layer is not None

    def start(self, layer: QgsVectorLayer, verdicts: Mapping[int, str]) -> None:
        """Write verdicts by id; the layer cannot be edited meanwhile."""
        self._layer, self._written = layer, {}
        self._waiting = list(verdicts.items())
        layer.willBeDeleted.connect(self.stop)
        results.hold(layer, results.FILLING)
        self._timer.start()

    def stop(self) -> None:
        """Write no more; what is written stays."""
        layer, self._layer = self._layer, None
        self._timer.stop()
        self._waiting = []
        if layer is not None:
            layer.willBeDeleted.disconnect(self.stop)
            results.release(layer)

    def _work(self) -> None:
        layer, begin = self._layer, time.monotonic()
        if layer is None:
            return
        index = layer.fields().indexOf("review")
        part, self._waiting = self._waiting[: self._size], self._waiting[self._size :]
        written = layer.dataProvider().changeAttributeValues({one: {index: verdict} for one, verdict in part})
        if written:
            self._written.update(part)
            self.progressed.emit(len(self._written))
        seconds = max(time.monotonic() - begin, 1e-4)
        self._size = max(LEAST_IN_SLICE, min(MOST_IN_SLICE, round(self._size * min(2.0, SLICE_S / seconds))))
        if not self._waiting or not written:
            self.stop()
            layer.triggerRepaint()
            self.ended.emit(self._written)


class History:
    """The verdicts that were there before each step, latest last."""

    def __init__(self) -> None:
        self._steps: list[dict[int, str]] = []

    def __len__(self) -> int:
        return len(self._steps)

    def add(self, before: dict[int, str]) -> None:
        """Note a step."""
        self._steps = [*self._steps[-MOST_STEPS + 1 :], before]

    def clear(self) -> None:
        """Forget all steps."""
        self._steps = []

    def take_back(self, layer: QgsVectorLayer, known: Callable[[Iterable[int]], list[int]]) -> dict[int, str]:
        """The verdicts to write again, of the last step whose results are still there; empty where there is none.

        ``known`` says which of very many are there, where to ask the layer would take too long.
        """
        while self._steps:
            step = self._steps.pop()
            there = known(step) if len(step) > AT_ONCE else verdicts_of(layer, list(step))
            if there:
                return {one: step[one] for one in there}
        return {}
