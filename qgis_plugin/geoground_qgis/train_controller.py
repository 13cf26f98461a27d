"""From the Teach tab to the engine and back: a new model in the list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qgis.core import Qgis, QgsApplication, QgsMessageLog
from qgis.gui import QgsMessageBar
from qgis.PyQt.QtCore import QObject, pyqtSignal

from . import settings
from .background import EngineTask, Input, clear_notice
from .engine_link import Link, train_request
from .examples import ExampleFile, counts_of, extent_of
from .message_bar import say
from .messages import NAME, joined, tr
from .model_store import tidy
from .rasters import Export, LayerError, describe_source
from .teach_panel import TeachPanel


class Teaching(QObject):
    """One training at a time."""

    trained = pyqtSignal(str)
    """A model is ready; its name for a question."""
    finished = pyqtSignal(str)
    """A training ended: ``done``, ``cancelled`` or ``failed``."""

    def __init__(self, panel: TeachPanel, link: Link, bar: QgsMessageBar, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._panel, self._link, self._bar = panel, link, bar
        self._task: EngineTask | None = None
        panel.train_requested.connect(self.train)
        panel.cancel_requested.connect(self.cancel)

    def train(self) -> None:
        """Start what is entered."""
        if self._task is not None:
            return
        try:
            lesson = self._panel.lesson()
            layer = lesson.examples.layer
            source = describe_source(lesson.raster, extent_of(layer), layer.crs(), as_drawn=True)
            folder = settings.models_folder(settings.load()) / lesson.name
        except LayerError as error:
            self._panel.say(str(error), problem=True)
            return
        inputs: dict[str, Input] = {"labels": ExampleFile(layer, ids=lesson.examples.ids)}
        if lesson.examples.unlike:
            inputs["unlike"] = ExampleFile(layer, ids=lesson.examples.unlike)
        if source.path is None:
            inputs["scene"] = Export(source)
        params = {
            "scene": source.path,
            "expression": lesson.expression or None,
            "expression_field": lesson.field or None,
            "steps": lesson.steps,
            "partial": not lesson.complete,
            "negatives": 0.0,  # where nothing was drawn, what is there is not known
        }
        self._panel.begin()
        self._panel.say(counts_of(lesson.examples))
        self._task = EngineTask(
            tr("geogrounding: training"),
            self._link,
            "train",
            lambda paths: train_request(lesson.method, folder, {**params, **paths}),
            inputs,
        )
        self._task.events.connect(self._take)
        self._task.ended.connect(self._end)
        QgsApplication.taskManager().addTask(self._task)

    def cancel(self) -> None:
        """Stop the training."""
        if self._task is not None:
            self._task.cancel()

    def close(self) -> None:
        """Stop the training, for good."""
        if self._task is not None:
            self._task.events.disconnect(self._take)
            self._task.ended.disconnect(self._end)
            self._task.cancel()
            self._task.waitForFinished(5000)
            self._task = None

    def _take(self, events: list[dict[str, Any]]) -> None:
        for event in events:
            if event.get("event") == "training":
                self._panel.show_event(event)
            elif event.get("event") == "loading":
                self._panel.show_status(tr("Loading the model…"))

    def _end(self, outcome: str) -> None:
        task, self._task = self._task, None
        self._panel.set_running(False)
        if task is None:
            return
        clear_notice(self._bar, task.description())
        if outcome == "done":
            model = str(task.result.get("model", ""))
            if Path(model).is_absolute():  # one of a server has only a name here
                tidy(Path(model))
            self._panel.say(tr("Ready. The model is in the list of the tab Ask, and chosen."))
            self._say(tr("The model is trained: {name}").format(name=Path(model).name), Qgis.MessageLevel.Success)
            self.trained.emit(model)
        elif outcome == "cancelled":
            self._panel.say(tr("Cancelled."))
        else:
            text = joined(task.message, task.hint)
            self._panel.say(text, problem=True)
            self._say(text, Qgis.MessageLevel.Critical)
        self.finished.emit(outcome)

    def _say(self, text: str, level: Qgis.MessageLevel) -> None:
        say(self._bar, text, level)
        QgsMessageLog.logMessage(text, NAME, level, False)
