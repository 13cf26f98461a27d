"""The walk: scene -> chips -> answers -> polygons -> layer.

Scene.open      opens and checks the raster                           raster/scene.py
make_plan       area, resolution, chips                               execution/scan_plan.py, raster/grid.py
read_chips      pixels, some chips ahead of the model                 raster/reader.py
model.ground    answers, a batch of chips at a time                   grounding/
Journal         each answered batch on disk before the next           execution/journal.py
Collection      boxes to the scene, merged across chip borders        execution/results.py, vector/merge.py
write_layer     the file, whole or not at all                         io/write_layer.py
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geogrounding.errors import IncompleteError, ModelError
from geogrounding.execution.journal import ChipRecord, Journal
from geogrounding.execution.provenance import describe_run, run_key
from geogrounding.execution.results import Collection, chip_name
from geogrounding.execution.scan_plan import Plan, make_plan
from geogrounding.io.write_layer import check_output, to_geodataframe, write_layer
from geogrounding.models.base import Model
from geogrounding.raster.reader import ChipImage, read_chips
from geogrounding.raster.scene import Scene
from geogrounding.raster.stretch import Stretch, compute_stretch
from geogrounding.settings import RunSettings
from geogrounding.types import Answer, Question
from geogrounding.vector.feature import Feature

if TYPE_CHECKING:
    import geopandas as gpd

ModelSource = Model | str | Callable[[], Model]
"""A loaded model (left open), a name for ``load_model``, or a function that loads one: a raster that cannot be used is
then refused before weights are read."""

MAX_BATCH_CHIPS = 2_000
"""A batch ends after so many chips even when nearly all are empty, so that the journal keeps up with the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is."""

    chips_done: int
    chips_total: int
    chips_failed: int
    chips_resumed: int
    """Chips taken over from an interrupted run."""
    found: int
    """Detections since the start or the resumption, before merging."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What a run did."""

    features: int
    chips: int
    empty_chips: int
    """Chips without a valid pixel, which the model was not asked about."""
    failed_chips: tuple[tuple[str, str], ...]
    """(``level/row/column``, reason) of every chip that was not wholly answered."""
    drops: Mapping[str, int]
    """Parts of answers that could not be used, by reason."""
    seconds: float
    """Wall time up to the merged result."""
    model_seconds: float
    """Time of it inside the model."""
    waiting_seconds: float
    """Time of it in which the model waited for pixels."""

    @property
    def complete(self) -> bool:
        """Whether every chip was answered."""
        return not self.failed_chips


