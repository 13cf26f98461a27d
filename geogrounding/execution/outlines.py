"""The masks of merged objects: which views show an object, and its outline along the edges of pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from geogrounding.geometry import boxes as bx
from geogrounding.raster.grid import Chip
from geogrounding.settings import LEAST_FIT
from geogrounding.types import Mask, Outline
from geogrounding.vector.candidates import Candidates
from geogrounding.vector.georeference import points_crs, polygons_crs, shapes_crs
from geogrounding.vector.polygonize import draw_outlines, merged_polygon

if TYPE_CHECKING:
    from affine import Affine
    from pyproj import CRS

WHOLE_IOU = 0.9
"""A view whose box overlaps that much with the box of the object shows all of it."""
SAME_LEVEL = 1.5
"""Views of up to this factor times the finest scale are drawn together."""
GAP_CHIP_PX = 2.0
"""Parts of a cut object that lie no farther apart are bridged, chip pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelOutlines:
    """The masks of N merged objects as outlines along the edges of their pixels."""

    boxes_scene_px: NDArray[np.float64]
    """(N, 4)."""
    polygons_scene_px: Sequence[shapely.Polygon | None]
    """(N,) None where an object has no mask."""
    pixels_scene_px: NDArray[np.float64]
    """(N,) side of a pixel of the mask, in scene pixels; 1 where there is none."""

    @classmethod
    def without_masks(cls, boxes_scene_px: NDArray[np.float64]) -> PixelOutlines:
        """Objects of which only the boxes (N, 4) are known."""
        count = len(boxes_scene_px)
        return cls(boxes_scene_px=boxes_scene_px, polygons_scene_px=[None] * count, pixels_scene_px=np.ones(count))


def pixel_outlines(
    boxes_scene_px: NDArray[np.float64],
    pixel_aspect: tuple[float, float],
    members: Sequence[NDArray[np.int64]],
    candidates: Candidates,
    view: Callable[[int], tuple[Mask | None, Chip]],
) -> PixelOutlines:
    """The masks of N merged objects, joined across chips.

    An object is drawn from the finest view that shows all of it; where none does, it was cut by the borders of chips,
    and the masks of its parts are joined.

    Args:
        boxes_scene_px: (N, 4).
        pixel_aspect: of the grid; boxes of candidates are in scene pixels over it.
        members: (N,) the candidates that went into each object, the most believed first.
        candidates: of the run.
        view: mask and chip of a candidate.
    """
    masks: list[shapely.Polygon | None] = []
    pixels = np.ones(len(boxes_scene_px))
    boxes_square_px = boxes_scene_px / [*pixel_aspect, *pixel_aspect]
    for n, (box, own) in enumerate(zip(boxes_square_px, members, strict=True)):
        polygon, pixels[n] = _drawn(box, own, candidates, view)
        masks.append(polygon)
    return PixelOutlines(boxes_scene_px=boxes_scene_px, polygons_scene_px=masks, pixels_scene_px=pixels)


def geometries_of(
    found: PixelOutlines,
    *,
    outline: Outline,
    simplify_m: float | None,
    transform: Affine,
    crs: CRS | None,
    least_fit: float = LEAST_FIT,
) -> tuple[NDArray[np.object_], Sequence[Outline]]:
    """Geometries (N,) in the CRS of the scene (or scene pixels), and what each shows; see ``draw_outlines``."""
    if outline in ("box", "point"):
        place = points_crs if outline == "point" else polygons_crs
        return place(found.boxes_scene_px, transform), (outline,) * len(found.boxes_scene_px)
    drawn = draw_outlines(
        found.polygons_scene_px,
        found.boxes_scene_px,
        pixel_scene_px=found.pixels_scene_px,
        outline=outline,
        simplify_m=simplify_m,
        transform=transform,
        crs=crs,
        least_fit=least_fit,
    )
    return shapes_crs(drawn.polygons_scene_px, transform), drawn.outlines


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
