"""Referring expressions about a picture, made from boxes, labels and attributes, each with its answer and the reason for it.

A meaning is proposed, ``Picture.fit`` says what it fits and whether that is beyond doubt, and only then is it put into words. So an
expression fits exactly its targets by construction.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from geogrounding.errors import SettingsError
from geogrounding.grounding.detection import Task
from geogrounding.training.expressions.meaning import Fit, Kind, Meaning, Objects, Picture, Relation
from geogrounding.training.expressions.phrasing import Dice, phrase
from geogrounding.training.expressions.reasoning import reason
from geogrounding.training.expressions.relations import RelationKind
from geogrounding.training.expressions.words import (
    COLOURS,
    NARROWER,
    NUMBERS,
    PLACES,
    RANKS,
    SYNONYMS,
    Words,
    category_of,
    words_for,
)

ALL_KINDS: tuple[Kind, ...] = get_args(Kind)
SIDE_RANKS = ("leftmost", "rightmost", "topmost", "bottommost")
SIZE_RANKS = ("largest", "smallest")
MOST_VALUE_WORDS = 3
"""Attribute values of more words are names or remarks, not properties."""
MOST_ORDINAL = 4
MOST_PAIRS = 60
"""Pairs of categories tried for relations in one picture."""
_REFER_SHARE = 0.65
_TRIES_WITHOUT_SUCCESS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """One expression with its answer."""

    text: str
    task: Task
    meaning: Meaning
    kind: Kind
    targets: tuple[int, ...]
    """Indexes into ``Objects.boxes_px``: exactly one for "refer" unless the kind is "negative"; by rank, else in their order."""
    reasoning: str
    """One to three true sentences that lead to the answer."""


def make_expressions(
    objects: Objects,
    rng: np.random.Generator,
    *,
    count: int,
    kinds: Sequence[Kind] = ALL_KINDS,
    synonyms: Words = SYNONYMS,
) -> list[Expression]:
    """Expressions about a picture, all different, of all kinds alike as far as the picture allows.

    Args:
        objects: what is in the picture. Classes that it may be said to lack are ``objects.looked_for``.
        rng: decides everything; the same state gives the same list.
        count: expressions wanted. A picture that does not allow so many gives fewer.
        kinds: what may be made; a kind that is listed twice comes twice as often.
        synonyms: words of the classes; a class without an entry is called by its label.

    Raises:
        SettingsError: a kind is unknown, or the count is negative.
    """
    unknown = sorted(set(kinds) - set(ALL_KINDS))
    if unknown or count < 0:
        what = f"unknown kinds of expression: {', '.join(unknown)}" if unknown else f"{count} expressions asked for"
        raise SettingsError(what, hint=f"Choose among {', '.join(ALL_KINDS)}, and a count of at least 0.")
    maker = _Maker(Picture(objects), Dice(rng), synonyms)
    live, failures = list(kinds), dict.fromkeys(kinds, 0)
    out: dict[tuple[str, str], Expression] = {}
    while live and len(out) < count:
        kind = maker.dice.pick(live)
        made = maker.make(kind)
        if made is None or (made.task, made.text) in out:
            failures[kind] += 1
            if made is None or failures[kind] >= _TRIES_WITHOUT_SUCCESS:
                live = [other for other in live if other != kind]
        else:
            out[(made.task, made.text)] = made
            failures[kind] = 0
    return list(out.values())


class _Pool:
    """Meanings of one form for one picture, in random order, each tried once and kept by its outcome."""

    def __init__(self, picture: Picture, dice: Dice, meanings: Iterator[Meaning]) -> None:
        self._picture, self._dice = picture, dice
        self._pending = list(meanings)
        dice.shuffle(self._pending)
        self._found: tuple[list[tuple[Meaning, Fit]], list[tuple[Meaning, Fit]]] = ([], [])

    def draw(self, *, empty: bool, accept: Callable[[Meaning, Fit], bool] | None = None) -> tuple[Meaning, Fit] | None:
        """A clear meaning that fits something (or, ``empty``, nothing): a new one, else one that was drawn before."""
        known = self._found[empty]
        if known and self._dice.roll() < len(known) / (len(known) + len(self._pending)):
            return self._dice.pick(known)
        while self._pending:
            meaning = self._pending.pop()
            fit = self._picture.fit(meaning)
            if fit.clear and (accept is None or accept(meaning, fit)):
                self._found[not fit.targets].append((meaning, fit))
                if empty is (not fit.targets):
                    return meaning, fit
        return self._dice.pick(known) if known else None


class _Maker:
    """Makes expressions about one picture."""

    def __init__(self, picture: Picture, dice: Dice, synonyms: Words) -> None:
        self.picture, self.dice = picture, dice
        present = picture.members
        self.words = _table(tuple(sorted({*present, *map(category_of, picture.objects.looked_for)} - {""})), synonyms)
        self.usable = [name for name in present if NARROWER.get(name, frozenset()).isdisjoint(present)]
        self.several = [name for name in self.usable if len(present[name]) > 1]
        self.absent = [
            name
            for name in dict.fromkeys(map(category_of, picture.objects.looked_for))
            if name and name not in present and not _may_be_meant(name, present)
        ]
        self.pools: dict[str, _Pool] = {}

    def make(self, kind: Kind) -> Expression | None:
        """An expression of this kind; None where the picture allows none."""
        forms = list(_FORMS[kind])
        self.dice.shuffle(forms)
        for form in forms:
            drawn = self._pool(form).draw(empty=kind == "negative", accept=_ACCEPT.get(form))
            if drawn is not None:
                return self._express(kind, *drawn)
        return None

    def _pool(self, form: str) -> _Pool:
        if form not in self.pools:
            self.pools[form] = _Pool(self.picture, self.dice, _MEANINGS[form](self))
        return self.pools[form]

    def _express(self, kind: Kind, meaning: Meaning, fit: Fit) -> Expression | None:
        pairs = self.words[meaning.category]
        if kind == "synonym":
            if len(pairs) < 2:
                return None
            pair = self.dice.pick(pairs[1:])
        else:
            pair = pairs[0] if kind == "class" or self.dice.roll() < 0.6 else self.dice.pick(pairs)
        one = len(fit.targets) <= 1 and (meaning.count is None or meaning.count == 1)
        task: Task = "refer" if one and self.dice.roll() < _REFER_SHARE else "detect"
        meaning = _with_task(meaning, task)
        return Expression(
            text=phrase(self.picture, meaning, fit, self.dice, self.words, pair=pair),
            task=task,
            meaning=meaning,
            kind=kind,
            targets=fit.targets,
            reasoning=reason(self.picture, meaning, fit, self.words),
        )


def _with_task(meaning: Meaning, task: Task) -> Meaning:
    return meaning if meaning.task == task else replace(meaning, task=task)


_TABLES: dict[tuple[tuple[str, ...], int], tuple[Words, Words]] = {}


def _table(categories: tuple[str, ...], synonyms: Words) -> Words:
    """``words_for`` remembered: training asks for the same classes at every picture."""
    key = (categories, id(synonyms))
    if key not in _TABLES or _TABLES[key][0] is not synonyms:
        if len(_TABLES) >= 1024:
            _TABLES.clear()
        _TABLES[key] = (synonyms, words_for(categories, synonyms))
    return _TABLES[key][1]


def _may_be_meant(name: str, present: Collection[str]) -> bool:
    """Whether something that is in the picture could be called by the name of a class that is not labelled in it."""
    wider = {other for other in present if name in NARROWER.get(other, ())}
    narrower = NARROWER.get(name, frozenset()) & set(present)
    named = {other for other in present if any(other in pair for pair in SYNONYMS.get(name, ()))}
    return bool(wider or narrower or named)


def _size_words(name: str) -> bool:
    return name.split(" ", 1)[0] in ("small", "large", "big", "tiny")


def _plain(maker: _Maker) -> Iterator[Meaning]:
    return (Meaning(category=name) for name in maker.usable)


def _with_synonyms(maker: _Maker) -> Iterator[Meaning]:
    return (Meaning(category=name) for name in maker.usable if len(maker.words[name]) > 1)


def _absent(maker: _Maker) -> Iterator[Meaning]:
    return (Meaning(category=name) for name in maker.absent)


def _placed(maker: _Maker) -> Iterator[Meaning]:
    return (Meaning(category=name, selector=place) for name in maker.usable for place in PLACES)


def _ranked(maker: _Maker) -> Iterator[Meaning]:
    return (Meaning(category=name, selector=rank) for name in maker.several for rank in SIDE_RANKS)


def _sized(maker: _Maker) -> Iterator[Meaning]:
    return (
        Meaning(category=name, selector=rank) for name in maker.several if not _size_words(name) for rank in SIZE_RANKS
    )


def _ranks(name: str) -> Sequence[str]:
    return SIDE_RANKS if _size_words(name) else tuple(RANKS)


def _ordinals(maker: _Maker) -> Iterator[Meaning]:
    for name in maker.several:
        for rank in _ranks(name):
            for position in range(2, min(MOST_ORDINAL, len(maker.picture.members[name])) + 1):
                yield Meaning(category=name, selector=rank, ordinal=position)


def _beyond(maker: _Maker) -> Iterator[Meaning]:
    """One further than there are."""
    for name in maker.usable:
        total = len(maker.picture.members[name])
        if total < MOST_ORDINAL:
            for rank in _ranks(name):
                yield Meaning(category=name, selector=rank, ordinal=total + 1)


def _counted(maker: _Maker) -> Iterator[Meaning]:
    for name in maker.several:
        total = len(maker.picture.members[name])
        if total < len(NUMBERS):
            yield Meaning(category=name, count=total)


def _counted_places(maker: _Maker) -> Iterator[Meaning]:
    for name in maker.several:
        for place in PLACES:
            found = len(maker.picture.fit(Meaning(category=name, selector=place)).targets)
            if 1 < found < len(NUMBERS):
                yield Meaning(category=name, selector=place, count=found)


def _first_few(maker: _Maker) -> Iterator[Meaning]:
    for name in maker.several:
        for rank in _ranks(name):
            for count in range(2, min(MOST_ORDINAL, len(maker.picture.members[name]) - 1) + 1):
                yield Meaning(category=name, selector=rank, count=count)


def _attributes(maker: _Maker) -> Iterator[tuple[str, tuple[str, str]]]:
    """Categories with the values that their objects have, where every object of the category has one."""
    for name in maker.usable:
        its = [maker.picture.attributes[index] for index in maker.picture.members[name]]
        for column in sorted(set.intersection(*map(set, its))) if its else ():
            values = {columns[column] for columns in its}
            if column and all(_is_property(value) for value in values):
                yield from ((name, (column, value)) for value in sorted(values))


def _is_property(value: str) -> bool:
    return (
        any(c.isalpha() for c in value)
        and not any(c.isdigit() for c in value)
        and len(value.split()) <= MOST_VALUE_WORDS
    )


def _with_attribute(maker: _Maker) -> Iterator[Meaning]:
    return (Meaning(category=name, attribute=attribute) for name, attribute in _attributes(maker))


def _with_other_attribute(maker: _Maker) -> Iterator[Meaning]:
    """Values that objects of other categories have, and other colours."""
    found = list(_attributes(maker))
    values: dict[str, set[str]] = {}
    for _, (column, value) in found:
        values.setdefault(column, set()).add(value)
    if "colour" in values:
        values["colour"].update(set(COLOURS) - {"dark", "light"})  # a red car may be dark
    for name, column in dict.fromkeys((name, column) for name, (column, _) in found):
        its = {value for other, (key, value) in found if other == name and key == column}
        if column == "colour" and not its.isdisjoint(("dark", "light")):
            continue
        for value in sorted(values[column] - its):
            yield Meaning(category=name, attribute=(column, value))


def _attribute_and_selector(maker: _Maker) -> Iterator[Meaning]:
    for name, attribute in _attributes(maker):
        for selector in (*_ranks(name), *PLACES):
            yield Meaning(category=name, attribute=attribute, selector=selector)


def _pairs(maker: _Maker) -> list[tuple[str, str]]:
    """(category, neighbour), at most ``MOST_PAIRS``."""
    usable = list(maker.usable)
    if len(usable) ** 2 > 2 * MOST_PAIRS:
        maker.dice.shuffle(usable)
        usable = usable[: int((2 * MOST_PAIRS) ** 0.5)]
    pairs = [(one, other) for one in usable for other in usable if one != other]
    maker.dice.shuffle(pairs)
    return pairs[:MOST_PAIRS]


def _related(maker: _Maker) -> Iterator[Meaning]:
    for name, other in _pairs(maker):
        kinds: tuple[RelationKind, ...] = ("next to", "near", "inside")
        if len(maker.picture.members[other]) == 1:  # "left of a building" is true of nearly everything in a town
            kinds += ("left of", "right of", "above", "below")
        for kind in kinds:
            yield Meaning(category=name, relation=Relation(kind=kind, category=other))


def _nearest(maker: _Maker) -> Iterator[Meaning]:
    for name, other in _pairs(maker):
        if len(maker.picture.members[name]) > 1 and len(maker.picture.members[other]) == 1:
            yield Meaning(category=name, relation=Relation(kind="nearest", category=other))
            yield Meaning(category=name, relation=Relation(kind="farthest", category=other))


def _related_and_ranked(maker: _Maker) -> Iterator[Meaning]:
    for meaning in _related(maker):
        if len(maker.picture.members[meaning.category]) > 1:
            selector = maker.dice.pick(_ranks(meaning.category))
            yield replace(meaning, selector=selector)


def _beside_absent(maker: _Maker) -> Iterator[Meaning]:
    for name in maker.usable:
        for other in maker.absent:
            kind: RelationKind = maker.dice.pick(("next to", "near", "nearest"))
            yield Meaning(category=name, relation=Relation(kind=kind, category=other))


_MEANINGS: dict[str, Callable[[_Maker], Iterator[Meaning]]] = {
    "plain": _plain,
    "with synonyms": _with_synonyms,
    "absent": _absent,
    "placed": _placed,
    "ranked": _ranked,
    "sized": _sized,
    "ordinals": _ordinals,
    "beyond": _beyond,
    "counted": _counted,
    "counted places": _counted_places,
    "first few": _first_few,
    "attribute": _with_attribute,
    "other attribute": _with_other_attribute,
    "attribute and selector": _attribute_and_selector,
    "related": _related,
    "nearest": _nearest,
    "related and ranked": _related_and_ranked,
    "beside absent": _beside_absent,
}

_FORMS: dict[Kind, tuple[str, ...]] = {
    "class": ("plain",),
    "synonym": ("with synonyms",),
    "position": ("placed",),
    "rank": ("ranked",),
    "size": ("sized",),
    "count": ("counted", "ordinals", "first few", "counted places"),
    "attribute": ("attribute", "attribute", "attribute and selector"),
    "relation": ("related", "related", "nearest", "nearest", "related and ranked"),
    "negative": ("absent", "absent", "placed", "related", "other attribute", "beside absent", "beyond"),
}
"""The forms of each kind; one listed twice is tried first twice as often."""


def _sensible_relation(meaning: Meaning, fit: Fit) -> bool:
    """Nobody asks for a car inside a tank unless there is one."""
    return bool(fit.targets) or meaning.relation is None or meaning.relation.kind != "inside"


def _really_chosen(meaning: Meaning, fit: Fit) -> bool:
    """A rank among one is no rank."""
    return meaning.selector not in RANKS or len(fit.pool) > 1


_ACCEPT: dict[str, Callable[[Meaning, Fit], bool]] = {
    "related": _sensible_relation,
    "related and ranked": _really_chosen,
    "attribute and selector": _really_chosen,
}
