"""Questions that ask for a class by its name, and their answers from the class scores of the regions.

"airplane", "all the boats" and "every parked car" need no reading: the region head scores every region for every class. The
language side answers what says more than a class, and what fine-tuning has taught. What names nothing that the model knows
is answered with nothing: another thing would be a wrong answer, however well it was seen.

The scores of the region head are calibrated class by class on images kept back, so that a score means the same in every
class (docs/model-card.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geogrounding.models.builtin.regions import suppressed
from geogrounding.query.lexicon import NARROWER, SYNONYMS, Words, category_of, spoken, words_for
from geogrounding.query.parser import read_expression

LEAST_OF_CLASS = 0.15
"""A region answers a question that says more than a class only if it scores this much for the class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What a question asks for, as far as its words say."""

    classes: tuple[int, ...] = ()
    """Indexes of the model's classes that it names; the first is the target where the words are understood."""
    plain: bool = False
    """It says no more than one class."""
    taught: str = ""
    """Category that fine-tuning has taught, where it says no more than that."""
    names_taught: bool = False
    """Somewhere it names a thing that fine-tuning has taught."""

    @property
    def known(self) -> bool:
        """Whether it names anything that the model knows."""
        return bool(self.classes) or self.names_taught


class Names:
    """What the words of questions mean to one model."""

    def __init__(self, classes: Sequence[str], taught: Sequence[str]) -> None:
        """Args:
        classes: of the region head, in order.
        taught: names of things that fine-tuning has taught since; the language side answers for them, also where one is a
            class of the region head.
        """
        self.classes = tuple(classes)
        self._taught = frozenset(category for word in taught if (category := category_of(word)))
        self.words: Words = words_for([name for name in sorted(self._taught) if name not in SYNONYMS])
        self._index = {name: n for n, name in enumerate(self.classes)}
        forms = [(form, name) for name, pairs in self.words.items() for pair in pairs for form in pair]
        narrow = [(word, wide) for wide, words in NARROWER.items() for word in words if wide in self._index]
        self._forms = dict([*narrow, *forms])

    @property
    def taught_names(self) -> tuple[str, ...]:
        """Taught categories that the usual words do not name, in a fixed order."""
        return tuple(name for name in self.words if name not in SYNONYMS)

    def sought(self, expression: str) -> Sought:
        """What an expression asks for."""
        meaning = read_expression(expression, self.words)
        if meaning is None:
            mentioned = self._mentioned(expression)
            classes = tuple(self._index[name] for name in mentioned if name in self._index)
            return Sought(classes=classes, names_taught=any(name in self._taught for name in mentioned))
        more = meaning.selector or meaning.relation or meaning.attribute
        if meaning.category in self._taught:
            return Sought(taught="" if more else meaning.category, names_taught=True)
        if meaning.category not in self._index:
            return Sought()
        return Sought(classes=(self._index[meaning.category],), plain=not more)

    def _mentioned(self, expression: str) -> list[str]:
        """Categories whose words stand in an expression that is not understood as a whole, in the order of its words."""
        words = spoken(expression).split()
        found: list[str] = []
        at = 0
        while at < len(words):
            for length in (3, 2, 1):
                name = self._forms.get(" ".join(words[at : at + length]))
                if name is not None:
                    found.append(name)
                    at += length - 1
                    break
            at += 1
        return list(dict.fromkeys(found))


def class_scores(scores: Tensor, shifts: Sequence[float]) -> NDArray[np.float64]:
    """Scores (B, K, classes) of an answer, of region scores (B, K, classes + 1); 0 stays where there is no region.

    Args:
        scores: of regions.
        shifts: (classes,) added to the logits, or nothing.
    """
    raw = scores[..., :-1].double().cpu()
    if shifts:
        odds = torch.logit(raw.clamp(1e-6, 1 - 1e-6)) + torch.tensor(shifts, dtype=torch.float64)
        raw = torch.where(raw > 0, odds.sigmoid(), raw)
    out: NDArray[np.float64] = raw.numpy()
    return out


def of_class(boxes_px: NDArray[np.float64], scores: NDArray[np.float64], *, least: float) -> list[int]:
    """Regions that answer a question for one class, the surest first: each object once.

    Args:
        boxes_px: (K, 4).
        scores: (K,) for the class.
        least: scores below it are not answered with.
    """
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] >= least]
    if not len(order):
        return []
    gone = suppressed(torch.from_numpy(boxes_px[order]), torch.zeros(len(order), dtype=torch.long))
    return [int(k) for k in order[~gone.numpy()]]
