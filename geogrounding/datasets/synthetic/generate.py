"""Generate referring expressions from boxes, labels and attributes, each with its answer and its reasoning.

A meaning is proposed, ``ImageObjects.fit`` says what it fits and whether that is unambiguous, and only then is it put into words. So an
expression fits exactly its targets by construction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from geogrounding.datasets.synthetic.forms import ACCEPT, FORMS, MEANINGS, Source
from geogrounding.datasets.synthetic.phrasing import Dice, phrase
from geogrounding.errors import SettingsError
from geogrounding.query.explain import reason
from geogrounding.query.expression import Kind, Meaning, Objects
from geogrounding.query.image_objects import Fit, ImageObjects
from geogrounding.query.lexicon import SYNONYMS, Words, category_of, words_for
from geogrounding.types import Task

ALL_KINDS: tuple[Kind, ...] = get_args(Kind)
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
    """Indexes into ``Objects.boxes_px``: exactly one for "refer" unless the kind is "negative"; ascending."""
    reasoning: str
    """One to three true statements that lead to the answer."""


def make_expressions(
    objects: Objects,
    rng: np.random.Generator,
    *,
    count: int,
    kinds: Sequence[Kind] = ALL_KINDS,
    synonyms: Words = SYNONYMS,
) -> list[Expression]:
    """Expressions about an image, all different, evenly spread over the kinds as far as the image allows.

    Args:
        objects: what is in the image. Classes that it may be said to lack are ``objects.looked_for``.
        rng: decides everything; the same state gives the same list.
        count: expressions wanted; fewer are returned where the image does not allow as many.
        kinds: what may be made; a kind that is listed twice comes twice as often.
        synonyms: words of the classes; a class without an entry is called by its label.

    Raises:
        SettingsError: a kind is unknown, or the count is negative.
    """
    unknown = sorted(set(kinds) - set(ALL_KINDS))
    if unknown or count < 0:
        what = f"unknown kinds of expression: {', '.join(unknown)}" if unknown else f"{count} expressions asked for"
        raise SettingsError(what, hint=f"Choose among {', '.join(ALL_KINDS)}, and a count of at least 0.")
    maker = _Maker(ImageObjects(objects), Dice(rng), synonyms)
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
    """Meanings of one form for one image, in random order, each tried once and kept by its outcome."""

    def __init__(self, image: ImageObjects, dice: Dice, meanings: Iterator[Meaning]) -> None:
        self._image, self._dice = image, dice
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
            fit = self._image.fit(meaning)
            if fit.clear and (accept is None or accept(meaning, fit)):
                self._found[not fit.targets].append((meaning, fit))
                if empty is (not fit.targets):
                    return meaning, fit
        return self._dice.pick(known) if known else None


class _Maker:
    """Makes expressions about one image."""

    def __init__(self, image: ImageObjects, dice: Dice, synonyms: Words) -> None:
        self.image, self.dice = image, dice
        known = {*image.members, *map(category_of, image.objects.looked_for)} - {""}
        self.words = _table(tuple(sorted(known)), synonyms)
        self.source = Source(image, dice, self.words)
        self.pools: dict[str, _Pool] = {}

    def make(self, kind: Kind) -> Expression | None:
        """An expression of this kind; None where the image allows none."""
        forms = list(FORMS[kind])
        self.dice.shuffle(forms)
        for form in forms:
            drawn = self._pool(form).draw(empty=kind == "negative", accept=ACCEPT.get(form))
            if drawn is not None:
                return self._express(kind, *drawn)
        return None

    def _pool(self, form: str) -> _Pool:
        if form not in self.pools:
            self.pools[form] = _Pool(self.image, self.dice, MEANINGS[form](self.source))
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
            text=phrase(self.image, meaning, fit, self.dice, self.words, pair=pair),
            task=task,
            meaning=meaning,
            kind=kind,
            targets=fit.targets,
            reasoning=reason(self.image, meaning, fit, self.words),
        )


def _with_task(meaning: Meaning, task: Task) -> Meaning:
    return meaning if meaning.task == task else replace(meaning, task=task)


_TABLES: dict[tuple[tuple[str, ...], int], tuple[Words, Words]] = {}


def _table(categories: tuple[str, ...], synonyms: Words) -> Words:
    """A cache of ``words_for``: training asks for the same classes at every image."""
    key = (categories, id(synonyms))
    if key not in _TABLES or _TABLES[key][0] is not synonyms:
        if len(_TABLES) >= 1024:
            _TABLES.clear()
        _TABLES[key] = (synonyms, words_for(categories, synonyms))
    return _TABLES[key][1]
