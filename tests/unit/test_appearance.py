"""Colours, shapes and directions, against values of the literature and outlines whose shape is known."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from geogrounding.query.appearance import (
    COLOURS,
    axes,
    colour_name,
    colour_shares,
    enough_of,
    has_shape,
    lch,
    measurable,
)


@pytest.mark.parametrize(
    ("rgb", "expected"),
    [  # Lindbloom's colour calculator, D65
        ((255, 0, 0), (53.24, 104.55, 40.0)),
        ((0, 255, 0), (87.73, 119.78, 136.0)),
        ((0, 0, 255), (32.30, 133.81, 306.3)),
        ((255, 255, 0), (97.14, 96.91, 102.9)),
        ((255, 255, 255), (100.0, 0.0, None)),
        ((119, 119, 119), (50.0, 0.0, None)),
    ],
)
def test_lightness_chroma_and_hue(rgb: tuple[int, int, int], expected: tuple[float, float, float | None]) -> None:
    light, chroma, hue = (float(v[0]) for v in lch(np.array([rgb], np.uint8)))
    assert (light, chroma) == pytest.approx(expected[:2], abs=0.1)
    assert expected[2] is None or hue == pytest.approx(expected[2], abs=0.2)


@pytest.mark.parametrize(
    ("rgb", "names"),
    [
        ((200, 30, 30), {"red"}),
        ((165, 85, 65), {"red", "brown"}),  # roof tiles
        ((240, 240, 238), {"white", "light"}),
        ((18, 18, 20), {"black", "dark"}),
        ((128, 128, 128), {"grey", "silver"}),
        ((250, 150, 30), {"orange"}),
        ((235, 215, 40), {"yellow", "light"}),
        ((60, 110, 50), {"green", "dark"}),
        ((40, 80, 190), {"blue", "dark"}),
        ((70, 190, 200), {"turquoise", "blue", "light"}),
        ((210, 190, 150), {"beige", "light"}),
        ((120, 40, 140), {"purple", "dark"}),
    ],
)
def test_a_plain_colour_has_these_names(rgb: tuple[int, int, int], names: set[str]) -> None:
    shares = colour_shares(np.tile(np.array([rgb], np.uint8), (10, 1)))
    found = {name for name, share in zip(COLOURS, shares, strict=True) if share >= enough_of(name)}
    assert names <= found | {"dark"}
    assert not found - names - {"dark", "light", "turquoise", "pink"}


def test_every_colour_word_has_a_region_or_is_left_to_the_model() -> None:
    assert colour_name("gray") == "grey"
    assert colour_name("sepia") is None
    assert measurable("roof colour", "red")
    assert not measurable("roof", "flat")
    assert not measurable("colour", "sepia")
    assert np.isnan(colour_shares(np.empty((0, 3), np.uint8))).all()


def turned(shape: shapely.Geometry, degrees: float) -> shapely.Geometry:
    return shapely.affinity.rotate(shape, degrees)


@pytest.mark.parametrize("degrees", [0, 17, 45, 80])
def test_shapes_do_not_depend_on_direction_or_size(degrees: float) -> None:
    square, disc = shapely.box(0, 0, 30, 30), shapely.Point(0, 0).buffer(15)
    long, ell = shapely.box(0, 0, 50, 10), shapely.box(0, 0, 30, 30).difference(shapely.box(10, 10, 30, 30))
    outlines = np.array([turned(s, degrees) for s in (square, disc, long, ell)] + [shapely.Point(1, 1), None], object)
    fits = {shape: has_shape(shape, outlines)[0].tolist() for shape in ("round", "square", "rectangular", "elongated")}
    assert fits == {
        "round": [False, True, False, False, False, False],
        "square": [True, False, False, False, False, False],
        "rectangular": [True, False, True, False, False, False],
        "elongated": [False, False, True, False, False, False],
    }
    assert np.isnan(has_shape("round", outlines)[1][4:]).all()


@pytest.mark.parametrize("bearing", [0, 30, 90, 135, 170])
def test_an_airplane_points_along_its_axis_of_symmetry(bearing: float) -> None:
    body, wings = (
        shapely.box(-2, -20, 2, 20),
        shapely.Polygon([(-24, -8), (0, 6), (24, -8), (24, -4), (0, 12), (-24, -4)]),
    )
    tail = shapely.Polygon([(-8, -20), (0, -14), (8, -20)])
    plane = turned(shapely.union_all([body, wings, tail]), -bearing)
    found = axes(np.array([plane, shapely.box(0, 0, 1, 1)], object), symmetric=True)
    assert abs((found[0] - bearing + 90) % 180 - 90) <= 5
    ship = np.array([turned(shapely.box(-3, -20, 3, 20), -bearing), shapely.box(0, 0, 5, 5)], object)
    along = axes(ship, symmetric=False)
    assert abs((along[0] - bearing + 90) % 180 - 90) <= 1
    assert np.isnan(along[1])
