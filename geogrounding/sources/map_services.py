"""Map services as a user names them: XYZ, WMS and WMTS by a URI of QGIS, TMS and WMS by a GDAL_WMS file.

    https://host/{z}/{x}/{y}.png
    type=xyz&url=https://host/{z}/{x}/{y}.png&zmin=0&zmax=19
    crs=EPSG:25833&format=image/jpeg&layers=ortho&styles=&url=https://host/wms
    crs=EPSG:3857&format=image/jpeg&layers=ortho&styles=default&tileMatrixSet=GoogleMaps&url=https://host/WMTSCapabilities.xml
    map.xml, which begins with <GDAL_WMS>

GDAL's own drivers for these stay closed (see _gdal.py): they open whatever a server sends with any driver, and fill
gaps with black.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from pyproj import CRS
from pyproj.exceptions import CRSError

from geogrounding.errors import InputError, SceneError, SettingsError, UnsafeSceneError
from geogrounding.messages import quote
from geogrounding.sources.hrefs import check_address
from geogrounding.sources.map_levels import (
    WORLD_M,
    Box,
    Level,
    TileRange,
    box_in,
    choose_level,
    level_of_resolution,
    mercator_levels,
    tiles_for,
)
from geogrounding.sources.map_xml import MAX_BYTES, parse_xml
from geogrounding.sources.names import map_name, uri_fields
from geogrounding.sources.wmts import read_matrices

MAX_ZOOM = 23
WMS_TILE_PX = 512
_PLACES = re.compile(r"\$?\{(-y|[xyzqs]|switch:[^{}]+)\}")

Address = Callable[[Level, int, int], str]
"""Where the tile of a level, column and row is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MapService:
    """What can be asked for: tiles of some levels, or (without levels) any box at any resolution."""

    name: str
    crs: CRS
    levels: tuple[Level, ...]
    address: Address

    def tiles(self, bbox: Box, bbox_crs: str, resolution_m: float | None) -> TileRange:
        """The tiles of an area.

        Raises:
            AreaError: the map has none there, or too many.
            SettingsError: there is a choice of resolutions, and none was given.
        """
        box = box_in(self.crs, bbox, bbox_crs)
        if not self.levels:
            return tiles_for(level_of_resolution(self.crs, box, resolution_m, WMS_TILE_PX), box)
        return tiles_for(choose_level(self.levels, self.crs, box, resolution_m), box)


def read_service(source: str) -> MapService:
    """The service that a URI or file names; for WMTS its capabilities are fetched.

    Raises:
        InputError: it cannot be read, or is of a kind that is not asked.
        UnsafeSceneError: it names no http(s) address.
    """
    if source.lower().endswith(".xml"):
        return _of_xml(Path(source))
    fields = uri_fields(source)
    if fields.get("username") or fields.get("authcfg"):
        raise InputError("the map names a user or a QGIS configuration", hint="Passwords belong into ~/.netrc.")
    url = _checked(fields.get("url", ""))
    name = map_name(source)
    if fields.get("type", "").lower() == "xyz":
        return _of_xyz(name, url, fields)
    if "tilematrixset" in fields:
        return _of_wmts(name, url, fields)
    if fields.get("layers"):
        return _of_wms(name, url, fields)
    raise InputError(
        f"{quote(name)} is no map that can be asked for tiles",
        hint="A URI of QGIS: type=xyz&url=..., or layers=...&crs=...&format=...&url=... (WMS, and WMTS with "
        "tileMatrixSet=...).",
    )


def _of_xyz(name: str, url: str, fields: Mapping[str, str]) -> MapService:
    if not re.search(r"\{z\}.*\{-?[xy]\}|\{-?[xy]\}.*\{z\}|\{q\}", url):
        raise InputError(f"the address of {quote(name)} has no {{z}}, {{x}} and {{y}}", hint="See docs/scale.md.")
    if fields.get("interpretation"):
        raise InputError("tiles of terrain are no image", hint="Leave out interpretation=..., or use another map.")
    side = 512 if fields.get("tilepixelratio") == "2" or "@2x" in url else 256
    zooms = range(_whole(fields, "zmin", 0), min(MAX_ZOOM, _whole(fields, "zmax", MAX_ZOOM)) + 1)
    if not zooms:
        raise SettingsError("zmin is larger than zmax", hint="Example: zmin=0&zmax=19.")
    return MapService(
        name=name, crs=CRS.from_epsg(3857), levels=mercator_levels(zooms, side), address=_template(url, flipped=False)
    )


def _of_wmts(name: str, url: str, fields: Mapping[str, str]) -> MapService:
    found = read_matrices(
        url,
        layer=fields.get("layers", ""),
        matrix_set=fields["tilematrixset"],
        style=fields.get("styles", ""),
        image=fields.get("format", ""),
    )
    return MapService(name=name, crs=found.crs, levels=found.levels, address=found.address)


def _of_wms(name: str, url: str, fields: Mapping[str, str]) -> MapService:
    image = fields.get("format") or "image/png"
    system = fields.get("crs") or fields.get("srs") or "EPSG:3857"
    crs = _crs(system)
    version = fields.get("version") or "1.1.1"
    modern = version >= "1.3"
    parameters = {
        "SERVICE": "WMS", "REQUEST": "GetMap", "VERSION": version, "LAYERS": fields["layers"],
        "STYLES": fields.get("styles", ""), "CRS" if modern else "SRS": system, "FORMAT": image,
        "TRANSPARENT": "FALSE" if "jp" in image else "TRUE",
    }  # fmt: skip
    north_first = modern and crs.axis_info[0].direction.lower() in ("north", "south")
    start = url + ("" if url.endswith(("?", "&")) else "&" if "?" in url else "?")

    def address(level: Level, column: int, row: int) -> str:
        corner = level.transform(column, row)
        (left, top), (right, bottom) = corner @ (0, 0), corner @ level.tile_px
        box = (bottom, left, top, right) if north_first else (left, bottom, right, top)
        size = {"BBOX": ",".join(map(repr, box)), "WIDTH": level.tile_px[0], "HEIGHT": level.tile_px[1]}
        return start + urlencode(parameters | size, safe=",:/")

    return MapService(name=name, crs=crs, levels=(), address=address)


