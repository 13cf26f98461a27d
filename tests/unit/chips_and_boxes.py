"""Candidates from boxes on chips, and a simulated model, for the tests of merging."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.random import Generator
from numpy.typing import NDArray
from shapely import Polygon, affinity

from geogrounding.raster.grid import Chip
from geogrounding.vector.candidates import Candidates, Merged
from geogrounding.vector.georeference import boxes_to_scene_px, cut_edges

NAN = float("nan")


@dataclass(frozen=True)
class Seen:
    """A box in scene pixels that a chip showed."""

    chip: Chip
    box: tuple[float, float, float, float]
    score: float = 0.5
    group: int = 0


def row_of_chips(
    columns: int, rows: int = 1, *, side: int = 336, overlap: int = 64, scale: float = 1.0, first: int = 0
) -> list[Chip]:
    """A grid of square chips, numbered from ``first`` on, level 1 where the scale is not 1."""
    step = (side - overlap) * scale
    return [
        Chip(
            index=first + row * columns + column,
            level=int(scale != 1.0),
            column=column,
            row=row,
            window_scene_px=(column * step, row * step, column * step + side * scale, row * step + side * scale),
            size_px=(side, side),
            cut=(column > 0, row > 0, column < columns - 1, row < rows - 1),
        )
        for row in range(rows)
        for column in range(columns)
    ]


def candidates(seen: list[Seen]) -> Candidates:
    """As the walk makes them: boxes in chip pixels, clipped, their cut edges found, then in scene pixels."""
    boxes, cut = [], []
    for one in seen:
        x, y = one.chip.window_scene_px[:2]
        scale = one.chip.scale[0]
        box_chip_px = (np.array([one.box]) - [x, y, x, y]) / scale
        box_chip_px = np.clip(box_chip_px, 0, one.chip.size_px[0])
        boxes.append(boxes_to_scene_px(one.chip, box_chip_px)[0])
        cut.append(cut_edges(one.chip, box_chip_px)[0])
    return Candidates(
        boxes_scene_px=np.array(boxes, dtype=np.float64).reshape(-1, 4),
        scores=np.array([one.score for one in seen], dtype=np.float64),
        groups=np.array([one.group for one in seen], dtype=np.int64),
        cut=np.array(cut, dtype=np.bool_).reshape(-1, 4),
        chips=np.array([one.chip.index for one in seen], dtype=np.int64),
        chip_windows_scene_px=np.array([one.chip.window_scene_px for one in seen], dtype=np.float64).reshape(-1, 4),
        scales=np.array([one.chip.scale[0] for one in seen], dtype=np.float64),
    )


def on_all_chips(
    chips: list[Chip], boxes: list[tuple[float, float, float, float]], *, least_px: float = 4.0, group: int = 0
) -> list[Seen]:
    """What a perfect model says: on each chip, the part of each box that it shows."""
    seen = []
    for chip in chips:
        x0, y0, x1, y1 = chip.window_scene_px
        for box in boxes:
            part = (max(box[0], x0), max(box[1], y0), min(box[2], x1), min(box[3], y1))
            if min(part[2] - part[0], part[3] - part[1]) >= least_px:
                seen.append(Seen(chip, part, group=group))
    return seen


def scattered(random: Generator, side: float, count: int, lengths: tuple[float, float]) -> list[Polygon]:
    """Rotated rectangles that do not touch, some in rows three pixels apart."""
    shapes: list[Polygon] = []
    for _ in range(count * 3):
        length = float(np.exp(random.uniform(*np.log(lengths))))
        width = length * float(random.uniform(0.2, 0.9))
        x, y = (float(value) for value in random.uniform(0, side, 2))
        angle = float(random.choice([0.0, 90.0, random.uniform(0, 180)]))
        for number in range(int(random.choice([1, 1, 3]))):
            low = y - width / 2 + number * (width + 3)
            shape = affinity.rotate(shapely.box(x - length / 2, low, x + length / 2, low + width), angle, origin=(x, y))
            inside = min(shape.bounds) >= 0 and max(shape.bounds) <= side
            if inside and not any(shape.distance(other) < 2.9 for other in shapes):
                shapes.append(shape)
        if len(shapes) >= count:
            break
    return shapes


def simulated(random: Generator, shapes: list[Polygon], chips: list[Chip], *, found: float = 0.95) -> list[Seen]:
    """An inexact model: edges off by 1 px and 2% of the object, 5% missed, slivers mostly not reported."""
    seen = []
    tree = shapely.STRtree(shapes)
    for chip in chips:
        window = shapely.box(*chip.window_scene_px)
        scale = chip.scale[0]
        for index in sorted(tree.query(window, predicate="intersects").tolist()):
            part = shapes[index].intersection(window)
            sliver = part.area < 0.15 * shapes[index].area and part.area < 2000 * scale**2
            if sliver or part.area < 12 * scale**2 or random.random() > found:
                continue
            box = np.array(part.bounds)
            sides = np.tile(box[2:] - box[:2], 2)
            at_border = np.abs(box - np.array(chip.window_scene_px)) < 0.5
            blur = np.where(at_border, scale, scale + 0.02 * sides)
            box = box + random.normal(0, 1, 4) * blur
            x0, y0, x1, y1 = np.clip(box, np.tile(chip.window_scene_px[:2], 2), np.tile(chip.window_scene_px[2:], 2))
            if min(x1 - x0, y1 - y0) > 1:
                seen.append(Seen(chip, (x0, y0, x1, y1), score=float(random.uniform(0.4, 1))))
    return seen


def f1(merged: Merged, shapes: list[Polygon], least_iou: float = 0.5) -> float:
    """F1 of one-to-one matches with the boxes of the true shapes."""
    found, true = merged.boxes_scene_px, np.array([shape.bounds for shape in shapes])
    one, two = shapely.STRtree(shapely.box(*true.T)).query(shapely.box(*found.T))
    width = np.minimum(found[one, 2], true[two, 2]) - np.maximum(found[one, 0], true[two, 0])
    height = np.minimum(found[one, 3], true[two, 3]) - np.maximum(found[one, 1], true[two, 1])
    shared = width * height
    iou: NDArray[np.float64] = shared / (_area(found[one]) + _area(true[two]) - shared)
    taken_1: set[int] = set()
    taken_2: set[int] = set()
    for pair in np.argsort(-iou):
        if iou[pair] >= least_iou and int(one[pair]) not in taken_1 and int(two[pair]) not in taken_2:
            taken_1.add(int(one[pair]))
            taken_2.add(int(two[pair]))
    return 2 * len(taken_1) / (len(found) + len(true))


def _area(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
