"""Distances, directions and other relations, and what they refer to."""

from __future__ import annotations

import re
from typing import Any

from geogrounding.query import grammar_words as w
from geogrounding.query.comparisons import Comparisons, count_interval, operator_of
from geogrounding.query.lexicon import class_of
from geogrounding.query.phrases import Found
from geogrounding.query.plan import (
    PointReference,
    Rank,
    Reference,
    Relation,
    SceneReference,
    Step,
    TargetReference,
)  # fmt: skip

L = r"#l(?P<at>\d+)"
AWAY = r"(?: (?:away|distant|apart|distance|or so))*"
_POINT = re.compile(
    r"(?:the )?(?:point|position|location|coordinates?)?(?: at)? ?(?:lon(?:gitude)? )?#n(?P<x>\d+)(?: degrees)?(?: (?P<xs>[nsew]))?(?: ,)?(?: and)? "
    r"(?:lat(?:itude)? )?#n(?P<y>\d+)(?: degrees)?(?: (?P<ys>[nsew]))?(?= |$)"
)
SCENE = re.compile(
    rf"(?:the |an |any |a )?(?:{w.SCENE} )?(?:(?P<side>{w.SIDE}|northern|southern|eastern|western|northeastern|northwestern|southeastern|southwestern|upper|lower) )?"
    rf"(?:{w.SCENE} )?(?P<part>edge|border|boundary|margin|corner|centre|center|middle|midpoint)s?(?: (?:point ))?(?: of (?:the |this )?{w.SCENE})?(?= |$)"
)
_EACH_OTHER = re.compile(
    r"(?:each other|one another|(?:its|their|the) (?:nearest |closest )?neighbou?rs?|(?:all |any |every )?(?:of )?(?:the )?others?(?! [@a-z])|all the rest|another(?: one)?(?! @)|any other(?: one)?(?! @)|one)(?= |$)"
)
_BEHIND = re.compile(
    r"(?:(?:that (?:is|are) )?(?:(?:within|in|inside|less than|at most|no more than|up to) (?:a radius of )?#l(?P<within>\d+)|(?P<next>next to (?:it|them)|beside (?:it|them)|right next to (?:it|them)|adjacent)|(?P<near>nearby|near (?:it|them)|close by|around (?:it|them)?|in the vicinity)|(?P<in>inside(?: (?:it|them))?|in (?:it|them)|on (?:it|them|top)|within (?:it|them))))(?: of (?:it|them|each))?(?= |$)"
)


