"""Bands of several files as one raster: a VRT that exists only as text, and that GDAL opens as it is.

A VRT makes GDAL open what it names, with any driver. So every file is opened before, with the one driver that it may
have, and nothing but the addresses and paths that were checked then stand in the text. The grid is that of the finest
band. Scale and offset of the item make values what they mean (reflectance, kelvin); 8-bit colour stays as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

import geogrounding._gdal  # noqa: F401  (must run before rasterio registers GDAL's drivers)

# isort: split
import numpy as np
import rasterio.crs
from affine import Affine
from rasterio.errors import CRSError

from geogrounding.errors import MissingCRSError, SceneError
from geogrounding.messages import shorten
from geogrounding.raster.fingerprint import fingerprint_of
from geogrounding.raster.handle import environment, gdal_errors, open_handle
from geogrounding.raster.overviews import check_blocks, check_sidecars
from geogrounding.raster.security import WHOLE_IMAGE_DRIVERS, Location, check_dimensions
from geogrounding.sources.items import ItemBand

_TYPES = {
    "uint8": "Byte", "int8": "Int8", "uint16": "UInt16", "int16": "Int16", "uint32": "UInt32", "int32": "Int32",
    "uint64": "UInt64", "int64": "Int64", "float32": "Float32", "float64": "Float64",
}  # fmt: skip
ALIGNED = 1e-6
"""Two pixel sizes or corners that differ by less than this share of a pixel are the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a file says of itself."""

    location: Location
    width: int
    height: int
    count: int
    dtypes: tuple[str, ...]
    nodata: tuple[float | None, ...]
    blocks: tuple[tuple[int, int], ...]
    colours: tuple[str, ...]
    crs: rasterio.crs.CRS | None
    transform: Affine
    masked: bool
    """Whether it has a mask of its own."""
    by_points: bool
    """Whether ground control points place it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedBand:
    """A band of the raster that is made."""

    facts: Facts
    number: int
    """1-based, in its file."""
    described: ItemBand
    name: str


def look_at(location: Location, options: Mapping[str, str]) -> Facts:
    """Open a file with its one driver and note what it is.

    Raises:
        SceneError: it cannot be opened, or is refused as any raster would be.
    """
    with (
        gdal_errors(f"{location.name} cannot be opened"),
        environment(location),
        open_handle(location, options) as handle,
    ):
        dataset = handle.dataset
        check_sidecars(dataset, location)
        check_dimensions(width=dataset.width, height=dataset.height, bands=dataset.count, what=location.name)
        check_blocks(dataset, location.name, dataset.driver in WHOLE_IMAGE_DRIVERS)
        return Facts(
            location=location,
            width=dataset.width,
            height=dataset.height,
            count=dataset.count,
            dtypes=tuple(dataset.dtypes),
            nodata=tuple(dataset.nodatavals),
            blocks=tuple(dataset.block_shapes),
            colours=tuple(kind.name for kind in dataset.colorinterp),
            crs=dataset.crs,
            transform=dataset.transform,
            masked=any(flag.name == "per_dataset" for flag in dataset.mask_flag_enums[0]),
            by_points=not dataset.crs and bool(dataset.gcps[0]),
        )


