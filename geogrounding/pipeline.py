"""The walk: scene -> chips -> answers -> polygons -> layer.

Scene.open      opens and checks the raster                           raster/scene.py
plan_by_looking area, resolution, chips                               execution/levels.py, execution/scan_plan.py,
                                                                      raster/grid.py
read_chips      pixels, some chips ahead of the model                 raster/reader.py
Executor        answers, a batch of chips at a time: model.ground,    execution/executor.py, execution/local.py,
                and masks where outlines are asked for                distributed/ray.py, models/
Journal         each answered batch on disk before the next           execution/journal.py
Collection      boxes to the scene, merged across chip borders        execution/results.py, vector/merge.py
Sink            the file or the table, whole or not at all            io/sinks.py, io/write_layer.py, io/postgis.py
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from geogrounding.errors import IncompleteError, SettingsError
from geogrounding.execution.coarse_to_fine import answer_chips
from geogrounding.execution.executor import (
    Answering,
    Described,
    DescribedModel,
    Executor,
    ModelSource,
    SegmenterSource,
    segmenter_of,
)
from geogrounding.execution.journal import ChipRecord, Journal
from geogrounding.execution.kept_masks import check_masks, write_masks
from geogrounding.execution.levels import plan_by_looking
from geogrounding.execution.local import LocalExecutor
from geogrounding.execution.looks import Looker
from geogrounding.execution.provenance import describe_run, run_key
from geogrounding.execution.report import Clock, Progress, RunReport, make_report
from geogrounding.execution.results import Collection
from geogrounding.execution.scan_plan import Plan
from geogrounding.execution.scene import opened_or_open, settings_of
from geogrounding.io.destination import Destination
from geogrounding.io.sinks import FileSink, Sink, SinkResult, open_catalogued
from geogrounding.io.write_layer import to_geodataframe
from geogrounding.models.segmenters.base import Segmenter
from geogrounding.packaged import default_model
from geogrounding.raster.scene import Scene
from geogrounding.raster.stretch import Stretch, compute_stretch
from geogrounding.raster.validity import notices_of, sample_validity
from geogrounding.settings import RunOptions, RunSettings
from geogrounding.vector.feature import Feature

if TYPE_CHECKING:
    import geopandas as gpd

    from geogrounding.execution.scene import RasterSource

_logger = logging.getLogger("geogrounding")


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A run whose chips are all answered, with its files still open."""

    settings: RunSettings
    scene: Scene
    stretch: Stretch
    plan: Plan
    model: DescribedModel
    segmenter: Described | None
    looker: Looker
    journal: Journal
    collection: Collection
    report: RunReport


def run(  # noqa: PLR0913 - keyword-only options of the public function
    source: RunSettings | RasterSource,
    output: str | Path,
    *expressions: str,
    model: ModelSource | None = None,
    segmenter: SegmenterSource = "builtin",
    resume: bool = False,
    overwrite: bool = False,
    append: bool = False,
    layer: str | None = None,
    dst_crs: str | None = None,
    creation_options: Mapping[str, str] | None = None,
    preview: Path | None = None,
    masks: Path | None = None,
    stac: Path | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_notice: Callable[[str], None] | None = None,
    executor: Executor | None = None,
    **options: Unpack[RunOptions],
) -> RunReport:
    """Ground the expressions in the scene and write the layer to ``output``.

    The journal ``<output>.journal`` stands beside the output while the run goes on, and stays when it is cut off or
    chips fail; ``resume`` takes it up. A run with failed chips still writes its layer: see ``RunReport.complete``.

    Args:
        source: the raster, see ``ground``; or all settings as one ``RunSettings``, without expressions and options.
        output: the layer; its ending chooses the format. Or a table of PostGIS, as a text
            ``postgresql://user@host/database?table=schema.name``.
        expressions: what to look for.
        model: for ``load_model``, a loaded one, or a function that loads one; None: ``packaged.default_model``.
        segmenter: the same for ``load_segmenter``; asked where ``outline`` needs masks.
        resume: go on with an interrupted run.
        overwrite: replace an existing layer; other layers of a GeoPackage stay.
        append: add to an existing GeoPackage (a layer, or features to the layer of this name) or to a table.
        layer: name of the layer in a GeoPackage; None is made from the name of the file.
        dst_crs: CRS of the layer; None is that of the scene, or what the format demands.
        creation_options: GDAL layer creation options.
        preview: also render the result to this PNG file.
        masks: also keep the masks of the objects in this file, so that their outlines can be drawn again without the
            model: see ``open_masks``.
        stac: also write a STAC item beside this catalogue: see ``io.stac``.
        on_progress: called after each batch of chips.
        on_notice: called before the first chip with each thing that a user should know; None logs a warning.
        executor: who answers the chips, such as ``distributed.ray.RayExecutor``; None is this process. The bytes of the
            result are the same.
        options: fields of ``RunSettings``.

    Raises:
        GeogroundingError: one of the errors of ``geogrounding.errors``; the output is then as it was before.
    """
    if isinstance(source, RunSettings):
        if expressions or options:
            raise SettingsError("expressions and options stand in the RunSettings already", hint="Pass the raster.")
        settings, opened = source, None
    else:
        settings, opened = settings_of(source, expressions, **options)
    sink = open_catalogued(
        output,
        stac,
        overwrite=overwrite,
        append=append,
        resume=resume,
        layer=layer,
        dst_crs=dst_crs,
        creation_options=creation_options,
    )
    if masks is not None:
        check_masks(settings)
    with walk_scene(
        settings,
        model or default_model(),
        sink.journal(settings.source),
        segmenter=segmenter,
        opened=opened,
        resume=resume,
        overwrite=overwrite,
        on_progress=on_progress,
        on_notice=on_notice,
        check_scene=partial(_check_sink, sink),
        executor=executor,
    ) as walk:
        write_result(walk, sink)
        if not len(walk.collection) and sink.empty_notice is not None:
            (on_notice or _logger.warning)(sink.empty_notice)
        if preview is not None:
            from geogrounding.io.preview import render_preview

            render_preview(walk.scene, walk.stretch, walk.collection, preview)
        if masks is not None:
            write_masks(masks, walk.collection, walk.scene)
        if walk.report.complete:
            walk.journal.remove()
    return walk.report


