"""Crops for the mask network: one object each, in the window that the segmenter will look at.

Buildings of Banepa and Kampala come with polygons: they are turned by any angle, looked at from several resolutions and
cut at simulated chip borders. Everything else has boxes only, which teach by their projections (see ``train``); storage
tanks and tree crowns are taken for the ellipse inside their box.

Frame: ``crop px`` are pixels of the square crop (``network.FRAMING``), half-open floats.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from geogrounding.models.segmenters.network import FRAMING

SIDE_PX, WINDOW_SHARE = FRAMING.side_px, FRAMING.share
MASK, BOX, ELLIPSE = range(3)
"""What teaches: a mask, the projections of a box, the ellipse inside a box."""
BANEPA_TRAIN_ROWS = 3072
"""The lowest quarter of the scene is never trained on."""
LEAST_SIDE_PX = 8.0
"""Smaller objects have no outline."""
WEAK_SETS = {
    "nwpu-vhr10": {"airplane", "ship", "storage tank", "tennis court", "basketball court", "baseball diamond"},
    "airbus-aircraft": {"airplane"},
    "hrplanes": {"airplane"},
    "neon-crowns": {"tree"},
    "neon-crowns-2": {"tree"},
    "pools": {"swimming pool"},
    "estonia-ortho": {"vehicle", "ship", "building"},
    "drone-vehicles": {"vehicle"},
    "ships-boats": {"ship"},
    "rsod": {"storage tank", "airplane"},
    "gsi-solar": {"solar panel"},
    "tennis-courts": {"tennis court"},
}
ROUND = {"storage tank", "tree"}
SPREADS, SHARES_OF_SPREADS = (0.04, 0.1, 0.18), (0.3, 0.35, 0.35)
"""Standard deviations of the error of each side of a box, as shares of the side, and how often each is drawn."""
MOST_PER_CLASS_AND_SET = 700
DRAWS_OF_RARE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Crops:
    """N crops as arrays."""

    rgb: NDArray[np.uint8]
    """(N, S, S, 3)."""
    inside: NDArray[np.uint8]
    """(N, S, S) 255 where the crop shows the image."""
    mask: NDArray[np.uint8]
    """(N, S, S) share of each pixel that the object covers, of 255; zero where only a box is known."""
    box_crop_px: NDArray[np.float32]
    """(N, 4) as the network is shown it, with the error of a detector."""
    true_box_crop_px: NDArray[np.float32]
    """(N, 4)."""
    kind: NDArray[np.int64]
    """(N,) MASK, BOX or ELLIPSE."""

    def save(self, file: Path) -> None:
        """Write them to one file."""
        np.savez(file, **{name: getattr(self, name) for name in self.__slots__})

    @classmethod
    def load(cls, file: Path) -> Crops:
        """Read what ``save`` wrote."""
        with np.load(file) as arrays:
            return cls(**{name: arrays[name] for name in cls.__slots__})


class Pyramid:
    """An image at 1, 1/2, 1/4, ... of its resolution, to be sampled without aliasing."""

    def __init__(self, image: Image.Image) -> None:
        self.levels = [image]
        while min(self.levels[-1].size) >= 2 * SIDE_PX:
            self.levels.append(self.levels[-1].reduce(2))

    def sample(self, to_image: NDArray[np.float64], coarser: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The crop (S, S, 3) and where it shows the image (S, S).

        Args:
            to_image: (2, 3) affine from crop pixels to image pixels.
            coarser: levels below the finest that needs no smoothing.
        """
        step = math.sqrt(abs(float(np.linalg.det(to_image[:, :2]))))
        level = min(max(0, math.floor(math.log2(max(step, 1.0)))) + coarser, len(self.levels) - 1)
        own = to_image / 2**level
        size = (SIDE_PX, SIDE_PX)
        rgb = self.levels[level].transform(size, Image.Transform.AFFINE, own.ravel(), Image.Resampling.BILINEAR)
        white = Image.new("L", self.levels[level].size, 255)
        inside = white.transform(size, Image.Transform.AFFINE, own.ravel(), Image.Resampling.NEAREST)
        return np.asarray(rgb), np.asarray(inside)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Crop:
    rgb: NDArray[np.uint8]
    inside: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    box_crop_px: NDArray[np.float64]
    true_box_crop_px: NDArray[np.float64]
    kind: int


