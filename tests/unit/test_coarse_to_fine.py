"""Finer levels are looked at only where coarser ones leave something unclear."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import geogrounding as gg
from geogrounding.distributed.ray import PART_BYTES, parts_of
from geogrounding.errors import JournalError
from geogrounding.execution import coarse_to_fine, provenance
from geogrounding.execution.coarse_to_fine import answer_chips
from geogrounding.execution.executor import Answering, batches_of
from geogrounding.execution.journal import ChipRecord, Journal
from geogrounding.execution.report import Clock
from geogrounding.execution.scales import Closer
from geogrounding.execution.scan_plan import Plan
from geogrounding.raster.grid import ChipGrid
from geogrounding.raster.stretch import Stretch
from geogrounding.raster.tiling import Tiling
from geogrounding.types import Answer, Detection, Question
from tests.blobs import BlobModel, write_scene

CLOSER = Closer(below=1, small=0.1, small_px=20.0, unsure=(0.2, 0.4))


class Scripted:
    """Stands for an executor: every chip has the answers that were drawn for it."""

    def __init__(self, grid: ChipGrid, records: dict[int, ChipRecord], batch_size: int = 3) -> None:
        self.grid, self.records, self.batch_size = grid, records, batch_size
        self.asked: list[int] = []

    def batches(
        self, _plan: Plan, _stretch: Stretch, chips: Sequence[int], _clock: Clock
    ) -> Generator[list[ChipRecord], None, None]:
        class Image:
            def __init__(self, index: int) -> None:
                self.index, self.pixels = index, index

        for group in batches_of((Image(i) for i in chips), self.batch_size):
            self.asked += [image.index for image in group]
            yield [self.records[image.index] for image in group]


def plan_of(grid: ChipGrid, closer: tuple[Closer, ...] | None) -> Plan:
    plan = object.__new__(Plan)  # no scene is needed here
    object.__setattr__(plan, "grid", grid)
    object.__setattr__(plan, "closer", closer)
    return plan


@st.composite
def scenes(draw: st.DrawFn) -> tuple[ChipGrid, dict[int, ChipRecord]]:
    width, height = draw(st.integers(40, 500)), draw(st.integers(40, 400))
    scales = draw(st.sampled_from([(1.0, 2.0), (0.7, 1.9, 3.1), (1.0,)]))
    shape = None
    if draw(st.booleans()):
        shape = shapely.Point(width * draw(st.floats(0, 1)), height * draw(st.floats(0, 1))).buffer(70)
    grid = ChipGrid(
        width,
        height,
        tiling=Tiling(tile_size_px=48, overlap_px=draw(st.sampled_from([0, 8]))),
        aoi_scene_px=shape,
    )
    grid = ChipGrid(width, height, tiling=replace(grid.tiling, scales=scales), aoi_scene_px=shape)
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    records = {}
    for chip in grid:
        found = []
        for _ in range(random.integers(0, 3) if random.random() < 0.3 else 0):
            corner, size = random.uniform(0, 30, 2), random.uniform(1, 40, 2)
            end = np.minimum(corner + size, chip.size_px)
            start = np.minimum(corner, end - 0.5)
            score = None if random.random() < 0.05 else float(random.random())
            found.append(Detection(box_chip_px=(*start.tolist(), *end.tolist()), label="x", score=score))
        error = "lost" if random.random() < 0.03 else None
        answers = () if random.random() < 0.1 else (Answer(detections=tuple(found), error=error),)
        records[chip.index] = ChipRecord(index=chip.index, answers=answers, error=error if answers else None)
    return grid, records


def expected(grid: ChipGrid, records: dict[int, ChipRecord], below: int) -> set[int]:
    """Chips that must be looked at, by shapely and one chip after the other."""
    seen: set[int] = set()
    for level in sorted({chip.level for chip in grid}, reverse=True):
        unclear = []
        for index in seen:
            chip, record = grid[index], records[index]
            if record.error is not None:
                unclear.append(shapely.box(*chip.window_scene_px))
                continue
            for d in (d for answer in record.answers for d in answer.detections):
                x0, y0, x1, y1 = d.box_chip_px
                small = ((x1 - x0) * (y1 - y0)) ** 0.5 < 20
                if d.score is None or (d.score >= 0.1 if small else 0.2 <= d.score < 0.4):
                    unclear.append(shapely.box(*chip.to_scene_px(x0, y0), *chip.to_scene_px(x1, y1)))
        mine = [chip for chip in grid if chip.level == level]
        if level < below:
            windows = [(chip, shapely.box(*chip.window_scene_px)) for chip in mine]
            mine = [c for c, window in windows if any(window.intersection(box).area > 0 for box in unclear)]
        seen |= {chip.index for chip in mine}
    return seen


@settings(max_examples=100, deadline=None)
@given(scenes(), st.integers(0, 2), st.data())
def test_chips_near_what_is_unclear_are_looked_at_and_no_others(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: tuple[ChipGrid, dict[int, ChipRecord]],
    below: int,
    data: st.DataObject,
) -> None:
    grid, records = drawn
    plan = plan_of(grid, (replace(CLOSER, below=min(below, grid[0].level)),))
    folder = tmp_path_factory.mktemp("walk")
    answering = Scripted(grid, records)
    with Journal(folder / "whole", {}) as journal:
        batches = list(answer_chips(cast(Answering, answering), plan, cast(Stretch, None), journal, Clock()))
        assert journal.next_chip == len(grid)
        passed = {r.index for r in journal.values() if r.state == "passed over"}
        assert all(journal[i] == replace(records[i], answers=journal[i].answers) for i in answering.asked)
    assert sorted(answering.asked) == sorted(expected(grid, records, plan.closer[0].below if plan.closer else 0))
    assert passed == set(range(len(grid))) - set(answering.asked)
    assert [r.index for batch in batches for r in batch] == list(range(len(grid)))

    # cut off after any batch, a run goes on to the same journal
    with Journal(folder / "cut", {}) as journal:
        walk = answer_chips(cast(Answering, Scripted(grid, records)), plan, cast(Stretch, None), journal, Clock())
        for _ in range(data.draw(st.integers(0, len(batches)))):
            next(walk)
        walk.close()
    with Journal(folder / "cut", {}, resume=True) as journal:
        failed = journal.failed
        for _ in answer_chips(cast(Answering, Scripted(grid, records)), plan, cast(Stretch, None), journal, Clock()):
            pass
    whole = (folder / "whole").read_bytes()
    assert (folder / "cut").read_bytes()[: len(whole)] == whole  # what follows are the failed ones, asked once more
    assert bool(failed) == ((folder / "cut").stat().st_size > len(whole))


def test_long_stretches_without_anything_do_not_become_long_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coarse_to_fine, "MAX_BATCH_CHIPS", 10)
    grid = ChipGrid(4800, 96, tiling=Tiling(tile_size_px=48, overlap_px=0, scales=(1.0, 2.0)))
    coarse = len(grid.level_chips(1))
    small = Answer(detections=(Detection(box_chip_px=(1, 1, 3, 3), label="x", score=0.5),))
    records = {i: ChipRecord(index=i, answers=(small if i in (0, coarse - 1) else Answer(),)) for i in range(len(grid))}
    with Journal(tmp_path / "j", {}) as journal:
        walk = answer_chips(
            cast(Answering, Scripted(grid, records)), plan_of(grid, (CLOSER,)), cast(Stretch, None), journal, Clock()
        )
        lines = [len(batch) for batch in walk]
    assert sum(lines) == len(grid)
    assert max(lines) <= 10 + 3


class PlaneFinder(BlobModel):
    """Every blob is an airplane; the larger, the surer."""

    def __init__(self, coarse_to_fine: dict[str, tuple[float, float]] | None = None) -> None:
        super().__init__(tile_size_px=64, overlap_px=16)
        self.conventions = replace(
            self.conventions,
            classes={"airplane": (0.5, 1.0), "tree": (0.5,)},
            object_sizes_px=(12.0, 60.0),
            min_score=0.4,
            coarse_to_fine={"airplane": (1.0, 0.03)} if coarse_to_fine is None else coarse_to_fine,
        )

    def answer(self, image: NDArray[Any], question: Question) -> Answer:
        return Answer() if "tree" in question.expression else super().answer(image, question)


PLANES = [(10, 10, 60, 60), (300, 40, 314, 54), (420, 420, 470, 470)]
"""Two that are seen well at 1 m, and one of 14 pixels at 0.5 m that is not."""


@pytest.fixture
def airport(tmp_path: Path) -> Path:
    return write_scene(tmp_path / "airport.tif", PLANES, width=600, height=500)


def report_of(scene: Path, *queries: str, model: Any = None, **options: Any) -> Any:
    output = scene.with_name("o.geojson")
    return gg.run(str(scene), output, *queries, model=model or PlaneFinder(), overwrite=True, **options)


def test_a_run_finds_the_same_with_far_fewer_chips(airport: Path) -> None:
    everywhere = report_of(airport, "airplane", model=PlaneFinder({}))
    assert (everywhere.passed_over_chips, everywhere.features) == (0, 3)
    report = report_of(airport, "airplane")
    assert (report.complete, report.features, report.chips) == (True, 3, everywhere.chips)
    coarse = report.chips - report.passed_over_chips
    assert report.seen_chips == coarse < 0.5 * everywhere.seen_chips
    layer = gg.ground(str(airport), "airplane", model=PlaneFinder())
    inverse = ~gg.Scene.open(str(airport)).transform
    found = sorted(
        tuple(round(v) for v in shapely.transform(p, lambda c: np.array([inverse * tuple(x) for x in c])).bounds)
        for p in layer.geometry
    )
    assert found == sorted(PLANES)


@pytest.mark.parametrize(
    ("queries", "options"),
    [
        (("airplane",), {"scales": (1.0, 2.0)}),
        (("airplane",), {"resolution_m": 0.5}),
        (("airplane",), {"task": "refer"}),
        (("airplane", "tree"), {}),
        (("the largest airplane near a tree",), {"whole_scene": False}),
    ],
)
def test_levels_that_are_asked_for_and_other_questions_are_looked_at_everywhere(
    airport: Path, queries: tuple[str, ...], options: dict[str, Any]
) -> None:
    report = report_of(airport, *queries, **options)
    assert report.passed_over_chips == 0
    assert report.chips > 60


def test_a_question_over_the_whole_scene_looks_coarse_to_fine_as_well(airport: Path) -> None:
    model = PlaneFinder()
    model.conventions = replace(model.conventions, scene_questions=True)
    report = report_of(airport, "the leftmost airplane", model=model)
    assert report.features == 1
    assert report.passed_over_chips > 0


def test_who_asks_for_less_sure_objects_has_more_chips_looked_at(airport: Path) -> None:
    class Faint(PlaneFinder):
        def answer(self, image: NDArray[Any], question: Question) -> Answer:
            answer = super().answer(image, question)
            return replace(answer, detections=tuple(replace(d, score=0.02) for d in answer.detections))

    assert (
        report_of(airport, "airplane", model=Faint()).seen_chips
        < report_of(airport, "airplane", model=Faint(), min_score=0.01).seen_chips
    )


def test_what_is_expected_lies_between_the_coarse_chips_and_all(airport: Path) -> None:
    from geogrounding.execution.scan_plan import make_plan

    with gg.Scene.open(str(airport)) as scene:
        settings = gg.RunSettings(source=str(airport), expressions=("airplane",))
        plan = make_plan(scene, settings, PlaneFinder().conventions)
        whole = make_plan(scene, settings, PlaneFinder({}).conventions)
    assert len(plan.grid.level_chips(1)) < plan.chips_expected < len(plan.grid)
    assert whole.chips_expected == len(whole.grid) == len(plan.grid)
    assert "coarse_to_fine" in plan.describe()
    assert "coarse_to_fine" not in whole.describe()


@pytest.mark.parametrize(
    ("queries", "options", "scales", "below"),
    [
        (("car",), {}, (0.5, 1.5), [1]),
        (("car", "airplane"), {}, (0.5, 1.0, 2.0), [1, 2]),  # 1.5 lies too near to 1 to be a level of its own
        (("car", "tree"), {}, (0.5, 1.0), None),
        (("car",), {"task": "refer"}, (0.5,), None),
        (("car",), {"scales": (0.5,)}, (0.5,), None),
        (("car",), {"resolution_m": 0.2}, (0.4,), None),
    ],
)
def test_a_first_look_has_a_level_only_where_it_decides_of_another(
    airport: Path, queries: tuple[str, ...], options: dict[str, Any], scales: tuple[float, ...], below: list[int] | None
) -> None:
    from geogrounding.execution.scan_plan import make_plan

    conventions = replace(
        PlaneFinder().conventions,
        classes={"vehicle": (0.25,), "airplane": (0.5, 1.0), "tree": (0.5,)},
        coarse_to_fine={"vehicle": (0.75, 0.05), "airplane": (1.0, 0.03)},
    )
    with gg.Scene.open(str(airport)) as scene:
        plan = make_plan(scene, gg.RunSettings(source=str(airport), expressions=queries, **options), conventions)
    assert plan.tiling.scales == pytest.approx(scales, rel=1e-2)  # metres on the ground, not of the grid
    assert (None if plan.closer is None else [one.below for one in plan.closer]) == below


def test_a_journal_of_a_version_that_began_with_the_finest_level_is_refused(
    airport: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = BlobModel(scales=(1.0, 2.0))
    output = tmp_path / "o.geojson"
    with monkeypatch.context() as patch:
        patch.setattr(provenance, "_order", lambda _plan: {})  # as that version described its chips
        with pytest.raises(InterruptedError):
            gg.run(str(airport), output, "airplane", model=model, on_progress=_cut_off)
    with pytest.raises(JournalError, match="chips changed") as caught:
        gg.run(str(airport), output, "airplane", model=model, resume=True)
    assert "--overwrite" in caught.value.hint
    assert not output.exists()


@pytest.mark.parametrize("changed", [{"classes": {"tree": (0.5,)}}, {"taught": ("airplane",)}, {"taught": ("plane",)}])
def test_classes_whose_scores_were_not_measured_are_looked_for_everywhere(
    airport: Path, changed: dict[str, Any]
) -> None:
    model = PlaneFinder()
    model.conventions = replace(model.conventions, scales=(1.0, 2.0), **changed)
    report = report_of(airport, "airplane", model=model)
    assert (report.passed_over_chips, report.features) == (0, 3)
    assert report.chips > 60


def test_what_a_reader_reads_at_once_is_bounded_by_the_largest_chips() -> None:
    grid = ChipGrid(16_000, 8_000, tiling=Tiling(tile_size_px=1024, overlap_px=0, scales=(1.0, 128.0)))
    assert (grid[0].size_px, grid[len(grid) - 1].size_px) == ((125, 62), (1024, 1024))
    parts = list(parts_of(grid, range(len(grid))))
    assert [i for part in parts for i in part] == list(range(len(grid)))
    bytes_of_parts = [sum(3 * grid[i].size_px[0] * grid[i].size_px[1] for i in part) for part in parts]
    assert PART_BYTES / 2 < max(bytes_of_parts) <= PART_BYTES


def _cut_off(_: object) -> None:
    raise InterruptedError
