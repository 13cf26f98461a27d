"""Right angles: few corners where there are few, none where there are none."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from PIL import Image, ImageDraw

from geogrounding.vector.polygonize import Drawn, draw_outlines, mask_polygon

SHAPES = {
    "rectangle": [(-30, -20), (30, -20), (30, 20), (-30, 20)],
    "L": [(-30, -20), (30, -20), (30, 20), (5, 20), (5, 5), (-30, 5)],
    "U": [(-30, -30), (30, -30), (30, 30), (14, 30), (14, -12), (-14, -12), (-14, 30), (-30, 30)],
}


def turned(points: list[tuple[float, float]], degrees: float) -> shapely.Polygon:
    return shapely.affinity.rotate(shapely.Polygon(points), degrees, origin=(0, 0))


def drawn_from(shape: shapely.Polygon, outline: str = "regular") -> tuple[Drawn, shapely.Polygon]:
    """The outline of a shape that was painted on a grid of pixels, and the shape where it was painted."""
    placed = shapely.affinity.translate(shape, 60.3, 59.6)
    canvas = Image.new("L", (480, 480))
    ImageDraw.Draw(canvas).polygon([(x * 4 - 0.5, y * 4 - 0.5) for x, y in placed.exterior.coords], fill=255)
    mask = mask_polygon(np.asarray(canvas.reduce(4)) > 127)
    assert mask is not None
    drawn = draw_outlines(
        [mask],
        np.array([mask.bounds]),
        pixel_scene_px=np.ones(1),
        outline=outline,  # type: ignore[arg-type]
        simplify_m=None,
        transform=None,  # type: ignore[arg-type]  # without a CRS nothing is asked of it
        crs=None,
    )
    return drawn, placed


@pytest.mark.parametrize("degrees", [0, 1, 17, 30, 45, 58, 89.5])
@pytest.mark.parametrize("name", SHAPES)
def test_a_turned_footprint_keeps_its_corners_and_its_right_angles(name: str, degrees: float) -> None:
    drawn, true = drawn_from(turned(SHAPES[name], degrees))  # type: ignore[arg-type]
    polygon = drawn.polygons_scene_px[0]
    assert drawn.outlines == ("regular",)
    assert len(polygon.exterior.coords) - 1 == len(SHAPES[name])
    assert shapely.intersection(polygon, true).area >= 0.93 * shapely.union(polygon, true).area
    edges = np.diff(np.asarray(polygon.exterior.coords), axis=0)
    angles = np.degrees(np.arctan2(edges[:, 1], edges[:, 0]))
    off = (angles - angles[0] + 45.0) % 90.0 - 45.0
    assert np.abs(off).max() < 1e-6
    assert abs((angles[0] - degrees + 45.0) % 90.0 - 45.0) < 2.0


def test_a_tank_becomes_a_circle() -> None:
    drawn, true = drawn_from(shapely.Point(0, 0).buffer(25))
    assert drawn.outlines == ("regular",)
    polygon = drawn.polygons_scene_px[0]
    assert 4 * math.pi * polygon.area / polygon.length**2 > 0.98
    assert shapely.intersection(polygon, true).area >= 0.96 * shapely.union(polygon, true).area


def test_what_has_no_right_angles_keeps_its_mask_and_says_so() -> None:
    drawn, true = drawn_from(turned([(-30, -20), (30, -20), (0, 30)], 20))
    assert drawn.outlines == ("mask",)
    polygon = drawn.polygons_scene_px[0]
    assert shapely.intersection(polygon, true).area >= 0.93 * shapely.union(polygon, true).area


def test_oriented_is_the_smallest_turned_rectangle() -> None:
    drawn, true = drawn_from(turned(SHAPES["rectangle"], 30), "oriented")  # type: ignore[arg-type]
    polygon = drawn.polygons_scene_px[0]
    assert drawn.outlines == ("oriented",)
    assert len(polygon.exterior.coords) == 5
    assert shapely.intersection(polygon, true).area >= 0.9 * shapely.union(polygon, true).area


def test_an_object_without_a_mask_keeps_its_box_and_says_so() -> None:
    drawn = draw_outlines(
        [None],
        np.array([[1.0, 2.0, 5.0, 9.0]]),
        pixel_scene_px=np.ones(1),
        outline="regular",
        simplify_m=None,
        transform=None,  # type: ignore[arg-type]
        crs=None,
    )
    assert drawn.outlines == ("box",)
    assert drawn.polygons_scene_px[0].equals(shapely.box(1, 2, 5, 9))


def test_a_wobbly_tank_is_a_circle_and_a_rounded_roof_is_none() -> None:
    angles = np.linspace(0, 2 * math.pi, 90, endpoint=False)
    radii = 25 * (1 + 0.05 * np.sin(5 * angles) + 0.03 * np.sin(9 * angles + 1))
    wobbly = shapely.Polygon(np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1))
    drawn, _ = drawn_from(wobbly)
    polygon = drawn.polygons_scene_px[0]
    assert drawn.outlines == ("regular",)
    assert 4 * math.pi * polygon.area / polygon.length**2 > 0.98
    drawn, _ = drawn_from(shapely.box(-24, -24, 24, 24).buffer(-6).buffer(6))
    assert drawn.outlines == ("regular",)
    assert len(drawn.polygons_scene_px[0].exterior.coords) == 5


def test_a_round_mask_has_no_direction() -> None:
    lumpy = shapely.union_all([shapely.Point(0, 0).buffer(20), shapely.Point(7, 5).buffer(17)])
    drawn, _ = drawn_from(lumpy, "oriented")
    polygon = drawn.polygons_scene_px[0]
    assert polygon.equals(shapely.envelope(polygon))
    drawn, _ = drawn_from(turned(SHAPES["rectangle"], 4), "oriented")  # type: ignore[arg-type]
    assert not drawn.polygons_scene_px[0].equals(shapely.envelope(drawn.polygons_scene_px[0]))
