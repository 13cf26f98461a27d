"""Boxes keep their place under any affine transform. The fast run draws 100 transforms, ``make test-full`` 10,000."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from affine import Affine
from numpy.random import Generator

from geogrounding.raster.grid import Chip
from geogrounding.vector.georeference import boxes_to_scene_px, polygons_crs

FULL_COUNT = 10_000
FAST_COUNT = 100

counts = pytest.mark.parametrize(
    "count", [FAST_COUNT, pytest.param(FULL_COUNT, marks=pytest.mark.slow)], ids=["fast", "full"]
)


def drawn_transform(random: Generator) -> Affine:
    """Rotated, sheared, south-up, mirrored; from centimetres to kilometres a pixel, degrees included."""
    pixel = float(np.exp(random.uniform(np.log(1e-6), np.log(1e3))))
    flip_x, flip_y = random.choice([-1.0, 1.0], 2)
    origin = random.uniform(-1e7, 1e7, 2) if pixel > 1e-2 else random.uniform(-180, 180, 2)
    return (
        Affine.translation(*(float(value) for value in origin))
        @ Affine.rotation(float(random.uniform(0, 360)))
        @ Affine.shear(float(random.uniform(-40, 40)), 0.0)
        @ Affine.scale(pixel * float(flip_x), pixel * float(random.uniform(0.5, 2.0)) * float(flip_y))
    )


@counts
def test_corners_come_back_under_any_affine(count: int) -> None:
    random = np.random.default_rng(10_000)
    for _ in range(count):
        transform = drawn_transform(random)
        low = random.uniform(0, 50_000, (5, 2))
        boxes = np.concatenate([low, low + random.uniform(0.5, 3_000, (5, 2))], axis=1)
        polygons = polygons_crs(boxes, transform)
        back = ~transform
        for box, polygon in zip(boxes, polygons, strict=True):
            assert polygon.is_valid
            assert polygon.exterior.is_ccw
            corners = [back @ (x, y) for x, y in polygon.exterior.coords[:-1]]
            expected = {(x, y) for x in (box[0], box[2]) for y in (box[1], box[3])}
            # 1e-6 px, or what 64 bits hold where a pixel is a millionth of the coordinate
            step = np.spacing(max(abs(transform.c), abs(transform.f))) / abs(transform.determinant) ** 0.5
            for corner in corners:
                distance, nearest = min((math.dist(point, corner), point) for point in expected)
                assert distance <= max(1e-6, 8 * step)
                expected.discard(nearest)
            assert not expected


@counts
def test_chip_pixels_and_scene_pixels_agree_with_the_chip(count: int) -> None:
    random = np.random.default_rng(5)
    for _ in range(count):
        width, height = (int(side) for side in random.integers(32, 1024, 2))
        scale = float(random.uniform(0.5, 8))
        x, y = (float(value) for value in random.uniform(0, 1e5, 2))
        chip = Chip(
            index=0,
            level=0,
            column=0,
            row=0,
            window_scene_px=(x, y, x + width * scale, y + height * scale),
            size_px=(width, height),
            cut=(True, True, True, True),
        )
        low = random.uniform(0, 16, (4, 2))
        boxes_chip_px = np.concatenate([low, low + random.uniform(1, 16, (4, 2))], axis=1)
        boxes_scene_px = boxes_to_scene_px(chip, boxes_chip_px)
        for chip_box, scene_box in zip(boxes_chip_px, boxes_scene_px, strict=True):
            assert scene_box[:2] == pytest.approx(chip.to_scene_px(*chip_box[:2]), abs=1e-6)
            assert scene_box[2:] == pytest.approx(chip.to_scene_px(*chip_box[2:]), abs=1e-6)


def test_a_sheared_box_is_a_parallelogram_of_the_right_area() -> None:
    transform = Affine(2.0, 1.0, 100.0, 0.5, -3.0, 200.0)
    (polygon,) = polygons_crs(np.array([[10.0, 20.0, 14.0, 22.0]]), transform)
    assert polygon.area == pytest.approx(4 * 2 * abs(transform.determinant))
    assert shapely.get_coordinates(polygon)[:-1].tolist() != list(polygon.envelope.exterior.coords[:-1])
