"""What must hold for every grid of chips."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geogrounding.errors import AreaError, SettingsError
from geogrounding.raster.grid import ChipGrid
from geogrounding.raster.tiling import Tiling, parse_overlap

FAST = settings(max_examples=40, deadline=None)


@st.composite
def grids(draw: st.DrawFn) -> ChipGrid:
    tile = draw(st.integers(32, 200))
    overlap = draw(st.integers(0, tile - 8))
    width, height = draw(st.integers(1, 700)), draw(st.integers(1, 700))
    scales = tuple(draw(st.lists(st.sampled_from([0.5, 1.0, 1.7, 2.0, 3.3, 9.0, 50.0]), min_size=1, max_size=3)))
    area = None
    if draw(st.booleans()):
        x0, y0 = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
        area = (x0, y0, draw(st.integers(x0 + 1, width)), draw(st.integers(y0 + 1, height)))
    tiling = Tiling(tile_size_px=tile, overlap_px=overlap, scales=scales)
    strip = draw(st.sampled_from([19_000, 1, 300]))
    return ChipGrid(width, height, tiling=tiling, area_scene_px=area, strip_width_px=strip)


def by_level(grid: ChipGrid) -> dict[int, list]:
    """Chips by level, finest first; the grid has them the other way round."""
    runs = [(level, list(chips)) for level, chips in itertools.groupby(grid, key=lambda chip: chip.level)]
    assert [level for level, _ in runs] == sorted({level for level, _ in runs}, reverse=True)
    return dict(reversed(runs))


@FAST
@given(grids())
def test_every_pixel_is_covered_and_no_chip_leaves_the_area(grid: ChipGrid) -> None:
    x0, y0, x1, y1 = grid.area_scene_px
    for chips in by_level(grid).values():
        for axis, (start, end) in enumerate(((x0, x1), (y0, y1))):
            spans = sorted({(chip.window_scene_px[axis], chip.window_scene_px[axis + 2]) for chip in chips})
            assert spans[0][0] == start
            assert spans[-1][1] == end
            assert all(after[0] <= before[1] for before, after in itertools.pairwise(spans))
        columns = {chip.column for chip in chips}
        rows = {chip.row for chip in chips}
        assert {(chip.column, chip.row) for chip in chips} == set(itertools.product(columns, rows))
        assert len(chips) == len(columns) * len(rows)


@FAST
@given(grids())
def test_neighbours_overlap_enough_and_the_last_is_shifted_inward_not_shrunk(grid: ChipGrid) -> None:
    tile, overlap = grid.tiling.tile_size_px, grid.tiling.overlap_px
    for position, (level, chips) in enumerate(by_level(grid).items()):
        size = grid.level_size_px(position)
        assert level == chips[0].level
        for chip in chips:
            assert chip.size_px == (min(tile, size[0]), min(tile, size[1]))
        for axis in (0, 1):
            scale = chips[0].scale[axis]
            starts = sorted({chip.window_scene_px[axis] for chip in chips})
            for before, after in itertools.pairwise(starts):
                assert before + (tile - overlap) * scale >= after - 1e-6 * scale


@FAST
@given(grids())
def test_cut_says_where_the_area_goes_on(grid: ChipGrid) -> None:
    x0, y0, x1, y1 = grid.area_scene_px
    for chip in grid:
        left, top, right, bottom = chip.window_scene_px
        assert chip.cut == (left > x0, top > y0, right < x1, bottom < y1)


@FAST
@given(grids())
def test_random_access_equals_iteration(grid: ChipGrid) -> None:
    chips = list(grid)
    assert len(chips) == len(grid)
    assert [chip.index for chip in chips] == list(range(len(grid)))
    assert all(grid[i] == chip for i, chip in enumerate(chips))
    assert grid[-1] == chips[-1]
    assert grid[1:3] == chips[1:3]
    with pytest.raises(IndexError):
        grid[len(grid)]


@FAST
@given(grids())
def test_levels_get_coarser_cover_the_same_area_and_stop_at_one_chip(grid: ChipGrid) -> None:
    levels = by_level(grid)
    x0, y0, x1, y1 = grid.area_scene_px
    counts = [len(chips) for chips in levels.values()]
    assert all(count > 1 for count in counts[:-1])
    for position, chips in enumerate(levels.values()):
        scale = grid.tiling.scales[chips[0].level]
        width, height = grid.level_size_px(position)
        assert (width, height) == (max(1, round((x1 - x0) / scale)), max(1, round((y1 - y0) / scale)))
        for chip in chips:
            assert math.isclose(chip.scale[0], (x1 - x0) / width, rel_tol=1e-9)
            assert math.isclose(chip.scale[1], (y1 - y0) / height, rel_tol=1e-9)


@FAST
@given(grids())
def test_a_level_knows_its_chips_and_their_spans(grid: ChipGrid) -> None:
    for position, chips in enumerate(by_level(grid).values()):
        assert [chip.index for chip in chips] == list(grid.level_chips(position))
        x, y = grid.level_spans(position)
        for chip in chips:
            (x0, x1), (y0, y1) = x[chip.column], y[chip.row]
            assert np.allclose((x0, y0, x1, y1), chip.window_scene_px)


@FAST
@given(grids(), st.integers(0, 2**32 - 1))
def test_an_area_of_interest_keeps_exactly_the_chips_that_share_area_with_it(grid: ChipGrid, seed: int) -> None:
    x0, y0, x1, y1 = grid.area_scene_px
    random = np.random.default_rng(seed)
    corner = random.uniform((x0, y0), (x1, y1))
    shape = shapely.Point(corner).buffer(random.uniform(1, 200)).intersection(shapely.box(x0, y0, x1, y1))
    narrowed = ChipGrid(x1, y1, tiling=grid.tiling, area_scene_px=(x0, y0, x1, y1), aoi_scene_px=shape)
    a0, b0, a1, b1 = narrowed.area_scene_px
    assert x0 <= a0 <= shape.bounds[0] + 1e-9
    assert y0 <= b0
    assert a1 <= x1
    assert b1 <= y1
    everything = ChipGrid(x1, y1, tiling=grid.tiling, area_scene_px=narrowed.area_scene_px)
    expected = [c for c in everything if shapely.box(*c.window_scene_px).intersection(shape).area > 1e-9]
    kept = {(c.level, c.column, c.row) for c in narrowed}
    assert {(c.level, c.column, c.row) for c in expected} <= kept
    assert all(shapely.box(*c.window_scene_px).intersects(shape) for c in narrowed)
    assert [c.index for c in narrowed] == list(range(len(narrowed)))
    for position, chips in enumerate(by_level(narrowed).values()):
        assert [c.index for c in chips] == list(narrowed.level_chips(position))


def test_a_grid_of_a_million_chips_costs_nothing() -> None:
    grid = ChipGrid(900_000, 900_000, tiling=Tiling(tile_size_px=1024, overlap_px=128))
    assert len(grid) > 1_000_000
    assert grid[len(grid) - 1].window_scene_px[2:] == (900_000, 900_000)
    assert {type(value) for value in vars(grid).values()} <= {Tiling, tuple, int, type(None)}


def test_chips_come_in_strips_of_limited_width() -> None:
    grid = ChipGrid(100_000, 5_000, tiling=Tiling(tile_size_px=1024, overlap_px=128))
    last_rows: dict[int, int] = {}
    widest = 0.0
    for row, chips in itertools.groupby(grid, key=lambda chip: chip.row):
        group = list(chips)
        widest = max(widest, group[-1].window_scene_px[2] - group[0].window_scene_px[0])
        last_rows[row] = last_rows.get(row, 0) + 1
    assert widest < 20_000
    assert set(last_rows.values()) == {6}


@pytest.mark.parametrize(
    ("given_overlap", "pixels"),
    [(128, 128), ("128", 128), ("128px", 128), (0.25, 256), ("0.25", 256), ("25%", 256), (0, 0), ("0", 0), (1, 1)],
)
def test_overlap_in_pixels_or_as_a_ratio(given_overlap: str | float, pixels: int) -> None:
    assert parse_overlap(given_overlap, 1024) == pixels


@pytest.mark.parametrize("wrong", ["", "x", -1, "1024", 2000, "nan", "inf", "100%", "1e400"])
def test_overlap_that_makes_no_sense(wrong: str | float) -> None:
    with pytest.raises(SettingsError, match="overlap"):
        parse_overlap(wrong, 1024)


@pytest.mark.parametrize(
    "wrong",
    [
        {"tile_size_px": 8},
        {"tile_size_px": 10**6},
        {"tile_size_px": 256.0},
        {"tile_size_px": 256, "overlap_px": 256},
        {"overlap_px": -1},
        {"scales": ()},
        {"scales": (0.0,)},
        {"scales": (math.nan,)},
        {"scales": (math.inf,)},
        {"resolution_m": 0.0},
    ],
)
def test_tilings_that_make_no_sense(wrong: dict) -> None:
    with pytest.raises(SettingsError):
        Tiling(**wrong)


def test_a_ground_resolution_becomes_a_scale() -> None:
    tiling = Tiling(resolution_m=1.0, scales=(1, 2))
    assert tiling.resolved(0.25).scales == (4.0, 8.0)
    with pytest.raises(SettingsError, match="not known"):
        tiling.resolved(None)
    with pytest.raises(SettingsError, match="ground resolution"):
        ChipGrid(100, 100, tiling=tiling)


def test_areas_that_miss_the_scene() -> None:
    tiling = Tiling()
    with pytest.raises(AreaError, match="empty"):
        ChipGrid(100, 100, tiling=tiling, area_scene_px=(10, 10, 10, 20))
    with pytest.raises(AreaError, match="misses"):
        ChipGrid(100, 100, tiling=tiling, area_scene_px=(100, 0, 200, 50))
    with pytest.raises(AreaError, match="misses"):
        ChipGrid(100, 100, tiling=tiling, aoi_scene_px=shapely.box(200, 200, 300, 300))
    with pytest.raises(AreaError, match="empty"):
        ChipGrid(100, 100, tiling=tiling, aoi_scene_px=shapely.Polygon())
