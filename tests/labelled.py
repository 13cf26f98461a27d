"""Small labelled data sets in their true formats, made where a test needs them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def image(path: Path, size_px: tuple[int, int] = (64, 48), seed: int = 0) -> Path:
    """Write an image of random colours; the suffix decides the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = size_px
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def mask(path: Path, marked: Sequence[tuple[int, int, int, int]], size_px: tuple[int, int] = (64, 48)) -> Path:
    """Write a mask that is white in some boxes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.zeros((size_px[1], size_px[0]), np.uint8)
    for x0, y0, x1, y1 in marked:
        values[y0:y1, x0:x1] = 255
    Image.fromarray(values).save(path)
    return path


def write_json(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


def write_lines(path: Path, records: Sequence[Any]) -> Path:
    """JSONL; a text stands as it is, for lines that are no JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join((record if isinstance(record, str) else json.dumps(record)) + "\n" for record in records))
    return path


def coco(folder: Path) -> dict[str, Any]:
    """Two images in ``folder/images`` and their labels: two airplanes and a ship, nothing."""
    image(folder / "images" / "a.png", seed=1)
    image(folder / "images" / "b.jpg", seed=2)
    return {
        "images": [
            {"id": 1, "file_name": "a.png", "width": 64, "height": 48},
            {"id": 2, "file_name": "b.jpg", "width": 64, "height": 48},
        ],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 3, "bbox": [2, 3, 10, 12], "area": 120, "iscrowd": 0},
            {"id": 2, "image_id": 1, "category_id": 3, "bbox": [30, 3, 10, 12], "area": 120, "iscrowd": 0},
            {
                "id": 3,
                "image_id": 1,
                "category_id": 5,
                "bbox": [40, 20, 20, 20],
                "area": 200,
                "iscrowd": 0,
                "segmentation": [[40, 20, 60, 20, 60, 40]],
            },
        ],
        "categories": [{"id": 3, "name": "airplane"}, {"id": 5, "name": "ship"}, {"id": 7, "name": "storage_tank"}],
    }


def voc_xml(
    filename: str,
    objects: Sequence[tuple[str, tuple[int, int, int, int], str | None]],
    *,
    size_px: tuple[int, int] = (64, 48),
    split: str | None = None,
) -> str:
    """An annotation as DIOR-RSVG and RRSIS-D have it: objects of name, box and, unless None, description."""
    inner = "".join(
        f"<object><name>{name}</name><pose>Unspecified</pose><bndbox><xmin>{box[0]}</xmin><ymin>{box[1]}</ymin>"
        f"<xmax>{box[2]}</xmax><ymax>{box[3]}</ymax></bndbox>"
        + (f"<description>{description}</description>" if description is not None else "")
        + "</object>"
        for name, box, description in objects
    )
    return (
        f"<annotation><folder>JPEGImages</folder><filename>{filename}</filename>"
        + (f"<split>{split}</split>" if split else "")
        + f"<size><width>{size_px[0]}</width><height>{size_px[1]}</height><depth>3</depth></size>{inner}</annotation>"
    )
