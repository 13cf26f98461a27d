"""The eight orientations of an image seen from above: four quarter turns, and each of them mirrored.

Imagery from above has no preferred orientation, so that a labelled chip gives eight samples, unless the expression speaks of
directions. ``turn`` 0 to 3 are quarter turns to the left, 4 to 7 the same, then mirrored left to right.

Frame: pixels of the image, x right, y down.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TURNS = 8


def turn_pixels(pixels: NDArray[np.uint8], turn: int) -> NDArray[np.uint8]:
    """(height, width, ...) turned."""
    out = np.rot90(pixels, turn % 4)
    return np.ascontiguousarray(out[:, ::-1] if turn >= 4 else out)


def turn_size(size_px: tuple[int, int], turn: int) -> tuple[int, int]:
    """(width, height) after a turn; a size turned by the same amount again is the first one."""
    return (size_px[1], size_px[0]) if turn % 2 else size_px


def turn_points(xy: NDArray[np.float64], size_px: tuple[int, int], turn: int) -> NDArray[np.float64]:
    """Points (N, 2) of an image of ``size_px`` (width, height), in the turned image."""
    x, y = np.asarray(xy, np.float64).reshape(-1, 2).T
    width, height = size_px
    for _ in range(turn % 4):
        x, y, width, height = y, width - x, height, width
    return np.column_stack([width - x if turn >= 4 else x, y])


def turn_boxes(boxes_px: NDArray[np.float64], size_px: tuple[int, int], turn: int) -> NDArray[np.float64]:
    """Boxes (N, 4), x0, y0, x1, y1, of an image of ``size_px`` in the turned image."""
    one, other = (turn_points(corner, size_px, turn) for corner in (boxes_px[:, :2], boxes_px[:, 2:]))
    return np.column_stack([np.minimum(one, other), np.maximum(one, other)])
