"""An image for a report: the scene with the polygons found, their scores, a legend and a scale bar.

Drawn with Pillow alone. Lines have a dark casing, so that they show on any ground. Colours are those of Okabe and Ito
(2008), which people with colour blindness can distinguish; after eight queries they come again. Scores stand where
they cover neither another polygon nor another score, the best first, so a crowded scene shows few or none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from geogrounding.errors import OutputError
from geogrounding.geometry.affine import apply_affine
from geogrounding.io.atomic import partial_folder, publish
from geogrounding.vector.feature import Feature

if TYPE_CHECKING:
    from geogrounding.raster.scene import Scene
    from geogrounding.raster.stretch import Stretch

Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

PALETTE: tuple[Colour, ...] = (
    (240, 228, 66),
    (86, 180, 233),
    (213, 94, 0),
    (204, 121, 167),
    (0, 158, 115),
    (230, 159, 0),
    (0, 114, 178),
    (255, 255, 255),
)
INK: Colour = (32, 32, 32)
FAINT: Colour = (110, 110, 110)
PAPER: Colour = (255, 255, 255)
SMOOTHING = 2
"""Lines are drawn this many times larger and then reduced, for smooth edges."""
LEAST_SIDE_PX = 900
"""Smaller scenes are enlarged to this, so that lines and text keep their proportions."""
MOST_LEGEND_ENTRIES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """One feature, ready to draw."""

    ring_px: NDArray[np.float64]
    """(P, 2) in pixels of the image."""
    query: int
    score: float | None

    @property
    def bounds_px(self) -> tuple[float, float, float, float]:
        low, high = self.ring_px.min(axis=0), self.ring_px.max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def render_preview(
    scene: Scene, stretch: Stretch, features: Iterable[Feature], path: Path | str, *, max_side_px: int = 1600
) -> None:
    """Draw features on the scene, reduced to at most ``max_side_px`` on its longer side, and write a PNG.

    Args:
        scene: open; read once, decimated.
        stretch: the one of the run, so that the image shows what the model saw.
        features: with polygons in the CRS of the scene.
        path: of the image; an existing one is replaced when the new one is complete.
        max_side_px: of the image without its legend.

    Raises:
        OutputError: the image cannot be written; an old one stays as it was.
        SceneError: the scene cannot be read.
    """
    path = Path(path).absolute()
    array, mask = scene.read_decimated(max_side_px)
    image = Image.fromarray(stretch.apply(array, mask))
    enlarge = max(1.0, min(LEAST_SIDE_PX, max_side_px) / max(image.size))
    if enlarge > 1.0:
        size = (max(1, round(image.width * enlarge)), max(1, round(image.height * enlarge)))
        image = image.resize(size, Image.Resampling.BICUBIC)
    queries, shapes = _shapes(scene, features, image.size)
    image = _with_shapes(image, shapes)
    _draw_scores(image, shapes)
    sheet = _with_legend(image, scene, queries, shapes)
    try:
        with partial_folder(path) as folder:
            new = folder / path.name
            sheet.save(new, format="PNG")
            with Image.open(new) as written:
                written.verify()
            publish([(new, path)])
    except OutputError:
        raise
    except (OSError, SyntaxError) as error:  # Pillow reports a broken PNG as SyntaxError
        raise OutputError(f"cannot write {path}: {error}", hint="check the room on the disk") from error


def _shapes(scene: Scene, features: Iterable[Feature], size_px: tuple[int, int]) -> tuple[list[str], list[_Shape]]:
    """The queries in the order in which they come, and all features in pixels of an image of ``size_px``."""
    to_scene_px = ~scene.transform
    scale = np.array([size_px[0] / scene.width, size_px[1] / scene.height])
    numbers: dict[str, int] = {}
    shapes: list[_Shape] = []
    for feature in features:
        ring_crs = shapely.get_coordinates(getattr(feature.geometry_crs, "exterior", feature.geometry_crs))
        x, y = apply_affine(to_scene_px, ring_crs[:, 0], ring_crs[:, 1])
        query = numbers.setdefault(feature.query, len(numbers))
        shapes.append(_Shape(ring_px=np.stack([x, y], axis=1) * scale, query=query, score=feature.score))
    return list(numbers), shapes


def _with_shapes(image: Image.Image, shapes: list[_Shape]) -> Image.Image:
    """The image with all polygons; thinner lines where they are many or small."""
    if not shapes:
        return image
    sides = [min(x1 - x0, y1 - y0) for x0, y0, x1, y1 in (shape.bounds_px for shape in shapes)]
    many, small = len(shapes) > 300, float(np.median(sides)) < 14.0
    line = _unit(image) * (1.0 if many and small else 1.5 if many or small else 2.2)
    casing = 0.8 if many and small else 1.6
    overlay = Image.new("RGBA", (image.width * SMOOTHING, image.height * SMOOTHING))
    draw = ImageDraw.Draw(overlay)
    rings = [[(float(x), float(y)) for x, y in shape.ring_px * SMOOTHING] for shape in shapes]
    for ring in rings:
        draw.line(ring, fill=(0, 0, 0, 150), width=round((line + casing) * SMOOTHING), joint="curve")
    for ring, shape in zip(rings, shapes, strict=True):
        colour = PALETTE[shape.query % len(PALETTE)]
        draw.line(ring, fill=(*colour, 255), width=max(1, round(line * SMOOTHING)), joint="curve")
    smooth = overlay.resize(image.size, Image.Resampling.BOX)
    return Image.alpha_composite(image.convert("RGBA"), smooth).convert("RGB")


def _draw_scores(image: Image.Image, shapes: list[_Shape]) -> None:
    """Scores beside their polygons, where there is room; in a crowd, only beside polygons larger than the text."""
    font = ImageFont.load_default(13 * _unit(image))
    draw = ImageDraw.Draw(image)
    taken = np.zeros((image.height, image.width), dtype=np.bool_)
    for shape in shapes:
        x0, y0, x1, y1 = shape.bounds_px
        taken[max(0, int(y0)) : max(0, math.ceil(y1)), max(0, int(x0)) : max(0, math.ceil(x1))] = True
    scored = sorted((shape for shape in shapes if shape.score is not None), key=lambda shape: -(shape.score or 0.0))
    for shape in scored:
        text = f"{shape.score:.2f}"
        left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
        width, height = math.ceil(right - left) + 6, math.ceil(bottom - top) + 5
        x0, y0, x1, y1 = shape.bounds_px
        if len(shapes) > 100 and max(x1 - x0, y1 - y0) < height:
            continue
        for x, y in ((x0, y0 - height - 3), (x0, y1 + 3), (x1 + 3, y0), (x0 - width - 3, y0)):
            column, row = round(x), round(y)
            inside = 0 <= column <= image.width - width and 0 <= row <= image.height - height
            if inside and not taken[row : row + height, column : column + width].any():
                taken[row : row + height, column : column + width] = True
                colour = PALETTE[shape.query % len(PALETTE)]
                box = (column, row, column + width - 1, row + height - 1)
                draw.rounded_rectangle(box, radius=3, fill=colour, outline=INK)
                draw.text((column + 3 - left, row + 2 - top), text, font=font, fill=_readable_on(colour))
                break


def _with_legend(image: Image.Image, scene: Scene, queries: list[str], shapes: list[_Shape]) -> Image.Image:
    """The image above a strip with one line a query, the scale bar, and the name of the scene."""
    unit = _unit(image)
    font, small = ImageFont.load_default(17 * unit), ImageFont.load_default(13 * unit)
    margin, line, swatch = round(14 * unit), round(26 * unit), round(26 * unit)
    width = max(image.width, 480)
    counts = np.bincount(np.array([shape.query for shape in shapes], dtype=np.int64), minlength=len(queries))
    entries = list(zip(queries, counts, strict=True))[:MOST_LEGEND_ENTRIES]
    rest = len(queries) - len(entries)
    lines = max(1, len(entries)) + (rest > 0)
    sheet = Image.new("RGB", (width, image.height + 2 * margin + line * lines + round(16 * unit)), PAPER)
    sheet.paste(image, ((width - image.width) // 2, 0))
    draw = ImageDraw.Draw(sheet)
    y = image.height + margin
    bar = _draw_scale_bar(draw, scene, image, right=width - margin, y=y, font=small)
    indent = margin + round(swatch * 1.4)
    room = width - indent - bar - round(140 * unit)
    for number, (query, count) in enumerate(entries):
        box = (margin, y + round(2 * unit), margin + swatch, y + round(18 * unit))
        draw.rectangle(box, outline=PALETTE[number % len(PALETTE)], width=round(4 * unit))
        draw.rectangle((box[0] - 1, box[1] - 1, box[2] + 1, box[3] + 1), outline=INK, width=1)
        label = _shortened(draw, _printable(query), font, room)
        draw.text((indent, y), label, font=font, fill=INK)
        end = indent + draw.textlength(label, font=font)
        draw.text((end + 12 * unit, y), f"{int(count):,}", font=font, fill=FAINT)
        y += line
    if rest:
        draw.text((indent, y), f"and {rest} more", font=font, fill=FAINT)
        y += line
    if not entries:
        draw.text((margin, y), "nothing found", font=font, fill=FAINT)
        y += line
    facts = [_printable(scene.name), f"{scene.width:,} x {scene.height:,} px"]
    if scene.ground_resolution_m is not None:
        facts.append(f"{scene.ground_resolution_m:.3g} m per pixel")
    text = _shortened(draw, "   ".join(facts), small, width - 2 * margin)
    draw.text((margin, y + 2), text, font=small, fill=FAINT)
    return sheet


def _draw_scale_bar(
    draw: ImageDraw.ImageDraw, scene: Scene, image: Image.Image, *, right: int, y: int, font: Font
) -> int:
    """A bar of a round length ending at ``right``; return its width in pixels, 0 where the resolution is unknown."""
    if not scene.ground_resolution_m:
        return 0
    unit = _unit(image)
    width_square_px = scene.width / scene.pixel_size.aspect[0]
    metres_per_px = scene.ground_resolution_m * width_square_px / image.width
    length_m = round_length_m(metres_per_px * min(image.width * 0.25, 260 * unit))
    width = round(length_m / metres_per_px)
    left, top, bottom = right - width, y + round(4 * unit), y + round(11 * unit)
    draw.rectangle((left, top, right, bottom), outline=INK, fill=PAPER)
    draw.rectangle((left, top, left + width // 2, bottom), fill=INK)
    text = f"{length_m / 1000:g} km" if length_m >= 1000 else f"{length_m:g} m"
    draw.text((left, bottom + 3), "0", font=font, fill=INK)
    draw.text((right - draw.textlength(text, font=font), bottom + 3), text, font=font, fill=INK)
    return width


def _unit(image: Image.Image) -> float:
    """How much larger lines and text are drawn on a large image, which readers will see reduced."""
    return max(1.0, max(image.size) / 1100.0)


def round_length_m(most_m: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is at most ``most_m``."""
    power = 10.0 ** math.floor(math.log10(most_m))
    step = next(step for step in (5.0, 2.0, 1.0) if step * power <= most_m * (1 + 1e-9))
    return float(f"{step * power:.3g}")


def _readable_on(colour: Colour) -> Colour:
    red, green, blue = colour
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 110 else PAPER


def _printable(text: str) -> str:
    """Text on one line, without characters that draw nothing or turn the line around."""
    return " ".join("".join(c if c.isprintable() else " " for c in text[:500]).split())


def _shortened(draw: ImageDraw.ImageDraw, text: str, font: Font, width: float) -> str:
    """The text, or its beginning with three dots, in at most ``width`` pixels."""
    if draw.textlength(text, font=font) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if draw.textlength(text[:middle].rstrip() + "...", font=font) <= width:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "..."
