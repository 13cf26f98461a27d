"""What the panel shows before an engine is set up: three steps."""

from __future__ import annotations

import os

from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from .forms import plain_label
from .messages import tr

PYTHON = "~/geogrounding/bin/python" if os.name == "posix" else r"%USERPROFILE%\geogrounding\Scripts\python"
MAKE = "python3 -m venv ~/geogrounding" if os.name == "posix" else r"py -3 -m venv %USERPROFILE%\geogrounding"
COMMANDS = f'{MAKE}\n{PYTHON} -m pip install "FOLDER-OF-GEOGROUNDING[training]"'


class Welcome(QFrame):
    """Leads a new user to a working engine."""

    setup_requested = pyqtSignal()
    settings_requested = pyqtSignal()
    search_requested = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        layout = QVBoxLayout(self)
        title = plain_label(tr("Welcome: three steps to the first question"))
        font = title.font()
        font.setBold(True)
        title.setFont(font)
        layout.addWidget(title)
        self._add_text(
            layout,
            tr(
                "1. geogrounding needs a Python environment of its own (Python 3.11 or later), outside QGIS; nothing "
                "is installed into QGIS. Set it up here:"
            ),
        )
        self.set_up = QPushButton(tr("Set up the engine…"))
        self.set_up.clicked.connect(self.setup_requested)
        layout.addWidget(self.set_up)
        self._add_text(layout, tr("or in a terminal (without a network: see the manual, ? below):"))
        self.commands = QPlainTextEdit(COMMANDS)
        self.commands.setReadOnly(True)
        self.commands.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.commands.setFixedHeight(3 * self.commands.fontMetrics().lineSpacing() + 22)
        layout.addWidget(self.commands)
        row = QHBoxLayout()
        copy = QPushButton(tr("Copy commands"))
        copy.clicked.connect(self._copy)
        row.addWidget(copy)
        row.addStretch(1)
        layout.addLayout(row)
        self._add_text(layout, tr("2. After a terminal: choose its Python in the settings, and press Test there."))
        self._add_text(layout, tr("Your team has a server? Skip step 1, and paste its link in the settings."))
        row = QHBoxLayout()
        self.open_settings = QPushButton(tr("Open settings…"))
        self.search = QPushButton(tr("Search for it"))
        self.open_settings.clicked.connect(self.settings_requested)
        self.search.clicked.connect(self.search_requested)
        row.addWidget(self.open_settings)
        row.addWidget(self.search)
        row.addStretch(1)
        layout.addLayout(row)
        self._add_text(layout, tr("3. Load an aerial or satellite image, type “tree” or “airplane”, and press Run."))
        self.message = plain_label()
        layout.addWidget(self.message)

    def say(self, text: str) -> None:
        """A line below the steps."""
        self.message.setText(text)

    def _copy(self) -> None:
        QApplication.clipboard().setText(self.commands.toPlainText())

    def _add_text(self, layout: QVBoxLayout, text: str) -> None:
        layout.addWidget(plain_label(text))
