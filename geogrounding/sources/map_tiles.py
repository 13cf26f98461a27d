"""An area of a map service as a raster: its tiles asked for once, kept, and put together into a GeoTIFF.

Each tile is checked before it counts: a PNG, JPEG or WebP of the declared size. Where a server has nothing (404, 204, a
transparent tile, or one image over and over, as "no imagery here" is drawn) pixels hold no data. A tile that cannot
be had ends the run before the first chip; those that came are kept, so the next run asks for the others.

Tiles and rasters lie in the cache of the user (``GEOGROUNDING_CACHE``, else ``~/.cache/geogrounding``) and go
after ``KEPT_DAYS``. A cluster needs the cache on shared storage.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geogrounding._gdal  # noqa: F401  (must run before rasterio registers GDAL's drivers)

# isort: split
import numpy as np
import rasterio
from numpy.typing import NDArray
from PIL import Image
from rasterio.windows import Window

from geogrounding.errors import InputError, SceneError, UnsafeSceneError
from geogrounding.messages import shorten, without_secrets
from geogrounding.raster.security import Location
from geogrounding.sources.http import ask, hint_of, open_session
from geogrounding.sources.map_levels import Box, TileRange
from geogrounding.sources.map_services import MapService

CONNECTIONS = 2
"""At once to one server, which the rules of public ones allow."""
KEPT_DAYS = 30
MAX_TILE_BYTES = 8 * 2**20
REPEATED = 3
"""An image that shows something and comes so often is no imagery."""
FAILURES = 8
"""After so many tiles that cannot be had the server is left alone."""
_NOTHING = (204, 404, 410)
_FORMATS = ("PNG", "JPEG", "WEBP")
_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"})
_log = logging.getLogger(__name__)

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failed:
    reason: str
    hint: str = ""
    final: bool = False
    """Whether other tiles will fail alike."""


def locate_map(service: MapService, source: str, bbox: Box, bbox_crs: str, resolution_m: float | None) -> Location:
    """The raster of an area.

    Args:
        service: the map.
        source: what the user named.
        bbox: the area, in ``bbox_crs``.
        bbox_crs: anything pyproj understands.
        resolution_m: metres of a pixel; a level of the map that is as fine is taken.

    Raises:
        SceneError: tiles cannot be had, or the map shows nothing there.
        AreaError: the map has no tiles there, or too many.
        SettingsError: the map needs a resolution.
        InputError: the cache cannot be used.
    """
    tiles = service.tiles(bbox, bbox_crs, resolution_m)
    level = tiles.level
    first = service.address(level, tiles.columns.start, tiles.rows.start)
    what = (first, tiles.columns, tiles.rows, level.pixel, level.tile_px, service.crs.to_wkt())
    folder = cache_folder()
    raster = folder / "areas" / f"{_digest(repr(what))}.tif"
    try:
        _forget_old(folder)
        raster.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        notices = _notices_of(raster) if raster.exists() else _build(service, tiles, folder / "tiles", raster)
    except OSError as error:
        raise InputError(
            f"the cache of map tiles cannot be used: {error.strerror or type(error).__name__}",
            hint="GEOGROUNDING_CACHE names another folder.",
        ) from error
    return Location(
        path=raster, drivers=["GTiff"], remote=False, name=service.name, source=source, notices=notices
    )  # fmt: skip


def cache_folder() -> Path:
    """Where tiles are kept."""
    named = os.environ.get("GEOGROUNDING_CACHE")
    if named:
        return Path(named).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "geogrounding"


def _build(service: MapService, tiles: TileRange, kept: Path, raster: Path) -> tuple[str, ...]:
    """Ask for what is not kept yet, check it, and write the raster; what to say of it."""
    paths = {place: _place_of(kept, service.address(tiles.level, *place)) for place in tiles}
    missing = [place for place, path in paths.items() if not path.exists()]
    if missing:
        _log.info("%s: %d of %d tiles are asked for", service.name, len(missing), len(paths))
        _ask_all(service, tiles, missing, paths)
    digests = Counter(_digest(path.read_bytes()) for path in paths.values())
    wide, high = tiles.size_px
    tile_wide, tile_high = tiles.level.tile_px
    block = {} if tile_wide % 16 or tile_high % 16 else {"blockxsize": tile_wide, "blockysize": tile_high}
    part = raster.with_name(f"{raster.name}.{os.getpid()}.{threading.get_ident()}.part")
    without = repeated = 0
    seen: set[bytes] = set()
    try:
        with rasterio.open(
            part, "w", driver="GTiff", width=wide, height=high, count=4, dtype="uint8", crs=service.crs.to_wkt(),
            transform=tiles.transform, tiled=True, compress="ZSTD", predictor=2, interleave="pixel",
            photometric="RGB", alpha="NON-PREMULTIPLIED", BIGTIFF="IF_SAFER", SPARSE_OK=True, **block,
        ) as out:  # fmt: skip
            for (column, row), path in paths.items():
                data = path.read_bytes()
                pixels = _decode(data, tiles.level.tile_px) if data else None
                if pixels is None or not pixels[:, :, 3].any():
                    without += 1
                    continue
                colours = _colours(pixels)
                if digests[_digest(data)] >= REPEATED and len(colours) > 1:
                    repeated += 1
                    continue
                seen |= colours
                left, top = (column - tiles.columns.start) * tile_wide, (row - tiles.rows.start) * tile_high
                out.write(np.moveaxis(pixels, 2, 0), window=Window(left, top, tile_wide, tile_high))
            notices = []
            if without:
                notices.append(f"the map has nothing at {without:,} of {len(tiles):,} tiles")
            if repeated:
                notices.append(
                    f"{repeated:,} of {len(tiles):,} tiles are one image again and again, which is not taken for "
                    "imagery; is --resolution finer than the map?"
                )
            out.update_tags(GEOGROUNDING_NOTICES="\n".join(notices))
        if len(seen) < 2:
            raise SceneError(
                f"{service.name} shows {'nothing' if not seen else 'one colour only'} in the area asked for",
                hint="Check --bbox and its CRS, the layer, and whether the map goes as fine as --resolution.",
            )
        part.replace(raster)
    finally:
        part.unlink(missing_ok=True)
    return tuple(notices)


def _ask_all(
    service: MapService, tiles: TileRange, places: list[tuple[int, int]], paths: dict[tuple[int, int], Path]
) -> None:
    """Ask for tiles, each once, over few connections.

    Raises:
        SceneError: some cannot be had.
    """
    start = service.address(tiles.level, *places[0])
    lock, upcoming, failed = threading.Lock(), iter(places), dict[tuple[int, int], _Failed]()
    given_up = threading.Event()

    def work() -> None:
        with open_session(start) as session:
            for place in _each(upcoming, lock):
                if given_up.is_set():
                    return
                problem = _take(session, service.address(tiles.level, *place), paths[place], tiles.level.tile_px)
                if problem is not None:
                    failed[place] = problem
                    if problem.final or len(failed) >= FAILURES:
                        given_up.set()

    with ExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="tiles"))
        stack.callback(given_up.set)  # Ctrl-C: no thread begins another tile
        futures = [threads.submit(work) for _ in range(CONNECTIONS)]
        wait(futures, return_when=FIRST_EXCEPTION)
        for future in futures:
            future.result()
    if failed:
        problem = next((one for one in failed.values() if one.final), next(iter(failed.values())))
        had = sum(path.exists() for path in paths.values())
        raise SceneError(
            f"{service.name}: {had:,} of {len(paths):,} tiles could be had; one fails: {problem.reason}",
            hint=problem.hint or "The same command asks only for those that are missing.",
        )


def _each(upcoming: Iterator[tuple[int, int]], lock: threading.Lock) -> Iterator[tuple[int, int]]:
    while True:
        with lock:
            place = next(upcoming, None)
        if place is None:
            return
        yield place


def _take(session: Any, address: str, path: Path, tile_px: tuple[int, int]) -> _Failed | None:
    """Ask for a tile and keep it, if it is one; an empty file stands for nothing there."""
    where = shorten(without_secrets(address))
    try:
        reply = ask(session, address, most=MAX_TILE_BYTES)
    except UnsafeSceneError as error:
        return _Failed(reason=str(error), hint=error.hint, final=True)
    except InputError as error:
        return _Failed(reason=str(error))
    if reply.status in _NOTHING:
        _keep(path, b"")
        return None
    if reply.status != 200:
        final = reply.status in (400, 401, 403, 429)
        reason = f"{where} answers {reply.status} {shorten(reply.reason, 60)}".rstrip()
        if reply.status == 429:
            return _Failed(reason=reason, hint="The server asks to wait. The same command later goes on.", final=True)
        return _Failed(reason=reason, hint=hint_of(reply.status) if final else "", final=final)
    try:
        if reply.data:
            _decode(reply.data, tile_px)
    except SceneError as error:
        text = reply.data[:300].lstrip()
        if text.startswith(b"<") or "xml" in reply.kind or "json" in reply.kind:
            what = "a web page" if b"<html" in text.lower() or b"<!doctype" in text.lower() else "a message"
            return _Failed(reason=f"{where} answers with {what} instead of an image", hint=_LAYER, final=True)
        return _Failed(reason=f"{where}: {error}", hint=error.hint, final=True)
    _keep(path, reply.data)
    return None


_LAYER = "Are the address, the layer, its CRS and format right?"


def _decode(data: bytes, tile_px: tuple[int, int]) -> Pixels:
    """The pixels of a tile (h, w, 4): red, green, blue, opacity.

    Raises:
        SceneError: it is no image that is read, or of another size.
    """
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.size != tile_px:
                raise SceneError(
                    f"a tile is {image.width} x {image.height} pixels, not {tile_px[0]} x {tile_px[1]}",
                    hint="XYZ tiles of 512 pixels: add &tilePixelRatio=2 to a URI that begins with type=xyz&url=.",
                )
            if image.mode not in _MODES:
                raise SceneError(f"tiles of the kind {image.mode} are no 8-bit images", hint="Ask for image/png.")
            return np.asarray(image.convert("RGBA"))
    except SceneError:
        raise
    except Exception as error:  # what Pillow raises on damaged data depends on the format
        raise SceneError("it is no complete PNG, JPEG or WebP", hint=_LAYER) from error


def _colours(pixels: Pixels) -> set[bytes]:
    """Up to two of the colours that a tile shows."""
    shown = pixels[pixels[:, :, 3] > 0][:, :3]
    other = shown[(shown != shown[0]).any(axis=1)][:1]
    return {shown[0].tobytes(), *(one.tobytes() for one in other)}


def _place_of(folder: Path, address: str) -> Path:
    name = _digest(address)
    return folder / name[:2] / name[2:]


def _keep(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    part.write_bytes(data)
    part.replace(path)


def _digest(data: str | bytes) -> str:
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def _notices_of(raster: Path) -> tuple[str, ...]:
    with closing(rasterio.open(raster, driver="GTiff")) as opened:
        text = opened.tags().get("GEOGROUNDING_NOTICES", "")
    return tuple(text.splitlines())


def _forget_old(folder: Path) -> None:
    """Remove what was kept for ``KEPT_DAYS``, once a day."""
    stamp = folder / "looked-at"
    now = time.time()
    if stamp.exists() and now - stamp.stat().st_mtime < 86_400:
        return
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    stamp.touch()
    for path in [*folder.glob("tiles/*/*"), *folder.glob("areas/*")]:
        try:
            if now - path.stat().st_mtime > 86_400 * KEPT_DAYS:
                path.unlink()
        except OSError:  # another process was first
            continue
