"""The page of geogrounding in Settings ▸ Options."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from qgis.gui import QgsFileWidget, QgsOptionsPageWidget, QgsOptionsWidgetFactory
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QIcon
from qgis.PyQt.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QGroupBox,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from . import rasters, settings
from .background import Calls
from .diagnostics import describe_probe, diagnostics
from .engine.service import is_address, split_link
from .engine_link import Link
from .forms import Page, form, outline_box, plain_label, resolution_box, score_box, score_of, set_score, task_box
from .messages import NAME, joined, tr
from .setup_dialog import SetupDialog


class OptionsPage(QgsOptionsPageWidget):
    """Engine, server, defaults, cache, diagnostics."""

    def __init__(self, link: Link, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._link = link
        self._calls = Calls(self)
        self._build()
        self._fill(settings.load())

    def apply(self) -> None:
        """Keep what is entered; QGIS calls this when the user presses OK."""
        before, chosen = settings.load(), self.chosen()
        settings.save(chosen)
        if chosen != before:
            self._link.settings_changed()

    def chosen(self) -> settings.Settings:
        """What is entered; a link with a token is taken apart."""
        engine, token = self.engine.filePath().strip(), self.token.text().strip()
        if is_address(engine):
            engine, pasted = split_link(engine)
            token = pasted or token
        return replace(
            settings.load(),
            engine=engine,
            token=token,
            device=self.device.currentText().strip() or "auto",
            server_url=self.server.text().strip(),
            model=self.model.text().strip() or settings.Settings().model,
            task=self.task.currentData(),
            resolution_m=self.resolution.value(),
            min_score=score_of(self.min_score),
            outline=self.outline.currentData(),
            idle_minutes=self.idle.value(),
            models_folder=self.models.filePath().strip(),
            keep_results=self.keep.isChecked(),
            results_folder=self.results.filePath().strip(),
        )

    def test(self) -> None:
        """Try the engine that is entered, without keeping it."""
        self.test_button.setEnabled(False)
        self.outcome.setPlainText(tr("Testing: the first start takes a few seconds…"))
        chosen = self.chosen()
        self._calls.start(
            "test", lambda cancelled: self._link.probe(chosen, cancelled), self._tested, self._test_failed
        )

    def closeEvent(self, event: Any) -> None:  # noqa: N802 - Qt's name
        """Let no thread outlive the page."""
        self._calls.forget()
        super().closeEvent(event)

    def _tested(self, found: dict[str, Any]) -> None:
        self.test_button.setEnabled(True)
        self.outcome.setPlainText(tr("The engine works.") + "\n" + describe_probe(found))

    def _test_failed(self, message: str, hint: str) -> None:
        self.test_button.setEnabled(True)
        self.outcome.setPlainText(joined(tr("The engine does not work."), message, hint, between="\n"))

    def _search(self) -> None:
        found = self._link.find()
        if found:
            self.engine.setFilePath(found)
            self.outcome.setPlainText(tr("Found. Press Test."))
        else:
            self.outcome.setPlainText(
                tr("No geoground is on the search path. Open the settings and choose its Python.")
            )

    def _set_up(self) -> None:
        dialog = SetupDialog(self)
        dialog.ready.connect(self.engine.setFilePath)
        dialog.exec()
        dialog.deleteLater()

    def _copy(self) -> None:
        QApplication.clipboard().setText(diagnostics(self._link, self.chosen()))
        self.outcome.setPlainText(tr("Copied. It names versions, settings and the last messages of the engine."))

    def _clear_cache(self) -> None:
        freed = rasters.clear_cache()
        self.outcome.setPlainText(tr("{mb} MB are free again.").format(mb=f"{freed / 1e6:.1f}"))

    # Widgets from top to bottom, in the order in which they stand.
    def _build(self) -> None:  # noqa: PLR0915
        page, content = QVBoxLayout(self), QWidget()
        page.setContentsMargins(0, 0, 0, 0)
        page.addWidget(Page(content))  # else the dialog is higher than a small screen, its buttons below the edge
        outer = QVBoxLayout(content)
        outer.setContentsMargins(0, 0, 0, 0)
        engine = QGroupBox(tr("Engine"))
        rows = form(engine)
        self.engine = QgsFileWidget()
        self.engine.setStorageMode(QgsFileWidget.StorageMode.GetFile)
        self.engine.setDialogTitle(tr("The Python that geogrounding is installed in"))
        self.engine.lineEdit().setPlaceholderText(tr("a path, or the address of a server: http://host:8000"))
        rows.addRow(tr("Python or geoground"), self.engine)
        self.token = QLineEdit()
        self.token.setEchoMode(QLineEdit.EchoMode.Password)
        self.token.setToolTip(tr("What “geoground serve” prints, or GEOGROUND_TOKEN of the server"))
        rows.addRow(tr("Token of the server"), self.token)
        row = QHBoxLayout()
        self.test_button, self.search_button = QPushButton(tr("Test")), QPushButton(tr("Search"))
        self.copy_button, self.setup_button = QPushButton(tr("Copy diagnostics")), QPushButton(tr("Set up the engine…"))
        for button in (self.test_button, self.search_button, self.setup_button, self.copy_button):
            row.addWidget(button)
        row.addStretch(1)
        rows.addRow("", _box(row))
        self.outcome = QPlainTextEdit()
        self.outcome.setReadOnly(True)
        self.outcome.setPlaceholderText(tr("Test checks version, device, models and coordinate systems."))
        self.outcome.setFixedHeight(8 * self.outcome.fontMetrics().lineSpacing())
        rows.addRow("", self.outcome)
        self.device = QComboBox()
        self.device.setEditable(True)
        self.device.addItems(["auto", "cpu", "cuda"])
        rows.addRow(tr("Device"), self.device)
        self.idle = QSpinBox()
        self.idle.setRange(1, settings.MAX_IDLE_MINUTES)
        self.idle.setSuffix(tr(" min"))
        self.idle.setToolTip(tr("The model stays loaded between questions; after so long without one, memory is freed"))
        rows.addRow(tr("Stop when idle for"), self.idle)
        self.server = QLineEdit()
        self.server.setPlaceholderText("http://localhost:8000/v1")
        self.server.setToolTip(
            tr("An OpenAI-compatible server. Its key is read from the environment variable GEOGROUND_API_KEY.")
        )
        rows.addRow(tr("Model server"), self.server)
        outer.addWidget(engine)

        defaults = QGroupBox(tr("Defaults of a question"))
        rows = form(defaults)
        self.model = QLineEdit()
        self.model.setToolTip(tr("builtin, the folder of a model, or with a server the name it gives the model"))
        self.task, self.outline = task_box(), outline_box()
        self.resolution, self.min_score = resolution_box(), score_box()
        rows.addRow(tr("Model"), self.model)
        rows.addRow(tr("Find"), self.task)
        rows.addRow(tr("Draw"), self.outline)
        rows.addRow(tr("Ground resolution"), self.resolution)
        rows.addRow(tr("Lowest score"), self.min_score)
        outer.addWidget(defaults)

        places = QGroupBox(tr("Folders"))
        rows = form(places)
        self.models = QgsFileWidget()
        self.models.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        rows.addRow(tr("Trained models"), self.models)
        self.keep = QCheckBox(tr("Keep results in a GeoPackage"))
        self.results = QgsFileWidget()
        self.results.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        self.results.lineEdit().setPlaceholderText(tr("beside the project"))
        rows.addRow("", self.keep)
        rows.addRow(tr("Results"), self.results)
        cache = plain_label(str(settings.cache_folder()))
        cache.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        rows.addRow(tr("Exported rasters"), cache)
        self.clear_button = QPushButton(tr("Empty it"))
        row = QHBoxLayout()
        row.addWidget(self.clear_button)
        row.addStretch(1)
        rows.addRow("", _box(row))
        outer.addWidget(places)
        outer.addStretch(1)
        self.test_button.clicked.connect(self.test)
        self.search_button.clicked.connect(self._search)
        self.copy_button.clicked.connect(self._copy)
        self.setup_button.clicked.connect(self._set_up)
        self.clear_button.clicked.connect(self._clear_cache)

    def _fill(self, chosen: settings.Settings) -> None:
        self.engine.setFilePath(chosen.engine)
        self.token.setText(chosen.token)
        self.device.setCurrentText(chosen.device)
        self.server.setText(chosen.server_url)
        self.model.setText(chosen.model)
        self.task.setCurrentIndex(max(0, self.task.findData(chosen.task)))
        self.resolution.setValue(chosen.resolution_m)
        set_score(self.min_score, chosen.min_score)
        self.outline.setCurrentIndex(max(0, self.outline.findData(chosen.outline)))
        self.idle.setValue(chosen.idle_minutes)
        self.models.setFilePath(chosen.models_folder)
        self.keep.setChecked(chosen.keep_results)
        self.results.setFilePath(chosen.results_folder)


class OptionsFactory(QgsOptionsWidgetFactory):
    """Makes the page when the user opens the options."""

    def __init__(self, link: Link, icon: QIcon) -> None:
        super().__init__(NAME, icon)
        self._link, self._icon = link, icon

    def icon(self) -> QIcon:
        """The icon in the list of pages."""
        return self._icon

    def createWidget(self, parent: QWidget | None) -> OptionsPage:  # noqa: N802 - QGIS's name
        """A new page."""
        return OptionsPage(self._link, parent)


def _box(layout: QHBoxLayout) -> QWidget:
    widget = QWidget()
    layout.setContentsMargins(0, 0, 0, 0)
    widget.setLayout(layout)
    return widget
