"""The vision tower sees each picture once, however many completions, log-probabilities and steps ask for it.

GRPO samples a group of completions for each question, and trainers repeat the picture for each of them: in generation,
in the old and the reference log-probabilities, and in the training forward. ``SharedVision`` wraps the one method of a
model through which pictures go. Pictures with the same pixels in a batch are encoded once; where the tower is frozen, what
it made of them is kept for the calls that follow. The numbers are those that the method gives.

Pictures are the same when every pixel is: a few of them lead to the candidate, ``torch.equal`` decides. Imports torch:
import it late.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from geogrounding.training.pictures import Recent

DEFAULT_LIMIT_BYTES = 1 << 30
_PROBES = 64
"""Pixels of a picture that lead to its candidate."""
_FROZEN_METHODS = ("vision_features", "find_regions")
"""Methods of the embedded model that map pictures (B, 3, S, S), and what became of them, to tensors of B rows."""


@dataclass(slots=True)
class Counts:
    """What was saved."""

    asked: int = 0
    """Pictures that came in."""
    encoded: int = 0
    """Pictures that went through the tower."""


class SharedVision:
    """Shares the work on pictures within a model; ``close`` takes the wrapping off again."""

    def __init__(self, model: Any, *, limit_bytes: int = DEFAULT_LIMIT_BYTES, share: bool = True) -> None:
        """Wrap a model.

        Args:
            model: a transformers image-text-to-text model, not yet wrapped by PEFT or a trainer.
            limit_bytes: memory for pictures and what the frozen tower made of them.
            share: False leaves the model as it is and only counts (for comparison).
        """
        self.counts = Counts()
        self._share, self._limit = share, limit_bytes
        self._wrapped: list[tuple[Any, str]] = []
        inner = getattr(model, "model", model)
        if hasattr(inner, "get_image_features"):
            tower = [
                parameter
                for name, parameter in inner.named_parameters()
                if not name.startswith(("language_model.", "lm_head."))
            ]
            self._wrap(inner, "get_image_features", _Features(self, inner.get_image_features, tower))
            return
        for name in _FROZEN_METHODS:
            if hasattr(model, name):
                frozen = [*_parameters(model, "vision_tower"), *_parameters(model, "region_head")]
                self._wrap(model, name, _Rows(self, getattr(model, name), frozen, counted=name == _FROZEN_METHODS[0]))

    @property
    def works(self) -> bool:
        """Whether a method was found to share; without one every picture goes its usual way."""
        return bool(self._wrapped)

    def close(self) -> None:
        """Take the wrapping off and free the memory."""
        for owner, name in self._wrapped:
            del owner.__dict__[name]  # the method of the class shows again
        self._wrapped.clear()

    def _wrap(self, owner: Any, name: str, replacement: Callable[..., Any]) -> None:
        # An attribute of the instance hides the method; nn.Module registers only modules and parameters.
        owner.__dict__[name] = replacement
        self._wrapped.append((owner, name))


def _parameters(model: Any, name: str) -> list[torch.nn.Parameter]:
    module = getattr(model, name, None)
    return [] if module is None else list(module.parameters())


class _Known:
    """Pictures seen before, found by a few of their pixels and told apart by all of them."""

    def __init__(self, limit_bytes: int) -> None:
        self._entries: Recent[list[tuple[torch.Tensor, Any]]] = Recent(
            limit_bytes, lambda entries: sum(_bytes(pixels) + _bytes(value) for pixels, value in entries)
        )

    def get(self, key: Hashable, pixels: torch.Tensor) -> Any:
        for known, value in self._entries.get(key) or ():
            if known.shape == pixels.shape and torch.equal(known, pixels):
                return value
        return None

    def put(self, key: Hashable, pixels: torch.Tensor, value: Any) -> None:
        # A copy: the batch that the row belongs to must not stay in memory with it.
        self._entries.put(key, [*(self._entries.get(key) or ()), (pixels.clone(), value)])


def _bytes(value: Any) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in _leaves(value))


def _leaves(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [leaf for field in dataclasses.fields(value) for leaf in _leaves(getattr(value, field.name))]
    if isinstance(value, tuple | list):
        return [leaf for part in value for leaf in _leaves(part)]
    return []


def _probe(pixels: torch.Tensor, kind: tuple[Hashable, ...]) -> Hashable:
    """A few values of a picture, in the numeric type and at the places that all calls use."""
    flat = pixels.reshape(-1)
    step = max(1, flat.numel() // _PROBES)
    return (*kind, tuple(pixels.shape), tuple(flat[step // 2 :: step].float().tolist()))


class _Shared:
    """What both kinds of wrapped methods have in common: which pictures are new, and what is kept."""

    def __init__(self, owner: SharedVision, method: Callable[..., Any], tower: Sequence[torch.nn.Parameter]) -> None:
        self._owner, self._method, self._tower = owner, method, tower
        self._known = _Known(owner._limit)

    def _frozen(self) -> bool:
        return not any(parameter.requires_grad for parameter in self._tower)

    def _gather(
        self,
        pictures: Sequence[torch.Tensor],
        kind: Callable[[int], tuple[Hashable, ...]],
        encode: Callable[[list[int]], list[Any]],
        *,
        counted: bool = True,
    ) -> list[Any]:
        """What each picture became; ``encode`` is asked about the indexes of new and distinct ones only."""
        frozen = self._frozen()
        keys = [_probe(picture, kind(index)) for index, picture in enumerate(pictures)]
        values: list[Any] = [None] * len(pictures)
        first: dict[Hashable, list[int]] = {}
        alike = list(range(len(pictures)))
        new: list[int] = []
        for index, (key, picture) in enumerate(zip(keys, pictures, strict=True)):
            twin = next((other for other in first.get(key, ()) if torch.equal(pictures[other], picture)), None)
            if twin is not None:
                alike[index] = twin
                continue
            first.setdefault(key, []).append(index)
            values[index] = self._known.get(key, picture) if frozen else None
            if values[index] is None:
                new.append(index)
        if new:
            for index, value in zip(new, encode(new), strict=True):
                values[index] = value
                if frozen:
                    self._known.put(keys[index], pictures[index], value)
        if counted:
            self._owner.counts.asked += len(pictures)
            self._owner.counts.encoded += len(new)
        return [values[twin] for twin in alike]


class _Features(_Shared):
    """``get_image_features`` of transformers' models: its answer holds a tensor for each picture."""

    def __call__(self, pixel_values: torch.Tensor, image_grid_thw: Any = None, **kwargs: Any) -> Any:
        if not self._owner._share:
            count = len(image_grid_thw) if image_grid_thw is not None else len(pixel_values)
            self._owner.counts.asked += count
            self._owner.counts.encoded += count
            return self._call(pixel_values, image_grid_thw, kwargs)
        if image_grid_thw is None:
            pictures = list(pixel_values)
            grids: list[tuple[int, ...]] = [()] * len(pictures)
        else:
            grids = [tuple(row) for row in image_grid_thw.tolist()]
            pictures = list(pixel_values.split([rows * height * width for rows, height, width in grids]))
        last: list[Any] = []

        def encode(new: list[int]) -> list[Any]:
            chosen = [pictures[index] for index in new]
            joined = torch.stack(chosen) if image_grid_thw is None else torch.cat(chosen)
            some = None if image_grid_thw is None else image_grid_thw[new]
            with torch.set_grad_enabled(torch.is_grad_enabled() and not self._frozen()):
                output = self._call(joined, some, {**kwargs, "return_dict": True})
            last.append(type(output))
            deepstack = getattr(output, "deepstack_features", None) or ()
            # Slices of one tensor would each keep the whole of it in memory.
            own = torch.clone if self._frozen() else torch.Tensor.view_as
            return [
                _Encoded(
                    pooled=_owned(pooled, own),
                    deepstack=tuple(_owned(level[place], own) for level in deepstack),
                    kind=type(output),
                )
                for place, pooled in enumerate(output.pooler_output)
            ]

        found = self._gather(pictures, lambda index: (grids[index], str(kwargs.get("vision_feature_layer"))), encode)
        fields: dict[str, Any] = {"pooler_output": [value.pooled for value in found]}
        if found[0].deepstack:
            levels = range(len(found[0].deepstack))
            fields["deepstack_features"] = [[value.deepstack[level] for value in found] for level in levels]
        output = found[0].kind(**fields)
        return output if kwargs.get("return_dict", True) else output.to_tuple()

    def _call(self, pixel_values: torch.Tensor, grid: Any, kwargs: dict[str, Any]) -> Any:
        if grid is None:
            return self._method(pixel_values, **kwargs)
        return self._method(pixel_values, grid, **kwargs)


