"""``geoground batch``: many scenes, the same queries, one layer a scene and a table of how it went."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import click

from geogrounding._version import __version__
from geogrounding.errors import GeogroundingError, IncompleteError, ModelError, OutputError, SettingsError
from geogrounding.execution.describe import describe_error, describe_report

from . import build
from . import options as opt
from .main import INTERRUPTED, VERBOSE_KEY
from .param_types import FORMATS, Format
from .progress import Silent, make_reporter
from .terminal import clean, clean_lines, count, duration, say

if TYPE_CHECKING:
    from geogrounding.execution.report import RunReport
    from geogrounding.models.base import Model
    from geogrounding.models.segmenters.base import Segmenter
    from geogrounding.settings import RunSettings

TABLE = "summary.csv"
MODEL_ERRORS_IN_A_ROW = 3
"""A server that is gone stays gone: after so many scenes in a row that failed by the model, the rest is not tried."""

Status = Literal["done", "incomplete", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One scene in the table."""

    scene: str
    layer: str
    status: Status
    features: str = ""
    chips: str = ""
    empty_chips: str = ""
    failed_chips: str = ""
    seconds: str = ""
    model_seconds: str = ""
    error: str = ""
    key: str = ""
    """Digest of everything the layer depends on; a finished layer with the same one is not made again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What is the same for every scene."""

    folder: Path
    ending: str
    queries: tuple[str, ...]
    segmenter: Segmenter | None
    """Open; None where no masks are needed."""
    options: dict[str, Any]
    previews: bool
    resume: bool
    overwrite: bool
    append: bool
    layer_name: str | None
    dst_crs: str | None
    creation_options: dict[str, str]
    allow_failed: bool

    def layer(self, scene: str) -> Path:
        """The layer of a scene: its name with the ending of the format."""
        return self.folder / (_stem(scene) + self.ending)

    def settings(self, scene: str) -> RunSettings:
        """The settings of the run over one scene."""
        return build.make_settings(scene, self.queries, dict(self.options))


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
@opt.MODEL
@opt.AREA
@opt.GRID
@opt.SCENE
@opt.RESULT
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
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    quiet, verbose = options.pop("quiet"), bool(click.get_current_context().meta.get(VERBOSE_KEY))
    reporter = make_reporter(options.pop("progress"), quiet=quiet)
    with reporter:
        try:
            batch, load, segmenter = _prepare(query_file, folder, scenes, options)
            with closing(load()) as model, _segmenting(batch, segmenter, scenes[0]) as batch:
                rows = _run_all(batch, model, scenes, reporter, quiet=quiet, verbose=verbose)
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
        segmenter=None,
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


@contextmanager
def _segmenting(batch: Batch, load: Callable[[], Segmenter], scene: str) -> Iterator[Batch]:
    """The batch with an open segmenter, where masks are needed."""
    if not batch.settings(scene).needs_masks:
        yield batch
        return
    with closing(load()) as segmenter:
        yield replace(batch, segmenter=segmenter)


def _run_all(
    batch: Batch, model: Model, scenes: Sequence[str], reporter: Silent, *, quiet: bool, verbose: bool
) -> list[Row]:
    """Run every scene; the table is on disk after each."""
    table = batch.folder / TABLE
    wanted = {_cell(scene) for scene in scenes}
    rows = {row.scene: row for row in (_read_table(table) if batch.resume else ()) if row.scene in wanted}
    in_a_row = 0
    for number, scene in enumerate(scenes, start=1):
        row, by_model = _run_one(batch, model, scene, rows.get(_cell(scene)), reporter, verbose=verbose)
        rows[row.scene] = row
        in_a_row = in_a_row + 1 if by_model else 0
        _write_table(table, [rows[cell] for cell in map(_cell, scenes) if cell in rows])
        if not quiet:
            say(f"[{number}/{len(scenes)}] {clean(scene)}: {_outcome(row)}")
        if in_a_row == MODEL_ERRORS_IN_A_ROW and number < len(scenes):
            raise ModelError(
                f"the model failed on {in_a_row} scenes in a row; {len(scenes) - number} were not tried: {row.error}",
                hint="When the model is back, --resume goes on.",
            )
    return [rows[cell] for cell in map(_cell, scenes)]


