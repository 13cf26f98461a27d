"""Searches of a STAC API: the scenes that it has for an area and time, each as the address of its item.

Items are read again when their scene is opened, so that hrefs that were signed for minutes are fresh by then, and
nothing of them has to be kept. A catalogue is foreign: pages that repeat or never end, answers of any size, links that
name local files.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote as encode
from urllib.parse import urljoin

from geogrounding.errors import GeogroundingError, InputError
from geogrounding.messages import shorten, without_secrets
from geogrounding.sources.hrefs import check_address, check_server
from geogrounding.sources.items import MAX_ITEMS
from geogrounding.sources.names import is_stac

PAGE = 100
"""Items asked for at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is searched for; see the STAC API's item search."""

    url: str
    """Of the API's landing page."""
    collections: tuple[str, ...] = ()
    bbox: tuple[float, float, float, float] | None = None
    """(west, south, east, north), degrees."""
    datetime: str | None = None
    """An instant, an interval ``2024-01-01/2024-06-30``, or a year, month or day."""
    query: tuple[str, ...] = ()
    """Such as ``eo:cloud_cover<20``."""
    max_items: int | None = None
    """At most so many scenes; None takes all, up to ``MAX_ITEMS``."""


def find_scenes(search: Search) -> list[str]:
    """Addresses of the items that a search finds, in the order of the catalogue, each once.

    Raises:
        InputError: the catalogue cannot be reached or used, or finds nothing.
    """
    scenes: dict[str, None] = {}
    limit = min(search.max_items or MAX_ITEMS, MAX_ITEMS)
    for page in _pages(search):
        before = len(scenes)
        for item in page:
            scenes[_address(item, search.url)] = None
            if len(scenes) == limit and search.max_items is not None:
                return list(scenes)
        if len(scenes) == before:
            raise InputError(
                f"{_shown(search.url)} repeats its pages and never ends",
                hint="Search a smaller area, or save its items and give the file.",
            )
        if len(scenes) > limit:
            raise InputError(
                f"{_shown(search.url)} finds more than {limit:,} items", hint="Narrow the search, or give --max-items."
            )
    if not scenes:
        raise InputError(
            f"{_shown(search.url)} has no items for this search", hint="Check --collections, --bbox and --datetime."
        )
    return list(scenes)


def _pages(search: Search) -> Iterator[list[Mapping[str, Any]]]:
    try:
        from pystac_client import Client
    except ImportError:
        raise InputError("--stac needs a further package", hint='pip install "geogrounding[stac]"') from None
    url = check_server(search.url)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a catalogue says of itself
            client = Client.open(url, stac_io=_make_io(url))
            found = client.search(
                collections=list(search.collections) or None,
                bbox=search.bbox,
                datetime=search.datetime,
                query=list(search.query) or None,
                limit=min(PAGE, search.max_items or PAGE),
            )
            for page in found.pages_as_dicts():
                features = page.get("features")
                if not isinstance(features, list) or any(not isinstance(entry, dict) for entry in features):
                    raise InputError(f"{_shown(url)} answers a search with something that is no list of items")
                yield features
    except GeogroundingError:
        raise
    except Exception as error:  # noqa: BLE001 (a foreign answer makes pystac-client raise anything)
        raise InputError(
            f"{_shown(url)} is no STAC API that can be searched: {type(error).__name__}: "
            f"{shorten(without_secrets(error))}",
            hint="Give the address of its landing page, such as https://earth-search.aws.element84.com/v1.",
        ) from None


def _make_io(url: str) -> Any:
    """pystac-client's requests, through our own bounds."""
    from pystac_client.stac_api_io import StacApiIO

    from geogrounding.sources.http import fetch

    class Bounded(StacApiIO):
        def request(self, href: str, method: str | None = None, headers: Any = None, parameters: Any = None) -> str:
            address = check_address(urljoin(url, href), url)
            if not address.startswith(("http://", "https://")):
                raise InputError(f"{_shown(url)} leads to {_shown(address)}, which is no http(s) address")
            posted = (method or "GET").upper() == "POST"
            data = fetch(
                address, body=dict(parameters or {}) if posted else None, parameters=None if posted else parameters
            )
            return data.decode("utf-8", errors="replace")

        def read_text(self, source: Any, *args: Any, **kwargs: Any) -> str:
            if isinstance(source, str):  # what is no address would be opened as a local file
                return self.request(source, *args, **kwargs)
            return str(super().read_text(source, *args, **kwargs))

    return Bounded()


def _address(item: Mapping[str, Any], url: str) -> str:
    """Where an item can be read again: its own link, or the place that OGC API - Features gives it."""
    links = item.get("links")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("rel") == "self" and str(link.get("href", "")).startswith("http"):
            address = check_address(str(link["href"]), url)
            if is_stac(address):
                return address
    name, collection = item.get("id"), item.get("collection")
    if not isinstance(name, str) or not isinstance(collection, str) or not name or not collection:
        raise InputError(f"{_shown(url)} finds an item without id, collection and link to itself")
    return f"{url.rstrip('/')}/collections/{encode(collection, safe='')}/items/{encode(name, safe='')}"


def _shown(url: str) -> str:
    return shorten(without_secrets(url))
