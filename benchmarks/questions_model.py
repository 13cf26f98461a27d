"""The questions of ``benchmarks.questions`` about images, by the built-in model: asking the scene, and chip by chip.

    python -m benchmarks.questions_model [DATA] [--scenes 1] [--questions 20] [--copies 1]

Truth comes from the labels. A set of features is scored by F1 (a feature counts when its IoU with a true one is
0.5 or more); a number is right within 10 percent, yes or no when it is the same. Chip by chip (``--per-chip``) a chip
is asked the question as it stands, and a number is how many features came back. Most of what is wrong are objects that
the model misses; the difference of the two columns is what asking the scene is worth. Two runs a
scene, of at most 1,000 pixels a side where most labels are; of all questions about it a fixed sample is asked, spread
over the kinds.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio
import shapely

import geogrounding as gg
from benchmarks.question_kinds import SPOKEN, Asked, questions, truth_of
from benchmarks.questions import COPIES, affine_of, place

SETS = {"estonia-ortho": 0.2, "airbus-aircraft": 0.5, "ships-boats": 0.3}
"""Ground resolution in metres, where an image does not say its own."""
SIDE_PX = 1_000


def scenes(data: Path, most: int, copies: int, folder: Path) -> Iterator[tuple[str, Path, gpd.GeoDataFrame]]:
    """(name, raster, labels) of the fullest images of each set, georeferenced."""
    for name, usual_m in SETS.items():
        coco = json.loads((data / name / "test.json").read_text())
        labels = {category["id"]: category["name"] for category in coco["categories"]}
        per_image = defaultdict(list)
        for annotation in coco["annotations"]:
            if labels[annotation["category_id"]] in SPOKEN:
                per_image[annotation["image_id"]].append(annotation)
        fullest = sorted((i for i in coco["images"] if per_image[i["id"]]), key=lambda i: -len(per_image[i["id"]]))
        for image in fullest[:most]:
            resolution_m = float(image.get("gsd_m") or usual_m)
            boxes = np.array([a["bbox"] for a in per_image[image["id"]]], float)
            names = np.array([labels[a["category_id"]] for a in per_image[image["id"]]])
            left, top = fullest_part(boxes, image["width"], image["height"])
            with rasterio.open(data / name / "images" / image["file_name"]) as opened:
                pixels = opened.read([1, 2, 3])[:, top : top + SIDE_PX, left : left + SIDE_PX]
            boxes, names = inside_part(boxes, names, left, top)
            for copy, epsg, lon, lat, turn in COPIES[:copies]:
                path = folder / "scene.tif"
                size = {"width": pixels.shape[2], "height": pixels.shape[1], "count": 3, "dtype": "uint8"}
                transform = affine_of(epsg, lon, lat, turn, resolution_m)
                with rasterio.open(path, "w", driver="GTiff", crs=f"EPSG:{epsg}", transform=transform, **size) as out:
                    out.write(pixels)
                yield (
                    f"{name}/{image['file_name']} {copy}",
                    path,
                    place(boxes, list(names), epsg, lon, lat, turn, resolution_m),
                )


def fullest_part(boxes: np.ndarray, width: int, height: int) -> tuple[int, int]:
    """The left upper corner (x, y) of the part of an image that holds the middles of most boxes."""
    middles = boxes[:, :2] + boxes[:, 2:] / 2
    corners = np.clip(middles - SIDE_PX / 2, 0, np.maximum([width - SIDE_PX, height - SIDE_PX], 0)).astype(int)
    held = ((middles >= corners[:, None]) & (middles < corners[:, None] + SIDE_PX)).all(axis=2).sum(axis=1)
    x, y = corners[int(held.argmax())]
    return int(x), int(y)


def inside_part(boxes: np.ndarray, names: np.ndarray, left: int, top: int) -> tuple[np.ndarray, np.ndarray]:
    """The boxes (x, y, width, height) of which half or more lies in the part, cut to it, with their names."""
    low = np.clip(boxes[:, :2] - (left, top), 0, SIDE_PX)
    size = np.clip(boxes[:, :2] + boxes[:, 2:] - (left, top), 0, SIDE_PX) - low
    held = size.prod(axis=1) >= 0.5 * boxes[:, 2:].prod(axis=1)
    return np.concatenate([low, size], axis=1)[held], names[held]


def run(scene: Path, queries: list[str], out: Path, *, whole_scene: bool) -> tuple[gpd.GeoDataFrame, dict[str, Any]]:
    """The features of all queries in one run, and the answers."""
    gg.run(scene, out, *queries, whole_scene=whole_scene, overwrite=True)
    described = json.loads(out.with_name(f"{out.name}.run.json").read_text())
    return gpd.read_file(out), described["result"].get("answers", {})


def f1(found: Any, true: Any) -> float:
    """F1 of outlines against true ones, matched one to one by IoU."""
    if not len(found) or not len(true):
        return float(len(found) == len(true))
    one, two = np.asarray(found, object)[:, None], np.asarray(true, object)[None]
    overlap = shapely.area(shapely.intersection(one, two)) / shapely.area(shapely.union(one, two))
    matched = 0
    while overlap.size and overlap.max() >= 0.5:
        row, column = np.unravel_index(int(overlap.argmax()), overlap.shape)
        overlap[row], overlap[:, column] = 0, 0
        matched += 1
    return 2 * matched / (len(found) + len(true))


def score(asked: Asked, found: gpd.GeoDataFrame, answer: Any, labels: gpd.GeoDataFrame) -> float:
    """0 to 1: how right an answer is."""
    if asked.features is not None:
        return f1(found.geometry.to_numpy(), labels.geometry.to_numpy()[np.array(asked.features, int) - 1])
    value = len(found) if answer is None else answer["value"]
    if isinstance(asked.value, bool):
        return float(value is asked.value)
    if value is None or isinstance(value, bool):
        return 0.0
    return float(abs(value - asked.value) <= 0.1 * max(abs(asked.value), 1e-9))


def sample(asked: list[Asked], most: int) -> list[Asked]:
    """At most so many questions, taking the kinds in turn."""
    turn: Counter[str] = Counter()
    rounds = []
    for number, one in enumerate(asked):
        rounds.append((turn[one.kind], number))
        turn[one.kind] += 1
    return [asked[number] for _, number in sorted(rounds)[:most]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("data", nargs="?", type=Path, default=Path("../shared/data"))
    parser.add_argument("--scenes", type=int, default=1, help="images of each set")
    parser.add_argument("--questions", type=int, default=20, help="about each image")
    parser.add_argument("--copies", type=int, default=1, help="of the four georeferencings")
    options = parser.parse_args()
    total: Counter[str] = Counter()
    whole: defaultdict[str, float] = defaultdict(float)
    chips: defaultdict[str, float] = defaultdict(float)
    with tempfile.TemporaryDirectory() as name:
        for number, (title, scene, labels) in enumerate(
            scenes(options.data, options.scenes, options.copies, Path(name))
        ):
            counts = Counter(labels.label)
            present = [label for label, count in counts.most_common() if count >= 3]
            asked = [
                one
                for label in present[:2]
                for one in questions(
                    truth_of(labels), label, next((p for p in present if p != label), None), number % 3
                )
            ]
            asked = sample(list({one.query: one for one in asked}.values()), options.questions)
            texts = [one.query for one in asked]
            print(f"{title}: {len(asked)} questions, {len(labels)} labels", flush=True)
            over, answers = run(scene, texts, Path(name) / "whole.gpkg", whole_scene=True)
            by_chip, _ = run(scene, texts, Path(name) / "chips.gpkg", whole_scene=False)
            for one in asked:
                total[one.kind] += 1
                whole[one.kind] += score(one, over[over["query"] == one.query], answers.get(one.query), labels)
                chips[one.kind] += score(one, by_chip[by_chip["query"] == one.query], None, labels)
    print(f"{'kind':14} {'asked':>6} {'whole scene':>12} {'chip by chip':>13}")
    for kind in (*total, "all"):
        count = sum(total.values()) if kind == "all" else total[kind]
        columns = [sum(c.values()) if kind == "all" else c[kind] for c in (whole, chips)]
        print(f"{kind:14} {count:6} {100 * columns[0] / count:11.1f}% {100 * columns[1] / count:12.1f}%")


if __name__ == "__main__":
    main()
