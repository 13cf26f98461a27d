"""Where the masks of cut objects meet the borders of their chips.

A box that was cut says which border cut it; its mask also says where along the border the object goes on. Two parts of
a slanting object share little of their boxes' extents, and all of the cut edge.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from geogrounding.geometry.masks import unpack_mask
from geogrounding.raster.grid import Chip
from geogrounding.types import Mask
from geogrounding.vector.georeference import BORDER_LEAST_PX

NOWHERE = np.full((4, 2), math.nan)


def cut_spans(chip: Chip, mask: Mask | None, cut: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The extent of a mask along each border that cut its box.

    Args:
        chip: that it was seen on.
        mask: of the object.
        cut: (4,) left, top, right, bottom.

    Returns:
        (4, 2) begin and end along the border in scene pixels: y for left and right, x for top and bottom. NaN where
        nothing was cut, or where the mask ends before the border.
    """
    if mask is None or not cut.any():
        return NOWHERE
    x0, y0, x1, y1 = mask.window_chip_px
    width, height = chip.size_px
    near = np.array([x0, y0, width - x1, height - y1]) <= BORDER_LEAST_PX
    if not (near & cut).any():
        return NOWHERE
    pixels = unpack_mask(mask)
    edges = (pixels[:, 0], pixels[0], pixels[:, -1], pixels[-1])
    spans = NOWHERE.copy()
    for n in np.flatnonzero(near & cut):
        along = 1 - n % 2
        inside = np.flatnonzero(edges[n])
        begin = np.array([inside[0], inside[-1] + 1]) + mask.window_chip_px[along]
        spans[n] = begin * chip.scale[along] + chip.window_scene_px[along]
    return spans
