"""From the numbers of a reply to boxes in pixels of the chip, under one convention; what cannot be right is dropped."""

from __future__ import annotations

from dataclasses import replace

from geogrounding.models.families import BoxConvention
from geogrounding.models.parsing.found import Located, LocatedBox, Reason
from geogrounding.types import BoxOrder, BoxPx

MAX_BOXES = 500

_MIN_SIDE_PX = 1e-3
"""Boxes thinner than this are empty: no model means a thousandth of a pixel."""
_TOLERANCE = {"given": float("inf"), "family": 0.1, "assumed": 0.02}
_PIXEL_TOLERANCE = {"given": float("inf"), "family": 0.3, "assumed": 0.02}
"""How far beyond the image a corner may lie, as a share of the side, before the reply cannot mean what is assumed. A
convention that the user gave is not doubted: boxes are cut to the image and counted. A model that writes pixels may
draw an object on beyond the edge; one that writes a range was never taught a number beyond it."""
_SLACK_UNITS = 2.0
"""Rounding, in the units of the reply (of 1000): no evidence of anything."""
_SMALL_RANGE_SIDE = 1200.0
_SMALL_RANGE_BOXES = 4
_TAG_PER_MILLE = frozenset(["|box_start|", "|begin_of_box|", "box", "bbox", "boundingbox", "bounding_box"])

Points = tuple[tuple[float, float], ...]
Placed = tuple[LocatedBox, BoxPx, Points, Points]
"""The box as found; in pixels of the chip its corners, its key points and the outline that was drawn, if any."""


def place(
    found: Located,
    text: str,
    image_size_px: tuple[int, int],
    model_size_px: tuple[int, int],
    convention: BoxConvention,
) -> list[Placed]:
    """Scale, order and clip the boxes of a reply; what cannot be placed is counted in ``found``.

    Args:
        found: boxes as the model wrote them.
        text: the reply.
        image_size_px: (width, height) of the chip.
        model_size_px: (width, height) of the image that the model saw.
        convention: what the numbers mean, unless the form of a box says it itself.
    """
    meanings = [meaning_of(box, convention) for box in found.boxes]
    corners = [_corners(box, meaning) for box, meaning in zip(found.boxes, meanings, strict=True)]
    sizes = [meaning.size(image_size_px, model_size_px) for meaning in meanings]
    fractions = [_are_fractions(box, meaning) for box, meaning in zip(found.boxes, meanings, strict=True)]
    beyond = any(
        _beyond(corner, size, _tolerance(meaning)) and not fraction
        for corner, size, meaning, fraction in zip(corners, sizes, meanings, fractions, strict=True)
    )
    placed: list[Placed] = []
    seen: set[tuple[object, ...]] = set()
    for box, meaning, corner, (unit_x, unit_y), fraction in zip(
        found.boxes, meanings, corners, sizes, fractions, strict=True
    ):
        words = text[box.span[0] : box.span[1]]
        identity = (box.corners, box.label)
        if identity in seen:
            found.drop(Reason.TWICE, words)
            continue
        scale_x, scale_y = image_size_px[0] / max(unit_x, 1e-9), image_size_px[1] / max(unit_y, 1e-9)
        box_chip_px, overhangs = _clip(corner, (scale_x, scale_y), (unit_x, unit_y), image_size_px)
        reason = _refusal(box, meaning, corner, (scale_x, scale_y), box_chip_px, fraction=fraction, beyond=beyond)
        if reason is None and len(placed) >= MAX_BOXES:
            reason = Reason.TOO_MANY
        if reason is not None:
            found.drop(reason, words)
            continue
        if overhangs:
            found.drop(Reason.BEYOND, words)
        seen.add(identity)
        swapped = meaning.order == "yxyx" and box.own is None
        keypoints, outline = (
            tuple((y, x) if swapped else (x, y) for x, y in points) for points in (box.keypoints, box.outline)
        )
        placed.append(
            (
                box,
                box_chip_px,
                tuple(_point(point, (scale_x, scale_y), image_size_px) for point in keypoints),
                tuple((x * scale_x, y * scale_y) for x, y in outline),
            )
        )
    if _suspiciously_small(convention, model_size_px, corners, len(placed)):
        found.drop(Reason.SMALL_RANGE)
    return placed


