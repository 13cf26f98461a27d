"""The whole walk with a model whose answers are known exactly."""

from __future__ import annotations

import functools
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray

import geogrounding as gg
from geogrounding.errors import AreaError, IncompleteError, JournalError, MissingCRSError, ModelError, OutputError
from geogrounding.execution import local
from geogrounding.execution.report import Progress
from geogrounding.pipeline import run
from geogrounding.raster.reader import read_chips
from geogrounding.types import Answer, Question
from tests.blobs import UTM, BlobModel, write_scene

# Whole in one chip, on a chip border, on a corner of four chips, longer than a chip, at the very edge of the scene.
RECTANGLES = [
    (10, 10, 20, 22),
    (40, 100, 56, 112),
    (90, 90, 106, 106),
    (20, 140, 250, 150),
    (290, 190, 300, 200),
    (150, 20, 154, 26),
]


def settings(path: Path, *expressions: str, **more: object) -> gg.RunSettings:
    return gg.RunSettings(source=str(path), expressions=expressions or ("bright things",), **more)  # type: ignore[arg-type]


def boxes_px(layer: gpd.GeoDataFrame, transform: Affine) -> list[tuple[int, ...]]:
    """Bounds of the polygons in scene pixels, rounded to 1e-6 before they become whole numbers."""
    inverse = ~transform
    found = []
    for polygon in layer.geometry:
        corners = np.array([inverse * (x, y) for x, y in polygon.exterior.coords])
        bounds = [*corners.min(axis=0), *corners.max(axis=0)]
        assert np.allclose(bounds, np.round(bounds), atol=1e-4)
        found.append(tuple(round(float(b)) for b in bounds))
    return sorted(found)


def facts_of(layer: Path) -> dict[str, Any]:
    """The side-car of a layer, without its name."""
    facts: dict[str, Any] = json.loads(layer.with_name(layer.name + ".run.json").read_text())
    del facts["layer"]["file"]
    return facts


TRANSFORMS = {
    "north-up": UTM,
    "south-up": Affine(0.5, 0, 500_000, 0, 0.5, 4_600_000),
    "rotated": Affine.translation(500_000, 4_600_000) @ Affine.rotation(31) @ Affine.scale(0.5, -0.5),
    "sheared": Affine(0.5, 0.2, 500_000, 0.1, -0.47, 4_600_000),  # sides of equal length: others are resampled
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_rectangle_is_found_once_in_its_place(tmp_path: Path, name: str) -> None:
    scene = write_scene(tmp_path / "s.tif", RECTANGLES, transform=TRANSFORMS[name])
    layer = gg.ground(scene, "bright things", model=BlobModel())
    assert boxes_px(layer, TRANSFORMS[name]) == sorted(RECTANGLES)
    assert layer.crs.to_epsg() == 32633
    assert list(layer["id"]) == list(range(1, len(RECTANGLES) + 1))
    assert all(shapely.is_ccw(p.exterior) for p in layer.geometry)
    pixel_area = abs(TRANSFORMS[name].determinant)
    assert np.allclose(layer.area_m2, layer.area, rtol=0.002)
    assert np.isclose(layer.area.sum(), pixel_area * sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in RECTANGLES))


@pytest.mark.parametrize("tile", [48, 64, 100, 1000])
@pytest.mark.parametrize("overlap", [0.0, 8.0, 0.25])
def test_the_way_of_cutting_does_not_change_what_is_found(tmp_path: Path, tile: int, overlap: float) -> None:
    scene = write_scene(tmp_path / "s.tif", RECTANGLES)
    layer = gg.ground(scene, "bright things", model=BlobModel(), tile_size=tile, overlap=overlap)
    assert boxes_px(layer, UTM) == sorted(RECTANGLES)


def test_coarser_levels_add_no_duplicates(tmp_path: Path) -> None:
    rectangles = [(16, 16, 48, 48), (96, 64, 128, 80), (32, 120, 256, 152)]
    scene = write_scene(tmp_path / "s.tif", rectangles)
    layer = gg.ground(scene, "bright things", model=BlobModel(scales=(1.0, 2.0, 4.0)))
    assert boxes_px(layer, UTM) == sorted(rectangles)


def test_many_random_rectangles(tmp_path: Path) -> None:
    rng = random.Random(7)
    cells = [(x, y) for x in range(0, 580, 29) for y in range(0, 580, 29)]
    rectangles = []
    for x, y in rng.sample(cells, 150):  # one rectangle a cell, so that no two touch
        x0, y0 = x + rng.randint(0, 8), y + rng.randint(0, 8)
        rectangles.append((x0, y0, x0 + rng.randint(3, 19), y0 + rng.randint(3, 19)))
    scene = write_scene(tmp_path / "s.tif", rectangles, width=600, height=600)
    assert boxes_px(gg.ground(scene, "x", model=BlobModel()), UTM) == sorted(rectangles)


