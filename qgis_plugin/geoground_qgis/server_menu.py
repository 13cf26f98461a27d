"""The button that lists the rasters of a service; it is there only where the engine is one."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProject
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from . import server_layers, settings
from .background import Calls
from .engine.errors import EngineError
from .engine.service import is_address
from .engine_link import service_of
from .forms import plain_label
from .messages import PROBLEM, joined, short, tr


class ServerButton(QPushButton):
    """Opens the list; ``chosen`` gives the layer that was added."""

    chosen = pyqtSignal(object)

    def __init__(self, canvas: QgsMapCanvas, parent: QWidget | None = None) -> None:
        super().__init__(tr("Rasters on the server…"), parent)
        self._canvas = canvas
        self.clicked.connect(self.open)
        self.take_settings()

    def take_settings(self) -> None:
        """Show the button where the engine is a service."""
        self.setVisible(is_address(settings.load().engine))

    def open(self) -> None:
        """Let the user choose."""
        dialog = ServerDialog(self)
        if dialog.exec() and dialog.described:
            try:
                layer = server_layers.add(dialog.described, dialog.address, QgsProject.instance(), self._canvas)
            except EngineError as error:
                self.setToolTip(str(error))
            else:
                self.chosen.emit(layer)
        dialog.deleteLater()


class ServerDialog(QDialog):
    """The rasters of a service, filtered by name."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Rasters on the server"))
        self._calls = Calls(self)
        self.address = ""
        self.described: dict[str, Any] = {}
        """The raster that was chosen."""
        layout = QVBoxLayout(self)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText(tr("part of the name"))
        self.filter.setClearButtonEnabled(True)
        self.list = QListWidget()
        self.message = plain_label(tr("Asking the server…"))
        buttons = QDialogButtonBox.StandardButton
        self.buttons = QDialogButtonBox(buttons.Ok | buttons.Cancel)
        self.buttons.button(buttons.Ok).setText(tr("Add to the map"))
        for widget in (self.filter, self.list, self.message, self.buttons):
            layout.addWidget(widget)
        self.filter.textChanged.connect(self._narrow)
        self.list.itemDoubleClicked.connect(self.accept)
        self.list.currentItemChanged.connect(self._allow)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.resize(460, 480)
        self._allow()
        chosen = settings.load()
        self._calls.start("list", lambda _stop: _listed(chosen), self._fill, self._say)

    def accept(self) -> None:
        """Ask where the chosen raster lies, then close."""
        item = self.list.currentItem()
        if item is None or item.isHidden():
            return
        chosen, scene = settings.load(), str(item.data(Qt.ItemDataRole.UserRole))
        self._calls.start(
            "one", lambda _stop: service_of(chosen).json("GET", f"/scenes/{scene}"), self._take, self._say
        )

    def done(self, outcome: int) -> None:
        """The dialog closes; no answer is waited for."""
        self._calls.forget()
        super().done(outcome)

    def _fill(self, found: tuple[str, list[dict[str, Any]]]) -> None:
        self.address, scenes = found
        for scene in scenes:
            item = QListWidgetItem(short(str(scene["name"]), 100))
            item.setData(Qt.ItemDataRole.UserRole, str(scene["id"]))
            self.list.addItem(item)
        self._show(tr("{n} rasters").format(n=len(scenes)) if scenes else tr("The server has no raster."))

    def _take(self, described: dict[str, Any]) -> None:
        if described.get("problem"):
            self._say(str(described["problem"]), str(described.get("hint", "")))
            return
        self.described = described
        super().accept()

    def _narrow(self, text: str) -> None:
        for row in range(self.list.count()):
            item = self.list.item(row)
            item.setHidden(text.lower() not in item.text().lower())

    def _allow(self, *_: object) -> None:
        ok = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        ok.setEnabled(self.list.currentItem() is not None)

    def _say(self, message: str, hint: str) -> None:
        self._show(joined(message, hint), PROBLEM)

    def _show(self, text: str, style: str = "") -> None:
        self.message.setText(text)
        self.message.setStyleSheet(style)


def _listed(chosen: settings.Settings) -> tuple[str, list[dict[str, Any]]]:
    service = service_of(chosen)
    return service.address, list(service.json("GET", "/scenes")["scenes"])