def meaning_of(box: LocatedBox, convention: BoxConvention) -> BoxConvention:
    """The convention of one box: what its own form, key or tag says, else that of the model.

    Location tokens mean one thing only. A key such as ``bbox_xywh`` names its order, and ``bbox_2d`` is x first in
    every family that writes it. A tag decides the range only where nothing else is known of the model.
    """
    if box.own is not None:
        return box.own
    order: BoxOrder = convention.order if box.order == "as-asked" else box.order
    if box.order == "as-asked" and box.key in ("bbox2d", "bboxes2d") and convention.order_certainty != "given":
        order = "xyxy"
    if box.corner_pairs and order in ("xywh", "cxcywh"):
        order = "xyxy"
    meaning = replace(convention, order=order)
    if convention.certainty != "assumed":
        return meaning
    if box.tag == "|det|":
        return replace(meaning, coordinates="per-mille", unit=999.0, order_certainty="family")
    if box.tag in _TAG_PER_MILLE:
        return replace(meaning, coordinates="per-mille", unit=None, order_certainty="family")
    return meaning


def _corners(box: LocatedBox, meaning: BoxConvention) -> tuple[float, float, float, float]:
    """(x0, y0, x1, y1) with x0 <= x1 and y0 <= y1, in the units of the reply."""
    a, b, c, d = box.corners
    if meaning.order == "yxyx":
        a, b, c, d = b, a, d, c
    elif meaning.order == "xywh":
        c, d = a + c, b + d
    elif meaning.order == "cxcywh":
        a, b, c, d = a - c / 2, b - d / 2, a + c / 2, b + d / 2
    return min(a, c), min(b, d), max(a, c), max(b, d)


def _are_fractions(box: LocatedBox, meaning: BoxConvention) -> bool:
    """Whether a box has fractions where its convention has larger numbers."""
    return meaning.coordinates != "fractions" and all(0.0 <= number <= 1.0 for number in box.corners)


def _beyond(corner: tuple[float, float, float, float], size: tuple[float, float], tolerance: float) -> bool:
    """Whether a corner lies further outside the image than the tolerance, a share of the side."""
    slack = _SLACK_UNITS / 1000.0
    return any(
        low < -(tolerance + slack) * side or high > (1.0 + tolerance + slack) * side
        for low, high, side in ((corner[0], corner[2], size[0]), (corner[1], corner[3], size[1]))
    )


def _tolerance(meaning: BoxConvention) -> float:
    table = _PIXEL_TOLERANCE if meaning.coordinates.endswith("pixels") else _TOLERANCE
    return table[meaning.certainty]


def _clip(
    corner: tuple[float, float, float, float],
    scale: tuple[float, float],
    size: tuple[float, float],
    image_size_px: tuple[int, int],
) -> tuple[BoxPx, bool]:
    """The box in pixels of the chip, cut to it, and whether more than rounding was cut off."""
    (x0, y0, x1, y1), (scale_x, scale_y), (width, height) = corner, scale, image_size_px
    clipped = (
        max(x0 * scale_x, 0.0),
        max(y0 * scale_y, 0.0),
        min(x1 * scale_x, float(width)),
        min(y1 * scale_y, float(height)),
    )
    return clipped, _beyond(corner, size, 0.02)


def _refusal(
    box: LocatedBox,
    meaning: BoxConvention,
    corner: tuple[float, float, float, float],
    scale: tuple[float, float],
    box_chip_px: BoxPx,
    *,
    fraction: bool,
    beyond: bool,
) -> Reason | None:
    """Why a box is not placed; None where it is."""
    if (corner[2] - corner[0]) * scale[0] < _MIN_SIDE_PX or (corner[3] - corner[1]) * scale[1] < _MIN_SIDE_PX:
        return Reason.EMPTY_BOX
    if fraction:
        return Reason.FRACTIONS
    if beyond and box.own is None:
        return Reason.RANGE
    if box.key in ("box2d", "boxes2d") and meaning.order_certainty == "assumed":
        return Reason.ORDER
    if box_chip_px[2] - box_chip_px[0] < _MIN_SIDE_PX or box_chip_px[3] - box_chip_px[1] < _MIN_SIDE_PX:
        return Reason.OUTSIDE
    return None


def _point(
    point: tuple[float, float], scale: tuple[float, float], image_size_px: tuple[int, int]
) -> tuple[float, float]:
    return (
        min(max(point[0] * scale[0], 0.0), float(image_size_px[0])),
        min(max(point[1] * scale[1], 0.0), float(image_size_px[1])),
    )


def _suspiciously_small(
    convention: BoxConvention,
    model_size_px: tuple[int, int],
    corners: list[tuple[float, float, float, float]],
    placed: int,
) -> bool:
    """Whether several boxes on a large image stay below 1001 in both directions although pixels were assumed."""
    if convention.certainty != "assumed" or not convention.coordinates.endswith("pixels"):
        return False
    if placed < _SMALL_RANGE_BOXES or min(model_size_px) < _SMALL_RANGE_SIDE:
        return False
    return max(max(corner) for corner in corners) <= 1000.0
