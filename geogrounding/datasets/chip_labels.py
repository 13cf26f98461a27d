"""Which labels a chip shows, and chips around what is not meant.

Frames: ``scene_px`` are pixels of the scene, ``chip_px`` those of the image that a chip becomes; half-open floats.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from geogrounding.datasets.labels import LabelledPolygons
from geogrounding.raster.grid import Chip, ChipGrid

LEAST_SIDE_PX = 2.0
"""Objects with a shorter side, in chip pixels, are too small to be seen at that scale."""
AROUND = 0.25
"""A close-up shows this share of the object's size on each side of it: enough to see its edge, too little for neighbours."""
CLOSE_UP = -1
"""Row of a chip that is in no grid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """One expression on one chip."""

    chip: Chip
    name: int
    """Index into ``LabelledPolygons.names``."""
    boxes_chip_px: NDArray[np.float64]
    """(N, 4); none for a negative."""


def labels_on(
    chip: Chip, objects: LabelledPolygons, places: NDArray[np.int64], least_visible: float
) -> Iterator[Labelled]:
    """The expressions of which a chip shows targets well enough.

    Args:
        chip: of any size.
        objects: the labels of the scene.
        places: indexes of the objects that touch the chip.
        least_visible: share of an object's area from which it is a label of the chip.
    """
    x0, y0, x1, y1 = chip.window_scene_px
    clipped = shapely.intersection(objects.polygons_scene_px[places], shapely.box(x0, y0, x1, y1))
    share = shapely.area(clipped) / np.maximum(shapely.area(objects.polygons_scene_px[places]), 1e-12)
    scale_x, scale_y = chip.scale
    boxes = (shapely.bounds(clipped) - [x0, y0, x0, y0]) / [scale_x, scale_y, scale_x, scale_y]
    boxes = np.clip(boxes, 0.0, [*chip.size_px, *chip.size_px])
    good = (share >= least_visible) & ((boxes[:, 2:] - boxes[:, :2]).min(axis=1) >= LEAST_SIDE_PX)
    for name in np.unique(objects.expressions[places]):
        found = boxes[(objects.expressions[places] == name) & good]
        if len(found):
            yield Labelled(chip=chip, name=int(name), boxes_chip_px=found[np.lexsort(found.T[::-1])])


def close_ups(
    grid: ChipGrid, unlike: LabelledPolygons, objects: LabelledPolygons, least_visible: float
) -> Iterator[Labelled]:
    """Small chips around what is not meant, on each level that shows it: without a target, unless one lies there as well.

    A chip of full size would say too much: the other things on it, which no one has judged, would count as not meant too.

    Args:
        grid: of the run; the chips are numbered after its own.
        unlike: what is not meant, by the expression that it must not be taken for.
        objects: what is meant.
        least_visible: see ``labels_on``.
    """
    tree, index = shapely.STRtree(objects.polygons_scene_px), len(grid)
    for number, (polygon, name) in enumerate(zip(unlike.polygons_scene_px, unlike.expressions, strict=True)):
        text = unlike.names[int(name)]
        if text not in objects.names:
            continue
        meant = objects.names.index(text)
        for level in range(grid.level_count):
            chip = _around(polygon.bounds, grid, index=index, level=level, number=number)
            if chip is None:
                continue
            places = tree.query(shapely.box(*chip.window_scene_px), predicate="intersects")
            shown = {item.name: item.boxes_chip_px for item in labels_on(chip, objects, places, least_visible)}
            yield Labelled(chip=chip, name=meant, boxes_chip_px=shown.get(meant, np.empty((0, 4))))
            index += 1


def _around(
    bounds_scene_px: tuple[float, float, float, float], grid: ChipGrid, *, index: int, level: int, number: int
) -> Chip | None:
    """The chip around an object at the scale of a level; None where it is too small there, or larger than a chip."""
    left, top, right, bottom = grid.area_scene_px
    width, height = grid.level_size_px(level)
    step = np.array([(right - left) / width, (bottom - top) / height])
    low = (np.array(bounds_scene_px[:2]) - [left, top]) / step
    high = (np.array(bounds_scene_px[2:]) - [left, top]) / step
    room = AROUND * (high - low)
    if (np.minimum(high, [width, height]) - np.maximum(low, 0)).min() < LEAST_SIDE_PX:
        return None
    first = np.maximum(np.floor(low - room), 0).astype(int)
    last = np.minimum(np.ceil(high + room), [width, height]).astype(int)
    if (last - first).max() > grid.tiling.tile_size_px:
        return None
    corners = np.concatenate([first, last]) * np.tile(step, 2) + np.tile([left, top], 2)
    x0, y0, x1, y1 = (float(round(value, 6)) for value in corners)
    return Chip(
        index=index,
        level=level,
        column=number,
        row=CLOSE_UP,
        window_scene_px=(x0, y0, x1, y1),
        size_px=(int(last[0] - first[0]), int(last[1] - first[1])),
        cut=(True, True, True, True),
        pixel_aspect=grid.pixel_aspect,
    )
