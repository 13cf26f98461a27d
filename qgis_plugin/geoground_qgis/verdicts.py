"""Verdicts on results, and taking them back."""

from __future__ import annotations

from collections.abc import Mapping

from qgis.core import QgsFeatureRequest, QgsVectorLayer

from . import results
from .messages import tr

MOST_STEPS = 1_000
"""Steps that can be taken back."""


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

    def take_back(self, layer: QgsVectorLayer) -> dict[int, str]:
        """The verdicts to write again, of the last step whose results are still there; empty where there is none."""
        while self._steps:
            step = self._steps.pop()
            there = verdicts_of(layer, list(step))
            if there:
                return {one: step[one] for one in there}
        return {}
