"""Rasters of a service as layers of the project: their tiles on the map, their ids in questions."""

from __future__ import annotations

import weakref
from typing import Any
from urllib.parse import quote

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsNetworkAccessManager,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
)
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtNetwork import QNetworkRequest

from . import settings
from .engine.errors import EngineError
from .engine.service import is_address, split_link
from .messages import short, tr
from .remote_places import LONLAT, SCENE

ID, ADDRESS = "geogrounding/scene", "geogrounding/service"
"""Properties of a layer: the id of its raster, and where."""
MAX_ZOOM = 24


class Tiles:
    """Sends the token along with requests for tiles of the service in the settings, and with no others."""

    def __init__(self) -> None:
        self._prefix, self._header = "", b""
        # QGIS 3.22 never lets go of what it calls, not even when it is removed: it gets nothing that holds this object.
        mine = weakref.ref(self)

        def prepare(request: QNetworkRequest) -> None:
            tiles = mine()
            if tiles is not None:
                tiles.prepare(request)

        self._id = QgsNetworkAccessManager.setRequestPreprocessor(prepare)

    def take_settings(self) -> None:
        """Another service may be in the settings; in the main thread."""
        chosen = settings.load()
        remote = is_address(chosen.engine)
        self._header = f"Bearer {chosen.token}".encode("latin-1", "replace")
        self._prefix = f"{split_link(chosen.engine)[0]}/scenes/" if remote else ""

    def close(self) -> None:
        """Let go."""
        if self._id:
            QgsNetworkAccessManager.removeRequestPreprocessor(self._id)
            self._id = ""

    def prepare(self, request: QNetworkRequest) -> None:
        """Called in the thread of each request."""
        if self._prefix and request.url().toString().startswith(self._prefix):
            request.setRawHeader(b"Authorization", self._header)


def scene_of(layer: QgsRasterLayer) -> str | None:
    """The source of a request about a layer that is a raster of the service in the settings; None for any other."""
    scene, address = layer.customProperty(ID), layer.customProperty(ADDRESS)
    chosen = settings.load().engine
    if scene and is_address(chosen) and split_link(chosen)[0] == address:
        return f"{SCENE}{scene}"
    return None


def add(described: dict[str, Any], address: str, project: QgsProject, canvas: QgsMapCanvas) -> QgsRasterLayer:
    """Add a raster of a service, as ``GET /scenes/ID`` describes it, and show it.

    Raises:
        EngineError: it has no place on a map, or cannot be shown.
    """
    if described.get("problem"):
        raise EngineError(str(described["problem"]), str(described.get("hint", "")))
    tiles = f"{address}/scenes/{quote(str(described['id']), safe='')}/tiles/WebMercatorQuad/{{z}}/{{x}}/{{y}}"
    uri = f"type=xyz&zmin=0&zmax={MAX_ZOOM}&url={quote(tiles, safe=':/{}')}"
    layer = QgsRasterLayer(uri, short(str(described["name"])), "wms")
    if not layer.isValid():
        raise EngineError(tr("The raster of the server cannot be shown."))
    layer.setCustomProperty(ID, str(described["id"]))
    layer.setCustomProperty(ADDRESS, address)
    project.addMapLayer(layer)
    west, south, east, north = (float(value) for value in described["bbox"])
    box = QgsRectangle(west, south, east if east >= west else east + 360, north)
    shown = canvas.mapSettings().destinationCrs()
    try:
        lonlat = QgsCoordinateReferenceSystem(LONLAT)
        canvas.setExtent(QgsCoordinateTransform(lonlat, shown, project).transformBoundingBox(box))
    except QgsCsException:
        canvas.setExtent(layer.extent())
    canvas.refresh()
    return layer
