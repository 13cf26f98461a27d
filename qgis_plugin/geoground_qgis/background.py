"""Work beside the main thread: short calls without a trace, long ones as tasks of QGIS that can be cancelled."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from qgis.core import QgsTask
from qgis.gui import QgsMessageBar
from qgis.PyQt.QtCore import QObject, QThread, QTimer, pyqtSignal

from .engine_link import Cancelled, EngineError, Link
from .messages import tr
from .rasters import LayerError

FLAGS = QgsTask.Flag.CanCancel
if hasattr(QgsTask.Flag, "Silent"):  # QGIS 3.26: the panel itself says how it ended
    FLAGS |= QgsTask.Flag.Silent


NOTICE_MS = 300
"""QGIS's notice about a task comes within this time after the end of it."""

_OVERDUE: list[Call] = []
"""Threads that did not end in time: destroying them would end QGIS, so they are kept."""


class Call(QThread):
    """One function in a thread of its own; the signal comes once, in the main thread.

    Keep a reference until then: ``Calls`` does. Nothing that the call refers to may refer to it: Python frees circles
    in any thread, and a thread of Qt must be freed in the main one.
    """

    ended = pyqtSignal(object)
    """The call itself."""

    def __init__(self, function: Callable[[Callable[[], bool]], Any]) -> None:
        super().__init__()
        self._function = function
        self._stopped = threading.Event()
        self.result: Any = None
        self.problem: tuple[str, str] | None = None
        """Message and hint, where it failed."""

    def stop(self) -> None:
        """Let the function know that its answer is not wanted any more."""
        self._stopped.set()

    def run(self) -> None:
        """Call the function; Qt starts this in the thread."""
        try:
            self.result = self._function(self._stopped.is_set)
        except Cancelled:
            self.problem = ("", "")
        except (EngineError, LayerError) as error:
            self.problem = (str(error), getattr(error, "hint", ""))
        except Exception as error:  # noqa: BLE001 - the thread would end QGIS with it
            why = tr("This is a defect of the plugin; please report it.")
            self.problem = (f"{type(error).__name__}: {error}", why)
        self.ended.emit(self)


