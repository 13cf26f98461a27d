"""A scene and a layer of labels, and the samples cut from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import shapely
from affine import Affine

from geogrounding.datasets import CutOptions, cut_training_set
from tests import rasters


def scene(
    folder: Path, *, transform: Affine = rasters.NORTH_UP, size: tuple[int, int] = (200, 160), **options: Any
) -> Path:
    """A raster of noise, 200 x 160 pixels of 0.5 m, in which nothing is black."""
    width, height = size
    return rasters.write(folder / "scene.tif", rasters.noise((3, height, width)), transform=transform)


def layer(
    folder: Path,
    boxes_scene_px: list[tuple[float, float, float, float]],
    names: list[Any] | None = None,
    *,
    transform: Affine = rasters.NORTH_UP,
    crs: str | None = "EPSG:32633",
    to: str | None = None,
    file: str = "labels.gpkg",
) -> Path:
    """A layer of boxes given in pixels of the scene."""
    corners = [[(x0, y0), (x1, y0), (x1, y1), (x0, y1)] for x0, y0, x1, y1 in boxes_scene_px]
    polygons = [shapely.Polygon([transform @ corner for corner in ring]) for ring in corners]
    frame = gpd.GeoDataFrame({"what": names or ["ship"] * len(polygons)}, geometry=polygons, crs=crs)
    if to is not None:
        frame = frame.to_crs(to)
    frame.to_file(folder / file, engine="pyogrio")
    return folder / file


def cut(folder: Path, raster: Path, labels: Path, **options: Any) -> Path:
    settings: dict[str, Any] = {"expression": "ship", "tile_size_px": 64, "overlap_px": 16, "negatives": 0.0}
    if "expression_field" in options:
        del settings["expression"]
    return cut_training_set(raster, labels, out=folder / "cut", options=CutOptions(**(settings | options)))
