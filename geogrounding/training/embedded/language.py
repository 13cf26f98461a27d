"""Training of the language side on regions that the trained region head found.

The regions of every cached view are computed once (``RegionBank``). A sample is a set of regions, changed a little (scores
shifted, regions dropped, mirrored, classes exchanged), so that the model learns to read regions rather than remember views;
several questions about it are packed behind one image prefix, each seeing the prefix and itself.
"""

from __future__ import annotations

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

from geogrounding.grounding.models.builtin import vocabulary as words
from geogrounding.grounding.models.builtin.configuration import GeogroundConfig
from geogrounding.grounding.models.builtin.modeling import GeogroundForConditionalGeneration, coordinate_code
from geogrounding.grounding.models.builtin.regions import RegionHead, Regions, select_regions
from geogrounding.training.embedded import questions
from geogrounding.training.embedded.features import Cache
from geogrounding.training.embedded.pictures import CLASSES, SIDE_PX
from geogrounding.training.embedded.regions import normalise

LEAST = 0.3
"""Score from which a region counts as seen (the head is calibrated so that about 0.4 gives the best F1)."""
IGNORE = -100


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionBank:
    """Regions of many views."""

    boxes_px: NDArray[np.float32]
    """(N, K, 4) in reading order."""
    scores: NDArray[np.float32]
    """(N, K, classes)."""
    hidden: NDArray[np.float16]
    """(N, K, C)."""
    context: NDArray[np.float16]
    """(N, W, G, G) pooled coarse features."""

    def take(self, index: Sequence[int]) -> RegionBank:
        """Some of the views."""
        at = np.asarray(index)
        return RegionBank(
            boxes_px=self.boxes_px[at], scores=self.scores[at], hidden=self.hidden[at], context=self.context[at]
        )

    def __len__(self) -> int:
        return len(self.boxes_px)


@torch.no_grad()
def build_bank(
    head: RegionHead, cache: Cache, index: Sequence[int], config: GeogroundConfig, *, batch: int = 16
) -> RegionBank:
    """Run the region head over cached views."""
    parts: list[tuple[NDArray[Any], ...]] = []
    for k in range(0, len(index), batch):
        some = list(index[k : k + batch])
        features = torch.from_numpy(np.stack([cache.features[n] for n in some])).float()
        with torch.autocast("cpu", torch.bfloat16):
            maps = head(features, normalise(np.stack([cache.pixels[n] for n in some])))
        found = select_regions(maps, side_px=SIDE_PX, candidates=config.candidates, keep=config.regions)
        pooled = torch.nn.functional.adaptive_avg_pool2d(maps.coarse.float(), config.context_grid)
        parts.append((found.boxes_px.numpy(), found.scores.numpy(), found.hidden.half().numpy(), pooled.half().numpy()))
    boxes, scores, hidden, context = (np.concatenate(part) for part in zip(*parts, strict=True))
    return RegionBank(boxes_px=boxes, scores=scores, hidden=hidden, context=context)


def new_model(
    tokenizer: Any, *, width: int = 256, layers: int = 4, vision_config: Any = None, regions: int = 64
) -> GeogroundForConditionalGeneration:
    """A fresh model for a tokenizer of ``vocabulary.build_tokenizer``; number embeddings start in the coordinate code."""
    from transformers import LlamaConfig

    from geogrounding.training.embedded.backbone import vision_config as small_vit

    first = [tokenizer.convert_tokens_to_ids(words.number_token(family, 0)) for family in range(3)]
    labels = [tokenizer.convert_tokens_to_ids(words.label_token(CLASSES[0], last=last)) for last in (False, True)]
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
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        ),
        classes=list(CLASSES),
        regions=regions,
        image_token_id=tokenizer.convert_tokens_to_ids(words.IMAGE),
        number_token_ids=first,
        label_token_ids=labels,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = GeogroundForConditionalGeneration(config)
    count = config.image_size + 1
    code = coordinate_code(torch.arange(count) / config.image_size, config.frequencies)
    table = model.language_model.embed_tokens.weight
    with torch.no_grad():
        projection = torch.randn(code.shape[1], width) * 0.02 / math.sqrt(config.frequencies)
        for start in first:
            table[start : start + count] = code @ projection + torch.randn(width) * 0.02
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.bos_token_id = tokenizer.bos_token_id
    return model


