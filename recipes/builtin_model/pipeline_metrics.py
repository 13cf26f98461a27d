"""What the packaged model finds through the whole pipeline, on the images of the data sets."""

from __future__ import annotations

import json
import tempfile
import time
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from PIL import Image
from rasterio.transform import from_origin

from geogrounding.geometry.boxes import as_boxes, iou_matrix
from geogrounding.types import Task
from recipes.builtin_model.corpora import CLASSES, OTHER, LabelledImage
from recipes.builtin_model.matching import Hits, match
from recipes.builtin_model.samples import choosing_records
from recipes.builtin_model.sets import ground_m_of, read_part

ABSENT = ("airplane", "harbor", "ground track field", "storage tank", "swimming pool", "wind turbine")
"""Asked about images whose set shows none of them."""
SETS = (
    "nwpu-vhr10", "nwpu-vhr10:choosing", "airbus-aircraft", "banepa-buildings", "estonia-ortho",
    "ships-boats", "port-ships", "rsod", "tennis-courts", "neon-crowns", "neon-crowns-2", "wind-turbines", "gsi-solar",
    "solar-drone", "kampala-buildings", "dota-parking",
)  # fmt: skip
"""What is measured: all targets of a set, or one target among several (``choosing``). Cars of ``simd`` are not all labelled,
so it is not measured."""
ORIGIN_M = (500_000.0, 4_000_000.0)
"""Where images lie in their coordinate system; nothing depends on it."""
CROWN_IOU = {"neon-crowns": 0.4, "neon-crowns-2": 0.4}
"""Least IoU of a hit where it is not 0.5: people draw crowns loosely (Weinstein et al. 2021, NeonTreeEvaluation). AP50 of
crowns is given beside it."""
Found = tuple[NDArray[np.float64], NDArray[np.float64]]


def write_scene(path: Path, labelled: LabelledImage, metres: float) -> None:
    """The image as a GeoTIFF, north up, with a ground resolution (metres per pixel)."""
    pixels = labelled.pixels()
    height, width = pixels.shape[:2]
    profile: dict[str, Any] = {"driver": "GTiff", "count": 3, "dtype": "uint8", "crs": "EPSG:32631"}
    transform = from_origin(*ORIGIN_M, metres, metres)
    with rasterio.open(path, "w", width=width, height=height, transform=transform, **profile) as out:
        out.write(pixels.transpose(2, 0, 1))


def ground_image(
    model: Any,
    labelled: LabelledImage,
    expressions: Sequence[str],
    task: Task,
    *,
    as_image: bool = False,
    **settings: Any,
) -> dict[str, Found]:
    """Boxes (pixels of the image) and scores of each expression, through ``geogrounding.ground``.

    Args:
        model: loaded.
        labelled: the image.
        expressions: what to look for.
        task: how many of each.
        as_image: pass over the ground resolution that the set states.
        settings: of the run.
    """
    import geogrounding

    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # rasterio: an image has no georeference
        path, metres = labelled.path, None if as_image else ground_m_of(labelled)
        if metres is not None:
            path = Path(folder) / "scene.tif"
            write_scene(path, labelled, metres)
        elif labelled.window_px is not None:
            path = Path(folder) / "window.png"
            Image.fromarray(labelled.pixels()).save(path, compress_level=1)
        layer = geogrounding.ground(str(path), *expressions, model=model, task=task, pixel_coordinates=True, **settings)
    out = {}
    for expression in expressions:
        rows = layer[layer["query"] == expression]
        out[expression] = (
            rows.geometry.bounds.to_numpy(dtype=np.float64).reshape(-1, 4),
            rows["score"].to_numpy(dtype=np.float64),
        )
    return out


def asked_of(labelled: LabelledImage, shown: set[str]) -> list[str]:
    """Classes to ask an image for: those labelled in it, those of its set that would be, and what it cannot show."""
    present = {CLASSES[c] for c in labelled.labels if c != OTHER}
    return sorted(present | (labelled.known & (shown | set(ABSENT))))


Matched = dict[str, tuple[list[Found], list[tuple[NDArray[np.float64], NDArray[np.bool_]]]]]
"""By class: what was found in each image, and its targets, as ``matching.match`` takes them."""


def detect(
    model: Any,
    images: Sequence[LabelledImage],
    *,
    threshold: float | None = None,
    **settings: Any,
) -> tuple[Matched, list[bool]]:
    """Ask images for every class that their set labels and the model knows, one by one, and for classes that they cannot
    show.

    Args:
        model: loaded.
        images: of one set or several.
        threshold: score from which an absent class counts as answered; None is the default of a run.
        settings: of the run, such as ``scales``, and ``as_image`` of ``ground_image``.

    Returns:
        What was found by class, and for each absent class of each image whether it was answered with nothing.
    """
    from geogrounding.models.builtin import BUILTIN_CONVENTIONS

    least = BUILTIN_CONVENTIONS.min_score if threshold is None else threshold
    shown: dict[str, set[str]] = {}
    for labelled in images:
        shown.setdefault(labelled.source, set()).update(CLASSES[c] for c in labelled.labels if c != OTHER)
    matched: Matched = {}
    silent = []
    for n, labelled in enumerate(images):
        mine = shown[labelled.source]
        asked = [name for name in asked_of(labelled, mine) if name in model.conventions.classes]
        if not asked:
            continue
        # each class of a set in a run of its own, as users ask: together they would share their levels
        runs = [[name] for name in asked if name in mine] + [[name for name in asked if name not in mine]]
        answers: dict[str, Found] = {}
        for names in filter(None, runs):
            answers |= ground_image(model, labelled, names, "detect", min_score=0.02, **settings)
        for name in asked:
            if name not in mine:
                silent.append(not (answers[name][1] >= least).any())
            boxes = labelled.boxes_px[labelled.labels == CLASSES.index(name)]
            found, truth = matched.setdefault(name, ([], []))
            found.append(answers[name])
            truth.append((boxes, np.ones(len(boxes), bool)))
        if n % 20 == 0:
            print(f"{n} of {len(images)} images", flush=True)
    return matched, silent


