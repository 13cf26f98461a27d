"""What QGIS loads and unloads: the panel, the provider of Processing, the page of settings."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsApplication, QgsSettings
from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import QCoreApplication, QLocale, Qt, QTranslator
from qgis.PyQt.QtGui import QIcon

from .algorithms.provider import GeogroundingProvider
from .compat import QAction
from .engine_link import Link
from .messages import NAME, tr

FOLDER = Path(__file__).parent


class GeogroundingPlugin:
    """One per QGIS. ``iface`` is None in qgis_process, where there is only the provider."""

    def __init__(self, iface: QgisInterface | None) -> None:
        self.iface = iface
        self.link = Link()
        self.provider: GeogroundingProvider | None = None
        self.dock = None
        self._factory = None
        self._actions: list[QAction] = []
        self._translator = _translator()

    def initProcessing(self) -> None:  # noqa: N802 - QGIS's name
        """Add the algorithms; qgis_process calls this alone."""
        self.provider = GeogroundingProvider(self.link)
        QgsApplication.processingRegistry().addProvider(self.provider)

    def initGui(self) -> None:  # noqa: N802 - QGIS's name
        """Add everything; nothing is started before the user opens the panel."""
        from .dock import Dock
        from .options_page import OptionsFactory

        self.initProcessing()
        icon = QIcon(str(FOLDER / "icon.svg"))
        self.dock = Dock(self.iface, self.link)
        self.iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.dock)
        self._factory = OptionsFactory(self.link, icon)
        self.iface.registerOptionsWidgetFactory(self._factory)

        show = QAction(icon, tr("Ask the map a question"), self.iface.mainWindow())
        show.setObjectName("geogroundingShowPanel")
        show.setCheckable(True)
        show.setChecked(self.dock.isUserVisible())
        show.toggled.connect(self.dock.setUserVisible)
        self.dock.visibilityChanged.connect(show.setChecked)
        options = QAction(tr("Settings…"), self.iface.mainWindow())
        options.triggered.connect(self.dock.open_settings)
        self._actions = [show, options]
        self.iface.addToolBarIcon(show)
        for action in self._actions:
            self.iface.addPluginToRasterMenu(NAME, action)

    def unload(self) -> None:
        """Take everything away, and end the engine."""
        if self.iface is not None and self.dock is not None:
            self.dock.close_everything()
            for action in self._actions:
                self.iface.removePluginRasterMenu(NAME, action)
            self.iface.removeToolBarIcon(self._actions[0])
            for action in self._actions:
                action.deleteLater()
            self._actions = []
            self.iface.unregisterOptionsWidgetFactory(self._factory)
            self._factory = None
            self.iface.removeDockWidget(self.dock)
            self.dock.deleteLater()
            self.dock = None
        if self.provider is not None:
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None
        self.link.close()
        if self._translator is not None:
            QCoreApplication.removeTranslator(self._translator)
            self._translator = None


def _translator() -> QTranslator | None:
    """The translation into the language of QGIS, where there is one."""
    language = str(QgsSettings().value("locale/userLocale", "") or QLocale().name())
    for name in (language, language[:2]):
        path = FOLDER / "i18n" / f"{NAME}_{name}.qm"
        if path.is_file():
            translator = QTranslator()
            if translator.load(str(path)):
                QCoreApplication.installTranslator(translator)
                return translator
    return None
