"""Chips as images: the right pixels, in order, decoded about once, whatever the threads do."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine

from geogrounding.errors import SettingsError
from geogrounding.raster import block_reader, pixels, reader
from geogrounding.raster.grid import ChipGrid
from geogrounding.raster.reader import ChipImage, read_chips
from geogrounding.raster.scene import Scene
from geogrounding.raster.stretch import Stretch, compute_stretch
from geogrounding.raster.tiling import Tiling
from tests.rasters import corrupt_block, noise, write

PASS = Stretch(method="none")


def grid_of(scene: Scene, **tiling: Any) -> ChipGrid:
    return ChipGrid(scene.width, scene.height, tiling=Tiling(**{"tile_size_px": 96, "overlap_px": 16} | tiling))


LAYOUTS: list[dict[str, Any]] = [
    {"block": 64},
    {"block": 128, "interleave": "band"},
    {"tiled": False, "blockysize": 1},
    {"tiled": False, "blockysize": 7},
    {"tiled": False, "blockysize": 333},
    {"block": 16, "compress": "none"},
    {"block": 64, "compress": "lzw", "predictor": 2},
    {"block": 512, "compress": "zstd"},
]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_pixels_are_those_of_the_raster_for_every_layout(tmp_path: Path, layout: dict[str, Any]) -> None:
    array = noise((3, 333, 517))
    with Scene.open(write(tmp_path / "scene.tif", array, **layout)) as scene:
        seen = np.zeros((333, 517), bool)
        for image in read_chips(scene, grid_of(scene), PASS, threads=3):
            x0, y0, x1, y1 = (int(v) for v in image.chip.window_scene_px)
            assert image.pixels is not None
            assert np.array_equal(image.pixels, np.moveaxis(array[:, y0:y1, x0:x1], 0, -1))
            seen[y0:y1, x0:x1] = True
        assert seen.all()


@pytest.mark.parametrize(("threads", "ahead"), [(1, 1), (1, None), (2, 3), (8, 40)])
def test_order_and_pixels_do_not_depend_on_threads(tmp_path: Path, threads: int, ahead: int | None) -> None:
    array = noise((3, 400, 500))
    with Scene.open(write(tmp_path / "scene.tif", array, overviews=(2,))) as scene:
        grid = grid_of(scene, scales=(1.0, 2.6))
        expected = list(read_chips(scene, grid, PASS, threads=1, ahead=1))
        images = list(read_chips(scene, grid, PASS, threads=threads, ahead=ahead))
    assert [image.chip.index for image in images] == list(range(len(grid)))
    for one, other in zip(expected, images, strict=True):
        assert one.pixels is not None
        assert other.pixels is not None
        assert one.pixels.tobytes() == other.pixels.tobytes()


def test_some_chips_in_any_order(tmp_path: Path) -> None:
    array = noise((3, 400, 500))
    with Scene.open(write(tmp_path / "scene.tif", array)) as scene:
        grid = grid_of(scene)
        order = np.random.default_rng(1).permutation(len(grid))[:17].tolist()
        for index, image in zip(order, read_chips(scene, (grid[i] for i in order), PASS), strict=True):
            assert image.chip == grid[index]
            x0, y0, x1, y1 = (int(v) for v in image.chip.window_scene_px)
            assert image.pixels is not None
            assert np.array_equal(image.pixels, np.moveaxis(array[:, y0:y1, x0:x1], 0, -1))


@pytest.mark.parametrize("scale", [0.25, 0.7, 1.3, 2.0, 3.7, 8.0, 30.0])
@pytest.mark.parametrize("overviews", [(), (2, 4, 8)])
@pytest.mark.parametrize("size", [(601, 800), (512, 512)])
def test_resampled_chips_lie_where_they_say(
    tmp_path: Path, scale: float, overviews: tuple[int, ...], size: tuple[int, int]
) -> None:
    """The raster's values are its own coordinates, so each chip pixel says which place of the scene it shows."""
    height, width = size
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    array = np.stack([x, y, x]).astype("float32")
    path = write(tmp_path / "ramp.tif", array, block=128, overviews=overviews)
    with Scene.open(path) as scene:
        span = float(max(width, height))
        stretch = Stretch(method="ramp", low=(0.0,) * 3, high=(span,) * 3)
        area = None if scale > 1 else (200, 150, 350, 301)
        tiling = Tiling(tile_size_px=100, overlap_px=20, scales=(scale,))
        grid = ChipGrid(width, height, tiling=tiling, area_scene_px=area)
        step = span / 255  # scene px per grey level
        for image in read_chips(scene, grid, stretch):
            assert image.pixels is not None
            columns, rows = image.chip.size_px
            assert image.pixels.shape == (rows, columns, 3)
            inner = np.s_[2:-2, 2:-2] if min(rows, columns) > 8 else np.s_[:, :]
            shown_x, shown_y = image.pixels[inner][..., 0] * step, image.pixels[inner][..., 1] * step
            chip_x, chip_y = np.meshgrid(np.arange(columns) + 0.5, np.arange(rows) + 0.5)
            wanted_x, wanted_y = image.chip.to_scene_px(chip_x[inner], chip_y[inner])
            # Grey levels are coarser than pixels: single pixels within a level and half a chip pixel, the mean exactly.
            limit = step + 0.5 * max(image.chip.scale)
            assert np.abs(shown_x - wanted_x).max() <= limit
            assert np.abs(shown_y - wanted_y).max() <= limit
            if shown_x.size > 1000:
                assert abs((shown_x - wanted_x).mean()) <= 0.35 * step + 0.1 * image.chip.scale[0]
                assert abs((shown_y - wanted_y).mean()) <= 0.35 * step + 0.1 * image.chip.scale[1]


