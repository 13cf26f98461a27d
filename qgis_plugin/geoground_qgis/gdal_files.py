"""Files opened by GDAL's Python, whether or not it raises exceptions: that setting belongs to all plugins of QGIS."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import ModuleType

from osgeo import gdal, ogr


def created(path: Path, columns: int, rows: int, bands: int, options: list[str]) -> gdal.Dataset | None:
    """A new GeoTIFF of bytes, or None where it cannot be written."""
    try:
        with _raising(gdal):
            return gdal.GetDriverByName("GTiff").Create(str(path), columns, rows, bands, gdal.GDT_Byte, options)
    except RuntimeError:
        return None


def opened(source: str | Path, flags: int) -> gdal.Dataset | None:
    """A file, or None where it cannot be opened."""
    try:
        with _raising(gdal):
            return gdal.OpenEx(str(source), flags)
    except RuntimeError:
        return None


def layer_of(data: gdal.Dataset | None, which: int | str = 0) -> ogr.Layer | None:
    """A layer of an open file, by its number or its name; None where there is no file, or none such in it."""
    if data is None:
        return None
    try:
        with _raising(ogr):
            return data.GetLayerByName(which) if isinstance(which, str) else data.GetLayer(which)
    except RuntimeError:
        return None


def _raising(module: ModuleType) -> AbstractContextManager[object]:
    """Let errors be exceptions inside: from 3.7 on GDAL warns where it was not set whether they are, in each module."""
    return module.ExceptionMgr(useExceptions=True) if hasattr(module, "ExceptionMgr") else nullcontext()
