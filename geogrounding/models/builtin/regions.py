"""The region head: from frozen features and raw pixels to a few dozen scored boxes.

It works on two grids. The coarse one (14 px cells) refines the frozen features; the fine one (7 px cells) adds a shallow
convolution of the raw pixels, because a car of 15 px is one cell of the tower. Every fine cell predicts, for the object
around it, class scores and, last, a score for being an object at all: it proposes things that the model has no class for,
so that a new class can be learned from a few labels without touching this head. Scores are
trained towards the IoU of the cell's own box, as in VarifocalNet (Zhang et al. 2021, arXiv 2008.13367), the distances to the
four sides as in FCOS (Tian et al. 2019, arXiv 1904.01355). Frames: pixels of the model's picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

BOX_UNIT_PX = 24.0
"""A predicted distance is this times exp(output)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseMaps:
    """What every fine cell says."""

    logits: Tensor
    """(B, classes + 1, G, G); the last is for any object."""
    boxes_px: Tensor
    """(B, 4, G, G): x0, y0, x1, y1."""
    hidden: Tensor
    """(B, C, G, G) features of the fine grid."""
    coarse: Tensor
    """(B, W, G / 2, G / 2) features of the coarse grid."""
    tower: Tensor
    """(B, F, G / 2, G / 2) the frozen tower's last layer that is read, normalised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Regions:
    """The best boxes of each picture, in reading order (top to bottom in rows of one fine cell, left to right)."""

    boxes_px: Tensor
    """(B, K, 4)."""
    scores: Tensor
    """(B, K, classes + 1) in [0, 1], the last for any object; all zero where fewer than K regions were found."""
    hidden: Tensor
    """(B, K, C) features of the cell that predicted the box."""
    look: Tensor
    """(B, K, F) mean of the tower's features inside the box: what the thing looks like, whatever its class."""


