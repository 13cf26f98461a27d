"""Training of the region head together with the last blocks of the tower, on views drawn on the fly.

The learning rate follows the clock: it has fallen to nothing when the time that was given is over, however many views the
machine gets through. A run that is cut off goes on from its checkpoint, with the time that was left.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from geogrounding.models.builtin.pixels import normalise
from geogrounding.models.builtin.regions import DenseMaps, RegionHead
from recipes.builtin_model.backbone import vision_config
from recipes.builtin_model.corpora import CLASSES
from recipes.builtin_model.detector import detection_loss
from recipes.builtin_model.narrow import SILENT

READ = (9, 11)
"""Hidden states of the tower that the head reads."""
WIDTH, FINE_WIDTH, STEM, FINE_BLOCKS = 160, 96, 48, 2
KEPT_HIDDEN, KEPT_STEM, KEPT_CLASSES = 64, 16, 13
"""Sizes of the head of the first weights."""


def new_head() -> RegionHead:
    """A fresh region head of the built-in model's sizes."""
    return RegionHead(
        feature_width=384 * len(READ),
        feature_parts=len(READ),
        width=WIDTH,
        fine=FINE_WIDTH,
        classes=len(CLASSES),
        patch_px=14,
        stem=STEM,
        fine_blocks=FINE_BLOCKS,
    )


def grown_head(old: dict[str, Tensor]) -> RegionHead:
    """A head that says what a narrower one with fewer classes said: what is new adds nothing yet."""
    head = new_head()
    new = head.state_dict()
    for name in new:
        if name in old and new[name].shape == old[name].shape:
            new[name] = old[name].clone()
    k, s, c = KEPT_HIDDEN, KEPT_STEM, KEPT_CLASSES
    for name in ("up.weight", "up.bias", "mix_norm.weight", "mix_norm.bias", "fine.bias", "mix.bias"):
        new[name][: len(old[name])] = old[name]
    for name in ("stem.0.weight", "stem.0.bias"):
        new[name][:s] = old[name]
    new["mix.weight"][:k] = 0
    new["mix.weight"][:k, :k] = old["mix.weight"][:, :k]
    new["mix.weight"][:k, FINE_WIDTH : FINE_WIDTH + s] = old["mix.weight"][:, k:]
    new["fine.weight"][:k] = 0
    new["fine.weight"][:k, :k] = old["fine.weight"]
    rows = [*range(c), *range(len(CLASSES), len(CLASSES) + 5)]
    new["out.weight"][rows] = 0
    new["out.weight"][rows, :k] = old["out.weight"]
    new["out.bias"][rows] = old["out.bias"]
    for block in range(FINE_BLOCKS):
        new[f"blocks.{block}.norm.weight"].zero_()
    head.load_state_dict(new)
    return head


def fold(head: RegionHead, slopes: Sequence[float], shifts: Sequence[float]) -> None:
    """Calibrate the class logits of a head for good: logit times slope plus shift."""
    weight, bias = head.out.weight, head.out.bias
    assert bias is not None
    with torch.no_grad():
        for n, (slope, shift) in enumerate(zip(slopes, shifts, strict=True)):
            weight[n] *= slope
            bias[n] = bias[n] * slope + shift


def unfold(head: RegionHead, calibration: Sequence[Sequence[float]]) -> None:
    """Take a calibration (slope and shift of each class, none for nothing) out of a head again."""
    fold(head, [1 / slope for slope, _ in calibration], [-shift / slope for slope, shift in calibration])


def _with_silent_rows(narrow: dict[str, Tensor], classes: Sequence[str]) -> dict[str, Tensor]:
    """Weights of a head of some of the recipe's classes as one of all of them, which scores nothing for the others."""
    wide = dict(narrow)
    last = [*CLASSES, *range(len(narrow["out.bias"]) - len(classes))]
    rows = {name: n for n, name in enumerate([*classes, *range(len(last) - len(CLASSES))])}
    for key, missing in (("out.weight", 0.0), ("out.bias", SILENT)):
        absent = torch.full_like(narrow[key][0], missing)
        wide[key] = torch.stack([narrow[key][rows[name]] if name in rows else absent for name in last])
    return wide


class Detector(nn.Module):
    """Tower and region head. The first ``frozen`` blocks of the tower are not trained."""

    def __init__(self, tower: Any, head: RegionHead, *, frozen: int = 7) -> None:
        super().__init__()
        self.tower, self.head, self.frozen = tower, head, frozen
        tower.requires_grad_(False)
        for block in tower.encoder.layer[frozen:]:
            block.requires_grad_(True)
        for part in (tower.embeddings, *tower.encoder.layer[:frozen]):
            part.to(torch.bfloat16)

    def trained_tower(self) -> list[nn.Parameter]:
        """Parameters of the tower that are trained."""
        return [p for p in self.tower.parameters() if p.requires_grad]

    def forward(self, pixels: Tensor) -> DenseMaps:
        """Dense predictions for normalised images (B, 3, S, S)."""
        with torch.no_grad():
            x = self.tower.embeddings(pixels.to(torch.bfloat16))
            for block in self.tower.encoder.layer[: self.frozen]:
                x = block(x)
        states = []
        for n, block in enumerate(self.tower.encoder.layer[self.frozen :], self.frozen + 1):
            x = block(x)
            if n in READ:
                states.append(x[:, 1:])
        out: DenseMaps = self.head(torch.cat(states, -1), pixels)
        return out


