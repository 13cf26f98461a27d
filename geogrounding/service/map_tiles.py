"""Results as images, where so many lie close together that a browser cannot draw their outlines while a map moves.

A tile with more than ``CROWDED`` features is drawn here, all of them: as polygons where they are a few pixels large,
else as a pixel or a few, the brighter the more lie on it. Other tiles are vectors (``vector_tiles``), so that there are
never more outlines on a screen than it can move.
"""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from affine import Affine
from PIL import Image
from rasterio.features import rasterize

from geogrounding.service.layers import REVIEWS, Layer, Wanted
from geogrounding.service.vector_tiles import Numbers, bounds_around, tile_bounds, to_tile, to_world

CROWDED = 500
"""A tile with more features is an image."""
SIDE_PX = 512
SMALL_PX = 3
"""Features of which both sides are shorter are drawn as their boxes, at least a pixel."""
MARGIN_PX = 4
TILES = 512
"""Images that are kept, some 60 KB each."""
KEPT = 2
"""Jobs whose boxes are kept in memory, some 60 bytes a feature."""
COLOURS = ("ffb000", "19c8ff", "ff5fa2", "7dff5c", "c79bff", "ff8a3c", "2ff5cc", "fff04d")
"""Of the queries by turns, as on the page."""
REJECTED = "9aa4ae"
FILL = {"accepted": 0.5, "rejected": 0.08, "open": 0.28}
LINE = {"accepted": 1.0, "rejected": 0.5, "open": 0.8}
"""Opacity by review."""
ONE, EACH_MORE, MOST = 0.45, 0.12, 0.95
"""Opacity of a pixel with one feature, what each other one adds, and up to what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Boxes:
    """Of each feature (N,): its box as parts of the square of Web Mercator, and what filters look at."""

    id: Numbers
    query: Numbers
    score: Numbers
    review: Numbers
    area: Numbers
    west: Numbers
    north: Numbers
    east: Numbers
    south: Numbers
    queries: tuple[str, ...]
    """Where ``query`` points to."""

    def passing(self, wanted: Wanted) -> Numbers:
        """Which of them a filter lets through (its ``bbox``, ``ids`` and ``query`` are not looked at)."""
        passing = np.isin(self.review, [REVIEWS.index(review) for review in wanted.review])
        if wanted.min_score is not None:
            passing &= np.isnan(self.score) | (self.score >= wanted.min_score)
        if wanted.without:
            passing &= ~np.isin(self.query, [i for i, query in enumerate(self.queries) if query in wanted.without])
        if wanted.area_from is not None:
            passing &= self.area >= wanted.area_from
        if wanted.area_to is not None:
            passing &= self.area <= wanted.area_to
        return passing


class MapTiles:
    """Draws tiles; for any thread."""

    def __init__(self) -> None:
        self._lock, self._reading = threading.Lock(), threading.Lock()
        self._kept: OrderedDict[tuple[str, int, int], _Boxes] = OrderedDict()
        self._drawn: OrderedDict[tuple[Any, ...], bytes] = OrderedDict()

    def png(self, layer: Layer, wanted: Wanted, queries: list[str], z: int, x: int, y: int) -> bytes:
        """One tile of ``SIDE_PX``; empty where the tile is no crowded one, or nothing passes.

        Args:
            layer: features of a job.
            wanted: which of them; without ``bbox``.
            queries: in the order of their colours.
            z: zoom.
            x: column.
            y: row.
        """
        key = (*_version(layer), wanted, tuple(queries), z, x, y)
        with self._lock:
            if (kept := self._drawn.get(key)) is not None:
                self._drawn.move_to_end(key)
                return kept
        made = self._draw(layer, wanted, queries, z, x, y)
        with self._lock:
            self._drawn[key] = made
            while len(self._drawn) > TILES:
                self._drawn.popitem(last=False)
        return made

    def _draw(self, layer: Layer, wanted: Wanted, queries: list[str], z: int, x: int, y: int) -> bytes:
        if not layer.crowded(tile_bounds(z, x, y), CROWDED):
            return b""
        boxes = self._boxes(layer)
        scale = SIDE_PX * (1 << z)
        left, right = boxes.west * scale - x * SIDE_PX, boxes.east * scale - x * SIDE_PX
        top, bottom = boxes.north * scale - y * SIDE_PX, boxes.south * scale - y * SIDE_PX
        here = boxes.passing(wanted) & (right >= 0) & (left < SIDE_PX) & (bottom >= 0) & (top < SIDE_PX)
        if not here.any():
            return b""
        classes, colours, opacities = _classes(boxes.queries, queries)
        of_class = boxes.query * len(REVIEWS) + boxes.review + 1
        small = here & (right - left < SMALL_PX) & (bottom - top < SMALL_PX)
        image = np.zeros((SIDE_PX, SIDE_PX, 4), np.uint8)
        large = tuple(boxes.id[here & ~small].tolist())
        if large:
            wanted = Wanted(bbox=bounds_around(z, x, y, MARGIN_PX / SIDE_PX), ids=large)
            _draw_polygons(image, layer, wanted, classes, colours, opacities, (z, x, y))
        _draw_pixels(image, (left[small], top[small], right[small], bottom[small]), of_class[small], colours)
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG", compress_level=1)
        return buffer.getvalue()

    def _boxes(self, layer: Layer) -> _Boxes:
        """Of a layer as it is now; after a change it is read again."""
        key = _version(layer)
        with self._reading:  # one at a time: a million take seconds and hundreds of MB while they are read
            if key not in self._kept:
                for old in [kept for kept in self._kept if kept[0] == key[0]]:
                    del self._kept[old]
                self._kept[key] = _read(layer)
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]


def _version(layer: Layer) -> tuple[str, int, int]:
    """Another one after each change."""
    stat = layer.path.stat()
    return str(layer.path), stat.st_mtime_ns, stat.st_size


def _read(layer: Layer) -> _Boxes:
    places: dict[str, int] = {}
    blocks = []
    for rows in layer.boxes():
        ids, queries, scores, reviews, areas, *sides = zip(*rows, strict=True)
        query = [places.setdefault(query, len(places)) for query in queries]
        review = [REVIEWS.index(review) for review in reviews]
        west, south, east, north = (np.array(side, float) for side in sides)
        (left, top), (right, bottom) = to_world(west, north), to_world(east, south)
        blocks.append(
            (
                np.array(ids, np.int64), np.array(query, np.int32), np.array(scores, np.float32),
                np.array(review, np.int8), np.nan_to_num(np.array(areas, np.float32)),
                left, top, right, bottom,
            )
        )  # fmt: skip
    names = ("id", "query", "score", "review", "area", "west", "north", "east", "south")
    joined = [np.concatenate(column) for column in zip(*blocks, strict=True)] if blocks else [np.empty(0)] * len(names)
    return _Boxes(**dict(zip(names, joined, strict=True)), queries=tuple(places))


def _classes(stored: tuple[str, ...], queries: list[str]) -> tuple[dict[tuple[str, str], int], Numbers, Numbers]:
    """A number for each query and review, its colour (RGB), and its opacity as (fill, line); 0 is nothing."""
    known = [*queries, *sorted(set(stored) - set(queries))]
    numbers: dict[tuple[str, str], int] = {}
    colours, opacities = [(0, 0, 0)], [(0.0, 0.0)]
    for query in stored:
        for review in REVIEWS:
            numbers[query, review] = len(colours)
            text = REJECTED if review == "rejected" else COLOURS[known.index(query) % len(COLOURS)]
            red, green, blue = bytes.fromhex(text)
            colours.append((red, green, blue))
            opacities.append((FILL[review], LINE[review]))
    return numbers, np.array(colours, np.uint8), np.array(opacities)


def _draw_polygons(
    image: Numbers,
    layer: Layer,
    wanted: Wanted,
    classes: dict[tuple[str, str], int],
    colours: Numbers,
    opacities: Numbers,
    tile: tuple[int, int, int],
) -> None:
    """Filled and with an outline of a pixel, the largest below."""
    assert wanted.ids is not None
    rows = layer.shapes(wanted, len(wanted.ids))
    beyond = MARGIN_PX / SIDE_PX
    lonlat = shapely.from_geojson(np.array([row[5] for row in rows]))
    shapes = shapely.transform(lonlat, lambda corners: to_tile(corners, *tile))
    numbers = [classes[query, review] for _, query, _, review, *_ in rows]
    for part, drawn in enumerate((shapes, shapely.boundary(shapes))):
        clipped = shapely.clip_by_rect(drawn, -beyond, -beyond, 1 + beyond, 1 + beyond)
        there = [
            (shape, number) for shape, number in zip(clipped, numbers, strict=True) if shape and not shape.is_empty
        ]
        if not there:
            continue
        found = rasterize(there, out_shape=(SIDE_PX, SIDE_PX), transform=Affine.scale(1 / SIDE_PX), dtype=np.int32)
        cover = found > 0
        image[cover, :3] = colours[found[cover]]
        image[cover, 3] = (255 * opacities[found[cover], part]).astype(np.uint8)


def _draw_pixels(image: Numbers, sides: tuple[Numbers, ...], numbers: Numbers, colours: Numbers) -> None:
    """The boxes (left, top, right, bottom) of small features, each pixel the brighter the more there are."""
    left, top, right, bottom = (np.rint(side).astype(np.int64) for side in sides)
    counts, number = np.zeros(SIDE_PX * SIDE_PX, np.int64), np.zeros(SIDE_PX * SIDE_PX, np.int64)
    for down, along in np.ndindex(SMALL_PX, SMALL_PX):
        row, column = top + down, left + along
        there = ((row < bottom) | (down == 0)) & ((column < right) | (along == 0))
        there &= (row >= 0) & (row < SIDE_PX) & (column >= 0) & (column < SIDE_PX)
        at = row[there] * SIDE_PX + column[there]
        counts += np.bincount(at, minlength=counts.size)
        number[at] = numbers[there]
    cover = counts.reshape(SIDE_PX, SIDE_PX) > 0
    opacity = np.minimum(ONE + EACH_MORE * (counts[counts > 0] - 1), MOST)
    image[cover, :3] = colours[number[counts > 0]]
    image[cover, 3] = np.maximum(image[cover, 3], (255 * opacity).astype(np.uint8))
