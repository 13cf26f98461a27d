"""Features of a job on their way from the engine to its layer and to those who follow it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import shapely
from pyproj import CRS

from geogrounding.service.inputs import LAYER_NAME
from geogrounding.service.layers import Layer, to_lonlat


class Results:
    """One attempt at one job."""

    def __init__(self, layer: Layer, attempt: int, limit: int) -> None:
        """``limit`` bounds the provisional features that are passed on."""
        self._layer, self._attempt, self._left = layer, attempt, limit
        self._crs: CRS | None = None

    def plan(self, crs: dict[str, Any] | None) -> None:
        """The CRS that the features will come in."""
        self._crs = None if crs is None else CRS.from_wkt(crs["wkt"])

    def take(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        """Keep final features; return provisional ones in longitude and latitude."""
        features = message["features"]
        if message["stage"] == "final":
            if message["first"]:
                self._layer.begin(self._crs)
            self._layer.add(features)
            return []
        features = features[: self._left]
        self._left -= len(features)
        if not features:
            return []
        shapes = np.array([shapely.geometry.shape(feature["geometry"]) for feature in features], dtype=object)
        return [
            {
                "type": "Feature",
                "id": f"{self._attempt}-{feature['id']}",
                "geometry": shapely.geometry.mapping(placed),
                "properties": feature["properties"],
            }
            for feature, placed in zip(features, to_lonlat(shapes, self._crs), strict=True)
        ]

    def read(self, folder: Path) -> None:
        """Take the features behind an answer from the layer that the engine wrote."""
        import pyogrio

        path = folder / LAYER_NAME
        if not path.is_file():
            self._layer.begin(None)
            return
        frame = pyogrio.read_dataframe(path)
        self._layer.begin(CRS(frame.crs) if frame.crs else None)
        rows = frame.drop(columns="geometry").astype(object).where(lambda values: values.notna(), None)
        self._layer.add(
            [
                {"id": row.pop("id"), "geometry": shapely.geometry.mapping(shape), "properties": row}
                for row, shape in zip(rows.to_dict("records"), frame.geometry, strict=True)
            ]
        )
