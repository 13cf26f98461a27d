"""Numbers and units of a query: "half a hectare", "30 ft", "between 100 and 200 m²", "at least two hundred sq m".

``normalise`` writes a query in small letters with one space between words, and a mark in place of every quantity:
``#l0`` a length, ``#a0`` an area, ``#n0`` a bare number, the digits being the index into the list of quantities.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from geogrounding.errors import SettingsError

Kind = Literal["l", "a", "n"]

FOOT, YARD, MILE, ACRE = 0.3048, 0.9144, 1609.344, 4046.8564224

_LENGTHS: dict[str, tuple[float, tuple[str, ...]]] = {
    "m": (1.0, ("m", "metre", "metres", "meter", "meters", "mtr", "mtrs")),
    "km": (1000.0, ("km", "kms", "kilometre", "kilometres", "kilometer", "kilometers")),
    "cm": (0.01, ("cm", "centimetre", "centimetres", "centimeter", "centimeters")),
    "ft": (FOOT, ("ft", "foot", "feet")),
    "yd": (YARD, ("yd", "yds", "yard", "yards")),
    "mi": (MILE, ("mi", "mile", "miles")),
    "nmi": (1852.0, ("nmi", "nautical mile", "nautical miles")),
    "px": (1.0, ("px", "pixel", "pixels")),
}
_AREAS: dict[str, tuple[float, tuple[str, ...]]] = {
    "m2": (1.0, ("m2", "m^2", "sqm", "sq m", "sq metre", "sq metres", "sq meter", "sq meters", "square m", "square metre", "square metres", "square meter", "square meters", "metres squared", "meters squared", "metre squared", "meter squared")),
    "km2": (1e6, ("km2", "km^2", "sqkm", "sq km", "square km", "square kilometre", "square kilometres", "square kilometer", "square kilometers")),
    "ha": (1e4, ("ha", "has", "hectare", "hectares")),
    "acre": (ACRE, ("acre", "acres", "ac")),
    "ft2": (FOOT**2, ("ft2", "ft^2", "sqft", "sq ft", "sq foot", "sq feet", "square ft", "square foot", "square feet", "feet squared")),
    "yd2": (YARD**2, ("yd2", "yd^2", "sq yd", "sq yds", "square yd", "square yard", "square yards")),
    "mi2": (MILE**2, ("mi2", "mi^2", "sq mi", "sq mile", "sq miles", "square mile", "square miles")),
}  # fmt: skip
UNITS: dict[str, float] = {unit: factor for table in (_LENGTHS, _AREAS) for unit, (factor, _) in table.items()}
"""Metres or square metres per unit."""
AREA_UNITS = frozenset(_AREAS)
_TABLES: tuple[tuple[Kind, dict[str, tuple[float, tuple[str, ...]]]], ...] = (("l", _LENGTHS), ("a", _AREAS))
_UNIT_OF: dict[str, tuple[str, Kind]] = {
    word: (unit, kind) for kind, table in _TABLES for unit, (_, words) in table.items() for word in words
}
_UNIT = "|".join(re.escape(word) for word in sorted(_UNIT_OF, key=len, reverse=True))
_WORD_VALUES = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
    "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18,
    "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90,
}  # fmt: skip
_SMALL = "|".join(_WORD_VALUES)
_NUMBER = r"-?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?"
_SIGNS = (
    ("≥", " at least "), ("⩾", " at least "), (">=", " at least "), ("≤", " at most "), ("⩽", " at most "),
    ("<=", " at most "), (">", " more than "), ("<", " less than "), ("½", " 0.5 "), ("¼", " 0.25 "), ("¾", " 0.75 "),
    ("’", "'"), ("‘", "'"), ("“", " "), ("”", " "), ("−", "-"), ("–", "-"), ("—", " , "), ("&", " and "), ("′", "'"),
    ("²", "2"), ("°", " degrees "), ("!", " "), ("?", " "), (";", " , "), ("#", " "), ("@", " "), ('"', " "), ("/", " or "),
    ("(", " "), (")", " "), ("=", " "),
)  # fmt: skip
_CONTRACTIONS = (
    (r"n't\b", " not"), (r"\b(what|where|which|who|there|here|it|that)'s\b", r"\1 is"), (r"\b(what|where|there)'re\b", r"\1 are"),
    (r"\b(i)'m\b", r"\1 am"), (r"(?<=\d)\s*'(?!s)", " ft "), (r"'s\b", ""), (r"'", " "), (r"\bcan not\b|\bcannot\b", "can not"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A number with its unit, or a bare one."""

    kind: Kind
    value: float
    """As written, in ``unit``."""
    unit: str | None

    @property
    def si(self) -> float:
        """In metres or square metres; a bare number as it is."""
        return self.value if self.unit is None else self.value * UNITS[self.unit]

    @property
    def text(self) -> str:
        """Such as "30 ft"."""
        return f"{self.value:,.12g}" + (f" {self.unit}" if self.unit else "")