def test_an_image_without_crs_needs_pixel_coordinates(tmp_path: Path) -> None:
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        scene = write_scene(tmp_path / "s.tif", RECTANGLES, crs=None, transform=Affine.identity())
    with pytest.raises(MissingCRSError) as caught:
        gg.ground(scene, "x", model=BlobModel())
    assert "--pixel-coordinates" in caught.value.hint
    layer = gg.ground(scene, "x", model=BlobModel(), pixel_coordinates=True)
    assert layer.crs is None
    assert boxes_px(layer, Affine.identity()) == sorted(RECTANGLES)
    assert layer.area_m2.isna().all()


def test_refer_gives_the_best_of_each_question(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "s.tif", RECTANGLES)
    layer = gg.ground(scene, "a", "b", model=BlobModel(tile_size_px=300), task="refer")
    assert sorted(layer["query"]) == ["a", "b"]
    assert boxes_px(layer, UTM) == [(20, 140, 250, 150)] * 2


def test_min_score_leaves_small_things_out(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "s.tif", RECTANGLES)
    layer = gg.ground(scene, "a", model=BlobModel(tile_size_px=300), min_score=0.6)
    assert boxes_px(layer, UTM) == sorted(r for r in RECTANGLES if (r[2] - r[0]) * (r[3] - r[1]) >= 150)


def test_a_small_area_is_seen_with_what_lies_around_it(tmp_path: Path) -> None:
    """A model that is shown a fragment finds less than in a chip with the fragment in it."""

    class Measuring(BlobModel):
        sizes: ClassVar[list[tuple[int, ...]]] = []

        def ground(self, images: Sequence[Any], questions: Sequence[Question]) -> list[list[Answer]]:
            self.sizes.extend(image.shape[:2] for image in images)
            return super().ground(images, questions)

    scene = write_scene(tmp_path / "s.tif", RECTANGLES)
    x0, y0 = UTM * (100, 104)
    x1, y1 = UTM * (110, 96)
    layer = gg.ground(scene, "a", model=Measuring(tile_size_px=100, scales=(1.0, 2.0)), bbox=(x0, y0, x1, y1))
    assert Measuring.sizes == [(100, 100)]
    assert boxes_px(layer, UTM) == [(90, 90, 106, 106)], "whole, though the area shows a part of it, and nothing else"
    (tmp_path / "aoi.geojson").write_text(
        gpd.GeoSeries([shapely.Point(x0, y0).buffer(2)], crs=32633).to_json(to_wgs84=True), encoding="utf-8"
    )
    layer = gg.ground(scene, "a", model=BlobModel(tile_size_px=100), aoi=tmp_path / "aoi.geojson")
    assert boxes_px(layer, UTM) == [(90, 90, 106, 106)]


def test_bbox_limits_the_search(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "s.tif", RECTANGLES)
    x0, y0 = UTM * (80, 120)
    x1, y1 = UTM * (160, 10)
    layer = gg.ground(scene, "a", model=BlobModel(), bbox=(x0, y0, x1, y1))
    assert boxes_px(layer, UTM) == [(90, 90, 106, 106), (150, 20, 154, 26)]
    everywhere = gpd.GeoSeries([shapely.box(x0, y0, x1, y1)], crs=32633).to_crs(4326).total_bounds
    again = gg.ground(scene, "a", model=BlobModel(), bbox=tuple(everywhere), bbox_crs="EPSG:4326")
    assert {(90, 90, 106, 106), (150, 20, 154, 26)} <= set(boxes_px(again, UTM))
    with pytest.raises(AreaError, match="does not touch"):
        gg.ground(scene, "a", model=BlobModel(), bbox=(0, 0, 1, 1))
    with pytest.raises(AreaError, match="empty"):
        gg.ground(scene, "a", model=BlobModel(), bbox=(x1, y0, x0, y1))


