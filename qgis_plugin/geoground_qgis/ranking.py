"""The results of a layer by score, read in slices, so that a hundred thousand of them do not stop the interface."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qgis.core import QgsFeatureRequest, QgsVectorLayer
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from . import results
from .verdicts import CODES, Verdicts, array_of, verdict_of

SLICE_S = 0.02
NO_SCORE = 1.0
"""Results without a score are always shown, so they count as sure."""
NOWHERE = np.iinfo(np.int64).max
"""The place of a result that is not there, or hidden by its size."""
TRIES, AGAIN_MS = 5, 200
"""A file that someone else closes at that moment can be cut off while it is read: it is then read again."""
Row = tuple[float, int, float, int]
"""Falling score, id, area in m² (NaN: unknown) and verdict of a result."""


class Ranking(QObject):
    """Ids in falling order of score, with the verdicts that were given; in arrays, which take next to no time."""

    changed = pyqtSignal()
    """The ranking is complete again."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._read)
        self._iterator: Any = None
        self._layer: QgsVectorLayer | None = None
        self._tries = TRIES
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(AGAIN_MS)
        self._again.timeout.connect(self._start)
        self._read_rows: list[NDArray[np.float64]] = []
        self._given: list[Verdicts] = []
        """Verdicts that came while the layer was read: rows that were read before do not have them."""
        self._shown = results.Shown()
        self._visited: tuple[float, int] | None = None
        """Falling score and id of the result that was looked at last."""
        self._read_id = ""
        self._take([])

    @property
    def busy(self) -> bool:
        """Whether the layer is still being read."""
        return self._iterator is not None or self._again.isActive()

    @property
    def total(self) -> int:
        """Results in the layer."""
        return len(self._keys)

    @property
    def scores(self) -> NDArray[np.float64]:
        """Of all results, in falling order."""
        return -self._keys

    def show_only(self, shown: results.Shown) -> None:
        """Count and step among these results."""
        self._shown = shown
        self._sift()

    def load(self, layer: QgsVectorLayer | None) -> None:
        """Read a layer again; until ``changed`` comes, the old ranking stands."""
        self.stop()
        self._read_rows, self._given = [], []
        if layer is None or layer.id() != self._read_id:
            self._visited = None
        if layer is None:
            self._take([])
            self.changed.emit()
            return
        self._layer, self._tries, self._read_id = layer, TRIES, layer.id()
        self._start()

    def _start(self) -> None:
        layer = self._layer
        if layer is None:
            return
        self._read_rows = []
        fields = layer.fields()
        wanted = [fields.indexOf(name) for name in ("score", "review", "area_m2")]
        request = QgsFeatureRequest().setFlags(QgsFeatureRequest.Flag.NoGeometry).setSubsetOfAttributes(wanted)
        self._iterator = layer.getFeatures(request)
        self._timer.start()

    def stop(self) -> None:
        """Read no further."""
        self._timer.stop()
        self._again.stop()
        self._iterator = self._layer = None

    def shown(self) -> list[int]:
        """Ids of the results that are shown, best first."""
        found: list[int] = self._shown_ids.tolist()
        return found

    def visit(self, current: int | None) -> None:
        """A result is looked at: once it is deleted, hidden or not selected any more, one goes on from there."""
        rows, there = self._find(array_of([] if current is None else [current]))
        if there.any():
            self._visited = (float(self._keys[rows[0]]), int(self._ids[rows[0]]))

    def step(self, current: int | None, by: int) -> int | None:
        """The id so many places further among those shown, around the end; None where nothing is shown."""
        count = len(self._shown_ids)
        if not count:
            return None
        place = int(self._places([current])[0]) if current is not None else NOWHERE
        if place >= count:
            place = self._beside_visited(by)
        return int(self._shown_ids[(place + by) % count])

    def _beside_visited(self, by: int) -> int:
        """The place of the result that was looked at last, or the one from which a step goes to its neighbour."""
        before = -1 if by > 0 else 0
        if self._visited is None:
            return before
        key, visited = self._visited
        keys = self._keys[self._rows[: len(self._shown_ids)]]
        first, end = np.searchsorted(keys, key, "left"), np.searchsorted(keys, key, "right")
        place = int(first + np.searchsorted(self._shown_ids[first:end], visited))
        there = place < end and self._shown_ids[place] == visited
        return place if there else place + before

    def next_open(self, after: int, by: int = 1) -> int | None:
        """The next id without a verdict among those shown, around the end; ``by`` -1 goes to surer ones."""
        count = len(self._shown_ids)
        place = int(self._places([after])[0])
        start = (place if place < count else -1) + by
        order = (start + by * np.arange(count)) % max(1, count)
        open_ids = self._shown_ids[order][self._codes[self._rows[order]] == CODES[results.OPEN]]
        open_ids = open_ids[open_ids != after]
        return int(open_ids[0]) if len(open_ids) else None

    def counts(self) -> dict[str, int]:
        """How many results are accepted, rejected, open, and hidden."""
        count = len(self._shown_ids)
        by_code = np.bincount(self._codes[self._rows[:count]], minlength=len(CODES))
        accepted, rejected = (int(by_code[CODES[verdict]]) for verdict in (results.ACCEPTED, results.REJECTED))
        return {
            "accepted": accepted,
            "rejected": rejected,
            "open": count - accepted - rejected,
            "hidden": self.total - count,
        }

    def only_shown(self, ids: Iterable[int]) -> NDArray[np.int64]:
        """Those of the ids that are shown; of rows so new that they were not read yet, it is assumed."""
        wanted = array_of(ids)
        _, there = self._find(wanted)
        return wanted[~there | (self._places(wanted) < len(self._shown_ids))]

    def known(self, verdicts: Verdicts) -> Verdicts:
        """Those of the verdicts whose results are in the layer and not hidden by their size."""
        return verdicts.only(self._places(verdicts.ids) < NOWHERE)

    def verdicts(self, ids: NDArray[np.int64]) -> Verdicts:
        """The verdicts on results, as far as they are known here."""
        rows, there = self._find(ids)
        return Verdicts(
            ids, np.where(there, self._codes[rows] if self.total else 0, CODES[results.OPEN]).astype(np.int8)
        )

    def judge(self, verdicts: Verdicts) -> None:
        """Note verdicts without reading the layer again."""
        self._note(verdicts)
        if self.busy:
            self._given.append(verdicts)

    def _note(self, verdicts: Verdicts) -> None:
        rows, there = self._find(verdicts.ids)
        self._codes[rows[there]] = verdicts.codes[there]

    def _find(self, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The row of each id, and whether there is one."""
        if not self.total:
            return np.zeros(len(ids), np.int64), np.zeros(len(ids), bool)
        at = np.minimum(np.searchsorted(self._sorted_ids, ids), self.total - 1)
        return self._by_id[at], self._sorted_ids[at] == ids

    def _places(self, ids: Iterable[int]) -> NDArray[np.int64]:
        """The place of each id among the results that are not hidden by their size."""
        rows, there = self._find(array_of(ids))
        return np.where(there, self._place[rows] if self.total else 0, NOWHERE)

    def _read(self) -> None:
        begin = time.monotonic()
        rows: list[Row] = []
        for feature in self._iterator:
            score, verdict, area = feature["score"], feature["review"], feature["area_m2"]
            key = float(score) if isinstance(score, (int, float)) else NO_SCORE
            size = float(area) if isinstance(area, (int, float)) else np.nan
            rows.append((-key, feature.id(), size, CODES[verdict_of(verdict)]))
            if time.monotonic() - begin > SLICE_S:
                self._read_rows.append(np.array(rows, np.float64))  # ids are exact up to 2^53
                return
        self._read_rows.append(np.array(rows, np.float64))
        read = sum(map(len, self._read_rows))
        if self._tries and self._layer is not None and read < self._layer.featureCount():
            self._tries -= 1
            self._timer.stop()
            self._iterator = None
            self._again.start()
            return
        self._take(self._read_rows)
        self.stop()
        for verdicts in self._given:
            self._note(verdicts)
        self._read_rows, self._given = [], []
        self.changed.emit()

    def _take(self, parts: list[NDArray[np.float64]]) -> None:
        """Rows that were read, as columns in falling order of score, and of ids where scores are the same."""
        rows = np.concatenate([np.empty((0, 4)), *(part.reshape(-1, 4) for part in parts)])
        order = np.lexsort((rows[:, 1], rows[:, 0]))
        self._keys, self._ids = rows[order, 0], rows[order, 1].astype(np.int64)
        self._areas, self._codes = rows[order, 2], rows[order, 3].astype(np.int8)
        self._by_id = np.argsort(self._ids)
        self._sorted_ids = self._ids[self._by_id]
        self._sift()

    def _sift(self) -> None:
        """Leave out what is too small or too large, and what scores too low."""
        fits = np.isnan(self._areas) | ((self._areas >= self._shown.smallest) & (self._areas <= self._shown.largest))
        self._rows = np.flatnonzero(fits)
        self._place = np.full(self.total, NOWHERE)
        self._place[self._rows] = np.arange(len(self._rows))
        count = bisect_right(self._keys[self._rows], -self._shown.score)
        self._shown_ids = self._ids[self._rows[:count]]
