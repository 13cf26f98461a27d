"""The outlines of merged objects: which masks show an object, and what is drawn from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from geogrounding.geometry import boxes as bx
from geogrounding.raster.grid import Chip
from geogrounding.raster.scene import Scene
from geogrounding.settings import RunSettings
from geogrounding.types import Mask
from geogrounding.vector.candidates import Candidates
from geogrounding.vector.polygonize import Drawn, draw_outlines, merged_polygon

WHOLE_IOU = 0.9
"""A view whose box overlaps that much with the box of the object shows all of it."""
SAME_LEVEL = 1.5
"""Views of up to this factor times the finest scale are drawn together."""
GAP_CHIP_PX = 2.0
"""Parts of a cut object that lie no farther apart are bridged, chip pixels."""


def outlines_of(
    scene: Scene,
    settings: RunSettings,
    boxes_scene_px: NDArray[np.float64],
    pixel_aspect: tuple[float, float],
    members: Sequence[NDArray[np.int64]],
    candidates: Candidates,
    view: Callable[[int], tuple[Mask | None, Chip]],
) -> Drawn:
    """Draw N merged objects.

    An object is drawn from the finest view that shows all of it; where none does, it was cut by the borders of chips,
    and the masks of its parts are joined.

    Args:
        scene: the raster.
        settings: which outline, and how far it is simplified.
        boxes_scene_px: (N, 4).
        pixel_aspect: of the grid; boxes of candidates are in scene pixels over it.
        members: (N,) the candidates that went into each object, the most believed first.
        candidates: of the run.
        view: mask and chip of a candidate.
    """
    masks: list[shapely.Polygon | None] = []
    pixels = np.ones(len(boxes_scene_px))
    if settings.needs_masks:
        boxes_square_px = boxes_scene_px / [*pixel_aspect, *pixel_aspect]
        for n, (box, own) in enumerate(zip(boxes_square_px, members, strict=True)):
            polygon, pixels[n] = _drawn(box, own, candidates, view)
            masks.append(polygon)
    else:
        masks = [None] * len(boxes_scene_px)
    return draw_outlines(
        masks,
        boxes_scene_px,
        pixel_scene_px=pixels,
        outline=settings.drawn_outline,
        simplify_m=settings.simplify_m,
        transform=scene.transform,
        crs=scene.crs,
    )


def _drawn(
    box: NDArray[np.float64],
    members: NDArray[np.int64],
    candidates: Candidates,
    view: Callable[[int], tuple[Mask | None, Chip]],
) -> tuple[shapely.Polygon | None, float]:
    """The outline of one object along pixel edges, in scene pixels, and the side of such a pixel."""
    boxes, scales = candidates.boxes_scene_px[members], candidates.scales[members]
    whole = bx.similarity(boxes, np.broadcast_to(box, boxes.shape), "iou") >= WHOLE_IOU
    for n in np.flatnonzero(whole)[np.argsort(scales[whole], kind="stable")]:
        mask, chip = view(int(members[n]))
        if mask is not None:
            return merged_polygon([(mask, chip)]), _pixel_side(chip)
    finest = np.flatnonzero(scales <= SAME_LEVEL * scales.min())
    views = [view(int(members[n])) for n in finest]
    parts = [(mask, chip) for mask, chip in views if mask is not None]
    coarsest = views[int(np.argmax(scales[finest]))][1]
    return merged_polygon(parts, gap_scene_px=GAP_CHIP_PX * max(coarsest.scale)), _pixel_side(coarsest)


def _pixel_side(chip: Chip) -> float:
    """Side of a square of the area of a chip pixel, in scene pixels."""
    return float(np.sqrt(chip.scale[0] * chip.scale[1]))
