"""A layer in another vector format, as other programs want it: Shapefile, KML, CSV and the project's own formats.

.shp    one file of up to 2 GB; names of 10 characters, texts of 254 bytes: what is shortened is reported
.kml    longitude and latitude
.csv    attributes and the geometry as well-known text, in the CRS of the layer
.gpkg .geojson .fgb .parquet    as they are
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from geogrounding.errors import OutputError
from geogrounding.geometry.rectangles import least_rectangles
from geogrounding.io.atomic import partial_folder, publish
from geogrounding.messages import first_line

if TYPE_CHECKING:
    import geopandas as gpd

Geometry = Literal["as-is", "point", "box", "oriented"]
DRIVERS = {
    ".shp": "ESRI Shapefile",
    ".kml": "LIBKML",
    ".csv": "CSV",
    ".gpkg": "GPKG",
    ".geojson": "GeoJSON",
    ".fgb": "FlatGeobuf",
    ".parquet": "Parquet",
}
"""By ending."""
SHP_NAME, SHP_TEXT = 10, 254
"""Characters of a field's name and bytes of a text that a Shapefile holds."""
SHP_BYTES = 2 * 2**30 - 1
_SHP_PARTS = (".dbf", ".shx", ".prj", ".cpg", ".shp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """What was written, and what the format could not hold."""

    features: int
    notices: tuple[str, ...] = ()


def write_converted(frame: gpd.GeoDataFrame, path: Path, *, geometry: Geometry = "as-is") -> Converted:
    """Write a layer in the format of the ending, whole or not at all.

    Args:
        frame: the layer.
        path: must not exist.
        geometry: the geometries as they are, the point of each (inside of it), the box around it, or the smallest
            turned rectangle.

    Raises:
        OutputError: the ending is not known, the file exists, or the format cannot hold the layer.
    """
    suffix = path.suffix.lower()
    if suffix not in DRIVERS:
        raise OutputError(
            f"{path.name}: the ending {suffix!r} is no format for export", hint=f"Endings: {', '.join(DRIVERS)}."
        )
    if path.exists():
        raise OutputError(f"{path} exists", hint="Choose another name.")
    if not path.absolute().parent.is_dir():
        raise OutputError(f"the folder {path.absolute().parent} does not exist", hint="Create it first.")
    frame = _shaped(frame, geometry)
    with partial_folder(path.absolute()) as folder:
        made, notices = make_files(frame, folder, suffix, path.stem)
        *beside, layer = made
        publish([*((part, path.absolute().with_suffix(part.suffix)) for part in beside), (layer, path.absolute())])
    return Converted(features=len(frame), notices=notices)


def make_files(
    frame: gpd.GeoDataFrame, folder: Path, suffix: str, name: str, *, kind: str = "Polygon"
) -> tuple[list[Path], tuple[str, ...]]:
    """Write a layer in the format of an ending into a folder.

    Args:
        frame: the layer.
        folder: for files of its own.
        suffix: the ending.
        name: of the layer, where the format has one.
        kind: of geometry, where the layer is empty.

    Returns:
        The files, the one that makes it complete last, and what the format could not hold.

    Raises:
        OutputError: the format cannot hold the layer, or it cannot be written.
    """
    notices: list[str] = []
    if suffix in (".kml", ".geojson"):
        if frame.crs is None:
            raise OutputError(f"{suffix} needs coordinates on the ground, and the layer has no CRS", hint="Use .csv.")
        frame = frame.to_crs("EPSG:4326")
    if suffix == ".shp":
        frame = _for_shapefile(frame, notices)
    new = folder / f"layer{suffix}"
    try:
        _write(frame, new, name, kind)
        if suffix != ".shp":
            return [new], tuple(notices)
        _check_size(folder)
        return _parts(folder), tuple(notices)
    except OutputError:
        raise
    # pyogrio and pyarrow raise many kinds, and all mean the same to the user.
    except Exception as error:  # noqa: BLE001
        raise OutputError(
            f"{name}{suffix} cannot be written: {first_line(error)}", hint="Choose another format."
        ) from None


def _shaped(frame: gpd.GeoDataFrame, geometry: Geometry) -> gpd.GeoDataFrame:
    if geometry == "as-is":
        return frame
    shapes = {
        "point": frame.geometry.representative_point,
        "box": lambda: frame.geometry.envelope,
        "oriented": lambda: least_rectangles(frame.geometry.to_numpy()),
    }[geometry]()
    return frame.set_geometry(shapes, crs=frame.crs)


def _write(frame: gpd.GeoDataFrame, path: Path, name: str, kind: str) -> None:
    import pyogrio

    suffix = path.suffix
    if suffix == ".parquet":
        frame.to_parquet(path)
        return
    # a date of its own would give other bytes each day
    shapefile = {"ENCODING": "UTF-8", "DBF_DATE_LAST_UPDATE": "1970-01-01"}
    options = {".csv": {"GEOMETRY": "AS_WKT"}, ".shp": shapefile}.get(suffix, {})
    empty = {} if len(frame) else {"geometry_type": kind}
    layer = {} if suffix in (".csv", ".shp", ".geojson", ".fgb") else {"layer": name}
    frame = frame.rename_geometry("geometry") if frame.geometry.name != "geometry" else frame
    pyogrio.write_dataframe(frame, path, driver=DRIVERS[suffix], **empty, **layer, **options)


def _for_shapefile(frame: gpd.GeoDataFrame, notices: list[str]) -> gpd.GeoDataFrame:
    """Names and texts that fit, with a notice of each that was shortened."""
    names: dict[str, str] = {}
    for column in frame.columns:
        if column == frame.geometry.name:
            continue
        short, number = column[:SHP_NAME], 1
        while short.lower() in (used.lower() for used in names.values()):
            short, number = f"{column[: SHP_NAME - 2]}_{number}", number + 1
        names[column] = short
    renamed = [f"{old} -> {new}" for old, new in names.items() if old != new]
    if renamed:
        notices.append(f"a Shapefile has names of {SHP_NAME} characters: {', '.join(renamed)}")
    frame = frame.copy()
    for column in names:
        texts = [value for value in frame[column] if isinstance(value, str)]
        cut = sum(len(text.encode()) > SHP_TEXT for text in texts)
        if cut:
            frame[column] = [_fitting(value) if isinstance(value, str) else value for value in frame[column]]
            notices.append(f"a Shapefile has texts of {SHP_TEXT} bytes: {cut} of {column} were cut")
    kinds = {kind.removeprefix("Multi") for kind in frame.geom_type.dropna()}
    if len(kinds) > 1:
        raise OutputError(
            f"a Shapefile holds one kind of geometry, not {' and '.join(sorted(kinds))}",
            hint="--geometry point or box makes them one, or write .gpkg.",
        )
    return frame.rename(columns=names)


def _fitting(text: str) -> str:
    return text.encode()[:SHP_TEXT].decode(errors="ignore")


def _parts(folder: Path) -> list[Path]:
    """The files of a Shapefile, the one that makes it complete last."""
    return [folder / f"layer{suffix}" for suffix in _SHP_PARTS if (folder / f"layer{suffix}").exists()]


def _check_size(folder: Path) -> None:
    for part in _parts(folder):
        if part.stat().st_size > SHP_BYTES:
            raise OutputError(f"a Shapefile ends at 2 GB, and its {part.suffix} is larger", hint="Write .gpkg.")
