"""The scenes of a batch, run: what is the same for all of them, and what happens to each."""

from __future__ import annotations

import hashlib
import json
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geogrounding._version import __version__
from geogrounding.errors import GeogroundingError, ModelError, SettingsError
from geogrounding.execution.describe import describe_error, describe_report
from geogrounding.messages import without_secrets

from . import build
from .batch_output import BatchOutput
from .batch_table import Row, TableFile, cell, filled, outcome, read_table
from .beside import check_beside
from .progress import Silent
from .scene_list import Listed
from .scenes import at_once, in_order, sizes, weights
from .tally import End, Tally
from .terminal import clean_lines, say, say_answers

if TYPE_CHECKING:
    from geogrounding.distributed.ray import RayExecutor
    from geogrounding.execution.executor import Described, DescribedModel, ModelSource, SegmenterSource
    from geogrounding.execution.report import Progress
    from geogrounding.models.base import Model
    from geogrounding.models.segmenters.base import Segmenter
    from geogrounding.settings import RunSettings

MODEL_ERRORS_IN_A_ROW = 3
"""A server that is gone stays gone: after so many scenes in a row that failed by the model, the rest is not tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What is the same for every scene."""

    scenes: tuple[Listed, ...]
    """In the order given, which is that of the table."""
    output: BatchOutput
    queries: tuple[str, ...]
    """Of scenes without their own."""
    options: dict[str, Any]
    previews: bool
    allow_failed: bool
    in_flight: int
    """Scenes that are under way together."""
    explain: bool = False
    """Show how each query was decided."""
    verbose: bool = False
    """Show tracebacks."""

    def settings(self, scene: Listed) -> RunSettings:
        """The settings of the run over one scene.

        Raises:
            SettingsError: options do not fit each other.
        """
        options = dict(self.options)
        if scene.bbox is not None:
            options["bbox"] = scene.bbox
        queries = scene.queries or self.queries
        options["plans"] = {query: plan for query, plan in self.options["plans"].items() if query in queries}
        return build.make_settings(scene.source, queries, options)

    def check(self) -> None:
        """Check the settings of all scenes.

        Raises:
            SettingsError: of one they cannot be used.
        """
        checked = False
        for scene in self.scenes:
            if not (scene.queries or self.queries):
                raise SettingsError(
                    f"nothing to look for in {scene.source}", hint="Give --queries FILE, or a column `query`."
                )
            plain = not scene.queries and scene.bbox is None
            if plain and checked:
                continue  # as of another one
            checked = checked or plain
            try:
                self.settings(scene)
            except SettingsError as error:
                if not scene.place:
                    raise
                raise SettingsError(f"{scene.place}: {error}", hint=error.hint) from error


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


@contextmanager
def answerers(batch: Batch, load: Callable[[], Model], load_segmenter: Callable[[], Segmenter]) -> Iterator[Answerers]:
    """Model and segmenter, loaded once for all scenes: here, or by the workers of a cluster."""
    from geogrounding.execution.executor import open_model, open_segmenter

    with build.machines(batch.options, scenes_in_flight=batch.in_flight) as executor:
        settings = batch.settings(batch.scenes[0])
        if executor is not None:
            there = executor.identify(settings, load, load_segmenter)
            yield Answerers(
                executor=executor, model=load, segmenter=load_segmenter, identity=there.model, masks=there.segmenter
            )
            return
        with open_model(load) as model, open_segmenter(load_segmenter, settings) as masks:
            yield Answerers(executor=None, model=model, segmenter=masks or load_segmenter, identity=model, masks=masks)


def run_all(batch: Batch, answering: Answerers, reporter: Silent, *, quiet: bool) -> list[Row]:
    """Run every scene; the table is on disk after each.

    Raises:
        ModelError: the model is gone, so that the rest was not tried.
    """
    order = [(cell(scene.source), cell(batch.output.cell(scene.name))) for scene in batch.scenes]
    places = dict(zip((scene.name for scene in batch.scenes), order, strict=True))
    wanted = set(order)
    earlier = read_table(batch.output.table) if batch.output.writing.resume else []
    table = TableFile(batch.output.table, [row for row in earlier if row.id in wanted])
    before = {row.id: row for row in earlier}
    in_a_row = 0

    def run_one(scene: Listed, on_progress: Callable[[Progress], None]) -> _Ended:
        earlier_row = before.get(places[scene.name])
        return _run_scene(batch, answering, scene, earlier_row, reporter, on_progress=on_progress)

    bytes_of = sizes(batch.scenes)
    tally = Tally(weights(bytes_of))
    reporter.show(tally)
    if answering.executor is None:
        finished = in_order(batch.scenes, run_one, reporter, tally)
    else:
        # A large scene that begins last would keep a few workers busy, and the others idle.
        largest_first = sorted(batch.scenes, key=lambda scene: -bytes_of[scene.name])
        finished = at_once(
            largest_first, run_one, reporter, tally, turns=answering.executor.turns, most=batch.in_flight
        )
    try:
        with closing(finished):
            for number, (scene, ended) in enumerate(finished, start=1):
                table.add(ended.row)
                tally.end(scene.name, ended.how)
                if not quiet:
                    _say_outcome(number, scene, ended.row, tally)
                in_a_row = in_a_row + 1 if ended.by_model else 0
                rest = len(batch.scenes) - number
                if in_a_row == MODEL_ERRORS_IN_A_ROW and rest:
                    raise ModelError(
                        f"the model failed on {in_a_row} scenes in a row; {rest} were not tried: {ended.row.error}",
                        hint="When the model is back, --resume goes on.",
                    )
    finally:
        rows = table.finish(order)
    return rows


