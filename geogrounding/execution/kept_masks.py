"""Masks kept beside a result, so that its outlines can be drawn again without the scene, the model or the segmenter.

The file is compressed text, one JSON value a line. The first describes the grid of the scene; every other one is a
feature with its box and its mask, the latter as the WKB (base64) of its outline along pixel edges, in scene pixels. It
is read from its beginning to its end, a line at a time, so neither writing nor drawing needs memory for all features.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import math
import zlib
from collections.abc import Collection as Ids
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal, TypeVar, cast

import numpy as np
import shapely
from affine import Affine
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pyproj import CRS
from pyproj.exceptions import CRSError

from geogrounding.errors import InputError, OutputError, SettingsError
from geogrounding.execution.outlines import PixelOutlines, geometries_of
from geogrounding.execution.results import Collection
from geogrounding.io.atomic import partial_folder, publish
from geogrounding.io.tables import storable
from geogrounding.messages import first_line
from geogrounding.raster.scene import Scene
from geogrounding.settings import LEAST_FIT, RunSettings
from geogrounding.types import Outline
from geogrounding.vector.feature import Feature
from geogrounding.vector.georeference import areas_m2

ENDING = ".masks"
BLOCK = 500
"""Features drawn at a time."""
MAX_LINE_BYTES = 1 << 26
Number = Annotated[float, Field(allow_inf_nan=False)]


class _Checked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Header(_Checked):
    masks: Literal[1]
    source: str
    crs: str | None
    transform: tuple[Number, Number, Number, Number, Number, Number]


class _Line(_Checked):
    id: int
    query: str
    label: str
    score: Number | None
    reasoning: str
    model: str
    chip: str
    measures: tuple[tuple[str, float | None], ...]
    box: tuple[Number, Number, Number, Number]
    pixel: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    mask: str | None

    @field_validator("box")
    @classmethod
    def _spans(cls, box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        if not (box[0] < box[2] and box[1] < box[3]):
            raise ValueError("a box has no area")
        return box


T = TypeVar("T", bound=_Checked)


def check_masks(settings: RunSettings) -> None:
    """Check before a run that it has masks to keep.

    Raises:
        SettingsError: it has none.
    """
    if not settings.needs_masks:
        raise SettingsError(
            f"a run with the outline {settings.drawn_outline} has no masks to keep",
            hint="Ask for the outline mask, regular or oriented.",
        )


def write_masks(path: Path, collection: Collection, scene: Scene) -> None:
    """Keep the masks of a run; an older file of that name is replaced.

    Raises:
        OutputError: the file cannot be written.
    """
    header = _Header(
        masks=1,
        source=storable(scene.name),
        crs=None if scene.crs is None else scene.crs.to_wkt(),
        transform=cast(Any, tuple(float(v) for v in tuple(scene.transform)[:6])),
    )
    blocks = collection.masks()
    with partial_folder(path) as folder:
        new = folder / "masks"
        try:
            # Without a time in its header, so that equal runs give equal files.
            with new.open("wb") as raw, gzip.GzipFile("", "wb", 5, raw, mtime=0) as out:
                out.write(header.model_dump_json().encode() + b"\n")
                for features, found in blocks:
                    for n, feature in enumerate(features):
                        out.write(json.dumps(_plain(feature, found, n), allow_nan=False).encode() + b"\n")
            publish([(new, path)])
        except OSError as error:
            raise OutputError(
                f"cannot write {path.name}: {error.strerror or error}", hint="Free some space."
            ) from error


def _plain(feature: Feature, found: PixelOutlines, n: int) -> dict[str, Any]:
    polygon = found.polygons_scene_px[n]
    return {
        "id": feature.id,
        "score": feature.score,
        **{name: storable(getattr(feature, name)) for name in ("query", "label", "reasoning", "model", "chip")},
        "measures": [[name, None if math.isnan(value) else value] for name, value in feature.measures],
        "box": found.boxes_scene_px[n].tolist(),
        "pixel": float(found.pixels_scene_px[n]),
        "mask": None if polygon is None else base64.b64encode(shapely.to_wkb(polygon)).decode("ascii"),
    }


@dataclass(frozen=True, slots=True)
class KeptMasks:
    """The masks of a result, opened by ``open_masks``."""

    path: Path
    source: str
    """Name of the raster, without its folder."""
    crs: CRS | None
    """Of the scene; None for pixel coordinates."""
    transform: Affine
    """Scene pixels to ``crs``."""

    def redraw(
        self,
        outline: Outline = "mask",
        *,
        simplify_m: float | None = None,
        least_fit: float = LEAST_FIT,
        ids: Ids[int] | None = None,
    ) -> Iterator[Feature]:
        """The features with other outlines, in the order of the result and with the same ids.

        Which objects belong to the result is not decided again, and what a query measured of them stays as it was.

        Args:
            outline: what geometries show.
            simplify_m: tolerance of ``mask`` and ``regular`` in metres (pixels without a CRS); None goes by the size of
                a pixel and of the object, 0 keeps the edges of pixels.
            least_fit: of ``regular``: right angles that overlap less with the mask (IoU, 0 to 1) are not taken.
            ids: only these features.

        Raises:
            SettingsError: a value is out of range.
            InputError: the file is damaged.
        """
        if simplify_m is not None and not (math.isfinite(simplify_m) and simplify_m >= 0):
            raise SettingsError(f"simplification {simplify_m} is not a number of metres, 0 or more")
        if not 0 <= least_fit <= 1:
            raise SettingsError(f"the least fit {least_fit} is outside [0, 1]")
        lines = self._lines(ids)
        while block := list(islice(lines, BLOCK)):
            found = PixelOutlines(
                boxes_scene_px=np.array([line.box for line in block], np.float64),
                polygons_scene_px=[_polygon(self.path, line) for line in block],
                pixels_scene_px=np.array([line.pixel for line in block], np.float64),
            )
            geometries, kinds = geometries_of(
                found,
                outline=outline,
                simplify_m=simplify_m,
                transform=self.transform,
                crs=self.crs,
                least_fit=least_fit,
            )
            areas = None if self.crs is None or outline == "point" else areas_m2(geometries, self.crs)
            for n, line in enumerate(block):
                yield Feature(
                    id=line.id,
                    query=line.query,
                    label=line.label,
                    score=line.score,
                    reasoning=line.reasoning,
                    model=line.model,
                    chip=line.chip,
                    source=self.source,
                    outline=kinds[n],
                    area_m2=None if areas is None else round(float(areas[n]), 2),
                    geometry_crs=geometries[n],
                    measures=tuple((name, math.nan if v is None else v) for name, v in line.measures),
                )

    def _lines(self, ids: Ids[int] | None) -> Iterator[_Line]:
        wanted = None if ids is None else set(ids)
        with _opened(self.path) as file:
            _read(file, self.path, _Header)
            while wanted is None or wanted:
                line = _read(file, self.path, _Line)
                if line is None:
                    return
                if wanted is None or line.id in wanted:
                    yield line
                if wanted is not None:
                    wanted.discard(line.id)


def open_masks(path: Path | str) -> KeptMasks:
    """Open the masks of a result.

    Raises:
        InputError: the file cannot be read, or is something else.
    """
    path = Path(path)
    with _opened(path) as file:
        header = _read(file, path, _Header)
    if header is None:
        raise _damaged(path, "it is empty")
    try:
        crs = None if header.crs is None else CRS.from_wkt(header.crs)
    except CRSError as error:
        raise _damaged(path, first_line(error)) from error
    transform = Affine(*header.transform)
    if transform.determinant == 0:
        raise _damaged(path, "the transform has no inverse")
    return KeptMasks(path=path, source=header.source, crs=crs, transform=transform)


def _opened(path: Path) -> BinaryIO:
    try:
        return cast(BinaryIO, gzip.open(path, "rb"))
    except OSError as error:
        raise InputError(
            f"cannot read {path.name}: {error.strerror or error}", hint="Ask again with the masks kept."
        ) from error


def _read(file: BinaryIO, path: Path, kind: type[T]) -> T | None:
    """The next line; None at the end."""
    try:
        text = file.readline(MAX_LINE_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(path, first_line(error)) from error
    if not text:
        return None
    if not text.endswith(b"\n"):
        raise _damaged(path, "a line is too long or cut off")
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise _damaged(path, error.errors(include_url=False)[0]["msg"]) from error


def _polygon(path: Path, line: _Line) -> shapely.Polygon | None:
    if line.mask is None:
        return None
    try:
        shape = shapely.from_wkb(base64.b64decode(line.mask, validate=True))
    except (binascii.Error, shapely.errors.GEOSException) as error:
        raise _damaged(path, first_line(error)) from error
    if not isinstance(shape, shapely.Polygon) or not shape.is_valid or not shape.area > 0:
        raise _damaged(path, f"the mask of feature {line.id} is no valid polygon")
    return shape


def _damaged(path: Path, reason: str) -> InputError:
    return InputError(
        f"{path.name} does not hold the masks of a result: {reason}", hint="Ask again with the masks kept."
    )
