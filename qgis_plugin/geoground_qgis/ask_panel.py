"""The tab that asks: raster, questions, extent, options, estimate, Run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import QgsProject, QgsRasterLayer, QgsVectorLayer
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import Qt, QTimer, pyqtSignal
from qgis.PyQt.QtGui import QKeySequence
from qgis.PyQt.QtWidgets import QWidget

from . import demo, settings
from .area_choice import AreaAsked
from .area_tool import DrawnArea
from .ask_form import AskForm
from .compat import QAction, QShortcut
from .forms import score_of, set_score
from .messages import PROBLEM, duration, literal, short, tr
from .question import MAX_QUESTION_CHARS, MAX_QUESTIONS, Ask, contexts_in
from .rasters import WARN_PIXELS, LayerError, OutsideError, Source, describe_source
from .unfinished import Unfinished

SETTLE_MS = 400
"""An estimate is made when nothing has changed for so long."""


class AskPanel(AskForm):
    """Everything that a question needs; the panel knows nothing about the engine."""

    run_requested = pyqtSignal()
    cancel_requested = pyqtSignal()
    settings_requested = pyqtSignal()
    resume_requested = pyqtSignal(object)
    """A run that ended early is to go on: its ``Unfinished``."""
    forget_requested = pyqtSignal()
    """The runs that ended early are not wanted any more."""
    plan_edit_requested = pyqtSignal()
    estimate_wanted = pyqtSignal()
    """What is asked for has changed and settled."""

    def __init__(self, canvas: QgsMapCanvas, parent: QWidget | None = None) -> None:
        super().__init__(canvas, parent)
        self._canvas = canvas
        self.plans: dict[str, dict[str, Any]] = {}
        """Plans that the user changed, by question."""
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self.estimate_wanted)
        self._running = False
        self._more: list[str] = []
        self.set_running(False)
        self.offer_resume([])
        self.show_understood([])
        self._connect()
        self.take_settings()

    # What the user has entered

    @property
    def drawn(self) -> DrawnArea:
        """The area that the user draws."""
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
        area, examples = self.area.area(), self.like.examples()
        return [
            Ask(
                source=source,
                questions=tuple(questions),
                task=self.task.currentData(),
                model=self.model.currentData() or settings.Settings().model,
                resolution_m=self.resolution.value(),
                min_score=score_of(self.min_score),
                outline=self.outline.currentData(),
                area=area,
                examples=examples,
                contexts=contexts_in(questions, QgsProject.instance()),
                plans={question: self.plans[question] for question in questions if question in self.plans},
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
        self.server_rasters.take_settings()
        self.task.setCurrentIndex(max(0, self.task.findData(chosen.task)))
        self.resolution.setValue(chosen.resolution_m)
        set_score(self.min_score, chosen.min_score)
        self.outline.setCurrentIndex(max(0, self.outline.findData(chosen.outline)))
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
        self._say_once()

    def describe_plan(self, plan: dict[str, Any], sources: list[Source]) -> None:
        """Show chips and time, what is exported first, and the bands and limits that the engine gets."""
        chips, seconds = int(plan.get("chips", 0)), plan.get("seconds")
        text = tr("1 chip") if chips == 1 else tr("{n} chips").format(n=f"{chips:,}")
        to_send = int(plan.get("upload_bytes", 0))
        if to_send:
            text = tr("Run sends the raster to the server first ({mb} MB).").format(mb=max(1, to_send // 1_000_000))
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

    def offer_resume(self, runs: list[Unfinished]) -> None:
        """Offer to continue runs that ended early, the newest first; none takes the offer away."""
        self.resume_box.setVisible(bool(runs))
        menu = self.unfinished.menu()
        menu.clear()
        for run in runs:
            menu.addAction(short(run.text(), 80).replace("&", "&&")).setData(run)
        if runs:
            menu.addSeparator()
            menu.addAction(tr("Forget them"))
            self.resume_button.setText(tr("Continue: {run}").format(run=short(runs[0].text(), 80)))
            self.resume_button.setToolTip(literal(runs[0].text()))

    def show_understood(self, lines: list[str], *, problem: bool = False) -> None:
        """How the questions are understood, in plain words."""
        self.understood.setText("\n".join(lines))
        self.understood.setVisible(bool(lines))
        self.understood.setStyleSheet(PROBLEM if problem else "")
        self.edit_plan.setVisible(bool(lines) and not problem)
        self._say_once()

    def _say_once(self) -> None:
        """Where the engine refuses the words and the estimate for the same reason, the one with the way out stays."""
        if self.estimate.property("problem") and self.understood.text().split() == self.estimate.text().split():
            self.understood.setVisible(False)

    def take_examples(self, layer: QgsVectorLayer, question: str, selected_only: bool) -> None:
        """Look for what is like results of a layer; the user presses Run."""
        self.like.choose(layer, selected_only=selected_only)
        self.question.setPlainText(question)

    def set_running(self, running: bool) -> None:
        """Switch between asking and running."""
        self._running = running
        self.run_button.setVisible(not running)
        self.cancel_button.setVisible(running)
        self.cancel_button.setEnabled(running)
        self.cancel_button.setText(tr("Cancel"))
        self.progress.setVisible(running)
        self.progress.setRange(0, 0)
        self.show_status(tr("Starting…"))
        for widget in (self.layer, self.more, self.question, self.edit_plan, self.area, self.like, self.options):
            widget.setEnabled(not running)
        self.resume_box.setEnabled(not running)

    def show_progress(self, done: int, total: int, found: int) -> None:
        """Chips done of all, and how many results so far."""
        self._end_status()
        self.progress.setRange(0, max(1, total))
        self.progress.setValue(done)
        self.progress.setFormat(
            tr("{done} of {total} chips, {found} found before merging").format(
                done=f"{done:,}", total=f"{total:,}", found=f"{found:,}"
            )
        )

    def show_status(self, text: str) -> None:
        """What the engine is doing before the first chip; many styles show no text in a bar that has no end yet."""
        self.progress.setFormat(text)
        if self._running and self.progress.maximum() == 0:
            self.show_estimate(text)

    def _end_status(self) -> None:
        if self._running and self.estimate.text() == self.progress.format():
            self.show_estimate("")

    def show_share(self, text: str, share: float) -> None:
        """Progress of something that is no chip, such as an export."""
        self._end_status()
        self.progress.setRange(0, 100)
        self.progress.setValue(round(share * 100))
        self.progress.setFormat(text)

    def close_tools(self) -> None:
        """Take everything off the map, and let go of map and project."""
        self._settle.stop()
        self.area.close_tools()

    def _connect(self) -> None:
        self.run_button.clicked.connect(self.run_requested)
        self.open_settings.clicked.connect(self.settings_requested)
        self.resume_button.clicked.connect(self._resume_newest)
        self.unfinished.menu().triggered.connect(self._resume_chosen)
        self.edit_plan.clicked.connect(self.plan_edit_requested)
        for keys in ("Ctrl+Return", "Ctrl+Enter"):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(self.run_button.click)
        self.cancel_button.clicked.connect(self._ask_to_cancel)
        self.history.menu().aboutToShow.connect(self._fill_history)
        self.history.menu().triggered.connect(self._add_question)
        self.layer.layerChanged.connect(self._changed)
        self.layer.currentIndexChanged.connect(self._changed)  # says nothing where one is removed
        self.question.textChanged.connect(self._changed)
        self.model.currentIndexChanged.connect(self._changed)
        self.task.currentIndexChanged.connect(self._changed)
        self.resolution.valueChanged.connect(self._changed)
        self.area.changed.connect(self._changed)
        self.like.changed.connect(self._changed)
        self.demo.clicked.connect(self.load_demo)
        self.server_rasters.chosen.connect(self.layer.setLayer)
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
            layer = demo.load(QgsProject.instance(), self._canvas)
        except LayerError as error:
            self.show_estimate(str(error), problem=True)
            return
        self.layer.setLayer(layer)
        if not self.questions():
            self.question.setPlainText(demo.QUESTION)

    def _resume_newest(self) -> None:
        self._resume_chosen(self.unfinished.menu().actions()[0])

    def _resume_chosen(self, action: QAction) -> None:
        if isinstance(action.data(), Unfinished):
            self.resume_requested.emit(action.data())
        else:
            self.forget_requested.emit()

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
