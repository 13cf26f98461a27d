"""The training parts of the data sets in one small file, for a machine with a GPU and a few minutes to spare.

    python -m recipes.builtin_model pack --data ../shared/data --out views.zip
    unzip views.zip -d views && python -m recipes.builtin_model.train_detector --data views --device cuda --batch 96 ...

The file holds folders of the same form as the data sets, without test parts; images are written again as WebP, at the best
quality and size with which everything fits. The licences of the images hold for it: it is not to be passed on.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import rasterio
from PIL import Image
from rasterio.io import MemoryFile
from rasterio.windows import Window

from geogrounding.errors import InputError, OutputError
from recipes.builtin_model.sets import BANEPA_WINDOW_PX, SETS

STEPS = ((85, 1.0), (70, 1.0), (55, 1.0), (55, 0.85), (45, 0.8), (40, 0.7))
"""Quality of WebP, and factor on the size of large images, the best first."""
LARGE_PX = 800
"""Longer side of an image from which it is large: most of its views are drawn at less than its own resolution."""
BANEPA = "banepa-buildings"


def pack(root: Path, out: Path, *, most_bytes: int = 60_000_000, only_open: bool = False) -> tuple[int, float]:
    """Write the training parts of the sets under ``root`` to a ZIP file.

    Args:
        root: folder of the data sets.
        out: the file; replaced.
        most_bytes: it is no larger.
        only_open: leave out sets that may not be used at work.

    Returns:
        The quality that was chosen, 0 to 100, and the factor on the size of large images.

    Raises:
        InputError: there are no training parts, or they do not fit even at the lowest quality and size.
        OutputError: the file cannot be written.
    """
    folders = [root / item.folder for item in SETS if item.open or not only_open]
    folders = [folder for folder in folders if (folder / "train.json").exists() or folder.name == BANEPA]
    folders = [folder for folder in folders if folder.is_dir()]
    if not folders:
        raise InputError(f"{root} holds no training part of a data set", hint="See recipes/builtin_model/sets.py.")
    partial = out.with_name(out.name + ".partial")
    try:
        for quality, factor in STEPS:
            if _written(partial, folders, quality, factor, most_bytes) <= most_bytes:
                partial.replace(out)
                return quality, factor
    except OSError as error:
        raise OutputError(f"{out} cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
    raise InputError(f"the training parts do not fit in {most_bytes / 1e6:.0f} MB", hint="Allow more: --most-mb.")


def _written(file: Path, folders: list[Path], quality: int, factor: float, most_bytes: int) -> int:
    """Write the sets to a ZIP file, no further than ``most_bytes``; returns its size."""
    size = 0
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for folder in folders:
            for name, data in _files(folder, quality, factor):
                packed = zipfile.ZIP_DEFLATED if name.endswith("json") else zipfile.ZIP_STORED
                archive.writestr(f"{folder.name}/{name}", data, packed)
                size += archive.infolist()[-1].compress_size
                if size > most_bytes:
                    return size
    return file.stat().st_size


def _files(folder: Path, quality: int, factor: float) -> Iterator[tuple[str, bytes]]:
    if folder.name == BANEPA:
        yield from _scene(folder, quality)
        return
    labels = json.loads((folder / "train.json").read_text(encoding="utf-8"))
    drawn_at = {}
    for entry in labels["images"]:
        path = folder / "images" / entry["file_name"]
        with Image.open(path) as image:
            rgb = image.convert("RGB")
        data = path.read_bytes()
        if factor < 1 and max(rgb.size) > LARGE_PX:
            size_px = round(rgb.width * factor), round(rgb.height * factor)
            drawn_at[entry["id"]] = (size_px[0] / rgb.width, size_px[1] / rgb.height)
            entry["width"], entry["height"] = size_px
            data = _webp(rgb.resize(size_px, Image.Resampling.LANCZOS), quality)
        else:
            data = min(_webp(rgb, quality), data, key=len)
        # readers go by the content of a file, not by its ending
        yield f"images/{entry['file_name']}", data
    for item in labels["annotations"]:
        along_x, along_y = drawn_at.get(item["image_id"], (1.0, 1.0))
        x, y, width, height = item["bbox"]
        item["bbox"] = [x * along_x, y * along_y, width * along_x, height * along_y]
    yield "train.json", json.dumps(labels).encode()


def _webp(image: Image.Image, quality: int) -> bytes:
    data = io.BytesIO()
    image.save(data, "WEBP", quality=quality)
    return data.getvalue()


def _scene(folder: Path, quality: int) -> Iterator[tuple[str, bytes]]:
    """The part of the scene that is trained on, and its outlines."""
    x0, y0, x1, y1 = BANEPA_WINDOW_PX["train"]
    with rasterio.open(folder / "banepa_dev.tif") as scene, MemoryFile() as memory:
        window = Window(x0, y0, x1 - x0, y1 - y0)
        profile = {
            "driver": "GTiff", "dtype": "uint8", "count": 3, "width": x1 - x0, "height": y1 - y0, "crs": scene.crs,
            "transform": scene.window_transform(window), "compress": "jpeg", "photometric": "ycbcr", "tiled": True,
            "jpeg_quality": quality,
        }  # fmt: skip
        with memory.open(**profile) as part:
            part.write(scene.read([1, 2, 3], window=window))
        yield "banepa_dev.tif", memory.read()
    yield "banepa_dev_buildings.geojson", (folder / "banepa_dev_buildings.geojson").read_bytes()