def test_an_edge_stays_within_half_a_chip_pixel_through_overviews(tmp_path: Path) -> None:
    """A bright square of known place: its outline in chips of scale 3, found by area, is where it is in the scene."""
    array = np.zeros((3, 900, 900), np.uint8)
    array[:, 301:601, 151:751] = 255
    for overviews in ((), (2, 4)):
        path = write(tmp_path / f"square{len(overviews)}.tif", array, overviews=overviews)
        with Scene.open(path) as scene:
            tiling = Tiling(tile_size_px=300, overlap_px=0, scales=(3.0,))
            (image,) = read_chips(scene, ChipGrid(900, 900, tiling=tiling), PASS)
            assert image.pixels is not None
            weight = image.pixels[..., 0].astype(float)
            profile_x, profile_y = weight.max(0) / 255, weight.max(1) / 255
            left, right = 3 * _crossings(profile_x)
            top, bottom = 3 * _crossings(profile_y)
            assert (left, top, right, bottom) == pytest.approx((151, 301, 751, 601), abs=1.5)


def _crossings(profile: np.ndarray) -> np.ndarray:
    """Where a profile rises through and falls below one half, in pixels from the outer edge of the first."""
    above = np.flatnonzero(profile >= 0.5)
    first, last = above[0], above[-1]
    rise = first + 0.5 - (profile[first] - 0.5) / (profile[first] - profile[first - 1])
    fall = last + 0.5 + (profile[last] - 0.5) / (profile[last] - profile[last + 1])
    return np.array([rise, fall])


def test_invalid_pixels_do_not_bleed_into_coarse_chips(tmp_path: Path) -> None:
    array = np.full((3, 512, 512), 200, np.uint8)
    array[:, :, 200:] = 0
    for overviews in ((), (2, 4)):
        path = write(tmp_path / f"scene{len(overviews)}.tif", array, nodata=0, overviews=overviews)
        with Scene.open(path) as scene:
            tiling = Tiling(tile_size_px=128, overlap_px=0, scales=(3.0,))
            for image in read_chips(scene, ChipGrid(512, 512, tiling=tiling), PASS):
                if image.pixels is not None:
                    assert set(np.unique(image.pixels)) <= {0, 199, 200, 201}


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[int, ...]]:
    """Counts how many pixels of the source each decoded window holds."""
    counter: Counter[tuple[int, ...]] = Counter()
    original = pixels.read_raw
    lock = threading.Lock()

    def counting(dataset: Any, plan: Any, window: Any, *args: Any, **kwargs: Any) -> Any:
        with lock:
            counter[window.col_off, window.row_off, window.width, window.height] += 1
        return original(dataset, plan, window, *args, **kwargs)

    monkeypatch.setattr(block_reader, "read_raw", counting)
    return counter