def crop_of_polygon(
    pyramid: Pyramid, polygon_px: shapely.Polygon, rng: np.random.Generator, *, exact: bool = False
) -> _Crop | None:
    """A random look at an object whose outline is known; ``exact`` neither turns it nor moves its box."""
    angle = 0.0 if exact else float(rng.uniform(0, 2 * math.pi))
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    centre = np.array(polygon_px.centroid.coords[0])
    ring = (np.asarray(polygon_px.exterior.coords) - centre) @ turn.T
    holes = [(np.asarray(hole.coords) - centre) @ turn.T for hole in polygon_px.interiors]
    true = np.concatenate([ring.min(0), ring.max(0)])
    box = true if exact else _moved(true, rng)
    window = _window(box)
    scale = (window[2:] - window[:2]) / SIDE_PX
    # crop px -> turned frame -> image px; turning back is the transpose
    to_image = np.concatenate([turn.T * scale, (turn.T @ window[:2] + centre)[:, None]], axis=1)
    side = float(min(true[2:] - true[:2]))
    deepest = max(0, min(2, math.floor(math.log2(max(side / LEAST_SIDE_PX, 1)))))
    rgb, inside = pyramid.sample(to_image, 0 if exact else int(rng.integers(deepest + 1)))
    fine = 4
    canvas = Image.new("L", (SIDE_PX * fine, SIDE_PX * fine))
    draw = ImageDraw.Draw(canvas)
    for points, fill in ((ring, 255), *((hole, 0) for hole in holes)):
        draw.polygon([tuple(p) for p in ((points - window[:2]) / scale * fine - 0.5)], fill=fill)
    crop = _Crop(
        rgb=rgb,
        inside=inside,
        mask=np.asarray(canvas.reduce(fine)),
        box_crop_px=_in_crop(box, window),
        true_box_crop_px=_in_crop(true, window),
        kind=MASK,
    )
    if not exact and rng.random() < 0.25:
        crop = _cut(crop, rng)
    covered = crop.mask * (crop.inside > 0)
    return crop if covered.sum() > 0.3 * np.asarray(canvas.reduce(fine)).sum() else None


def crop_of_box(pyramid: Pyramid, box_px: NDArray[np.float64], kind: int, rng: np.random.Generator) -> _Crop:
    """A random look at an object of which only the box is known: no turn but quarters and mirrors, which come later."""
    box = _moved(box_px, rng)
    window = _window(box)
    scale = (window[2:] - window[:2]) / SIDE_PX
    to_image = np.array([[scale[0], 0.0, window[0]], [0.0, scale[1], window[1]]])
    side = float(min(box_px[2:] - box_px[:2]))
    rgb, inside = pyramid.sample(to_image, int(rng.integers(2)) if side >= 2 * LEAST_SIDE_PX else 0)
    true = _in_crop(box_px, window)
    mask = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    if kind == ELLIPSE:
        canvas = Image.new("L", (SIDE_PX * 4, SIDE_PX * 4))
        ImageDraw.Draw(canvas).ellipse(tuple(true * 4), fill=255)
        mask = np.asarray(canvas.reduce(4))
    return _Crop(rgb=rgb, inside=inside, mask=mask, box_crop_px=_in_crop(box, window), true_box_crop_px=true, kind=kind)


