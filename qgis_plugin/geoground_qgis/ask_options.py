"""The options of a question: model, one or all, resolution, lowest score."""

from __future__ import annotations

from qgis.gui import QgsCollapsibleGroupBox
from qgis.PyQt.QtWidgets import QComboBox, QDoubleSpinBox, QFormLayout, QSizePolicy, QWidget

from .messages import tr


class AskOptions(QgsCollapsibleGroupBox):
    """A group that can be folded away."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Options"), parent)
        form = QFormLayout(self)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.model, self.task = QComboBox(), QComboBox()
        self.task.addItem(tr("everything that fits"), "detect")
        self.task.addItem(tr("the one object described"), "refer")
        self.resolution = QDoubleSpinBox()
        self.resolution.setRange(0.0, 1000.0)
        self.resolution.setDecimals(3)
        self.resolution.setSingleStep(0.1)
        self.resolution.setSuffix(" m")
        self.resolution.setSpecialValueText(tr("automatic"))
        self.resolution.setToolTip(tr("Ground size of a pixel that the model sees; automatic: what suits the model"))
        self.min_score = QDoubleSpinBox()
        self.min_score.setRange(-0.01, 1.0)
        self.min_score.setDecimals(2)
        self.min_score.setSingleStep(0.05)
        self.min_score.setSpecialValueText(tr("automatic"))
        self.min_score.setToolTip(tr("Results that score lower are left out; automatic: what suits the model"))
        for widget in (self.model, self.task, self.resolution, self.min_score):
            widget.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        form.addRow(tr("Model"), self.model)
        form.addRow(tr("Find"), self.task)
        form.addRow(tr("Ground resolution"), self.resolution)
        form.addRow(tr("Lowest score"), self.min_score)
