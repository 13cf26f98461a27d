"""Find the reasoning and the boxes in a model's text, with the place in the text of every number.

``locate`` knows the shapes that vision-language models write (tags, fences, JSON of many key styles, box tokens) and
nothing of pictures: what the numbers mean is decided by ``geogrounding.models.parsing.answer``. It never raises.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from geogrounding.models.parsing.box_styles import Fields, add_box, collect_all, numbers_in
from geogrounding.models.parsing.found import Located, Reason
from geogrounding.models.parsing.lenient_json import Number, Text, read, walk
from geogrounding.models.parsing.sections import Section, blank, fenced, says_none, sections

_LAST_WORDS = 320
_SHORT_DENIAL = 30
"""A shorter answer that says there is no target ("None", "No such target.") is not worth keeping as reasoning."""

_TAGGED_BOX = re.compile(
    r"<(?:\|box_start\||box)>(.{0,4000}?)(?:<(?:\|box_end\||/box)>|(?=<(?:\|box_start\||box)>)|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_TAGGED_LABEL = re.compile(
    r"<(?:\|object_ref_start\||ref)>(.{0,300}?)<(?:\|object_ref_end\||/ref)>", re.DOTALL | re.IGNORECASE
)
_PLAIN_BOX = re.compile(r"\[" + r"\s{0,9}[0-9]{1,9}\s{0,9}," * 3 + r"\s{0,9}[0-9]{1,9}\s{0,9}\]")
_LOCATION_TOKENS = re.compile(r"(?:<loc_?[0-9]{1,4}>\s*){1,8}", re.IGNORECASE)


def locate(text: str) -> Located:
    """Find reasoning, boxes and what cannot be used in a reply of any form."""
    found = Located()
    parts = sections(text)
    if not text.strip():
        found.drop(Reason.EMPTY_REPLY)
        return found
    found.reasoning = parts.reasoning
    for ignored in parts.ignored_answers:
        found.drop(Reason.REPEATED_ANSWER, text[ignored.start : ignored.stop])
    if parts.answer is None:
        found.drop(Reason.NO_ANSWER, text[-_LAST_WORDS:])
        return found
    first = _read_answer(text, parts.answer, found)
    if not parts.tagged and not found.reasoning:
        found.reasoning = blank(text[parts.answer.start : first]).strip()
    return found


def _read_answer(text: str, answer: Section, found: Located) -> int:
    """Collect the boxes of the answer; return the position of the first thing that was not prose."""
    blocks = fenced(text, answer)
    first = blocks[0].outer_start if blocks else answer.stop
    before = len(found.boxes) + len(found.drops)
    for block in blocks or [answer]:
        first = min(first, _read_block(text, block, found))
    if before < len(found.boxes) + len(found.drops):
        return first
    if _bare_numbers(text, blocks or [answer], found):
        return min(first, answer.start)
    if blocks:
        first = min(first, _read_block(text, answer, found))  # the fences held something else
        if before < len(found.boxes) + len(found.drops):
            return first
    content = text[answer.start : answer.stop]
    if _LOCATION_TOKENS.search(content):
        found.drop(Reason.LOCATION_TOKENS, content)
    elif _PLAIN_BOX.search(content):
        found.drop(Reason.NO_BOX, content)  # hidden by broken quotes, or in a comment: not to be passed over in silence
    elif says_none(content):
        first = min(first, answer.start) if len(content) < _SHORT_DENIAL else first
    elif not found.denied and not _is_empty(text, blocks or [answer]):
        found.drop(Reason.NO_BOX, content)
    return first


def _read_block(text: str, block: Section, found: Located) -> int:
    tags = list(_TAGGED_BOX.finditer(text, block.start, block.stop))
    if tags:
        labels = [(match.start(), match.group(1)) for match in _TAGGED_LABEL.finditer(text, block.start, block.stop)]
        waiting = 0
        for tag in tags:
            while waiting < len(labels) and labels[waiting][0] <= tag.start():
                waiting += 1
            label = labels[waiting - 1][1] if waiting else None
            before = len(found.boxes) + len(found.drops)
            collect_all(text, read(text, tag.start(1), tag.end(1)).values, label, found)
            inside = Section(start=tag.start(1), stop=tag.end(1))
            if before == len(found.boxes) + len(found.drops) and not _bare_numbers(text, [inside], found, label=label):
                found.drop(Reason.NOT_FOUR_NUMBERS, tag.group())
        return min(tags[0].start(), labels[0][0] if labels else block.stop)
    reading = read(text, block.start, block.stop)
    collect_all(text, reading.values, None, found)
    if reading.too_deep:
        found.drop(Reason.TOO_DEEP)
    return reading.values[0].start if reading.values else block.stop


def _is_empty(text: str, blocks: Sequence[Section]) -> bool:
    """Whether the answer holds brackets and nothing in them that is a number or says anything: an empty list."""
    values = [value for block in blocks for value in read(text, block.start, block.stop).values]
    inside = [inner for value in values for inner in walk(value)]
    return bool(values) and not any(
        isinstance(value, Number) or (isinstance(value, Text) and not says_none(value.value)) for value in inside
    )


def _bare_numbers(text: str, blocks: Sequence[Section], found: Located, *, label: str | None = None) -> bool:
    """Take an answer that is four numbers without any bracket."""
    if len(blocks) != 1:
        return False
    numbers = numbers_in(text, blocks[0].start, blocks[0].stop)
    if numbers is None:
        return False
    add_box(text, numbers, Fields(label=label), found)
    return True
