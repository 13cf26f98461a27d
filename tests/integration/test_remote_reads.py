"""Remote COGs: the chips of the same file read locally, and not more of the file than is needed, in few requests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from benchmarks.remote import KINDS, measure, write
from geogrounding.raster.reader import read_chips
from geogrounding.raster.scene import Scene
from geogrounding.raster.stretch import compute_stretch
from geogrounding.raster.tiling import Tiling
from tests.web import serve

SIZE = 1500


@pytest.fixture(scope="module", params=list(KINDS))
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cog") / "scene.tif"
    write(path, SIZE, 128, KINDS[request.param])
    return path


@pytest.mark.parametrize("threads", [1, 3])
def test_chips_are_those_of_the_local_file(file: Path, threads: int) -> None:
    with (
        serve(file.parent) as web,
        Scene.open(file) as here,
        Scene.open(f"{web.base}/{file.name}", allow_remote=True) as there,
    ):
        stretch = compute_stretch(here)
        assert compute_stretch(there) == stretch
        for side in (300, 700):
            chips = list(here.grid(Tiling(tile_size_px=side, overlap_px=40)))
            far = read_chips(there, chips, stretch, threads=threads)
            pairs = zip(read_chips(here, chips, stretch), far, strict=True)
            for one, other in pairs:
                assert one.error is None
                assert other.error is None
                assert one.valid_share == other.valid_share
                assert (one.pixels is None) == (other.pixels is None)
                if one.pixels is not None and other.pixels is not None:
                    assert np.array_equal(one.pixels, other.pixels)


def test_small_blocks_side_by_side_are_one_request(tmp_path: Path) -> None:
    """A scene of JPEG blocks of some kilobytes in two cells by two: the header, and its blocks in one piece."""
    write(tmp_path / "a.tif", SIZE, 256, KINDS["8-bit colour, JPEG"])
    with serve(tmp_path) as web, Scene.open(f"{web.base}/a.tif", allow_remote=True) as scene:
        chips = list(scene.grid())
        before = len(web.ranges)
        assert all(image.error is None for image in read_chips(scene, chips, scene.stretch))
        assert len(web.ranges) - before <= 2
    ratio, _ = measure(tmp_path, "a.tif", SIZE, 1.0)
    assert ratio < 1.2


def test_damage_costs_only_the_chips_that_show_it(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", SIZE, 256, KINDS["8-bit colour, JPEG"])
    with rasterio.open(tmp_path / "a.tif") as dataset:
        offset = int(dataset.get_tag_item("BLOCK_OFFSET_1_1", "TIFF", bidx=1))
        size = int(dataset.get_tag_item("BLOCK_SIZE_1_1", "TIFF", bidx=1))
    data = bytearray((tmp_path / "a.tif").read_bytes())
    data[offset : offset + size] = bytes(size)
    (tmp_path / "a.tif").write_bytes(data)
    with serve(tmp_path) as web, Scene.open(f"{web.base}/a.tif", allow_remote=True) as scene:
        chips = list(scene.grid(Tiling(tile_size_px=256, overlap_px=0)))
        broken = {image.chip.index for image in read_chips(scene, chips, scene.stretch) if image.error is not None}
        shown = {chip.index for chip in chips if chip.window_scene_px == (256, 256, 512, 512)}
    assert broken == shown