def test_an_area_of_interest_of_any_shape(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "s.tif", RECTANGLES)
    triangle_px = shapely.Polygon([(0, 0), (60, 0), (0, 60)])
    triangle = shapely.transform(triangle_px, lambda xy: np.array([UTM * tuple(p) for p in xy]))
    gpd.GeoDataFrame(geometry=[triangle], crs=32633).to_crs(4326).to_file(tmp_path / "aoi.geojson")
    model = BlobModel()
    layer = gg.ground(scene, "a", model=model, aoi=tmp_path / "aoi.geojson")
    assert boxes_px(layer, UTM) == [(10, 10, 20, 22)]
    assert sum(model.batches) == 1
    (tmp_path / "bad.geojson").write_text("{not json")
    with pytest.raises(AreaError):
        gg.ground(scene, "a", model=BlobModel(), aoi=tmp_path / "bad.geojson")


def test_chips_without_a_valid_pixel_are_never_shown_to_the_model(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "s.tif", [(10, 10, 20, 20)], nodata=30)
    model = BlobModel()
    layer = gg.ground(scene, "a", model=model)
    assert boxes_px(layer, UTM) == [(10, 10, 20, 20)]
    assert sum(model.batches) == 1


def test_stream_gives_features_before_the_end(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "s.tif", RECTANGLES)
    model = BlobModel(batch_size=2)
    features = gg.stream(scene, "a", model=model)
    first = next(features)
    assert len(model.batches) < 6
    rest = list(features)
    assert [f.id for f in [first, *rest]] == list(range(1, len(rest) + 2))
    assert not model.closed  # a model that came loaded stays the caller's


def test_run_writes_the_layer_its_sidecar_and_no_journal(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "s.tif", RECTANGLES)
    seen: list[Progress] = []
    report = run(settings(scene), tmp_path / "o.gpkg", model=BlobModel(), on_progress=seen.append)
    assert report.features == len(RECTANGLES)
    assert report.complete
    layer = gpd.read_file(tmp_path / "o.gpkg")
    assert boxes_px(layer, UTM) == sorted(RECTANGLES)
    facts = json.loads((tmp_path / "o.gpkg.run.json").read_text())
    assert facts["result"]["complete"] is True
    assert facts["result"]["features"] == len(RECTANGLES)
    assert facts["source"]["name"] == "s.tif"
    assert str(tmp_path) not in (tmp_path / "o.gpkg.run.json").read_text()
    assert seen[-1].chips_done == seen[-1].chips_total == report.chips
    assert sorted(p.name for p in tmp_path.glob("o.*")) == ["o.gpkg", "o.gpkg.run.json"]


def test_an_existing_output_is_refused_before_the_model_is_asked(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "s.tif", RECTANGLES)
    (tmp_path / "o.geojson").write_text("mine")
    model = BlobModel()
    with pytest.raises(OutputError):
        run(settings(scene), tmp_path / "o.geojson", model=model)
    assert model.batches == []
    assert (tmp_path / "o.geojson").read_text() == "mine"


class Interrupted(BlobModel):
    """Stops as a Ctrl-C would, after some batches."""

    def __init__(self, after: int) -> None:
        super().__init__(batch_size=3)
        self.after = after

    def ground(self, images: Sequence[NDArray[np.uint8]], questions: Sequence[Question]) -> list[list[Answer]]:
        if len(self.batches) == self.after:
            raise KeyboardInterrupt
        return super().ground(images, questions)


@pytest.mark.parametrize("after", [0, 1, 4, 6])
def test_after_an_interruption_resume_ends_with_the_same_bytes(tmp_path: Path, after: int) -> None:
    scene = write_scene(tmp_path / "s.tif", RECTANGLES)
    undisturbed = BlobModel(batch_size=3)
    run(settings(scene), tmp_path / "a.geojson", model=undisturbed)
    with pytest.raises(KeyboardInterrupt):
        run(settings(scene), tmp_path / "b.geojson", model=Interrupted(after))
    assert not (tmp_path / "b.geojson").exists()
    assert (tmp_path / "b.geojson.journal").exists()
    with pytest.raises(JournalError, match="interrupted run"):
        run(settings(scene), tmp_path / "b.geojson", model=BlobModel(batch_size=3))
    resumed = BlobModel(batch_size=3)
    run(settings(scene), tmp_path / "b.geojson", model=resumed, resume=True)
    assert (tmp_path / "b.geojson").read_bytes() == (tmp_path / "a.geojson").read_bytes()
    assert facts_of(tmp_path / "b.geojson") == facts_of(tmp_path / "a.geojson")
    assert len(resumed.batches) == len(undisturbed.batches) - after


def test_resume_refuses_a_changed_input(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "s.tif", RECTANGLES)
    with pytest.raises(KeyboardInterrupt):
        run(settings(scene), tmp_path / "o.geojson", model=Interrupted(2))
    write_scene(tmp_path / "s.tif", RECTANGLES[:2])
    with pytest.raises(JournalError, match="input changed"):
        run(settings(scene), tmp_path / "o.geojson", model=BlobModel(batch_size=3), resume=True)
    with pytest.raises(JournalError, match="questions changed"):
        run(settings(scene, "other"), tmp_path / "o.geojson", model=BlobModel(batch_size=3), resume=True)


