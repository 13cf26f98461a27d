"""What is written in the panel and its dialogs can be read in every theme of QGIS.

Contrast is measured in what is painted, by the formula of WCAG 2, which asks 4.5 of text. Where a theme itself gives a
widget of Qt less for the same text, that is the measure.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import let_qt_work
from fakes import ScriptedLink, box, emits, features
from geoground_qgis.dock import Dock
from geoground_qgis.options_page import OptionsPage
from geoground_qgis.plan_dialog import PlanDialog
from geoground_qgis.score_chart import ScoreChart
from geoground_qgis.setup_dialog import SetupDialog
from geoground_qgis.welcome import Welcome
from panels import Run, contrast
from qgis.core import QgsApplication
from qgis.PyQt.QtGui import QColor, QImage
from qgis.PyQt.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDialog,
    QGroupBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QRadioButton,
    QSpinBox,
    QTabBar,
    QTextEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

Until = Callable[..., None]
LEAST = 4.5
SLACK = 0.9
"""Thin strokes lie on the grid of pixels in another way in another place."""
LEAST_GRAPHIC = 1.25
"""Bars that say less are pale on purpose, but must be there."""
WRITTEN = (
    QLabel, QAbstractButton, QComboBox, QLineEdit, QPlainTextEdit, QTextEdit, QAbstractSpinBox, QGroupBox, QTabBar,
)  # fmt: skip
PLAIN = (QRadioButton, QCheckBox, QToolButton, QPushButton, QLabel, QLineEdit, QPlainTextEdit, QTextEdit, QGroupBox)
THEMES = ("default", "Night Mapping", "Blend of Gray")
OUT = os.environ.get("GEOGROUND_DARK_OUT", "")
"""Folder that screenshots are kept in."""


@pytest.fixture(params=THEMES)
def theme(request: pytest.FixtureRequest) -> Iterator[str]:
    assert request.param == "default" or request.param in QgsApplication.uiThemes()
    application = QgsApplication.instance()
    palette = application.palette()
    application.setUITheme(request.param)
    yield request.param
    application.setUITheme("default")
    application.setStyleSheet("")
    application.setPalette(palette)


def written(image: QImage) -> float:
    """Contrast between the colour that most of a widget has and the colour that differs most from it."""
    margin = 4  # frames are no text
    colours: Counter[int] = Counter()
    for y in range(margin, image.height() - margin):
        for x in range(margin, image.width() - margin):
            colours[image.pixel(x, y)] += 1
    if not colours:
        return LEAST
    ground = QColor(colours.most_common(1)[0][0])
    return max(contrast(ground, QColor(colour)) for colour in colours)


def text_of(widget: QWidget) -> str:
    for name in ("text", "title", "currentText", "toPlainText"):
        read = getattr(widget, name, None)
        if read is not None:
            found = str(read())
            if found.strip():
                return found
    return "tabs" if isinstance(widget, QTabBar) else ""


def plain(widget: QWidget) -> QWidget:
    """A widget of Qt with the same text, which nothing of the plugin has styled."""
    if isinstance(widget, QComboBox):
        other = QComboBox()
        other.addItem(widget.currentText())
    elif isinstance(widget, QAbstractSpinBox):
        other = QSpinBox()
        other.setSpecialValueText(widget.text())
    elif isinstance(widget, QTabBar):
        other = QTabBar()
        for number in range(widget.count()):
            other.addTab(widget.tabText(number))
    else:
        kind = next(one for one in PLAIN if isinstance(widget, one))
        other = kind()
        getattr(other, "setPlainText", getattr(other, "setText", None) or getattr(other, "setTitle", None))(
            text_of(widget)
        )
        if isinstance(other, QAbstractButton) and widget.isCheckable():
            other.setCheckable(True)
            other.setChecked(widget.isChecked())
        if isinstance(other, QToolButton):
            other.setAutoRaise(widget.autoRaise())
    return other


def unreadable(window: QWidget) -> dict[str, tuple[float, float]]:
    """What cannot be read in a window, with its contrast, and that of a plain widget in this theme."""
    found = {}
    for widget in window.findChildren(QWidget):
        inside = isinstance(widget.parent(), (QComboBox, QAbstractSpinBox))
        if not isinstance(widget, WRITTEN) or inside or not widget.isEnabled() or not text_of(widget):
            continue
        if widget.visibleRegion().boundingRect() != widget.rect():  # scrolled away
            continue
        place = widget.mapTo(window, widget.rect().topLeft())
        value = written(window.grab(widget.rect().translated(place)).toImage())
        if value < LEAST:
            like = QDialog()
            QVBoxLayout(like).addWidget(other := plain(widget))
            other.setFixedSize(widget.size())
            like.show()
            wanted = SLACK * min(LEAST, written(like.grab(other.geometry()).toImage()))
            like.close()
            if value < wanted:
                found[f"{type(widget).__name__} {text_of(widget)[:40]!r}"] = round(value, 2), round(wanted, 2)
    return found


def keep(window: QWidget, theme: str, name: str) -> None:
    if OUT:
        window.grab().save(str(Path(OUT) / f"{theme.replace(' ', '-')}-{name}.png"))


def test_every_text_can_be_read(theme: str, run: Run, dock: Dock, link: ScriptedLink, until: Until) -> None:
    link.answers["run"] = emits(features(*(box(404215 + 5 * i, 3285110, 3, number=i, score=i / 8) for i in range(8))))
    run()
    dock.setFloating(True)
    dock.resize(420, 900)
    dock.window().show()
    until(lambda: dock.review.ranking.total == 8)
    bad = {}
    for tab, name in enumerate(("ask", "review", "teach")):
        dock.tabs.setCurrentIndex(tab)
        if name == "ask":
            dock.ask.show_estimate("There is no engine at /nowhere.", problem=True)
            dock.ask.show_understood(["Every tree.", "Looked for: tree."])
        elif name == "review":
            dock.review.slider.setValue(50)
            for one in (dock.review.view_box, dock.review.correct_box):
                one.setCollapsed(False)
            dock.review.go(1)
        else:
            dock.teach.curve.clear("loss")
            for step in range(5):
                dock.teach.curve.add(step, 1 / (step + 1))
        until(lambda: not dock.review.ranking.busy)
        let_qt_work()
        keep(dock, theme, name)
        for panel in (dock.ask, dock.review, dock.teach):  # nothing is cut off on the right
            assert panel.width() >= panel.minimumSizeHint().width() or not panel.isVisible()
            assert panel.parentWidget().width() >= panel.width() or not panel.isVisible()
        bad |= {f"{name}: {text}": value for text, value in unreadable(dock).items()}
    welcome = QDialog()
    QVBoxLayout(welcome).addWidget(Welcome())
    dialogs = {
        "welcome": welcome,
        "setup": SetupDialog(dock),
        "settings": OptionsPage(link),
        "plan": PlanDialog(link, dock.asking._understood, [], dock),
    }
    for name, dialog in dialogs.items():
        dialog.resize(max(520, dialog.sizeHint().width()), dialog.sizeHint().height())
        dialog.show()
        let_qt_work()
        keep(dialog, theme, name)
        bad |= {f"{name}: {text}": value for text, value in unreadable(dialog).items()}
        dialog.close()
        dialog.deleteLater()
    assert not bad, bad


def test_bars_of_both_kinds_can_be_seen(theme: str) -> None:
    import numpy as np

    chart = ScoreChart()
    chart.show_scores(np.linspace(1, 0, 500))
    chart.show_threshold(0.5)
    chart.resize(200, 34)
    chart.show()
    image = chart.grab().toImage()
    bare = ScoreChart()
    bare.resize(200, 34)
    ground = bare.grab().toImage().pixelColor(100, 17)
    pale, strong = image.pixelColor(21, 30), image.pixelColor(181, 30)
    assert contrast(strong, ground) >= 2 * LEAST_GRAPHIC, (strong.name(), ground.name())
    assert contrast(pale, ground) >= LEAST_GRAPHIC, (pale.name(), ground.name())
    assert contrast(pale, strong) >= LEAST_GRAPHIC