def _moved(box: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """The box with errors such as a detector makes: often below a tenth of its side, and up to those at which the two
    boxes still count as one object: the network shall draw the object, and not fill the box.
    """
    sides = np.tile(box[2:] - box[:2], 2)
    spread = float(rng.choice(SPREADS, p=SHARES_OF_SPREADS))
    moved: NDArray[np.float64] = box + rng.normal(0, spread, 4).clip(-0.3, 0.3) * sides
    return moved


def _window(box: NDArray[np.float64]) -> NDArray[np.float64]:
    centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2 * WINDOW_SHARE
    return np.concatenate([centre - half, centre + half])


def _in_crop(box: NDArray[np.float64], window: NDArray[np.float64]) -> NDArray[np.float64]:
    scale = np.tile((window[2:] - window[:2]) / SIDE_PX, 2)
    placed: NDArray[np.float64] = (box - np.tile(window[:2], 2)) / scale
    return placed


def _cut(crop: _Crop, rng: np.random.Generator) -> _Crop:
    """The crop as a chip border cuts it: nothing beyond a line, and the boxes end there."""
    axis, at = int(rng.integers(2)), float(rng.uniform(0.4, 0.9)) * SIDE_PX
    from_low = bool(rng.random() < 0.5)
    line = SIDE_PX - at if from_low else at
    seen = np.arange(SIDE_PX) + 0.5 >= line if from_low else np.arange(SIDE_PX) + 0.5 < line
    shown = seen[None, :] if axis == 0 else seen[:, None]
    boxes = []
    for box in (crop.box_crop_px, crop.true_box_crop_px):
        own = box.copy()
        low, high = (line, np.inf) if from_low else (-np.inf, line)
        own[[axis, axis + 2]] = own[[axis, axis + 2]].clip(low, high)
        boxes.append(own)
    return _Crop(
        rgb=crop.rgb * shown[..., None],
        inside=crop.inside * shown,
        mask=crop.mask * shown,
        box_crop_px=boxes[0],
        true_box_crop_px=boxes[1],
        kind=crop.kind,
    )


def polygons_of_banepa(root: Path, rows: tuple[int, int]) -> tuple[Image.Image, list[shapely.Polygon]]:
    """A stripe of the scene and the buildings that lie wholly inside it, in its pixels."""
    import geopandas as gpd
    import rasterio

    folder = root / "banepa-buildings"
    with rasterio.open(folder / "banepa_dev.tif") as scene:
        pixels = scene.read([1, 2, 3])[:, rows[0] : rows[1]].transpose(1, 2, 0)
        layer = gpd.read_file(folder / "banepa_dev_buildings.geojson").to_crs(scene.crs)
        a, b, c, d, e, f = tuple(~scene.transform)[:6]
    placed = [shapely.affinity.affine_transform(p, [a, b, d, e, c, f - rows[0]]) for p in layer.geometry]
    parts = [part for p in placed for part in shapely.get_parts(p) if isinstance(part, shapely.Polygon)]
    frame = shapely.box(0, 0, pixels.shape[1], pixels.shape[0])
    return Image.fromarray(pixels), [p for p in parts if frame.contains(p) and _has_outline(p)]


def polygons_of_kampala(root: Path, split: str) -> Iterator[tuple[Image.Image, list[shapely.Polygon]]]:
    """Each image of a split with the buildings that lie wholly inside it."""
    folder = root / "kampala-buildings"
    coco = json.loads((folder / f"{split}.json").read_text())
    for item in coco["images"]:
        image = Image.open(folder / "images" / item["file_name"]).convert("RGB")
        frame = shapely.box(1, 1, image.width - 1, image.height - 1)
        own = [a for a in coco["annotations"] if a["image_id"] == item["id"]]
        rings = [np.array(a["segmentation"][0], float).reshape(-1, 2) for a in own if len(a["segmentation"]) == 1]
        polygons = [shapely.Polygon(ring) for ring in rings]
        yield image, [p for p in polygons if p.is_valid and frame.contains(p) and _has_outline(p)]


def _has_outline(polygon: shapely.Polygon) -> bool:
    x0, y0, x1, y1 = polygon.bounds
    return bool(min(x1 - x0, y1 - y0) >= LEAST_SIDE_PX)


def boxes_of_sets(root: Path, split: str, rng: np.random.Generator) -> Iterator[tuple[Path, NDArray[np.float64], int]]:
    """(image, box in its pixels, kind) of objects that have boxes only; at most so many of a class and set."""
    for name, wanted in WEAK_SETS.items():
        folder = root / name
        coco = json.loads((folder / f"{split}.json").read_text())
        names = {c["id"]: c["name"] for c in coco["categories"]}
        files = {i["id"]: folder / "images" / i["file_name"] for i in coco["images"]}
        for label in sorted(wanted):
            own = [a for a in coco["annotations"] if names[a["category_id"]] == label]
            own = [a for a in own if min(a["bbox"][2:]) >= LEAST_SIDE_PX]
            draws = DRAWS_OF_RARE if len(own) < MOST_PER_CLASS_AND_SET / 2 else 1
            for n in sorted(rng.permutation(len(own))[:MOST_PER_CLASS_AND_SET].tolist()):
                x, y, w, h = own[n]["bbox"]
                box = np.array([x, y, x + w, y + h], float)
                for _ in range(draws):
                    yield files[own[n]["image_id"]], box, ELLIPSE if label in ROUND else BOX


def draw_crops(root: Path, *, draws: int, seed: int) -> Crops:
    """All crops of training; ``draws`` of each outline."""
    rng = np.random.default_rng(seed)
    found: list[_Crop] = []
    outlined = [polygons_of_banepa(root, (0, BANEPA_TRAIN_ROWS)), *polygons_of_kampala(root, "train")]
    for image, polygons in outlined:
        pyramid = Pyramid(image)
        for polygon in polygons:
            looks = (crop_of_polygon(pyramid, polygon, rng) for _ in range(draws))
            found += [look for look in looks if look is not None]
    last: tuple[Path, Pyramid] | None = None
    for file, box, kind in boxes_of_sets(root, "train", rng):
        if last is None or last[0] != file:
            with Image.open(file) as image:
                last = file, Pyramid(image.convert("RGB"))
        found.append(crop_of_box(last[1], box, kind, rng))
    return stacked(found)


def stacked(found: list[_Crop]) -> Crops:
    """Crops as arrays."""
    return Crops(
        rgb=np.stack([c.rgb for c in found]),
        inside=np.stack([c.inside for c in found]),
        mask=np.stack([c.mask for c in found]),
        box_crop_px=np.stack([c.box_crop_px for c in found]).astype(np.float32),
        true_box_crop_px=np.stack([c.true_box_crop_px for c in found]).astype(np.float32),
        kind=np.array([c.kind for c in found], np.int64),
    )
