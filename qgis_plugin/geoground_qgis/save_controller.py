"""From *Save as* to a file: which rows, which file, and what becomes of the layer on the map."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from qgis.core import Qgis, QgsProject, QgsVectorFileWriterTask, QgsVectorLayer
from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal
from qgis.PyQt.QtWidgets import QFileDialog, QMessageBox, QWidget

from . import results, saving, settings
from .keeping import results_path
from .messages import tr
from .saving import GPKG, Action, Target

FILTERS = {
    GPKG: "GeoPackage (*.gpkg)",
    "GeoJSON": "GeoJSON (*.geojson)",
    "FlatGeobuf": "FlatGeobuf (*.fgb)",
    "ESRI Shapefile": "Shapefile (*.shp)",
    "KML": "KML (*.kml)",
    "CSV": "CSV (*.csv)",
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
        self._jobs: list[_Job] = []
        self._to_keep: deque[str] = deque()
        self._keeping = False

    @property
    def busy(self) -> bool:
        """Whether a file is being written."""
        return bool(self._jobs or self._to_keep)

    def ask(self, layer: QgsVectorLayer, driver: str, which: str) -> None:
        """Ask for a file, and in a GeoPackage that holds this layer already for what to do, and save."""
        if which != results.ALL and next(results.chosen(layer, which), None) is None:
            self._say_nothing(which)
            return
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
        """Move the temporary layers of a run into the GeoPackage of the project, one after the other.

        A run fills the tables of that file itself; what is temporary could not be kept then. Only failures are said.
        """
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
            text = tr(
                "The results are temporary: nothing can be written to {folder} ({why}). Save them under another name, "
                "and choose another folder in the settings."
            )
            why = error.strerror or type(error).__name__
            self.said.emit(text.format(folder=error.filename, why=why), Qgis.MessageLevel.Warning)
            return
        self.save_to(layer, target, results.ALL, quiet=True)

    def save_to(self, layer: QgsVectorLayer, target: Target, which: str, *, quiet: bool = False) -> None:
        """Save results without a question: ``all``, those ``shown`` on the map, or the ``accepted`` ones.

        A temporary layer that is saved whole to a new layer of a GeoPackage lives there from then on, unless it is
        being edited or filled: the rows in the file have other ids than those that the edits name.
        """
        only = None if which == results.ALL else list(results.chosen(layer, which))
        if only == []:
            self._say_nothing(which)
            return
        moves = (
            target.driver == GPKG
            and target.action == "new"
            and only is None
            and layer.providerType() == "memory"
            and not layer.isEditable()
            and not layer.readOnly()
        )
        job = _Job(layer.id(), moves=moves, whole=only is None, quiet=quiet)
        if moves:
            results.hold(layer, results.SAVING)  # neither edits nor verdicts between the copy and the move
        self._jobs.append(job)
        job.task = saving.write_results(
            layer, target, only, lambda written: self._done(job, written), lambda why: self._failed(job, why)
        )

    def _say_nothing(self, which: str) -> None:
        text = tr("No result is accepted yet.") if which == results.ACCEPTED else tr("All results are hidden.")
        self.said.emit(text, Qgis.MessageLevel.Warning)

    def close(self) -> None:
        """Wait for no file: what is under way is written, and the layers stay where they are."""
        self._to_keep.clear()
        jobs, self._jobs = self._jobs, []
        for job in jobs:
            job.release()
            job.let_go()

    def _done(self, job: _Job, written: Target) -> None:
        if not self._end(job):
            return
        layer = job.layer()
        text = tr("Saved: {path}").format(path=written.path)
        if written.table:
            text += tr(", layer “{name}”").format(name=written.table)
        if job.moves and layer is not None:
            saving.keep_in_file(layer, written)
        elif job.whole and layer_is_temporary(layer):
            text += ". " + tr("The layer on the map is still a temporary one.")
        saving.reload_readers(written)
        if not job.quiet:
            self.said.emit(text, Qgis.MessageLevel.Success)
        self.saved.emit()

    def _failed(self, job: _Job, why: str) -> None:
        if self._end(job):
            self.said.emit(tr("Not saved: {why}").format(why=why), Qgis.MessageLevel.Critical)

    def _end(self, job: _Job) -> bool:
        """Let go of a job; False where the panel was closed in the meantime, and is not there any more."""
        if job not in self._jobs:
            return False
        self._jobs.remove(job)
        job.release()
        if job.quiet:
            self._keeping = False
            QTimer.singleShot(0, self._keep_next)
        return True


class _Job:
    """A file that is being written."""

    def __init__(self, layer_id: str, *, moves: bool, whole: bool, quiet: bool) -> None:
        self._layer_id = layer_id
        self.moves, self.whole, self.quiet = moves, whole, quiet
        self.task: QgsVectorFileWriterTask | None = None

    def layer(self) -> QgsVectorLayer | None:
        """The layer, where it is still in the project."""
        return QgsProject.instance().mapLayer(self._layer_id)

    def let_go(self) -> None:
        """Hear nothing more of the task, which goes on: what it would call belongs to a panel that is gone."""
        if self.task is not None:
            self.task.writeComplete.disconnect()
            self.task.errorOccurred.disconnect()

    def release(self) -> None:
        """Let the user edit the layer again."""
        layer = self.layer()
        if self.moves and layer is not None:
            results.release(layer)


def layer_is_temporary(layer: QgsVectorLayer | None) -> bool:
    """Whether a layer ends with the session."""
    return layer is not None and layer.providerType() == "memory"
