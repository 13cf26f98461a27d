"""Results as training data for other software: COCO and YOLO, with the image chips that show the objects.

Chips have no overlap, so that no object is there twice and none in both parts of the split. A chip is written when it
shows an object, or as one of the chosen chips without any. An object is annotated on every chip that shows enough of it,
cut at the edge of the chip.

COCO    ``NAME.json`` and the folder ``NAME-images``. Boxes; with ``oriented`` the corners and with ``mask`` the outline in
        ``segmentation``, as run-length code where it has holes.
YOLO    a folder with ``images``, ``labels`` and ``data.yaml``. Boxes, the corners of ``oriented``, or the outline of
        ``mask``, whose holes the format cannot hold.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import shapely
from numpy.typing import NDArray
from PIL import Image
from pyproj import CRS

from geogrounding.errors import InputError, OutputError, SettingsError
from geogrounding.geometry.rectangles import least_rectangles
from geogrounding.io.atomic import flush, partial_folder, publish
from geogrounding.raster.grid import Chip, ChipGrid
from geogrounding.raster.reader import read_chips
from geogrounding.raster.scene import Scene
from geogrounding.raster.shapes_in_scene import to_scene_px
from geogrounding.raster.stretch import compute_stretch
from geogrounding.raster.tiling import Tiling

Shape = Literal["box", "oriented", "mask"]
LEAST_SIDE_PX = 2.0
"""Objects with a shorter side on a chip are left out of it."""
LEAST_VALID = 0.25
"""Chips with a smaller share of data are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipOptions:
    """How chips are cut for other software.

    Raises:
        SettingsError: a value is out of range.
    """

    shape: Shape = "box"
    tile_size_px: int = 640
    least_visible: float = 0.4
    """Share of its area that a chip must show of an object."""
    empty: float = 0.1
    """Chips without an object, as a share of those with one."""
    validation: float = 0.2
    """Share of the chips that YOLO keeps for validation."""
    stretch: str = "auto"

    def __post_init__(self) -> None:
        if not 32 <= self.tile_size_px <= 8192:
            raise SettingsError(f"tile size {self.tile_size_px} is outside 32 to 8192 pixels")
        if not 0 < self.least_visible <= 1:
            raise SettingsError(f"the least visible share must lie between 0 and 1, not {self.least_visible}")
        if not (0 <= self.empty <= 10 and 0 <= self.validation < 1):
            raise SettingsError("shares of empty chips and of validation must lie between 0 and 10, and 0 and 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    """What was found, in pixels of a scene."""

    polygons_scene_px: NDArray[np.object_]
    classes: NDArray[np.int64]
    """Index into ``names`` of each polygon."""
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written."""

    chips: int
    annotations: int
    left_out: int
    """Objects that no chip shows well enough."""


@dataclass(slots=True)
class _Annotated:
    chip: Chip
    objects: list[tuple[int, int, shapely.Geometry]] = field(default_factory=list)
    """(object, class, polygon in chip pixels)."""


def objects_of(polygons: NDArray[np.object_], crs: CRS | None, names: Sequence[str], scene: Scene) -> Objects:
    """Polygons of a layer in pixels of a scene; names become classes in alphabetical order.

    Raises:
        InputError: there are none.
        AreaError: they do not lie in the scene.
    """
    if not len(polygons):
        raise InputError("the layer holds no polygon", hint="Training data needs at least one.")
    placed = to_scene_px(scene, polygons, crs, "results")
    known = tuple(sorted(set(names)))
    index = {name: number for number, name in enumerate(known)}
    return Objects(polygons_scene_px=placed, classes=np.array([index[name] for name in names]), names=known)


def write_coco(path: Path, scene: Scene, objects: Objects, options: ChipOptions) -> Exported:
    """Write ``path`` and the folder of its images beside it; neither may exist.

    Raises:
        OutputError: one exists, or cannot be written.
    """
    images = path.with_name(f"{path.stem}-images")
    _refuse_existing(path, images)
    chosen = _choose(scene, objects, options)
    with partial_folder(path.absolute()) as folder:
        made = folder / "images"
        made.mkdir()
        records: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for number, (annotated, name) in enumerate(_write_images(made, scene, chosen, options), start=1):
            width, height = annotated.chip.size_px
            window = list(annotated.chip.window_scene_px)
            records.append(
                {
                    "id": number,
                    "file_name": f"{images.name}/{name}",
                    "width": width,
                    "height": height,
                    "window_scene_px": window,
                }
            )
            for _, kind, polygon in annotated.objects:
                annotations.append(
                    {"id": len(annotations) + 1, "image_id": number, "category_id": kind + 1, "iscrowd": 0}
                    | _coco_shape(polygon, options.shape, (height, width))
                )
        text = {
            "info": {"description": f"{scene.name}, by geogrounding"},
            "images": records,
            "annotations": annotations,
            "categories": [{"id": n + 1, "name": name} for n, name in enumerate(objects.names)],
        }
        document = folder / "coco.json"
        document.write_text(json.dumps(text, ensure_ascii=False) + "\n", encoding="utf-8")
        _move_folder(made, images)
        publish([(document, path.absolute())])
    return _counted(chosen, objects, len(records), len(annotations))


def write_yolo(folder: Path, scene: Scene, objects: Objects, options: ChipOptions) -> Exported:
    """Write a new folder.

    Raises:
        OutputError: it exists, or cannot be written.
    """
    _refuse_existing(folder)
    chosen = _choose(scene, objects, options)
    with partial_folder(folder.absolute()) as partial:
        made = partial / "set"
        (made / "images").mkdir(parents=True)
        written = annotations = 0
        for annotated, name in _write_images(made / "images", scene, chosen, options):
            part = "val" if _share_of(annotated.chip) < options.validation else "train"
            for kind in ("images", "labels"):
                (made / kind / part).mkdir(parents=True, exist_ok=True)
            (made / "images" / name).rename(made / "images" / part / name)
            lines = [_yolo_line(kind, polygon, options.shape, annotated.chip) for _, kind, polygon in annotated.objects]
            label = made / "labels" / part / f"{Path(name).stem}.txt"
            label.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            written, annotations = written + 1, annotations + len(lines)
        val = "images/val" if (made / "images" / "val").is_dir() else "images/train"
        train = "images/train" if (made / "images" / "train").is_dir() else "images/val"
        names = "".join(f"  {n}: {json.dumps(name, ensure_ascii=False)}\n" for n, name in enumerate(objects.names))
        (made / "data.yaml").write_text(f"path: .\ntrain: {train}\nval: {val}\nnames:\n{names}", encoding="utf-8")
        flush(made / "data.yaml")
        _move_folder(made, folder.absolute())
    return _counted(chosen, objects, written, annotations)


def _choose(scene: Scene, objects: Objects, options: ChipOptions) -> list[_Annotated]:
    """Chips with what they show, and some without anything, in the order of the grid."""
    tiling = Tiling(tile_size_px=options.tile_size_px, overlap_px=0, scales=(1.0,))
    grid = ChipGrid(scene.width, scene.height, tiling=tiling)
    polygons, areas = objects.polygons_scene_px, shapely.area(objects.polygons_scene_px)
    tree = shapely.STRtree(polygons)
    shown: list[_Annotated] = []
    empty: list[_Annotated] = []
    for index in range(len(grid)):
        annotated = _Annotated(grid[index])
        x0, y0, x1, y1 = annotated.chip.window_scene_px
        window = shapely.box(x0, y0, x1, y1)
        touched = np.sort(tree.query(window, predicate="intersects"))
        for item in touched:
            part = shapely.intersection(polygons[item], window)
            if part.area < options.least_visible * areas[item] or part.area <= 0:
                continue
            part = shapely.transform(part, lambda xy, x0=x0, y0=y0: xy - [x0, y0])
            bx0, by0, bx1, by1 = part.bounds
            if min(bx1 - bx0, by1 - by0) >= LEAST_SIDE_PX:
                annotated.objects.append((int(item), int(objects.classes[item]), part))
        if annotated.objects:
            shown.append(annotated)
        elif not len(touched):
            empty.append(annotated)
    if not shown:
        raise InputError("no chip shows an object well enough", hint="Choose a larger --tile-size.")
    empty.sort(key=lambda one: _share_of(one.chip, "empty"))
    kept = empty[: round(options.empty * len(shown))]
    return sorted([*shown, *kept], key=lambda one: one.chip.index)


def _write_images(
    folder: Path, scene: Scene, chosen: Sequence[_Annotated], options: ChipOptions
) -> Iterator[tuple[_Annotated, str]]:
    """Write each chip as PNG and yield it with its file name; chips without data are left out."""
    stem = re.sub(r"[^A-Za-z0-9.-]+", "-", Path(scene.name).stem)[:60] or "scene"
    by_index = {one.chip.index: one for one in chosen}
    stretch = compute_stretch(scene, options.stretch)
    with closing(read_chips(scene, [one.chip for one in chosen], stretch)) as images:
        for image in images:
            if image.error is not None:
                raise InputError(f"{scene.name} cannot be read: {image.error}", hint="Is the file complete?")
            if image.pixels is None or image.valid_share < LEAST_VALID:
                continue
            name = f"{stem}_{image.chip.row}_{image.chip.column}.png"
            Image.fromarray(image.pixels).save(folder / name, compress_level=1)
            yield by_index[image.chip.index], name


def _coco_shape(polygon: shapely.Geometry, shape: Shape, size: tuple[int, int]) -> dict[str, Any]:
    """bbox, area and segmentation of a polygon in chip pixels; ``size`` is (height, width)."""
    x0, y0, x1, y1 = polygon.bounds
    out: dict[str, Any] = {"bbox": [round(v, 2) for v in (x0, y0, x1 - x0, y1 - y0)]}
    if shape == "oriented":
        corners = _corners(polygon)
        return out | {"area": round(float(shapely.Polygon(corners).area), 2), "segmentation": [_flat(corners)]}
    if shape == "box":
        ring = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
        return out | {"area": round((x1 - x0) * (y1 - y0), 2), "segmentation": [_flat(np.array(ring))]}
    parts = _polygons(polygon)
    if any(part.interiors for part in parts):
        return out | {"area": round(float(polygon.area), 2), "segmentation": _run_lengths(polygon, size)}
    rings = [_flat(np.asarray(part.exterior.coords)[:-1]) for part in parts]
    return out | {"area": round(float(polygon.area), 2), "segmentation": rings}


def _run_lengths(polygon: shapely.Geometry, size: tuple[int, int]) -> dict[str, Any]:
    """Run lengths down the columns, beginning with those outside, as COCO has them."""
    from rasterio.features import rasterize

    pixels = rasterize([(polygon, 1)], out_shape=size, dtype="uint8").ravel(order="F")
    edges = np.flatnonzero(np.diff(pixels)) + 1
    bounds = [0, *edges.tolist(), len(pixels)]
    counts = [b - a for a, b in pairwise(bounds)]
    return {"size": list(size), "counts": counts if not pixels[0] else [0, *counts]}


def _yolo_line(kind: int, polygon: shapely.Geometry, shape: Shape, chip: Chip) -> str:
    width, height = chip.size_px
    if shape == "box":
        x0, y0, x1, y1 = polygon.bounds
        values = np.array([(x0 + x1) / 2 / width, (y0 + y1) / 2 / height, (x1 - x0) / width, (y1 - y0) / height])
    else:
        largest = max(_polygons(polygon), key=lambda part: cast("float", part.area))
        ring = _corners(polygon) if shape == "oriented" else np.asarray(largest.exterior.coords)[:-1]
        values = np.clip((ring / [width, height]).ravel(), 0.0, 1.0)
    return " ".join([str(kind), *(f"{value:.6f}" for value in values)])


def _corners(polygon: shapely.Geometry) -> NDArray[np.float64]:
    """(4, 2) corners of the smallest turned rectangle."""
    turned = least_rectangles(np.array([polygon], object))[0]
    return np.asarray(turned.exterior.coords, np.float64)[:4]


def _polygons(shape: shapely.Geometry) -> list[shapely.Polygon]:
    return [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon" and part.area > 0]


def _flat(ring: NDArray[np.float64]) -> list[float]:
    return [round(float(value), 2) for value in np.asarray(ring).ravel()]


def _share_of(chip: Chip, salt: str = "") -> float:
    """A number in [0, 1) that depends on nothing but the place of a chip."""
    digest = hashlib.sha256(f"{salt} {chip.row} {chip.column}".encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48


def _counted(chosen: Sequence[_Annotated], objects: Objects, chips: int, annotations: int) -> Exported:
    shown = {item for one in chosen for item, _, _ in one.objects}
    return Exported(chips=chips, annotations=annotations, left_out=len(objects.polygons_scene_px) - len(shown))


def _refuse_existing(*paths: Path) -> None:
    for path in paths:
        if path.exists():
            raise OutputError(f"{path} exists", hint="Choose another name.")
        if not path.absolute().parent.is_dir():
            raise OutputError(f"the folder {path.absolute().parent} does not exist", hint="Create it first.")


def _move_folder(made: Path, target: Path) -> None:
    try:
        made.rename(target)
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {error.strerror}", hint="Choose another name.") from None