def answer_tokens(
    asked: questions.Asked, found: NDArray[np.int64], boxes_px: NDArray[np.floating], classes: Sequence[str] = CLASSES
) -> tuple[list[str], list[int]]:
    """The answer to a question as tokens, and beside each token the region it copies from (-1 for words)."""
    name = words.ANYTHING if asked.label is None else classes[asked.label]
    tokens = words.answer_chunks(
        name, asked.qualifier, boxes_px[found], refer=asked.task == "refer", side_px=SIDE_PX, largest=SIDE_PX
    )
    boxes = [region for n in found for region in [int(n)] * 4 + [-1]]
    pointed = [-1] * (len(tokens) - len(boxes)) + boxes
    return [*tokens, words.END], [*pointed, -1]


def vary(bank: RegionBank, rng: np.random.Generator) -> RegionBank:
    """Change each set of regions a little; see the module's docstring."""
    boxes, scores, hidden, context = bank.boxes_px.copy(), bank.scores.copy(), bank.hidden.copy(), bank.context.copy()
    for n in range(len(boxes)):
        real = scores[n].max(1) > 0
        odds = np.log(scores[n].clip(1e-4, 1 - 1e-4) / (1 - scores[n].clip(1e-4, 1 - 1e-4)))
        odds = odds + rng.normal(0, 0.6) + rng.normal(0, 0.5, odds.shape)
        scores[n] = (1 / (1 + np.exp(-odds))) * real[:, None]
        if rng.random() < 0.35:
            scores[n] *= (rng.random(len(real)) > rng.uniform(0, 0.8))[:, None]
        if rng.random() < 0.4:
            scores[n] = scores[n][:, rng.permutation(scores.shape[2])]
        for axis in (0, 1):
            if rng.random() < 0.5:
                low, high = SIDE_PX - boxes[n][:, axis + 2], SIDE_PX - boxes[n][:, axis]
                boxes[n][:, axis], boxes[n][:, axis + 2] = low, high
                context[n] = np.flip(context[n], 2 - axis)
        if rng.random() < 0.5:
            boxes[n] = boxes[n][:, [1, 0, 3, 2]]
            context[n] = context[n].swapaxes(1, 2)
        order = np.lexsort((boxes[n][:, 0], np.floor(boxes[n][:, 1])))
        boxes[n], scores[n], hidden[n] = boxes[n][order], scores[n][order], hidden[n][order]
    return RegionBank(boxes_px=boxes, scores=scores.astype(np.float32), hidden=hidden, context=context)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """Questions and answers of several views, ready for the language model (text part only)."""

    ids: Tensor
    """(B, T)."""
    labels: Tensor
    """(B, T): the token itself where it is part of an answer, IGNORE elsewhere."""
    pointed: Tensor
    """(B, T): region that the token copies from, or IGNORE."""
    positions: Tensor
    """(B, prefix + T)."""
    mask: Tensor
    """(B, 1, prefix + T, prefix + T) True where attention is allowed."""


