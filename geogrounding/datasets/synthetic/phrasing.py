"""Put a meaning into English: nouns, articles, order of modifiers, and openings such as "find all"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from geogrounding.query.expression import Meaning
from geogrounding.query.image_objects import Fit, ImageObjects
from geogrounding.query.lexicon import (
    COLOURS,
    COMPASS_PLACES,
    COMPASS_RANKS,
    COMPASS_RELATIONS,
    CORNERS,
    ORDINAL_RANKS,
    PLACES,
    RANKS,
    RELATIONS,
    Words,
    number,
    ordinal,
    plural,
    with_article,
)

Item = TypeVar("Item")

SINGLE_HEADS = ("the ", "the ", "the ", "", "", "find the ", "locate the ", "show the ", "where is the ")
ABSENT_HEADS = (*SINGLE_HEADS, "a ", "a ", "find a ", "any ", "is there a ")
MANY_HEADS = ("", "", "", "all ", "all ", "all the ", "find all ", "find all the ", "locate all ", "show all the ")
SEVERAL_HEADS = (*MANY_HEADS, "the ", "the ", "find the ", "show the ")
"""Also for several: "the ships" says that there is more than one."""
ANY_HEADS = (*MANY_HEADS, "any ", "are there any ")
EACH_HEADS = ("every ", "each ", "find every ")
COUNTED_HEADS = ("the ", "the ", "", "find the ", "locate the ", "show the ")
_CORNER = 1 / 3


class Dice:
    """Random choices from a generator, drawn many at a time: single draws cost more than the rest of an expression."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._drawn: list[float] = []

    def roll(self) -> float:
        """In [0, 1)."""
        if not self._drawn:
            self._drawn = self._rng.random(256).tolist()
        return self._drawn.pop()

    def pick(self, items: Sequence[Item]) -> Item:
        """One of them, uniformly."""
        return items[int(self.roll() * len(items))]

    def shuffle(self, items: list[Item]) -> None:
        """Put into random order."""
        for last in range(len(items) - 1, 0, -1):
            other = int(self.roll() * (last + 1))
            items[last], items[other] = items[other], items[last]


def phrase(image: ImageObjects, meaning: Meaning, fit: Fit, dice: Dice, words: Words, *, pair: tuple[str, str]) -> str:
    """An expression of a meaning.

    Args:
        image: the objects; its neighbours decide between "the" and "a", ``north_up`` allows compass words.
        meaning: what to say; its task decides between one and many.
        fit: what fits it.
        dice: chooses among ways of saying it.
        words: names of the categories.
        pair: (singular, plural) for the target.
    """
    rank = meaning.selector if meaning.selector in RANKS else None
    chosen = rank is not None or (meaning.relation is not None and meaning.relation.kind in ("nearest", "farthest"))
    counted = meaning.count is not None and meaning.count > 1
    one = not counted and (chosen or meaning.task == "refer")
    each = not one and not counted and dice.roll() < 0.1
    noun = pair[0] if one or each else pair[1]
    if meaning.attribute is not None and _is_adjective(meaning.attribute):
        noun = f"{meaning.attribute[1]} {noun}"
    tail = _tail(image, meaning, dice, words)
    if meaning.selector is None:
        core = noun
    elif meaning.ordinal > 1:
        template = dice.pick(ORDINAL_RANKS[meaning.selector])
        position = ordinal(meaning.ordinal)
        core = f"{position} {template.format(noun)}"
    else:
        core = dice.pick(_templates(image, meaning.selector, fit, before=bool(tail) and rank is not None)).format(noun)
    core += tail
    if counted:
        return f"{dice.pick(COUNTED_HEADS)}{number(int(meaning.count or 0))} {core}"
    if each:
        return dice.pick(EACH_HEADS) + core
    if one:
        head = dice.pick(SINGLE_HEADS if fit.targets or chosen else ABSENT_HEADS)
        if head.endswith("a "):
            return head[:-2] + with_article(core)
        return head + core
    return dice.pick(SEVERAL_HEADS if len(fit.targets) > 1 else MANY_HEADS if fit.targets else ANY_HEADS) + core


def _is_adjective(attribute: tuple[str, str]) -> bool:
    return attribute[0] == "colour" and attribute[1] in COLOURS


def _tail(image: ImageObjects, meaning: Meaning, dice: Dice, words: Words) -> str:
    """What follows the noun: an attribute that is no adjective, then the neighbour."""
    tail = ""
    if meaning.attribute is not None and not _is_adjective(meaning.attribute):
        tail = f" whose {meaning.attribute[0]} is {meaning.attribute[1]}"
    if meaning.relation is not None:
        category = meaning.relation.category
        links = RELATIONS[meaning.relation.kind]
        if image.objects.north_up and meaning.relation.kind in COMPASS_RELATIONS and dice.roll() < 0.5:
            links = COMPASS_RELATIONS[meaning.relation.kind]
        pairs = words[category] if category in words else ((category, plural(category)),)
        name = (pairs[0] if dice.roll() < 0.6 else dice.pick(pairs))[0]
        present = len(image.members.get(category, []))
        definite = present == 1 or (present == 0 and dice.roll() < 0.5)
        tail += f" {dice.pick(links)} {f'the {name}' if definite else with_article(name)}"
    return tail


def _templates(image: ImageObjects, selector: str, fit: Fit, *, before: bool) -> tuple[str, ...]:
    """Ways of saying a rank or a place; with ``before`` only those that stand before the noun."""
    compass = image.objects.north_up
    if selector in RANKS:
        ways = RANKS[selector] + (COMPASS_RANKS.get(selector, ()) if compass else ())
        return tuple(way for way in ways if way.endswith("{}")) if before else ways
    ways = PLACES[selector] + (COMPASS_PLACES.get(selector, ()) if compass else ())
    if selector in CORNERS and all(
        min(image.boxes.x[i], 1 - image.boxes.x[i]) < _CORNER and min(image.boxes.y[i], 1 - image.boxes.y[i]) < _CORNER
        for i in fit.targets
    ):
        ways += CORNERS[selector]
    return ways
