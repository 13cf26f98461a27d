"""Polygons at 180 degrees, at the poles and at the edges of UTM zones become GeoJSON that any reader places rightly.

The fast run draws 30 shapes, ``make test-full`` 1,000.
"""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from affine import Affine
from numpy.random import Generator
from pyproj import CRS, Transformer
from shapely import MultiPolygon, Polygon

from geogrounding.geometry.geodesy import geodesic_areas_m2
from geogrounding.io.rfc7946 import WGS84, polygons_lonlat
from geogrounding.vector.georeference import polygons_crs

FULL_COUNT = 1_000
FAST_COUNT = 30

counts = pytest.mark.parametrize(
    "count", [FAST_COUNT, pytest.param(FULL_COUNT, marks=pytest.mark.slow)], ids=["fast", "full"]
)


def rotated_box(centre: tuple[float, float], size: tuple[float, float], angle_degrees: float) -> Polygon:
    """A box in CRS units, as a rotated transform gives it."""
    transform = Affine.translation(*centre) @ Affine.rotation(angle_degrees) @ Affine.scale(*size)
    return polygons_crs(np.array([[-0.5, -0.5, 0.5, 0.5]]), transform)[0]


def point_in(crs: CRS, longitude: float, latitude: float) -> tuple[float, float]:
    x, y = Transformer.from_crs(4326, crs, always_xy=True).transform(longitude, latitude)
    return float(x), float(y)


def drawn(random: Generator) -> tuple[Polygon, CRS]:
    """A shape where naive transforms fail, from 100 m to some hundred km."""
    kind = random.integers(6)
    sides = np.exp(random.uniform(np.log(100.0), np.log(3e5), 2))
    size = (float(sides[0]), float(sides[1]))
    angle = float(random.uniform(0, 360))
    if kind == 0:  # polar stereographic, astride 180 degrees
        crs, sign = (CRS.from_epsg(3413), 1.0) if random.random() < 0.5 else (CRS.from_epsg(3031), -1.0)
        x, y = point_in(crs, 180.0, sign * random.uniform(60, 89.9))
        return rotated_box((x + random.uniform(-0.5, 0.5) * size[0], y), size, angle), crs
    if kind == 1:  # around a pole
        crs = CRS.from_epsg(int(random.choice([3413, 3031, 3995, 32661, 5041])))
        pole = -90.0 if crs.to_epsg() == 3031 else 90.0
        x, y = point_in(crs, 0.0, pole)
        return rotated_box((x + random.uniform(-1, 1) * size[0], y + random.uniform(-1, 1) * size[1]), size, angle), crs
    if kind == 2:  # a corner or an edge exactly on a pole
        crs = CRS.from_epsg(int(random.choice([3413, 3031])))
        x, y = point_in(crs, 0.0, -90.0 if crs.to_epsg() == 3031 else 90.0)
        shift = (size[0] / 2, size[1] / 2 * random.choice([0.0, 1.0]))
        return rotated_box((x + shift[0], y + shift[1]), size, 0.0), crs
    if kind == 3:  # beyond the edges of the UTM zones at 180 degrees
        crs = CRS.from_epsg(int(random.choice([32601, 32660, 32701, 32760])))
        is_south = crs.to_epsg() in (32701, 32760)
        x, y = point_in(crs, 180.0, random.uniform(-78, -1) if is_south else random.uniform(1, 80))
        return rotated_box((x + random.uniform(-0.6, 0.6) * size[0], y), size, angle), crs
    if kind == 4:  # longitudes that run past 180
        crs = WGS84
        west, width = random.uniform(170, 200), np.exp(random.uniform(np.log(0.001), np.log(40.0)))
        south, height = random.uniform(-80, 60), np.exp(random.uniform(np.log(0.001), np.log(20.0)))
        return shapely.box(west, south, west + width, south + height), crs
    crs = WGS84  # wider than half the globe
    west, south = random.uniform(-180, -60), random.uniform(-80, 40)
    return shapely.box(west, south, min(180.0, west + random.uniform(181, 240)), south + random.uniform(1, 40)), crs


def parts_of(shape: Polygon | MultiPolygon) -> list[Polygon]:
    return list(shape.geoms) if isinstance(shape, MultiPolygon) else [shape]


