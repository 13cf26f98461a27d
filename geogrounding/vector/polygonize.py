"""From masks in chip pixels to outlines on the ground.

Frames: ``chip px`` -> ``scene px`` -> metres on a plane around the object (``geometry.local_frame``), where shapes are
simplified and straightened -> back to ``scene px`` -> CRS. Everything in between is in scene pixels, so rotated grids
and any CRS are one case.

An outline follows the edges of pixels first (``rasterio.features.shapes``, 4-connected), loses crumbs and small holes,
and is then simplified by a tolerance that takes away the steps of the pixels and little else. ``regular`` is what
``right_angles`` makes of it, and the simplified outline where right angles do not fit the mask.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon

from geogrounding.geometry.local_frame import metres_per_pixel
from geogrounding.geometry.masks import unpack_mask
from geogrounding.geometry.rectangles import least_rectangles
from geogrounding.raster.grid import Chip
from geogrounding.settings import LEAST_FIT
from geogrounding.types import Mask, Outline
from geogrounding.vector.right_angles import straightened

if TYPE_CHECKING:
    from affine import Affine
    from pyproj import CRS

CRUMB_PX = 9.0
"""Parts and holes smaller than this many mask pixels are noise of the segmenter."""
CRUMB_SHARE = 0.02
"""... and so are those smaller than this share of the object."""
STEP_PX = 1.0
"""Tolerance of the simplification in mask pixels: the steps of a slanted edge are up to 0.71 pixels deep."""
DETAIL_SHARE = 0.03
"""... or this share of the square root of the area, where that is more: a mask is no sharper than its segmenter."""

CLEARLY_SMALLER = 0.93
"""A turned rectangle has at most this share of the area of the upright one; a square reaches it at two degrees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Outlines of N objects in scene pixels and what each one is."""

    polygons_scene_px: NDArray[np.object_]
    """(N,) valid polygons."""
    outlines: tuple[Outline, ...]
    """(N,) ``box`` where an object has no mask; ``mask`` where right angles did not fit."""


def mask_polygon(pixels: NDArray[np.bool_]) -> Polygon | None:
    """The outline of a mask (height, width) along the edges of its pixels; None where no pixel is set.

    Pixels that touch at a corner only are not connected. Of several parts the largest is taken (of equal ones the one
    farthest up and left): one object is one polygon. Holes below ``CRUMB_PX`` and ``CRUMB_SHARE`` are filled.
    """
    from rasterio.features import shapes

    if not pixels.any():
        return None
    values = np.ascontiguousarray(pixels, dtype=np.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        found = [shapely.geometry.shape(part) for part, _ in shapes(values, mask=pixels, connectivity=4)]
    return _largest(found)


def merged_polygon(parts: Sequence[tuple[Mask, Chip]], *, gap_scene_px: float = 0.0) -> Polygon | None:
    """One outline in scene pixels from the masks of one object on several chips.

    Args:
        parts: masks and the chips they were seen on.
        gap_scene_px: parts that lie no farther apart are bridged: where chips do not overlap, nothing may be missing
            between them but what the resampling of the chips took away.
    """
    placed = []
    for mask, chip in parts:
        own = mask_polygon(unpack_mask(mask))
        if own is not None:
            placed.append(_to_scene(own, mask, chip))
    if len(placed) < 2:
        return placed[0] if placed else None
    joined = shapely.union_all(placed)
    if gap_scene_px > 0 and not isinstance(joined, Polygon):
        half = gap_scene_px / 2.0 + 1e-6
        bridged = joined.buffer(half, join_style="mitre").buffer(-half, join_style="mitre")
        joined = shapely.union_all([joined, bridged])
    return _largest([joined])


def _to_scene(polygon: Polygon, mask: Mask, chip: Chip) -> Polygon:
    scale_x, scale_y = chip.scale
    left, top = mask.window_chip_px[:2]
    origin_x, origin_y = chip.window_scene_px[:2]
    offset = np.array([origin_x + left * scale_x, origin_y + top * scale_y])
    return cast(Polygon, shapely.transform(polygon, lambda xy: xy * [scale_x, scale_y] + offset))


def _largest(found: Sequence[shapely.Geometry]) -> Polygon | None:
    """The largest valid polygon among geometries, without its small holes."""
    parts: list[Polygon] = []
    for one in found:
        # A ring that touches itself at a corner of two pixels is no valid ring: it is cut there.
        whole = one if one.is_valid else shapely.make_valid(one)
        for part in shapely.get_parts(whole):
            parts += [p for p in shapely.get_parts(part) if isinstance(p, Polygon) and p.area > 0.0]
    if not parts:
        return None
    best = min(parts, key=lambda p: (-p.area, p.bounds[1], p.bounds[0], p.bounds))
    return _without_small_holes(best)


def _without_small_holes(polygon: Polygon) -> Polygon:
    if not polygon.interiors:
        return polygon
    least = max(CRUMB_PX, CRUMB_SHARE * polygon.area)
    return Polygon(polygon.exterior, [hole for hole in polygon.interiors if Polygon(hole).area >= least])


def draw_outlines(
    masks_scene_px: Sequence[Polygon | None],
    boxes_scene_px: NDArray[np.float64],
    *,
    pixel_scene_px: NDArray[np.float64],
    outline: Outline,
    simplify_m: float | None,
    transform: Affine,
    crs: CRS | None,
    least_fit: float = LEAST_FIT,
) -> Drawn:
    """Draw the outlines of N objects.

    Args:
        masks_scene_px: pixel-edge outlines as ``merged_polygon`` gives them; None where an object has none.
        boxes_scene_px: (N, 4), for objects without a mask.
        pixel_scene_px: (N,) side of a mask pixel in scene pixels.
        outline: ``mask``, ``regular`` or ``oriented``; ``box`` and ``point`` need no mask.
        simplify_m: tolerance of the simplification in metres (scene pixels without a CRS); None goes by the size of a
            pixel and of the object, 0 keeps the edges of the pixels.
        transform: scene pixels to ``crs``.
        crs: None for pixel coordinates.
        least_fit: right angles that overlap less with the mask (IoU) are not taken.
    """
    polygons = np.empty(len(boxes_scene_px), dtype=object)
    polygons[:] = list(shapely.box(*boxes_scene_px.T)) if len(boxes_scene_px) else []
    kinds: list[Outline] = ["box"] * len(polygons)
    chosen = [i for i, mask in enumerate(masks_scene_px) if mask is not None]
    if not chosen or outline in ("box", "point"):
        return Drawn(polygons_scene_px=polygons, outlines=tuple(kinds))
    masks = [masks_scene_px[i] for i in chosen]
    bounds = shapely.bounds(masks)
    centres = (bounds[:, :2] + bounds[:, 2:]) / 2.0
    reach = (bounds[:, 2:] - bounds[:, :2]).max(axis=1) / 2.0
    frames = metres_per_pixel(centres, transform, crs, reach_px=reach)
    on_plane = [_moved(mask, centre, frame) for mask, centre, frame in zip(masks, centres, frames, strict=True)]
    pixel_m = np.sqrt(np.linalg.det(frames)) * pixel_scene_px[chosen]
    drawn: list[Polygon] = []
    if outline == "oriented":
        drawn = [_oriented(polygon) for polygon in on_plane]
        own: list[Outline] = ["oriented"] * len(drawn)
    else:
        tolerances = [_tolerance(p, px, simplify_m) for p, px in zip(on_plane, pixel_m, strict=True)]
        drawn = [_simplified(polygon, t) for polygon, t in zip(on_plane, tolerances, strict=True)]
        own = ["mask"] * len(drawn)
        if outline == "regular":
            for n, tolerance in enumerate(tolerances):
                step = tolerance if tolerance > 0.0 else float(pixel_m[n])
                better = straightened(on_plane[n], drawn[n], step, least_fit=least_fit)
                if better is not None:
                    drawn[n], own[n] = better, "regular"
    for n, i in enumerate(chosen):
        back = _moved_back(drawn[n], centres[n], frames[n])
        if back is not None:
            polygons[i], kinds[i] = back, own[n]
    return Drawn(polygons_scene_px=polygons, outlines=tuple(kinds))


def _moved(polygon: Polygon, centre: NDArray[np.float64], frame: NDArray[np.float64]) -> Polygon:
    return cast(Polygon, shapely.transform(polygon, lambda xy: (xy - centre) @ frame.T))


def _moved_back(polygon: Polygon, centre: NDArray[np.float64], frame: NDArray[np.float64]) -> Polygon | None:
    inverse = np.linalg.inv(frame)
    back = cast(Polygon, shapely.transform(polygon, lambda xy: xy @ inverse.T + centre))
    return back if back.is_valid and back.area > 0.0 else _largest([back])


def _tolerance(polygon: Polygon, pixel_m: float, simplify_m: float | None) -> float:
    if simplify_m is not None:
        return simplify_m
    return max(STEP_PX * pixel_m, DETAIL_SHARE * float(np.sqrt(polygon.area)))


def _simplified(polygon: Polygon, tolerance: float) -> Polygon:
    """The polygon with fewer vertices (Douglas-Peucker that keeps the topology), or itself where nothing is left."""
    if tolerance <= 0.0:
        return cast(Polygon, shapely.simplify(polygon, 0.0))
    simple = shapely.simplify(_started_at_corner(polygon), tolerance, preserve_topology=True)
    best = simple if isinstance(simple, Polygon) and simple.is_valid and simple.area > 0.0 else _largest([simple])
    return polygon if best is None else best


def _started_at_corner(polygon: Polygon) -> Polygon:
    """The same polygon with rings that begin at the point farthest from the centre.

    The simplification never removes the first point of a ring: it must be a corner, not a step of a slanted edge.
    """
    centre = np.asarray(polygon.centroid.coords[0])

    def turned(ring: shapely.LinearRing) -> NDArray[np.float64]:
        points = np.asarray(ring.coords)[:-1]
        first = int(np.argmax(np.round(np.hypot(*(points - centre).T), 9)))
        return np.concatenate([points[first:], points[: first + 1]])

    return Polygon(turned(polygon.exterior), [turned(hole) for hole in polygon.interiors])


def _oriented(polygon: Polygon) -> Polygon:
    """The smallest rectangle around a polygon; the one along the rows of the scene where none is clearly smaller.

    A round mask has no direction, and its smallest rectangle lies anyhow.
    """
    turned = cast(Polygon, least_rectangles(np.array([polygon], object))[0])
    upright = cast(Polygon, shapely.envelope(polygon))
    return turned if turned.area <= CLEARLY_SMALLER * upright.area else upright