def pixels_of(counter: Counter[tuple[int, ...]]) -> int:
    return sum(window[2] * window[3] * times for window, times in counter.items())


def test_blocks_are_decoded_once(tmp_path: Path, decoded: Counter[tuple[int, ...]]) -> None:
    path = write(tmp_path / "scene.tif", noise((1, 2048, 3000)), block=128)
    with Scene.open(path) as scene:
        for _ in read_chips(scene, grid_of(scene, tile_size_px=256, overlap_px=64), compute_stretch(scene, "0,255")):
            pass
    assert pixels_of(decoded) == 2048 * 3000
    assert set(decoded.values()) == {1}


def test_blocks_are_decoded_about_once_where_the_cache_is_far_smaller_than_the_raster(
    tmp_path: Path, decoded: Counter[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "CACHE_BYTES", 9 * 2**20)
    path = write(tmp_path / "scene.tif", np.zeros((1, 6000, 6000), np.uint8), block=128)
    with Scene.open(path) as scene:
        tiling = Tiling(tile_size_px=256, overlap_px=64)
        grid = ChipGrid(scene.width, scene.height, tiling=tiling, strip_width_px=3_200)
        for _ in read_chips(scene, grid, compute_stretch(scene, "0,255"), ahead=8):
            pass
    # Only the cells on the border between the two strips are decoded twice.
    assert pixels_of(decoded) <= 6000 * (6000 + block_reader.CELL_SIDE_PX)


def test_cells_kept_and_chips_ahead_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "CACHE_BYTES", 2 * 2**20)
    crews: list[Any] = []
    original = reader._Crew.__init__

    def remember(self: Any, *args: Any) -> None:
        original(self, *args)
        crews.append(self)

    monkeypatch.setattr(reader._Crew, "__init__", remember)
    path = write(tmp_path / "scene.tif", np.zeros((3, 5000, 5000), np.uint8), block=256)
    with Scene.open(path) as scene:
        most = 0
        for _ in read_chips(scene, grid_of(scene, tile_size_px=512, overlap_px=64), PASS, ahead=4):
            with crews[0]._state:
                held = [slot.cell.nbytes for slot in crews[0]._slots.values() if slot.cell is not None]
                assert crews[0]._cell_bytes == sum(held)
            most = max(most, sum(held))
    # The cache, and what four chips of 512 px can touch: 2 x 2 cells each.
    assert most <= 2 * 2**20 + 4 * 4 * block_reader.CELL_SIDE_PX**2 * 3


@pytest.mark.parametrize("layout", [{"block": 64}, {"tiled": False, "blockysize": 20}])
def test_a_corrupt_block_fails_exactly_the_chips_that_need_it(tmp_path: Path, layout: dict[str, Any]) -> None:
    array = noise((3, 400, 500))
    path = write(tmp_path / "scene.tif", array, **layout)
    tiled = layout.get("tiled", True)
    bad = (128, 192, 192, 256) if tiled else (0, 180, 500, 200)
    corrupt_block(path, *((2, 3) if tiled else (0, 9)))
    with Scene.open(path) as scene:
        grid = grid_of(scene)
        failed = 0
        for image in read_chips(scene, grid, PASS, threads=3):
            x0, y0, x1, y1 = (int(v) for v in image.chip.window_scene_px)
            needs = x0 < bad[2] and x1 > bad[0] and y0 < bad[3] and y1 > bad[1]
            assert (image.error is not None) == needs
            if needs:
                failed += 1
                assert image.pixels is None
                assert image.error is not None
                assert "decode" in image.error.lower()
            else:
                assert image.pixels is not None
                assert np.array_equal(image.pixels, np.moveaxis(array[:, y0:y1, x0:x1], 0, -1))
        assert 0 < failed < len(grid)


def test_a_corrupt_block_fails_coarse_chips_too(tmp_path: Path) -> None:
    path = write(tmp_path / "scene.tif", noise((3, 600, 600)), block=64)
    corrupt_block(path, 0, 0)
    with Scene.open(path) as scene:
        tiling = Tiling(tile_size_px=100, overlap_px=10, scales=(2.5,))
        images = list(read_chips(scene, ChipGrid(600, 600, tiling=tiling), PASS))
    assert [image.error is not None for image in images] == [i == 0 for i in range(len(images))]


