"""A bounded, repeatable choice of windows that stands for a whole raster."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

SAMPLE_PIXELS = 4_000_000
"""Pixels that percentiles are taken from: the error of a 2% percentile is then far below one grey level."""
MAX_SAMPLE_WINDOWS = 400
"""Windows looked at before a scene counts as empty; a sparse scene has many without data."""
SAMPLE_WINDOW_PX = 256

SampleWindow = tuple[tuple[int, int, int, int], tuple[int, int] | None]
"""(x0, y0, x1, y1) in scene pixels, and the shape (rows, columns) to decimate to."""


class Layer(Protocol):
    """The raster itself or an overview; see ``overviews.Source``."""

    @property
    def width(self) -> int:
        """Pixels along x."""
        ...

    @property
    def height(self) -> int:
        """Pixels along y."""
        ...


class Sampled(Protocol):
    """What must be known of a scene to choose windows."""

    @property
    def width(self) -> int:
        """Pixels along x."""
        ...

    @property
    def height(self) -> int:
        """Pixels along y."""
        ...

    @property
    def driver(self) -> str:
        """GDAL's name of the format."""
        ...

    @property
    def block_shape(self) -> tuple[int, int]:
        """(rows, columns) of the stored blocks."""
        ...

    @property
    def sources(self) -> Sequence[Layer]:
        """Full resolution, then overviews, finer ones first."""
        ...


def sample_windows(scene: Sampled) -> list[SampleWindow]:
    """Windows to read, spread evenly from the first ones on, the same ones every time.

    The whole scene where it is small, an overview where there is one of enough pixels, else windows of whole blocks.
    """
    whole = (0, 0, scene.width, scene.height)
    if scene.width * scene.height <= SAMPLE_PIXELS or scene.driver in ("PNG", "JPEG", "WEBP", "BMP"):
        factor = math.sqrt(max(1.0, scene.width * scene.height / SAMPLE_PIXELS))
        return [(whole, (math.ceil(scene.height / factor), math.ceil(scene.width / factor)))]
    enough = [s for s in scene.sources[1:] if 250_000 <= s.width * s.height <= 4 * SAMPLE_PIXELS]
    if enough:
        coarsest = enough[-1]
        return [(whole, (coarsest.height, coarsest.width))]
    rows, columns = scene.block_shape
    step_x = scene.width if columns >= scene.width else max(1, SAMPLE_WINDOW_PX // columns) * columns
    step_y = min(scene.height, max(1, SAMPLE_WINDOW_PX // rows) * rows)
    if step_x == scene.width:  # strips: fewer rows at a time, so that a window stays small
        step_y = min(step_y, max(1, SAMPLE_WINDOW_PX**2 // scene.width // rows) * rows)
    across, down = -(-scene.width // step_x), -(-scene.height // step_y)
    total = across * down
    count = min(total, MAX_SAMPLE_WINDOWS)
    # A stride that shares no factor with the count visits the scene evenly from the first windows on.
    stride = next(s for s in range(max(1, round(count * 0.618)), count + 2) if math.gcd(s, count) == 1)
    chosen: list[SampleWindow] = []
    for i in range(count):
        row, column = divmod((i * stride % count) * total // count, across)
        x0, y0 = column * step_x, row * step_y
        chosen.append(((x0, y0, min(x0 + step_x, scene.width), min(y0 + step_y, scene.height)), None))
    return chosen
