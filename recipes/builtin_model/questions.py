"""Questions about the regions of an image, with what a right answer would say of every region.

The teacher is the region head itself, calibrated on images kept back: a region is meant as surely as it is what was asked
for. Expressions come from ``datasets.synthetic``, made about the regions that are surely seen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geogrounding.datasets.synthetic import PLACES, RANKS, SYNONYMS, Kind, Meaning, Objects, make_expressions
from geogrounding.models.builtin.tokenizer import ANYTHING
from geogrounding.query import lexicon
from geogrounding.query.image_objects import place_degree
from geogrounding.types import Task
from recipes.builtin_model.corpora import CLASSES, SIDE_PX

SEEN = 0.4
"""Score from which a region counts as seen (the head is calibrated so that about this gives the best F1)."""
KINDS: tuple[Kind, ...] = (
    "class", "class", "synonym", "synonym", "position", "rank", "size", "count", "relation", "relation", "negative", "negative",
)  # fmt: skip
TAILS = (
    "in the image",
    "in the picture",
    "in this scene",
    "visible here",
    "in the satellite image",
    "on the ground",
    "in view",
)
_SYLLABLES = (
    "ba",
    "ko",
    "ri",
    "tan",
    "mel",
    "dor",
    "shi",
    "un",
    "gra",
    "pe",
    "ly",
    "vor",
    "sa",
    "ne",
    "qui",
    "zo",
    "fen",
    "th",
)
FEW_OBJECTS = 40
"""Expressions are made about at most so many regions, the surest ones: more make it slow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question with its answer."""

    task: Task
    text: str
    sought: str
    """What is looked for, in the plain words of the reasoning."""
    label: str
    relevance: NDArray[np.float32]
    """(K,) how surely each region is meant, in [0, 1]."""

    @property
    def prompt(self) -> str:
        """What the model is given."""
        return f"{self.task}: {self.text}"

    def meant(self) -> list[int]:
        """Regions that the answer names, the surest first."""
        order = np.argsort(-self.relevance, kind="stable")
        found = [int(k) for k in order if self.relevance[k] >= SEEN]
        return found[:1] if self.task == "refer" else found


def vocabulary() -> list[str]:
    """Every lower-case word that people are expected to use: one token each."""
    found: set[str] = {"refer", "detect", "segment", ANYTHING}

    def walk(item: object) -> None:
        if isinstance(item, str):
            found.update(re.findall(r"[a-z]+", item.lower()))
        elif isinstance(item, dict):
            walk(list(item))
            walk(list(item.values()))
        elif isinstance(item, tuple | list | set | frozenset):
            for part in item:
                walk(part)

    for name in dir(lexicon):
        if name.isupper():
            walk(getattr(lexicon, name))
    walk(TAILS)
    walk(
        "a an the all every each any some both of find locate show detect where is are there please mark image picture scene in on"
    )
    return sorted(word for word in found if len(word) > 1 or word == "a")


def kinds_used(meaning: Meaning) -> frozenset[Kind]:
    """What an expression needs beside the name of a class: "the two largest ships" counts and compares sizes."""
    size = meaning.selector in ("largest", "smallest")
    used: dict[Kind, bool] = {
        "position": meaning.selector in PLACES,
        "rank": meaning.selector in RANKS and not size,
        "size": size,
        "count": meaning.count is not None or meaning.ordinal is not None,
        "relation": meaning.relation is not None,
        "attribute": meaning.attribute is not None,
    }
    return frozenset(kind for kind, yes in used.items() if yes)


def _unknown(rng: np.random.Generator) -> Asked:
    """A question about something without a name that the model knows."""
    noun = "".join(rng.choice(_SYLLABLES, size=int(rng.integers(2, 5))))
    if rng.random() < 0.3:
        noun += " " + "".join(rng.choice(_SYLLABLES, size=int(rng.integers(1, 3))))
    task: Task = "refer" if rng.random() < 0.5 else "detect"
    head = str(rng.choice(["", "the ", "all ", "every "]))
    return Asked(task=task, text=head + noun, sought=ANYTHING, label=ANYTHING, relevance=np.zeros(0, np.float32))


def _plain_refer(rng: np.random.Generator, scores: NDArray[np.float32], known: Sequence[int]) -> Asked:
    """One target asked for by its class alone, although there may be several: the surest is meant."""
    label = int(rng.choice(list(known)))
    one = SYNONYMS[CLASSES[label]][int(rng.integers(len(SYNONYMS[CLASSES[label]])))][0]
    return Asked(
        task="refer",
        text=str(rng.choice(["", "the ", "a "])) + one,
        sought=CLASSES[label],
        label=CLASSES[label],
        relevance=scores[:, label],
    )


def ask_about(
    boxes_px: NDArray[np.float32],
    scores: NDArray[np.float32],
    rng: np.random.Generator,
    *,
    count: int,
    withheld: frozenset[str] = frozenset(),
    without_kinds: frozenset[Kind] = frozenset(),
) -> list[Asked]:
    """Questions about one image.

    Args:
        boxes_px: (K, 4) regions.
        scores: (K, classes + 1) their scores.
        rng: decides everything.
        count: questions wanted.
        withheld: classes that are never named.
        without_kinds: kinds of expression that are never used, not in part either ("the second largest", a largest that is
            not there).
    """
    known = [n for n, name in enumerate(CLASSES) if name not in withheld]
    named = scores[:, known]
    best, label = named.max(1), np.array(known)[named.argmax(1)]
    sides = boxes_px[:, 2:] - boxes_px[:, :2]
    seen = np.flatnonzero((best >= SEEN) & (sides.min(1) >= 1))
    seen = seen[np.argsort(-best[seen], kind="stable")][:FEW_OBJECTS]
    others = [name for name in SYNONYMS if name not in CLASSES and name not in withheld]
    objects = Objects(
        boxes_px=boxes_px[seen].astype(np.float64),
        labels=tuple(CLASSES[label[n]] for n in seen),
        size_px=(SIDE_PX, SIDE_PX),
        looked_for=tuple([CLASSES[n] for n in known] + [str(n) for n in rng.choice(others, size=4)]),
        north_up=bool(rng.random() < 0.5),
    )
    out: list[Asked] = []
    if rng.random() < 0.3:
        out.append(_unknown(rng))
    if rng.random() < 0.4:
        out.append(
            _plain_refer(rng, scores, [int(label[n]) for n in seen] if len(seen) and rng.random() < 0.7 else known)
        )
    centre_x, centre_y = (
        (boxes_px[:, 0] + boxes_px[:, 2]) / 2 / SIDE_PX,
        (boxes_px[:, 1] + boxes_px[:, 3]) / 2 / SIDE_PX,
    )
    kinds = tuple(kind for kind in KINDS if kind not in without_kinds)
    for made in make_expressions(objects, rng, count=count - len(out), kinds=kinds):
        meaning = made.meaning
        if kinds_used(meaning) & without_kinds:
            continue
        relevance = np.zeros(len(boxes_px), np.float32)
        if meaning.category in CLASSES:
            mine = scores[:, CLASSES.index(meaning.category)]
            if meaning.relation is None and meaning.selector not in RANKS:
                relevance = mine.copy()
                if meaning.selector in PLACES:
                    inside = [place_degree(meaning.selector, x, y) > 0 for x, y in zip(centre_x, centre_y, strict=True)]
                    relevance = relevance * np.array(inside, np.float32)
            else:
                chosen = seen[list(made.targets)]
                relevance[chosen] = mine[chosen]
        text = made.text if rng.random() < 0.9 else f"{made.text} {rng.choice(TAILS)}"
        out.append(Asked(task=made.task, text=text, sought=meaning.plain, label=meaning.category, relevance=relevance))
    return [
        a
        if len(a.relevance)
        else Asked(
            task=a.task, text=a.text, sought=a.sought, label=a.label, relevance=np.zeros(len(boxes_px), np.float32)
        )
        for a in out
    ]
