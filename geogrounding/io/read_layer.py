"""Vector files from outside: one reader, one guard, for areas of interest and for labels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from geogrounding.errors import GeogroundingError, InputError, UnsafeSceneError
from geogrounding.messages import shorten

if TYPE_CHECKING:
    import geopandas as gpd

HEAD_BYTES = 64 * 1024
_FOLLOWS_ELSEWHERE = re.compile(rb"<\s*(?:OGR|GDAL_|VRT|WFS|NetworkLink)\w*", re.IGNORECASE)
"""Files that make GDAL open what they name: OGR VRT, WFS, OAPIF and their kin."""
_QGIS_SUFFIX = re.compile(r"\|layername=([^|]*)", re.IGNORECASE)
NAMES_SHOWN = 20


def read_layer(
    path: Path, *, layer: str | None = None, layer_option: str, columns: Sequence[str] | None = (), what: str = "layer"
) -> gpd.GeoDataFrame:
    """Read one layer of a vector file.

    Args:
        path: of a file; ``areas.gpkg|layername=fields``, as QGIS writes it, names a layer as well.
        layer: name of the layer; a file of one layer needs none.
        layer_option: the option that names a layer, for the hint.
        columns: fields to read beside the geometry, which must exist; None reads all.
        what: the file is used for, for errors.

    Raises:
        InputError: the file, the layer or a field is missing, cannot be read, or has no geometries.
        UnsafeSceneError: the file points at other data, which GDAL would follow.
    """
    import pyogrio

    path, layer = _split(path, layer)
    _guard(path, what)
    try:
        if path.suffix.lower() in (".parquet", ".geoparquet"):
            frame = _read_parquet(path)
            _check_fields(path, [str(column) for column in frame.columns], columns)
            return frame
        found = [str(name) for name, kind in pyogrio.list_layers(path) if kind is not None]
        chosen = _choose(path, found, layer, layer_option)
        fields = [str(field) for field in pyogrio.read_info(path, layer=chosen)["fields"]]
        _check_fields(path, fields, columns)
        frame = pyogrio.read_dataframe(path, layer=chosen, columns=None if columns is None else list(columns))
    except GeogroundingError:
        raise
    # pyogrio raises many kinds for a broken file, and all mean the same to the user.
    except Exception as error:  # noqa: BLE001
        raise InputError(
            f"{path.name} is no vector file that can be read: {shorten(error, 200)}",
            hint="GeoPackage and GeoJSON work.",
        ) from None
    if not hasattr(frame, "geometry"):
        raise InputError(f"{path.name} holds no geometries", hint="Give a layer of polygons.")
    return frame


def _check_fields(path: Path, fields: Sequence[str], wanted: Sequence[str] | None) -> None:
    for column in wanted or ():
        if column not in fields:
            raise InputError(f"{path.name} has no field {column!r}", hint=f"Its fields: {', '.join(fields) or 'none'}.")


def _read_parquet(path: Path) -> gpd.GeoDataFrame:
    """A GeoParquet file, all columns of it; pyogrio's GDAL has no driver for it."""
    import geopandas

    return geopandas.read_parquet(path)


def source_file(path: Path) -> Path:
    """The file of a path that may name a layer as well."""
    return _split(path, None)[0]


def _split(path: Path, layer: str | None) -> tuple[Path, str | None]:
    """The file and the layer of ``areas.gpkg|layername=fields``, unless a file has that very name."""
    text = str(path)
    if "|" not in text or path.is_file():
        return path, layer
    name, _, rest = text.partition("|")
    suffix = _QGIS_SUFFIX.fullmatch(f"|{rest}")
    if suffix is None:
        raise InputError(
            f"{path.name} names more than a layer after the bar", hint=f"Write it as {name}|layername=NAME."
        )
    if layer is not None and layer != suffix[1]:
        raise InputError(f"{path.name} names another layer than {layer!r}", hint="Name the layer once.")
    return Path(name), suffix[1]


def _guard(path: Path, what: str) -> None:
    """Refuse what is not a plain file, and files that point at other data."""
    if str(path).startswith(("/vsi", "\\vsi")) or "://" in str(path):
        raise UnsafeSceneError(f"{path} is not a file", hint="Give the vector file itself.")
    try:
        missing, head = not path.is_file(), b""
        if not missing:
            with path.open("rb") as file:
                head = file.read(HEAD_BYTES)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name cannot be used"
        raise InputError(f"the {what} {path} cannot be read: {reason}", hint="Name one vector file.") from None
    if missing:
        raise InputError(
            f"the {what} {path} cannot be read: it does not exist or is no file", hint="Name one vector file."
        )
    if _FOLLOWS_ELSEWHERE.search(head) and head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise UnsafeSceneError(f"{path.name} points at other data", hint="Give the vector file itself.")


def _choose(path: Path, found: Sequence[str], layer: str | None, layer_option: str) -> str:
    names = ", ".join(found[:NAMES_SHOWN])
    if layer is None and len(found) > 1:
        raise InputError(f"{path.name} has {len(found)} layers: {names}", hint=f"Name one with {layer_option}.")
    name = layer or (found[0] if found else None)
    if name is None:
        raise InputError(f"{path.name} has no layer with geometries", hint="Give a layer of polygons.")
    if name not in found:
        raise InputError(f"{path.name} has no layer {name!r} with geometries", hint=f"It has: {names or 'none'}.")
    return name
