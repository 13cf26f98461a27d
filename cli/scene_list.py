"""The scenes of a batch: named on the command line, by patterns, collections of STAC items, or a manifest.

A manifest is a CSV or Parquet file with a row for each scene, or a text file with a path on each line (``-`` reads such
lines from standard input). Columns:

    path    the raster, relative to the folder of the manifest
    name    of its layer, without ending; default: that of the raster
    query   what to look for in this scene in place of --queries; several are separated by |
    bbox    look only here, as --bbox

Other columns are not used, which is said.
"""

from __future__ import annotations

import csv
import glob
import io
import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geogrounding.errors import AreaError, InputError, SettingsError
from geogrounding.messages import first_line, quote
from geogrounding.sources.names import is_stac, stem_of

from . import build
from .terminal import clean

if TYPE_CHECKING:
    from geogrounding.geometry.extent import Extent

COLUMNS = ("path", "name", "query", "bbox")
MAX_MANIFEST_BYTES = 2**28
MAX_SCENES = 1_000_000
LONGEST_NAME = 200
PROBLEMS_SHOWN = 5
"""Rows of a manifest that are named when they cannot be used."""
_SEPARATORS = ",;\t"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A scene of a batch, and what is asked of it in particular."""

    source: str
    name: str
    """Of its layer, without ending; each has its own. The source, where all go to one table."""
    place: str = ""
    """Where it was listed, for messages; empty for the command line."""
    queries: tuple[str, ...] = ()
    """In place of those of the batch, unless empty."""
    bbox: Extent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneList:
    """The scenes of a batch, and columns of its manifest that nothing was made of."""

    scenes: tuple[Listed, ...]
    unused_columns: tuple[str, ...] = ()


def list_scenes(arguments: Sequence[str], manifest: str | None, *, own_layers: bool = True) -> SceneList:
    """The scenes of the command line, patterns expanded, and then those of the manifest.

    Args:
        arguments: rasters and patterns.
        manifest: its file, or ``-``.
        own_layers: each scene has a layer of its own, so that names have to differ; else their sources have to.

    Raises:
        SettingsError: there is none, or two would be written to one layer.
        InputError: a pattern fits no file, or the manifest cannot be used.
    """
    build.check_scenes(arguments)
    listed = [Listed(source=source, name=stem(source)) for source in _expanded(arguments)]
    unused: tuple[str, ...] = ()
    if manifest is not None:
        more, unused = _read_manifest(manifest)
        listed += more
    if not listed:
        raise SettingsError("no scene is given", hint="Name rasters, or a list of them with --manifest FILE.")
    if not own_layers:
        listed = [replace(scene, name=scene.source) for scene in listed]
    _check_names(listed)
    return SceneList(scenes=tuple(listed), unused_columns=unused)


def stem(scene: str) -> str:
    """Name of a scene without folder and ending, also for URLs and GDAL paths with options."""
    return stem_of(scene)


def _expanded(arguments: Iterable[str]) -> Iterator[str]:
    """Scenes with patterns such as ``'scenes/**/*.tif'`` expanded, for shells that do not or cannot."""
    for argument in arguments:
        if not glob.has_magic(argument) or build.is_no_path(argument) or os.path.lexists(argument):
            yield from _items(argument)
            continue
        matches = glob.iglob(argument, recursive=True)  # noqa: PTH207 (Path.glob takes no absolute pattern)
        found = sorted(path for path in matches if not Path(path).is_dir())
        if not found:
            raise InputError(f"no file fits {quote(argument)}", hint="** stands for any folders, * for any name.")
        for path in found:
            yield from _items(path)


def _items(source: str) -> Iterator[str]:
    """The scenes of an item collection, each as ``ITEMS#ID``; any other source as it is."""
    if not is_stac(source) and not source.lower().endswith(".parquet"):
        yield source
        return
    from geogrounding.sources.locate import expand

    yield from expand([source])


def _check_names(listed: Sequence[Listed]) -> None:
    by_name: defaultdict[str, list[Listed]] = defaultdict(list)
    for scene in listed:
        by_name[scene.name].append(scene)
    for name, same in by_name.items():
        if len(same) > 1:
            first, second = (f"{one.source}{f' ({one.place})' if one.place else ''}" for one in same[:2])
            raise SettingsError(
                f"{len(same)} scenes would be written to one place, {quote(name)}: {first} and {second}",
                hint="Rename them, or give names in the column `name` of a --manifest.",
            )


