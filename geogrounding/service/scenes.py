"""Rasters in the folders that the service was given, by id: a client never names a path."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geogrounding.errors import InputError, SceneError, SettingsError
from geogrounding.messages import quote
from geogrounding.raster.scene import Scene
from geogrounding.service.upload_check import check_upload

ENDINGS = frozenset({".tif", ".tiff", ".jp2", ".j2k", ".png", ".jpg", ".jpeg", ".img", ".ntf", ".webp", ".bmp"})
MAX_SCENES = 20_000
RESCAN_S = 2.0
CHECKED_BYTES = 64 << 20
"""While so much of an upload comes, the room on the disk is looked at once."""
_NAME = re.compile(r"[^\W_][\w .()+-]{0,120}")


class FullError(InputError):
    """There is no room for what a client sends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A raster that may be asked about."""

    id: str
    name: str
    """Path below its folder."""
    path: Path = Path()
    uploaded: bool = False


class Scenes:
    """The catalogue; for any thread."""

    def __init__(self, folders: tuple[Path, ...], uploads: Path) -> None:
        """Look through ``folders`` and ``uploads``, which is made; links that lead out of them are not followed."""
        uploads.mkdir(parents=True, exist_ok=True)
        self._folders = tuple(folder.resolve() for folder in folders)
        self._uploads = uploads.resolve()
        self._lock = threading.Lock()
        self._entries: dict[str, Entry] = {}
        self._scanned = -RESCAN_S
        self._described: dict[str, tuple[tuple[int, int], dict[str, Any]]] = {}

    def entries(self) -> list[Entry]:
        """All rasters, by name; what was added to a folder appears within seconds."""
        with self._lock:
            now = time.monotonic()
            if now - self._scanned >= RESCAN_S:
                self._entries = {entry.id: entry for entry in self._scan()}
                self._scanned = time.monotonic()
            return list(self._entries.values())

    def entry(self, scene_id: str) -> Entry:
        """One raster.

        Raises:
            LookupError: there is none of this id, or its file is gone.
        """
        entry = self._entries.get(scene_id)
        if entry is None or not entry.path.is_file():
            entry = {entry.id: entry for entry in self.entries()}.get(scene_id)
        if entry is None or not entry.path.is_file():
            raise LookupError(scene_id)
        return entry

    def describe(self, entry: Entry) -> dict[str, Any]:
        """Size, place and bands of a raster, in plain values; with ``problem`` where it cannot be used."""
        stat = entry.path.stat()
        key = (stat.st_mtime_ns, stat.st_size)
        with self._lock:
            kept = self._described.get(entry.id)
        if kept is not None and kept[0] == key:
            return kept[1]
        base: dict[str, Any] = {"id": entry.id, "name": entry.name, "uploaded": entry.uploaded, "bytes": stat.st_size}
        try:
            with Scene.open(entry.path) as scene:
                described = {**base, **_described(scene)}
        except SceneError as error:
            described = {**base, "problem": str(error), "hint": error.hint}
        with self._lock:
            self._described[entry.id] = (key, described)
        return described

    async def upload(self, name: str, body: AsyncIterator[bytes], *, limit: int, free: int = 0) -> Entry:
        """Keep a raster that a client sends, once it was opened and checked like any other.

        Raises:
            SettingsError: its name cannot be used.
            InputError: it is too long, or a raster of this name is there; FullError where less than ``free`` bytes are
                left on the disk.
            SceneError: it cannot be used.
        """
        if not _NAME.fullmatch(name) or Path(name).suffix.lower() not in ENDINGS or name.endswith((" ", ".")):
            raise SettingsError(
                f"the name {quote(name, 60)} cannot be used", hint=f"Letters, digits, - and _, and {_endings()}."
            )
        target = self._uploads / name
        if target.exists():
            raise InputError(f"a raster named {name} is there already", hint="Give it another name.")
        with tempfile.TemporaryDirectory(dir=self._uploads, prefix=".incoming-") as folder:
            path = Path(folder) / name
            with path.open("wb") as file:
                size = checked = 0
                async for chunk in body:
                    size += len(chunk)
                    if size - checked > CHECKED_BYTES:  # others upload at the same time
                        checked = size
                        if shutil.disk_usage(folder).free < free:
                            raise FullError("the disk of the service is nearly full")
                    if size > limit:
                        raise InputError(f"the raster is longer than {limit:,} bytes", hint="Copy it into the folder.")
                    file.write(chunk)
            await _in_thread(check_upload, path)
            os.link(path, target)  # fails where another upload was faster
        self._scanned = -RESCAN_S
        return self.entry(_id(self._uploads, target))

    def remove(self, scene_id: str) -> None:
        """Remove a raster that was uploaded.

        Raises:
            LookupError: there is none of this id.
            SettingsError: it lies in a folder that the service only reads.
        """
        entry = self.entry(scene_id)
        if not entry.uploaded:
            raise SettingsError("only uploaded rasters can be removed here", hint="Remove it from its folder.")
        entry.path.unlink(missing_ok=True)
        self._scanned = -RESCAN_S

    def _scan(self) -> Iterator[Entry]:
        found = 0
        for folder in (*self._folders, self._uploads):
            for path in _rasters(folder):
                found += 1
                if found > MAX_SCENES:
                    return
                name = path.relative_to(folder).as_posix()
                yield Entry(id=_id(folder, path), name=name, path=path, uploaded=folder == self._uploads)


def clear_incoming(uploads: Path) -> None:
    """Remove what uploads of a killed service left."""
    for path in uploads.glob(".incoming-*"):
        shutil.rmtree(path, ignore_errors=True)


def _rasters(folder: Path) -> Iterator[Path]:
    """Raster files below a folder, by name; hidden ones and links that lead out of it are left out."""
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(parent, name)
            if name.startswith(".") or path.suffix.lower() not in ENDINGS:
                continue
            try:
                inside = path.resolve(strict=True).is_relative_to(folder) and path.is_file()
            except (OSError, RuntimeError):  # a link to nothing, or in a circle
                continue
            if inside:
                yield path


def _id(folder: Path, path: Path) -> str:
    """Stable over restarts, and safe in an address."""
    slug = re.sub(r"[^A-Za-z0-9]+", "-", path.stem).strip("-").lower()[:40] or "scene"
    return f"{slug}-{hashlib.sha256(os.fsencode(path)).hexdigest()[:10]}"


async def _in_thread(function: Any, *values: Any) -> Any:
    from starlette.concurrency import run_in_threadpool

    return await run_in_threadpool(function, *values)


def _described(scene: Scene) -> dict[str, Any]:
    from geogrounding.raster.georeference import code_of_crs

    assert scene.crs is not None
    return {
        "width": scene.width,
        "height": scene.height,
        "bands": scene.band_count,
        "dtype": scene.dtype,
        "crs": {"id": code_of_crs(scene.crs), "name": scene.crs.name},
        "ground_resolution_m": scene.ground_resolution_m,
        "bbox": _bbox(scene),
        "notices": list(scene.notices),
    }


def _bbox(scene: Scene) -> list[float]:
    """West, south, east, north in degrees; west is larger than east across the antimeridian, as in RFC 7946."""
    import numpy as np
    import shapely

    from geogrounding.io.rfc7946 import polygons_lonlat

    assert scene.crs is not None
    outline = np.array([shapely.geometry.shape(scene.__geo_interface__)], dtype=object)
    parts = shapely.get_parts(polygons_lonlat(outline, scene.crs)[0])
    west, south, east, north = shapely.total_bounds(parts)
    if len(parts) > 1 and west == -180 and east == 180:
        western = shapely.bounds(parts)[:, 0] > -180
        west, east = shapely.bounds(parts)[western, 0].min(), shapely.bounds(parts)[~western, 2].max()
    return [float(west), float(south), float(east), float(north)]


def _endings() -> str:
    return ", ".join(sorted(ENDINGS))
