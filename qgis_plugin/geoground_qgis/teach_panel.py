"""The tab that teaches: a polygon layer with examples, a name, Train."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qgis.core import QgsMapLayerProxyModel, QgsRasterLayer, QgsVectorLayer
from qgis.gui import QgsFieldComboBox
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QWidget,
)

from .examples import Examples, examples_of
from .forms import column_with_foot, form, kept_layer_box, layer_box, plain_label
from .loss_plot import Curve
from .messages import PROBLEM, duration, tr
from .model_store import check_name
from .models_menu import ModelsMenu
from .rasters import LayerError

MIN_EXAMPLES = 3
GOOD_EXAMPLES = 10
LENGTHS = ((30, "a first look"), (80, "usual"), (240, "thorough"))
"""Steps of training, with a name."""


@dataclass(frozen=True)
class Lesson:
    """What the user wants to teach."""

    raster: QgsRasterLayer
    examples: Examples
    complete: bool
    """Everything around the examples is drawn as well."""
    expression: str
    field: str
    name: str
    steps: int
    method: str


class TeachPanel(QWidget):
    """Everything that a training needs; the panel knows nothing about the engine."""

    train_requested = pyqtSignal()
    cancel_requested = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._build()
        self.examples.layerChanged.connect(self._examples_chosen)
        self.train_button.clicked.connect(self.train_requested)
        self.cancel_button.clicked.connect(self._ask_to_cancel)
        self._examples_chosen()

    def lesson(self) -> Lesson:
        """What is entered, checked.

        Raises:
            LayerError: a layer is missing, examples are too few, or a name is not usable.
        """
        raster, layer = self.raster.currentLayer(), self.examples.currentLayer()
        if not isinstance(raster, QgsRasterLayer) or not raster.isValid():
            raise LayerError(tr("Choose the raster that the examples were drawn on."))
        if not isinstance(layer, QgsVectorLayer) or not layer.isValid():
            raise LayerError(tr("Choose a polygon layer with examples."))
        if not raster.crs().isValid():
            raise LayerError(
                tr("The layer “{name}” has no valid coordinate system. Set it in Layer Properties ▸ Source.").format(
                    name=raster.name()
                )
            )
        examples = examples_of(layer, selected_only=self.selected_only.isChecked())
        count = examples.count
        if count < MIN_EXAMPLES:
            raise LayerError(
                tr("{n} examples are too few; draw at least {least}, better {good}.").format(
                    n=count, least=MIN_EXAMPLES, good=GOOD_EXAMPLES
                )
            )
        expression, field = self.expression.text().strip(), self.field.currentField()
        if not expression and not field:
            raise LayerError(tr("Say what the examples are, such as: greenhouse"))
        name = check_name(self.name.text())
        return Lesson(
            raster=raster,
            examples=examples,
            complete=self.complete.isChecked(),
            expression=expression,
            field="" if expression else field,
            name=name,
            steps=int(self.length.currentData()),
            method=self.method.currentData(),
        )

    def set_running(self, running: bool) -> None:
        """Switch between entering and training."""
        self.train_button.setVisible(not running)
        self.cancel_button.setVisible(running)
        self.cancel_button.setEnabled(True)
        self.cancel_button.setText(tr("Cancel"))
        self.progress.setVisible(running)
        self.progress.setRange(0, 0)
        self.progress.setFormat(tr("Cutting the training set…"))
        if running:
            self.curve.say(self.progress.format())
        for widget in (
            *(self.raster, self.examples, self.draw_button, self.selected_only, self.complete),
            *(self.expression, self.field, self.name, self.length, self.method),
        ):
            widget.setEnabled(not running)

    def begin(self) -> None:
        """A training starts: an empty curve."""
        self.say("")
        self.curve.clear(tr("Reward") if self.method.currentData() == "grpo" else tr("Loss"))
        self.set_running(True)

    def show_event(self, event: dict[str, Any]) -> None:
        """Progress of training: step, steps and metrics."""
        step, steps = int(event.get("step", 0)), int(event.get("steps", 0))
        if steps > 0:
            self.progress.setRange(0, steps)
            self.progress.setValue(min(step, steps))
            text = tr("Step {step} of {steps}").format(step=step, steps=steps)
            seconds = event.get("seconds_left")
            if isinstance(seconds, (int, float)) and seconds > 0:
                text += tr(", about {time} left").format(time=duration(seconds))
            self.progress.setFormat(text)
        metric = event.get("reward") if self.method.currentData() == "grpo" else event.get("loss")
        if isinstance(metric, (int, float)):
            self.curve.add(step, float(metric))

    def show_status(self, text: str) -> None:
        """What goes on before the first step; many styles show no text in a bar that has no end yet."""
        self.progress.setFormat(text)
        self.curve.say(text)

    def say(self, text: str, *, problem: bool = False) -> None:
        """A line below the form."""
        self.message.setText(text)
        self.message.setStyleSheet(PROBLEM if problem else "")

    def _build(self) -> None:
        layout, foot = column_with_foot(self)
        layout.addWidget(
            plain_label(
                tr(
                    "Draw about ten examples of one kind of thing in a polygon layer, or accept results in the tab "
                    "Review, and train. The new model is then listed under Model in the tab Ask."
                )
            )
        )
        rows = form()
        self.raster = layer_box(QgsMapLayerProxyModel.Filter.RasterLayer)
        self.examples = kept_layer_box(QgsMapLayerProxyModel.Filter.PolygonLayer)
        self.draw_button = QPushButton(tr("Draw examples…"))
        self.draw_button.setToolTip(tr("Makes a layer for examples of this raster, and starts to draw in it"))
        self.selected_only = QCheckBox(tr("Selected"))
        self.complete = QCheckBox(tr("I drew every one in this area"))
        self.complete.setToolTip(
            tr("Ticked: what is not drawn there is something else. Else: what looks like them may be one of them.")
        )
        self.expression, self.field, self.name = QLineEdit(), QgsFieldComboBox(), QLineEdit()
        self.expression.setPlaceholderText(tr("greenhouse"))
        self.expression.setMaxLength(200)
        self.field.setAllowEmptyFieldName(True)
        self.name.setPlaceholderText(tr("my-greenhouses"))
        self.length = QComboBox()
        for steps, label in LENGTHS:
            self.length.addItem(tr("{label} ({n} steps)").format(label=tr(label), n=steps), steps)
        self.length.setCurrentIndex(1)
        self.method = QComboBox()
        self.method.addItem(tr("by example (SFT)"), "sft")
        self.method.addItem(tr("by reward (GRPO)"), "grpo")
        self.method.setToolTip(
            tr("By reward: sharpens what the model finds already. By example: teaches what it does not find at all.")
        )
        rows.addRow(tr("Raster"), self.raster)
        examples = QHBoxLayout()
        examples.addWidget(self.examples, 1)
        examples.addWidget(self.selected_only)
        rows.addRow(tr("Examples"), examples)
        rows.addRow("", self.draw_button)
        rows.addRow(self.complete)
        rows.addRow(tr("Label"), self.expression)
        rows.addRow(tr("or by field"), self.field)
        rows.addRow(tr("Name"), self.name)
        rows.addRow(tr("Method"), self.method)
        rows.addRow(tr("Length"), self.length)
        layout.addLayout(rows)
        self.curve = Curve()
        layout.addWidget(self.curve)
        self.models = ModelsMenu()
        layout.addWidget(self.models)
        self.models.said.connect(self._warn)
        layout.addStretch(1)
        self.message = plain_label()
        foot.addWidget(self.message)
        self.progress = QProgressBar()
        foot.addWidget(self.progress)
        self.train_button, self.cancel_button = QPushButton(tr("Train")), QPushButton(tr("Cancel"))
        foot.addWidget(self.train_button)
        foot.addWidget(self.cancel_button)
        self.set_running(False)

    def _examples_chosen(self, *_: object) -> None:
        layer = self.examples.currentLayer()
        self.field.setLayer(layer if isinstance(layer, QgsVectorLayer) else None)
        self.field.setField("")

    def _warn(self, text: str) -> None:
        self.say(text, problem=True)

    def _ask_to_cancel(self) -> None:
        self.cancel_button.setEnabled(False)
        self.cancel_button.setText(tr("Cancelling…"))
        self.cancel_requested.emit()