class Relations(Comparisons):
    """Reads relations from marked words."""

    # One branch per wording of a distance.
    def _distant(self, words: str, found: Found) -> tuple[list[Step], str] | None:  # noqa: C901, PLR0912, PLR0915
        """Such as "within 5 m of a house", "at least 20 m away from any tree", "between 5 and 10 m from the road"."""
        centres = False
        least: float | None = None
        most: float | None = None
        if match := re.match(
            rf"(?:(?:less|no more|not more) than )?(?:within|inside|in)(?: a| an)?(?: (?:radius|distance|range|circle|buffer|vicinity) of)?(?: (?:less|no more) than)? (?:about )?{L}(?! (?:and|to) #l)(?: radius| range| distance| buffer| or less)?{AWAY}",
            words,
        ):
            most = self.length(match["at"])
        elif match := re.match(
            r"(?:(?:at a distance|located|a distance) (?:of )?)?(?:between|from|within)? ?#l(?P<one>\d+) (?:and|to) #l(?P<two>\d+)"
            + AWAY
            + r"(?= (?:from|of|to) )",
            words,
        ):
            least, most = sorted((self.length(match["one"]), self.length(match["two"])))
        elif match := re.match(
            rf"(?P<no>no |not )?(?P<how>closer|nearer|farther|further|more distant)(?: away)? than {L}{AWAY}", words
        ):
            value = self.length(match["at"])
            near = match["how"] in ("closer", "nearer")
            if near == bool(match["no"]):
                least = value
            else:
                most = value
        elif match := re.match(
            rf"(?:at |a distance of |at a distance of |whose distance is )*(?P<no>no |not )?(?:{w.OPERATOR}) {L}(?: or (?:less|more))?{AWAY}(?= (?:from|of|to|off) |(?<=apart)(?: |$))",
            words,
        ):
            operator = operator_of(match)
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
            rf"(?:outside of|outside|out of|beyond)(?: (?:a|the))?(?: (?:radius|distance|range|buffer) of)? {L}(?: radius| buffer| zone)?{AWAY}",
            words,
        ):
            least = self.length(match["at"])
        elif match := re.match(
            rf"{L}(?P<less> or (?:less|closer|nearer))?(?P<more> or (?:more|farther|further))?{AWAY}(?= (?:from|of|off) )",
            words,
        ):
            if match["more"]:
                least = self.length(match["at"])
            else:
                most = self.length(match["at"])
                if not match["less"] and found.noun:
                    self.remarks.append(f"'{self.spell(words.split()[0])} from' was read as at most so far")
        else:
            return None
        rest = words[match.end() :].strip()
        if match[0].endswith("apart") and not re.match(r"(?:from|of) ", rest):
            return [Relation(how="within", least_m=least, most_m=most)], rest
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
        count_least, count_most = None, None
        other: Reference | None
        if (many := self._many(rest[begin:])) is not None:
            count_least, count_most, other, rest = many
        else:
            referred = self.reference(rest[begin:])
            if referred is None:
                return None
            other, rest = referred
        step: Relation = Relation(
            how="within", other=other, least_m=least, most_m=most, centres=centres, count_least=count_least,
            count_most=count_most,
        )  # fmt: skip
        steps: list[Step] = [step]
        if direction:
            steps.append(Relation(how=w.OF[direction["side"]], other=other))
        del found
        return steps, rest

    def _ranked(self, words: str, found: Found) -> tuple[list[Step], str] | None:
        """Such as "closest to the river", "from the left", "with the largest area", "by area"."""
        first, last = (found.order, found.order) if found.order else (1, found.count or 1)
        if match := re.match(
            rf"(?:the )?(?:(?P<order>{w.ORDINAL}) )?(?P<how>{w.SUPERLATIVE})(?: ones?)?(?: of (?:all|them all))?(?= |$)",
            words,
        ):
            by, down = w.SUPERLATIVES[match["how"]]
            if match["order"]:
                first = last = self.position(match["order"])
            return [Rank(by=by, descending=down, first=first, last=last)], words[match.end() :].strip()
        if match := re.match(
            rf"(?:(?P<near>{w.NEAREST})|(?P<far>{w.FARTHEST})(?: away)?)(?! (?:to (?:the )?)?(?:{w.COMPASS}|left|right|top|bottom)(?: |$)(?!(?:corner|edge|border|side|of)\b)) (?:to |from |of )?(?:(?P<centre>the cent(?:re|er) of )(?!(?:the |this )?{w.SCENE}))?",
            words,
        ):
            referred = self.reference(words[match.end() :])
            if referred is not None:
                rank = Rank(
                    by="distance",
                    descending=bool(match["far"]),
                    first=first,
                    last=last,
                    to=referred[0],
                    centres=bool(match["centre"]),
                )
                return [rank], referred[1]
        if match := re.match(
            rf"(?:furthest|farthest|most) (?:to (?:the )?)?(?P<side>{w.SIDE})(?= |$)(?! (?:corner|edge|border|side|of))|from (?:the )?(?P<from>{w.SIDE})(?: (?:side|edge|end))?(?= |$)|(?:furthest )?on the far (?P<on>left|right|{w.COMPASS})(?= |$)",
            words,
        ):
            side = match["side"] or match["from"] or match["on"]
            by = {"top": "top", "upper": "top", "bottom": "bottom", "lower": "bottom"}.get(side, w.SIDES[side])
            if by in ("left", "right", "top", "bottom", "north", "south", "east", "west") and (
                match["from"] is None or found.order
            ):
                return [Rank(by=by, first=first, last=last)], words[match.end() :].strip()
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

    def _between(self, words: str, found: Found) -> tuple[list[Step], str] | None:
        if not (match := re.match(r"(?:in )?between ", words)):
            return None
        rest = words[match.end() :]
        if (several := re.match(r"(?:the )?(?:#n\d+|both|several)(?: of)?(?: the)? (?=@)", rest)) and (
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
        if match := re.match(
            r"(?P<how>without|with no|lacking|with|having|has|have|surrounded by|containing|contains?|holding|that hold|with room for|including)\b ?",
            words,
        ):
            how: Any = "containing" if re.match(r"contain|hold|that hold|includ", match["how"]) else "next to"
            if match["how"] == "surrounded by":
                how = "near"
                self.remarks.append("'surrounded by' was read as near")
            none, rest = match["how"] in ("without", "with no", "lacking"), words[match.end() :]
        else:
            return None
        given = re.match(
            rf"(?:(?:{w.OPERATOR}) )?(?:#n(?P<count>\d+)(?P<plus> or more)?|(?P<word>no|not any|any|an|a|the|several|many|some|multiple|one)(?= |$))? ?(?P<other>other )?",
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
            low, most = count_interval(operator_of(given) or ">=", self.number(given["count"]))
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
        elif given["count"] and how == "next to" and class_of(found.noun) != "building":
            how = "containing"
        plain = not given["count"] and least == 1
        step = Relation(
            how=how, other=TargetReference(target=other), most_m=distance,
            count_least=None if plain else least, count_most=most, negated=none,
        )  # fmt: skip
        return [step], rest

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
        if match := re.match(r"(?:outside(?: of)?|out of|off|far(?: away)? from|away from) ", words):
            referred = self.reference(words[match.end() :])
            if referred is not None:
                how: Any = "near" if match[0].startswith(("away", "far")) else "inside"
                return [Relation(how=how, other=referred[0], negated=True)], referred[1]
        for how, pattern in w.RELATIONS:
            if not (match := re.match(rf"(?:{pattern})\b ?", words)):
                continue
            article, every, unread = self.article, self.every, list(self.unread)
            if (many := self._many(words[match.end() :])) is not None:
                least, most, other, rest = many
                return [Relation(how=how, other=other, count_least=least, count_most=most)], rest
            referred = self.reference(words[match.end() :])
            if referred is not None and not (how == "inside" and isinstance(referred[0], SceneReference)):
                return [self._meant(how, match[0].strip(), referred[0])], referred[1]
            self.article, self.every, self.unread = article, every, unread
            if how in ("touching", "overlapping") and not words[match.end() :].strip():
                return [Relation(how=how)], ""
        if match := re.match(r"(?:standing |lying )?side by side(?= |$)", words):
            return [Relation(how="next to")], words[match.end() :].strip()
        if match := re.match(r"(?:isolated|standing alone|alone|on (?:its|their) own)(?: from)?(?= |$)", words):
            return [Relation(how="near", negated=True)], words[match.end() :].strip()
        return None

    def _meant(self, how: Any, word: str, other: Reference | None) -> Relation:
        """The relation of a word, with a remark where the word can mean another one."""
        kind = class_of(other.target.noun) if isinstance(other, TargetReference) else None
        if word == "at" and kind in w.THINGS:
            how = "next to"
        if word in ("under", "beneath", "underneath") or (how in ("above", "below") and kind in ("bridge", "overpass")):
            self.remarks.append(
                f"'{word}' was read as {how} in the image: what is beneath another thing cannot be seen from above; "
                "write 'south of', 'next to' or 'overlapping' for what can"
            )
        return Relation(how=how, other=other)

    def _many(self, words: str) -> tuple[int | None, int | None, Reference, str] | None:
        """A number of others: "at least 3 trees", "two buildings": least, most, what, and the rest."""
        given = re.match(
            rf"(?:(?:{w.OPERATOR}) )?(?:#n(?P<count>\d+)(?P<plus> or more)?|(?P<word>several|multiple)) (?!,|#)(?:other )?",
            words,
        )
        if given is None or _POINT.match(words):
            return None
        before = self.article, self.every, list(self.unread)
        read = self.target(words[given.end() :], reference=True)
        if read is None:
            self.article, self.every, self.unread = before
            return None
        least, most = (
            (2, None) if given["word"] else count_interval(operator_of(given) or ">=", self.number(given["count"]))
        )
        return least, most, TargetReference(target=read[0]), read[1].strip()

    def reference(self, words: str) -> tuple[Reference | None, str] | None:
        """What a target stands to, and the rest; a reference of None is "each other"."""
        words = words.strip()
        if match := _EACH_OTHER.match(words):
            return None, words[match.end() :].strip()
        if match := _POINT.match(words):
            return self._point(match), words[match.end() :].strip()
        if match := SCENE.match(words):
            return scene_of(match), words[match.end() :].strip()
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


def scene_of(match: re.Match[str]) -> SceneReference:
    """The part of the scene that ``SCENE`` found."""
    part: Any = {
        "corner": "corner",
        "centre": "centre",
        "center": "centre",
        "middle": "centre",
        "midpoint": "centre",
    }.get(match["part"], "edge")
    side: Any = re.sub(r"ern$", "", match["side"]) if match["side"] else None
    return SceneReference(part=part, side=None if side is None or part == "centre" else w.SIDES[side])
