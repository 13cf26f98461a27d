"""How many results have which score, as bars: what the slider hides is pale."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qgis.PyQt.QtCore import QRectF, QSize
from qgis.PyQt.QtGui import QPainter, QPaintEvent, QPalette
from qgis.PyQt.QtWidgets import QSizePolicy, QWidget

BINS = 50
HEIGHT = 34


class ScoreChart(QWidget):
    """Bars over the slider, from score 0 on the left to 1 on the right."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.counts = [0] * BINS
        self._threshold = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Low and wide."""
        return QSize(120, HEIGHT)

    def show_scores(self, falling: NDArray[np.float64]) -> None:
        """Count scores that come in falling order."""
        edges = np.searchsorted(falling[::-1], np.arange(BINS) / BINS)
        self.counts = np.diff(edges, append=len(falling)).tolist()
        self.update()

    def show_threshold(self, score: float) -> None:
        """Bars below are pale."""
        self._threshold = score
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw the bars in the colours of the theme."""
        most = max(self.counts)
        if not most:
            return
        painter, width = QPainter(self), self.width() / BINS
        strong, pale = self.palette().color(QPalette.ColorRole.Highlight), self.palette().color(QPalette.ColorRole.Mid)
        for number, count in enumerate(self.counts):
            height = self.height() * count / most if count else 0.0
            colour = strong if (number + 1) / BINS > self._threshold else pale
            painter.fillRect(QRectF(number * width, self.height() - height, max(1.0, width - 1), height), colour)
        painter.end()
