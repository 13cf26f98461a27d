"""Which objects of one image fit an expression, and whether that is beyond doubt.

``evaluate.select`` decides, in pixels, as it does for scenes. Training needs more than its yes or no: an expression is worth
asking only where no object lies near the border of a rule. So every rule also has a degree here: 0 is the border, 1 and -1
stand beyond doubt, and a decision is clear where the degrees of all objects are beyond doubt and agree with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely

from geogrounding.geometry.measure import Ground
from geogrounding.query.borders import Boxes, degree, distances, place_depth
from geogrounding.query.evaluate import Selection, select
from geogrounding.query.expression import Meaning, Objects, Relation
from geogrounding.query.lexicon import PLACES, attribute_key, attribute_value, category_of
from geogrounding.query.plan import Step, Target
from geogrounding.query.things import Lookup, Things, World

PLACE_MARGIN = 0.03
"""Share of the side of the image between an object's centre and the border of a half, a quarter or the middle."""
ORDER_MARGIN = 0.04
"""Share of the side between the centres of an object that is chosen by position and the next one."""
SIZE_MARGIN = 1.15
"""Least ratio of the areas of an object that is chosen by size and the next one."""
DISTANCE_MARGIN = (1.25, 0.03)
"""An object is clearly nearer if its distance is 1.25 times less and by 3% of the diagonal of the image."""


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


@dataclass(slots=True)
class ImageObjects:
    """The objects of an image, prepared once for many expressions."""

    objects: Objects
    boxes: Boxes = field(init=False)
    members: dict[str, list[int]] = field(init=False)
    """Objects of each category."""
    attributes: list[dict[str, str]] = field(init=False)
    _world: World = field(init=False)
    _things: dict[str, Things] = field(init=False, default_factory=dict)

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
        width, height = self.boxes.width, self.boxes.height
        self._world = World(
            ground=Ground.around(None, (0.0, 0.0, width, height)),
            extent=(0.0, 0.0, width, height),
            corners=np.array([(0, 0), (width, 0), (width, -height), (0, -height)], np.float64),
            find=lambda target: Lookup(things=self._of(target.noun)),
        )

    def fit(self, meaning: Meaning) -> Fit:
        """Which objects fit, and whether that is beyond doubt."""
        found = self.members.get(meaning.category, [])
        if not found:
            return Fit(targets=(), clear=True, alike=(), pool=())
        target = meaning.target()
        steps, clear = list(target.steps), True
        chosen = select(self._world, target, steps=())
        if meaning.attribute is not None:
            clear = all(self.attributes[i].get(meaning.attribute[0], "") for i in found)  # without a value: any
            chosen, found = self._after(chosen, target, steps.pop(0))
        alike = found
        if meaning.relation is not None:
            chosen, found = self._after(chosen, target, steps.pop(0))
            clear = clear and self._clearly_related(alike, found, chosen, meaning.relation)
        pool = found
        if steps:
            chosen, found = self._after(chosen, target, steps.pop(0))
            clear = clear and self._clearly_selected(pool, found, chosen, meaning)
        return Fit(targets=tuple(found), clear=clear, alike=tuple(alike), pool=tuple(pool))

    def _of(self, category: str) -> Things:
        """All objects of a category."""
        if category not in self._things:
            indexes = self.members.get(category, [])
            boxes = self.objects.boxes_px[indexes]
            columns = {column for i in indexes for column in self.attributes[i]}
            self._things[category] = Things(
                shapes=self._world.ground.lay(np.asarray(shapely.box(*boxes.T), object).reshape(-1)),
                image=boxes,
                ids=np.array(indexes, np.int64),
                fields={name: [self.attributes[i].get(name, "") for i in indexes] for name in sorted(columns)},
            )
        return self._things[category]

    def _after(self, before: Selection, target: Target, step: Step) -> tuple[Selection, list[int]]:
        """One step further: the selection, and the objects that are left."""
        after = select(self._world, target, keep=before, steps=(step,))
        return after, after.things.ids[after.chosen].tolist()

    def _clearly_related(
        self, pool: Sequence[int], found: Sequence[int], chosen: Selection, relation: Relation
    ) -> bool:
        neighbours = self.members.get(relation.category, [])
        if not neighbours or not pool:
            return True
        if relation.kind in ("nearest", "farthest"):
            apart = [distances(self.boxes, index, neighbours) for index in _in_order(chosen)]
            return self._clearly_apart(apart, 1 if relation.kind == "nearest" else -1)
        degrees = [
            max((degree(self.boxes, relation.kind, i, other) for other in neighbours if other != i), default=-2.0)
            for i in pool
        ]
        return _beyond_doubt(degrees, pool, found)

    def _clearly_selected(self, pool: Sequence[int], found: Sequence[int], chosen: Selection, meaning: Meaning) -> bool:
        selector = str(meaning.selector)
        if selector in PLACES:
            degrees = [place_degree(selector, self.boxes.x[i], self.boxes.y[i]) for i in pool]
            return _beyond_doubt(degrees, pool, found)
        first, last = (0, meaning.count) if meaning.count is not None else (meaning.ordinal - 1, meaning.ordinal)
        order = _in_order(chosen)
        return self._split(order, first, selector) and self._split(order, last, selector)

    def _clearly_apart(self, apart: Sequence[tuple[float, float]], sign: int) -> bool:
        """Whether the first is nearer (sign 1) or farther (-1) than all others, measured from edges and from centres."""
        ratio, share = DISTANCE_MARGIN
        diagonal = (self.boxes.width**2 + self.boxes.height**2) ** 0.5
        for other_gap, other_centre in apart[1:]:
            gap, centre = apart[0]
            small, big = (gap, other_gap) if sign > 0 else (other_gap, gap)
            if big < max(ratio * small, small + share * diagonal) or sign * (other_centre - centre) <= 0:
                return False
        return True

    def _split(self, order: Sequence[int], at: int, rank: str) -> bool:
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


def _in_order(chosen: Selection) -> list[int]:
    """The objects that the last rank ordered, the first one first."""
    places = chosen.measured["rank"]
    ranked = np.flatnonzero(np.isfinite(places))
    order: list[int] = chosen.things.ids[ranked[np.argsort(places[ranked])]].tolist()
    return order


def _beyond_doubt(degrees: Sequence[float], pool: Sequence[int], found: Sequence[int]) -> bool:
    kept = set(found)
    return all(abs(d) >= 1 and (d > 0) == (i in kept) for i, d in zip(pool, degrees, strict=True))


def place_degree(place: str, x: float, y: float) -> float:
    """How clearly a centre lies in a part of the image.

    Args:
        place: a key of ``PLACES``.
        x: centre as a share of the width.
        y: centre as a share of the height.

    Returns:
        0 on the border, 1 at ``PLACE_MARGIN`` inside of it, -1 as far outside.
    """
    return float(place_depth(place, x, y)) / PLACE_MARGIN


def evaluate(meaning: Meaning, objects: Objects) -> tuple[int, ...]:
    """Indexes of the objects that an expression of this meaning fits.

    They come in the order of the objects. The task changes nothing: where "refer" is asked and several objects fit, the
    expression is ambiguous and all are returned.
    """
    return ImageObjects(objects).fit(meaning).targets
