"""Where a raster lies: its CRS, its transform, and how large a pixel is on the ground."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import rasterio.crs
from affine import Affine
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, GeodError, ProjError
from rasterio.errors import CRSError as RasterioCRSError

from geogrounding.errors import AreaError, MissingCRSError, SceneError
from geogrounding.geometry.affine import apply_affine

PIXEL_HINT = (
    "For results in pixels add --pixel-coordinates (pixel_coordinates=True); "
    "to set a coordinate system: gdal_edit.py -a_srs EPSG:n in.tif"
)
IDENTITY = Affine.identity()
SQUARE_TOLERANCE = 0.03
"""Pixels whose sides differ by less than this share count as square: no model sees it, and resampling every pixel for
it would blur the image. A degree of longitude is 3% shorter than one of latitude 14 degrees from the equator."""


@dataclass(frozen=True, slots=True)
class PixelSize:
    """How large a scene pixel is on the ground, in metres along its columns and rows; None where unknown."""

    x_m: float | None = None
    y_m: float | None = None

    @property
    def square(self) -> bool:
        """Whether both sides are equally long (or unknown), within ``SQUARE_TOLERANCE``."""
        if self.x_m is None or self.y_m is None:
            return True
        return max(self.x_m, self.y_m) <= min(self.x_m, self.y_m) * (1.0 + SQUARE_TOLERANCE)

    @property
    def ground_resolution_m(self) -> float | None:
        """Metres per pixel that a scale of 1 stands for.

        The mean of both sides, or the finer one of a pixel that is not square, so that no detail is lost.
        """
        if self.x_m is None or self.y_m is None:
            return None
        return float(np.mean([self.x_m, self.y_m])) if self.square else min(self.x_m, self.y_m)

    @property
    def aspect(self) -> tuple[float, float]:
        """Scene pixels along x and y that cover ``ground_resolution_m`` metres; (1, 1) for square pixels."""
        reference_m = self.ground_resolution_m
        if self.square or reference_m is None or self.x_m is None or self.y_m is None:
            return 1.0, 1.0
        return reference_m / self.x_m, reference_m / self.y_m


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


def name_of_crs(crs: CRS) -> str:
    """Name of a CRS, with its code where that is certain: a code at PROJ's usual 70% confidence may lie elsewhere."""
    code = code_of_crs(crs)
    return crs.name if code is None else f"{code} {crs.name}"


def code_of_crs(crs: CRS) -> str | None:
    """Code such as EPSG:32633, where the CRS is exactly that one."""
    authority = crs.to_authority(min_confidence=100)
    return ":".join(authority) if authority else None


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


def pixel_size(crs: CRS, transform: Affine, centre_px: tuple[float, float]) -> PixelSize:
    """Size of a pixel on the ground around a place of a raster: one geodesic step along x and one along y.

    Works for geographic, projected and compound systems in any unit and on any body, since the steps are measured on
    the ellipsoid of the CRS itself (Karney's geodesics, through pyproj). Unknown where PROJ cannot place the centre.

    Args:
        crs: of the raster.
        transform: scene px to ``crs``.
        centre_px: the place, x and y in scene pixels.
    """
    centre_x_px, centre_y_px = centre_px
    x_px = np.array([centre_x_px - 0.5, centre_x_px + 0.5, centre_x_px, centre_x_px])
    y_px = np.array([centre_y_px, centre_y_px, centre_y_px - 0.5, centre_y_px + 0.5])
    x_crs, y_crs = apply_affine(transform, x_px, y_px)
    try:
        flat = crs.to_2d()
        geographic, geod = flat.geodetic_crs, flat.get_geod()
        if geographic is None or geod is None:
            return PixelSize()
        to_degrees = math.degrees(geographic.axis_info[0].unit_conversion_factor)
        transformer = Transformer.from_crs(flat, geographic, always_xy=True)
        lon, lat = transformer.transform(x_crs, y_crs)
        lon, lat = np.asarray(lon) * to_degrees, np.asarray(lat) * to_degrees
        if not (np.isfinite(lon).all() and np.isfinite(lat).all() and (np.abs(lat) <= 90).all()):
            return PixelSize()
        _, _, steps_m = geod.inv(lon[[0, 2]], lat[[0, 2]], lon[[1, 3]], lat[[1, 3]])
    except (CRSError, ProjError, GeodError, IndexError):
        return PixelSize()
    x_m, y_m = (float(step) for step in steps_m)
    return PixelSize(x_m, y_m) if math.isfinite(x_m + y_m) and x_m > 0 and y_m > 0 else PixelSize()


def window_of_box(to_px: Affine, bbox_crs: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
    """The pixels (x0, y0, x1, y1) around a box (xmin, ymin, xmax, ymax) in a CRS.

    Args:
        to_px: from the CRS to scene px.
        bbox_crs: the box.

    Raises:
        AreaError: a value of the box is not a finite number.
    """
    xmin, ymin, xmax, ymax = bbox_crs
    x, y = apply_affine(to_px, np.array([xmin, xmax, xmax, xmin]), np.array([ymin, ymin, ymax, ymax]))
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise AreaError("the box has a value that is not a number")
    # Rounding noise must not add a row: a pixel counts when more than a thousandth of it is inside.
    low_x, low_y = math.floor(x.min() + 1e-3), math.floor(y.min() + 1e-3)
    return low_x, low_y, math.ceil(x.max() - 1e-3), math.ceil(y.max() - 1e-3)
