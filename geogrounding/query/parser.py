"""From what somebody typed to what it means, by rule: the other direction of ``phrasing``, and a little more than that.

It understands a class with what this package can say about it, and says None to everything else. That makes it a check on what is
generated and a fallback beside a model; it is no substitute for one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from geogrounding.query.borders import RelationKind
from geogrounding.query.expression import Meaning, Relation
from geogrounding.query.lexicon import (
    COLOURS,
    COMPASS_PLACES,
    COMPASS_RANKS,
    COMPASS_RELATIONS,
    CORNERS,
    MORE_PLACES,
    MORE_RANKS,
    MORE_RELATIONS,
    NUMBERS,
    ORDINAL_RANKS,
    ORDINALS,
    PLACES,
    RANKS,
    RELATIONS,
    SYNONYMS,
    Words,
    attribute_key,
    attribute_value,
    spoken,
)
from geogrounding.query.words_in_languages import in_english
from geogrounding.types import Task

MAX_CHARACTERS = 500

_OPENING = re.compile(
    r"^(?:please|can you|could you|i want|i need|i am looking for|looking for|look for|search for|find|locate|show|detect|segment|"
    r"mark|highlight|identify|outline|draw|select|point to|point out|point at|give me|me|us|where is|where are|where's|is there|"
    r"are there|what about|only|just)\b ?"
)
_CLOSING = re.compile(
    r" (?:please|here|there|visible|shown|seen|(?:(?:visible|shown|seen) )?(?:in|of|on|from|within) (?:the|this|that) "
    r"(?:(?:whole|entire|aerial|satellite|drone|overhead|given) )?(?:image|picture|photo|photograph|scene|view|frame|map|chip|tile|imagery|area))$"
)
_FILLER = re.compile(
    r" (?:(?:that|which) (?:is|are|lies|lie|stands|stand) )?(?:located|situated|placed|positioned|standing|lying|sitting|parked|docked|moored|"
    r"anchored|berthed)(?= )| (?:that|which) (?:is|are|lies|lie|stands|stand)(?= )"
)
_DETERMINER = re.compile(
    r"^(?P<word>all of the|all of these|all the|all|every single|every|each|any|some|both of the|both the|both|these|those|this|"
    r"that|the|an|a|another|other)\b ?"
)
_WHOSE = re.compile(r"^(?P<target>.+) whose (?P<column>.+?) (?:is|are) (?P<value>.+)$")
_NEAREST_FIRST = re.compile(
    r"^(?P<before>.*?)(?P<most>nearest|closest|farthest|furthest) (?P<target>.+?) (?:to|from) (?P<neighbour>.+)$"
)
_MANY_WORDS = frozenset({"all", "every", "each", "any", "some", "both", "these", "those"})
_MOST_VALUE_WORDS = 3


def _patterns(*tables: Mapping[str, tuple[str, ...]]) -> list[tuple[str, str, str]]:
    """(before the noun, after it, key) of all templates, the longest first."""
    out = []
    for table in tables:
        for key, templates in table.items():
            for template in templates:
                before, after = template.replace("-", " ").split("{}")
                out.append((before, after, key))
    return sorted(set(out), key=lambda item: (-len(item[0] + item[1]), item))


_SELECTORS = _patterns(RANKS, COMPASS_RANKS, MORE_RANKS, PLACES, CORNERS, COMPASS_PLACES, MORE_PLACES)
_AFTER_ORDINAL = _patterns(ORDINAL_RANKS)
_LINKS = sorted(
    {
        (phrase, kind)
        for table in (RELATIONS, COMPASS_RELATIONS, MORE_RELATIONS)
        for kind, phrases in table.items()
        for phrase in phrases
    },
    key=lambda item: (-len(item[0]), item),
)
_COUNTS: dict[str, int] = {word: value for value, word in enumerate(NUMBERS) if value > 1}
_FIRST_FEW = {"left": "leftmost", "right": "rightmost", "upper": "topmost", "lower": "bottommost"}
_POSITIONS: dict[str, int] = {word: value for value, word in enumerate(ORDINALS, start=1)}


@dataclass(slots=True)
class _Target:
    """What was read of a target so far."""

    meaning: Meaning
    many: bool | None
    """Several are asked for; None where the word is the same for one and for many."""


def read_expression(text: str, synonyms: Words = SYNONYMS, *, task: Task | None = None) -> Meaning | None:
    """What an expression means, or None when it is not understood: nothing is guessed.

    Case, punctuation and politeness do not matter. Compass words are read as for an image whose upper edge is north.

    Args:
        text: what somebody typed.
        synonyms: words of the categories that may be meant (``words.words_for`` makes them for labels of one's own).
        task: what was asked for; None takes "detect" for several ("boats", "every car") and "refer" for one.
    """
    if len(text) > MAX_CHARACTERS:
        return None
    nouns = _nouns(synonyms)
    words = _bare(spoken(in_english(text, nouns)))
    for reading in _readings(words, nouns):
        if reading is not None:
            return replace(reading.meaning, task=task or ("detect" if reading.many else "refer"))
    return None


def _nouns(synonyms: Words) -> dict[str, tuple[str, bool | None]]:
    """Word to (category, whether it means several)."""
    nouns: dict[str, tuple[str, bool | None]] = {}
    for category, pairs in synonyms.items():
        for one, many in pairs:
            nouns.setdefault(spoken(one), (category, None if one == many else False))
            nouns.setdefault(spoken(many), (category, None if one == many else True))
    return nouns


def _bare(words: str) -> str:
    """Without opening, closing and fillers."""
    before = None
    while before != words:
        before = words
        words = _CLOSING.sub("", _OPENING.sub("", words, count=1), count=1)
    return _FILLER.sub("", words)


def _readings(words: str, nouns: dict[str, tuple[str, bool | None]]) -> Iterable[_Target | None]:
    """Ways to read the words, the likeliest first; None for those that came to nothing."""
    whose = _WHOSE.match(words)
    if whose is not None:
        column, value = attribute_key(whose["column"]), attribute_value(whose["value"])
        target = _target(whose["target"], nouns)
        usable = target is not None and value and len(value.split()) <= _MOST_VALUE_WORDS
        if target is not None and usable and target.meaning.attribute is None:
            yield replace(target, meaning=replace(target.meaning, attribute=(column, value)))
        return
    yield _target(words, nouns)
    for link, kind in _LINKS:
        left, found, right = words.partition(f" {link} ")
        if found:
            yield _related(left, kind, right, nouns)  # type: ignore[arg-type] # keys of RELATIONS are the kinds
    nearest = _NEAREST_FIRST.match(words)
    if nearest is not None:
        most: RelationKind = "nearest" if nearest["most"] in ("nearest", "closest") else "farthest"
        yield _related(nearest["before"] + nearest["target"], most, nearest["neighbour"], nouns)


def _related(left: str, kind: RelationKind, right: str, nouns: dict[str, tuple[str, bool | None]]) -> _Target | None:
    target = _target(left, nouns)
    neighbour, _ = _determiners(right)
    if target is None or neighbour not in nouns:
        return None
    chosen = kind in ("nearest", "farthest")
    if chosen and (target.meaning.selector is not None or target.meaning.count is not None or target.many):
        return None
    relation = Relation(kind=kind, category=nouns[neighbour][0])
    return replace(target, meaning=replace(target.meaning, relation=relation))


def _determiners(words: str) -> tuple[str, bool]:
    """The words without articles and such, and whether these say "several"."""
    many = False
    while (found := _DETERMINER.match(words)) is not None and found.end() < len(words):
        many = many or found["word"].split(" ", 1)[0] in _MANY_WORDS
        words = words[found.end() :]
    return words, many


def _count(words: str) -> tuple[str, int | None]:
    """The words without a number before them, and that number; "one" is no more than an article."""
    first, _, rest = words.partition(" ")
    if first == "one":
        return rest, None
    if rest and (first in _COUNTS or (first.isascii() and first.isdigit() and 1 < int(first[:4]) <= 999)):
        return rest, _COUNTS.get(first) or int(first[:4])
    return words, None


def _target(words: str, nouns: dict[str, tuple[str, bool | None]]) -> _Target | None:
    """A noun with what stands around it, except neighbours."""
    both = words.startswith("both ")
    words, all_of_them = _determiners(words)
    words, count = _count(words)
    count = count or (2 if both else None)
    plain = _named(words, nouns)
    if plain is not None:
        return _settled(plain, all_of_them, count, None, 1)
    first, _, rest = words.partition(" ")
    position = _POSITIONS.get(first) or _digits(first)
    if position is not None and position > 1 and count is None:
        ranked = ((key, _within(rest, before, after, nouns)) for before, after, key in _AFTER_ORDINAL)
        return next((_settled(named, all_of_them, None, key, position) for key, named in ranked if named), None)
    for before, after, key in _SELECTORS:
        if words.startswith(before) and words.endswith(after) and len(words) > len(before) + len(after):
            inner = words[len(before) : len(words) - len(after)]
            among = not after and inner.startswith("of ")  # "the largest of the ships" is one of them
            inner, several = _determiners(inner.removeprefix("of ") if among else inner)
            inner, number = _count(inner) if count is None and not among else (inner, count)
            named = _named(inner, nouns)
            if named is not None and among:
                if key not in RANKS or named[1] is False:
                    return None
                return _settled((named[0], None if count else False, named[2]), all_of_them, count, key, 1)
            if named is not None:
                if not after and number is not None and number != count:  # "the top two ships" are the first two
                    key = _FIRST_FEW.get(key, key)
                return _settled(named, all_of_them or several, number, key, 1)
    return None


def _digits(word: str) -> int | None:
    """Such as 2 for "2nd"."""
    found = re.fullmatch(r"([0-9]{1,3})(?:st|nd|rd|th)", word)
    return int(found[1]) if found else None


def _within(
    words: str, before: str, after: str, nouns: dict[str, tuple[str, bool | None]]
) -> tuple[str, bool | None, tuple[str, str] | None] | None:
    if not (words.startswith(before) and words.endswith(after)):
        return None
    return _named(words[len(before) : len(words) - len(after)], nouns)


def _named(
    words: str, nouns: dict[str, tuple[str, bool | None]]
) -> tuple[str, bool | None, tuple[str, str] | None] | None:
    """(category, several, attribute) of a noun with a colour or without."""
    if words in nouns:
        return (*nouns[words], None)
    first, _, after_first = words.partition(" ")
    before_last, _, last = words.rpartition(" ")
    for colour, noun in ((first, after_first), (last, before_last)):
        value = attribute_value(colour)
        if value in COLOURS and noun.removesuffix(" coloured").removesuffix(" in") in nouns:
            return (*nouns[noun.removesuffix(" coloured").removesuffix(" in")], ("colour", value))
    return None


def _settled(
    named: tuple[str, bool | None, tuple[str, str] | None],
    several: bool,
    count: int | None,
    selector: str | None,
    position: int,
) -> _Target | None:
    """Put together, unless number and noun contradict each other or it stays open how many are meant."""
    category, many, attribute = named
    rank = selector in RANKS
    if (count is not None and many is False) or (rank and count is None and (many or several)):
        return None
    return _Target(
        Meaning(category=category, attribute=attribute, selector=selector, ordinal=position, count=count),
        many=bool(several or many or count is not None),
    )
