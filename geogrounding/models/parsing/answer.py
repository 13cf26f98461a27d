"""From a model's text to detections on the chip, whatever the text is.

``parse_answer`` never raises and its work is bounded: 64 KB of text, 500 boxes, finite numbers. Everything it leaves
out is counted with a reason (``Reason``). What the numbers mean is told, never guessed: a model that writes in another
convention than it states loses its boxes with a reason that names the suspicion.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from geogrounding.models.parsing.find_boxes import locate
from geogrounding.models.parsing.found import Located, LocatedBox, Reason
from geogrounding.models.parsing.sections import blank
from geogrounding.models.parsing.token_scores import Tokens, score_spans
from geogrounding.types import Answer, BoxPx, Detection, Task

if TYPE_CHECKING:  # the models package itself imports this module
    from geogrounding.models.base import CoordinateConvention

__all__ = ["MAX_BOXES", "MAX_TEXT_BYTES", "Reason", "clean_reasoning", "parse_answer"]

MAX_TEXT_BYTES = 64 * 1024
MAX_BOXES = 500
MAX_LABEL_CHARACTERS = 200
MAX_REASONING_CHARACTERS = 8000

_MIN_SIDE_PX = 1e-3
"""Boxes thinner than this are empty: no model means a thousandth of a pixel."""


def parse_answer(
    text: str,
    *,
    image_size_px: tuple[int, int],
    model_size_px: tuple[int, int] | None = None,
    coordinates: CoordinateConvention,
    task: Task,
    default_label: str,
    tokens: Tokens | None = None,
    logprobs: Sequence[float | None] | None = None,
) -> Answer:
    """Turn a reply into detections in pixels of the chip.

    Args:
        text: the reply; any text at all. Only its first 64 KB are read.
        image_size_px: (width, height) of the chip.
        model_size_px: (width, height) of the picture the model saw after its processor resized it; None when equal.
            Used with ``resized-pixels`` only.
        coordinates: what the numbers mean.
        task: ``refer`` keeps the first box only.
        default_label: for boxes without a label of their own.
        tokens: the reply's tokens (see ``scoring.Tokens``). With ``logprobs`` they give the scores; without them a
            score that the model wrote itself is taken, otherwise the score is None.
        logprobs: the natural logarithm of each token's probability.

    Returns:
        Boxes clipped to the chip with swapped corners put right, in the order of the text, and what was dropped.
        ``raw_text`` is the part of the text that was read, with lone surrogates replaced.
    """
    shown = _storable(text[:MAX_TEXT_BYTES])
    if not shown.isascii():
        shown = shown.encode()[:MAX_TEXT_BYTES].decode(errors="ignore")
    found = locate(shown)
    if len(shown) < len(text):
        found.drop(Reason.TOO_LONG)
    placed = _place(found, shown, image_size_px, model_size_px or image_size_px, coordinates)
    if task == "refer":
        for box, _, _ in placed[1:]:
            found.drop(Reason.NOT_ONE, shown[box.span[0] : box.span[1]])
        del placed[1:]
    scores: list[float | None] = [box.stated_score for box, _, _ in placed]
    if tokens is not None and logprobs is not None:
        scores = score_spans(tokens, logprobs, [box.number_spans for box, _, _ in placed], text=shown)
    return Answer(
        reasoning=clean_reasoning(found.reasoning),
        detections=tuple(
            Detection(
                box_chip_px=box_chip_px,
                label=_label(box.label) or default_label,
                score=score,
                keypoints_chip_px=keypoints_chip_px,
            )
            for (box, box_chip_px, keypoints_chip_px), score in zip(placed, scores, strict=True)
        ),
        dropped=tuple(found.drops),
        raw_text=shown,
    )


def clean_reasoning(text: str) -> str:
    """Reasoning as it is stored: no special tokens or control characters, at most 8,000 characters."""
    return _storable(blank(text[: 2 * MAX_REASONING_CHARACTERS]).strip()[:MAX_REASONING_CHARACTERS])


_Placed = tuple[LocatedBox, BoxPx, tuple[tuple[float, float], ...]]


def _place(
    found: Located,
    text: str,
    image_size_px: tuple[int, int],
    model_size_px: tuple[int, int],
    coordinates: CoordinateConvention,
) -> list[_Placed]:
    """Scale, order and clip the boxes; drop those that are not boxes on the image."""
    width, height = image_size_px
    unit_width, unit_height = (1000, 1000) if coordinates == "per-mille" else model_size_px
    scale_x, scale_y = width / max(unit_width, 1), height / max(unit_height, 1)
    placed: list[_Placed] = []
    seen: set[tuple[object, ...]] = set()
    for box in found.boxes:
        words = text[box.span[0] : box.span[1]]
        x0, x1 = sorted((box.corners[0] * scale_x, box.corners[2] * scale_x))
        y0, y1 = sorted((box.corners[1] * scale_y, box.corners[3] * scale_y))
        clipped = (max(x0, 0.0), max(y0, 0.0), min(x1, float(width)), min(y1, float(height)))
        identity = (box.corners, box.label)
        if identity in seen:
            found.drop(Reason.TWICE, words)
        elif x1 - x0 < _MIN_SIDE_PX or y1 - y0 < _MIN_SIDE_PX:
            found.drop(Reason.EMPTY_BOX, words)
        elif all(0.0 <= corner <= 1.0 for corner in box.corners):
            found.drop(Reason.FRACTIONS, words)
        elif clipped[2] - clipped[0] < _MIN_SIDE_PX or clipped[3] - clipped[1] < _MIN_SIDE_PX:
            found.drop(Reason.OUTSIDE, words)
        elif len(placed) >= MAX_BOXES:
            found.drop(Reason.TOO_MANY, words)
        else:
            seen.add(identity)
            keypoints_chip_px = tuple(
                (min(max(x * scale_x, 0.0), float(width)), min(max(y * scale_y, 0.0), float(height)))
                for x, y in box.keypoints
            )
            placed.append((box, clipped, keypoints_chip_px))
    return placed


def _storable(text: str) -> str:
    """The text with lone surrogates replaced, character for character, so that it can be written as UTF-8."""
    return (
        text
        if text.isascii()
        else "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in text)
    )


def _label(label: str | None) -> str:
    """A label on one line without control characters, at most 200 characters."""
    return _storable(" ".join(blank((label or "")[: 4 * MAX_LABEL_CHARACTERS]).split()))[:MAX_LABEL_CHARACTERS]
