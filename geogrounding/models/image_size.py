"""The size at which Qwen's image processor shows an image to the model."""

from __future__ import annotations

import math

from geogrounding.errors import SettingsError

QWEN_FACTOR_PX = 28
QWEN_MIN_PIXELS = 56 * 56
QWEN_MAX_PIXELS = 1280 * 28 * 28
"""Defaults of transformers' Qwen2-VL and Qwen2.5-VL image processors: 4 to 1280 squares of 28 px."""

_QWEN_MAX_ASPECT = 200


def smart_resize(
    width: int,
    height: int,
    *,
    factor: int = QWEN_FACTOR_PX,
    min_pixels: int = QWEN_MIN_PIXELS,
    max_pixels: int = QWEN_MAX_PIXELS,
) -> tuple[int, int]:
    """The (width, height) to which Qwen's image processor resizes an image, in pixels.

    Both sides are multiples of ``factor``, their product lies in [min_pixels, max_pixels], the aspect ratio is kept as
    nearly as that allows. The same arithmetic as ``smart_resize`` of transformers' Qwen2-VL image processor (which
    takes height before width); a size it returned is returned unchanged when it is put in again.

    Raises:
        SettingsError: a side is below one pixel, or one side is more than 200 times the other.
    """
    if width < 1 or height < 1 or max(width, height) > _QWEN_MAX_ASPECT * min(width, height):
        raise SettingsError(
            f"an image of {width} x {height} pixels cannot be resized for the model",
            hint=f"Choose tiles whose longer side is at most {_QWEN_MAX_ASPECT} times the shorter one.",
        )
    resized_width, resized_height = round(width / factor) * factor, round(height / factor) * factor
    if resized_width * resized_height > max_pixels:
        shrink = math.sqrt(width * height / max_pixels)
        resized_width = max(factor, math.floor(width / shrink / factor) * factor)
        resized_height = max(factor, math.floor(height / shrink / factor) * factor)
    elif resized_width * resized_height < min_pixels:
        grow = math.sqrt(min_pixels / (width * height))
        resized_width = math.ceil(width * grow / factor) * factor
        resized_height = math.ceil(height * grow / factor) * factor
    return resized_width, resized_height
