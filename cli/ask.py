"""``geoground ask``: a question about a raster or a vector layer, answered in a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geogrounding.errors import OutputError

from . import build
from . import options as opt
from .progress import make_reporter
from .run import check_complete
from .terminal import clean, say, to_json

if TYPE_CHECKING:
    from geogrounding.asking import Reply

_NOT_FOR_LAYERS = ("allow_failed", "overwrite", "quiet", "progress", "context", "label_field")


@click.command(cls=opt.Command)
@click.argument("source", help="A raster, or a vector layer (.gpkg, .geojson, .shp, .fgb, .parquet ...).")
@click.argument("question", help="In English: how many, which, is there, how long, what is the total area of ...")
@opt.file_option(
    "-o",
    "--output",
    section="Files",
    help="Write the features behind the answer: .geojson, .geojsonl, .gpkg, .fgb or .parquet.",
)
@opt.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
    section="Files",
    metavar="FILE",
    help="Write answer, value, unit, features, plan, steps and unknown as JSON; - is standard output.",
)
@opt.CONTEXT
@opt.option(
    "--label-field",
    section="Question",
    metavar="FIELD",
    help="Column of a vector layer that says what each row is. Default: label, where there is one.",
)
@opt.option("--explain", is_flag=True, section="Question", help="Show the plan in words and what each step left over.")
@opt.MODEL
@opt.AREA
@opt.GRID
@opt.SCENE
@opt.MIN_SCORE
@opt.option("--overwrite", is_flag=True, section="Result", help="Replace existing files.")
@opt.ALLOW_FAILED
@opt.PROGRESS
@opt.QUIET
@opt.VERBOSE
def command(source: str, question: str, output: Path | None, json_file: Path | None, **options: Any) -> None:
    """Answer QUESTION about SOURCE in one sentence.

    Lengths, areas and distances are measured in metres on the ellipsoid, between outlines. A vector layer needs no
    model: its rows are matched by their labels, and other layers are named with --context. The patterns that are
    understood are in docs/questions.md.

    \b
    Examples:
      geoground ask scene.tif "how many ships are in the harbor?"
      geoground ask scene.tif "how long is the longest airplane?" -o plane.geojson
      geoground ask trees.gpkg "which trees stand within 5 m of a building?" --context buildings.gpkg
      geoground ask buildings.gpkg "what is the total area of all buildings in hectares?" --json -
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    overwrite, quiet = options.pop("overwrite"), options.pop("quiet")
    context = build.contexts(options.pop("context"))
    explain, label_field = options.pop("explain"), options.pop("label_field")
    allow_failed = options.pop("allow_failed")
    if json_file is not None and str(json_file) != "-" and json_file.exists() and not overwrite:
        raise OutputError(f"{json_file} exists", hint="Give --overwrite, or another name.")
    build.check_queries([question])
    with make_reporter(options.pop("progress"), quiet=quiet) as reporter:
        taken: dict[str, Any] = {}
        load = build.planner(options)
        if not _vector(source):
            settings = build.make_settings(source, [question], options)
            taken = build.given_settings(settings)
        from geogrounding.asking import ask

        reply = ask(
            source,
            question,
            context=context,
            label_field=label_field,
            model=load,
            output=output,
            overwrite=overwrite,
            allow_failed=True,
            on_progress=reporter.update,
            **taken,
        )
    _say(reply, explain=explain, quiet=quiet, to_stdout=str(json_file) != "-")
    if json_file is not None:
        text = to_json(reply.json_values(), indent=2)
        if str(json_file) == "-":
            click.echo(text)
        else:
            _write_text(json_file, text + "\n")
    if output is not None and not quiet:
        say(f"{len(reply.features):,} features -> {output}")
    if reply.report is not None:
        check_complete(reply.report, allow_failed=allow_failed)


def _vector(source: str) -> bool:
    from geogrounding.asking import is_vector

    return is_vector(source)


def _say(reply: Reply, *, explain: bool, quiet: bool, to_stdout: bool) -> None:
    if explain:
        from geogrounding.query.describe import plan_text

        say(f"Plan: {plan_text(reply.plan)}")
        for step in reply.steps:
            say(f"  {step['step']}")
    for word in reply.unknown:
        say(f"Warning: '{word}' is not known here; nothing was searched for it")
    if to_stdout:
        click.echo(clean(reply.answer))
    elif not quiet:
        say(reply.answer)


def _write_text(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}", hint="Choose another place.") from error
