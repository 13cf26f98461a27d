"""What may follow a noun: comparisons, distances, relations, places, groups, each negated, joined by and / or."""

from __future__ import annotations

import re
from typing import Any

from geogrounding.errors import SettingsError
from geogrounding.query import grammar_words as w
from geogrounding.query.phrases import Found, Head, Noun
from geogrounding.query.plan import (
    AnyOf,
    Attribute,
    Comparison,
    Facing,
    Group,
    Place,
    PointReference,
    Rank,
    Reference,
    Relation,
    SceneReference,
    Step,
    Target,
    TargetReference,
)  # fmt: skip
from geogrounding.query.quantities import Quantity

_Q = r"#(?P<kind>[lan])(?P<at>\d+)"
_L = r"#l(?P<at>\d+)"
_AWAY = r"(?: (?:away|distant|apart|distance|or so))*"
_POINT = re.compile(
    r"(?:the )?(?:point|position|location|coordinates?)?(?: at)? ?(?:lon(?:gitude)? )?#n(?P<x>\d+)(?: degrees)?(?: (?P<xs>[nsew]))?(?: ,)?(?: and)? "
    r"(?:lat(?:itude)? )?#n(?P<y>\d+)(?: degrees)?(?: (?P<ys>[nsew]))?(?= |$)"
)
_SCENE = re.compile(
    rf"(?:the |an |any |a )?(?:{w.SCENE} )?(?:(?P<side>{w.SIDE}|northern|southern|eastern|western|northeastern|northwestern|southeastern|southwestern|upper|lower) )?"
    rf"(?:{w.SCENE} )?(?P<part>edge|border|boundary|margin|corner|centre|center|middle|midpoint)s?(?: (?:point ))?(?: of (?:the |this )?{w.SCENE})?(?= |$)"
)
_EACH_OTHER = re.compile(
    r"(?:each other|one another|(?:its|their|the) (?:nearest |closest )?neighbou?rs?|the others|others|another(?: one)?(?! @)|any other(?: one)?(?! @)|one)(?= |$)"
)
_PLACE = re.compile(
    rf"(?:in|on|at|along|within|inside|near|toward|towards|to|of|from)? ?(?:the )?(?:far )?(?P<side>{w.SIDE}|northern|southern|eastern|western|northeastern|northwestern|southeastern|southwestern)"
    rf"(?: (?P<what>half|part|side|quarter|quadrant|third|corner|section|portion|end|hand side|edge))?(?: of (?:the |this )?{w.SCENE}| {w.SCENE})?(?= |$)(?! (?:of|from) )"
)
_BEHIND = re.compile(
    r"(?:(?:that (?:is|are) )?(?:(?:with)?in (?:a radius of )?#l(?P<within>\d+)|(?P<next>next to (?:it|them)|beside (?:it|them)|right next to (?:it|them)|adjacent)|(?P<near>nearby|near (?:it|them)|close by|around (?:it|them)?|in the vicinity)|(?P<in>inside(?: (?:it|them))?|in (?:it|them)|on (?:it|them|top)|within (?:it|them))))(?: of (?:it|them|each))?(?= |$)"
)


