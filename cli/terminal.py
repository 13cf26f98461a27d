"""What reaches the terminal, and in which form.

Standard output carries what programs read: the answers of ``info`` and ``models``, the lines of ``--progress json``.
Everything for people (summaries, warnings, errors, the progress bar) goes to standard error.

File names, coordinate systems, model texts and error messages of libraries come from outside: they may hold control
characters that move the cursor, rewrite lines or turn text around. They pass ``clean`` on the way to the terminal.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from geogrounding.execution.report import RunReport

# C0 and C1 control characters, zero-width and direction marks, line separators, lone surrogates (undecodable names).
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\ufff9-\ufffb]"
)

MAX_LINE_CHARS = 500
"""A message of a library may quote a whole file; what is longer than this is cut."""


def clean(text: object, *, limit: int | None = None) -> str:
    r"""Text that is safe to print on one line: unsafe characters are written as escapes such as ``\x1b``."""
    safe = _UNSAFE.sub(lambda match: match.group().encode("unicode_escape").decode("ascii"), str(text))
    return safe if limit is None or len(safe) <= limit else safe[: limit - 1] + "…"


def clean_lines(text: str) -> str:
    """As ``clean``, but line breaks stay."""
    return "\n".join(clean(line) for line in text.split("\n"))


def say(text: object) -> None:
    """Print one line for people, on standard error."""
    click.echo(clean(text, limit=MAX_LINE_CHARS), err=True)


def table(rows: Sequence[tuple[str, ...]], *, gap: int = 2) -> str:
    """Rows as text in aligned columns; every cell is made safe."""
    cells = [tuple(clean(cell) for cell in row) for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))] if cells else []
    pad = " " * gap
    lines = (pad.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)


def count(number: int, noun: str) -> str:
    """``1 chip``, ``2 chips``, ``12,000 chips``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``3 min 5 s``, ``2 h 10 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def to_json(value: Any, *, indent: int | None = None) -> str:
    """Strict JSON in ASCII, so that no control character survives; numbers that JSON lacks become text ("nan")."""
    return json.dumps(_strict(value), allow_nan=False, ensure_ascii=True, indent=indent)


def _strict(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    return value


def say_answers(report: RunReport, *, scene: str = "") -> None:
    """How each query about the whole scene was decided."""
    for expression, answer in report.answers.items():
        say(f"{scene}{': ' if scene else ''}{expression}: {answer['answer']}")
        for step in answer["steps"]:
            say(f"  {step['step']}")
