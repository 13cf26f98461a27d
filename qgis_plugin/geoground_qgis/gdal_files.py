"""Files opened by GDAL's Python, whether or not it raises exceptions: that setting belongs to all plugins of QGIS."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

from osgeo import gdal


def opened(source: str | Path, flags: int) -> gdal.Dataset | None:
    """A file, or None where it cannot be opened.

    From 3.7 on GDAL warns where it was not set whether errors are exceptions; it is set for this call alone.
    """
    local = gdal.ExceptionMgr(useExceptions=True) if hasattr(gdal, "ExceptionMgr") else nullcontext()
    try:
        with local:
            return gdal.OpenEx(str(source), flags)
    except RuntimeError:
        return None
