"""A layer with other outlines, from the masks that a run kept."""

from __future__ import annotations

import math
from collections.abc import Collection as Ids
from collections.abc import Mapping
from pathlib import Path

from pyproj import CRS

from geogrounding._version import __version__
from geogrounding.execution.kept_masks import KeptMasks
from geogrounding.io.write_layer import write_layer
from geogrounding.settings import LEAST_FIT
from geogrounding.types import Outline


def write_redrawn(  # noqa: PLR0913 - keyword-only options of a layer
    masks: KeptMasks,
    output: Path | str,
    *,
    outline: Outline = "mask",
    simplify_m: float | None = None,
    least_fit: float = LEAST_FIT,
    ids: Ids[int] | None = None,
    dst_crs: CRS | str | None = None,
    layer: str | None = None,
    creation_options: Mapping[str, str] | None = None,
    overwrite: bool = False,
    append: bool = False,
) -> int:
    """Write the features of a result with other outlines; return how many were written.

    The masks are read twice: which attributes have values and where the objects lie is known before the first feature
    is written. Memory does not grow with their number.

    Args:
        masks: see ``open_masks``.
        output: the extension chooses the format.
        outline: what geometries show; see ``KeptMasks.redraw``, also for the following two.
        simplify_m: tolerance in metres.
        least_fit: of right angles with the mask.
        ids: only these features.
        dst_crs: CRS of the layer; None is that of the scene.
        layer: name of the layer in a GeoPackage.
        creation_options: as GDAL names them.
        overwrite: replace an existing file.
        append: add to an existing GeoPackage.

    Raises:
        SettingsError: a value is out of range.
        InputError: the file of masks is damaged.
        OutputError: the layer cannot be written; an old one stays as it was.
    """
    scored, measures = False, dict[str, None]()
    low, high = [math.inf, math.inf], [-math.inf, -math.inf]
    for feature in masks.redraw("box", ids=ids):
        scored = scored or feature.score is not None
        measures.update(dict.fromkeys(name for name, _ in feature.measures))
        x0, y0, x1, y1 = feature.geometry_crs.bounds
        low, high = [min(low[0], x0), min(low[1], y0)], [max(high[0], x1), max(high[1], y1)]
    points = outline == "point"
    empty = (() if scored else ("score",)) + (("area_m2",) if points or masks.crs is None else ())
    settings = {"outline": outline, "simplify_m": simplify_m, "least_fit": least_fit}
    return write_layer(
        output,
        masks.redraw(outline, simplify_m=simplify_m, least_fit=least_fit, ids=ids),
        crs=masks.crs,
        dst_crs=dst_crs,
        metadata={"geogrounding": __version__, "source": masks.source, "masks": masks.path.name, "settings": settings},
        creation_options=creation_options,
        overwrite=overwrite,
        append=append,
        layer=layer,
        extent=(low[0], low[1], high[0], high[1]) if low[0] < math.inf else None,
        pixel_coordinates=masks.crs is None,
        measures=sorted(measures),
        points=points,
        empty=empty,
    )
