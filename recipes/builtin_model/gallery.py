"""Good and bad cases for the model card, of test images that may be shown.

python -m recipes.builtin_model gallery --data ../shared/data --out docs/images/model-cases.jpg
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from geogrounding.evaluation.matching import match
from geogrounding.geometry.boxes import iou_matrix
from recipes.builtin_model.corpora import CLASSES, LabelledImage
from recipes.builtin_model.pipeline_metrics import ground_image
from recipes.builtin_model.sets import read_part

SHOWN = (
    ("estonia-ortho", "vehicle"), ("estonia-ortho", "building"), ("estonia-ortho", "ship"), ("neon-crowns-2", "tree"),
    ("wind-turbines", "wind turbine"), ("gsi-solar", "solar panel"),
)  # fmt: skip
"""Set and class. The licences of the other sets do not let their images be shown."""
TRIED = 8
"""Images of each class that are asked; those with most objects."""
TILE_PX, CAPTION_PX = 300, 20
LEAST_SIDE_PX = 150
FOUND, WRONG, MISSED = (60, 255, 90), (255, 60, 60), (255, 220, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One image and what was found in it at the default score."""

    labelled: LabelledImage
    targets: NDArray[np.float64]
    """(T, 4) pixels of the image."""
    seen: NDArray[np.bool_]
    """(T,) which were found."""
    boxes: NDArray[np.float64]
    """(B, 4)."""
    right: NDArray[np.bool_]
    """(B,)."""

    @property
    def f1(self) -> float:
        """At IoU 0.5."""
        return 2 * float(self.right.sum()) / (len(self.boxes) + len(self.targets))


def case_of(model: Any, labelled: LabelledImage, name: str) -> Case:
    """Ask an image for a class."""
    boxes, scores = ground_image(model, labelled, [name], "detect")[name]
    targets = labelled.boxes_px[labelled.labels == CLASSES.index(name)]
    boxes = boxes[np.argsort(-scores, kind="stable")]
    iou = iou_matrix(boxes, targets)
    right = match(iou, np.array([0.5]))[0]
    seen = (iou[right] >= 0.5).any(axis=0)
    return Case(labelled=labelled, targets=targets, seen=seen, boxes=boxes, right=right)


def tile(case: Case, caption: str) -> Image.Image:
    """The liveliest part of an image with what was found, what is wrong, and what was missed."""
    image = Image.fromarray(case.labelled.pixels())
    every = np.concatenate([case.targets, case.boxes])
    size = float(np.sqrt(np.median((every[:, 2:] - every[:, :2]).prod(1))))
    side = round(min(max(LEAST_SIDE_PX, 9 * size), *image.size))
    middle = (every[:, :2] + every[:, 2:]) / 2
    within = (np.abs(middle[:, None] - middle[None]).max(2) < side * 0.45).sum(1)
    x, y = middle[int(within.argmax())]
    x0 = int(np.clip(x - side / 2, 0, image.width - side))
    y0 = int(np.clip(y - side / 2, 0, image.height - side))
    crop = image.crop((x0, y0, x0 + side, y0 + side)).resize((TILE_PX, TILE_PX), Image.Resampling.BICUBIC)
    draw, k = ImageDraw.Draw(crop), TILE_PX / side
    for boxes, colour in (
        (case.targets[~case.seen], MISSED),
        (case.boxes[~case.right], WRONG),
        (case.boxes[case.right], FOUND),
    ):
        for box in boxes:
            draw.rectangle(list((box - [x0, y0, x0, y0]) * k), outline=colour, width=2)
    out = Image.new("RGB", (TILE_PX, TILE_PX + CAPTION_PX), "white")
    out.paste(crop, (0, CAPTION_PX))
    ImageDraw.Draw(out).text((4, 3), caption, fill="black", font=ImageFont.load_default(13))
    return out


def gallery(root: Path, out: Path, *, folder: Path | None = None, shown: Sequence[tuple[str, str]] = SHOWN) -> None:
    """Write an image with the best and the worst of some test images of each class, by F1 at the default score.

    Args:
        root: folder of the data sets.
        out: the image, ending in ``.jpg`` or ``.png``.
        folder: of a model; None is the one of the package.
        shown: sets and classes.
    """
    from geogrounding.models import builtin

    model = builtin.load(folder)
    images = read_part(root, "test")
    rows: list[tuple[Image.Image, Image.Image]] = []
    for source, name in shown:
        label = CLASSES.index(name)
        mine = [p for p in images if p.source == source and label in p.labels]
        mine.sort(key=lambda p: (-int((p.labels == label).sum()), p.path.name))
        cases = sorted((case_of(model, labelled, name) for labelled in mine[:TRIED]), key=lambda case: -case.f1)
        if cases:
            best, worst = cases[0], cases[-1]
            rows.append((tile(best, f"{name}: F1 {best.f1:.2f}"), tile(worst, f"{name}: F1 {worst.f1:.2f}")))
    height = TILE_PX + CAPTION_PX
    sheet = Image.new("RGB", (TILE_PX * len(rows), 2 * height), "white")
    for n, pair in enumerate(rows):
        for k, drawn in enumerate(pair):
            sheet.paste(drawn, (n * TILE_PX, k * height))
    sheet.save(out, quality=85)
