"""Where a layer goes: checked before the first chip, so that no run fails at its end for its name, format or CRS."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from pyproj import CRS
from pyproj.exceptions import CRSError

from geogrounding.errors import OutputError
from geogrounding.geometry.operation import Bounds, Operation, find_operation
from geogrounding.io.atomic import partial_folder
from geogrounding.io.formats import FORMATS, Format, LayerPlan
from geogrounding.io.rfc7946 import WGS84
from geogrounding.io.tables import FIELDS, FeatureBatch, batches, storable

EXTENSIONS = tuple(FORMATS)
RFC7946_EXTENSIONS = (".geojson", ".geojsonl")
LONGEST_NAME_BYTES = 255
NO_ROOM = "check the room on the disk and that the folder is writable"
_RESERVED = re.compile(r"gpkg|sqlite_|rtree_|ogr_empty_table$", re.IGNORECASE)
"""Beginnings of table names that GeoPackage, SQLite and GDAL keep for themselves."""
_OWN_TABLES = re.compile(r"(gpkg|sqlite|rtree|ogr)_", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A place for a layer, as the user asked for it."""

    path: Path
    """The extension chooses the format."""
    overwrite: bool = False
    """Replace an existing file; in a GeoPackage the layer of this name, while its other layers stay."""
    append: bool = False
    """Add to an existing GeoPackage: a layer beside the others, or features to the layer of this name."""
    layer: str | None = None
    """Name of the layer; None is made from the name of the file."""
    dst_crs: CRS | str | None = None
    """CRS of the layer; None is that of the scene, or what the format demands."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Creation options, names in upper case."""

    @property
    def is_text(self) -> bool:
        """Whether the format is GeoJSON."""
        return self.path.suffix.lower() in RFC7946_EXTENSIONS

    @property
    def format(self) -> Format:
        """How the file is written.

        Raises:
            OutputError: the extension is not known.
        """
        chosen = FORMATS.get(self.path.suffix.lower())
        if chosen is None:
            raise OutputError(
                f"{self.path.name}: the extension {self.path.suffix!r} is not a known vector format",
                hint=f"end the name in one of {', '.join(EXTENSIONS)}",
            )
        return chosen

    @property
    def layer_name(self) -> str:
        """The name of the layer: as asked for, or the stem of the file where GeoPackage takes it."""
        if self.layer is not None:
            return self.layer
        stem = re.sub(r"^\W+", "", storable(self.path.stem)) or "layer"
        return f"layer_{stem}" if _RESERVED.match(stem) else stem


@dataclass(frozen=True, slots=True, kw_only=True)
class Existing:
    """What an existing GeoPackage means for a layer that is written into it."""

    keep_file: bool = False
    """The file holds more than the layer, so it is copied and changed instead of replaced."""
    append: bool = False
    """The layer exists, and features are added to it."""


def sidecar_path(path: Path) -> Path:
    """Where the description of the run stands: ``planes.gpkg`` -> ``planes.gpkg.run.json``."""
    return path.with_name(path.name + ".run.json")


def check_place(destination: Destination) -> Existing:
    """Check that a layer can be written where it is asked for, as far as can be said without a scene.

    Raises:
        OutputError: the extension is not known, the folder is missing or not writable, the name of the layer is
            reserved, or something is there already that may not be replaced.
    """
    chosen = destination.format
    try:
        _check_folder(destination.path)
        _check_layer_name(destination)
        existing = _check_existing(destination)
    except (OSError, ValueError) as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"cannot write to {str(destination.path)!r}: {error}", hint="choose another name") from error
    chosen.check_options(destination.options)
    return existing


def find_target(
    destination: Destination, crs: CRS | None, extent: Bounds | None, *, pixel_coordinates: bool
) -> tuple[CRS | None, Operation | None]:
    """The CRS of the layer and the operation to it from that of the scene; None where there is none.

    Args:
        destination: the layer.
        crs: of the scene.
        extent: of the scene, (xmin, ymin, xmax, ymax) in its CRS; None where it is not known.
        pixel_coordinates: whether the layer is in pixels.

    Raises:
        OutputError: the CRS is unknown, cannot be reached, or is not one that the format takes.
    """
    target = _target_crs(destination, crs, pixel_coordinates)
    if crs is None or target is None or crs == target:
        return target, None
    return target, find_operation(crs, target, extent)


def try_to_write(destination: Destination, target: CRS | None) -> None:
    """Write an empty layer of the same name, CRS and options to a temporary folder and read it back.

    Raises:
        OutputError: it cannot be written.
    """
    plan = LayerPlan(
        name=destination.layer_name, crs=target, geometry_type="Unknown", metadata="{}", options=destination.options
    )
    try:
        with partial_folder(destination.path.absolute()) as folder:
            path = folder / f"try{destination.path.suffix.lower()}"
            destination.format.write(path, _nothing(), plan)
            if destination.format.count(path, plan.name) != 0:
                raise OutputError(f"{destination.path.name} cannot be read back after writing", hint=NO_ROOM)
    except OutputError:
        raise
    except (OSError, RuntimeError, ValueError, RuntimeWarning) as error:
        raise OutputError(
            f"a layer {destination.layer_name!r} cannot be written as {destination.path.suffix}: {error}",
            hint="choose another name or format, or other creation options",
        ) from error


