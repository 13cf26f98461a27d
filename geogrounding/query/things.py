"""What a plan is evaluated over: things with their outlines, and the world that they stand in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from geogrounding.geometry.boxes import Boxes, Indexes
from geogrounding.geometry.measure import Floats, Ground, Shapes, Sizes, centres, sizes
from geogrounding.query.appearance import Looks
from geogrounding.query.plan import Step, Target

NORTH_UP_DEGREES = 5.0
"""Where the upward direction of the image is this near to north, compass words are words of the image."""


@dataclass(slots=True, kw_only=True)
class Things:
    """All things of one kind in a scene."""

    shapes: Shapes
    """(N,) outlines in the plane of the world's ground."""
    image: Boxes
    """(N, 4) boxes in the image: x to the right, y downwards."""
    ids: Indexes
    """(N,) identities: a thing that two nouns found has one."""
    scores: Floats | None = None
    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Texts of a vector layer by column, as ``lexicon.attribute_key`` writes the names."""
    looks: Callable[[Indexes], Looks] | None = None
    """Measures what the things at some indexes (K,) look like; None where there are no pixels."""
    _sizes: dict[str, Sizes] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.shapes)

    def take(self, indexes: Indexes) -> Things:
        """The things at these indexes (K,)."""
        looks = self.looks
        return Things(
            shapes=self.shapes[indexes],
            image=self.image[indexes],
            ids=self.ids[indexes],
            scores=None if self.scores is None else self.scores[indexes],
            fields={name: [values[i] for i in indexes] for name, values in self.fields.items()},
            looks=None if looks is None else lambda some: looks(indexes[some]),
        )

    def sizes(self, ground: Ground) -> Sizes:
        """Their measures, taken once."""
        if "all" not in self._sizes:
            self._sizes["all"] = sizes(ground, self.shapes)
        return self._sizes["all"]

    def measure(self, ground: Ground, name: str) -> Floats:
        """One measure (N,): a field of ``Sizes``, "elongation" or "score"."""
        if name == "score":
            return np.full(len(self), np.nan) if self.scores is None else self.scores
        measured = self.sizes(ground)
        if name == "elongation":
            with np.errstate(divide="ignore", invalid="ignore"):
                return np.asarray(measured.length / measured.width, np.float64)
        values: Floats = getattr(measured, name)
        return values

    def centres(self) -> Floats:
        """Centres (N, 2) in the plane."""
        return centres(self.shapes)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Where the things stand, and how a noun finds them."""

    ground: Ground
    extent: tuple[float, float, float, float]
    """(x0, y0, x1, y1) of the image (or of the area asked about), x to the right, y downwards."""
    corners: Floats
    """(4, 2) the corners of that extent in the plane: upper left, upper right, lower right, lower left."""
    find: Callable[[Target], Lookup]

    @property
    def north_up(self) -> bool:
        """Whether the upward direction of the image is north, or nothing is known about north."""
        if self.ground.lonlat is None or self.ground.wide:
            return True
        up = (self.corners[0] + self.corners[1] - self.corners[2] - self.corners[3]) / 2
        return bool(abs(np.degrees(np.arctan2(up[0], up[1]))) <= NORTH_UP_DEGREES)

    def frame(self, things: Things, *, compass: bool) -> tuple[Boxes, tuple[float, float, float, float]]:
        """Boxes (N, 4) and extent in which left is left and up is up: the image's, or true west and north."""
        if not compass or self.north_up:
            return things.image, self.extent
        bounds = shapely.bounds(things.shapes).reshape(-1, 4)
        (x0, y0), (x1, y1) = self.corners.min(axis=0), self.corners.max(axis=0)
        return np.stack([bounds[:, 0], -bounds[:, 3], bounds[:, 2], -bounds[:, 1]], axis=1), (x0, -y1, x1, -y0)

    def edges(self, side: str | None) -> Shapes:
        """The outline of the scene (1,), or one of its sides."""
        ring = np.vstack([self.corners, self.corners[:1]])
        if side is None:
            return np.array([shapely.LineString(ring)], object)
        lines = [shapely.LineString(ring[i : i + 2]) for i in range(4)]  # upper, right, lower, left
        return np.array([lines[self._side(side)]], object)

    def _side(self, side: str) -> int:
        order = {"upper": 0, "right": 1, "lower": 2, "left": 3}
        if side in order:
            return order[side]
        if self.north_up:
            return order[COMPASS_TO_IMAGE[side]]
        middles = (self.corners + np.roll(self.corners, -1, axis=0)) / 2
        key = {"north": -middles[:, 1], "south": middles[:, 1], "east": -middles[:, 0], "west": middles[:, 0]}[side]
        return int(np.argmin(key))

    def corner_points(self, side: str | None) -> Shapes:
        """The corners of the scene (4,), or one of them (1,)."""
        if side is None:
            return np.asarray(shapely.points(self.corners), object)
        order = {"upper left": 0, "upper right": 1, "lower right": 2, "lower left": 3}
        if side in COMPASS_TO_IMAGE and not self.north_up:
            x, y = self.corners.T
            lean = (1 if "east" in side else -1) * x + (1 if "north" in side else -1) * y
            return np.asarray(shapely.points(self.corners[[int(np.argmax(lean))]]), object)
        return np.asarray(shapely.points(self.corners[[order[COMPASS_TO_IMAGE.get(side, side)]]]), object)


COMPASS_TO_IMAGE: dict[str, str] = {
    "north": "upper", "south": "lower", "east": "right", "west": "left", "northeast": "upper right",
    "northwest": "upper left", "southeast": "lower right", "southwest": "lower left",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """What a noun found."""

    things: Things | None
    """None: nothing could be looked for."""
    settled: tuple[Step, ...] = ()
    """Steps (colours) that were part of what was asked, and hold for all of them."""
    unknown: tuple[str, ...] = ()
    """Words that are unknown here."""
    note: str = ""
    """How the noun was read, where that is not plain."""


Unit = Literal["m", "px"]
Mask = NDArray[np.bool_]