def write_result(walk: Walk, sink: Sink | Destination) -> None:
    """Write the layer of a finished walk, and the description of the run beside it.

    Raises:
        OutputError: it cannot be written; what stood there is left as it was.
    """
    metadata = describe_run(
        walk.scene, walk.settings, walk.plan, walk.stretch, walk.model, walk.report, segmenter=walk.segmenter
    )
    result = SinkResult(
        features=walk.collection,
        crs=walk.scene.crs,
        extent=walk.scene.bounds,
        metadata=metadata,
        measures=walk.collection.measures,
        source=walk.scene.source,
        points=walk.settings.drawn_outline == "point",
        empty=walk.collection.empty_columns,
    )
    (FileSink(sink) if isinstance(sink, Destination) else sink).write(result)


def _check_sink(sink: Sink, scene: Scene) -> tuple[str, ...]:
    return sink.check(scene.crs, scene.bounds)


def ground(
    source: RasterSource,
    *expressions: str,
    model: ModelSource | None = None,
    segmenter: SegmenterSource = "builtin",
    allow_failed: bool = False,
    **options: Unpack[RunOptions],
) -> gpd.GeoDataFrame:
    """Ground the expressions in the scene and return the polygons as a GeoDataFrame in the CRS of the scene.

    Args:
        source: path of the raster, an open ``Scene`` (left open), or a dataset that rasterio opened from a file.
        expressions: what to look for.
        model: as for ``run``; a loaded one is left open.
        segmenter: the same for ``load_segmenter``; asked where ``outline`` needs masks.
        allow_failed: return what was found even when chips failed.
        options: fields of ``RunSettings``, such as ``bbox``, ``min_score``, ``bands``.

    Raises:
        IncompleteError: chips failed and ``allow_failed`` is not set.
        GeogroundingError: see ``geogrounding.errors``.
    """
    settings, opened = settings_of(source, expressions, **options)
    model = model or default_model()
    with (
        tempfile.TemporaryDirectory(prefix="geogrounding-") as place,
        walk_scene(settings, model, Path(place, "run.journal"), segmenter=segmenter, opened=opened) as walk,
    ):
        if not walk.report.complete and not allow_failed:
            chip, reason = walk.report.failed_chips[0]
            raise IncompleteError(
                f"{len(walk.report.failed_chips)} of {walk.report.chips} chips failed; the first, {chip}: {reason}",
                hint="Pass allow_failed=True to take what was found.",
            )
        return to_geodataframe(walk.collection, walk.scene.crs)


def stream(
    source: RasterSource,
    *expressions: str,
    model: ModelSource | None = None,
    segmenter: SegmenterSource = "builtin",
    **options: Unpack[RunOptions],
) -> Generator[Feature, None, None]:
    """Yield features while the run goes on, one answered batch of chips after the other.

    Nothing is merged across batches yet: an object in several chips may come several times, and ``refer`` gives the
    best of each batch. Expressions that are decided over the whole scene ("the leftmost airplane", see
    ``query.planner``) are answered after the last batch: no batch knows what is leftmost. Use ``ground`` or
    ``run`` for the final layer. Of failed chips, what can be used is yielded.

    Raises:
        GeogroundingError: see ``geogrounding.errors``.
    """
    settings, opened = settings_of(source, expressions, **options)
    number = 0
    with (
        tempfile.TemporaryDirectory(prefix="geogrounding-") as folder,
        opened_or_open(opened, settings) as scene,
        LocalExecutor().answering(scene, settings, model or default_model(), segmenter) as answering,
        Journal(Path(folder) / "run.journal", {}) as journal,
    ):
        settings = answering.planned(settings)
        stretch = compute_stretch(scene, settings.stretch)
        plan = plan_by_looking(scene, settings, answering, stretch)
        collect = partial(Collection, scene, plan, settings, model_name=answering.model.name)
        with closing(answer_chips(answering, plan, stretch, journal, Clock())) as batches:
            for records in batches:
                by_chip = {record.index: record for record in records}
                for feature in collect(by_chip, first_id=number + 1, whole_scene=False):
                    number = feature.id
                    yield feature
        if plan.composition.composed:
            with closing(Looker(scene, stretch, _drawing(answering, segmenter))) as looker:
                yield from collect(journal, first_id=number + 1, whole_scene=True, looker=looker)


