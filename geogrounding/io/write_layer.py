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
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pyproj import CRS

from geogrounding.errors import GeogroundingError, OutputError
from geogrounding.geometry.operation import Bounds
from geogrounding.io.atomic import partial_folder, publish
from geogrounding.io.destination import (
    NO_ROOM,
    Destination,
    Existing,
    check_place,
    find_target,
    sidecar_path,
    try_to_write,
)
from geogrounding.io.formats import LayerPlan, last_id
from geogrounding.io.placing import Counted, Placing, describe_coordinates, to_json
from geogrounding.io.rfc7946 import DECIMALS
from geogrounding.io.tables import FIELDS, FeatureBatch, measure_of
from geogrounding.vector.feature import Feature

if TYPE_CHECKING:
    import geopandas as gpd


def check_output(path: Path | str, overwrite: bool = False, *, append: bool = False, layer: str | None = None) -> None:
    """Check before a run that a layer can be written to ``path``; ``check_layer`` checks more, with a scene.

    Raises:
        OutputError: see ``destination.check_place``.
    """
    check_place(Destination(path=Path(path), overwrite=overwrite, append=append, layer=layer))


def check_layer(
    destination: Destination, *, crs: CRS | None, extent: Bounds | None, pixel_coordinates: bool = False
) -> tuple[str, ...]:
    """Check before the first chip that the layer can be written; return what the user should know.

    Args:
        destination: the layer.
        crs: of the scene.
        extent: of the scene, in its CRS.
        pixel_coordinates: whether the layer is in pixels.

    Raises:
        OutputError: it cannot: its place, name, format, options or CRS; or no transformation leads to its CRS.
    """
    check_place(destination)
    target, operation = find_target(destination, crs, extent, pixel_coordinates=pixel_coordinates)
    try_to_write(destination, target)
    return () if operation is None or operation.notice is None else (operation.notice,)


def write_layer(  # noqa: PLR0913 - keyword-only options of the public function
    path: Path | str,
    features: Iterable[Feature],
    *,
    crs: CRS | None,
    dst_crs: CRS | str | None = None,
    metadata: Mapping[str, Any],
    creation_options: Mapping[str, str] | None = None,
    overwrite: bool = False,
    append: bool = False,
    layer: str | None = None,
    extent: Bounds | None = None,
    pixel_coordinates: bool = False,
    measures: Sequence[str] = (),
    points: bool = False,
    empty: Sequence[str] = (),
) -> int:
    """Write features to ``path`` and the description of the run beside it; return how many were written.

    Args:
        path: the extension chooses the format (see the module's docstring).
        features: read once, in order; memory does not grow with their number.
        crs: of the scene; None only for pixel coordinates.
        dst_crs: write in this CRS instead; GeoJSON is always WGS84.
        metadata: what else to record about the run; anything that JSON can hold.
        creation_options: as GDAL names them, such as ``SPATIAL_INDEX=NO``.
        overwrite: replace an existing file; of a GeoPackage with other layers only the layer of this name.
        append: add to an existing GeoPackage.
        layer: name of the layer in a GeoPackage; None is made from the name of the file.
        extent: of the scene, (xmin, ymin, xmax, ymax) in ``crs``: one coordinate operation is chosen for all of it.
        pixel_coordinates: geometries are in scene pixels, x right, y down; no CRS is written.
        measures: names in ``Feature.measures`` that get columns of their own.
        points: geometries are points, not polygons.
        empty: columns of numbers that are null in every feature; text formats leave them out.

    Raises:
        OutputError: the file cannot be written, or what was written cannot be read back. Old files stay as they were.
    """
    destination = Destination(
        path=Path(path),
        overwrite=overwrite,
        append=append,
        layer=layer,
        dst_crs=dst_crs,
        options={name.upper(): str(value) for name, value in (creation_options or {}).items()},
    )
    existing = check_place(destination)
    target_crs, operation = find_target(destination, crs, extent, pixel_coordinates=pixel_coordinates)
    cut = target_crs is not None and target_crs.is_geographic and (destination.is_text or target_crs != crs)
    described = dict(metadata) | {"coordinates": describe_coordinates(target_crs, pixel_coordinates)}
    if operation is not None:
        described["transformation"] = operation.describe()
    plan = LayerPlan(
        name=destination.layer_name,
        crs=target_crs,
        geometry_type="Point" if points else "Unknown" if cut else "Polygon",
        metadata=to_json(described),
        options=destination.options,
        append=existing.append,
        measures=tuple(measures),
        empty=tuple(empty),
    )
    decimals = int(destination.options.get("COORDINATE_PRECISION", DECIMALS)) if destination.is_text else None
    placing = Placing(crs=crs, target_crs=target_crs, operation=operation, cut=cut, decimals=decimals)
    counted = Counted(features)
    try:
        _write(destination, existing, plan, placing.batches(counted, measures), counted, described)
    except GeogroundingError:
        raise
    except (OSError, RuntimeError, ValueError, RuntimeWarning) as error:
        # What pyogrio, GDAL and Arrow raise when a write fails; errors of the features' source pass through Counted.
        if counted.error is not None:
            raise counted.error from None
        raise OutputError(f"cannot write {path}: {error}", hint=NO_ROOM) from error
    return counted.count


def _write(
    destination: Destination,
    existing: Existing,
    plan: LayerPlan,
    placed: Iterator[FeatureBatch],
    counted: Counted,
    described: Mapping[str, Any],
) -> None:
    """Write layer and description under temporary names, read the layer back, and put both in place."""
    path = destination.path
    with partial_folder(path.absolute()) as folder:
        # A plain name of its own: GDAL sees nothing of what the user typed.
        new = folder / f"layer{path.suffix.lower()}"
        before = 0
        if existing.keep_file:
            shutil.copy2(path, new)
            before = destination.format.count(new, plan.name) if existing.append else 0
            placed = _numbered(placed, last_id(new, plan.name) if existing.append else 0)
        destination.format.write(new, placed, plan)
        found = destination.format.count(new, plan.name) - before
        if found != counted.count:
            raise OutputError(f"{path.name} holds {found} of {counted.count} features after writing", hint=NO_ROOM)
        sidecar = folder / "run.json"
        about = {"file": path.name, "features": found, "sha256": _sha256(new)}
        sidecar.write_text(to_json({"layer": about, **described}, indent=2) + "\n", encoding="utf-8")
        json.loads(sidecar.read_text(encoding="utf-8"))
        # The description first: where the layer stands under its name, all is in place.
        publish([(sidecar, sidecar_path(path.absolute())), (new, path.absolute())])


def _numbered(placed: Iterator[FeatureBatch], last: int) -> Iterator[FeatureBatch]:
    """Batches whose ids go on after those of an existing layer."""
    for batch in placed:
        yield replace(batch, rows=[{**row, "id": row["id"] + last} for row in batch.rows])


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


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
