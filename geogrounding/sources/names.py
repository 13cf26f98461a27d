"""Names of sources, from their text alone: nothing is opened here, and nothing heavy imported."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote, urlsplit

from geogrounding.messages import without_secrets

_ITEM_ADDRESS = re.compile(r"/collections/[^/]+/items/[^/]+/?$")
_DOCUMENTS = (".json", ".geojson")
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,8}$")
_MAP_URI = re.compile(r"(?:[\w:-]+=[^&]*&)*url=https?(?::|%3a)", re.IGNORECASE)
_TEMPLATE = re.compile(r"https?://.*(?:\{z\}|\{q\})", re.IGNORECASE)


def is_remote(source: str) -> bool:
    """Whether a source is an address and no path."""
    return "://" in source.partition("?")[0]


def is_stac(source: str) -> bool:
    """Whether a source is a STAC item, or an item ``ITEMS#ID`` of a collection of them, by its text."""
    place, _, item = source.partition("#")
    path = urlsplit(place).path if is_remote(place) else place
    if path.lower().endswith(_DOCUMENTS) or (item and path.lower().endswith(".parquet")):
        return True
    return is_remote(place) and _ITEM_ADDRESS.search(path) is not None


def is_map_uri(source: str) -> bool:
    """Whether a source is a URI of QGIS for a map service, or the address of XYZ tiles, by its text."""
    return _MAP_URI.match(source) is not None or _TEMPLATE.match(source) is not None


def is_map(source: str) -> bool:
    """Whether a source is a map service: such a URI, or an XML file that describes one."""
    return is_map_uri(source) or (source.lower().endswith(".xml") and not is_remote(source))


def uri_fields(uri: str) -> dict[str, str]:
    """The fields of a URI of QGIS by their names in lower case; several layers or styles become one text."""
    if _TEMPLATE.match(uri):
        return {"type": "xyz", "url": uri}
    fields: dict[str, str] = {}
    # an address that was typed by hand has its own question mark, and & ends it
    for key, value in parse_qsl(uri.replace("+", "%2B"), keep_blank_values=True):
        name = key.lower()
        fields[name] = f"{fields[name]},{value}" if name in fields and name in ("layers", "styles") else value
    return fields


def map_name(uri: str) -> str:
    """What a map is called where its address must not stand: its layers, and the host."""
    fields = uri_fields(uri)
    try:
        host = urlsplit(fields.get("url", "").replace("{", "").replace("}", "")).hostname or "map"
    except ValueError:
        host = "map"
    layers = re.sub(r"[^\w.-]+", "_", fields.get("layers", ""))[:80]
    return f"{layers}_{host}" if layers else host


def stem_of(source: str) -> str:
    """The name of a source without folder, ending, query and secrets: of an item its id."""
    if is_map_uri(source):
        return map_name(source)
    place, _, item = source.partition("#")
    if item and is_stac(source):
        return re.sub(r"[^\w.-]+", "_", item)
    name = unquote(without_secrets(place).partition("?")[0]).rstrip("/").rpartition("/")[2]
    return _ENDING.sub("", name) or name or "scene"


def shown(source: str) -> str:
    """A source for people, tables and descriptions, without the secrets of its address."""
    if is_map_uri(source):
        return map_name(source)
    return without_secrets(source) if is_remote(source) else source
