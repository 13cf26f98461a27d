"""The tab that asks: raster, questions, extent, options, estimate, Run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import QgsMapLayerProxyModel, QgsProject, QgsRasterLayer
from qgis.gui import QgsMapCanvas, QgsMapLayerComboBox
from qgis.PyQt.QtCore import Qt, QTimer, pyqtSignal
from qgis.PyQt.QtGui import QKeySequence
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from . import demo, settings
from .area_choice import AreaAsked, AreaChoice
from .ask_options import AskOptions
from .compat import QAction, QShortcut
from .extent_tool import DrawnExtent
from .messages import PROBLEM, duration, literal, short, tr
from .question import MAX_QUESTION_CHARS, MAX_QUESTIONS, Ask
from .rasters import WARN_PIXELS, LayerError, OutsideError, Source, describe_source, to_crs

SETTLE_MS = 400
"""An estimate is made when nothing has changed for so long."""


class AskPanel(QWidget):
    """Everything that a question needs; the panel knows nothing about the engine."""

    run_requested = pyqtSignal()
    cancel_requested = pyqtSignal()
    settings_requested = pyqtSignal()
    resume_requested = pyqtSignal()
    estimate_wanted = pyqtSignal()
    """What is asked for has changed and settled."""

    def __init__(self, canvas: QgsMapCanvas, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self.estimate_wanted)
        self._running = False
        self._more: list[str] = []
        self._build()
        self._connect()
        self.take_settings()

    # What the user has entered

    @property
    def drawn(self) -> DrawnExtent:
        """The rectangle that the user draws."""
        return self.area.drawn

    def asks(self) -> list[Ask]:
        """What is entered, checked: one request a raster.

        Raises:
            LayerError: a layer or the area cannot be used, or there is no question.
        """
        questions = self.questions()
        if not questions:
            raise LayerError(tr("Type what to look for, such as: airplane"))
        if len(questions) > MAX_QUESTIONS:
            raise LayerError(tr("At most {n} questions fit one run.").format(n=MAX_QUESTIONS))
        if any(len(question) > MAX_QUESTION_CHARS for question in questions):
            raise LayerError(tr("A question may have at most {n} characters.").format(n=MAX_QUESTION_CHARS))
        area = self.area.area()
        return [
            Ask(
                source=source,
                questions=tuple(questions),
                task=self.task.currentData(),
                model=self.model.currentData() or settings.Settings().model,
                resolution_m=self.resolution.value(),
                min_score=self.min_score.value() if self.min_score.value() > self.min_score.minimum() else -1.0,
                area=area,
            )
            for source in self.sources(area)
        ]

    def questions(self) -> list[str]:
        """The lines of the question box, each once."""
        lines = (line.strip() for line in self.question.toPlainText().splitlines())
        return list(dict.fromkeys(line for line in lines if line))

    def rasters(self) -> list[QgsRasterLayer]:
        """The raster in the box, then the others that are ticked."""
        first = self.layer.currentLayer()
        rest = [QgsProject.instance().mapLayer(one) for one in self._more]
        return [one for one in (first, *rest) if isinstance(one, QgsRasterLayer)]

    def sources(self, area: AreaAsked) -> list[Source]:
        """The rasters, and the part of each that is asked about; with several, those that the area misses are left out.

        Raises:
            LayerError: one cannot be used.
        """
        rasters = self.rasters() or [None]
        found = []
        for raster in rasters:
            try:
                found.append(describe_source(raster, area.extent, area.crs, resolution_m=self.resolution.value()))
            except OutsideError:
                if len(rasters) == 1:
                    raise
        if not found:
            raise LayerError(tr("The area lies beside every raster that is chosen."))
        return found

    def large_export_allowed(self) -> bool:
        """Whether the user has agreed to a large export."""
        return self.allow_export.isChecked()

    # What others show in the panel

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

    def show_estimate(self, text: str, *, problem: bool = False, engine: bool = False) -> None:
        """A line above the button: chips and time, or why it cannot run; a problem of the ``engine`` has a way out."""
        self.open_settings.setVisible(engine)
        self.estimate.setText(text)
        self.estimate.setProperty("problem", problem)
        self.estimate.setStyleSheet(PROBLEM if problem else "")

    def describe_plan(self, plan: dict[str, Any], sources: list[Source]) -> None:
        """Show chips and time, what is exported first, and the bands and limits that the engine gets."""
        chips, seconds = int(plan.get("chips", 0)), plan.get("seconds")
        text = tr("1 chip") if chips == 1 else tr("{n} chips").format(n=f"{chips:,}")
        if isinstance(seconds, (int, float)) and seconds > 0:
            text += tr(", about {time}").format(time=duration(seconds))
        if len(sources) > 1:
            text = tr("{n} rasters: {text}").format(n=len(sources), text=text)
        lines = [text, *(self.describe_export(source) for source in sources if source.path is None)]
        shown = [source.appearance.text() for source in sources]
        self.show_estimate("\n".join(dict.fromkeys(line for line in (*lines, *shown) if line)))

    def describe_export(self, source: Source) -> str:
        """What an export means."""
        columns, rows = source.export_px
        return tr("Not a plain file: {c} × {r} pixels are first exported (up to {mb} MB).").format(
            c=f"{columns:,}", r=f"{rows:,}", mb=f"{max(1, source.pixels * 4 // 1_000_000):,}"
        )

    def show_problem(self, text: str, *, serious: bool) -> None:
        """Why it cannot run: a line above the button, which is greyed; red where more than a question is missing."""
        self.show_estimate(text, problem=serious)
        self.run_button.setEnabled(False)
        self.run_button.setToolTip(text)

    def show_ready(self) -> None:
        """Nothing is missing."""
        self.show_estimate("")
        self.run_button.setEnabled(True)
        self.run_button.setToolTip(tr("Ctrl+Enter"))

    def offer_large_export(self, sources: list[Source]) -> None:
        """Ask for consent to a large export, or take the question away."""
        large = any(source.pixels > WARN_PIXELS for source in sources)
        if self.allow_export.isVisibleTo(self) and not large:
            self.allow_export.setChecked(False)
        self.allow_export.setVisible(large)

    def offer_resume(self, text: str) -> None:
        """Offer to continue a run that ended early; an empty text takes the offer away."""
        self.resume_button.setVisible(bool(text))
        self.resume_button.setText(tr("Continue: {run}").format(run=short(text, 40)))
        self.resume_button.setToolTip(literal(text))

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
        for widget in (self.layer, self.more, self.question, self.area, self.options, self.resume_button):
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
        self.area.close_tools()

    # Building

    def _build(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.layer = QgsMapLayerComboBox()
        self.layer.setFilters(QgsMapLayerProxyModel.Filter.RasterLayer)
        self.layer.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.more = QToolButton()
        self.more.setText("+")
        self.more.setToolTip(tr("Ask about more rasters in the same run"))
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setMenu(QMenu(self.more))
        rasters = QHBoxLayout()
        rasters.addWidget(self.layer, 1)
        rasters.addWidget(self.more)
        form.addRow(tr("Raster"), rasters)
        self.demo = QPushButton(tr("Load a demo raster"))
        form.addRow("", self.demo)
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

        self.area = AreaChoice(self._canvas)
        layout.addWidget(self.area)
        self.options = AskOptions()
        self.model, self.task = self.options.model, self.options.task
        self.resolution, self.min_score = self.options.resolution, self.options.min_score
        layout.addWidget(self.options)

        self.estimate = QLabel()
        self.estimate.setTextFormat(Qt.TextFormat.PlainText)
        self.estimate.setWordWrap(True)
        layout.addWidget(self.estimate)
        self.open_settings = QPushButton(tr("Open settings…"))
        self.open_settings.setVisible(False)
        layout.addWidget(self.open_settings)
        self.allow_export = QCheckBox(tr("Export anyway"))
        self.allow_export.setVisible(False)
        layout.addWidget(self.allow_export)
        self.progress = QProgressBar()
        self.progress.setTextVisible(True)
        layout.addWidget(self.progress)
        self.run_button, self.cancel_button = QPushButton(tr("Run")), QPushButton(tr("Cancel"))
        self.run_button.setDefault(True)
        layout.addWidget(self.run_button)
        layout.addWidget(self.cancel_button)
        self.resume_button = QPushButton()
        self.resume_button.setVisible(False)
        layout.addWidget(self.resume_button)
        layout.addStretch(1)
        self.set_running(False)

    def _connect(self) -> None:
        self.run_button.clicked.connect(self.run_requested)
        self.open_settings.clicked.connect(self.settings_requested)
        self.resume_button.clicked.connect(self.resume_requested)
        for keys in ("Ctrl+Return", "Ctrl+Enter"):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(self.run_button.click)
        self.cancel_button.clicked.connect(self._ask_to_cancel)
        self.history.menu().aboutToShow.connect(self._fill_history)
        self.history.menu().triggered.connect(self._add_question)
        self.layer.layerChanged.connect(self._changed)
        self.question.textChanged.connect(self._changed)
        self.model.currentIndexChanged.connect(self._changed)
        self.task.currentIndexChanged.connect(self._changed)
        self.resolution.valueChanged.connect(self._changed)
        self.area.changed.connect(self._changed)
        self.demo.clicked.connect(self.load_demo)
        self.more.menu().aboutToShow.connect(self._fill_more)
        self.more.menu().triggered.connect(self._tick_more)

    def _changed(self, *_: object) -> None:
        self.demo.setVisible(self.layer.currentLayer() is None)
        if not self._running:
            self.run_button.setEnabled(True)  # until the check says what is missing
            self._settle.start()

    def load_demo(self) -> None:
        """Add the demo raster, show it, and enter a question about it; everything else is left to the user."""
        try:
            layer = demo.load(QgsProject.instance())
        except LayerError as error:
            self.show_estimate(str(error), problem=True)
            return
        self.layer.setLayer(layer)
        if not self.questions():
            self.question.setPlainText(demo.QUESTION)
        if not self._canvas.mapSettings().destinationCrs().isValid():
            self._canvas.setDestinationCrs(layer.crs())
        try:
            self._canvas.setExtent(to_crs(layer.extent(), layer.crs(), self._canvas.mapSettings().destinationCrs()))
        except LayerError:
            return
        self._canvas.refresh()

    def _fill_more(self) -> None:
        menu = self.more.menu()
        menu.clear()
        for layer in QgsProject.instance().mapLayers().values():
            if isinstance(layer, QgsRasterLayer) and layer is not self.layer.currentLayer():
                action = menu.addAction(short(layer.name()).replace("&", "&&"))
                action.setCheckable(True)
                action.setChecked(layer.id() in self._more)
                action.setData(layer.id())
        if menu.isEmpty():
            menu.addAction(tr("no other raster")).setEnabled(False)

    def _tick_more(self, action: QAction) -> None:
        self.set_more(
            [*self._more, action.data()] if action.isChecked() else [i for i in self._more if i != action.data()]
        )

    def set_more(self, layer_ids: list[str]) -> None:
        """Ask about these rasters as well."""
        self._more = list(dict.fromkeys(layer_ids))
        self.more.setText(f"+{len(self._more)}" if self._more else "+")
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
