"""The tile matrices of a layer in the capabilities of a WMTS 1.0.0."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode, urljoin

from pyproj import CRS
from pyproj.exceptions import CRSError

from geogrounding.errors import InputError
from geogrounding.messages import quote
from geogrounding.sources.hrefs import check_address, resolve
from geogrounding.sources.http import fetch
from geogrounding.sources.map_levels import Level
from geogrounding.sources.map_xml import local_name, parse_xml

PIXEL_M = 0.00028
"""Side of a pixel that scale denominators are about (OGC 07-057r7, 6.1)."""
MAX_MATRICES = 40
_VARIABLE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrices:
    """A layer in one set of matrices."""

    crs: CRS
    levels: tuple[Level, ...]
    address: Callable[[Level, int, int], str]


def read_matrices(url: str, *, layer: str, matrix_set: str, style: str, image: str) -> Matrices:
    """Ask a server what it has.

    Args:
        url: of the capabilities.
        layer: identifier.
        matrix_set: identifier.
        style: identifier; empty takes the default one.
        image: format, such as image/jpeg; empty takes the first that is an image.

    Raises:
        InputError: it cannot be had, or has no such layer, matrices, style or format.
    """
    root = parse_xml(fetch(url), "the description of the WMTS")
    chosen = _named(_all(root, "Contents/Layer"), layer, "layer")
    matrices = _named(_all(root, "Contents/TileMatrixSet"), matrix_set, "tile matrix set")
    if matrix_set not in [_text(link, "TileMatrixSet") for link in _all(chosen, "TileMatrixSetLink")]:
        raise InputError(f"the layer {quote(layer)} is not in the tile matrix set {quote(matrix_set)}")
    formats = [(found.text or "").strip() for found in _all(chosen, "Format")]
    wanted = image or next((name for name in formats if name.startswith("image/")), "")
    if wanted not in formats:
        raise InputError(
            f"the layer {quote(layer)} is not had as {quote(wanted)}", hint=f"It has {', '.join(formats)}."
        )
    styles = {_text(found, "Identifier"): found.get("isDefault") == "true" for found in _all(chosen, "Style")}
    used = style or next((name for name, default in styles.items() if default), next(iter(styles), "default"))
    if styles and used not in styles:
        raise InputError(f"the layer {quote(layer)} has no style {quote(used)}", hint=f"It has {', '.join(styles)}.")
    crs = _crs(_text(matrices, "SupportedCRS"))
    levels = tuple(_level(found, crs) for found in _all(matrices, "TileMatrix")[:MAX_MATRICES])
    if not levels:
        raise InputError(f"the tile matrix set {quote(matrix_set)} is empty")
    values = {"layer": layer, "style": used, "tilematrixset": matrix_set}
    for found in _all(chosen, "Dimension"):
        values[_text(found, "Identifier").lower()] = _text(found, "Default")
    return Matrices(crs=crs, levels=levels, address=_address(url, chosen, root, wanted, values))


def _address(
    url: str, layer: ET.Element, root: ET.Element, image: str, values: dict[str, str]
) -> Callable[[Level, int, int], str]:
    """By the template of the layer where it has one, else by parameters."""
    template = next(
        (
            found.get("template", "")
            for found in _all(layer, "ResourceURL")
            if found.get("resourceType") == "tile" and found.get("format") == image
        ),
        "",
    )
    if template:
        resolve(_VARIABLE.sub("0", template), url)  # where a server may point

        def rest(level: Level, column: int, row: int) -> str:
            known = {**values, "tilematrix": level.name, "tilecol": str(column), "tilerow": str(row)}
            filled = _VARIABLE.sub(lambda match: known.get(match[1].lower(), ""), template)
            return check_address(urljoin(url, filled), url)

        return rest
    named = next(
        (
            get.get("{http://www.w3.org/1999/xlink}href", "")
            for operation in _all(root, "OperationsMetadata/Operation")
            if operation.get("name") == "GetTile"
            for get in _all(operation, "DCP/HTTP/Get")
        ),
        url.partition("?")[0],
    )
    start = resolve(named or url.partition("?")[0], url)
    start += "" if start.endswith(("?", "&")) else "&" if "?" in start else "?"
    fixed = {"SERVICE": "WMTS", "REQUEST": "GetTile", "VERSION": "1.0.0", "FORMAT": image}
    fixed |= {key.upper(): value for key, value in values.items()}

    def by_parameters(level: Level, column: int, row: int) -> str:
        place = {"TILEMATRIX": level.name, "TILEROW": row, "TILECOL": column}
        return check_address(start + urlencode(fixed | place, safe=",:/"), url)

    return by_parameters


def _level(matrix: ET.Element, crs: CRS) -> Level:
    name = _text(matrix, "Identifier")
    try:
        denominator = float(_text(matrix, "ScaleDenominator"))
        first, second = (float(part) for part in _text(matrix, "TopLeftCorner").split())
        sizes = [int(_text(matrix, key)) for key in ("TileWidth", "TileHeight", "MatrixWidth", "MatrixHeight")]
    except ValueError:
        raise InputError(f"the tile matrix {quote(name)} lacks a number") from None
    metres = _metres_per_unit(crs)
    side = denominator * PIXEL_M / metres
    wide, high, columns, rows = sizes
    if not (0 < side < math.inf and 16 <= min(wide, high) <= max(wide, high) <= 4096 and min(columns, rows) > 0):
        raise InputError(f"the tile matrix {quote(name)} is no grid of tiles")
    north_first = crs.axis_info[0].direction.lower() in ("north", "south")
    left, top = (second, first) if north_first else (first, second)
    if not (math.isfinite(left) and math.isfinite(top)):
        raise InputError(f"the tile matrix {quote(name)} has no corner")
    return Level(
        name=name, pixel=(side, side), corner=(left, top), tile_px=(wide, high), columns=columns, rows=rows
    )  # fmt: skip


def _metres_per_unit(crs: CRS) -> float:
    """As the standard counts: degrees are those of the equator."""
    factor = float(crs.axis_info[0].unit_conversion_factor)
    return factor * 6378137.0 if crs.is_geographic else factor


def _crs(text: str) -> CRS:
    try:
        return CRS.from_user_input(text)
    except CRSError:
        raise InputError(f"the WMTS names an unknown coordinate system {quote(text)}") from None


def _named(elements: list[ET.Element], name: str, what: str) -> ET.Element:
    for element in elements:
        if _text(element, "Identifier") == name:
            return element
    known = ", ".join(_text(element, "Identifier") for element in elements[:20])
    raise InputError(f"the WMTS has no {what} {quote(name)}", hint=f"It has: {known or 'none'}.")


def _all(element: ET.Element, path: str) -> list[ET.Element]:
    """Elements at a path of local names, whatever their namespaces."""
    found = [element]
    for name in path.split("/"):
        found = [child for parent in found for child in parent if local_name(child) == name]
    return found


def _text(element: ET.Element, name: str) -> str:
    return next(((child.text or "").strip() for child in element if local_name(child) == name), "")
