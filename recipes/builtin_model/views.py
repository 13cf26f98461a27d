"""Endless random views of labelled images, drawn while training: no two are the same.

View n follows from the seed and n alone, so training that is cut off goes on with the views it would have seen.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import IterableDataset, get_worker_info

from recipes.builtin_model.corpora import OTHER, SIDE_PX, LabelledImage, View, draw_view
from recipes.builtin_model.detector import Target, target_of
from recipes.builtin_model.sets import set_of

LED = 0.75
"""Share of views that are led to an object; the others lie anywhere, so that background is seen too."""
SIZES_PX = (9.0, 150.0)
"""Range of the size, in view pixels, that the object of a led view may get (square root of its area)."""


def chances(images: Sequence[LabelledImage]) -> NDArray[np.float64]:
    """(N,) how often each image is drawn: by the share of its set, and within it more often where classes are rare
    or objects many.
    """
    weight = np.zeros(len(images))
    for source in {p.source for p in images}:
        mine = [n for n, p in enumerate(images) if p.source == source]
        shown: dict[int, int] = {}
        for n in mine:
            for label in {int(k) for k in images[n].labels if k != OTHER}:
                shown[label] = shown.get(label, 0) + 1
        for n in mine:
            labels = {int(k) for k in images[n].labels if k != OTHER}
            rarity = max((shown[label] ** -0.5 for label in labels), default=0.5 * len(mine) ** -0.5)
            weight[n] = rarity * math.sqrt(1 + math.log2(1 + len(images[n].labels)))
        weight[mine] *= set_of(source).share / weight[mine].sum()
    out: NDArray[np.float64] = weight / weight.sum()
    return out


def _area_and_scale(
    labelled: LabelledImage, size_px: tuple[int, int], rng: np.random.Generator
) -> tuple[float, int | None]:
    """Image pixels per view pixel, and the object the view is led to."""
    low, high = set_of(labelled.source).scales
    # beyond this the image would fill less than about two thirds of the view
    high = max(low, min(high, max(size_px) / SIDE_PX * 1.4))
    usable = np.flatnonzero(labelled.labels != OTHER)
    if not len(usable) or rng.random() >= LED:
        return math.exp(rng.uniform(math.log(low), math.log(high))), None
    label = rng.choice(np.unique(labelled.labels[usable]))
    chosen = int(rng.choice(np.flatnonzero(labelled.labels == label)))
    box = labelled.boxes_px[chosen]
    size = math.sqrt(max(1.0, float((box[2] - box[0]) * (box[3] - box[1]))))
    first, last = max(low, size / SIZES_PX[1]), min(high, size / SIZES_PX[0])
    if first >= last:  # too large or too small for the range of its set: as near as may be
        return min(max(first, low), high) if first > high or last < low else first, chosen
    return math.exp(rng.uniform(math.log(first), math.log(last))), chosen


def draw(labelled: LabelledImage, pixels: NDArray[np.uint8], rng: np.random.Generator) -> View:
    """A random view with flips, turns, colours and the marks of JPEG."""
    height, width = pixels.shape[:2]
    scale, chosen = _area_and_scale(labelled, (width, height), rng)
    view = draw_view(labelled, pixels, rng, scales=(scale, scale), led_to=chosen)
    if rng.random() < 0.25:
        file = io.BytesIO()
        Image.fromarray(view.pixels).save(file, "JPEG", quality=int(rng.integers(30, 90)))
        view.pixels[...] = np.asarray(Image.open(file))
        width, height = view.content_px
        view.pixels[height:], view.pixels[:, width:] = 0, 0
    return view


class Views(IterableDataset[Any]):
    """Batches (pixels, label, box_px, weight, care) from view ``start`` on, without an end."""

    def __init__(self, images: Sequence[LabelledImage], *, seed: int, batch: int, start: int = 0) -> None:
        super().__init__()
        self.images, self.seed, self.batch, self.start = list(images), seed, batch, start

    def __iter__(self) -> Iterator[tuple[torch.Tensor, ...]]:
        chance = chances(self.images)
        held: dict[int, NDArray[np.uint8]] = {}
        worker = get_worker_info()
        # loaders take turns with whole batches, as torch does when it collects them
        first, stride = (worker.id, worker.num_workers) if worker else (0, 1)
        n = self.start + first * self.batch
        while True:
            pixels: list[NDArray[np.uint8]] = []
            targets: list[Target] = []
            for _ in range(self.batch):
                rng = np.random.default_rng((self.seed, n))
                index = int(rng.choice(len(self.images), p=chance))
                if index not in held:
                    held[index] = self.images[index].pixels()
                view = draw(self.images[index], held[index], rng)
                pixels.append(view.pixels)
                targets.append(target_of(view, set_of(view.source)))
                n += 1
            yield (
                torch.from_numpy(np.stack(pixels)),
                *(
                    torch.from_numpy(np.stack([getattr(t, name) for t in targets]))
                    for name in ("label", "box_px", "weight", "care")
                ),
            )
            n += (stride - 1) * self.batch
