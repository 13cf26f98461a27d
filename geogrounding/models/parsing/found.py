"""What is found in a model's text, in the units of that text, and the reasons for leaving things out."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from geogrounding.messages import shorten
from geogrounding.models.parsing.sections import blank
from geogrounding.types import Drop

Span = tuple[int, int]
"""(start, stop) in characters of the reply, half-open."""

_SHORT = 80
_MAX_DROP_TEXTS = 100


class Reason(StrEnum):
    """Why a part of an answer was dropped; these phrases are counted in summaries and do not change."""

    EMPTY_REPLY = "empty reply"
    NO_ANSWER = "the reply ended inside its reasoning"
    NO_BOX = "no box in this part of the answer"
    REPEATED_ANSWER = "more than one answer, the last one counts"
    NOT_FOUR_NUMBERS = "not four numbers"
    NOT_FINITE = "number that is not finite"
    CUT_OFF = "box cut off by the end of the reply"
    TOO_DEEP = "brackets nested too deeply"
    LOCATION_TOKENS = "location tokens of a model family that is not supported"
    TOO_LONG = "text beyond the first 64 KB was not read"
    TOO_MANY = "more than 500 boxes"
    NOT_ONE = "more than one box for a single target"
    TWICE = "same box twice"
    EMPTY_BOX = "empty box"
    OUTSIDE = "box outside the image"
    FRACTIONS = "box of fractions where larger numbers were due"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocatedBox:
    """A box as the model wrote it, in the units of the model's text."""

    corners: tuple[float, float, float, float]
    """(x, y, x, y) of two opposite corners, finite, in no particular order."""
    span: Span
    """Characters from the first to the last number of the box."""
    number_spans: tuple[Span, ...]
    """Characters of each number."""
    label: str | None = None
    stated_score: float | None = None
    """In [0, 1], where the model wrote a score or confidence of its own."""
    keypoints: tuple[tuple[float, float], ...] = ()


@dataclass(slots=True, kw_only=True)
class Located:
    """Everything found in a reply."""

    reasoning: str = ""
    boxes: list[LocatedBox] = field(default_factory=list)
    drops: list[Drop] = field(default_factory=list)
    denied: bool = False
    """Whether an object says that it has no box (``"bbox_2d": null``)."""

    def drop(self, reason: Reason, text: str = "") -> None:
        """Count something that cannot be used; its text is kept, shortened, for the first hundred."""
        shown = short(text) if len(self.drops) < _MAX_DROP_TEXTS else ""
        self.drops.append(Drop(reason=reason.value, text=shown))


def short(text: str, limit: int = _SHORT) -> str:
    """One line of at most so many characters."""
    line = blank(" ".join(text[: 4 * limit].split()))
    return shorten(line, limit)
