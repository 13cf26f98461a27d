"""The network of the built-in segmenter: a small U-Net (Ronneberger et al. 2015, arXiv 1505.04597) on crops.

Every object is looked at in a window larger than its box, resized to a square whatever its aspect, so that the box
always covers the same middle of the crop and objects of every size cost the same. How large window and square are is
the ``Framing``, which weights carry with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Framing:
    """How an object is shown to the network."""

    side_px: int
    """Side of a crop, pixels; a multiple of 16."""
    share: float
    """Side of the window over the side of the box: what lies around an object shows where it ends."""

    def to_metadata(self) -> dict[str, str]:
        """As the metadata of a file of weights."""
        return {"format": "pt", "side_px": str(self.side_px), "share": str(self.share)}

    @classmethod
    def of_metadata(cls, metadata: Mapping[str, str] | None) -> Framing:
        """Read from the metadata of a file of weights."""
        found = metadata or {}
        return cls(int(found.get("side_px", 48)), float(found.get("share", 1.4)))


FRAMING = Framing(96, 1.8)
"""Of weights that are trained now."""
CHANNELS = 5
"""Of the input: red, green, blue, how much of each pixel the box covers, and whether the pixel is inside the image."""
WIDTHS = (16, 32, 64, 96)
"""Channels at 1/2, 1/4, 1/8 and 1/16 of the crop."""


class Block(nn.Module):
    """Residual 3 x 3 convolution with group norm."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.norm = nn.GroupNorm(8, width)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        out: Tensor = x + nn.functional.gelu(self.norm(self.conv(x)))
        return out


class MaskNet(nn.Module):
    """Crops with their boxes to mask logits."""

    def __init__(self) -> None:
        super().__init__()
        first, *deeper = WIDTHS
        self.stem = nn.Sequential(nn.Conv2d(CHANNELS, first, 4, stride=2, padding=1), nn.GELU(), Block(first))
        self.down = nn.ModuleList(
            nn.Sequential(nn.Conv2d(above, width, 2, stride=2), Block(width), Block(width))
            for above, width in zip(WIDTHS[:-1], deeper, strict=True)
        )
        self.up = nn.ModuleList(nn.Conv2d(below, above, 1) for above, below in _steps())
        self.mix = nn.ModuleList(nn.Sequential(nn.Conv2d(2 * above, above, 1), Block(above)) for above, _ in _steps())
        self.out = nn.Conv2d(first, 4, 3, padding=1)

    def forward(self, crops: Tensor) -> Tensor:
        """Logits (N, S, S) of the object for crops (N, CHANNELS, S, S)."""
        levels = [self.stem(crops)]
        for step in self.down:
            levels.append(step(levels[-1]))
        x = levels.pop()
        for up, mix in zip(self.up, self.mix, strict=True):
            wide = nn.functional.interpolate(up(x), scale_factor=2.0, mode="nearest")
            x = mix(torch.cat([wide, levels.pop()], 1))
        logits: Tensor = nn.functional.pixel_shuffle(self.out(x), 2)[:, 0]
        return logits


def _steps() -> list[tuple[int, int]]:
    """(channels above, channels below) of each step up, from the deepest on."""
    return list(zip(WIDTHS[-2::-1], WIDTHS[:0:-1], strict=True))
