"""Texts of the command line as values: lists of numbers, pairs, formats."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import click

if TYPE_CHECKING:
    from geogrounding.geometry.extent import Extent

from geogrounding.errors import SettingsError
from geogrounding.settings import read_overlap

FORMATS = {
    "geojson": ".geojson", "geojsonl": ".geojsonl", "gpkg": ".gpkg", "fgb": ".fgb", "parquet": ".parquet",
    "shp": ".shp", "kml": ".kml", "csv": ".csv",
}  # fmt: skip
"""Names of ``-f`` and the file endings they stand for."""
_GDAL_NAMES = {
    "geojsonseq": "geojsonl",
    "esri shapefile": "shp",
    "libkml": "kml",
    "flatgeobuf": "fgb",
    "geoparquet": "parquet",
}


class Numbers(click.ParamType[tuple[float, ...], Any]):
    """Several numbers in one text, between commas or spaces, such as ``1,2,4`` or ``"500000 4e6 501000 4.1e6"``."""

    def __init__(self, name: str, *, count: int | None = None, whole: bool = False) -> None:
        self.name = name
        self.count = count
        self.whole = whole

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        """Read the text; a bracketed list is taken as well."""
        if isinstance(value, tuple):
            return value
        parts = str(value).strip().strip("[]()").replace(",", " ").split()
        try:
            numbers = tuple(int(part) if self.whole else float(part) for part in parts)
        except ValueError:
            kind = "whole numbers" if self.whole else "numbers"
            self.fail(f"{value!r} is not a list of {kind} such as {self.name}", param, ctx)
        if not numbers or not all(math.isfinite(number) for number in numbers):
            self.fail(f"{value!r} is not a list of finite numbers", param, ctx)
        if self.count is not None and len(numbers) != self.count:
            self.fail(f"{value!r} holds {len(numbers)} numbers instead of {self.count}: {self.name}", param, ctx)
        return numbers


class Names(click.ParamType[tuple[str, ...], Any]):
    """Several names in one text, between commas."""

    name = "NAME,NAME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Read the text."""
        if isinstance(value, tuple):
            return value
        names = tuple(part.strip() for part in str(value).split(","))
        if not all(names):
            self.fail(f"{value!r} is not a list of names such as {self.name}", param, ctx)
        return names


class Overlap(click.ParamType[float, Any]):
    """Pixels (``128``, ``128px``) or a share of the tile (``0.2``, ``20%``), as the library reads it."""

    name = "PIXELS|SHARE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """A number: pixels, or a share when between 0 and 1."""
        try:
            return read_overlap(value)
        except SettingsError as error:
            self.fail(f"{error}. {error.hint}", param, ctx)


class ExtentText(click.ParamType["Extent", Any]):
    """A bounding box in one of the forms of ``geogrounding.geometry.extent``."""

    name = "XMIN,YMIN,XMAX,YMAX"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Extent:
        """Read the text."""
        from geogrounding.errors import AreaError
        from geogrounding.geometry.extent import Extent, parse_extent  # shapely: not for --help

        if isinstance(value, Extent):
            return value
        try:
            return parse_extent(str(value))
        except AreaError as error:
            self.fail(f"{error}. {error.hint}", param, ctx)


DATABASES = ("postgresql://", "postgres://")
"""As ``io.database``, which a help text must not import."""
STORES = ("s3://", "gs://", "az://")
"""As ``io.objects``."""


class BandOrNone(click.ParamType[int, Any]):
    """A band counted from 1, or ``none``, which becomes 0."""

    name = "BAND|none"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the text."""
        text = str(value).strip().lower()
        if text == "none":
            return 0
        if not (text.isascii() and text.isdigit() and int(text) > 0):
            self.fail(f"{value!r} is neither a band counted from 1 nor none", param, ctx)
        return int(text)


class Metres(click.ParamType[float, Any]):
    """A positive length in metres: ``0.5``, ``0.5m``, ``50 cm``."""

    name = "METRES"
    _UNITS: ClassVar[dict[str, float]] = {"": 1.0, "m": 1.0, "metre": 1.0, "metres": 1.0, "meters": 1.0, "cm": 0.01}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number of metres."""
        match = re.fullmatch(r"\s*([0-9.+eE-]+)\s*([a-z]*)\s*", str(value))
        try:
            metres = float(match[1]) * self._UNITS[match[2]] if match else math.nan
        except (ValueError, KeyError):
            metres = math.nan
        if not (math.isfinite(metres) and metres > 0):
            self.fail(f"{value!r} is not a positive number of metres, such as 0.5 or 50cm", param, ctx)
        return metres


class Output(click.ParamType[Any, Any]):
    """A file to write, as a path, or the address of a table or object, as text."""

    name = "FILE|TABLE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | str:
        """A path, unless it begins like an address."""
        if isinstance(value, Path):
            return value
        if str(value).strip().lower().startswith(DATABASES + STORES):
            return str(value).strip()
        if Path(value).is_dir():
            self.fail(f"{value!r} is a folder", param, ctx)
        return Path(value)


class FolderOrTable(click.ParamType[Any, Any]):
    """A folder to write to, as a path, or the address of a table or of a folder of a store, as text."""

    name = "FOLDER|TABLE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | str:
        """A path, unless it begins like an address."""
        if isinstance(value, Path):
            return value
        if str(value).strip().lower().startswith(DATABASES + STORES):
            return str(value).strip()
        if Path(value).is_file():
            self.fail(f"{value!r} is a file", param, ctx)
        return Path(value)


class KeyValue(click.ParamType[tuple[str, str], Any]):
    """A ``KEY=VALUE`` pair."""

    name = "KEY=VALUE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Split at the first ``=``."""
        if isinstance(value, tuple):
            return value
        key, separator, text = str(value).partition("=")
        if not separator or not key.strip():
            self.fail(f"{value!r} is not KEY=VALUE", param, ctx)
        return key.strip(), text


class Format(click.ParamType[str, Any]):
    """A vector format by its short name or its GDAL name, in any case."""

    name = "FORMAT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The short name."""
        short = str(value).lower()
        short = _GDAL_NAMES.get(short, short)
        if short not in FORMATS:
            self.fail(f"{value!r} is not one of {', '.join(FORMATS)}", param, ctx)
        return short