def pack(samples: Sequence[Sequence[tuple[list[int], list[int], list[int]]]], *, prefix: int, pad: int) -> Packed:
    """Pack the questions of each view behind one image prefix.

    Args:
        samples: per view, per question: prompt ids, answer ids, region of each answer id (-1: none).
        prefix: image tokens.
        pad: id of the padding token.
    """
    longest = max(sum(len(p) + len(a) for p, a, _ in view) for view in samples)
    b, total = len(samples), prefix + longest
    ids = torch.full((b, longest), pad)
    labels, pointed = torch.full((b, longest), IGNORE), torch.full((b, longest), IGNORE)
    positions = torch.arange(total).repeat(b, 1)
    block = torch.full((b, total), -1)
    block[:, :prefix] = 0
    for n, view in enumerate(samples):
        at = 0
        for number, (prompt, answer, regions) in enumerate(view, 1):
            end = at + len(prompt) + len(answer)
            ids[n, at:end] = torch.tensor(prompt + answer)
            labels[n, at + len(prompt) : end] = torch.tensor(answer)
            pointed[n, at + len(prompt) : end] = torch.tensor([r if r >= 0 else IGNORE for r in regions])
            positions[n, prefix + at : prefix + end] = torch.arange(prefix, prefix + end - at)
            block[n, prefix + at : prefix + end] = number
            at = end
    before = torch.ones(total, total, dtype=torch.bool).tril()
    same = (block[:, :, None] == block[:, None, :]) | (block[:, None, :] == 0)
    mask = before & same | torch.eye(total, dtype=torch.bool)
    return Packed(ids=ids, labels=labels, pointed=pointed, positions=positions, mask=mask[:, None])


def packed_loss(
    model: GeogroundForConditionalGeneration, regions: Regions, context: Tensor, packed: Packed
) -> tuple[Tensor, Tensor]:
    """Negative log-likelihood of the answers, and the pointer's cross-entropy (both means over tokens)."""
    state = model.read_regions(regions, context)
    prefix = state.embeds.shape[1]
    text = model.language_model.embed_tokens(packed.ids)
    embeds = torch.cat([state.embeds, text], 1)
    mask = torch.zeros(packed.mask.shape, dtype=embeds.dtype).masked_fill(~packed.mask, torch.finfo(embeds.dtype).min)
    out = model.language_model(
        inputs_embeds=embeds, attention_mask=mask, position_ids=packed.positions, use_cache=False
    )
    # each answer is preceded by its prompt, so the token before a labelled one is in the text part
    hidden = out.last_hidden_state[:, prefix:-1]
    logits, pointer = model.mixture(hidden, state.keys, state.numbers)
    labels, pointed = packed.labels[:, 1:], packed.pointed[:, 1:]
    likelihood = torch.nn.functional.nll_loss(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORE)
    if not bool((pointed != IGNORE).any()):
        return likelihood, likelihood.detach() * 0
    return likelihood, torch.nn.functional.nll_loss(pointer.flatten(0, 1), pointed.flatten(), ignore_index=IGNORE)


def to_regions(bank: RegionBank) -> tuple[Regions, Tensor]:
    """Tensors of a bank."""
    regions = Regions(
        boxes_px=torch.from_numpy(bank.boxes_px),
        scores=torch.from_numpy(bank.scores),
        hidden=torch.from_numpy(bank.hidden.astype(np.float32)),
    )
    return regions, torch.from_numpy(bank.context.astype(np.float32))


def draw_samples(
    bank: RegionBank, tokenizer: Any, rng: np.random.Generator, *, questions: int, most: int
) -> list[list[tuple[list[int], list[int], list[int]]]]:
    """Questions about each set of regions; answers longer than ``most`` tokens are cut (the rest is not learned)."""
    out = []
    for boxes, scores in zip(bank.boxes_px, bank.scores, strict=True):
        present = np.flatnonzero((scores >= LEAST).any(0))
        view = []
        for asked in questions.sample_questions(rng, [int(c) for c in present], classes=len(CLASSES), count=questions):
            found = questions.targets(asked, boxes, scores, side_px=SIDE_PX, least=LEAST)
            tokens, pointed = answer_tokens(asked, found, boxes)
            prompt = tokenizer(asked.prompt + words.START)["input_ids"]
            answer = tokenizer.convert_tokens_to_ids(tokens)
            view.append((prompt, answer[:most], pointed[:most]))
        out.append(view)
    return out


