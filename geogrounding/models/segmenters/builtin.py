"""The built-in segmenter: each object in a crop of its own, through a small network."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geogrounding.errors import ModelError
from geogrounding.geometry.masks import pack_mask
from geogrounding.models.segmenters.base import Points
from geogrounding.models.segmenters.network import Framing, MaskNet
from geogrounding.models.segmenters.window import network_input
from geogrounding.types import Mask

WEIGHTS = Path(__file__).parent / "weights" / "masks.safetensors"
BATCH = 64
"""Crops at a time."""


class BuiltinSegmenter:
    """Masks from boxes, without a transformer: see ``segmenters.load``."""

    name = "builtin"

    def __init__(self, weights: Path = WEIGHTS, *, device: str | None = None) -> None:
        from safetensors import safe_open
        from safetensors.torch import load_file

        try:
            data = weights.read_bytes()
            self._device = torch.device(device or "cpu")
            with safe_open(weights, "pt") as file:
                self._framing = Framing.of_metadata(file.metadata())
            net = MaskNet()
            net.load_state_dict({name: value.float() for name, value in load_file(weights).items()})
            self._net: MaskNet | None = (
                net.eval().requires_grad_(False).to(self._device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            )
        except (OSError, RuntimeError, AssertionError, ValueError) as error:
            raise ModelError(
                f"the built-in segmenter cannot be loaded: {error}", hint="Reinstall geogrounding."
            ) from error
        self.fingerprint = f"builtin-masks:{hashlib.sha256(data).hexdigest()[:16]}"

    @torch.inference_mode()
    def segment(
        self, image: NDArray[np.uint8], boxes_px: NDArray[np.float64], keypoints_px: Sequence[Points]
    ) -> list[Mask | None]:
        """Draw the object in each box; see ``Segmenter.segment``. Keypoints are not used."""
        if self._net is None:
            raise ModelError("the segmenter is closed", hint="Load it again.")
        height, width = image.shape[:2]
        whole = torch.from_numpy(np.array(image))  # a copy: chips are read-only
        whole = whole.permute(2, 0, 1).float() / 255
        out: list[Mask | None] = []
        for start in range(0, len(boxes_px), BATCH):
            boxes = boxes_px[start : start + BATCH]
            windows = [_window(box, self._framing.share) for box in boxes]
            side = self._framing.side_px
            crops = [_crop(whole, window, side) for window in windows]
            shown = torch.tensor(np.stack([_in_crop(b, w, side) for b, w in zip(boxes, windows, strict=True)]))
            inputs = network_input(
                torch.stack([rgb for rgb, _ in crops]), torch.stack([inside for _, inside in crops]), shown.float()
            )
            logits = self._net(inputs.to(self._device)).float().cpu()
            out += [_mask(one, window, (width, height)) for one, window in zip(logits, windows, strict=True)]
        return out

    def close(self) -> None:
        """Free the weights."""
        self._net = None


Window = tuple[int, int, int, int]


def _window(box: NDArray[np.float64], share: float) -> Window:
    """Whole pixels around a box; may reach beyond the image."""
    centre, half = (box[:2] + box[2:]) / 2, np.maximum((box[2:] - box[:2]) / 2, 0.5) * share
    x0, y0 = np.floor(centre - half).astype(int).tolist()
    x1, y1 = np.ceil(centre + half).astype(int).tolist()
    return x0, y0, x1, y1


def _in_crop(box: NDArray[np.float64], window: Window, side_px: int) -> NDArray[np.float64]:
    x0, y0, x1, y1 = window
    scale = np.array([side_px / (x1 - x0), side_px / (y1 - y0)] * 2)
    placed: NDArray[np.float64] = (box - [x0, y0, x0, y0]) * scale
    return placed


def _crop(whole: Tensor, window: Window, side_px: int) -> tuple[Tensor, Tensor]:
    """The window of an image (3, H, W) as a crop (3, S, S), and where it shows the image (S, S)."""
    x0, y0, x1, y1 = window
    height, width = whole.shape[1:]
    left, top, right, bottom = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    part = whole[:, top:bottom, left:right]
    beyond = (left - x0, x1 - right, top - y0, y1 - bottom)
    if any(beyond):
        inside = torch.nn.functional.pad(torch.ones(part.shape[1:]), beyond)
        part = torch.nn.functional.pad(part, beyond)
    else:
        inside = torch.ones(part.shape[1:])
    both = torch.cat([part, inside[None]])[None]
    small = torch.nn.functional.interpolate(both, (side_px, side_px), mode="bilinear", antialias=True)[0]
    return small[:3], (small[3] > 0.5).float()


def _mask(logits: Tensor, window: Window, size: tuple[int, int]) -> Mask | None:
    """The mask from logits (S, S) of a window, cut at the image of this (width, height)."""
    x0, y0, x1, y1 = window
    full = torch.nn.functional.interpolate(logits[None, None], (y1 - y0, x1 - x0), mode="bilinear", antialias=True)
    pixels = full[0, 0].numpy() > 0
    left, top, right, bottom = max(x0, 0), max(y0, 0), min(x1, size[0]), min(y1, size[1])
    return pack_mask(pixels[top - y0 : bottom - y0, left - x0 : right - x0], (left, top))
