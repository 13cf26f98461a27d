"""Colours, shapes and directions of what was found, from the pixels of a raster."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from PIL import Image, ImageDraw

import geogrounding as gg
from geogrounding.geometry.masks import pack_mask
from geogrounding.models.base import Conventions
from geogrounding.models.segmenters.base import Points
from geogrounding.types import Answer, Detection, Mask, Question
from tests.blobs import UTM, BlobModel

GROUND = (96, 118, 82)
DISCS = {"red": (60, 60), "white": (160, 60), "blue": (260, 60)}
SQUARES = {"red": (60, 160), "yellow": (170, 160)}
BARS = {"grey": (260, 150)}
RGB = {
    "red": (190, 50, 40),
    "white": (240, 240, 240),
    "blue": (40, 70, 190),
    "yellow": (235, 215, 40),
    "grey": (128, 128, 128),
}


class Finder(BlobModel):
    """Finds everything that is not ground; knows one class."""

    name = fingerprint = "finder"

    def __init__(self) -> None:
        super().__init__()
        self.conventions = Conventions(
            tile_size_px=128,
            overlap_px=64,
            coordinates="resized-pixels",
            scene_questions=True,
            classes={"storage tank": ()},
        )

    def answer(self, image: NDArray[np.uint8], question: Question) -> Answer:
        if "tank" not in question.expression:
            return Answer()
        seen = different(image)
        found = []
        for shape, _ in rasterio.features.shapes(seen.astype(np.uint8), mask=seen):
            xs, ys = zip(*shape["coordinates"][0], strict=True)
            found.append(Detection(box_chip_px=(min(xs), min(ys), max(xs), max(ys)), label="storage tank", score=0.9))
        return Answer(detections=tuple(found))


class Masks:
    """Draws what is not ground."""

    name = fingerprint = "masks"

    def segment(
        self, image: NDArray[np.uint8], boxes_px: NDArray[np.float64], keypoints_px: Sequence[Points]
    ) -> list[Mask | None]:
        out = []
        for x0, y0, x1, y1 in boxes_px.round().astype(int):
            inside = np.zeros(image.shape[:2], bool)
            inside[max(y0, 0) : y1, max(x0, 0) : x1] = True
            out.append(pack_mask(different(image) & inside))
        return out

    def close(self) -> None:
        pass


def different(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray((np.abs(image.astype(int) - GROUND).max(axis=2) > 12), np.bool_)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    image = Image.new("RGB", (320, 220), GROUND)
    draw = ImageDraw.Draw(image)
    for name, (x, y) in DISCS.items():
        draw.ellipse((x - 20, y - 20, x + 20, y + 20), fill=RGB[name])
    for name, (x, y) in SQUARES.items():
        draw.rectangle((x - 18, y - 18, x + 18, y + 18), fill=RGB[name])
    for name, (x, y) in BARS.items():
        draw.line((x - 30, y + 30, x + 30, y - 30), fill=RGB[name], width=9)
    path = tmp_path_factory.mktemp("looks") / "scene.tif"
    profile = {"driver": "GTiff", "width": 320, "height": 220, "count": 3, "dtype": "uint8"}
    with rasterio.open(path, "w", crs="EPSG:32633", transform=UTM, **profile) as out:
        out.write(np.moveaxis(np.asarray(image), 2, 0))
    return path


def centres(layer: object, scene: Path) -> set[tuple[int, int]]:
    with rasterio.open(scene) as opened:
        inverse = ~opened.transform
    points = [inverse * (g.centroid.x, g.centroid.y) for g in layer.geometry]  # type: ignore[attr-defined]
    return {(round(x, -1), round(y, -1)) for x, y in points}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("red tanks", {(60, 60), (60, 160)}),
        ("the white storage tanks", {(160, 60)}),
        ("round tanks", {(60, 60), (160, 60), (260, 60)}),
        ("tanks that are round and red", {(60, 60)}),
        ("square tanks", {(60, 160), (170, 160)}),
        ("long tanks", {(260, 150)}),
        ("tanks that are not red", {(160, 60), (260, 60), (170, 160), (260, 150)}),
        ("tanks facing northeast", {(260, 150)}),
        ("tanks with a yellow roof", {(170, 160)}),
        ("the largest red tank", {(60, 60)}),
        ("green tanks", set()),
    ],
)
def test_looks_choose(scene: Path, query: str, expected: set[tuple[int, int]]) -> None:
    layer = gg.ground(scene, query, model=Finder(), segmenter=Masks())
    assert centres(layer, scene) == expected


def test_what_was_measured_is_an_attribute_and_stands_in_the_reason(scene: Path, tmp_path: Path) -> None:
    out = tmp_path / "red.geojson"
    report = gg.run(scene, out, "red tanks", model=Finder(), segmenter=Masks())
    assert report.features == 2
    for feature in json.loads(out.read_text())["features"]:
        assert feature["properties"]["red_share"] > 0.9
        assert feature["properties"]["reasoning"].startswith(
            "There are six storage tanks in the scene; this one is red ("
        )
    steps = json.loads((tmp_path / "red.geojson.run.json").read_text())["result"]["answers"]["red tanks"]["steps"]
    assert [step["step"] for step in steps] == ["found six storage tanks", "two red"]


def test_the_built_in_segmenter_gives_the_pixels_of_a_colour(scene: Path) -> None:
    assert centres(gg.ground(scene, "red tanks", model=Finder()), scene) == {(60, 60), (60, 160)}
    asked = gg.ask(scene, "how many blue tanks are there?", model=Finder())
    assert (asked.value, asked.unknown) == (1, ())


def test_looks_that_cannot_be_measured_are_named(scene: Path) -> None:
    asked = gg.ask(scene, "the largest tank whose roof is flat", model=Finder(), segmenter=Masks())
    assert (asked.value, asked.unknown) == (None, ("roof is flat",))