def _run_one(
    batch: Batch, model: Model, scene: str, before: Row | None, reporter: Silent, *, verbose: bool
) -> tuple[Row, bool]:
    """Run one scene; the row of the table, and whether it failed by the model."""
    from geogrounding import pipeline

    layer = batch.layer(scene)
    row = Row(scene=_cell(scene), layer=_cell(layer.name), status="failed")
    try:
        key = _key(batch, model, scene)
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
            model=model,
            segmenter=batch.segmenter or "builtin",
            resume=batch.resume,
            overwrite=batch.overwrite,
            append=batch.append,
            layer=batch.layer_name,
            dst_crs=batch.dst_crs,
            creation_options=batch.creation_options,
            preview=preview,
            on_progress=reporter.update,
            on_notice=lambda notice: say(f"Note: {scene}: {notice}"),
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
    return _filled(row, report, key), False


def _log(verbose: bool) -> None:
    if verbose:
        import traceback

        click.echo(clean_lines(traceback.format_exc()), err=True)


def _filled(row: Row, report: RunReport, key: str) -> Row:
    error = ""
    if report.failed_chips:
        chip, reason = report.failed_chips[0]
        error = f"chip {chip}: {reason}"
    return replace(
        row,
        status="done" if report.complete else "incomplete",
        features=str(report.features),
        chips=str(report.chips),
        empty_chips=str(report.empty_chips),
        failed_chips=str(len(report.failed_chips)),
        seconds=f"{report.seconds:.2f}",
        model_seconds=f"{report.model_seconds:.2f}",
        error=error,
        key=key,
    )


def _outcome(row: Row) -> str:
    if row.status == "failed":
        return f"failed: {row.error}"
    found = f"{count(int(row.features), 'polygon')} in {duration(float(row.seconds))}"
    return found if row.status == "done" else f"{found}, but {count(int(row.failed_chips), 'chip')} failed: {row.error}"


def _key(batch: Batch, model: Model, scene: str) -> str:
    """Digest of the data, the model, and every option that shapes the layer."""
    from geogrounding.execution.scene import open_scene

    settings = batch.settings(scene)
    with open_scene(settings) as opened:
        fingerprint = opened.fingerprint
    parts = [
        __version__,
        fingerprint,
        model.name,
        model.fingerprint,
        asdict(replace(settings, source="")),
        batch.dst_crs,
        batch.creation_options,
        None if batch.segmenter is None else [batch.segmenter.name, batch.segmenter.fingerprint],
    ]
    if settings.aoi is not None and settings.aoi.is_file():
        parts.append(hashlib.sha256(settings.aoi.read_bytes()).hexdigest())
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:16]


def _cell(text: str) -> str:
    """A name as a cell: without control characters, and never taken for a formula by a spreadsheet."""
    safe = clean(text)
    return f"./{safe}" if safe[:1] in "=+-@" else safe


def _write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write the table whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    from geogrounding.io.atomic import partial_folder, publish

    names = [field.name for field in fields(Row)]
    try:
        with partial_folder(path.absolute()) as folder:
            new = folder / path.name
            with new.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, names)
                writer.writeheader()
                writer.writerows({**asdict(row), "error": clean(row.error)} for row in rows)
            publish([(new, path.absolute())])
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}", hint="Is there room on the disk?") from error


def _read_table(path: Path) -> list[Row]:
    """The rows of an earlier table; none where there is no table, or it is no table of ours."""
    names = {field.name for field in fields(Row)}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            records = [dict(record) for record in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error):
        return []
    return [
        Row(**cast(dict[str, Any], record))
        for record in records
        if set(record) == names and None not in record.values()
    ]
