"""The fast ways of measuring many outlines, against PROJ and GEOS asked about each."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Geod, Proj, Transformer

from geogrounding.geometry.chart import Chart
from geogrounding.geometry.measure import Ground, nearest, pairs_within, sizes
from geogrounding.geometry.quadrilaterals import convex_quadrilaterals, gaps
from geogrounding.geometry.rectangles import sides

SCENES = [
    pytest.param(32633, (460_000, 5_000_000, 466_000, 5_006_000), id="UTM, 6 km"),
    pytest.param(32633, (400_000, 5_000_000, 530_000, 5_130_000), id="UTM, 130 km"),
    pytest.param(3857, (2_000_000, 10_900_000, 2_300_000, 11_100_000), id="Web Mercator at 70 degrees north"),
    pytest.param(4326, (10, 59, 12, 60), id="degrees"),
    pytest.param(4326, (179.5, -18, 180.5, -17), id="degrees across the antimeridian"),
    pytest.param(2263, (900_000, 100_000, 1_100_000, 300_000), id="feet"),
    pytest.param(3413, (-60_000, -60_000, 60_000, 60_000), id="the north pole"),
]


@pytest.mark.parametrize(("crs", "bounds"), SCENES)
def test_many_outlines_are_laid_where_proj_lays_each(crs: int, bounds: tuple[float, ...]) -> None:
    random = np.random.default_rng(crs)
    low, high = np.array(bounds[:2]), np.array(bounds[2:])
    start = random.uniform(low, high, (2_000, 2))
    outlines = np.asarray(shapely.box(*start.T, *(start + (high - low) * 1e-4).T), object)
    ground = Ground.around(CRS.from_epsg(crs), bounds)
    laid = shapely.get_coordinates(ground.lay(outlines))
    geod = CRS.from_epsg(crs).get_geod()
    assert geod is not None
    plane = Proj(proj="aeqd", lon_0=ground.middle[0], lat_0=ground.middle[1], a=geod.a, b=geod.b)
    lonlat = Transformer.from_crs(crs, CRS.from_epsg(crs).geodetic_crs, always_xy=True)
    x, y = plane(*lonlat.transform(*shapely.get_coordinates(outlines).T))
    assert laid == pytest.approx(np.stack([x, y], axis=1), abs=2e-6)


def test_a_map_with_a_kink_is_not_replaced_by_a_polynomial() -> None:
    bounds = np.array([0.0, 0.0, 1_000.0, 1_000.0])
    assert Chart.of(lambda xy: xy * 2 + 5, bounds) is not None
    assert Chart.of(lambda xy: np.abs(xy - 700.0), bounds) is None
    assert Chart.of(lambda xy: np.where(xy[:, :1] > 900, np.nan, xy), bounds) is None


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 1e5))
def test_rectangles_around_quadrilaterals_are_those_of_geos(seed: int, size: float) -> None:
    random = np.random.default_rng(seed)
    shapes = np.asarray(shapely.polygons(random.uniform(-size, size, (40, 4, 2))), object)
    long, short, _ = sides(shapes)
    # Two edges may have rectangles of the same area: which of them is taken is open.
    assert long * short == pytest.approx(shapely.area(shapely.oriented_envelope(shapes)), rel=1e-6)
    assert (long * (1 + 1e-9) >= short).all()


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.sampled_from([None, 5.0, 40.0]), st.booleans())
def test_the_nearest_is_the_least_of_all_distances(seed: int, limit: float | None, one_kind: bool) -> None:
    random = np.random.default_rng(seed)
    count = int(random.integers(1, 60))

    def mixed() -> np.ndarray:
        at = random.uniform(0, 200, (count, 2))
        boxes = shapely.box(*at.T, *(at + random.uniform(0.1, 30, (count, 2))).T)
        lines = shapely.linestrings(np.stack([at, at + random.uniform(-60, 60, (count, 2))], axis=1))
        kind = random.integers(0, 3, count)
        return np.asarray(np.choose(kind, [boxes, lines, shapely.points(at)]), object)

    one = mixed()
    other = one if one_kind else mixed()
    ids = (np.arange(count), np.arange(count)) if one_kind else None
    gap, index = nearest(Ground.around(None, (0, 0, 1, 1)), one, other, ids=ids, limit=limit)
    apart = shapely.distance(one[:, None], other[None])
    if one_kind:
        np.fill_diagonal(apart, np.inf)
    least = apart.min(axis=1)
    least[least > (np.inf if limit is None else limit)] = np.inf
    assert gap == pytest.approx(least, abs=1e-9)
    assert (index >= 0).tolist() == np.isfinite(least).tolist()


def test_neighbours_in_a_wide_layer_are_those_of_geodesics() -> None:
    random = np.random.default_rng(3)
    places = random.uniform([170, 50], [190, 58], (400, 2))
    places[:200] = places[200:] + random.uniform(-0.02, 0.02, (200, 2))
    places[:, 0] = (places[:, 0] + 180) % 360 - 180
    points = np.asarray(shapely.points(places), object)
    ground = Ground.around(CRS.from_epsg(4326), (-180, 50, 180, 58))
    assert ground.wide
    laid = ground.lay(points)
    gap, index = nearest(ground, laid[:200], laid[200:])
    lon, lat = places.T
    far = [np.broadcast_to(values, (200, 200)) for values in (lon[:200, None], lat[:200, None], lon[200:], lat[200:])]
    apart = np.asarray(Geod(ellps="WGS84").inv(far[0], far[1], far[2], far[3])[2])
    assert index.tolist() == apart.argmin(axis=1).tolist()
    assert gap == pytest.approx(apart.min(axis=1), rel=1e-4)
    assert {(int(a), int(b)) for a, b in zip(*pairs_within(ground, laid[:200], laid[200:], 20_000.0), strict=True)} == {
        (int(a), int(b)) for a, b in np.argwhere(apart <= 20_000.0)
    }
    assert np.isnan(sizes(ground, laid).area).all()


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["turned", "upright", "any", "on a grid"]), st.floats(0.01, 1e4))
def test_gaps_of_quadrilaterals_are_those_of_geos(seed: int, kind: str, size: float) -> None:
    random = np.random.default_rng(seed)
    at = random.uniform(-8e4, 8e4, 2) + random.uniform(0, 4 * size, (60, 1, 2))
    ring = random.uniform(0, size, (60, 4, 2))
    if kind != "any":
        long, short = random.uniform(0.05, 1, (2, 60, 1)) * size
        ring = np.stack([np.c_[x * long, y * short] for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))], axis=1)
    if kind == "turned":
        turn = random.uniform(0, 2 * np.pi, (60, 1))
        ring = np.stack([ring[..., 0] * np.cos(turn) - ring[..., 1] * np.sin(turn),
                         ring[..., 0] * np.sin(turn) + ring[..., 1] * np.cos(turn)], axis=2)  # fmt: skip
    rings = at + ring
    if kind == "on a grid":  # so that many share a corner or an edge, or are the same
        rings = np.round(rings / size * 2) * 64.0
        rings[:, [1, 2], 0], rings[:, [2, 3], 1] = rings[:, [1, 2], 0] + 64, rings[:, [2, 3], 1] + 64
    rings[::3] = rings[::3, ::-1]
    outlines = np.asarray(shapely.polygons(rings), object)
    which, corners = convex_quadrilaterals(outlines)
    hulls = shapely.convex_hull(outlines)
    assert set(which.tolist()) <= set(
        np.flatnonzero(shapely.area(hulls) <= shapely.area(outlines) * (1 + 1e-9)).tolist()
    )
    assert kind == "any" or len(which) == 60
    one, two = (grid.reshape(-1) for grid in np.meshgrid(np.arange(len(which)), np.arange(len(which))))
    apart = shapely.distance(outlines[which][one], outlines[which][two])
    assert gaps(corners, corners, one, two) == pytest.approx(apart, rel=1e-9, abs=1e-9)


def test_only_convex_outlines_with_four_corners_are_measured_as_such() -> None:
    shapes = [
        "POLYGON ((0 0, 4 0, 4 3, 0 3, 0 0))",
        "POLYGON ((0 0, 4 4, 4 0, 0 4, 0 0))",
        "POLYGON ((0 0, 4 0, 1 1, 0 4, 0 0))",
        "POLYGON ((0 0, 2 0, 4 0, 0 4, 0 0))",
        "POLYGON ((0 0, 4 0, 0 4, 0 0))",
        "POLYGON EMPTY",
        "LINESTRING (0 0, 4 0, 4 3, 0 3, 0 0)",
        "MULTIPOLYGON (((0 0, 4 0, 4 3, 0 3, 0 0)))",
        "POLYGON Z ((0 0 9, 0 3 9, 4 3 9, 4 0 9, 0 0 9))",
    ]
    which, corners = convex_quadrilaterals(np.asarray(shapely.from_wkt(shapes), object))
    assert which.tolist() == [0, 8]
    assert corners[:, :, 0].T.tolist() == [[0, 0], [4, 0], [4, 3], [0, 3]]


def test_an_empty_outline_is_near_nothing() -> None:
    one = np.asarray(shapely.from_wkt(["POLYGON EMPTY", "POINT (1 1)", "POINT EMPTY", "LINESTRING EMPTY"]), object)
    other = np.asarray(
        shapely.from_wkt(["POINT EMPTY", "POLYGON ((3 0, 5 0, 5 3, 3 3, 3 0))", "POLYGON EMPTY"]), object
    )
    ground = Ground.around(None, (0, 0, 1, 1))
    gap, index = nearest(ground, one, other)
    assert index.tolist() == [-1, 1, -1, -1]
    assert gap.tolist() == [np.inf, 2.0, np.inf, np.inf]
    assert [found.tolist() for found in pairs_within(ground, one, other, 5.0)] == [[1], [1]]
