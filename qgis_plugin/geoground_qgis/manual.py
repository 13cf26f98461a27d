"""The manual in a window: docs/qgis.md, which package.py puts into the zip as manual.md."""

from __future__ import annotations

from pathlib import Path

from qgis.PyQt.QtWidgets import QDialog, QTextBrowser, QVBoxLayout, QWidget

from .messages import tr

PLACES = (
    Path(__file__).parent / "manual.md",
    Path(__file__).resolve().parents[2] / "docs" / "qgis.md",
)
"""In the installed plugin, and in a checkout of the project."""


def text() -> str:
    """The manual in Markdown, without images, which are not in the zip."""
    for place in PLACES:
        if place.is_file():
            lines = place.read_text(encoding="utf-8").splitlines()
            return "\n".join(line for line in lines if not line.lstrip().startswith("!["))
    return tr("The manual is docs/qgis.md of geogrounding.")


def show(parent: QWidget) -> QDialog:
    """Open the window."""
    dialog = QDialog(parent)
    dialog.setWindowTitle(tr("geogrounding: help"))
    browser = QTextBrowser()
    browser.setOpenExternalLinks(True)
    browser.setMarkdown(text())
    QVBoxLayout(dialog).addWidget(browser)
    dialog.resize(720, 640)
    dialog.show()
    return dialog
