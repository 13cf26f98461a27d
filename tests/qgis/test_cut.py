"""In every language the words of the panel fit: buttons, boxes to tick, choices of fixed words, labels of one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import translations
from fakes import ScriptedLink, box, emits, features
from geoground_qgis import plugin, settings
from geoground_qgis.dock import Dock
from panels import Run, room
from qgis.core import QgsRasterLayer, QgsSettings
from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtWidgets import QAbstractButton, QComboBox, QLabel, QWidget

Until = Callable[..., None]


@pytest.fixture(params=["en", *translations.LANGUAGES])
def in_language(
    request: pytest.FixtureRequest, iface: QgisInterface, link: ScriptedLink, raster: QgsRasterLayer
) -> Iterator[Dock]:
    """The panel in a language, as narrow as it can be."""
    before = QgsSettings().value("locale/userLocale", "")
    QgsSettings().setValue("locale/userLocale", request.param)
    translator = plugin._translator()
    settings.save(settings.Settings(engine="good", keep_results=False))
    dock = Dock(iface, link)
    dock.setFloating(True)
    dock.show()
    yield dock
    dock.close_everything()
    dock.deleteLater()
    if translator is not None:
        QCoreApplication.removeTranslator(translator)
    QgsSettings().setValue("locale/userLocale", before)


def cut(root: QWidget) -> dict[str, tuple[int, int]]:
    """Texts that have less room than they need: the width that is there, and the one that is needed."""
    found = {}
    for widget in root.findChildren(QWidget):
        words = isinstance(widget, QAbstractButton) or (isinstance(widget, QLabel) and not widget.wordWrap())
        if words and widget.isVisible() and widget.text() and widget.width() < widget.minimumSizeHint().width():
            found[widget.text()] = (widget.width(), widget.minimumSizeHint().width())
        right = widget.mapTo(root, widget.rect().topRight()).x()
        if words and widget.isVisible() and widget.text() and right > root.width():
            found[widget.text()] = (root.width(), right)
    return found


def test_no_words_are_cut(in_language: Dock, link: ScriptedLink, until: Until) -> None:
    dock = in_language
    link.answers["run"] = emits(features(box(404_222, 3_285_112, 2)))
    assert Run(dock, until)() == "done"
    dock.ask.area.by_polygons.click()
    for group in (dock.review.view_box, dock.review.correct_box):
        group.setCollapsed(False)
    for number in range(dock.tabs.count()):
        dock.tabs.setCurrentIndex(number)
        dock.resize(dock.minimumSizeHint().width(), 900)
        until(lambda: dock.height() == 900)
        assert cut(dock) == {}
        ask, review, teach = dock.ask, dock.review, dock.teach
        for choice in (ask.task, ask.outline, review.order, review.colours, review.outline, teach.method, teach.length):
            if choice.isVisible():
                assert [t for t in texts(choice) if choice.fontMetrics().horizontalAdvance(t) > room(choice)] == []


def texts(choice: QComboBox) -> list[str]:
    return [choice.itemText(number) for number in range(choice.count())]
