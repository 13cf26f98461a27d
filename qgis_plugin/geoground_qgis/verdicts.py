"""Verdicts on results, and taking them back."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qgis.core import QgsFeatureRequest, QgsVectorLayer
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from . import results, saving
from .messages import tr

MOST_STEPS = 1_000
"""Steps that can be taken back."""
AT_ONCE = 1_000
"""More verdicts are written in slices."""
LEAST_IN_SLICE, MOST_IN_SLICE, SLICE_S = 500, 2_000, 0.015
WAITS_S = (0.0, 0.02, 0.06)
"""A file that something else is writing to at that moment is tried again."""
CODES = {verdict: code for code, verdict in enumerate(results.VERDICTS)}
"""Verdicts as small numbers."""


def verdict_of(value: object) -> str:
    """The verdict that an attribute holds: anything else that someone wrote there counts as open."""
    return value if isinstance(value, str) and value in CODES else results.OPEN


def array_of(ids: Iterable[int]) -> NDArray[np.int64]:
    """Ids as an array."""
    if isinstance(ids, np.ndarray):
        return ids
    return np.fromiter(ids, np.int64, len(ids) if isinstance(ids, Collection) else -1)


@dataclass(frozen=True, eq=False)
class Verdicts:
    """Verdicts by id, in arrays: there may be a hundred thousand of them."""

    ids: NDArray[np.int64]
    codes: NDArray[np.int8]
    """See ``CODES``."""

    @classmethod
    def of(cls, verdicts: Mapping[int, str]) -> Verdicts:
        """From a dictionary."""
        codes = np.fromiter((CODES[verdict] for verdict in verdicts.values()), np.int8, len(verdicts))
        return cls(array_of(verdicts), codes)

    @classmethod
    def same(cls, ids: NDArray[np.int64], verdict: str) -> Verdicts:
        """One verdict on many results."""
        return cls(ids, np.full(len(ids), CODES[verdict], np.int8))

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[tuple[int, str]]:
        """Pairs of id and verdict."""
        return zip(self.ids.tolist(), (results.VERDICTS[code] for code in self.codes.tolist()))

    def only(self, which: Any) -> Verdicts:
        """Those of a slice or a mask."""
        which = np.array(which, bool) if isinstance(which, list) else which
        return Verdicts(self.ids[which], self.codes[which])

    def within(self, others: Verdicts) -> Verdicts:
        """Those whose results are among those of others."""
        return self.only(np.isin(self.ids, others.ids))

    def changing(self, before: Verdicts) -> Verdicts:
        """Those that say something else than was said before."""
        said = dict(zip(before.ids.tolist(), before.codes.tolist()))
        return self.only([said.get(one) != code for one, code in zip(self.ids.tolist(), self.codes.tolist())])


def set_review(layer: QgsVectorLayer, verdicts: Verdicts) -> bool:
    """Write verdicts by id: one step of the edit buffer where the user is editing, else straight into the layer.

    Returns:
        Whether all were written; a file may be read-only.
    """
    index = layer.fields().indexOf("review")
    if layer.isEditable():
        layer.beginEditCommand(tr("Review of {n} results").format(n=len(verdicts)))
        written = True
        for one, verdict in verdicts:
            written = layer.changeAttributeValue(one, index, verdict) and written
        layer.endEditCommand()
    else:
        values = {one: {index: verdict} for one, verdict in verdicts}
        written = any(_written(layer, values, wait) for wait in WAITS_S)
    layer.triggerRepaint()
    return bool(written)


def _written(layer: QgsVectorLayer, values: Mapping[int, Mapping[int, str]], wait_s: float) -> bool:
    time.sleep(wait_s)
    return saving.writable_now(layer) and bool(layer.dataProvider().changeAttributeValues(values))


def verdicts_of(layer: QgsVectorLayer, ids: NDArray[np.int64]) -> Verdicts:
    """The verdicts on results that are there."""
    request = QgsFeatureRequest().setFilterFids(ids.tolist()).setFlags(QgsFeatureRequest.Flag.NoGeometry)
    found = ((feature.id(), feature["review"]) for feature in layer.getFeatures(request))
    return Verdicts.of({one: verdict_of(verdict) for one, verdict in found})


class Bulk(QObject):
    """Verdicts on very many results, written straight into a layer in slices, so that the interface never waits."""

    progressed = pyqtSignal(int)
    """Verdicts written so far."""
    ended = pyqtSignal(object)
    """The ``Verdicts`` that were written; where the layer refused some, not all of them."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._layer: QgsVectorLayer | None = None
        self._verdicts = Verdicts.of({})
        self._written = 0
        self._size = LEAST_IN_SLICE
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._work)

    @property
    def busy(self) -> bool:
        """Whether verdicts are being written."""
        return self._layer is not None

    def start(self, layer: QgsVectorLayer, verdicts: Verdicts) -> None:
        """Write verdicts; the layer cannot be edited meanwhile."""
        self._layer, self._verdicts, self._written = layer, verdicts, 0
        layer.willBeDeleted.connect(self.stop)
        results.hold(layer, results.FILLING)
        self._timer.start()

    def stop(self) -> None:
        """Write no more; what is written stays."""
        layer, self._layer = self._layer, None
        self._timer.stop()
        if layer is not None:
            layer.willBeDeleted.disconnect(self.stop)
            results.release(layer)

    def _work(self) -> None:
        layer, begin = self._layer, time.thread_time()  # of this program alone: others may hold it up
        if layer is None:
            return
        if self._written >= len(self._verdicts):  # after the last slice, so that the interface had its turn
            self._end(layer)
            return
        index = layer.fields().indexOf("review")
        part = self._verdicts.only(slice(self._written, self._written + self._size))
        values = {one: {index: verdict} for one, verdict in part}
        written = any(_written(layer, values, wait) for wait in WAITS_S)
        if written:
            self._written += len(part)
            self.progressed.emit(self._written)
        seconds = max(time.thread_time() - begin, 1e-4)
        self._size = max(LEAST_IN_SLICE, min(MOST_IN_SLICE, round(self._size * min(1.5, SLICE_S / seconds))))
        if not written:
            self._end(layer)

    def _end(self, layer: QgsVectorLayer) -> None:
        self.stop()
        layer.triggerRepaint()
        self.ended.emit(self._verdicts.only(slice(self._written)))


class History:
    """The verdicts that were there before each step, latest last."""

    def __init__(self) -> None:
        self._steps: list[Verdicts] = []

    def __len__(self) -> int:
        return len(self._steps)

    def add(self, before: Verdicts) -> None:
        """Note a step."""
        self._steps = [*self._steps[-MOST_STEPS + 1 :], before]

    def clear(self) -> None:
        """Forget all steps."""
        self._steps = []

    def take_back(self, layer: QgsVectorLayer, known: Callable[[Verdicts], Verdicts]) -> Verdicts:
        """The verdicts to write again, of the last step whose results are still there; none where there is no step.

        ``known`` says which of very many are there, where to ask the layer would take too long.
        """
        while self._steps:
            step = self._steps.pop()
            there = step.within(verdicts_of(layer, step.ids)) if len(step) <= AT_ONCE else known(step)
            if len(there):
                return there
        return Verdicts.of({})
