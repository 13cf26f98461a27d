"""What a reviewer accepted, as a file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import shapely
from shapely import Point, Polygon

from geogrounding.errors import InputError
from geogrounding.geometry.affine import apply_affine
from geogrounding.io.tables import FIELDS
from geogrounding.io.write_layer import write_layer
from geogrounding.raster.scene import Scene
from geogrounding.service.layers import Layer, Wanted
from geogrounding.service.store import Job
from geogrounding.vector.feature import Feature

ExportFormat = Literal["geojson", "gpkg", "coco"]
TYPES: dict[ExportFormat, tuple[str, str]] = {
    "geojson": (".geojson", "application/geo+json"),
    "gpkg": (".gpkg", "application/geopackage+sqlite3"),
    "coco": (".coco.json", "application/json"),
}
"""Format -> ending and media type."""
MAX_NAME_CHARS = 80
_TEXT_FIELDS = {field.name for field in FIELDS}


def write_export(
    job: Job, layer: Layer, wanted: Wanted, format: ExportFormat, scene: Path | None, folder: Path
) -> Path:
    """Write the features to a file in ``folder``.

    Raises:
        InputError: the raster, whose pixels COCO needs, is gone (``scene`` is None).
        SceneError: it cannot be opened.
        OutputError: the file cannot be written.
    """
    path = folder / f"features{TYPES[format][0]}"
    if format == "coco":
        if scene is None:
            raise InputError(
                "the raster of this job is gone, and COCO gives outlines in its pixels",
                hint="Take GeoJSON or GeoPackage.",
            )
        path.write_text(json.dumps(_coco(layer, wanted, scene)), encoding="utf-8")
        return path
    crs = layer.crs()
    names = sorted({name for properties, _ in layer.stored(wanted) for name in properties} - _TEXT_FIELDS)
    measures = tuple(name for name in names if _is_number(layer, wanted, name))
    described = {"job": job.id, "inputs": job.inputs, "review": list(wanted.review), "result": job.result}
    write_layer(
        path, _features(layer, wanted, measures), crs=crs, metadata=described, pixel_coordinates=crs is None,
        measures=measures, points=job.inputs.get("outline") == "point",
    )  # fmt: skip
    return path


def file_name(job: Job, scene: str | None, format: ExportFormat) -> str:
    """A name for a download that says what is in it: the raster and the questions."""
    text = f"{Path(scene).stem}-{job.title}" if scene else job.title
    name = re.sub(r"[^\w-]+", "-", text)[:MAX_NAME_CHARS].strip("-_")
    return f"{name or job.id}{TYPES[format][0]}"


def _features(layer: Layer, wanted: Wanted, measures: tuple[str, ...]) -> Iterator[Feature]:
    number = 0
    for properties, shape in layer.stored(wanted):
        for part in shapely.get_parts(shape):
            if not isinstance(part, Polygon | Point):
                continue
            number += 1
            known: dict[str, Any] = {name: properties.get(name) for name in _TEXT_FIELDS - {"id"}}
            yield Feature(
                id=number,
                geometry_crs=part,
                measures=tuple((name, properties[name]) for name in measures if properties.get(name) is not None),
                **known,
            )


def _is_number(layer: Layer, wanted: Wanted, name: str) -> bool:
    values = [properties[name] for properties, _ in layer.stored(wanted) if properties.get(name) is not None]
    return bool(values) and all(isinstance(value, int | float) for value in values)


def _coco(layer: Layer, wanted: Wanted, path: Path) -> dict[str, Any]:
    """Boxes and outlines in pixels of the raster, x right and y down."""
    annotations: list[dict[str, Any]] = []
    categories: dict[str, int] = {}
    with Scene.open(path) as scene:
        inverse = ~scene.transform
        for properties, shape in layer.stored(wanted):
            placed = shapely.transform(shape, lambda xy: np.stack(apply_affine(inverse, xy[:, 0], xy[:, 1]), axis=1))
            rings = [part.exterior for part in shapely.get_parts(placed) if isinstance(part, Polygon)]
            if not rings:
                continue
            x0, y0, x1, y1 = placed.bounds
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": 1,
                    "category_id": categories.setdefault(properties["label"], len(categories) + 1),
                    "bbox": [round(value, 2) for value in (x0, y0, x1 - x0, y1 - y0)],
                    "area": round(placed.area, 2),
                    "segmentation": [np.round(np.asarray(ring.coords)[:-1], 2).ravel().tolist() for ring in rings],
                    "iscrowd": 0,
                    **({} if properties.get("score") is None else {"score": properties["score"]}),
                }
            )
        image = {"id": 1, "file_name": scene.name, "width": scene.width, "height": scene.height}
    names = [{"id": number, "name": name} for name, number in categories.items()]
    return {"images": [image], "annotations": annotations, "categories": names}
