"""Cut edges, input checks, and areas against known values."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import shapely
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS, Geod, Transformer

from geogrounding.errors import InputError, OutputError
from geogrounding.geometry.geodesy import transform_points
from geogrounding.raster.grid import Chip
from geogrounding.vector.georeference import areas_m2, cut_edges, polygons_crs


def chip(*, size: tuple[int, int] = (300, 400), cut: tuple[bool, bool, bool, bool] = (True,) * 4) -> Chip:
    window_scene_px = (0.0, 0.0, float(size[0]), float(size[1]))
    return Chip(index=0, level=0, column=0, row=0, window_scene_px=window_scene_px, size_px=size, cut=cut)


def test_edges_near_the_border_are_cut() -> None:
    boxes = np.array([[3.0, 50, 100, 396.0], [3.1, 4.0, 297.0, 395.9], [50, 50, 60, 60]])
    assert cut_edges(chip(), boxes).tolist() == [
        [True, False, False, True],  # 1% of 300 is 3, of 400 is 4
        [False, True, True, False],
        [False, False, False, False],
    ]


def test_small_chips_allow_two_pixels() -> None:
    assert cut_edges(chip(size=(64, 64)), np.array([[2.0, 2.1, 30, 30]])).tolist() == [[True, False, False, False]]


def test_the_border_of_the_scene_cuts_nothing() -> None:
    touching_all = np.array([[0.0, 0, 300, 400]])
    assert cut_edges(chip(cut=(False, True, False, True)), touching_all).tolist() == [[False, True, False, True]]


def test_tolerance_can_be_chosen() -> None:
    assert cut_edges(chip(), np.array([[9.0, 50, 100, 100]]), 10.0)[0, 0]
    assert not cut_edges(chip(), np.array([[9.0, 50, 100, 100]]), 8.0)[0, 0]


@pytest.mark.parametrize(
    ("boxes", "said"),
    [
        ([[0.0, 0, 1]], "shape"),
        ([[0.0, 0, math.nan, 1]], "not finite"),
        ([[0.0, 0, math.inf, 1]], "not finite"),
        ([[5.0, 0, 1, 1]], "swapped"),
    ],
)
def test_malformed_boxes_are_refused(boxes: list[list[float]], said: str) -> None:
    with pytest.raises(InputError, match=said) as raised:
        polygons_crs(np.array(boxes), Affine.identity())
    assert raised.value.hint


@pytest.mark.parametrize(
    "transform", [Affine(0, 0, 5, 0, 0, 5), Affine(1, 2, 0, 2, 4, 0), Affine(math.nan, 0, 0, 0, 1, 0)]
)
def test_a_transform_without_inverse_is_refused(transform: Affine) -> None:
    with pytest.raises(InputError, match="no inverse"):
        polygons_crs(np.array([[0.0, 0, 1, 1]]), transform)


def test_no_boxes_no_polygons() -> None:
    assert len(polygons_crs(np.empty((0, 4)), Affine.identity())) == 0
    assert len(areas_m2(np.empty(0, dtype=object), CRS.from_epsg(32632))) == 0


def finely(polygon: shapely.Polygon, crs: CRS, pieces: int = 400) -> float:
    """The area by another way: every edge in 400 pieces, whatever its length."""
    ring = np.asarray(polygon.exterior.coords)
    steps: NDArray[np.float64] = np.arange(pieces)[:, None] / pieces
    dense = np.concatenate([a + (b - a) * steps for a, b in itertools.pairwise(ring)])
    geodetic = crs.geodetic_crs
    assert geodetic is not None
    lonlat = np.stack(Transformer.from_crs(crs, geodetic, always_xy=True).transform(*dense.T))
    geod = crs.get_geod()
    assert geod is not None
    return abs(float(geod.polygon_area_perimeter(*lonlat)[0]))


@pytest.mark.parametrize("code", [32632, 2263, 3413, 3031, 3857, 4326, 4269, 2193, 27700])
@pytest.mark.parametrize("size_m", [1.0, 30.0, 5_000.0, 200_000.0])
def test_areas_agree_with_a_much_finer_measurement(code: int, size_m: float) -> None:
    crs = CRS.from_epsg(code)
    area = crs.area_of_use
    assert area is not None
    middle = (area.west + area.east) / 2, (area.south + area.north) / 2
    x, y = transform_points(np.array([middle]), CRS.from_epsg(4326), crs)[0]
    unit_m = 111_000.0 if crs.is_geographic else crs.axis_info[0].unit_conversion_factor
    half = size_m / unit_m / 2
    box = shapely.box(x - half, y - half, x + half, y + half)
    (measured,) = areas_m2(np.array([box], dtype=object), crs)
    # PROJ's inverse projections are exact to about half a millimetre, which shows in a box of one metre.
    assert measured == pytest.approx(finely(box, crs), rel=1e-4 if size_m == 1.0 else 2e-6)


def test_feet_become_square_metres() -> None:
    box = shapely.box(980_000, 200_000, 980_100, 200_100)  # 100 US survey feet in New York
    (measured,) = areas_m2(np.array([box], dtype=object), CRS.from_epsg(2263))
    assert measured == pytest.approx((100 * 1200 / 3937) ** 2, rel=1e-3)


def test_a_cap_around_the_pole_has_its_whole_area() -> None:
    ring = shapely.Point(0, 0).buffer(500_000, quad_segs=64)
    crs = CRS.from_epsg(3413)
    lonlat = transform_points(shapely.get_coordinates(ring), crs, CRS.from_epsg(4326))
    expected = abs(Geod(ellps="WGS84").polygon_area_perimeter(*lonlat.T)[0])
    (measured,) = areas_m2(np.array([ring], dtype=object), crs)
    assert measured == pytest.approx(expected, rel=1e-4)


def test_half_the_globe() -> None:
    (measured,) = areas_m2(np.array([shapely.box(-180, -90, 0, 90)], dtype=object), CRS.from_epsg(4326))
    assert measured == pytest.approx(510_065_621.7e6 / 2, rel=1e-6)


def test_holes_are_subtracted() -> None:
    crs = CRS.from_epsg(32632)
    hole = shapely.box(500_020, 5_300_020, 500_040, 5_300_040)
    outer = shapely.box(500_000, 5_300_000, 500_100, 5_300_100)
    whole, empty, ring = areas_m2(np.array([outer, hole, outer.difference(hole)], dtype=object), crs)
    assert ring == pytest.approx(whole - empty)


def test_a_local_crs_has_plane_areas() -> None:
    local = CRS.from_wkt(
        'ENGCRS["site",EDATUM["peg"],CS[Cartesian,2],AXIS["x",east],AXIS["y",north],LENGTHUNIT["foot",0.3048]]'
    )
    (measured,) = areas_m2(np.array([shapely.box(0, 0, 10, 10)], dtype=object), local)
    assert measured == pytest.approx(100 * 0.3048**2)


def test_points_that_a_crs_cannot_describe_are_an_error() -> None:
    with pytest.raises(OutputError, match="outside the area"):
        transform_points(np.array([[0.0, 95.0]]), CRS.from_epsg(4326), CRS.from_epsg(3857))
