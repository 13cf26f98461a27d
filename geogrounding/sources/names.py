"""Names of sources, from their text alone: nothing is opened here, and nothing heavy imported."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from geogrounding.messages import without_secrets

_ITEM_ADDRESS = re.compile(r"/collections/[^/]+/items/[^/]+/?$")
_DOCUMENTS = (".json", ".geojson")
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,8}$")


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


def stem_of(source: str) -> str:
    """The name of a source without folder, ending, query and secrets: of an item its id."""
    place, _, item = source.partition("#")
    if item and is_stac(source):
        return re.sub(r"[^\w.-]+", "_", item)
    name = unquote(without_secrets(place).partition("?")[0]).rstrip("/").rpartition("/")[2]
    return _ENDING.sub("", name) or name or "scene"


def shown(source: str) -> str:
    """A source for people, tables and descriptions, without the secrets of its address."""
    return without_secrets(source) if is_remote(source) else source
