"""Tiles of a map service: levels of resolution, and which tiles of one show an area."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from affine import Affine
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from geogrounding.errors import AreaError, SettingsError
from geogrounding.messages import quote
from geogrounding.raster.georeference import pixel_size

Box = tuple[float, float, float, float]
MAX_TILES = 20_000
"""Of one area: 36,000 x 36,000 pixels in tiles of 256, which a polite client asks for in about an hour."""
FINE_ENOUGH = 1.01
"""A level counts as fine enough up to this multiple of the resolution asked for."""
WORLD_M = 20037508.342789244
"""Half the side of the square of web Mercator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A grid of tiles; rows count down from the top."""

    name: str
    """As addresses name it, such as a zoom."""
    pixel: tuple[float, float]
    """Width and height of a pixel in units of the CRS."""
    corner: tuple[float, float]
    """Left and top of the first tile, in the CRS."""
    tile_px: tuple[int, int]
    columns: int
    rows: int

    def transform(self, column: int = 0, row: int = 0) -> Affine:
        """Pixels of an image that begins with this tile, to the CRS."""
        wide, high = self.tile_px
        left, top, right, bottom = self.corner[0], self.corner[1], self.pixel[0], self.pixel[1]
        return Affine(right, 0, left + column * wide * right, 0, -bottom, top - row * high * bottom)


@dataclass(frozen=True, slots=True, kw_only=True)
class TileRange:
    """The tiles of a level that show an area, half-open."""

    level: Level
    columns: range
    rows: range

    def __len__(self) -> int:
        return len(self.columns) * len(self.rows)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """(column, row), row by row."""
        return ((column, row) for row in self.rows for column in self.columns)

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the image of all tiles."""
        return len(self.columns) * self.level.tile_px[0], len(self.rows) * self.level.tile_px[1]

    @property
    def transform(self) -> Affine:
        """Of that image."""
        return self.level.transform(self.columns.start, self.rows.start)


def box_in(crs: CRS, bbox: Box, bbox_crs: str) -> Box:
    """A box in the CRS of a service, around the box asked for.

    Raises:
        AreaError: it is empty, its CRS unknown, or it has no place in the CRS of the service.
    """
    try:
        asked = CRS.from_user_input(bbox_crs)
    except CRSError:
        raise AreaError(f"the CRS {quote(bbox_crs)} is unknown", hint="Example: EPSG:4326.") from None
    west, south, east, north = bbox
    if not all(map(math.isfinite, bbox)) or west >= east or south >= north:
        raise AreaError(
            "the bounding box is empty or crosses the antimeridian, which a map service is not asked across",
            hint="The order is xmin,ymin,xmax,ymax. Run both sides of the antimeridian by themselves.",
        )
    try:
        placed = Transformer.from_crs(asked, crs, always_xy=True).transform_bounds(*bbox, densify_pts=21)
    except ProjError:
        placed = (math.inf,) * 4
    if not all(map(math.isfinite, placed)):
        raise AreaError(
            f"the bounding box has no place in the coordinate system of the map, {crs.name}",
            hint="Is the order xmin,ymin,xmax,ymax, and --bbox-crs right?",
        )
    return (float(placed[0]), float(placed[1]), float(placed[2]), float(placed[3]))


def tiles_for(level: Level, box: Box) -> TileRange:
    """The tiles of a level that touch a box in the CRS of the service.

    Raises:
        AreaError: none do, or too many.
    """
    wide, high = level.tile_px[0] * level.pixel[0], level.tile_px[1] * level.pixel[1]
    slack = 1e-9  # of a tile: a box that ends on the border of a tile does not need the next one
    columns = range(
        max(0, math.floor((box[0] - level.corner[0]) / wide + slack)),
        min(level.columns, math.ceil((box[2] - level.corner[0]) / wide - slack)),
    )
    rows = range(
        max(0, math.floor((level.corner[1] - box[3]) / high + slack)),
        min(level.rows, math.ceil((level.corner[1] - box[1]) / high - slack)),
    )
    found = TileRange(level=level, columns=columns, rows=rows)
    if not len(found):
        raise AreaError("the map has no tiles in the area asked for", hint="Check --bbox and --bbox-crs.")
    if len(found) > MAX_TILES:
        raise AreaError(
            f"the area is {len(found):,} tiles of the map at level {level.name}; at most {MAX_TILES:,} are asked for",
            hint="A coarser --resolution or a smaller --bbox; several areas: rows of a --manifest with a column bbox.",
        )
    return found


def ground_m(crs: CRS, level: Level, place: tuple[float, float]) -> float:
    """Metres of a pixel around a place of the CRS, the larger side.

    Raises:
        AreaError: they are not known there.
    """
    x, y = ~level.transform() @ place
    size = pixel_size(crs, level.transform(), (x, y))
    if size.x_m is None or size.y_m is None:
        raise AreaError("the size of a pixel of the map is not known in the area asked for", hint="Check --bbox.")
    return max(size.x_m, size.y_m)


def choose_level(levels: Sequence[Level], crs: CRS, box: Box, resolution_m: float | None) -> Level:
    """The coarsest level that is as fine as a resolution in the middle of a box; the finest where none is.

    Raises:
        SettingsError: there is a choice, and no resolution to make it by.
    """
    if len(levels) == 1:
        return levels[0]
    if resolution_m is None:
        raise no_resolution()
    middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    fine = [level for level in levels if ground_m(crs, level, middle) <= resolution_m * FINE_ENOUGH]
    return max(fine or [min(levels, key=lambda level: level.pixel[0])], key=lambda level: level.pixel[0])


def level_of_resolution(crs: CRS, box: Box, resolution_m: float | None, tile_px: int) -> Level:
    """For a service that draws any area: square pixels of a resolution, in tiles that do not depend on the box.

    Raises:
        SettingsError: no resolution is given.
    """
    if resolution_m is None:
        raise no_resolution()
    unit = 1e-5 if crs.is_geographic else 1.0
    middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    probe = Level(name="", pixel=(unit, unit), corner=(0.0, 0.0), tile_px=(1, 1), columns=1, rows=1)
    side = float(f"{unit * resolution_m / ground_m(crs, probe, middle):.4g}")
    # tiles begin at multiples of their side, so that runs of neighbouring areas share them
    step = side * tile_px
    left, top = math.floor(box[0] / step) * step, math.ceil(box[3] / step) * step
    columns, rows = math.ceil((box[2] - left) / step - 1e-9), math.ceil((top - box[1]) / step - 1e-9)
    return Level(
        name=f"{side!r}", pixel=(side, side), corner=(left, top), tile_px=(tile_px, tile_px),
        columns=max(1, columns), rows=max(1, rows),
    )  # fmt: skip


def mercator_levels(zooms: range, tile_px: int) -> tuple[Level, ...]:
    """The levels of XYZ tiles."""
    return tuple(
        Level(
            name=str(zoom),
            pixel=(2 * WORLD_M / (2**zoom * tile_px),) * 2,
            corner=(-WORLD_M, WORLD_M),
            tile_px=(tile_px, tile_px),
            columns=2**zoom,
            rows=2**zoom,
        )
        for zoom in zooms
    )


def no_resolution() -> SettingsError:
    """What is said where a map can be had at several resolutions."""
    return SettingsError("the map has several resolutions", hint="Say how fine: --resolution METRES, such as 0.3.")
