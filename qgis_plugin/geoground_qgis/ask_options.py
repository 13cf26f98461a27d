"""The options of a question: model, one or all, outlines, resolution, lowest score."""

from __future__ import annotations

from qgis.gui import QgsCollapsibleGroupBox
from qgis.PyQt.QtWidgets import QComboBox, QWidget

from .forms import form, outline_box, resolution_box, score_box, shrinking, task_box
from .messages import tr


class AskOptions(QgsCollapsibleGroupBox):
    """A group that can be folded away."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Options"), parent)
        self.model, self.task, self.outline = QComboBox(), task_box(), outline_box()
        self.resolution, self.min_score = resolution_box(), score_box()
        shrinking(self.model)
        layout = form(self)
        layout.setRowWrapPolicy(layout.RowWrapPolicy.DontWrapRows)  # five lines, not eight: all can be seen at once
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addRow(tr("Model"), self.model)
        layout.addRow(tr("Find"), self.task)
        layout.addRow(tr("Draw"), self.outline)
        layout.addRow(tr("Ground resolution"), self.resolution)
        layout.addRow(tr("Lowest score"), self.min_score)