def _read_manifest(manifest: str) -> tuple[list[Listed], tuple[str, ...]]:
    """The scenes of a manifest and its columns that are not used.

    Raises:
        InputError: it cannot be read, or rows cannot be used; the first are named.
    """
    path = Path(manifest)
    shown = "standard input" if manifest == "-" else path.name
    if path.suffix.lower() == ".parquet":
        names, rows = _parquet_rows(path)
    else:
        text = _text_of(manifest, shown)
        if path.suffix.lower() == ".csv":
            names, rows = _csv_rows(text, shown)
        else:
            lines = ((n, line.strip()) for n, line in enumerate(text.splitlines(), start=1))
            names, rows = ("path",), [(n, {"path": line}) for n, line in lines if line and not line.startswith("#")]
    if "path" not in names:
        raise InputError(
            f"{shown} has no column `path`", hint=f"Its columns: {', '.join(map(clean, names))}. Rename one."
        )
    if len(rows) > MAX_SCENES:
        raise InputError(f"{shown} has more than {MAX_SCENES:,} rows", hint="Split it.")
    listed: list[Listed] = []
    problems: list[str] = []
    folder = Path() if manifest == "-" else path.parent
    for number, row in rows:
        try:
            listed.append(_listed(row, folder, f"row {number} of {shown}"))
        except (InputError, SettingsError) as error:
            problems.append(f"row {number}: {error}")
    if problems:
        more = f"; and {len(problems) - PROBLEMS_SHOWN} more" if len(problems) > PROBLEMS_SHOWN else ""
        raise InputError(
            f"{shown}: {'; '.join(problems[:PROBLEMS_SHOWN])}{more}", hint="`geoground batch --help` names the columns."
        )
    return listed, tuple(name for name in names if name not in COLUMNS)


def _listed(row: Mapping[str, str], folder: Path, place: str) -> Listed:
    source = row["path"].strip()
    if not source:
        raise InputError("no path")
    if not build.is_no_path(source):
        source = str(folder / source)
    build.check_scenes([source])
    name = row.get("name", "").strip() or stem(source)
    if clean(name) != name or re.search(r"[/\\]", name) or name in (".", "..") or len(name) > LONGEST_NAME:
        raise InputError(f"{quote(name)} is no name for a layer")
    queries = build.unique(query.strip() for query in row.get("query", "").split("|") if query.strip())
    return Listed(source=source, name=name, place=place, queries=queries, bbox=_extent(row.get("bbox", "").strip()))


def _extent(text: str) -> Extent | None:
    if not text:
        return None
    from geogrounding.geometry.extent import parse_extent

    try:
        return parse_extent(text)
    except AreaError as error:
        raise InputError(str(error)) from error


def _text_of(manifest: str, shown: str) -> str:
    try:
        if manifest == "-":
            data = sys.stdin.buffer.read(MAX_MANIFEST_BYTES + 1)
        else:
            with Path(manifest).open("rb") as file:
                data = file.read(MAX_MANIFEST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{manifest} cannot be read: {error.strerror}") from error
    if len(data) > MAX_MANIFEST_BYTES:
        raise InputError(f"{shown} is larger than a list of scenes can be", hint="Split it.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{shown} is not UTF-8 text", hint="Write CSV or text as UTF-8, or .parquet.") from error


def _csv_rows(text: str, shown: str) -> tuple[tuple[str, ...], list[tuple[int, dict[str, str]]]]:
    """Header and rows with their line numbers; the separator is what the header holds most of."""
    header = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(_SEPARATORS, key=header.count), strict=True)
    rows: list[tuple[int, dict[str, str]]] = []
    try:
        names = tuple((name or "").strip().lower() for name in reader.fieldnames or ())
        _check_header(names, shown)
        reader.fieldnames = names
        for row in reader:
            # DictReader's own marks of a row that is too long, or too short
            if None in row or None in row.values():
                raise InputError(
                    f"{shown}: row {reader.line_num} has not as many fields as the header",
                    hint="A field with a separator in it needs quotes.",
                )
            rows.append((reader.line_num, row))
    except csv.Error as error:
        raise InputError(
            f"{shown}: line {reader.line_num} is no CSV: {first_line(error)}", hint="Is a quote left open?"
        ) from error
    return names, rows


def _check_header(names: Sequence[str], shown: str) -> None:
    twice = [name for name in COLUMNS if names.count(name) > 1]
    if twice:
        raise InputError(f"{shown} has two columns `{twice[0]}`", hint="Rename or remove one.")


def _parquet_rows(path: Path) -> tuple[tuple[str, ...], list[tuple[int, dict[str, str]]]]:
    """Column names and rows, of which only the columns of a manifest are read."""
    import pyarrow as pa
    import pyarrow.parquet

    try:
        with pa.parquet.ParquetFile(path) as file:
            names = tuple(file.schema_arrow.names)
            _check_header(names, path.name)
            if file.metadata.num_rows > MAX_SCENES:
                raise InputError(f"{path.name} has more than {MAX_SCENES:,} rows", hint="Split it.")
            table = file.read(columns=[name for name in COLUMNS if name in names])
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path} cannot be read as Parquet: {first_line(error)}") from error
    return names, [(n, {key: _text(value) for key, value in row.items()}) for n, row in enumerate(table.to_pylist(), 1)]


def _text(value: Any) -> str:
    """A cell of Parquet as CSV has it: lists of queries, and boxes as lists or as the records of GeoParquet."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        value = [value.get(name) for name in ("xmin", "ymin", "xmax", "ymax")]
    if isinstance(value, list):
        numbers = all(isinstance(one, int | float) for one in value)
        return ("," if numbers else "|").join(map(str, value))
    return str(value)
