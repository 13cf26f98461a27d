"""Text for people: translation, and words from outside shown as they are."""

from __future__ import annotations

import html

from qgis.PyQt.QtCore import QCoreApplication

NAME = "geogrounding"
"""Folder, context of translations, tab of the log, prefix of settings: one name for all of them."""

MAX_NAME_CHARS = 60


PROBLEM = "color: #8c1d18; background: #fbe9e7; padding: 3px; border-radius: 3px;"
"""Style of a line that says what is wrong: with its own background, so that it can be read in light and dark themes."""


_ENDS = (".", "!", "?", ":", "…", "。", "！", "？")


def tr(text: str) -> str:
    """The text in the language of the user, where a translation is there."""
    return QCoreApplication.translate(NAME, text)


def literal(text: str) -> str:
    """Text from outside for a place that reads HTML (message bar, tool tips): every character is shown as it is."""
    return html.escape(_printable(text), quote=True).replace("\n", "<br>")


def short(text: str, limit: int = MAX_NAME_CHARS) -> str:
    """One line of at most ``limit`` characters, for names of layers and groups."""
    line = " ".join(_printable(text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def joined(*parts: str, between: str = " ") -> str:
    """Texts one after the other, each but the last with a stop at its end; what is empty is left out."""
    said = [part.strip() for part in parts if part.strip()]
    return between.join([*(one if one.endswith(_ENDS) else f"{one}." for one in said[:-1]), *said[-1:]])


def duration(seconds: float) -> str:
    """``4 s``, ``3 min 5 s``, ``2 h 10 min``."""
    whole = max(1, round(seconds))
    if whole < 60:
        return tr("{n} s").format(n=whole)
    if whole < 3600:
        return tr("{m} min {s} s").format(m=whole // 60, s=whole % 60)
    return tr("{h} h {m} min").format(h=whole // 3600, m=whole % 3600 // 60)


def _printable(text: str) -> str:
    """Without characters that steer a terminal, a log or the direction of writing."""
    return "".join(c if c.isprintable() or c == "\n" else " " if c.isspace() else "\ufffd" for c in text)
