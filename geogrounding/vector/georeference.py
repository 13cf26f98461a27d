"""From boxes in chip pixels to polygons on the ground.

Frames, in the order of the walk: ``chip px`` (what the model sees) -> ``scene px`` (full-resolution raster, x right, y
down, half-open floats) -> the CRS of the scene, through its affine transform. All four corners take that last step:
under a rotated or sheared transform a box becomes a parallelogram, and two corners would describe another shape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geogrounding.errors import InputError
from geogrounding.geometry.affine import apply_affine
from geogrounding.geometry.geodesy import geodesic_areas_m2
from geogrounding.raster.grid import Chip

if TYPE_CHECKING:
    from affine import Affine
    from pyproj import CRS

    from geogrounding.raster.scene import Scene

BORDER_SHARE = 0.01
"""A box that ends within this share of the side of the image from its border is taken to touch it."""
BORDER_LEAST_PX = 2.0
"""... but never within less than this many chip pixels: no model places an edge better."""
GROWN_PX = 0.01
"""Scene pixels by which an outline is grown that rounding made invalid."""


def as_boxes(boxes: NDArray[Any], *, name: str = "boxes") -> NDArray[np.float64]:
    """Check boxes (N, 4) as (x0, y0, x1, y1), any one frame, and return them as float64.

    Raises:
        InputError: the shape is not (N, 4), a number is not finite, or x0 > x1 or y0 > y1.
    """
    checked = np.asarray(boxes, dtype=np.float64)
    if checked.size == 0:
        return np.empty((0, 4))
    if checked.ndim != 2 or checked.shape[1] != 4:
        raise InputError(f"{name} must have the shape (N, 4), not {checked.shape}", hint="one row is x0, y0, x1, y1")
    if not np.isfinite(checked).all():
        raise InputError(f"{name} hold a number that is not finite", hint="drop such boxes before they are placed")
    if (checked[:, 0] > checked[:, 2]).any() or (checked[:, 1] > checked[:, 3]).any():
        raise InputError(f"{name} hold a box with swapped corners", hint="order each as x0 <= x1 and y0 <= y1")
    return checked


def border_tolerance_px(size_px: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """How near to the border of an image of ``size_px`` chip pixels a box touches it, in chip pixels."""
    sizes_px = np.asarray(size_px, dtype=np.float64)
    return np.asarray(np.maximum(BORDER_LEAST_PX, BORDER_SHARE * sizes_px), dtype=np.float64)


def boxes_to_scene_px(chip: Chip, boxes_chip_px: NDArray[Any]) -> NDArray[np.float64]:
    """Move boxes (N, 4) from chip pixels to scene pixels (N, 4).

    Raises:
        InputError: as ``as_boxes``.
    """
    boxes = as_boxes(boxes_chip_px, name="boxes_chip_px")
    scale_x, scale_y = chip.scale
    origin_x, origin_y = chip.window_scene_px[:2]
    moved: NDArray[np.float64] = boxes * [scale_x, scale_y, scale_x, scale_y] + [origin_x, origin_y, origin_x, origin_y]
    return moved


def cut_edges(chip: Chip, boxes_chip_px: NDArray[Any], tolerance_px: float | None = None) -> NDArray[np.bool_]:
    """Which edges of boxes (N, 4) in chip pixels may have been cut by the border of the chip.

    Args:
        chip: the chip the boxes were seen on.
        boxes_chip_px: half-open boxes as x0, y0, x1, y1.
        tolerance_px: how near an edge must be to the border, in chip pixels; None = ``border_tolerance_px``.

    Returns:
        (N, 4) bool in the order left, top, right, bottom: True where the box touches a border of the chip beyond which
        the run goes on (``chip.cut``). The border of the scene cuts nothing that could be joined again.

    Raises:
        InputError: as ``as_boxes``.
    """
    boxes = as_boxes(boxes_chip_px, name="boxes_chip_px")
    width, height = chip.size_px
    if tolerance_px is None:
        tolerance_x, tolerance_y = (float(value) for value in border_tolerance_px(np.array([width, height])))
    else:
        tolerance_x = tolerance_y = tolerance_px
    touches = np.stack(
        [
            boxes[:, 0] <= tolerance_x,
            boxes[:, 1] <= tolerance_y,
            boxes[:, 2] >= width - tolerance_x,
            boxes[:, 3] >= height - tolerance_y,
        ],
        axis=1,
    )
    return touches & np.asarray(chip.cut, dtype=np.bool_)


def polygons_crs(boxes_scene_px: NDArray[Any], transform: Affine) -> NDArray[np.object_]:
    """Polygons (N,) in the CRS of the scene for boxes (N, 4) in scene pixels.

    All four corners go through ``transform`` (scene px -> CRS), so any rotation, shear or flip is kept. The outer ring
    is counter-clockwise in CRS coordinates (x right, y up) whatever the sign of the determinant of the transform.

    Raises:
        InputError: as ``as_boxes``, or the transform cannot be inverted.
    """
    boxes = as_boxes(boxes_scene_px, name="boxes_scene_px")
    a, b, c, d, e, f = (float(value) for value in tuple(transform)[:6])
    determinant = a * e - b * d
    if not np.isfinite([a, b, c, d, e, f]).all() or determinant == 0.0:
        raise InputError(
            f"the affine transform {(a, b, c, d, e, f)} has no inverse",
            hint="write a valid geotransform into the raster, for example with gdal_edit",
        )
    x0, y0, x1, y1 = boxes.T
    # In pixel numbers (x, y) this order is counter-clockwise; a transform with a negative determinant turns it around.
    columns, rows = np.stack([x0, x1, x1, x0, x0], axis=1), np.stack([y0, y0, y1, y1, y0], axis=1)
    if determinant < 0:
        columns, rows = columns[:, ::-1], rows[:, ::-1]
    rings_crs = np.stack(apply_affine(transform, columns, rows), axis=2)
    polygons: NDArray[np.object_] = np.atleast_1d(shapely.polygons(rings_crs)) if len(boxes) else np.empty(0, object)
    return polygons


def georeference_boxes(scene: Scene, chip: Chip, boxes_chip_px: NDArray[Any]) -> NDArray[np.object_]:
    """Polygons (N,) in the CRS of a scene for boxes (N, 4) in pixels of one of its chips.

    Args:
        scene: the raster; in scene pixels where it has no CRS.
        chip: of a ``ChipGrid`` of that scene.
        boxes_chip_px: half-open boxes as x0, y0, x1, y1.

    Raises:
        InputError: as ``as_boxes``.
    """
    return polygons_crs(boxes_to_scene_px(chip, boxes_chip_px), scene.transform)


def shapes_crs(polygons_scene_px: NDArray[np.object_], transform: Affine) -> NDArray[np.object_]:
    """Valid polygons (N,) in scene pixels, moved to the CRS of the scene: valid there as well, outer rings
    counter-clockwise, holes not.
    """
    a, b, c, d, e, f = (float(value) for value in tuple(transform)[:6])
    if len(polygons_scene_px) == 0:
        return polygons_scene_px
    linear = np.array([[a, b], [d, e]])

    def placed(polygons: NDArray[np.object_]) -> NDArray[np.object_]:
        return np.asarray(shapely.transform(polygons, lambda xy: xy @ linear.T + [c, f]))

    moved = placed(polygons_scene_px)
    spoiled = ~shapely.is_valid(moved)
    if spoiled.any():
        # Parts of a ring are nearer to each other than numbers of this CRS distinguish: grown a little, they are one.
        moved[spoiled] = placed(shapely.buffer(polygons_scene_px[spoiled], GROWN_PX, join_style="mitre"))
    oriented: NDArray[np.object_] = shapely.orient_polygons(moved)
    return oriented


def points_crs(boxes_scene_px: NDArray[Any], transform: Affine) -> NDArray[np.object_]:
    """Centres (N,) of boxes (N, 4) in scene pixels, as points in the CRS of the scene.

    Raises:
        InputError: as ``as_boxes``.
    """
    boxes = as_boxes(boxes_scene_px, name="boxes_scene_px")
    a, b, c, d, e, f = (float(value) for value in tuple(transform)[:6])
    x, y = ((boxes[:, :2] + boxes[:, 2:]) / 2.0).T
    points: NDArray[np.object_] = np.atleast_1d(shapely.points(a * x + b * y + c, d * x + e * y + f))
    return points if len(boxes) else np.empty(0, object)


def areas_m2(polygons: NDArray[np.object_], crs: CRS) -> NDArray[np.float64]:
    """Geodesic areas (N,) in square metres of polygons in ``crs``; see ``geodesy.geodesic_areas_m2``."""
    return geodesic_areas_m2(polygons, crs)
