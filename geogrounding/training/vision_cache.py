"""Cache of the vision tower: each image is encoded once for all completions, log-probabilities and steps.

GRPO samples a group of completions for each question, and trainers encode the image for each of them: in generation,
in the old and the reference log-probabilities, and in the training forward. ``SharedVision`` wraps the one method of a
model through which images go. Images with the same pixels in a batch are encoded once; where the tower is frozen, the
results are kept for later calls. Results are those of the method.

Two images are the same when all pixels are equal: within a batch a few pixels find the candidate and ``torch.equal``
decides; between calls a digest of all pixels does. Imports torch: import it late.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from geogrounding.training.image_refs import Recent

DEFAULT_LIMIT_BYTES = 1 << 30
_PROBES = 64
"""Pixels of an image that are compared first."""


@dataclass(slots=True)
class Counts:
    """Number of images."""

    asked: int = 0
    """Images passed to the tower."""
    encoded: int = 0
    """Images that the tower encoded."""


class SharedVision:
    """Caches encoded images of a model by wrapping its method; ``close`` removes the wrapper."""

    def __init__(self, model: Any, *, limit_bytes: int = DEFAULT_LIMIT_BYTES, share: bool = True) -> None:
        """Wrap a model.

        Args:
            model: a transformers image-text-to-text model, not yet wrapped by PEFT or a trainer.
            limit_bytes: memory for encoded images.
            share: False leaves the model as it is and only counts (for comparison).
        """
        self.counts = Counts()
        self.share, self.limit_bytes = share, limit_bytes
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
        if hasattr(model, "encode_images"):
            self._wrap(model, "encode_images", _Rows(self, model.encode_images, ()))

    @property
    def works(self) -> bool:
        """Whether the model has a method that can be wrapped."""
        return bool(self._wrapped)

    def close(self) -> None:
        """Remove the wrapper and free the memory."""
        for owner, name in self._wrapped:
            del owner.__dict__[name]  # the method of the class shows again
        self._wrapped.clear()

    def _wrap(self, owner: Any, name: str, replacement: Callable[..., Any]) -> None:
        # An attribute of the instance hides the method; nn.Module registers only modules and parameters.
        owner.__dict__[name] = replacement
        self._wrapped.append((owner, name))


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


def _probe(pixels: torch.Tensor) -> Hashable:
    """A few values of an image."""
    flat = pixels.reshape(-1)
    step = max(1, flat.numel() // _PROBES)
    return (tuple(pixels.shape), tuple(flat[step // 2 :: step].float().tolist()))


def _digest(pixels: torch.Tensor) -> Hashable:
    """128 bits of all values of an image, and their shape."""
    import xxhash

    values = pixels.detach().contiguous().view(torch.uint8).cpu().numpy()
    # numpy says that an array is a buffer from Python 3.12 on only
    return (tuple(pixels.shape), str(pixels.dtype), xxhash.xxh3_128_digest(values))  # type: ignore[arg-type]


class _Shared:
    """Shared by both wrapped methods: which images are new, and which results are kept."""

    def __init__(self, owner: SharedVision, method: Callable[..., Any], tower: Sequence[torch.nn.Parameter]) -> None:
        self._owner, self._method, self._tower = owner, method, tower
        self._known: Recent[Any] = Recent(owner.limit_bytes, _bytes)

    def _frozen(self) -> bool:
        return not any(parameter.requires_grad for parameter in self._tower)

    def _passes(self, count: int) -> bool:
        """Whether nothing is shared; such images are only counted."""
        if not self._owner.share:
            self._owner.counts.asked += count
            self._owner.counts.encoded += count
        return not self._owner.share

    def _gather(
        self,
        images: Sequence[torch.Tensor],
        kind: Callable[[int], Hashable],
        encode: Callable[[list[int]], list[Any]],
    ) -> list[Any]:
        """The result for each image; ``encode`` is called with the indexes of new and distinct ones only."""
        frozen = self._frozen()
        values: list[Any] = [None] * len(images)
        alike = list(range(len(images)))
        first: dict[Hashable, list[int]] = {}
        keys: dict[int, Hashable] = {}
        new: list[int] = []
        for index, image in enumerate(images):
            known = first.setdefault((kind(index), _probe(image)), [])
            same = next((other for other in known if torch.equal(images[other], image)), None)
            if same is not None:
                alike[index] = same
                continue
            known.append(index)
            if frozen:
                keys[index] = (kind(index), _digest(image))
                values[index] = self._known.get(keys[index])
            if values[index] is None:
                new.append(index)
        if new:
            with torch.set_grad_enabled(torch.is_grad_enabled() and not frozen):
                encoded = encode(new)
            for index, value in zip(new, encoded, strict=True):
                values[index] = value
                if frozen:
                    self._known.put(keys[index], value)
        self._owner.counts.asked += len(images)
        self._owner.counts.encoded += len(new)
        return [values[same] for same in alike]


class _Features(_Shared):
    """``get_image_features`` of transformers' models: its answer holds a tensor for each image."""

    def __call__(self, pixel_values: torch.Tensor, image_grid_thw: Any = None, **kwargs: Any) -> Any:
        if self._passes(len(pixel_values) if image_grid_thw is None else len(image_grid_thw)):
            return self._call(pixel_values, image_grid_thw, kwargs)
        if image_grid_thw is None:
            images = list(pixel_values)
            grids: list[Hashable] = [()] * len(images)
        else:
            grids = [tuple(row) for row in image_grid_thw.tolist()]
            images = list(pixel_values.split(image_grid_thw.prod(-1).tolist()))
        layers = str((kwargs.get("vision_feature_layer"), kwargs.get("vision_feature_select_strategy")))

        def encode(new: list[int]) -> list[Any]:
            chosen = [images[index] for index in new]
            joined = torch.stack(chosen) if image_grid_thw is None else torch.cat(chosen)
            some = None if image_grid_thw is None else image_grid_thw[new]
            output = self._call(joined, some, {**kwargs, "return_dict": True})
            deepstack = getattr(output, "deepstack_features", None) or ()
            frozen = self._frozen()
            return [
                _Encoded(
                    pooled=_own(pooled, frozen),
                    deepstack=tuple(_own(level[place], frozen) for level in deepstack),
                    kind=type(output),
                )
                for place, pooled in enumerate(output.pooler_output)
            ]

        found = self._gather(images, lambda index: (grids[index], layers), encode)
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


def _own(tensor: torch.Tensor, frozen: bool) -> torch.Tensor:
    """A tensor to keep; a slice would keep the memory of the whole batch."""
    return tensor.clone() if frozen else tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class _Encoded:
    pooled: torch.Tensor
    deepstack: tuple[torch.Tensor, ...]
    kind: type


class _Rows(_Shared):
    """``encode_images`` of the built-in model: images (B, 3, S, S) to a structure of tensors of B rows, no gradient."""

    def __call__(self, pixel_values: torch.Tensor) -> Any:
        if self._passes(len(pixel_values)):
            return self._method(pixel_values)

        def encode(new: list[int]) -> list[Any]:
            output = self._method(pixel_values[new])
            return [_take(output, slice(row, row + 1)) for row in range(len(new))]

        return _join(self._gather(list(pixel_values), lambda _: (), encode))


def _take(value: Any, rows: slice) -> Any:
    """Rows of every tensor in a structure, as their own memory."""
    if isinstance(value, torch.Tensor):
        return value[rows].clone()
    if isinstance(value, tuple | list):
        return type(value)(_take(part, rows) for part in value)
    changed = {field.name: _take(getattr(value, field.name), rows) for field in dataclasses.fields(value)}
    return dataclasses.replace(value, **changed)


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
