"""A model that knows fewer classes than the recipe: first it stops scoring the others, at the end they are removed.

The steps between (calibration, thresholds, reading) count classes as the recipe does. A class that scores nothing anywhere
gives the reader the same numbers for every region, so that it can be removed afterwards without changing an answer.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor

from geogrounding.models.builtin.question_encoder import LEAST_SCORE
from geogrounding.models.builtin.regions import RegionHead
from recipes.builtin_model.corpora import CLASSES

SILENT = -20.0
"""Logit of a class that is not known, everywhere."""


def silence(head: RegionHead, known: Collection[str]) -> None:
    """Let a head of the recipe's classes score nothing for those that are not ``known``; in place."""
    bias = head.out.bias
    assert bias is not None
    with torch.no_grad():
        for n, name in enumerate(CLASSES):
            if name not in known:
                head.out.weight[n] = 0.0
                bias[n] = SILENT


def silent_classes(head: RegionHead) -> frozenset[str]:
    """Classes of the recipe that a head scores nothing for."""
    assert head.out.bias is not None
    weights, bias = head.out.weight.detach().flatten(1), head.out.bias.detach()
    return frozenset(name for n, name in enumerate(CLASSES) if not weights[n].any() and float(bias[n]) <= SILENT / 2)


def narrowed(model: Any) -> Any:
    """The same model without the classes that its head is silent about: every answer about the others stays.

    Args:
        model: a ``GeogroundForConditionalGeneration``, left as it is.
    """
    silent = silent_classes(model.region_head)
    kept = [n for n, name in enumerate(CLASSES) if name not in silent]
    count = len(CLASSES)
    config = type(model.config)(**model.config.to_dict())
    config.classes = [model.config.classes[n] for n in kept]
    config.calibration = [model.config.calibration[n] for n in kept] if model.config.calibration else []
    config.class_shifts = [model.config.class_shifts[n] for n in kept] if model.config.class_shifts else []
    state = dict(model.state_dict())
    rows = torch.tensor([*kept, *range(count, len(state["region_head.out.bias"]))])
    for name in ("region_head.out.weight", "region_head.out.bias"):
        state[name] = state[name][rows]
    state["reader.known.bias"], state["reader.known.weight"] = _without(
        state["reader.known.weight"], state["reader.known.bias"], kept, count
    )
    out = type(model)(config)
    out.load_state_dict(state)
    out.generation_config = model.generation_config
    return out.eval()


def _without(weight: Tensor, bias: Tensor, kept: list[int], count: int) -> tuple[Tensor, Tensor]:
    """(bias, weight) of the reader's first layer for fewer classes: what the others always said becomes a part of the bias.

    Its inputs are the scores of ``count`` classes and of any object, half their logits, and more.
    """
    every = [*kept, count]
    gone = [n for n in range(count) if n not in kept]
    logits = weight[:, count + 1 : 2 * (count + 1)]
    least = torch.logit(torch.tensor(LEAST_SCORE)) / 2
    parts = [weight[:, every], logits[:, every], weight[:, 2 * (count + 1) :]]
    return bias + logits[:, gone].sum(1) * least, torch.cat(parts, 1)
