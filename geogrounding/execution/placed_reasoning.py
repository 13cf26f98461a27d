"""Reasoning that says where in the area asked about a result lies: no one who reads it sees the chip."""

from __future__ import annotations

import re
from collections.abc import Sequence

from geogrounding.models.builtin.tokenizer import PLACES

_IN_CHIP = re.compile(rf"\. I see the best match in the (?:{'|'.join(PLACES)})\.")
"""What the built-in model says of the best of a chip, to all results of the chip."""


def place_in_area(box_scene_px: Sequence[float], area_scene_px: Sequence[float]) -> str:
    """The ninth of an area in which the centre of a box lies, such as ``upper left``.

    Args:
        box_scene_px: (xmin, ymin, xmax, ymax), scene pixels, y down.
        area_scene_px: the same of the area.
    """
    x0, y0, x1, y1 = area_scene_px
    x = ((box_scene_px[0] + box_scene_px[2]) / 2 - x0) / (x1 - x0)
    y = ((box_scene_px[1] + box_scene_px[3]) / 2 - y0) / (y1 - y0)
    column, row = (min(2, max(0, int(3 * share))) for share in (x, y))
    return PLACES[3 * row + column]


def placed_reasoning(reasoning: str, place: str) -> str:
    """What the built-in model said of a chip, with the place of the result in the area asked about.

    Args:
        reasoning: of the answer; the words of another model stay as they are, since they are data.
        place: of the result, as ``place_in_area`` gives it.
    """
    return _IN_CHIP.sub(f"; this one is in the {place} of the area asked about.", reasoning)
