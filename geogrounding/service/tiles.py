"""Map tiles of a scene, with the pixels that the model sees: the scene's own bands and stretch, in Web Mercator."""

from __future__ import annotations

import hashlib
import io
import queue
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from rio_tiler.errors import TileOutsideBounds
from rio_tiler.io import Reader

from geogrounding.raster.handle import Handle, gdal_errors
from geogrounding.raster.pixels import Valid
from geogrounding.raster.scene import Scene
from geogrounding.raster.stretch import Stretch
from geogrounding.service.scenes import Entry

SIDE_PX = 256
MAX_ZOOM = 24
CACHE_BYTES = 96 << 20
OPEN_SCENES = 8
HANDLES = 4
"""Kept open for each scene; a handle must not be shared by threads."""


@dataclass(frozen=True, slots=True)
class Tile:
    """An encoded tile."""

    png: bytes
    """Empty outside of the scene."""
    etag: str


class Tiles:
    """Makes and keeps tiles; for any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sources: OrderedDict[str, _Source] = OrderedDict()
        self._tiles: OrderedDict[str, Tile] = OrderedDict()
        self._bytes = 0

    def tile(self, entry: Entry, z: int, x: int, y: int) -> Tile:
        """One tile of WebMercatorQuad.

        Raises:
            SceneError: the scene cannot be read.
        """
        etag = self.etag(entry, z, x, y)
        with self._lock:
            if (kept := self._tiles.get(etag)) is not None:
                self._tiles.move_to_end(etag)
                return kept
        tile = Tile(self._source(entry).png(z, x, y), etag)
        with self._lock:
            if etag not in self._tiles:
                self._tiles[etag] = tile
                self._bytes += len(tile.png)
            while self._bytes > CACHE_BYTES:
                self._bytes -= len(self._tiles.popitem(last=False)[1].png)
        return tile

    def etag(self, entry: Entry, z: int, x: int, y: int) -> str:
        """The same as long as the file is."""
        stat = entry.path.stat()
        key = f"{entry.id}/{stat.st_mtime_ns}/{stat.st_size}/{z}/{x}/{y}"
        return f'"{hashlib.sha256(key.encode()).hexdigest()[:32]}"'

    def _source(self, entry: Entry) -> _Source:
        stat = entry.path.stat()
        key = f"{entry.id}/{stat.st_mtime_ns}/{stat.st_size}"
        with self._lock:
            source = self._sources.get(key)
            if source is not None:
                self._sources.move_to_end(key)
                return source
        source = _Source(Scene.open(entry.path))
        with self._lock:
            source = self._sources.setdefault(key, source)
            while len(self._sources) > OPEN_SCENES:
                self._sources.popitem(last=False)[1].close()
        return source


class _Source:
    """One open scene, its stretch, and handles for threads."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._stretch: Stretch = scene.stretch
        self._handles: queue.LifoQueue[Handle] = queue.LifoQueue()
        self._closed = False

    def png(self, z: int, x: int, y: int) -> bytes:
        """A tile as PNG with transparency; empty outside of the scene."""
        scene = self._scene
        with scene.gdal(), gdal_errors(f"{scene.name} cannot be read"):
            handle = self._take()
            try:
                with Reader(None, dataset=handle.dataset, colormap={}) as reader:
                    try:
                        method = "nearest" if scene.plan.palette is not None else "bilinear"
                        image = reader.tile(
                            x, y, z, tilesize=SIDE_PX, indexes=scene.bands, nodata=scene.nodata,
                            resampling_method=method, reproject_method=method,
                        )  # fmt: skip
                    except TileOutsideBounds:
                        return b""
                return _encode(image.array, self._stretch)
            finally:
                self._give_back(handle)

    def close(self) -> None:
        """Close what no thread uses; the rest follows as it is given back."""
        self._closed = True
        while not self._handles.empty():
            self._handles.get_nowait().close()
        self._scene.close()

    def _take(self) -> Handle:
        try:
            return self._handles.get_nowait()
        except queue.Empty:
            return self._scene.open_handle()

    def _give_back(self, handle: Handle) -> None:
        if self._closed or self._handles.qsize() >= HANDLES:
            handle.close()
        else:
            self._handles.put(handle)


def _encode(array: np.ma.MaskedArray[Any, Any], stretch: Stretch) -> bytes:
    """(bands, h, w) raw values to PNG."""
    valid: Valid = np.asarray(~np.ma.getmaskarray(array).all(axis=0), bool)
    if not valid.any():
        return b""
    rgb = stretch.apply(array.data, valid)
    buffer = io.BytesIO()
    if valid.all():
        Image.fromarray(rgb).save(buffer, "PNG", compress_level=1)
    else:
        rgba = np.dstack([rgb, np.where(valid, 255, 0).astype(np.uint8)])
        Image.fromarray(rgba).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
