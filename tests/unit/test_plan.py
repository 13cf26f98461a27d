"""At which resolutions a scene is looked at."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from geogrounding.errors import SettingsError
from geogrounding.execution.scan_plan import choose_scales
from geogrounding.models.base import Conventions
from geogrounding.raster.scene import Scene
from geogrounding.settings import RunSettings

RANGED = Conventions(
    tile_size_px=336,
    overlap_px=64,
    coordinates="resized-pixels",
    scales=(1.0, 2.0, 4.0),
    ground_resolution_m=(0.1, 2.0),
)
PLAIN = Conventions(tile_size_px=1024, overlap_px=128, coordinates="per-mille")


def scales(native_m: float | None, conventions: Conventions, **more: Any) -> tuple[float, ...]:
    scene = cast(Scene, SimpleNamespace(ground_resolution_m=native_m))
    return choose_scales(scene, RunSettings(source="s.tif", expressions=("a",), **more), conventions)


@pytest.mark.parametrize(
    ("native_m", "expected"),
    [
        (0.5, (1.0, 2.0, 4.0)),  # 0.5, 1 and 2 m are all in the range
        (0.51, (1.0, 2.0, 4.0)),  # a hair beyond the range is still in it
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
