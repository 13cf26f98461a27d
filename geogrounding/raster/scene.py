"""An opened raster: where it lies, what its bands mean, and how to get more handles on it for threads."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS

from geogrounding.errors import AreaError, MissingCRSError, SceneError, SettingsError
from geogrounding.geometry.affine import apply_affine
from geogrounding.geometry.operation import Operation, find_operation
from geogrounding.raster import security
from geogrounding.raster.handle import Handle, check_options, environment, gdal_errors, open_handle

# isort: split
from rasterio.windows import Window

from geogrounding.raster import georeference
from geogrounding.raster.fingerprint import fingerprint_of_scene
from geogrounding.raster.georeference import PixelSize
from geogrounding.raster.grid import ChipGrid
from geogrounding.raster.overviews import Source, block_shape, check_blocks, check_sidecars, find_overviews
from geogrounding.raster.pixels import BandPlan, Raw, Valid, plan_bands, read_raw
from geogrounding.raster.placement import Placement, find_placement
from geogrounding.raster.security import Location, check_dimensions
from geogrounding.raster.stretch import Stretch, compute_stretch
from geogrounding.raster.tiling import Tiling


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """A raster that is safe to read and knows where it lies. Built by ``Scene.open``; a context manager.

    Frames: ``scene px`` are pixels of the full-resolution raster (warped, where it has only ground control points).
    """

    source: str
    """As given."""
    name: str
    """File name without folder."""
    width: int
    height: int
    crs: CRS | None
    """None only for pixel coordinates."""
    transform: Affine
    """Scene px to CRS; the identity (y down) for pixel coordinates."""
    bands: tuple[int, ...]
    """1-based indexes of the bands that become red, green and blue (or grey, if one)."""
    band_count: int
    dtype: str
    nodata: float | int | None
    """Of the first chosen band; None where there is none, or where the type cannot hold it."""
    pixel_size: PixelSize
    """Of a pixel at the centre, on the ground."""
    driver: str
    plan: BandPlan = field(repr=False)
    sources: tuple[Source, ...] = field(repr=False)
    """Full resolution first, then usable overviews, finer ones first."""
    notices: tuple[str, ...] = ()
    """What a user should know about where the scene lies."""
    _location: Location = field(repr=False)
    _open_options: Mapping[str, str] = field(repr=False)
    _warp_crs: Any = field(default=None, repr=False)
    """CRS of the ground control points that are turned into a regular grid; None where there is nothing to warp."""
    _own: list[Handle] = field(default_factory=list, repr=False)

    @classmethod
    def open(
        cls,
        source: str | os.PathLike[str] | Location,
        *,
        bands: Sequence[int] | None = None,
        nodata: float | None = None,
        alpha: int | None = None,
        pixel_coordinates: bool = False,
        allow_remote: bool = False,
        trusted_folders: Iterable[str | os.PathLike[str]] = (),
        open_options: Mapping[str, str] | None = None,
    ) -> Scene:
        """Open a raster after checking that it is safe to (see raster/security.py).

        Args:
            source: path of a raster; a URL where ``allow_remote`` is set; or a place that was checked already.
            bands: 1-based, one or three; None goes by names, colour interpretation and wavelengths (raster/bands.py).
            nodata: a value that means "no data", in place of what the file declares.
            alpha: 1-based band of opacity, 0 for none; None is the declared one, but none where ``bands`` are given.
            pixel_coordinates: results in pixels: ``crs`` is None and ``transform`` the identity, whatever the
                file declares.
            allow_remote: permit network access.
            trusted_folders: folders whose VRT files may be followed.
            open_options: GDAL open options of the driver (``--oo``).

        Raises:
            SceneError: the file cannot be opened, is damaged, or lacks a usable georeference.
            MissingCRSError: it has no CRS and pixel coordinates were not asked for.
            UnsafeSceneError: its place, format, dimensions or blocks are refused.
            SettingsError: the bands asked for do not exist.
        """
        location = security.locate(source, allow_remote=allow_remote, trusted_folders=trusted_folders)
        options = check_options(open_options)
        with gdal_errors(f"{location.name} cannot be opened"), environment(location):
            handle = open_handle(location, options)
            try:
                check_sidecars(handle.dataset, location)
                placement = None if pixel_coordinates else find_placement(handle.dataset, location, options)
                if placement is not None and placement.by_points:
                    handle.close()
                    handle = open_handle(location, options, warp_crs=placement.crs)
                wanted = _Wanted(bands=bands, nodata=nodata, alpha=alpha, pixel_coordinates=pixel_coordinates)
                return _describe(handle, location, options, wanted, placement)
            except BaseException:
                handle.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the scene's own handle; handles given out by ``open_handle`` are closed by whoever asked for them."""
        while self._own:
            self._own.pop().close()

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns), as in rasterio."""
        return self.height, self.width

    @property
    def res(self) -> tuple[float, float]:
        """Size of a pixel along x and y in units of the CRS, as in rasterio."""
        a, b, _, d, e, _ = tuple(self.transform)[:6]
        return math.hypot(a, d), math.hypot(b, e)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(xmin, ymin, xmax, ymax) around the four corners, in the CRS of the scene, else in scene pixels."""
        corners_x, corners_y = np.array([0, self.width, self.width, 0]), np.array([0, 0, self.height, self.height])
        x, y = apply_affine(self.transform, corners_x, corners_y)
        return float(x.min()), float(y.min()), float(x.max()), float(y.max())

    @property
    def ground_resolution_m(self) -> float | None:
        """Metres per pixel at the centre; the finer side of a pixel that is not square; None where unknown."""
        return self.pixel_size.ground_resolution_m

    def pixel_size_near(self, window_px: tuple[int, int, int, int]) -> PixelSize:
        """Size of a pixel on the ground in the middle of a window (x0, y0, x1, y1), where it differs from that at the
        centre by more than ``SQUARE_TOLERANCE``: degrees get narrower towards the poles, Mercator metres shorter.
        """
        centre = self.pixel_size
        if self.crs is None or centre.x_m is None or centre.y_m is None:
            return centre
        x0, y0, x1, y1 = window_px
        near = georeference.pixel_size(self.crs, self.transform, ((x0 + x1) / 2, (y0 + y1) / 2))
        if near.x_m is None or near.y_m is None:
            return centre
        differs = max(abs(near.x_m / centre.x_m - 1.0), abs(near.y_m / centre.y_m - 1.0))
        return near if differs > georeference.SQUARE_TOLERANCE else centre

    def operation_to(self, crs: CRS) -> Operation:
        """The coordinate operation from the CRS of the scene to another one: the same for every point of the scene.

        Raises:
            MissingCRSError: the scene has no CRS.
            OutputError: no transformation is known.
        """
        if self.crs is None:
            raise MissingCRSError(f"{self.name} has no coordinate system", hint=georeference.PIXEL_HINT)
        return find_operation(self.crs, crs, self.bounds)

    @property
    def block_shape(self) -> tuple[int, int]:
        """(rows, columns) of the stored blocks at full resolution."""
        return self.sources[0].block_shape

    @property
    def overview_factors(self) -> tuple[float, ...]:
        """How many scene pixels a pixel of each usable overview covers, finest first."""
        return tuple(self.width / source.width for source in self.sources[1:])

    @property
    def warped(self) -> bool:
        """True where ground control points were turned into a regular grid."""
        return self._warp_crs is not None

    @property
    def remote(self) -> bool:
        """True where it is read over a network."""
        return self._location.remote

    @property
    def has_mask(self) -> bool:
        """True where some pixels may hold no data: nodata, NaN, alpha, a mask, transparent palette entries."""
        return not self.plan.always_valid

    @cached_property
    def fingerprint(self) -> str:
        """Identity of the data for resuming: size, time of change, and a hash of the head, the end and samples
        between.
        """
        return fingerprint_of_scene(
            self._location, (self.width, self.height, self.band_count, self.dtype, *self.transform)
        )

    def source_for(self, scale: tuple[float, float]) -> Source:
        """The coarsest source that is still at least as fine as a scale (scene px per chip px, along x and y)."""
        best = self.sources[0]
        for source in self.sources[1:]:
            if self.width / source.width <= scale[0] * 1.01 and self.height / source.height <= scale[1] * 1.01:
                best = source
        return best

    def open_handle(self, source: Source | None = None) -> Handle:
        """A handle of its own on the raster or an overview; GDAL handles must not be shared by threads.

        Raises:
            SceneError: it cannot be opened (any more).
        """
        level = None if source is None else source.level
        with gdal_errors(f"{self.name} cannot be opened again"), environment(self._location):
            return open_handle(self._location, self._open_options, level=level, warp_crs=self._warp_crs)

    @contextmanager
    def gdal(self) -> Iterator[None]:
        """The GDAL settings of this scene for the current thread; around every read through a handle."""
        with environment(self._location):
            yield

    def read(
        self,
        window_px: tuple[int, int, int, int] | None = None,
        *,
        bbox_crs: tuple[float, float, float, float] | None = None,
        out_shape: tuple[int, int] | None = None,
        stretch: Stretch | None = None,
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """A part of the scene as a model sees it: RGB (h, w, 3) uint8, and where it holds data (h, w).

        For one caller at a time; ``read_chips`` reads the whole raster ahead, by threads.

        Args:
            window_px: (x0, y0, x1, y1), half-open, scene pixels; None is the whole scene.
            bbox_crs: (xmin, ymin, xmax, ymax) in the CRS of the scene instead: the pixels around it.
            out_shape: (rows, columns) to decimate to (nearest neighbour, through overviews where there are any).
            stretch: how values become 8 bits; None is ``self.stretch``.

        Raises:
            SettingsError: both a window and a box are given.
            AreaError: the window or box is empty or misses the scene.
            SceneError: a block cannot be decoded.
        """
        if bbox_crs is not None and window_px is not None:
            raise SettingsError("a window and a box are given", hint="Give one of them.")
        window = georeference.window_of_box(~self.transform, bbox_crs) if bbox_crs is not None else window_px
        if window is not None:
            window = self._clipped(window)
        raw, valid = self.read_raw(window, out_shape=out_shape)
        rgb = (stretch or self.stretch).apply(raw, valid)
        return rgb, np.ones(rgb.shape[:2], bool) if valid is None else valid

    @cached_property
    def stretch(self) -> Stretch:
        """How values become 8 bits by the method ``auto``; see ``compute_stretch`` for others."""
        return compute_stretch(self)

    def grid(self, tiling: Tiling | None = None) -> ChipGrid:
        """The chips of the whole scene; ``tiling`` is 1024 px with 128 px of overlap where it is not given.

        Raises:
            SettingsError: the tiling asks for a ground resolution and that of the scene is not known.
        """
        wanted = (tiling or Tiling()).resolved(self.ground_resolution_m)
        return ChipGrid(self.width, self.height, tiling=wanted, pixel_aspect=self.pixel_size.aspect)

    @property
    def __geo_interface__(self) -> dict[str, Any]:
        """The outline of the scene as a polygon in its CRS, for ``shapely.geometry.shape`` and others."""
        corners_x, corners_y = (0, 0, self.width, self.width, 0), (0, self.height, self.height, 0, 0)
        x, y = apply_affine(self.transform, np.array(corners_x), np.array(corners_y))
        ring = tuple((float(a), float(b)) for a, b in zip(x, y, strict=True))
        return {"type": "Polygon", "coordinates": (ring,)}

    def _clipped(self, window: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        x0, y0, x1, y1 = (operator.index(value) for value in window)
        x0, y0, x1, y1 = max(0, x0), max(0, y0), min(self.width, x1), min(self.height, y1)
        if x0 >= x1 or y0 >= y1:
            raise AreaError(f"the window {tuple(window)} is empty or misses the scene", hint="See Scene.bounds.")
        return x0, y0, x1, y1

    def read_raw(
        self, window_px: tuple[int, int, int, int] | None = None, *, out_shape: tuple[int, int] | None = None
    ) -> tuple[Raw, Valid | None]:
        """Raw values (bands, h, w) of a window (x0, y0, x1, y1), and where they are data (None: everywhere).

        For one caller at a time; use ``read_chips`` for the whole raster. With ``out_shape`` (h, w) the window is
        decimated, through overviews where there are any.

        Raises:
            SceneError: a block cannot be decoded.
        """
        x0, y0, x1, y1 = window_px or (0, 0, self.width, self.height)
        with gdal_errors(f"{self.name} cannot be read"), self.gdal():
            if not self._own:
                self._own.append(self.open_handle())
            return read_raw(self._own[0].dataset, self.plan, Window(x0, y0, x1 - x0, y1 - y0), out_shape)

    def read_decimated(self, max_side_px: int) -> tuple[Raw, NDArray[np.bool_]]:
        """The whole scene at most ``max_side_px`` on a side: values (bands, h, w) and where they are data (h, w).

        Pixels that are not square on the ground are made so.

        Raises:
            SceneError: a block cannot be decoded.
        """
        aspect_x, aspect_y = self.pixel_size.aspect
        width, height = self.width / aspect_x, self.height / aspect_y
        factor = max(1.0, max(width, height) / max_side_px)
        shape = (max(1, round(height / factor)), max(1, round(width / factor)))
        raw, valid = self.read_raw(out_shape=shape)
        return raw, np.ones(shape, bool) if valid is None else valid


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What the caller of ``Scene.open`` asked for."""

    bands: Sequence[int] | None
    nodata: float | None
    alpha: int | None
    pixel_coordinates: bool


def _describe(
    handle: Handle,
    location: Location,
    options: Mapping[str, str],
    wanted: _Wanted,
    placement: Placement | None,
) -> Scene:
    dataset, name = handle.dataset, location.name
    if not dataset.count:
        raise SceneError(f"{name} has no bands", hint="A container of several rasters: name one of them.")
    check_dimensions(width=dataset.width, height=dataset.height, bands=dataset.count, what=name)
    whole = dataset.driver in security.WHOLE_IMAGE_DRIVERS
    check_blocks(dataset, name, whole)
    plan = plan_bands(dataset, wanted.bands, wanted.nodata, name, alpha=wanted.alpha, called=location.band_names)
    transform = dataset.transform
    crs: CRS | None
    if placement is None:
        crs, transform, size = None, georeference.IDENTITY, _size_if_known(dataset, name)
    else:
        crs = georeference.check_georeference(georeference.to_pyproj(placement.crs, name), transform, name)
        size = georeference.pixel_size(crs, transform, (dataset.width / 2, dataset.height / 2))
    full = Source(level=None, width=dataset.width, height=dataset.height, block_shape=block_shape(dataset, plan, whole))
    warp_crs = placement.crs if placement is not None and placement.by_points else None
    overviews = () if whole or warp_crs is not None else find_overviews(dataset, location, options, plan, name)
    return Scene(
        source=location.source,
        name=name,
        width=dataset.width,
        height=dataset.height,
        crs=crs,
        transform=transform,
        bands=plan.bands,
        band_count=dataset.count,
        dtype=str(plan.dtype),
        nodata=plan.nodata[0],
        pixel_size=size,
        driver=dataset.driver,
        plan=plan,
        sources=(full, *overviews),
        notices=(*location.notices, *(() if placement is None else placement.notices)),
        _warp_crs=warp_crs,
        _location=location,
        _open_options=options,
        _own=[handle],
    )


def _size_if_known(dataset: Any, name: str) -> PixelSize:
    """The size of a pixel where the file is georeferenced although pixel coordinates were asked for."""
    try:
        crs = georeference.check_georeference(georeference.to_pyproj(dataset.crs, name), dataset.transform, name)
    except SceneError:
        return PixelSize()
    return georeference.pixel_size(crs, dataset.transform, (dataset.width / 2, dataset.height / 2))
