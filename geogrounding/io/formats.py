"""How each file format is written and checked. One small class a format; ``export`` chooses by the extension.

All take a stream of batches, so that memory does not grow with the layer, and give the same bytes for the same input.
pyogrio is imported by the formats that need it: with it come geopandas and pandas, which take as long as a small run.
"""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol
from xml.etree import ElementTree as ET

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from geogrounding.errors import OutputError
from geogrounding.io._compat import driver_metadata
from geogrounding.io.tables import FeatureBatch, schema_with, with_geometry

METADATA_KEY = "geogrounding"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerPlan:
    """What a writer must know beside the features."""

    name: str
    """The layer's name, where the format has one."""
    crs: CRS | None
    """The CRS of the geometries that come; None for pixel coordinates."""
    geometry_type: Literal["Polygon", "Point", "Unknown"]
    """Of all geometries; ``Unknown`` where MultiPolygons can come among Polygons."""
    metadata: str
    """The run as JSON text."""
    options: Mapping[str, str]
    """Creation options, names in upper case, already checked."""
    measures: tuple[str, ...] = ()
    """Columns of measures behind the usual ones."""
    empty: tuple[str, ...] = ()
    """Columns of numbers that are null in every feature."""
    append: bool = False
    """Whether the layer exists and features are added to it."""


class Format(Protocol):
    """A way to write a layer and to check what was written."""

    def check_options(self, options: Mapping[str, str]) -> None:
        """Raise OutputError for a creation option that the format does not have."""

    def write(self, path: Path, batches: Iterator[FeatureBatch], plan: LayerPlan) -> None:
        """Write all batches to a new file, or to a layer of an existing GeoPackage."""

    def count(self, path: Path, layer: str | None = None) -> int:
        """Read the layer back from its first to its last feature and count them."""


