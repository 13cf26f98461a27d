"""Ten labels of a word the built-in model has never heard: what they teach it, and what it forgets for it.

    python -m benchmarks.few_shot [--data ../shared/data] [--scenes 3] [--steps 80]

On whole test scenes of the Airbus Aircraft Detection sample, which the built-in model was not trained on, the ten
leftmost airplanes are labelled "jetliner"; the others are there and not labelled, as when somebody draws a few
examples and trains. Then "jetliner" is asked in the same scene and in the next one, and "airplane" as well, at the
default score. F1 at IoU 0.5.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from rasterio.transform import from_origin

import geogrounding as gg
from geogrounding.training import launch
from geogrounding.training.config import SFTSettings, make_settings
from tests.f1 import f1

WORD, KNOWN = "jetliner", "airplane"
LABELS, IOU = 10, 0.5
WAYS: dict[str, dict[str, Any]] = {
    "scores only": {"turns": 1, "rehearse": 0, "partial": False},
    "and eight orientations": {"turns": 8, "rehearse": 0, "partial": False},
    "and rehearsal": {"turns": 8, "rehearse": 1, "partial": False},
    "and partial labels (default)": {},
}


def scenes(data: Path, count: int, folder: Path) -> list[tuple[Path, gpd.GeoDataFrame]]:
    """Airbus test scenes with at least 24 airplanes as GeoTIFF, each with its airplanes from left to right."""
    listed = json.loads((data / "airbus-aircraft" / "test.json").read_text(encoding="utf-8"))
    boxes: dict[int, list[list[float]]] = {}
    for one in listed["annotations"]:
        boxes.setdefault(one["image_id"], []).append(one["bbox"])
    found: list[tuple[Path, gpd.GeoDataFrame]] = []
    for number, image in enumerate(sorted(listed["images"], key=lambda one: str(one["file_name"]))):
        here = sorted(boxes.get(image["id"], []))
        if len(here) < 24 or len(found) == count:
            continue
        transform = from_origin(400_000 + 10_000 * number, 5_000_000, 0.5, 0.5)
        with rasterio.open(data / "airbus-aircraft" / "images" / image["file_name"]) as source:
            pixels = source.read()
        path = folder / f"{number}.tif"
        profile = {"width": pixels.shape[2], "height": pixels.shape[1], "count": 3, "dtype": "uint8", "tiled": True}
        with rasterio.open(path, "w", driver="GTiff", crs="EPSG:32631", transform=transform, **profile) as target:
            target.write(pixels)
        corners = [(transform @ (x, y), transform @ (x + w, y + h)) for x, y, w, h in here]
        shapes = [shapely.box(x0, y1, x1, y0) for (x0, y0), (x1, y1) in corners]
        found.append((path, gpd.GeoDataFrame(geometry=shapes, crs="EPSG:32631")))
    return found


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--scenes", type=int, default=3)
    parser.add_argument("--steps", type=int, default=80)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        chosen = scenes(given.data, given.scenes, folder)
        before = [f1(gg.ground(path, KNOWN), truth, iou=IOU) for path, truth in chosen]
        print(f"{len(chosen)} scenes; {KNOWN} before: {np.mean(before):.2f}", flush=True)
        print("| way | jetliner, same scene | next scene | airplane, same scene | training, s |")
        print("|---|---|---|---|---|")
        for way, options in WAYS.items():
            rows = []
            for number, (path, truth) in enumerate(chosen):
                labels = folder / f"{number}.gpkg"
                truth.head(LABELS).to_file(labels)
                settings = {"scene": path, "labels": labels, "expression": WORD, "negatives": 0, "steps": given.steps}
                run = folder / f"{way}-{number}"
                begin = time.monotonic()
                launch.train("sft", make_settings(SFTSettings, {**settings, **options}), run)
                took = time.monotonic() - begin
                other, others = chosen[(number + 1) % len(chosen)]
                rows.append(
                    (
                        f1(gg.ground(path, WORD, model=str(run)), truth, iou=IOU),
                        f1(gg.ground(other, WORD, model=str(run)), others, iou=IOU),
                        f1(gg.ground(path, KNOWN, model=str(run)), truth, iou=IOU),
                        took,
                    )
                )
            same, following, known, seconds = np.mean(rows, axis=0)
            print(f"| {way} | {same:.2f} | {following:.2f} | {known:.2f} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
