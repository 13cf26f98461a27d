"""Greedy answers of the embedded model: the picture's part is computed once and shared by every question.

The result is that of ``generate(do_sample=False)``; it is faster because all chips of a batch hear the same prompt (no
padding), the keys and values of the image tokens are computed once for all questions, and finished rows leave the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from geogrounding.grounding.models.builtin.modeling import GeogroundForConditionalGeneration, ImageState

NEAR_PX = 3
"""Number tokens this close to the chosen one mean the same box."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """One generated token."""

    token: int
    mass: float
    """Probability of the token; for a coordinate, of all coordinates within NEAR_PX of it."""
    region: int
    """Region the pointer looked at."""


def prefill_images(model: GeogroundForConditionalGeneration, state: ImageState) -> list[tuple[Tensor, Tensor]]:
    """Keys and values of the image tokens: per layer, each (B, heads, tokens, width)."""
    out = model.language_model(inputs_embeds=state.embeds, use_cache=True)
    return [(layer.keys, layer.values) for layer in out.past_key_values.layers]


def _cache_of(pairs: Sequence[tuple[Tensor, Tensor]]) -> Any:
    from transformers import DynamicCache

    cache = DynamicCache()
    for n, (keys, values) in enumerate(pairs):
        cache.update(keys, values, n)
    return cache


def speak(
    model: GeogroundForConditionalGeneration,
    state: ImageState,
    prefix: Sequence[tuple[Tensor, Tensor]],
    prompt: Sequence[int],
    *,
    end: int,
    most: int,
) -> list[list[Spoken]]:
    """Answer one prompt about each picture, the most probable token at a time.

    Args:
        model: the embedded model.
        state: its view of B pictures.
        prefix: keys and values of ``prefill_images``.
        prompt: token ids after the image.
        end: id of the token that ends an answer (not returned).
        most: tokens after which an answer is cut off.
    """
    rows = state.embeds.shape[0]
    device = state.embeds.device
    spoken: list[list[Spoken]] = [[] for _ in range(rows)]
    active = torch.arange(rows, device=device)
    keys, numbers = state.keys, state.numbers
    cache = _cache_of(prefix)
    ids = torch.tensor(prompt, device=device).expand(rows, -1)
    first = model.config.number_token_ids[0]
    count = model.config.image_size + 1
    position = state.embeds.shape[1]
    for _ in range(most):
        positions = torch.arange(position, position + ids.shape[1], device=device)[None]
        out = model.language_model(input_ids=ids, past_key_values=cache, position_ids=positions, use_cache=True)
        position += ids.shape[1]
        logits, pointer = model.mixture(out.last_hidden_state[:, -1:], keys, numbers)
        odds, look = logits[:, 0].exp(), pointer[:, 0].argmax(-1)
        token = logits[:, 0].argmax(-1)
        offset = token - first
        number = (offset >= 0) & (offset < 3 * count)
        # a family is a run of ``count`` ids: the window must not reach into its neighbour
        family = torch.div(offset, count, rounding_mode="floor")
        at = offset[:, None] + torch.arange(-NEAR_PX, NEAR_PX + 1, device=device)
        inside = torch.div(at, count, rounding_mode="floor") == family[:, None]
        near = (torch.gather(odds, 1, (at + first).clamp(0, odds.shape[1] - 1)) * inside).sum(-1)
        mass = torch.where(number, near, torch.gather(odds, 1, token[:, None])[:, 0])
        for row, t, m, k in zip(active.tolist(), token.tolist(), mass.tolist(), look.tolist(), strict=True):
            if t != end:
                spoken[row].append(Spoken(token=t, mass=m, region=k))
        going = (token != end).nonzero()[:, 0]
        if not len(going):
            break
        if len(going) < len(token):
            cache.batch_select_indices(going)
            active, keys, numbers = active[going], keys[going], numbers[going]
        ids = token[going][:, None]
    return spoken
