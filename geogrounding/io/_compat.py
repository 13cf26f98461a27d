"""What writing takes from pyogrio that is not part of its public interface, and what happens where it is missing."""

from __future__ import annotations

from geogrounding.errors import OutputError

__all__ = ["driver_metadata"]


def driver_metadata(driver: str, item: str) -> str:
    """What GDAL says about one of its drivers, such as its creation options as XML; empty where it says nothing.

    Raises:
        OutputError: this version of pyogrio cannot ask GDAL.
    """
    try:
        from pyogrio._ogr import _get_driver_metadata_item as metadata_item
    except ImportError as error:  # another version of pyogrio
        raise OutputError(
            f"creation options of {driver} cannot be checked with this version of pyogrio",
            hint="leave them out, or install the version of pyogrio that requirements/constraints.txt names",
        ) from error
    return metadata_item(driver, item) or ""
