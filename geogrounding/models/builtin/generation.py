"""Greedy answers for a batch of images, each image's regions read once.

The language model says in words what it looks for, token by token. At the point where it says what it sees, one look at its
distribution over regions gives the whole list: regions above the threshold, the surest first, are what greedy decoding would
list one after the other, four numbers at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from geogrounding.models.builtin.constrained_head import FAMILIES, places_of

if TYPE_CHECKING:
    from geogrounding.models.builtin.configuration import GeogroundConfig
    from geogrounding.models.builtin.modeling import GeogroundForConditionalGeneration
    from geogrounding.models.builtin.question_encoder import Read


@dataclass(frozen=True, slots=True, kw_only=True)
class Thought:
    """What was said about B images up to the point of seeing."""

    tokens: list[list[int]]
    """Per image, up to and without the token of seeing."""
    odds: Tensor
    """(B, K) logits of how surely each region is meant; the model emits those of at least 0, the surest first. Minus
    infinity where the point of seeing was not reached."""

    def scores(self, config: GeogroundConfig) -> Tensor:
        """(B, K) probabilities that the boxes are right."""
        return (self.odds * config.score_scale + config.score_shift).sigmoid()


def think(
    model: GeogroundForConditionalGeneration,
    read: Read,
    prompt: Sequence[int],
    *,
    most: int,
    said: Sequence[int] = (),
) -> Thought:
    """Think about images that were read with a question in mind.

    Args:
        model: the built-in model.
        read: B images.
        prompt: ids of the question with ``<s>`` at its end.
        most: words after which a thought is cut off.
        said: ids of a thought, up to and without the token of seeing, that the model need not find by itself.
    """
    from transformers import DynamicCache

    rows, device = read.embeds.shape[0], read.embeds.device
    see = model.config.see_token_id
    begun = [*prompt, *said, see] if said else list(prompt)
    ids = torch.tensor(begun, device=device).expand(rows, -1)
    embeds = torch.cat([read.embeds, model.language_model.embed_tokens(ids).to(read.embeds.dtype)], 1)
    cache = DynamicCache()
    tokens: list[list[int]] = [list(said) for _ in range(rows)]
    states = torch.zeros(rows, embeds.shape[-1], device=device, dtype=embeds.dtype)
    seeing = torch.full((rows,), bool(said), device=device)
    done = torch.zeros(rows, dtype=torch.bool, device=device)
    for _ in range(most + 1):
        out = model.language_model(inputs_embeds=embeds, past_key_values=cache, use_cache=True).last_hidden_state[:, -1]
        # the state after the token of seeing is where regions are chosen
        states, done = torch.where(seeing[:, None], out.to(states.dtype), states), done | seeing
        if bool(done.all()):
            break
        chosen = _next_word(model, out)
        seeing = (chosen == see) & ~done
        for row in (~seeing & ~done).nonzero()[:, 0].tolist():
            tokens[row].append(int(chosen[row]))
        embeds = model.language_model.embed_tokens(chosen)[:, None].to(embeds.dtype)
    keys = read.embeds[:, -read.boxes_px.shape[1] :]
    odds = model.grammar.odds(states, read.relevance, keys)
    return Thought(tokens=tokens, odds=odds.masked_fill(~done[:, None], -torch.inf))


def name_of(
    model: GeogroundForConditionalGeneration, read: Read, said: Sequence[int], region: int, *, most: int
) -> list[int]:
    """The label that the model gives to a region: ids of its words.

    Args:
        model: the built-in model.
        read: one image.
        said: ids from the question to the token of seeing.
        region: index of the region.
        most: words after which a label is cut off.
    """
    from transformers import DynamicCache

    config, grammar = model.config, model.grammar
    box = read.boxes_px[0, region].round().clamp(0, config.image_size).long().tolist()
    centre = grammar.place + int(places_of(torch.tensor([[box]]).float(), config.image_size))
    numbers = [grammar.first + family * grammar.count + value for family, value in zip(FAMILIES, box, strict=True)]
    ids = torch.tensor([[*said, centre, *numbers]], device=read.embeds.device)
    embeds = torch.cat([read.embeds, model.language_model.embed_tokens(ids).to(read.embeds.dtype)], 1)
    cache, label = DynamicCache(), []
    for _ in range(most):
        out = model.language_model(inputs_embeds=embeds, past_key_values=cache, use_cache=True).last_hidden_state[:, -1]
        token = int(_next_word(model, out))
        if token in (config.more_token_id, config.close_token_id, config.eos_token_id, config.see_token_id):
            break
        label.append(token)
        embeds = model.language_model.embed_tokens(torch.tensor([[token]], device=ids.device)).to(embeds.dtype)
    return label


def _next_word(model: GeogroundForConditionalGeneration, hidden: Tensor) -> Tensor:
    """(B,) the likeliest token after (B, width), where words come next."""
    words: Tensor = model.lm_head(hidden).float()
    return words.masked_fill(model.grammar.not_words(words), -torch.inf).argmax(-1)
