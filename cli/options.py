"""The options of the commands, in sections, so that every command that has one has the same one."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from geogrounding.settings import RUN_TASKS, MatchMetric, MergeMethod
from geogrounding.types import Outline

from .main import VERBOSE_KEY
from .model_options import MODEL as MODEL
from .param_types import BandOrNone, ExtentText, KeyValue, Metres, Names, Numbers, Overlap
from .sections import Command as Command
from .sections import file_option as file_option
from .sections import folder_option as folder_option
from .sections import option as option
from .sections import together as together


def _remember_verbose(ctx: click.Context, _param: click.Parameter, value: bool) -> bool:
    if value:
        ctx.meta[VERBOSE_KEY] = True
        _log_to_terminal()
    return value


def _log_to_terminal() -> None:
    """Send what libraries log to standard error, made safe."""
    import logging

    from .terminal import say

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            say(f"{record.levelname.lower()}: {record.name}: {record.getMessage()}")

    root = logging.getLogger()
    if not any(
        type(handler).__name__ == "Handler" and type(handler).__module__ == __name__ for handler in root.handlers
    ):
        root.addHandler(Handler(logging.INFO))
    logging.captureWarnings(True)


VERBOSE = option(
    "-v",
    "--verbose",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_remember_verbose,
    section="Other",
    help="Log what libraries say, and show the traceback of an error.",
)

SCENE = together(
    option(
        "-b",
        "--bidx",
        "bands",
        type=Numbers("4,3,2", whole=True),
        multiple=True,
        section="Scene",
        metavar="BANDS",
        help="Bands that become red, green, blue, counted from 1 (one band: grey). Default: by names, colour "
        "interpretation and wavelengths. Then no band is opacity unless --alpha names one.",
    ),
    option(
        "--alpha",
        type=BandOrNone(),
        section="Scene",
        metavar="BAND|none",
        help="Band that holds opacity, or none. Default: what the file declares.",
    ),
    option("--nodata", type=float, section="Scene", help="Value that means no data. Default: what the file says."),
    option(
        "--stretch",
        default="auto",
        show_default=True,
        section="Scene",
        metavar="METHOD",
        help="How values become 8 bits, once for the scene: auto, percentile:2,98, minmax, none or LOW,HIGH "
        "(once for all bands, or a pair for each). auto leaves 8-bit colour as it is and takes percentile:2,98 for "
        "everything else.",
    ),
    option(
        "--oo",
        "open_options",
        type=KeyValue(),
        multiple=True,
        section="Scene",
        metavar="KEY=VALUE",
        help="GDAL open option; may be repeated.",
    ),
    option(
        "--pixel-coordinates",
        is_flag=True,
        section="Scene",
        help="Answer in pixels of the raster (x right, y down). For images without coordinates.",
    ),
    folder_option(
        "--trusted-folder",
        "trusted_folders",
        multiple=True,
        section="Scene",
        help="VRT files in this folder may be opened; may be repeated.",
    ),
    option(
        "--allow-remote",
        is_flag=True,
        section="Scene",
        help="What SCENE names may lie elsewhere: files of a STAC item, sources of a VRT. Default: only an address "
        "that is given as SCENE itself opens a connection.",
    ),
    option(
        "--assets",
        type=Names(),
        default=(),
        section="Scene",
        metavar="KEY[,KEY,KEY]",
        help="Assets of a STAC item: one, or three for red, green, blue. Default: by what the item says.",
    ),
)

AREA = together(
    option(
        "--bbox",
        type=ExtentText(),
        section="Area",
        metavar="XMIN,YMIN,XMAX,YMAX",
        help="Look only here; also an extent as QGIS, GDAL, PostGIS, WKT or GeoJSON write it. West may be larger than "
        "east across the antimeridian.",
    ),
    option(
        "--bbox-crs",
        section="Area",
        metavar="CRS",
        help="CRS of --bbox, such as EPSG:4326. Default: that of the scene.",
    ),
    file_option(
        "--aoi",
        section="Area",
        help="Look only inside the polygons of this vector file.",
    ),
    option("--aoi-layer", section="Area", metavar="NAME", help="Layer of --aoi, where the file has several."),
)

LIKE = together(
    file_option(
        "--like",
        section="Examples",
        help="Find what looks like the boxes or outlines in this vector file: one to twenty are enough.",
    ),
    file_option(
        "--unlike",
        section="Examples",
        help="Boxes or outlines of what looks similar and is not meant.",
    ),
    option(
        "--like-scene",
        type=click.Path(path_type=Path),
        section="Examples",
        metavar="RASTER",
        help="The raster that the examples were drawn in. Default: SCENE.",
    ),
)

GRID = together(
    option(
        "--tile-size",
        type=click.IntRange(32, 8192),
        section="Chips",
        metavar="PIXELS",
        help="Side of the square chips the model sees. Default: what suits the model.",
    ),
    option(
        "--overlap",
        type=Overlap(),
        section="Chips",
        metavar="PIXELS|SHARE",
        help="Overlap of neighbouring chips: pixels, or a share of the tile such as 0.2 or 20%.",
    ),
    option(
        "--resolution",
        "resolution_m",
        type=Metres(),
        section="Chips",
        metavar="METRES",
        help="Ground size of a pixel the model sees. Default: native, or the nearest the model is good for.",
    ),
    option(
        "--scales",
        type=Numbers("1,2,4"),
        section="Chips",
        metavar="1,2,4",
        help="Look at several resolutions: multiples of --resolution, rising. Default: what suits the model.",
    ),
)

QUESTION = together(
    option(
        "--task",
        type=click.Choice(RUN_TASKS),
        default="detect",
        show_default=True,
        section="Question",
        help="detect: every object that fits. refer: the one object that the query describes. "
        "segment: detect, with masks.",
    ),
    option(
        "--whole-scene/--per-chip",
        default=None,
        section="Question",
        help='Decide "the largest", "in the upper left", "next to the pier" over the whole scene, or leave them to the '
        "model, chip by chip. Default: what suits the model.",
    ),
)

CONTEXT = option(
    "--context",
    "context",
    multiple=True,
    section="Question",
    metavar="[NAME=]FILE",
    help="Vector layer that the query speaks of by this name (default: that of the file); may be repeated.",
)

SIMPLIFY = option(
    "--simplify",
    "simplify_m",
    type=click.FloatRange(min=0),
    section="Result",
    metavar="METRES",
    help="How far mask and regular may move from the pixels; 0 keeps them. Default: about a pixel.",
)
OUTLINES = together(
    option(
        "--outline",
        type=click.Choice(get_args(Outline)),
        section="Result",
        help="What geometries show. box: the box around the object. mask: its pixels. regular: its pixels with right "
        "angles, or a circle. oriented: the smallest turned rectangle. point: the centre of the box. Default: box, and "
        "mask for --task segment.",
    ),
    SIMPLIFY,
    option(
        "--segmenter",
        default="builtin",
        show_default=True,
        section="Result",
        metavar="NAME|FOLDER|HUB-ID",
        help="What draws masks: builtin, or a checkpoint of SAM, SAM 2 or SAM 3, such as facebook/sam2.1-hiera-large.",
    ),
)

MIN_SCORE = option(
    "--min-score",
    type=click.FloatRange(0, 1),
    section="Result",
    metavar="SCORE",
    help="Leave out what scores less. Default: what suits the model.",
)
CREATION_OPTIONS = option(
    "--co",
    "creation_options",
    type=KeyValue(),
    multiple=True,
    section="Result",
    metavar="KEY=VALUE",
    help="GDAL creation option of the format; may be repeated.",
)

RESULT = together(
    OUTLINES,
    option(
        "--merge",
        type=click.Choice(get_args(MergeMethod)),
        default="auto",
        show_default=True,
        section="Result",
        help="What happens where chips overlap. auto joins parts cut by a chip border, drops what was seen twice and "
        "keeps neighbours; nms keeps the best, nmm and union join; none keeps all.",
    ),
    option(
        "--match-metric",
        type=click.Choice(get_args(MatchMetric)),
        default="iou",
        show_default=True,
        section="Result",
        help="Overlap of two boxes over their union (iou) or over the smaller one (ios).",
    ),
    option(
        "--match-threshold",
        type=click.FloatRange(0, 1, min_open=True),
        default=0.5,
        show_default=True,
        section="Result",
        metavar="SHARE",
        help="From this overlap on, two boxes are one object.",
    ),
    MIN_SCORE,
    option(
        "--dst-crs",
        section="Result",
        metavar="CRS",
        help="CRS of the result. Default: that of the scene; GeoJSON is always longitude and latitude.",
    ),
    CREATION_OPTIONS,
    option(
        "--layer",
        section="Result",
        metavar="NAME",
        help="Name of the layer in a GeoPackage. Default: that of the file.",
    ),
    option(
        "--overwrite",
        is_flag=True,
        section="Result",
        help="Replace an existing result: of a GeoPackage only the layer of this name, its other layers stay; of a "
        "table its rows.",
    ),
    option(
        "--append",
        is_flag=True,
        section="Result",
        help="Add to an existing GeoPackage (a new layer, or features to the layer of this name) or to a table.",
    ),
)

STAC_OUTPUT = file_option(
    "--stac-output",
    "stac_output",
    section="Result",
    metavar="CATALOG.json",
    help="Also describe each result as a STAC item beside this catalogue, with an index items.parquet.",
)

MACHINES = together(
    option(
        "--executor",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        section="Machines",
        help="local: this process. ray: worker processes here, or on the cluster that RAY_ADDRESS names; the result is "
        "the same to the byte. Needs geogrounding[ray].",
    ),
    option(
        "--workers",
        type=click.IntRange(min=1),
        section="Machines",
        metavar="N",
        help="Models loaded with --executor ray. Default: one for each graphics card, or each core without cards.",
    ),
    option(
        "--gpus-per-worker",
        type=click.FloatRange(min=0),
        section="Machines",
        metavar="N",
        help="Graphics cards of each worker, also a part of one such as 0.5. Default: 1 where there are cards.",
    ),
)

PROGRESS = option(
    "--progress",
    type=click.Choice(["auto", "bar", "json", "none"]),
    default="auto",
    show_default=True,
    section="Other",
    help="bar for people, json for programs: one object a line on standard output. auto is a bar on a terminal.",
)
RESUME = option(
    "--resume", is_flag=True, section="Other", help="Go on where an interrupted run of the same command ended."
)
QUIET = option("-q", "--quiet", is_flag=True, section="Other", help="Print nothing but errors.")
ALLOW_FAILED = option(
    "--allow-failed",
    is_flag=True,
    section="Other",
    help="Exit with 0 even when some chips failed; they are still listed.",
)
