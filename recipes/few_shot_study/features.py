"""Images that are looked at once in a whole study, whoever looks: trainings and measurements of one tower share them."""

from __future__ import annotations

import hashlib
from typing import Any, Self

_METHODS = ("dense_maps", "regions_of", "seen", "encode_images")
_DIGEST = "_digest_of_tower"


class _Kept:
    """What one image gave: made when it is first asked for."""

    def __init__(self, maps: Any) -> None:
        self.maps = maps
        self.regions: Any = None
        self.seen: Any = None


class SharedFeatures:
    """Encoded images, shared between built-in models with the same vision tower, inside ``with``.

    Training leaves the tower and the region head as they are. A digest of their weights decides whether they are the same;
    results are those without sharing. Other kinds of models are left alone.
    """

    def __init__(self, kind: Any = None) -> None:
        """Share what models of a class see.

        Args:
            kind: the class; None is that of the built-in model.
        """
        self._kind = kind
        self._known: dict[tuple[Any, ...], _Kept] = {}
        self._own: dict[str, Any] = {}
        self.looked = 0
        """Images that went through a tower."""

    def __enter__(self) -> Self:
        """Begin to share."""
        if self._kind is None:
            from geogrounding.models.builtin.register import GeogroundForConditionalGeneration

            self._kind = GeogroundForConditionalGeneration
        self._own = {name: getattr(self._kind, name) for name in _METHODS}
        features = self

        def dense_maps(model: Any, pixel_values: Any) -> Any:
            return features._of(model, pixel_values) if len(pixel_values) == 1 else features._own["dense_maps"](model, pixel_values)  # fmt: skip

        def regions_of(model: Any, maps: Any) -> Any:
            if not isinstance(maps, _Kept):
                return features._own["regions_of"](model, maps)
            return features._complete(model, maps).regions

        def seen(model: Any, maps: Any, regions: Any) -> Any:
            if not isinstance(maps, _Kept):
                return features._own["seen"](model, maps, regions)
            return features._complete(model, maps).seen

        def encode_images(model: Any, pixel_values: Any) -> Any:
            from geogrounding.training.vision_cache import _join

            rows = [features._of(model, pixel_values[n : n + 1]) for n in range(len(pixel_values))]
            return _join([features._complete(model, row).seen for row in rows])

        for method in (dense_maps, regions_of, seen, encode_images):
            setattr(self._kind, method.__name__, method)
        return self

    def __exit__(self, *exception: object) -> None:
        """Leave the class as it was."""
        for name, method in self._own.items():
            setattr(self._kind, name, method)

    def _of(self, model: Any, pixel_values: Any) -> _Kept:
        raw = hashlib.sha256(pixel_values.float().cpu().numpy().tobytes()).hexdigest()
        key = (_digest_of(model), raw, str(pixel_values.device))
        if key not in self._known:
            self.looked += 1
            self._known[key] = _Kept(self._own["dense_maps"](model, pixel_values))
            self._complete(model, self._known[key])
        return self._known[key]

    def _complete(self, model: Any, kept: _Kept) -> _Kept:
        if kept.seen is None:
            kept.regions = self._own["regions_of"](model, kept.maps)
            kept.seen = self._own["seen"](model, kept.maps, kept.regions)
            kept.maps = None  # large, and not needed any more
        return kept


def _digest_of(model: Any) -> str:
    """Of the weights that see, computed once for a model: they are frozen."""
    import torch

    known: str | None = model.__dict__.get(_DIGEST)
    if known is None:
        digest = hashlib.sha256()
        for part in (model.vision_tower, model.region_head):
            for name, tensor in part.state_dict().items():
                digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
                digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        known = digest.hexdigest()
        model.__dict__[_DIGEST] = known
    return known
