"""Handles on a raster: opened through the one allowed driver, with GDAL's settings, and its errors made ours."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

import geogrounding._gdal  # noqa: F401  (must run before rasterio registers GDAL's drivers)

# isort: split
import rasterio
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioIOError
from rasterio.vrt import WarpedVRT

from geogrounding.errors import GeogroundingError, SceneError, SettingsError
from geogrounding.messages import ERROR, shorten, without_secrets
from geogrounding.raster.security import Location, gdal_options

_warnings_lock = threading.Lock()
"""``warnings.catch_warnings`` changes state of the whole process, so handles are opened one at a time."""


class Handle:
    """An open dataset, and what it stands on. A context manager."""

    def __init__(self, dataset: Any, below: Any = None) -> None:
        self.dataset = dataset
        self._below = below

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it; harmless when called twice."""
        self.dataset.close()
        if self._below is not None:
            self._below.close()


def check_options(options: Mapping[str, str] | None) -> dict[str, str]:
    """Open options with names in upper case.

    Raises:
        SettingsError: the reader sets one of them itself.
    """
    checked = {str(key).upper(): str(value) for key, value in (options or {}).items()}
    for key in ("OVERVIEW_LEVEL", "DRIVER", "MODE", "SHARING"):
        if key in checked:
            raise SettingsError(f"open option {key} cannot be set: the reader needs it itself")
    return checked


def open_handle(
    location: Location, options: Mapping[str, str], *, level: int | None = None, warp_crs: Any = None
) -> Handle:
    """Open a dataset through the one driver that was chosen for it; inside ``environment``.

    With ``warp_crs``, the CRS of its ground control points, it is warped to a regular grid.
    """
    extra: dict[str, Any] = dict(options)
    if level is not None:
        extra["OVERVIEW_LEVEL"] = level
    with _warnings_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        dataset = _open_with_first(location, extra)
        if warp_crs is None:
            return Handle(dataset)
        try:
            return Handle(_warp(dataset, warp_crs), dataset)
        except BaseException:
            dataset.close()
            raise


def _open_with_first(location: Location, extra: Mapping[str, Any]) -> Any:
    """Open with the first driver that takes it; rasterio accepts one name at a time."""
    *others, last = location.drivers
    for driver in others:
        try:
            return rasterio.open(location.path, driver=driver, sharing=False, **extra)
        except RasterioIOError:
            continue
    return rasterio.open(location.path, driver=last, sharing=False, **extra)


@contextmanager
def environment(location: Location) -> Iterator[None]:
    """GDAL's settings for the current thread."""
    with rasterio.Env(**gdal_options(remote=location.remote)):
        yield


@contextmanager
def gdal_errors(what: str) -> Iterator[None]:
    """Turn whatever GDAL and rasterio raise on hostile or damaged data into a SceneError."""
    try:
        yield
    except GeogroundingError:
        raise
    # What is raised depends on the file: rasterio's errors, CPLE_*, ValueError, UnicodeDecodeError, MemoryError, ...
    except Exception as error:
        hint = "Is the file complete? `gdalinfo -checksum` reads all of it."
        raise SceneError(f"{what}: {short_reason(error)}", hint=hint) from error


def short_reason(error: BaseException) -> str:
    """One line that says why, with GDAL's own words where rasterio hides them in the cause."""
    deepest = error
    while deepest.__cause__ is not None:
        deepest = deepest.__cause__
    text = " ".join(str(deepest).split()) or type(deepest).__name__
    return shorten(without_secrets(text), ERROR)


def _warp(dataset: Any, crs: Any) -> WarpedVRT:
    palette = any(kind.name == "palette" for kind in dataset.colorinterp)
    alpha = any(kind.name == "alpha" for kind in dataset.colorinterp)
    return WarpedVRT(
        dataset,
        src_crs=crs,
        crs=crs,
        resampling=Resampling.nearest if palette else Resampling.bilinear,
        add_alpha=not alpha and dataset.nodata is None,
    )
