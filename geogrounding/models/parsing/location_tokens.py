"""Boxes written as location tokens, which state range and order by themselves.

``<loc0000>`` to ``<loc1023>`` (PaliGemma): y, x, y, x in 1/1024 of each side; the label follows. ``<loc_0>`` to
``<loc_999>`` (Florence-2): x, y, x, y, the index of a bin of 1/1000, whose centre is meant; the label comes before.
``<patch_index_0000>`` to ``<patch_index_1023>`` (Kosmos-2): cells of a grid of 32 x 32, upper left and lower right,
from centre to centre, or whole cells where the box is one cell thick. Sources: see ``models.families``; Kosmos-2 as
``patch_index_to_coordinate`` of transformers' processing_kosmos2.py.
"""

from __future__ import annotations

import re

from geogrounding.models.families import BoxConvention
from geogrounding.models.parsing.found import Located, LocatedBox, Reason

_RUN = re.compile(r"(?:<(?:loc_?[0-9]{1,4}|patch_index_[0-9]{4})>\s*)+", re.IGNORECASE)
_ONE = re.compile(r"<(loc_?|patch_index_)([0-9]{1,4})>", re.IGNORECASE)
_WORDS_BEFORE = re.compile(r"([^<>\n;]{1,200})(?:</?(?:p|phrase|object|grounding|ref)>\s*)*\Z")
_WORDS_AFTER = re.compile(r"\s*([^<>\n;]{1,200})")

_PALIGEMMA = BoxConvention(coordinates="per-1024", order="yxyx")
_FLORENCE = BoxConvention(coordinates="per-mille")
_KOSMOS = BoxConvention(coordinates="fractions")
_GRID = 32


def collect_tokens(text: str, start: int, stop: int, found: Located) -> int | None:
    """Collect the boxes of location tokens between two positions.

    Returns:
        Where the first token stands; None where there is none.
    """
    first = None
    for run in _RUN.finditer(text, start, stop):
        first = run.start() if first is None else first
        tokens = list(_ONE.finditer(text, run.start(), run.end()))
        kind = tokens[0].group(1).casefold()
        size = 2 if kind == "patch_index_" else 4
        if len(tokens) % size or any(token.group(1).casefold() != kind for token in tokens):
            reason = Reason.CUT_OFF if run.end() == len(text) else Reason.LOCATION_TOKENS
            found.drop(reason, run.group())
            tokens = tokens[: len(tokens) // size * size] if reason is Reason.CUT_OFF else []
        words = (_WORDS_AFTER if kind == "loc" and len(tokens[0].group(2)) == 4 else None) if tokens else None
        after = words.match(text, run.end(), stop) if words is not None else None
        before = None if words is not None else _WORDS_BEFORE.search(text, max(start, run.start() - 300), run.start())
        said = after or before
        label = said.group(1).strip(" .,:\t") if said is not None else None
        for index in range(0, len(tokens), size):
            _add(text, tokens[index : index + size], kind, label or None, found)
    return first


def _add(text: str, tokens: list[re.Match[str]], kind: str, label: str | None, found: Located) -> None:
    numbers = [int(token.group(2)) for token in tokens]
    if kind == "patch_index_":
        limit, own, corners = _GRID * _GRID, _KOSMOS, _cells(numbers[0], numbers[1])
    elif kind == "loc":
        limit, own, corners = (
            1024,
            _PALIGEMMA,
            (float(numbers[0]), float(numbers[1]), float(numbers[2]), float(numbers[3])),
        )
    else:
        a, b, c, d = (number + 0.5 for number in numbers)
        limit, own, corners = 1000, _FLORENCE, (a, b, c, d)
    span = (tokens[0].start(), tokens[-1].end())
    if any(number >= limit for number in numbers):
        found.drop(Reason.LOCATION_TOKENS, text[span[0] : span[1]])
        return
    found.boxes.append(
        LocatedBox(
            corners=corners,
            span=(tokens[0].start(2), tokens[-1].end(2)),
            number_spans=tuple((token.start(2), token.end(2)) for token in tokens),
            label=label,
            order=own.order,
            own=own,
        )
    )


def _cells(upper_left: int, lower_right: int) -> tuple[float, float, float, float]:
    """Two cells of the grid as fractions (x, y, x, y)."""
    row0, column0 = divmod(upper_left, _GRID)
    row1, column1 = divmod(lower_right, _GRID)
    margin = 0.0 if row0 == row1 or column0 == column1 else 0.5
    low, high = margin, 1.0 - margin
    return (column0 + low) / _GRID, (row0 + low) / _GRID, (column1 + high) / _GRID, (row1 + high) / _GRID
