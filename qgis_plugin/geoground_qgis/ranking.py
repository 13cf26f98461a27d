"""The results of a layer by score, read in slices, so that a hundred thousand of them do not stop the interface."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import Any

from qgis.core import QgsFeatureRequest, QgsVectorLayer
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from . import results

SLICE_S = 0.02
NO_SCORE = 1.0
"""Results without a score are always shown, so they count as sure."""


Sifted = tuple[list[float], list[int], dict[int, int]]


class Ranking(QObject):
    """Ids in falling order of score, with the verdicts that were given."""

    changed = pyqtSignal()
    """The ranking is complete again."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._read)
        self._iterator: Any = None
        self._reading: list[tuple[float, int, float | None]] = []
        self._rows: list[tuple[float, int, float | None]] = []
        self._shown = results.Shown()
        self._sorted, self._ended = 0, False
        self._sifted: Sifted | None = None
        self._reading_verdicts: dict[int, str] = {}
        self._keys: list[float] = []
        self._ids: list[int] = []
        self._places: dict[int, int] = {}
        self._verdicts: dict[int, str] = {}

    @property
    def busy(self) -> bool:
        """Whether the layer is still being read."""
        return self._iterator is not None

    @property
    def total(self) -> int:
        """Results in the layer."""
        return len(self._rows)

    @property
    def scores(self) -> list[float]:
        """Of all results, in falling order."""
        return [-key for key, _, _ in self._rows]

    def show_only(self, shown: results.Shown) -> None:
        """Count and step among these results; the threshold alone costs next to nothing."""
        sizes = self._shown.smallest, self._shown.largest
        self._shown = shown
        if sizes != (shown.smallest, shown.largest):
            self._keys, self._ids, self._places = self._sift(self._rows)
            self._sifted = None  # of what is being read as well

    def load(self, layer: QgsVectorLayer | None) -> None:
        """Read a layer again; until ``changed`` comes, the old ranking stands."""
        self.stop()
        self._reading, self._reading_verdicts, self._sorted, self._ended = [], {}, 0, False
        self._sifted = None
        if layer is None:
            self._sifted = self._sift([])
            self._finish()
            return
        fields = layer.fields()
        wanted = [fields.indexOf(name) for name in ("score", "review", "area_m2")]
        request = QgsFeatureRequest().setFlags(QgsFeatureRequest.Flag.NoGeometry).setSubsetOfAttributes(wanted)
        self._iterator = layer.getFeatures(request)
        self._timer.start()

    def stop(self) -> None:
        """Read no further."""
        self._timer.stop()
        self._iterator = None

    def shown(self) -> list[int]:
        """Ids of the results that are shown, best first."""
        return self._ids[: self._count_shown()]

    def step(self, current: int | None, by: int) -> int | None:
        """The id so many places further among those shown, around the end; None where nothing is shown."""
        count = self._count_shown()
        if not count:
            return None
        place = self._places.get(current, count) if current is not None else count
        if place >= count:
            return self._ids[0 if by > 0 else count - 1]
        return self._ids[(place + by) % count]

    def next_open(self, after: int, by: int = 1) -> int | None:
        """The next id without a verdict among those shown, around the end; ``by`` -1 goes to surer ones."""
        count = self._count_shown()
        start = self._places.get(after, -1) + by
        for offset in range(count):
            candidate = self._ids[(start + by * offset) % count]
            if candidate != after and not self._verdicts.get(candidate):
                return candidate
        return None

    def counts(self) -> dict[str, int]:
        """How many results are accepted, rejected, open, and hidden."""
        count = self._count_shown()
        shown = [verdict for one, verdict in self._verdicts.items() if self._places.get(one, count) < count]
        accepted, rejected = shown.count(results.ACCEPTED), shown.count(results.REJECTED)
        return {
            "accepted": accepted,
            "rejected": rejected,
            "open": count - accepted - rejected,
            "hidden": len(self._rows) - count,
        }

    def only_shown(self, ids: list[int]) -> list[int]:
        """Those of the ids that are shown."""
        count = self._count_shown()
        return [one for one in ids if self._places.get(one, count) < count]

    def known(self, ids: Iterable[int]) -> list[int]:
        """Those of the ids that are in the layer and not hidden by their size."""
        return [one for one in ids if one in self._places]

    def verdicts(self, ids: Iterable[int]) -> dict[int, str]:
        """The verdicts on results, as far as they are known here."""
        return {one: self._verdicts.get(one, results.OPEN) for one in ids}

    def judge(self, verdicts: Mapping[int, str]) -> None:
        """Note verdicts without reading the layer again."""
        self._verdicts.update(verdicts)
        self._reading_verdicts.update(verdicts)

    def _count_shown(self) -> int:
        return bisect_right(self._keys, -self._shown.score)

    def _sift(self, rows: list[tuple[float, int, float | None]]) -> Sifted:
        """Leave out what is too small or too large: keys, ids, and the place of each id."""
        least, most = self._shown.smallest, self._shown.largest
        kept = [row for row in rows if row[2] is None or least <= row[2] <= most]
        ids = [row[1] for row in kept]
        return [row[0] for row in kept], ids, {one: place for place, one in enumerate(ids)}

    def _read(self) -> None:
        begin = time.monotonic()
        if self._ended:
            self._finish()
            return
        for feature in self._iterator:
            score, verdict, area = feature["score"], feature["review"], feature["area_m2"]
            key = float(score) if isinstance(score, (int, float)) else NO_SCORE
            self._reading.append((-key, feature.id(), float(area) if isinstance(area, (int, float)) else None))
            if verdict in (results.ACCEPTED, results.REJECTED):
                self._reading_verdicts[feature.id()] = verdict
            if time.monotonic() - begin > SLICE_S:
                self._reading[self._sorted :] = sorted(self._reading[self._sorted :])
                self._sorted = len(self._reading)
                return
        self._reading.sort()  # of sorted runs, which is fast; ids differ, so that areas are never compared
        self._ended = True  # the rest when the interface had its turn

    def _finish(self) -> None:
        """Take what was read, in two steps, between which the interface has its turn."""
        if self._sifted is None:
            self._sifted = self._sift(self._reading)
            return
        self.stop()
        self._rows, self._verdicts = self._reading, self._reading_verdicts
        self._keys, self._ids, self._places = self._sifted
        self._reading, self._reading_verdicts, self._sifted = [], {}, None
        self.changed.emit()
