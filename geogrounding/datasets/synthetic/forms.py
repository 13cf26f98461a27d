"""Candidate meanings for an image: which classes, ranks, places, neighbours and attributes to ask for.

A candidate need not fit anything, nor be unambiguous: ``generate`` evaluates each and keeps those that are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

from geogrounding.datasets.synthetic.phrasing import Dice
from geogrounding.query.borders import RelationKind
from geogrounding.query.expression import Kind, Meaning, Relation
from geogrounding.query.image_objects import Fit, ImageObjects
from geogrounding.query.lexicon import (
    COLOURS,
    NARROWER,
    NUMBERS,
    PLACES,
    RANKS,
    SYNONYMS,
    Words,
    category_of,
)

SIDE_RANKS = ("leftmost", "rightmost", "topmost", "bottommost")
SIZE_RANKS = ("largest", "smallest")
MOST_VALUE_WORDS = 3
"""Longest attribute value, in words; longer values are names or remarks, not properties."""
MOST_ORDINAL = 4
MOST_PAIRS = 60
"""Pairs of categories tried for relations in one image."""
_PLAIN_COLOURS = frozenset({"red", "blue", "green", "yellow", "white", "black"})
"""Colours that an image may be said not to show, where no colour is near them."""
_CONFUSED = {
    "white": frozenset({"silver", "beige", "light", "grey", "pink"}),
    "black": frozenset({"dark", "grey", "blue", "green", "brown", "purple"}),
    "red": frozenset({"orange", "brown", "pink", "purple", "dark"}),
    "yellow": frozenset({"orange", "beige", "light", "brown"}),
    "blue": frozenset({"purple", "dark", "black", "light"}),
    "green": frozenset({"dark", "black", "light", "yellow"}),
}


@dataclass(slots=True)
class Source:
    """An image and what can be asked about it."""

    image: ImageObjects
    dice: Dice
    words: Words
    usable: list[str] = field(init=False)
    """Categories in the image that no other category there is a kind of."""
    several: list[str] = field(init=False)
    """Those with more than one object."""
    absent: list[str] = field(init=False)
    """Categories of which it is known that there is none."""

    def __post_init__(self) -> None:
        present = self.image.members
        self.usable = [name for name in present if NARROWER.get(name, frozenset()).isdisjoint(present)]
        self.several = [name for name in self.usable if len(present[name]) > 1]
        known = dict.fromkeys(map(category_of, self.image.objects.looked_for))
        self.absent = [name for name in known if name and name not in present and not may_be_meant(name, present)]


def may_be_meant(name: str, present: Collection[str]) -> bool:
    """Whether something that is in the image could be called by the name of a class that is not labelled in it."""
    wider = {other for other in present if name in NARROWER.get(other, ())}
    narrower = NARROWER.get(name, frozenset()) & set(present)
    named = {other for other in present if any(other in pair for pair in SYNONYMS.get(name, ()))}
    return bool(wider or narrower or named)


def _size_words(name: str) -> bool:
    return name.split(" ", 1)[0] in ("small", "large", "big", "tiny")


def _plain(source: Source) -> Iterator[Meaning]:
    return (Meaning(category=name) for name in source.usable)


def _with_synonyms(source: Source) -> Iterator[Meaning]:
    return (Meaning(category=name) for name in source.usable if len(source.words[name]) > 1)


def _absent(source: Source) -> Iterator[Meaning]:
    return (Meaning(category=name) for name in source.absent)


def _placed(source: Source) -> Iterator[Meaning]:
    return (Meaning(category=name, selector=place) for name in source.usable for place in PLACES)


def _ranked(source: Source) -> Iterator[Meaning]:
    return (Meaning(category=name, selector=rank) for name in source.several for rank in SIDE_RANKS)


def _sized(source: Source) -> Iterator[Meaning]:
    return (
        Meaning(category=name, selector=rank) for name in source.several if not _size_words(name) for rank in SIZE_RANKS
    )


def _ranks(name: str) -> Sequence[str]:
    return SIDE_RANKS if _size_words(name) else tuple(RANKS)


def _ordinals(source: Source) -> Iterator[Meaning]:
    for name in source.several:
        for rank in _ranks(name):
            for position in range(2, min(MOST_ORDINAL, len(source.image.members[name])) + 1):
                yield Meaning(category=name, selector=rank, ordinal=position)


def _beyond(source: Source) -> Iterator[Meaning]:
    """One further than there are."""
    for name in source.usable:
        total = len(source.image.members[name])
        if total < MOST_ORDINAL:
            for rank in _ranks(name):
                yield Meaning(category=name, selector=rank, ordinal=total + 1)


def _counted(source: Source) -> Iterator[Meaning]:
    for name in source.several:
        total = len(source.image.members[name])
        if total < len(NUMBERS):
            yield Meaning(category=name, count=total)


def _counted_places(source: Source) -> Iterator[Meaning]:
    for name in source.several:
        for place in PLACES:
            found = len(source.image.fit(Meaning(category=name, selector=place)).targets)
            if 1 < found < len(NUMBERS):
                yield Meaning(category=name, selector=place, count=found)


def _first_few(source: Source) -> Iterator[Meaning]:
    for name in source.several:
        for rank in _ranks(name):
            for count in range(2, min(MOST_ORDINAL, len(source.image.members[name]) - 1) + 1):
                yield Meaning(category=name, selector=rank, count=count)


def _attributes(source: Source) -> Iterator[tuple[str, tuple[str, str]]]:
    """Categories with the values that their objects have, where every object of the category has one."""
    for name in source.usable:
        its = [source.image.attributes[index] for index in source.image.members[name]]
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


def _with_attribute(source: Source) -> Iterator[Meaning]:
    return (Meaning(category=name, attribute=attribute) for name, attribute in _attributes(source))


def _with_other_attribute(source: Source) -> Iterator[Meaning]:
    """Values that only objects of other categories have, and colours that none has."""
    its: dict[tuple[str, str], set[str]] = {}
    values: dict[str, set[str]] = {"colour": set(_PLAIN_COLOURS)}
    for name, (column, value) in _attributes(source):
        its.setdefault((name, column), set()).add(value)
        if column != "colour":
            values.setdefault(column, set()).add(value)
    for (name, column), own in its.items():
        for value in sorted(values[column] - own):
            if column != "colour" or (own <= set(COLOURS) and own.isdisjoint(_CONFUSED[value])):
                yield Meaning(category=name, attribute=(column, value))


def _attribute_and_selector(source: Source) -> Iterator[Meaning]:
    for name, attribute in _attributes(source):
        for selector in (*_ranks(name), *PLACES):
            yield Meaning(category=name, attribute=attribute, selector=selector)


def _pairs(source: Source) -> list[tuple[str, str]]:
    """(category, neighbour), at most ``MOST_PAIRS``."""
    usable = list(source.usable)
    if len(usable) ** 2 > 2 * MOST_PAIRS:
        source.dice.shuffle(usable)
        usable = usable[: int((2 * MOST_PAIRS) ** 0.5)]
    pairs = [(one, other) for one in usable for other in usable if one != other]
    source.dice.shuffle(pairs)
    return pairs[:MOST_PAIRS]


def _related(source: Source) -> Iterator[Meaning]:
    for name, other in _pairs(source):
        kinds: tuple[RelationKind, ...] = ("next to", "near", "inside")
        if len(source.image.members[other]) == 1:  # "left of a building" is true of nearly everything in a town
            kinds += ("left of", "right of", "above", "below")
        for kind in kinds:
            yield Meaning(category=name, relation=Relation(kind=kind, category=other))


def _nearest(source: Source) -> Iterator[Meaning]:
    for name, other in _pairs(source):
        if len(source.image.members[name]) > 1 and len(source.image.members[other]) == 1:
            yield Meaning(category=name, relation=Relation(kind="nearest", category=other))
            yield Meaning(category=name, relation=Relation(kind="farthest", category=other))


def _related_and_ranked(source: Source) -> Iterator[Meaning]:
    for meaning in _related(source):
        if len(source.image.members[meaning.category]) > 1:
            selector = source.dice.pick(_ranks(meaning.category))
            yield replace(meaning, selector=selector)


def _beside_absent(source: Source) -> Iterator[Meaning]:
    for name in source.usable:
        for other in source.absent:
            kind: RelationKind = source.dice.pick(("next to", "near", "nearest"))
            yield Meaning(category=name, relation=Relation(kind=kind, category=other))


MEANINGS: dict[str, Callable[[Source], Iterator[Meaning]]] = {
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

FORMS: dict[Kind, tuple[str, ...]] = {
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
    """Skip implausible "inside" relations without a target."""
    return bool(fit.targets) or meaning.relation is None or meaning.relation.kind != "inside"


def _really_chosen(meaning: Meaning, fit: Fit) -> bool:
    """Skip ranks among a single object."""
    return meaning.selector not in RANKS or len(fit.pool) > 1


ACCEPT: dict[str, Callable[[Meaning, Fit], bool]] = {
    "related": _sensible_relation,
    "related and ranked": _really_chosen,
    "attribute and selector": _really_chosen,
}