@dataclass(slots=True)
class _Clock:
    """Where the time goes."""

    started: float = field(default_factory=time.monotonic)
    seconds: dict[str, float] = field(default_factory=lambda: {"model": 0.0, "waiting": 0.0})

    @contextmanager
    def count(self, what: str) -> Iterator[None]:
        begin = time.monotonic()
        try:
            yield
        finally:
            self.seconds[what] += time.monotonic() - begin


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A run whose chips are all answered, with its files still open."""

    settings: RunSettings
    scene: Scene
    stretch: Stretch
    plan: Plan
    model: Model
    journal: Journal
    collection: Collection
    report: RunReport


def run(
    settings: RunSettings,
    output: Path,
    *,
    model: ModelSource = "builtin",
    resume: bool = False,
    overwrite: bool = False,
    dst_crs: str | None = None,
    creation_options: Mapping[str, str] | None = None,
    preview: Path | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> RunReport:
    """Ground the expressions in the scene and write the layer to ``output``.

    The journal ``<output>.journal`` stands beside the output while the run goes on, and stays when it is cut off or
    chips fail; ``resume`` takes it up. A run with failed chips still writes its layer: see ``RunReport.complete``.

    Raises:
        GeogroundingError: one of the errors of ``geogrounding.errors``; the output is then as it was before.
    """
    check_output(output, overwrite=overwrite or resume)
    journal_path = output.with_name(output.name + ".journal")
    with walk_scene(settings, model, journal_path, resume=resume, overwrite=overwrite, on_progress=on_progress) as walk:
        write_result(walk, output, overwrite=overwrite or resume, dst_crs=dst_crs, creation_options=creation_options)
        if preview is not None:
            from geogrounding.io.preview import render_preview

            render_preview(walk.scene, walk.stretch, walk.collection, preview)
        if walk.report.complete:
            walk.journal.remove()
    return walk.report


def write_result(
    walk: Walk,
    output: Path,
    *,
    overwrite: bool,
    dst_crs: str | None = None,
    creation_options: Mapping[str, str] | None = None,
) -> None:
    """Write the layer of a finished walk, and the description of the run beside it.

    Raises:
        OutputError: it cannot be written; what stood there is left as it was.
    """
    write_layer(
        output,
        walk.collection,
        crs=walk.scene.crs,
        dst_crs=dst_crs,
        metadata=describe_run(walk.scene, walk.settings, walk.plan, walk.stretch, walk.model, walk.report),
        creation_options=creation_options,
        overwrite=overwrite,
        pixel_coordinates=walk.scene.crs is None,
    )


def ground(
    source: str | Path, *expressions: str, model: ModelSource = "builtin", allow_failed: bool = False, **settings: Any
) -> gpd.GeoDataFrame:
    """Ground the expressions in the scene and return the polygons as a GeoDataFrame in the CRS of the scene.

    Args:
        source: the raster.
        expressions: what to look for, one sentence each.
        model: a name for ``load_model``, or a loaded model.
        allow_failed: return what was found even when chips failed.
        settings: any other field of ``RunSettings``.

    Raises:
        IncompleteError: chips failed and ``allow_failed`` is not set.
        GeogroundingError: see ``geogrounding.errors``.
    """
    chosen = RunSettings(source=str(source), expressions=expressions, **settings)
    with (
        tempfile.TemporaryDirectory(prefix="geogrounding-") as folder,
        walk_scene(chosen, model, Path(folder) / "run.journal") as walk,
    ):
        if not walk.report.complete and not allow_failed:
            chip, reason = walk.report.failed_chips[0]
            raise IncompleteError(
                f"{len(walk.report.failed_chips)} of {walk.report.chips} chips failed; the first, {chip}: {reason}",
                hint="Pass allow_failed=True to take what was found.",
            )
        return to_geodataframe(walk.collection, walk.scene.crs)


def stream(
    source: str | Path, *expressions: str, model: ModelSource = "builtin", **settings: Any
) -> Generator[Feature, None, None]:
    """Yield features while the run goes on, one answered batch of chips after the other.

    Nothing is merged across batches yet: an object that several chips see may come several times, and ``refer`` gives
    the best of each batch. Expressions that are decided over the whole scene ("the leftmost airplane", see
    ``query.planner``) are answered after the last batch: no batch knows what is leftmost. Use ``ground`` or
    ``run`` for the final layer. Failed chips are passed over.

    Raises:
        GeogroundingError: see ``geogrounding.errors``.
    """
    chosen = RunSettings(source=str(source), expressions=expressions, **settings)
    number = 0
    with (
        tempfile.TemporaryDirectory(prefix="geogrounding-") as folder,
        open_scene(chosen) as scene,
        _open_model(model) as loaded,
        Journal(Path(folder) / "run.journal", {}) as journal,
    ):
        plan, stretch = make_plan(scene, chosen, loaded.conventions), compute_stretch(scene, chosen.stretch)
        collect = partial(Collection, scene, plan, chosen, model_name=loaded.name)
        with closing(read_chips(scene, plan.grid, stretch)) as images:
            for batch in _batches(images, loaded.conventions.batch_size):
                records = _ask(loaded, batch, plan.composition.questions)
                if plan.composition.composed:
                    journal.append(records)
                by_chip = {record.index: record for record in records}
                for feature in collect(by_chip, first_id=number + 1, whole_scene=False):
                    number = feature.id
                    yield feature
        if plan.composition.composed:
            yield from collect(journal, first_id=number + 1, whole_scene=True)


def open_scene(settings: RunSettings) -> Scene:
    """Open the raster of a run with the settings that concern it."""
    return Scene.open(
        settings.source,
        bands=settings.bands,
        nodata=settings.nodata,
        pixel_coordinates=settings.pixel_coordinates,
        allow_remote=settings.allow_remote,
        trusted_folders=settings.trusted_folders,
        open_options=settings.open_options,
    )


@contextmanager
def walk_scene(
    settings: RunSettings,
    model: ModelSource,
    journal_path: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
    on_plan: Callable[[Scene, Plan, Model], None] | None = None,
    on_features: Callable[[list[Feature]], None] | None = None,
) -> Iterator[Walk]:
    """Answer every chip of a scene; inside the ``with`` block the merged features can be read and written.

    Args:
        settings: what is asked.
        model: a loaded model, its name, or a function that loads it.
        journal_path: record of finished chips; it stays unless the caller removes it.
        resume: go on with an existing journal.
        overwrite: throw an existing journal away.
        on_progress: called after each batch of chips.
        on_plan: called once before the first chip.
        on_features: called after each batch with what was found in it, not yet merged with other batches and without
            expressions that are decided over the whole scene: see ``stream``. The features of ``Walk.collection`` take
            their place. Chips of a resumed journal are left out.

    Raises:
        GeogroundingError: one of the errors of ``geogrounding.errors``.
    """
    clock = _Clock()
    with open_scene(settings) as scene, _open_model(model) as loaded:
        plan, stretch = make_plan(scene, settings, loaded.conventions), compute_stretch(scene, settings.stretch)
        key = run_key(scene, settings, plan, stretch, loaded)
        with Journal(journal_path, key, resume=resume, overwrite=overwrite) as journal:
            if on_plan is not None:
                on_plan(scene, plan, loaded)

            def tell_features(records: list[ChipRecord]) -> None:
                if on_features is not None:
                    by_chip = {record.index: record for record in records}
                    on_features(
                        list(Collection(scene, plan, settings, by_chip, model_name=loaded.name, whole_scene=False))
                    )

            _answer_chips(scene, plan, stretch, loaded, journal, clock, on_progress, tell_features)
            collection = Collection(scene, plan, settings, journal, model_name=loaded.name)
            report = _report(collection, plan, journal, clock)
            yield Walk(
                settings=settings,
                scene=scene,
                stretch=stretch,
                plan=plan,
                model=loaded,
                journal=journal,
                collection=collection,
                report=report,
            )


@contextmanager
def _open_model(source: ModelSource) -> Iterator[Model]:
    """Load a model and close it afterwards; one that came loaded belongs to the caller and is left open."""
    if isinstance(source, str):
        from geogrounding.models.load import load_model

        manager: Any = closing(load_model(source))
    elif isinstance(source, Model):
        manager = nullcontext(source)
    else:
        manager = closing(source())
    with manager as model:
        yield model


def _answer_chips(
    scene: Scene,
    plan: Plan,
    stretch: Stretch,
    model: Model,
    journal: Journal,
    clock: _Clock,
    on_progress: Callable[[Progress], None] | None,
    on_batch: Callable[[list[ChipRecord]], None],
) -> None:
    """Ask the model about every chip the journal does not know yet, then once more about those that failed before."""
    resumed, failed_before = journal.next_chip, journal.failed
    to_do = [range(resumed, len(plan.grid)), failed_before]
    found = 0
    for chips in to_do:
        with closing(read_chips(scene, (plan.grid[i] for i in chips), stretch)) as images:
            batches = _batches(images, model.conventions.batch_size)
            while True:
                with clock.count("waiting"):
                    batch = next(batches, None)
                if batch is None:
                    break
                with clock.count("model"):
                    records = _ask(model, batch, plan.composition.questions)
                journal.append(records)
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


def _batches(images: Iterable[ChipImage], batch_size: int) -> Iterator[list[ChipImage]]:
    """Group chips so that each group holds ``batch_size`` pictures for the model; empty and failed chips ride along.

    Where a group ends depends only on the chips since the last group, so a resumed run forms the same groups.
    """
    group: list[ChipImage] = []
    pictures = 0
    for image in images:
        group.append(image)
        pictures += image.pixels is not None
        if pictures == batch_size or len(group) == MAX_BATCH_CHIPS:
            yield group
            group, pictures = [], 0
    if group:
        yield group


def _ask(model: Model, batch: list[ChipImage], questions: tuple[Question, ...]) -> list[ChipRecord]:
    """What becomes of each chip of a batch."""
    pictures = [image.pixels for image in batch if image.pixels is not None]
    answers = model.ground(pictures, questions) if pictures else []
    if len(answers) != len(pictures) or any(len(a) != len(questions) for a in answers):
        raise ModelError(f"{model.name} gave {len(answers)} answers about {len(pictures)} chips")
    remaining = iter(answers)
    records = []
    for image in batch:
        of_chip: tuple[Answer, ...] = () if image.pixels is None else tuple(next(remaining))
        error = image.error or next((a.error for a in of_chip if a.error is not None), None)
        records.append(ChipRecord(index=image.chip.index, answers=of_chip, error=error))
    return records


def _report(collection: Collection, plan: Plan, journal: Journal, clock: _Clock) -> RunReport:
    return RunReport(
        features=len(collection),
        chips=len(plan.grid),
        empty_chips=collection.empty_chips,
        failed_chips=tuple((chip_name(plan.grid[i]), journal[i].error or "") for i in journal.failed),
        drops=dict(sorted(collection.drops.items())),
        seconds=time.monotonic() - clock.started,
        model_seconds=clock.seconds["model"],
        waiting_seconds=clock.seconds["waiting"],
    )
