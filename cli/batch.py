"""``geoground batch``: many scenes, the same queries, one layer a scene and a table of how it went."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geogrounding.errors import GeogroundingError, IncompleteError, SettingsError
from geogrounding.execution.describe import describe_error

from . import build
from . import options as opt
from .batch_estimate import estimate
from .batch_output import SharedTable, Writing, make_output
from .batch_run import Batch, answerers, run_all
from .main import INTERRUPTED, VERBOSE_KEY
from .param_types import FORMATS, FolderOrTable, Format
from .progress import make_reporter
from .scene_list import list_scenes
from .sources import SEARCH, found_scenes
from .terminal import clean, count, say

if TYPE_CHECKING:
    from geogrounding.models.base import Model
    from geogrounding.models.segmenters.base import Segmenter

SCENES_IN_FLIGHT = 4
"""Small scenes leave workers idle while they are opened and written, so several are under way together."""


class BatchCommand(opt.Command):
    """Reads ``-q FILE`` of version 0.1, where ``-q`` was short for ``--queries``, as what it meant then.

    Without a manifest ``--queries`` or ``--plan`` is required, so a command line that has none of them, and ``-q``, can
    only be of that form.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``--queries`` in the place of the old ``-q``, with a message, before click reads the options."""
        short = next((place for place, text in enumerate(args) if text.startswith("-q") and text[1:2] != "-"), None)
        if short is not None and not any(text.split("=")[0] in ("--queries", "--manifest", "--plan") for text in args):
            attached = args[short][2:].removeprefix("=")
            value = [attached] if attached else args[short + 1 : short + 2]
            if value:
                args = [*args[:short], "--queries", *value, *args[short + (1 if attached else 2) :]]
                say("Deprecated: -q FILE of `geoground batch` is now --queries FILE; -q is short for --quiet.")
        return super().parse_args(ctx, args)


@click.command(cls=BatchCommand)
@click.argument(
    "scenes", nargs=-1, help="Rasters, STAC items or item collections, or patterns such as 'scenes/**/*.tif'."
)
@opt.option(
    "--manifest",
    type=click.Path(dir_okay=False, allow_dash=True),
    section="Files",
    metavar="FILE",
    help="More scenes: .csv or .parquet with a column `path` and, where wanted, `name` (of the layer), `query` "
    "(several between |) and `bbox`; or a text file with a path on each line (- is standard input). Paths are relative "
    "to the folder of the file.",
)
@opt.file_option(
    "--queries",
    "query_file",
    section="Files",
    help="Text file with what to look for, one query a line.",
)
@opt.file_option(
    "--plan",
    "plan_file",
    section="Files",
    metavar="JSON",
    help="A plan that `geoground plan` printed, in place of --queries or besides them.",
)
@opt.option(
    "-o",
    "--output",
    type=FolderOrTable(),
    required=True,
    section="Files",
    metavar="FOLDER|TABLE",
    help="Where layers and summary.csv go; made where it is missing. Or a folder of an object store, "
    "s3://BUCKET/FOLDER/. Or a table of PostGIS, to which every scene is "
    'added: "postgresql://USER@HOST/DATABASE?table=SCHEMA.NAME" (the summary is then NAME.summary.csv here).',
)
@opt.option(
    "-f",
    "--of",
    "--format",
    "of",
    type=Format(),
    section="Files",
    help=f"Format of the layers: {', '.join(FORMATS)}. Default: geojson.",
)
@opt.option("--previews", is_flag=True, section="Files", help="Also draw each scene with its result, as .png.")
@SEARCH
@opt.QUESTION
@opt.CONTEXT
@opt.option("--explain", is_flag=True, section="Question", help="Show how each query was decided, scene by scene.")
@opt.MODEL
@opt.AREA
@opt.GRID
@opt.SCENE
@opt.RESULT
@opt.STAC_OUTPUT
@opt.MACHINES
@opt.option(
    "--scenes-in-flight",
    type=click.IntRange(min=1, max=256),
    section="Machines",
    metavar="N",
    help=f"Scenes that are under way together with --executor ray. Default: {SCENES_IN_FLIGHT}.",
)
@opt.option(
    "--dry-run",
    is_flag=True,
    section="Other",
    help="Say how many scenes, chips and bytes there are, and how long it would take; write nothing.",
)
@opt.option(
    "--probe/--no-probe",
    default=True,
    section="Other",
    help="With --dry-run: answer 20 chips of the largest scene to estimate the time. Default: --probe.",
)
@opt.RESUME
@opt.ALLOW_FAILED
@opt.PROGRESS
@opt.QUIET
@opt.VERBOSE
def command(scenes: tuple[str, ...], output: Path | str, **options: Any) -> None:
    """Find what the queries of a file describe in many SCENES: one layer a scene, and a table of how it went.

    The model is loaded once. A scene that fails is listed in FOLDER/summary.csv and the others go on; the exit code is
    then 6. With --resume scenes that are done with the same settings are passed over, and one that was cut off goes on
    where it ended. Where several scenes are under way together, the largest files begin first; results are the same.

    \b
    Examples:
      geoground batch scenes/*.tif --queries queries.txt -o out/ --format geojson
      geoground batch scenes/*.tif --queries queries.txt -o out/ --resume
      geoground batch scenes/*.tif --queries queries.txt -o out/ --executor ray --workers 4
      geoground batch 'archive/**/*.tif' --queries queries.txt -o out/ --dry-run
      geoground batch --manifest scenes.csv --queries queries.txt -o out/
      geoground batch --stac https://host/stac --collections naip --bbox 13.1,45.4,13.2,45.5 --queries q.txt -o out/
      geoground batch --manifest list.txt --queries q.txt -o "postgresql://me@db.example/gis?table=public.ships"
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    quiet, dry_run, probe = options.pop("quiet"), options.pop("dry_run"), options.pop("probe")
    reporter = make_reporter(options.pop("progress"), quiet=quiet, batch=True)
    with reporter:
        try:
            batch, load, segmenter = _prepare([*scenes, *found_scenes(options)], output, options)
            if dry_run:
                estimate(batch, load, segmenter, reporter, probe=probe)
                return
            batch.output.prepare()
            with answerers(batch, load, segmenter) as answering:
                rows = run_all(batch, answering, reporter, quiet=quiet)
            batch.output.writing.describe_all()
        except GeogroundingError as error:
            reporter.event("error", **describe_error(error))
            raise
        except KeyboardInterrupt:
            say("Interrupted. Finished scenes are kept.")
            say("Hint: the same command with --resume goes on from there.")
            raise click.exceptions.Exit(INTERRUPTED) from None
        bad = [row for row in rows if row.status == "failed" or (row.status == "incomplete" and not batch.allow_failed)]
        table = batch.output.table
        reporter.event("summary", scenes=len(rows), failed=len(bad), table=str(table))
    if not quiet:
        say(f"{count(len(rows), 'scene')}, {len(rows) - len(bad)} done. Table: {table}")
    if bad:
        raise IncompleteError(
            f"{len(bad)} of {count(len(rows), 'scene')} failed or are incomplete; see {table}",
            hint="--resume tries them again and passes over the rest.",
        )


