"""Replies that are no whole answer, and the words that say so: their chip counts as failed.

A chip whose reply was cut, or holds nothing that can be used although the model meant something, is no "nothing found"
and no complete answer. What can be used of it stays in the result.
"""

from __future__ import annotations

from dataclasses import dataclass

from geogrounding.models.families import BoxConvention
from geogrounding.models.parsing.found import CONVENTION, Reason
from geogrounding.models.parsing.lenient_json import NUMBER, number
from geogrounding.types import Answer, Task

_UNREAD = frozenset({Reason.NO_BOX, Reason.NOT_FOUR_NUMBERS, Reason.LOCATION_TOKENS, Reason.NOT_FINITE})
"""Parts of a reply that may be boxes in a form that is not known here, where they hold four numbers or more."""
_REPEATS = 5
"""A reply that holds the same box so often was cut because the model repeats itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What cuts a reply off, and what helps."""

    at: str
    """Such as "at the token limit (2048)"."""
    remedy: str

    @classmethod
    def found(cls, max_tokens: int, used: int | None = None) -> Limit:
        """The limit that was asked for, or one of the server where fewer tokens were used up."""
        if used is None or used >= max_tokens:
            return cls(at=f"at the token limit ({max_tokens})", remedy="raise --max-new-tokens")
        return cls(
            at=f"by the server after {used} of the {max_tokens} tokens that were asked for",
            remedy="start the server with a longer context",
        )

    @classmethod
    def of_context(cls, tokens: int) -> Limit:
        """The context of a local model."""
        return cls(
            at=f"where the context of the model was full ({tokens} tokens)", remedy="choose a smaller --tile-size"
        )


def problem_of(answer: Answer, *, task: Task, convention: BoxConvention, limit: Limit) -> str | None:
    """Why an answer is missing or incomplete, with the option that helps; None for any other answer.

    Args:
        answer: as ``parse_answer`` returned it.
        task: ``refer`` is answered by one box, whatever would have followed it.
        convention: how its numbers were taken.
        limit: what cut the reply off, if it was cut.
    """
    if not answer.detections:
        return _unusable(answer, convention, limit)
    return None if task == "refer" else _incomplete(answer, limit)


# One branch per contradiction, the surest first.
def _unusable(answer: Answer, convention: BoxConvention, limit: Limit) -> str | None:  # noqa: PLR0911
    reasons = {drop.reason for drop in answer.dropped}
    taken = f"the numbers are taken as {convention.in_words}"
    shown = max((drop.text for drop in answer.dropped if drop.reason in CONVENTION), key=_largest, default="")
    if Reason.RANGE in reasons:
        return f"the reply has numbers beyond the range, such as [{shown}]: {taken}; see --coordinates"
    if Reason.FRACTIONS in reasons:
        return f"the reply has fractions, such as [{shown}], but {taken}; try --coordinates fractions"
    if Reason.ORDER in reasons:
        return (
            f"the reply writes box_2d, whose order differs between model families, such as [{shown}]; "
            "say which it is with --box-order yxyx or --box-order xyxy"
        )
    if Reason.POINT in reasons:
        return "the reply holds points and no boxes: choose a model that writes boxes"
    if Reason.TRUNCATED in reasons:
        return (
            f"the reply was cut {limit.at} before it held a whole box; {limit.remedy}, "
            "or choose a --prompt-style that ends in -direct"
        )
    if Reason.NO_ANSWER in reasons:
        return "the reply ends inside its reasoning; choose a --prompt-style that ends in -direct"
    if Reason.CUT_OFF in reasons:
        return "the reply ends inside its first box, although no token limit is stated; look for a limit of the server"
    if Reason.EMPTY_REPLY in reasons:
        return "the reply is empty"
    unread = next((d.text for d in answer.dropped if d.reason in _UNREAD and len(NUMBER.findall(d.text)) >= 4), None)
    if unread is not None:
        return f"the reply holds numbers in a form that is not read: {unread!r}; choose another --prompt-style"
    return None


def _incomplete(answer: Answer, limit: Limit) -> str | None:
    reasons = [drop.reason for drop in answer.dropped]
    count = len(answer.detections)
    boxes = "1 box, which is" if count == 1 else f"{count} boxes, which are"
    if Reason.TRUNCATED in reasons:
        remedy = f"{limit.remedy} and add --resume to ask again"
        if reasons.count(Reason.TWICE) >= _REPEATS:
            remedy = "the model repeats itself there, which more tokens do not cure"
        return f"the reply was cut {limit.at} after {boxes} kept; {remedy}"
    if Reason.CUT_OFF in reasons:
        return f"the reply ends inside a box after {boxes} kept; look for a limit of the server"
    if Reason.TOO_LONG in reasons:
        return f"the reply goes on beyond 64 KB, after {boxes} kept; choose a smaller --tile-size"
    if Reason.TOO_MANY in reasons:
        return f"the reply holds more than {count} boxes, of which {count} are kept; choose a smaller --tile-size"
    return None


def _largest(text: str) -> float:
    """The largest number in a short text."""
    return max(
        (abs(value) for match in NUMBER.finditer(text) if (value := number(match.group())) is not None), default=0
    )
