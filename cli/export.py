"""``geoground export``: a result for other programs, or as training data with image chips."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geogrounding.errors import InputError, SettingsError
from geogrounding.messages import quote

from . import options as opt
from .param_types import KeyValue
from .terminal import count, say

if TYPE_CHECKING:
    import geopandas as gpd

LABEL_FIELDS = ("label", "query")
"""Where classes are looked for unless --label-field says so."""


@click.command(cls=opt.Command)
@click.argument("layer", type=click.Path(dir_okay=False, path_type=Path), help="A result, or any layer of polygons.")
@opt.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    section="Files",
    metavar="FILE|FOLDER",
    help="coco.json, a new folder for YOLO (yolo/), .shp, .kml, .csv, .gpkg, .geojson, .fgb or .parquet.",
)
@opt.option("--layer-name", section="Files", metavar="NAME", help="Layer of LAYER, where the file has several.")
@opt.option(
    "--only",
    type=KeyValue(),
    multiple=True,
    section="Features",
    metavar="FIELD=VALUE",
    help="Only features with this value, such as review=accepted; may be repeated, and all must hold.",
)
@opt.option(
    "--geometry",
    type=click.Choice(["as-is", "point", "box", "oriented"]),
    default="as-is",
    show_default=True,
    section="Features",
    help="What geometries become in a vector format: points inside, boxes around, or the smallest turned rectangles.",
)
@opt.option(
    "--scene", type=click.Path(dir_okay=False), section="Chips", metavar="RASTER", help="What COCO and YOLO show."
)
@opt.option(
    "--annotate",
    type=click.Choice(["box", "oriented", "mask"]),
    default="box",
    show_default=True,
    section="Chips",
    help="What COCO and YOLO say of an object.",
)
@opt.option("--label-field", section="Chips", metavar="FIELD", help="Field with the class. Default: label, else query.")
@opt.option(
    "--tile-size",
    type=click.IntRange(32, 8192),
    default=640,
    show_default=True,
    section="Chips",
    metavar="PIXELS",
    help="Side of the image chips, which do not overlap.",
)
@opt.option(
    "--empty",
    type=click.FloatRange(0, 10),
    default=0.1,
    show_default=True,
    section="Chips",
    metavar="SHARE",
    help="Chips without an object, as a share of those with one.",
)
@opt.option(
    "--validation",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.2,
    show_default=True,
    section="Chips",
    metavar="SHARE",
    help="Share of the chips that YOLO keeps for validation.",
)
@opt.QUIET
@opt.VERBOSE
def command(layer: Path, output: Path, **options: Any) -> None:
    """Write the features of LAYER for other programs: training data in COCO or YOLO, Shapefile, KML, CSV, points.

    \b
    Examples:
      geoground export ships.gpkg -o coco.json --scene scene.tif --annotate mask
      geoground export ships.gpkg -o yolo/ --scene scene.tif --annotate oriented --only review=accepted
      geoground export ships.gpkg -o points.gpkg --geometry point
      geoground export ships.gpkg -o ships.shp
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    quiet = options.pop("quiet")
    training = output.suffix.lower() == ".json" or not output.suffix
    if training and options["scene"] is None:
        raise SettingsError("COCO and YOLO hold images", hint="Name the raster with --scene.")

    from geogrounding.io.read_layer import read_layer

    frame = read_layer(layer, layer=options["layer_name"], layer_option="--layer-name", columns=None, what="result")
    frame = _only(frame, options["only"], layer)
    lines = _as_chips(frame, output, options) if training else _as_vectors(frame, output, options["geometry"])
    if not quiet:
        for line in lines:
            say(line)


def _only(frame: gpd.GeoDataFrame, wanted: tuple[tuple[str, str], ...], layer: Path) -> gpd.GeoDataFrame:
    for name, value in wanted:
        if name not in frame.columns:
            fields = ", ".join(column for column in frame.columns if column != frame.geometry.name)
            raise InputError(f"{layer.name} has no field {quote(name)}", hint=f"Its fields: {fields}.")
        frame = frame[frame[name].astype(str) == value]
    if not len(frame):
        raise InputError(f"no feature of {layer.name} is left", hint="Look at --only, or at the layer.")
    return frame


def _as_vectors(frame: gpd.GeoDataFrame, output: Path, geometry: Any) -> list[str]:
    from geogrounding.io.convert import write_converted

    written = write_converted(frame, output, geometry=geometry)
    return [*(f"Note: {notice}" for notice in written.notices), f"{count(written.features, 'feature')} -> {output}"]


def _as_chips(frame: gpd.GeoDataFrame, output: Path, options: dict[str, Any]) -> list[str]:
    import numpy as np
    from pyproj import CRS

    from geogrounding.datasets.interchange import ChipOptions, objects_of, write_coco, write_yolo
    from geogrounding.raster.scene import Scene

    chosen = ChipOptions(
        shape=options["annotate"],
        tile_size_px=options["tile_size"],
        empty=options["empty"],
        validation=options["validation"],
    )
    names = _classes(frame, options["label_field"])
    keep = [g is not None and g.geom_type in ("Polygon", "MultiPolygon") and not g.is_empty for g in frame.geometry]
    polygons = np.array([g for g, one in zip(frame.geometry, keep, strict=True) if one] or [None], dtype=object)
    polygons = polygons[: sum(keep)]
    with Scene.open(options["scene"], pixel_coordinates=frame.crs is None) as scene:
        objects = objects_of(
            polygons,
            CRS(frame.crs) if frame.crs is not None else None,
            [name for name, one in zip(names, keep, strict=True) if one],
            scene,
        )
        write = write_coco if output.suffix else write_yolo
        done = write(output, scene, objects, chosen)
    lines = []
    if done.left_out:
        lines.append(f"Note: {count(done.left_out, 'object')} left out: no chip shows enough of them")
    return [*lines, f"{count(done.annotations, 'annotation')} on {count(done.chips, 'chip')} -> {output}"]


def _classes(frame: gpd.GeoDataFrame, field: str | None) -> list[str]:
    names = [name for name in LABEL_FIELDS if name in frame.columns] if field is None else [field]
    if not names or names[0] not in frame.columns:
        raise InputError("the layer has no field with the class", hint="Name it with --label-field.")
    return [str(value) if value is not None and str(value).strip() else "object" for value in frame[names[0]]]
