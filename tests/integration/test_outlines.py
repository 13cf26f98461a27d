"""Outlines through the whole walk, with a model and a segmenter whose answers are known to the pixel."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import rasterio.features
import shapely
from affine import Affine
from numpy.typing import NDArray
from PIL import Image, ImageDraw

import geogrounding as gg
from geogrounding.errors import JournalError, ModelError, SettingsError
from geogrounding.geometry.masks import pack_mask, unpack_mask
from geogrounding.models.segmenters.load import load_segmenter
from geogrounding.pipeline import run
from geogrounding.types import Answer, Detection, Mask, Question
from tests.blobs import THRESHOLD, UTM, BlobModel

SIZE = (300, 220)
# Turned and inside one chip; cut by chip borders; over a corner of four chips; longer than two chips; touching; nested.
POLYGONS = [
    ([(8, 20), (30, 8), (40, 26), (18, 38)], 150),
    ([(70, 8), (122, 16), (118, 40), (66, 32)], 160),
    ([(84, 84), (108, 88), (106, 96), (98, 96), (96, 108), (82, 106)], 170),
    ([(20, 150), (200, 190), (196, 204), (16, 164)], 180),
    ([(140, 60), (164, 60), (164, 84), (140, 84)], 190),
    ([(164, 60), (180, 60), (180, 92), (164, 92)], 200),
    ([(210, 60), (270, 60), (270, 120), (210, 120)], 210),
    ([(216, 66), (264, 66), (264, 114), (216, 114)], 30),
    ([(230, 80), (250, 80), (250, 100), (230, 100)], 220),
]


class ColourModel(BlobModel):
    """Finds every connected area of one colour."""

    name = "colours"
    fingerprint = "colours-1"

    def answer(self, image: NDArray[np.uint8], question: Question) -> Answer:
        found = []
        for shape, value in rasterio.features.shapes(image[..., 0], connectivity=4):
            if value >= THRESHOLD:
                ring = np.array(shape["coordinates"][0])
                box = (*ring.min(0).tolist(), *ring.max(0).tolist())
                found.append(Detection(box_chip_px=box, label=str(int(value)), score=0.9))
        return Answer(detections=tuple(found))


class ColourSegmenter:
    """Draws in a box the connected area whose box it is."""

    name = "colours"
    fingerprint = "colours-1"

    def __init__(self, fail_after: int | None = None) -> None:
        self.calls, self.fail_after, self.closed = 0, fail_after, False

    def segment(
        self, image: NDArray[np.uint8], boxes_px: NDArray[np.float64], keypoints_px: Sequence[object]
    ) -> list[Mask | None]:
        self.calls += 1
        if self.fail_after is not None and self.calls > self.fail_after:
            raise ModelError("the segmenter is gone")
        assert len(keypoints_px) == len(boxes_px)
        return [self._mask(image[..., 0], tuple(box)) for box in boxes_px.tolist()]

    def _mask(self, image: NDArray[np.uint8], box: tuple[float, ...]) -> Mask | None:
        for shape, value in rasterio.features.shapes(image, connectivity=4):
            ring = np.array(shape["coordinates"][0])
            if value >= THRESHOLD and (*ring.min(0), *ring.max(0)) == box:
                pixels = rasterio.features.rasterize([shape], out_shape=image.shape).astype(np.bool_)
                return pack_mask(pixels)
        return None

    def close(self) -> None:
        self.closed = True


def write_colours(path: Path, transform: Affine = UTM, crs: str = "EPSG:32633") -> Path:
    canvas = Image.new("L", SIZE, 30)
    draw = ImageDraw.Draw(canvas)
    for points, colour in POLYGONS:
        draw.polygon(points, fill=colour)
    pixels = np.asarray(canvas)
    with rasterio.open(
        path, "w", driver="GTiff", width=SIZE[0], height=SIZE[1], count=3, dtype="uint8", crs=crs, transform=transform
    ) as out:
        out.write(np.stack([pixels] * 3))
    return path


def true_polygons(path: Path) -> dict[str, shapely.Polygon]:
    """Pixel-edge polygons of the whole scene in pixels, by colour; nothing here knows of chips."""
    with rasterio.open(path) as scene:
        pixels = scene.read(1)
    found = rasterio.features.shapes(pixels, mask=pixels >= THRESHOLD, connectivity=4)
    return {str(int(value)): shapely.geometry.shape(shape) for shape, value in found}


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    return write_colours(tmp_path / "colours.tif")


def in_pixels(layer: gpd.GeoDataFrame, transform: Affine) -> dict[str, shapely.Polygon]:
    a, b, c, d, e, f = tuple(~transform)[:6]
    moved = layer.geometry.affine_transform([a, b, d, e, c, f])
    assert layer["label"].is_unique
    return dict(zip(layer["label"], moved, strict=True))


GRIDS = {
    "north up": (UTM, "EPSG:32633"),
    "rotated": (Affine(0.4, 0.3, 5e5, 0.3, -0.4, 4.6e6), "EPSG:32633"),
    "degrees at 70 north": (Affine(1e-5, 0, 25.0, 0, -3.4e-6, 70.0), "EPSG:4326"),
    "rotated degrees at 70 north": (Affine(9.07e-6, 5.24e-6, 25.0, 1.793e-6, -3.105e-6, 70.0), "EPSG:4326"),
}


@pytest.mark.parametrize("overlap_px", [0, 16, 24])
@pytest.mark.parametrize("grid", GRIDS)
def test_masks_are_right_to_the_pixel_where_objects_touch_nest_and_are_cut(
    tmp_path: Path, grid: str, overlap_px: int
) -> None:
    transform, crs = GRIDS[grid]
    scene = write_colours(tmp_path / "colours.tif", transform, crs)
    layer = gg.ground(
        str(scene),
        "things",
        model=ColourModel(overlap_px=overlap_px),
        segmenter=ColourSegmenter(),
        outline="mask",
        simplify_m=0.0,
        merge="auto",
    )
    assert set(layer["outline"]) == {"mask"}
    found, true = in_pixels(layer, transform), true_polygons(scene)
    assert found.keys() == true.keys()
    for label, polygon in found.items():
        difference = shapely.symmetric_difference(polygon, true[label]).area
        assert difference < 1e-3, label


def test_regular_outlines_of_cut_objects_have_four_corners(scene: Path) -> None:
    layer = gg.ground(str(scene), "things", model=ColourModel(), segmenter=ColourSegmenter(), outline="regular")
    found = in_pixels(layer, UTM)
    for label in ("150", "160", "180", "190", "200", "220"):
        points = next(points for points, colour in POLYGONS if str(colour) == label)
        true = shapely.affinity.translate(shapely.Polygon(points).buffer(0.5, join_style="mitre"), 0.5, 0.5)
        assert len(found[label].exterior.coords) == 5, label
        assert shapely.intersection(found[label], true).area > 0.92 * shapely.union(found[label], true).area, label
    assert len(found["210"].interiors) == 1
    assert len(found["170"].exterior.coords) == 7


@pytest.mark.parametrize("outline", ["oriented", "box", "point"])
def test_the_other_kinds_say_what_they_are(scene: Path, outline: Any) -> None:
    segmenter = ColourSegmenter()
    layer = gg.ground(str(scene), "things", model=ColourModel(), segmenter=segmenter, outline=outline)
    assert set(layer["outline"]) == {outline}
    assert (segmenter.calls > 0) == (outline == "oriented")
    assert not segmenter.closed
    found, true = in_pixels(layer, UTM), true_polygons(scene)
    for label, shape in found.items():
        if outline == "point":
            assert shape.geom_type == "Point"
            assert shapely.box(*true[label].bounds).centroid.distance(shape) < 1e-6
        elif outline == "box":
            assert shape.equals_exact(shapely.box(*true[label].bounds).normalize(), 1e-6) or shape.equals(
                shapely.box(*true[label].bounds)
            )
        else:
            assert len(shape.exterior.coords) == 5
            assert shape.buffer(1e-6).covers(true[label])


@pytest.mark.parametrize("ending", [".geojson", ".gpkg", ".fgb", ".parquet"])
@pytest.mark.parametrize("outline", ["mask", "point"])
def test_every_format_holds_outlines_and_points(tmp_path: Path, scene: Path, ending: str, outline: str) -> None:
    out = tmp_path / f"out{ending}"
    settings = gg.RunSettings(source=str(scene), expressions=("things",), outline=outline)  # type: ignore[arg-type]
    run(settings, out, model=ColourModel(), segmenter=ColourSegmenter(), preview=tmp_path / "preview.png")
    layer = gpd.read_parquet(out) if ending == ".parquet" else gpd.read_file(out)
    assert set(layer["outline"]) == {outline}
    assert len(layer) == len(true_polygons(scene))
    assert set(layer.geom_type) == {"Point" if outline == "point" else "Polygon"}
    assert layer.geometry.is_valid.all()


def test_an_interrupted_run_goes_on_to_the_same_bytes(tmp_path: Path, scene: Path) -> None:
    settings = gg.RunSettings(source=str(scene), expressions=("things",), outline="regular")
    run(settings, tmp_path / "whole.gpkg", model=ColourModel(), segmenter=ColourSegmenter())
    with pytest.raises(ModelError, match="gone"):
        run(settings, tmp_path / "cut.gpkg", model=ColourModel(), segmenter=ColourSegmenter(fail_after=9))
    box = gg.RunSettings(source=str(scene), expressions=("things",))
    with pytest.raises(JournalError, match="segmenter changed"):
        run(box, tmp_path / "cut.gpkg", model=ColourModel(), resume=True)
    rest = ColourSegmenter()
    run(settings, tmp_path / "cut.gpkg", model=ColourModel(), segmenter=rest, resume=True)
    assert 0 < rest.calls < 20
    frames = [gpd.read_file(tmp_path / name) for name in ("whole.gpkg", "cut.gpkg")]
    assert frames[0].equals(frames[1])


def test_a_run_of_the_task_segment_asks_for_it(scene: Path) -> None:
    asked: set[str] = set()

    class Listening(ColourModel):
        def answer(self, image: NDArray[np.uint8], question: Question) -> Answer:
            asked.add(question.task)
            return super().answer(image, question)

    layer = gg.ground(str(scene), "things", model=Listening(), segmenter=ColourSegmenter(), task="segment")
    assert asked == {"segment"}
    assert set(layer["outline"]) == {"mask"}


def test_features_come_with_outlines_while_the_run_goes_on(scene: Path) -> None:
    found = list(gg.stream(str(scene), "things", model=ColourModel(), segmenter=ColourSegmenter(), task="segment"))
    assert {feature.outline for feature in found} == {"mask"}


def test_a_tolerance_without_anything_to_simplify_is_refused() -> None:
    with pytest.raises(SettingsError, match="nothing to simplify"):
        gg.RunSettings(source="a.tif", expressions=("x",), simplify_m=1.0)
    with pytest.raises(SettingsError, match="not a number of metres"):
        gg.RunSettings(source="a.tif", expressions=("x",), outline="mask", simplify_m=-1.0)
    with pytest.raises(SettingsError, match="outline"):
        gg.RunSettings(source="a.tif", expressions=("x",), outline="blob")  # type: ignore[arg-type]


def test_the_built_in_segmenter_draws_what_stands_out_from_the_ground() -> None:
    image = np.full((120, 120, 3), (70, 90, 60), np.uint8)
    canvas = Image.new("L", (120, 120))
    ImageDraw.Draw(canvas).polygon([(40, 20), (95, 45), (80, 85), (25, 60)], fill=255)
    true = np.asarray(canvas) > 0
    image[true] = (200, 190, 185)
    image.setflags(write=False)  # as chips are
    boxes = np.array([[25.0, 20.0, 95.0, 85.0], [90.0, 90.0, 119.5, 119.5]])
    with contextlib.closing(load_segmenter()) as segmenter:
        masks = segmenter.segment(image, boxes, [(), ()])
        alone = segmenter.segment(image, boxes[:1], [()])
    assert masks[0] is not None
    assert alone[0] is not None
    found = np.zeros_like(true)
    x0, y0, x1, y1 = masks[0].window_chip_px
    found[y0:y1, x0:x1] = unpack_mask(masks[0])
    assert (found & true).sum() / (found | true).sum() > 0.85
    assert unpack_mask(alone[0]).sum() == pytest.approx(found.sum(), rel=0.01)
