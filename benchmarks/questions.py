# ruff: noqa: E501 - one question a line
"""Questions about annotated scenes, answered by the library and by independent code; printed by kind.

    python -m benchmarks.questions [DATA] [--wrong]

The scenes are the annotated images of DATA (default: ../shared/data), each with several objects. Four georeferenced copies
of each are made from its boxes: north-up in UTM, rotated by 30 degrees, in Web Mercator at 60 degrees north, and in US
survey feet. Answers come from geopandas in a transverse Mercator plane around the scene: no code of the library's
query or geometry packages takes part. Every kind of question is worded in three ways, none of them from the documentation
of the grammar. A threshold always lies between two values that differ by more than 2 percent.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from affine import Affine
from pyproj import Transformer

import geogrounding as gg
from benchmarks.question_kinds import SPOKEN, Asked, questions, truth_of

SETS = ("estonia-ortho", "airbus-aircraft", "ships-boats", "kampala-buildings", "rsod", "neon-crowns")

MOST_SCENES = 3
"""Scenes of each set."""


COPIES: tuple[tuple[str, int, float, float, float], ...] = (
    ("north up, UTM", 32635, 24.75, 59.4, 0.0),
    ("rotated by 30 degrees", 32635, 24.75, 59.4, 30.0),
    ("Web Mercator, 60 degrees north", 3857, 25.0, 60.0, 0.0),
    ("US survey feet", 2263, -73.9, 40.7, 0.0),
)


def layers(data: Path) -> Iterator[tuple[str, gpd.GeoDataFrame]]:
    for name in SETS:
        file = data / name / "test.json"
        if not file.exists():
            continue
        coco = json.loads(file.read_text())
        labels = {category["id"]: category["name"] for category in coco["categories"]}
        per_image = defaultdict(list)
        for annotation in coco["annotations"]:
            if labels[annotation["category_id"]] in SPOKEN:
                per_image[annotation["image_id"]].append(annotation)
        chosen = sorted(
            (i for i in per_image if 6 <= len(per_image[i]) <= 120),
            key=lambda i: (-len({a["category_id"] for a in per_image[i]}), -len(per_image[i])),
        )
        for image in chosen[:MOST_SCENES]:
            boxes = np.array([a["bbox"] for a in per_image[image]], float)
            names = [labels[a["category_id"]] for a in per_image[image]]
            for copy, epsg, lon, lat, turn in COPIES:
                yield f"{name}/{image} {copy}", place(boxes, names, epsg, lon, lat, turn)


def affine_of(epsg: int, lon: float, lat: float, turn: float, pixel_m: float) -> Affine:
    """From pixels of so many metres to a CRS, the upper left corner at a place."""
    x, y = Transformer.from_crs(4326, epsg, always_xy=True).transform(lon, lat)
    pixel = {2263: pixel_m / 0.3048006096, 3857: pixel_m / np.cos(np.radians(lat))}.get(epsg, pixel_m)
    return Affine.translation(x, y) @ Affine.rotation(turn) @ Affine.scale(pixel, -pixel)


def place(
    boxes: np.ndarray, names: list[str], epsg: int, lon: float, lat: float, turn: float, pixel_m: float = 0.5
) -> gpd.GeoDataFrame:
    """Boxes in pixels (x, y, width, height), as outlines in a CRS."""
    a, b, c, d, e, f = tuple(affine_of(epsg, lon, lat, turn, pixel_m))[:6]
    shapes = shapely.transform(
        shapely.box(boxes[:, 0], boxes[:, 1], boxes[:, 0] + boxes[:, 2], boxes[:, 1] + boxes[:, 3]),
        lambda xy: np.stack([a * xy[:, 0] + b * xy[:, 1] + c, d * xy[:, 0] + e * xy[:, 1] + f], axis=1),
    )
    return gpd.GeoDataFrame({"label": names}, geometry=shapes, crs=epsg)


def right(asked: Asked, reply: Any) -> bool:
    if reply.unknown:
        return False
    if asked.features is not None:
        return sorted(reply.features) == asked.features
    if isinstance(asked.value, bool):
        return reply.value is asked.value and reply.answer.startswith("Yes" if asked.value else "No")
    return isinstance(reply.value, int | float) and abs(reply.value - asked.value) <= 1e-3 * max(abs(asked.value), 1e-9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("data", nargs="?", type=Path, default=Path("../shared/data"))
    parser.add_argument("--wrong", action="store_true", help="print each question that was answered wrongly")
    options = parser.parse_args()
    if not options.data.is_dir():
        sys.exit(f"no annotated scenes in {options.data}")
    total: Counter[str] = Counter()
    good: Counter[str] = Counter()
    seconds = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, layer) in enumerate(layers(options.data)):
            path = Path(folder) / "scene.gpkg"
            layer.to_file(path)
            truth, counts = truth_of(layer), Counter(layer.label)
            present = [label for label, count in counts.most_common() if count >= 3]
            for label in present[:2]:
                other = next((p for p in present if p != label), None)
                for asked in questions(truth, label, other, number % 3):
                    reply: Any
                    begin = time.perf_counter()
                    try:
                        reply = gg.ask(path, asked.query)
                        fits = right(asked, reply)
                    except gg.GeogroundingError as error:
                        reply, fits = error, False
                    seconds += time.perf_counter() - begin
                    total[asked.kind] += 1
                    good[asked.kind] += fits
                    if options.wrong and not fits:
                        wanted = asked.value if asked.features is None else asked.features
                        got = (
                            reply
                            if isinstance(reply, Exception)
                            else (reply.answer, reply.value, list(reply.features)[:9], reply.unknown)
                        )
                        print(f"{name} [{asked.kind}] {asked.query}\n   wanted {wanted}\n   got {got}")
    for kind in total:
        print(f"{kind:14} {good[kind]:5} of {total[kind]:5} right")
    every, all_good = sum(total.values()), sum(good.values())
    print(
        f"{'all':14} {all_good:5} of {every:5} right ({100 * all_good / every:.1f} %), {len(total)} kinds, {1000 * seconds / every:.0f} ms each"
    )


if __name__ == "__main__":
    main()
