"""A small curve of numbers over steps, drawn without further packages."""

from __future__ import annotations

import math

from qgis.PyQt.QtCore import QPointF, QRectF, QSize, Qt
from qgis.PyQt.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from qgis.PyQt.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from .messages import tr

MARGIN = 4.0
LINE, GRID = QColor("#3a9d76"), QColor(128, 128, 128, 90)
"""Tones that stand out from a light and from a dark background."""


class Curve(QWidget):
    """The course of one metric of training; axes follow the values.

    All text is in labels: a style sheet, such as that of the dark theme, colours those, but nothing that is painted.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._points: list[tuple[float, float]] = []
        self._name = ""
        self.title, self.range = QLabel(), QLabel()
        self._plot = _Plot(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        head = QHBoxLayout()
        for label in (self.title, self.range):
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.title.setWordWrap(True)
        head.addWidget(self.title, 1)
        head.addWidget(self.range)
        layout.addLayout(head)
        layout.addWidget(self._plot)
        self._show()

    @property
    def points(self) -> list[tuple[float, float]]:
        """(step, value) in the order in which they came."""
        return list(self._points)

    def clear(self, name: str = "") -> None:
        """Begin a new curve."""
        self._points, self._name = [], name
        self._show()

    def say(self, text: str) -> None:
        """A line in place of the name, until the first point."""
        if not self._points:
            self.title.setText(text)

    def add(self, step: float, value: float) -> None:
        """Add a point; what is no number is passed over."""
        if math.isfinite(step) and math.isfinite(value):
            self._points.append((step, value))
            self._show()

    def _show(self) -> None:
        if not self._points:
            self.title.setText(tr("The curve appears while training runs."))
            self.range.setText("")
        else:
            step, value = self._points[-1]
            values = [one for _, one in self._points]
            self.title.setText(
                tr("{name}: {value} at step {step}").format(name=self._name, value=f"{value:.3g}", step=int(step))
            )
            self.range.setText(f"{min(values):.3g} – {max(values):.3g}")
        self._plot.points = self._points
        self._plot.update()


class _Plot(QWidget):
    """Frame, grid and line."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.points: list[tuple[float, float]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumHeight(84)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Wide and low."""
        return QSize(260, 84)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw the line inside its frame."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(self.rect()).adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
        painter.setPen(QPen(GRID, 1))
        painter.drawRect(area)
        for share in (0.25, 0.5, 0.75):
            y = area.top() + share * area.height()
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
        if not self.points:
            return
        steps, values = zip(*self.points)
        low, high = min(values), max(values)
        if high - low < 1e-9:
            low, high = low - 0.5, high + 0.5
        first, last = min(steps), max(max(steps), min(steps) + 1)
        line = QPolygonF(
            [
                QPointF(
                    area.left() + (step - first) / (last - first) * area.width(),
                    area.bottom() - (value - low) / (high - low) * area.height(),
                )
                for step, value in self.points
            ]
        )
        painter.setPen(QPen(LINE, 2))
        painter.drawPolyline(line)
        painter.setBrush(LINE)
        painter.drawEllipse(line[line.count() - 1], 3.0, 3.0)