def check(shape: Polygon | MultiPolygon, source: Polygon, crs: CRS) -> None:
    assert shape.is_valid, shapely.is_valid_reason(shape)
    west, south, east, north = shape.bounds
    assert -180 <= west <= east <= 180
    assert -90 <= south <= north <= 90
    for part in parts_of(shape):
        assert part.exterior.is_ccw
        assert not any(hole.is_ccw for hole in part.interiors)
        assert part.bounds[2] - part.bounds[0] <= 180.0
    expected = geodesic_areas_m2(np.array([source], dtype=object), crs)[0]
    written = geodesic_areas_m2(np.array(parts_of(shape), dtype=object), WGS84).sum()
    assert written == pytest.approx(expected, rel=1e-3)


@counts
def test_shapes_in_hard_places(count: int) -> None:
    random = np.random.default_rng(7946)
    for number in range(count):
        source, crs = drawn(random)
        try:
            check(polygons_lonlat(np.array([source], dtype=object), crs)[0], source, crs)
        except AssertionError as error:
            raise AssertionError(f"shape {number}: {source.wkt} in {crs.to_string()}") from error


def test_boxes_near_180_degrees_in_polar_stereographic_never_wrap() -> None:
    crs = CRS.from_epsg(3413)
    random = np.random.default_rng(3413)
    boxes = []
    for _ in range(300):
        x, y = point_in(crs, 180.0, random.uniform(65, 85))
        boxes.append(rotated_box((x + random.uniform(-20, 20), y), (60.0, 40.0), random.uniform(0, 90)))
    placed = polygons_lonlat(np.array(boxes, dtype=object), crs)
    widths = [part.bounds[2] - part.bounds[0] for shape in placed for part in parts_of(shape)]
    assert max(widths) < 0.01
    assert sum(isinstance(shape, MultiPolygon) for shape in placed) > 100


def test_an_ordinary_box_keeps_its_four_corners() -> None:
    box = rotated_box((500_000.0, 5_300_000.0), (30.0, 20.0), 12.0)
    (placed,) = polygons_lonlat(np.array([box], dtype=object), CRS.from_epsg(32632))
    assert len(placed.exterior.coords) == 5
    assert np.array_equal(shapely.get_coordinates(placed), np.round(shapely.get_coordinates(placed), 7))


def test_the_whole_globe_is_two_halves() -> None:
    (placed,) = polygons_lonlat(np.array([shapely.box(-180, -90, 180, 90)], dtype=object), WGS84)
    assert sorted(part.bounds for part in parts_of(placed)) == [(-180, -90, -1e-7, 90), (0, -90, 180, 90)]
    assert placed.is_valid


def test_holes_are_kept_and_clockwise() -> None:
    ring = shapely.box(400_000, 5_000_000, 401_000, 5_001_000).difference(
        shapely.box(400_300, 5_000_300, 400_600, 5_000_600)
    )
    (placed,) = polygons_lonlat(np.array([ring], dtype=object), CRS.from_epsg(32601))
    check(placed, ring, CRS.from_epsg(32601))
    assert len(placed.interiors) == 1


def test_a_polygon_smaller_than_the_last_decimal_stays_valid() -> None:
    tiny = rotated_box((500_000.0, 5_300_000.0), (0.004, 0.003), 30.0)
    (placed,) = polygons_lonlat(np.array([tiny], dtype=object), CRS.from_epsg(32632))
    assert placed.is_valid
    assert placed.area > 0


@pytest.mark.parametrize(("west", "east"), [(180.0, 180.0005), (179.9995, 180.0), (-180.0, -179.9995)])
def test_a_box_that_touches_180_degrees_has_no_part_without_area(west: float, east: float) -> None:
    (placed,) = polygons_lonlat(np.array([shapely.box(west, -17, east, -16.9995)], dtype=object), WGS84)
    assert placed.is_valid
    assert all(part.area > 0 for part in parts_of(placed))
    assert placed.area == pytest.approx((east - west) * 0.0005, rel=1e-6)
    assert -180 <= placed.bounds[0] <= placed.bounds[2] <= 180
