"""A remote COG: bytes and requests of a run over the bytes of the blocks that its chips show.

    .venv/bin/python -m benchmarks.remote [--size 6144] [--share 0.5]

A local web server gives out COGs by ranges and counts. A run opens the scene, decides the stretch, looks at what hides
pixels and reads all chips of an area, as ``geoground run`` does before and while a model answers. Needed are the blocks
of full resolution that the chips touch, each once; what was sent is everything, headers and samples too.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import geogrounding._gdal  # noqa: F401  (before rasterio)

# isort: split
import numpy as np
import rasterio
import rasterio.shutil
from affine import Affine

from geogrounding.execution.scan_plan import make_plan
from geogrounding.execution.scene import open_scene
from geogrounding.models.base import Conventions
from geogrounding.raster.reader import read_chips
from geogrounding.raster.stretch import compute_stretch
from geogrounding.raster.validity import sample_validity
from geogrounding.settings import RunSettings
from tests.web import serve

KINDS: dict[str, dict[str, object]] = {
    "8-bit colour, DEFLATE": {"dtype": "uint8", "compress": "DEFLATE", "nodata": None},
    "8-bit colour, JPEG": {"dtype": "uint8", "compress": "JPEG", "nodata": None},
    "16-bit with nodata, ZSTD": {"dtype": "uint16", "compress": "ZSTD", "nodata": 0},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=6144, help="side of the scenes, pixels")
    parser.add_argument("--share", type=float, default=0.5, help="side of the smaller area over that of the scene")
    parser.add_argument("--block", type=int, default=512, help="side of the blocks of the COG")
    options = parser.parse_args()
    worst = (0.0, 0.0)
    with tempfile.TemporaryDirectory() as folder:
        for kind, how in KINDS.items():
            name = f"{len(kind)}.tif"
            write(Path(folder) / name, options.size, options.block, how)
            for share in (1.0, options.share):
                ratio, requests = measure(Path(folder), name, options.size, share)
                worst = max(worst[0], ratio), max(worst[1], requests)
                area = "whole scene" if share == 1 else f"{share:.0%} of each side"
                print(f"{kind}, {area}: {ratio:.3f} of the bytes needed, {requests:.2f} requests per MB")
    print(f"worst: {worst[0]:.3f} (goal 1.2), {worst[1]:.2f} requests per MB (goal 2)")


def write(path: Path, size: int, block: int, how: dict[str, object]) -> None:
    """A COG of smooth noise with a margin without data where it has nodata."""
    random = np.random.default_rng(0)
    most = 255 if how["dtype"] == "uint8" else 4000
    coarse = random.integers(1, most, (3, size // 8 + 1, size // 8 + 1))
    values = np.repeat(np.repeat(coarse, 8, 1), 8, 2)[:, :size, :size]
    values = np.clip(values + random.integers(-9, 9, values.shape), 1, most).astype(str(how["dtype"]))
    if how["nodata"] is not None:
        values[:, :, : size // 20] = 0
    plain = path.with_suffix(".plain.tif")
    transform = Affine(0.5, 0, 400_000, 0, -0.5, 5_000_000)
    with rasterio.open(
        plain, "w", driver="GTiff", count=3, width=size, height=size, dtype=values.dtype, crs="EPSG:32633",
        transform=transform, nodata=how["nodata"], tiled=True, photometric="RGB" if most == 255 else "MINISBLACK",
    ) as dataset:  # fmt: skip
        dataset.write(values)
    rasterio.shutil.copy(
        plain, path, driver="COG", compress=how["compress"], blocksize=block, overview_resampling="average"
    )
    plain.unlink()


def measure(folder: Path, name: str, size: int, share: float) -> tuple[float, float]:
    """(Bytes sent over bytes needed, requests per million bytes needed)."""
    with serve(folder) as web:  # a new address each time: GDAL remembers what it has read
        margin = size * (1 - share) / 2
        bbox = (margin, margin, size - margin, size - margin) if share < 1 else None
        settings = RunSettings(
            source=f"{web.base}/{name}",
            expressions=("x",),
            allow_remote=True,
            bbox=bbox,
            bbox_crs="pixels" if bbox else None,
        )
        conventions = Conventions(tile_size_px=1024, overlap_px=128, coordinates="resized-pixels")
        with open_scene(settings) as scene:
            plan = make_plan(scene, settings, conventions)
            stretch = compute_stretch(scene)
            sample_validity(scene)
            chips = list(plan.grid)
            for image in read_chips(scene, chips, stretch):
                assert image.error is None, image.error
        with rasterio.open(folder / name) as dataset:
            touched = {key for chip in chips for key in blocks(chip.window_scene_px, dataset.block_shapes[0], size)}
            needed = sum(int(dataset.get_tag_item(f"BLOCK_SIZE_{c}_{r}", "TIFF", bidx=1)) for c, r in touched)
        sent = sum(end - start for _, start, end in web.ranges)
        return sent / needed, len(web.asked) / (needed / 1e6)


def blocks(window: tuple[float, float, float, float], shape: tuple[int, int], size: int) -> Iterator[tuple[int, int]]:
    """Columns and rows of the blocks that a window touches."""
    x0, y0, x1, y1 = (int(value) for value in window)
    for row in range(y0 // shape[0], -(-min(y1, size) // shape[0])):
        for column in range(x0 // shape[1], -(-min(x1, size) // shape[1])):
            yield column, row


if __name__ == "__main__":
    main()
