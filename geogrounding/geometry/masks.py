"""Masks of objects: packed for the way, overlapped, and where they are cut.

Arrays are (height, width) bool in row order, x to the right, y down.
"""

from __future__ import annotations

import zlib

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon

from geogrounding.errors import InputError
from geogrounding.types import Mask

COMPRESSION = 6
"""Level of zlib. Masks are smooth: a building of 100 x 100 pixels takes about 100 bytes."""


def pack_mask(pixels: NDArray[np.bool_], origin_chip_px: tuple[int, int] = (0, 0)) -> Mask | None:
    """The mask of the pixels that are set, cropped to them; None where none is.

    Args:
        pixels: (height, width), True inside the object.
        origin_chip_px: (x, y) of the first pixel in the chip.

    Raises:
        InputError: the array is not two-dimensional.
    """
    if pixels.ndim != 2:
        raise InputError(f"a mask must have the shape (height, width), not {pixels.shape}")
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    if not len(rows):
        return None
    x0, y0, x1, y1 = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
    left, top = origin_chip_px
    return Mask(
        window_chip_px=(left + x0, top + y0, left + x1, top + y1),
        packed=zlib.compress(np.packbits(pixels[y0:y1, x0:x1]).tobytes(), COMPRESSION),
    )


def unpack_mask(mask: Mask) -> NDArray[np.bool_]:
    """The pixels (height, width) of a mask's window.

    Raises:
        InputError: the bytes do not hold as many pixels as the window.
    """
    x0, y0, x1, y1 = mask.window_chip_px
    size = (x1 - x0) * (y1 - y0)
    wanted = (size + 7) // 8
    try:
        reader = zlib.decompressobj()
        packed = reader.decompress(mask.packed, wanted + 1)
    except zlib.error as error:
        raise InputError(f"a mask cannot be unpacked: {error}") from error
    if x1 <= x0 or y1 <= y0 or len(packed) != wanted:
        raise InputError(f"a mask holds {len(packed)} bytes, not the {max(wanted, 0)} of its window")
    bits = np.unpackbits(np.frombuffer(packed, np.uint8), count=size)
    return bits.astype(np.bool_).reshape(y1 - y0, x1 - x0)


def mask_box(mask: Mask) -> tuple[float, float, float, float]:
    """The smallest box around a mask made by ``pack_mask``, in chip pixels."""
    x0, y0, x1, y1 = mask.window_chip_px
    return float(x0), float(y0), float(x1), float(y1)


def polygon_iou(one: Polygon, other: Polygon) -> float:
    """Intersection over union of two outlines."""
    shared = float(shapely.intersection(one, other).area)
    return shared / max(float(one.area + other.area) - shared, np.finfo(float).tiny)