def load_start(folder: Path) -> Detector:
    """The detector of a model folder, with the sizes of today's head; of a folder with a tower alone, a fresh head.

    The logits are those of before the calibration: it makes them sharper than the loss wants them, and training that
    starts from such logits spends most of its steps on getting them back.
    """
    from safetensors.torch import load_file
    from transformers import Dinov2Model

    tower = Dinov2Model(vision_config())
    state = {k.removeprefix("vision_tower."): v.float() for k, v in load_file(folder / "vision.safetensors").items()}
    tower.load_state_dict(state)
    if not (folder / "language.safetensors").exists():
        return Detector(tower.eval(), new_head())
    rest = load_file(folder / "language.safetensors")
    old = {k.removeprefix("region_head."): v.float() for k, v in rest.items() if k.startswith("region_head.")}
    head = new_head()
    config = json.loads((folder / "config.json").read_text())
    if old["out.weight"].shape[1:] == head.out.weight.shape[1:]:
        slopes_shifts = dict(zip(config["classes"], config.get("calibration", []), strict=False))
        head.load_state_dict(_with_silent_rows(old, config["classes"]))
        unfold(head, [slopes_shifts.get(name, (1.0, 0.0)) for name in CLASSES])
    else:
        head = grown_head(old)
    return Detector(tower.eval(), head)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to train; defaults made the weights of the package."""

    minutes: float
    batch: int = 12
    head_rate: float = 6e-4
    tower_rate: float = 5e-5
    decay: float = 0.996
    """Of the average of the weights that is kept."""
    seed: int = 0
    device: str = "cpu"
    steps: int | None = None
    """Stop after so many; None: when the time is over."""
    every: int = 50


def _rate(share: float, step: int) -> float:
    """Factor of the learning rate: warm-up over 60 steps, constant for a third of the time, then half a cosine."""
    fall = 0.5 * (1 + math.cos(math.pi * min(1.0, max(0.0, (share - 0.33) / 0.67))))
    return min(1.0, (step + 1) / 60) * max(fall, 0.01)


def train(model: Detector, batches: Any, run: Path, options: Options) -> None:
    """Train in place; writes ``run/detector.pt`` with the average of the weights whenever it saves.

    Args:
        model: a start, on the CPU.
        batches: iterator of batches of ``views.Views`` from the checkpoint's view on (``views_done``).
        run: folder of ``checkpoint.pt`` and ``detector.pt``.
        options: rates, time, device.
    """
    run.mkdir(parents=True, exist_ok=True)
    torch.set_flush_denormal(True)
    device = torch.device(options.device)
    model.to(device)
    model.head.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
    named = {n: p for n, p in model.named_parameters() if p.requires_grad}
    groups = [
        {"params": list(model.head.parameters()), "rate": options.head_rate},
        {"params": model.trained_tower(), "rate": options.tower_rate},
    ]
    optimiser = torch.optim.AdamW(groups, lr=options.head_rate, weight_decay=0.05, betas=(0.9, 0.99), fused=True)
    average = {n: p.detach().clone() for n, p in named.items()}
    step, used = 0, 0.0
    if (run / "checkpoint.pt").exists():
        state = torch.load(run / "checkpoint.pt", weights_only=True, map_location=device)
        with torch.no_grad():
            for n, p in named.items():
                p.copy_(state["weights"][n])
        average, step, used = state["average"], int(state["step"]), float(state["seconds"])
        optimiser.load_state_dict(state["optimiser"])
    begun, first, total = time.monotonic() - used, step, 0.0
    for pixels, label, box_px, weight, care in batches:
        share = (time.monotonic() - begun) / (options.minutes * 60)
        if share >= 1 or (options.steps is not None and step >= options.steps):
            break
        for group in optimiser.param_groups:
            group["lr"] = group["rate"] * _rate(share, step)
        with torch.autocast(device.type, torch.bfloat16):
            maps = model(normalise(pixels.numpy()).to(device, memory_format=torch.channels_last))
        loss = detection_loss(maps, label.to(device), box_px.to(device), weight.to(device), care.to(device))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(named.values()), 5.0)
        optimiser.step()
        step += 1
        decay = min(options.decay, (step + 1) / (step + 20))
        with torch.no_grad():
            torch._foreach_lerp_(list(average.values()), list(named.values()), 1 - decay)
        total += loss.item()
        if step % 20 == 0:
            seconds = time.monotonic() - begun
            speed = (step - first) * options.batch / max(1e-6, seconds - used)
            print(f"step {step} loss {total / 20:.4f} {speed:.2f} views/s {share:.0%} of the time", flush=True)
            total = 0.0
        if step % options.every == 0:
            _save(run, named, average, optimiser, step, time.monotonic() - begun)
    _save(run, named, average, optimiser, step, time.monotonic() - begun)


def _save(
    run: Path, named: dict[str, Any], average: dict[str, Tensor], optimiser: Any, step: int, seconds: float
) -> None:
    """Write checkpoint and average; each appears under its name when it is complete."""
    weights = {n: p.detach() for n, p in named.items()}
    state = {"weights": weights, "average": average, "optimiser": optimiser.state_dict(), "step": step}
    torch.save(state | {"seconds": seconds}, run / "checkpoint.partial")
    (run / "checkpoint.partial").replace(run / "checkpoint.pt")
    torch.save(average, run / "detector.partial")
    (run / "detector.partial").replace(run / "detector.pt")
