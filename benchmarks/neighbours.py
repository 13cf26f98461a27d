"""Questions about neighbours among many outlines, beside the same in geopandas.

    python -m benchmarks.neighbours [--most 100000]

Targets and others are boxes of 4 to 20 m, so dense that a target has some twenty others within 50 m. The layer is in
UTM, where geopandas measures in the plane, or in degrees, where it first needs a plane in metres (``to_crs``). The
answers must be the same. Times are of the processor (one thread on both sides), in seconds, the best of two.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from pyproj import CRS

from geogrounding.geometry.measure import Ground, nearest, sizes

SPACING_M = 20.0
DISTANCE_M = 50.0
UTM = CRS.from_epsg(32633)


def boxes(count: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    low = random.uniform(0, SPACING_M * count**0.5, (count, 2)) + np.array([4.6e5, 5e6])
    return np.asarray(shapely.box(*low.T, *(low + random.uniform(4, 20, (count, 2))).T), object)


def timed(function: Callable[..., Any], targets: Any, others: Any) -> tuple[float, Any]:
    best, result = np.inf, None
    for _ in range(2):
        begin = time.process_time()
        result = function(targets, others)
        best = min(best, time.process_time() - begin)
    return best, result


def largest_near(targets: np.ndarray, others: np.ndarray, crs: CRS) -> int:
    ground = Ground.around(crs, shapely.total_bounds(targets).tolist())
    laid = ground.lay(targets)
    gap, _ = nearest(ground, laid, ground.lay(others), limit=DISTANCE_M)
    return int(np.argmax(np.where(np.isfinite(gap), sizes(ground, laid).area, -1)))


def largest_near_geopandas(targets: gpd.GeoDataFrame, others: gpd.GeoDataFrame) -> int:
    targets, others = in_metres(targets, others)
    near = targets.sjoin(others, predicate="dwithin", distance=DISTANCE_M)
    return int(near.geometry.area.idxmax())


def every_gap(targets: np.ndarray, others: np.ndarray, crs: CRS) -> np.ndarray:
    ground = Ground.around(crs, shapely.total_bounds(targets).tolist())
    return nearest(ground, ground.lay(targets), ground.lay(others))[0]


def every_gap_geopandas(targets: gpd.GeoDataFrame, others: gpd.GeoDataFrame) -> np.ndarray:
    targets, others = in_metres(targets, others)
    near = targets.sjoin_nearest(others, distance_col="gap")
    return np.asarray(near[~near.index.duplicated()].sort_index()["gap"])


def in_metres(targets: gpd.GeoDataFrame, others: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    if targets.crs.is_projected:
        return targets, others
    return targets.to_crs(UTM), others.to_crs(UTM)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--most", type=int, default=100_000)
    most = parser.parse_args().most
    print(f"{'outlines':>10} {'layer':8} {'question':24} {'here':>8} {'geopandas':>10} {'ratio':>6}")
    for count in (most // 4, most // 2, most):
        for name, crs in (("UTM", UTM), ("degrees", CRS.from_epsg(4326))):
            layers = [gpd.GeoDataFrame(geometry=boxes(count, seed), crs=UTM).to_crs(crs) for seed in (1, 2)]
            targets, others = (np.asarray(layer.geometry) for layer in layers)
            here, one = timed(lambda t, o, crs=crs: largest_near(t, o, crs), targets, others)
            there, other = timed(largest_near_geopandas, *layers)
            assert one == other, "the answers differ"
            row(count, name, "the largest within 50 m", here, there)
            here, gaps = timed(lambda t, o, crs=crs: every_gap(t, o, crs), targets, others)
            there, gaps_there = timed(every_gap_geopandas, *layers)
            # the plane of UTM is 0.04 percent smaller than the ground in the middle of its zone
            assert np.allclose(gaps, gaps_there, rtol=1e-3, atol=0.01), "the distances differ"
            row(count, name, "distance to the nearest", here, there)


def row(count: int, layer: str, question: str, here: float, there: float) -> None:
    print(f"{count:10,} {layer:8} {question:24} {here:8.2f} {there:10.2f} {there / here:6.1f}", flush=True)


if __name__ == "__main__":
    main()
