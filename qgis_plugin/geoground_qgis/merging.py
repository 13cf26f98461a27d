"""The merged results of a run in the place of the provisional ones, which go when their successors are there."""

from __future__ import annotations

from itertools import islice

from qgis.core import QgsFeature, QgsFeatureRequest, QgsRectangle, QgsSpatialIndex, QgsVectorLayer

from . import results

SAME_PLACE = 0.5
"""Overlap (intersection over union of bounds) from which a merged result is the same as a provisional one."""
TRIES = 5
Bounds = tuple[float, float, float, float]
"""Left, bottom, right, top. Numbers, because Python's search for circles visits each object of Qt again and again."""
IN_STEP = 300
"""Rows that are taken away at once."""


class Replacement:
    """New rows of one layer for old ones.

    New rows are added first; then ``step`` takes the old ones away, a few at a time, after their verdicts and their
    selection went over to the new rows in the same place. What the user drew or changed by hand stays, and takes the
    place of what would be new there. So a layer that lives in a file is complete whenever the program ends.
    """

    def __init__(self, layer: QgsVectorLayer, old: dict[int, Bounds]) -> None:
        """Take the bounds of the old rows by id."""
        self.old = old
        self.new: dict[int, Bounds] = {}
        """Bounds of the rows that are there to stay."""
        self._tries = TRIES
        self._index = QgsSpatialIndex()
        self._selected = set(layer.selectedFeatureIds())

    def add(self, rows: dict[int, Bounds]) -> None:
        """Note new rows."""
        for row, bounds in rows.items():
            self._index.addFeature(row, QgsRectangle(*bounds))
        self.new.update(rows)

    def step(self, layer: QgsVectorLayer) -> bool:
        """Take some old rows away; whether there are more."""
        ids = list(islice(self.old, IN_STEP))
        index = layer.fields().indexOf("review")
        request = QgsFeatureRequest().setFilterFids(ids).setFlags(QgsFeatureRequest.Flag.NoGeometry)
        rows = list(layer.getFeatures(request))
        if len(rows) < len(ids) and self._tries:  # cut off by a connection that closed, or rows that are gone
            self._tries -= 1
            return True
        self._tries = TRIES
        verdicts: dict[int, dict[int, object]] = {}
        gone, selected = set(ids), list[int]()
        for row in rows:
            successor = self._successor(self.old[row.id()])
            if row["outline"] == results.DRAWN:
                gone ^= self._keep(row.id(), successor)
            elif successor is not None:
                if row["review"] in (results.ACCEPTED, results.REJECTED):
                    verdicts[successor] = {index: row["review"]}
                if row.id() in self._selected:
                    selected.append(successor)
        if verdicts:
            layer.dataProvider().changeAttributeValues(verdicts)
        layer.dataProvider().deleteFeatures(list(gone))
        if self._selected & gone:
            layer.selectByIds([one for one in layer.selectedFeatureIds() if one not in gone] + selected)
        for row_id in ids:
            del self.old[row_id]
        return bool(self.old)

    def _keep(self, row: int, successor: int | None) -> set[int]:
        """Let an old row stay in the place of a new one; the rows whose fate that changes."""
        self.new[row] = self.old[row]
        if successor is None:
            return {row}
        del self.new[successor]
        return {row, successor}

    def _successor(self, bounds: Bounds) -> int | None:
        """The new row in the same place."""
        best, found = SAME_PLACE, None
        for row in self._index.intersects(QgsRectangle(*bounds)):
            share = overlap(bounds, self.new[row]) if row in self.new else 0.0
            if share >= best:
                best, found = share, row
        return found


def bounds_of(feature: QgsFeature) -> Bounds:
    """Bounds of the shape of a feature."""
    box = feature.geometry().boundingBox()
    return box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()


def overlap(one: Bounds, other: Bounds) -> float:
    """Intersection over union of two rectangles."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (_area(one) + _area(other) - width * height)


def _area(box: Bounds) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
