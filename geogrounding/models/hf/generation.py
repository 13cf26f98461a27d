"""Greedy decoding with a probability for every token, and image features computed once. Imports torch: import it
late.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import LogitsProcessor, LogitsProcessorList

Decode = Callable[[Sequence[int]], str]

_WINDOW = 16
_OVERLAP = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the model wrote for one conversation."""

    token_ids: tuple[int, ...]
    """Without the token that ended it."""
    logprobs: tuple[float, ...]
    """Natural logarithm of the probability of each token."""
    finished: bool
    """Whether the model ended by itself; False where ``max_new_tokens`` cut it off."""
    finite: bool
    """False where the model computed numbers that are not finite, as some do in float16: the tokens mean nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFeatures:
    """What the vision tower and projector made of one image."""

    pooled: torch.Tensor
    """(image tokens, hidden)."""
    deepstack: tuple[torch.Tensor, ...]
    """Further features that enter the first language layers (Qwen3-VL), each (image tokens, hidden); else empty."""
    kind: type
    """Class of the model's output, built for each batch."""


def takes_features(model: Any) -> bool:
    """Whether ``generate`` takes image features computed before (recent transformers, most families)."""
    return "mm_encoder_outputs" in inspect.signature(model.forward).parameters


def joined(images: Sequence[Mapping[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Inputs of several images joined along the first axis."""
    return {name: torch.cat([image[name] for image in images]) for name in images[0]}


def encode_images(model: Any, images: Sequence[Mapping[str, torch.Tensor]]) -> list[ImageFeatures]:
    """Run the vision tower once over several images.

    Args:
        model: has ``get_image_features`` as transformers' image-text-to-text models do.
        images: inputs of each image, joined along the first axis.
    """
    with torch.inference_mode():
        output = model.get_image_features(**_moved(model, joined(images)), return_dict=True)
    deepstack = getattr(output, "deepstack_features", None) or ()
    return [
        ImageFeatures(pooled=pooled, deepstack=tuple(level[index] for level in deepstack), kind=type(output))
        for index, pooled in enumerate(output.pooler_output)
    ]


def shared_features(features: Sequence[ImageFeatures]) -> dict[str, Any]:
    """The ``mm_encoder_outputs`` of a batch: the features of each conversation's image, in order, not copied."""
    levels = len(features[0].deepstack)
    fields: dict[str, Any] = {"pooler_output": [feature.pooled for feature in features]}
    if levels:
        fields["deepstack_features"] = [[feature.deepstack[level] for feature in features] for level in range(levels)]
    return {"image": features[0].kind(**fields)}


def generate(
    model: Any,
    inputs: Mapping[str, torch.Tensor],
    *,
    features: Sequence[ImageFeatures] | None,
    max_new_tokens: int,
    end_ids: frozenset[int],
    pad_id: int,
) -> list[Reply]:
    """Decode a batch greedily.

    Args:
        model: the language model with its image encoder.
        inputs: tensors of ``forward``, conversations along the first axis, padded on the left.
        features: of each conversation's image; None when ``inputs`` holds the pixels.
        max_new_tokens: where a reply is cut off.
        end_ids: tokens that end a reply.
        pad_id: fills finished rows.
    """
    record = _ChosenLogProbs()
    arguments: dict[str, Any] = dict(_moved(model, inputs))
    if features is not None:
        arguments["mm_encoder_outputs"] = shared_features(features)
    prompt_length = int(inputs["input_ids"].shape[1])
    with torch.inference_mode():
        sequences = model.generate(
            **arguments,
            do_sample=False,
            num_beams=1,
            use_cache=True,
            max_new_tokens=max_new_tokens,
            eos_token_id=sorted(end_ids),
            pad_token_id=pad_id,
            logits_processor=LogitsProcessorList([record]),
        )
    written = sequences[:, prompt_length:].tolist()
    # Decoding may run a step further than it returns (it looks at the end of rows one step late on some devices).
    logprobs = torch.stack(record.steps, dim=1)[:, : len(written[0])].tolist()
    return [_reply(row, probabilities, end_ids) for row, probabilities in zip(written, logprobs, strict=True)]


def _reply(token_ids: Sequence[int], logprobs: Sequence[float], end_ids: frozenset[int]) -> Reply:
    stop = next((index for index, token_id in enumerate(token_ids) if token_id in end_ids), None)
    kept = logprobs[:stop]
    return Reply(
        token_ids=tuple(token_ids[:stop]),
        logprobs=tuple(kept),
        finished=stop is not None,
        finite=all(map(math.isfinite, logprobs[: None if stop is None else stop + 1])),
    )


class _ChosenLogProbs(LogitsProcessor):
    """Notes the log-probability of the most probable token at every step: one number a row, never the vocabulary."""

    def __init__(self) -> None:
        self.steps: list[torch.Tensor] = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        # In float32 the maximum less the log of the sum of exponentials is the log-probability that greedy decoding
        # takes.
        self.steps.append(scores.amax(dim=-1) - torch.logsumexp(scores, dim=-1))
        return scores


def _moved(model: Any, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors on the model's device, floating ones in its numeric type."""
    return {
        name: tensor.to(model.device, model.dtype if tensor.is_floating_point() else None)
        for name, tensor in tensors.items()
    }


def token_spans(decode: Decode, token_ids: Sequence[int]) -> list[tuple[int, int]]:
    """Where each token stands in the decoded reply: (start, stop) in characters.

    Decoding token by token is wrong for tokenizers that split characters or write spaces into the following token, and
    decoding every beginning takes quadratic time; so beginnings of a moving window are decoded. A character spread over
    several tokens may count for each of them or for the last.
    """
    spans: list[tuple[int, int]] = []
    first, known_stop, known_length = 0, 0, 0
    previous = 0
    for index in range(len(token_ids)):
        window = decode(token_ids[first : index + 1])
        stop = max(previous, known_stop + len(window) - known_length)
        spans.append((previous, stop))
        previous = stop
        if index - first >= _WINDOW and not window.endswith("\ufffd"):
            first = index + 1 - _OVERLAP
            known_stop, known_length = stop, len(decode(token_ids[first : index + 1]))
    return spans
