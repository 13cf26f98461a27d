"""The maps of docs/questions.md: twelve questions about four scenes, answered by the built-in model.

    python -m benchmarks.question_maps [DATA] [--images docs/images]

Only imagery that may be redistributed: orthophotos of the Estonian Land Board (open data) and NEON (CC0).
Each scene is one strip of three maps; what a question chose is drawn in its place. The answers are printed as a table.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio
from affine import Affine
from PIL import Image, ImageDraw, ImageFont

import geogrounding as gg

SIDE_PX = 420
TITLE_PX = 22
GAP_PX = 6
SCENES: tuple[tuple[str, str, float, tuple[str, str, str]], ...] = (
    ("questions-houses", "estonia-ortho/images/20cm-image-0-01-05.jpg", 0.2, (
        "buildings with a red roof",
        "the three largest buildings",
        "buildings with no other building within 15 m",
    )),
    ("questions-cars", "estonia-ortho/images/20cm-image-2-01-05.jpg", 0.2, (
        "how many red cars are there?",
        "cars in rows of at least five",
        "white cars within 10 m of a red car",
    )),
    ("questions-ships", "estonia-ortho/images/20cm-image-0-03-02.jpg", 0.2, (
        "how long is the longest ship?",
        "ships longer than 8 m",
        "ships within 5 m of another ship",
    )),
    ("questions-trees", "neon-crowns/images/OSBS_036.tif", 0.1, (
        "trees wider than 3 m",
        "what is the total area of all trees?",
        "the tree farthest from any other tree",
    )),
)  # fmt: skip


def georeferenced(image: Path, resolution_m: float, folder: Path) -> Path:
    """The image as a GeoTIFF; one without coordinates is placed in UTM."""
    with rasterio.open(image) as opened:
        pixels, crs, transform = opened.read([1, 2, 3]), opened.crs, opened.transform
    if crs is None:
        crs, transform = "EPSG:32635", Affine(resolution_m, 0, 370_000, 0, -resolution_m, 6_580_000)
    path = folder / "scene.tif"
    profile: dict[str, Any] = {"driver": "GTiff", "width": pixels.shape[2], "height": pixels.shape[1], "count": 3}
    with rasterio.open(path, "w", dtype="uint8", crs=crs, transform=transform, **profile) as out:
        out.write(pixels)
    return path


def drawn(scene: Path, question: str, features: list[dict[str, Any]]) -> Image.Image:
    """The scene with the outlines of features, and the question above it."""
    with rasterio.open(scene) as opened:
        rgb, inverse = np.moveaxis(opened.read(), 0, 2), ~opened.transform
    scale = SIDE_PX / max(rgb.shape[:2])
    size = round(rgb.shape[1] * scale), round(rgb.shape[0] * scale)
    panel = Image.new("RGB", (SIDE_PX, SIDE_PX + TITLE_PX), "white")
    panel.paste(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS), (0, TITLE_PX))
    draw = ImageDraw.Draw(panel)
    draw.text((2, 2), question, fill="black", font=ImageFont.load_default(14))
    for feature in features:
        ring = [inverse @ (x, y) for x, y in feature["geometry"]["coordinates"][0]]
        points = [(x * scale, y * scale + TITLE_PX) for x, y in ring]
        draw.line(points, fill=(0, 0, 0), width=4)
        draw.line(points, fill=(255, 230, 0), width=2)
    return panel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("data", nargs="?", type=Path, default=Path("../shared/data"))
    parser.add_argument("--images", type=Path, default=Path("docs/images"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for title, image, resolution_m, questions in SCENES:
            scene = georeferenced(given.data / image, resolution_m, Path(name))
            out = Path(name) / f"{title}.fgb"
            gg.run(scene, out, *questions, model="builtin")
            answers = json.loads(out.with_name(f"{out.name}.run.json").read_text())["result"]["answers"]
            features = json.loads(gpd.read_file(out).to_json())["features"]
            strip = Image.new("RGB", (3 * SIDE_PX + 2 * GAP_PX, SIDE_PX + TITLE_PX), "white")
            for place, question in enumerate(questions):
                mine = [feature for feature in features if feature["properties"]["query"] == question]
                strip.paste(drawn(scene, question, mine), (place * (SIDE_PX + GAP_PX), 0))
                print(f"| {question} | {answers[question]['answer']} |", flush=True)
            strip.save(given.images / f"{title}.jpg", quality=82, optimize=True)


if __name__ == "__main__":
    main()
