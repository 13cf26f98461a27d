"""What an expression means, and which objects of an image fit it: the one truth that everything else follows.

Every rule gives a degree, not a yes or no: 0 is the border, 1 and -1 stand beyond doubt. ``evaluate`` takes the sign;
the generator keeps only questions for which every object is at 1 or beyond, on either side (``Fit.clear``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from geogrounding.errors import InputError, SettingsError
from geogrounding.query.lexicon import (
    MAX_LABEL_CHARACTERS,
    PLACES,
    RANKS,
    category_of,
    number,
    ordinal,
    spoken,
)
from geogrounding.query.relations import Boxes, RelationKind, degree, distances
from geogrounding.types import Task

Kind = Literal["class", "synonym", "position", "rank", "size", "count", "attribute", "relation", "negative"]

PLACE_MARGIN = 0.03
"""Share of the side of the image between an object's centre and the border of a half, a quarter or the middle."""
ORDER_MARGIN = 0.04
"""Share of the side between the centres of an object that is chosen by position and the next one."""
SIZE_MARGIN = 1.15
"""Least ratio of the areas of an object that is chosen by size and the next one."""
DISTANCE_MARGIN = (1.25, 0.03)
"""An object is clearly nearer if its distance is 1.25 times less and by 3% of the diagonal of the image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    """What is known of an image."""

    boxes_px: NDArray[np.float64]
    """(N, 4) x0, y0, x1, y1, half-open, pixels of the image."""
    labels: tuple[str, ...]
    """(N,) classes as the data set writes them; see ``words.category_of``."""
    size_px: tuple[int, int]
    """(width, height)."""
    attributes: tuple[Mapping[str, str], ...] = ()
    """(N,) or nothing: values by column, such as ``{"colour": "red"}``."""
    looked_for: tuple[str, ...] = ()
    """Classes that were labelled wherever they stand. Only of these may it be said that the image shows none: a data set
    of ships says nothing about trees."""
    north_up: bool = False
    """The upper edge is north, so that compass words are true."""

    def __post_init__(self) -> None:
        """Check the shapes.

        Raises:
            InputError: boxes, labels or attributes do not go together, or a box is not one.
        """
        boxes = np.asarray(self.boxes_px, np.float64).reshape(-1, 4) if np.size(self.boxes_px) else np.zeros((0, 4))
        object.__setattr__(self, "boxes_px", boxes)
        if len(boxes) != len(self.labels) or (self.attributes and len(self.attributes) != len(boxes)):
            raise InputError(
                f"{len(boxes)} boxes, {len(self.labels)} labels and {len(self.attributes)} sets of attributes",
                hint="Give one label per box, and one mapping of attributes per box or none at all.",
            )
        if min(self.size_px) < 1:
            raise InputError(f"an image of {self.size_px[0]} x {self.size_px[1]} pixels", hint="Sides are positive.")
        if not np.isfinite(boxes).all() or (boxes[:, 2:] <= boxes[:, :2]).any():
            raise InputError(
                "a box is empty or not finite", hint="Boxes are x0, y0, x1, y1 in pixels with x0 < x1 and y0 < y1."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """Where the target stands to a neighbour; one neighbour of the category is enough."""

    kind: RelationKind
    category: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What is asked for: objects of a category, narrowed by attribute, then relation, then place or rank."""

    category: str
    task: Task = "detect"
    attribute: tuple[str, str] | None = None
    """(column, value) as ``attribute_key`` and ``attribute_value`` write them."""
    relation: Relation | None = None
    selector: str | None = None
    """A key of ``RANKS`` or ``PLACES``."""
    ordinal: int = 1
    """With a rank: 2 for "second from the left"."""
    count: int | None = None
    """The number said. With a rank the first so many are meant ("the two largest ships"); without one it is a statement about
    the image and narrows nothing, so that "the three ships" finds ships also where two are seen."""

    def __post_init__(self) -> None:
        """Check the parts.

        Raises:
            SettingsError: the selector is unknown, or a number is below 1.
        """
        if self.selector is not None and self.selector not in RANKS and self.selector not in PLACES:
            raise SettingsError(
                f"unknown selector {self.selector!r}", hint=f"Choose one of {', '.join([*RANKS, *PLACES])}."
            )
        if self.ordinal < 1 or (self.count is not None and self.count < 1):
            raise SettingsError("ordinals and counts start at 1", hint="Leave them out for all objects.")

    @property
    def plain(self) -> str:
        """The meaning in the fewest words, always in the same order: "second leftmost storage tank near harbor"."""
        said = []
        if self.selector is not None and self.ordinal > 1:
            said.append(ordinal(self.ordinal))
        if self.selector in RANKS and self.count is not None and self.count > 1:
            said.append(number(self.count))
        if self.selector is not None:
            said.append(self.selector)
        if self.attribute is not None:
            said.append(self.attribute[1])
        said.append(self.category)
        if self.relation is not None:
            said += [self.relation.kind, self.relation.category]
        return " ".join(said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Which objects fit a meaning."""

    targets: tuple[int, ...]
    clear: bool
    """No object is near the border of any rule that was used."""
    alike: tuple[int, ...]
    """What fitted by category and attribute."""
    pool: tuple[int, ...]
    """What fitted by relation as well: what the selector chose from."""


def attribute_key(column: str) -> str:
    """A column's name as words; "color" is "colour"."""
    return _COLOUR if (words := spoken(column[:MAX_LABEL_CHARACTERS])) in ("color", "colors", "colours") else words


def attribute_value(value: object) -> str:
    """A value as words; "gray" is "grey". Empty where there is none."""
    words = spoken(str(value)[:MAX_LABEL_CHARACTERS]) if value is not None else ""
    return "grey" if words == "gray" else "" if words in ("none", "nan", "null", "unknown") else words


_COLOUR = "colour"


@dataclass(slots=True)
class ImageObjects:
    """Objects as plain numbers, prepared once for many questions."""

    objects: Objects
    boxes: Boxes = field(init=False)
    members: dict[str, list[int]] = field(init=False)
    """Objects of each category."""
    attributes: list[dict[str, str]] = field(init=False)
    _near: dict[tuple[int, str], list[tuple[float, float]]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.boxes = Boxes.of(self.objects.boxes_px, self.objects.size_px)
        self.members = {}
        for index, label in enumerate(self.objects.labels):
            self.members.setdefault(category_of(label), []).append(index)
        self.members.pop("", None)
        self.attributes = [
            {attribute_key(column): attribute_value(value) for column, value in columns.items()}
            for columns in self.objects.attributes
        ] or [{} for _ in self.objects.labels]

    def fit(self, meaning: Meaning) -> Fit:
        """Which objects fit, and whether that is beyond doubt."""
        found, clear = self.members.get(meaning.category, []), True
        if meaning.attribute is not None:
            column, value = meaning.attribute
            values = [self.attributes[index].get(column, "") for index in found]
            clear = all(values)  # an object without a value may have any
            found = [index for index, its in zip(found, values, strict=True) if its == value]
        alike = found
        if meaning.relation is not None:
            found, sure = self._related(found, meaning.relation)
            clear = clear and sure
        pool = found
        if meaning.selector in PLACES:
            degrees = [place_degree(meaning.selector, self.boxes.x[i], self.boxes.y[i]) for i in found]
            clear = clear and all(abs(d) >= 1 for d in degrees)
            found = [index for index, d in zip(found, degrees, strict=True) if d >= 0]
        elif meaning.selector is not None:
            found, sure = self._ranked(found, meaning.selector, meaning.ordinal, meaning.count)
            clear = clear and sure
        return Fit(targets=tuple(found), clear=clear, alike=tuple(alike), pool=tuple(pool))

    def _related(self, found: list[int], relation: Relation) -> tuple[list[int], bool]:
        neighbours = self.members.get(relation.category, [])
        if not neighbours or not found:
            return [], True
        if relation.kind in ("nearest", "farthest"):
            apart = [distances(self.boxes, index, neighbours) for index in found]
            usable = [k for k, (gap, _) in enumerate(apart) if gap < float("inf")]  # no neighbour but itself
            if not usable:
                return [], True
            sign = 1 if relation.kind == "nearest" else -1
            order = sorted(usable, key=lambda k: (sign * apart[k][0], sign * apart[k][1]))
            return [found[order[0]]], self._clearly_apart([apart[k] for k in order], sign)
        degrees = [
            max((degree(self.boxes, relation.kind, i, other) for other in neighbours if other != i), default=-2.0)
            for i in found
        ]
        return [i for i, d in zip(found, degrees, strict=True) if d >= 0], all(abs(d) >= 1 for d in degrees)

    def _clearly_apart(self, apart: list[tuple[float, float]], sign: int) -> bool:
        """Whether the first is nearer (sign 1) or farther (-1) than all others, measured from edges and from centres."""
        ratio, share = DISTANCE_MARGIN
        diagonal = (self.boxes.width**2 + self.boxes.height**2) ** 0.5
        gap, centre = apart[0]
        for other_gap, other_centre in apart[1:]:
            small, big = (gap, other_gap) if sign > 0 else (other_gap, gap)
            if big < max(ratio * small, small + share * diagonal) or sign * (other_centre - centre) <= 0:
                return False
        return True

    def _ranked(self, found: list[int], rank: str, position: int, count: int | None) -> tuple[list[int], bool]:
        keys = self.boxes.keys(rank)
        order = sorted(found, key=lambda index: keys[0][index])
        first, last = (0, count) if count is not None else (position - 1, position)
        sure = self._split(order, first, rank) and self._split(order, last, rank)
        return sorted(order[first:last]), sure

    def _split(self, order: list[int], at: int, rank: str) -> bool:
        """Whether the first so many are clearly apart from the rest."""
        if at <= 0 or at >= len(order):
            return True
        centre, edge = self.boxes.keys(rank)
        if rank in ("largest", "smallest"):
            low, high = sorted((abs(centre[order[at - 1]]), abs(centre[order[at]])))
            return high >= SIZE_MARGIN * low
        if centre[order[at]] - centre[order[at - 1]] < ORDER_MARGIN:
            return False
        return max(edge[i] for i in order[:at]) < min(edge[i] for i in order[at:])


def place_degree(place: str, x: float, y: float) -> float:
    """How clearly a centre lies in a part of the image.

    Args:
        place: a key of ``PLACES``.
        x: centre as a share of the width.
        y: centre as a share of the height.

    Returns:
        0 on the border, 1 at ``PLACE_MARGIN`` inside of it, -1 as far outside.
    """
    if place == "central":
        inside = 0.25 - max(abs(x - 0.5), abs(y - 0.5))
    else:
        inside = 1.0
        if "left" in place:
            inside = min(inside, 0.5 - x)
        if "right" in place:
            inside = min(inside, x - 0.5)
        if "upper" in place:
            inside = min(inside, 0.5 - y)
        if "lower" in place:
            inside = min(inside, y - 0.5)
    return inside / PLACE_MARGIN


def evaluate(meaning: Meaning, objects: Objects) -> tuple[int, ...]:
    """Indexes of the objects that an expression of this meaning fits.

    They come in the order of the objects. The task changes nothing: where "refer" is asked and several objects fit, the
    expression is ambiguous and all are returned.
    """
    return ImageObjects(objects).fit(meaning).targets
