"""Widgets that several panels show, made in one way."""

from __future__ import annotations

from qgis.gui import QgsMapLayerComboBox
from qgis.PyQt.QtCore import QSize, Qt
from qgis.PyQt.QtGui import QPaintEvent, QShowEvent
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
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


class Page(QScrollArea):
    """As wide as what it holds, in every theme, and with a bar where it is too high."""

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setWidget(content)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Of the content in the theme of today: a style sheet makes it wider when it is shown, not when it is made."""
        width = self.widget().minimumSizeHint().width() + self.verticalScrollBar().sizeHint().width()
        return QSize(width, super().minimumSizeHint().height())

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Ask for the width again."""
        super().showEvent(event)
        self.updateGeometry()


def column_with_foot(widget: QWidget) -> tuple[QVBoxLayout, QVBoxLayout]:
    """The layout of a tab with a foot: the column scrolls where it is too high, and the foot stays in sight."""
    outer, content, below = QVBoxLayout(widget), QWidget(), QWidget()
    outer.setContentsMargins(0, 0, 0, 0)
    outer.setSpacing(0)
    outer.addWidget(Page(content), 1)
    below.setAutoFillBackground(True)  # in the colour of what scrolls
    outer.addWidget(below)
    foot = QVBoxLayout(below)
    foot.setContentsMargins(6, 4, 6, 6)
    return column(content), foot


class ReadingBox(QPlainTextEdit):
    """A text to be read: three lines where room is short, and what room there is elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.setReadOnly(True)
        self.setMinimumHeight(3 * self.fontMetrics().lineSpacing() + 12)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As high as it must be; Qt would have a page of text first, and push what is below out of sight."""
        return QSize(super().sizeHint().width(), self.minimumHeight())


def layer_box(kind: object) -> QgsMapLayerComboBox:
    """A choice of the layers of a kind (``QgsMapLayerProxyModel.Filter``)."""
    return _prepared(QgsMapLayerComboBox(), kind)


def kept_layer_box(kind: object) -> KeptLayerBox:
    """As ``layer_box``, for layers that decide what is asked or learned: none takes the place of one that is gone."""
    return _prepared(KeptLayerBox(), kind)


def _prepared(box: QgsMapLayerComboBox, kind: object) -> QgsMapLayerComboBox:
    box.setFilters(kind)
    shrinking(box)
    return box


class KeptLayerBox(QgsMapLayerComboBox):
    """Nothing is chosen where the layer that was is removed; QGIS would choose its neighbour."""

    def __init__(self) -> None:
        super().__init__()
        self._chosen = ""
        self.layerChanged.connect(self._note)
        self.currentIndexChanged.connect(self._note)  # QGIS says nothing where it chooses the neighbour

    def choose_none(self) -> None:
        """The entry for no layer, where there is one, or nothing at all."""
        self.setCurrentIndex(0 if self.allowEmptyLayer() else -1)
        self.layerChanged.emit(self.currentLayer())

    def _note(self, *_: object) -> None:
        listed = {layer.id() for layer in map(self.layer, range(self.count())) if layer is not None}
        gone = self._chosen and self._chosen not in listed
        layer = self.currentLayer()
        self._chosen = layer.id() if layer is not None and not gone else ""
        if gone:
            self.choose_none()


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
    return box


def outline_box() -> QComboBox:
    """Boxes, outlines, outlines with right angles, turned boxes."""
    box = QComboBox()
    for outline, label in zip(OUTLINES, outline_labels()):
        box.addItem(label, outline)
    box.setToolTip(tr("Outlines can be simplified in the tab Review, without asking again"))
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
