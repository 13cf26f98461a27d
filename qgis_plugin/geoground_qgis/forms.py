"""Widgets that several panels show, made in one way."""

from __future__ import annotations

from qgis.gui import QgsMapLayerComboBox
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QPaintEvent
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QStyle,
    QStyleOptionButton,
    QStylePainter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from .choices import OUTLINES, TASKS, outline_labels, task_labels
from .messages import tr


def column(widget: QWidget) -> QVBoxLayout:
    """The layout of a tab: one thing below the other."""
    layout = QVBoxLayout(widget)
    layout.setContentsMargins(6, 6, 6, 6)
    return layout


def form(parent: QWidget | None = None) -> QFormLayout:
    """Labels on the left, fields that take the rest of the width, or go below their label where that is too little."""
    layout = QFormLayout() if parent is None else QFormLayout(parent)
    layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    layout.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
    return layout


def plain_label(text: str = "") -> QLabel:
    """Words from outside, shown as they are, over as many lines as they need."""
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label


def shrinking(widget: QWidget) -> QWidget:
    """The widget; its contents never make the panel wider."""
    widget.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return widget


class ShortenedButton(QPushButton):
    """A button with words from outside, which end in … where it is too narrow for them."""

    def __init__(self) -> None:
        super().__init__()
        shrinking(self)

    def shown(self) -> str:
        """The text as it is painted."""
        room = self.width() - 2 * self.fontMetrics().averageCharWidth()
        return str(self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room))

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint as Qt does, with the shorter text."""
        option = QStyleOptionButton()
        self.initStyleOption(option)
        option.text = self.shown()
        QStylePainter(self).drawControl(QStyle.ControlElement.CE_PushButton, option)


def layer_box(kind: object) -> QgsMapLayerComboBox:
    """A choice of the layers of a kind (``QgsMapLayerProxyModel.Filter``)."""
    box = QgsMapLayerComboBox()
    box.setFilters(kind)
    shrinking(box)
    return box


def tool(text: str, tip: str = "") -> QToolButton:
    """A small button with a text."""
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tip)
    return button


def menu_button(text: str, tip: str) -> QToolButton:
    """A small button that opens its menu."""
    button = tool(text, tip)
    button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
    button.setMenu(QMenu(button))
    return button


def task_box() -> QComboBox:
    """Everything, or the one object described."""
    box = QComboBox()
    for task, label in zip(TASKS, task_labels()):
        box.addItem(label, task)
    shrinking(box)
    return box


def outline_box() -> QComboBox:
    """Boxes, outlines, outlines with right angles, turned boxes."""
    box = QComboBox()
    for outline, label in zip(OUTLINES, outline_labels()):
        box.addItem(label, outline)
    box.setToolTip(tr("Outlines can be simplified in the tab Review, without asking again"))
    shrinking(box)
    return box


def resolution_box() -> QDoubleSpinBox:
    """Metres a pixel; 0 is automatic."""
    box = QDoubleSpinBox()
    box.setRange(0.0, 1000.0)
    box.setDecimals(3)
    box.setSingleStep(0.1)
    box.setSuffix(" m")
    box.setSpecialValueText(tr("automatic"))
    box.setToolTip(tr("Ground size of a pixel that the model sees; automatic: what suits the model"))
    shrinking(box)
    return box


def score_box() -> QDoubleSpinBox:
    """A score; its lowest value is automatic."""
    box = QDoubleSpinBox()
    box.setRange(-0.01, 1.0)
    box.setDecimals(2)
    box.setSingleStep(0.05)
    box.setSpecialValueText(tr("automatic"))
    box.setToolTip(tr("Results that score lower are left out; automatic: what suits the model"))
    shrinking(box)
    return box


def score_of(box: QDoubleSpinBox) -> float:
    """What is entered; -1 is automatic."""
    return box.value() if box.value() > box.minimum() else -1.0


def set_score(box: QDoubleSpinBox, score: float) -> None:
    """Enter a score, or -1 for automatic."""
    box.setValue(score if score >= 0 else box.minimum())
