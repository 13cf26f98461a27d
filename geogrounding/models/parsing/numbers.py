"""Numbers and points among JSON-like values."""

from __future__ import annotations

import re
from collections.abc import Sequence

from geogrounding.models.parsing.lenient_json import NUMBER, Array, Number, Text, Value, number

_ONLY_SEPARATORS = re.compile(r"[\s,;()\[\]{}<>|]*")


def numbers_in(text: str, start: int, stop: int) -> list[Number] | None:
    """Four numbers with nothing but separators between them, or None."""
    numbers: list[Number] = []
    position = start
    for match in NUMBER.finditer(text, start, stop):
        separators = _ONLY_SEPARATORS.match(text, position, match.start())
        if len(numbers) == 4 or separators is None or separators.end() != match.start():
            return None
        numbers.append(Number(value=number(match.group()), start=match.start(), stop=match.end()))
        position = match.end()
    rest = _ONLY_SEPARATORS.match(text, position, stop)
    return numbers if len(numbers) == 4 and rest is not None and rest.end() == stop else None


def points_in(value: Value) -> list[tuple[float, float]]:
    """The points of a value that is one, or a list of some."""
    points = []
    for inner in [value, *value.items] if isinstance(value, Array) else []:
        if isinstance(inner, Array) and is_point(inner):
            x, y = (item.value for item in inner.items if isinstance(item, Number))
            if x is not None and y is not None:
                points.append((x, y))
    return points


def is_point(value: Value) -> bool:
    """Whether a value is a pair of numbers."""
    return isinstance(value, Array) and len(value.items) == 2 and all(isinstance(item, Number) for item in value.items)


def are_points(items: Sequence[Value]) -> bool:
    """Whether values are two pairs of numbers or more."""
    return len(items) >= 2 and all(is_point(item) for item in items)


def are_numbers(text: str, items: Sequence[Value]) -> bool:
    """Whether values are texts that are numbers."""
    return bool(items) and all(isinstance(item, Text) and as_number(text, item) is not None for item in items)


def as_number(text: str, value: Value) -> Number | None:
    """A number, or a string that is nothing but a number."""
    if isinstance(value, Number):
        return value
    if isinstance(value, Text):
        match = NUMBER.search(text, value.start, value.stop)
        if match is not None and match.group() == value.value.strip():
            return Number(value=number(match.group()), start=match.start(), stop=match.end())
    return None
