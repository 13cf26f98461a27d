"""Comparisons: a measure, an operator and a quantity, with the units checked."""

from __future__ import annotations

import re
from typing import Any

from geogrounding.errors import SettingsError
from geogrounding.query import grammar_words as w
from geogrounding.query.phrases import Found, Noun
from geogrounding.query.plan import (
    Comparison,
    Step,
    Target,
)  # fmt: skip
from geogrounding.query.quantities import Quantity

Q = r"#(?P<kind>[lan])(?P<at>\d+)"


class Comparisons:
    """Reads comparisons from marked words."""

    asked_last = False
    """Whether the last condition is what is asked: "is every ship in the harbor longer than 10 m?"."""
    noun, many = "", False
    """Of the target that is being read; whether it was written in the plural."""

    def __init__(self, quantities: list[Quantity], nouns: list[Noun]) -> None:
        self.quantities, self.nouns = quantities, nouns
        self.unread: list[str] = []
        self.remarks: list[str] = []
        self.article, self.every = "", False
        self.count: int | None = None

    def target(self, words: str, *, reference: bool = False) -> tuple[Target, str] | None:
        """See ``grammar.Reader``."""
        raise NotImplementedError

    def position(self, word: str) -> int:
        """See ``grammar.Reader``."""
        raise NotImplementedError

    def except_rank(self, words: str) -> tuple[Step, str] | None:
        """See ``grammar.Reader``."""
        raise NotImplementedError

    def number(self, index: str) -> int:
        """The whole number of a mark."""
        value = self.quantities[int(index)].value
        if value != int(value) or value < 0:
            raise SettingsError(f"{value:g} is no number of things", hint="Counts are whole numbers from 0.")
        return int(value)

    def length(self, index: str) -> float:
        """The length of a mark in metres (or pixels)."""
        quantity = self.quantities[int(index)]
        if quantity.value < 0:
            raise SettingsError(f"the distance {quantity.text} is negative", hint="Write a distance from 0.")
        return quantity.si

    def spell(self, word: str) -> str:
        """A word as the user wrote it."""
        if word[0] == "@":
            return self.nouns[int(word[1:])].said
        return re.sub(r"#[lan](\d+)", lambda match: self.quantities[int(match[1])].text, word)

    def _compared(self, words: str, _found: Found) -> tuple[list[Step], str] | None:
        """Such as "longer than 40 m", "no larger than 2 ha", "larger than average"."""
        match = re.match(
            rf"(?P<no>no |not )?(?:much |far |significantly )?(?P<how>{w.COMPARATIVE}) (?:in (?:size|area|length|width) )?than (?:(?:the|an?) )?(?:{Q}|(?P<mean>average|mean|median|typical)(?: (?:one|@\d+|size|length|area|width)| of (?:all|them))*)(?: or (?P<or>equal|equal to))?",
            words,
        )
        if match is None:
            return None
        measure, operator = w.COMPARATIVES[match["how"]]
        if match["no"]:
            operator = "<=" if operator == ">" else ">="
        rest = words[match.end() :].strip()
        if match["mean"]:
            than = "median" if match["mean"] == "median" else "average"
            return [self._comparison("area" if measure == "size" else measure, operator, 1.0, than=than)], rest
        said = re.match(rf"(?:{w.SUFFIX})(?= |$)", rest)
        if measure == "size" and said:
            measure, rest = w.SUFFIXES[said[0]], rest[said.end() :].strip()
        suffix = re.match(rf"(?:and|but) (?P<how>{w.COMPARATIVE}) than {Q}", rest)
        first = self._checked(measure, operator, match["at"], said=match["how"])
        if suffix and w.COMPARATIVES[suffix["how"]][0] == measure:
            _, other = w.COMPARATIVES[suffix["how"]]
            second = self._checked(measure, other, suffix["at"], said=suffix["how"])
            return [both_of(first, second)], rest[suffix.end() :].strip()
        return [first], rest

    def _measured(self, words: str, _found: Found) -> tuple[list[Step], str] | None:
        """Such as "over 200 m2", "with an area between 1 and 2 ha", "at least 40 m long", "covering half a hectare or more"."""
        opening = rf"(?:(?:with|of|having|has|have|whose|and|in terms of) )?(?:(?:a|an|the|its|their|total|overall) )*(?:(?P<measure>{w.MEASURE})(?: (?:is|are|of|being|that is|which is|was|measures|lies|ranges|falls|amounts to|comes to|somewhere))* ?|(?:measuring|measures?|spanning|spans?) |(?P<cover>covering|covers?|occupying|occup(?:y|ies)|that cover|taking up) )?(?:of |is |are |an area of |a length of )*"
        match = re.match(opening, words)
        assert match is not None
        measure = w.MEASURES[match["measure"]] if match["measure"] else "area" if match["cover"] else None
        rest = words[match.end() :]
        if (
            ranged := re.match(
                r"(?:between|from|in the range(?: of)?|ranging from|anywhere from)? ?#(?P<kind>[la])(?P<one>\d+) (?:and|to) #(?P=kind)(?P<two>\d+)(?! away| from| of| apart)",
                rest,
            )
        ) and not re.match(r" (?:away |distant )?(?:from|of) ", rest[ranged.end() :]):
            step, rest = self._suffixed(measure, ranged["one"], ">=", rest[ranged.end() :])
            other = self._checked(step.measure, "<=", ranged["two"])
            low, high = sorted((step.least or 0.0, other.most or 0.0))
            return [step.model_copy(update={"least": low, "most": high})], rest
        if bounded := re.match(
            rf"(?:(?P<no>no |not )?(?:{w.OPERATOR}) )?(?P<opened>a |an |the )?{Q}(?: or (?P<up>more|larger|longer|bigger|above|over|greater|wider|up|upwards|higher)| or (?P<down>less|smaller|shorter|below|under|fewer|narrower)| (?P<plus>and (?:up|above|over|more|larger|longer)))?(?=$| )",
            rest,
        ):
            operator = operator_of(bounded)
            if bounded["up"] or bounded["plus"]:
                operator = ">="
            elif bounded["down"]:
                operator = "<="
            if bounded["no"] and operator:
                operator = {">": "<=", "<": ">="}.get(operator, operator)
            after = rest[bounded.end() :].strip()
            if bounded["kind"] == "n" and measure is None:
                return None
            if (
                re.match(
                    r"(?:away|apart|distant|from|of (?:a|the|any|each|an)\b|north|south|east|west|to the|left|right|radius)",
                    after,
                )
                and bounded["kind"] == "l"
                and measure is None
            ):
                return None
            if operator is None and measure is None and not re.match(rf"(?:{w.SUFFIX})\b", after):
                return None
            step, after = self._suffixed(measure, bounded["at"], operator or "=", after)
            also = re.match(rf"(?:and|but) (?:{w.OPERATOR}) {Q}", after)
            if also and (second := operator_of(also)) and also["kind"] == bounded["kind"]:
                other, after = self._suffixed(step.measure, also["at"], second, after[also.end() :])
                return [both_of(step, other)], after
            return [step], after
        return None

    def _suffixed(self, measure: Any, at: str, operator: str, rest: str) -> tuple[Comparison, str]:
        rest = rest.strip()
        suffix = re.match(rf"(?:{w.SUFFIX})(?= |$)", rest)
        if suffix:
            said = w.SUFFIXES[suffix[0]]
            measure, rest = (
                (measure if measure not in (None, "size") and said == "size" else said),
                rest[suffix.end() :].strip(),
            )
        return self._checked(measure, operator, at), rest

    def _checked(self, measure: Any, operator: str, at: str, *, said: str = "") -> Comparison:
        """A comparison whose unit fits its measure.

        Raises:
            SettingsError: the unit does not fit, or there is none.
        """
        quantity = self.quantities[int(at)]
        if quantity.value < 0:
            raise SettingsError(f"{quantity.text} is negative: nothing has such a size", hint="Write a number from 0.")
        word = said or (measure or "size")
        if measure == "height":
            raise SettingsError(
                f"a height ({word} ... {quantity.text}) cannot be measured from above",
                hint='Lengths, widths and areas can: "longer than 10 m", "larger than 50 m2".',
            )
        if quantity.kind == "n":
            raise SettingsError(
                f"{word} ... {quantity.text}: the unit is missing",
                hint=f'Write "longer than {quantity.text} m" for a length or "larger than {quantity.text} m2" for an area.',
            )
        if measure in ("size", "area") and quantity.kind == "l" and quantity.unit != "px":
            raise SettingsError(
                f'"{word} than {quantity.text}" can be read in two ways: {quantity.unit} is a length, {"an area" if measure == "area" else "a size"} is not',
                hint=f'Write "longer than {quantity.text}" for the length, or "larger than {quantity.text}2" for the area.',
            )
        if measure in ("length", "width", "perimeter") and quantity.kind == "a":
            raise SettingsError(
                f'"{word} ... {quantity.text}": {quantity.unit} is an area, a {measure} is not',
                hint=f'Write "larger than {quantity.text}" for the area, or a {measure} in m or ft.',
            )
        chosen: Any = measure if measure not in (None, "size") else "area" if quantity.kind == "a" else "length"
        return self._comparison(chosen, operator, quantity.si)

    @staticmethod
    def _comparison(measure: Any, operator: str, value: float, *, than: Any = None) -> Comparison:
        bounds: dict[str, Any] = {
            ">": {"least": value, "least_open": True}, ">=": {"least": value}, "<": {"most": value, "most_open": True},
            "<=": {"most": value}, "~": {"least": 0.9 * value, "most": 1.1 * value}, "=": {"least": 0.995 * value, "most": 1.005 * value},
        }[operator]  # fmt: skip
        return Comparison(measure=measure, than=than, **bounds)


def operator_of(match: re.Match[str]) -> str | None:
    """The sign of the operator that a pattern with ``OPERATOR`` found."""
    return next((sign for name, sign in w.OPERATOR_OF.items() if match[name]), None)


def count_interval(operator: str, count: int) -> tuple[int | None, int | None]:
    """Least and most of a comparison of a count."""
    return {
        ">": (count + 1, None),
        ">=": (count, None),
        "<": (None, max(count - 1, 0)),
        "<=": (None, count),
        "=": (count, count),
        "~": (count, count),
    }[operator]


def both_of(first: Comparison, second: Comparison) -> Comparison:
    """Two bounds of one measure as one interval.

    Raises:
        SettingsError: nothing lies in both.
    """
    least, most = (first, second) if first.least is not None else (second, first)
    if least.least is None or most.most is None or first.measure != second.measure:
        return first
    if least.least > most.most:
        raise SettingsError(
            f"the query contradicts itself: nothing has {'an' if first.measure == 'area' else 'a'} {first.measure} of at least {least.least:g} and at most {most.most:g}",
            hint="Swap the two numbers, or drop one.",
        )
    return least.model_copy(update={"most": most.most, "most_open": most.most_open})
