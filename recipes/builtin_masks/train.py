"""Training of the mask network.

Crops with a mask (or the ellipse of a round thing) are taught by cross entropy and the Dice loss (Milletari et al. 2016,
arXiv 1606.04797). Crops with only a box are taught as BoxInst does it (Tian et al. 2021, arXiv 2012.02310): the mask must
reach all four sides of its box and stay inside, and neighbouring pixels of the same colour belong together.
"""

from __future__ import annotations

import json
import math
import time
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from geogrounding.models.segmenters.network import FRAMING, MaskNet
from geogrounding.models.segmenters.window import covered, network_input
from recipes.builtin_masks.crops import BOX, ELLIPSE, MASK, SIDE_PX, Crops

BATCH = {MASK: 36, BOX: 16, ELLIPSE: 12}
WEIGHT = {MASK: 1.0, BOX: 0.6, ELLIPSE: 0.5}
PEAK, PEAK_ON = 2.5e-3, 1.0e-3
"""Highest learning rate from a random start, and from earlier weights."""
WARM = 0.1
MEMORY = 0.995
"""The weights that are kept are a running mean over about 1 / (1 - MEMORY) steps."""
EVERY = 50
"""Steps from one look at the crops kept back to the next."""
HELD, MOST_HELD = 0.03, 500
"""Share of the outlined crops that is kept back, and how many of them are looked at."""
SAME_COLOUR = 0.3
"""Least similarity of two pixels, exp(-2 x distance of their colours in 0.2 of the range), that pulls them together."""
NEIGHBOURS = ((0, 2), (2, 0), (2, 2), (2, -2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How long a training takes; it ends at whichever is reached first."""

    steps: int
    minutes: float | None = None

    def progress(self, step: int, seconds: float) -> float:
        """From 0 to 1, where the training ends."""
        timed = 0.0 if self.minutes is None else seconds / (60.0 * self.minutes)
        return min(1.0, max(step / self.steps, timed))


def train(
    crops: Crops, out: Path, *, budget: Budget, seed: int, start: Path | None, state: Path, resume: bool = False
) -> None:
    """Train, and write ``masks.safetensors`` (float16) and ``training.json`` to the folder ``out``.

    The weights written are those that did best on crops kept back; what the base model does there is in the log as step 0.
    Every ``EVERY`` steps the state of the training is written too, from which ``resume`` goes on.

    Args:
        crops: to learn from.
        out: folder of the weights.
        budget: when it ends; the learning rate falls towards that end.
        seed: of every random choice.
        start: weights to begin with; None begins at random.
        state: file of the state of the training.
        resume: go on from there, where it exists.
    """
    torch.manual_seed(seed)
    net: MaskNet = MaskNet().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if start is not None:
        net.load_state_dict({name: value.float() for name, value in load_file(start).items()})
    mean = deepcopy(net).eval().requires_grad_(False)
    peak = PEAK if start is None else PEAK_ON
    optimiser = torch.optim.AdamW(net.parameters(), lr=peak, weight_decay=0.02)
    # The last crops of each kind are kept back: they come from other images than the first.
    of_kind = {kind: np.flatnonzero(crops.kind == kind) for kind in BATCH}
    dev = of_kind[MASK][-round(HELD * len(of_kind[MASK])) :][:MOST_HELD]
    of_kind[MASK] = of_kind[MASK][: -round(HELD * len(of_kind[MASK]))]
    done, spent, log, best = 0, 0.0, [], -1.0
    if resume and state.is_file():
        saved = torch.load(state, weights_only=True)
        net.load_state_dict(saved["net"])
        mean.load_state_dict(saved["mean"])
        optimiser.load_state_dict(saved["optimiser"])
        done, spent, log, best = saved["step"], saved["seconds"], saved["log"], saved["best"]
    else:
        log.append({"step": 0, "dev_iou": round(mean_iou(net, crops, dev), 4)})
        print(json.dumps(log[0]), flush=True)
        best = log[0]["dev_iou"] if start is not None else best
    out.mkdir(parents=True, exist_ok=True)
    state.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic() - spent
    while (progress := budget.progress(done, time.monotonic() - began)) < 1.0:
        for group in optimiser.param_groups:
            group["lr"] = peak * rate(progress)
        losses = _step(net, optimiser, crops, of_kind, np.random.default_rng([seed, done]), progress)
        done += 1
        _towards(mean, net, done)
        ended = budget.progress(done, time.monotonic() - began) >= 1.0
        if done % EVERY and not ended:
            continue
        spent = time.monotonic() - began
        numbers = {name: round(losses[kind], 4) for name, kind in (("mask", MASK), ("box", BOX), ("ellipse", ELLIPSE))}
        dev_iou = round(mean_iou(mean, crops, dev), 4)
        log.append({"step": done, "seconds": round(spent), **numbers, "dev_iou": dev_iou})
        print(json.dumps(log[-1]), flush=True)
        if dev_iou >= best:
            best = dev_iou
            weights = {name: value.half().contiguous() for name, value in mean.state_dict().items()}
            save_file(weights, out / "masks.safetensors", metadata=FRAMING.to_metadata())
            plan = {"seed": seed, "steps": budget.steps, "minutes": budget.minutes, "log": log}
            (out / "training.json").write_text(json.dumps(plan, indent=1) + "\n")
        saved = {"net": net.state_dict(), "mean": mean.state_dict(), "optimiser": optimiser.state_dict()}
        torch.save({**saved, "step": done, "seconds": spent, "log": log, "best": best}, state.with_suffix(".new"))
        state.with_suffix(".new").replace(state)


@torch.no_grad()
def _towards(mean: MaskNet, net: MaskNet, step: int) -> None:
    """Move the running mean; in the first steps it forgets faster, so that random weights do not stay in it."""
    share = 1.0 - min(MEMORY, (1.0 + step) / (10.0 + step))
    for own, new in zip(mean.parameters(), net.parameters(), strict=True):
        own.lerp_(new, share)


def rate(progress: float) -> float:
    """Share of the highest learning rate: up over the first tenth of the training, then down along a cosine."""
    if progress < WARM:
        return max(progress / WARM, 0.02)
    return 0.5 * (1.0 + math.cos(math.pi * (progress - WARM) / (1.0 - WARM)))


def _step(
    net: MaskNet,
    optimiser: torch.optim.Optimizer,
    crops: Crops,
    of_kind: dict[int, NDArray[np.int64]],
    rng: np.random.Generator,
    progress: float,
) -> dict[int, float]:
    """One batch; returns the loss of each kind."""
    chosen = [rng.choice(of_kind[kind], number) for kind, number in BATCH.items()]
    inputs, targets, boxes = batch_of(crops, np.concatenate(chosen), rng)
    with torch.autocast("cpu", torch.bfloat16):
        logits = net(inputs)
    logits = logits.float()
    losses, start = {}, 0
    for kind, number in BATCH.items():
        part = slice(start, start + number)
        losses[kind] = (
            box_loss(logits[part], inputs[part], boxes[part], pull=min(1.0, 3 * progress))
            if kind == BOX
            else mask_loss(logits[part], targets[part], inputs[part, 4])
        )
        start += number
    loss = sum((WEIGHT[kind] * value for kind, value in losses.items()), torch.zeros(()))
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimiser.step()
    return {kind: value.item() for kind, value in losses.items()}


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
    x_in, y_in = covered(boxes[:, [0, 2]], SIDE_PX), covered(boxes[:, [1, 3]], SIDE_PX)
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
