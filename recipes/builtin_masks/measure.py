"""What the built-in segmenter is worth on the quarter of Banepa that nothing was trained on.

The built-in model is asked for buildings once; the same detections are then drawn as boxes, masks and regular outlines
and compared with the polygons of OpenStreetMap.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geogrounding.execution.results import Collection
from geogrounding.geometry.masks import polygon_iou
from geogrounding.pipeline import walk_scene
from geogrounding.settings import RunSettings
from geogrounding.types import Outline
from recipes.builtin_masks.crops import BANEPA_TRAIN_ROWS

OUTLINES: tuple[Outline, ...] = ("box", "mask", "regular", "oriented")
MATCH_IOU = 0.5


def measure(root: Path, preview: Path | None = None) -> dict[str, Any]:
    """Mean IoU of matched buildings, F1 at IoU 0.5 and vertices for each outline, and the time of a run with masks.

    Matched are the buildings whose box overlaps with that of a detection by an IoU of at least 0.5, each once; the same
    pairs are scored for every outline.
    """
    import geopandas as gpd
    import rasterio

    folder = root / "banepa-buildings"
    with rasterio.open(folder / "banepa_dev.tif") as scene:
        layer = gpd.read_file(folder / "banepa_dev_buildings.geojson").to_crs(scene.crs)
        a, b, c, d, e, f = tuple(~scene.transform)[:6]
        rows, columns = scene.height, scene.width
    true = np.array(layer.geometry.affine_transform([a, b, d, e, c, f]), dtype=object)
    frame = shapely.box(0, BANEPA_TRAIN_ROWS, columns, rows)
    true = true[shapely.area(shapely.intersection(true, frame)) > 0.5 * shapely.area(true)]
    settings = RunSettings(
        source=str(folder / "banepa_dev.tif"),
        expressions=("building",),
        bbox=(0, BANEPA_TRAIN_ROWS, columns, rows),
        bbox_crs="pixels",
        outline="mask",
    )
    found: dict[Outline, NDArray[np.object_]] = {}
    kinds: dict[str, dict[str, int]] = {}
    metrics: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for outline in ("box", "mask"):
            started = time.monotonic()
            with walk_scene(
                replace(settings, outline=outline), "builtin", Path(scratch) / f"{outline}.journal"
            ) as walk:
                list(walk.collection)
                metrics[f"seconds_{outline}"] = round(time.monotonic() - started, 2)
                if outline == "box":
                    continue
                for own in OUTLINES:
                    features = list(
                        Collection(
                            walk.scene,
                            walk.plan,
                            replace(settings, outline=own),
                            walk.journal,
                            model_name=walk.model.name,
                        )
                    )
                    geometries = gpd.GeoSeries([one.geometry_crs for one in features])
                    found[own] = np.array(geometries.affine_transform([a, b, d, e, c, f]), dtype=object)
                    names = [one.outline for one in features]
                    kinds[own] = {name: names.count(name) for name in sorted(set(names))}
                if preview is not None:
                    points = np.asarray(shapely.centroid(found["box"]), dtype=object)
                    _draw(folder / "banepa_dev.tif", {**found, "point": points}, true, preview)
    pairs = _matched(found["box"], true)
    for own in OUTLINES:
        shapes = found[own]
        overlaps = [polygon_iou(shapes[i], true[j]) for i, j in pairs]
        hits = len(_matched(shapes, true, boxes=False))
        metrics[own] = {
            "mean_iou_of_matched": round(float(np.mean(overlaps)), 4),
            "f1_at_own_iou_50": round(2 * hits / (len(shapes) + len(true)), 4),
            "vertices": round(float(np.mean(shapely.get_num_coordinates(shapes) - 1)), 2),
            "kinds": kinds[own],
        }
    metrics |= {"true": len(true), "found": len(found["box"]), "matched": len(pairs)}
    metrics["f1_boxes"] = round(2 * len(pairs) / (len(found["box"]) + len(true)), 4)
    return metrics


def _matched(found: NDArray[np.object_], true: NDArray[np.object_], *, boxes: bool = True) -> list[tuple[int, int]]:
    """Pairs of a detection and a building, the best overlaps first, each used once."""
    one = shapely.box(*shapely.bounds(found).T) if boxes else found
    other = shapely.box(*shapely.bounds(true).T) if boxes else true
    near = shapely.STRtree(other).query(one, predicate="intersects").T
    scored = sorted(((polygon_iou(one[i], other[j]), int(i), int(j)) for i, j in near), reverse=True)
    used_found: set[int] = set()
    used_true: set[int] = set()
    pairs = []
    for iou, i, j in scored:
        if iou >= MATCH_IOU and i not in used_found and j not in used_true:
            used_found.add(i)
            used_true.add(j)
            pairs.append((i, j))
    return pairs


def _draw(raster: Path, found: dict[Outline, NDArray[np.object_]], true: NDArray[np.object_], preview: Path) -> None:
    """Part of the scene with each kind of outline, side by side; true polygons thin and green."""
    import rasterio
    from PIL import Image, ImageDraw
    from rasterio.windows import Window

    x0, y0, side, zoom = 700, BANEPA_TRAIN_ROWS + 200, 420, 2
    with rasterio.open(raster) as scene:
        pixels = scene.read([1, 2, 3], window=Window(x0, y0, side, side)).transpose(1, 2, 0)
    sheet = Image.new("RGB", (len(found) * (side * zoom + 8), side * zoom), "white")
    for n, shapes in enumerate(found.values()):
        part = Image.fromarray(pixels).resize((side * zoom, side * zoom))
        draw = ImageDraw.Draw(part)
        for some, colour, width in ((true, (60, 220, 80), 1), (shapes, (255, 110, 20), 3)):
            for shape in some:
                if isinstance(shape, shapely.Point):
                    x, y = ((shape.x - x0) * zoom, (shape.y - y0) * zoom)
                    draw.ellipse((x - 7, y - 7, x + 7, y + 7), fill=colour)
                    continue
                for polygon in shapely.get_parts(shape):
                    ring = (np.asarray(polygon.exterior.coords)[:, :2] - [x0, y0]) * zoom
                    draw.line([tuple(point) for point in ring], fill=colour, width=width)
        sheet.paste(part, (n * (side * zoom + 8), 0))
    sheet.save(preview, quality=85)
