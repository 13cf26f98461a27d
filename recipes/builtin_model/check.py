"""How good a detector is on the images kept back, before anything else is built on it: AP50 by class, scale and size.

    python -m recipes.builtin_model.check --data ../shared/data --start MODEL --weights RUN/detector.pt

Sizes are the roots of the areas of boxes in view pixels: they say at which ground resolution a class should be looked for.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from geogrounding.models.builtin.pixels import normalise
from geogrounding.models.builtin.regions import select_regions
from recipes.builtin_model.corpora import CLASSES, SIDE_PX, LabelledImage, View, draw_view
from recipes.builtin_model.detector import MIN_SIDE_PX, MIN_VISIBLE
from recipes.builtin_model.end_to_end import Detector, load_start
from recipes.builtin_model.matching import Hits, match
from recipes.builtin_model.sets import read_part, set_of

SCALES = (0.5, 1.0, 2.0)
SIZES_PX = (0, 12, 18, 28, 45, 80, 150, 400)
Found = tuple[NDArray[np.float64], NDArray[np.float64]]


def dev_views(images: Sequence[LabelledImage], *, scale: float, each: int) -> Iterator[View]:
    """At most ``each`` windows of every image at a scale, the same ones every time, without colours or turns."""
    for n, labelled in enumerate(images):
        pixels = labelled.pixels()
        span = SIDE_PX * scale
        windows = int(np.ceil(pixels.shape[0] / span) * np.ceil(pixels.shape[1] / span))
        if scale > 1 and max(pixels.shape[:2]) < 0.6 * span:
            continue
        for k in range(min(each, windows)):
            rng = np.random.default_rng((7, n, k))
            yield draw_view(labelled, pixels, rng, scales=(scale, scale), augment=False)


@torch.inference_mode()
def find(model: Detector, views: Sequence[View], *, batch: int = 16) -> list[Found]:
    """Boxes and class scores of views."""
    out: list[Found] = []
    for k in range(0, len(views), batch):
        with torch.autocast("cpu", torch.bfloat16):
            maps = model(normalise(np.stack([v.pixels for v in views[k : k + batch]])))
        found = select_regions(maps, side_px=SIDE_PX, candidates=1500, keep=300)
        out += [(b.double().numpy(), s.double().numpy()) for b, s in zip(found.boxes_px, found.scores, strict=True)]
    return out


def hits_of(found: Sequence[Found], views: Sequence[View], label: int, *, within: tuple[float, float]) -> Hits:
    """Matches of one class on the views that label it; targets of other sizes (view pixels) count neither way."""
    boxes_scores, truth = [], []
    for (boxes, scores), view in zip(found, views, strict=True):
        mine = view.labels == label
        if not (view.known[label] or mine.any()):
            continue
        kept = scores[:, label] > 0.02
        boxes_scores.append((boxes[kept], scores[kept, label]))
        targets = view.boxes_view_px[mine]
        sides = targets[:, 2:] - targets[:, :2]
        size = np.sqrt(sides.prod(1))
        counts = (view.visible[mine] >= MIN_VISIBLE) & (sides.min(1, initial=np.inf) >= MIN_SIDE_PX)
        truth.append((targets, counts & (size >= within[0]) & (size < within[1])))
    return match(boxes_scores, truth)


def hits_by_class(model: Detector, images: Sequence[LabelledImage], *, each: int) -> dict[str, Hits]:
    """Matches of every class on views of all scales whose set labels all of its objects."""
    views = [view for scale in SCALES for view in dev_views(images, scale=scale, each=each)]
    found = find(model, views)
    out = {}
    for label, name in enumerate(CLASSES):
        sure = [n for n, v in enumerate(views) if v.known[label] and set_of(v.source).faint.get(name, 1.0) > 0.5]
        out[name] = hits_of([found[n] for n in sure], [views[n] for n in sure], label, within=(0, math.inf))
    return out


def check(model: Detector, images: Sequence[LabelledImage], *, each: int) -> dict[str, Any]:
    """AP50 by set, class and scale, and recall at score 0.2 by class and size of all scales together."""
    result: dict[str, Any] = {"ap50": {}, "recall_by_size": {}}
    sizes: dict[str, list[list[int]]] = {name: [[0, 0] for _ in SIZES_PX[1:]] for name in CLASSES}
    for scale in SCALES:
        views = list(dev_views(images, scale=scale, each=each))
        found = find(model, views)
        for source in sorted({v.source for v in views}):
            mine = [n for n, v in enumerate(views) if v.source == source]
            some, their = [found[n] for n in mine], [views[n] for n in mine]
            for label, name in enumerate(CLASSES):
                hits = hits_of(some, their, label, within=(0, 1e9))
                if hits.targets >= 5:
                    row = result["ap50"].setdefault(f"{source} {name}", {})
                    row[str(scale)] = [round(hits.average_precision(), 3), hits.targets]
        for label, name in enumerate(CLASSES):
            for k, (low, high) in enumerate(itertools.pairwise(SIZES_PX)):
                hits = hits_of(found, views, label, within=(low, high))
                sizes[name][k][0] += int(hits.right[hits.scores >= 0.2].sum())
                sizes[name][k][1] += hits.targets
    result["recall_by_size"] = {
        name: {
            f"{low}-{high}": [round(right / many, 2), many]
            for (right, many), low, high in zip(rows, SIZES_PX, SIZES_PX[1:], strict=False)
            if many >= 5
        }
        for name, rows in sizes.items()
    }
    return result


def main(arguments: list[str] | None = None) -> None:
    """Entry point; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--start", type=Path, required=True)
    parser.add_argument(
        "--weights", type=Path, default=None, help="averaged weights of a run (default: those of --start)"
    )
    parser.add_argument("--each", type=int, default=2, help="views of an image at a scale")
    parser.add_argument("--threads", type=int, default=None)
    given = parser.parse_args(arguments)
    if given.threads:
        torch.set_num_threads(given.threads)
    model = load_start(given.start)
    if given.weights is not None:
        model.load_state_dict(torch.load(given.weights, weights_only=True), strict=False)
    result = check(model.eval(), read_part(given.data, "dev"), each=given.each)
    for name, rows in result.pop("ap50").items():
        print(f"{name:40s}", json.dumps(rows))
    for name, rows in result["recall_by_size"].items():
        print(f"{name:24s}", json.dumps(rows))


if __name__ == "__main__":
    main()
