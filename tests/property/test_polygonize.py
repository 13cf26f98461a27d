"""Outlines of any mask, on any grid: valid, in the right place, of the right size."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Geod

from geogrounding.geometry.local_frame import metres_per_pixel
from geogrounding.types import Outline
from geogrounding.vector.georeference import shapes_crs
from geogrounding.vector.polygonize import draw_outlines, mask_polygon

KINDS: tuple[Outline, ...] = ("mask", "regular", "oriented")
GRIDS = {
    "utm": (Affine(0.5, 0, 5e5, 0, -0.5, 4.6e6), CRS.from_epsg(32633)),
    "rotated": (Affine(0.4, 0.3, 5e5, 0.3, -0.4, 4.6e6), CRS.from_epsg(32633)),
    "degrees at 70 north": (Affine(1e-5, 0, 25.0, 0, -3e-6, 70.0), CRS.from_epsg(4326)),
    "web mercator": (Affine(2, 0, 3e6, 0, -2, 1e7), CRS.from_epsg(3857)),
    "feet": (Affine(1, 0, 1e6, 0, -1, 2e5), CRS.from_epsg(2263)),
    "pole": (Affine(100, 0, -3000, 0, -100, 3000), CRS.from_epsg(3995)),
}


def random_mask(rng: np.random.Generator) -> np.ndarray:
    """Blobs with holes, touching corners, single pixels, and objects that fill the window to its borders."""
    height, width = (int(v) for v in rng.integers(1, 24, 2))
    kind = rng.integers(4)
    if kind == 0:
        return rng.random((height, width)) < rng.random()
    mask = np.zeros((height, width), np.bool_)
    for _ in range(int(rng.integers(1, 5))):
        x0, y0 = int(rng.integers(width)), int(rng.integers(height))
        x1, y1 = x0 + 1 + int(rng.integers(width)), y0 + 1 + int(rng.integers(height))
        mask[y0:y1, x0:x1] = bool(rng.integers(4)) or kind == 1
    if kind == 2:  # corners that touch
        mask ^= np.indices((height, width)).sum(0) % 5 == 0
    if kind == 3:
        mask |= rng.random((height, width)) < 0.05
    return mask


def check(masks: list[np.ndarray], grid: str, outline: Outline, simplify_m: float | None) -> None:
    transform, crs = GRIDS[grid]
    polygons = [mask_polygon(mask) for mask in masks]
    for polygon, mask in zip(polygons, masks, strict=True):
        assert (polygon is None) == (not mask.any())
        if polygon is not None:
            assert polygon.is_valid
            assert polygon.area > 0
    boxes = np.array([(0, 0, 1, 1) if p is None else p.bounds for p in polygons])
    drawn = draw_outlines(
        polygons,
        boxes,
        pixel_scene_px=np.ones(len(masks)),
        outline=outline,
        simplify_m=simplify_m,
        transform=transform,
        crs=crs,
    )
    placed = shapes_crs(drawn.polygons_scene_px, transform)
    assert shapely.is_valid(placed).all()
    assert all(isinstance(p, shapely.Polygon) and p.area > 0 and p.exterior.is_ccw for p in placed)
    for one, polygon, kind in zip(drawn.polygons_scene_px, polygons, drawn.outlines, strict=True):
        if kind == "regular":
            assert shapely.intersection(one, polygon).area >= 0.899 * shapely.union(one, polygon).area
        if kind == "oriented":
            assert one.buffer(1e-6).covers(polygon)


def test_a_ring_that_nearly_touches_itself_stays_valid_in_degrees() -> None:
    ring = [
        (8.881784197001252e-16, 19), (3.000000000000001, 16), (7, 19), (7, 14), (3, 15), (2.000000000000001, 11),
        (8, 14), (7, 11), (16, 12), (12, 1), (9, 4), (12, 10), (3, 7),
    ]  # fmt: skip
    polygon = shapely.Polygon(ring)
    transform, _ = GRIDS["degrees at 70 north"]
    assert polygon.is_valid
    (placed,) = shapes_crs(np.array([polygon], object), transform)
    assert placed.is_valid
    assert placed.exterior.is_ccw
    assert placed.area == pytest.approx(polygon.area * 1e-5 * 3e-6, rel=0.02)


@settings(max_examples=60)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(sorted(GRIDS)),
    st.sampled_from(KINDS),
    st.sampled_from([None, 0.0, 0.7, 30.0]),
)
def test_every_outline_is_a_valid_polygon(seed: int, grid: str, outline: Outline, simplify_m: float | None) -> None:
    rng = np.random.default_rng(seed)
    check([random_mask(rng) for _ in range(8)], grid, outline, simplify_m)


@pytest.mark.slow
@pytest.mark.parametrize("grid", sorted(GRIDS))
def test_none_of_100_000_masks_gives_an_invalid_polygon(grid: str) -> None:
    rng = np.random.default_rng(sorted(GRIDS).index(grid))
    for n in range(100_000 // len(GRIDS) // 100 + 1):
        check([random_mask(rng) for _ in range(100)], grid, KINDS[n % 3], (None, 0.0, 0.7)[n // 3 % 3])


@given(st.integers(0, 2**32 - 1))
def test_without_simplification_the_outline_covers_the_pixels_of_its_largest_part(seed: int) -> None:
    mask = random_mask(np.random.default_rng(seed))
    polygon = mask_polygon(mask)
    if polygon is None:
        return
    x, y = np.meshgrid(np.arange(mask.shape[1]) + 0.5, np.arange(mask.shape[0]) + 0.5)
    covered = shapely.contains_xy(polygon, x, y)
    added = covered & ~mask  # filled holes only
    assert added.sum() <= max(9, math.ceil(0.02 * polygon.area)) * max(1, int(added.sum() // 9) + 1)
    assert covered.sum() == round(polygon.area)


@settings(max_examples=30)
@given(st.sampled_from(sorted(GRIDS)), st.floats(-20, 20), st.floats(-20, 20))
def test_metres_of_a_pixel_are_those_on_the_ellipsoid(grid: str, x: float, y: float) -> None:
    transform, crs = GRIDS[grid]
    frame = metres_per_pixel(np.array([[x, y]]), transform, crs)[0]
    from pyproj import Transformer

    to_lonlat = Transformer.from_crs(crs, "EPSG:4326" if grid != "feet" else crs.geodetic_crs, always_xy=True)
    geod = Geod(ellps="WGS84") if grid != "feet" else crs.get_geod()
    assert geod is not None
    for step in ((6.0, 0.0), (0.0, 6.0), (3.0, 4.0)):
        ends = [to_lonlat.transform(*(transform @ (x + s * step[0], y + s * step[1]))) for s in (-0.5, 0.5)]
        true_m = geod.inv(*ends[0], *ends[1])[2]
        assert math.hypot(*(frame @ step)) == pytest.approx(true_m, rel=2e-3)
