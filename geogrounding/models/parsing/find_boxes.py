"""Find the reasoning and the boxes in a model's text, with the place in the text of every number.

``locate`` knows the shapes that vision-language models write (tags, fences, JSON of many key styles, box tokens) and
nothing of images: what the numbers mean is decided by ``geogrounding.models.parsing.answer``. It never raises.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import deepcopy

from geogrounding.models.parsing.box_styles import Fields, add_box, collect_all
from geogrounding.models.parsing.found import Located, Reason
from geogrounding.models.parsing.lenient_json import Number, Text, Value, read, walk
from geogrounding.models.parsing.location_tokens import collect_tokens
from geogrounding.models.parsing.numbers import numbers_in
from geogrounding.models.parsing.sections import Section, blank, fenced, says_none, sections

_LAST_WORDS = 320
_SHORT_DENIAL = 30
"""A shorter answer that says there is no target ("None", "No such target.") is not worth keeping as reasoning."""

_BOX_TAG = r"\|box_start\||\|begin_of_box\||\|det\||box|bbox|bounding_?box"
_TAGGED_BOX = re.compile(
    rf"<({_BOX_TAG})>(.{{0,4000}}?)(?:<(?:\|box_end\||\|end_of_box\||\|?/(?:det|box|bbox|bounding_?box)\|?)>"
    rf"|(?=<(?:{_BOX_TAG})>)|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_TAGGED_LABEL = re.compile(
    r"<(?:\|object_ref_start\||\|ref\||ref|p|phrase)>(.{0,300}?)<(?:\|object_ref_end\||\|/ref\||/ref|/p|/phrase)>",
    re.DOTALL | re.IGNORECASE,
)
_HALF_TAG = re.compile(r"<[^<>]{0,20}\Z")
"""The beginning of a closing tag at the end of a reply that was cut."""
_PLAIN_BOX = re.compile(r"\[" + r"\s{0,9}[0-9]{1,9}\s{0,9}," * 3 + r"\s{0,9}[0-9]{1,9}\s{0,9}\]")
_POINT_TAG = re.compile(r"<(?:points?|click|tracks)\b[^<>]{0,2000}>", re.IGNORECASE)
_FULL_WIDTH = str.maketrans(
    {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F) if chr(code) not in "\uff1c\uff1e"}
    | {
        "\u3001": ",",
        "\u3000": " ",
        "\u300c": '"',
        "\u300d": '"',
        "\u3010": "[",
        "\u3011": "]",
        "\u3014": "[",
        "\u3015": "]",
    }
)
"""Full-width forms of ASCII as texts in Chinese and Japanese have them, each one character like what it stands for."""
_CORRECTS = re.compile(
    r"\b(?:correct(?:ed|ion|ions|ing)?|revis(?:ed?|ion|ing)|amend(?:ed)?|adjust(?:ed|ing|ment)|instead|supersed\w{1,3}"
    r"|final(?: \w{1,12})?(?: (?:is|are))?[ \t]*[:*`]"
    r"|final (?:answer|result|list|output|version|box|boxes|json|detections?)"
    r"|(?:fixed|updated|refined|improved|better) (?:answer|result|list|output|version|box|boxes|json|coordinates?)"
    r"|(?:fixed|updated|refined|improved)[ \t]*[:*`]|replac(?:e|es|ing)|(?:second|next) (?:attempt|try|pass)"
    r"|on (?:second|closer) \w{1,12}|let me re\w{1,12}|(?:re-?check|re-?examin|double-?check|re-?consider)\w{0,5}"
    r"|i (?:made|was) (?:a mistake|an error|wrong)|mistake|mistaken|oops|sorry|wait|actually|scratch that)(?!\w)"
    r"|\u66f4\u6b63|\u4fee\u6b63|\u6700\u7ec8|\u6539\u4e3a|\u66f4\u65b0|\u8ba2\u6b63|\u8a02\u6b63|\u6700\u7d42",
    re.IGNORECASE,
)
"""Words before a list of boxes which say that it takes the place of those before it."""
_DRAFTS = re.compile(
    r"\b(?:draft|initial(?:ly)?|first (?:attempt|try|pass|guess|draft)|rough|tentative|preliminary|provisional)\b"
    r"|\u8349\u7a3f|\u521d\u7a3f|\u521d\u6b65",
    re.IGNORECASE,
)
_NEAR = 160
"""Characters before a list of boxes in which such words count."""


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
    first = _read_answer(text, parts.answer, attempt := deepcopy(found))
    if not attempt.boxes and not text.isascii():  # only then: labels keep their characters
        first = _read_answer(text.translate(_FULL_WIDTH), parts.answer, attempt := found)
    found = attempt
    if not parts.tagged and not found.reasoning:
        found.reasoning = blank(text[parts.answer.start : first]).strip()
    return found


def _read_answer(text: str, answer: Section, found: Located) -> int:
    """Collect the boxes of the answer; return the position of the first thing that was not prose."""
    blocks = fenced(text, answer)
    first = blocks[0].outer_start if blocks else answer.stop
    before = len(found.boxes) + len(found.drops)
    for block in _current(text, answer, blocks, found) if blocks else [answer]:
        first = min(first, _read_block(text, block, found))
    if before < len(found.boxes) + len(found.drops):
        return first
    if _bare_numbers(text, blocks or [answer], found, Fields()):
        return min(first, answer.start)
    if blocks:
        first = min(first, _read_block(text, answer, found))  # the fences held something else
        if before < len(found.boxes) + len(found.drops):
            return first
    content = text[answer.start : answer.stop]
    if _POINT_TAG.search(content):
        found.drop(Reason.POINT, content)
    elif _PLAIN_BOX.search(content):
        found.drop(Reason.NO_BOX, content)  # hidden by broken quotes, or in a comment: not to be passed over in silence
    elif says_none(content):
        first = min(first, answer.start) if len(content) < _SHORT_DENIAL else first
    elif not found.denied and not _is_empty(text, blocks or [answer]):
        found.drop(Reason.NO_BOX, content)
    return first


def _current(text: str, answer: Section, blocks: Sequence[Section], found: Located) -> Sequence[Section]:
    """The fenced blocks that count: those from the last one on that corrects what stands before it.

    A block is a correction where the words before it say so, or where the words before the first block call that one
    a draft. Blocks that merely follow each other, such as one for each class, count together.
    """
    kept = 0
    for index, block in enumerate(blocks):
        start = blocks[index - 1].stop + len("```") if index else answer.start
        words = text[max(start, block.outer_start - _NEAR) : block.outer_start]
        if index and _CORRECTS.search(words):
            kept = index
        elif index == 1 and _is_draft(text, answer, blocks[0]):
            kept = 1
    for dropped in blocks[:kept]:
        found.drop(Reason.REPEATED_ANSWER, text[dropped.start : dropped.stop])
    return blocks[kept:]


def _is_draft(text: str, answer: Section, block: Section) -> bool:
    words = text[max(answer.start, block.outer_start - _NEAR) : block.outer_start]
    return _DRAFTS.search(words) is not None


def _read_block(text: str, block: Section, found: Located) -> int:
    tokens = collect_tokens(text, block.start, block.stop, found)
    if tokens is not None:
        return tokens
    tags = list(_TAGGED_BOX.finditer(text, block.start, block.stop))
    if tags:
        return _read_tags(text, block, tags, found)
    reading = read(text, block.start, block.stop)
    values = _current_values(text, block, reading.values, found)
    collect_all(text, values, Fields(), found)
    if reading.too_deep:
        found.drop(Reason.TOO_DEEP)
    return reading.values[0].start if reading.values else block.stop


def _current_values(text: str, block: Section, values: Sequence[Value], found: Located) -> Sequence[Value]:
    """The values that count where they stand in prose: from the last correction on, as with fenced blocks."""
    kept = 0
    for index, value in enumerate(values):
        start = values[index - 1].stop if index else block.start
        words = text[max(start, value.start - _NEAR) : value.start]
        if index and _CORRECTS.search(words):
            kept = index
        elif index == 1 and _DRAFTS.search(text[max(block.start, values[0].start - _NEAR) : values[0].start]):
            kept = 1
    for dropped in values[:kept]:
        found.drop(Reason.REPEATED_ANSWER, text[dropped.start : dropped.stop])
    return values[kept:]


def _read_tags(text: str, block: Section, tags: Sequence[re.Match[str]], found: Located) -> int:
    """Collect the boxes that stand in tags, each under the label before it."""
    labels = [(match.start(), match.group(1)) for match in _TAGGED_LABEL.finditer(text, block.start, block.stop)]
    waiting = 0
    for tag in tags:
        while waiting < len(labels) and labels[waiting][0] <= tag.start():
            waiting += 1
        beside = Fields(label=labels[waiting - 1][1] if waiting else None, tag=tag.group(1).casefold())
        before = len(found.boxes) + len(found.drops)
        half = _HALF_TAG.search(text, tag.start(2), tag.end(2)) if tag.end() == len(text) else None
        inside = Section(start=tag.start(2), stop=tag.end(2) if half is None else half.start())
        collect_all(text, read(text, inside.start, inside.stop).values, beside, found)
        if before == len(found.boxes) + len(found.drops) and not _bare_numbers(text, [inside], found, beside):
            content = text[inside.start : inside.stop]
            found.denied |= says_none(content)
            if not says_none(content) and not _is_empty(text, [inside]):
                cut = tag.end() == len(text) and not text.endswith(">")
                found.drop(Reason.CUT_OFF if cut else Reason.NOT_FOUR_NUMBERS, tag.group())
    return min(tags[0].start(), labels[0][0] if labels else block.stop)


def _is_empty(text: str, blocks: Sequence[Section]) -> bool:
    """Whether the answer holds brackets and nothing in them that is a number or says anything: an empty list."""
    values = [value for block in blocks for value in read(text, block.start, block.stop).values]
    inside = [inner for value in values for inner in walk(value)]
    return bool(values) and not any(
        isinstance(value, Number) or (isinstance(value, Text) and not says_none(value.value)) for value in inside
    )


def _bare_numbers(text: str, blocks: Sequence[Section], found: Located, beside: Fields) -> bool:
    """Take an answer that is four numbers without any bracket."""
    if len(blocks) != 1:
        return False
    numbers = numbers_in(text, blocks[0].start, blocks[0].stop)
    if numbers is None:
        return False
    # Without a bracket, only something that follows shows that the last number is whole.
    add_box(text, numbers, beside, found, whole=not beside.tag or numbers[-1].stop < len(text))
    return True
