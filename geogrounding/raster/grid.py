"""Pure geometry of chips: how a raster of W x H pixels is cut into model-sized windows.

Frames: ``scene px`` are pixels of the full-resolution raster, x right, y down, half-open floats, (0, 0) at the outer
corner of the first pixel. ``chip px`` are pixels of the image the model gets. A level with ``scale`` 2 shows the scene at
half resolution: one chip pixel covers 2 x 2 scene pixels.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One window of the scene, and the size of the image it becomes."""

    index: int
    """Position in the order of the run, counted over all levels."""
    level: int
    """Index of the level (0 = finest)."""
    column: int
    row: int
    """Place in the grid of its level."""
    window_scene_px: tuple[float, float, float, float]
    """(x0, y0, x1, y1), half-open, in scene pixels; whole numbers unless the level is resampled."""
    size_px: tuple[int, int]
    """(width, height) of the image in chip pixels."""
    cut: tuple[bool, bool, bool, bool]
    """(left, top, right, bottom): True where the edge lies inside the area of the run, so that objects may go on beyond it."""

    @property
    def scale(self) -> tuple[float, float]:
        """Scene pixels per chip pixel along x and y."""
        x0, y0, x1, y1 = self.window_scene_px
        return (x1 - x0) / self.size_px[0], (y1 - y0) / self.size_px[1]

    def to_scene_px(self, x_chip_px: float, y_chip_px: float) -> tuple[float, float]:
        """Map a point from chip pixels to scene pixels."""
        scale_x, scale_y = self.scale
        return self.window_scene_px[0] + x_chip_px * scale_x, self.window_scene_px[1] + y_chip_px * scale_y