class GeoJSON:
    """RFC 7946 text, one feature a line; with ``sequence``, lines alone (newline-delimited GeoJSON).

    Written here rather than by GDAL, which turns text that looks like JSON into objects. Columns of numbers that are
    null everywhere are left out: the text has no types, so readers would make them columns of text.
    """

    OPTIONS = ("COORDINATE_PRECISION",)

    def __init__(self, *, sequence: bool) -> None:
        self.sequence = sequence

    def check_options(self, options: Mapping[str, str]) -> None:
        """Refuse what the format does not have; see ``Format``."""
        _refuse_unknown(options, self.OPTIONS, "GeoJSON")
        precision = options.get("COORDINATE_PRECISION", "7")
        if not (precision.isascii() and precision.isdigit() and int(precision) <= 15):
            raise OutputError(
                f"COORDINATE_PRECISION={precision} is not a number of decimals", hint="give a whole number, 0 to 15"
            )

    def write(self, path: Path, batches: Iterator[FeatureBatch], plan: LayerPlan) -> None:
        """Write all batches to a new file."""
        with path.open("w", encoding="utf-8", newline="\n") as file:
            if not self.sequence:
                file.write('{"type":"FeatureCollection","features":[')
            separator = "" if self.sequence else "\n"
            for batch in batches:
                shapes = shapely.to_geojson(batch.polygons)
                for row, shape in zip(batch.rows, shapes, strict=True):
                    properties, number = {n: value for n, value in row.items() if n not in plan.empty}, row["id"]
                    text = json.dumps(properties, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
                    file.write(f'{separator}{{"type":"Feature","id":{number},"properties":{text},"geometry":{shape}}}')
                    if self.sequence:
                        file.write("\n")
                    else:
                        separator = ",\n"
            if not self.sequence:
                file.write("\n]}\n")

    def count(self, path: Path, layer: str | None = None) -> int:
        """Read the whole file back and count its features."""
        lines = 0
        end = ""
        with path.open(encoding="utf-8", newline="\n") as file:
            for line in file:
                text = end = line.rstrip("\n")
                if self.sequence or text.startswith('{"type":"Feature",'):
                    json.loads(text.removesuffix(","))
                    lines += 1
        if not self.sequence and end != "]}":
            raise OutputError(f"{path.name} ends in the middle", hint="check the room on the disk")
        return lines


class Vector:
    """A format of GDAL's, through pyogrio and Arrow: GeoPackage and FlatGeobuf."""

    def __init__(self, driver: str, *, fixed: tuple[str, ...]) -> None:
        self.driver = driver
        self.fixed = fixed
        """Options that the project sets itself."""

    def check_options(self, options: Mapping[str, str]) -> None:
        """Refuse what the format does not have; see ``Format``."""
        if not options:
            return
        known = _driver_options(self.driver)
        _refuse_unknown(options, [name for name in known if name not in self.fixed], self.driver)
        for name, value in options.items():
            kind, values = known[name]
            booleans = ("YES", "NO", "TRUE", "FALSE", "ON", "OFF", "1", "0")
            if kind == "boolean" and value.upper() not in booleans:
                raise OutputError(f"{name}={value} is not YES or NO", hint=f"give {name}=YES or {name}=NO")
            if kind == "string-select" and value.upper() not in (allowed.upper() for allowed in values):
                raise OutputError(f"{name} has no value {value}", hint=f"choose one of {', '.join(values)}")

    def write(self, path: Path, batches: Iterator[FeatureBatch], plan: LayerPlan) -> None:
        """Write all batches to a new file."""
        import pyogrio

        schema = with_geometry(_empty_attributes(plan.measures), np.empty(0, object), "geometry").schema
        stream = pa.RecordBatchReader.from_batches(
            schema, (with_geometry(batch.attributes(), batch.polygons, "geometry") for batch in batches)
        )
        metadata = {"layer_metadata": {METADATA_KEY: plan.metadata}} if self.driver == "GPKG" else {}
        with _steady_gdal():
            pyogrio.write_arrow(
                stream,
                path,
                layer=plan.name,
                append=plan.append,
                driver=self.driver,
                geometry_name="geometry",
                geometry_type=plan.geometry_type,
                crs=plan.crs.to_wkt() if plan.crs is not None else None,
                **metadata,
                **plan.options,
            )

    def count(self, path: Path, layer: str | None = None) -> int:
        """Read the whole file back and count its features."""
        import pyogrio

        rows = 0
        with pyogrio.open_arrow(path, layer=layer if self.driver == "GPKG" else None, use_pyarrow=True) as (_, reader):
            for batch in reader:
                rows += batch.num_rows
        return rows


class Parquet:
    """GeoParquet 1.1, written by pyarrow: geometry as well-known binary, CRS as PROJJSON."""

    OPTIONS = ("COMPRESSION", "COMPRESSION_LEVEL", "ROW_GROUP_SIZE")
    CODECS = ("snappy", "gzip", "brotli", "lz4", "zstd", "none")

    def check_options(self, options: Mapping[str, str]) -> None:
        """Refuse what the format does not have; see ``Format``."""
        _refuse_unknown(options, self.OPTIONS, "Parquet")
        codec = options.get("COMPRESSION", "zstd")
        if codec.lower() not in self.CODECS or (codec.lower() != "none" and not pa.Codec.is_available(codec.lower())):
            raise OutputError(f"COMPRESSION has no value {codec}", hint=f"choose one of {', '.join(self.CODECS)}")
        for name in ("COMPRESSION_LEVEL", "ROW_GROUP_SIZE"):
            value = options.get(name, "1")
            if not (value.isascii() and value.isdigit() and 0 < int(value) < 2**31):
                raise OutputError(f"{name}={value} is not a positive whole number", hint=f"give {name}=9, for example")

    def write(self, path: Path, batches: Iterator[FeatureBatch], plan: LayerPlan) -> None:
        """Write all batches to a new file."""
        schema = with_geometry(
            _empty_attributes(plan.measures), np.empty(0, object), "geometry"
        ).schema.remove_metadata()
        schema = pa.schema([field.remove_metadata() for field in schema])
        codec = plan.options.get("COMPRESSION", "zstd").lower()
        level = plan.options.get("COMPRESSION_LEVEL")
        rows = int(plan.options.get("ROW_GROUP_SIZE", "65536"))
        bounds = np.array([np.inf, np.inf, -np.inf, -np.inf])
        kinds: set[str] = set()
        with pq.ParquetWriter(
            path, schema, compression=codec, compression_level=None if level is None else int(level)
        ) as writer:
            held: list[pa.RecordBatch] = []
            for batch in batches:
                if len(batch.polygons):
                    kinds |= {str(shape.geom_type) for shape in batch.polygons}
                    low_high = shapely.total_bounds(batch.polygons)
                    bounds = np.concatenate(
                        [np.minimum(bounds[:2], low_high[:2]), np.maximum(bounds[2:], low_high[2:])]
                    )
                held.append(with_geometry(batch.attributes(), batch.polygons, "geometry"))
                if sum(one.num_rows for one in held) >= rows:
                    writer.write_table(pa.Table.from_batches(held).cast(schema), row_group_size=rows)
                    held = []
            if held:
                writer.write_table(pa.Table.from_batches(held).cast(schema), row_group_size=rows)
            geo = self._geo_metadata(plan, kinds, bounds)
            writer.add_key_value_metadata({"geo": json.dumps(geo), METADATA_KEY: plan.metadata})

    def count(self, path: Path, layer: str | None = None) -> int:
        """Read the whole file back and count its features."""
        with pq.ParquetFile(path) as file:
            return sum(batch.num_rows for batch in file.iter_batches())

    @staticmethod
    def _geo_metadata(plan: LayerPlan, kinds: set[str], bounds: NDArray[np.float64]) -> dict[str, Any]:
        column: dict[str, Any] = {
            "encoding": "WKB",
            "geometry_types": sorted(kinds),
            # null means "not known"; leaving the key out would mean longitude and latitude.
            "crs": None if plan.crs is None else plan.crs.to_json_dict(),
            "edges": "planar",
        }
        if plan.geometry_type != "Point":
            column["orientation"] = "counterclockwise"
        if kinds:
            column["bbox"] = [float(value) for value in bounds]
        return {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}


def last_id(path: Path, layer: str) -> int:
    """The largest id of a layer; 0 where it has no features."""
    import pyogrio

    largest = 0
    with pyogrio.open_arrow(path, layer=layer, columns=["id"], read_geometry=False, use_pyarrow=True) as (_, reader):
        for batch in reader:
            values = [value for value in batch.column("id").to_pylist() if value is not None]
            largest = max(largest, *values) if values else largest
    return largest


FORMATS: dict[str, Format] = {
    ".geojson": GeoJSON(sequence=False),
    ".geojsonl": GeoJSON(sequence=True),
    ".gpkg": Vector("GPKG", fixed=("OVERWRITE", "SRID", "APPEND_SUBDATASET", "FID", "GEOMETRY_NULLABLE")),
    ".fgb": Vector("FlatGeobuf", fixed=("TEMPORARY_DIR",)),
    ".parquet": Parquet(),
}
"""By extension, in lower case."""


def _empty_attributes(measures: Sequence[str]) -> pa.RecordBatch:
    schema = schema_with(measures)
    return pa.RecordBatch.from_arrays([pa.array([], type=field.type) for field in schema], schema=schema)


def _refuse_unknown(options: Mapping[str, str], known: Any, driver: str) -> None:
    for name in options:
        if name not in known:
            raise OutputError(
                f"{driver} has no creation option {name}", hint=f"known are {', '.join(sorted(known)) or 'none'}"
            )


def _driver_options(driver: str) -> dict[str, tuple[str, list[str]]]:
    """Creation options of a GDAL driver for vector data: the type of each, and its values where they are listed."""
    options: dict[str, tuple[str, list[str]]] = {}
    for item in ("DMD_CREATIONOPTIONLIST", "DS_LAYER_CREATIONOPTIONLIST"):
        text = driver_metadata(driver, item)
        if not text:
            continue
        for option in ET.fromstring(text).iter("Option"):  # noqa: S314 - text of GDAL's own
            if option.get("scope") != "raster":
                values = [value.text or "" for value in option.iter("Value")]
                options[option.get("name", "")] = (option.get("type", ""), values)
    return options


_gdal_lock = threading.Lock()


@contextmanager
def _steady_gdal() -> Iterator[None]:
    """GDAL that writes no time of day into files, and whose warnings about a file being written are errors."""
    import pyogrio

    with _gdal_lock, warnings.catch_warnings(record=True) as caught:
        # Recorded rather than turned into errors: an exception cannot leave the handler that GDAL calls.
        warnings.simplefilter("always")
        before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "1970-01-01T00:00:00.000Z"})
        try:
            yield
        finally:
            pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})
    for warning in caught:  # the others say that pixel coordinates have no CRS
        if issubclass(warning.category, RuntimeWarning):
            raise OutputError(f"GDAL warned while writing: {warning.message}", hint="check the creation options")
