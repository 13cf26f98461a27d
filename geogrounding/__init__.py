"""Text-driven object detection in geospatial rasters: queries in, georeferenced polygons out.

    import geogrounding as gg
    layer = gg.ground("scene.tif", "the airplanes on the apron")    # a GeoDataFrame

Names are loaded on first use, so importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from geogrounding._version import __version__

_HOME = {
    "Answer": "geogrounding.types",
    "Chip": "geogrounding.raster.grid",
    "ChipGrid": "geogrounding.raster.grid",
    "ChipImage": "geogrounding.raster.reader",
    "Conventions": "geogrounding.models.base",
    "Detection": "geogrounding.types",
    "Feature": "geogrounding.vector.feature",
    "GeogroundingError": "geogrounding.errors",
    "Model": "geogrounding.models.base",
    "QueryPlan": "geogrounding.query.plan",
    "Question": "geogrounding.types",
    "RunReport": "geogrounding.execution.report",
    "RunSettings": "geogrounding.settings",
    "Scene": "geogrounding.raster.scene",
    "Stretch": "geogrounding.raster.stretch",
    "Tiling": "geogrounding.raster.tiling",
    "ask": "geogrounding.asking",
    "compute_stretch": "geogrounding.raster.stretch",
    "georeference_boxes": "geogrounding.vector.georeference",
    "ground": "geogrounding.pipeline",
    "load_model": "geogrounding.models.load",
    "open_masks": "geogrounding.execution.kept_masks",
    "plan_query": "geogrounding.asking",
    "read_chips": "geogrounding.raster.reader",
    "run": "geogrounding.pipeline",
    "stream": "geogrounding.pipeline",
}

__all__ = [
    "Answer",
    "Chip",
    "ChipGrid",
    "ChipImage",
    "Conventions",
    "Detection",
    "Feature",
    "GeogroundingError",
    "Model",
    "QueryPlan",
    "Question",
    "RunReport",
    "RunSettings",
    "Scene",
    "Stretch",
    "Tiling",
    "__version__",
    "ask",
    "compute_stretch",
    "georeference_boxes",
    "ground",
    "load_model",
    "open_masks",
    "plan_query",
    "read_chips",
    "run",
    "stream",
]

if TYPE_CHECKING:
    from geogrounding.asking import ask, plan_query
    from geogrounding.errors import GeogroundingError
    from geogrounding.execution.kept_masks import open_masks
    from geogrounding.execution.report import RunReport
    from geogrounding.models.base import Conventions, Model
    from geogrounding.models.load import load_model
    from geogrounding.pipeline import ground, run, stream
    from geogrounding.query.plan import QueryPlan
    from geogrounding.raster.grid import Chip, ChipGrid
    from geogrounding.raster.reader import ChipImage, read_chips
    from geogrounding.raster.scene import Scene
    from geogrounding.raster.stretch import Stretch, compute_stretch
    from geogrounding.raster.tiling import Tiling
    from geogrounding.settings import RunSettings
    from geogrounding.types import Answer, Detection, Question
    from geogrounding.vector.feature import Feature
    from geogrounding.vector.georeference import georeference_boxes


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
