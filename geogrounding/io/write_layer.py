"""Features to a file, by its extension, whole or not at all.

    .geojson    RFC 7946: WGS84, 7 decimals, counter-clockwise, cut at the antimeridian
    .geojsonl   the same, one feature a line
    .gpkg       GeoPackage, CRS of the scene or --dst-crs; the run's settings in its metadata tables
    .fgb        FlatGeobuf, CRS of the scene or --dst-crs
    .parquet    GeoParquet 1.1, CRS of the scene or --dst-crs; the run's settings in the key-value metadata

Beside every layer stands ``NAME.run.json`` with the run's settings, the number of features and the layer's SHA-256.
A layer is written under a temporary name, flushed, read back from its first to its last feature, and then renamed: a
full disk or a kill leaves the old file or the new one, never half of one. Texts are stored as they are, except that NUL
and lone surrogates, which no format can hold, become U+FFFD. An empty layer has all fields where the format has a
schema; an empty .geojson is an empty collection and an empty .geojsonl an empty file, since text has none.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError

from geogrounding.errors import GeogroundingError, OutputError
from geogrounding.geometry.geodesy import densify, transform_points
from geogrounding.io.atomic import partial_folder, publish
from geogrounding.io.formats import FORMATS, Format, LayerPlan
from geogrounding.io.rfc7946 import DECIMALS, WGS84, polygons_lonlat
from geogrounding.io.tables import FIELDS, FeatureBatch, batches, measure_of, storable
from geogrounding.vector.feature import Feature

if TYPE_CHECKING:
    import geopandas as gpd

EXTENSIONS = tuple(FORMATS)
RFC7946_EXTENSIONS = (".geojson", ".geojsonl")
EDGE_TOLERANCE_M = 0.01
LONGEST_NAME_BYTES = 255
NO_ROOM = "check the room on the disk and that the folder is writable"


def sidecar_path(path: Path) -> Path:
    """Where the description of the run stands: ``planes.gpkg`` -> ``planes.gpkg.run.json``."""
    return path.with_name(path.name + ".run.json")


def check_output(path: Path | str, overwrite: bool = False) -> None:
    """Check before a run that a layer can be written to ``path`` at its end.

    Raises:
        OutputError: the extension is not known, the folder is missing or not writable, or a file is there already and
            ``overwrite`` is not set.
    """
    path = Path(path)
    _format_of(path)
    try:
        _check_place(path, overwrite)
    except (OSError, ValueError) as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"cannot write to {str(path)!r}: {error}", hint="choose another name") from error


def _check_place(path: Path, overwrite: bool) -> None:
    folder = path.absolute().parent
    if not folder.is_dir():
        raise OutputError(f"the folder {folder} does not exist", hint="create it first")
    if "\0" in path.name or len(os.fsencode(sidecar_path(path).name)) > LONGEST_NAME_BYTES:
        raise OutputError("the name of the output is too long or holds NUL", hint="choose a shorter, plain name")
    if path.is_dir():
        raise OutputError(f"{path} is a folder", hint="give the name of a file in it")
    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists already", hint="pass --overwrite, or choose another name")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"the folder {folder} is not writable", hint="choose another folder, or change its mode")


def write_layer(
    path: Path | str,
    features: Iterable[Feature],
    *,
    crs: CRS | None,
    dst_crs: CRS | str | None = None,
    metadata: Mapping[str, Any],
    creation_options: Mapping[str, str] | None = None,
    overwrite: bool = False,
    pixel_coordinates: bool = False,
    measures: Sequence[str] = (),
) -> int:
    """Write features to ``path`` and the description of the run beside it; return how many were written.

    Args:
        path: the extension chooses the format (see the module's docstring).
        features: read once, in order; memory does not grow with their number.
        crs: of the scene; None only for pixel coordinates.
        dst_crs: write in this CRS instead; GeoJSON is always WGS84.
        metadata: what else to tell about the run; anything that JSON can hold.
        creation_options: as GDAL names them, such as ``SPATIAL_INDEX=NO``.
        overwrite: replace an existing file.
        pixel_coordinates: geometries are in scene pixels, x right, y down; no CRS is written.
        measures: names in ``Feature.measures`` that get columns of their own.

    Raises:
        OutputError: the file cannot be written, or what was written cannot be read back. Old files stay as they were.
    """
    path = Path(path)
    check_output(path, overwrite)
    chosen = _format_of(path)
    options = {name.upper(): str(value) for name, value in (creation_options or {}).items()}
    chosen.check_options(options)
    target_crs = _target_crs(path, crs, dst_crs, pixel_coordinates)
    is_text = path.suffix.lower() in RFC7946_EXTENSIONS
    cut = target_crs is not None and target_crs.is_geographic and (is_text or target_crs != crs)
    described = dict(metadata) | {"coordinates": _describe_coordinates(target_crs, pixel_coordinates)}
    plan = LayerPlan(
        name=_layer_name(path),
        crs=target_crs,
        only_polygons=not cut,
        metadata=_to_json(described),
        options=options,
        measures=tuple(measures),
    )
    decimals = int(options.get("COORDINATE_PRECISION", DECIMALS)) if is_text else None
    counted = _Counted(features)
    try:
        with partial_folder(path.absolute()) as folder:
            # A plain name of its own: GDAL sees nothing of what the user typed.
            layer = folder / f"layer{path.suffix.lower()}"
            placed = _placed(counted, crs, target_crs, cut=cut, decimals=decimals, measures=measures)
            chosen.write(layer, placed, plan)
            found = chosen.count(layer)
            if found != counted.count:
                raise OutputError(f"{path.name} holds {found} of {counted.count} features after writing", hint=NO_ROOM)
            sidecar = folder / "run.json"
            about = {"file": path.name, "features": found, "sha256": _sha256(layer)}
            sidecar.write_text(_to_json({"layer": about} | described, indent=2) + "\n", encoding="utf-8")
            json.loads(sidecar.read_text(encoding="utf-8"))
            # The description first: where the layer stands under its name, all is in place.
            publish([(sidecar, sidecar_path(path.absolute())), (layer, path.absolute())])
    except GeogroundingError:
        raise
    except (OSError, RuntimeError, ValueError, RuntimeWarning) as error:
        # What pyogrio, GDAL and Arrow raise when a write fails; errors of the features' source pass through _Counted.
        if counted.error is not None:
            raise counted.error from None
        raise OutputError(f"cannot write {path}: {error}", hint=NO_ROOM) from error
    return counted.count


def to_geodataframe(features: Iterable[Feature], crs: CRS | None) -> gpd.GeoDataFrame:
    """Features as a GeoDataFrame in ``crs``, with the attributes of the files and the column ``geometry``."""
    import geopandas as gpd
    import pandas as pd

    held = list(features)
    columns: dict[str, Any] = {}
    for field in FIELDS:
        values = [getattr(feature, field.name) for feature in held]
        dtype = {"int64": "int64", "double": "float64"}.get(str(field.type), "object")
        columns[field.name] = pd.Series(values, dtype=dtype)
    for name in sorted({name for feature in held for name, _ in feature.measures} - set(columns)):
        columns[name] = pd.Series([measure_of(feature, name) for feature in held], dtype="float64")
    geometry = np.empty(len(held), dtype=object)
    geometry[:] = [feature.geometry_crs for feature in held]
    return gpd.GeoDataFrame(columns, geometry=geometry, crs=crs)


class _Counted:
    """Features as they pass, counted; an error of their source is kept, so that it is not taken for one of the disk."""

    def __init__(self, features: Iterable[Feature]) -> None:
        self._features = features
        self.count = 0
        self.error: BaseException | None = None

    def __iter__(self) -> Iterator[Feature]:
        try:
            for feature in self._features:
                self.count += 1
                yield feature
        except GeneratorExit:
            raise
        except BaseException as error:
            self.error = error
            raise


def _placed(
    features: Iterable[Feature],
    crs: CRS | None,
    target_crs: CRS | None,
    *,
    cut: bool,
    decimals: int | None,
    measures: Sequence[str] = (),
) -> Iterator[FeatureBatch]:
    """Batches with their polygons in the target CRS."""
    for batch in batches(features, measures=measures):
        polygons = batch.polygons
        if crs is not None and target_crs is not None:
            if cut:
                polygons = polygons_lonlat(polygons, crs, target_crs=target_crs, decimals=decimals)
            elif crs != target_crs:
                polygons = _transformed(polygons, crs, target_crs)
        yield FeatureBatch(batch.attributes, polygons)


def _transformed(polygons: NDArray[np.object_], crs: CRS, target_crs: CRS) -> NDArray[np.object_]:
    if len(polygons) == 0:
        return polygons
    unit_m = float(target_crs.axis_info[0].unit_conversion_factor) if target_crs.axis_info else 1.0
    dense = densify(polygons, crs, target_crs, tolerance=EDGE_TOLERANCE_M / unit_m)
    moved = shapely.transform(dense, lambda points: transform_points(points, crs, target_crs))
    oriented: NDArray[np.object_] = shapely.orient_polygons(moved)
    return oriented


def _format_of(path: Path) -> Format:
    chosen = FORMATS.get(path.suffix.lower())
    if chosen is None:
        raise OutputError(
            f"{path.name}: the extension {path.suffix!r} is not a known vector format",
            hint=f"end the name in one of {', '.join(EXTENSIONS)}",
        )
    return chosen


def _target_crs(path: Path, crs: CRS | None, dst_crs: CRS | str | None, pixel_coordinates: bool) -> CRS | None:
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
    if path.suffix.lower() in RFC7946_EXTENSIONS:
        if wanted is not None and not wanted.equals(WGS84, ignore_axis_order=True):
            raise OutputError(
                f"GeoJSON is always WGS84 (RFC 7946), not {wanted.name}",
                hint="leave out --dst-crs, or write .gpkg, .fgb or .parquet",
            )
        return WGS84
    return crs if wanted is None else wanted


def _layer_name(path: Path) -> str:
    """The stem of the file, from its first letter or digit on: GeoPackage takes no other beginning."""
    return re.sub(r"^\W+", "", storable(path.stem)) or "layer"


def _describe_coordinates(target_crs: CRS | None, pixel_coordinates: bool) -> str:
    if pixel_coordinates or target_crs is None:
        return "scene pixels, x right, y down, (0, 0) at the outer corner of the first pixel; no CRS"
    authority = target_crs.to_authority()
    return f"{target_crs.name} ({':'.join(authority)})" if authority else target_crs.name


def _to_json(value: Mapping[str, Any], *, indent: int | None = None) -> str:
    try:
        # Through JSON and back first, so that all that is left to clean are dicts, lists and texts.
        plain = json.loads(json.dumps(value, allow_nan=False, default=str))
        return json.dumps(_storable_values(plain), ensure_ascii=False, indent=indent)
    except (TypeError, ValueError, RecursionError) as error:
        raise OutputError(
            f"the run's description cannot be written as JSON: {error}", hint="this is a defect"
        ) from error


def _storable_values(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_storable_values(item) for item in value]
    if isinstance(value, dict):
        return {storable(key): _storable_values(item) for key, item in value.items()}
    return value


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