class Block(nn.Module):
    """Residual 3 x 3 convolution with group norm."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.norm = nn.GroupNorm(width // 16, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        out: Tensor = x + nn.functional.gelu(self.norm(self.conv(x)))
        return out


class RegionHead(nn.Module):
    """Dense predictions on a fine grid of twice the tower's resolution."""

    def __init__(
        self, *, feature_width: int, feature_parts: int, width: int, fine: int, classes: int, patch_px: int
    ) -> None:
        """Args:
        feature_width: channels of the frozen features, all parts together.
        feature_parts: hidden states they are made of (each is normalised by itself).
        width: channels of the coarse grid (a multiple of 16).
        fine: channels of the fine grid (a multiple of 16).
        classes: number of classes.
        patch_px: side of a coarse cell in pixels.
        """
        super().__init__()
        self.parts, self.stride = feature_parts, patch_px // 2
        stem = 16
        self.norms = nn.ModuleList(nn.LayerNorm(feature_width // feature_parts) for _ in range(feature_parts))
        self.reduce = nn.Linear(feature_width, width)
        self.coarse = nn.Sequential(Block(width), Block(width))
        self.up = nn.Conv2d(width, fine * 4, 1)
        self.stem = nn.Sequential(nn.Conv2d(3, stem, self.stride, stride=self.stride), nn.GELU())
        self.mix = nn.Conv2d(fine + stem, fine, 3, padding=1)
        self.mix_norm = nn.GroupNorm(fine // 16, fine)
        self.fine = nn.Conv2d(fine, fine, 1)
        self.out = nn.Conv2d(fine, classes + 1 + 4, 1)
        self.scored = classes + 1
        nn.init.constant_(self.out.bias[: self.scored], -math.log(99))  # type: ignore[index]

    def forward(self, features: Tensor, pixel_values: Tensor) -> DenseMaps:
        """Predict at every fine cell.

        Args:
            features: (B, cells, feature_width) frozen hidden states side by side.
            pixel_values: (B, 3, S, S) normalised picture.
        """
        b, cells, _ = features.shape
        side = round(math.sqrt(cells))
        chunks = features.chunk(self.parts, -1)
        parts = [norm(chunk) for norm, chunk in zip(self.norms, chunks, strict=True)]
        tower = parts[-1].transpose(1, 2).reshape(b, -1, side, side)
        x = self.reduce(torch.cat(parts, -1)).transpose(1, 2).reshape(b, -1, side, side)
        coarse = self.coarse(x)
        fine = nn.functional.pixel_shuffle(self.up(coarse), 2)
        fine = self.mix(torch.cat([fine, self.stem(pixel_values)], 1))
        hidden = nn.functional.gelu(self.fine(nn.functional.gelu(self.mix_norm(fine))))
        out = self.out(hidden).float()
        grid = (torch.arange(2 * side, device=out.device, dtype=torch.float32) + 0.5) * self.stride
        centre_y, centre_x = grid[:, None], grid[None, :]
        # exp(4) * 24 px reaches far beyond the picture; the clamp keeps a broken weight from giving infinity
        left, top, right, bottom = (out[:, self.scored :].clamp(-4, 4).exp() * BOX_UNIT_PX).unbind(1)
        boxes = torch.stack([centre_x - left, centre_y - top, centre_x + right, centre_y + bottom], 1)
        return DenseMaps(logits=out[:, : self.scored], boxes_px=boxes, hidden=hidden, coarse=coarse, tower=tower)


def pairwise_iou(a: Tensor, b: Tensor) -> Tensor:
    """IoU of (..., N, 4) with (..., M, 4): (..., N, M)."""
    low = torch.maximum(a[..., :, None, :2], b[..., None, :, :2])
    high = torch.minimum(a[..., :, None, 2:], b[..., None, :, 2:])
    inter = (high - low).clamp(min=0).prod(-1)
    area_a = (a[..., 2:] - a[..., :2]).clamp(min=0).prod(-1)
    area_b = (b[..., 2:] - b[..., :2]).clamp(min=0).prod(-1)
    return inter / (area_a[..., :, None] + area_b[..., None, :] - inter).clamp(min=1e-6)


def mean_inside(grid: Tensor, boxes: Tensor) -> Tensor:
    """Mean of the cells that boxes touch, by an integral image: (B, C, G, G) and (B, K, 4) in cells to (B, K, C)."""
    side = grid.shape[-1]
    total = nn.functional.pad(grid.float().cumsum(-1).cumsum(-2), (1, 0, 1, 0)).flatten(2).transpose(1, 2)
    low = boxes[..., :2].floor().clamp(0, side - 1).long()
    high = torch.maximum(boxes[..., 2:].ceil().clamp(0, side).long(), low + 1)

    def at(x: Tensor, y: Tensor) -> Tensor:
        return torch.gather(total, 1, (y * (side + 1) + x)[..., None].expand(-1, -1, total.shape[-1]))

    inside = at(high[..., 0], high[..., 1]) - at(low[..., 0], high[..., 1])
    inside = inside - at(high[..., 0], low[..., 1]) + at(low[..., 0], low[..., 1])
    return inside / (high - low).prod(-1)[..., None]


def select_regions(
    maps: DenseMaps, *, side_px: int, candidates: int, keep: int, same: float = 0.5, other: float = 0.8
) -> Regions:
    """Keep the best boxes: a box goes when a better one of its class covers it (IoU above ``same``), or any above ``other``.

    The suppression is one matrix operation (a box may be suppressed by one that was itself suppressed; "fast NMS" of
    YOLACT, Bolya et al. 2019, arXiv 1904.02689), so it costs nothing beside the tower and is deterministic.

    Args:
        maps: dense predictions.
        side_px: side of the model's picture; boxes are cut at it.
        candidates: cells looked at.
        keep: regions returned; a box is as good as its best score, the one for any object included.
        same: IoU above which two boxes of one best class are the same object.
        other: the same for two different best classes.
    """
    scores = maps.logits.sigmoid().flatten(2).transpose(1, 2)  # (B, cells, classes)
    boxes = maps.boxes_px.flatten(2).transpose(1, 2).clamp(0, side_px)
    hidden = maps.hidden.float().flatten(2).transpose(1, 2)
    best = scores.max(-1).values
    label = scores[..., :-1].argmax(-1)
    top, index = best.sort(dim=-1, descending=True, stable=True)
    index, top = index[:, :candidates], top[:, :candidates]

    def take(x: Tensor, at: Tensor) -> Tensor:
        return torch.gather(x, 1, at[..., None].expand(-1, -1, x.shape[-1]))

    boxes, scores, hidden, label = (
        take(boxes, index),
        take(scores, index),
        take(hidden, index),
        torch.gather(label, 1, index),
    )
    overlap = pairwise_iou(boxes, boxes).triu(1)  # row: the better box
    equal = label[:, :, None] == label[:, None, :]
    doomed = (overlap > torch.where(equal, same, other)).any(1)
    top = top.masked_fill(doomed, 0.0)
    order = top.argsort(dim=-1, descending=True, stable=True)[:, :keep]
    boxes, scores, hidden = take(boxes, order), take(scores, order), take(hidden, order)
    scores = scores * (torch.gather(top, 1, order) > 0)[..., None]
    reading = (boxes[..., 1].floor() * (2 * side_px) + boxes[..., 0]).argsort(dim=-1, stable=True)
    boxes = take(boxes, reading)
    cells = boxes * (maps.tower.shape[-1] / side_px)
    return Regions(
        boxes_px=boxes,
        scores=take(scores, reading),
        hidden=take(hidden, reading),
        look=mean_inside(maps.tower, cells),
    )
