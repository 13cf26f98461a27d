"""Log-probabilities of models whose logits do not come from a single linear layer.

TRL computes log-probabilities from hidden states and the weights of the output layer, without the forward of the model. The
built-in model mixes that layer with a pointer, and has no separate backbone: its own forward is needed.
Imports torch and trl: import it late.
"""

from __future__ import annotations

import functools
import types
from typing import Any

import torch

from geogrounding.training._compat import FusedCausalLMOutput

_SHARED = frozenset({"input_ids", "attention_mask", "pixel_values"})


def needs_own_head(model: Any) -> bool:
    """Whether TRL's fused head cannot work: the model has no separate backbone."""
    return model.base_model is model


def add_own_head(model: Any, *, temperature: float = 1.0) -> None:
    """Make ``model(..., labels=labels, fused_lm_head=True)`` return what TRL's trainers expect, from its own logits.

    Call it after a trainer was made, which has put its own version there. Without ``fused_lm_head`` the forward is that
    of the class.

    Args:
        model: not wrapped by PEFT.
        temperature: that logits are divided by.
    """
    original = type(model).forward

    @functools.wraps(original)  # ``generate`` looks at the signature
    def forward(
        self: Any, *args: Any, fused_lm_head: bool = False, labels: torch.Tensor | None = None, **kwargs: Any
    ) -> Any:
        if not fused_lm_head or labels is None:
            if labels is not None:
                kwargs["labels"] = labels
            return original(self, *args, **kwargs)
        items = kwargs.pop("num_items_in_batch", None)
        kwargs.pop("output_router_logits", None)  # TRL's request for an auxiliary loss
        wanted = labels != -100
        columns = wanted.any(0).nonzero()
        # The first label is predicted by the position before it.
        start = max(int(columns[0, 0]) - 1, 0) if len(columns) else labels.shape[1] - 2
        logits = more = None
        shared = self.__dict__.get("shared_prompt")
        if shared is not None and not args and kwargs.keys() >= _SHARED and "target_boxes" not in kwargs:
            ids, mask, pixels = (kwargs[name] for name in ("input_ids", "attention_mask", "pixel_values"))
            logits = shared.logits(ids, mask, pixels, start=start)
        if logits is None:
            kwargs["use_cache"] = False
            output = original(self, *args, logits_to_keep=labels.shape[1] - start, **kwargs)
            logits, more = output.logits, output.loss
        found = score(logits[:, :-1], labels, start=start, temperature=temperature, items=items)
        found.aux_loss = more  # the model's own loss beside that of the tokens
        return found

    model.forward = types.MethodType(forward, model)


def score(
    logits: torch.Tensor, labels: torch.Tensor, *, start: int, temperature: float, items: Any = None
) -> FusedCausalLMOutput:
    """Log-probabilities and statistics of the next tokens, as TRL expects them.

    Args:
        logits: (B, T - 1 - start, V) of the positions from ``start`` on that predict the labels after them.
        labels: (B, T), -100 where nothing is asked.
        start: positions before it predict nothing that is asked.
        temperature: that logits are divided by.
        items: what the loss is divided by; default the number of labels.
    """
    targets = labels[:, start + 1 :]
    mask = targets != -100
    probabilities = (logits.float() / temperature).log_softmax(-1)
    chosen = probabilities.gather(-1, targets.clamp(min=0)[..., None])[..., 0].masked_fill(~mask, 0.0)
    with torch.no_grad():
        entropy = -(probabilities.exp() * probabilities).sum(-1).masked_fill(~mask, 0.0)
        right = (probabilities.argmax(-1) == targets) & mask

    def whole(part: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.pad(part, (start, 0))

    count = mask.sum().clamp(min=1) if items is None else items
    return FusedCausalLMOutput(
        loss=-chosen.sum() / count,
        log_probs=whole(chosen),
        entropy=whole(entropy),
        is_top1=whole(right.to(chosen.dtype)),
        label_mask=whole(mask),
    )