def hits_of(matched: Matched, *, iou: float = 0.5) -> dict[str, Hits]:
    """What was found of each class, right or wrong."""
    return {name: match(*pair, iou=iou) for name, pair in matched.items()}


def reliability(hits: Iterable[Hits]) -> list[dict[str, float]]:
    """For tenths of the score: mean score, share of boxes that are right, number of boxes; tenths without any left out."""
    some = [h for h in hits if len(h.scores)]
    if not some:
        return []
    scores, right = np.concatenate([h.scores for h in some]), np.concatenate([h.right for h in some])
    tenth = np.minimum((scores * 10).astype(int), 9)
    return [
        {
            "score": round(float(scores[tenth == n].mean()), 3),
            "right": round(float(right[tenth == n].mean()), 3),
            "boxes": int((tenth == n).sum()),
        }
        for n in np.unique(tenth)
    ]


def detect_metrics(matched: Matched, silent: Sequence[bool], *, iou: float = 0.5) -> dict[str, Any]:
    """AP and F1 at ``iou`` of each class that a set labels, and the share of absent classes answered with nothing.

    ``single`` is the share of targets that stand alone in their image whose best-scored box has IoU above 0.5 and 0.7.
    """
    from geogrounding.models.builtin import BUILTIN_CONVENTIONS

    threshold = BUILTIN_CONVENTIONS.min_score
    hits = hits_of(matched, iou=iou)
    counted = {name: h for name, h in hits.items() if h.targets}
    single = np.array(
        [
            iou_matrix(boxes[[int(np.argmax(scores))]], targets)[0, 0] if len(boxes) else 0.0
            for found, truth in matched.values()
            for (boxes, scores), (targets, _) in zip(found, truth, strict=True)
            if len(targets) == 1
        ]
    )
    return {
        "single_acc50_acc70_n": [round(float((single > t).mean()), 3) if len(single) else None for t in (0.5, 0.7)]
        + [len(single)],
        "ap": round(float(np.mean([h.average_precision() for h in counted.values()])), 4),
        "by_class": {
            name: {
                "ap": round(h.average_precision(), 3),
                "f1": round(h.f1(threshold), 3),
                "best_f1": round(h.best_threshold()[1], 3),
                "best_at": round(h.best_threshold()[0], 2),
                "targets": h.targets,
            }
            for name, h in sorted(counted.items())
        },
        "absent_answered_none": [round(float(np.mean(silent)), 4) if silent else None, len(silent)],
    }


def choosing_metrics(model: Any, root: Path, split: str, **settings: Any) -> dict[str, Any]:
    """Acc@0.5 of expressions that choose one target by place, rank, size or neighbour, by kind."""
    right: dict[str, list[float]] = {}
    by_image: dict[str, list[dict[str, Any]]] = {}
    for record in choosing_records(root, "test" if split == "test" else "train", seed=0):
        by_image.setdefault(record["image"], []).append(record)
    images = {p.path.name: p for p in read_part(root, split) if p.source == "nwpu-vhr10"}
    for image, records in by_image.items():
        asked = sorted({r["expression"] for r in records})
        found = ground_image(model, images[image], asked, "refer", **settings)
        for record in records:
            boxes, scores = found[record["expression"]]
            best = boxes[int(np.argmax(scores))] if len(boxes) else np.zeros(4)
            truth = np.array([json.loads(record["solution"])[0]["bbox_2d"]])
            right.setdefault(record["kind"], []).append(float(iou_matrix(as_boxes(best[None]), as_boxes(truth))[0, 0]))
    flat = np.array([v for values in right.values() for v in values])
    return {
        "n": len(flat),
        "acc50": round(float((flat > 0.5).mean()), 4),
        "acc50_by_kind": {k: [round(float((np.array(v) > 0.5).mean()), 3), len(v)] for k, v in sorted(right.items())},
    }


def measure(
    root: Path,
    *,
    split: str = "test",
    folder: Path | None = None,
    sets: Sequence[str] = SETS,
    every: int = 1,
    **settings: Any,
) -> dict[str, Any]:
    """Every number of the model card.

    Args:
        root: folder of the data sets.
        split: ``test``, or ``dev`` (training images kept back: choose settings there).
        folder: of a retrained model; None measures the one of the package.
        sets: what is measured, of ``SETS``.
        every: only every so many images of a set.
        settings: of the run, such as ``scales``, and ``as_image`` of ``ground_image``.
    """
    from geogrounding.models import builtin

    model = builtin.load(folder)
    images = read_part(root, split)
    metrics: dict[str, Any] = {}
    for name in sets:
        started = time.monotonic()
        source, _, kind = name.partition(":")
        some = [p for p in images if p.source == source][::every]
        if not some:
            continue
        if kind == "choosing":
            metrics[name] = choosing_metrics(model, root, split, **settings)
        else:
            matched, silent = detect(model, some, **settings)
            metrics[name] = detect_metrics(matched, silent)
            hits = hits_of(matched, iou=CROWN_IOU.get(source, 0.5))
            metrics[name]["reliability"] = reliability(hits.values())
            if source in CROWN_IOU:
                loose = detect_metrics(matched, silent, iou=CROWN_IOU[source])
                metrics[name][f"at IoU {CROWN_IOU[source]}"] = loose["by_class"]
        metrics[name]["seconds"] = round(time.monotonic() - started, 1)
        print(name, metrics[name], flush=True)
    return metrics
