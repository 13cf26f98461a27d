"""Look for what resembles a few examples: boxes in a scene become a model that the rest of a run treats like any other.

The examples are looked at so that they measure about ``EXAMPLE_PX``; the scene is then looked at in the same ground
resolution, or, where one of the two is not known, at the same scale.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from geogrounding.errors import AreaError, MissingCRSError, SettingsError
from geogrounding.execution.scales import FINEST
from geogrounding.execution.scene import open_scene
from geogrounding.geometry.boxes import iou_matrix
from geogrounding.io.read_layer import read_layer
from geogrounding.models.base import Model
from geogrounding.raster.grid import ChipGrid
from geogrounding.raster.reader import read_chips
from geogrounding.raster.scene import Scene
from geogrounding.raster.shapes_in_scene import to_scene_px
from geogrounding.raster.stretch import compute_stretch
from geogrounding.raster.tiling import Tiling
from geogrounding.settings import RunSettings

EXAMPLE_PX = 40.0
"""Size of a typical example (root of its area) in chip pixels."""
MOST_EXAMPLES = 200
"""More than that are labels, and ``geoground train`` learns more from them."""
MOST_CHIPS = 48
"""Chips of the scene of the examples that are looked at."""
WHOLE = 0.9
"""Share of an example that a chip must show to be one."""


def model_like(scene: Scene, settings: RunSettings, model: Model) -> Model:
    """A model that finds what resembles the examples of the settings.

    Args:
        scene: of the run; its examples are in ``settings.like``, and ``settings.unlike`` are examples of other things.
        settings: of the run; ``like_scene`` is the raster of the examples, where it is not the scene.
        model: the built-in model; it is closed with the result.

    Raises:
        AreaError: a file holds no polygons, or none of them lies in its scene.
        InputError: a file cannot be read.
        SettingsError: the model is not the built-in one.
    """
    if not hasattr(model, "look_at"):
        raise SettingsError(
            f"the model {model.name} cannot look for what resembles examples", hint="Leave --model out, or train it."
        )
    if settings.like is None:
        raise SettingsError("no examples are given", hint="Pass a vector file of boxes or outlines with --like.")
    if settings.like_scene is None:
        return _fitted(scene, scene, settings, model)
    chosen = replace(settings, source=str(settings.like_scene))
    try:
        other = open_scene(chosen)
    except MissingCRSError:
        other = open_scene(replace(chosen, pixel_coordinates=True))
    with other:
        return _fitted(other, scene, settings, model)


def _fitted(source: Scene, scene: Scene, settings: RunSettings, model: Any) -> Model:
    from geogrounding.models.builtin.like import LikeModel, fit

    like = _boxes_of(settings.like, source)
    unlike = _boxes_of(settings.unlike, source)
    scale = max(FINEST, float(np.median(np.sqrt(np.prod(like[:, 2:] - like[:, :2], axis=1)))) / EXAMPLE_PX)
    examples, others, classes = _features(source, settings, model, like, unlike, scale)
    conventions = replace(model.conventions, scales=(scale,), ground_resolution_m=None)
    if source.ground_resolution_m and scene.ground_resolution_m:
        looked_at_m = scale * source.ground_resolution_m
        conventions = replace(conventions, scales=(1.0,), ground_resolution_m=(looked_at_m, looked_at_m))
    ranker = fit(examples, others, least_score=conventions.min_score, classes=classes)
    return LikeModel(model, ranker, conventions)


def _boxes_of(path: Path | None, scene: Scene) -> NDArray[np.float64]:
    """(N, 4) bounds of the polygons of a file, in pixels of a scene; those outside of it are left out."""
    if path is None:
        return np.zeros((0, 4))
    frame = read_layer(path, layer_option=f"{path.name}|layername=NAME", what="examples")
    kinds = ("Polygon", "MultiPolygon")
    shapes = [g for g in frame.geometry if g is not None and g.geom_type in kinds and not g.is_empty]
    if not shapes:
        raise AreaError(f"{path.name} holds no polygon", hint="Draw a box or an outline around each example.")
    polygons = np.empty(len(shapes), dtype=object)
    polygons[:] = shapes
    placed = to_scene_px(scene, polygons, CRS(frame.crs) if frame.crs else None, "examples")
    whole = shapely.box(0, 0, scene.width, scene.height)
    inside = [g.bounds for g in placed if g.intersection(whole).area >= WHOLE * g.area > 0]
    if not inside:
        raise AreaError(
            f"no polygon of {path.name} lies inside {scene.name}",
            hint="Examples of another raster need --like-scene; `geoground info` shows where a scene lies.",
        )
    if len(inside) > MOST_EXAMPLES:
        raise AreaError(
            f"{path.name} holds {len(inside)} examples, more than {MOST_EXAMPLES}",
            hint="Give a few typical ones, or teach the model with `geoground train sft`.",
        )
    return np.array(inside, np.float64)


def _features(
    scene: Scene,
    settings: RunSettings,
    model: Any,
    like: NDArray[np.float64],
    unlike: NDArray[np.float64],
    scale: float,
) -> tuple[NDArray[np.float32], NDArray[np.float32], int]:
    """Features of the examples, of everything else around them, and how many of them are logits of classes."""
    from geogrounding.models.builtin.like import NEAR_IOU, alike

    tiling = Tiling(
        tile_size_px=model.conventions.tile_size_px, overlap_px=model.conventions.overlap_px, scales=(scale,)
    )
    around = shapely.unary_union([shapely.box(*b) for b in np.concatenate([like, unlike])])
    grid = ChipGrid(scene.width, scene.height, tiling=tiling, aoi_scene_px=around.buffer(1.0))
    area = grid.area_scene_px
    if max(area[2] - area[0], area[3] - area[1]) < tiling.tile_size_px * scale:  # what is around them is looked at too
        around = around.buffer(tiling.tile_size_px * scale / 2)
        grid = ChipGrid(scene.width, scene.height, tiling=tiling, aoi_scene_px=around)
    chips = [grid[n] for n in np.unique(np.linspace(0, len(grid) - 1, min(len(grid), MOST_CHIPS)).astype(int))]
    examples: list[NDArray[np.float32]] = []
    others: list[NDArray[np.float32]] = []
    classes = 0
    for image in read_chips(scene, chips, compute_stretch(scene, settings.stretch)):
        if image.pixels is None:
            continue
        x0, y0, _, _ = image.chip.window_scene_px
        step = np.array([*image.chip.scale] * 2)
        every = (np.concatenate([like, unlike]) - np.array([x0, y0, x0, y0])) / step
        limit = np.array([*image.chip.size_px] * 2)
        clipped = every.clip(0, limit)
        shown = np.prod(clipped[:, 2:] - clipped[:, :2], 1) / np.prod(every[:, 2:] - every[:, :2], 1)
        wanted = np.arange(len(every)) < len(like)
        whole = shown >= WHOLE
        (seen,) = model.look_at([image.pixels], [clipped[whole]])
        if isinstance(seen, str):
            continue
        classes = seen.classes
        examples.append(seen.given[wanted[whole]])
        others.append(seen.given[~wanted[whole]])
        part = shown > 0.05
        overlap = iou_matrix(seen.boxes_px, clipped[part & wanted]).max(1, initial=0.0)
        # a region that is the example teaches what its box looks like as the model draws it
        right = iou_matrix(seen.boxes_px, clipped[whole & wanted]).max(1, initial=0.0) >= 0.5
        examples.append(seen.features[right])
        others.append(seen.features[overlap < NEAR_IOU])
    none = np.zeros((0, 1), np.float32)
    found = np.concatenate(examples) if examples else none
    rest = np.concatenate(others) if others else none
    if len(found) and len(rest):  # a few examples of many: the others are not examples of something else
        unlike_them = ~alike(found, rest, classes=classes)
        rest = rest[unlike_them] if unlike_them.any() else rest
    return found, rest, classes