def _prepare(
    scenes: Sequence[str], output: Path | str, options: dict[str, Any]
) -> tuple[Batch, Callable[[], Model], Callable[[], Segmenter]]:
    """Check everything that concerns all scenes, before the model is loaded."""
    query_file: Path | None = options.pop("query_file")
    plan_file: Path | None = options.pop("plan_file")
    planned = [] if plan_file is None else [build.read_plan(plan_file)]
    options |= {"contexts": build.contexts(options.pop("context")), "plans": dict(planned)}
    segmenter, load = build.segmenter_loader(options), build.model_loader(options)
    writing = Writing(
        resume=options.pop("resume"),
        overwrite=options.pop("overwrite"),
        append=options.pop("append"),
        layer=options.pop("layer"),
        dst_crs=options.pop("dst_crs"),
        creation_options=build.key_values(options.pop("creation_options"), "--co"),
        stac=options.pop("stac_output"),
    )
    previews = options.pop("previews")
    place = make_output(output, options.pop("of"), writing, previews=previews)
    listed = list_scenes(scenes, options.pop("manifest"), own_layers=not isinstance(place, SharedTable))
    if listed.unused_columns:
        say(f"Note: columns of the manifest that are not used: {', '.join(map(clean, listed.unused_columns))}")
    batch = Batch(
        scenes=listed.scenes,
        output=place,
        queries=build.unique(
            [*([] if query_file is None else build.read_queries(query_file)), *(query for query, _ in planned)]
        ),
        explain=options.pop("explain"),
        previews=previews,
        allow_failed=options.pop("allow_failed"),
        in_flight=_in_flight(options),
        verbose=bool(click.get_current_context().meta.get(VERBOSE_KEY)),
        options=options,
    )
    batch.check()
    return batch, load, segmenter


def _in_flight(options: dict[str, Any]) -> int:
    asked: int | None = options.pop("scenes_in_flight")
    if options["executor"] == "local":
        if asked is not None and asked > 1:
            raise SettingsError("--scenes-in-flight is for --executor ray", hint="Add --executor ray.")
        return 1
    return asked or SCENES_IN_FLIGHT
