"""Training of the mask network.

Crops with a mask (or the ellipse of a round thing) are taught by cross entropy and the Dice loss (Milletari et al. 2016,
arXiv 1606.04797). Crops with only a box are taught as BoxInst does it (Tian et al. 2021, arXiv 2012.02310): the mask must
reach all four sides of its box and stay inside, and neighbouring pixels of the same colour belong together.
"""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geogrounding.models.segmenters.network import SIDE_PX, MaskNet
from geogrounding.models.segmenters.window import covered, network_input
from recipes.builtin_masks.crops import BOX, ELLIPSE, MASK, Crops

BATCH = {MASK: 36, BOX: 16, ELLIPSE: 12}
WEIGHT = {MASK: 1.0, BOX: 0.6, ELLIPSE: 0.5}
PEAK = 2.5e-3
"""Highest learning rate."""
SAME_COLOUR = 0.3
"""Least similarity of two pixels, exp(-2 x distance of their colours in 0.2 of the range), that pulls them together."""
NEIGHBOURS = ((0, 2), (2, 0), (2, 2), (2, -2))


def train(crops: Crops, out: Path, *, steps: int, seed: int, held: float = 0.03) -> None:
    """Train from scratch and write ``masks.safetensors`` (float16) and ``training.json`` to the folder ``out``."""
    from safetensors.torch import save_file

    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net: MaskNet = MaskNet().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(net.parameters(), lr=PEAK, weight_decay=0.02)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, PEAK, total_steps=steps, pct_start=0.1)
    # The last crops of each kind are kept back: they come from other images than the first.
    of_kind = {kind: np.flatnonzero(crops.kind == kind) for kind in BATCH}
    dev = of_kind[MASK][-round(held * len(of_kind[MASK])) :]
    of_kind[MASK] = of_kind[MASK][: -len(dev)]
    log, began = [], time.monotonic()
    for step in range(steps):
        chosen = {kind: rng.choice(of_kind[kind], number) for kind, number in BATCH.items()}
        losses = {}
        index = np.concatenate(list(chosen.values()))
        inputs, targets, boxes = batch_of(crops, index, rng)
        with torch.autocast("cpu", torch.bfloat16):
            logits = net(inputs)
        logits = logits.float()
        start = 0
        for kind, number in BATCH.items():
            part = slice(start, start + number)
            losses[kind] = (
                box_loss(logits[part], inputs[part], boxes[part], pull=min(1.0, 3 * step / steps))
                if kind == BOX
                else mask_loss(logits[part], targets[part], inputs[part, 4])
            )
            start += number
        loss = sum((WEIGHT[kind] * value for kind, value in losses.items()), torch.zeros(()))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        plan.step()
        if step % 100 == 99 or step == steps - 1:
            net.eval()
            record = {
                "step": step + 1,
                "seconds": round(time.monotonic() - began),
                "mask": round(losses[MASK].item(), 4),
                "box": round(losses[BOX].item(), 4),
                "ellipse": round(losses[ELLIPSE].item(), 4),
                "dev_iou": round(mean_iou(net, crops, dev), 4),
            }
            net.train()
            log.append(record)
            print(json.dumps(record), flush=True)
            out.mkdir(parents=True, exist_ok=True)
            state = {name: value.half().contiguous() for name, value in net.state_dict().items()}
            save_file(state, out / "masks.safetensors", metadata={"format": "pt"})
            (out / "training.json").write_text(json.dumps({"seed": seed, "steps": steps, "log": log}, indent=1) + "\n")


