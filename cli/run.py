"""``geoground run``: one scene in, one layer out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geogrounding.errors import GeogroundingError, IncompleteError, SettingsError
from geogrounding.execution.describe import describe_error, describe_report
from geogrounding.messages import quote

from . import build, outputs
from . import options as opt
from .beside import check_beside
from .main import INTERRUPTED
from .param_types import Format, Output
from .progress import Silent, make_reporter
from .terminal import count, duration, say, say_answers

if TYPE_CHECKING:
    from geogrounding.execution.report import RunReport

FAILED_SHOWN = 5
"""Failed chips named on the terminal; all of them are in the side-car."""


@click.command(cls=opt.Command)
@click.argument(
    "scene",
    help="A raster: GeoTIFF, COG, or anything else GDAL reads; a STAC item; or a map service as a URI of QGIS "
    "(type=xyz&url=...), with --bbox and --resolution.",
)
@click.argument("query", nargs=-1, help="What to look for, in words; several are asked in one go.")
@opt.option(
    "-o",
    "--output",
    type=Output(),
    section="Files",
    metavar="FILE|TABLE",
    help="The layer: .gpkg, .geojson, .geojsonl, .fgb, .parquet, .shp, .kml or .csv; without an ending .gpkg. Or an "
    "object of a store, s3://BUCKET/NAME.gpkg (gs://, az://), or a table of PostGIS: "
    '"postgresql://USER@HOST/DATABASE?table=SCHEMA.NAME". Default: named after scene and query, in the current folder.',
)
@opt.option(
    "-f",
    "--of",
    "of",
    type=Format(),
    section="Files",
    help="Format of the layer, where the ending of --output does not say it.",
)
@opt.file_option(
    "--source-xml",
    section="Scene",
    help="A map service in place of SCENE, described by a GDAL_WMS file; with --bbox, --resolution and --allow-remote.",
)
@opt.file_option(
    "--queries",
    "query_file",
    section="Files",
    help="Text file with more queries, one a line.",
)
@opt.file_option(
    "--plan",
    "plan_file",
    section="Files",
    metavar="JSON",
    help="A plan that `geoground plan` printed, in place of a query or besides others.",
)
@opt.file_option(
    "--preview",
    section="Files",
    metavar="PNG",
    help="Also draw the scene with the result.",
)
@opt.file_option(
    "--masks",
    section="Files",
    help="Also keep the masks of the objects, for other outlines of this result: geoground outline.",
)
@opt.QUESTION
@opt.CONTEXT
@opt.option("--explain", is_flag=True, section="Question", help="Show how each query was decided, step by step.")
@opt.MODEL
@opt.LIKE
@opt.AREA
@opt.GRID
@opt.SCENE
@opt.RESULT
@opt.STAC_OUTPUT
@opt.MACHINES
@opt.RESUME
@opt.ALLOW_FAILED
@opt.PROGRESS
@opt.QUIET
@opt.VERBOSE
def command(scene: str, query: tuple[str, ...], output: Path | str | None, **options: Any) -> None:
    """Find what each QUERY describes in SCENE and write the polygons to one layer.

    A run that was cut off leaves OUTPUT.journal; the same command with --resume goes on. The settings, versions and
    counts of a finished run are in OUTPUT.run.json.

    \b
    Examples:
      geoground run scene.tif "the airplanes on the apron" -o planes.geojson
      geoground run scene.tif "building" "swimming pool" -o both.gpkg --preview both.png
      geoground run scene.tif "the northern storage tank" --task refer -o tank.geojson
      geoground run scene.tif "the largest building within 150 m of the river" -o b.gpkg --context river.gpkg --explain
      geoground run city.tif ship -o ships.fgb --bbox 12.30,45.42,12.36,45.45 --bbox-crs EPSG:4326
      geoground run scene.tif car -o cars.gpkg --base-url http://localhost:8000/v1 --model Qwen/Qwen3-VL-8B-Instruct
      geoground run scene.tif building -o footprints.gpkg --outline regular --masks footprints.masks
      geoground run scene.tif car -o cars.gpkg --model ./Geo-R1 --device cuda --resume
      geoground run scene.tif --like five_kilns.gpkg -o kilns.gpkg
      geoground run scene.tif ship -o "postgresql://me@db.example/gis?table=public.ships" --append
      geoground run country.tif ship -o ships.gpkg --executor ray --workers 8
      geoground run "https://host/{z}/{x}/{y}.jpg" ship -o s.gpkg --bbox 12.30,45.42,12.36,45.45 --bbox-crs EPSG:4326
          --resolution 0.5
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    if (described := options.pop("source_xml")) is not None:
        scene, query = str(described), (scene, *query)
    quiet, allow_failed, explain = options.pop("quiet"), options.pop("allow_failed"), options.pop("explain")
    reporter = make_reporter(options.pop("progress"), quiet=quiet)
    with reporter:
        try:
            report, written, preview = _run(scene, query, output, options, reporter)
        except GeogroundingError as error:
            reporter.event("error", **describe_error(error))
            raise
        except KeyboardInterrupt:
            _say_interrupted(reporter)
            raise click.exceptions.Exit(INTERRUPTED) from None
    for warning in report.warnings:
        say(f"Warning: {warning}")
    if explain:
        say_answers(report)
    if not quiet:
        say_report(report, written, preview)
    check_complete(report, allow_failed=allow_failed)


