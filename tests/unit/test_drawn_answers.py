"""Polygons and turned boxes in the answers of models: the right box, and the right mask inside it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from geogrounding.geometry.masks import unpack_mask
from geogrounding.models.families import BoxConvention
from geogrounding.models.parsing.answer import Reason, parse_answer
from geogrounding.types import Answer, CoordinateConvention, Detection

SIDE = 200
RHOMB = [(100, 40), (160, 80), (100, 120), (40, 80)]
# 80 long and 30 wide around (100, 90), its long side turned by 30 degrees clockwise as the image is seen (y down)
SHIP = [
    (100 + a * 40 * math.cos(math.pi / 6) - b * 15 * 0.5, 90 + a * 40 * 0.5 + b * 15 * math.cos(math.pi / 6))
    for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))
]


def parse(text: str, coordinates: CoordinateConvention | BoxConvention = "original-pixels") -> Answer:
    return parse_answer(text, image_size_px=(SIDE, SIDE), coordinates=coordinates, task="detect", default_label="?")


def pixels(detection: Detection) -> NDArray[np.bool_]:
    assert detection.mask is not None
    x0, y0, x1, y1 = detection.mask.window_chip_px
    out = np.zeros((SIDE, SIDE), np.bool_)
    out[y0:y1, x0:x1] = unpack_mask(detection.mask)
    return out


def painted(points: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """The share of each pixel that a polygon covers, by another library."""
    canvas = Image.new("L", (SIDE * 8, SIDE * 8))
    ImageDraw.Draw(canvas).polygon([(x * 8 - 0.5, y * 8 - 0.5) for x, y in points], fill=255)
    share: NDArray[np.float64] = np.asarray(canvas.reduce(8), np.float64) / 255
    return share


def iou(found: NDArray[np.bool_], points: Sequence[tuple[float, float]]) -> float:
    true = painted(points) > 0.5
    return float((found & true).sum() / (found | true).sum())


FORMS: dict[str, tuple[Any, Sequence[tuple[float, float]]]] = {
    "polygon in pairs": ({"polygon": RHOMB, "label": "x"}, RHOMB),
    "polygon in a row": ({"segmentation": [v for p in RHOMB for v in p]}, RHOMB),
    "bare points": ([RHOMB], RHOMB),
    "turned, key": ({"obb": [100, 90, 80, 30, 30], "label": "x"}, SHIP),
    "turned, long key": ({"oriented_bbox": [100, 90, 80, 30, 30]}, SHIP),
    "turned, order in the key": ({"bbox_cxcywha": [100, 90, 80, 30, 30]}, SHIP),
    "turned, GeoGround": ({"rbox": [100, 90, 80, 30, 30]}, SHIP),
    "turned back by the other side": ({"obb": [100, 90, 30, 80, -60]}, SHIP),
    "turned in radians": ({"xywhr": [100, 90, 80, 30, math.pi / 6]}, SHIP),
    "named": ({"cx": 100, "cy": 90, "w": 80, "h": 30, "angle": 30}, SHIP),
    "named in radians": ({"cx": 100, "cy": 90, "w": 80, "h": 30, "angle_rad": math.pi / 6}, SHIP),
    "four corners": ({"obb": [v for p in SHIP for v in p]}, SHIP),
}


@pytest.mark.parametrize("name", FORMS)
def test_an_outline_is_kept_as_a_mask(name: str) -> None:
    value, true = FORMS[name]
    (found,) = parse(f"<answer>{json.dumps([value])}</answer>").detections
    assert iou(pixels(found), true) > 0.96
    assert found.box_chip_px == pytest.approx(shapely.Polygon(true).bounds)


def test_several_and_beside_boxes() -> None:
    values = [{"obb": [100, 90, 80, 30, 30], "label": "ship"}, {"bbox_2d": [5, 5, 20, 20], "label": "boat"}]
    ship, boat = parse(json.dumps(values)).detections
    assert (ship.label, boat.label) == ("ship", "boat")
    assert ship.mask is not None
    assert boat.mask is None


def test_a_turned_box_beside_its_upright_one_is_one_object() -> None:
    (found,) = parse('{"bbox_2d": [50, 50, 150, 130], "obb": [100, 90, 80, 30, 30]}').detections
    assert iou(pixels(found), SHIP) > 0.96


ROW = [v for p in RHOMB for v in p]


@pytest.mark.parametrize(
    "beside", [{"polygon": RHOMB}, {"segmentation": [ROW]}, {"poly": ROW, "label": "roof"}, {"contour": RHOMB}]
)
@pytest.mark.parametrize("key", ["bbox_2d", "box"])
def test_a_polygon_beside_a_box_is_its_outline(key: str, beside: dict[str, Any]) -> None:
    for entry in ({key: [38, 36, 162, 124], **beside}, {**beside, key: [38, 36, 162, 124]}):
        (found,) = parse(json.dumps([entry])).detections
        assert found.box_chip_px == (38, 36, 162, 124)
        assert found.label == beside.get("label", "?")
        assert iou(pixels(found), RHOMB) > 0.96


@pytest.mark.parametrize(
    "beside",
    [
        {"polygon": [RHOMB, SHIP]},  # two parts
        {"points": RHOMB},  # clicks on the object, perhaps
        {"polygon": [[1, 1], [20, 5], [9, 30]]},  # elsewhere
        {"polygon": [[38, 36], [162, 36], [162, 124], [38, 124]]},  # the box once more
        {"polygon": "none"},
    ],
)
def test_what_is_no_outline_of_the_box_leaves_it_to_the_segmenter(beside: dict[str, Any]) -> None:
    (found,) = parse(json.dumps([{"bbox_2d": [38, 36, 162, 124], **beside}])).detections
    assert found.box_chip_px == (38, 36, 162, 124)
    assert found.mask is None


def test_an_outline_that_is_an_upright_box_is_left_to_the_segmenter() -> None:
    (found,) = parse('{"polygon": [[10, 10], [50, 10], [50, 40], [10, 40]]}').detections
    assert found.box_chip_px == (10, 10, 50, 40)
    assert found.mask is None


def test_numbers_are_scaled_and_cut_at_the_border_of_the_chip() -> None:
    points = [(x * 5, y * 5) for x, y in RHOMB]
    (found,) = parse(json.dumps({"polygon": points}), "per-mille").detections
    assert iou(pixels(found), RHOMB) > 0.96
    (beyond,) = parse('{"obb": [195, 100, 60, 20, 45]}').detections
    assert beyond.box_chip_px[2] == SIDE
    assert 0.5 < pixels(beyond).sum() / (60 * 20) < 0.75


def test_y_comes_first_where_the_family_writes_so() -> None:
    yx = BoxConvention(coordinates="original-pixels", order="yxyx")
    (found,) = parse(json.dumps({"polygon": [(y, x) for x, y in RHOMB]}), yx).detections
    assert iou(pixels(found), RHOMB) > 0.96
    (turned,) = parse('{"obb": [100, 90, 80, 30, 30]}', yx).detections  # its own form says x first
    assert iou(pixels(turned), SHIP) > 0.96


def test_an_outline_thinner_than_a_pixel_is_not_lost() -> None:
    (found,) = parse('{"obb": [100, 90, 60, 0.4, 30]}').detections
    assert 10 < pixels(found).sum() < 130


def test_an_outline_that_crosses_itself_encloses_areas() -> None:
    (found,) = parse('{"polygon": [[20, 20], [120, 120], [120, 20], [20, 120]]}').detections
    assert pixels(found).sum() == pytest.approx(5000, rel=0.05)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[10, 20, 30, 40, 30]", Reason.NOT_FOUR_NUMBERS),  # an angle, or a score: nothing says which
        ('{"bbox_2d": [10, 20, 30, 40, 30]}', Reason.NOT_FOUR_NUMBERS),
        ('{"obb": [10, 20, 30, 1e999, 30]}', Reason.NOT_FINITE),
        ('{"obb": [10, 20, 30, 0, 30]}', Reason.EMPTY_BOX),
        ('{"obb": [10, 20, 30, -4, 30]}', Reason.EMPTY_BOX),
        ('{"obb": [100, 90, 80, 30, 30', Reason.CUT_OFF),
        ('{"polygon": [[1, 1], [2, 2], [3, 3], [1e999, 4]]}', Reason.NOT_FINITE),
    ],
)
def test_what_cannot_be_used_is_counted(text: str, reason: Reason) -> None:
    answer = parse(text)
    assert not answer.detections
    assert reason in {drop.reason for drop in answer.dropped}


@given(st.lists(st.tuples(st.floats(-300, 500), st.floats(-300, 500)), min_size=3, max_size=12))
def test_any_outline_gives_a_box_and_a_mask_inside_it(points: list[tuple[float, float]]) -> None:
    answer = parse(json.dumps({"polygon": points}))
    for found in answer.detections:
        x0, y0, x1, y1 = found.box_chip_px
        if found.mask is not None:
            left, top, right, bottom = found.mask.window_chip_px
            assert math.floor(x0) <= left < right <= math.ceil(x1) <= SIDE
            assert math.floor(y0) <= top < bottom <= math.ceil(y1) <= SIDE
