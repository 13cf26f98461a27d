"""Training of the region head on cached features."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geogrounding.models.builtin.processing import normalise
from geogrounding.models.builtin.regions import DenseMaps, RegionHead
from recipes.builtin_model.corpora import CLASSES, SIDE_PX
from recipes.builtin_model.features import Cache, Joined, Record

CONTAINERS = frozenset({"harbor", "ground track field", "bridge"})
"""Classes inside whose boxes other classes stand as well."""
STRIDE_PX = 7
FINE = SIDE_PX // STRIDE_PX
MIN_VISIBLE = 0.6
MIN_SIDE_PX = 5.0
SPARSE = {"neon": 0.15}
"""Weight of negatives in sets whose labels miss some objects."""
UNLABELLED = 0.25
"""Weight of a place without a label as a negative for "any object": something unnamed may stand there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What the fine cells of one view should say."""

    label: NDArray[np.int8]
    """(G, G) class index, or -1."""
    box_px: NDArray[np.float32]
    """(G, G, 4)."""
    weight: NDArray[np.float32]
    """(G, G) weight of the cell's box loss: objects of many cells count less than their area."""
    care: NDArray[np.float32]
    """(classes + 1, G, G) weight of the score loss."""


def target_of(record: Record) -> Target:
    """Assign objects to the fine cells around their centres; smaller objects win.

    Objects mostly outside the view, or too small to see, are neither found nor absent: their cells are left out.
    """
    label = np.full((FINE, FINE), -1, np.int8)
    box = np.zeros((FINE, FINE, 4), np.float32)
    weight = np.zeros((FINE, FINE), np.float32)
    sure = np.append(record.known.astype(np.float32), UNLABELLED) * SPARSE.get(record.source, 1.0)
    care = np.repeat(sure.astype(np.float32), FINE * FINE).reshape(-1, FINE, FINE)
    width, height = record.content_px
    beyond_x, beyond_y = math.ceil(width / STRIDE_PX), math.ceil(height / STRIDE_PX)
    care[:, beyond_y:, :] = 1.0
    care[:, :, beyond_x:] = 1.0
    boxes = record.boxes_view_px
    sides = boxes[:, 2:] - boxes[:, :2]
    for n in np.argsort(-np.prod(sides, axis=1), kind="stable"):
        low, high = boxes[n, :2], boxes[n, 2:]
        seen = record.visible[n] >= MIN_VISIBLE and sides[n].min() >= MIN_SIDE_PX
        centre, reach = (low + high) / 2, np.maximum(sides[n] * 0.22, STRIDE_PX * 0.5)
        if not seen:
            reach = sides[n] / 2
        first = np.floor((centre - reach) / STRIDE_PX + 0.5).clip(0, FINE - 1).astype(int)
        last = np.ceil((centre + reach) / STRIDE_PX - 0.5).clip(first + 1, FINE).astype(int)
        area = (slice(first[1], last[1]), slice(first[0], last[0]))
        if not seen:
            care[(slice(None), *area)] = 0.0
            label[area] = -1
            continue
        label[area], box[area] = record.labels[n], boxes[n]
        weight[area] = ((last - first).prod()) ** -0.5
        if CLASSES[record.labels[n]] not in CONTAINERS:
            care[(slice(None), *area)] = 1.0
        else:
            care[(record.labels[n], *area)] = 1.0
            care[(-1, *area)] = 1.0
    return Target(label=label, box_px=box, weight=weight, care=care)


