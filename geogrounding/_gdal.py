"""Restrict what GDAL may do, before its drivers register.

Import this module before rasterio, pyogrio or geopandas. The wheels of rasterio and pyogrio carry two different
GDALs, and both read the process environment only once, when their drivers register; so this is done through the
environment and not through ``rasterio.Env``. It is a second line of defence: every raster is also opened with an
explicit list of drivers, after a check of its head and its side-cars (see raster/security.py), and that check works
even when rasterio was imported first.
"""

from __future__ import annotations

import os

NETWORK_DRIVERS = (
    "HTTP",
    "WMS",
    "WMTS",
    "WCS",
    "EEDA",
    "EEDAI",
    "PLMOSAIC",
    "DAAS",
    "STACIT",
    "STACTA",
    "NGW",
    "GTI",
    "OGCAPI",
    "WFS",
    "CSW",
    "OAPIF",
    "Carto",
    "AmigoCloud",
    "Elasticsearch",
    "PLSCENES",
    "DERIVED",
)
"""Drivers that fetch things, or that make a small text file point at other data. None of them is ever needed here."""

KEEP_VARIABLE = "GEOGROUNDING_KEEP_GDAL_DRIVERS"
"""Set to 1 in a process that needs those drivers for its own purposes; the checks per file stay."""


def prepare_gdal() -> None:
    """Set the process environment; harmless when called twice, never overrides what the user has set."""
    if os.environ.get(KEEP_VARIABLE) != "1":
        skipped = [name for name in os.environ.get("GDAL_SKIP", "").replace(",", " ").split() if name]
        skipped += [name for name in NETWORK_DRIVERS if name not in skipped]
        os.environ["GDAL_SKIP"] = ",".join(skipped)
    # Python code inside a VRT is never run, nor raw files read through one, whatever folder it lies in.
    os.environ.setdefault("GDAL_VRT_ENABLE_PYTHON", "NO")
    os.environ.setdefault("GDAL_VRT_ENABLE_RAWRASTERBAND", "NO")
    # The default, 5% of memory, would make the footprint depend on the machine. The reader keeps what it needs again,
    # and memory that is used again at once stays in the processor's cache: 16 MB decode a tenth faster than 64.
    os.environ.setdefault("GDAL_CACHEMAX", "16")
    # Blocks found through a hash set: the default keeps a pointer for every block of the raster, read or not.
    os.environ.setdefault("GDAL_BAND_BLOCK_CACHE", "HASHSET")
    # A deprecated code keeps its own parameters: GDAL would take those of the code that replaced it, which for
    # EPSG:5572 lies 7,000 km away.
    os.environ.setdefault("OSR_USE_NON_DEPRECATED", "NO")
    # Transformation grids are not fetched behind the user's back.
    os.environ.setdefault("PROJ_NETWORK", "OFF")


prepare_gdal()
