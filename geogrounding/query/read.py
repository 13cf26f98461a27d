"""From a query in English to a plan, by rule: deterministic, offline, at once.

The grammar is described with examples in docs/questions.md. A query whose words fit no pattern still gives a plan: the
words that could not be read stand in ``QueryPlan.unread``, and the caller decides whether they may be left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from geogrounding.errors import SettingsError
from geogrounding.query import grammar_words as w
from geogrounding.query.contradictions import check_steps, check_words
from geogrounding.query.grammar import Reader, mark_nouns, vocabulary
from geogrounding.query.plan import Answer, QueryPlan, Rank, Step, Target, TargetReference
from geogrounding.query.quantities import normalise, unit_of
from geogrounding.query.rewrite import asked_unit, not_read, other_readings, rewritten
from geogrounding.query.words_in_languages import in_english

MAX_CHARACTERS = 500
MOST_RANKS = 4
"""Superlatives of one target; more are no query."""

_POLITE = re.compile(
    r"(?:please|kindly|hi|hello|ok|okay|so|now|and|well|hey|can you|could you|would you|will you|i want to know|i would like to know|i want|i need|i would like|i d like|id like|"
    r"i am looking for|i am interested in|we need|we want|lets|let us|let me know|do you know|tell me|tell us|know|learn|show me|give me|get me|find me|list me|report|return|say|"
    r"help me find|help me|to|find out|me|us|which ones are|if you can)\b ?,? ?"
)
_VERB = re.compile(
    r"(?:looking for|look for|see|view|search for|searching for|find|locate|show|detect|segment|mark|highlight|identify|outline|draw|select|extract|map|point to|point out|"
    r"point at|give|get|list|return|pick|pick out|choose|display|name|retrieve|fetch|where is|where are|where do|where does|what about|only|just|all of)\b ?,? ?"
)
_CLOSING = re.compile(
    rf" (?:in total|altogether|overall|all together|put together|taken together|combined|in all)$|(?:(?:^| )(?:please|thanks|thank you|here|visible|shown|seen|present|, please)|(?: that)? (?:you can see|can you see|do you see|can be seen|you see|do we have|can i see|do we see|you find|exist|there are|are there)|"
    rf" (?:in|of|on|from|within|across|throughout) (?:the|this|that|my) {w.SCENE})$"
)
_MEASURED = r"(?P<measure>" + w.MEASURE + r")"
_STATISTICS = {
    "total": "total", "combined": "total", "overall": "total", "summed": "total", "sum of the": "total", "aggregate": "total", "cumulative": "total", "joint": "total", "whole": "total",
    "average": "average", "mean": "average", "typical": "average", "avg": "average", "median": "median", "maximum": "largest", "max": "largest", "largest": "largest", "greatest": "largest",
    "biggest": "largest", "longest": "largest", "widest": "largest", "minimum": "smallest", "min": "smallest", "smallest": "smallest", "least": "smallest", "shortest": "smallest",
}  # fmt: skip
_STATISTIC = "|".join(_STATISTICS)


_PREDICATE = re.compile(
    r"(?P<subject>.*?@.+?)(?<! that)(?<! which) (?:is|are|has|have|lies?|stands?|(?:does|do) not) (?!and |or |,)"
)
_COMPARED = re.compile(
    r"(?:(?:is it true that )?(?:is|are|do (?:we|you) (?:have|see))(?: there)?|(?P<many>how many)) (?P<sign>more|fewer|less|as many) "
    r"(?!than )(?P<one>.*@.*?)(?: are there)? (?:than|as)(?: there are)? (?P<two>(?:the |other |all )*(?:\w+ )?@.*?)(?: are there)?$"
)


def read_query(text: str, names: Iterable[str] = ()) -> QueryPlan:
    """The plan of a query.

    Args:
        text: what the user wrote.
        names: nouns besides those of the lexicon: classes of a model, labels and names of layers.

    Raises:
        SettingsError: the query contradicts itself, a unit does not fit or is missing, or a distance is negative.
    """
    plain = QueryPlan(
        query=text, targets=(Target(noun=text.strip()[:500] or "?", known=False),), unread=(text.strip()[:500],)
    )
    if len(text) > MAX_CHARACTERS or not text.strip():
        return plain
    names = tuple(names)
    words, quantities = normalise(in_english(text, names))
    if any(not math.isfinite(quantity.si) for quantity in quantities):
        raise SettingsError("a number is too large", hint="Write a number that a thing can have.")
    words = re.sub(r"\b(north|south) (east|west)(ern)?\b", r"\1\2\3", words)
    words, unit = asked_unit(words)
    words, nouns = mark_nouns(_roofs(words), vocabulary(names))
    reader = Reader(quantities, nouns)
    words = rewritten(_bare(words))
    check_words(words)
    words, reader.unread[:] = not_read(words)
    answer, rest = _answer(words)
    if answer.get("kind") in ("distance", "bearing"):
        built = _between_two(reader, answer, rest, unit)
        if built is not None:
            return QueryPlan(
                query=text, answer=built[0], targets=built[1], unread=tuple(reader.unread), unit=unit_of(quantities)
            )
    answer["subject"] = _subject(Reader(quantities, nouns), rest)
    joined = re.search(r" (?:and|or|but) |,", rest)
    answer["last"] = reader.asked_last = answer["kind"] == "every" and answer["subject"] is None and not joined
    targets, left = _targets(reader, rest, answer)
    if not targets or any(sum(isinstance(step, Rank) for step in target.steps) > MOST_RANKS for target in targets):
        return plain
    for word in left.split():
        reader.unread.append(reader.spell(word))
    if answer["kind"] == "compare" and (len(targets) != 2 or left):
        return plain
    made, targets = _settle(answer, targets, unit)
    unread = tuple(
        dict.fromkeys(word for word in reader.unread if len(word) > 1 or not word.isascii() or word.isalpha())
    )
    for target in targets:
        check_steps(target.steps)
    given = unit_of(quantities)
    others = [] if answer["kind"] not in ("features", "measure") else other_readings(text, words, reader.spell)
    remarks = tuple(dict.fromkeys(remark[:500] for remark in (*reader.remarks, *others)))
    return QueryPlan(query=text, answer=made, targets=tuple(targets), unread=unread, remarks=remarks, unit=given)


def _roofs(words: str) -> str:
    """A roof is a word for a building, except as a part of one."""
    return re.sub(
        rf"\b((?:with|has|have|having)(?: an?)? (?:{w.COLOUR})(?: \w+)?) (?:roofs?|rooftops?)\b", r"\1 tops", words
    )


def _bare(words: str) -> str:
    before = None
    while before != words:
        before = words
        words = _POLITE.sub("", words, count=1) if _POLITE.match(words) else words
        words = _VERB.sub("", words, count=1) if _VERB.match(words) else words
        words = _CLOSING.sub("", words, count=1).strip(" ,")
    return words


# One branch per kind of question, in order of precedence.
def _answer(words: str) -> tuple[dict[str, Any], str]:  # noqa: C901, PLR0912, PLR0911
    """What is made of the targets, and the words of the targets."""
    if m := _COMPARED.match(words):
        sign = {"less": "fewer"}.get(m["sign"], m["sign"])
        return {
            "kind": "compare",
            "sign": None if m["many"] else sign,
            "turned": bool(m["many"]) and sign == "fewer",
        }, (f"{m['one']} plus {m['two']}")
    if m := re.match(
        rf"how much of (?:the |this )?{w.SCENE} (?:is|are) (?:covered|occupied|taken up|built up|made up)? ?(?:by|with|of)? ?",
        words,
    ):
        return {"kind": "coverage"}, words[m.end() :]
    if m := re.match(
        rf"(?:what (?:is the )?|the )?(?:share|percentage|percent|proportion|fraction|part|portion) of (?:the |this )?{w.SCENE} (?:that )?(?:is|are)? ?(?:covered|occupied|taken up)? ?(?:by|with)? ?",
        words,
    ):
        return {"kind": "coverage"}, words[m.end() :]
    if m := re.match(
        r"(?:(?:what|which) (?:is|are) |count |calculate |compute |determine )?(?:the )?(?:total |overall )?(?:how many|number of|count of|count|the count of|a count of|tally of|tally|amount of|quantity of|how much)(?: (?:the|all|all the|of the|of))* (?=@|[a-z#])(?!of the (?:scene|image|area))",
        words,
    ):
        if "how much" in m[0] and re.match(rf"(?:{w.SCENE}|area|ground|space|land|surface)\b", words[m.end() :]):
            return _how_much(words[m.end() :])
        rest = words[m.end() :]
        return {"kind": "count"}, re.sub(r" (?:are|is) there\b", "", rest)
    if m := re.match(
        r"(?:what (?:is the )?|the )?(?:share|percentage|percent|proportion|fraction|portion) of (?:all |the |all the )*(?=@|[a-z])",
        words,
    ):
        return {"kind": "share"}, words[m.end() :]
    if m := re.match(
        rf"(?:what is |what are |whats |calculate |compute |measure |determine |estimate )?(?:the |an? )?(?:(?P<stat>{_STATISTIC}) )?distance(?:s)? ",
        words,
    ):
        return {"kind": "distance", "statistic": _STATISTICS.get(m["stat"] or "", "each")}, words[m.end() :]
    if m := re.match(
        r"how (?:far|close|near|distant)(?: away)?(?: apart)? (?:is|are|does|do|from|lies?|stands?)?(?: it)? ?", words
    ):
        return {"kind": "distance"}, re.sub(r"\b(?:away |located |situated )(?=from|to)", "", words[m.end() :])
    if m := re.match(
        r"(?:what is |in |in which |in what |what )?(?:the )?(?:bearing|direction|azimuth|compass direction) (?:of |is |are |does |from )?",
        words,
    ):
        return {
            "kind": "bearing",
            "from": " from " not in words[m.start() : m.end()] and not m[0].endswith("from "),
        }, words[m.end() :]
    if m := re.match(r"how (?P<how>long|wide|large|big|broad|tall|high) (?:is|are|does|do|was)?(?: it)? ?", words):
        if m["how"] in ("tall", "high"):
            raise SettingsError(
                "a height cannot be measured from above",
                hint='Ask for a length, a width or an area: "how long is the longest ship?"',
            )
        measure = {"long": "length", "wide": "width", "broad": "width"}.get(m["how"], "area")
        rest = words[m.end() :]
        usual = re.match(r"(?:the |an? )?(average|mean|typical|median) ", rest)
        end = re.search(r" (?:on|in the) average$| typically$", rest)
        statistic = _STATISTICS[usual[1]] if usual else "average" if end else "each"
        rest = rest[usual.end() if usual else 0 : end.start() if end else None]
        return {"kind": "measure", "measure": measure, "statistic": statistic}, rest
    if m := re.match(
        rf"(?:what (?:is|are) |how much is |whats |compute |calculate |measure |determine |estimate |sum )?(?:up )?(?:the |an? )?(?:(?P<stat>{_STATISTIC}) )?(?:(?:built|ground|surface|floor|roof|land) )?{_MEASURED} (?:of|covered by|occupied by|taken up by|that is covered by|for|per) (?:all |the |all the |every |each |all of the |an? )*(?=@|[a-z#])",
        words,
    ):
        return {
            "kind": "measure",
            "measure": w.MEASURES[m["measure"]],
            "statistic": _STATISTICS.get(m["stat"] or "", "each"),
        }, words[m.end() :]
    if m := re.match(
        rf"(?:what (?:is|are) |whats |compute |calculate |determine |estimate )?(?:the |an? )?(?P<stat>{_STATISTIC}|sum of(?: all| the)*) (?P<noun>@\d+) {_MEASURED}(?= |$)",
        words,
    ):
        return {
            "kind": "measure",
            "measure": w.MEASURES[m["measure"]],
            "statistic": _STATISTICS.get(m["stat"], "total"),
        }, m["noun"] + words[m.end() :]
    if m := re.match(
        rf"(?:what (?:is|are) |whats )?(?P<np>(?:the )?(?:(?:{w.SUPERLATIVE}) )(?:@\d+)) {_MEASURED}$", words
    ):
        return {"kind": "measure", "measure": w.MEASURES[m["measure"]]}, m["np"]
    if m := re.match(r"(?:do|have|did) (?:we|you|they|i) (?:have|see|got|find)? ?(?:any |some )?(?P<op>.*)", words):
        return {"kind": "exists"}, m["op"]
    if m := re.match(r"(?:is|are|were|was) there no (?P<op>.*)", words):
        return {"kind": "exists", "count_most": 0}, m["op"]
    if m := re.match(rf"(?:is|are|do|does) (?P<op>(?:{w.OPERATOR}) #n\d+ .*)", words):
        return {"kind": "exists"}, m["op"]
    if m := re.match(r"total (?P<np>@\d+(?: .*)?)$", words):
        return {"kind": "count"}, m["np"]
    if m := re.match(r"(?P<np>(?:\w+ )?@\d+) (?:count|total|tally|numbers?)(?P<rest>$| .*)", words):
        return {"kind": "count"}, m["np"] + m["rest"]
    if m := re.match(
        rf"(?:what|how much|which) {_MEASURED} (?:does|do|has|have|is) (?P<np>.+?)(?: (?:have|cover|measure|occupy|take up))?$",
        words,
    ):
        return {"kind": "measure", "measure": w.MEASURES[m["measure"]]}, m["np"]
    if m := re.match(r"(?:is|are|was) there (?P<op>.*)", words):
        return {"kind": "exists"}, m["op"]
    if m := re.match(
        r"(?:does|do) (?:the |this )?(?:image|scene|picture|photo|map|area|layer) (?:contain|show|have|include) (?P<op>.*)",
        words,
    ):
        return {"kind": "exists"}, m["op"]
    if m := re.match(
        r"(?:does|do|is|are|has|have|can|did|was|were) (?P<any>any|some|at least (?:one|#n0)|a single|no|one)\b(?: of(?: the)?)? ?(?P<op>.*)",
        words,
    ):
        return {"kind": "exists"}, m["op"]
    if m := re.match(
        r"(?:does|do|is|are|has|have|was|were) (?=(?:all|every|each|both|the|these|those|most|#n\d+|@))(?P<op>.*)",
        words,
    ):
        return {"kind": "every"}, m["op"]
    if m := re.match(r"(?:which|what)(?: (?:is|are|of the|of|kinds? of))? ", words):
        return {"kind": "features"}, words[m.end() :]
    return {"kind": "features"}, words


def _how_much(rest: str) -> tuple[dict[str, Any], str]:
    if m := re.match(
        r"(?:area|ground|space|land|surface)(?: area)? (?:is |are |do |does )?(?:covered by |taken up by |occupied by )?(?:of )?(?:the |all |all the )*",
        rest,
    ):
        return {"kind": "measure", "measure": "area", "statistic": "total"}, re.sub(
            r"(?: all together)? (?:cover|occupy|take up|take|need)$", "", rest[m.end() :]
        )
    return {"kind": "count"}, rest


def _targets(reader: Reader, words: str, answer: dict[str, Any]) -> tuple[list[Target], str]:
    targets: list[Target] = []
    counts: list[int | None] = []
    words = words.strip()
    if answer.get("kind") in ("exists", "count"):
        given = re.match(rf"(?:(?:{w.OPERATOR}) )?#n(?P<count>\d+)(?P<plus> or more)? ", words)
        if given and answer["kind"] == "exists":
            sign = next((s for name, s in w.OPERATOR_OF.items() if given[name]), ">=")
            value = reader.number(given["count"])
            answer["count_least"], answer["count_most"] = {
                ">": (value + 1, None),
                ">=": (value, None),
                "<": (None, value - 1),
                "<=": (None, value),
                "=": (value, value),
                "~": (value, value),
            }[sign]
            words = words[given.end() :]
    reader.pending_rank = bool(re.match(r"(?:the )?(?:top|first) #n", words))
    while words:
        read = reader.target(words)
        if read is None:
            break
        target, words = read
        if reader.ranked_by:
            target = target.model_copy(
                update={
                    "steps": tuple(
                        s.model_copy(update={"by": reader.ranked_by}) if isinstance(s, Rank) else s
                        for s in target.steps
                    )
                }
            )
            reader.ranked_by = None
        if not targets:
            answer["all"] = reader.every
        targets.append(target)
        counts.append(reader.count)
        if link := re.match(
            r"(?:,|and|or|plus|as well as)(?: (?:and|or|also|how many|the number of))* ?", words.strip()
        ):
            words = words.strip()[link.end() :]
            continue
        break
    answer["counts"] = counts
    return targets if answer.get("kind") == "compare" else _shared(targets), words


def _shared(targets: list[Target]) -> list[Target]:
    """Conditions behind the last of several bare nouns belong to all: "ships and tanks near the pier"."""
    if (
        len(targets) > 1
        and targets[-1].steps
        and not any(t.steps for t in targets[:-1])
        and not any(isinstance(s, Rank) for s in targets[-1].steps)
    ):
        return [t.model_copy(update={"steps": targets[-1].steps}) for t in targets]
    return targets


def _subject(reader: Reader, words: str) -> int | None:
    """How many conditions belong to the subject: those before its verb, "ships in the harbor are longer than 10 m"."""
    verb = _PREDICATE.match(words)
    read = None if verb is None else reader.target(verb["subject"])
    if read is None or read[1] or reader.unread:
        return None
    return sum(not isinstance(step, Rank) for step in read[0].steps) or None


def _settle(answer: dict[str, Any], targets: list[Target], unit: str | None) -> tuple[Answer, list[Target]]:
    """The answer in its final form; what is asked about the targets becomes its predicate."""
    kind = answer["kind"]
    given: dict[str, Any] = {"kind": kind, "unit": unit, "statistic": answer.get("statistic", "each")}
    if measure := answer.get("measure"):
        if measure == "height":
            raise SettingsError("a height cannot be measured from above", hint="Ask for a length, a width or an area.")
        given["measure"] = "area" if measure == "size" else measure
    if kind == "exists":
        given["count_least"], given["count_most"] = answer.get("count_least"), answer.get("count_most")
    if kind == "compare":
        given["sign"] = answer["sign"]
        if answer["turned"]:  # "how many fewer cars than trees" is how many more trees than cars
            targets = targets[::-1]
    if kind in ("every", "share"):
        first = targets[0]
        plain = tuple(step for step in first.steps if not isinstance(step, Rank))
        subject: int = answer["subject"] or (len(plain) - 1 if answer["last"] and len(plain) > 1 else 0)
        about: tuple[Step, ...] = plain[subject:]
        # The rank of the subject comes first here: "is the largest building near a tree" asks about the largest of all.
        keep: tuple[Step, ...] = (
            tuple(step for step in first.steps if isinstance(step, Rank)) if kind == "every" else ()
        )
        keep = (*plain[:subject], *keep)
        if not about and kind == "every" and keep:
            about, keep = keep, ()
        given["predicate"] = about
        if kind == "every" and not about:
            given = {"kind": "exists", "unit": unit}
        else:
            targets = [first.model_copy(update={"steps": keep}), *targets[1:]]
    if kind == "coverage":
        given["measure"] = "area"
    return Answer(**given), targets


def _between_two(
    reader: Reader, answer: dict[str, Any], words: str, unit: str | None
) -> tuple[Answer, tuple[Target, ...]] | None:
    """Such as "from A to B", "between A and B", "is A from B"."""
    words = re.sub(r"^(?:from|between|of|is|are|separates|separating|in metres|that) ", "", words)
    words = re.sub(r"^(?:from|between) ", "", words)
    begin = reader.reference(words)
    if begin is None or not isinstance(begin[0], TargetReference):
        return None
    target, rest = begin[0].target, begin[1]
    turned = re.match(r"(?:is|are) (?=(?:the |an? )?)(?!(?:from|to|away|located)\b)", rest)
    rest = re.sub(r"^(?:is|are|lies?|away|apart|located) ", "", rest)
    link = (
        re.match(r"", rest)
        if turned
        else re.match(r"(?:from|to|and|of|,)(?: its| their)?(?: (?:the )?(?:nearest|closest)(?: of the)?)? ?", rest)
    )
    to: Any = None
    last = target.steps[-1] if target.steps else None
    if isinstance(last, Rank) and last.by == "distance" and last.to is not None:
        to = last.to
    if link and rest[link.end() :]:
        referred = reader.reference(rest[link.end() :])
        if referred is None:
            return None
        to, rest = referred
    for word in re.sub(r"^(?:away|apart)$", "", rest.strip()).split():
        reader.unread.append(reader.spell(word))
    statistic = answer.get("statistic", "each")
    return Answer(kind=answer["kind"], measure="distance", statistic=statistic, unit=unit, to=to), (target,)
