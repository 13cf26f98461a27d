"""Read JSON-like values out of a model's text, however broken, and remember where each number stood.

A general repair library is of no use here: it forgets the positions that scores are taken from, and its time is not
bounded (json-repair 0.64 needs 36 s for 60 KB of ``[{"a":"`` repeated). This reader makes one pass, never recurses,
and never fails: what it cannot use it skips. It takes brackets of all three kinds, single or double quotes, bare words
as keys or values, ``:`` or ``=``, missing commas, missing and mismatched brackets, unescaped quotes inside strings,
and text that ends anywhere.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_DEPTH = 32
"""Brackets nested deeper than this are skipped."""

_MAX_NUMBER_CHARACTERS = 40
_MAX_KEY_CHARACTERS = 64
_MAX_BARE_CHARACTERS = 200
_STRING_WINDOW = 1000
_MAX_INNER_QUOTES = 16
"""How far the end of a badly quoted string is looked for; bounds the time on hostile text."""
_LONG_STRING_WINDOW = 8000
_SHORT_STRING_WINDOW = 200
_STRING_BUDGET = 500_000
"""Characters that may be spent on strings that turn out badly quoted; after them only short strings are read whole."""


@dataclass(slots=True, kw_only=True)
class Number:
    """A number; ``value`` is None when it is not finite or too long to be meant."""

    value: float | None
    start: int
    stop: int


@dataclass(slots=True, kw_only=True)
class Text:
    """A quoted string, or bare words; ``start`` and ``stop`` take in the quotes."""

    value: str
    start: int
    stop: int
    bare: bool = False
    whole: bool = True
    """False when the text ended before the closing quote."""


@dataclass(slots=True, kw_only=True)
class Array:
    """A list or tuple."""

    start: int
    stop: int = 0
    items: list[Value] = field(default_factory=list)
    whole: bool = True
    """False when the text ended before the closing bracket."""


@dataclass(slots=True, kw_only=True)
class Mapping:
    """An object: its pairs in order (keys may repeat) and the values that have no key."""

    start: int
    stop: int = 0
    pairs: list[tuple[str, Value]] = field(default_factory=list)
    loose: list[Value] = field(default_factory=list)
    whole: bool = True
    key: str | None = None
    """The key that waits for its value while the object is read."""


Value = Number | Text | Array | Mapping

NUMBER = re.compile(r"(?<![\w.])(?>[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)(?![\w.%])")
_OPENING = re.compile(r"[\[{]|\((?=\s{0,20}[-+.0-9])")
_TOKEN = re.compile(r"//[^\n]*|/\*(?s:.{0,1000}?)\*/|[\[\](){}\"'\u2018\u2019\u201c\u201d,;]|[\w.+%-]+")
_QUOTES = {'"': '"', "'": "'", "\u201c": "\u201d", "\u201d": "\u201d", "\u2018": "\u2019", "\u2019": "\u2019"}
_WHOLE_STRING = {
    quote: re.compile(
        rf"{quote}([^{quote}\\\n]*(?:\\.[^{quote}\\\n]*)*){quote}(?=\s{{0,50}}(?:[,:=}}\])]|\Z))", re.DOTALL
    )
    for quote in ('"', "'")
}
_KEY_FOLLOWS = re.compile(r"\s{0,50}[:=]")
_STRING_END = re.compile(r"\s{0,50}(?:[,:=}\])]|\Z)")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}
_NOT_FINITE = frozenset({"nan", "inf", "infinity", "-inf", "-infinity", "+inf", "+infinity", "-nan", "+nan"})


@dataclass(slots=True)
class Reading:
    """The values of a stretch of text, outermost first, in order, and how many brackets were nested too deeply."""

    values: list[Value] = field(default_factory=list)
    too_deep: int = 0


def number(text: str) -> float | None:
    """The finite value of a number as ``NUMBER`` matches it, or None when it is too large or absurdly long."""
    if len(text) > _MAX_NUMBER_CHARACTERS:
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def read(text: str, start: int = 0, stop: int | None = None) -> Reading:
    """Read every bracketed value between two positions of a text, in linear time; it never raises."""
    stop = len(text) if stop is None else stop
    reader = _Reader(text, stop)
    position = start
    while (opening := _OPENING.search(text, position, stop)) is not None:
        position = reader.read_from(opening.start())
    return reader.reading


def walk(value: Value) -> Iterator[Value]:
    """The value and everything inside it, in no particular order."""
    waiting = [value]
    while waiting:
        current = waiting.pop()
        yield current
        if isinstance(current, Array):
            waiting.extend(current.items)
        elif isinstance(current, Mapping):
            waiting.extend(inner for _, inner in current.pairs)
            waiting.extend(current.loose)


class _Reader:
    def __init__(self, text: str, stop: int) -> None:
        self.text = text
        self.stop = stop
        self.reading = Reading()
        self.stack: list[Array | Mapping] = []
        self.skipped = 0  # brackets too deep that are open now
        self.budget = _STRING_BUDGET

    def read_from(self, position: int) -> int:
        """Read from an opening bracket until it is closed or the text ends; return where to go on."""
        while (token := _TOKEN.search(self.text, position, self.stop)) is not None:
            first = token.group()[0]
            if first == "/":  # a comment
                position = token.end()
            elif first in "[({":
                self._open(first, token.start())
                position = token.end()
            elif first in "])}":
                self._close(first, token.end())
                position = token.end()
                if not self.stack:
                    return position
            elif first in ",;":
                position = token.end()
            elif first in _QUOTES:
                position = self._string(token.start())
            else:
                position = self._word(token.start(), token.end())
        while self.stack:
            self._pop(self.stop, whole=False)
        self.skipped = 0
        return self.stop

    def _open(self, bracket: str, start: int) -> None:
        if len(self.stack) >= MAX_DEPTH:
            self.reading.too_deep += 1
            self.skipped += 1
            return
        top = self.stack[-1] if self.stack else None
        if bracket == "{" and isinstance(top, Mapping) and top.key is None and top.pairs:
            self._pop(start)  # a new object where a key was due: the closing brace was forgotten
        self.stack.append(Mapping(start=start) if bracket == "{" else Array(start=start))

    def _close(self, bracket: str, stop: int) -> None:
        if self.skipped:
            self.skipped -= 1
            return
        wanted = Mapping if bracket == "}" else Array
        if any(isinstance(frame, wanted) for frame in self.stack):
            while not isinstance(self.stack[-1], wanted):
                self._pop(stop - 1)
            self._pop(stop)

    def _pop(self, stop: int, *, whole: bool = True) -> None:
        value = self.stack.pop()
        value.stop, value.whole = stop, whole
        if isinstance(value, Mapping):
            value.key = None
        if self.stack:
            self._add(value)
        else:
            self.reading.values.append(value)

    def _add(self, value: Value) -> None:
        top = self.stack[-1]
        if isinstance(top, Array):
            top.items.append(value)
        elif top.key is not None:
            top.pairs.append((top.key, value))
            top.key = None
        else:
            top.loose.append(value)

    def _key(self, key: str, start: int) -> None:
        top = self.stack[-1]
        if isinstance(top, Array):
            if len(self.stack) > 1 and isinstance(self.stack[-2], Mapping):
                self._pop(start)  # a key inside a list inside an object: the closing bracket was forgotten
            elif len(self.stack) < MAX_DEPTH:
                self.stack.append(Mapping(start=start))  # a key in a list: the opening brace was forgotten
            top = self.stack[-1]
        if isinstance(top, Mapping):
            top.key = key[:_MAX_KEY_CHARACTERS]

    def _string(self, start: int) -> int:
        quote = self.text[start]
        limit = min(self.stop, start + (_LONG_STRING_WINDOW if self.budget > 0 else _SHORT_STRING_WINDOW))
        match = _WHOLE_STRING[quote].match(self.text, start, limit) if quote in _WHOLE_STRING else None
        if match is not None:
            content, end, whole = _unescape(match.group(1)), match.end(), True
        else:
            self.budget -= limit - start
            content, end, whole = self._broken_string(start + 1, _QUOTES[quote])
        if _KEY_FOLLOWS.match(self.text, end, self.stop):
            self._key(content, start)
        else:
            self._add(Text(value=content, start=start, stop=end, whole=whole))
        return end

    def _broken_string(self, start: int, closing: str) -> tuple[str, int, bool]:
        """A string with unescaped quotes inside or without an end: (content, where to go on, whether it was closed)."""
        limit = min(self.stop, start + _STRING_WINDOW)
        newline = self.text.find("\n", start, limit)
        limit = limit if newline < 0 else newline
        first = end = self.text.find(closing, start, limit)
        for _ in range(_MAX_INNER_QUOTES):
            if end < 0 or _STRING_END.match(self.text, end + 1, self.stop):
                break
            end = self.text.find(closing, end + 1, limit)
        else:
            end = -1
        end = end if end >= 0 else first
        if end < 0:
            return self.text[start:limit], limit, False
        return self.text[start:end], end + 1, True

    def _word(self, start: int, end: int) -> int:
        word = self.text[start:end]
        keyed = _KEY_FOLLOWS.match(self.text, end, self.stop) is not None
        if keyed and isinstance(self.stack[-1], Mapping | Array):
            self._key(word, start)
        elif NUMBER.fullmatch(word):
            self._add(Number(value=number(word), start=start, stop=end))
        elif word.casefold() in _NOT_FINITE:
            self._add(Number(value=None, start=start, stop=end))
        elif (last := self._last()) is not None and last.bare and self._joins(last, start):
            last.stop = end
            last.value = self.text[last.start : end]
        else:
            self._add(Text(value=word, start=start, stop=end, bare=True))
        return end

    def _joins(self, last: Text, start: int) -> bool:
        return start - last.start < _MAX_BARE_CHARACTERS and self.text[last.stop : start].isspace()

    def _last(self) -> Text | None:
        """The value added last to the innermost bracket, when it is a string."""
        top = self.stack[-1]
        last: Value | None = None
        if isinstance(top, Array):
            last = top.items[-1] if top.items else None
        elif top.key is None and top.pairs:
            last = top.pairs[-1][1]
        return last if isinstance(last, Text) else None


def _unescape(content: str) -> str:
    r"""Undo the escapes of JSON and Python; an unknown one stands for its character, and so does a lone backslash."""
    if "\\" not in content:
        return content
    text = _ESCAPE.sub(_unescaped, content)
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # joins surrogate pairs


def _unescaped(match: re.Match[str]) -> str:
    escape = match.group(1)
    if len(escape) > 1:
        return chr(int(escape[1:], 16))
    return _ESCAPES.get(escape, escape)