def train_language(
    model: GeogroundForConditionalGeneration,
    tokenizer: Any,
    bank: RegionBank,
    *,
    steps: int,
    checkpoint: Path,
    batch: int = 16,
    questions: int = 6,
    rate: float = 1e-3,
    seed: int = 0,
    report: Callable[[int], None] | None = None,
    every: int = 200,
) -> None:
    """Train projector, language model and pointer in place; goes on from ``checkpoint`` when it exists."""
    trained = [p for part in (model.projector, model.language_model, model.pointer) for p in part.parameters()]
    optimiser = torch.optim.AdamW(trained, lr=rate, weight_decay=0.05, betas=(0.9, 0.98))
    begin = 0
    if checkpoint.exists():
        state: dict[str, Any] = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"], strict=False)
        optimiser.load_state_dict(state["optimiser"])
        begin = int(state["step"])
    model.train()
    start, sums = time.time(), [0.0, 0.0]
    for step in range(begin, steps):
        rng = np.random.default_rng((seed, step))
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 80) * (0.5 * (1 + math.cos(math.pi * step / steps)) + 0.01)
        long = rng.random() < 0.12
        count = batch // 2 if long else batch
        some = vary(bank.take([int(n) for n in rng.integers(len(bank), size=count)]), rng)
        samples = draw_samples(some, tokenizer, rng, questions=2 if long else questions, most=400 if long else 50)
        packed = pack(samples, prefix=model.config.image_tokens, pad=tokenizer.pad_token_id)
        with torch.autocast("cpu", torch.bfloat16):
            likelihood, pointing = packed_loss(model, *to_regions(some), packed)
        optimiser.zero_grad()
        (likelihood + 0.3 * pointing).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        sums = [sums[0] + likelihood.item(), sums[1] + pointing.item()]
        if (step + 1) % 25 == 0:
            print(
                f"step {step + 1} nll {sums[0] / 25:.4f} pointer {sums[1] / 25:.4f} "
                f"{(time.time() - start) / (step + 1 - begin):.2f} s/step",
                flush=True,
            )
            sums = [0.0, 0.0]
        if (step + 1) % every == 0 or step + 1 == steps:
            kept = {n: v for n, v in model.state_dict().items() if not n.startswith(("vision_tower.", "region_head."))}
            torch.save({"model": kept, "optimiser": optimiser.state_dict(), "step": step + 1}, checkpoint)
            if report is not None:
                report(step + 1)
                model.train()
    model.eval()


def exact_answers(
    model: GeogroundForConditionalGeneration, tokenizer: Any, bank: RegionBank, *, seed: int = 1
) -> dict[str, float]:
    """Share of questions answered token by token as the rule says, over unchanged regions: all, refer, detect, qualified."""
    from geogrounding.grounding.models.builtin.decoding import prefill_images, speak

    model.eval()
    rng = np.random.default_rng(seed)
    right: dict[str, list[bool]] = {"all": [], "refer": [], "detect": [], "qualified": [], "none": []}
    with torch.inference_mode():
        for n in range(len(bank)):
            one = bank.take([n])
            state = model.read_regions(*to_regions(one))
            prefix = prefill_images(model, state)
            present = [int(c) for c in np.flatnonzero((one.scores[0] >= LEAST).any(0))]
            for asked in questions.sample_questions(rng, present, classes=len(CLASSES), count=3):
                found = questions.targets(asked, one.boxes_px[0], one.scores[0], side_px=SIDE_PX, least=LEAST)
                wanted = tokenizer.convert_tokens_to_ids(answer_tokens(asked, found, one.boxes_px[0])[0])[:-1]
                prompt = tokenizer(asked.prompt + words.START)["input_ids"]
                said = speak(model, state, prefix, prompt, end=tokenizer.eos_token_id, most=336)[0]
                good = [s.token for s in said] == wanted
                for key in (
                    "all",
                    asked.task,
                    *(["qualified"] if asked.qualifier else []),
                    *([] if len(found) else ["none"]),
                ):
                    right[key].append(good)
    return {key: round(float(np.mean(values)), 3) for key, values in right.items() if values}
