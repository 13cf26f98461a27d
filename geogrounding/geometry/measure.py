"""Lengths, areas, distances, bearings and containment of many outlines, in metres on the ellipsoid.

Outlines are brought into an azimuthal equidistant plane around the middle of the scene (``Ground.around``), where
GEOS measures them through a spatial index. Within ``COMPACT_M`` of its middle that plane stretches a distance by at
most 5e-5. A wider scene (a layer across several UTM zones, or across the antimeridian and beyond) is cut into cells,
each with a plane of its own, so that the same bound holds for what lies near each other. Feet, degrees, Web Mercator
at high latitudes and rotated grids need no special case: nothing is ever measured in the CRS of the input.

Without a CRS the unit is the pixel. In every plane x grows to the right and y upwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Geod, Proj

from geogrounding.errors import InputError, OutputError
from geogrounding.geometry.cells import Neighbourhood
from geogrounding.geometry.chart import WORTH_POINTS, Chart
from geogrounding.geometry.geodesy import lonlat_crs, straight_pieces, transform_points, unwrapped
from geogrounding.geometry.neighbours import nearest_in_plane, pairs_in_plane
from geogrounding.geometry.rectangles import sides

Shapes = NDArray[np.object_]
Indexes = NDArray[np.int64]
Floats = NDArray[np.float64]
Unit = Literal["m", "px"]

COMPACT_M = 100_000.0
"""Greatest distance from the middle of a plane: d**2 / (6 R**2) of a distance is 4e-5 there."""
NEIGHBOURHOOD_M = 30_000.0
"""In a wide scene the nearest is looked for among what is so near, and then among everything."""
CELL_DEGREES = 0.8
"""Side of a cell of a wide scene in latitude; in longitude it is as long on the ground."""
EARTH_RADIUS_M = 6_371_008.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The plane in which the outlines of a scene are measured."""

    unit: Unit
    crs: CRS | None
    """Of the scene; None for pixels (x right, y down)."""
    lonlat: CRS | None = None
    """Longitude and latitude on the ellipsoid of ``crs``; None for pixels and for a CRS without an ellipsoid."""
    middle: tuple[float, float] = (0.0, 0.0)
    """Longitude and latitude of the origin of the plane."""
    wide: bool = False
    """Cut into cells; ``lay`` then returns longitude and latitude."""
    unit_m: float = 1.0
    """Metres per unit of a CRS without an ellipsoid."""
    _proj: Proj | None = field(default=None, repr=False)

    @classmethod
    def around(cls, crs: CRS | None, bounds: Sequence[float]) -> Ground:
        """The plane for a scene.

        Args:
            crs: of the scene; None measures in pixels.
            bounds: (xmin, ymin, xmax, ymax) of everything that will be measured, in ``crs``.
        """
        if crs is None:
            return cls(unit="px", crs=None)
        lonlat = lonlat_crs(crs)
        if lonlat is None:
            factor = float(crs.axis_info[0].unit_conversion_factor) if crs.axis_info else 1.0
            return cls(unit="m", crs=crs, unit_m=factor)
        x0, y0, x1, y1 = (float(v) for v in bounds)
        grid = np.array([(x, y) for x in np.linspace(x0, x1, 5) for y in np.linspace(y0, y1, 5)])
        points = transform_points(grid, crs, lonlat)
        middle = _middle(points)
        far = float(np.max(_arc_m(points, np.array([middle]))))
        wide = far > COMPACT_M
        return cls(
            unit="m",
            crs=crs,
            lonlat=lonlat,
            middle=middle,
            wide=wide,
            _proj=None if wide else _equidistant(lonlat, middle),
        )

    @property
    def geod(self) -> Geod | None:
        """Geodesics on the ellipsoid of the scene; None where there is none."""
        return None if self.lonlat is None else (self.lonlat.get_geod() or Geod(ellps="WGS84"))

    def lay(self, shapes: Shapes, crs: CRS | None = None) -> Shapes:
        """Bring geometries (N,) of any type into the plane.

        Args:
            shapes: in ``crs``, or in that of the scene; in pixels of the scene where it has none.
            crs: of the geometries where it is another one than the scene's.

        Raises:
            InputError: a CRS is missing on one side, or the geometries lie where it is not defined.
        """
        if self.crs is None or self.lonlat is None:
            if crs is not None and (self.crs is None or not self.crs.equals(crs)):
                raise InputError(
                    "the scene has no coordinate system on the Earth, the layer has one",
                    hint="Give a raster with a CRS, or a layer in the same pixels.",
                )
            sign = -1.0 if self.crs is None else 1.0
            return _moved(shapes, lambda xy: xy * [self.unit_m, sign * self.unit_m])
        source = self.crs if crs is None else crs
        dense = straight_pieces(unwrapped(shapes) if source.is_geographic else shapes, source)
        if self.wide:
            return _moved(dense, lambda xy: transform_points(xy, source, self.lonlat))
        return _moved(dense, lambda xy: self._placed(xy, source))

    def _placed(self, points: Floats, source: CRS) -> Floats:
        """Points (P, 2) of a CRS in the plane; many of them through a polynomial that agrees with PROJ."""
        proj, lonlat = self._proj, self.lonlat
        assert proj is not None
        assert lonlat is not None

        def move(xy: Floats) -> Floats:
            return np.stack(proj(*transform_points(xy, source, lonlat).T), axis=1)

        # A change of datum may depend on grids, which are not smooth.
        if len(points) < WORTH_POINTS or not lonlat.equals(lonlat_crs(source)):
            return move(points)
        x, y = points.T
        bounds = np.array([x.min(), y.min(), x.max(), y.max()])
        if np.isfinite(bounds).all():
            try:
                chart = Chart.of(move, bounds)
            except OutputError:
                chart = None  # a corner around the points lies where the CRS is not defined
            if chart is not None:
                return chart(points)
        return move(points)

    def project(self, shapes_lonlat: Shapes) -> Shapes:
        """Geometries in longitude and latitude of the scene's ellipsoid, laid into the plane."""
        assert self.lonlat is not None
        return _moved(shapes_lonlat, lambda xy: self._placed(xy, self.lonlat))

    def to_lonlat(self, points: Floats) -> Floats:
        """Points (P, 2) of the plane as longitude and latitude."""
        if self.wide or self._proj is None:
            return points
        return np.stack(self._proj(points[:, 0], points[:, 1], inverse=True), axis=1)

    def parts(self, shapes: Shapes) -> Iterator[tuple[Indexes, Ground]]:
        """Indexes of neighbouring shapes with the plane to measure them in; one part unless the scene is wide."""
        everything = np.arange(len(shapes), dtype=np.int64)
        if not self.wide or not len(shapes):
            yield everything, self
            return
        assert self.lonlat is not None
        lon, lat = _anchor(shapes).T
        row = np.floor(lat / CELL_DEGREES)
        width = CELL_DEGREES / np.maximum(np.cos(np.radians((row + 0.5) * CELL_DEGREES)), 0.01)
        column = np.floor(lon / width)
        keys, cell = np.unique(np.stack([row, column]), axis=1, return_inverse=True)
        order = np.argsort(cell.reshape(-1), kind="stable")
        edges = np.searchsorted(cell.reshape(-1)[order], np.arange(keys.shape[1] + 1))
        for number in range(keys.shape[1]):
            members = order[edges[number] : edges[number + 1]]
            middle = _middle(np.stack([lon[members], lat[members]], axis=1))
            local = Ground(
                unit="m", crs=self.crs, lonlat=self.lonlat, middle=middle, _proj=_equidistant(self.lonlat, middle)
            )
            yield members.astype(np.int64), local

    def local(self, part: Ground, shapes: Shapes) -> Shapes:
        """Shapes of this ground in the plane of one of its parts."""
        return shapes if part is self else part.project(shapes)

    def facing(
        self, shapes: Shapes, others: Shapes, reach: float
    ) -> Iterator[tuple[Indexes, Indexes, Ground, Shapes, Shapes]]:
        """As ``parts``, with the others that may be within ``reach`` of them.

        Yields:
            Indexes of the shapes, indexes of the others (in order), the plane, and both in that plane.
        """
        everything = np.arange(len(others), dtype=np.int64)
        around = Neighbourhood(others) if self.wide and np.isfinite(reach) else None
        for members, part in self.parts(shapes):
            near = everything if around is None else around.within(shapes[members], reach)
            yield members, near, part, self.local(part, shapes[members]), self.local(part, others[near])


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Measures of N outlines in metres (pixels without a CRS); NaN where a kind of geometry has none."""

    area: Floats
    """Of polygons, on the ellipsoid."""
    length: Floats
    """The longer side of the least rectangle around a polygon; the length of a line."""
    width: Floats
    """The shorter side of that rectangle."""
    perimeter: Floats
    bearing: Floats
    """Of the longer side, degrees clockwise from the upward direction of the plane, in [0, 180)."""


def sizes(ground: Ground, shapes: Shapes) -> Sizes:
    """Measure outlines (N,) that were laid into ``ground``."""
    out = {name: np.full(len(shapes), np.nan) for name in ("area", "length", "width", "perimeter", "bearing")}
    for index, part in ground.parts(shapes):
        local = ground.local(part, shapes[index])
        dimension = shapely.get_dimensions(local)
        areal, linear = dimension == 2, dimension == 1
        out["area"][index] = np.where(areal, shapely.area(local) / _area_scale(part, local), np.nan)
        out["perimeter"][index] = np.where(dimension >= 1, shapely.length(local), np.nan)
        long, short, bearing = sides(local)
        out["length"][index] = np.where(areal, long, np.where(linear, shapely.length(local), np.nan))
        out["width"][index] = np.where(areal, short, np.nan)
        out["bearing"][index] = np.where(dimension >= 1, bearing, np.nan)
    return Sizes(**out)


def nearest(
    ground: Ground,
    shapes: Shapes,
    others: Shapes,
    *,
    ids: tuple[Indexes, Indexes] | None = None,
    limit: float | None = None,
) -> tuple[Floats, Indexes]:
    """The distance (N,) of each outline to the nearest of the others, and the index (N,) of that one.

    Distances are between outlines: 0 where they touch or overlap. Infinite, with index -1, where there is none (within
    ``limit``).

    Args:
        ground: where both were laid.
        shapes: (N,).
        others: (M,).
        ids: identities (N,) and (M,): what has the same is the same thing, and no neighbour of itself.
        limit: others farther away do not matter.
    """
    gap, index = np.full(len(shapes), np.inf), np.full(len(shapes), -1, np.int64)
    if not len(shapes) or not len(others) or (limit is not None and limit < 0):
        return gap, index
    todo = np.arange(len(shapes), dtype=np.int64)
    for reach in (NEIGHBOURHOOD_M, np.inf) if ground.wide and limit is None else (np.inf if limit is None else limit,):
        for some, near, part, mine, theirs in ground.facing(shapes[todo], others, reach):
            members = todo[some]
            own = None if ids is None else (ids[0][members], ids[1][near])
            found, at = nearest_in_plane(mine, theirs, ids=own, limit=limit)
            if part.lonlat is not None:
                far = np.flatnonzero(np.isfinite(found) & (found > COMPACT_M / 10))
                if len(far):  # the plane is true from its middle; between two far points the geodesic is
                    found[far] = _geodesic_gap(part, mine[far], theirs[at[far]])
            sure = np.flatnonzero((at >= 0) & ((found <= reach) | (limit is not None)))
            gap[members[sure]], index[members[sure]] = found[sure], near[at[sure]]
        todo = np.flatnonzero(index < 0)
        if not len(todo):
            break
    return gap, index


def pairs_within(
    ground: Ground, shapes: Shapes, others: Shapes, distance: float, *, ids: tuple[Indexes, Indexes] | None = None
) -> tuple[Indexes, Indexes]:
    """All pairs (P,), (P,) whose outlines are at most ``distance`` apart, ordered by the first, then the second.

    Args: as for ``nearest``.
    """
    first, second = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    if distance >= 0 and len(others):
        for members, near, _, mine, theirs in ground.facing(shapes, others, distance):
            own = None if ids is None else (ids[0][members], ids[1][near])
            one, two = pairs_in_plane(mine, theirs, distance, ids=own)
            first.append(members[one])
            second.append(near[two])
    one, two = np.concatenate(first), np.concatenate(second)
    order = np.lexsort((two, one))
    return one[order], two[order]


def shared(ground: Ground, shapes: Shapes, others: Shapes, one: Indexes, two: Indexes) -> Floats:
    """The share (P,) of the first of each pair that lies in the second: of its area, its length, 0 or 1 of a point."""
    out = np.zeros(len(one))
    for part_members, part in ground.parts(shapes):
        chosen = np.flatnonzero(np.isin(one, part_members)) if ground.wide else np.arange(len(one))
        if not len(chosen):
            continue
        a, b = ground.local(part, shapes[one[chosen]]), ground.local(part, others[two[chosen]])
        covered = shapely.covers(b, a)
        common = np.zeros(len(chosen))
        rest = np.flatnonzero(~covered)
        both = shapely.intersection(_valid(a[rest]), _valid(b[rest]))
        areal = shapely.get_dimensions(a[rest]) == 2
        whole = np.where(areal, shapely.area(a[rest]), shapely.length(a[rest]))
        inside = np.where(
            areal, shapely.area(both), np.where(shapely.get_dimensions(b[rest]) == 2, shapely.length(both), 0)
        )
        common[rest] = np.divide(inside, whole, out=np.zeros(len(rest)), where=whole > 0)
        common[covered] = 1.0
        out[chosen] = common
    return out


def bearings(ground: Ground, start: Floats, end: Floats) -> Floats:
    """Bearings (P,) from points (P, 2) of the plane to others, degrees clockwise from true north, in [0, 360).

    Without a CRS they are from the upward direction of the image.
    """
    geod = ground.geod
    if geod is None:
        step = end - start
        return np.degrees(np.arctan2(step[:, 0], step[:, 1])) % 360.0
    a, b = ground.to_lonlat(start), ground.to_lonlat(end)
    forward, _, _ = geod.inv(a[:, 0], a[:, 1], b[:, 0], b[:, 1])
    return np.asarray(forward, np.float64) % 360.0


def centres(shapes: Shapes) -> Floats:
    """Centroids (N, 2)."""
    points = shapely.centroid(shapes)
    return np.stack([shapely.get_x(points), shapely.get_y(points)], axis=1)


def _geodesic_gap(part: Ground, mine: Shapes, theirs: Shapes) -> Floats:
    ends = shapely.get_coordinates(shapely.shortest_line(mine, theirs)).reshape(-1, 2, 2)
    a, b = part.to_lonlat(ends[:, 0]), part.to_lonlat(ends[:, 1])
    geod = part.geod
    assert geod is not None
    return np.asarray(geod.inv(a[:, 0], a[:, 1], b[:, 0], b[:, 1])[2], np.float64)


def _area_scale(part: Ground, shapes: Shapes) -> Floats:
    """How much larger an area is drawn in the plane than it is: c / sin c at c radians from the middle."""
    if part.lonlat is None:
        return np.ones(len(shapes))
    bounds = shapely.bounds(shapes)
    away = np.hypot(*((bounds[:, :2] + bounds[:, 2:]) / 2).T) / EARTH_RADIUS_M
    return np.asarray(1.0 / np.sinc(np.nan_to_num(away) / np.pi), np.float64)


def _equidistant(lonlat: CRS, middle: tuple[float, float]) -> Proj:
    """The azimuthal equidistant plane on the ellipsoid, true in all directions from its middle."""
    geod = lonlat.get_geod() or Geod(ellps="WGS84")
    return Proj(proj="aeqd", lon_0=middle[0], lat_0=middle[1], a=geod.a, b=geod.b)


def _middle(points_lonlat: Floats) -> tuple[float, float]:
    """The middle of points on the sphere, through their mean in space: right across the antimeridian and at poles."""
    lon, lat = np.radians(points_lonlat).T
    x, y, z = (np.cos(lat) * np.cos(lon)).mean(), (np.cos(lat) * np.sin(lon)).mean(), np.sin(lat).mean()
    return float(np.degrees(np.arctan2(y, x))), float(np.degrees(np.arctan2(z, np.hypot(x, y))))


def _arc_m(one: Floats, other: Floats) -> Floats:
    """Distances on the sphere between points of longitude and latitude (haversine)."""
    lon_1, lat_1 = np.radians(one).T
    lon_2, lat_2 = np.radians(other).T
    half = np.sin((lat_2 - lat_1) / 2) ** 2 + np.cos(lat_1) * np.cos(lat_2) * np.sin((lon_2 - lon_1) / 2) ** 2
    return np.asarray(2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.clip(half, 0, 1))), np.float64)


def _anchor(shapes: Shapes) -> Floats:
    """A point of each shape (N, 2)."""
    points, owner = shapely.get_coordinates(shapes, return_index=True)
    return np.asarray(points[np.searchsorted(owner, np.arange(len(shapes)))], np.float64)


def _moved(shapes: Shapes, move: object) -> Shapes:
    return np.asarray(shapely.transform(shapes, move), object) if len(shapes) else shapes


def _valid(shapes: Shapes) -> Shapes:
    bad = ~shapely.is_valid(shapes)
    if not bad.any():
        return shapes
    mended = shapes.copy()
    mended[bad] = shapely.make_valid(shapes[bad])
    return mended
