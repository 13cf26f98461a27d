"""Outlines that a model writes itself, through a run to polygons on the ground."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from affine import Affine
from numpy.typing import NDArray

import geogrounding as gg
from geogrounding.models.parsing.answer import parse_answer
from geogrounding.types import Answer, Mask, Question
from tests.blobs import UTM, BlobModel, write_scene

SHIP = [100.0, 90.0, 90.0, 36.0, 30.0]
"""Centre, size and degrees clockwise as the image is seen."""


class Writing(BlobModel):
    """Answers every chip with one text."""

    def __init__(self, *entries: Any) -> None:
        super().__init__(tile_size_px=512, overlap_px=0)
        self.text = f"<answer>{json.dumps(entries)}</answer>"

    def answer(self, image: NDArray[np.uint8], question: Question) -> Answer:
        size = (image.shape[1], image.shape[0])
        return parse_answer(
            self.text, image_size_px=size, coordinates="original-pixels", task="detect", default_label="ship"
        )


class Counting:
    """Draws nothing and counts what it is asked for."""

    name = fingerprint = "counting"

    def __init__(self) -> None:
        self.asked = 0

    def segment(
        self, image: NDArray[np.uint8], boxes_px: NDArray[np.float64], keypoints_px: Sequence[Any]
    ) -> list[Mask | None]:
        self.asked += len(boxes_px)
        return [None] * len(boxes_px)

    def close(self) -> None:
        pass


def true_ship(transform: Affine) -> shapely.Polygon:
    x, y, width, height, degrees = SHIP
    box = shapely.box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    turned = shapely.affinity.rotate(box, degrees, origin=(x, y))  # y down: counter-clockwise there is clockwise seen
    a, b, c, d, e, f = tuple(transform)[:6]
    return shapely.affinity.affine_transform(turned, [a, b, d, e, c, f])


@pytest.mark.parametrize("transform", [UTM, Affine(0.4, 0.3, 5e5, 0.3, -0.4, 4.6e6)], ids=["north up", "rotated"])
@pytest.mark.parametrize("outline", ["oriented", "regular", "mask"])
def test_a_turned_box_lies_on_the_ground_as_it_was_written(tmp_path: Path, transform: Affine, outline: Any) -> None:
    scene = write_scene(tmp_path / "a.tif", [], transform=transform)
    segmenter = Counting()
    layer = gg.ground(str(scene), "ship", model=Writing({"obb": SHIP}), segmenter=segmenter, outline=outline)
    assert segmenter.asked == 0
    assert list(layer["outline"]) == [outline]
    (found,) = layer.geometry
    true = true_ship(transform)
    assert shapely.intersection(found, true).area > 0.92 * shapely.union(found, true).area
    if outline != "mask":
        assert len(found.exterior.coords) == 5
        edges = np.diff(np.asarray(found.exterior.coords), axis=0)
        longest = edges[np.hypot(*edges.T).argmax()]
        side = np.diff(np.asarray(true.exterior.coords), axis=0)
        true_side = side[np.hypot(*side.T).argmax()]
        angle = math.degrees(math.atan2(*longest[::-1]) - math.atan2(*true_side[::-1]))
        assert abs((angle + 90) % 180 - 90) < 1.5


def test_polygons_are_kept_and_boxes_go_to_the_segmenter(tmp_path: Path) -> None:
    scene = write_scene(tmp_path / "a.tif", [])
    points = [[20, 20], [80, 20], [80, 40], [40, 40], [40, 90], [20, 90]]
    segmenter = Counting()
    model = Writing({"polygon": points, "label": "roof"}, {"bbox_2d": [150, 20, 190, 60], "label": "shed"})
    layer = gg.ground(str(scene), "roof", model=model, segmenter=segmenter, outline="regular").set_index("label")
    assert segmenter.asked == 1
    assert dict(layer["outline"]) == {"roof": "regular", "shed": "box"}
    true = shapely.Polygon([(5e5 + x * 0.5, 4.6e6 - y * 0.5) for x, y in points])
    assert shapely.symmetric_difference(layer.geometry["roof"], true).area < 0.01
    assert len(layer.geometry["roof"].exterior.coords) == 7
    plain = gg.ground(str(scene), "roof", model=model)
    assert set(plain["outline"]) == {"box"}
