"""Labelled images for training: readers, and random square views of them.

An image knows which classes its labels cover. ``known`` classes are labelled exhaustively (an unlabelled place is a true
negative); all other classes are unknown there and must never be counted as absent: the images of a pool data set are full
of houses and trees that no one drew.

Frames: ``boxes_px`` are half-open float boxes (x0, y0, x1, y1) in pixels of the image; ``boxes_view_px`` in pixels of a view.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from geogrounding.errors import InputError

CLASSES = (
    "airplane",
    "ship",
    "storage tank",
    "baseball diamond",
    "tennis court",
    "basketball court",
    "ground track field",
    "harbor",
    "bridge",
    "vehicle",
    "building",
    "tree",
    "swimming pool",
    "solar panel",
    "wind turbine",
    "overpass",
)
"""Class names in the order of the region head's outputs."""

OTHER = -1
"""Label of a box whose class the model does not have: its place counts neither way."""
SIDE_PX = 336
"""Side of a view, the model's input."""

_NWPU = frozenset(CLASSES[:10])
_NEVER_ON_LAND = frozenset({"airplane", "ship", "storage tank", "ground track field", "baseball diamond", "harbor"})
_SPORTS = frozenset({"baseball diamond", "tennis court", "basketball court", "ground track field"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledImage:
    """One labelled image, or a window of a larger raster."""

    source: str
    """Name of the set."""
    path: Path
    window_px: tuple[int, int, int, int] | None
    """(x0, y0, x1, y1) of the raster at ``path``, or None for all of it."""
    boxes_px: NDArray[np.float64]
    """(N, 4) in pixels of the image (of the window, if there is one)."""
    labels: NDArray[np.int64]
    """(N,) indexes into CLASSES."""
    known: frozenset[str]
    """Classes labelled exhaustively, or known to be absent."""

    def pixels(self) -> NDArray[np.uint8]:
        """(height, width, 3) RGB."""
        with Image.open(self.path) as image:
            if self.window_px is not None:
                return np.asarray(image.crop(self.window_px).convert("RGB"))
            return np.asarray(image.convert("RGB"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Set:
    """One data set and how it is used."""

    name: str
    folder: str
    known: frozenset[str]
    scales: tuple[float, float]
    """Range of image pixels per view pixel."""

    def known_in(self, present: set[str]) -> frozenset[str]:
        """Classes known in one image, given those labelled in it."""
        return known_in_nwpu(self.known, present) if self.name == "nwpu" else self.known


SETS = (
    Set(name="nwpu", folder="nwpu-vhr10", known=_NWPU, scales=(0.8, 3.2)),
    Set(
        name="airbus",
        folder="airbus-aircraft",
        known=_SPORTS | {"airplane", "harbor", "ship", "swimming pool"},
        scales=(0.7, 5.0),
    ),
    Set(
        name="hrplanes",
        folder="hrplanes",
        known=_SPORTS | {"airplane", "harbor", "swimming pool"},
        scales=(0.5, 2.0),
    ),
    Set(name="pools", folder="pools", known=_NEVER_ON_LAND | {"swimming pool"}, scales=(0.7, 3.0)),
    Set(
        name="drone",
        folder="drone-vehicles",
        known=_NEVER_ON_LAND | _SPORTS | {"vehicle", "swimming pool"},
        scales=(0.7, 3.5),
    ),
    Set(name="neon", folder="neon-crowns", known=frozenset(CLASSES[:13]), scales=(0.6, 2.0)),
)
BANEPA = Set(
    name="banepa",
    folder="banepa-buildings",
    known=_NEVER_ON_LAND | {"building", "swimming pool"},
    scales=(0.7, 3.2),
)


def known_in_nwpu(known: frozenset[str], present: set[str]) -> frozenset[str]:
    """Classes known in one image of NWPU, given those labelled in it: cars and moored boats are drawn only in the images
    chosen for them.
    """
    return known - ({"vehicle"} - present) - ({"ship"} - present if "harbor" in present else set())


def read_coco(
    file: Path, images: Path, *, source: str, known: Callable[[set[str]], frozenset[str]], other: int | None = None
) -> list[LabelledImage]:
    """Images of a COCO file with all their boxes, in the order of the file, which decides what is kept back.

    ``geogrounding.datasets`` reads the same files as questions for one class each, and leaves out what cannot be asked; here
    every box counts, also those that only say where nothing can be learned.

    Args:
        file: the annotations.
        images: folder of the images.
        source: name of the set.
        known: the classes known in an image, given those labelled in it.
        other: label of boxes of categories outside CLASSES; None: they are refused.

    Raises:
        InputError: the file is not COCO, or names an unknown category.
    """
    try:
        coco: dict[str, Any] = json.loads(file.read_text())
        names = {int(item["id"]): str(item["name"]) for item in coco["categories"]}
        found: dict[int, list[tuple[int, list[float]]]] = {}
        for item in coco["annotations"]:
            name = names[item["category_id"]]
            label = other if other is not None and name not in CLASSES else CLASSES.index(name)
            found.setdefault(int(item["image_id"]), []).append((label, item["bbox"]))
        records = [(int(item["id"]), str(item["file_name"])) for item in coco["images"]]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{file} is no usable COCO file: {error!r}", hint="it needs images, annotations, categories"
        ) from error
    read = []
    for number, name in records:
        items = found.get(number, [])
        boxes = np.array([[x, y, x + w, y + h] for _, (x, y, w, h) in items], dtype=np.float64).reshape(-1, 4)
        read.append(
            LabelledImage(
                source=source,
                path=images / name,
                window_px=None,
                boxes_px=boxes,
                labels=np.array([label for label, _ in items], dtype=np.int64),
                known=known({CLASSES[label] for label, _ in items if label != other}),
            )
        )
    return read


def read_raster_and_layer(
    raster: Path, layer: Path, *, source: str, label: str, known: frozenset[str], window_px: tuple[int, int, int, int]
) -> LabelledImage:
    """A window of a georeferenced raster with the bounding boxes of a vector layer's polygons.

    Boxes are cut at the window; those of which less than 60% lies inside are dropped.
    """
    import geopandas as gpd
    import rasterio

    with rasterio.open(raster) as scene:
        polygons = gpd.read_file(layer).to_crs(scene.crs).geometry
        inverse = ~scene.transform
    boxes = []
    for polygon in polygons:
        x0, y0, x1, y1 = polygon.bounds
        corners = [inverse * point for point in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]
        xs, ys = [c[0] for c in corners], [c[1] for c in corners]
        boxes.append((min(xs), min(ys), max(xs), max(ys)))
    clipped, visible = clip_boxes(np.array(boxes, dtype=np.float64).reshape(-1, 4), window_px)
    kept = clipped[visible >= 0.6]
    return LabelledImage(
        source=source,
        path=raster,
        window_px=window_px,
        boxes_px=kept,
        labels=np.full(len(kept), CLASSES.index(label), dtype=np.int64),
        known=known,
    )


def read_all(root: Path, split: str) -> list[LabelledImage]:
    """Every image of a split (``train`` or ``test``) under the folder of data sets."""
    images = []
    for item in SETS:
        file = root / item.folder / f"{split}.json"
        if file.exists():
            images += read_coco(file, root / item.folder / "images", source=item.name, known=item.known_in)
    folder = root / BANEPA.folder
    if folder.exists():
        # The scene is 2048 x 4096: the lowest quarter is never trained on.
        window = (0, 0, 2048, 3072) if split == "train" else (0, 3072, 2048, 4096)
        images.append(
            read_raster_and_layer(
                folder / "banepa_dev.tif",
                folder / "banepa_dev_buildings.geojson",
                source=BANEPA.name,
                label="building",
                known=BANEPA.known,
                window_px=window,
            )
        )
    return images


def clip_boxes(
    boxes_px: NDArray[np.float64], window_px: tuple[float, float, float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Boxes cut at a window, in the window's pixels (N, 4), and the visible share of each (N,)."""
    x0, y0, x1, y1 = window_px
    area = np.maximum(np.prod(boxes_px[:, 2:] - boxes_px[:, :2], axis=1), 1e-9)
    clipped = boxes_px - np.array([x0, y0, x0, y0])
    clipped[:, 0::2] = clipped[:, 0::2].clip(0, x1 - x0)
    clipped[:, 1::2] = clipped[:, 1::2].clip(0, y1 - y0)
    return clipped, np.prod(clipped[:, 2:] - clipped[:, :2], axis=1) / area


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One square image the model learns from."""

    pixels: NDArray[np.uint8]
    """(336, 336, 3), black beyond ``content_px``."""
    content_px: tuple[int, int]
    """(width, height) of the part that shows the image."""
    boxes_view_px: NDArray[np.float64]
    """(N, 4), cut at the content's edge."""
    labels: NDArray[np.int64]
    visible: NDArray[np.float64]
    """(N,) share of each object inside the view."""
    known: NDArray[np.bool_]
    """(classes,) True where an unlabelled place is a true negative."""
    source: str


def draw_view(
    labelled: LabelledImage,
    pixels: NDArray[np.uint8],
    rng: np.random.Generator,
    *,
    scales: tuple[float, float],
    augment: bool = True,
    led_to: int | None = None,
) -> View:
    """A random view of an image: window, scale, flips, quarter turns, colours.

    Half of the windows are led to an object, the others lie anywhere, so background is seen too. A window larger than the
    image is padded (black, right and bottom), as a chip of a small raster is.

    Args:
        labelled: what is looked at.
        pixels: of the image.
        rng: decides everything.
        scales: range of image pixels per view pixel.
        augment: flips, turns and colours.
        led_to: index of the box that the view shows; None: of half of the views, any.
    """
    height, width = pixels.shape[:2]
    # beyond this the image would fill less than about a third of the view
    coarsest = min(scales[1], max(width, height) / SIDE_PX * 1.5)
    scale = math.exp(rng.uniform(math.log(min(scales[0], coarsest)), math.log(coarsest)))
    span = SIDE_PX * scale
    win_w, win_h = min(span, width), min(span, height)
    x0, y0 = rng.uniform(0, width - win_w), rng.uniform(0, height - win_h)
    if led_to is not None or (len(labelled.boxes_px) and rng.random() < 0.6):
        box = labelled.boxes_px[rng.integers(len(labelled.boxes_px)) if led_to is None else led_to]
        x0 = float(np.clip((box[0] + box[2]) / 2 - rng.uniform(0.1, 0.9) * win_w, 0, width - win_w))
        y0 = float(np.clip((box[1] + box[3]) / 2 - rng.uniform(0.1, 0.9) * win_h, 0, height - win_h))
    x0, y0, win_w, win_h = round(x0), round(y0), round(win_w), round(win_h)
    out_w, out_h = max(1, min(SIDE_PX, round(win_w / scale))), max(1, min(SIDE_PX, round(win_h / scale)))
    crop = Image.fromarray(pixels[y0 : y0 + win_h, x0 : x0 + win_w])
    method = Image.Resampling.BOX if scale > 1.5 and rng.random() < 0.5 else Image.Resampling.BILINEAR
    crop = crop.resize((out_w, out_h), method)
    boxes, visible = clip_boxes(labelled.boxes_px, (x0, y0, x0 + win_w, y0 + win_h))
    boxes = boxes * np.array([out_w / win_w, out_h / win_h] * 2)
    kept = visible > 0.02
    boxes, visible, labels = boxes[kept], visible[kept], labelled.labels[kept]
    image = np.asarray(crop)
    if augment:
        image, boxes = _turn(image, boxes, flip=bool(rng.random() < 0.5), quarters=int(rng.integers(4)))
        image = _recolour(image, rng)
    square = np.zeros((SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
    square[: image.shape[0], : image.shape[1]] = image
    return View(
        pixels=square,
        content_px=(image.shape[1], image.shape[0]),
        boxes_view_px=boxes,
        labels=labels,
        visible=visible,
        known=np.array([name in labelled.known for name in CLASSES]),
        source=labelled.source,
    )


def _turn(
    image: NDArray[np.uint8], boxes: NDArray[np.float64], *, flip: bool, quarters: int
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Mirror left to right, then turn counter-clockwise by quarters; boxes follow."""
    if flip:
        image, width = image[:, ::-1], image.shape[1]
        boxes = np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], 1)
    for _ in range(quarters):
        width = image.shape[1]
        image = np.rot90(image)
        boxes = np.stack([boxes[:, 1], width - boxes[:, 2], boxes[:, 3], width - boxes[:, 0]], 1)
    return np.ascontiguousarray(image), boxes


def _recolour(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Change brightness, contrast, gamma, saturation, colour cast and sharpness a little; sometimes grey."""
    x = image.astype(np.float32) / 255
    x = x ** np.float32(math.exp(rng.normal(0, 0.2)))
    x = (x - x.mean()) * np.float32(math.exp(rng.normal(0, 0.2))) + x.mean() + np.float32(rng.normal(0, 0.06))
    grey = x.mean(-1, keepdims=True)
    saturation = 0.0 if rng.random() < 0.08 else math.exp(rng.normal(0, 0.3))
    x = grey + (x - grey) * np.float32(saturation)
    x = x * np.exp(rng.normal(0, 0.06, 3)).astype(np.float32)
    out: NDArray[np.uint8] = (x.clip(0, 1) * 255).astype(np.uint8)
    if rng.random() < 0.15:
        out = np.asarray(Image.fromarray(out).filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.0))))
    return out


def scales_of(source: str) -> tuple[float, float]:
    """Range of image pixels per view pixel of a set."""
    return next(item.scales for item in (*SETS, BANEPA) if item.name == source)


def is_dev(image_index: int) -> bool:
    """Every twelfth training image is kept back: never trained on, used to choose settings and calibrate scores."""
    return image_index % 12 == 5
