"""Noun phrases of a query: a target with what narrows it, read from left to right.

``Reader.target`` takes the words before the noun (determiner, number, superlative, place, colour), the noun, and then one
condition after the other (``conditions.py``). Nothing is guessed: what fits no pattern is kept in ``Reader.unread``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from geogrounding.errors import SettingsError
from geogrounding.query.comparisons import count_interval, operator_of
from geogrounding.query.conditions import Conditions
from geogrounding.query.grammar_words import (
    COLOUR,
    DETERMINER,
    FARTHEST,
    FILLERS,
    GLUE,
    NEAREST,
    OPERATOR,
    ORDINAL,
    ORDINAL_VALUES,
    SHAPE,
    SHAPES,
    SIDES,
    STOPS,
    SUPERLATIVE,
    SUPERLATIVES,
    VAGUE,
)
from geogrounding.query.lexicon import MORE_NOUNS, NARROWER, SYNONYMS, class_of, is_plural, plural, singular, spoken
from geogrounding.query.phrases import Found, Head, Noun
from geogrounding.query.plan import AnyOf, Attribute, Group, Place, Rank, Relation, Step, Target, TargetReference

_COUNT = r"#n(?P<count>\d+) "
_RANKED = re.compile(
    rf"(?:(?P<but>(?:all|everything|every one) (?:but|except(?: for)?|save|bar) (?:the )?))?(?:(?P<order>{ORDINAL}) )?"
    rf"(?:#n(?P<before>\d+) )?(?:(?P<sup>{SUPERLATIVE})|(?P<near>{NEAREST})|(?P<far>{FARTHEST}))(?: #n(?P<after>\d+))?"
    r"(?P<of> of(?: all)?(?: of)?(?: the| these| those)?| among(?: the)?)?(?: |$)"
)
_TOP = re.compile(rf"(?:top|first|leading) #n(?P<count>\d+) (?:(?P<sup>{SUPERLATIVE}) )?(?:of the )?")
_PLACE = re.compile(
    r"(?P<side>top left|top right|bottom left|bottom right|upper left|upper right|lower left|lower right|left hand|right hand|"
    r"(?:north|south)(?:east|west)(?:ern|erly)?|(?:north|south|east|west)(?:ern|erly)|left|right|upper|lower|central|middle|top|bottom)"
    r"(?: corner| half| quarter)? (?!of )(?=(?:#n\d+ )?(?:\w+ ){0,2}@)"
)
_BETWEEN_THEM: dict[str, Step] = {
    "detached": Relation(how="touching", negated=True), "isolated": Relation(how="near", negated=True), "lone": Relation(how="near", negated=True),
    "solitary": Relation(how="near", negated=True), "standalone": Relation(how="near", negated=True),
    "clustered": Group(least=2), "grouped": Group(least=2), "adjacent": Relation(how="next to"),
    "neighbouring": Relation(how="next to"), "neighboring": Relation(how="next to"),
    "touching": Relation(how="touching"), "adjoining": Relation(how="touching"), "overlapping": Relation(how="overlapping"),
}  # fmt: skip


ANYTHING = "object"
"""The noun that every row of a vector layer answers to."""
ANY_WORDS = ("object", "feature", "thing", "item", "polygon", "everything", "anything")


def vocabulary(names: Iterable[str] = ()) -> dict[str, str]:
    """Every word for a thing, and the noun that it is asked and looked up by.

    Synonyms lead to the name of their class; words that are narrower than it (a car, a house) stay themselves.

    Args:
        names: more nouns in the singular: classes a model was taught, labels and names of layers.
    """
    words: dict[str, str] = {}
    for category, pairs in SYNONYMS.items():
        narrower = NARROWER.get(category, frozenset())
        for one, many in pairs:
            noun = one if one in narrower else category
            words.setdefault(spoken(one), noun)
            words.setdefault(spoken(many), noun)
    for one, noun in (*MORE_NOUNS.items(), *((word, ANYTHING) for word in ANY_WORDS)):
        words.setdefault(one, noun)
        words.setdefault(plural(one), noun)
    for narrower in NARROWER.values():
        for one in sorted(narrower):
            words.setdefault(one, one)
            words.setdefault(plural(one), one)
    for name in names:
        said = spoken(name)
        if said and any(character.isalpha() for character in said):
            words.setdefault(said, said)
            words.setdefault(plural(said), said)
            words.setdefault(singular(said), said)
    return words


def w_stops(words: str) -> bool:
    """Whether a word of the grammar stands before the next noun."""
    return any(word in STOPS for word in words.split("@")[0].split())


def mark_nouns(words: str, nouns: Mapping[str, str]) -> tuple[str, list[Noun]]:
    """``@0`` in place of each known noun, the longest first."""
    out: list[str] = []
    found: list[Noun] = []
    tokens = words.split()
    longest = max((len(noun.split()) for noun in nouns), default=1)
    at = 0
    while at < len(tokens):
        for length in range(min(longest, len(tokens) - at), 0, -1):
            said = " ".join(tokens[at : at + length])
            if said in nouns and "whose" not in out[-2:]:
                out.append(f"@{len(found)}")
                found.append(Noun(nouns[said], said))
                at += length
                break
        else:
            out.append(tokens[at])
            at += 1
    return " ".join(out), found


_OF_ONE = ("is", "has", "contains", "lies", "stands", "measures", "covers", "touches", "overlaps")
_CLAUSE = re.compile(
    r"(?:that|which) (?P<verb>is|are|has|have|contains?|lies?|stands?|measures?|covers?|touch(?:es)?|overlaps?) "
)

_HOLDERS = ("building", "harbor", "parking lot", "airport", "farm", "school", "garden")
"""What has pools, trees or cars of its own: "houses with a pool"; no road or tree has."""
_WITH_ROOF = re.compile(rf"with (?:an? )?(?:{COLOUR}) (?:\w+ )?(?:tops?|roofs?|rooftops?)(?= |$)")


class Reader(Conditions):
    """Reads targets from marked words; ``conditions.Conditions`` reads what follows a noun."""

    def target(self, words: str, *, reference: bool = False) -> tuple[Target, str] | None:
        """The target at the beginning of the words, and the rest; None where there is none.

        Args:
            words: marked words.
            reference: it is what another target stands to: conditions behind it belong to the other one, except
                comparisons ("a tree longer than 5 m").
        """
        head, rest = self._head(words)
        self.article = head.article
        named = self._noun(rest)
        if named is None:
            return None
        noun, said, known, rest = named
        if not reference:
            self.noun, self.many = noun, is_plural(said)
        found = Found(noun=noun, order=head.order, count=head.count)
        if head.nearest is not None and (match := re.match(r"(?:to|from|of) ", rest)):
            referred = self.reference(rest[match.end() :])
            if referred is None:
                return None
            other, rest = referred
            head.ranks.append(head.nearest.model_copy(update={"to": other}))
        elif head.nearest is not None and not (reference and not head.nearest.descending):
            # "within 5 m of the nearest building" says no more than "of a building"
            head.ranks.append(head.nearest)
        every = head.every
        if reference:
            rest = self._own_clause(rest, found, said, head)
        rest = self.conditions(rest, found, reference=reference, head=head)
        self.every = every
        steps = [*head.steps, *found.steps(), *found.ranks, *reversed(head.ranks)]
        if found.except_ is not None:
            steps.append(found.except_)
        self.count = head.count
        self.article = head.article
        return Target(noun=noun, said=said, known=known, steps=tuple(steps)), rest

    def _own_clause(self, words: str, found: Found, said: str, head: Head) -> str:
        """A clause that speaks of what another target stands to, by its number: "trees near a house that is red"."""
        clause = _CLAUSE.match(words)
        if clause is None:
            return self._own_with(words, found, said, head)
        one = clause["verb"] in _OF_ONE
        if one == is_plural(said):
            return words
        if self.noun and one != self.many:
            self.remarks.append(f"'{self.plain(words)}' was read as being about the {said}, the noun before it")
        begin = clause.end() if clause["verb"] in ("is", "are") else clause.start("verb")
        negated = words[begin:].startswith("not ")
        before, left = (self.noun, self.many), words[begin:].removeprefix("not ")
        read = self._condition(left, found, reference=False, head=head)
        self.noun, self.many = before
        if read is None or any(isinstance(step, Rank) for step in read[0]):
            return words
        for step in read[0]:
            found.add(step.model_copy(update={"negated": not step.negated}) if negated else step, "and")  # type: ignore[union-attr] # no rank
        return read[1].strip()

    def _own_with(self, words: str, found: Found, said: str, head: Head) -> str:
        """As ``_own_clause`` for "with": "trees near houses with a pool", but "houses near the road with a pool"."""
        roof, kind = _WITH_ROOF.match(words), class_of(found.noun)
        if roof is not None and kind != "building":
            return words
        if roof is None and (
            head.article_said == "the" or kind not in _HOLDERS or not re.match(r"with(?:out)? ", words)
        ):
            return words
        before = self.noun, self.many, list(self.unread)
        read = self._condition(words, found, reference=False, head=head)
        self.noun, self.many, unread = before
        if read is None or any(isinstance(step, Rank) for step in read[0]):
            self.unread = unread
            return words
        if self.noun and (roof is None or class_of(self.noun) == "building"):
            what = self.plain(words[: len(words) - len(read[1])].strip())
            self.remarks.append(f"'{what}' was read as being about the {said}, the noun before it")
        for step in read[0]:
            found.add(step, "and")
        return read[1].strip()

    def plain(self, words: str, most: int = 8) -> str:
        """The beginning of marked words as the user wrote it."""
        return re.sub(r"\btops\b", "roof", " ".join(self.spell(word) for word in words.split()[:most]))

    def _head(self, words: str) -> tuple[Head, str]:
        head = Head()
        while True:
            rest = self._head_part(words, head)
            if rest is None:
                return head, words
            words = rest

    # One branch per part of speech, in order of precedence.
    def _head_part(self, words: str, head: Head) -> str | None:  # noqa: C901, PLR0912, PLR0911
        if (match := _RANKED.match(words)) and (self._noun_follows(words[match.end() :]) or match["but"]):
            self._rank(match, head)
            return words[match.end() :]
        if match := _TOP.match(words):
            count = self.number(match["count"])
            by: Any = SUPERLATIVES[match["sup"]][0] if match["sup"] else "area"
            descending = SUPERLATIVES[match["sup"]][1] if match["sup"] else True
            head.ranks.append(Rank(by=by, descending=descending, last=count))
            return words[match.end() :]
        if (match := re.match(r"(?:not )?(?:[a-z]+ ){1,4}#[la]\d+|#[la]\d+ ", words)) and "@" in words:
            for reader in (self._compared, self._measured):
                read = reader(words, Found(noun="", order=None))
                if read is not None and re.match(r"(?:\w+ ){0,2}@", read[1]) and not w_stops(read[1]):
                    head.steps += read[0]
                    return read[1]
        if match := re.match(
            rf"(?:an? |the |all |any )?(?P<what>groups?|clusters?|rows?|lines?|bunch(?:es)?|pairs?) (?:of|with) (?:(?:{OPERATOR}) )?(?:#n(?P<count>\d+)(?P<plus> or more)? )?(?=(?:\w+ ){{0,1}}@)",
            words,
        ):
            line = match["what"].startswith(("row", "line"))
            least, most = 3 if line else 2, None
            if match["count"]:
                low, most = count_interval(
                    operator_of(match) or (">=" if match["plus"] else "="), self.number(match["count"])
                )
                least = max(low or 0, 1)
            head.steps.append(Group(least=least, most=most, line=line))
            return words[match.end() :]
        if match := DETERMINER.match(words):
            first = match[0].split()[0]
            head.every |= first in ("all", "every", "each", "both")
            head.article_said = head.article_said or first
            head.article = head.article or ("one" if first in ("the", "a", "an", "this", "that", "another") else "")
            return words[match.end() :]
        if match := re.match(rf"(?P<order>{ORDINAL}) (?=[^@]{{0,20}}@)", words):
            head.order = self.position(match["order"])
            return words[match.end() :]
        if match := re.match(_COUNT, words):
            head.count = self.number(match["count"])
            return words[match.end() :]
        if match := _PLACE.match(words):
            side = re.sub(r"(?:ern|erly)$", "", match["side"])
            head.steps.append(Place(part=SIDES[side]))
            return words[match.end() :]
        if match := re.match(rf"(?P<colour>{COLOUR}) roofed (?=(?:\w+ )?@)", words):
            head.steps.append(Attribute(column="roof colour", value=match["colour"]))
            return words[match.end() :]
        if match := re.match(rf"(?P<colour>{COLOUR}) (?:coloured |colored )?(?=(?:\w+ ){{0,2}}@)", words):
            colour = "grey" if match["colour"] == "gray" else match["colour"]
            head.steps.append(Attribute(column="colour", value=colour))
            return words[match.end() :]
        if match := re.match(rf"(?P<shape>{SHAPE})(?: shaped)? (?=(?:\w+ ){{0,2}}@)", words):
            head.steps.append(Attribute(column="shape", value=SHAPES[match["shape"]]))
            return words[match.end() :]
        first, _, rest = words.partition(" ")
        if first == "tallest":
            raise SettingsError("a height cannot be measured from above", hint="Ask for the largest or the longest.")
        if rest and "@" in rest and first in _BETWEEN_THEM and self._noun_follows(rest):
            head.steps.append(_BETWEEN_THEM[first])
            return rest
        if rest and first in FILLERS and self._noun_follows(rest):
            return rest
        if rest and first in VAGUE and self._noun_follows(rest):
            self.unread.append(first)
            return rest
        if first == "one" and rest.startswith("of "):
            return rest[3:]
        return None

    def _noun_follows(self, words: str) -> bool:
        """Whether a noun can begin here: a known one, or a word that is no part of the grammar."""
        words = re.sub(r"^(?:#n\d+ )", "", words)
        first = words.partition(" ")[0]
        return bool(first) and (first[0] == "@" or not (first in STOPS or first[0] == "#" or first in ("one", "ones")))

    def _rank(self, match: re.Match[str], head: Head) -> None:
        number = match["before"] or match["after"]
        last = first = self.position(match["order"]) if match["order"] else 1
        if number is not None:
            first, last = 1, self.number(number)
            if last < 1:
                raise SettingsError("0 things are asked for", hint='Write "the largest" or "the 3 largest".')
        if match["sup"]:
            by, descending = SUPERLATIVES[match["sup"]]
            rank = Rank(by=by, descending=descending, first=first, last=last, all_but=bool(match["but"]))
            head.ranks.append(rank)
        else:
            if number is None and head.count is not None:
                last = head.count
            head.nearest = Rank(
                by="distance", descending=bool(match["far"]), first=first, last=last, all_but=bool(match["but"])
            )

    def _noun(self, words: str) -> tuple[str, str, bool, str] | None:
        """(noun, words of the user, known, rest)."""
        tokens = words.split()
        if tokens and tokens[0] in ("one", "ones"):
            return ANYTHING, tokens[0], True, " ".join(tokens[1:])
        before: list[str] = []
        for at, token in enumerate(tokens):
            if token[0] == "@":
                noun = self.nouns[int(token[1:])]
                at += 1
                if at < len(tokens) and tokens[at][0] == "@" and not before:  # "airport buildings", "car ferries"
                    last = self.nouns[int(tokens[at][1:])]
                    return f"{noun.said} {last.noun}", f"{noun.said} {last.said}", False, " ".join(tokens[at + 1 :])
                said = " ".join([*before, noun.said])
                if before:
                    return " ".join([*before, noun.noun]), said, False, " ".join(tokens[at:])
                return noun.noun, said, True, " ".join(tokens[at:])
            if token in STOPS or token[0] == "#" or len(before) >= 4 or (GLUE.match(token) and before):
                break
            before.append(token)
        if not before or before[0] in ("one", "ones", "things", "objects", "everything", "anything"):
            return None
        said = " ".join(before)
        return singular(said), said, False, " ".join(tokens[len(before) :])

    def position(self, word: str) -> int:
        """1 for "first"."""
        place = ORDINAL_VALUES.get(word) or int(re.match(r"\d+", word)[0])  # type: ignore[index] # the pattern says so
        if place < 1:
            raise SettingsError(f"{word}: places are counted from 1", hint='Write "the second largest".')
        return place

    def except_rank(self, words: str) -> tuple[Step, str] | None:
        """What follows "except": a superlative, a condition, or another noun."""
        if re.match(
            r"(?:for )?(?:the |any |all |all the |an? )*@\d+(?= |$)(?! (?:that|which|within|larger|longer))", words
        ):
            read = self.target(re.sub(r"^for ", "", words), reference=True)
            if read is not None and read[0].noun != self.noun:
                return Relation(how="same as", other=TargetReference(target=read[0]), negated=True), read[1]
        match = re.match(r"(?:for )?(?:the |a |an )?", words)
        rest = words[match.end() :] if match else words
        ranked = _RANKED.match(rest + " ")
        if ranked:
            head = Head()
            self._rank(ranked, head)
            rank = head.ranks[0] if head.ranks else head.nearest
            assert rank is not None
            rest = (rest + " ")[ranked.end() :].strip()
            rest = re.sub(r"^(?:ones?|@\d+)\b ?", "", rest)
            if rank.by == "distance" and (to := re.match(r"(?:to|from) ", rest)):
                referred = self.reference(rest[to.end() :])
                if referred is None:
                    return None
                rank, rest = rank.model_copy(update={"to": referred[0]}), referred[1]
            return rank.model_copy(update={"all_but": True}), rest
        rest = re.sub(r"^(?:those|ones|any|that|all|@\d+)\b ?", "", rest)
        rest = re.sub(r"^(?:ones|of them)\b ?", "", rest)
        inner = Found(noun="", order=None)
        left = self.conditions(rest, inner, reference=False, head=Head())
        steps = inner.steps()
        if not steps or inner.ranks:
            return None
        return AnyOf(options=(tuple(steps),), negated=True), left
