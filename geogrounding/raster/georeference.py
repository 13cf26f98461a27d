"""Where a raster lies: its CRS, its transform, and how large a pixel is on the ground."""

from __future__ import annotations

import math

import numpy as np
import rasterio.crs
from affine import Affine
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, GeodError, ProjError
from rasterio.errors import CRSError as RasterioCRSError

from geogrounding.errors import MissingCRSError, SceneError

PIXEL_HINT = (
    "For results in pixels add --pixel-coordinates (pixel_coordinates=True); "
    "to set a coordinate system: gdal_edit.py -a_srs EPSG:n in.tif"
)
IDENTITY = Affine.identity()


def to_pyproj(crs: rasterio.crs.CRS | None, name: str) -> CRS | None:
    """The same CRS for pyproj, through WKT 2, so that custom and compound systems survive; None where there is none.

    Raises:
        SceneError: PROJ cannot read what the raster declares.
    """
    if crs is None or not crs:
        return None
    for version in ("WKT2_2019", None):
        try:
            return CRS.from_wkt(crs.to_wkt(version=version) if version else crs.to_wkt())
        except (CRSError, RasterioCRSError, ValueError):
            continue
    raise SceneError(f"the coordinate system of {name} cannot be understood", hint=PIXEL_HINT)


def check_georeference(crs: CRS | None, transform: Affine, name: str) -> CRS:
    """The CRS, once it and the transform can carry a result.

    Raises:
        MissingCRSError: there is no CRS.
        SceneError: the transform is missing (identity), not finite or flat.
    """
    if crs is None:
        raise MissingCRSError(f"{name} has no coordinate system", hint=PIXEL_HINT)
    if not all(math.isfinite(v) for v in transform[:6]):
        raise SceneError(f"the transform of {name} is not finite", hint=PIXEL_HINT)
    if tuple(transform[:6]) == tuple(IDENTITY[:6]):
        raise SceneError(
            f"{name} has a coordinate system but no transform: nothing says where its pixels lie",
            hint="Set its corners (gdal_edit.py -a_ullr ulx uly lrx lry in.tif). " + PIXEL_HINT,
        )
    a, b, _, d, e, _ = transform[:6]
    if abs(a * e - b * d) <= 1e-12 * max(abs(a), abs(b), abs(d), abs(e)) ** 2:
        raise SceneError(f"the transform of {name} is flat: its pixels have no area", hint=PIXEL_HINT)
    return crs


def ground_resolution(crs: CRS, transform: Affine, width: int, height: int) -> float | None:
    """Metres per pixel at the centre of a raster: the mean of one geodesic step along x and one along y.

    Works for geographic, projected and compound systems in any unit and on any body, since the steps are measured on
    the ellipsoid of the CRS itself (Karney's geodesics, through pyproj). None where PROJ cannot place the centre.
    """
    centre_x_px, centre_y_px = width / 2, height / 2
    x_px = np.array([centre_x_px - 0.5, centre_x_px + 0.5, centre_x_px, centre_x_px])
    y_px = np.array([centre_y_px, centre_y_px, centre_y_px - 0.5, centre_y_px + 0.5])
    a, b, c, d, e, f = transform[:6]
    try:
        flat = crs.to_2d()
        geographic, geod = flat.geodetic_crs, flat.get_geod()
        if geographic is None or geod is None:
            return None
        to_degrees = math.degrees(geographic.axis_info[0].unit_conversion_factor)
        transformer = Transformer.from_crs(flat, geographic, always_xy=True)
        lon, lat = transformer.transform(a * x_px + b * y_px + c, d * x_px + e * y_px + f)
        lon, lat = np.asarray(lon) * to_degrees, np.asarray(lat) * to_degrees
        if not (np.isfinite(lon).all() and np.isfinite(lat).all() and (np.abs(lat) <= 90).all()):
            return None
        _, _, steps_m = geod.inv(lon[[0, 2]], lat[[0, 2]], lon[[1, 3]], lat[[1, 3]])
    except (CRSError, ProjError, GeodError, IndexError):
        return None
    mean_m = float(np.mean(steps_m))
    return mean_m if math.isfinite(mean_m) and mean_m > 0 else None