def _nothing() -> Iterator[FeatureBatch]:
    return batches([])


def _check_folder(path: Path) -> None:
    folder = path.absolute().parent
    if not folder.is_dir():
        raise OutputError(f"the folder {folder} does not exist", hint="create it first")
    if "\0" in path.name or len(os.fsencode(sidecar_path(path).name)) > LONGEST_NAME_BYTES:
        raise OutputError("the name of the output is too long or holds NUL", hint="choose a shorter, plain name")
    if path.is_dir():
        raise OutputError(f"{path} is a folder", hint="give the name of a file in it")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"the folder {folder} is not writable", hint="choose another folder, or change its mode")


def _check_layer_name(destination: Destination) -> None:
    suffix = destination.path.suffix.lower()
    if (destination.append or destination.layer is not None) and suffix != ".gpkg":
        option = "--append" if destination.append else "--layer"
        raise OutputError(f"{suffix} holds one layer without a name", hint=f"leave out {option}, or write .gpkg")
    if destination.append and destination.overwrite:
        raise OutputError("a layer cannot be both replaced and added to", hint="give --overwrite or --append")
    name = destination.layer_name
    if suffix == ".gpkg" and (not name.strip() or _RESERVED.match(name) or storable(name) != name):
        raise OutputError(f"the layer name {name!r} is reserved or empty", hint="choose another with --layer")


def _check_existing(destination: Destination) -> Existing:
    path, name = destination.path, destination.layer_name
    if not path.exists():
        return Existing()
    tables = _tables(path) if path.suffix.lower() == ".gpkg" else None
    if tables is None:  # one layer, or no GeoPackage whatever its name says
        if not destination.overwrite:
            raise OutputError(f"{path} exists already", hint="pass --overwrite, or choose another name")
        return Existing()
    others = sorted(table for table in tables if table.lower() != name.lower())
    there = len(others) < len(tables)
    if there and name not in tables:
        same = next(table for table in sorted(tables) if table.lower() == name.lower())
        raise OutputError(
            f"{path.name} holds a layer {same!r}; in a GeoPackage {name!r} is the same name",
            hint=f"write it as the file has it: --layer {same}",
        )
    if not (destination.overwrite or destination.append):
        held = f"it holds {', '.join(sorted(tables)[:10]) or 'no layer'}"
        raise OutputError(
            f"{path} exists already; {held}",
            hint=f"pass --overwrite to replace its layer {name} (other layers stay), --append to add to it, or choose "
            "another name for the layer (--layer) or the file",
        )
    if _is_open(path):
        raise OutputError(f"{path.name} is open in another program", hint="close it there, or save its edits first")
    if destination.append and there:
        _check_columns(path, name)
        return Existing(keep_file=True, append=True)
    return Existing(keep_file=bool(others))


def _is_open(path: Path) -> bool:
    """Whether another program has changes of a SQLite file that are not in it yet."""
    waiting = [path.with_name(path.name + suffix) for suffix in ("-wal", "-journal")]
    return any(file.is_file() and file.stat().st_size > 0 for file in waiting)


def _tables(path: Path) -> set[str] | None:
    """Tables with content of a GeoPackage, layers or not; None where the file is no GeoPackage."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)) as database:
            found = {str(row[0]) for row in database.execute("SELECT table_name FROM gpkg_contents")}
            every = database.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
            return found | {str(row[0]) for row in every if not _OWN_TABLES.match(str(row[0]))}
    except sqlite3.Error:
        return None


def _check_columns(path: Path, name: str) -> None:
    """Refuse to add to a layer of other fields."""
    with closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)) as database:
        columns = {str(row[0]) for row in database.execute("SELECT name FROM pragma_table_info(?)", (name,))}
    missing = [field for field in FIELDS.names if field not in columns]
    if missing:
        raise OutputError(
            f"the layer {name} of {path.name} has no field {', '.join(missing)}: it was not written by geogrounding",
            hint="add a layer of its own: --layer NAME",
        )


def _target_crs(destination: Destination, crs: CRS | None, pixel_coordinates: bool) -> CRS | None:
    dst_crs = destination.dst_crs
    if pixel_coordinates:
        if dst_crs is not None:
            raise OutputError("pixel coordinates have no CRS to transform from", hint="leave out --dst-crs")
        return None
    if crs is None:
        raise OutputError("the scene has no CRS", hint="ask for pixel coordinates, or assign a CRS to the raster")
    try:
        wanted = None if dst_crs is None else CRS.from_user_input(dst_crs)
    except CRSError as error:
        raise OutputError(f"{dst_crs!r} is not a known CRS", hint="give one like EPSG:25832") from error
    if destination.is_text:
        if wanted is not None and not wanted.equals(WGS84, ignore_axis_order=True):
            raise OutputError(
                f"GeoJSON is always WGS84 (RFC 7946), not {wanted.name}",
                hint="leave out --dst-crs, or write .gpkg, .fgb or .parquet",
            )
        return WGS84
    return crs if wanted is None else wanted
