"""Chips on their way to a model server: the size they are sent at, and their encoding."""

from __future__ import annotations

import base64
import io
import threading
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from geogrounding.errors import SettingsError
from geogrounding.models.image_size import QWEN_MAX_PIXELS, QWEN_MIN_PIXELS, smart_resize
from geogrounding.types import CoordinateConvention

_MIN_SIDE_PX = 28
"""Processors refuse images below one merged patch."""
_MAX_ASPECT = 100


@dataclass(slots=True)
class SentImage:
    """A chip as it is sent; encoded once, by the first thread that needs it."""

    pixels: NDArray[np.uint8]
    """(height, width, 3)."""
    sent_size_px: tuple[int, int] = (0, 0)
    """(width, height) of the image in the request."""
    data_url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSender:
    """How images are sent.

    Raises:
        SettingsError: a setting is out of range.
    """

    coordinates: CoordinateConvention
    square: bool = False
    """Whether images are stretched to a square, because the model's processor pads or cuts off oblong ones."""
    input_size_px: int | None = None
    """Side of the fixed square input of the served model."""
    max_pixels: int = QWEN_MAX_PIXELS
    jpeg_quality: int | None = None
    """1 to 95; None sends PNG."""

    def __post_init__(self) -> None:
        if self.input_size_px is not None and self.input_size_px < 1:
            raise SettingsError(f"an input of {self.input_size_px} pixels is not positive")
        if self.jpeg_quality is not None and not 1 <= self.jpeg_quality <= 95:
            raise SettingsError(f"JPEG quality {self.jpeg_quality} is not between 1 and 95")
        if self.max_pixels < QWEN_MIN_PIXELS:
            raise SettingsError(
                f"a budget of {self.max_pixels} pixels is too small", hint=f"Allow at least {QWEN_MIN_PIXELS}."
            )

    def size_to_send(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) for a chip, chosen so that the server's processor leaves it as it is where that matters."""
        if self.input_size_px is not None:
            return self.input_size_px, self.input_size_px
        # Very narrow chips are widened: processors refuse extreme shapes, and each axis is scaled back on its own.
        fitted_width = max(width, -(-height // _MAX_ASPECT))
        fitted_height = max(height, -(-width // _MAX_ASPECT))
        if self.square:
            side = max(fitted_width, fitted_height, _MIN_SIDE_PX)
            return side, side
        if self.coordinates != "resized-pixels":
            return max(fitted_width, _MIN_SIDE_PX), max(fitted_height, _MIN_SIDE_PX)
        return smart_resize(fitted_width, fitted_height, max_pixels=self.max_pixels)

    def encode(self, image: SentImage) -> None:
        """Fill in the data URL and the size sent, once."""
        with image.lock:
            if image.data_url:
                return
            from PIL import Image

            height, width = image.pixels.shape[:2]
            size = self.size_to_send(width, height)
            shown = Image.fromarray(np.ascontiguousarray(image.pixels))
            if size != (width, height):
                shown = shown.resize(size, Image.Resampling.BICUBIC)
            buffer = io.BytesIO()
            if self.jpeg_quality is None:
                kind = "png"
                shown.save(buffer, "PNG", compress_level=1)
            else:
                kind = "jpeg"
                shown.save(buffer, "JPEG", quality=self.jpeg_quality)
            image.sent_size_px = size
            image.data_url = f"data:image/{kind};base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