class Conditions:
    """Reads conditions from marked words."""

    def __init__(self, quantities: list[Quantity], nouns: list[Noun]) -> None:
        self.quantities, self.nouns = quantities, nouns
        self.unread: list[str] = []
        self.article, self.every = "", False
        self.count: int | None = None
        self.pixels = False

    def target(self, words: str, *, reference: bool = False) -> tuple[Target, str] | None:
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
        self.pixels |= quantity.unit == "px"
        return quantity.si

    def conditions(self, words: str, found: Found, *, reference: bool, head: Head) -> str:
        """Read conditions into ``found``; return what is left."""
        joined, negated = "", False
        while words:
            if not reference and self._union_follows(words):
                return words
            if match := re.match(r"(and|but|or|nor|,|while|yet|plus)\b ?|(,) ?", words):
                if reference:
                    return words
                word = match[1] or match[2]
                joined = "or" if word == "or" else "and" if word in ("and", "but", "nor", ",") or not joined else joined
                negated |= word == "nor"
                words = words[match.end() :]
                continue
            if not reference and (
                match := re.match(
                    r"(?:except|excluding|but not|other than|apart from|save|minus|not counting|not including|leaving out|without counting|bar)\b ?",
                    words,
                )
            ):
                left_out = self.except_rank(words[match.end() :])
                if left_out is not None:
                    found.except_, words = left_out
                    continue
            if match := re.match(
                r"(?:not|never|neither|nor|isnt|arent|dont|doesnt)\b ?(?=(?!(?:more|less|over|under|above|below|longer|larger|bigger|wider|smaller|shorter|narrower|exceeding|fewer|greater) ))",
                words,
            ):
                negated, words = True, words[match.end() :]
                continue
            read = self._condition(words, found, reference=reference, head=head)
            if read is not None:
                steps, words = read
                words = words.strip()
                for number, step in enumerate(steps):
                    if negated:
                        step = (
                            step.model_copy(update={"negated": not step.negated})
                            if not isinstance(step, Rank)
                            else step.model_copy(update={"all_but": True})
                        )
                    if isinstance(step, Rank):
                        found.ranks.append(step)
                    else:
                        found.add(step, joined if number == 0 else "and")
                        words = self._also(words, step, found)
                joined, negated = (
                    "",
                    negated
                    and words.startswith(("or ", "nor "))
                    and not re.match(r"(?:or|nor) (?:is|are|has|have)", words),
                )
                continue
            if reference:
                return words
            if match := w.GLUE.match(words):
                words = words[match.end() :]
                continue
            first, _, words = words.partition(" ")
            self.unread.append(self.spell(first))
        return words

    def spell(self, word: str) -> str:
        """A word as the user wrote it."""
        if word[0] == "@":
            return self.nouns[int(word[1:])].said
        return self.quantities[int(word[2:])].text if re.fullmatch(r"#[lan]\d+", word) else word

    def _union_follows(self, words: str) -> bool:
        """Whether the next words name another target."""
        return bool(
            re.match(
                r"(?:,|and|or|, and|, or|plus|as well as)(?: also)? (?:(?:the|all|all the|any|some|every|a|an|how many|#n\d+) )*(?:(?:"
                + w.SUPERLATIVE
                + "|"
                + w.COLOUR
                + r") )?(?:\w+ ){0,2}?@",
                words,
            )
        ) and not re.match(r"(?:,|and|or) \w*(?: \w+)* (?:than|of|from|to|within|with|by|in) ", words.split("@")[0])

    def _also(self, words: str, step: Step, found: Found) -> str:
        """Further things in the same relation: "within 5 m of a house or a tree"."""
        if (
            not isinstance(step, Relation)
            or not isinstance(step.other, TargetReference)
            or step.how == "between"
            or step.count_least
            or step.count_most is not None
        ):
            return words
        article = self.article
        while match := re.match(r"(?P<link>or|nor|and) (?=(?:a |an |the |any )?@)", words):
            same = self.article, self.every, list(self.unread)
            read = self.target(words[match.end() :], reference=True)
            if read is None or (match["link"] == "and" and not (self.article and article)):
                self.article, self.every, self.unread = same
                return words
            other = step.model_copy(update={"other": TargetReference(target=read[0], every=False)})
            both_fail = step.negated and match["link"] in ("or", "nor")
            found.add(other, "and" if match["link"] == "and" or both_fail else "or")
            words = read[1].strip()
        return words

    def _condition(self, words: str, found: Found, *, reference: bool, head: Head) -> tuple[list[Step], str] | None:
        """The first pattern that fits here."""
        readers: tuple[Any, ...] = (self._compared, self._measured) if reference else (
            self._spread, self._compared, self._distant, self._ranked, self._group, self._between, self._attribute, self._counted, self._facing,
            self._edge, self._directed, self._placed, self._related, self._measured,
        )  # fmt: skip
        for reader in readers:
            read: tuple[list[Step], str] | None = reader(words, found)
            if read is not None:
                return read
        return None

    # Comparisons

    def _compared(self, words: str, _found: Found) -> tuple[list[Step], str] | None:
        """Such as "longer than 40 m", "no larger than 2 ha", "larger than average"."""
        match = re.match(
            rf"(?P<no>no |not )?(?:much |far |significantly )?(?P<how>{w.COMPARATIVE}) (?:in (?:size|area|length|width) )?than (?:(?:the|an?) )?(?:{_Q}|(?P<mean>average|mean|median|typical)(?: (?:one|@\d+|size|length|area|width)| of (?:all|them))*)(?: or (?P<or>equal|equal to))?",
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
        suffix = re.match(rf"(?:and|but) (?P<how>{w.COMPARATIVE}) than {_Q}", rest)
        first = self._checked(measure, operator, match["at"], said=match["how"])
        if suffix and w.COMPARATIVES[suffix["how"]][0] == measure:
            _, other = w.COMPARATIVES[suffix["how"]]
            second = self._checked(measure, other, suffix["at"], said=suffix["how"])
            return [_both(first, second)], rest[suffix.end() :].strip()
        return [first], rest

    def _measured(self, words: str, _found: Found) -> tuple[list[Step], str] | None:
        """Such as "over 200 m2", "with an area between 1 and 2 ha", "at least 40 m long", "covering half a hectare or more"."""
        opening = rf"(?:(?:with|of|having|has|have|whose|and|in terms of) )?(?:(?:a|an|the|its|their|total|overall) )*(?:(?P<measure>{w.MEASURE})(?: (?:is|are|of|being|that is|which is|was|measures))* ?|(?:measuring|measures?|spanning|spans?) |(?P<cover>covering|covers?|occupying|occup(?:y|ies)|that cover|taking up) )?(?:of |is |are |an area of |a length of )*"
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
            rf"(?:(?P<no>no |not )?(?:{w.OPERATOR}) )?(?P<opened>a |an |the )?{_Q}(?: or (?P<up>more|larger|longer|bigger|above|over|greater|wider|up|upwards|higher)| or (?P<down>less|smaller|shorter|below|under|fewer|narrower)| (?P<plus>and (?:up|above|over|more|larger|longer)))?(?=$| )",
            rest,
        ):
            operator = _operator(bounded)
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
            also = re.match(rf"(?:and|but) (?:{w.OPERATOR}) {_Q}", after)
            if also and (second := _operator(also)) and also["kind"] == bounded["kind"]:
                other, after = self._suffixed(step.measure, also["at"], second, after[also.end() :])
                return [_both(step, other)], after
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
        self.pixels |= quantity.unit == "px"
        chosen: Any = measure if measure not in (None, "size") else "area" if quantity.kind == "a" else "length"
        return self._comparison(chosen, operator, quantity.si)

    @staticmethod
    def _comparison(measure: Any, operator: str, value: float, *, than: Any = None) -> Comparison:
        bounds: dict[str, Any] = {
            ">": {"least": value, "least_open": True}, ">=": {"least": value}, "<": {"most": value, "most_open": True},
            "<=": {"most": value}, "~": {"least": 0.9 * value, "most": 1.1 * value}, "=": {"least": 0.995 * value, "most": 1.005 * value},
        }[operator]  # fmt: skip
        return Comparison(measure=measure, than=than, **bounds)

    # Distances

    def _distant(self, words: str, found: Found) -> tuple[list[Step], str] | None:
        """Such as "within 5 m of a house", "at least 20 m away from any tree", "between 5 and 10 m from the road"."""
        centres = False
        least: float | None = None
        most: float | None = None
        if match := re.match(
            rf"(?:(?:less|no more|not more) than )?(?:within|inside|in)(?: a| an)?(?: (?:radius|distance|range|circle|buffer|vicinity) of)?(?: (?:less|no more) than)? (?:about )?{_L}(?: radius| range| distance| buffer| or less)?{_AWAY}",
            words,
        ):
            most = self.length(match["at"])
        elif match := re.match(
            r"(?:(?:at a distance|located|a distance) (?:of )?)?(?:between|from)? ?#l(?P<one>\d+) (?:and|to) #l(?P<two>\d+)"
            + _AWAY
            + r"(?= (?:from|of|to) )",
            words,
        ):
            least, most = sorted((self.length(match["one"]), self.length(match["two"])))
        elif match := re.match(
            rf"(?P<no>no |not )?(?P<how>closer|nearer|farther|further|more distant)(?: away)? than {_L}{_AWAY}", words
        ):
            value = self.length(match["at"])
            near = match["how"] in ("closer", "nearer")
            if near == bool(match["no"]):
                least = value
            else:
                most = value
        elif match := re.match(
            rf"(?:at |a distance of |at a distance of |whose distance is )*(?P<no>no |not )?(?:{w.OPERATOR}) {_L}(?: or (?:less|more))?{_AWAY}(?= (?:from|of|to|off) )",
            words,
        ):
            operator = _operator(match)
            if match["no"] and operator:
                operator = {">": "<=", "<": ">="}.get(operator, operator)
            value = self.length(match["at"])
            if operator in (">", ">="):
                least = value
            elif operator in ("<", "<="):
                most = value
            else:
                least, most = 0.9 * value, 1.1 * value
        elif match := re.match(
            rf"(?:outside of|outside|out of|beyond)(?: (?:a|the))?(?: (?:radius|distance|range|buffer) of)? {_L}(?: radius| buffer| zone)?{_AWAY}",
            words,
        ):
            least = self.length(match["at"])
        elif match := re.match(
            rf"{_L}(?P<less> or (?:less|closer|nearer))?(?P<more> or (?:more|farther|further))?{_AWAY}(?= (?:from|of|off) )",
            words,
        ):
            if match["more"]:
                least = self.length(match["at"])
            else:
                most = self.length(match["at"])
        else:
            return None
        rest = words[match.end() :].strip()
        direction = re.match(rf"(?:to the )?(?P<side>{w.COMPASS}) of ", rest)
        link = direction or re.match(r"(?:of|from|to|around|off)(?: (?:the )?(?P<centre>cent(?:re|er)s?) of)? ", rest)
        if link is None:
            return None
        centres = (
            "centre" in link.re.groupindex
            and bool(link["centre"])
            and not re.match(rf"(?:the |this )?{w.SCENE}\b", rest[link.end() :])
        )
        begin = (
            link.end()
            if centres or direction or not link.re.groupindex.get("centre") or not link["centre"]
            else rest.find(link["centre"])
        )
        referred = self.reference(rest[begin:])
        if referred is None:
            return None
        other, rest = referred
        step: Relation = Relation(how="within", other=other, least_m=least, most_m=most, centres=centres)
        steps: list[Step] = [step]
        if direction:
            steps.append(Relation(how=w.OF[direction["side"]], other=other))
        del found
        return steps, rest

    def _ranked(self, words: str, found: Found) -> tuple[list[Step], str] | None:
        """Such as "closest to the river", "from the left", "with the largest area", "by area"."""
        if match := re.match(
            rf"(?:(?P<near>{w.NEAREST})|(?P<far>{w.FARTHEST})(?: away)?) (?:to |from |of )?(?:(?P<centre>the cent(?:re|er) of )(?!(?:the |this )?{w.SCENE}))?",
            words,
        ):
            referred = self.reference(words[match.end() :])
            if referred is not None:
                rank = Rank(
                    by="distance",
                    descending=bool(match["far"]),
                    first=found.order or 1,
                    last=found.order or 1,
                    to=referred[0],
                    centres=bool(match["centre"]),
                )
                return [rank], referred[1]
        if match := re.match(
            rf"(?:furthest|farthest|most) (?:to (?:the )?)?(?P<side>{w.SIDE})(?= |$)|from (?:the )?(?P<from>{w.SIDE})(?: (?:side|edge|end))?(?= |$)|(?:furthest )?on the far (?P<on>left|right|{w.COMPASS})(?= |$)",
            words,
        ):
            side = match["side"] or match["from"] or match["on"]
            by = {"top": "top", "upper": "top", "bottom": "bottom", "lower": "bottom"}.get(side, w.SIDES[side])
            if by in ("left", "right", "top", "bottom", "north", "south", "east", "west") and (
                match["from"] is None or found.order
            ):
                return [Rank(by=by, first=found.order or 1, last=found.order or 1)], words[match.end() :].strip()
        if match := re.match(
            rf"with (?:the )?(?P<how>{w.SUPERLATIVE}|highest|lowest) (?P<measure>{w.MEASURE})(?= |$)", words
        ):
            measure = w.MEASURES[match["measure"]]
            down = match["how"] in ("highest",) or (match["how"] != "lowest" and w.SUPERLATIVES[match["how"]][1])
            return [
                Rank(
                    by="area" if measure == "size" else measure,
                    descending=down,
                    first=found.order or 1,
                    last=found.order or 1,
                )
            ], words[match.end() :].strip()
        return None

    def _spread(self, words: str, found: Found) -> tuple[list[Step], str] | None:
        """Such as "by area" after a rank that named none: handled where the rank is; here only the words are taken."""
        del found
        match = re.match(
            rf"(?:ranked |sorted |ordered |measured )?(?:by|in|in terms of|according to) (?:their |its )?(?P<measure>{w.MEASURE})(?= |$)",
            words,
        )
        if match is None or not self.pending_rank:
            return None
        measure = w.MEASURES[match["measure"]]
        self.ranked_by = "area" if measure == "size" else measure
        return [], words[match.end() :].strip()

    pending_rank = False
    ranked_by: str | None = None

    def _group(self, words: str, _found: Found) -> tuple[list[Step], str] | None:
        """Such as "in groups of more than five", "in a row", "clustered together"."""
        if match := re.match(
            rf"(?:(?:standing|arranged|lined up|placed|parked|that form|forming) )?(?:in|into|as part of|part of|within|of)?(?: a| the)? ?(?P<what>groups?|clusters?|bunch(?:es)?|rows?|lines?|straight lines?|queues?)(?: (?:of|with) (?:(?P<op>{w.OPERATOR}) )?#n(?P<count>\d+)(?P<plus> or more)?(?: or more)?(?: @\d+)?)?(?: together)?(?= |$)|(?P<up>lined up|in line|aligned in a row)(?= |$)|(?P<together>clustered(?: together)?|grouped(?: together)?|bunched together|packed together|close together)(?= |$)",
            words,
        ):
            what = match["what"] or match["up"] or ""
            line = what.startswith(("row", "line", "straight", "queue", "in line", "aligned"))
            least: int = 3 if line else 2
            most: int | None = None
            if match["count"]:
                low, most = _count_interval(
                    _operator(match) or (">=" if match["plus"] else "="), self.number(match["count"])
                )
                least = max(low or 0, 1)
            rest = words[match.end() :].strip()
            apart = re.match(
                rf"(?:(?:that (?:are|is) )?(?:(?:with)?in |less than |at most |no more than )?{_L} (?:of each other|apart|of one another|from each other))",
                rest,
            )
            distance = None
            if apart:
                distance, rest = self.length(apart["at"]), rest[apart.end() :].strip()
            return [Group(least=least, most=most, line=line, distance_m=distance)], rest
        return None

    def _between(self, words: str, found: Found) -> tuple[list[Step], str] | None:
        if not (match := re.match(r"(?:in )?between ", words)):
            return None
        rest = words[match.end() :]
        if (several := re.match(r"(?:#n\d+ |two |both |the )+(?=@)", rest)) and (
            read := self.target(rest[several.end() :], reference=True)
        ):
            return [Relation(how="between", other=TargetReference(target=read[0]))], read[1]
        first = self.reference(rest)
        if first is None:
            return None
        if not (link := re.match(r"and ", first[1])):
            return ([Relation(how="between", other=first[0])], first[1]) if first[0] is not None else None
        second = self.reference(first[1][link.end() :])
        del found
        return None if second is None else ([Relation(how="between", other=first[0], second=second[0])], second[1])

    def _counted(self, words: str, found: Found) -> tuple[list[Step], str] | None:
        """Such as "with more than two cars within 10 m", "without a tree nearby", "containing at least 5 ships"."""
        del found
        if match := re.match(
            r"(?P<how>without|with no|lacking|with|having|has|have|surrounded by|containing|contains?|holding|that hold|with room for|including)\b ?",
            words,
        ):
            how: Any = "containing" if re.match(r"contain|hold|that hold|includ", match["how"]) else "next to"
            none, rest = match["how"] in ("without", "with no", "lacking"), words[match.end() :]
        else:
            return None
        given = re.match(
            rf"(?:(?:{w.OPERATOR}) )?(?:#n(?P<count>\d+)(?P<plus> or more)?|(?P<word>no|not any|any|an|a|the|several|many|some|multiple|one))? ?(?P<other>other )?",
            rest,
        )
        assert given is not None
        if re.match(rf"(?:{w.MEASURE})\b|#[la]", rest[given.end() :]) or re.match(
            rf"(?:a |an |the )?(?:{w.SUPERLATIVE}|total|surface|floor) (?:{w.MEASURE})", rest
        ):
            return None
        none |= given["word"] in ("no", "not any")
        begin = (
            given.end() if given["count"] or given["word"] in ("no", "not any", "several", "many", "multiple") else 0
        )
        article, every, unread = self.article, self.every, list(self.unread)
        read = self.target(rest[begin:], reference=True)
        if read is None or (not read[0].known and read[0].noun in ("roof",)):
            self.article, self.every, self.unread = article, every, unread
            return None
        other, rest = read
        least, most = 1, None
        if given["count"]:
            low, most = _count_interval(_operator(given) or ">=", self.number(given["count"]))
            least = low or 0
        elif given["word"] in ("several", "multiple", "many"):
            least = 3 if given["word"] == "many" else 2
        distance = None
        if behind := _BEHIND.match(rest):
            rest = rest[behind.end() :].strip()
            if behind["within"]:
                how, distance = "within", self.length(behind["within"])
            else:
                how = "next to" if behind["next"] else "near" if behind["near"] else "containing"
        elif given["count"] and how == "next to":
            how = "containing"
        plain = not given["count"] and least == 1
        step = Relation(
            how=how, other=TargetReference(target=other), most_m=distance,
            count_least=None if plain else least, count_most=most, negated=none,
        )  # fmt: skip
        return [step], rest

    def _attribute(self, words: str, _found: Found) -> tuple[list[Step], str] | None:
        if match := re.match(
            rf"(?:with|has|have|having|whose roof is|under)(?: an?| the)?(?: roof that is)? ?(?P<colour>{w.COLOUR})(?: (?:coloured|colored|tiled|metal))? (?:@roof|roofs?|rooftops?|tops?)(?= |$)",
            words,
        ):
            return [Attribute(column="roof colour", value=match["colour"])], words[match.end() :].strip()
        if match := re.match(
            rf"(?:that (?:is|are) |which (?:is|are) |painted |coloured |colored |in )?(?P<colour>{w.COLOUR})(?: (?:ones?|in colou?r|coloured))?(?= |$)",
            words,
        ):
            return [Attribute(column="colour", value="grey" if match["colour"] == "gray" else match["colour"])], words[
                match.end() :
            ].strip()
        if match := re.match(
            rf"whose (?!(?:{w.MEASURE}|distance)\b)(?P<column>[a-z_: ]{{1,40}}?) (?P<no>is not|are not|is|are|equals) (?P<value>[^#@,]{{1,60}}?)(?= and | or | but |$)",
            words,
        ):
            step = Attribute(column=match["column"], value=match["value"], negated=match["no"].endswith("not"))
            return [step], words[match.end() :].strip()
        return None

    def _facing(self, words: str, _found: Found) -> tuple[list[Step], str] | None:
        match = re.match(
            rf"(?:facing|pointing|oriented|orientated|aligned|running|heading|lying|stretching)(?: (?:roughly|mostly|approximately))?(?: (?:to|towards?|along|in))?(?: (?:a|the|an))? (?P<side>{w.COMPASS})(?: (?:to )?(?:{w.COMPASS}))?(?: (?:direction|axis))?(?= |$)",
            words,
        )
        if match is None:
            return None
        return [Facing(bearing=w.FACING[match["side"]])], words[match.end() :].strip()

    def _edge(self, words: str, _found: Found) -> tuple[list[Step], str] | None:
        """Such as "in the northeast corner", "on the edge of the image"."""
        if match := re.match(
            rf"(?:in|at|within) (?:the |a |any )?(?:(?P<side>{w.SIDE}) )?(?:(?:{w.SCENE}) )?corners?(?: of (?:the |this )?{w.SCENE})?(?= |$)",
            words,
        ):
            rest = words[match.end() :].strip()
            if match["side"]:
                return [Place(part=w.SIDES[match["side"]], corner=True)], rest
            corners: tuple[Any, ...] = ("upper left", "upper right", "lower left", "lower right")
            return [AnyOf(options=tuple((Place(part=part, corner=True),) for part in corners))], rest
        if match := re.match(
            r"(?:touching|touches?|on|at|along|crossing|cut (?:off )?by|cut (?:off )?at|reaching) (?=(?:the |an |any )?(?:[a-z]+ ){0,2}(?:edge|border|boundary|margin)s?\b)",
            words,
        ):
            scene = _SCENE.match(words[match.end() :])
            if scene is None:
                return None
            if match[0].startswith(("touch", "cross", "cut", "reach")):
                step = Relation(how="within", most_m=0.5, other=_scene(scene))
            else:
                step = Relation(how="next to", other=_scene(scene))
            return [step], words[match.end() + scene.end() :].strip()
        return None

    def _directed(self, words: str, _found: Found) -> tuple[list[Step], str] | None:
        match = re.match(
            rf"(?:to |in |on |at )?(?:the )?(?:immediate )?(?P<side>{w.COMPASS})(?:ern side)?(?: side)? (?:of|from) (?!(?:the |this )?{w.SCENE}(?: |$))",
            words,
        )
        if match is None:
            return None
        referred = self.reference(words[match.end() :])
        return None if referred is None else ([Relation(how=w.OF[match["side"]], other=referred[0])], referred[1])

    def _related(self, words: str, _found: Found) -> tuple[list[Step], str] | None:
        for how, pattern in w.RELATIONS:
            if not (match := re.match(rf"(?:{pattern})\b ?", words)):
                continue
            article, every, unread = self.article, self.every, list(self.unread)
            referred = self.reference(words[match.end() :])
            if referred is not None and not (how == "inside" and isinstance(referred[0], SceneReference)):
                return [Relation(how=how, other=referred[0])], referred[1]
            self.article, self.every, self.unread = article, every, unread
            if how in ("touching", "overlapping") and not words[match.end() :].strip():
                return [Relation(how=how)], ""
        if match := re.match(
            r"(?:isolated|standing alone|alone|on (?:its|their) own|detached)(?: from)?(?= |$)", words
        ):
            return [Relation(how="near", negated=True)], words[match.end() :].strip()
        return None

    def _placed(self, words: str, _found: Found) -> tuple[list[Step], str] | None:
        match = _PLACE.match(words)
        if match is None:
            return None
        side = re.sub(r"ern$", "", match["side"])
        part: Any = w.SIDES[side]
        return [Place(part=part, corner=match["what"] == "corner")], words[match.end() :].strip()

    def reference(self, words: str) -> tuple[Reference | None, str] | None:
        """What a target stands to, and the rest; a reference of None is "each other"."""
        words = words.strip()
        if match := _EACH_OTHER.match(words):
            return None, words[match.end() :].strip()
        if match := _POINT.match(words):
            return self._point(match), words[match.end() :].strip()
        if match := _SCENE.match(words):
            return _scene(match), words[match.end() :].strip()
        if match := re.match(r"(?:the )?(?:cent(?:re|er)s? of )", words):
            words = words[match.end() :]
        opened = re.match(r"(?:any|every|each|all|all of the|all the) ", words)
        read = self.target(words, reference=True)
        if read is None:
            return None
        every = bool(opened) and opened[0].split()[0] in ("every", "each", "all") if opened else False
        return TargetReference(target=read[0], every=every), read[1].strip()

    def _point(self, match: re.Match[str]) -> PointReference:
        x, y = self.quantities[int(match["x"])].value, self.quantities[int(match["y"])].value
        signs = (match["xs"] or "", match["ys"] or "")
        x, y = (-x if signs[0] in ("s", "w") and signs[0] else x), (-y if signs[1] in ("s", "w") and signs[1] else y)
        if signs[0] in ("n", "s") and signs[0]:
            x, y = y, x
        degrees = bool(signs[0] or signs[1]) or (abs(x) <= 180 and abs(y) <= 90)
        return PointReference(x=x, y=y, crs="EPSG:4326" if degrees else None)


