"""The region head: from frozen features and raw pixels to a few dozen scored boxes.

It works on two grids. The coarse one (14 px cells) refines the frozen features; the fine one (7 px cells) adds a shallow
convolution of the raw pixels, because a car of 15 px is one cell of the tower. Every fine cell predicts, for the object
around it, class scores and, last, a score for being an object at all: it proposes things that the model has no class for,
so that a new class can be learned from a few labels without touching this head. Scores are
trained towards the IoU of the cell's own box, as in VarifocalNet (Zhang et al. 2021, arXiv 2008.13367), the distances to the
four sides as in FCOS (Tian et al. 2019, arXiv 1904.01355). Frames: pixels of the model's image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

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
    """The best boxes of each image, in reading order (top to bottom in rows of one fine cell, left to right)."""

    boxes_px: Tensor
    """(B, K, 4)."""
    scores: Tensor
    """(B, K, classes + 1) in [0, 1], the last for any object; all zero where fewer than K regions were found."""
    hidden: Tensor
    """(B, K, C) features of the cell that predicted the box."""
    look: Tensor
    """(B, K, F) mean of the tower's features inside the box: what the thing looks like, whatever its class."""

    def take(self, index: Tensor) -> Regions:
        """Rows ``index`` of the batch."""
        return Regions(**{f.name: getattr(self, f.name)[index] for f in fields(self)})

    def best(self, count: int) -> Regions:
        """The ``count`` best of each image in their order; padded with nothing where there are fewer."""
        score = self.scores.amax(-1)
        at = score.argsort(dim=-1, descending=True, stable=True)[:, :count].sort(dim=-1).values

        def chosen(x: Tensor) -> Tensor:
            out = torch.gather(x, 1, at[..., None].expand(-1, -1, x.shape[-1]))
            return nn.functional.pad(out, (0, 0, 0, count - out.shape[1]))

        return Regions(**{f.name: chosen(getattr(self, f.name)) for f in fields(self)})


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
        self,
        *,
        feature_width: int,
        feature_parts: int,
        width: int,
        fine: int,
        classes: int,
        patch_px: int,
        stem: int = 16,
        fine_blocks: int = 0,
    ) -> None:
        """Args:
        feature_width: channels of the frozen features, all parts together.
        feature_parts: hidden states they are made of (each is normalised by itself).
        width: channels of the coarse grid (a multiple of 16).
        fine: channels of the fine grid (a multiple of 16).
        classes: number of classes.
        patch_px: side of a coarse cell in pixels.
        stem: channels that the raw pixels give to the fine grid.
        fine_blocks: residual blocks on the fine grid, which see small objects together with what is around them.
        """
        super().__init__()
        self.parts, self.stride = feature_parts, patch_px // 2
        self.norms = nn.ModuleList(nn.LayerNorm(feature_width // feature_parts) for _ in range(feature_parts))
        self.reduce = nn.Linear(feature_width, width)
        self.coarse = nn.Sequential(Block(width), Block(width))
        self.up = nn.Conv2d(width, fine * 4, 1)
        self.stem = nn.Sequential(nn.Conv2d(3, stem, self.stride, stride=self.stride), nn.GELU())
        self.mix = nn.Conv2d(fine + stem, fine, 3, padding=1)
        self.mix_norm = nn.GroupNorm(fine // 16, fine)
        self.blocks = nn.Sequential(*(Block(fine) for _ in range(fine_blocks)))
        self.fine = nn.Conv2d(fine, fine, 1)
        self.out = nn.Conv2d(fine, classes + 1 + 4, 1)
        self.scored = classes + 1
        nn.init.constant_(self.out.bias[: self.scored], -math.log(99))  # type: ignore[index]

    def forward(self, features: Tensor, pixel_values: Tensor) -> DenseMaps:
        """Predict at every fine cell.

        Args:
            features: (B, cells, feature_width) frozen hidden states side by side.
            pixel_values: (B, 3, S, S) normalised image.
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
        fine = self.blocks(nn.functional.gelu(self.mix_norm(fine)))
        hidden = nn.functional.gelu(self.fine(fine))
        out = self.out(hidden).float()
        grid = (torch.arange(2 * side, device=out.device, dtype=torch.float32) + 0.5) * self.stride
        centre_y, centre_x = grid[:, None], grid[None, :]
        # exp(4) * 24 px reaches far beyond the image; the clamp keeps a broken weight from giving infinity
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


def features_in_the_middle(maps: DenseMaps, boxes_px: Tensor, side_px: int) -> Tensor:
    """Features (K, C + classes) of the fine cells in the middle of boxes (K, 4) of one image: C of unit length, then
    the logits of the classes.

    Args:
        maps: dense predictions of one image.
        boxes_px: pixels of the model's image.
        side_px: its side.
    """
    cells = maps.hidden.shape[-1]
    at = ((boxes_px[:, :2] + boxes_px[:, 2:]) / 2 * (cells / side_px)).long().clamp(0, cells - 1)
    hidden, logits = (of[0].float()[:, at[:, 1], at[:, 0]].T for of in (maps.hidden, maps.logits))
    return torch.cat([nn.functional.normalize(hidden, dim=-1), logits[:, :-1]], dim=1)


def suppressed(boxes: Tensor, label: Tensor, *, same: float = 0.5, other: float = 0.8) -> Tensor:
    """Greedy non-maximum suppression of boxes (N, 4) sorted best first, with labels (N,): (N,) True where a box goes.

    A box goes when a better one that stays covers it: IoU above ``same`` for one label, above ``other`` for two.
    The fixed point of one matrix operation; each round settles at least one more box, and few are needed.
    """
    near = pairwise_iou(boxes, boxes).triu(1) > torch.where(label[:, None] == label, same, other)
    gone = torch.zeros(len(boxes), dtype=torch.bool, device=boxes.device)
    for _ in range(len(boxes)):
        now = (near & ~gone[:, None]).any(0)
        if bool((now == gone).all()):
            break
        gone = now
    return gone


def select_regions(
    maps: DenseMaps, *, side_px: int, candidates: int, keep: int, least: int = 0, faint: float = 0.05
) -> Regions:
    """Keep the best boxes of each image without near-duplicates; see ``suppressed``.

    As many as an image needs: an empty chip costs little, and a crowded one is not cut short. What is found in an image
    does not depend on the others of its batch.

    Args:
        maps: dense predictions.
        side_px: side of the model's image; boxes are cut at it.
        candidates: most cells looked at.
        keep: most regions returned; a box is as good as its best score, the one for any object included.
        least: regions returned at any rate, however faint, also such as no class scores for.
        faint: score of a class from which a box is worth returning beyond ``least``.
    """
    scores = maps.logits.sigmoid().flatten(2).transpose(1, 2)  # (B, cells, classes)
    boxes = maps.boxes_px.flatten(2).transpose(1, 2).clamp(0, side_px)
    found = [
        _best(s, b, candidates=candidates, keep=keep, least=least, faint=faint)
        for s, b in zip(scores, boxes, strict=True)
    ]
    most = max(len(cells) for cells in found)
    index = torch.stack([nn.functional.pad(cells, (0, most - len(cells)), value=-1) for cells in found])
    real, at = (index >= 0)[..., None], index.clamp(min=0)[..., None]

    def take(x: Tensor) -> Tensor:
        return torch.gather(x, 1, at.expand(-1, -1, x.shape[-1])) * real

    regions_px = take(boxes)
    return Regions(
        boxes_px=regions_px,
        scores=take(scores),
        hidden=take(maps.hidden.float().flatten(2).transpose(1, 2)),
        look=mean_inside(maps.tower, regions_px * (maps.tower.shape[-1] / side_px)),
    )


def _best(scores: Tensor, boxes: Tensor, *, candidates: int, keep: int, least: int, faint: float) -> Tensor:
    """(K,) cells of one image whose boxes are kept, in reading order; scores (cells, classes + 1), boxes (cells, 4)."""
    of_class, label = scores[:, :-1].max(-1)
    order = scores.max(-1).values.sort(descending=True, stable=True).indices
    # of a few hundred cells enough stay for ``least``, unless nearly all show one object
    worth = of_class[order] >= faint
    worth[: 4 * least] = True
    index = order[worth][:candidates]
    index = index[~suppressed(boxes[index], label[index])]
    worth = of_class[index] >= faint
    worth[:least] = True
    index = index[worth][:keep]
    reading = (boxes[index, 1].floor() * 65536 + boxes[index, 0]).argsort(stable=True)
    return index[reading]
