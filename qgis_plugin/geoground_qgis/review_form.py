"""The widgets of the tab that reviews, without behaviour."""

from __future__ import annotations

from qgis.core import QgsMapLayerProxyModel
from qgis.gui import QgsMapLayerComboBox
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from . import results
from .messages import tr


class ReviewForm(QWidget):
    """Which layer, the score slider, facts and reasoning of a result, verdicts, *Save as*."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._build()

    def _build(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.choice = QgsMapLayerComboBox()
        self.choice.setFilters(QgsMapLayerProxyModel.Filter.PolygonLayer)
        self.choice.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.earlier = QToolButton()
        self.earlier.setText(tr("Earlier"))
        self.earlier.setToolTip(tr("Open results that were kept before"))
        self.earlier.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.earlier.setMenu(QMenu(self.earlier))
        choice = QHBoxLayout()
        choice.addWidget(self.choice, 1)
        choice.addWidget(self.earlier)
        form.addRow(tr("Results"), choice)
        score = QHBoxLayout()
        self.slider, self.threshold = QSlider(Qt.Orientation.Horizontal), QLabel("0.00")
        self.slider.setRange(0, 100)
        self.slider.setToolTip(tr("Results that score lower are hidden, not deleted"))
        score.addWidget(self.slider)
        score.addWidget(self.threshold)
        form.addRow(tr("Hide below"), score)
        layout.addLayout(form)
        self.counts = _plain_label()
        layout.addWidget(self.counts)

        moves = QHBoxLayout()
        self.previous, self.next = QPushButton(tr("◀ Previous")), QPushButton(tr("Next ▶"))
        self.zoom_button = QToolButton()
        self.zoom_button.setText(tr("Zoom"))
        self.pick_button = QToolButton()
        self.pick_button.setText(tr("Pick"))
        self.pick_button.setToolTip(tr("Click a result on the map to review it"))
        self.pick_button.setCheckable(True)
        for widget in (self.previous, self.zoom_button, self.pick_button, self.next):
            moves.addWidget(widget)
        layout.addLayout(moves)
        self.facts = _plain_label()
        layout.addWidget(self.facts)
        layout.addWidget(QLabel(tr("Reasoning")))
        self.reasoning = QPlainTextEdit()
        self.reasoning.setReadOnly(True)
        self.reasoning.setPlaceholderText(tr("Select a result on the map, or press Next."))
        layout.addWidget(self.reasoning, 1)

        verdicts = QHBoxLayout()
        self.accept, self.reject = QPushButton(tr("✔ Accept")), QPushButton(tr("✘ Reject"))
        self.reopen, self.undo_button = QToolButton(), QToolButton()
        self.reopen.setText(tr("Reopen"))
        self.reopen.setToolTip(tr("Neither accepted nor rejected"))
        self.undo_button.setText(tr("Undo"))
        self.undo_button.setToolTip(tr("Take the last verdict back, and go back to its result (key U)"))
        for widget in (self.accept, self.reject, self.reopen, self.undo_button):
            verdicts.addWidget(widget)
        layout.addLayout(verdicts)
        self.step_on = QCheckBox(tr("Then go to the next open one"))
        self.step_on.setChecked(True)
        layout.addWidget(self.step_on)
        self.labels = QCheckBox(tr("Scores on the map"))
        self.labels.setToolTip(tr("From 1:1500"))
        layout.addWidget(self.labels)
        self.save = QPushButton(tr("Save as"))
        menu = QMenu(self.save)
        for which, title in (
            (results.ALL, tr("All results")),
            (results.SHOWN, tr("What is not hidden")),
            (results.ACCEPTED, tr("Accepted ones")),
        ):
            formats = menu.addMenu(title)
            for driver, label in (
                ("GPKG", tr("GeoPackage…")),
                ("GeoJSON", tr("GeoJSON…")),
                ("FlatGeobuf", tr("FlatGeobuf…")),
                ("ESRI Shapefile", tr("Shapefile (texts are cut at 254 characters)…")),
                ("KML", tr("KML…")),
            ):
                formats.addAction(label).setData((driver, which))
        self.save.setMenu(menu)
        layout.addWidget(self.save)


def _plain_label() -> QLabel:
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label
