"""Images to the pixels that the built-in model sees."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def letterbox(image: NDArray[np.uint8], side_px: int) -> tuple[NDArray[np.uint8], float]:
    """Put an image into the upper left corner of a black square.

    An image that fits is not enlarged: its objects keep their size. A larger one is reduced.

    Args:
        image: (height, width, 3) uint8.
        side_px: side of the square.

    Returns:
        The square, and model pixels per image pixel.
    """
    height, width = image.shape[:2]
    factor = min(1.0, side_px / max(height, width))
    if factor < 1.0:
        size = max(1, round(width * factor)), max(1, round(height * factor))
        image = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
    square = np.zeros((side_px, side_px, 3), dtype=np.uint8)
    square[: image.shape[0], : image.shape[1]] = image
    return square, factor


def normalise(squares: NDArray[np.uint8]) -> Tensor:
    """(B, S, S, 3) uint8 to (B, 3, S, S) float32 with ImageNet's mean and deviation."""
    x = torch.from_numpy(np.ascontiguousarray(squares)).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(v)[:, None, None] for v in (MEAN, STD))
    return (x - mean) / std


def as_rgb(image: Any) -> NDArray[np.uint8]:
    """A PIL image or array as (height, width, 3) uint8.

    Raises:
        ValueError: not an image of three channels of bytes.
    """
    array = np.asarray(image.convert("RGB")) if isinstance(image, Image.Image) else np.asarray(image)
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or 0 in array.shape:
        raise ValueError(f"an image is (height, width, 3) uint8, not {array.shape} {array.dtype}")
    return array
