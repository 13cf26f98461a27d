"""Training of the language side on regions that the trained region head found.

The regions of every view are computed once (``RegionBank``, made by ``teach.bank_of``). A sample is a set of regions, changed a little (scores
shifted, regions dropped, mirrored), and a question about it. The reader learns how surely each region is meant, the language
model to say what it looks for, and both together the answer token by token.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geogrounding.datasets.synthetic import Kind
from geogrounding.models.builtin import tokenizer as words
from geogrounding.models.builtin.configuration import GeogroundConfig
from geogrounding.models.builtin.modeling import FROZEN, GeogroundForConditionalGeneration
from geogrounding.models.builtin.question_encoder import Seen
from geogrounding.models.builtin.region_loss import NO_REGION
from geogrounding.models.builtin.regions import Regions
from recipes.builtin_model.corpora import CLASSES, SIDE_PX
from recipes.builtin_model.questions import Asked, ask_about

IGNORE = -100
WORTH_OF_READING = 4.0
"""Weight of the reader's loss (mean over regions) beside that of the answer's tokens."""
MOST_BOXES = 3
"""Boxes of an answer that are learned token by token; the reader learns them all."""
ANSWERED_EVERY = 3
"""Every third question is answered in training, all are read: reading is what takes long to learn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionBank:
    """Regions of many views."""

    boxes_px: NDArray[np.float32]
    """(N, K, 4) in reading order."""
    scores: NDArray[np.float32]
    """(N, K, classes + 1)."""
    hidden: NDArray[np.float16]
    """(N, K, C)."""
    look: NDArray[np.float16]
    """(N, K, F)."""
    context: NDArray[np.float16]
    """(N, W, g, g) pooled coarse features."""

    def take(self, index: Sequence[int]) -> RegionBank:
        """Some of the views."""
        at = np.asarray(index)
        return RegionBank(**{field.name: getattr(self, field.name)[at] for field in fields(self)})

    def __len__(self) -> int:
        return len(self.boxes_px)

    def seen(self, device: torch.device) -> Seen:
        """As tensors of a device."""

        def put(values: NDArray[np.floating]) -> Tensor:
            return torch.from_numpy(values.astype(np.float32, copy=False)).to(device)

        regions = Regions(**{field.name: put(getattr(self, field.name)) for field in fields(Regions)})
        return Seen(regions=regions, context=put(self.context))


def save_bank(bank: RegionBank, folder: Path) -> None:
    """Keep a bank as one file an array; the folder appears when all are written."""
    partial = folder.with_name(folder.name + ".partial")
    partial.mkdir(parents=True, exist_ok=True)
    for field in fields(bank):
        np.save(partial / f"{field.name}.npy", getattr(bank, field.name))
    partial.rename(folder)


def load_bank(folder: Path) -> RegionBank:
    """What ``save_bank`` kept."""
    return RegionBank(**{field.name: np.load(folder / f"{field.name}.npy") for field in fields(RegionBank)})


