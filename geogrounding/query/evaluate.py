"""Which things a plan means: its steps applied in order, over all things of a scene, in the unit of the ground.

One evaluator serves everything: runs over rasters with and without a CRS, vector layers, nested targets ("the ship
nearest the largest harbor") and the questions of ``ask``. It loops over steps, never over things.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError

from geogrounding.errors import SettingsError
from geogrounding.geometry.boxes import Boxes, Indexes
from geogrounding.geometry.geodesy import METRES_PER_DEGREE
from geogrounding.geometry.measure import Floats
from geogrounding.query import rules, seeing
from geogrounding.query.far import far_away, none_found
from geogrounding.query.lexicon import attribute_key, attribute_value, class_of, with_article
from geogrounding.query.plan import (
    AnyOf,
    Attribute,
    Comparison,
    Facing,
    Group,
    Place,
    PointReference,
    Rank,
    Reference,
    Relation,
    Step,
    Target,
    TargetReference,
)
from geogrounding.query.things import COMPASS_TO_IMAGE, Mask, Things, World

TIE = 1e-5
"""Sizes and distances that differ by less than this share are the same; the earlier thing comes first."""
FACING_DEGREES = 22.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """How many things were left after a step."""

    step: Step | None
    """None: what was found at first."""
    count: int
    others: tuple[tuple[str, int], ...] = ()
    """(noun, number) of the others that it looked at."""


@dataclass(slots=True, kw_only=True)
class Selection:
    """What a target chose."""

    target: Target
    things: Things
    chosen: Indexes
    """(K,) ascending."""
    measured: dict[str, Floats] = field(default_factory=dict)
    """(N,) by attribute: "area_m2", "length_m", "distance_m", "rank", ...; NaN where it was not measured."""
    notes: list[Note] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    """How nouns were read, where that is not plain."""
    warnings: list[str] = field(default_factory=list)
    """Remarks that belong into the answer itself: what lies far from the scene."""

    def values(self, name: str) -> Floats:
        """(K,) a measured attribute of the chosen."""
        return self.measured[name][self.chosen]


def select(
    world: World, target: Target, *, keep: Selection | None = None, steps: Sequence[Step] | None = None
) -> Selection:
    """The things that a target means.

    Args:
        world: where they stand.
        target: what is looked for.
        keep: a selection to go on from; None looks the noun up.
        steps: in place of those of the target.

    Raises:
        SettingsError: the plan cannot be measured in this scene.
    """
    if keep is None:
        looked = world.find(target)
        things = looked.things or _nothing()
        result = Selection(target=target, things=things, chosen=np.arange(len(things), dtype=np.int64))
        result.unknown += looked.unknown
        result.remarks += [looked.note] if looked.note else []
        result.notes.append(Note(step=None, count=len(things)))
        settled = looked.settled
    else:
        result = replace(keep, notes=list(keep.notes), unknown=list(keep.unknown), measured=dict(keep.measured))
        settled = ()
    walk = _Walk(world, result)
    for step in target.steps if steps is None else steps:
        if step in settled:
            continue
        result.chosen = walk.kept(step, result.chosen)
        result.notes.append(Note(step=step, count=len(result.chosen), others=tuple(walk.others)))
        walk.others = []
    return result


def _nothing() -> Things:
    return Things(shapes=np.empty(0, object), image=np.empty((0, 4)), ids=np.empty(0, np.int64))


class _Walk:
    """Applies steps to the things of one selection."""

    def __init__(self, world: World, result: Selection) -> None:
        self._world, self._result, self._things = world, result, result.things
        self._ground = world.ground
        self.others: list[tuple[str, int]] = []

    def kept(self, step: Step, some: Indexes) -> Indexes:
        """Those of some things (K,) that a step keeps, ascending."""
        if isinstance(step, Rank):
            return self._ranked(step, some)
        mask = self._holds(step, some)
        if mask is None:  # it cannot be known
            return some[:0]
        return some[~mask if step.negated else mask]

    def _holds(self, step: Step, some: Indexes) -> Mask | None:
        if isinstance(step, Comparison):
            return self._compared(step, some)
        if isinstance(step, Relation):
            return self._related(step, some)
        if isinstance(step, Place):
            compass = step.part in COMPASS_TO_IMAGE
            boxes, extent = self._world.frame(self._things.take(some), compass=compass)
            return rules.in_place(COMPASS_TO_IMAGE.get(step.part, step.part), boxes, extent, corner=step.corner)
        if isinstance(step, Group):
            sizes = rules.group_sizes(self._ground, self._things.take(some), step.distance_m, line=step.line)
            self._measure("group_size", some, sizes.astype(np.float64))
            return np.asarray(
                (sizes >= step.least) & (sizes <= (len(sizes) if step.most is None else step.most)), np.bool_
            )
        if isinstance(step, Attribute):
            return self._attribute(step, some)
        if isinstance(step, Facing):
            kind = class_of(self._result.target.noun)
            bearing = seeing.direction_of(self._things, kind, self._ground, some, self._result.remarks)
            self._measure("bearing_deg", some, bearing)
            apart = np.abs((bearing - step.bearing + 90.0) % 180.0 - 90.0)
            return np.asarray(apart <= FACING_DEGREES, np.bool_)
        assert isinstance(step, AnyOf)
        keep = np.zeros(len(self._things), np.bool_)
        for option in step.options:
            left = some
            for inner in option:
                left = self.kept(inner, left)
            keep[left] = True
        return keep[some]

    def _measure(self, name: str, some: Indexes, values: Floats) -> None:
        whole = self._result.measured.setdefault(name, np.full(len(self._things), np.nan))
        whole[some] = values

    def _compared(self, step: Comparison, some: Indexes) -> Mask:
        values = self._things.measure(self._ground, step.measure)[some]
        self._measure(attribute_name(step.measure, self._ground.unit), some, values)
        if len(some) and np.isnan(values).all():
            raise SettingsError(
                f"none of the {len(some)} things ({self._result.target.noun}) has {with_article(step.measure)}",
                hint="Points have no size and lines no area: ask about polygons, or about distances.",
            )
        least, most = step.least, step.most
        if step.than is not None:
            usual = float(np.nanmedian(values) if step.than == "median" else np.nanmean(values)) if len(some) else 0.0
            least, most = (None if v is None else v * usual for v in (least, most))
        keep = np.isfinite(values)
        if least is not None:
            keep &= values > least if step.least_open else values >= least
        if most is not None:
            keep &= values < most if step.most_open else values <= most
        return keep

    def _attribute(self, step: Attribute, some: Indexes) -> Mask | None:
        column, wanted = attribute_key(step.column), attribute_value(step.value)
        fields = self._things.fields
        alike = (n for n in fields if n.endswith(f" {column}") or column.endswith(f" {n}"))
        name = column if column in fields else next(alike, None)
        if name is not None:
            return np.array([attribute_value(fields[name][i]) == wanted for i in some], np.bool_)
        mask = seeing.with_attribute(step, self._things, some, self._measure, self._result.remarks)
        if mask is not None:
            return mask
        self._result.unknown.append(
            f"{step.column} {step.value}" if step.column == "colour" else f"{step.column} is {step.value}"
        )
        return None

    # Relations

    def _related(self, step: Relation, some: Indexes) -> Mask | None:
        mine = self._things.take(some)
        other = self._reference(step.other, some)
        if other is None:
            return None
        if step.how == "between":
            second = other if step.second is None else self._reference(step.second, some)
            return None if second is None else rules.between(self._ground, mine, other, second)
        if step.how == "within":
            return self._within(step, some, mine, other)
        if step.how.endswith(" of") or step.how in ("above", "below"):
            mask = self._direction(step.how, mine, other)
            self._distance(some, mine, other)
            return mask
        if step.how == "same as":
            return np.isin(mine.ids, other.ids)
        pairs = self._pairs(step, mine, other)
        if step.how in ("next to", "near") and step.count_least is None:
            self._distance(some, mine, other)
        return self._enough(step, pairs[0], len(some), len(other))

    def _enough(self, step: Relation, index: Indexes, total: int, others: int) -> Mask:
        """Which things (N,) have as many others as asked."""
        count = np.bincount(index, minlength=total)
        every = isinstance(step.other, TargetReference) and step.other.every
        least = (
            max(others, 1)
            if every
            else 1
            if step.count_least is None and step.count_most is None
            else step.count_least or 0
        )
        return np.asarray(
            (count >= least) & (count <= (others if step.count_most is None else step.count_most)), np.bool_
        )

    def _pairs(self, step: Relation, mine: Things, other: Things) -> tuple[Indexes, Indexes]:
        if step.how in ("next to", "near"):
            return rules.next_to(self._ground, mine, other, near=step.how == "near")
        rule = {
            "inside": rules.inside,
            "containing": rules.containing,
            "touching": rules.touching,
            "overlapping": rules.overlapping,
        }[step.how]
        return rule(self._ground, mine, other)

    def _within(self, step: Relation, some: Indexes, mine: Things, other: Things) -> Mask:
        least, most = step.least_m or 0.0, np.inf if step.most_m is None else step.most_m
        every = isinstance(step.other, TargetReference) and step.other.every
        if step.centres:
            mine, other = _as_points(mine), _as_points(other)
        gap = self._distance(some, mine, other)
        if step.count_least is None and step.count_most is None and not (every and step.most_m is not None):
            return np.asarray((gap >= least * (1 - rules.TOLERANCE)) & (gap <= most * (1 + rules.TOLERANCE)), np.bool_)
        reach = most if np.isfinite(most) else float(np.nanmax(gap[np.isfinite(gap)], initial=0.0)) * 2 + 1.0
        pairs = rules.within(self._ground, mine, other, least, reach)
        return self._enough(step, pairs[0], len(some), len(other))

    def _distance(self, some: Indexes, mine: Things, other: Things) -> Floats:
        gap, _ = rules.gaps(self._ground, mine, other)
        self._measure(
            "distance_m" if self._ground.unit == "m" else "distance_px", some, np.where(np.isfinite(gap), gap, np.nan)
        )
        return gap

    def _direction(self, how: str, mine: Things, other: Things) -> Mask:
        side = how.removesuffix(" of")
        compass = side in COMPASS_TO_IMAGE
        boxes = self._world.frame(mine, compass=compass)[0], self._world.frame(other, compass=compass)[0]
        if side in ("northeast", "northwest", "southeast", "southwest"):
            return rules.diagonal(self._ground, mine, other, boxes, side)
        image = {"north": "above", "south": "below", "east": "right of", "west": "left of"}.get(side, how)
        return rules.direction(self._ground, mine, other, boxes, image, reach=not compass)

    def _reference(self, reference: Reference | None, some: Indexes) -> Things | None:
        """What a step looks at; None where it is unknown."""
        if reference is None:
            return self._things.take(some)
        if isinstance(reference, TargetReference):
            found = select(self._world, reference.target)
            self._result.remarks += found.remarks
            if found.unknown:
                self._result.unknown += found.unknown
                return None
            self.others.append((reference.target.noun, len(found.chosen)))
            self._result.warnings += found.warnings if found.notes[0].count else none_found(reference)
            others = found.things.take(found.chosen)
            self._result.warnings += far_away(self._world, others.shapes, reference)
            return others
        if isinstance(reference, PointReference):
            shapes = self._point(reference)
            self._result.warnings += far_away(self._world, shapes, reference)
        elif reference.part == "edge":
            shapes = self._world.edges(reference.side)
        elif reference.part == "corner":
            shapes = self._world.corner_points(reference.side)
        else:
            shapes = np.array([shapely.Point(self._world.corners.mean(axis=0))], object)
        bounds = shapely.bounds(shapes).reshape(-1, 4)
        image: Boxes = np.stack([bounds[:, 0], -bounds[:, 3], bounds[:, 2], -bounds[:, 1]], axis=1)
        return Things(shapes=shapes, image=image, ids=-1 - np.arange(len(shapes), dtype=np.int64))

    def _point(self, reference: PointReference) -> np.ndarray:
        point = np.array([shapely.Point(reference.x, reference.y)], object)
        if reference.crs is None or self._ground.crs is None:
            return self._ground.lay(point)
        try:
            return self._ground.lay(point, CRS.from_user_input(reference.crs))
        except CRSError:
            raise SettingsError(
                f"the CRS {reference.crs!r} of a point is unknown", hint="Example: EPSG:4326."
            ) from None

    # Ranks

    def _ranked(self, step: Rank, some: Indexes) -> Indexes:
        key = self._rank_keys(step, some)
        if key is None:
            return some[:0]
        usable = np.flatnonzero(np.isfinite(key[0]))
        order = usable[ordered([k[usable] for k in key])]
        places = np.full(len(some), np.nan)
        places[order] = np.arange(1, len(order) + 1)
        self._measure("rank", some, places)
        chosen = order[step.first - 1 : step.last]
        if step.all_but:
            return some[np.setdiff1d(np.arange(len(some)), chosen)]
        return np.sort(some[chosen])

    def _rank_keys(self, step: Rank, some: Indexes) -> list[Floats] | None:
        """What is sorted by, the first comes first; the next ones where it ties."""
        sign = -1.0 if step.descending else 1.0
        if step.by == "distance":
            other = self._reference(step.to, some)
            if other is None:
                return None
            mine = self._things.take(some)
            if step.centres:
                mine, other = _as_points(mine), _as_points(other)
            gap = self._distance(some, mine, other)
            apart = rules.gaps(self._ground, _as_points(mine), _as_points(other))[0]
            return [np.where(np.isfinite(gap), sign * gap, np.inf), sign * apart]
        if step.by in COMPASS_TO_IMAGE and self._ground.lonlat is not None:
            return [self._compass_key(step.by, some)]
        if step.by in ("left", "right", "top", "bottom", "north", "south", "east", "west"):
            side = COMPASS_TO_IMAGE.get(step.by, step.by)
            boxes, _ = self._world.frame(self._things.take(some), compass=step.by in COMPASS_TO_IMAGE)
            low = 0 if side in ("left", "right") else 1
            centre = (boxes[:, low] + boxes[:, low + 2]) / 2
            key = centre if side in ("left", "top", "upper") else -centre
            return [key - key.min(initial=np.inf)]  # ties are relative, and the origin of a CRS may be 7,000 km away
        values = self._things.measure(self._ground, str(step.by))[some]
        self._measure(attribute_name(str(step.by), self._ground.unit), some, values)
        return [np.where(np.isfinite(values), sign * values, np.inf)]

    def _compass_key(self, side: str, some: Indexes) -> Floats:
        """Metres from the middle of the scene, true west and south first for "west" and "south"."""
        lon, lat = self._ground.to_lonlat(self._things.take(some).centres()).T
        if side in ("north", "south"):
            metres = lat * METRES_PER_DEGREE - self._ground.middle[1] * METRES_PER_DEGREE
        else:
            east = (lon - self._ground.middle[0] + 180.0) % 360.0 - 180.0
            metres = east * METRES_PER_DEGREE * np.cos(np.radians(self._ground.middle[1]))
        return np.asarray(metres if side in ("west", "south") else -metres, np.float64)


def ordered(keys: Sequence[Floats]) -> Indexes:
    """Positions (N,) by the first key, ascending; values that differ by less than ``TIE`` are ties, which the next key
    and then the order of the things decide.
    """
    rank_keys: list[Indexes] = []
    for key in keys:
        order = np.argsort(key, kind="stable")
        with np.errstate(invalid="ignore"):
            step = np.diff(key[order], prepend=key[order[:1]]) > TIE * np.abs(key[order]) + 1e-12
        level = np.empty(len(key), np.int64)
        level[order] = np.cumsum(step)
        rank_keys.append(level)
    return np.lexsort([np.arange(len(keys[0])), *reversed(rank_keys)]).astype(np.int64)


def attribute_name(measure: str, unit: str) -> str:
    """The attribute that holds a measure: "area_m2", "length_m"; of pixels "area_px"."""
    if measure in ("score", "elongation"):
        return measure
    return f"{measure}_{unit}2" if measure == "area" and unit == "m" else f"{measure}_{unit}"


def _as_points(things: Things) -> Things:
    return replace(things, shapes=np.asarray(shapely.centroid(things.shapes), object), _sizes={})
