"""What found objects look like: their pixels are read again, inside a mask of each.

Only queries that speak of a colour, a shape or a direction need this, and only the objects that are left when they do.
Objects that lie near each other share one read; a large object is looked at through fewer pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import shapely
from numpy.typing import NDArray

from geogrounding.errors import SceneError
from geogrounding.geometry.masks import unpack_mask
from geogrounding.models.segmenters.base import Segmenter
from geogrounding.query.appearance import COLOURS, colour_shares
from geogrounding.raster.scene import Scene
from geogrounding.raster.stretch import Stretch
from geogrounding.types import Mask
from geogrounding.vector.polygonize import mask_polygon

SIDE_PX = 96
"""An object is looked at through about so many pixels, and at least half as many where the scene has them."""
CELL_PX = 768
"""Objects whose centres lie in a cell of so many pixels (as they are looked at) are read together."""
MARGIN = 0.35
"""Share of its side around an object that the segmenter sees as well."""
CENTRE = 0.7
"""Share of the sides of a box whose ellipse stands for an object that the segmenter does not recognise."""
ERODED_PX = 150
"""Masks of more pixels than this are looked at without their border, where pixels are mixed."""


class Looker:
    """Looks at objects of a scene."""

    def __init__(self, scene: Scene, stretch: Stretch, segmenter: Segmenter | Callable[[], Segmenter]) -> None:
        """A segmenter that is given as a function is made when it is needed, and closed by ``close``."""
        self._scene, self._stretch, self._source = scene, stretch, segmenter
        self._made: Segmenter | None = None
        self._seen: dict[tuple[float, ...], tuple[NDArray[np.float64], shapely.Geometry | None]] = {}

    def close(self) -> None:
        """Free the segmenter that was made here."""
        if self._made is not None:
            self._made.close()
            self._made = None

    def look(self, boxes_scene_px: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
        """Shares of colours (N, C) and outlines (N,) in scene pixels of the objects in boxes (N, 4).

        Shares are NaN and outlines None where no pixel could be read. A box that was looked at before is not again.
        """
        keys = [tuple(box) for box in boxes_scene_px.tolist()]
        new = np.array([i for i, key in enumerate(keys) if key not in self._seen], np.int64)
        for i, share, outline in zip(new.tolist(), *self._looked(boxes_scene_px[new]), strict=True):
            self._seen[keys[i]] = (share, outline)
        shares = np.array([self._seen[key][0] for key in keys]).reshape(len(keys), len(COLOURS))
        outlines = np.full(len(keys), None, object)
        outlines[:] = [self._seen[key][1] for key in keys]
        return shares, outlines

    def _looked(self, boxes_scene_px: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
        shares = np.full((len(boxes_scene_px), len(COLOURS)), np.nan)
        outlines = np.full(len(boxes_scene_px), None, object)
        for members, factor in _cells(boxes_scene_px):
            boxes = boxes_scene_px[members]
            around = (boxes[:, 2:] - boxes[:, :2]) * MARGIN + 4.0
            low = np.floor((boxes[:, :2] - around).min(axis=0)).astype(int)
            high = np.ceil((boxes[:, 2:] + around).max(axis=0)).astype(int)
            window = (max(0, low[0]), max(0, low[1]), min(self._scene.width, high[0]), min(self._scene.height, high[1]))
            if window[0] >= window[2] or window[1] >= window[3]:
                continue
            shape = max(1, round((window[3] - window[1]) / factor)), max(1, round((window[2] - window[0]) / factor))
            try:
                rgb, valid = self._scene.read(window, out_shape=shape, stretch=self._stretch)
            except SceneError:  # a damaged block: the chip that needed it is reported already
                continue
            scale = np.array([(window[2] - window[0]) / shape[1], (window[3] - window[1]) / shape[0]])
            origin = np.array(window[:2], np.float64)
            local = (boxes - [*origin, *origin]) / [*scale, *scale]
            masks = self._segmenter.segment(rgb, local, [()] * len(local))
            for i, box, mask in zip(members, local, masks, strict=True):
                pixels, corner = _pixels_of(mask, box, shape)
                outline = None if mask is None else mask_polygon(pixels)
                if outline is not None:
                    moved = shapely.transform(outline, lambda xy, at=corner: (xy + at) * scale + origin)  # noqa: B023 # called at once
                    outlines[i] = moved
                part = (slice(corner[1], corner[1] + pixels.shape[0]), slice(corner[0], corner[0] + pixels.shape[1]))
                seen = _eroded(pixels) & valid[part]
                shares[i] = colour_shares(rgb[part][seen])
        return shares, outlines

    @property
    def _segmenter(self) -> Segmenter:
        if isinstance(self._source, Segmenter):
            return self._source
        if self._made is None:
            self._made = self._source()
        return self._made


def _cells(boxes: NDArray[np.float64]) -> Iterator[tuple[NDArray[np.int64], int]]:
    """Indexes of boxes (N, 4) that are read together, with the scene pixels per pixel that they are looked at in."""
    side = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    factor = 2 ** np.floor(np.log2(np.maximum(side / SIDE_PX, 1.0))).astype(np.int64)
    cell = np.floor((boxes[:, :2] + boxes[:, 2:]) / 2 / (factor[:, None] * CELL_PX)).astype(np.int64)
    keys = np.column_stack([factor, cell[:, 1], cell[:, 0]])
    _, group = np.unique(keys, axis=0, return_inverse=True)
    order = np.argsort(group.reshape(-1), kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(group.reshape(-1)[order])) + 1) if len(order) else []:
        yield members.astype(np.int64), int(factor[members[0]])


def _pixels_of(
    mask: Mask | None, box: NDArray[np.float64], shape: tuple[int, int]
) -> tuple[NDArray[np.bool_], tuple[int, int]]:
    """The pixels of an object and their upper left corner (x, y): its mask, else an ellipse in its box."""
    if mask is not None:
        return unpack_mask(mask), (mask.window_chip_px[0], mask.window_chip_px[1])
    centre, half = (box[:2] + box[2:]) / 2, np.maximum((box[2:] - box[:2]) / 2 * CENTRE, 0.5)
    x0, y0 = np.clip(np.floor(centre - half), 0, [shape[1] - 1, shape[0] - 1]).astype(int)
    x1, y1 = np.clip(np.ceil(centre + half), [x0 + 1, y0 + 1], [shape[1], shape[0]]).astype(int)
    x = (np.arange(x0, x1) + 0.5 - centre[0]) / half[0]
    y = (np.arange(y0, y1) + 0.5 - centre[1]) / half[1]
    return np.asarray(x[None] ** 2 + y[:, None] ** 2 <= 1.0, np.bool_), (int(x0), int(y0))


def _eroded(pixels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask without its border, where enough is left."""
    if pixels.sum() <= ERODED_PX:
        return pixels
    grown = np.pad(pixels, 1)
    inner = pixels & grown[:-2, 1:-1] & grown[2:, 1:-1] & grown[1:-1, :-2] & grown[1:-1, 2:]
    return inner if inner.sum() * 2 >= pixels.sum() else pixels
