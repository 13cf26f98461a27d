"""A model that really looks: it finds bright blobs, so that the whole walk can be checked against known rectangles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rasterio
import rasterio.features
import rasterio.transform
from affine import Affine
from numpy.typing import NDArray

from geogrounding.models.base import Conventions
from geogrounding.types import Answer, Detection, Question

THRESHOLD = 128
UTM = rasterio.transform.from_origin(500_000.0, 4_600_000.0, 0.5, 0.5)


class BlobModel:
    """Answers every question with the bounding boxes of connected bright areas, as exact as pixels are."""

    name = "blobs"
    fingerprint = "blobs-1"

    def __init__(
        self, *, batch_size: int = 4, tile_size_px: int = 64, overlap_px: int = 16, scales: tuple[float, ...] = (1.0,)
    ) -> None:
        self.conventions = Conventions(
            tile_size_px=tile_size_px,
            overlap_px=overlap_px,
            coordinates="resized-pixels",
            scales=scales,
            batch_size=batch_size,
        )
        self.batches: list[int] = []
        """Images in each call."""
        self.closed = False

    def ground(self, images: Sequence[NDArray[np.uint8]], questions: Sequence[Question]) -> list[list[Answer]]:
        self.batches.append(len(images))
        return [[self.answer(image, q) for q in questions] for image in images]

    def answer(self, image: NDArray[np.uint8], question: Question) -> Answer:
        bright = (image.max(axis=2) >= THRESHOLD).astype(np.uint8)
        found = []
        for shape, _ in rasterio.features.shapes(bright, mask=bright.astype(bool), connectivity=4):
            xs, ys = zip(*shape["coordinates"][0], strict=True)
            # The score depends on what is seen, so that merging has something to choose between.
            area = (max(xs) - min(xs)) * (max(ys) - min(ys))
            box = (float(min(xs)), float(min(ys)), float(max(xs)), float(max(ys)))
            found.append(Detection(box_chip_px=box, label=question.expression, score=round(area / (area + 100), 6)))
        return Answer(reasoning=f"{len(found)} bright", detections=tuple(found))

    def close(self) -> None:
        self.closed = True


def write_scene(
    path: Path,
    rectangles: Sequence[tuple[int, int, int, int]],
    *,
    width: int = 300,
    height: int = 200,
    transform: Affine = UTM,
    crs: str | None = "EPSG:32633",
    **profile: object,
) -> Path:
    """Write a dark GeoTIFF with bright rectangles (x0, y0, x1, y1) in pixels."""
    pixels = np.full((3, height, width), 30, np.uint8)
    for x0, y0, x1, y1 in rectangles:
        pixels[:, y0:y1, x0:x1] = 220
    settings = {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "deflate", **profile}
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=width,
        height=height,
        count=3,
        dtype="uint8",
        crs=crs,
        transform=transform,
        **settings,
    ) as out:
        out.write(pixels)
    return path