def _say_outcome(number: int, scene: Listed, row: Row, tally: Tally) -> None:
    standing = tally.standing()
    rate = "" if standing.chips_per_s is None or number == standing.scenes else f" ({standing.line()})"
    say(f"[{number}/{standing.scenes}] {cell(scene.source)}: {outcome(row)}{rate}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """How a scene ended."""

    row: Row
    how: End
    by_model: bool = False
    """Whether the model failed, and not the scene."""


def _run_scene(
    batch: Batch,
    answering: Answerers,
    scene: Listed,
    before: Row | None,
    reporter: Silent,
    *,
    on_progress: Callable[[Progress], None],
) -> _Ended:
    """Run one scene, unless it was done before with the same key; whatever is wrong with it is in its row."""
    from geogrounding import pipeline

    output, shown = batch.output.of(scene.name), batch.output.cell(scene.name)
    row = Row(scene=cell(scene.source), layer=cell(shown), status="failed")
    by_model = False
    try:
        key, fingerprint, settings = scene_key(batch, answering, scene)
        if is_done(batch, scene, before, key, fingerprint, settings):
            reporter.event("done", source=scene.source, output=_place(output, shown), kept=True)
            return _Ended(row=before or row, how="kept")
        preview = output.with_suffix(".png") if batch.previews and isinstance(output, Path) else None
        if preview is not None:
            writing = batch.output.writing
            check_beside(preview, "preview", ".png", overwrite=writing.overwrite or writing.resume)
        reporter.event("start", source=scene.source, output=_place(output, shown))
        report = pipeline.run(
            settings,
            output,
            model=answering.model,
            segmenter=answering.segmenter,
            preview=preview,
            on_progress=on_progress,
            on_notice=lambda notice: say(f"Note: {cell(scene.source)}: {notice}"),
            executor=answering.executor,
            **batch.output.writing.options(),
        )
    except Exception as error:  # noqa: BLE001 - one scene, however odd, must not end a night of others
        if batch.verbose:
            click.echo(clean_lines(without_secrets(traceback.format_exc())), err=True)
        described = {"type": type(error).__name__, "message": str(error), "hint": "", "exit_code": 1}
        if isinstance(error, GeogroundingError):
            described, by_model = describe_error(error), isinstance(error, ModelError)
        reporter.event("error", source=scene.source, **described)
        failed = replace(row, error=f"{type(error).__name__}: {error}")
        return _Ended(row=failed, how="failed", by_model=by_model)
    reporter.event("done", source=scene.source, output=_place(output, shown), kept=False, **describe_report(report))
    if batch.explain:
        say_answers(report, scene=scene.source)
    done = filled(row, report, key)
    return _Ended(row=done, how="done" if done.status == "done" or batch.allow_failed else "failed")


def _place(output: Path | str, shown: str) -> str:
    return str(output) if isinstance(output, Path) else shown


def is_done(batch: Batch, scene: Listed, before: Row | None, key: str, fingerprint: str, settings: RunSettings) -> bool:
    """Whether an earlier batch made the same result, and it is still there."""
    return (
        before is not None
        and before.status == "done"
        and before.key == key
        and batch.output.holds(scene.name, settings, fingerprint)
    )


def scene_key(batch: Batch, answering: Answerers, scene: Listed) -> tuple[str, str, RunSettings]:
    """Digest of the data, the model, and every option that shapes the layer; fingerprint of the data; settings.

    Raises:
        GeogroundingError: the scene cannot be opened.
    """
    from geogrounding.execution.scene import open_scene

    settings, writing = batch.settings(scene), batch.output.writing
    with open_scene(settings) as opened:
        fingerprint = opened.fingerprint
    parts = [
        __version__,
        fingerprint,
        answering.identity.name,
        answering.identity.fingerprint,
        asdict(replace(settings, source="")),
        writing.dst_crs,
        writing.creation_options,
        None if answering.masks is None else [answering.masks.name, answering.masks.fingerprint],
    ]
    read = [file for file in (settings.aoi, *settings.contexts.values()) if file is not None and file.is_file()]
    parts += [hashlib.sha256(file.read_bytes()).hexdigest() for file in read]
    parts += [] if writing.layer is None else [writing.layer]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:16], fingerprint, settings