def join(
    bands: Sequence[JoinedBand], *, name: str, source: str, crs: str | None, transform: Sequence[float] | None
) -> Location:
    """One raster from bands of one or several files.

    Args:
        bands: in the order of the raster.
        name: of the scene.
        source: what the user named.
        crs: where the files do not say it.
        transform: of the finest band, where the files do not say it.

    Raises:
        MissingCRSError: neither files nor item say where it lies.
        SceneError: the files lie in different coordinate systems or on rotated grids, or their types cannot be joined.
    """
    best = min((band.facts for band in bands), key=lambda facts: _pixel_area(facts))
    grid = _grid(best, name, crs, transform)
    dtype = _dtype(bands, name)
    text = [f'<VRTDataset rasterXSize="{best.width}" rasterYSize="{best.height}">', f"<SRS>{escape(grid.wkt)}</SRS>"]
    text.append(f"<GeoTransform>{', '.join(map(repr, grid.transform.to_gdal()))}</GeoTransform>")
    for place, band in enumerate(bands, 1):
        text.append(_band(place, band, dtype, best, grid, name))
    if bands[0].facts.masked:
        where = _source_file(bands[0].facts)
        text.append(
            '<MaskBand><VRTRasterBand dataType="Byte"><SimpleSource>'
            f"{where}<SourceBand>mask,{bands[0].number}</SourceBand>{_rects(bands[0].facts, best, grid, name)}"
            "</SimpleSource></VRTRasterBand></MaskBand>"
        )
    text.append("</VRTDataset>")
    parts = sorted({_identity(band.facts.location) for band in bands})
    layout = [(band.number, band.described, band.name) for band in bands]
    return Location(
        path="".join(text),
        drivers=["VRT"],
        remote=any(band.facts.location.remote for band in bands),
        name=name,
        source=source,
        identity=hashlib.sha256(repr((parts, layout)).encode()).hexdigest(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grid:
    wkt: str
    crs: rasterio.crs.CRS
    transform: Affine


def _grid(best: Facts, name: str, crs: str | None, transform: Sequence[float] | None) -> _Grid:
    own, placed = best.crs, best.transform
    if best.by_points:
        raise SceneError(
            f"{best.location.name} is placed by ground control points, and is one of several files of {name}",
            hint="Warp it first: gdalwarp in.tif out.tif",
        )
    if not own and crs is not None:
        try:
            own = rasterio.crs.CRS.from_user_input(crs)
        except CRSError:
            raise SceneError(f"the item {shorten(name)} names an unknown coordinate system {shorten(crs)!r}") from None
    if placed == Affine.identity() and transform is not None:
        placed = Affine(*transform)
    if not own or placed == Affine.identity():
        raise MissingCRSError(
            f"neither the item {shorten(name)} nor its files say where they lie",
            hint="An item says it by proj:code and proj:transform.",
        )
    return _Grid(wkt=own.to_wkt(), crs=own, transform=placed)


def _band(place: int, band: JoinedBand, dtype: str, best: Facts, grid: _Grid, name: str) -> str:
    facts, described = band.facts, band.described
    scaled = _is_scaled(band)
    nodata = _nodata_of(band)
    inner = f"{_source_file(facts)}<SourceBand>{band.number}</SourceBand>{_properties(band)}"
    inner += _rects(facts, best, grid, name)
    if scaled:
        inner += f"<ScaleOffset>{described.offset!r}</ScaleOffset><ScaleRatio>{described.scale!r}</ScaleRatio>"
    if nodata is not None and scaled:
        inner += f"<NODATA>{nodata!r}</NODATA>"
    coarse = facts.width != best.width or facts.height != best.height
    kind = "ComplexSource" if scaled else "SimpleSource"
    how = ' resampling="bilinear"' if coarse else ""
    rows, columns = facts.blocks[band.number - 1]
    size = "" if coarse else f' blockXSize="{min(columns, facts.width)}" blockYSize="{min(rows, facts.height)}"'
    out = f'<VRTRasterBand dataType="{dtype}" band="{place}"{size}>'
    if band.name:
        out += f"<Description>{escape(band.name)}</Description>"
    if nodata is not None:
        out += f"<NoDataValue>{'nan' if scaled else repr(nodata)}</NoDataValue>"
    interpretation = facts.colours[band.number - 1]
    if interpretation == "alpha":
        out += "<ColorInterp>Alpha</ColorInterp>"
    return f"{out}<{kind}{how}>{inner}</{kind}></VRTRasterBand>"


def _is_scaled(band: JoinedBand) -> bool:
    trivial = band.described.scale == 1.0 and band.described.offset == 0.0
    return not trivial and band.facts.dtypes[band.number - 1] != "uint8"


def _nodata_of(band: JoinedBand) -> float | None:
    """What the file says, else the item."""
    own = band.facts.nodata[band.number - 1]
    value = band.described.nodata if own is None else own
    if value is None or band.facts.colours[band.number - 1] == "alpha":
        return None
    return float(value)


def _dtype(bands: Sequence[JoinedBand], name: str) -> str:
    own = {band.facts.dtypes[band.number - 1] for band in bands}
    if any(_is_scaled(band) for band in bands):
        return "Float32"
    try:
        joined = str(np.result_type(*own))
    except TypeError:
        joined = ""
    if joined not in _TYPES:
        raise SceneError(f"the bands of {shorten(name)} cannot be joined: {', '.join(sorted(own))}")
    return _TYPES[joined]


def _rects(facts: Facts, best: Facts, grid: _Grid, name: str) -> str:
    """Which pixels of the file lie where in the raster."""
    own = facts.transform if facts.transform != Affine.identity() else grid.transform
    if facts.crs and facts.crs != grid.crs:
        raise SceneError(
            f"the bands of {shorten(name)} lie in different coordinate systems",
            hint="Warp them to one (gdalwarp -t_srs), or choose others: --assets KEY,KEY,KEY.",
        )
    relative = ~grid.transform @ own
    left, top = relative.c, relative.f
    wide, high = relative.a * facts.width, relative.e * facts.height
    turned = max(abs(relative.b) * facts.height, abs(relative.d) * facts.width)
    if turned > 0.01 or wide <= 0 or high <= 0:
        raise SceneError(
            f"the bands of {shorten(name)} lie on grids that are turned against each other",
            hint="Warp them to one grid (gdalwarp), or choose others: --assets KEY,KEY,KEY.",
        )
    left, top, wide, high = (
        round(v) if abs(v - round(v)) < ALIGNED * best.width else v for v in (left, top, wide, high)
    )
    return (
        f'<SrcRect xOff="0" yOff="0" xSize="{facts.width}" ySize="{facts.height}"/>'
        f'<DstRect xOff="{left!r}" yOff="{top!r}" xSize="{wide!r}" ySize="{high!r}"/>'
    )


def _properties(band: JoinedBand) -> str:
    """So that GDAL opens the file only when it is read."""
    facts = band.facts
    rows, columns = facts.blocks[band.number - 1]
    kind = _TYPES.get(facts.dtypes[band.number - 1], "Float64")
    return (
        f'<SourceProperties RasterXSize="{facts.width}" RasterYSize="{facts.height}" DataType="{kind}" '
        f'BlockXSize="{columns}" BlockYSize="{rows}"/>'
    )


def _source_file(facts: Facts) -> str:
    return f"<SourceFilename relativeToVRT={quoteattr('0')}>{escape(str(facts.location.path))}</SourceFilename>"


def _pixel_area(facts: Facts) -> float:
    return abs(facts.transform.determinant) if facts.transform != Affine.identity() else 1.0 / facts.width


def _identity(location: Location) -> str:
    if location.file is None:
        return location.identity or str(location.path)
    try:
        return fingerprint_of(location.file)
    except OSError as error:
        raise SceneError(f"{location.name} cannot be read: {error.strerror}") from None
