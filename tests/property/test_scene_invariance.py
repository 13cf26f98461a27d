"""The answer about a scene does not change when it is tiled, turned, reprojected, cut or mosaicked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.merge
import rasterio.warp
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from rasterio.windows import Window

import geogrounding as gg
from tests.integration.test_whole_scene import HEIGHT, KINDS, WIDTH, Painted, paint

CELL = 64
PIXEL_M = 0.5
MARGIN = 0.12
"""Share by which two values must differ to be compared: reprojection moves edges by a pixel."""
Things = dict[str, NDArray[np.int64]]


def things(seed: int) -> Things:
    """Boxes by kind, (N, 4) pixels, each in a cell of its own; sides of 14 to 46 pixels."""
    random = np.random.default_rng(seed)
    cells = random.permutation(WIDTH // CELL * (HEIGHT // CELL))[:16]
    out: dict[str, list[tuple[int, ...]]] = {kind: [] for kind in KINDS}
    for number, cell in enumerate(cells):
        width, height = random.integers(14, 47, 2)
        x = int(cell) % (WIDTH // CELL) * CELL + random.integers(4, CELL - width - 4)
        y = int(cell) // (WIDTH // CELL) * CELL + random.integers(4, CELL - height - 4)
        out[KINDS[number % 3]].append((int(x), int(y), int(x + width), int(y + height)))
    return {kind: np.array(boxes) for kind, boxes in out.items()}


def gaps(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.float64]:
    """Least distances (N,) in metres between boxes."""
    low = np.maximum(one[:, None, :2] - other[None, :, 2:], other[None, :, :2] - one[:, None, 2:]).clip(0)
    return np.asarray(np.hypot(low[..., 0], low[..., 1]).min(axis=1) * PIXEL_M, np.float64)


def above(values: NDArray[np.float64], limit: float) -> list[int] | None:
    return None if (np.abs(values - limit) < MARGIN * limit).any() else np.flatnonzero(values > limit).tolist()


def first(values: NDArray[np.float64], count: int) -> list[int] | None:
    order = np.argsort(values, kind="stable")
    if count < len(values) and values[order[count]] - values[order[count - 1]] < MARGIN * abs(values[order[count]]) + 2:
        return None
    return sorted(order[:count].tolist())


def area(boxes: NDArray[Any]) -> NDArray[np.float64]:
    sides = (boxes[:, 2:] - boxes[:, :2]) * PIXEL_M
    return np.asarray(sides.prod(axis=1), np.float64)


def length(boxes: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).max(axis=1) * PIXEL_M, np.float64)


def without(chosen: list[int] | None, count: int) -> list[int] | None:
    return None if chosen is None else sorted(set(range(count)) - set(chosen))


def nearest_to_largest(t: Things) -> list[int] | None:
    largest = first(-area(t["harbor"]), 1)
    return None if largest is None else first(gaps(t["ship"], t["harbor"][largest]), 1)


QUERIES: dict[str, tuple[str, Callable[[Things], list[int] | None]]] = {
    "the largest ship": ("ship", lambda t: first(-area(t["ship"]), 1)),
    "the three largest storage tanks": ("storage tank", lambda t: first(-area(t["storage tank"]), 3)),
    "all ships but the smallest": ("ship", lambda t: without(first(area(t["ship"]), 1), len(t["ship"]))),
    "harbors larger than 200 m2": ("harbor", lambda t: above(area(t["harbor"]), 200)),
    "ships longer than 16 m": (
        "ship",
        lambda t: above(length(t["ship"]), 16),
    ),
    "storage tanks within 20 m of a ship": (
        "storage tank",
        lambda t: without(above(gaps(t["storage tank"], t["ship"]), 20), len(t["storage tank"])),
    ),
    "ships at least 30 m from any harbor": ("ship", lambda t: above(gaps(t["ship"], t["harbor"]), 30)),
    "the ship nearest to the largest harbor": ("ship", nearest_to_largest),
    "the northernmost storage tank": ("storage tank", lambda t: first(t["storage tank"][:, [1, 3]].mean(axis=1), 1)),
}


def variants(path: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    """The scene, and copies of it that show the same ground."""
    yield "as it is", path
    with rasterio.open(path) as opened:
        pixels, profile, transform = opened.read(), opened.profile, opened.transform
    turned = folder / "turned.tif"
    turn = Affine(0, -1, WIDTH, 1, 0, 0)  # pixel (column, row) of the copy to that of the scene
    with rasterio.open(
        turned, "w", **{**profile, "width": HEIGHT, "height": WIDTH, "transform": transform * turn}
    ) as out:
        out.write(np.rot90(pixels, axes=(1, 2)))
    yield "turned", turned
    mercator = folder / "mercator.tif"
    target, width, height = rasterio.warp.calculate_default_transform(
        profile["crs"], "EPSG:3857", WIDTH, HEIGHT, *rasterio.transform.array_bounds(HEIGHT, WIDTH, transform),
        resolution=0.55,
    )  # fmt: skip
    with rasterio.open(
        mercator, "w", **{**profile, "crs": "EPSG:3857", "transform": target, "width": width, "height": height}
    ) as out:
        for band in (1, 2, 3):
            rasterio.warp.reproject(
                pixels[band - 1], rasterio.band(out, band), src_transform=transform, src_crs=profile["crs"],
                dst_transform=target, dst_crs="EPSG:3857", resampling=rasterio.warp.Resampling.nearest,
            )  # fmt: skip
    yield "in Web Mercator", mercator
    parts = []
    for number, (x, y) in enumerate(((0, 0), (200, 0), (0, 100), (200, 100))):
        window = Window(x, y, 200 if x == 0 else WIDTH - 200, 100 if y == 0 else HEIGHT - 100)
        parts.append(folder / f"part{number}.tif")
        size = {"width": int(window.width), "height": int(window.height)}
        with rasterio.open(
            parts[-1], "w", **{**profile, **size, "transform": transform * Affine.translation(x, y)}
        ) as out:
            out.write(pixels[:, y : y + size["height"], x : x + size["width"]])
    rasterio.merge.merge(
        parts, dst_path=folder / "mosaic.tif", dst_kwds={"tiled": True, "blockxsize": 64, "blockysize": 64}
    )
    yield "cut and mosaicked", folder / "mosaic.tif"


def which(layer: Any, boxes: NDArray[Any], scene: Path) -> list[int]:
    """The things that features show, by their centres in the pixels of the first scene."""
    with rasterio.open(scene) as opened:
        inverse, crs = ~opened.transform, opened.crs
    found = []
    for centre in layer.geometry.centroid.to_crs(crs):
        x, y = inverse @ (centre.x, centre.y)
        inside = (boxes[:, 0] - 3 < x) & (x < boxes[:, 2] + 3) & (boxes[:, 1] - 3 < y) & (y < boxes[:, 3] + 3)
        (index,) = np.flatnonzero(inside)
        found.append(int(index))
    return sorted(found)


@pytest.mark.parametrize("examples", [2, pytest.param(40, marks=pytest.mark.slow)])
def test_tiling_turn_crs_and_mosaic_change_nothing(tmp_path_factory: pytest.TempPathFactory, examples: int) -> None:
    folder, compared = tmp_path_factory.mktemp("scene"), 0

    @given(seed=st.integers(0, 2**31), tile=st.sampled_from([(96, 48), (128, 64), (256, 64), (512, 128)]))
    @settings(max_examples=examples, deadline=None, derandomize=True, database=None)
    def holds(seed: int, tile: tuple[int, int]) -> None:
        nonlocal compared
        drawn = things(seed)
        scene = paint(
            folder / "scene.tif", {kind: [tuple(box) for box in boxes.tolist()] for kind, boxes in drawn.items()}
        )
        expected = {query: (kind, truth(drawn)) for query, (kind, truth) in QUERIES.items()}
        asked = [query for query, (_, chosen) in expected.items() if chosen is not None]
        for name, copy in variants(scene, folder):
            layer = gg.ground(copy, *asked, model=Painted(tile=tile[0], overlap=tile[1]))
            for query in asked:
                kind, chosen = expected[query]
                assert which(layer[layer["query"] == query], drawn[kind], scene) == chosen, (name, query, tile)
                compared += 1

    holds()
    assert compared >= 10 * examples
