"""What writing takes from pyogrio that is not part of its public interface, and what happens where it is missing."""

from __future__ import annotations

from geogrounding.errors import OutputError

try:
    from pyogrio._ogr import _get_driver_metadata_item as _driver_metadata
except ImportError:  # another version of pyogrio
    _driver_metadata = None

__all__ = ["driver_metadata"]


def driver_metadata(driver: str, item: str) -> str:
    """What GDAL says about one of its drivers, such as its creation options as XML; empty where it says nothing.

    Raises:
        OutputError: this version of pyogrio cannot ask GDAL.
    """
    if _driver_metadata is None:
        raise OutputError(
            f"creation options of {driver} cannot be checked with this version of pyogrio",
            hint="leave them out, or install the version of pyogrio that requirements/constraints.txt names",
        )
    return _driver_metadata(driver, item) or ""
