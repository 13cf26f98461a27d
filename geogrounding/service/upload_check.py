"""Whether an uploaded raster is all there: a head that reads well says nothing about the blocks behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rasterio.windows import Window

from geogrounding.errors import SceneError
from geogrounding.raster.handle import gdal_errors
from geogrounding.raster.scene import Scene

_HINT = "Send the file again; if it is the same, it is damaged where it comes from."


def check_upload(path: Path) -> None:
    """Open a raster, look where each of its blocks lies, and read the first, the middle and the last one.

    Raises:
        SceneError: it cannot be used, ends before its blocks do, or cannot be decoded.
    """
    with Scene.open(path, pixel_coordinates=False) as scene, scene.gdal():
        handle = scene.open_handle()
        try:
            _check_blocks(handle.dataset, path.stat().st_size)
            with gdal_errors(f"{scene.name} is damaged"):
                for window in _samples(handle.dataset):
                    handle.dataset.read(window=window)
        finally:
            handle.close()


def _check_blocks(dataset: Any, size: int) -> None:
    """Compare the places of the blocks of a TIFF, and of its overviews, with the length of the file."""
    if dataset.driver not in ("GTiff", "COG"):
        return
    bands = dataset.indexes if str(dataset.interleaving).lower().endswith("band") else (1,)
    for band in bands:
        levels: list[tuple[int | None, int, int]] = [(None, dataset.width, dataset.height)]
        for number, factor in enumerate(dataset.overviews(band)):
            levels.append((number, -(-dataset.width // factor), -(-dataset.height // factor)))
        height, width = dataset.block_shapes[band - 1]
        for level, across, down in levels:
            lost = total = 0
            for row in range(-(-down // height)):
                for column in range(-(-across // width)):
                    place = dataset.get_tag_item(f"BLOCK_OFFSET_{column}_{row}", "TIFF", band, level)
                    length = dataset.get_tag_item(f"BLOCK_SIZE_{column}_{row}", "TIFF", band, level)
                    if (
                        place is None or length is None
                    ):  # a block without data, or an overview in blocks of another size
                        continue
                    total += 1
                    lost += int(place) + int(length) > size
            if lost:
                raise SceneError(
                    f"the raster is cut off: {lost:,} of its {total:,} blocks lie behind its end", hint=_HINT
                )


def _samples(dataset: Any) -> list[Window]:
    """Windows of one block: first, middle, last."""
    height, width = dataset.block_shapes[0]
    rows, columns = -(-dataset.height // height), -(-dataset.width // width)
    places = {(0, 0), (rows // 2, columns // 2), (rows - 1, columns - 1)}
    return [
        Window(c * width, r * height, min(width, dataset.width - c * width), min(height, dataset.height - r * height))
        for r, c in sorted(places)
    ]
