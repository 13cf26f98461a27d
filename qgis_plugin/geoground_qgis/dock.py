"""The panel: ask, review, teach, or the way to a first engine."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from pathlib import Path

from qgis.core import Qgis, QgsMapLayer, QgsProject, QgsVectorLayer
from qgis.gui import QgisInterface, QgsDockWidget
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QHBoxLayout, QLabel, QTabWidget, QToolButton, QVBoxLayout, QWidget

from . import keeping, kept, manual, results, server_layers, settings
from .ask_controller import Asking
from .ask_panel import AskPanel
from .background import Calls
from .correcting import Correcting
from .engine_link import Link
from .forms import Page
from .message_bar import say
from .messages import NAME, tr
from .review_panel import ReviewPanel
from .save_controller import Saving
from .saving import Target
from .setup_dialog import SetupDialog
from .shaping import Shaping
from .teach_panel import TeachPanel
from .train_controller import Teaching
from .unfinished import unfinished
from .welcome import Welcome


class Dock(QgsDockWidget):
    """Holds the tabs and joins them with the engine and the map."""

    def __init__(self, iface: QgisInterface, link: Link) -> None:
        super().__init__(tr("Ask the map"), iface.mainWindow())
        self.setObjectName("GeogroundingDock")
        self._iface, self._link = iface, link
        self._calls = Calls(self)
        self.saving = Saving(self)
        self._tiles = server_layers.Tiles()
        canvas, bar = iface.mapCanvas(), iface.messageBar()
        self.ask, self.review, self.teach = AskPanel(canvas), ReviewPanel(canvas), TeachPanel()
        self.asking = Asking(self.ask, link, bar, self)
        self.teaching = Teaching(self.teach, link, bar, self)
        self.correcting = Correcting(self.review, self.teach, iface, self)
        self.shaping = Shaping(self.review, link, canvas, self)
        self.welcome = Welcome()
        self._build()
        self._connect()
        self.engine_changed()

    def open_settings(self) -> None:
        """Show the page in the options of QGIS."""
        self._iface.showOptionsDialog(self._iface.mainWindow(), NAME)
        self.engine_changed()

    def engine_changed(self) -> None:
        """Show the way to an engine, or what can be done with it."""
        chosen = settings.load()
        self._tiles.take_settings()
        self.welcome.setVisible(not chosen.ready)
        self.tabs.setVisible(chosen.ready)
        self.filler.setVisible(not chosen.ready)
        self.ask.take_settings()
        if chosen.ready:
            self.status.setText(tr("Engine: {path}").format(path=chosen.engine))
            self.asking.load_models()
            self._offer_unfinished()
        else:
            self.status.setText(tr("No engine yet."))

    def close_everything(self) -> None:
        """Stop runs and let go of map and project; the panel is not used afterwards."""
        self._calls.forget()
        self._tiles.close()
        self.asking.close()
        self.saving.close()
        self.teaching.close()
        self.ask.close_tools()
        self.shaping.close()
        self.review.close_connections()
        QgsProject.instance().layersAdded.disconnect(self._mend)
        self._link.on_settings_changed = _nothing

    def _offer_unfinished(self, *_: object) -> None:
        """Offer the runs that ended early."""
        self.ask.offer_resume(unfinished())

    def _forget_unfinished(self) -> None:
        for run in unfinished():
            run.discard()
            cancelled = dict.fromkeys(run.tables, keeping.CANCELLED)
            deque(keeping.settle(run.tables, cancelled, {}), 0)  # what it found stays, its empty tables do not
        self._offer_unfinished()

    def _reopen(self, target: object) -> None:
        if isinstance(target, Target):
            self.review.show_layer(kept.reopen(QgsProject.instance(), target))

    def _find_like(self, layer: QgsVectorLayer, selected_only: bool) -> None:
        """Enter results as examples in the tab Ask."""
        self.ask.take_examples(layer, str(layer.customProperty(results.QUERY) or layer.name()), selected_only)
        self.tabs.setCurrentIndex(0)

    def _show_help(self) -> None:
        """Show the manual that comes with the plugin."""
        manual.show(self)

    def _search(self) -> None:
        self.welcome.say(tr("Searching…"))
        self._calls.start(
            "search",
            lambda _cancelled: self._link.find(),
            self._found,
            lambda message, _hint: self.welcome.say(message),
        )

    def _found(self, path: str) -> None:
        if not path:
            self.welcome.say(tr("No geoground is on the search path. Open the settings and choose its Python."))
            return
        self.take_engine(path)

    def take_engine(self, path: str) -> None:
        """Use this engine from now on."""
        settings.save(replace(settings.load(), engine=path))
        self._link.settings_changed()
        self.engine_changed()

    def _set_up(self) -> None:
        """Make an engine without a terminal."""
        dialog = SetupDialog(self)
        dialog.ready.connect(self.take_engine)
        dialog.exec()
        dialog.deleteLater()

    def _trained(self, model: str) -> None:
        self.asking.load_models()
        self.ask.set_models([], model)

    def _model_renamed(self, before: str, now: str) -> None:
        """A model that is chosen stays chosen."""
        if self.ask.model.currentData() == before:
            self.ask.set_models([], now)

    def _models_changed(self) -> None:
        """Models were renamed or deleted; one that is gone is not chosen any more."""
        chosen = str(self.ask.model.currentData() or "")
        if Path(chosen).is_absolute() and not Path(chosen).exists():
            self.ask.set_models([], settings.Settings().model)
        self.asking.load_models()

    def _mend(self, layers: list[QgsMapLayer]) -> None:
        """Results of an earlier version or session come into the project."""
        for layer in layers:
            if results.is_result(layer):
                results.mend_layer(layer)

    def _warn(self, text: str) -> None:
        self._say(text, Qgis.MessageLevel.Warning)

    def _say(self, text: str, level: Qgis.MessageLevel) -> None:
        say(self._iface.messageBar(), text, level)

    def _build(self) -> None:
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self.welcome)
        self.tabs = QTabWidget()
        pages = ((self.ask, tr("Ask")), (Page(self.review), tr("Review")), (self.teach, tr("Teach")))
        for page, title in pages:
            self.tabs.addTab(page, title)
        layout.addWidget(self.tabs, 1)
        self.filler = QWidget()
        layout.addWidget(self.filler, 1)
        self.status = QLabel()
        self.status.setTextFormat(Qt.TextFormat.PlainText)
        self.status.setWordWrap(True)
        foot = QHBoxLayout()
        foot.addWidget(self.status, 1)
        for text, tip, action in (
            ("⚙", tr("Settings of geogrounding"), self.open_settings),
            ("?", tr("Help"), self._show_help),
        ):
            button = QToolButton()
            button.setText(text)
            button.setToolTip(tip)
            button.setAutoRaise(True)
            button.clicked.connect(action)
            foot.addWidget(button)
        layout.addLayout(foot)
        self.setWidget(content)
        self.setMinimumWidth(300)

    def _connect(self) -> None:
        self.welcome.settings_requested.connect(self.open_settings)
        self.welcome.setup_requested.connect(self._set_up)
        self.welcome.search_requested.connect(self._search)
        self.ask.settings_requested.connect(self.open_settings)
        self.asking.layer_made.connect(self.review.show_layer)
        self.asking.results_changed.connect(self.review.refresh)
        self.asking.filled.connect(self.saving.keep)
        self.asking.finished.connect(self._offer_unfinished)
        self.ask.resume_requested.connect(self.asking.resume)
        self.ask.forget_requested.connect(self._forget_unfinished)
        self.review.reopen_requested.connect(self._reopen)
        self.review.save_requested.connect(self.saving.ask)
        self.review.like_requested.connect(self._find_like)
        for part in (self.review, self.correcting, self.shaping):
            part.said.connect(self._warn)
        self.review.add_keys(self, self._iface.mapCanvas())
        self.saving.said.connect(self._say)
        self.saving.saved.connect(self.review.refresh)
        QgsProject.instance().layersAdded.connect(self._mend)
        self._mend(list(QgsProject.instance().mapLayers().values()))
        self.teaching.trained.connect(self._trained)
        self.teach.models.renamed.connect(self._model_renamed)
        self.teach.models.changed.connect(self._models_changed)
        self._link.on_settings_changed = self.engine_changed


def _nothing() -> None:
    """No one listens any more."""