def test_a_truncated_file_gives_what_is_there(tmp_path: Path) -> None:
    path = write(tmp_path / "scene.tif", noise((3, 512, 512)), block=64, compress="none")
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)
    with Scene.open(path) as scene:
        images = list(read_chips(scene, grid_of(scene), PASS))
    errors = [image.error is not None for image in images]
    assert 0 < sum(errors) < len(errors)


def test_chips_without_data_have_no_pixels(tmp_path: Path) -> None:
    array = noise((3, 256, 256))
    array[:, :, 128:] = 0
    path = write(tmp_path / "scene.tif", array, nodata=0)
    with Scene.open(path) as scene:
        images = list(read_chips(scene, grid_of(scene, tile_size_px=128, overlap_px=0), PASS))
    assert [(image.valid_share, image.pixels is None) for image in images] == [(1, False), (0, True)] * 2


def reading_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("chip-reader")]


def test_closing_early_stops_the_threads(tmp_path: Path) -> None:
    path = write(tmp_path / "scene.tif", noise((3, 1000, 1000)))
    with Scene.open(path) as scene:
        with closing(read_chips(scene, grid_of(scene), PASS, threads=4)) as images:
            next(images)
            assert len(reading_threads()) == 4
        assert reading_threads() == []
        list(read_chips(scene, grid_of(scene), PASS, threads=2))
        assert reading_threads() == []


def test_reading_goes_ahead_of_the_caller_but_not_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "scene.tif", noise((1, 1000, 1000)))
    assembled = threading.Semaphore(0)
    count = itertools.count()
    original = reader.assemble

    def counting(*args: Any) -> ChipImage:
        image = original(*args)
        next(count)
        assembled.release()
        return image

    monkeypatch.setattr(reader, "assemble", counting)
    with Scene.open(path) as scene, closing(read_chips(scene, grid_of(scene), PASS, ahead=6)) as images:
        next(images)
        for _ in range(6):  # without any further call, the other five are made
            assert assembled.acquire(timeout=30)
    assert next(count) == 6


def test_a_failure_in_a_thread_reaches_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "scene.tif", noise((1, 300, 300)))

    def broken(*_: Any) -> None:
        raise MemoryError("no memory left")

    monkeypatch.setattr(reader, "read_cells", broken)
    with Scene.open(path) as scene, pytest.raises(MemoryError, match="no memory left"):
        list(read_chips(scene, grid_of(scene), PASS))
    assert reading_threads() == []


def test_a_caller_may_keep_and_change_its_pixels(tmp_path: Path) -> None:
    array = noise((3, 300, 300))
    with Scene.open(write(tmp_path / "scene.tif", array)) as scene:
        kept = []
        for image in read_chips(scene, grid_of(scene), PASS, ahead=1):
            assert image.pixels is not None
            kept.append(image.pixels[::2])
            image.pixels[1::2] = 0
        for view, chip in zip(kept, grid_of(scene), strict=True):
            x0, y0, x1, y1 = (int(v) for v in chip.window_scene_px)
            assert np.array_equal(view, np.moveaxis(array[:, y0:y1, x0:x1], 0, -1)[::2])


def test_settings_that_make_no_sense(tmp_path: Path) -> None:
    with Scene.open(write(tmp_path / "scene.tif", noise((1, 64, 64)))) as scene:
        for wrong in ({"threads": 0}, {"ahead": 0}):
            with pytest.raises(SettingsError):
                read_chips(scene, grid_of(scene), PASS, **wrong)


def test_rotated_and_south_up_scenes_read_the_same_pixels(tmp_path: Path) -> None:
    array = noise((3, 100, 120))
    for number, transform in enumerate((Affine(0.3, 0.4, 4e5, 0.4, -0.3, 5e6), Affine(1, 0, 4e5, 0, 1, 5e6))):
        with Scene.open(write(tmp_path / f"{number}.tif", array, transform=transform)) as scene:
            image = next(iter(read_chips(scene, grid_of(scene), PASS)))
            assert image.pixels is not None
            assert np.array_equal(image.pixels, np.moveaxis(array[:, :96, :96], 0, -1))