def _owned(tensor: torch.Tensor, own: Callable[..., torch.Tensor]) -> torch.Tensor:
    return own(tensor) if own is torch.clone else tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class _Encoded:
    pooled: torch.Tensor
    deepstack: tuple[torch.Tensor, ...]
    kind: type


class _Rows(_Shared):
    """A frozen method whose arguments and answers are tensors of one row a picture; the pixels are its last argument."""

    def __init__(
        self,
        owner: SharedVision,
        method: Callable[..., Any],
        tower: Sequence[torch.nn.Parameter],
        *,
        counted: bool,
    ) -> None:
        super().__init__(owner, method, tower)
        self._counted = counted

    def __call__(self, *arguments: torch.Tensor) -> Any:
        pixels = arguments[-1]
        if not self._owner._share:
            if self._counted:
                self._owner.counts.asked += len(pixels)
                self._owner.counts.encoded += len(pixels)
            return self._method(*arguments)

        def encode(new: list[int]) -> list[Any]:
            with torch.set_grad_enabled(torch.is_grad_enabled() and not self._frozen()):
                output = self._method(*(argument[new] for argument in arguments))
            frozen = self._frozen()
            return [_take(output, slice(row, row + 1), own=frozen) for row in range(len(new))]

        return _join(self._gather(list(pixels), lambda _: (), encode, counted=self._counted))


def _take(value: Any, rows: slice, *, own: bool) -> Any:
    """Rows of every tensor in a structure."""
    if isinstance(value, torch.Tensor):
        return value[rows].clone() if own else value[rows]
    if isinstance(value, tuple | list):
        return type(value)(_take(part, rows, own=own) for part in value)
    return dataclasses.replace(
        value, **{field.name: _take(getattr(value, field.name), rows, own=own) for field in dataclasses.fields(value)}
    )


def _join(parts: Sequence[Any]) -> Any:
    """Structures of tensors, joined along their first axis."""
    first = parts[0]
    if isinstance(first, torch.Tensor):
        return torch.cat(list(parts))
    if isinstance(first, tuple | list):
        return type(first)(_join(column) for column in zip(*parts, strict=True))
    return dataclasses.replace(
        first,
        **{field.name: _join([getattr(part, field.name) for part in parts]) for field in dataclasses.fields(first)},
    )
