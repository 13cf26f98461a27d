"""Masks of label files (images, polygons, run-length codes) as polygons in pixels of the image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geogrounding.datasets.images import MalformedError, read_image

# isort: split
from rasterio.features import shapes

MAX_RLE_RUNS = 2_000_000


def polygons_of_mask(mask: NDArray[np.bool_]) -> tuple[shapely.Geometry, ...]:
    """One polygon for each connected region (pixels that touch at a corner are connected), outlines along pixel edges.

    Args:
        mask: (height, width), True inside the targets.

    Returns:
        Valid polygons or multipolygons, ordered by top, then left edge.
    """
    values = mask.astype(np.uint8)
    found = [shapely.geometry.shape(part) for part, _ in shapes(values, mask=mask, connectivity=8)]
    # Where pixels touch at a corner the outline crosses itself; make_valid splits it there.
    regions = [region if region.is_valid else shapely.make_valid(region) for region in found]
    return tuple(sorted(regions, key=lambda region: (region.bounds[1], region.bounds[0], *region.bounds[2:])))


def read_mask(path: Path, size_px: tuple[int, int]) -> NDArray[np.bool_]:
    """Read the mask of an image of ``size_px`` (width, height) from an image file: every pixel that is not black.

    Raises:
        MalformedError: its size differs.
        SceneError: it cannot be read.
    """
    mask = np.asarray(read_image(path).any(axis=2))
    if (mask.shape[1], mask.shape[0]) != size_px:
        raise MalformedError(
            f"the mask has {mask.shape[1]} x {mask.shape[0]} pixels, the image {size_px[0]} x {size_px[1]}"
        )
    return mask


def polygon_of_segmentation(segmentation: object, size_px: tuple[int, int]) -> shapely.Geometry:
    """The region of a COCO ``segmentation``: polygons as flat lists x, y, x, y, ..., or a run-length code.

    Raises:
        MalformedError: it is neither, or has no area inside the image.
    """
    if isinstance(segmentation, Sequence) and not isinstance(segmentation, str):
        if len(segmentation) == 1 and isinstance(segmentation[0], Mapping):  # as RRSIS-D writes it
            region = _region_of_runs(segmentation[0], size_px)
        else:
            region = shapely.union_all([_ring(part) for part in segmentation])
    elif isinstance(segmentation, Mapping):
        region = _region_of_runs(segmentation, size_px)
    else:
        raise MalformedError("the segmentation is missing or of no known form")
    region = shapely.intersection(region, shapely.box(0, 0, *size_px))
    if not region.area > 0:
        raise MalformedError("the segmentation has no area inside the image")
    return region


def _ring(part: object) -> shapely.Geometry:
    if not isinstance(part, Sequence) or isinstance(part, str) or len(part) < 6 or len(part) % 2:
        raise MalformedError("a polygon of the segmentation is not a flat list of at least three points")
    try:
        points = np.asarray(part, dtype=np.float64).reshape(-1, 2)
    except (TypeError, ValueError, OverflowError):
        raise MalformedError("a polygon of the segmentation holds something that is not a number") from None
    if not np.isfinite(points).all():
        raise MalformedError("a polygon of the segmentation holds a number that is not finite")
    return shapely.make_valid(shapely.Polygon(points))


def _region_of_runs(code: Mapping[str, Any], size_px: tuple[int, int]) -> shapely.Geometry:
    """The region of a run-length code, its counts a list or COCO's compressed text; columns first, as COCO has it."""
    width, height = size_px
    if list(code.get("size", [])) != [height, width]:
        raise MalformedError(f"the run-length code is for another size than {width} x {height}")
    counts = code.get("counts")
    runs = _uncompressed(counts) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or len(runs) > MAX_RLE_RUNS:
        raise MalformedError("the run-length code has no counts that can be read")
    if any(isinstance(run, bool) or not isinstance(run, int) or run < 0 for run in runs) or sum(runs) != width * height:
        raise MalformedError("the counts of the run-length code do not add up to the image")
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    parts = polygons_of_mask(flat.reshape(width, height).T)
    if not parts:
        raise MalformedError("the run-length code marks no pixel")
    return shapely.union_all(parts)


def _uncompressed(text: str) -> list[int]:
    """Decode COCO's compressed counts: little-endian groups of five bits in characters from ``0`` on; the sixth bit is set
    where the number goes on; from the third on each number is the difference to the run two before.

    Source: the file format as documented with the COCO API (maskApi, ``rleFrString``).
    """
    runs: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > 40:
            raise MalformedError("the run-length code holds invalid characters")
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            if bits & 16:
                value -= 1 << shift
            runs.append(value + runs[-2] if len(runs) > 2 else value)
            value = shift = 0
    return runs
