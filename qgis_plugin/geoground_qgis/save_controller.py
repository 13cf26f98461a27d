"""From *Save as* to a file: which rows, which file, and what becomes of the layer on the map."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from qgis.core import Qgis, QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal
from qgis.PyQt.QtWidgets import QFileDialog, QMessageBox, QWidget

from . import results, saving, settings
from .kept import results_path
from .messages import tr
from .saving import GPKG, Action, Target

FILTERS = {
    GPKG: "GeoPackage (*.gpkg)",
    "GeoJSON": "GeoJSON (*.geojson)",
    "FlatGeobuf": "FlatGeobuf (*.fgb)",
    "ESRI Shapefile": "Shapefile (*.shp)",
    "KML": "KML (*.kml)",
}


class Saving(QObject):
    """Saves results; several may be under way."""

    said = pyqtSignal(str, object)
    """What happened, with the level of the message."""
    saved = pyqtSignal()
    """A file was written."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._window = parent
        self._tasks: dict[object, object] = {}
        self._to_keep: deque[str] = deque()
        self._keeping = False

    @property
    def busy(self) -> bool:
        """Whether a file is being written."""
        return bool(self._tasks or self._to_keep)

    def ask(self, layer: QgsVectorLayer, driver: str, which: str) -> None:
        """Ask for a file, and in a GeoPackage that holds this layer already for what to do, and save."""
        folder = QgsProject.instance().homePath() or str(Path.home())
        proposed = saving.proposed_path(layer, folder, driver)
        ending = saving.ENDINGS[driver]
        dialog = QFileDialog(self._window, tr("Save results"), proposed, FILTERS[driver])
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(ending[1:])
        if driver == GPKG:  # a layer is added to a GeoPackage, nothing in it is replaced unasked
            dialog.setOption(QFileDialog.Option.DontConfirmOverwrite, True)
            dialog.setLabelText(QFileDialog.DialogLabel.Accept, tr("Save"))
        if not dialog.exec():
            return
        path = Path(dialog.selectedFiles()[0])
        if path.suffix.lower() != ending:
            path = Path(f"{path}{ending}")
        action, table = self._action(layer, path) if driver == GPKG else ("new", "")
        if action is not None:
            self.save_to(layer, Target(path, driver, table, action), which)

    def _action(self, layer: QgsVectorLayer, path: Path) -> tuple[Action | None, str]:
        """What to do where the file has a layer of this name; None: nothing."""
        wanted = saving.short(layer.name(), 40)
        there = next((name for name in saving.layers_in(path) if name.lower() == wanted.lower()), None)
        if there is None:
            return "new", ""
        box = QMessageBox(self._window)
        box.setWindowTitle(tr("Save results"))
        box.setText(tr("“{file}” has a layer of this name already.").format(file=path.name))
        box.setInformativeText(tr("Other layers of the file stay as they are."))
        role = QMessageBox.ButtonRole.AcceptRole
        choices: dict[object, Action] = {
            box.addButton(tr("Add a new layer"), role): "new",
            box.addButton(tr("Add to that layer"), role): "append",
            box.addButton(tr("Replace that layer"), QMessageBox.ButtonRole.DestructiveRole): "replace",
        }
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.exec()
        action = choices.get(box.clickedButton())
        return action, "" if action == "new" else there

    def keep(self, layers: list[QgsVectorLayer]) -> None:
        """Move the layers of a run into the GeoPackage of the project, one after the other; only failures are said."""
        if settings.load().keep_results:
            self._to_keep.extend(layer.id() for layer in layers)
            self._keep_next()

    def _keep_next(self) -> None:
        if self._keeping or not self._to_keep:
            return
        project = QgsProject.instance()
        layer = project.mapLayer(self._to_keep.popleft())
        if layer is None or layer.providerType() != "memory":
            self._keep_next()
            return
        self._keeping = True
        try:
            target = Target(results_path(project), GPKG)
        except OSError as error:
            self._keeping = False
            self.said.emit(tr("Not saved: {why}").format(why=error), Qgis.MessageLevel.Critical)
            return
        self.save_to(layer, target, results.ALL, quiet=True)

    # Its callbacks share what is saved and how.
    def save_to(self, layer: QgsVectorLayer, target: Target, which: str, *, quiet: bool = False) -> None:  # noqa: C901
        """Save results without a question: ``all``, those ``shown`` on the map, or the ``accepted`` ones.

        A temporary layer that is saved whole to a new layer of a GeoPackage lives there from then on, unless it is
        being edited or filled: the rows in the file have other ids than those that the edits name.
        """
        only = None if which == results.ALL else results.chosen(layer, which)
        if only == []:
            text = tr("No result is accepted yet.") if which == results.ACCEPTED else tr("All results are hidden.")
            self.said.emit(text, Qgis.MessageLevel.Warning)
            return
        movable = (
            target.driver == GPKG
            and target.action == "new"
            and only is None
            and layer.providerType() == "memory"
            and not layer.isEditable()
            and not layer.readOnly()
        )
        layer_id = layer.id()
        key = object()

        def end() -> QgsVectorLayer | None:
            self._tasks.pop(key, None)
            kept = QgsProject.instance().mapLayer(layer_id)
            if movable and kept is not None:
                results.release(kept)
            if quiet:
                self._keeping = False
                QTimer.singleShot(0, self._keep_next)
            return kept

        def done(written: Target) -> None:
            kept = end()
            text = tr("Saved: {path}").format(path=written.path)
            if written.table:
                text += tr(", layer “{name}”").format(name=written.table)
            if movable and kept is not None:
                saving.keep_in_file(kept, written)
            elif layer_is_temporary(kept) and only is None:
                text += ". " + tr("The layer on the map is still a temporary one.")
            saving.reload_readers(written)
            if not quiet:
                self.said.emit(text, Qgis.MessageLevel.Success)
            self.saved.emit()

        def failed(message: str) -> None:
            end()
            self.said.emit(tr("Not saved: {why}").format(why=message), Qgis.MessageLevel.Critical)

        if movable:
            results.hold(layer, results.SAVING)  # neither edits nor verdicts between the copy and the move
        self._tasks[key] = layer_id
        task = saving.write_results(layer, target, only, done, failed)
        if key in self._tasks:
            self._tasks[key] = task


def layer_is_temporary(layer: QgsVectorLayer | None) -> bool:
    """Whether a layer ends with the session."""
    return layer is not None and layer.providerType() == "memory"
