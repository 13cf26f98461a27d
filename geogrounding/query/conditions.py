"""What may follow a noun: conditions one after the other, each negated or not, joined by and / or."""

from __future__ import annotations

import re
from typing import Any

from geogrounding.query import grammar_words as w
from geogrounding.query.comparisons import count_interval, operator_of
from geogrounding.query.lexicon import plural, singular, with_article
from geogrounding.query.phrases import Found, Head
from geogrounding.query.plan import (
    AnyOf,
    Attribute,
    Facing,
    Group,
    Place,
    Rank,
    Relation,
    Step,
    TargetReference,
)  # fmt: skip
from geogrounding.query.relating import SCENE, L, Relations, scene_of

_AFTER_BUT = rf"(?:, )?(?:but|and) (?:not |for )(?=(?:the )?(?:#n\d+ |(?:{w.ORDINAL}) )?(?:{w.SUPERLATIVE}|{w.NEAREST}|{w.FARTHEST})\b)|but (?=(?:the )?(?:#n\d+ |(?:{w.ORDINAL}) )?(?:{w.SUPERLATIVE}|{w.NEAREST}|{w.FARTHEST})\b)"
_PLACE = re.compile(
    rf"(?:in|on|at|along|within|inside|near|toward|towards|to|of|from)? ?(?:the )?(?:far )?(?P<side>{w.SIDE}|northern|southern|eastern|western|northeastern|northwestern|southeastern|southwestern)"
    rf"(?: (?P<what>half|part|side|quarter|quadrant|third|corner|section|portion|end|hand side|edge))?(?: of (?:the |this )?{w.SCENE}| {w.SCENE})?(?= |$)(?! (?:of|from) )"
)

_HALVES = ("left", "right", "upper", "lower", "north", "south", "east", "west")
"""Places that are halves: a third or a quarter of that side is not known, and named."""


_ONE_OF_A_LIST = r"(?:(?:an?|the|any) )?@\d+"
_LIST = re.compile(
    rf"(?P<things>, (?:{_ONE_OF_A_LIST} ?, )*{_ONE_OF_A_LIST}(?: ?,)? (?P<link>and|or|nor) {_ONE_OF_A_LIST})(?= |$)(?! (?:that|which|with|within|near|larger|longer) )"
)


