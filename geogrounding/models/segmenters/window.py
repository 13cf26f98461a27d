"""From an image and a box to the crop that the mask network sees."""

from __future__ import annotations

import torch
from torch import Tensor


def network_input(rgb: Tensor, inside: Tensor, boxes_crop_px: Tensor) -> Tensor:
    """The five channels (N, 5, S, S) of the network.

    Args:
        rgb: (N, 3, S, S) in [0, 1].
        inside: (N, S, S) 1 where the crop shows the image, else 0.
        boxes_crop_px: (N, 4) in pixels of the crop.
    """
    side = rgb.shape[-1]
    x, y = covered(boxes_crop_px[:, [0, 2]], side), covered(boxes_crop_px[:, [1, 3]], side)
    box = y[:, :, None] * x[:, None, :]
    colours = (rgb - 0.45) / 0.2 * inside[:, None]
    return torch.cat([colours, box[:, None], inside[:, None]], 1).contiguous(memory_format=torch.channels_last)


def covered(edges: Tensor, side_px: int) -> Tensor:
    """How much of each of S pixels (N, S) an interval (N, 2) covers."""
    at = torch.arange(side_px, dtype=edges.dtype, device=edges.device)
    return (torch.minimum(edges[:, 1:], at + 1) - torch.maximum(edges[:, :1], at)).clamp(0, 1)
