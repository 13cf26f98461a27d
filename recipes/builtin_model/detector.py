"""What the region head learns from a view: targets of its cells, and the loss.

A cell that lies in the middle of an object learns its class and its box. A label of one class is a negative of every other
class, even in sets that do not label the other: a house is no tree. Exceptions are classes that may stand in each other's
boxes (``TOGETHER``) and the kinds of a class (``KIND_OF``): an overpass is a bridge as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geogrounding.models.builtin.regions import DenseMaps
from recipes.builtin_model.corpora import CLASSES, OTHER, SIDE_PX, View
from recipes.builtin_model.sets import LabelledSet

STRIDE_PX = 7
FINE = SIDE_PX // STRIDE_PX
MIN_VISIBLE = 0.6
MIN_SIDE_PX = 5.0
UNLABELLED = 0.15
"""Weight of a place without a label as a negative for "any object": something unnamed may stand there."""
KIND_OF = {"overpass": "bridge"}
TOGETHER = (
    {"harbor", "ship"}, {"harbor", "vehicle"}, {"bridge", "vehicle"}, {"overpass", "vehicle"}, {"bridge", "ship"},
    {"overpass", "ship"}, {"bridge", "overpass"}, {"ground track field", "vehicle"}, {"ground track field", "tree"},
    {"ground track field", "tennis court"}, {"ground track field", "basketball court"}, {"building", "solar panel"},
    {"ground track field", "baseball diamond"},
)  # fmt: skip
"""Pairs of classes of which one may stand in the middle of the other's box."""


def _tables() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(classes, classes + 1): what a label is, and what it surely is not."""
    count = len(CLASSES)
    right = np.zeros((count, count + 1), bool)
    right[:, :count] = np.eye(count, dtype=bool)
    right[:, -1] = True
    for narrow, wide in KIND_OF.items():
        right[CLASSES.index(narrow), CLASSES.index(wide)] = True
    wrong = ~right
    for pair in TOGETHER:
        one, other = (CLASSES.index(name) for name in sorted(pair))
        wrong[one, other] = wrong[other, one] = False
    return right, wrong


IS, IS_NOT = _tables()


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


def target_of(view: View, item: LabelledSet) -> Target:
    """Assign objects to the fine cells around their centres; smaller objects win.

    Objects mostly outside the view, too small to see, or of no class of the model are neither found nor absent: their
    cells are left out.
    """
    label = np.full((FINE, FINE), -1, np.int8)
    box = np.zeros((FINE, FINE, 4), np.float32)
    weight = np.zeros((FINE, FINE), np.float32)
    sure = np.array([k * item.faint.get(name, 1.0) for name, k in zip(CLASSES, view.known, strict=True)] + [UNLABELLED])
    care = np.repeat(sure.astype(np.float32), FINE * FINE).reshape(-1, FINE, FINE)
    width, height = view.content_px
    care[:, math.ceil(height / STRIDE_PX) :, :] = 1.0
    care[:, :, math.ceil(width / STRIDE_PX) :] = 1.0
    boxes = view.boxes_view_px
    sides = boxes[:, 2:] - boxes[:, :2]
    for n in np.argsort(-np.prod(sides, axis=1), kind="stable"):
        low, high, name = boxes[n, :2], boxes[n, 2:], view.labels[n]
        seen = view.visible[n] >= MIN_VISIBLE and sides[n].min() >= MIN_SIDE_PX and name != OTHER
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
        label[area], box[area] = name, boxes[n]
        weight[area] = ((last - first).prod()) ** -0.5
        care[(IS[name] | IS_NOT[name], *area)] = 1.0
    return Target(label=label, box_px=box, weight=weight, care=care)


def giou(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """IoU and generalised IoU (Rezatofighi et al. 2019, arXiv 1902.09630) of boxes (N, 4) one to one."""
    inter = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(-1)
    union = (a[:, 2:] - a[:, :2]).prod(-1) + (b[:, 2:] - b[:, :2]).prod(-1) - inter
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(-1)
    iou = inter / union.clamp(min=1e-6)
    return iou, iou - (hull - union) / hull.clamp(min=1e-6)


def detection_loss(maps: DenseMaps, label: Tensor, box_px: Tensor, weight: Tensor, care: Tensor) -> Tensor:
    """Varifocal class loss (target: IoU of the cell's own box) plus generalised-IoU box loss.

    A view of n objects counts as the root of n views of one, so that crowded views do not drown the others.

    Args:
        maps: predictions, grid (G, G).
        label: (B, G, G); box_px: (B, G, G, 4); weight: (B, G, G); care: (B, classes + 1, G, G), see ``Target``.
    """
    found = label >= 0
    weight = weight * found
    many = weight.sum((1, 2)).clamp(min=1.0)
    view = many**-0.5
    norm = (view * many).sum()
    iou, generalised = giou(maps.boxes_px.permute(0, 2, 3, 1)[found], box_px[found])
    box_loss = ((1 - generalised) * (weight * view[:, None, None])[found]).sum()
    quality = torch.zeros_like(maps.logits).permute(0, 2, 3, 1)
    is_right = torch.from_numpy(IS).to(label.device)[label[found].long()]
    quality[found] = is_right * iou.detach().clamp(0.1, 1.0)[:, None]
    quality = quality.permute(0, 3, 1, 2)
    bce = torch.nn.functional.binary_cross_entropy_with_logits(maps.logits, quality, reduction="none")
    negative = 0.375 * maps.logits.detach().sigmoid() ** 2
    importance = torch.where(quality > 0, quality * weight[:, None], negative)
    scores = (bce * importance * care * view[:, None, None, None]).sum()
    return (scores + 2.0 * box_loss) / norm
