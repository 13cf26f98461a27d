"""Layers of a run as Shapefile, KML or CSV: written as a GeoPackage first, and made into the other format whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyproj import CRS

from geogrounding.errors import OutputError
from geogrounding.geometry.operation import Bounds
from geogrounding.io.atomic import partial_folder, publish
from geogrounding.io.convert import make_files
from geogrounding.io.destination import Destination, sidecar_path
from geogrounding.io.write_layer import check_layer, write_layer
from geogrounding.vector.feature import Feature

LIMITS = {
    ".shp": "a Shapefile holds names of 10 characters, texts of 254 bytes and 2 GB: longer names and texts are cut",
    ".kml": "KML is in longitude and latitude",
    ".csv": "CSV names no coordinate system: it is in the side-car",
}
"""By ending: what a user should know before the run."""


def is_converted(path: Path) -> bool:
    """Whether a file has such a format, by its ending."""
    return path.suffix.lower() in LIMITS


def check_converted_place(destination: Destination) -> None:
    """As ``destination.check_place``.

    Raises:
        OutputError: something stands there, the folder is missing, or options do not fit.
    """
    path, suffix = destination.path, destination.path.suffix.lower()
    if destination.append or destination.layer is not None or destination.options:
        raise OutputError(f"--append, --layer and --co are not for {suffix}", hint="leave them out, or write .gpkg")
    if not path.absolute().parent.is_dir():
        raise OutputError(f"the folder {path.absolute().parent} does not exist", hint="create it first")
    if path.exists() and (path.is_dir() or not destination.overwrite):
        raise OutputError(f"{path} exists already", hint="pass --overwrite, or choose another name")


def check_converted(destination: Destination, *, crs: CRS | None, extent: Bounds) -> tuple[str, ...]:
    """As ``write_layer.check_layer``: what the user should know before the first chip.

    Raises:
        OutputError: it cannot be written.
    """
    check_converted_place(destination)
    path, suffix = destination.path, destination.path.suffix.lower()
    if suffix == ".kml" and (crs is None or destination.dst_crs is not None):
        raise OutputError(
            "KML is always in longitude and latitude", hint="leave out --dst-crs, or write .gpkg; pixels have no place"
        )
    with partial_folder(path.absolute()) as folder:
        inner = replace(destination, path=folder / "checked.gpkg", overwrite=False)
        return (LIMITS[suffix], *check_layer(inner, crs=crs, extent=extent, pixel_coordinates=crs is None))


def write_converted_layer(
    destination: Destination,
    features: Iterable[Feature],
    *,
    crs: CRS | None,
    metadata: Mapping[str, Any],
    extent: Bounds,
    measures: Iterable[str] = (),
    points: bool = False,
) -> int:
    """Write features and the description of the run, all files or none; return how many features were written.

    Args:
        destination: checked.
        features: read once; the layer is held in memory while it is made into the format.
        crs: of the scene; None for pixel coordinates.
        metadata: what else to record about the run.
        extent: of the scene, in ``crs``.
        measures: names in ``Feature.measures`` that get columns of their own.
        points: geometries are points, not polygons.

    Raises:
        OutputError: it cannot be written; old files stay as they were.
    """
    import pyogrio

    path, suffix = destination.path.absolute(), destination.path.suffix.lower()
    with partial_folder(path) as folder:
        between = folder / "between.gpkg"
        count = write_layer(
            between,
            features,
            crs=crs,
            dst_crs="EPSG:4326" if suffix == ".kml" else destination.dst_crs,
            metadata=metadata,
            extent=extent,
            pixel_coordinates=crs is None,
            measures=tuple(measures),
            points=points,
        )
        frame = pyogrio.read_dataframe(between)
        made, notices = make_files(frame, folder, suffix, path.stem, kind="Point" if points else "Polygon")
        found = int(pyogrio.read_info(made[-1], force_feature_count=True)["features"])
        if found != count:
            raise OutputError(f"{path.name} holds {found} of {count} features after writing", hint="is the disk full?")
        about = json.loads(sidecar_path(between).read_text(encoding="utf-8"))
        with made[-1].open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        about["layer"] = {"file": path.name, "features": found, "sha256": digest, "shortened": list(notices)}
        sidecar = folder / "run.json"
        sidecar.write_text(json.dumps(about, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        publish(
            [
                (sidecar, sidecar_path(path)),
                *((part, path.with_suffix(part.suffix)) for part in made[:-1]),
                (made[-1], path),
            ]
        )
    return count
