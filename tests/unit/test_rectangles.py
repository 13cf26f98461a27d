"""Least rectangles around outlines, also where GEOS has none."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from shapely.affinity import rotate, scale

from geogrounding.geometry.rectangles import least_rectangles, sides

STAIRS = shapely.Polygon(
    # A mask in metres on a plane: corners of its hull lie on lines but for the last bits.
    [
        (0.5727985719523903, -1.5060873357525493), (0.5727985719536292, -1.1714012611408715),
        (0.1909328573149857, -1.1714012611408715), (0.1909328573162245, -0.836715186529194),
        (-0.190932857322419, -0.836715186529194), (-0.1909328573211801, -0.5020291119175164),
        (-0.5727985719598235, -0.5020291119175164), (-0.5727985719585846, -0.1673430373058388),
        (-0.9546642865972281, -0.1673430373058388), (-0.9546642865959893, 0.1673430373058388),
        (-1.3365300012346326, 0.1673430373058388), (-1.3365300012296772, 1.5060873357525493),
        (-0.9546642865910338, 1.5060873357525493), (-0.9546642865922726, 1.1714012611408715),
        (-0.5727985719536292, 1.1714012611408715), (-0.572798571954868, 0.836715186529194),
        (-0.1909328573162245, 0.836715186529194), (-0.1909328573174634, 0.5020291119175164),
        (0.1909328573211801, 0.5020291119175164), (0.1909328573199412, 0.1673430373058388),
        (0.5727985719585846, 0.1673430373058388), (0.5727985719573458, -0.1673430373058388),
        (1.3365300012346326, -0.1673430373058388), (1.3365300012333938, -0.5020291119175164),
        (0.9546642865947504, -0.5020291119175164), (0.9546642865935115, -0.836715186529194),
        (1.3365300012321548, -0.836715186529194), (1.3365300012296772, -1.5060873357525493),
    ]
)  # fmt: skip


def least_by_angles(polygon: shapely.Polygon) -> float:
    """The least area over 3,600 directions of a quarter turn: never below the true one, and near it."""
    points = np.asarray(polygon.exterior.coords)
    angles = np.linspace(0, np.pi / 2, 3_601)
    along = points @ np.array([np.cos(angles), np.sin(angles)])
    across = points @ np.array([-np.sin(angles), np.cos(angles)])
    return float((np.ptp(along, axis=0) * np.ptp(across, axis=0)).min())


def test_an_outline_along_slanted_pixel_edges_has_a_rectangle_with_an_area() -> None:
    (around,) = least_rectangles(np.array([STAIRS], object))
    assert around.is_valid
    assert around.buffer(1e-9).covers(STAIRS)
    assert around.area == pytest.approx(least_by_angles(STAIRS), rel=1e-3)
    long, short, _ = sides(np.array([STAIRS], object))
    assert long[0] * short[0] == pytest.approx(around.area, rel=1e-9)


@pytest.mark.parametrize("shape", [shapely.Point(1, 2), shapely.LineString([(0, 0), (3, 4)])])
def test_what_has_no_area_has_a_flat_rectangle(shape: shapely.Geometry) -> None:
    assert least_rectangles(np.array([shape], object))[0].length == pytest.approx(shape.length)


def test_every_polygon_along_pixel_edges_is_inside_a_rectangle_that_no_direction_beats() -> None:
    rng = np.random.default_rng(3)
    for _ in range(1_500):
        cells = [shapely.box(x, y, x + 1, y + 1) for x, y in np.argwhere(rng.random((6, 6)) < 0.5)]
        polygon = rotate(
            scale(shapely.convex_hull(shapely.union_all([*cells, shapely.box(0, 0, 1, 1)])), 0.38, 0.33), 31
        )
        (around,) = least_rectangles(np.array([polygon], object))
        assert around.buffer(1e-9).covers(polygon)
        assert around.area <= least_by_angles(polygon) * (1 + 1e-9)
