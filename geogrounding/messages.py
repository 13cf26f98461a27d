"""Texts of users, files and models, made short enough to stand in a message."""

from __future__ import annotations

import re
from typing import Final

QUOTED: Final = 120
"""Characters of a foreign text that a message quotes unless it says otherwise."""
ERROR: Final = 300
"""Characters of another library's error that a message repeats."""
_DOTS = "..."
_ADDRESS = re.compile(
    r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)(?:[^\s/?#@'\"<>]*@)?(?P<place>[^\s?'\"<>]*)(?:\?[^\s#'\"<>]*)?", re.IGNORECASE
)


def shorten(text: object, limit: int = QUOTED) -> str:
    """``str(text)``, cut to at most ``limit`` characters; what was cut ends in three dots."""
    shown = str(text)
    return shown if len(shown) <= limit else shown[: max(0, limit - len(_DOTS))] + _DOTS


def quote(value: object, limit: int = QUOTED) -> str:
    """``repr(value)``, shortened: control characters reach no terminal."""
    if isinstance(value, str):
        return repr(shorten(value, limit))
    return shorten(repr(value), limit)


def first_line(error: BaseException, limit: int = ERROR) -> str:
    """The first line of an error, shortened; its type where it has no text."""
    lines = str(error).strip().splitlines()
    return shorten(lines[0] if lines else type(error).__name__, limit)


def without_secrets(text: object) -> str:
    """``str(text)`` with every URL in it cut to scheme, host and path: queries hold signatures, users passwords."""
    return _ADDRESS.sub(r"\g<scheme>\g<place>", str(text))
