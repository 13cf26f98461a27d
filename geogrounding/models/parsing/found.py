"""What is found in a model's text, in the units of that text, and the reasons for leaving things out."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from geogrounding.messages import shorten
from geogrounding.models.families import BoxConvention
from geogrounding.models.parsing.sections import blank
from geogrounding.types import BoxOrder, Drop

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
    LOCATION_TOKENS = "location tokens that are no box"
    POINT = "a point where a box was due"
    TRUNCATED = "reply cut at the token limit, what follows is lost (--max-new-tokens)"
    TOO_LONG = "text beyond the first 64 KB was not read"
    TOO_MANY = "more than 500 boxes"
    NOT_ONE = "more than one box for a single target"
    TWICE = "same box twice"
    EMPTY_BOX = "empty box"
    OUTSIDE = "box outside the image"
    FRACTIONS = "box of fractions where larger numbers were due (--coordinates fractions)"
    BEYOND = "box reached beyond the image and was cut to it (are --coordinates right?)"
    RANGE = "numbers beyond the range that the coordinates have (--coordinates)"
    ORDER = "box_2d from a model of no known family, whose order is unknown (--box-order xyxy or yxyx)"
    SMALL_RANGE = "no number beyond 1000 on a larger image, where pixels were due (--coordinates per-mille?)"


PLACING = frozenset(
    {
        Reason.TWICE,
        Reason.EMPTY_BOX,
        Reason.FRACTIONS,
        Reason.OUTSIDE,
        Reason.TOO_MANY,
        Reason.NOT_ONE,
        Reason.RANGE,
        Reason.ORDER,
    }
)
"""Reasons that each stand for one box that was found and not placed."""
CONVENTION = frozenset({Reason.FRACTIONS, Reason.RANGE, Reason.ORDER})
"""Reasons that say that the model writes in another convention than is assumed."""
REMARKS = frozenset({Reason.BEYOND, Reason.SMALL_RANGE, Reason.REPEATED_ANSWER, Reason.TRUNCATED})
"""Reasons that count something about an answer and stand for no box that was left out of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocatedBox:
    """A box as the model wrote it, in the units of the model's text."""

    corners: tuple[float, float, float, float]
    """The four numbers as they stand, finite, in the order that ``order`` says."""
    span: Span
    """Characters from the first to the last number of the box."""
    number_spans: tuple[Span, ...]
    """Characters of each number."""
    label: str | None = None
    stated_score: float | None = None
    """In [0, 1], where the model wrote a score or confidence of its own."""
    keypoints: tuple[tuple[float, float], ...] = ()
    """Pairs of numbers as they stand."""
    outline: tuple[tuple[float, float], ...] = ()
    """Points of a polygon or a turned box as they stand, where there was one; ``corners`` are its bounds."""
    order: BoxOrder | Literal["as-asked"] = "as-asked"
    """``as-asked``: the convention of the model decides; otherwise the key or form of the box says it."""
    corner_pairs: bool = False
    """Whether the numbers were pairs (corners or an outline), which a size cannot be."""
    key: str = ""
    """The key under which the numbers stood, in lower case without separators."""
    tag: str = ""
    """The tag that enclosed the numbers, such as ``box`` or ``|det|``."""
    own: BoxConvention | None = None
    """The convention that the form itself has (location tokens)."""


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
