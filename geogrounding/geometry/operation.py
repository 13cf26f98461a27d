"""One coordinate operation for all points of a scene.

PROJ chooses among several operations point by point. Where their areas meet, one scene would be torn: at 43.41 N in
NAD27 / UTM zone 18N neighbouring points part by 18 m. Here one operation is chosen for a whole extent, and its name and
accuracy are kept for the result.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.enums import TransformDirection
from pyproj.exceptions import ProjError
from pyproj.transformer import AreaOfInterest, TransformerGroup

from geogrounding.errors import OutputError

SAMPLES = 5
"""Points along each side of an extent that say how much of it an operation can transform."""
NO_WAY = "Write .gpkg, .fgb or .parquet without --dst-crs: they keep the CRS of the scene."

Bounds = tuple[float, float, float, float]
_Array = NDArray[np.float64]
_XY = tuple[_Array, _Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A way from one CRS to another, with x (east, longitude) first on both sides."""

    source: CRS
    target: CRS
    name: str
    """As PROJ describes it: "Inverse of UTM zone 18N + NAD27 to WGS 84 (4)"."""
    accuracy_m: float | None
    """None where unknown."""
    transformer: Transformer = field(repr=False)

    @property
    def ballpark(self) -> bool:
        """Whether the datums are taken for one another for want of parameters: some 100 m of error."""
        return "ballpark" in self.name.lower()

    @property
    def notice(self) -> str | None:
        """A message for a user where the operation is a ballpark one."""
        if not self.ballpark:
            return None
        return (
            f"no parameters are known between the datums of {self.source.name} and {self.target.name}: coordinates in "
            f"{self.target.name} may be off by 100 m or more (ballpark transformation)"
        )

    def describe(self) -> dict[str, Any]:
        """Name and accuracy in plain values."""
        return {"name": self.name, "accuracy_m": self.accuracy_m, "ballpark": self.ballpark}

    def forward(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> _XY:
        """Coordinates from the source to the target; inf where it is not defined."""
        return _arrays(self.transformer.transform(x, y))

    def backward(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> _XY:
        """Coordinates from the target to the source; inf where it is not defined."""
        return _arrays(self.transformer.transform(x, y, direction=TransformDirection.INVERSE))


def find_operation(source: CRS, target: CRS, extent: Bounds | None = None) -> Operation:
    """The operation for an extent (xmin, ymin, xmax, ymax) in ``source``; None is anywhere.

    The first that PROJ names for the place, of those that can transform most of the extent.

    Raises:
        OutputError: there is none, as between an engineering CRS and one of the Earth, or between two bodies.
    """
    return _find(source, target, extent)


@lru_cache(maxsize=64)
def _find(source: CRS, target: CRS, extent: Bounds | None) -> Operation:
    area = None if extent is None else area_of_interest(source, extent)
    try:
        with warnings.catch_warnings():
            # A better operation needs a grid that is not installed; the accuracy of the one taken is recorded.
            warnings.simplefilter("ignore", UserWarning)
            found = TransformerGroup(source, target, always_xy=True, area_of_interest=area).transformers
        # Without a place the choice is left to PROJ, point by point.
        candidates = list(found) if area is not None else [Transformer.from_crs(source, target, always_xy=True)]
    except ProjError as error:
        raise OutputError(f"{source.name} cannot be transformed to {target.name}: {error}", hint=NO_WAY) from error
    shares = [1.0 if extent is None else _share(transformer, extent) for transformer in candidates] if found else []
    if shares and max(shares) > 0.0:
        return _operation(source, target, candidates[shares.index(max(shares))])
    reason = "no transformation is known" if not found else "the scene lies outside the area where it is defined"
    raise OutputError(f"{source.name} cannot be transformed to {target.name}: {reason}", hint=NO_WAY)


def area_of_interest(crs: CRS, extent: Bounds) -> AreaOfInterest | None:
    """The extent in degrees for PROJ; None where the CRS has no ellipsoid or the extent lies outside it."""
    geodetic = crs.geodetic_crs
    if geodetic is None:
        return None
    try:
        own = Transformer.from_crs(crs.to_2d(), geodetic.to_2d(), always_xy=True)
        west, south, east, north = own.transform_bounds(*extent, densify_pts=21)
        degrees = np.degrees(float(geodetic.axis_info[0].unit_conversion_factor))
        values = np.array([west, south, east, north]) * degrees
    except (ProjError, IndexError):
        return None
    if not np.isfinite(values).all():
        return None
    longitudes = (values[[0, 2]] + 180.0) % 360.0 - 180.0
    south, north = np.clip(values[[1, 3]], -90.0, 90.0)
    return AreaOfInterest(float(longitudes[0]), float(south), float(longitudes[1]), float(north))


def _share(transformer: Transformer, extent: Bounds) -> float:
    """Share of an extent, 0 to 1, that a transformer can transform."""
    x, y = np.meshgrid(np.linspace(extent[0], extent[2], SAMPLES), np.linspace(extent[1], extent[3], SAMPLES))
    there = _arrays(transformer.transform(x.ravel(), y.ravel()))
    return float((np.isfinite(there[0]) & np.isfinite(there[1])).mean())


def _operation(source: CRS, target: CRS, transformer: Transformer) -> Operation:
    name, accuracy = transformer.description, transformer.accuracy
    return Operation(
        source=source,
        target=target,
        name=name,
        accuracy_m=float(accuracy) if accuracy >= 0 else None,
        transformer=transformer,
    )


def _arrays(values: Any) -> _XY:
    return np.asarray(values[0], np.float64), np.asarray(values[1], np.float64)
