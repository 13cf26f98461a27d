"""Which part of a reply is reasoning and which is the answer."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TAG = re.compile(r"<\s{0,5}(/?)\s{0,5}(think|thinking|reasoning|answer)\s{0,5}>", re.IGNORECASE)
_STRUCTURE = re.compile(
    r"[\[{]|<(?:\|box_start\||\|begin_of_box\||\|det\||b?box|loc_?[0-9]{1,4}|patch_index_[0-9]{4})>", re.IGNORECASE
)
_FENCE = re.compile(r"```[ \t]{0,5}([A-Za-z0-9_+-]{0,20})")
_SPECIAL_TOKEN = re.compile(r"<\|[A-Za-z0-9_]{1,40}\|>|</s>|<s>|<eos>|<bos>")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")
_NONE = re.compile(
    r"(?:none|null|nil|nothing|no|n/?a|empty|undefined|\[\s*\]|\{\s*\})?"
    r"|.{0,300}?\b(?:none|nothing|cannot (?:find|see|locate)|can't (?:find|see|locate)|could not (?:find|locate)"
    r"|(?:not|isn't|aren't) (?:any|found|visible|present|there|shown|seen|in (?:the|this) (?:image|picture))"
    r"|(?:there (?:is|are|were)|with|i (?:see|find)|shows?|contains?) no|no (?:such|target|object|match)\w*)\b.{0,300}"
    r"|no .{0,300}",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A stretch of the text, in characters, half-open."""

    start: int
    stop: int
    opening: int | None = None
    """Where the fence that opens the section starts, when there is one."""

    @property
    def outer_start(self) -> int:
        """Start of the section with its fence."""
        return self.start if self.opening is None else self.opening


@dataclass(frozen=True, slots=True, kw_only=True)
class Sections:
    """A reply taken apart."""

    reasoning: str
    answer: Section | None
    """None when the reply ended before it answered."""
    ignored_answers: tuple[Section, ...]
    """Answers before the last one."""
    tagged: bool
    """Whether the answer stood in a tag or after one; otherwise it is the whole text."""


def blank(text: str) -> str:
    """The text without special tokens and without control characters other than tab and newline."""
    return _CONTROL.sub(" ", _SPECIAL_TOKEN.sub("", text))


def says_none(text: str) -> bool:
    """Whether an answer without a box says that there is no target."""
    return _NONE.fullmatch(blank(text[:1000]).strip(" \t\r\n.\"'`*_!:;,")) is not None


def fenced(text: str, section: Section) -> list[Section]:
    """The fenced blocks inside a section; the last one may lack its closing fence."""
    blocks = []
    position = section.start
    while (opening := _FENCE.search(text, position, section.stop)) is not None:
        closing = text.find("```", opening.end(), section.stop)
        stop = section.stop if closing < 0 else closing
        content = text[opening.end() : stop]
        if content.strip():
            blocks.append(Section(start=opening.end(), stop=stop, opening=opening.start()))
        elif opening.group(1).casefold() in ("none", "null"):  # ```None``` has no room for a language
            blocks.append(Section(start=opening.start(1), stop=stop, opening=opening.start()))
        position = section.stop if closing < 0 else closing + 3
    return blocks


def sections(text: str) -> Sections:
    """Take a reply apart by its tags, however they are nested, repeated, left open or left out.

    The last answer that holds anything counts. A closing tag without an opening one ends a section that began with the
    text: chat templates often write the opening tag themselves, so the reply does not repeat it. A reply without an
    answer tag is answered by what stands outside its reasoning, or by a fenced block at the end of reasoning that was
    never closed.
    """
    think, answers, outside, unclosed_thought = _pieces(text)
    thought = "\n".join(part for part in (blank(text[piece.start : piece.stop]).strip() for piece in think) if part)
    full = [piece for piece in answers if text[piece.start : piece.stop].strip()]
    if answers:
        answer = full[-1] if full else answers[-1]
        prose = "\n".join(
            blank(text[piece.start : piece.stop]).strip() for piece in outside if piece.stop <= answer.start
        )
        return Sections(
            reasoning=thought or prose.strip(), answer=answer, ignored_answers=tuple(full[:-1]), tagged=True
        )
    spoken = [piece for piece in outside if text[piece.start : piece.stop].strip()]
    if spoken:
        structured = [piece for piece in spoken if _STRUCTURE.search(text, piece.start, piece.stop)]
        last = structured[-1] if structured else spoken[-1]
        return Sections(reasoning=thought, answer=last, ignored_answers=tuple(structured[:-1]), tagged=bool(think))
    if unclosed_thought and (blocks := fenced(text, think[-1])):
        last = blocks[-1]
        reasoning = blank(text[think[-1].start : last.outer_start]).strip()
        return Sections(reasoning=reasoning, answer=last, ignored_answers=(), tagged=True)
    return Sections(reasoning=thought, answer=None, ignored_answers=(), tagged=bool(think))


# One branch per transition of a state machine.
def _pieces(text: str) -> tuple[list[Section], list[Section], list[Section], bool]:  # noqa: C901
    """Reasoning, answers and what stands outside of both, and whether the text ends inside of its reasoning."""
    tags = list(_TAG.finditer(text))
    inside_reasoning = _followed_by_end_of_reasoning(tags)
    think: list[Section] = []
    answers: list[Section] = []
    outside: list[Section] = []
    kind, before, start = "outside", "outside", 0

    def end(stop: int) -> None:
        {"think": think, "answer": answers, "outside": outside}[kind].append(Section(start=start, stop=stop))

    for index, tag in enumerate(tags):
        closes, is_answer = bool(tag.group(1)), tag.group(2).casefold() == "answer"
        if is_answer:
            if kind == "think" and (closes or inside_reasoning[index]):
                continue  # the reasoning speaks of the tag
            if closes and kind == "outside":
                if answers:
                    continue
                kind = "answer"
            end(tag.start())
            kind = "outside" if closes else "answer"
        else:
            if kind == "think" and not closes:
                continue
            if closes and kind == "answer":
                continue
            if closes and kind == "outside":
                kind = "think"
            end(tag.start())
            if closes:
                kind, before = before, "outside"
            else:
                kind, before = "think", kind
        start = tag.end()
    unclosed_thought = kind == "think"
    end(len(text))
    return think, answers, outside, unclosed_thought


def _followed_by_end_of_reasoning(tags: list[re.Match[str]]) -> list[bool]:
    """For each tag whether the next reasoning tag after it closes: an answer tag is then only spoken of."""
    following, closes = [], False
    for tag in reversed(tags):
        following.append(closes)
        if tag.group(2).casefold() != "answer":
            closes = bool(tag.group(1))
    return following[::-1]
