"""``geoground batch``: many scenes, the same queries, one layer a scene and a table of how it went."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geogrounding._version import __version__
from geogrounding.errors import GeogroundingError, IncompleteError, ModelError, OutputError, SettingsError
from geogrounding.execution.describe import describe_error, describe_report

from . import build
from . import options as opt
from .batch_table import Row, cell, filled, outcome, read_table, write_table
from .main import INTERRUPTED, VERBOSE_KEY
from .param_types import FORMATS, Format
from .progress import Silent, make_reporter
from .scenes import at_once, in_order
from .terminal import clean, clean_lines, count, say

if TYPE_CHECKING:
    from geogrounding.distributed.ray import RayExecutor
    from geogrounding.execution.executor import Described, DescribedModel, ModelSource, SegmenterSource
    from geogrounding.execution.report import Progress
    from geogrounding.models.base import Model
    from geogrounding.models.segmenters.base import Segmenter
    from geogrounding.settings import RunSettings

TABLE = "summary.csv"
SCENES_IN_FLIGHT = 4
"""Small scenes leave workers idle while they are opened and written, so several are under way together."""
MODEL_ERRORS_IN_A_ROW = 3
"""A server that is gone stays gone: after so many scenes in a row that failed by the model, the rest is not tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What is the same for every scene."""

    folder: Path
    ending: str
    queries: tuple[str, ...]
    options: dict[str, Any]
    previews: bool
    resume: bool
    overwrite: bool
    append: bool
    layer_name: str | None
    dst_crs: str | None
    creation_options: dict[str, str]
    allow_failed: bool
    scenes_in_flight: int

    def layer(self, scene: str) -> Path:
        """The layer of a scene: its name with the ending of the format."""
        return self.folder / (_stem(scene) + self.ending)

    def settings(self, scene: str) -> RunSettings:
        """The settings of the run over one scene."""
        return build.make_settings(scene, self.queries, dict(self.options))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answerers:
    """What answers the scenes of a batch."""

    executor: RayExecutor | None
    """None is this process."""
    model: ModelSource
    """Loaded, or for the executor a function that loads it."""
    segmenter: SegmenterSource
    identity: DescribedModel
    masks: Described | None
    """The segmenter as keys need it; None where no masks are needed."""


class BatchCommand(opt.Command):
    """Reads ``-q FILE`` of version 0.1, where ``-q`` was short for ``--queries``, as what it meant then.

    ``--queries`` is required, so a command line without it that has ``-q`` can only be of that form.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``--queries`` in the place of the old ``-q``, with a message, before click reads the options."""
        short = next((place for place, text in enumerate(args) if text.startswith("-q") and text[1:2] != "-"), None)
        if short is not None and not any(text.split("=")[0] == "--queries" for text in args):
            attached = args[short][2:].removeprefix("=")
            value = [attached] if attached else args[short + 1 : short + 2]
            if value:
                args = [*args[:short], "--queries", *value, *args[short + (1 if attached else 2) :]]
                say("Deprecated: -q FILE of `geoground batch` is now --queries FILE; -q is short for --quiet.")
        return super().parse_args(ctx, args)


@click.command(cls=BatchCommand)
@click.argument("scenes", nargs=-1, required=True, help="Rasters; a shell's scenes/*.tif will do.")
@opt.file_option(
    "--queries",
    "query_file",
    required=True,
    section="Files",
    help="Text file with what to look for, one query a line.",
)
@opt.folder_option(
    "-o",
    "--output",
    "folder",
    required=True,
    section="Files",
    help="Where layers and summary.csv go; made where it is missing.",
)
@opt.option(
    "-f",
    "--of",
    "--format",
    "of",
    type=Format(),
    default="geojson",
    show_default=True,
    section="Files",
    help=f"Format of the layers: {', '.join(FORMATS)}.",
)
@opt.option("--previews", is_flag=True, section="Files", help="Also draw each scene with its result, as .png.")
@opt.QUESTION
@opt.CONTEXT
@opt.MODEL
@opt.AREA
@opt.GRID
@opt.SCENE
@opt.RESULT
@opt.MACHINES
@opt.option(
    "--scenes-in-flight",
    type=click.IntRange(min=1, max=256),
    section="Machines",
    metavar="N",
    help=f"Scenes that are under way together with --executor ray. Default: {SCENES_IN_FLIGHT}.",
)
@opt.RESUME
@opt.ALLOW_FAILED
@opt.PROGRESS
@opt.QUIET
@opt.VERBOSE
def command(scenes: tuple[str, ...], query_file: Path, folder: Path, **options: Any) -> None:
    """Find what the queries of a file describe in many SCENES: one layer a scene, and a table of how it went.

    The model is loaded once. A scene that fails is listed in FOLDER/summary.csv and the others go on. With --resume
    scenes that are done with the same settings are passed over, and one that was cut off goes on where it ended.

    \b
    Examples:
      geoground batch scenes/*.tif --queries queries.txt -o out/ --format geojson
      geoground batch scenes/*.tif --queries queries.txt -o out/ --resume
      geoground batch scenes/*.tif --queries queries.txt -o out/ --executor ray --workers 4
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    quiet, verbose = options.pop("quiet"), bool(click.get_current_context().meta.get(VERBOSE_KEY))
    reporter = make_reporter(options.pop("progress"), quiet=quiet)
    with reporter:
        try:
            batch, load, segmenter = _prepare(query_file, folder, scenes, options)
            with _answerers(batch, load, segmenter, scenes[0]) as answerers:
                rows = _run_all(batch, answerers, scenes, reporter, quiet=quiet, verbose=verbose)
        except GeogroundingError as error:
            reporter.event("error", **describe_error(error))
            raise
        except KeyboardInterrupt:
            say("Interrupted. Finished scenes are kept.")
            say("Hint: the same command with --resume goes on from there.")
            raise click.exceptions.Exit(INTERRUPTED) from None
        bad = [row for row in rows if row.status == "failed" or (row.status == "incomplete" and not batch.allow_failed)]
        reporter.event("summary", scenes=len(rows), failed=len(bad), table=str(folder / TABLE))
    if not quiet:
        say(f"{count(len(rows), 'scene')}, {len(rows) - len(bad)} done. Table: {folder / TABLE}")
    if bad:
        raise IncompleteError(
            f"{len(bad)} of {count(len(rows), 'scene')} failed or are incomplete; see {folder / TABLE}",
            hint="--resume tries them again and passes over the rest.",
        )


def _prepare(
    query_file: Path, folder: Path, scenes: Sequence[str], options: dict[str, Any]
) -> tuple[Batch, Callable[[], Model], Callable[[], Segmenter]]:
    """Check everything that concerns all scenes, before the model is loaded."""
    build.check_scenes(scenes)
    options["contexts"] = build.contexts(options.pop("context"))
    segmenter, load = build.segmenter_loader(options), build.model_loader(options)
    batch = Batch(
        folder=folder,
        ending=FORMATS[options.pop("of")],
        queries=build.unique(build.read_queries(query_file)),
        previews=options.pop("previews"),
        resume=options.pop("resume"),
        overwrite=options.pop("overwrite"),
        append=options.pop("append"),
        layer_name=options.pop("layer"),
        dst_crs=options.pop("dst_crs"),
        creation_options=build.key_values(options.pop("creation_options"), "--co"),
        allow_failed=options.pop("allow_failed"),
        scenes_in_flight=_in_flight(options),
        options=options,
    )
    for stem, number in Counter(_stem(scene) for scene in scenes).items():
        if number > 1:
            raise SettingsError(
                f"{number} scenes would be written to {stem}{batch.ending}",
                hint="Give them different names or folders.",
            )
    batch.settings(scenes[0])
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {folder}: {error.strerror}") from error
    return batch, load, segmenter


def _stem(scene: str) -> str:
    """Name of a scene without folder and ending, also for URLs and GDAL paths with options."""
    name = scene.partition("?")[0].rstrip("/").rpartition("/")[2]
    return name.rpartition(".")[0] or name or "scene"


def _in_flight(options: dict[str, Any]) -> int:
    asked: int | None = options.pop("scenes_in_flight")
    if options["executor"] == "local":
        if asked is not None and asked > 1:
            raise SettingsError("--scenes-in-flight is for --executor ray", hint="Add --executor ray.")
        return 1
    return asked or SCENES_IN_FLIGHT


@contextmanager
def _answerers(
    batch: Batch, load: Callable[[], Model], load_segmenter: Callable[[], Segmenter], scene: str
) -> Iterator[Answerers]:
    """Model and segmenter, loaded once for all scenes: here, or by the workers of a cluster."""
    from geogrounding.execution.executor import open_model, open_segmenter

    with build.machines(batch.options, scenes_in_flight=batch.scenes_in_flight) as executor:
        settings = batch.settings(scene)
        if executor is not None:
            there = executor.identify(settings, load, load_segmenter)
            yield Answerers(
                executor=executor, model=load, segmenter=load_segmenter, identity=there.model, masks=there.segmenter
            )
            return
        with open_model(load) as model, open_segmenter(load_segmenter, settings) as masks:
            yield Answerers(executor=None, model=model, segmenter=masks or load_segmenter, identity=model, masks=masks)


def _run_all(
    batch: Batch, answerers: Answerers, scenes: Sequence[str], reporter: Silent, *, quiet: bool, verbose: bool
) -> list[Row]:
    """Run every scene; the table is on disk after each."""
    table = batch.folder / TABLE
    wanted = {cell(scene) for scene in scenes}
    rows = {row.scene: row for row in (read_table(table) if batch.resume else ()) if row.scene in wanted}
    before = dict(rows)
    in_a_row = 0

    def run_one(scene: str, on_progress: Callable[[Progress], None]) -> tuple[Row, bool]:
        return _run_one(
            batch, answerers, scene, before.get(cell(scene)), reporter, on_progress=on_progress, verbose=verbose
        )

    finished = (
        in_order(scenes, run_one, reporter)
        if answerers.executor is None
        else at_once(scenes, run_one, reporter, turns=answerers.executor.turns, most=batch.scenes_in_flight)
    )
    with closing(finished):
        for number, (scene, (row, by_model)) in enumerate(finished, start=1):
            rows[row.scene] = row
            in_a_row = in_a_row + 1 if by_model else 0
            write_table(table, [rows[name] for name in map(cell, scenes) if name in rows])
            if not quiet:
                say(f"[{number}/{len(scenes)}] {clean(scene)}: {outcome(row)}")
            if in_a_row == MODEL_ERRORS_IN_A_ROW and number < len(scenes):
                raise ModelError(
                    f"the model failed on {in_a_row} scenes in a row; {len(scenes) - number} were not tried: "
                    f"{row.error}",
                    hint="When the model is back, --resume goes on.",
                )
    return [rows[name] for name in map(cell, scenes)]


def _run_one(
    batch: Batch,
    answerers: Answerers,
    scene: str,
    before: Row | None,
    reporter: Silent,
    *,
    on_progress: Callable[[Progress], None],
    verbose: bool,
) -> tuple[Row, bool]:
    """Run one scene; the row of the table, and whether it failed by the model."""
    from geogrounding import pipeline

    layer = batch.layer(scene)
    row = Row(scene=cell(scene), layer=cell(layer.name), status="failed")
    try:
        key = _key(batch, answerers, scene)
        if before is not None and before.status == "done" and before.key == key and layer.exists():
            reporter.event("done", source=scene, output=str(layer), kept=True)
            return before, False
        preview = layer.with_suffix(".png") if batch.previews else None
        again = batch.overwrite or batch.resume
        if preview is not None:
            build.check_preview(preview, overwrite=again)
        reporter.event("start", source=scene, output=str(layer))
        report = pipeline.run(
            batch.settings(scene),
            layer,
            model=answerers.model,
            segmenter=answerers.segmenter,
            resume=batch.resume,
            overwrite=batch.overwrite,
            append=batch.append,
            layer=batch.layer_name,
            dst_crs=batch.dst_crs,
            creation_options=batch.creation_options,
            preview=preview,
            on_progress=on_progress,
            on_notice=lambda notice: say(f"Note: {scene}: {notice}"),
            executor=answerers.executor,
        )
    except GeogroundingError as error:
        _log(verbose)
        reporter.event("error", source=scene, **describe_error(error))
        return replace(row, error=f"{type(error).__name__}: {error}"), isinstance(error, ModelError)
    except Exception as error:  # noqa: BLE001 - one scene, however odd, must not end a night of others
        _log(verbose)
        reporter.event("error", source=scene, type=type(error).__name__, message=str(error), hint="", exit_code=1)
        return replace(row, error=f"{type(error).__name__}: {error}"), False
    reporter.event("done", source=scene, output=str(layer), kept=False, **describe_report(report))
    return filled(row, report, key), False


def _log(verbose: bool) -> None:
    if verbose:
        import traceback

        click.echo(clean_lines(traceback.format_exc()), err=True)


def _key(batch: Batch, answerers: Answerers, scene: str) -> str:
    """Digest of the data, the model, and every option that shapes the layer."""
    from geogrounding.execution.scene import open_scene

    settings = batch.settings(scene)
    with open_scene(settings) as opened:
        fingerprint = opened.fingerprint
    parts = [
        __version__,
        fingerprint,
        answerers.identity.name,
        answerers.identity.fingerprint,
        asdict(replace(settings, source="")),
        batch.dst_crs,
        batch.creation_options,
        None if answerers.masks is None else [answerers.masks.name, answerers.masks.fingerprint],
    ]
    read = [file for file in (settings.aoi, *settings.contexts.values()) if file is not None and file.is_file()]
    parts += [hashlib.sha256(file.read_bytes()).hexdigest() for file in read]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:16]
