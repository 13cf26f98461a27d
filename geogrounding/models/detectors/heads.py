"""From questions to the tensors of each kind of detector, and from its outputs to scores and boxes.

Every kind scores each of its boxes for each question on its own, so that a question is answered the same way whatever
else is asked with it. Boxes are fractions of the sides of the square that the model saw. Sources: the post-processing
of each kind in transformers 5.23.0 (``post_process_grounded_object_detection``; SAM 3:
``post_process_object_detection``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

_MAX_DINO_TOKENS = 240
"""Of the 256 that Grounding DINO's text side takes; questions beyond them go into another pass."""
_OWL_TOKENS = 16
_OMDET_TOKENS = 77
_SAM3_TOKENS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What one pass says about some questions."""

    questions: tuple[int, ...]
    """Which of them."""
    scores: torch.Tensor
    """(images, questions, boxes), from 0 to 1."""
    boxes: torch.Tensor
    """(images, boxes, 4): x0, y0, x1, y1 as fractions."""
    masks: torch.Tensor | None = None
    """(images, boxes, height, width) logits over the whole image, of a kind that draws what it finds."""


class Head(Protocol):
    """One kind of detector."""

    def __call__(self, model: Any, tokenizer: Any, pixels: torch.Tensor, phrases: Sequence[str]) -> Iterator[Scored]:
        """Run the model over images and phrases, in as many passes as the kind needs."""
        ...


def corners(boxes: torch.Tensor) -> torch.Tensor:
    """Centre and size (..., 4) as two corners."""
    centre, size = boxes[..., :2], boxes[..., 2:]
    return torch.cat([centre - size / 2, centre + size / 2], dim=-1)


def grounding_dino(model: Any, tokenizer: Any, pixels: torch.Tensor, phrases: Sequence[str]) -> Iterator[Scored]:
    """Phrases are parted by full stops in one text; the score of a box for a phrase is that of its best token."""
    plain = [" ".join(phrase.lower().replace(".", " ").replace("?", " ").split()) or "object" for phrase in phrases]
    lengths = [len(tokenizer(phrase, add_special_tokens=False)["input_ids"]) + 1 for phrase in plain]
    for group in _groups(lengths, _MAX_DINO_TOKENS):
        text, spans = "", []
        for index in group:
            spans.append((len(text), len(text) + len(plain[index])))
            text += plain[index] + ". "
        inputs = tokenizer(
            text.strip(), return_tensors="pt", return_offsets_mapping=True, truncation=True, max_length=256
        )
        offsets = inputs.pop("offset_mapping")[0].tolist()
        tokens = [
            [place for place, (start, stop) in enumerate(offsets) if start < stop and start >= first and stop <= last]
            for first, last in spans
        ]
        batch = {name: tensor.expand(len(pixels), -1).to(pixels.device) for name, tensor in inputs.items()}
        output = model(pixel_values=pixels, **batch)
        probabilities = output.logits.float().sigmoid()
        scores = torch.stack(
            [
                probabilities[..., places].amax(dim=-1) if places else torch.zeros_like(probabilities[..., 0])
                for places in tokens
            ],
            dim=1,
        )
        yield Scored(questions=tuple(group), scores=scores, boxes=corners(output.pred_boxes.float()))


def owl(model: Any, tokenizer: Any, pixels: torch.Tensor, phrases: Sequence[str]) -> Iterator[Scored]:
    """OWL-ViT and OWLv2: every phrase is a query, scored on its own."""
    inputs = tokenizer(
        list(phrases), padding="max_length", truncation=True, max_length=_OWL_TOKENS, return_tensors="pt"
    )
    batch = {name: inputs[name].repeat(len(pixels), 1).to(pixels.device) for name in ("input_ids", "attention_mask")}
    output = model(pixel_values=pixels, **batch)
    scores = output.logits.float().sigmoid().transpose(1, 2)
    yield Scored(questions=tuple(range(len(phrases))), scores=scores, boxes=corners(output.pred_boxes.float()))


def omdet_turbo(model: Any, tokenizer: Any, pixels: torch.Tensor, phrases: Sequence[str]) -> Iterator[Scored]:
    """A list of classes, and a task in words that names them all."""
    options: dict[str, Any] = {
        "padding": "max_length", "truncation": True, "max_length": _OMDET_TOKENS, "return_tensors": "pt",
    }  # fmt: skip
    classes = tokenizer(list(phrases) * len(pixels), **options)
    tasks = tokenizer([f"Detect {', '.join(phrases)}."] * len(pixels), **options)
    inputs = {
        "classes_input_ids": classes["input_ids"],
        "classes_attention_mask": classes["attention_mask"],
        "tasks_input_ids": tasks["input_ids"],
        "tasks_attention_mask": tasks["attention_mask"],
        "classes_structure": torch.tensor([len(phrases)] * len(pixels)),
    }
    output = model(pixel_values=pixels, **{name: tensor.to(pixels.device) for name, tensor in inputs.items()})
    scores = output.decoder_class_logits.float().sigmoid().transpose(1, 2)[:, : len(phrases)]
    yield Scored(
        questions=tuple(range(len(phrases))), scores=scores, boxes=corners(output.decoder_coord_logits.float())
    )


def sam3(model: Any, tokenizer: Any, pixels: torch.Tensor, phrases: Sequence[str]) -> Iterator[Scored]:
    """One phrase a pass over features that are computed once; a score counts that the thing is there at all."""
    seen = model.get_vision_features(pixels)
    for index, phrase in enumerate(phrases):
        inputs = tokenizer(
            [phrase] * len(pixels), padding="max_length", truncation=True, max_length=_SAM3_TOKENS, return_tensors="pt"
        )
        batch = {name: inputs[name].to(pixels.device) for name in ("input_ids", "attention_mask")}
        output = model(vision_embeds=seen, **batch)
        scores = output.pred_logits.float().sigmoid()
        if output.presence_logits is not None:
            scores = scores * output.presence_logits.float().sigmoid()
        yield Scored(
            questions=(index,), scores=scores[:, None], boxes=output.pred_boxes.float(), masks=output.pred_masks
        )


HEADS: dict[str, Head] = {
    "grounding-dino": grounding_dino,
    "mm-grounding-dino": grounding_dino,
    "owlvit": owl,
    "owlv2": owl,
    "omdet-turbo": omdet_turbo,
    "sam3": sam3,
}


def _groups(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Indices in order, in groups whose lengths add up to no more than ``most`` (or one index alone)."""
    group: list[int] = []
    total = 0
    for index, length in enumerate(lengths):
        if group and total + length > most:
            yield group
            group, total = [], 0
        group.append(index)
        total += length
    if group:
        yield group
