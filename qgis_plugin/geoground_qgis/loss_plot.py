"""A small curve of numbers over steps, drawn without further packages."""

from __future__ import annotations

import math

from qgis.PyQt.QtCore import QPointF, QRectF, QSize, Qt
from qgis.PyQt.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from qgis.PyQt.QtWidgets import QSizePolicy, QWidget

from .messages import tr

MARGIN = 8.0
LINE, GRID = QColor("#2f6f55"), QColor(128, 128, 128, 70)


class Curve(QWidget):
    """The course of one figure of training; axes follow the values."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._points: list[tuple[float, float]] = []
        self._name = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumHeight(110)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Wide and low."""
        return QSize(260, 110)

    @property
    def points(self) -> list[tuple[float, float]]:
        """(step, value) in the order in which they came."""
        return list(self._points)

    def clear(self, name: str = "") -> None:
        """Begin a new curve."""
        self._points, self._name = [], name
        self.update()

    def add(self, step: float, value: float) -> None:
        """Add a point; what is no number is passed over."""
        if math.isfinite(step) and math.isfinite(value):
            self._points.append((step, value))
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw frame, line and the last value."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text_height = self.fontMetrics().height()
        area = QRectF(self.rect()).adjusted(MARGIN, MARGIN + text_height, -MARGIN, -MARGIN)
        painter.fillRect(area, self.palette().base())
        painter.setPen(QPen(GRID, 1))
        painter.drawRect(area)
        for share in (0.25, 0.5, 0.75):
            y = area.top() + share * area.height()
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
        painter.setPen(self.palette().text().color())
        if not self._points:
            painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), tr("The curve appears while training runs."))
            return
        steps, values = zip(*self._points)
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
                for step, value in self._points
            ]
        )
        title = tr("{name}: {value} at step {step}").format(
            name=self._name, value=f"{values[-1]:.3g}", step=int(steps[-1])
        )
        painter.drawText(QPointF(MARGIN, MARGIN + text_height * 0.7), title)
        painter.drawText(
            QRectF(0, MARGIN * 0.5, self.width() - MARGIN, text_height),
            int(Qt.AlignmentFlag.AlignRight),
            f"{low:.3g} – {high:.3g}",
        )
        painter.setPen(QPen(LINE, 2))
        painter.drawPolyline(line)
        painter.setBrush(LINE)
        painter.drawEllipse(line[line.count() - 1], 3.0, 3.0)
