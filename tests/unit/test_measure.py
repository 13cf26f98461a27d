"""Lengths, areas and distances on the ellipsoid, against geodesics of pyproj alone."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from pyproj import CRS, Geod, Transformer

from geogrounding.geometry.measure import Ground, bearings, centres, nearest, pairs_within, shared, sizes

GEOD = Geod(ellps="WGS84")
PLACES = [
    pytest.param(3857, 25.0, 70.0, id="Web Mercator at 70 degrees north"),
    pytest.param(32633, 15.0, 60.0, id="UTM"),
    pytest.param(32633, 17.99, 60.0, id="across two UTM zones"),
    pytest.param(2263, -74.0, 40.7, id="feet"),
    pytest.param(4326, 12.0, -33.0, id="degrees"),
    pytest.param(32601, -179.999, 52.0, id="UTM across the antimeridian"),
    pytest.param(3413, -40.0, 75.0, id="polar"),
]


def rectangles(
    crs: int, lon: float, lat: float, *, count: int, spread_m: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outlines in a CRS, and the corners (N, 4, 2) and sides (N, 2) that geodesics gave them."""
    random = np.random.default_rng(crs)
    to_crs = Transformer.from_crs(4326, crs, always_xy=True)
    corners, sides = [], []
    for _ in range(count):
        long, short, azimuth = random.uniform(20, 60), random.uniform(4, 12), random.uniform(0, 360)
        one = GEOD.fwd(lon, lat, random.uniform(0, 360), random.uniform(0, spread_m))[:2]
        two = GEOD.fwd(*one, azimuth, long)[:2]
        corners.append([one, two, GEOD.fwd(*two, azimuth + 90, short)[:2], GEOD.fwd(*one, azimuth + 90, short)[:2]])
        sides.append((long, short))
    placed = np.array(corners)
    rings = np.stack(to_crs.transform(placed[..., 0], placed[..., 1]), axis=-1)
    return np.asarray(shapely.polygons(rings), object), placed, np.array(sides)


@pytest.mark.parametrize(("crs", "lon", "lat"), PLACES)
def test_sides_and_areas_are_those_on_the_ellipsoid(crs: int, lon: float, lat: float) -> None:
    outlines, _, sides = rectangles(crs, lon, lat, count=50, spread_m=20_000)
    ground = Ground.around(CRS.from_epsg(crs), shapely.total_bounds(outlines).tolist())
    found = sizes(ground, ground.lay(outlines))
    assert found.length == pytest.approx(sides[:, 0], rel=3e-5)
    assert found.width == pytest.approx(sides[:, 1], rel=3e-5)
    assert found.area == pytest.approx(sides[:, 0] * sides[:, 1], rel=2e-5)


@pytest.mark.parametrize(("crs", "lon", "lat"), PLACES)
@pytest.mark.parametrize("spread_m", [2_000, 400_000])
def test_distances_are_those_of_geodesics(crs: int, lon: float, lat: float, spread_m: float) -> None:
    """Between small outlines: the distance of two corners or of a corner and an edge, densified to decimetres."""
    if crs == 2263 and spread_m > 10_000:
        pytest.skip("the plane of New York is not defined so far away")
    outlines, corners, _ = rectangles(crs, lon, lat, count=15, spread_m=spread_m)
    ground = Ground.around(CRS.from_epsg(crs), shapely.total_bounds(outlines).tolist())
    laid = ground.lay(outlines)
    ids = np.arange(len(laid))
    gap, index = nearest(ground, laid, laid, ids=(ids, ids))
    shares = np.linspace(0, 1, 15)[:, None, None]
    for i in range(0, len(laid), 5):
        points = edge_points(corners[i], shares)
        best = min(
            distance(points, edge_points(corners[j], shares), laid[i].intersects(laid[j]))
            for j in ids
            if j != i and (j == index[i] or spread_m < 10_000 or abs(corners[i] - corners[j]).max() < 3)
        )
        assert gap[i] == pytest.approx(best, rel=1e-3, abs=1.0)
        assert gap[i] <= best * (1 + 1e-4) + 1e-6


