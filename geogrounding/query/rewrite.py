"""Wordings that are put into the form that the grammar reads, and the unit that an answer is wanted in."""

from __future__ import annotations

import re

from geogrounding.query.grammar_words import COLOUR, SHAPE
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


def rewritten(words: str) -> str:
    """Pairs of others that share a distance, "neither ... nor", "but no ...", each written out."""
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
