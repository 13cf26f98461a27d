"""The scenes of a batch: rasters, STAC items, and what catalogues have for an area and time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from geogrounding.errors import SettingsError

from .param_types import Names
from .sections import file_option, option, together

if TYPE_CHECKING:
    from geogrounding.geometry.extent import Extent

SEARCH = together(
    file_option(
        "--stac-item",
        "stac_items",
        multiple=True,
        section="Catalogue",
        help="STAC item, item collection or stac-geoparquet: its scenes; may be repeated.",
    ),
    file_option(
        "--source-xml",
        "source_xmls",
        multiple=True,
        section="Catalogue",
        help="A map service as a scene, described by a GDAL_WMS file; with --bbox, --resolution and --allow-remote.",
    ),
    option(
        "--stac",
        "stac_url",
        section="Catalogue",
        metavar="URL",
        help="Search this STAC API for scenes; --bbox is then in longitude and latitude.",
    ),
    option("--collections", type=Names(), default=(), section="Catalogue", metavar="NAME[,NAME]", help="To search in."),
    option("--datetime", "datetime", section="Catalogue", metavar="2024|FROM/TO", help="When scenes were taken."),
    option(
        "--query",
        "stac_query",
        multiple=True,
        section="Catalogue",
        metavar="PROPERTY<VALUE",
        help='What items must fulfil, such as "eo:cloud_cover<20"; may be repeated.',
    ),
    option(
        "--max-items",
        type=click.IntRange(min=1),
        section="Catalogue",
        metavar="N",
        help="Take at most so many of what is found.",
    ),
)

_SEARCHED = ("collections", "datetime", "stac_query", "max_items")


def found_scenes(options: dict[str, Any]) -> list[str]:
    """The scenes that ``--stac-item`` and ``--source-xml`` name and ``--stac`` finds; takes their options out of
    ``options`` (changed).

    With ``--stac`` the area of the run is that of the search.

    Raises:
        SettingsError: options of a search without one.
        InputError: a catalogue cannot be used, or finds nothing.
    """
    scenes = [str(path) for path in (*options.pop("stac_items"), *options.pop("source_xmls"))]
    url = options.pop("stac_url")
    searched = {name: options.pop(name) for name in _SEARCHED}
    if url is None:
        if any(searched.values()):
            raise SettingsError("--collections, --datetime, --query and --max-items go with --stac", hint="Add --stac.")
        return scenes
    from geogrounding.sources.search import Search, find_scenes

    options["bbox_crs"] = _search_crs(options)
    search = Search(
        url=url,
        collections=searched["collections"],
        bbox=_degrees(options["bbox"], options["bbox_crs"]),
        datetime=searched["datetime"],
        query=searched["stac_query"],
        max_items=searched["max_items"],
    )
    return scenes + find_scenes(search)


def _search_crs(options: dict[str, Any]) -> str | None:
    extent: Extent | None = options["bbox"]
    if extent is None:
        return None
    return options["bbox_crs"] or extent.crs or "EPSG:4326"


def _degrees(extent: Extent | None, crs: str | None) -> tuple[float, float, float, float] | None:
    if extent is None or crs is None:
        return None
    from pyproj import CRS, Transformer
    from pyproj.exceptions import CRSError

    try:
        known = CRS.from_user_input(crs)
    except CRSError:
        raise SettingsError(f"--bbox-crs {crs!r} is unknown", hint="Example: EPSG:4326.") from None
    if known.is_geographic:
        return extent.bounds
    west, south, east, north = Transformer.from_crs(known, 4326, always_xy=True).transform_bounds(*extent.bounds)
    return west, south, east, north