def normalise(text: str) -> tuple[str, list[Quantity]]:
    """The query with marks for quantities, and these."""
    words = unicodedata.normalize("NFKC", _replace_signs(text)).casefold()
    for pattern, put in _CONTRACTIONS:
        words = re.sub(pattern, put, words)
    words = re.sub(r"(?<=[^\W\d])-(?=\w)|(?<=\d)-(?=[^\W\d])", " ", words)  # north-east, two-lane, 40-metre
    words = re.sub(r"(?<=\d)\s*-\s*(?=\d)", " to ", words)
    words = re.sub(r"(?<=\d)([nsew])\b", r" \1", words)
    words = re.sub(r"\bsq\.\s*", "sq ", words)
    words = re.sub(r"(?<!\d)\.(?!\d)|(?<=\D)\.(?=\D)|\.$|(?<=\d)\.(?!\d)", " ", words)
    words = re.sub(r",(?!\d)|(?<!\d),|,(?!\d{3}(?!\d))", " , ", words)
    words = " ".join(words.split())
    words = _written_numbers(words)
    found: list[Quantity] = []

    def mark(match: re.Match[str]) -> str:
        value = float(match["number"].replace(",", ""))
        unit: str | None = None
        kind: Kind = "n"
        if match["unit"]:
            unit, kind = _UNIT_OF[match["unit"]]
        found.append(Quantity(kind=kind, value=value, unit=unit))
        return f"#{kind}{len(found) - 1}" + (" or more" if match["early"] or match["plus"] else "")

    words = re.sub(
        rf"(?<![\w.#-])(?P<number>{_NUMBER})(?P<early>\+)?(?:\s*(?P<unit>{_UNIT})(?![\w^]))?(?P<plus>\s?\+)?(?![\w])",
        mark,
        words,
    )
    return _inherit(words, found), found


def _replace_signs(text: str) -> str:
    for sign, words in _SIGNS:
        text = text.replace(sign, words)
    return text


def _written_numbers(words: str) -> str:
    """Numbers in words as digits; "one" only before a unit, since it often stands for a thing."""
    words = re.sub(r"\b(\w+er|more|less) then\b", r"\1 than", words)
    words = re.sub(r"\bone and a half\b", "1.5", words)
    words = re.sub(
        rf"\b(?:a |one )?(half|quarter) (?=(?:{_UNIT})\b)", lambda m: "0.5 " if m[1] == "half" else "0.25 ", words
    )
    words = re.sub(
        r"\b(at least|more than|less than|fewer than|exactly|at most|only|just|over|no more than) one\b", r"\1 1", words
    )
    words = re.sub(rf"\b(?P<tens>{_SMALL}) (?P<ones>{_SMALL})\b", _tens, words)
    words = re.sub(rf"\b({_SMALL})\b", lambda m: str(_WORD_VALUES[m[1]]), words)
    words = re.sub(rf"\b(?:one|a|an) (?=(?:hundred|thousand|million|dozen|half|quarter|{_UNIT})\b)", "1 ", words)
    words = re.sub(r"\b(\d+(?:\.\d+)?) (?:and )?1? ?half\b", lambda m: str(float(m[1]) + 0.5), words)
    words = re.sub(r"\b(?:1 )?half (?:of )?(?:a|an|1) ", "0.5 ", words)
    words = re.sub(r"\b(?:1 )?quarter (?:of )?(?:a|an|1) ", "0.25 ", words)
    words = re.sub(r"\bthree quarters (?:of )?(?:a|an|1) |\b3 quarters (?:of )?(?:a|an|1) ", "0.75 ", words)
    words = re.sub(r"\b(\d+) hundred(?: and)? (\d{1,2})\b", lambda m: str(int(m[1]) * 100 + int(m[2])), words)
    for word, factor in (("hundred", 100), ("thousand", 1000), ("million", 1_000_000), ("dozen", 12)):
        words = re.sub(rf"\b(\d+(?:\.\d+)?) {word}\b", lambda m, f=factor: f"{float(m[1]) * f:.12g}", words)  # type: ignore[misc] # a default binds the factor
    return words


def _tens(match: re.Match[str]) -> str:
    tens, ones = _WORD_VALUES[match["tens"]], _WORD_VALUES[match["ones"]]
    return str(tens + ones) if tens >= 20 and ones < 10 else match[0]


def _inherit(words: str, found: list[Quantity]) -> str:
    """A bare number takes the unit of the one that follows it: "between 100 and 200 m2"."""

    def inherit(match: re.Match[str]) -> str:
        index, other = int(match[1]), found[int(match[4])]
        found[index] = Quantity(kind=other.kind, value=found[index].value, unit=other.unit)
        return f"#{other.kind}{index} {match[2]} #{match[3]}{match[4]}"

    return re.sub(r"#n(\d+) (and|to|or|but (?:no|not) (?:more|larger|longer|wider) than|and (?:less|smaller|shorter|narrower) than|and at most|and under|and below) #([la])(\d+)", inherit, words)  # fmt: skip


def unit_of(quantities: Iterable[Quantity]) -> Literal["m", "px"] | None:
    """What lengths and areas are given in: metres (of whatever unit), pixels, or None without any.

    Raises:
        SettingsError: both.
    """
    units = {"px" if quantity.unit == "px" else "m" for quantity in quantities if quantity.kind in ("l", "a")}
    if len(units) > 1:
        raise SettingsError("pixels and metres in one query", hint="Write all of them in one of the two.")
    return "px" if "px" in units else "m" if units else None