def new_model(
    tokenizer: Any, *, width: int = 256, layers: int = 3, vision_config: Any = None, regions: int = 64
) -> GeogroundForConditionalGeneration:
    """A fresh model for a tokenizer of ``vocabulary.build_tokenizer``."""
    from transformers import LlamaConfig

    from recipes.builtin_model.backbone import vision_config as small_vit

    def token(text: str) -> int:
        number: int = tokenizer.convert_tokens_to_ids(text)
        return number

    ends = {
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    config = GeogroundConfig(
        vision_config=vision_config or small_vit(),
        text_config=LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=width,
            intermediate_size=width * 11 // 4,
            num_hidden_layers=layers,
            num_attention_heads=max(1, width // 64),
            max_position_embeddings=1024,
            tie_word_embeddings=True,
            **ends,
        ),
        classes=list(CLASSES),
        regions=regions,
        number_token_ids=[token(words.number_token(family, 0)) for family in range(3)],
        place_token_ids=token(words.place_token(words.PLACES[0])),
        see_token_id=token(words.SEE),
        none_token_id=token(words.NONE),
        more_token_id=token(words.MORE),
        close_token_id=token(words.CLOSE),
        image_token_id=token(words.IMAGE),
        **ends,
    )
    model = GeogroundForConditionalGeneration(config)
    for name, number in ends.items():
        setattr(model.generation_config, name, number)
    model.generation_config.do_sample = False
    return model


def vary(bank: RegionBank, rng: np.random.Generator) -> RegionBank:
    """Change each set of regions a little; see the module's docstring."""
    boxes, scores, context = bank.boxes_px.copy(), bank.scores.copy(), bank.context.copy()
    for n in range(len(boxes)):
        real = scores[n].max(1) > 0
        odds = np.log(scores[n].clip(1e-4, 1 - 1e-4) / (1 - scores[n].clip(1e-4, 1 - 1e-4)))
        odds = odds + rng.normal(0, 0.4) + rng.normal(0, 0.3, odds.shape)
        scores[n] = (1 / (1 + np.exp(-odds))) * real[:, None]
        if rng.random() < 0.35:
            scores[n] *= (rng.random(len(real)) > rng.uniform(0, 0.8))[:, None]
        for axis in (0, 1):
            if rng.random() < 0.5:
                low, high = SIDE_PX - boxes[n][:, axis + 2], SIDE_PX - boxes[n][:, axis]
                boxes[n][:, axis], boxes[n][:, axis + 2] = low, high
                context[n] = np.flip(context[n], 2 - axis)
        if rng.random() < 0.5:
            boxes[n] = boxes[n][:, [1, 0, 3, 2]]
            context[n] = context[n].swapaxes(1, 2)
    return RegionBank(
        boxes_px=boxes, scores=scores.astype(np.float32), hidden=bank.hidden, look=bank.look, context=context
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Questions with their answers, ready for the model."""

    view: Tensor
    """(Q,) view of each question."""
    words: Tensor
    """(Q, W) ids of the question, padded on the right."""
    count: Tensor
    """(Q, W) where they count."""
    relevance: Tensor
    """(Q, K) how surely each region is meant."""
    ids: Tensor
    """(Q, T) question, ``<s>``, answer, padded on the right."""
    labels: Tensor
    """(Q, T) the same where it belongs to the answer, IGNORE elsewhere."""

    def to(self, device: torch.device) -> Batch:
        """The same on a device."""
        return Batch(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


def answer_ids(asked: Asked, boxes_px: NDArray[np.floating], tokenizer: Any) -> list[int]:
    """The answer as tokens; the boxes beyond ``MOST_BOXES`` are cut off, with the end."""
    meant = asked.meant()
    text = words.answer_text(asked.sought, asked.label, boxes_px[meant[:MOST_BOXES]], side_px=SIDE_PX)
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    if len(meant) > MOST_BOXES:
        return ids[: ids.index(tokenizer.convert_tokens_to_ids(words.CLOSE))]
    return [*ids, tokenizer.eos_token_id]


def make_batch(asked: Sequence[Sequence[Asked]], boxes_px: NDArray[np.floating], tokenizer: Any) -> Batch:
    """Put questions about several views side by side."""
    pad, start = tokenizer.pad_token_id, tokenizer.bos_token_id
    flat = [(n, a) for n, some in enumerate(asked) for a in some]
    prompts = [tokenizer(a.prompt, add_special_tokens=False)["input_ids"] for _, a in flat]
    answers = [answer_ids(a, boxes_px[n], tokenizer) for n, a in flat]
    widest, longest = max(map(len, prompts)), max(len(p) + 1 + len(a) for p, a in zip(prompts, answers, strict=True))
    shape = len(flat), longest
    ids, labels, said = torch.full(shape, pad), torch.full(shape, IGNORE), torch.full((len(flat), widest), pad)
    for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        said[row, : len(prompt)] = torch.tensor(prompt)
        end = len(prompt) + 1 + len(answer)
        ids[row, :end] = torch.tensor([*prompt, start, *answer])
        labels[row, len(prompt) + 1 : end] = torch.tensor(answer)
    return Batch(
        view=torch.tensor([n for n, _ in flat]),
        words=said,
        count=said != pad,
        relevance=torch.from_numpy(np.stack([a.relevance for _, a in flat])),
        ids=ids,
        labels=labels,
    )


def losses(
    model: GeogroundForConditionalGeneration, seen: Seen, batch: Batch, *, answered_every: int = 1
) -> tuple[Tensor, Tensor]:
    """Cross-entropy of the relevances, and negative log-likelihood of the answers' tokens (both means).

    Args:
        model: trained in place.
        seen: the views.
        batch: questions about them.
        answered_every: only every so many questions are answered.
    """
    read = model.read(seen.take(batch.view), batch.words, batch.count)
    real = read.relevance > NO_REGION
    wrong = torch.nn.functional.binary_cross_entropy_with_logits(read.relevance, batch.relevance, reduction="none")
    # the entropy of a soft target is not to be learned away: what is left is the divergence from the teacher
    floor = torch.nn.functional.binary_cross_entropy(batch.relevance, batch.relevance, reduction="none")
    reading = ((wrong - floor) * real).sum() / real.sum()
    some = slice(None, None, answered_every)
    labels = batch.labels[some]
    longest = int((labels != IGNORE).any(0).nonzero().max()) + 1
    ids, labels = batch.ids[some, :longest], labels[:, 1:longest]
    embeds, boxes_px = read.embeds[some], read.boxes_px[some]
    prefix = embeds.shape[1]
    out = model.language_model(
        inputs_embeds=torch.cat([embeds, model.language_model.embed_tokens(ids)], 1), use_cache=False
    )
    hidden = out.last_hidden_state[:, prefix:-1]
    state = model.grammar.state(ids, boxes_px).take(slice(None, -1))
    keys = embeds[:, -boxes_px.shape[1] :]
    logits = model.grammar(hidden, model.lm_head(hidden), state, read.relevance[some], keys, boxes_px)
    answering = torch.nn.functional.nll_loss(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORE)
    return reading, answering


def train_language(  # noqa: PLR0913 - keyword-only options of a training step
    model: GeogroundForConditionalGeneration,
    tokenizer: Any,
    bank: RegionBank,
    *,
    steps: int,
    checkpoint: Path,
    batch: int = 24,
    questions: int = 4,
    rate: float = 8e-4,
    seed: int = 0,
    withheld: frozenset[str] = frozenset(),
    without_kinds: frozenset[Kind] = frozenset(),
    report: Callable[[int], None] | None = None,
    every: int = 200,
) -> None:
    """Train reader, language model and grammar in place, on the model's device; goes on from ``checkpoint`` when it exists."""
    device = model.device
    trained = [p for name, p in model.named_parameters() if not name.startswith(FROZEN)]
    optimiser = torch.optim.AdamW(trained, lr=rate, weight_decay=0.05, betas=(0.9, 0.98))
    begin = 0
    if checkpoint.exists():
        state: dict[str, Any] = torch.load(checkpoint, weights_only=True, map_location=device)
        model.load_state_dict(state["model"], strict=False)
        optimiser.load_state_dict(state["optimiser"])
        begin = int(state["step"])
    model.train()
    start, sums = time.time(), [0.0, 0.0]
    for step in range(begin, steps):
        rng = np.random.default_rng((seed, step))
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 100) * (0.5 * (1 + math.cos(math.pi * step / steps)) + 0.01)
        some = vary(bank.take([int(n) for n in rng.integers(len(bank), size=batch)]), rng)
        asked = [
            ask_about(boxes, scores, rng, count=questions, withheld=withheld, without_kinds=without_kinds)
            for boxes, scores in zip(some.boxes_px, some.scores, strict=True)
        ]
        packed = make_batch(asked, some.boxes_px, tokenizer).to(device)
        with torch.autocast(device.type, torch.bfloat16):
            reading, answering = losses(model, some.seen(device), packed, answered_every=ANSWERED_EVERY)
        optimiser.zero_grad()
        (WORTH_OF_READING * reading + answering).backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        sums = [sums[0] + reading.item(), sums[1] + answering.item()]
        if (step + 1) % 25 == 0:
            print(
                f"step {step + 1} reading {sums[0] / 25:.4f} answering {sums[1] / 25:.4f} "
                f"{(time.time() - start) / (step + 1 - begin):.2f} s/step",
                flush=True,
            )
            sums = [0.0, 0.0]
        if (step + 1) % every == 0 or step + 1 == steps:
            kept = {n: v for n, v in model.state_dict().items() if not n.startswith(FROZEN)}
            torch.save({"model": kept, "optimiser": optimiser.state_dict(), "step": step + 1}, checkpoint)
            if report is not None:
                report(step + 1)
                model.train()
    model.eval()


@torch.no_grad()
def reading_metrics(
    model: GeogroundForConditionalGeneration, tokenizer: Any, bank: RegionBank, *, seed: int = 1
) -> dict[str, float]:
    """How well regions are chosen on views that were not trained on.

    Returns:
        ``one``: of questions with one target, the share whose most relevant region is it; ``all``: of the others, mean F1 of
        the regions above the threshold against the teacher's; ``none``: of questions without a target, the share answered so.
    """
    model.eval()
    found: dict[str, list[float]] = {"one": [], "all": [], "none": []}
    for start in range(0, len(bank), 16):
        some = bank.take(range(start, min(len(bank), start + 16)))
        rng = np.random.default_rng((seed, start))
        asked = [ask_about(b, s, rng, count=6) for b, s in zip(some.boxes_px, some.scores, strict=True)]
        packed = make_batch(asked, some.boxes_px, tokenizer).to(model.device)
        read = model.read(some.seen(model.device).take(packed.view), packed.words, packed.count)
        for question, odds in zip([a for view in asked for a in view], read.relevance.cpu().numpy(), strict=True):
            meant = set(question.meant())
            said = set(np.flatnonzero(odds >= math.log(0.4 / 0.6)).tolist())
            if not meant:
                found["none"].append(float(not said))
            elif len(meant) == 1:
                found["one"].append(float(int(odds.argmax()) in meant))
            else:
                found["all"].append(2 * len(meant & said) / (len(meant) + len(said)))
    return {name: round(float(np.mean(values)), 3) if values else math.nan for name, values in found.items()}