class Conditions(Relations):
    """Reads conditions from marked words."""

    # One branch per form of condition, in order of precedence.
    def conditions(self, words: str, found: Found, *, reference: bool, head: Head) -> str:  # noqa: C901, PLR0912
        """Read conditions into ``found``; return what is left."""
        joined, negated, before = "", False, None
        while words:
            if not reference and not re.match(_AFTER_BUT, words) and self._union_follows(words):
                return words
            if not reference and (match := re.match(_AFTER_BUT, words)):
                left_out = self.except_rank(words[match.end() :])
                if left_out is not None:
                    words = found.leave_out(*left_out)
                    continue
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
                    words = found.leave_out(*left_out)
                    continue
            if match := re.match(r"(?:neither|nor) ", words):
                negated, words = True, words[match.end() :]
                continue
            if match := re.match(
                r"(?:not|never|neither|nor|isnt|arent|dont|doesnt) (?=(?!(?:more|less|over|under|above|below|longer|larger|bigger|wider|smaller|shorter|narrower|exceeding|fewer|greater) ))",
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
                        if number == 0 and not joined:
                            self._attached(before, step)
                        found.add(step, joined if number == 0 else "and")
                        words = self._also(words, step, found)
                        before = step
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

    def _union_follows(self, words: str) -> bool:
        """Whether the next words name another target."""
        link = re.match(r"(?:,|and|or|plus|as well as)(?: (?:and|or|also|how many|the number of))* ", words)
        if link is None:
            return False
        if re.match(rf"(?:to the )?(?:{w.COMPASS}|left|right) (?:of|from) ", words[link.end() :]):
            return False
        before, noun, _ = words[link.end() :].partition("@")
        rest = re.sub(r"\b(?:the|all|any|some|every|each|a|an|of)\b|#n\d+", " ", before)
        rest = re.sub(rf"\b(?:{w.SUPERLATIVE}|{w.COLOUR}|{w.ORDINAL})\b", " ", rest)
        return (
            bool(noun)
            and len(rest.split()) <= 2
            and not any(word in w.STOPS or word[0] == "#" for word in rest.split())
        )

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
        if listed := _LIST.match(words):
            return self._listed(listed, words, step, found)
        while match := re.match(r"(?P<link>or|nor|and) (?=(?:a |an |the |any )?@)", words):
            same = self.article, self.every, list(self.unread)
            read = self.target(words[match.end() :], reference=True)
            if read is None or (match["link"] == "and" and not (self.article and article)):
                self.article, self.every, self.unread = same
                if read is not None and not self.article and not article and self.noun:
                    name, thing = step.other.target.said, read[0].said
                    self.remarks.append(
                        f"'{name} and {thing}' was read as two things to find; for what stands to both, write 'both {with_article(step.other.target.noun)} and {with_article(read[0].noun)}'"
                    )
                return words
            other = step.model_copy(update={"other": TargetReference(target=read[0], every=False)})
            both_fail = step.negated and match["link"] in ("or", "nor")
            found.add(other, "and" if match["link"] == "and" or both_fail else "or")
            words = read[1].strip()
        return words

    def _attached(self, before: Step | None, step: Step) -> None:
        """Say what a relation that follows another one without "and" was taken to speak of."""
        if (
            isinstance(step, Relation)
            and isinstance(step.other, TargetReference)
            and isinstance(before, Relation)
            and isinstance(before.other, TargetReference)
            and self.noun
        ):
            thing, other = before.other.target.said, step.other.target.said
            self.remarks.append(
                f"'{step.how} ... {other}' was read as being about the {plural(self.noun)}, not the {thing}; "
                f"for the other reading write 'the {thing} that {'are' if singular(thing) != thing else 'is'} {step.how} ... {other}'"
            )

    def _listed(self, listed: re.Match[str], words: str, step: Relation, found: Found) -> str:
        """A list of three or more behind a relation: "near houses, cars and pools"."""
        assert isinstance(step.other, TargetReference)
        every, said = listed["link"] == "and" and bool(self.article), [step.other.target.said]
        others: list[Step] = [step]
        for part in re.split(r" ?, (?:and |or |nor )?| (?:and|or|nor) ", listed["things"].strip(" ,")):
            read = self.target(re.sub(r"^(?:and|or|nor) ", "", part), reference=True)
            if read is not None:
                others.append(step.model_copy(update={"other": TargetReference(target=read[0])}))
                said.append(read[0].said)
        joined = "and" if every or step.negated else "or"
        for other in others[1:]:
            found.add(other, joined)
        if listed["link"] == "and" and joined == "or":
            self.remarks.append(f"'{', '.join(said[:-1])} and {said[-1]}' was read as any of them")
        return words[listed.end() :].strip()

    def _condition(self, words: str, found: Found, *, reference: bool, head: Head) -> tuple[list[Step], str] | None:
        """The first pattern that fits here."""
        if reference and self.asked_last:
            return None
        readers: tuple[Any, ...] = (self._compared, self._measured) if reference else (
            self._spread, self._compared, self._distant, self._ranked, self._group, self._between, self._attribute, self._counted, self._facing,
            self._edge, self._directed, self._placed, self._related, self._measured,
        )  # fmt: skip
        for reader in readers:
            read: tuple[list[Step], str] | None = reader(words, found)
            if read is not None:
                return read
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
            rf"(?:(?:standing|arranged|lined up|placed|parked|that form|forming) )?(?:in|into|as part of|part of|within|of)?(?: a| the)? ?(?P<what>groups?|clusters?|bunch(?:es)?|rows?|lines?|straight lines?|queues?)(?: (?:of|with) (?:(?P<op>{w.OPERATOR}) )?#n(?P<count>\d+)(?P<plus> or more)?(?: or more)?(?: @\d+)?)?(?: together)?(?= |$)|(?P<up>lined up|in line|aligned in a row)(?= |$)|(?P<together>(?:clustered|grouped|bunched|clumped|huddled|packed|crowded|close)(?: closely| tightly)?(?: together)?)(?! (?:to|by))(?= |$)",
            words,
        ):
            what = match["what"] or match["up"] or ""
            line = what.startswith(("row", "line", "straight", "queue", "in line", "aligned"))
            least: int = 3 if line else 2
            most: int | None = None
            if match["count"]:
                low, most = count_interval(
                    operator_of(match) or (">=" if match["plus"] else "="), self.number(match["count"])
                )
                least = max(low or 0, 1)
            rest = words[match.end() :].strip()
            apart = re.match(
                rf"(?:(?:that (?:are|is) )?(?:(?:with)?in |less than |at most |no more than )?{L} (?:of each other|apart|of one another|from each other))",
                rest,
            )
            distance = None
            if apart:
                distance, rest = self.length(apart["at"]), rest[apart.end() :].strip()
            return [Group(least=least, most=most, line=line, distance_m=distance)], rest
        return None

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
            rf"(?:that (?:is|are) |which (?:is|are) )?(?P<shape>{w.SHAPE})(?: in shape| shaped| shape)?(?= |$)", words
        ):
            return [Attribute(column="shape", value=w.SHAPES[match["shape"]])], words[match.end() :].strip()
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
            scene = SCENE.match(words[match.end() :])
            if scene is None:
                return None
            if match[0].startswith(("touch", "cross", "cut", "reach")):
                step = Relation(how="within", most_m=0.5, other=scene_of(scene))
            else:
                step = Relation(how="next to", other=scene_of(scene))
            return [step], words[match.end() + scene.end() :].strip()
        return None

    def _placed(self, words: str, _found: Found) -> tuple[list[Step], str] | None:
        match = _PLACE.match(words)
        if match is None:
            return None
        side = re.sub(r"ern$", "", match["side"])
        part: Any = w.SIDES[side]
        if match["what"] == "third" or (match["what"] == "quarter" and " " not in part and part in _HALVES):
            self.unread.append(match["what"])
        return [Place(part=part, corner=match["what"] == "corner")], words[match.end() :].strip()
