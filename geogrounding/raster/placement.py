"""Where a raster says that it lies: its CRS and transform, ground control points, world files, .prj files, RPCs.

What is stated in several places is used as GDAL does (side-car .aux.xml, then the transform in the file, then a world
file, then ground control points), and a world file that contradicts the file is named. What only another program can
use (rational polynomials, geolocation arrays) is named with the command for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio.crs
from affine import Affine
from rasterio.errors import CRSError, RasterioError

from geogrounding.errors import MissingCRSError, SceneError
from geogrounding.geometry.affine import apply_affine
from geogrounding.raster.georeference import IDENTITY, PIXEL_HINT
from geogrounding.raster.handle import open_handle
from geogrounding.raster.security import Location

WORLD_FILE_SUFFIXES = (".tfw", ".tifw", ".tiffw", ".wld")
CONTRADICTION_PX = 0.5
"""A world file that moves a corner by more than this many pixels is named."""
MAX_PRJ_BYTES = 64 * 1024
RPC_HINT = (
    "It is placed only by rational polynomials (RPC), which need the height of the ground. Warp it with an elevation "
    "model first: gdalwarp -rpc -to RPC_DEM=dem.tif -t_srs EPSG:n in.tif out.tif. " + PIXEL_HINT.split(";")[0] + "."
)
GEOLOCATION_HINT = (
    "It is placed only by geolocation arrays. Warp it first: gdalwarp -geoloc -t_srs EPSG:n in.tif out.tif. "
    + PIXEL_HINT.split(";")[0]
    + "."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """What places a raster."""

    crs: rasterio.crs.CRS | None
    """Of the transform, or of the ground control points."""
    by_points: bool = False
    """True where ground control points place it, so that it must be warped to a regular grid."""
    notices: tuple[str, ...] = ()


def find_placement(dataset: Any, location: Location, options: Mapping[str, str]) -> Placement:
    """What places an open raster.

    Raises:
        MissingCRSError: nothing says in which CRS it lies.
        SceneError: it has a CRS, but only rational polynomials or geolocation arrays say where in it.
    """
    points, points_crs = dataset.gcps
    placed = dataset.transform != IDENTITY
    notices = _contradictions(dataset, location, options) if placed else ()
    crs = dataset.crs or points_crs or None
    if crs is None and (placed or points):
        crs, beside = _prj(location)
        if crs is not None:
            notices = (*notices, f"the coordinate system is that of {beside}")
    if not placed and points:
        if crs is None:
            raise MissingCRSError(
                f"the ground control points of {location.name} have no coordinate system", hint=PIXEL_HINT
            )
        exact = "; its RPCs, which are more exact with an elevation model, are not used" if dataset.rpcs else ""
        notice = f"{location.name} is placed by {len(points)} ground control points{exact}"
        return Placement(crs=crs, by_points=True, notices=(*notices, notice) if exact else notices)
    if not placed:
        _name_other_ways(dataset, location.name)
    return Placement(crs=crs, notices=notices)


def _name_other_ways(dataset: Any, name: str) -> None:
    """Raise an error that names what places the raster, where it is something that is not read here."""
    if dataset.rpcs is not None:
        raise MissingCRSError(f"{name} has no transform, only rational polynomials (RPC)", hint=RPC_HINT)
    if dataset.tags(ns="GEOLOCATION"):
        raise SceneError(f"{name} has no transform, only geolocation arrays", hint=GEOLOCATION_HINT)


def _prj(location: Location) -> tuple[rasterio.crs.CRS | None, str]:
    """The CRS of a .prj file beside a raster, as ESRI's programs write it; GDAL reads it for few formats."""
    path = location.file
    if path is None:
        return None, ""
    for beside in (path.with_suffix(".prj"), path.with_name(path.name + ".prj")):
        try:
            if beside.is_file() and beside.stat().st_size <= MAX_PRJ_BYTES:
                wkt = beside.read_text(encoding="utf-8-sig").strip()
                return rasterio.crs.CRS.from_wkt(wkt), beside.name
        except (OSError, UnicodeDecodeError, CRSError, ValueError):
            continue
    return None, ""


def _contradictions(dataset: Any, location: Location, options: Mapping[str, str]) -> tuple[str, ...]:
    """A notice where a world file and the TIFF itself place the raster differently."""
    path = location.file
    if path is None or dataset.driver != "GTiff" or "GEOREF_SOURCES" in options:
        return ()
    worlds = [file for suffix in WORLD_FILE_SUFFIXES if (file := path.with_suffix(suffix)).is_file()]
    if not worlds:
        return ()
    try:
        by_world = _read_world(worlds[0])
        with open_handle(location, {**options, "GEOREF_SOURCES": "INTERNAL"}) as inside:
            own, points = inside.dataset.transform, inside.dataset.gcps[0]
    except (OSError, ValueError, RasterioError):
        return ()
    if own != IDENTITY:
        corners = np.array([[0, 0], [dataset.width, 0], [0, dataset.height], [dataset.width, dataset.height]], float)
        there = apply_affine(own, corners[:, 0], corners[:, 1])
    elif points:
        corners = np.array([[point.col, point.row] for point in points])
        there = np.array([point.x for point in points]), np.array([point.y for point in points])
    else:
        return ()
    if by_world.is_degenerate:
        return ()
    back = np.column_stack(apply_affine(~by_world, *there))
    apart_px = float(np.abs(back - corners).max())
    if apart_px <= CONTRADICTION_PX:
        return ()
    used = worlds[0].name if np.allclose(tuple(dataset.transform), tuple(by_world)) else "the file itself"
    return (f"{location.name} and {worlds[0].name} place the scene {apart_px:,.0f} pixels apart; {used} is used",)


def _read_world(path: Path) -> Affine:
    """The transform of a world file: six lines, for the centre of the first pixel."""
    a, d, b, e, c, f = (float(line.replace(",", ".")) for line in path.read_text().split()[:6])
    return Affine(a, b, c - (a + b) / 2, d, e, f - (d + e) / 2)