@contextmanager
def walk_scene(  # noqa: PLR0913 - keyword-only options of the public function
    settings: RunSettings,
    model: ModelSource,
    journal_path: Path,
    *,
    segmenter: SegmenterSource = "builtin",
    opened: Scene | None = None,
    resume: bool = False,
    overwrite: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
    on_plan: Callable[[Scene, Plan, DescribedModel], None] | None = None,
    on_features: Callable[[list[Feature]], None] | None = None,
    on_notice: Callable[[str], None] | None = None,
    check_scene: Callable[[Scene], tuple[str, ...]] | None = None,
    plan_again: bool = False,
    executor: Executor | None = None,
) -> Iterator[Walk]:
    """Answer every chip of a scene; inside the ``with`` block the merged features can be read and written.

    Args:
        settings: what is asked.
        opened: the raster of the settings where it is open already; it is left open.
        model: a loaded model, its name, or a function that loads it.
        segmenter: the same of a segmenter; asked where ``settings.outline`` needs masks.
        journal_path: record of finished chips; it stays unless the caller removes it.
        resume: go on with an existing journal.
        overwrite: throw an existing journal away.
        on_progress: called after each batch of chips.
        on_plan: called once before the first chip.
        on_features: called after each batch with what was found in it, not yet merged with other batches and without
            expressions that are decided over the whole scene: see ``stream``. The features of ``Walk.collection`` take
            their place. Chips of a resumed journal are left out.
        on_notice: called before the first chip with each thing that a user should know; None logs a warning.
        check_scene: called with the open scene before the model is loaded; returns further notices, or raises.
        plan_again: plans in the settings that the grammar could not read in full may be made again by the model.
        executor: who answers the chips; None is this process.

    Raises:
        GeogroundingError: one of the errors of ``geogrounding.errors``.
    """
    clock = Clock()
    with (
        opened_or_open(opened, settings) as scene,
        nullcontext(check_scene(scene) if check_scene is not None else ()) as checked,
        (executor or LocalExecutor()).answering(scene, settings, model, segmenter) as answering,
    ):
        loaded, masks = answering.model, answering.segmenter
        given, settings = settings, answering.planned(settings, again=plan_again)
        stretch = compute_stretch(scene, settings.stretch)
        plan = plan_by_looking(scene, settings, answering, stretch, clock)
        notices = (*notices_of(scene, sample_validity(scene)), *plan.area.notices, *checked)
        for notice in notices:
            (on_notice or _logger.warning)(notice)
        key = run_key(scene, given, plan, stretch, loaded, masks)
        with Journal(journal_path, key, resume=resume, overwrite=overwrite) as journal:
            if on_plan is not None:
                on_plan(scene, plan, loaded)

            def emit_features(records: list[ChipRecord]) -> None:
                if on_features is not None:
                    by_chip = {record.index: record for record in records}
                    on_features(
                        list(Collection(scene, plan, settings, by_chip, model_name=loaded.name, whole_scene=False))
                    )

            _answer_chips(answering, plan, stretch, journal, clock, on_progress, emit_features)
            with closing(Looker(scene, stretch, _drawing(answering, segmenter))) as looker:
                collection = Collection(scene, plan, settings, journal, model_name=loaded.name, looker=looker)
                yield Walk(
                    settings=settings,
                    scene=scene,
                    stretch=stretch,
                    plan=plan,
                    model=loaded,
                    segmenter=masks,
                    looker=looker,
                    journal=journal,
                    collection=collection,
                    report=make_report(collection, plan, journal, clock, notices),
                )


def _drawing(answering: Answering, segmenter: SegmenterSource) -> Segmenter | Callable[[], Segmenter]:
    """What draws single objects in this process: the segmenter of the run where it is here."""
    loaded = answering.segmenter
    return loaded if isinstance(loaded, Segmenter) else partial(segmenter_of, segmenter)


def _answer_chips(
    answering: Answering,
    plan: Plan,
    stretch: Stretch,
    journal: Journal,
    clock: Clock,
    on_progress: Callable[[Progress], None] | None,
    on_batch: Callable[[list[ChipRecord]], None],
) -> None:
    """Have the chips answered, and say so batch by batch."""
    resumed, found = journal.next_chip, 0
    with closing(answer_chips(answering, plan, stretch, journal, clock)) as batches:
        for records in batches:
            found += sum(len(a.detections) for r in records for a in r.answers)
            on_batch(records)
            if on_progress is not None:
                on_progress(
                    Progress(
                        chips_done=journal.next_chip,
                        chips_total=len(plan.grid),
                        chips_failed=len(journal.failed),
                        chips_resumed=resumed,
                        found=found,
                    )
                )
