"""Wordings that are put into the form that the grammar reads, and the unit that an answer is wanted in."""

from __future__ import annotations

import re
from collections.abc import Callable

from geogrounding.query.grammar_words import COLOUR, FARTHEST, NEAREST, OPERATOR, SHAPE, SUPERLATIVE
from geogrounding.query.lexicon import is_plural
from geogrounding.query.quantities import AREA_UNITS

_UNIT_WORDS = {
    "hectares": "ha", "hectare": "ha", "ha": "ha", "acres": "acre", "square metres": "m2", "square meters": "m2", "sq m": "m2", "m2": "m2", "square feet": "ft2", "sq ft": "ft2", "ft2": "ft2",
    "square kilometres": "km2", "square kilometers": "km2", "km2": "km2", "sq km": "km2", "square yards": "yd2", "square miles": "mi2", "metres": "m", "meters": "m", "m": "m", "feet": "ft", "ft": "ft",
    "kilometres": "km", "kilometers": "km", "km": "km", "miles": "mi", "yards": "yd", "yd": "yd",
}  # fmt: skip
_UNITS = "|".join(sorted(_UNIT_WORDS, key=len, reverse=True))
_THING = r"(?:(?:an?|any|the) )?(?:(?!with|no )\w+ )?@\d+"
_BEHIND = r"(?P<behind> (?:within|closer than|less than) #l\d+(?: away)?)"
_PAIR = re.compile(
    rf"\b(?P<how>with no|without(?: either)?|lacking|with|having|has|have|that have|which have|that has|which has)(?P<both> both)? "
    rf"(?P<one>{_THING}) (?P<link>and|or|nor) (?P<two>{_THING}){_BEHIND}"
)
_NEITHER = re.compile(
    rf"\b(?:(?:that |which )?(?:have|has|having|with) )?neither (?P<one>{_THING}) (?:nor|or) (?P<two>{_THING})(?:{_BEHIND})?(?= |$)"
)
_BUT_NO = re.compile(r"\b(?P<link>and|but|yet) (?:with )?no (?=(?:\w+ )?@)")
_NONE_WITHIN = re.compile(
    r"\b(?:that|which) no (?P<one>(?:\w+ )?@\d+) (?:is|are|lies?|stands?) within (?P<far>#l\d+) of(?= |$)"
)


_BUT_COLOUR = re.compile(rf"\b(?:but|except|save)(?: for)? (?:not )?the (?P<colour>{COLOUR}|{SHAPE}) ones?\b")
_NO_KIND = re.compile(
    r"\b(?:that|which) (?:is|are) not (?P<things>(?:an? )?@\d+(?:(?: or| and| ,|,)+ (?:an? )?@\d+)*)$"
)
_TWO_COLOURS = re.compile(rf"\b(?P<one>{COLOUR}) (?:or|and) (?P<two>{COLOUR}) (?P<noun>@\d+)")
_NON_COLOUR = re.compile(rf"\bnon (?P<colour>{COLOUR}) (?P<noun>@\d+)")
_FIRST_FROM = re.compile(
    r"\b(?:the )?(?:first|last) (?P<count>#n\d+) (?P<noun>@\d+) (?:from|on) the (?P<side>left|right|top|bottom|north|south|east|west)(?: (?:side|end|edge))?(?= |$)"
)
_ENDS = {"left": "leftmost", "right": "rightmost", "top": "topmost", "bottom": "bottommost"}
_ROOF_AND = re.compile(
    rf"\b(?:with|has|have|having) an? (?:{COLOUR}) (?:\w+ )?(?:tops?|roofs?|rooftops?) and (?=an? (?:\w+ )?@)"
)
_IS_AT_EVERY = re.compile(
    r"(?:is|are) there (?:always )?(?:an? |any )?(?P<one>(?:\w+ )?@\d+) (?:(?P<far>within #l\d+) (?:of|from)|(?P<near>near|close to|around)|(?P<next>next to|beside|at|by)|(?P<inside>in|inside|on)) (?:every|each|all(?: of)?(?: the)?) (?P<two>@\d+)$"
)
_ONE_THING = re.compile(r"(?P<before>(?:\S+ )?)\bone (?=@)")
_HAVE_ALSO = re.compile(
    rf"(?P<has>\b(?:with|without|having|has|have) (?:no |an? )?(?:\w+ )?@\d+(?: within #l\d+)?) (?P<link>and|but|yet) (?=(?:{OPERATOR}) #n\d+ (?:\w+ )?@)"
)
_LARGEST = re.compile(rf"(?P<before>(?:\S+ ){{0,2}})(?P<rank>{SUPERLATIVE}|most isolated) (?P<noun>@\d+)")


_THOUSAND = re.compile(
    r"(?<![\d.,])[1-9]\d{0,2}\.000(?= ?(?:k?m|ft|sq|ha|hect|acre|yd|yard|met|feet|mile|px|pix))", re.I
)
_SO_MANY = re.compile(
    rf"(?:the )?(?P<count>#n\d+) (?P<noun>@\d+)(?= |$)(?!.*\b(?:{SUPERLATIVE}|{NEAREST}|{FARTHEST}|from the)\b)"
)
_EVERY_OTHER = re.compile(r"every (other|second|third|fourth|fifth|\d+(?:st|nd|rd|th)) ")
_NOT_BOTH = re.compile(r"\b(?:but|and) not (?:to |in |by |with )?both\b")


