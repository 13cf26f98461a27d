"""Keys that press buttons, in several widgets, and only while they are wanted."""

from __future__ import annotations

from collections.abc import Iterable

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QKeySequence
from qgis.PyQt.QtWidgets import QAbstractButton, QWidget

from .compat import QShortcut


class Shortcuts:
    """All keys of a panel."""

    def __init__(self) -> None:
        self._made: list[QShortcut] = []

    def add(self, keys: Iterable[tuple[str, QAbstractButton]], widgets: Iterable[QWidget], *, enabled: bool) -> None:
        """Let keys work while one of the widgets, or one inside it, has the focus."""
        pairs = list(keys)
        for widget in widgets:
            for key, button in pairs:
                shortcut = QShortcut(QKeySequence(key), widget)
                shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
                shortcut.setEnabled(enabled)
                shortcut.activated.connect(button.click)
                self._made.append(shortcut)

    def enable(self, enabled: bool) -> None:
        """Turn all keys on or off."""
        for shortcut in self._made:
            shortcut.setEnabled(enabled)

    def close(self) -> None:
        """Take the keys away from widgets that live on."""
        for shortcut in self._made:
            shortcut.deleteLater()
        self._made = []
