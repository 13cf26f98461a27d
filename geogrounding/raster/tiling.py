"""How chips are to be cut: their size, overlap and levels, as far as no raster is needed to say it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol

from geogrounding.errors import SettingsError
from geogrounding.settings import read_overlap


class HasGroundResolution(Protocol):
    """Anything that knows its ground resolution; a Scene does."""

    @property
    def ground_resolution_m(self) -> float | None:
        """Metres per pixel, None where not known."""
        ...


MIN_TILE_PX, MAX_TILE_PX = 32, 16_384
"""Below, a grid of a large raster has more chips than pixels are worth; above, a chip alone is half a gigabyte."""
MIN_SCALE, MAX_SCALE = 1 / 64, 65_536.0
"""Scene pixels per chip pixel. Finer than 1/64 shows nothing but interpolation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiling:
    """How chips are cut. Checked when built.

    Raises:
        SettingsError: tile, overlap or scales are out of range or contradict each other.
    """

    tile_size_px: int = 1024
    """Side of a chip, in chip pixels."""
    overlap_px: int = 128
    """The least overlap of neighbouring chips, in chip pixels."""
    scales: tuple[float, ...] = (1.0,)
    """Scene pixels per chip pixel, one level each. Kept sorted, finest first, without repeats."""
    resolution_m: float | None = None
    """Ground resolution of a chip pixel that scale 1 stands for; None is the scene's own. See ``resolved``."""

    def __post_init__(self) -> None:
        if isinstance(self.tile_size_px, bool) or not isinstance(self.tile_size_px, int):
            raise SettingsError(f"tile size must be a whole number of pixels, not {self.tile_size_px!r}")
        if not MIN_TILE_PX <= self.tile_size_px <= MAX_TILE_PX:
            raise SettingsError(
                f"tile size must lie between {MIN_TILE_PX} and {MAX_TILE_PX} pixels, not {self.tile_size_px}"
            )
        if isinstance(self.overlap_px, bool) or not isinstance(self.overlap_px, int):
            raise SettingsError(f"overlap must be a whole number of pixels, not {self.overlap_px!r}")
        if not 0 <= self.overlap_px <= self.tile_size_px - 8:
            raise SettingsError(
                f"overlap must lie between 0 and {self.tile_size_px - 8} pixels (tile less 8), not {self.overlap_px}",
                hint="An overlap a little larger than the largest object that matters is enough.",
            )
        scales = tuple(sorted({float(scale) for scale in self.scales}))
        if not scales:
            raise SettingsError("at least one scale is needed")
        for scale in scales:
            if not (math.isfinite(scale) and MIN_SCALE <= scale <= MAX_SCALE):
                raise SettingsError(
                    f"a scale must lie between {MIN_SCALE} and {MAX_SCALE:,.0f} scene pixels, not {scale:.6g}",
                    hint="Ask for a ground resolution that is nearer to the one of the scene.",
                )
        object.__setattr__(self, "scales", scales)
        if self.resolution_m is not None and not (math.isfinite(self.resolution_m) and self.resolution_m > 0):
            raise SettingsError(f"ground resolution must be a positive number of metres, not {self.resolution_m}")

    def resolved(self, ground_resolution_m: float | None) -> Tiling:
        """The same tiling with ``resolution_m`` turned into scales for a scene of this ground resolution (metres per
        pixel).

        Raises:
            SettingsError: the scene's ground resolution is not known, or the scale is out of range.
        """
        if self.resolution_m is None:
            return self
        if ground_resolution_m is None:
            raise SettingsError(
                "a ground resolution was asked for, but that of the scene is not known", hint="Leave --resolution out."
            )
        factor = self.resolution_m / ground_resolution_m
        return replace(self, scales=tuple(scale * factor for scale in self.scales), resolution_m=None)


def parse_overlap(value: str | float, tile_size_px: int) -> int:
    """Overlap in chip pixels, from any form that ``geogrounding.settings.read_overlap`` reads.

    Raises:
        SettingsError: not an overlap, or not smaller than the tile.
    """
    number = read_overlap(value)
    overlap_px = number * tile_size_px if 0 < number < 1 else number
    if overlap_px >= tile_size_px:
        raise SettingsError(
            f"an overlap of {overlap_px:g} pixels is not smaller than the tile of {tile_size_px}",
            hint="Examples: 128, 0.2, 20%.",
        )
    return round(overlap_px)
