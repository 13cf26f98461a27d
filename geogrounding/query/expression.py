"""What an expression about one image means, as plain parts, and what is known of the image.

Which objects fit is decided by ``evaluate.select``, as everywhere else (``image_objects``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from geogrounding.errors import InputError, SettingsError
from geogrounding.query import plan
from geogrounding.query.borders import RelationKind
from geogrounding.query.lexicon import PLACES, RANK_SIDES, RANKS, number, ordinal
from geogrounding.types import Task

Kind = Literal["class", "synonym", "position", "rank", "size", "count", "attribute", "relation", "negative"]


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

    def target(self) -> plan.Target:
        """The same as a target of a query plan."""
        steps: list[plan.Step] = []
        if self.attribute is not None:
            steps.append(plan.Attribute(column=self.attribute[0], value=self.attribute[1]))
        if self.relation is not None:
            other = plan.TargetReference(target=plan.Target(noun=self.relation.category))
            if self.relation.kind in ("nearest", "farthest"):
                steps.append(plan.Rank(by="distance", descending=self.relation.kind == "farthest", to=other))
            else:
                steps.append(plan.Relation.model_validate({"how": self.relation.kind, "other": other}))
        if self.selector in PLACES:
            steps.append(plan.Place.model_validate({"part": self.selector}))
        elif self.selector is not None:
            first, last = (self.ordinal, self.ordinal) if self.count is None else (1, self.count)
            rank = {"by": RANK_SIDES.get(self.selector, "area"), "descending": self.selector != "smallest"}
            steps.append(plan.Rank.model_validate({**rank, "first": first, "last": last}))
        return plan.Target(noun=self.category, steps=tuple(steps))

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
