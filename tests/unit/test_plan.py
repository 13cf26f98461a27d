"""At which resolutions a scene is looked at."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from affine import Affine
from hypothesis import example, given, settings
from hypothesis import strategies as st

from geogrounding.errors import SettingsError
from geogrounding.execution.describe import describe_levels
from geogrounding.execution.scales import choose_scales
from geogrounding.execution.scan_plan import Plan, make_plan
from geogrounding.models.base import Conventions
from geogrounding.query.planner import compose
from geogrounding.raster.georeference import PixelSize
from geogrounding.raster.scene import Scene
from geogrounding.settings import RunSettings

RANGED = Conventions(
    tile_size_px=336,
    overlap_px=64,
    coordinates="resized-pixels",
    scales=(1.0, 2.0, 4.0),
    ground_resolution_m=(0.1, 2.0),
)
CLASSED = Conventions(
    tile_size_px=336,
    overlap_px=64,
    coordinates="resized-pixels",
    scales=(1.0, 2.0, 4.0),
    ground_resolution_m=(0.1, 2.0),
    classes={"vehicle": (0.2,), "airplane": (0.5,), "ship": (0.2, 0.8), "ground track field": (1.0,), "tree": ()},
)
PLAIN = Conventions(tile_size_px=1024, overlap_px=128, coordinates="per-mille")

PIXELS = Affine.identity()


def scales(native_m: float | None, conventions: Conventions, **more: Any) -> tuple[float, ...]:
    scene = cast(Scene, SimpleNamespace(ground_resolution_m=native_m))
    return choose_scales(scene, RunSettings(source="s.tif", expressions=("a",), **more), conventions)


@pytest.mark.parametrize(
    ("native_m", "expected"),
    [
        (0.5, (1.0, 2.0, 4.0)),  # 0.5, 1 and 2 m are all in the range
        (0.51, (1.0, 2.0, 4.0)),  # slightly beyond the range is still in it
        (0.9, (1.0, 2.0)),
        (2.0, (1.0,)),
        (0.05, (2.0, 4.0, 8.0)),  # finer than the model knows: looked at in 0.1 m
        (10.0, (0.2,)),  # coarser than the model knows: enlarged to 2 m
        (None, (1.0, 2.0, 4.0)),  # no CRS: native
    ],
)
def test_native_or_the_nearest_in_the_range(native_m: float | None, expected: tuple[float, ...]) -> None:
    assert scales(native_m, RANGED) == pytest.approx(expected)


def test_without_a_range_native() -> None:
    assert scales(0.3, PLAIN) == (1.0,)


def test_a_resolution_asked_for_is_the_finest() -> None:
    assert scales(0.5, RANGED, resolution_m=1.0) == pytest.approx((2.0, 4.0))
    assert scales(0.5, PLAIN, resolution_m=1.0) == pytest.approx((2.0,))


def test_scales_asked_for_are_taken_as_they_are() -> None:
    assert scales(0.5, RANGED, scales=(1.0, 16.0)) == (1.0, 16.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"expressions": ()},
        {"expressions": ("a", "a")},
        {"expressions": ("  ",)},
        {"expressions": ("a" * 501,)},
        {"expressions": tuple(map(str, range(65)))},
        {"expressions": "a"},
        {"tile_size": 8},
        {"overlap": -1.0},
        {"overlap": float("nan")},
        {"resolution_m": 0.0},
        {"resolution_m": 1.0, "pixel_coordinates": True},
        {"scales": (2.0, 1.0)},
        {"scales": ()},
        {"match_threshold": 0.0},
        {"min_score": 1.5},
        {"bbox_crs": "EPSG:4326"},
        {"task": "dance"},
        {"merge": "glue"},
        {"match_metric": "giou"},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        RunSettings(**{"source": "s.tif", "expressions": ("a",), **wrong})


def plan_of(size: tuple[int, int], box: tuple[int, int, int, int], native_m: float, **more: Any) -> Plan:
    """The plan for a box, in pixels, of a scene that exists only as numbers."""
    square = PixelSize(native_m, native_m)
    numbers = SimpleNamespace(
        width=size[0], height=size[1], crs=None, transform=PIXELS, pixel_size_near=lambda _: square
    )
    scene = cast(Scene, numbers)
    asked = RunSettings(source="s.tif", expressions=("a",), bbox=box, bbox_crs="pixels", **more)
    return make_plan(scene, asked, RANGED)


@settings(deadline=None)
@given(st.floats(2.0, 30.0), st.integers(1, 20), st.integers(0, 900), st.integers(0, 900))
def test_a_small_area_in_a_coarse_scene_is_one_chip(native_m: float, side: int, x: int, y: int) -> None:
    plan = plan_of((1000, 1000), (x, y, x + side, y + side), native_m)
    assert plan.grid.level_shape(0) == (1, 1)
    # and the chip is a whole one, as far as whole scene pixels allow
    assert RANGED.tile_size_px - min(plan.grid.level_size_px(0)) <= 1 / plan.tiling.scales[0] + 0.5


@settings(deadline=None, max_examples=40)
@given(
    st.tuples(st.integers(1, 300), st.integers(1, 300)),
    st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)),
    st.floats(0.02, 12.0),
    st.lists(st.floats(0.2, 9), min_size=1, max_size=4, unique=True).map(sorted).map(tuple),
)
@example(size=(113, 1), corners=(0.0, 1.0, 0.0, 0.0), native_m=6.0, multiples=(0.99999, 1.0, 2.0))
def test_the_levels_described_are_those_of_the_grid(
    size: tuple[int, int],
    corners: tuple[float, float, float, float],
    native_m: float,
    multiples: tuple[float, ...],
) -> None:
    xs, ys = sorted(int(c * size[0]) for c in corners[:2]), sorted(int(c * size[1]) for c in corners[2:])
    box = (min(xs[0], size[0] - 1), min(ys[0], size[1] - 1), xs[1] + 1, ys[1] + 1)
    try:
        plan = plan_of(size, box, native_m, scales=multiples)
    except SettingsError:  # scales that the tiling refuses
        return
    levels = describe_levels(plan)
    chips: dict[int, set[tuple[int, int]]] = {}
    for chip in plan.grid:
        chips.setdefault(chip.level, set()).add((chip.column, chip.row))
    assert len(levels) == len(chips)
    for number, level in zip(sorted(chips), levels, strict=True):  # of scales that give the same size one is left out
        every = {(column, row) for column in range(level["columns"]) for row in range(level["rows"])}
        if plan.area.shape_scene_px is None:
            assert chips[number] == every
        else:
            assert chips[number] <= every


@pytest.mark.parametrize(
    ("native_m", "asked", "expected"),
    [
        (0.5, "cars", (0.4,)),  # enlarged: a car is nine pixels
        (0.2, "cars", (1.0,)),
        (0.1, "every parked car", (2.0,)),  # finer than needed: fewer chips
        (0.22, "cars", (1.0,)),  # close to native is native
        (3.0, "cars", (0.35,)),  # nothing is gained by enlarging further
        (0.5, "airplane", (1.0,)),
        (0.1, "running track", (10.0,)),
        (0.2, "boats", (1.0, 4.0)),  # a boat and a tanker
    ],
)
def test_a_class_is_looked_for_at_the_resolutions_that_suit_it(
    native_m: float, asked: str, expected: tuple[float, ...]
) -> None:
    assert class_scales(native_m, asked) == pytest.approx(expected)


def test_several_classes_share_levels_and_none_is_looked_at_twice() -> None:
    assert class_scales(0.2, "boats", "cars", "airplane") == pytest.approx((1.0, 2.5, 4.0))
    assert class_scales(0.5, "airplane", "running track") == pytest.approx((1.0, 2.0))


def test_a_question_that_names_no_class_takes_the_levels_of_the_model() -> None:
    for asked in ("whatever it is", "tree"):
        assert class_scales(0.5, "cars", asked) == pytest.approx((1.0, 2.0, 4.0))


def test_without_a_ground_resolution_a_finer_and_a_coarser_level_beside_the_native_one() -> None:
    assert class_scales(None, "cars") == (0.5, 1.0, 2.0)


def test_scales_and_resolutions_that_the_user_asks_for_come_first() -> None:
    assert class_scales(0.5, "cars", scales=(1.0, 2.0)) == (1.0, 2.0)
    assert class_scales(0.5, "boats", resolution_m=0.5) == pytest.approx((1.0, 1.6))
    assert class_scales(0.1, "boats", resolution_m=0.13) == pytest.approx((1.3, 8.0))


def class_scales(native_m: float | None, *asked: str, **more: Any) -> tuple[float, ...]:
    scene = cast(Scene, SimpleNamespace(ground_resolution_m=native_m))
    settings = RunSettings(source="s.tif", expressions=asked, **more)
    return choose_scales(scene, settings, CLASSED, compose(asked, "detect", whole_scene=True).questions)
