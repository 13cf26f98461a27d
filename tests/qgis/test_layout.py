"""What matters is in sight: buttons in low and narrow panels, messages and choices with all of their words."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fakes import ScriptedLink, box, emits, features
from geoground_qgis.dock import Dock
from geoground_qgis.message_bar import MOST_CHARS, say
from geoground_qgis.messages import joined
from geoground_qgis.options_page import OptionsPage
from panels import Run, messages
from qgis.core import Qgis, QgsProject
from qgis.gui import QgisInterface, QgsMessageBar
from qgis.PyQt.QtWidgets import QLabel, QVBoxLayout, QWidget

Until = Callable[..., None]
LOW = 420
"""A panel that shares its side of the window with another one."""
USUAL = 640
"""What a window of 800 pixels leaves for the panel."""
LONG = "The engine cannot be used. Name the Python of the environment that geogrounding is installed in. " * 3


def in_sight(widget: QWidget) -> bool:
    """Whether nothing of a widget is cut off or scrolled away."""
    return widget.isVisible() and widget.visibleRegion().boundingRect() == widget.rect()


@pytest.fixture
def panel(dock: Dock, until: Until) -> Dock:
    """The panel in a narrow and low place."""
    dock.setFloating(True)
    dock.resize(dock.minimumSizeHint().width(), LOW)
    until(lambda: dock.height() == LOW)
    return dock


@pytest.mark.parametrize("name", ["ask", "teach"])
def test_what_starts_a_run_stays_in_sight(panel: Dock, until: Until, name: str) -> None:
    tab = getattr(panel, name)
    panel.tabs.setCurrentWidget(tab)
    button = panel.ask.run_button if name == "ask" else panel.teach.train_button
    until(lambda: in_sight(button))
    tab.set_running(True)
    until(lambda: in_sight(tab.cancel_button) and in_sight(tab.progress))
    tab.set_running(False)


def test_why_a_lesson_cannot_start_is_in_sight(panel: Dock, until: Until) -> None:
    panel.tabs.setCurrentWidget(panel.teach)
    panel.teach.train_button.click()
    until(lambda: "polygon layer" in panel.teach.message.text() and in_sight(panel.teach.message))


def test_verdicts_can_be_given_while_the_view_is_set(run: Run, dock: Dock, link: ScriptedLink, until: Until) -> None:
    link.answers["run"] = emits(features(box(404_222, 3_285_112, 2, reasoning="A long text. " * 40)))
    run()
    dock.setFloating(True)
    dock.resize(dock.minimumSizeHint().width(), USUAL)
    dock.tabs.setCurrentIndex(1)
    dock.review.view_box.setCollapsed(False)
    dock.review.next.click()
    until(lambda: in_sight(dock.review.accept) and in_sight(dock.review.reject))
    lines = dock.review.reasoning.viewport().height() // dock.review.reasoning.fontMetrics().lineSpacing()
    assert lines >= 3


def test_the_settings_fit_on_a_small_screen(link: ScriptedLink) -> None:
    page = OptionsPage(link)
    assert page.minimumSizeHint().height() < LOW
    assert page.minimumSizeHint().width() < 800
    page.deleteLater()


@pytest.mark.parametrize("width", [400, 700])
def test_a_message_has_as_many_lines_as_it_takes(until: Until, width: int) -> None:
    window = QWidget()
    layout = QVBoxLayout(window)
    bar = QgsMessageBar()
    layout.addWidget(bar)
    layout.addStretch(1)
    window.resize(width, 400)
    window.show()
    say(bar, LONG, Qgis.MessageLevel.Critical, 0)
    (label,) = (label for label in bar.findChildren(QLabel) if "The engine" in label.text())
    until(lambda: in_sight(label) and label.height() >= label.heightForWidth(label.width()))
    assert label.heightForWidth(label.width()) > 2 * label.fontMetrics().lineSpacing()
    window.close()


def test_a_message_is_shown_literally_and_ends_somewhere(iface: QgisInterface) -> None:
    say(iface.messageBar(), "<b>bad</b> & " + "x" * 10_000, Qgis.MessageLevel.Info)
    (shown,) = messages(iface)
    assert shown.startswith("<b>geogrounding:</b> &lt;b&gt;bad&lt;/b&gt; &amp; xxx")
    assert shown.endswith("…")
    assert len(shown) < MOST_CHARS + 100


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (("it is not there", "Choose another."), "it is not there. Choose another."),
        (("It is not there.", "", "Choose another"), "It is not there. Choose another"),
        (("Nichts gefunden!", "Weiter"), "Nichts gefunden! Weiter"),
        (("没有找到。", "再试一次"), "没有找到。 再试一次"),
        (("", " "), ""),
    ],
)
def test_texts_are_joined(parts: tuple[str, ...], said: str) -> None:
    assert joined(*parts) == said


def test_without_a_project_the_panel_says_what_is_missing(
    run: Run, dock: Dock, link: ScriptedLink, until: Until
) -> None:
    from fakes import progress, until_cancelled

    link.answers["run"] = until_cancelled(progress(1, 9))
    run.start("tree")
    until(lambda: "1 of 9" in dock.ask.progress.text())
    QgsProject.instance().clear()
    until(lambda: not dock.asking.running)
    assert "raster" in dock.ask.estimate.text()
    assert not dock.ask.run_button.isEnabled()
