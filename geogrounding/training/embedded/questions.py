"""Expressions about the regions of a picture, with their true answers.

An expression is made of a class (or a word for something the model has no class for), sometimes a qualifier (position, rank
by position, rank by size), and harmless words around it. Its answer follows from the scored boxes alone, by the same rule that
a reader of the expression would use, so the language model learns to read what the region head sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geogrounding.grounding.detection import Task

SYNONYMS: dict[str, tuple[tuple[str, str], ...]] = {
    "airplane": (("airplane", "airplanes"), ("aircraft", "aircraft"), ("plane", "planes"), ("jet", "jets"), ("aeroplane", "aeroplanes"), ("airliner", "airliners")),
    "ship": (("ship", "ships"), ("boat", "boats"), ("vessel", "vessels"), ("yacht", "yachts")),
    "storage tank": (("storage tank", "storage tanks"), ("oil tank", "oil tanks"), ("tank", "tanks"), ("fuel tank", "fuel tanks")),
    "baseball diamond": (("baseball diamond", "baseball diamonds"), ("baseball field", "baseball fields"), ("baseball court", "baseball courts")),
    "tennis court": (("tennis court", "tennis courts"),),
    "basketball court": (("basketball court", "basketball courts"),),
    "ground track field": (("ground track field", "ground track fields"), ("running track", "running tracks"), ("stadium", "stadiums"), ("track field", "track fields"), ("athletics track", "athletics tracks")),
    "harbor": (("harbor", "harbors"), ("harbour", "harbours"), ("dock", "docks"), ("pier", "piers"), ("port", "ports"), ("jetty", "jetties")),
    "bridge": (("bridge", "bridges"), ("overpass", "overpasses")),
    "vehicle": (("vehicle", "vehicles"), ("car", "cars"), ("truck", "trucks"), ("automobile", "automobiles"), ("van", "vans")),
    "building": (("building", "buildings"), ("house", "houses"), ("roof", "roofs"), ("rooftop", "rooftops"), ("home", "homes")),
    "tree": (("tree", "trees"), ("tree crown", "tree crowns"), ("crown", "crowns")),
    "swimming pool": (("swimming pool", "swimming pools"), ("pool", "pools")),
}  # fmt: skip
"""Singular and plural words of each class; the first is its name."""

RANKS: dict[str, tuple[str, ...]] = {
    "leftmost": ("leftmost {}", "{} furthest left", "{} farthest to the left", "westernmost {}"),
    "rightmost": ("rightmost {}", "{} furthest right", "{} farthest to the right", "easternmost {}"),
    "topmost": ("topmost {}", "top {}", "uppermost {}", "highest {}", "northernmost {}", "{} nearest the top"),
    "bottommost": ("bottommost {}", "bottom {}", "lowest {}", "southernmost {}", "{} nearest the bottom"),
    "largest": ("largest {}", "biggest {}"),
    "smallest": ("smallest {}", "tiniest {}"),
}
"""Phrases that choose one target among all of a class."""

PLACES: dict[str, tuple[str, ...]] = {
    "left": ("{} on the left", "{} in the left half", "{} on the left side", "left {}"),
    "right": ("{} on the right", "{} in the right half", "{} on the right side", "right {}"),
    "upper": ("{} at the top", "{} in the upper half", "upper {}"),
    "lower": ("{} at the bottom", "{} in the lower half", "lower {}"),
    "upper left": ("{} in the upper left", "{} in the top left corner", "upper left {}", "top left {}"),
    "upper right": ("{} in the upper right", "{} in the top right corner", "upper right {}", "top right {}"),
    "lower left": ("{} in the lower left", "{} in the bottom left corner", "lower left {}", "bottom left {}"),
    "lower right": ("{} in the lower right", "{} in the bottom right corner", "lower right {}", "bottom right {}"),
    "central": ("{} in the centre", "{} in the center", "{} in the middle", "central {}"),
}
"""Phrases that keep the targets of a part of the picture."""

TAILS = (
    "in the image", "in the picture", "in this scene", "visible here", "in the aerial image", "in the satellite image",
    "on the <unk>", "near the <unk>", "of the <unk>", "by the <unk>", "on the ground", "next to the <unk>", "in view", "there",
)  # fmt: skip
HEADS = (
    "",
    "the ",
    "a ",
    "an ",
    "all ",
    "all the ",
    "every ",
    "each ",
    "any ",
    "find the ",
    "find all ",
    "locate the ",
    "show all the ",
)
COLOURS = ("white", "red", "blue", "grey", "gray", "dark", "green", "black", "<unk>")
UNKNOWN_WORDS = (
    "zebra",
    "windmill",
    "person",
    "people",
    "road",
    "river",
    "lake",
    "train",
    "helicopter",
    "container",
    "crane",
    "farmland",
)
"""Things the model knows the words for, and knows that it has no class for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question with its meaning."""

    task: Task
    text: str
    label: int | None
    """Class index; None for a thing outside the vocabulary."""
    qualifier: str | None = None

    @property
    def prompt(self) -> str:
        """What the model is given."""
        return f"{self.task}: {self.text}"


def vocabulary() -> list[str]:
    """Every lower-case word of the prompts."""
    words = {"refer", "detect", *UNKNOWN_WORDS}
    for names in SYNONYMS.values():
        for pair in names:
            words.update(" ".join(pair).split())
    for phrases in (*RANKS.values(), *PLACES.values(), TAILS, HEADS, COLOURS):
        for phrase in phrases:
            words.update(phrase.replace("{}", "").split())
    return sorted(words - {"<unk>"})


def ask(rng: np.random.Generator, *, label: int | None, task: Task, qualifier: str | None) -> Asked:
    """Put a question into words."""
    if label is None:
        known = rng.random() < 0.4
        noun = str(rng.choice(UNKNOWN_WORDS)) if known else str(rng.choice(["<unk>", "<unk>", "<unk> <unk>"]))
    else:
        names = list(SYNONYMS.values())[label]
        pair = names[0] if rng.random() < 0.4 else names[rng.integers(len(names))]
        many = rng.random() < (0.15 if task == "refer" else 0.55)
        noun = pair[int(many)]
        if rng.random() < 0.06:
            noun = f"{rng.choice(COLOURS)} {noun}"
    if qualifier is not None:
        phrases = RANKS.get(qualifier) or PLACES[qualifier]
        noun = phrases[rng.integers(len(phrases))].format(noun)
    head = "" if rng.random() < 0.35 else str(HEADS[rng.integers(len(HEADS))])
    if task == "refer" and head and rng.random() < 0.6:
        head = "the "
    text = head + noun
    if rng.random() < 0.15:
        text += " " + TAILS[rng.integers(len(TAILS))]
    return Asked(task=task, text=text, label=label, qualifier=qualifier)


def in_place(boxes_px: NDArray[np.floating], place: str, side_px: float) -> NDArray[np.bool_]:
    """(N,) True for boxes whose centre lies in a part of the picture."""
    x, y = (boxes_px[:, 0] + boxes_px[:, 2]) / 2 / side_px, (boxes_px[:, 1] + boxes_px[:, 3]) / 2 / side_px
    keep = np.ones(len(boxes_px), bool)
    if place == "central":
        return np.asarray((abs(x - 0.5) < 1 / 4) & (abs(y - 0.5) < 1 / 4))
    for word, condition in (("left", x < 0.5), ("right", x >= 0.5), ("upper", y < 0.5), ("lower", y >= 0.5)):
        if word in place.split():
            keep &= condition
    return keep


def targets(
    asked: Asked, boxes_px: NDArray[np.floating], scores: NDArray[np.floating], *, side_px: float, least: float
) -> NDArray[np.int64]:
    """Indexes of the boxes a question means, in the order given.

    Args:
        asked: the question.
        boxes_px: (N, 4) in reading order.
        scores: (N, classes).
        side_px: side of the picture.
        least: score from which a box counts as seen.
    """
    if asked.label is None:
        return np.zeros(0, np.int64)
    seen = np.flatnonzero(scores[:, asked.label] >= least)
    if not len(seen):
        return seen
    boxes = boxes_px[seen]
    if asked.qualifier in PLACES:
        keep = in_place(boxes, asked.qualifier, side_px)
        seen, boxes = seen[keep], boxes[keep]
    elif asked.qualifier is not None:
        x, y = boxes[:, 0] + boxes[:, 2], boxes[:, 1] + boxes[:, 3]
        area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
        rank = {"leftmost": -x, "rightmost": x, "topmost": -y, "bottommost": y, "largest": area, "smallest": -area}
        return seen[[int(np.argmax(rank[asked.qualifier]))]]
    if asked.task == "refer" and len(seen):
        return seen[[int(np.argmax(scores[seen, asked.label]))]]
    return seen


def sample_questions(rng: np.random.Generator, present: Sequence[int], *, classes: int, count: int) -> list[Asked]:
    """Questions about a picture: mostly classes that are seen, some that are not, some unknown things.

    Args:
        present: classes with at least one box.
        classes: number of classes.
        count: questions wanted.
    """
    out = []
    for _ in range(count):
        dice = rng.random()
        label: int | None
        if dice < 0.08:
            label = None
        elif dice < 0.3 or not len(present):
            label = int(rng.integers(classes))
        else:
            label = int(present[rng.integers(len(present))])
        task: Task = "refer" if rng.random() < 0.45 else "detect"
        qualifier = None
        dice = rng.random()
        if task == "refer" and dice < 0.5:
            qualifier = str(rng.choice(list(RANKS) if dice < 0.3 else list(PLACES)))
        elif task == "detect" and dice < 0.2:
            qualifier = str(rng.choice(list(PLACES) if dice < 0.12 else list(RANKS)))
        out.append(ask(rng, label=label, task=task, qualifier=qualifier))
    return out
