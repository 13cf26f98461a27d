"""The tab that asks: raster, questions, extent, options, estimate, Run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgis.core import QgsCoordinateReferenceSystem, QgsMapLayerProxyModel, QgsProject, QgsRasterLayer, QgsRectangle
from qgis.gui import QgsCollapsibleGroupBox, QgsMapCanvas, QgsMapLayerComboBox
from qgis.PyQt.QtCore import Qt, QTimer, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QRadioButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from . import settings
from .compat import QAction
from .extent_tool import DrawnExtent
from .messages import PROBLEM, duration, short, tr
from .rasters import WARN_PIXELS, LayerError, Source, describe_source

SETTLE_MS = 400
"""An estimate is made when nothing has changed for so long."""
MAX_QUESTIONS = 64
MAX_QUESTION_CHARS = 500


@dataclass(frozen=True)
class Ask:
    """What the user wants to know."""

    source: Source
    questions: tuple[str, ...]
    task: str
    model: str
    resolution_m: float
    min_score: float
    """-1: what suits the model."""

    def params(self) -> dict[str, Any]:
        """The request for the engine, without what only the settings know."""
        box = self.source.extent
        params: dict[str, Any] = {
            "source": self.source.path,
            "expressions": list(self.questions),
            "task": self.task,
            "model": self.model,
            **self.source.appearance.params(),
        }
        if not self.source.whole and self.source.path is not None:
            params["bbox"] = [box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()]
        if self.resolution_m > 0:
            params["resolution_m"] = self.resolution_m
        if self.min_score >= 0:
            params["min_score"] = self.min_score
        return params


class AskPanel(QWidget):
    """Everything that a question needs; the panel knows nothing about the engine."""

    run_requested = pyqtSignal()
    cancel_requested = pyqtSignal()
    estimate_wanted = pyqtSignal()
    """What is asked for has changed and settled."""

    def __init__(self, canvas: QgsMapCanvas, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self.drawn = DrawnExtent(canvas, self)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self.estimate_wanted)
        self._running = False
        self._build()
        self._connect()
        self.take_settings()

    # What the user has entered

    def ask(self) -> Ask:
        """What is entered, checked.

        Raises:
            LayerError: the layer or the extent cannot be used, or there is no question.
        """
        questions = self.questions()
        if not questions:
            raise LayerError(tr("Type what to look for, such as: airplane"))
        if len(questions) > MAX_QUESTIONS:
            raise LayerError(tr("At most {n} questions fit one run.").format(n=MAX_QUESTIONS))
        if any(len(question) > MAX_QUESTION_CHARS for question in questions):
            raise LayerError(tr("A question may have at most {n} characters.").format(n=MAX_QUESTION_CHARS))
        return Ask(
            source=self.source(),
            questions=tuple(questions),
            task=self.task.currentData(),
            model=self.model.currentData() or settings.Settings().model,
            resolution_m=self.resolution.value(),
            min_score=self.min_score.value() if self.min_score.value() > self.min_score.minimum() else -1.0,
        )

    def questions(self) -> list[str]:
        """The lines of the question box, each once."""
        lines = (line.strip() for line in self.question.toPlainText().splitlines())
        return list(dict.fromkeys(line for line in lines if line))

    def source(self) -> Source:
        """The raster and the part of it that is asked about.

        Raises:
            LayerError: it cannot be used.
        """
        extent: QgsRectangle | None = None
        crs: QgsCoordinateReferenceSystem | None = None
        if self.by_canvas.isChecked():
            extent, crs = self._canvas.extent(), self._canvas.mapSettings().destinationCrs()
        elif self.by_drawing.isChecked():
            if self.drawn.extent is None:
                raise LayerError(tr("Draw a rectangle on the map first."))
            extent, crs = self.drawn.extent, self.drawn.crs
        layer = self.layer.currentLayer()
        raster = layer if isinstance(layer, QgsRasterLayer) else None
        return describe_source(raster, extent, crs, resolution_m=self.resolution.value())

    def large_export_allowed(self) -> bool:
        """Whether the user has agreed to a large export."""
        return self.allow_export.isChecked()

    # What others tell the panel

    def take_settings(self) -> None:
        """Fill the fields with the defaults of the settings page."""
        chosen = settings.load()
        self.task.setCurrentIndex(max(0, self.task.findData(chosen.task)))
        self.resolution.setValue(chosen.resolution_m)
        self.min_score.setValue(chosen.min_score if chosen.min_score >= 0 else self.min_score.minimum())
        self.set_models([], chosen.model)

    def set_models(self, names: list[str], chosen: str | None = None) -> None:
        """Offer these models; the one chosen stays chosen, even where it is not listed."""
        wanted = chosen or self.model.currentData() or settings.load().model
        self.model.blockSignals(True)
        self.model.clear()
        own = tr("the model of the server") if settings.load().server_url else tr("built-in")
        for name in dict.fromkeys([settings.Settings().model, *names, wanted]):
            builtin = name == settings.Settings().model
            self.model.addItem(own if builtin else short(Path(name).name or name), name)
        self.model.setCurrentIndex(max(0, self.model.findData(wanted)))
        self.model.blockSignals(False)
        self._changed()

    def show_estimate(self, text: str, *, problem: bool = False) -> None:
        """A line above the button: chips and time, or why it cannot run."""
        self.estimate.setText(text)
        self.estimate.setProperty("problem", problem)
        self.estimate.setStyleSheet(PROBLEM if problem else "")

    def describe_plan(self, plan: dict[str, Any], source: Source) -> None:
        """Show chips and time."""
        chips, seconds = int(plan.get("chips", 0)), plan.get("seconds")
        text = tr("1 chip") if chips == 1 else tr("{n} chips").format(n=f"{chips:,}")
        if isinstance(seconds, (int, float)) and seconds > 0:
            text += tr(", about {time}").format(time=duration(seconds))
        shown = source.appearance.text()
        if source.path is None:
            text += "\n" + self.describe_export(source)
        self.show_estimate(f"{text}\n{shown}" if shown else text)

    def describe_export(self, source: Source) -> str:
        """What an export means."""
        columns, rows = source.export_px
        return tr("Not a plain file: {c} × {r} pixels are first exported (up to {mb} MB).").format(
            c=f"{columns:,}", r=f"{rows:,}", mb=f"{max(1, source.pixels * 4 // 1_000_000):,}"
        )

    def offer_large_export(self, source: Source | None) -> None:
        """Ask for consent to a large export, or take the question away."""
        large = source is not None and source.pixels > WARN_PIXELS
        if self.allow_export.isVisibleTo(self) and not large:
            self.allow_export.setChecked(False)
        self.allow_export.setVisible(large)

    def set_running(self, running: bool) -> None:
        """Switch between asking and running."""
        self._running = running
        self.run_button.setVisible(not running)
        self.cancel_button.setVisible(running)
        self.cancel_button.setEnabled(running)
        self.cancel_button.setText(tr("Cancel"))
        self.progress.setVisible(running)
        self.progress.setRange(0, 0)
        self.progress.setFormat(tr("Starting…"))
        for widget in (self.layer, self.question, self.extent_box, self.options):
            widget.setEnabled(not running)

    def show_progress(self, done: int, total: int, found: int) -> None:
        """Chips done of all, and how many results so far."""
        self.progress.setRange(0, max(1, total))
        self.progress.setValue(done)
        self.progress.setFormat(
            tr("{done} of {total} chips, {found} found").format(
                done=f"{done:,}", total=f"{total:,}", found=f"{found:,}"
            )
        )

    def show_status(self, text: str) -> None:
        """What the engine is doing before the first chip."""
        self.progress.setFormat(text)

    def show_share(self, text: str, share: float) -> None:
        """Progress of something that is no chip, such as an export."""
        self.progress.setRange(0, 100)
        self.progress.setValue(round(share * 100))
        self.progress.setFormat(text)

    def close_tools(self) -> None:
        """Take everything off the map, and let go of map and project."""
        self._settle.stop()
        self._canvas.extentsChanged.disconnect(self._map_moved)
        QgsProject.instance().cleared.disconnect(self.drawn.clear)
        self.drawn.clear()

    # Building

    def _build(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.layer = QgsMapLayerComboBox()
        self.layer.setFilters(QgsMapLayerProxyModel.Filter.RasterLayer)
        self.layer.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        form.addRow(tr("Raster"), self.layer)
        layout.addLayout(form)

        head = QHBoxLayout()
        head.addWidget(QLabel(tr("What to look for")))
        head.addStretch(1)
        self.history = QToolButton()
        self.history.setText(tr("History"))
        self.history.setToolTip(tr("Questions asked before"))
        self.history.setAutoRaise(True)
        self.history.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.history.setMenu(QMenu(self.history))
        head.addWidget(self.history)
        layout.addLayout(head)
        self.question = QPlainTextEdit()
        self.question.setPlaceholderText(tr("airplane\nthe largest storage tank\n(one question a line)"))
        self.question.setTabChangesFocus(True)
        self.question.setFixedHeight(4 * self.question.fontMetrics().lineSpacing() + 12)
        layout.addWidget(self.question)

        self.extent_box = QWidget()
        extent = QHBoxLayout(self.extent_box)
        extent.setSpacing(4)
        extent.setContentsMargins(0, 0, 0, 0)
        extent.addWidget(QLabel(tr("Where")))
        self.by_layer, self.by_canvas = QRadioButton(tr("Layer")), QRadioButton(tr("View"))
        self.by_drawing = QRadioButton(tr("Drawn"))
        self.by_canvas.setToolTip(tr("What the map shows now"))
        self.draw_button = QToolButton()
        self.draw_button.setText("▭")
        self.draw_button.setToolTip(tr("Draw a rectangle on the map"))
        self._extents = QButtonGroup(self)
        for button in (self.by_layer, self.by_canvas, self.by_drawing):
            self._extents.addButton(button)
            extent.addWidget(button)
        extent.addWidget(self.draw_button)
        extent.addStretch(1)
        self.by_layer.setChecked(True)
        layout.addWidget(self.extent_box)
        layout.addWidget(self._build_options())

        self.estimate = QLabel()
        self.estimate.setTextFormat(Qt.TextFormat.PlainText)
        self.estimate.setWordWrap(True)
        layout.addWidget(self.estimate)
        self.allow_export = QCheckBox(tr("Export this much all the same"))
        self.allow_export.setVisible(False)
        layout.addWidget(self.allow_export)
        self.progress = QProgressBar()
        self.progress.setTextVisible(True)
        layout.addWidget(self.progress)
        self.run_button, self.cancel_button = QPushButton(tr("Run")), QPushButton(tr("Cancel"))
        self.run_button.setDefault(True)
        layout.addWidget(self.run_button)
        layout.addWidget(self.cancel_button)
        layout.addStretch(1)
        self.set_running(False)

    def _build_options(self) -> QgsCollapsibleGroupBox:
        self.options = QgsCollapsibleGroupBox(tr("Options"))
        form = QFormLayout(self.options)
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
        return self.options

    def _connect(self) -> None:
        self.run_button.clicked.connect(self.run_requested)
        self.cancel_button.clicked.connect(self._ask_to_cancel)
        self.draw_button.clicked.connect(self._start_drawing)
        self.drawn.drawn.connect(self._drawn)
        self.history.menu().aboutToShow.connect(self._fill_history)
        self.history.menu().triggered.connect(self._add_question)
        self.layer.layerChanged.connect(self._changed)
        self.question.textChanged.connect(self._changed)
        self.model.currentIndexChanged.connect(self._changed)
        self.task.currentIndexChanged.connect(self._changed)
        self.resolution.valueChanged.connect(self._changed)
        self._canvas.extentsChanged.connect(self._map_moved)
        self._extents.buttonClicked.connect(self._extent_chosen)
        QgsProject.instance().cleared.connect(self.drawn.clear)

    def _changed(self, *_: object) -> None:
        if not self._running:
            self._settle.start()

    def _map_moved(self) -> None:
        if self.by_canvas.isChecked():
            self._changed()

    def _extent_chosen(self, *_: object) -> None:
        self.drawn.show_mark(self.by_drawing.isChecked())
        if self.by_drawing.isChecked() and self.drawn.extent is None:
            self.drawn.start()
        self._changed()

    def _start_drawing(self) -> None:
        self.by_drawing.setChecked(True)
        self.drawn.start()

    def _drawn(self) -> None:
        self.by_drawing.setChecked(True)
        self.drawn.show_mark(True)
        self._changed()

    def _ask_to_cancel(self) -> None:
        self.cancel_button.setEnabled(False)
        self.cancel_button.setText(tr("Cancelling…"))
        self.cancel_requested.emit()

    def _fill_history(self) -> None:
        menu = self.history.menu()
        menu.clear()
        for question in settings.history():
            action = menu.addAction(short(question).replace("&", "&&"))
            action.setData(question)
        if menu.isEmpty():
            menu.addAction(tr("none yet")).setEnabled(False)
        else:
            menu.addSeparator()
            menu.addAction(tr("Forget them")).triggered.connect(settings.forget_history)

    def _add_question(self, action: QAction) -> None:
        lines, text = self.questions(), action.data()
        if text and text not in lines:
            self.question.setPlainText("\n".join([*lines, text]))