class Calls(QObject):
    """The calls under way; a newer call of the same name makes the older one's answer void."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._running: dict[Call, tuple[str, Callable[[Any], None], Callable[[str, str], None]]] = {}
        self._latest: dict[str, Call] = {}

    def start(
        self,
        name: str,
        function: Callable[[Callable[[], bool]], Any],
        done: Callable[[Any], None],
        failed: Callable[[str, str], None],
    ) -> None:
        """Run ``function`` beside the main thread, then ``done`` or ``failed`` in it.

        The function gets a function that says whether its answer is still wanted.
        """
        self.stop(name)
        call = Call(function)
        self._running[call] = (name, done, failed)
        self._latest[name] = call
        call.ended.connect(self._take)
        call.start()

    def stop(self, name: str) -> None:
        """Make the answer of a call void."""
        call = self._latest.pop(name, None)
        if call is not None:
            call.stop()

    def busy(self, name: str) -> bool:
        """Whether a call of this name is under way."""
        return name in self._latest

    def forget(self) -> None:
        """Make all answers void, and wait for the threads: QGIS unloads the code they run."""
        for name in list(self._latest):
            self.stop(name)
        _OVERDUE.extend(call for call in list(self._running) if not call.wait(5000))
        self._running.clear()

    def _take(self, call: Call) -> None:
        call.wait()  # the signal comes a moment before the thread is over, and one that runs must not be destroyed
        name, done, failed = self._running.pop(call, ("", _unheard, _unheard))
        if self._latest.get(name) is not call:
            return
        del self._latest[name]
        if call.problem is None:
            done(call.result)
        else:
            failed(*call.problem)


def _unheard(*_: object) -> None:
    """The answer is not wanted any more."""


def clear_notice(bar: QgsMessageBar, description: str) -> None:
    """Take QGIS's own notice about a task off the message bar, once it is there.

    Before version 3.26 there are no silent tasks, and QGIS puts "Task complete", or "Task failed" for one that the user
    cancelled, over what the panel says about it.
    """
    if hasattr(QgsTask.Flag, "Silent"):
        return

    def clear() -> None:
        for item in bar.items():
            if item.text() == description:
                bar.popWidget(item)

    QTimer.singleShot(0, clear)
    QTimer.singleShot(NOTICE_MS, clear)


class Input(Protocol):
    """A file that is made for a request and deleted after it."""

    path: Path

    def run(self, progress: Callable[[float], None], cancelled: Callable[[], bool]) -> Path:
        """Make the file, in the thread of the task."""

    def cancel(self) -> None:
        """Stop soon; called in the main thread."""

    def discard(self) -> None:
        """Delete the file, whether it is complete or not."""


class EngineTask(QgsTask):
    """A long request: perhaps files are made for it first, then the engine works, whose events arrive while it runs.

    Signals come in the main thread. After ``ended`` nothing more comes.
    """

    events = pyqtSignal(object)
    """A list of events of the engine, each a dictionary with ``event`` as its kind."""
    _ready = pyqtSignal()
    ended = pyqtSignal(str)
    """``done``, ``cancelled`` or ``failed``; then see ``result``, ``message`` and ``hint``."""

    def __init__(
        self,
        description: str,
        link: Link,
        method: str,
        params: Callable[[Mapping[str, str]], dict[str, Any]],
        inputs: Mapping[str, Input] | None = None,
        *,
        keep_inputs: bool = False,
    ) -> None:
        """Prepare.

        Args:
            description: for the status bar.
            link: the engine.
            method: of the request.
            params: from the paths of the files that were made to the parameters of the request.
            inputs: files to make first, by name.
            keep_inputs: the files belong to a run that may be continued: who began it deletes them.
        """
        super().__init__(description, FLAGS)
        self._link, self._method, self._params = link, method, params
        self._inputs = dict(inputs or {})
        self._keep_inputs = keep_inputs
        self._waiting: deque[dict[str, Any]] = deque()
        self._woken = False
        self._ready.connect(self._drain)
        self.result: dict[str, Any] = {}
        self.message = self.hint = ""

    def run(self) -> bool:
        """Do the work; QGIS calls this in a thread of its own."""
        try:
            paths = {name: str(made.run(self._receive_share, self.isCanceled)) for name, made in self._inputs.items()}
            params = self._params(paths)
            self.result = self._link.call(self._method, params, on_event=self._receive, cancelled=self.isCanceled)
        except Cancelled:
            return False
        except (EngineError, LayerError) as error:
            self.message, self.hint = str(error), getattr(error, "hint", "")
            return False
        except Exception as error:  # noqa: BLE001 - QGIS would drop it without a word
            self.message = f"{type(error).__name__}: {error}"
            self.hint = tr("This is a defect of the plugin; please report it.")
            return False
        finally:
            for made in self._inputs.values() if not self._keep_inputs else ():
                made.discard()
        return True

    @property
    def empty_share(self) -> float:
        """How much of what was exported for it came empty from a map server, 0 to 1."""
        return max((getattr(made, "empty_share", 0.0) for made in self._inputs.values()), default=0.0)

    def cancel(self) -> None:
        """Stop: the export at its next block, the engine after the chips it is looking at."""
        for made in self._inputs.values():
            made.cancel()
        super().cancel()

    def finished(self, result: bool) -> None:
        """Report how it ended; QGIS calls this in the main thread."""
        self._drain()
        if result:
            self.ended.emit("done")
        else:
            self.ended.emit("cancelled" if self.isCanceled() else "failed")

    def _receive_share(self, share: float) -> None:
        self._receive({"event": "export", "share": share})

    def _receive(self, event: dict[str, Any]) -> None:
        """Take an event in the thread of the task; the main thread is woken once for all that wait."""
        self._waiting.append(event)
        if not self._woken:
            self._woken = True
            self._ready.emit()

    def _drain(self) -> None:
        self._woken = False  # first, so that an event that comes now wakes again
        gathered = []
        while self._waiting:
            gathered.append(self._waiting.popleft())
        if gathered:
            self.events.emit(gathered)
