"""The results of a layer by score, read in slices, so that a hundred thousand of them do not stop the interface."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Mapping
from typing import Any

from qgis.core import QgsFeatureRequest, QgsVectorLayer
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from . import results

SLICE_S = 0.02
NO_SCORE = 1.0
"""Results without a score are always shown, so they count as sure."""


class Ranking(QObject):
    """Ids in falling order of score, with the verdicts that were given."""

    changed = pyqtSignal()
    """The ranking is complete again, or a verdict was given."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._read)
        self._iterator: Any = None
        self._reading: list[tuple[float, int]] = []
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
        return len(self._ids)

    def load(self, layer: QgsVectorLayer | None) -> None:
        """Read a layer again; until ``changed`` comes, the old ranking stands."""
        self.stop()
        self._reading, self._reading_verdicts = [], {}
        if layer is None:
            self._take()
            return
        fields = layer.fields()
        wanted = [fields.indexOf("score"), fields.indexOf("review")]
        request = QgsFeatureRequest().setFlags(QgsFeatureRequest.Flag.NoGeometry).setSubsetOfAttributes(wanted)
        self._iterator = layer.getFeatures(request)
        self._timer.start()

    def stop(self) -> None:
        """Read no further."""
        self._timer.stop()
        self._iterator = None

    def shown(self, threshold: float) -> list[int]:
        """Ids of the results that score at least ``threshold``, best first."""
        return self._ids[: self._count_shown(threshold)]

    def step(self, current: int | None, by: int, threshold: float) -> int | None:
        """The id so many places further among those shown, around the end; None where nothing is shown."""
        count = self._count_shown(threshold)
        if not count:
            return None
        place = self._places.get(current, count) if current is not None else count
        if place >= count:
            return self._ids[0 if by > 0 else count - 1]
        return self._ids[(place + by) % count]

    def next_open(self, after: int, threshold: float) -> int | None:
        """The next id without a verdict among those shown, around the end."""
        count = self._count_shown(threshold)
        start = self._places.get(after, -1) + 1
        for offset in range(count):
            candidate = self._ids[(start + offset) % count]
            if candidate != after and not self._verdicts.get(candidate):
                return candidate
        return None

    def counts(self, threshold: float) -> dict[str, int]:
        """How many results are accepted, rejected, open, and hidden by the threshold."""
        count = self._count_shown(threshold)
        shown = [verdict for one, verdict in self._verdicts.items() if self._places.get(one, count) < count]
        accepted, rejected = shown.count(results.ACCEPTED), shown.count(results.REJECTED)
        return {
            "accepted": accepted,
            "rejected": rejected,
            "open": count - accepted - rejected,
            "hidden": len(self._ids) - count,
        }

    def only_shown(self, ids: list[int], threshold: float) -> list[int]:
        """Those of the ids that score at least ``threshold``."""
        count = self._count_shown(threshold)
        return [one for one in ids if self._places.get(one, count) < count]

    def judge(self, verdicts: Mapping[int, str]) -> None:
        """Note verdicts without reading the layer again."""
        self._verdicts.update(verdicts)
        self._reading_verdicts.update(verdicts)
        self.changed.emit()

    def _count_shown(self, threshold: float) -> int:
        return bisect_right(self._keys, -threshold)

    def _read(self) -> None:
        begin = time.monotonic()
        for feature in self._iterator:
            score, verdict = feature["score"], feature["review"]
            key = float(score) if isinstance(score, (int, float)) else NO_SCORE
            self._reading.append((-key, feature.id()))
            if verdict in (results.ACCEPTED, results.REJECTED):
                self._reading_verdicts[feature.id()] = verdict
            if time.monotonic() - begin > SLICE_S:
                return
        self.stop()
        self._take()

    def _take(self) -> None:
        self._reading.sort()
        self._keys = [key for key, _ in self._reading]
        self._ids = [one for _, one in self._reading]
        self._places = {one: place for place, one in enumerate(self._ids)}
        self._verdicts = self._reading_verdicts
        self._reading, self._reading_verdicts = [], {}
        self.changed.emit()
