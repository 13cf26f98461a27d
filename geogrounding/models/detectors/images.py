"""Chips as the tensors of a detector, prepared from the numbers in the checkpoint's own configuration.

The processors of these families need torchvision or SciPy for resampling and for padding of oblong images. A chip is
stretched to the square input here, so that boxes are fractions of the sides of the chip, whatever a family pads; the
rest is resampling, scaling and normalisation with the mean and deviation of the checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from geogrounding.errors import ModelError
from geogrounding.models import hub

_MIN_SIDE_PX, _MAX_SIDE_PX = 16, 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInput:
    """How chips become pixel values."""

    side_px: int
    """Side of the square that the model sees."""
    resample: int
    """As Pillow numbers its filters."""
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def tensor(self, images: Sequence[NDArray[np.uint8]]) -> torch.Tensor:
        """Chips of (height, width, 3) uint8, any size, as (images, 3, side, side) float32."""
        size = (self.side_px, self.side_px)
        resized = [
            np.asarray(Image.fromarray(image).resize(size, Image.Resampling(self.resample)), np.float32)
            for image in images
        ]
        mean, std = np.asarray(self.mean, np.float32), np.asarray(self.std, np.float32)
        values: NDArray[np.float32] = (np.stack(resized) * np.float32(self.scale) - mean) / std
        return torch.from_numpy(np.ascontiguousarray(values.transpose(0, 3, 1, 2)))


def read_image_input(folder: Path) -> ImageInput:
    """Read preprocessor_config.json, or its newer form inside processor_config.json.

    Raises:
        ModelError: it is missing or holds something else.
    """
    hub.check_folder(folder, "processor")
    file = folder / "preprocessor_config.json"
    config = hub.read_json(file if file.is_file() else folder / "processor_config.json")
    config = config.get("image_processor", config)
    try:
        size = config.get("size") or {}
        side = int(size if isinstance(size, int) else size.get("shortest_edge") or size["height"])
        scales, normalizes = config.get("do_rescale", True), config.get("do_normalize", True)
        found = ImageInput(
            side_px=side,
            resample=int(Image.Resampling(int(config.get("resample", Image.Resampling.BICUBIC)))),
            scale=float(config.get("rescale_factor", 1 / 255)) if scales else 1.0,
            mean=_three(config["image_mean"]) if normalizes else (0.0, 0.0, 0.0),
            std=_three(config["image_std"]) if normalizes else (1.0, 1.0, 1.0),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(
            f"{file} does not say how images are prepared: {error!r}",
            hint="Take it from the original model with --processor.",
        ) from error
    if not _MIN_SIDE_PX <= found.side_px <= _MAX_SIDE_PX or min(found.std) <= 0:
        raise ModelError(f"{file} has an impossible size or deviation", hint="Download the model again.")
    return found


def _three(values: Any) -> tuple[float, ...]:
    numbers = tuple(float(value) for value in values)
    if len(numbers) != 3:
        raise ValueError(f"{len(numbers)} numbers instead of three")
    return numbers
