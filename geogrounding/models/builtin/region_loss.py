"""Loss of fine-tuning over regions: which of them are the boxes of a right answer, and which are background.

The tokens of an answer carry little information about the dozens of regions that are *not* in it, and few-shot training has
few answers. So the score of every region is learned as well, against the boxes: the best region of each box is right, one
that shares much of a box without being its best counts neither way, every other one is wrong.

Frames: pixels of the model's image.
"""

from __future__ import annotations

import torch
from torch import Tensor

from geogrounding.models.builtin.regions import pairwise_iou

SAME = 0.5
"""IoU from which a region can be that of a box."""
NEAR = 0.3
"""IoU from which a region that is not the best of its box is no example of something else."""
ALIKE = 0.94
"""Cosine of what two regions look like from which they may be the same kind of thing. Of airplanes in one chip 95% are above
it and 3 of 4 other regions below; of tree crowns in a wood nearly everything is above."""
AS_SURE = 0.6
"""Share of the usual score of the right regions from which another may be one that was not labelled."""
WORTH_OF_SCORES = 8.0
"""Weight of the scores' loss beside that of the tokens."""
NO_REGION = -20.0
"""Relevances below this stand where an image has fewer regions."""


def after_seeing(hidden: Tensor, see: Tensor) -> tuple[Tensor, Tensor]:
    """The state of (B, T, width) at the first token of seeing in (B, T), and (B,) whether there is one."""
    at = see.to(torch.int8).argmax(1)
    return hidden[torch.arange(len(hidden), device=hidden.device), at], see.any(1)


def right_regions(boxes_px: Tensor, truth_px: Tensor) -> tuple[Tensor, Tensor]:
    """Which regions are the boxes of an answer.

    Args:
        boxes_px: (B, K, 4) regions.
        truth_px: (B, N, 4) boxes, NaN where there are fewer.

    Returns:
        (B, K) right, and (B, K) neither right nor wrong.
    """
    there = ~truth_px.isnan().any(-1)
    overlap = pairwise_iou(boxes_px, truth_px.nan_to_num(0.0)) * there[:, None]
    if not overlap.shape[2]:
        nothing = torch.zeros(boxes_px.shape[:2], dtype=torch.bool, device=boxes_px.device)
        return nothing, nothing
    best, at = overlap.max(1)
    right = torch.zeros_like(overlap[..., 0]).scatter_add(1, at, (best >= SAME).float()) > 0
    return right, ~right & (overlap.amax(2) >= NEAR)


def _at(boxes_px: Tensor, places_px: Tensor) -> Tensor:
    """(B, K) which regions (B, K, 4) share much of a place (B, M, 4), NaN where there are fewer."""
    there = ~places_px.isnan().any(-1)
    overlap = pairwise_iou(boxes_px, places_px.nan_to_num(0.0)) * there[:, None]
    shared: Tensor = (overlap >= NEAR).any(-1)
    return shared


def alike(look: Tensor, right: Tensor) -> Tensor:
    """(B, K) which regions look like the mean of the right ones of their image, by what they look like (B, K, F)."""
    look = torch.nn.functional.normalize(look.float(), dim=-1)
    centre = torch.nn.functional.normalize((look * right[..., None]).sum(1), dim=-1)
    out: Tensor = (look @ centre[..., None])[..., 0] >= ALIKE
    return out


def score_loss(
    scores: Tensor,
    boxes_px: Tensor,
    truth_px: Tensor,
    real: Tensor,
    *,
    look: Tensor,
    partial: Tensor,
    sure: Tensor | None = None,
    unlike_px: Tensor | None = None,
) -> Tensor:
    """Cross-entropy of the scores of regions, a mean over those that count.

    Args:
        scores: (B, K) logits.
        boxes_px: (B, K, 4) regions.
        truth_px: (B, N, 4) boxes, NaN where there are fewer.
        real: (B, K) where there is a region.
        look: (B, K, F) what the regions look like.
        partial: (B,) True where the boxes may not be all: regions that look like them then count neither way.
        sure: (B, K) best score of each region in the region head, where it is known: a region that is much less of an
            object than the right ones is an example of nothing, whatever it looks like.
        unlike_px: (B, M, 4) boxes of what is not meant, NaN where there are fewer: regions there are wrong, whatever they
            look like.
    """
    right, unsure = right_regions(boxes_px.float(), truth_px.float())
    may_be_more = alike(look, right) | ~right.any(1, keepdim=True)
    if sure is not None:
        usual = (sure * right).sum(1, keepdim=True) / right.sum(1, keepdim=True).clamp(min=1)
        may_be_more = may_be_more & (sure >= AS_SURE * usual)
    rejected = torch.zeros_like(right) if unlike_px is None else _at(boxes_px.float(), unlike_px.float())
    unsure = unsure | (partial[:, None] & ~right & may_be_more & ~rejected)
    counts = (real & ~unsure).float()
    wrong = torch.nn.functional.binary_cross_entropy_with_logits(scores.float(), right.float(), reduction="none")
    return (wrong * counts).sum() / counts.sum().clamp(min=1.0)