def _run(
    scene: str, query: tuple[str, ...], output: Path | str | None, options: dict[str, Any], reporter: Silent
) -> tuple[RunReport, str, Path | None]:
    """Check everything that can be checked cheaply, then run."""
    query_file, preview, masks = options.pop("query_file"), options.pop("preview"), options.pop("masks")
    build.check_queries(query)
    more = [] if query_file is None else build.read_queries(query_file)
    plan_file = options.pop("plan_file")
    planned = [] if plan_file is None else [build.read_plan(plan_file)]
    more += [expression for expression, _ in planned]
    if not query and not more and options["like"] is not None:
        more = [f"like {options['like'].stem}"]
    if not query and not more:
        raise SettingsError(
            f"nothing to look for in {quote(scene)}", hint='Give a query after the scene, such as "the storage tanks".'
        )
    queries = build.unique([*query, *more])
    output = outputs.output_path(output or outputs.default_output(scene, queries), options.pop("of"))
    options |= {"contexts": build.contexts(options.pop("context")), "plans": dict(planned)}
    settings = build.make_settings(scene, queries, options)
    overwrite, resume = options.pop("overwrite"), options.pop("resume")
    if preview is not None:
        check_beside(preview, "preview", ".png", overwrite=overwrite or resume)
    if masks is not None:
        check_beside(masks, "masks", ".masks", overwrite=overwrite or resume)
        if options["append"]:
            raise SettingsError("--masks does not go with --append, which gives features other ids")
    segmenter, load = build.segmenter_loader(options), build.model_loader(options)
    append, layer = options.pop("append"), options.pop("layer")
    stac = options.pop("stac_output")
    dst_crs, creation_options = options.pop("dst_crs"), build.key_values(options.pop("creation_options"), "--co")

    from geogrounding import pipeline  # numpy, rasterio and shapely: not for a wrong option or --help

    shown = outputs.shown(output)
    reporter.event("start", source=scene, output=shown)
    with build.machines(options) as executor:
        report = pipeline.run(
            settings,
            output,
            model=load,
            segmenter=segmenter,
            resume=resume,
            overwrite=overwrite,
            append=append,
            layer=layer,
            dst_crs=dst_crs,
            creation_options=creation_options,
            preview=preview,
            masks=masks,
            stac=stac,
            on_progress=reporter.update,
            on_notice=_say_notice,
            executor=executor,
        )
    if stac is not None:
        from geogrounding.io.stac import write_catalogue

        write_catalogue(stac)
    reporter.event("done", output=shown, **describe_report(report))
    return report, shown, preview


def _say_notice(notice: str) -> None:
    say(f"Note: {notice}")


def say_report(report: RunReport, output: str, preview: Path | None) -> None:
    """Two or three lines for a person."""
    empty = f", {report.empty_chips} of them without data" if report.empty_chips else ""
    if report.passed_over_chips:
        empty += f", {report.passed_over_chips} passed over as a coarser look showed nothing unclear there"
    say(f"{count(report.features, 'polygon')} -> {output}")
    in_model = duration(report.model_seconds)
    say(f"{count(report.chips, 'chip')}{empty}; {duration(report.seconds)}, {in_model} of it in the model")
    if report.drops:
        reasons = ", ".join(f"{number} × {reason}" for reason, number in report.drops.items())
        say(f"Left out of the model's answers: {reasons}")
    if preview is not None:
        say(f"Preview: {preview}")


def check_complete(report: RunReport, *, allow_failed: bool) -> None:
    """List failed chips, and end with the exit code for an incomplete result unless that was allowed.

    Raises:
        IncompleteError: chips failed and that was not allowed.
    """
    if report.complete:
        return
    for chip, reason in report.failed_chips[:FAILED_SHOWN]:
        say(f"Chip {chip} failed: {reason}")
    if len(report.failed_chips) > FAILED_SHOWN:
        say(f"... and {len(report.failed_chips) - FAILED_SHOWN} more, listed in the side-car .run.json")
    if not allow_failed:
        raise IncompleteError(
            f"{len(report.failed_chips)} of {count(report.chips, 'chip')} failed; the result lacks what they show",
            hint="--resume asks about them again; --allow-failed accepts the result as it is.",
        )


def _say_interrupted(reporter: Silent) -> None:
    last = reporter.last
    if last is None:
        say("Interrupted before the first chips were answered.")
        return
    say(f"Interrupted: {last.chips_done} of {count(last.chips_total, 'chip')} are kept.")
    say("Hint: the same command with --resume goes on from there.")
