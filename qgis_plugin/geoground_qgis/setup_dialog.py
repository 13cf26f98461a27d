"""Setting up an engine without a terminal: a Python, a folder, a button."""

from __future__ import annotations

from functools import partial

from qgis.core import QgsSettings
from qgis.gui import QgsFileWidget
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from . import own_engine
from .background import Calls
from .engine_link import EngineError
from .forms import form, plain_label
from .messages import NAME, PROBLEM, joined, tr

MOST_LINES = 2_000


class SetupDialog(QDialog):
    """One set-up at a time; closing the window stops it, and the next one goes on where it stopped."""

    ready = pyqtSignal(str)
    """The Python of an engine that is complete."""
    _line = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Set up the engine…"))
        self._calls = Calls(self)
        layout = QVBoxLayout(self)
        layout.addWidget(
            plain_label(
                tr(
                    "Makes a Python environment in {path} and installs geogrounding there. Nothing is installed into "
                    "QGIS. It needs about 2 GB of disk space; an interrupted set-up goes on where it stopped."
                ).format(path=own_engine.home())
            )
        )
        rows = form()
        self.python = QComboBox()
        self.python.setEditable(True)
        self.python.addItems(own_engine.pythons())
        self.source = QgsFileWidget()
        self.source.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        self.source.setFilePath(str(QgsSettings().value(f"{NAME}/setup_source", "") or ""))
        self.source.setToolTip(tr("The checkout of geogrounding, or a folder with its wheel"))
        self.index_url = QLineEdit()
        self.index_url.setPlaceholderText(tr("as pip is configured"))
        self.offline = QCheckBox(tr("Without a network: only wheels of this folder"))
        rows.addRow(tr("Python 3.11 or later"), self.python)
        rows.addRow(tr("Folder"), self.source)
        rows.addRow(tr("Package index"), self.index_url)
        rows.addRow("", self.offline)
        layout.addLayout(rows)
        self.said = QPlainTextEdit()
        self.said.setReadOnly(True)
        self.said.setMaximumBlockCount(MOST_LINES)
        layout.addWidget(self.said, 1)
        self.outcome = plain_label()
        layout.addWidget(self.outcome)
        self.progress = QProgressBar()
        self.progress.setRange(0, 0)
        self.progress.hide()
        layout.addWidget(self.progress)
        row = QHBoxLayout()
        self.start_button, self.stop_button = QPushButton(tr("Set up")), QPushButton(tr("Cancel"))
        self.remove_button = QPushButton(tr("Remove"))
        for button in (self.start_button, self.stop_button, self.remove_button):
            row.addWidget(button)
        layout.addLayout(row)
        self._line.connect(self.said.appendPlainText)
        self.start_button.clicked.connect(self.start)
        self.stop_button.clicked.connect(self.stop)
        self.remove_button.clicked.connect(self.remove)
        self._show_running(False)
        self.resize(600, 460)

    def start(self) -> None:
        """Begin, or go on."""
        recipe = own_engine.Recipe(
            python=self.python.currentText().strip(),
            source=self.source.filePath().strip(),
            index_url=self.index_url.text().strip(),
            offline=self.offline.isChecked(),
        )
        QgsSettings().setValue(f"{NAME}/setup_source", recipe.source)
        self._show_running(True)
        self._say("")
        self._calls.start("setup", partial(own_engine.install, recipe, self._line.emit), self._done, self._failed)

    def stop(self) -> None:
        """Stop; what is installed stays."""
        self._calls.stop("setup")
        self._show_running(False)
        self._say(tr("Cancelled."))

    def remove(self) -> None:
        """Delete what was set up."""
        try:
            own_engine.remove()
        except EngineError as error:
            self._say(str(error), problem=True)
            return
        self._show_running(False)
        self._say(tr("Removed."))

    def done(self, outcome: int) -> None:
        """The window closes."""
        self._calls.forget()
        super().done(outcome)

    def _done(self, python: str) -> None:
        self._show_running(False)
        self._say(tr("The engine is set up."))
        self.ready.emit(python)

    def _failed(self, message: str, hint: str) -> None:
        self._show_running(False)
        self._say(joined(message, hint, between="\n") or tr("Cancelled."), problem=bool(message))

    def _show_running(self, running: bool) -> None:
        self.start_button.setText(tr("Go on") if own_engine.exists() else tr("Set up"))
        self.start_button.setEnabled(not running)
        self.stop_button.setEnabled(running)
        self.remove_button.setEnabled(not running and own_engine.exists())
        self.progress.setVisible(running)

    def _say(self, text: str, *, problem: bool = False) -> None:
        self.outcome.setText(text)
        self.outcome.setStyleSheet(PROBLEM if problem else "")
