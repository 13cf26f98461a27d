"""Prefix sharing: image and prompt go through the built-in model once for each group of completions.

All completions of a group begin with the same image and the same words, which are most of their tokens. Each distinct
prompt is encoded once; its keys and values are repeated for the completions, in sampling and, with gradients,
in the log-probabilities. Positions follow the attention mask, so that padding changes nothing.

The model must have ``encode_images``, ``question_words``, ``read`` and the arguments of ``forward`` that take their results;
other models are left unchanged. Imports torch: import it late.
"""

from __future__ import annotations

from typing import Any

import torch

_LEAST_PROMPT = 8
"""Shorter prompts, in tokens, are not shared."""


class SharedPrompt:
    """Shares prompts within a model by wrapping ``generate``; ``close`` removes the wrapper."""

    def __init__(self, model: Any, *, share: bool = True) -> None:
        """Wrap a model that is not yet wrapped by PEFT or a trainer."""
        hooks = ("encode_images", "question_words", "read")
        self._model = model
        self.works = share and all(hasattr(model, name) for name in hooks)
        if self.works:
            self._generate = model.generate
            model.__dict__["generate"] = self.generate
            model.__dict__["shared_prompt"] = self

    def close(self) -> None:
        """Remove the wrapper."""
        if self.works:
            del self._model.__dict__["generate"], self._model.__dict__["shared_prompt"]
            self.works = False

    @torch.no_grad()
    def generate(self, inputs: torch.Tensor | None = None, *args: Any, **kwargs: Any) -> Any:
        """As the model's own, with each prompt of a group encoded once."""
        ids, mask, pixels = kwargs.get("input_ids", inputs), kwargs.get("attention_mask"), kwargs.get("pixel_values")
        if ids is None or mask is None or pixels is None or not _UNSHARED.isdisjoint(kwargs):
            return self._generate(inputs, *args, **kwargs)
        first, of = same_prompts(ids, pixels)
        if len(first) == len(ids) or ids.shape[1] < _LEAST_PROMPT:
            return self._generate(inputs, *args, **kwargs)
        shared, cache = self._read(ids, mask, pixels, first, of, ids.shape[1] - 1)
        settings = kwargs.get("generation_config")
        if settings is not None and not args and _is_plain(settings):
            return self._write(ids, mask, shared, cache, settings)
        del kwargs["pixel_values"]
        return self._generate(inputs, *args, **kwargs, **shared, past_key_values=cache)

    def _write(
        self, ids: torch.Tensor, mask: torch.Tensor, shared: dict[str, torch.Tensor], cache: Any, settings: Any
    ) -> Any:
        """Sample as ``generate`` does; finished rows leave the batch, so that one long answer does not hold up the others."""
        ends = torch.tensor(settings.eos_token_id, device=ids.device).reshape(-1)
        written = ids.new_full((len(ids), settings.max_new_tokens), settings.pad_token_id)
        rows, going = (
            torch.arange(len(ids), device=ids.device),
            torch.ones(len(ids), dtype=torch.bool, device=ids.device),
        )
        history, newest = ids, ids[:, -1:]
        for step in range(settings.max_new_tokens):
            logits = (
                type(self._model)
                .forward(
                    self._model,
                    input_ids=newest,
                    attention_mask=mask,
                    position_ids=_positions(mask)[:, -1:],
                    past_key_values=cache,
                    history_ids=history,
                    use_cache=True,
                    logits_to_keep=1,
                    **shared,
                )
                .logits[:, -1]
            )
            token = _next(logits.float(), settings)
            written[rows[going], step] = token[going]
            going = going & ~torch.isin(token, ends)
            left = int(going.sum())
            if not left:
                break
            history, mask = torch.cat([history, token[:, None]], 1), torch.cat([mask, mask.new_ones(len(mask), 1)], 1)
            if left <= _SHRINK * len(rows):
                keep = going.nonzero()[:, 0]
                cache.batch_select_indices(keep)
                shared = {name: tensor[keep] for name, tensor in shared.items()}
                rows, going, token = rows[keep], going[keep], token[keep]
                history, mask = history[keep], mask[keep]
            newest = token[:, None]
        return torch.cat([ids, written[:, : step + 1]], 1)

    def logits(self, ids: torch.Tensor, mask: torch.Tensor, pixels: torch.Tensor, *, start: int) -> torch.Tensor | None:
        """Logits from position ``start``, the last of the prompts, to the end: (B, T - start, V).

        Args:
            ids: (B, T) prompts padded on the left, completions on the right.
            mask: (B, T).
            pixels: an image a row.
            start: all before it is prompt.

        Returns:
            None where nothing would be shared, or the model checkpoints its activations.
        """
        if start < _LEAST_PROMPT or getattr(self._model.language_model, "gradient_checkpointing", False):
            return None
        if bool((ids[:, start:] == self._model.config.image_token_id).any()):
            return None
        first, of = same_prompts(ids[:, :start], pixels)
        if len(first) == len(ids):
            return None
        shared, cache = self._read(ids, mask, pixels, first, of, start)
        logits: torch.Tensor = (
            type(self._model)
            .forward(
                self._model,
                input_ids=ids[:, start:],
                attention_mask=mask,
                position_ids=_positions(mask)[:, start:],
                past_key_values=cache,
                history_ids=ids,
                use_cache=True,
                **shared,
            )
            .logits
        )
        return logits

    def _read(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor,
        pixels: torch.Tensor,
        first: torch.Tensor,
        of: torch.Tensor,
        stop: int,
    ) -> tuple[dict[str, torch.Tensor], Any]:
        """Encoded images, and keys and values of the first ``stop`` tokens, for every row."""
        model = self._model
        read = model.read(model.encode_images(pixels[first]), *model.question_words(ids[first]))
        shared = {"region_embeds": read.embeds, "region_relevance": read.relevance, "region_boxes": read.boxes_px}
        cache = (
            type(model)
            .forward(
                model,
                input_ids=ids[first, :stop],
                attention_mask=mask[first, :stop],
                position_ids=_positions(mask)[first, :stop],
                use_cache=True,
                logits_to_keep=1,
                **shared,
            )
            .past_key_values
        )
        cache.batch_select_indices(of)
        return {name: tensor[of] for name, tensor in shared.items()}, cache


