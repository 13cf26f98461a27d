"""A plane in metres around a place in the scene, so that lengths, right angles and circles are true on the ground.

Pixels of a scene in degrees, or in Web Mercator far from the equator, are no squares of a known size. Around one place
they are parallelograms, which a 2 x 2 matrix turns into metres; the error grows with the square of the distance from
that place, over the radius of the Earth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from geogrounding.geometry.geodesy import transform_points

if TYPE_CHECKING:
    from affine import Affine

LEAST_REACH_PX = 1.0


def metres_per_pixel(
    centres_scene_px: NDArray[np.float64],
    transform: Affine,
    crs: CRS | None,
    *,
    reach_px: float | NDArray[np.float64] = LEAST_REACH_PX,
) -> NDArray[np.float64]:
    """Matrices (N, 2, 2) that turn steps in scene pixels (x right, y down) into metres around each centre (N, 2).

    The steps are measured through geocentric coordinates on the ellipsoid of ``crs``, so a pole or the antimeridian is
    a place like any other. The plane is turned so that a step along the rows of the scene stays on its x axis; only
    lengths and angles have a meaning there.

    Args:
        centres_scene_px: x, y.
        transform: scene pixels to ``crs``.
        crs: None for a scene without one: a pixel then counts as a square metre. A local (engineering) CRS is a plane.
        reach_px: half the length over which a step is measured, (N,) or one for all.

    Raises:
        OutputError: a centre lies where the CRS is not defined.
    """
    count = len(centres_scene_px)
    if crs is None:
        return np.broadcast_to(np.eye(2), (count, 2, 2)).copy()
    a, b, c, d, e, f = (float(value) for value in tuple(transform)[:6])
    linear = np.array([[a, b], [d, e]])
    geodetic = crs.geodetic_crs
    if geodetic is None:
        unit_m = float(crs.axis_info[0].unit_conversion_factor) if crs.axis_info else 1.0
        steps = np.broadcast_to((linear * unit_m).T, (count, 2, 2))
        return _upper(np.einsum("nik,njk->nij", steps, steps))
    reach = np.broadcast_to(np.maximum(reach_px, LEAST_REACH_PX), (count,))
    steps_m = np.empty((count, 2, 3))
    for axis in range(2):
        step = np.zeros((count, 2))
        step[:, axis] = reach
        ends = []
        for sign in (1.0, -1.0):
            points = (centres_scene_px + sign * step) @ linear.T + [c, f]
            ends.append(_geocentric(points, crs))
        steps_m[:, axis] = (ends[0] - ends[1]) / (2.0 * reach)[:, None]
    return _upper(np.einsum("nik,njk->nij", steps_m, steps_m))


def _geocentric(points_crs: NDArray[np.float64], crs: CRS) -> NDArray[np.float64]:
    """X, Y, Z (N, 3) in metres on the ellipsoid of the CRS."""
    geodetic = crs.geodetic_crs
    geographic = CRS.from_epsg(4326) if geodetic is None or geodetic.is_geocentric else geodetic.to_2d()
    lonlat = np.radians(transform_points(points_crs, crs, geographic))
    ellipsoid = geographic.ellipsoid
    major = 6_378_137.0 if ellipsoid is None else float(ellipsoid.semi_major_metre)
    minor = 6_356_752.314245 if ellipsoid is None else float(ellipsoid.semi_minor_metre)
    flat = 1.0 - (minor / major) ** 2
    longitude, latitude = lonlat.T
    normal = major / np.sqrt(1.0 - flat * np.sin(latitude) ** 2)
    return np.stack(
        [
            normal * np.cos(latitude) * np.cos(longitude),
            normal * np.cos(latitude) * np.sin(longitude),
            normal * (1.0 - flat) * np.sin(latitude),
        ],
        axis=1,
    )


def _upper(gram: NDArray[np.float64]) -> NDArray[np.float64]:
    """Upper triangular matrices (N, 2, 2) whose columns have these scalar products (Cholesky, transposed)."""
    factor = np.linalg.cholesky(gram).astype(np.float64, copy=False)
    upper: NDArray[np.float64] = np.swapaxes(factor, 1, 2)
    return upper
