"""What the plugin says in the message bar of QGIS, over as many lines as it takes."""

from __future__ import annotations

from qgis.core import Qgis
from qgis.gui import QgsMessageBar, QgsMessageBarItem
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QLabel, QSizePolicy

from .messages import NAME, literal

MOST_CHARS = 600
"""Longer messages, of an engine or a server, end in …: the log has all of them."""


def say(bar: QgsMessageBar, text: str, level: Qgis.MessageLevel, seconds: int = 8) -> None:
    """Show a text for so many seconds (0: until it is closed).

    QGIS's own messages have one line, and what goes beyond it is cut off.
    """
    shown = text if len(text) <= MOST_CHARS else f"{text[: MOST_CHARS - 1].rstrip()}…"
    label = QLabel(f"<b>{NAME}:</b> {literal(shown)}", bar)  # without a parent it would end with this function
    label.setTextFormat(Qt.TextFormat.RichText)
    label.setWordWrap(True)
    label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    bar.pushItem(QgsMessageBarItem(label, level, seconds))
