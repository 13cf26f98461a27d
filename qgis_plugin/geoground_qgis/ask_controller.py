"""From the panel to the engine and back to the map: estimates, runs, results."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import Any

from qgis.core import Qgis, QgsApplication, QgsCoordinateReferenceSystem, QgsMessageLog, QgsProject
from qgis.gui import QgsMessageBar
from qgis.PyQt.QtCore import QObject, pyqtSignal

from . import settings
from .ask_panel import AskPanel
from .background import Calls, EngineTask, Input, clear_notice
from .engine_link import Link, failures, models_of
from .estimate import plan_all
from .keeping import Keeper, tables_for, usable
from .message_bar import say
from .messages import NAME, joined, short, tr
from .model_store import taught_by
from .outcome import outcome_of
from .plan_dialog import PlanDialog
from .question import Ask, with_files
from .rasters import WARN_PIXELS, LayerError, Source, wkt2
from .result_writer import ResultWriter
from .shaping import masks_file
from .understanding import Understood, understand
from .unfinished import OUTPUT, Unfinished, begin, kept_in, new_folder


class Asking(QObject):
    """One run at a time; every result is on the map as soon as the engine has sent it."""

    results_changed = pyqtSignal()
    """Results came, or a run ended."""
    layer_made = pyqtSignal(object)
    """The first layer of a run is on the map."""
    filled = pyqtSignal(object)
    """A run over one raster ended, and everything is on the map; its layers."""
    finished = pyqtSignal(str)
    """A run ended: ``done``, ``cancelled`` or ``failed``."""

    def __init__(self, panel: AskPanel, link: Link, bar: QgsMessageBar, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._panel, self._link, self._bar = panel, link, bar
        self._calls = Calls(self)
        self._task: EngineTask | None = None
        self._ended: tuple[str, EngineTask] | None = None
        self._waiting: deque[Ask] = deque()
        self._several = False
        """Several rasters are asked: each message names its own."""
        self._name = ""
        self._run: Unfinished | None = None
        """The run under way."""
        self._understood: list[Understood] = []
        self.last_message = ""
        """What was last said in the message bar."""
        self.writer: ResultWriter | None = None
        panel.estimate_wanted.connect(self.estimate)
        panel.run_requested.connect(self.run)
        panel.cancel_requested.connect(self.cancel)
        panel.plan_edit_requested.connect(self.edit_plan)
        QgsProject.instance().cleared.connect(self.abandon)

    @property
    def running(self) -> bool:
        """Whether a run is under way."""
        return self._task is not None

    def estimate(self) -> None:
        """Show how many chips and about how long, or what is missing; nothing is exported for it."""
        if self.running:
            return
        try:
            asks = self._panel.asks()
        except LayerError as error:
            self._panel.offer_large_export([])
            self._panel.show_understood([])
            self._panel.show_problem(
                str(error), serious=self._panel.layer.currentLayer() is not None and _serious(self._panel)
            )
            return
        sources = [ask.source for ask in asks]
        self._panel.offer_large_export(sources)
        self._panel.show_ready()
        if not settings.load().ready:
            return
        self._understand(asks[0])
        self._panel.show_estimate(tr("Counting chips…"))
        jobs = [(ask.params(), ask.outlines()) for ask in asks]
        self._calls.start(
            "plan",
            lambda cancelled: plan_all(self._link, jobs, cancelled),
            lambda plan: self._panel.describe_plan(plan, sources),
            lambda message, hint: self._panel.show_estimate(
                joined(message, hint, between="\n"), problem=True, engine=True
            ),
        )

    def _understand(self, ask: Ask) -> None:
        """Put the questions into plain words; examples are not described by words."""
        self._understood = []
        if ask.examples is not None:
            self._calls.stop("words")
            self._panel.show_understood([])
            return
        self._calls.start(
            "words",
            partial(understand, self._link, ask.questions, ask.plans, _nouns(ask)),
            self._take_words,
            lambda message, hint: self._panel.show_understood([joined(message, hint)] if message else [], problem=True),
        )

    def _take_words(self, found: list[Understood]) -> None:
        self._understood = found
        self._panel.show_understood([one.text() for one in found])

    def edit_plan(self) -> None:
        """Let the user change the plans of the questions."""
        try:
            nouns = _nouns(self._panel.asks()[0])
        except LayerError:
            return
        if self._understood:
            dialog = PlanDialog(self._link, self._understood, nouns, self._panel)
            if dialog.exec():
                self._panel.plans.update(dialog.changed)
                self.estimate()
            dialog.deleteLater()

    def load_models(self) -> None:
        """Fill the list of models, without waiting for it."""
        if settings.load().ready:
            self._calls.start(
                "models",
                lambda cancelled: self._link.call("models", {}, cancelled=cancelled),
                self._take_models,
                self._say_models_failed,
            )

    def run(self) -> None:
        """Start what is entered: one raster after the other."""
        if self.running:
            return
        try:
            asks = self._panel.asks()
            self._check_exports([ask.source for ask in asks])
        except LayerError as error:
            self._say(str(error), Qgis.MessageLevel.Warning)
            self._panel.show_estimate(str(error), problem=True)
            return
        for name in ("plan", "words"):  # they would keep the engine from starting
            self._calls.stop(name)
        settings.remember(list(asks[0].questions))
        self._panel.area.freeze_view()
        self._waiting, self._several = deque(asks), len(asks) > 1
        self._panel.set_running(True)
        self._start(self._waiting.popleft())

    def resume(self, run: Unfinished) -> None:
        """Go on with a run that ended early."""
        if self.running:
            return
        self._calls.stop("plan")
        self._waiting.clear()
        self._several = False
        self._panel.set_running(True)
        project = QgsProject.instance()
        tables = usable(project, run.tables)
        rest = [question for question in run.questions if question not in tables]
        run = kept_in(run, {**tables, **tables_for(project, rest, run.name)})
        self._begin(run, {**run.params, "resume": True}, {})

    def _start(self, ask: Ask) -> None:
        """Begin the run of a raster; what is made for it lies in its folder, so that it can be continued."""
        source, folder = ask.source, new_folder()
        inputs = ask.inputs(folder)
        params = with_files(ask.params(), {name: str(made.path) for name, made in inputs.items()})
        if ask.outline != "box":
            params["masks"] = str(masks_file())
        exported, area = "source" in inputs, ask.area.shape(source.crs).asWkt()
        tables = tables_for(QgsProject.instance(), ask.questions, source.name)
        crs_wkt = source.crs.toWkt(wkt2())
        run = begin(folder, params, source.name, crs_wkt, exported=exported, area_wkt=area, tables=tables)
        self._begin(run, run.params, inputs)

    def _begin(self, run: Unfinished, params: dict[str, Any], inputs: Mapping[str, Input]) -> None:
        """Make the layers' writer and the task of one raster."""
        if self.writer is not None:
            self.writer.retire()
        self._run, self._name, questions = run, run.name, run.questions
        crs = QgsCoordinateReferenceSystem.fromWkt(run.crs_wkt)
        asked = {"request": run.params, "area": run.area_wkt}
        keeper = Keeper(run.tables, crs, run.name, asked)
        self.writer = ResultWriter(
            QgsProject.instance(), questions, crs, run.name, self, exported=run.exported, asked=asked, keeper=keeper
        )
        self.writer.drained.connect(self._drained)
        self.writer.layer_made.connect(self._layer_made)
        number = len(questions)
        text = tr("geogrounding: 1 question") if number == 1 else tr("geogrounding: {n} questions").format(n=number)
        self._task = EngineTask(text, self._link, "run", lambda _paths: params, inputs, keep_inputs=True)
        self._task.events.connect(self._take)
        self._task.ended.connect(self._end)
        QgsApplication.taskManager().addTask(self._task)

    def cancel(self) -> None:
        """Stop the run, and the rasters that wait; what was found so far stays."""
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()

    def abandon(self) -> None:
        """The project is gone: cancel its run, without a word in the next project."""
        task = self._let_go()
        if task is not None:
            self._panel.set_running(False)
            self.finished.emit("cancelled")
            self.estimate()  # of what is chosen now, which is nothing

    def close(self) -> None:
        """Stop everything, for good."""
        QgsProject.instance().cleared.disconnect(self.abandon)
        task = self._let_go()
        if task is not None:
            task.waitForFinished(5000)
        self._calls.forget()

    def _let_go(self) -> EngineTask | None:
        """Cancel the run and listen to it no more."""
        task, self._task, self._ended = self._task, None, None
        self._waiting.clear()
        if task is not None:
            task.events.disconnect(self._take)
            task.ended.disconnect(self._end)
            task.cancel()
        if self.writer is not None:
            self.writer.drained.disconnect(self._drained)
            self.writer.close()
            self.writer = None
        self._run = None
        return task

    def _check_exports(self, sources: list[Source]) -> None:
        """Refuse large exports that the user has not agreed to.

        Raises:
            LayerError: there is one.
        """
        large = [source for source in sources if source.pixels > WARN_PIXELS]
        if large and not self._panel.large_export_allowed():
            self._panel.offer_large_export(sources)
            raise LayerError(
                tr("{text} Tick “{box}”, or choose a smaller extent.").format(
                    text=self._panel.describe_export(large[0]), box=self._panel.allow_export.text()
                )
            )

    def _take(self, events: list[dict[str, Any]]) -> None:
        for event in events:
            kind = event.get("event")
            if kind == "features" and self.writer is not None:
                found = [one for one in event.get("features") or [] if isinstance(one, dict)]
                if event.get("stage") == "final" and event.get("first"):
                    self.writer.replace(found)
                else:
                    self.writer.add(found)
            elif kind == "progress":
                self._panel.show_progress(int(event["chips_done"]), int(event["chips_total"]), int(event["found"]))
            elif kind == "export":
                self._panel.show_share(tr("Exporting the raster… %p%"), float(event["share"]))
            elif kind == "upload":
                self._panel.show_share(tr("Sending the raster to the server… %p%"), float(event["share"]))
            elif kind == "waiting":
                self._panel.show_status(tr("Waiting; jobs before this one: {n}").format(n=event["jobs_ahead"]))
            elif kind == "loading":
                self._panel.show_status(tr("Loading the model…"))
            elif kind == "plan":
                self._panel.show_progress(0, int(event["chips"]), 0)

    def _layer_made(self, layer: object) -> None:
        if self.writer is not None and len(self.writer.layers) == 1:
            self.layer_made.emit(layer)

    def _drained(self) -> None:
        self.results_changed.emit()
        if self._ended is not None:
            self._say_outcome(*self._ended)
            if self._waiting:  # the next raster, now that the layers of this one are filled
                self._start(self._waiting.popleft())

    def _end(self, outcome: str) -> None:
        task, self._task = self._task, None
        if task is None:
            self._panel.set_running(False)
            return
        self._ended = (outcome, task)
        run, self._run = self._run, None
        if run is not None and (outcome == "done" or not _has_journal(run)):
            run.discard()
        clear_notice(self._bar, task.description())
        if self.writer is not None:
            self.writer.finish()
        if self.writer is None or self.writer.idle:
            self._say_outcome(outcome, task)
            self.results_changed.emit()
        if outcome == "cancelled":  # perhaps in QGIS's own list of tasks
            self._waiting.clear()
        if not self._waiting:
            self._close_run(outcome)
        elif self.writer is None or self.writer.idle:
            self._start(self._waiting.popleft())

    def _close_run(self, outcome: str) -> None:
        self._panel.set_running(False)
        self.finished.emit(outcome)
        self.estimate()

    def _say_outcome(self, outcome: str, task: EngineTask) -> None:
        self._ended = None
        if self.writer is not None:
            self.writer.settle(outcome)
        text, level = outcome_of(outcome, task, self.writer)
        self._say(f"{short(self._name)}: {text}" if self._several else text, level)
        if outcome == "done":
            self._log("\n".join(failures(task.result)))
        if self.writer is not None and self.writer.layers:
            self.filled.emit(self.writer.layers)
        if self.writer is not None and self.writer.unusable:
            self._log(tr("{n} results had no usable polygon and were left out.").format(n=self.writer.unusable))

    def _take_models(self, found: dict[str, Any]) -> None:
        self._panel.set_models(models_of(found))

    def _say_models_failed(self, message: str, hint: str) -> None:
        self._log(joined(message, hint))

    def _say(self, text: str, level: Qgis.MessageLevel) -> None:
        self.last_message = text
        say(self._bar, text, level, 8 if level != Qgis.MessageLevel.Critical else 0)
        self._log(text, level)

    def _log(self, text: str, level: Qgis.MessageLevel = Qgis.MessageLevel.Info) -> None:
        if text:
            QgsMessageLog.logMessage(text, NAME, level, False)


def _has_journal(run: Unfinished) -> bool:
    """Whether any chip of the run was answered."""
    return (run.folder / f"{OUTPUT}.journal").exists()


def _nouns(ask: Ask) -> list[str]:
    """Words of a question besides those that every model knows: layers, and what the model was taught."""
    return [*ask.contexts, *taught_by(ask.model)]


def _serious(panel: AskPanel) -> bool:
    """Whether what is missing is more than a question not typed yet."""
    return bool(panel.questions())