def batch_of(crops: Crops, index: NDArray[np.int64], rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs (N, 5, S, S), masks (N, S, S) in [0, 1] and true boxes (N, 4), turned, mirrored and recoloured at random."""
    rgb = torch.from_numpy(crops.rgb[index]).permute(0, 3, 1, 2).float() / 255
    inside = torch.from_numpy(crops.inside[index]).float() / 255
    mask = torch.from_numpy(crops.mask[index]).float() / 255
    shown, true = torch.from_numpy(crops.box_crop_px[index]), torch.from_numpy(crops.true_box_crop_px[index])
    rgb = _recoloured(rgb, rng)
    parts = []
    for n in range(len(index)):
        flip, quarters = bool(rng.integers(2)), int(rng.integers(4))
        grids = torch.cat([rgb[n], inside[n : n + 1], mask[n : n + 1]])
        boxes = torch.stack([shown[n], true[n]])
        if flip:
            grids, boxes = (
                grids.flip(-1),
                torch.stack([SIDE_PX - boxes[:, 2], boxes[:, 1], SIDE_PX - boxes[:, 0], boxes[:, 3]], 1),
            )
        for _ in range(quarters):  # counter-clockwise
            boxes = torch.stack([boxes[:, 1], SIDE_PX - boxes[:, 2], boxes[:, 3], SIDE_PX - boxes[:, 0]], 1)
        parts.append((torch.rot90(grids, quarters, (1, 2)), boxes))
    grids = torch.stack([p[0] for p in parts])
    both = torch.stack([p[1] for p in parts])
    return network_input(grids[:, :3], grids[:, 3], both[:, 0]), grids[:, 4], both[:, 1]


def _recoloured(rgb: Tensor, rng: np.random.Generator) -> Tensor:
    """Brightness, contrast, gamma, saturation and colour cast changed a little; (N, 3, S, S) in [0, 1]."""
    count = len(rgb)

    def draw(spread: float, *shape: int) -> Tensor:
        return torch.from_numpy(rng.normal(0, spread, (count, *shape))).float()

    x = rgb.clamp(1e-4, 1) ** draw(0.2, 1, 1, 1).exp()
    mean = x.mean((1, 2, 3), keepdim=True)
    x = (x - mean) * draw(0.2, 1, 1, 1).exp() + mean + draw(0.06, 1, 1, 1)
    grey = x.mean(1, keepdim=True)
    saturation = draw(0.3, 1, 1, 1).exp() * torch.from_numpy(rng.random((count, 1, 1, 1)) > 0.08).float()
    return ((grey + (x - grey) * saturation) * draw(0.06, 3, 1, 1).exp()).clamp(0, 1)


def mask_loss(logits: Tensor, target: Tensor, inside: Tensor) -> Tensor:
    """Cross entropy and Dice loss where the crop shows the image."""
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(logits, target, weight=inside)
    p, t = logits.sigmoid() * inside, target * inside
    dice = 1 - (2 * (p * t).sum((1, 2)) + 1) / ((p * p).sum((1, 2)) + (t * t).sum((1, 2)) + 1)
    return entropy + dice.mean()


def box_loss(logits: Tensor, inputs: Tensor, boxes: Tensor, *, pull: float) -> Tensor:
    """The loss of BoxInst; ``pull`` in [0, 1] is the weight of the colours, which grows over the training."""
    p = logits.sigmoid()
    x_in, y_in = covered(boxes[:, [0, 2]]), covered(boxes[:, [1, 3]])
    sides = torch.zeros(())
    for found, true in ((p.amax(1), x_in), (p.amax(2), y_in)):
        sides = sides + (1 - 2 * (found * true).sum(1) / ((found**2).sum(1) + (true**2).sum(1) + 1e-4)).mean()
    box = y_in[:, :, None] * x_in[:, None, :]
    outside = (p * (1 - box)).mean()
    colours, pulled, count = inputs[:, :3], torch.zeros(()), torch.zeros(())
    for dy, dx in NEIGHBOURS:
        a, b = _pair(p, dy, dx)
        ca, cb = _pair(colours, dy, dx)
        within, _ = _pair(box, dy, dx)
        like = torch.exp(-2.0 * (ca - cb).norm(dim=1))
        counted = within * (like >= SAME_COLOUR)
        pulled = pulled - (counted * torch.log((a * b + (1 - a) * (1 - b)).clamp(min=1e-4))).sum()
        count = count + counted.sum()
    return sides + 2.0 * outside + pull * pulled / count.clamp(min=1)


def _pair(x: Tensor, dy: int, dx: int) -> tuple[Tensor, Tensor]:
    """Values of each pixel and of its neighbour ``dy`` below and ``dx`` to the right (left, when negative)."""
    height, width = x.shape[-2:]
    first = x[..., : height - dy, max(0, -dx) : width - max(0, dx)]
    second = x[..., dy:, max(0, dx) : width + min(0, dx)]
    return first, second


@torch.inference_mode()
def mean_iou(net: MaskNet, crops: Crops, index: NDArray[np.int64]) -> float:
    """Mean IoU of the masks with the true ones, on crops that were kept back."""
    total = 0.0
    for part in np.array_split(index, max(1, math.ceil(len(index) / 64))):
        rgb = torch.from_numpy(crops.rgb[part]).permute(0, 3, 1, 2).float() / 255
        inside = torch.from_numpy(crops.inside[part]).float() / 255
        found = net(network_input(rgb, inside, torch.from_numpy(crops.box_crop_px[part]))) > 0
        true = torch.from_numpy(crops.mask[part]) > 127
        shown = inside > 0.5
        inter = (found & true & shown).sum((1, 2)).double()
        union = ((found | true) & shown).sum((1, 2)).clamp(min=1).double()
        total += float((inter / union).sum())
    return total / max(1, len(index))
