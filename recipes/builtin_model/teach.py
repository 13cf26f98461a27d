"""A language side for a model: the regions that its region head finds, questions about them, and the training on both."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from geogrounding.datasets.synthetic import Kind
from geogrounding.models.builtin.pixels import normalise
from recipes.builtin_model.calibration import fit
from recipes.builtin_model.corpora import CLASSES, LabelledImage
from recipes.builtin_model.language import RegionBank, load_bank, reading_metrics, save_bank, train_language
from recipes.builtin_model.narrow import silent_classes
from recipes.builtin_model.sets import read_part
from recipes.builtin_model.views import chances, draw
from recipes.builtin_model.weights import load, write_weights


@torch.no_grad()
def bank_of(model: Any, images: Sequence[LabelledImage], *, views: int, seed: int, batch: int = 16) -> RegionBank:
    """Regions of random views, as the reader sees them; computed on the model's device."""
    parts: list[tuple[NDArray[Any], ...]] = []
    chance = chances(images)
    for first in range(0, views, batch):
        drawn = []
        for n in range(first, min(views, first + batch)):
            rng = np.random.default_rng((seed, n))
            labelled = images[int(rng.choice(len(images), p=chance))]
            drawn.append(draw(labelled, labelled.pixels(), rng).pixels)
        with torch.autocast(model.device.type, torch.bfloat16):
            seen = model.encode_images(normalise(np.stack(drawn)).to(model.device))
        r = seen.regions
        parts.append(
            (
                r.boxes_px.cpu().numpy(),
                r.scores.cpu().numpy(),
                r.hidden.half().cpu().numpy(),
                r.look.half().cpu().numpy(),
                seen.context.half().cpu().numpy(),
            )
        )
    boxes, scores, hidden, look, context = (np.concatenate(part) for part in zip(*parts, strict=True))
    return RegionBank(boxes_px=boxes, scores=scores, hidden=hidden, look=look, context=context)


def untaught(model: Any) -> Any:
    """The same tower and region head under a language side with random weights."""
    new = type(model)(type(model.config)(**model.config.to_dict()))
    new.vision_tower.load_state_dict(model.vision_tower.state_dict())
    new.region_head.load_state_dict(model.region_head.state_dict())
    new.generation_config = model.generation_config
    return new.eval()


def language(  # noqa: PLR0913 - keyword-only options of a training step
    root: Path,
    run: Path,
    folder: Path,
    *,
    steps: int,
    views: int,
    rate: float,
    seed: int,
    batch: int = 24,
    fresh: bool = False,
    without: frozenset[str] = frozenset(),
    without_kinds: frozenset[Kind] = frozenset(),
    only_open: bool = False,
    device: str = "cpu",
) -> None:
    """Train reader, language model and grammar of a model on its regions, from what they are; changes ``folder``.

    Classes that its head scores nothing for are never named.

    Args:
        root: folder of the data sets.
        run: keeps the regions and where the training stands.
        folder: of the model.
        steps: of the training.
        views: whose regions are learned from.
        rate: learning rate.
        seed: decides everything.
        batch: views of a step.
        fresh: begin with a language side that has learned nothing.
        without: classes that are withheld.
        without_kinds: kinds of expression that are withheld.
        only_open: see ``sets.read_part``.
        device: where the regions are found and the training runs.
    """
    model, tokenizer = load(folder)
    unnamed = without | silent_classes(model.region_head)
    if fresh:
        model = untaught(model)
    model.to(device)
    model.vision_tower.to(torch.bfloat16)
    for part, count in (("train", views), ("dev", min(views, 160))):
        if not (run / f"bank_{part}").exists():
            images = read_part(root, part, without=without, only_open=only_open)
            save_bank(bank_of(model, images, views=count, seed=seed), run / f"bank_{part}")
    model.vision_tower.float()
    dev = load_bank(run / "bank_dev")

    def report(step: int) -> None:
        print(f"step {step}: {reading_metrics(model, tokenizer, dev)}", flush=True)

    report(0)
    train_language(
        model,
        tokenizer,
        load_bank(run / "bank_train"),
        steps=steps,
        checkpoint=run / "language.checkpoint.pt",
        batch=batch,
        rate=rate,
        seed=seed,
        withheld=unnamed,
        without_kinds=without_kinds,
        report=report,
        every=100,
    )
    scale, shift = aligned(model, tokenizer, dev, withheld=unnamed)
    print(f"scores of read questions: logit x {scale:.3f} {shift:+.3f}", flush=True)
    model.to("cpu")
    model.config.score_scale, model.config.score_shift = round(scale, 4), round(shift, 4)
    write_weights(model, tokenizer, folder)


@torch.no_grad()
def aligned(
    model: Any, tokenizer: Any, bank: RegionBank, *, views: int = 64, withheld: Collection[str] = ()
) -> tuple[float, float]:
    """(scale, shift) that bring what the language side says of regions, asked for a class, to their class scores: these are
    calibrated, and a score means the same whichever side answers.
    """
    from geogrounding.models.builtin.classes import class_scores
    from geogrounding.models.builtin.generation import think

    model.eval()
    some = bank.take(range(min(views, len(bank))))
    said: list[NDArray[np.float64]] = []
    wanted: list[NDArray[np.float64]] = []
    for label, name in enumerate(CLASSES):
        if name in withheld:
            continue
        prompt = tokenizer(f"detect: {name}<s>", add_special_tokens=False)["input_ids"]
        words = torch.tensor(prompt[:-1], device=model.device).expand(len(some), -1)
        read = model.read(some.seen(model.device), words, torch.ones_like(words, dtype=torch.bool))
        odds = think(model, read, prompt, most=16).odds.double().cpu().numpy()
        scores = class_scores(torch.from_numpy(some.scores), model.config.class_shifts)[..., label]
        counted = np.isfinite(odds) & (some.scores.max(-1) > 0) & ((odds > -8) | (scores > 0.05))
        said.append(odds[counted].clip(-12, 12))
        wanted.append(scores[counted])
    return fit(np.concatenate(said), np.concatenate(wanted))