def edge_points(corners: np.ndarray, shares: np.ndarray) -> np.ndarray:
    ring = np.roll(corners, -1, axis=0)
    return np.asarray((corners[None] * (1 - shares) + ring[None] * shares).reshape(-1, 2))


def distance(one: np.ndarray, other: np.ndarray, meets: bool) -> float:
    if meets:
        return 0.0
    a, b = np.repeat(one, len(other), axis=0), np.tile(other, (len(one), 1))
    return float(np.min(GEOD.inv(a[:, 0], a[:, 1], b[:, 0], b[:, 1])[2]))


def test_pairs_within_a_distance_are_those_that_shapely_finds() -> None:
    random = np.random.default_rng(1)
    low = random.uniform(0, 1_000, (300, 2))
    boxes = shapely.box(*low.T, *(low + random.uniform(1, 30, (300, 2))).T)
    river = shapely.LineString(np.stack([np.linspace(0, 1_000, 500), 500 + 50 * np.sin(np.arange(500) / 20)], axis=1))
    park = shapely.Point(500, 500).buffer(200, quad_segs=64)
    others = np.array([*boxes[:50], river, park], object)
    ground = Ground.around(None, (0, 0, 1, 1))
    one, two = pairs_within(ground, boxes, others, 25.0)
    expected = {(i, j) for i in range(300) for j in range(52) if shapely.distance(boxes[i], others[j]) <= 25.0}
    assert set(zip(one.tolist(), two.tolist(), strict=True)) == expected
    gap, _ = nearest(ground, boxes, others[50:])
    apart = [min(shapely.distance(box, river), shapely.distance(box, park)) for box in boxes]
    assert gap == pytest.approx(np.array(apart), abs=1e-9)


def test_nothing_is_its_own_neighbour_but_its_duplicate_is() -> None:
    ground = Ground.around(None, (0, 0, 1, 1))
    boxes = np.array([shapely.box(0, 0, 1, 1), shapely.box(0, 0, 1, 1), shapely.box(11, 0, 12, 1)], object)
    ids = np.arange(3)
    gap, index = nearest(ground, boxes, boxes, ids=(ids, ids))
    assert gap.tolist() == [0, 0, 10]
    assert index[:2].tolist() == [1, 0]
    assert nearest(ground, boxes[:1], boxes[:1], ids=(ids[:1], ids[:1]))[0].tolist() == [np.inf]


def test_shares_are_of_area_of_length_or_of_the_point() -> None:
    ground = Ground.around(None, (0, 0, 1, 1))
    things = np.array([shapely.box(0, 0, 4, 4), shapely.LineString([(0, 1), (8, 1)]), shapely.Point(1, 1)], object)
    area = np.array([shapely.box(0, 0, 4, 1), shapely.box(-1, -1, 2, 2)], object)
    first, second = np.array([0, 1, 2]), np.array([0, 1, 1])
    assert shared(ground, things, area, first, second) == pytest.approx([0.25, 0.25, 1.0])


def test_bearings_are_from_true_north() -> None:
    crs = CRS.from_epsg(3413)
    ground = Ground.around(crs, (-300_000, -1_700_000, -200_000, -1_600_000))
    to_crs = Transformer.from_crs(4326, crs, always_xy=True)
    points = np.array([shapely.Point(to_crs.transform(lon, lat)) for lon, lat in ((-54, 74), (-54, 74.1), (-53.9, 74))])
    laid = centres(ground.lay(points.astype(object)))
    found = bearings(ground, np.repeat(laid[:1], 2, axis=0), laid[1:])
    expected = [GEOD.inv(-54, 74, -54, 74.1)[0] % 360, GEOD.inv(-54, 74, -53.9, 74)[0] % 360]
    assert (found - expected + 180) % 360 - 180 == pytest.approx([0, 0], abs=1e-3)