def not_read(words: str) -> tuple[str, list[str]]:
    """Marked words, and what of them the grammar has no way to say: "every second", "but not both"."""
    unread = [f"every {skipped[1]}"] if (skipped := _EVERY_OTHER.match(words)) else []
    if both := _NOT_BOTH.search(words):
        unread.append(both[0])
    return _NOT_BOTH.sub("", words).strip(), unread


def other_readings(text: str, words: str, said: Callable[[str], str]) -> list[str]:
    """Remarks about words of which the reading is not the only one.

    A superlative without a number before a plural (how many are "the largest ships"?), a number of things that are not
    ranked ("five cars"), a thousand written with a dot.

    Args:
        text: what the user wrote.
        words: marked words, see ``grammar.mark_nouns``.
        said: what the user wrote for a marked word.
    """
    remarks = [
        f"'{match[0]}' was read as {match[0].partition('.')[0]}; for thousands write {match[0].replace('.', '')}"
        for match in _THOUSAND.finditer(text)
    ]
    if (many := _SO_MANY.match(words)) and "same as" not in words:
        noun = said(many["noun"])
        remarks.append(f"'{said(many['count'])} {noun}' was read as all {noun} that fit, however many")
    for match in _LARGEST.finditer(words):
        noun, rank = said(match["noun"]), match["rank"]
        if is_plural(noun) and not re.search(r"#n|\b(?:all|top|two|both|but)\b", match["before"]):
            remarks.append(
                f"'{rank} {noun}' was read as the one {rank}; for more of them write a number: 'the 5 {rank} {noun}'"
            )
    return remarks


def rewritten(words: str) -> str:
    """Pairs of others that share a distance, "neither ... nor", "but no ...", each written out."""
    words = _IS_AT_EVERY.sub(_all_have, words)
    words = _ONE_THING.sub(_a_thing, words)
    words = _HAVE_ALSO.sub(lambda m: f"{m['has']} {m['link']} with ", words)
    words = _BUT_COLOUR.sub(lambda m: f"that are not {m['colour']}", words)
    words = _NO_KIND.sub(lambda m: " and ".join(f"except {noun}" for noun in re.findall(r"@\d+", m["things"])), words)
    words = _TWO_COLOURS.sub(lambda m: f"{m['noun']} that are {m['one']} or {m['two']}", words)
    words = _NON_COLOUR.sub(lambda m: f"{m['noun']} that are not {m['colour']}", words)
    words = _FIRST_FROM.sub(lambda m: f"{m['count']} {_ENDS.get(m['side'], m['side'] + 'ernmost')} {m['noun']}", words)
    words = _ROOF_AND.sub(r"\g<0>with ", words)
    words = _BUT_NO.sub(lambda m: f"{m['link']} without ", words)
    words = _NONE_WITHIN.sub(lambda m: f"without {m['one']} within {m['far']}", words)
    words = _NEITHER.sub(
        lambda m: f"without {m['one']}{m['behind'] or ''} and without {m['two']}{m['behind'] or ''}", words
    )
    return _PAIR.sub(_each, words)


def _all_have(match: re.Match[str]) -> str:
    """The question whether there is a pool at every house asks about the houses."""
    if match["inside"]:
        return f"do all {match['two']} contain a {match['one']}"
    return (
        f"do all {match['two']} have a {match['one']}{' nearby' if match['near'] else ''} {match['far'] or ''}".strip()
    )


def _a_thing(match: re.Match[str]) -> str:
    """The word "one" before a noun is an article, unless it is compared: "at least one house"."""
    counted = re.search(r"\b(?:least|most|than|exactly|only|any|no|every|just|number|single) $", match["before"])
    return match[0] if counted else f"{match['before']}a "


def _each(match: re.Match[str]) -> str:
    how = re.sub(r"^(?:that|which) |(?<=without) either", "", match["how"])
    none = how in ("with no", "without", "lacking")
    link = "and" if none or match["link"] == "and" else "or"
    return f"{how} {match['one']}{match['behind']} {link} {how} {match['two']}{match['behind']}"


def asked_unit(words: str) -> tuple[str, str | None]:
    """The unit that the answer is wanted in: "how many hectares of ...", "... in square feet"."""
    if match := re.search(rf" (?:in|expressed in|measured in) ({_UNITS})$", words):
        return words[: match.start()], _UNIT_WORDS[match[1]]
    if match := re.search(rf" in ({_UNITS}) (?=of )", words):
        return words[: match.start()] + words[match.end() - 1 :], _UNIT_WORDS[match[1]]
    if match := re.match(
        rf"(.*?)how many ({_UNITS}) (?=(?:of|do|does|are|is|long|wide|in|away|from|apart|separate)\b)", words
    ):
        unit = _UNIT_WORDS[match[2]]
        rest = words[match.end() :]
        if unit in AREA_UNITS:
            return f"{match[1]}total area of " + re.sub(r"^(?:of|do|does|are|is)(?: covered by)? ", "", rest), unit
        if re.match(r"(?:away|from|apart|separate)", rest) or re.match(
            r"(?:is|are) .* (?:away )?(?:from|to|apart) ", rest + " "
        ):
            return f"{match[1]}how far " + rest, unit
        return f"{match[1]}how long " + re.sub(r"^long ", "", rest), unit
    return words, None
