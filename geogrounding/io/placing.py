"""What every sink of features needs: polygons in the CRS of the layer, a count, and a description as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from geogrounding.errors import OutputError
from geogrounding.geometry.geodesy import densify, transform_points
from geogrounding.geometry.operation import Operation
from geogrounding.io.rfc7946 import polygons_lonlat
from geogrounding.io.tables import FeatureBatch, batches, storable
from geogrounding.vector.feature import Feature

EDGE_TOLERANCE_M = 0.01


class Counted:
    """Features as they pass, counted; an error of their source is kept, so that it is not taken for one of the disk."""

    def __init__(self, features: Iterable[Feature]) -> None:
        self._features = features
        self.count = 0
        self.error: BaseException | None = None

    def __iter__(self) -> Iterator[Feature]:
        try:
            for feature in self._features:
                self.count += 1
                yield feature
        except GeneratorExit:
            raise
        except BaseException as error:
            self.error = error
            raise


@dataclass(frozen=True, slots=True, kw_only=True)
class Placing:
    """How polygons get from the CRS of the scene to that of the layer."""

    crs: CRS | None
    target_crs: CRS | None
    operation: Operation | None
    cut: bool
    """At the antimeridian and the poles."""
    decimals: int | None

    def batches(self, features: Iterable[Feature], measures: Sequence[str]) -> Iterator[FeatureBatch]:
        """Batches with their polygons in the target CRS."""
        for batch in batches(features, measures=measures):
            yield replace(batch, polygons=self._moved(batch.polygons))

    def _moved(self, polygons: NDArray[np.object_]) -> NDArray[np.object_]:
        crs, target = self.crs, self.target_crs
        if crs is None or target is None or len(polygons) == 0:
            return polygons
        if shapely.get_dimensions(polygons[0]) == 0:
            return self._moved_points(polygons, crs, target)
        if self.cut:
            return polygons_lonlat(polygons, crs, target_crs=target, decimals=self.decimals, operation=self.operation)
        if crs == target:
            return polygons
        unit_m = float(target.axis_info[0].unit_conversion_factor) if target.axis_info else 1.0
        dense = densify(polygons, crs, target, tolerance=EDGE_TOLERANCE_M / unit_m, operation=self.operation)
        moved = shapely.transform(dense, lambda points: transform_points(points, crs, target, self.operation))
        oriented: NDArray[np.object_] = shapely.orient_polygons(moved)
        return oriented

    def _moved_points(self, points: NDArray[np.object_], crs: CRS, target: CRS) -> NDArray[np.object_]:
        if crs == target and self.decimals is None:
            return points
        moved = transform_points(shapely.get_coordinates(points), crs, target, self.operation)
        rounded = moved if self.decimals is None else np.round(moved, self.decimals)
        placed: NDArray[np.object_] = np.atleast_1d(shapely.points(rounded))
        return placed


def describe_coordinates(target_crs: CRS | None, pixel_coordinates: bool) -> str:
    """In which coordinates a layer is, for people."""
    if pixel_coordinates or target_crs is None:
        return "scene pixels, x right, y down, (0, 0) at the outer corner of the first pixel; no CRS"
    # A code at the usual confidence of 70% may stand for a CRS that lies elsewhere.
    authority = target_crs.to_authority(min_confidence=100)
    return f"{target_crs.name} ({':'.join(authority)})" if authority else target_crs.name


def to_json(value: Mapping[str, Any], *, indent: int | None = None) -> str:
    """The description of a run as JSON that every format can hold.

    Raises:
        OutputError: it holds what JSON does not know.
    """
    try:
        # Through JSON and back first, so that all that is left to clean are dicts, lists and texts.
        plain = json.loads(json.dumps(value, allow_nan=False, default=str))
        return json.dumps(_storable_values(plain), ensure_ascii=False, indent=indent)
    except (TypeError, ValueError, RecursionError) as error:
        raise OutputError(
            f"the run's description cannot be written as JSON: {error}", hint="this is a defect"
        ) from error


def _storable_values(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_storable_values(item) for item in value]
    if isinstance(value, dict):
        return {storable(key): _storable_values(item) for key, item in value.items()}
    return value
