"""The panel in use, and what is to be seen of it."""

from __future__ import annotations

from collections.abc import Callable

from geoground_qgis.dock import Dock
from qgis.core import (
    QgsExpressionContext,
    QgsExpressionContextUtils,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
    QgsVectorLayer,
)
from qgis.gui import QgisInterface, QgsMessageBar, QgsMessageBarItem
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtWidgets import QComboBox, QLabel, QStyle, QStyleOptionComboBox

Until = Callable[..., None]


class Run:
    """Starts what is in the panel and waits for its end."""

    def __init__(self, dock: Dock, until: Until) -> None:
        self.dock, self.until, self.outcomes = dock, until, []
        dock.asking.finished.connect(self.outcomes.append)

    def start(self, questions: str) -> None:
        self.dock.ask.question.setPlainText(questions)
        self.dock.ask.run_button.click()

    def __call__(self, questions: str = "tree") -> str:
        self.start(questions)
        self.until(lambda: self.outcomes and self.dock.asking.writer.idle)
        return self.outcomes.pop()


class Bar(QgsMessageBar):
    """The message bar of QGIS, which remembers what it showed."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def pushItem(self, item: QgsMessageBarItem) -> None:
        self.said += [label.text() for label in item.findChildren(QLabel) if label.text()]
        super().pushItem(item)


def room(choice: QComboBox) -> int:
    """Width that a choice has for its text."""
    option = QStyleOptionComboBox()
    choice.initStyleOption(option)
    part = QStyle.SubControl.SC_ComboBoxEditField
    return int(choice.style().subControlRect(QStyle.ComplexControl.CC_ComboBox, option, part, choice).width())


def messages(iface: QgisInterface) -> list[str]:
    return list(iface.messageBar().said)


def layers() -> dict[str, QgsVectorLayer]:
    """Result layers by question."""
    groups = QgsProject.instance().layerTreeRoot().findGroups()
    return {group.name(): group.findLayers()[0].layer() for group in groups}


def painted(layer: QgsVectorLayer) -> set[str]:
    """Ids of the results whose place on a rendered map is not empty."""
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(layer.crs())
    settings.setOutputSize(QSize(400, 100))
    settings.setExtent(layer.extent().buffered(2))
    settings.setBackgroundColor(QColor("black"))
    settings.setExpressionContext(QgsExpressionContext(QgsExpressionContextUtils.globalProjectLayerScopes(None)))
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    image, to_pixel = job.renderedImage(), settings.mapToPixel()
    found = set()
    for feature in layer.getFeatures():
        bounds = feature.geometry().boundingBox()
        corner = to_pixel.transform(bounds.xMinimum(), bounds.yMinimum())
        if image.pixelColor(round(corner.x()), round(corner.y())) != QColor("black"):
            found.add(feature["label"])
    return found


def luminance(colour: QColor) -> float:
    parts = (colour.redF(), colour.greenF(), colour.blueF())
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: QColor, other: QColor) -> float:
    """By the formula of WCAG 2, from 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)
