"""What the packaged model finds through the whole pipeline, on the pictures of the data sets."""

from __future__ import annotations

import json
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from geogrounding.geometry.boxes import as_boxes, iou_matrix
from recipes.builtin_model.corpora import CLASSES, Picture, is_dev, read_all
from recipes.builtin_model.matching import Hits, match
from recipes.builtin_model.samples import choosing_records

ABSENT = ("airplane", "harbor", "ground track field", "storage tank", "swimming pool")
"""Asked about pictures whose set labels them and shows none."""
SETS = ("nwpu_refer", "nwpu_choosing", "nwpu", "airbus", "neon", "hrplanes", "pools", "drone", "banepa")
"""What is measured: all targets of a set; one target (``refer``); one target among several (``choosing``)."""
CROWN_IOU = {"neon": 0.4}
"""Least IoU of a hit where it is not 0.5: people draw crowns loosely (Weinstein et al. 2021, NeonTreeEvaluation)."""
Found = tuple[NDArray[np.float64], NDArray[np.float64]]


def pictures_of(root: Path, split: str) -> list[Picture]:
    """Pictures of ``test``, or the training pictures kept back (``dev``)."""
    if split == "test":
        return read_all(root, "test")
    return [p for n, p in enumerate(read_all(root, "train")) if is_dev(n)]


def ground_picture(
    model: Any, picture: Picture, expressions: Sequence[str], task: Any, **settings: Any
) -> dict[str, Found]:
    """Boxes (pixels of the picture) and scores of each expression, through ``geogrounding.ground``."""
    import geogrounding

    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # rasterio: a picture has no georeference
        path = picture.path
        if picture.window_px is not None:
            path = Path(folder) / "window.png"
            Image.fromarray(picture.pixels()).save(path, compress_level=1)
        layer = geogrounding.ground(str(path), *expressions, model=model, task=task, pixel_coordinates=True, **settings)
    out = {}
    for expression in expressions:
        rows = layer[layer["query"] == expression]
        out[expression] = (
            rows.geometry.bounds.to_numpy(dtype=np.float64).reshape(-1, 4),
            rows["score"].to_numpy(dtype=np.float64),
        )
    return out


def refer_figures(model: Any, pictures: Sequence[Picture], **settings: Any) -> dict[str, Any]:
    """Acc@0.5 and Acc@0.7 on classes that stand once in a picture."""
    right: dict[str, list[float]] = {}
    for picture in pictures:
        single = [c for c in range(len(CLASSES)) if (picture.labels == c).sum() == 1]
        if not single:
            continue
        found = ground_picture(model, picture, [CLASSES[c] for c in single], "refer", **settings)
        for c in single:
            boxes, scores = found[CLASSES[c]]
            best = boxes[int(np.argmax(scores))] if len(boxes) else np.zeros(4)
            right.setdefault(CLASSES[c], []).append(
                float(iou_matrix(best[None], picture.boxes_px[picture.labels == c])[0, 0])
            )
    flat = np.array([v for values in right.values() for v in values])
    return {
        "n": len(flat),
        "acc50": round(float((flat > 0.5).mean()), 4),
        "acc70": round(float((flat > 0.7).mean()), 4),
        "acc50_by_class": {n: [round(float((np.array(v) > 0.5).mean()), 3), len(v)] for n, v in sorted(right.items())},
    }


def detect_figures(
    model: Any, pictures: Sequence[Picture], *, iou: float = 0.5, **settings: Any
) -> tuple[dict[str, Any], dict[str, Hits]]:
    """AP50 and F1@0.5 of each class that the set labels, and the share of absent classes answered with nothing."""
    from geogrounding.models.builtin import BUILTIN_CONVENTIONS

    threshold = settings.pop("threshold", BUILTIN_CONVENTIONS.min_score)
    found: dict[str, list[Found]] = {}
    truth: dict[str, list[tuple[NDArray[np.float64], NDArray[np.bool_]]]] = {}
    silent = []
    for picture in pictures:
        labelled = {CLASSES[c] for c in picture.labels}
        asked = sorted(labelled | (picture.known & set(ABSENT)))
        answers = ground_picture(model, picture, asked, "detect", min_score=0.05, **settings)
        for name in asked:
            boxes = picture.boxes_px[picture.labels == CLASSES.index(name)]
            found.setdefault(name, []).append(answers[name])
            truth.setdefault(name, []).append((boxes, np.ones(len(boxes), bool)))
            if not len(boxes):
                silent.append(not (answers[name][1] >= threshold).any())
    hits = {name: match(found[name], truth[name], iou=iou) for name in found}
    counted = {name: h for name, h in hits.items() if h.targets}
    figures: dict[str, Any] = {
        "ap50": round(float(np.mean([h.average_precision() for h in counted.values()])), 4),
        "by_class": {
            name: {
                "ap50": round(h.average_precision(), 3),
                "f1": round(h.f1(threshold), 3),
                "best_f1": round(h.best_threshold()[1], 3),
                "best_at": round(h.best_threshold()[0], 2),
                "targets": h.targets,
            }
            for name, h in sorted(counted.items())
        },
        "absent_answered_none": [round(float(np.mean(silent)), 4) if silent else None, len(silent)],
    }
    return figures, hits


def choosing_figures(model: Any, root: Path, split: str, **settings: Any) -> dict[str, Any]:
    """Acc@0.5 of expressions that choose one target by place, rank, size or neighbour, by kind."""
    right: dict[str, list[float]] = {}
    by_image: dict[str, list[dict[str, Any]]] = {}
    for record in choosing_records(root, "test" if split == "test" else "train", seed=0):
        by_image.setdefault(record["image"], []).append(record)
    pictures = {p.path.name: p for p in pictures_of(root, split) if p.source == "nwpu"}
    for image, records in by_image.items():
        asked = sorted({r["expression"] for r in records})
        found = ground_picture(model, pictures[image], asked, "refer", **settings)
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
    root: Path, *, split: str = "test", folder: Path | None = None, sets: Sequence[str] = SETS, **settings: Any
) -> dict[str, Any]:
    """Every figure of the model card.

    Args:
        root: folder of the data sets.
        split: ``test``, or ``dev`` (training pictures kept back: choose settings there).
        folder: of a retrained model; None measures the one of the package.
        sets: what is measured, of ``SETS``.
        settings: of the run, such as ``scales``.
    """
    from geogrounding.models import builtin

    model = builtin.load(folder)
    pictures = pictures_of(root, split)
    figures: dict[str, Any] = {}
    for name in sets:
        started = time.monotonic()
        some = [p for p in pictures if p.source == name.removesuffix("_refer").removesuffix("_choosing")]
        if not some:
            continue
        if name.endswith("_refer"):
            figures[name] = refer_figures(model, some, **settings)
        elif name.endswith("_choosing"):
            figures[name] = choosing_figures(model, root, split, **settings)
        else:
            figures[name] = detect_figures(model, some, iou=CROWN_IOU.get(name, 0.5), **settings)[0]
        figures[name]["seconds"] = round(time.monotonic() - started, 1)
        print(name, figures[name], flush=True)
    return figures
