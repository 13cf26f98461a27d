"""A smooth map between two planes as a polynomial, where that is as exact as the map itself.

Laying a hundred thousand outlines through PROJ takes longer than measuring them. Within a scene the way from its
coordinates to the plane of measurement is smooth: a polynomial of degree 3 to 7 in both coordinates, through Chebyshev
nodes, meets it within the rounding of PROJ (degree 3 over 6 km of UTM, 7 over 400 km of Web Mercator). It is used only
after it was compared with the map at points between the nodes, borders and corners included.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DEGREES = (3, 5, 7)
TOLERANCE_M = 1e-6
"""Farthest that the polynomial may be from the map; PROJ inverts a projection to half a millimetre."""
WORTH_POINTS = 2_000
"""For fewer points the map itself is as fast."""
_CHECKS = 17
_BLOCK = 16_384


@dataclass(frozen=True, slots=True)
class Chart:
    """A map from a rectangle to a plane: ``chart(points)``."""

    middle: Floats
    half: Floats
    coefficients: Floats
    """(2, degree + 1, degree + 1), of products of Chebyshev polynomials in x and y."""

    @classmethod
    def of(cls, move: Callable[[Floats], Floats], bounds: Floats) -> Chart | None:
        """The polynomial for a map (P, 2) -> (P, 2), or None where none comes near enough.

        Args:
            move: the map, into metres.
            bounds: (xmin, ymin, xmax, ymax) of the points that will be mapped.
        """
        low, high = bounds[:2], bounds[2:]
        half = np.maximum((high - low) / 2, np.maximum(np.abs(low), np.abs(high)) * 1e-9 + 1e-9)
        middle = (low + high) / 2
        checks = _grid(np.linspace(-1, 1, _CHECKS)) * half + middle
        truth = move(checks)
        for degree in DEGREES:
            nodes = np.cos(np.pi * (np.arange(degree + 1) + 0.5) / (degree + 1))
            values = move(_grid(nodes) * half + middle).reshape(degree + 1, degree + 1, 2)
            fit = np.linalg.inv(chebyshev.chebvander(nodes, degree))
            chart = cls(middle, half, np.einsum("ia,jb,abk->kij", fit, fit, values))
            away = np.abs(chart(checks) - truth)
            if np.isfinite(away).all() and float(away.max()) <= TOLERANCE_M:
                return chart
        return None

    def __call__(self, points: Floats) -> Floats:
        """Points (P, 2) inside the bounds, mapped."""
        out, degree = np.empty((len(points), 2)), self.coefficients.shape[1] - 1
        for start in range(0, len(points), _BLOCK):
            rows = slice(start, start + _BLOCK)
            x, y = ((points[rows] - self.middle) / self.half).T
            across, up = chebyshev.chebvander(x, degree).T, chebyshev.chebvander(y, degree).T
            for axis in (0, 1):
                out[rows, axis] = np.einsum("jp,jp->p", self.coefficients[axis].T @ across, up)
        return out


def _grid(steps: Floats) -> Floats:
    return np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
