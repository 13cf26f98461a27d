"""The image for a report: the scene, what was found, how much, and written whole or not at all."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from PIL import Image
from pyproj import CRS

from geogrounding.errors import OutputError
from geogrounding.io.preview import PALETTE, render_preview, round_length_m
from geogrounding.raster.scene import Scene
from geogrounding.raster.stretch import compute_stretch
from geogrounding.vector.feature import Feature
from geogrounding.vector.georeference import polygons_crs
from tests.unit.features import UTM, some_features

GREY = 90


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "out"
    made.mkdir()
    return made


def grey_scene(path: Path, size: tuple[int, int], transform: Affine, crs: CRS | None = UTM) -> Path:
    width, height = size
    profile = {
        "driver": "GTiff",
        "width": width,
        "height": height,
        "count": 3,
        "dtype": "uint8",
        "transform": transform,
    }
    with rasterio.open(path, "w", crs=None if crs is None else crs.to_wkt(), **profile) as dataset:
        dataset.write(np.full((3, height, width), GREY, np.uint8))
    return path


def box_feature(transform: Affine, box: tuple[float, float, float, float], **changes: object) -> Feature:
    (polygon,) = polygons_crs(np.array([box]), transform)
    return replace(some_features(1)[0], geometry_crs=polygon, **changes)  # type: ignore[arg-type]


def draw(scene_path: Path, features: list[Feature], path: Path, **settings: int) -> NDArray[np.uint8]:
    with Scene.open(scene_path) as scene:
        render_preview(scene, compute_stretch(scene), iter(features), path, **settings)
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize(
    "transform",
    [Affine(0.5, 0, 500_000, 0, -0.5, 5_300_000), Affine(0.5, 0, 500_000, 0, 0.5, 5_300_000)],
    ids=["north up", "south up"],
)
def test_a_polygon_is_drawn_where_its_box_is(folder: Path, transform: Affine) -> None:
    scene = grey_scene(folder / "scene.tif", (1000, 1000), transform)
    pixels = draw(scene, [box_feature(transform, (200, 300, 400, 600), score=None)], folder / "p.png")
    coloured = np.abs(pixels[:1000, :1000].astype(int) - PALETTE[0]).sum(axis=2) < 60
    rows, columns = np.nonzero(coloured)
    assert (columns.min(), rows.min(), columns.max(), rows.max()) == pytest.approx((200, 300, 400, 600), abs=3)
    assert (pixels[450, 300] == GREY).all()
    assert (pixels[100, 100] == GREY).all()


def test_each_query_has_its_colour_and_a_line_in_the_legend(folder: Path) -> None:
    transform = Affine(0.5, 0, 500_000, 0, -0.5, 5_300_000)
    scene = grey_scene(folder / "scene.tif", (1000, 800), transform)
    one = [box_feature(transform, (100, 100, 200, 200), query="ships", score=0.9)]
    two = [*one, box_feature(transform, (500, 500, 700, 700), query="cars", score=0.4)]
    first, second = draw(scene, one, folder / "one.png"), draw(scene, two, folder / "two.png")
    assert second.shape[0] > first.shape[0] > 800
    for colour in PALETTE[:2]:
        assert (second[:800] == colour).all(axis=2).any()
        assert (second[800:] == colour).all(axis=2).any()
    assert not (first == PALETTE[1]).all(axis=2).any()


def test_scores_stand_only_where_there_is_room(folder: Path) -> None:
    transform = Affine(0.5, 0, 500_000, 0, -0.5, 5_300_000)
    scene = grey_scene(folder / "scene.tif", (1000, 1000), transform)
    box = (400.0, 400.0, 600.0, 600.0)
    without = draw(scene, [box_feature(transform, box, score=None)], folder / "without.png")
    with_score = draw(scene, [box_feature(transform, box, score=0.5)], folder / "with.png")
    changed = (without[:1000] != with_score[:1000]).any(axis=2)
    assert changed.any()
    assert not changed[400:600, 400:600].any()
    around = [(float(x), float(y), x + 199.0, y + 199.0) for x in range(0, 1000, 200) for y in range(0, 1000, 200)]
    crowd = [box_feature(transform, other, score=None) for other in around]
    full = [box_feature(transform, other, score=0.5) for other in around]
    assert np.array_equal(draw(scene, crowd, folder / "a.png"), draw(scene, full, folder / "b.png"))


def test_size_is_bounded_and_small_scenes_are_enlarged(folder: Path) -> None:
    transform = Affine(0.5, 0, 500_000, 0, -0.5, 5_300_000)
    large = draw(grey_scene(folder / "large.tif", (3000, 1500), transform), [], folder / "l.png", max_side_px=600)
    small = draw(grey_scene(folder / "small.tif", (64, 32), transform), [], folder / "s.png")
    assert large.shape[1] == 600
    assert 300 < large.shape[0] < 420
    assert small.shape[1] == 900


def test_a_scene_without_crs_has_no_scale_bar(folder: Path) -> None:
    with_crs = grey_scene(folder / "with.tif", (900, 300), Affine(0.5, 0, 500_000, 0, -0.5, 5_300_000))
    bar = draw(with_crs, [], folder / "with.png")[300:360, 600:]
    assert (bar < 60).all(axis=2).any()
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        path = grey_scene(folder / "none.tif", (900, 300), Affine.identity(), None)
    with Scene.open(path, pixel_coordinates=True) as scene:
        render_preview(scene, compute_stretch(scene), [], folder / "none.png")
    with Image.open(folder / "none.png") as image:
        assert not (np.asarray(image)[300:360, 600:] < 60).all(axis=2).any()


def test_hostile_and_many_queries(folder: Path) -> None:
    transform = Affine(0.5, 0, 500_000, 0, -0.5, 5_300_000)
    scene = grey_scene(folder / "scene.tif", (500, 500), transform)
    texts = ["\x00\ud800\u202e", "", "x" * 100_000, "two\nlines", *(f"query {n}" for n in range(20))]
    features = [box_feature(transform, (10, 10, 60, 60), query=text) for text in texts]
    assert draw(scene, features, folder / "p.png").shape[1] == 900


def test_a_failed_write_leaves_the_old_image(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transform = Affine(0.5, 0, 500_000, 0, -0.5, 5_300_000)
    scene = grey_scene(folder / "scene.tif", (100, 100), transform)
    path = folder / "p.png"
    path.write_bytes(b"old")

    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", no_room)
    with pytest.raises(OutputError, match="No space"):
        draw(scene, [], path)
    assert path.read_bytes() == b"old"
    assert sorted(file.name for file in folder.iterdir()) == ["p.png", "scene.tif"]


@pytest.mark.parametrize(
    ("most_m", "length_m"), [(1.0, 1.0), (1.99, 1.0), (2.0, 2.0), (49.9, 20.0), (730.0, 500.0), (0.3, 0.2), (5e5, 5e5)]
)
def test_scale_bars_have_round_lengths(most_m: float, length_m: float) -> None:
    assert round_length_m(most_m) == length_m