def giou(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and generalised IoU (Rezatofighi et al. 2019, arXiv 1902.09630) of boxes (N, 4) one to one."""
    inter = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(-1)
    union = (a[:, 2:] - a[:, :2]).prod(-1) + (b[:, 2:] - b[:, :2]).prod(-1) - inter
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(-1)
    iou = inter / union.clamp(min=1e-6)
    return iou, iou - (hull - union) / hull.clamp(min=1e-6)


def region_loss(maps: DenseMaps, label: Tensor, box_px: Tensor, weight: Tensor, care: Tensor) -> Tensor:
    """Varifocal class loss (target: IoU of the cell's own box) plus generalised-IoU box loss.

    Args:
        maps: predictions, grid (G, G).
        label: (B, G, G); box_px: (B, G, G, 4); weight: (B, G, G); care: (B, classes + 1, G, G), see ``Target``.
    """
    found = label >= 0
    predicted = maps.boxes_px.permute(0, 2, 3, 1)[found]
    iou, generalised = giou(predicted, box_px[found])
    share = weight[found]
    norm = share.sum().clamp(min=1.0)
    box_loss = ((1 - generalised) * share).sum() / norm
    quality = torch.zeros_like(maps.logits).permute(0, 2, 3, 1)
    cells = quality[found]
    cells[torch.arange(len(cells)), label[found].long()] = iou.detach().clamp(0.1, 1.0)
    cells[:, -1] = iou.detach().clamp(0.1, 1.0)
    quality[found] = cells
    quality = quality.permute(0, 3, 1, 2)
    bce = torch.nn.functional.binary_cross_entropy_with_logits(maps.logits, quality, reduction="none")
    positive = quality > 0
    importance = torch.where(positive, quality * weight[:, None], 0.75 * maps.logits.detach().sigmoid() ** 2 * 0.5)
    return (bce * importance * care).sum() / norm + 2.0 * box_loss


def new_head(width: int = 160, fine: int = 64) -> RegionHead:
    """A fresh head for the built-in model's tower."""
    head = RegionHead(feature_width=768, feature_parts=2, width=width, fine=fine, classes=len(CLASSES), patch_px=14)
    return head.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def evenly(targets: Sequence[tuple[int, Target]]) -> NDArray[np.float64]:
    """(N,) how often each view is drawn: views with a rare class more often, by the root of its rarity."""
    shown = np.array([[bool((t.label == c).any()) for c in range(len(CLASSES))] for _, t in targets])
    rarity = np.maximum(shown.sum(0), 1) ** -0.5
    weight = np.where(shown.any(1), (shown * rarity).max(1), np.median(rarity))
    out: NDArray[np.float64] = weight / weight.sum()
    return out


def train_head(  # noqa: PLR0913 - keyword-only options of a training step
    head: RegionHead,
    cache: Cache | Joined,
    kept: Callable[[Record], bool],
    *,
    steps: int,
    checkpoint: Path,
    batch: int = 24,
    rate: float = 1.5e-3,
    seed: int = 0,
    report: Callable[[int, RegionHead], None] | None = None,
    every: int = 400,
) -> RegionHead:
    """Train with AdamW and a cosine schedule; returns the exponential average of the weights.

    Goes on from ``checkpoint`` when it exists.
    """
    average = copy.deepcopy(head)
    optimiser = torch.optim.AdamW(head.parameters(), lr=rate, weight_decay=0.05)
    begin = 0
    if checkpoint.exists():
        state: dict[str, Any] = torch.load(checkpoint, weights_only=True)
        head.load_state_dict(state["head"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        begin = int(state["step"])
    targets = [(n, target_of(r)) for n, r in enumerate(cache.records()) if kept(r)]
    chance = evenly(targets)
    start, total = time.time(), 0.0
    for step in range(begin, steps):
        rng = np.random.default_rng((seed, step))
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 100) * (0.5 * (1 + math.cos(math.pi * step / steps)) + 0.01)
        chosen = [targets[n] for n in rng.choice(len(targets), size=batch, p=chance)]
        features, pixels, parts = gather(cache, chosen)
        if rng.random() < 0.5:
            features = torch.nn.functional.dropout(features, 0.1)
        with torch.autocast("cpu", torch.bfloat16):
            maps = head(features, normalise(pixels))
        loss = region_loss(maps, *parts)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(head.parameters(), 5.0)
        optimiser.step()
        decay = min(0.998, (step + 1) / (step + 20))
        with torch.no_grad():
            for mine, theirs in zip(average.parameters(), head.parameters(), strict=True):
                mine.lerp_(theirs, 1 - decay)
        total += loss.item()
        if (step + 1) % 50 == 0:
            rate_now = (step + 1 - begin) * batch / (time.time() - start)
            print(f"step {step + 1} loss {total / 50:.4f} {rate_now:.1f} views/s of {len(targets)}", flush=True)
            total = 0.0
        if (step + 1) % every == 0 or step + 1 == steps:
            torch.save(
                {
                    "head": head.state_dict(),
                    "average": average.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "step": step + 1,
                },
                checkpoint,
            )
            if report is not None:
                report(step + 1, average)
    return average.eval()


def gather(
    cache: Cache | Joined, chosen: Sequence[tuple[int, Target]]
) -> tuple[Tensor, NDArray[np.uint8], tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Features, pixels and stacked targets of some views."""
    index = [n for n, _ in chosen]
    features = torch.from_numpy(np.stack([cache.features[n] for n in index])).float()
    pixels = np.stack([cache.pixels[n] for n in index])
    label, box, weight, care = (
        torch.from_numpy(np.stack([getattr(t, name) for _, t in chosen]))
        for name in ("label", "box_px", "weight", "care")
    )
    return features, pixels, (label, box, weight, care)