def _scene(match: re.Match[str]) -> SceneReference:
    part: Any = {
        "corner": "corner",
        "centre": "centre",
        "center": "centre",
        "middle": "centre",
        "midpoint": "centre",
    }.get(match["part"], "edge")
    side: Any = re.sub(r"ern$", "", match["side"]) if match["side"] else None
    return SceneReference(part=part, side=None if side is None or part == "centre" else w.SIDES[side])


def _operator(match: re.Match[str]) -> str | None:
    return next((sign for name, sign in w.OPERATOR_OF.items() if match[name]), None)


def _count_interval(operator: str, count: int) -> tuple[int | None, int | None]:
    return {
        ">": (count + 1, None),
        ">=": (count, None),
        "<": (None, max(count - 1, 0)),
        "<=": (None, count),
        "=": (count, count),
        "~": (count, count),
    }[operator]


def _both(first: Comparison, second: Comparison) -> Comparison:
    """Two bounds of one measure as one interval.

    Raises:
        SettingsError: nothing lies in both.
    """
    least, most = (first, second) if first.least is not None else (second, first)
    if least.least is None or most.most is None or first.measure != second.measure:
        return first
    if least.least > most.most:
        raise SettingsError(
            f"the query contradicts itself: nothing has a {first.measure} of at least {least.least:g} and at most {most.most:g}",
            hint="Swap the two numbers, or drop one.",
        )
    return least.model_copy(update={"most": most.most, "most_open": most.most_open})