class Forgetful(BlobModel):
    """Fails on images that show something, until it is switched."""

    failing = True

    def answer(self, image: NDArray[np.uint8], question: Question) -> Answer:
        answer = super().answer(image, question)
        return Answer(error="out of memory") if answer.detections and self.failing else answer


def test_failed_chips_are_reported_kept_and_tried_again(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "s.tif", [(10, 10, 20, 20), (200, 100, 210, 110)])
    model = Forgetful()
    with pytest.raises(IncompleteError, match="out of memory"):
        gg.ground(scene, "a", model=model)
    assert len(gg.ground(scene, "a", model=model, allow_failed=True)) == 0
    report = run(settings(scene), tmp_path / "o.geojson", model=model)
    assert not report.complete
    assert {reason for _, reason in report.failed_chips} == {"out of memory"}
    facts = json.loads((tmp_path / "o.geojson.run.json").read_text())
    assert facts["result"]["failed_chips_count"] == len(report.failed_chips) > 0
    model.failing = False
    model.batches.clear()
    again = run(settings(scene), tmp_path / "o.geojson", model=model, resume=True)
    assert again.complete
    assert again.features == 2
    assert sum(model.batches) == len(report.failed_chips)
    assert not (tmp_path / "o.geojson.journal").exists()


class Short(BlobModel):
    def ground(self, images: Sequence[NDArray[np.uint8]], questions: Sequence[Question]) -> list[list[Answer]]:
        return super().ground(images, questions)[:-1]


def test_a_model_that_answers_too_little_is_an_error(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "s.tif", RECTANGLES)
    with pytest.raises(ModelError):
        gg.ground(scene, "a", model=Short())


def test_the_raster_is_checked_before_the_model_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "s.tif").write_bytes(b"no tiff")

    def load() -> BlobModel:
        raise AssertionError("loaded")

    with pytest.raises(gg.GeogroundingError):
        gg.ground(tmp_path / "s.tif", "a", model=load)


@pytest.mark.parametrize("threads", [1, 2, 8])
@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_threads_and_batches_do_not_change_a_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int, batch_size: int
) -> None:
    scene = write_scene(tmp_path / "s.tif", RECTANGLES)
    run(settings(scene), tmp_path / "a.geojson", model=BlobModel(batch_size=3))
    monkeypatch.setattr(local, "read_chips", functools.partial(read_chips, threads=threads))
    run(settings(scene), tmp_path / "b.geojson", model=BlobModel(batch_size=batch_size))
    assert (tmp_path / "b.geojson").read_bytes() == (tmp_path / "a.geojson").read_bytes()


def damage_blocks(path: Path, blocks: Sequence[tuple[int, int]]) -> None:
    """Overwrite the compressed bytes of blocks (column, row) of band 1, and so of all interleaved bands."""
    with rasterio.open(path) as source:
        places = []
        for column, row in blocks:
            offset = source.get_tag_item(f"BLOCK_OFFSET_{column}_{row}", "TIFF", bidx=1)
            size = source.get_tag_item(f"BLOCK_SIZE_{column}_{row}", "TIFF", bidx=1)
            places.append((int(offset), int(size)))
    with path.open("r+b") as file:
        for offset, size in places:
            file.seek(offset)
            file.write(b"\xff" * size)


def test_corrupt_blocks_cost_the_chips_that_need_them_and_nothing_else(tmp_path: Path) -> None:
    rectangles = [(x + 20, y + 20, x + 40, y + 40) for y in range(0, 256, 64) for x in range(0, 320, 64)]
    scene = write_scene(tmp_path / "s.tif", rectangles, width=320, height=256, interleave="pixel")
    bad = [(1, 1), (4, 2)]
    damage_blocks(scene, bad)
    # Chips are the blocks themselves, so each bad block costs exactly one chip.
    report = run(settings(scene), tmp_path / "o.geojson", model=BlobModel(tile_size_px=64, overlap_px=0))
    assert sorted(name for name, _ in report.failed_chips) == sorted(f"0/{row}/{column}" for column, row in bad)
    assert all(reason for _, reason in report.failed_chips)
    left = [r for r in rectangles if (r[0] // 64, r[1] // 64) not in bad]
    found = gpd.read_file(tmp_path / "o.geojson").to_crs(32633)
    assert len(found) == len(left) == report.features