_SHRINK = 0.75
"""Share of rows left at which finished ones are removed: each removal copies the keys and values."""


def _is_plain(settings: Any) -> bool:
    """Whether nothing is asked of sampling but temperature and top-p."""
    return (
        settings.num_beams in (None, 1)
        and settings.repetition_penalty in (None, 1.0)
        and not settings.top_k
        and not settings.min_p
        and bool(settings.max_new_tokens)
        and settings.eos_token_id is not None
        and settings.pad_token_id is not None
    )


def _next(logits: torch.Tensor, settings: Any) -> torch.Tensor:
    """The next token of each row: (B, V) to (B,)."""
    if settings.suppress_tokens:
        logits[:, list(settings.suppress_tokens)] = -torch.inf
    if not settings.do_sample:
        return logits.argmax(-1)
    if settings.temperature not in (None, 1.0):
        logits = logits / settings.temperature
    odds = logits.softmax(-1)
    if settings.top_p is not None and settings.top_p < 1:
        ranked, order = odds.sort(-1, descending=True)
        before = ranked.cumsum(-1) - ranked  # of all that are more probable
        odds = torch.zeros_like(odds).scatter(-1, order, ranked.masked_fill(before >= settings.top_p, 0.0))
    return torch.multinomial(odds, 1)[:, 0]


_UNSHARED = frozenset({"past_key_values", "region_embeds", "inputs_embeds"})


def same_prompts(ids: torch.Tensor, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows that begin each distinct prompt, and for every row which of these it is.

    Args:
        ids: (B, P).
        pixels: (B, ...) the image of each row.
    """
    first: list[int] = []
    of: list[int] = []
    known: dict[tuple[int, ...], list[int]] = {}
    for row, words in enumerate(ids.tolist()):
        places = known.setdefault(tuple(words), [])
        place = next((one for one in places if torch.equal(pixels[first[one]], pixels[row])), None)
        if place is None:
            place = len(first)
            first.append(row)
            places.append(place)
        of.append(place)
    return torch.tensor(first, device=ids.device), torch.tensor(of, device=ids.device)


def _positions(mask: torch.Tensor) -> torch.Tensor:
    """Place of each token among those that count, as ``generate`` gives them."""
    return (mask.long().cumsum(-1) - 1).clamp(min=0)