def _of_xml(path: Path) -> MapService:
    """A file of GDAL's driver WMS: the services TMS and WMS of it, and nothing that it says of caches or users."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SceneError(f"{path.name} cannot be read: {error.strerror}", hint="Check the path.") from None
    root = parse_xml(data, path.name)
    service = root.find("Service")
    if root.tag != "GDAL_WMS" or service is None:
        raise InputError(f"{path.name} does not describe a map service", hint="It begins with <GDAL_WMS><Service ...>.")
    kind = (service.get("name") or "").upper()
    url = _checked(_text(service, "ServerUrl"))
    if kind == "WMS":
        fields = {
            "layers": _text(service, "Layers"), "styles": _text(service, "Styles"),
            "format": _text(service, "ImageFormat"), "version": _text(service, "Version"),
            "crs": _text(service, "CRS") or _text(service, "SRS"),
        }  # fmt: skip
        if not fields["layers"]:
            raise InputError(f"{path.name} names no layer", hint="Add <Layers>NAME</Layers> to the service.")
        return _of_wms(path.stem, url, fields)
    if kind != "TMS":
        raise InputError(f"{path.name}: the service {quote(kind)} is not asked", hint="Read are TMS and WMS.")
    window = root.find("DataWindow")
    if window is None or not _text(window, "TileLevel"):
        raise InputError(f"{path.name} does not say its levels", hint="Add <TileLevel> to its <DataWindow>.")
    left, top = _number(window, "UpperLeftX", -WORLD_M), _number(window, "UpperLeftY", WORLD_M)
    right, bottom = _number(window, "LowerRightX", WORLD_M), _number(window, "LowerRightY", -WORLD_M)
    across, down = int(_number(window, "TileCountX", 1)), int(_number(window, "TileCountY", 1))
    wide, high = int(_number(root, "BlockSizeX", 256)), int(_number(root, "BlockSizeY", 256))
    deepest = int(_number(window, "TileLevel", 0))
    if not (left < right and bottom < top and 0 < across <= 1024 and 0 < down <= 1024):
        raise InputError(f"{path.name} describes no window", hint="UpperLeftX is less than LowerRightX.")
    if not (0 <= deepest <= 30 and 16 <= wide <= 4096 and 16 <= high <= 4096):
        raise InputError(f"{path.name}: tiles of {wide} x {high} pixels, {deepest} levels: more than is read")
    levels = tuple(
        Level(
            name=str(zoom),
            pixel=((right - left) / (across * 2**zoom * wide), (top - bottom) / (down * 2**zoom * high)),
            corner=(left, top),
            tile_px=(wide, high),
            columns=across * 2**zoom,
            rows=down * 2**zoom,
        )
        for zoom in range(deepest + 1)
    )
    address = _template(url, flipped=_text(window, "YOrigin").lower() != "top")
    return MapService(
        name=path.stem, crs=_crs(_text(root, "Projection") or "EPSG:3857"), levels=levels, address=address
    )


def _template(url: str, *, flipped: bool) -> Address:
    """Addresses with {x}, {y} (rows from the top), {-y} (from the bottom), {z}, {q} (quadkey) and {s} (a, b, c)."""

    def address(level: Level, column: int, row: int) -> str:
        from_bottom = level.rows - 1 - row

        def value(match: re.Match[str]) -> str:
            key = match[1]
            if key == "q":
                return "".join(
                    str((column >> bit & 1) + 2 * (row >> bit & 1)) for bit in reversed(range(int(level.name)))
                )
            if key == "s" or key.startswith("switch:"):
                hosts = "abc" if key == "s" else key[7:].split(",")
                return hosts[(column + row) % len(hosts)]
            return {"x": str(column), "z": level.name, "-y": str(from_bottom)}.get(
                key, str(from_bottom if flipped else row)
            )

        return check_address(_PLACES.sub(value, url))

    return address


def _checked(url: str) -> str:
    """An address to ask; its places are filled for the check."""
    text = url.strip()
    parts = urlsplit(_PLACES.sub("0", text) if text else "")
    if parts.scheme.lower() not in ("http", "https"):
        raise UnsafeSceneError("the map names no http(s) address", hint="Give url=https://...")
    check_address(_PLACES.sub("0", text))
    if parts.username or parts.password:
        raise InputError("the address of the map holds a password", hint="Passwords belong into ~/.netrc.")
    return text


def _crs(text: str) -> CRS:
    try:
        return CRS.from_user_input(text)
    except CRSError:
        raise InputError(f"the map names an unknown coordinate system {quote(text)}") from None


def _whole(fields: Mapping[str, str], key: str, default: int) -> int:
    text = fields.get(key, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and int(text) <= 30):
        raise SettingsError(f"{key}={text} of the map is no zoom", hint="Example: zmax=19.")
    return int(text)


def _text(element: ET.Element, name: str) -> str:
    return (element.findtext(name) or "").strip()


def _number(element: ET.Element, name: str, default: float) -> float:
    text = _text(element, name)
    try:
        value = float(text) if text else default
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e12:
        raise InputError(f"{name} of the map is no number: {quote(text)}")
    return value
