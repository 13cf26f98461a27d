"""Labelled images with expressions about them, as files that ``geoground train`` and ``geoground eval`` read.

Here expressions are about what people labelled, not about what the region head saw: what ``questions`` teaches from the head,
GRPO corrects by these, and tests measure with these.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from geogrounding.datasets.synthetic import Expression, Kind, Objects, make_expressions
from geogrounding.models.prompts import build_prompt
from geogrounding.types import Question
from recipes.builtin_model.corpora import CLASSES, LabelledImage, draw_view, is_dev, read_all, scales_of
from recipes.builtin_model.detector import MIN_SIDE_PX, MIN_VISIBLE

CHOOSING: tuple[Kind, ...] = ("position", "rank", "size", "relation")
"""Kinds of expression that choose among the objects of a class."""
NEGATIVES_KEPT = 0.3
"""Share of the expressions without a target that are kept."""


def expressions_of(
    boxes_px: NDArray[np.float64],
    labels: NDArray[np.int64],
    known: NDArray[np.bool_],
    size_px: tuple[int, int],
    rng: np.random.Generator,
    *,
    count: int,
    kinds: tuple[Kind, ...],
    classes: frozenset[str] = frozenset(CLASSES),
) -> list[Expression]:
    """Expressions about the labels of an image.

    Args:
        boxes_px: (N, 4).
        labels: (N,) indexes into CLASSES.
        known: (classes,) True where an unlabelled place shows none; only such classes are said to be absent.
        size_px: (width, height).
        rng: decides everything.
        count: expressions wanted.
        kinds: of them.
        classes: that may be named.
    """
    mine = np.array([CLASSES[n] in classes for n in labels], dtype=bool)
    objects = Objects(
        boxes_px=boxes_px[mine],
        labels=tuple(CLASSES[n] for n in labels[mine]),
        size_px=size_px,
        looked_for=tuple(name for name, sure in zip(CLASSES, known, strict=True) if sure and name in classes),
    )
    return make_expressions(objects, rng, count=count, kinds=kinds)


def asks_by(made: Expression) -> str:
    """What an expression chooses by, as far as one word says it: "leftmost", "upper left", "next to"; else its kind."""
    meaning = made.meaning
    relation = None if meaning.relation is None else meaning.relation.kind
    return "negative" if not made.targets else meaning.selector or relation or made.kind


def record_of(
    image: str, size_px: tuple[int, int], made: Expression, boxes_px: NDArray[np.float64], number: int
) -> dict[str, Any]:
    """One line in the form of Geo-R1."""
    boxes = [[round(float(v), 2) for v in boxes_px[n]] for n in made.targets]
    category = made.meaning.category
    return {
        "id": f"{Path(image).stem}/{number}",
        "image": image,
        "width": size_px[0],
        "height": size_px[1],
        "problem": build_prompt(Question(expression=made.text, task=made.task), "geo-r1"),
        "expression": made.text,
        "task": made.task,
        "category": category,
        "kind": made.kind,
        "asks": asks_by(made),
        "solution": json.dumps([{"bbox_2d": box, "label": category} for box in boxes]) if boxes else "None",
    }


def write_views(  # noqa: PLR0913 - keyword-only options of a training step
    root: Path,
    out: Path,
    *,
    count: int,
    seed: int,
    questions: int = 3,
    kinds: tuple[Kind, ...],
    sources: frozenset[str] | None = None,
    classes: frozenset[str] = frozenset(CLASSES),
    split: Literal["train", "dev", "test"] = "train",
    negatives: float = NEGATIVES_KEPT,
) -> Path:
    """Random views of labelled images with questions about them: ``out/train.jsonl`` (or ``test.jsonl``), ``out/images``.

    Views come from every set alike, whatever its size; only those for training are turned and recoloured.

    Args:
        root: folder of the data sets.
        out: made by this.
        count: views.
        seed: decides everything.
        questions: about each view.
        kinds: of expressions.
        sources: names of the sets; default all.
        classes: that may be named.
        split: of the data sets; "dev" are the images of the training split that are kept back.
        negatives: share of the expressions without a target that are kept.

    Returns:
        The file of records.
    """
    (out / "images").mkdir(parents=True, exist_ok=True)
    by_source: dict[str, list[LabelledImage]] = {}
    for n, labelled in enumerate(read_all(root, "test" if split == "test" else "train")):
        if (split == "test" or is_dev(n) == (split == "dev")) and (sources is None or labelled.source in sources):
            by_source.setdefault(labelled.source, []).append(labelled)
    names = sorted(by_source)
    file_path = out / f"{split}.jsonl"
    with file_path.open("w") as file:
        for n in range(count):
            rng = np.random.default_rng((seed, n))
            source = names[n % len(names)]
            labelled = by_source[source][int(rng.integers(len(by_source[source])))]
            view = draw_view(labelled, labelled.pixels(), rng, scales=scales_of(source), augment=split == "train")
            seen = (view.visible >= MIN_VISIBLE) & (
                (view.boxes_view_px[:, 2:] - view.boxes_view_px[:, :2]).min(axis=1, initial=np.inf) >= MIN_SIDE_PX
            )
            # a class of which a part is cut off is not asked for: whether that part counts is a matter of taste
            cut = {CLASSES[c] for c in view.labels[~seen]}
            boxes, labels = view.boxes_view_px[seen], view.labels[seen]
            width, height = view.content_px
            name = f"images/{split}_{source}_{n}.png"
            made = expressions_of(
                boxes,
                labels,
                view.known,
                (width, height),
                rng,
                count=questions,
                kinds=kinds,
                classes=classes - cut,
            )
            # every image allows any number of negatives, and few of the others
            made = [e for e in made if e.kind != "negative" or rng.random() < negatives]
            if made:
                Image.fromarray(view.pixels[:height, :width]).save(out / name, compress_level=1)
            for k, expression in enumerate(made):
                file.write(json.dumps(record_of(name, (width, height), expression, boxes, k)) + "\n")
    return file_path


def choosing_records(root: Path, split: str, *, seed: int, each: int = 4) -> Iterator[dict[str, Any]]:
    """Questions for one target by place, rank, size or neighbour about whole images of NWPU; images as the set names them."""
    for n, labelled in enumerate(read_all(root, split)):
        if labelled.source != "nwpu" or (split == "train" and not is_dev(n)):
            continue
        with Image.open(labelled.path) as image:
            size_px = image.size
        known = np.array([name in labelled.known for name in CLASSES])
        made = expressions_of(
            labelled.boxes_px,
            labelled.labels,
            known,
            size_px,
            np.random.default_rng((seed, n)),
            count=3 * each,
            kinds=CHOOSING,
        )
        single = [e for e in made if e.task == "refer" and len(e.targets) == 1][:each]
        for k, expression in enumerate(single):
            yield record_of(labelled.path.name, size_px, expression, labelled.boxes_px, k)
