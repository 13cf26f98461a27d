"""Which labels a chip shows, and what it shows that is not meant.

Frames: ``scene_px`` are pixels of the scene, ``chip_px`` those of the image that a chip becomes; half-open floats.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from geogrounding.datasets.labels import LabelledPolygons
from geogrounding.raster.grid import Chip, ChipGrid

LEAST_SIDE_PX = 2.0
"""Objects with a shorter side, in chip pixels, are too small to be seen at that scale."""


def _no_boxes() -> NDArray[np.float64]:
    return np.empty((0, 4))


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """One expression on one chip."""

    chip: Chip
    name: int
    """Index into ``LabelledPolygons.names``."""
    boxes_chip_px: NDArray[np.float64] = field(default_factory=_no_boxes)
    """(N, 4) targets; none for a negative."""
    unlike_chip_px: NDArray[np.float64] = field(default_factory=_no_boxes)
    """(M, 4) what looks similar and is not meant."""
    shown: int = 0
    """How many targets it shows at least a part of."""


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
        mine = objects.expressions[places] == name
        found = boxes[mine & good]
        if len(found):
            found = found[np.lexsort(found.T[::-1])]
            yield Labelled(chip=chip, name=int(name), boxes_chip_px=found, shown=int((share[mine] > 0).sum()))


def with_unlike(
    chosen: Sequence[Labelled],
    grid: ChipGrid,
    *,
    unlike: LabelledPolygons,
    on_chip: Mapping[int, Sequence[int]],
    objects: LabelledPolygons,
    meant_on_chip: Mapping[int, Sequence[int]],
    least_visible: float,
) -> list[Labelled]:
    """Samples with what they show that is not meant, and further ones of chips that show nothing else of an expression.

    Args:
        chosen: expressions on chips.
        grid: of the chips.
        unlike: what is not meant, each by the expression that it must not be taken for.
        on_chip: indexes of ``unlike`` by the chip that they touch.
        objects: what is meant.
        meant_on_chip: indexes of ``objects`` by the chip that they touch.
        least_visible: see ``labels_on``.

    Returns:
        ``chosen`` in its order, then the further ones in that of the chips.
    """
    number = {name: place for place, name in enumerate(objects.names)}
    left: dict[tuple[int, int], Labelled] = {}
    for index in sorted(on_chip):
        for item in labels_on(grid[index], unlike, np.array(on_chip[index]), least_visible):
            name = number.get(unlike.names[item.name])
            if name is not None:
                left[index, name] = Labelled(chip=item.chip, name=name, unlike_chip_px=item.boxes_chip_px)
    out = []
    for item in chosen:
        beside = left.pop((item.chip.index, item.name), None)
        out.append(item if beside is None else replace(item, unlike_chip_px=beside.unlike_chip_px))
    for (index, name), item in left.items():
        if all(objects.expressions[place] != name for place in meant_on_chip.get(index, ())):
            out.append(item)
    return out
