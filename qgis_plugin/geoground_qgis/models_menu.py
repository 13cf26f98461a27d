"""The button of the tab Teach that lists the trained models."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QFileDialog, QInputDialog, QLineEdit, QMenu, QMessageBox, QToolButton, QWidget

from . import model_store
from .messages import short, tr
from .rasters import LayerError


class ModelsMenu(QToolButton):
    """Rename, export or delete a trained model."""

    changed = pyqtSignal()
    renamed = pyqtSignal(str, str)
    """The folder of a model, before and now."""
    said = pyqtSignal(str)
    """Why something could not be done."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setText(tr("Trained models"))
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setMenu(QMenu(self))
        self.menu().aboutToShow.connect(self._fill)

    def rename(self, folder: Path) -> None:
        """Ask for a name, and take it."""
        name, agreed = QInputDialog.getText(self, tr("Rename"), tr("Name"), QLineEdit.EchoMode.Normal, folder.name)
        if agreed and name.strip() != folder.name:
            self._try(lambda: self.renamed.emit(str(folder), str(model_store.rename(folder, name))))

    def export(self, folder: Path) -> None:
        """Ask for a file, and pack the model into it."""
        proposed = str(Path.home() / f"{folder.name}.zip")
        chosen, _ = QFileDialog.getSaveFileName(self, tr("Export"), proposed, "Zip (*.zip)")
        if chosen:
            self._try(lambda: model_store.export(folder, Path(chosen)))

    def delete(self, folder: Path) -> None:
        """Ask, and delete."""
        buttons = QMessageBox.StandardButton
        text = tr("Delete the model “{name}”? This cannot be undone.").format(name=folder.name)
        if QMessageBox.question(self, tr("Delete"), text, buttons.Yes | buttons.No, buttons.No) == buttons.Yes:
            self._try(lambda: model_store.delete(folder))

    def _try(self, act: object) -> None:
        try:
            act()
        except LayerError as error:
            self.said.emit(str(error))
        self.changed.emit()

    def _fill(self) -> None:
        menu = self.menu()
        menu.clear()
        for folder in model_store.models():
            inside = menu.addMenu(short(folder.name).replace("&", "&&"))
            for title, act in (
                (tr("Rename…"), self.rename),
                (tr("Export…"), self.export),
                (tr("Delete…"), self.delete),
            ):
                inside.addAction(title).triggered.connect(partial(_call, act, folder))
        if menu.isEmpty():
            menu.addAction(tr("none yet")).setEnabled(False)


def _call(act: object, folder: Path, *_: object) -> None:
    act(folder)
