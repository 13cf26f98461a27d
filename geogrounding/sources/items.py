"""STAC items: read from files, addresses, item collections and stac-geoparquet, and understood (versions 1.0 and 1.1).

pystac brings older items to the present form (``proj:epsg`` to ``proj:code``); what differs still, bands in
``bands`` or in ``eo:bands`` and ``raster:bands``, is put together here. All texts and numbers of an item are foreign.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geogrounding.errors import InputError, UnsafeSceneError
from geogrounding.messages import quote, shorten, without_secrets
from geogrounding.sources.names import is_remote

MAX_FILE_BYTES = 256 * 2**20
MAX_ITEMS = 100_000
"""Items of a file or search; more are nearly always a mistake."""
_RASTER_TYPES = ("image/tiff", "image/jp2", "image/geotiff", "image/vnd.stac.geotiff", "image/x.geotiff")
_RASTER_ENDINGS = (".tif", ".tiff", ".jp2", ".j2k")


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemBand:
    """One band of an asset, as an item describes it."""

    name: str = ""
    common_name: str = ""
    """``red``, ``green``, ``nir``, ...; empty where the item does not say."""
    scale: float = 1.0
    offset: float = 0.0
    nodata: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A raster of an item."""

    key: str
    href: str
    """As the item has it."""
    media_type: str
    roles: tuple[str, ...]
    bands: tuple[ItemBand, ...]
    """Empty where the item does not say."""
    crs: str | None
    """``EPSG:n`` or WKT; None where neither asset nor item say it."""
    transform: tuple[float, ...] | None
    """Six numbers in the order of Affine; None where the item does not say."""
    resolution: float | None
    """``gsd``, or the size of a pixel in ``proj:transform``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A STAC item, as far as a run needs it."""

    id: str
    base: str
    """Address or path of the document: where relative hrefs start."""
    assets: tuple[Asset, ...]
    """Those that are rasters, in the order of the item."""
    keys: tuple[str, ...]
    """Of all assets."""
    platform: str
    updated: str


def read_item(source: str, *, allow_remote: bool) -> Item:
    """The item that a source names: an item, or one of a collection as ``ITEMS#ID``.

    Raises:
        InputError: it cannot be read, is no item, or the collection holds several and none is named.
        UnsafeSceneError: it is an address, and remote input is not allowed.
    """
    place, _, wanted = source.partition("#")
    found = list(read_documents(place, allow_remote=allow_remote, only=wanted or None))
    if wanted:
        found = [document for document in found if document.get("id") == wanted]
        if not found:
            raise InputError(f"{_shown(place)} holds no item {quote(wanted)}", hint="Ids are those of the items.")
    if len(found) != 1:
        raise InputError(
            f"{_shown(place)} holds {len(found)} items",
            hint=f"Name one as {Path(place).name}#ID, or use `geoground batch` for all of them." if found else "",
        )
    return parse_item(found[0], place)


def read_documents(place: str, *, allow_remote: bool, only: str | None = None) -> Iterator[dict[str, Any]]:
    """The items of a file or address, as they stand there.

    Args:
        place: an item, an item collection, or stac-geoparquet (a file).
        allow_remote: permit network access.
        only: of stac-geoparquet, read this item alone.

    Raises:
        InputError: it cannot be read or holds no items.
        UnsafeSceneError: it is an address, and remote input is not allowed.
    """
    if not is_remote(place) and place.lower().endswith(".parquet"):
        yield from _read_parquet(Path(place), only)
        return
    document = _read_json(place, allow_remote)
    kind = document.get("type") if isinstance(document, dict) else None
    if kind == "Feature" and "stac_version" in document:
        yield document
    elif kind == "FeatureCollection" and isinstance(document.get("features"), list):
        for feature in document["features"][:MAX_ITEMS]:
            if not isinstance(feature, dict) or "assets" not in feature:
                raise InputError(f"{_shown(place)} holds features that are no STAC items", hint=_IS_RASTER)
            yield feature
    else:
        what = f"a STAC {kind.lower()}" if kind in ("Catalog", "Collection") else "no STAC item"
        hint = "Search it: --stac URL --collections NAME." if kind in ("Catalog", "Collection") else _IS_RASTER
        raise InputError(f"{_shown(place)} is {what}", hint=hint)


_IS_RASTER = "Give a raster, a STAC item, an item collection, or stac-geoparquet."


def parse_item(document: Mapping[str, Any], base: str) -> Item:
    """An item from its JSON.

    Args:
        document: foreign until here.
        base: address or path of the document, for relative hrefs.

    Raises:
        InputError: it is no valid item.
    """
    pystac = require_pystac()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old versions and missing links
            plain = pystac.Item.from_dict(dict(document), migrate=True).to_dict(
                include_self_link=False, transform_hrefs=False
            )
        properties, assets = plain["properties"], plain["assets"]
        raster = tuple(_parse_asset(str(key), asset, properties) for key, asset in assets.items() if _is_raster(asset))
        identity = str(plain["id"])
        if not identity or len(identity) > 500:
            raise InputError(f"a STAC item in {_shown(base)} has no usable id")
        return Item(
            id=identity,
            base=base,
            assets=raster,
            keys=tuple(map(str, assets)),
            platform=str(properties.get("platform") or "")[:100],
            updated=str(properties.get("updated") or "")[:100],
        )
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 (a foreign document makes pystac raise anything)
        raise InputError(
            f"{_shown(base)} is no valid STAC item: {type(error).__name__}: {shorten(without_secrets(error))}",
            hint="It must be an item of STAC 1.0 or 1.1.",
        ) from None


def require_pystac() -> Any:
    """The package pystac.

    Raises:
        InputError: it is not installed.
    """
    try:
        import pystac
    except ImportError:
        raise InputError("STAC items need a further package", hint='pip install "geogrounding[stac]"') from None
    return pystac


def _parse_asset(key: str, asset: Mapping[str, Any], properties: Mapping[str, Any]) -> Asset:
    def of(name: str) -> Any:
        value = asset.get(name)
        return properties.get(name) if value is None else value

    transform = of("proj:transform")
    numbers: tuple[float, ...] | None = None
    if isinstance(transform, list) and len(transform) in (6, 9) and all(isinstance(v, int | float) for v in transform):
        numbers = tuple(float(value) for value in transform[:6])
    gsd = _number(asset.get("gsd"))
    if numbers is not None and asset.get("proj:transform") is not None:
        gsd = abs(numbers[0]) or gsd
    roles = asset.get("roles")
    return Asset(
        key=key,
        href=str(asset["href"]),
        media_type=str(asset.get("type") or "").lower(),
        roles=tuple(str(role).lower() for role in roles) if isinstance(roles, list) else (),
        bands=_parse_bands(asset),
        crs=_crs(of("proj:code"), of("proj:wkt2")),
        transform=numbers,
        resolution=gsd if gsd and gsd > 0 else None,
    )


def _parse_bands(asset: Mapping[str, Any]) -> tuple[ItemBand, ...]:
    """Bands of STAC 1.1 (``bands``), of 1.0 (``eo:bands``, ``raster:bands``), or of both."""
    lists = [_dicts(asset.get(name)) for name in ("bands", "eo:bands", "raster:bands")]
    shared: dict[str, Any] = {
        name: asset[name] for name in ("nodata", "raster:scale", "raster:offset", "eo:common_name") if name in asset
    }
    count = max(len(found) for found in lists)
    if not count and shared:
        count = 1
    bands = []
    for index in range(min(count, 2000)):
        merged = dict(shared)
        for found in lists:
            merged |= found[index] if index < len(found) else {}
        scale = _number(merged.get("raster:scale", merged.get("scale")))
        offset = _number(merged.get("raster:offset", merged.get("offset")))
        bands.append(
            ItemBand(
                name=str(merged.get("name") or "")[:200],
                common_name=str(merged.get("eo:common_name") or merged.get("common_name") or "").lower()[:50],
                scale=1.0 if scale is None or scale == 0 else scale,
                offset=offset or 0.0,
                nodata=_nodata(merged.get("nodata")),
            )
        )
    return tuple(bands)


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [entry if isinstance(entry, dict) else {} for entry in value] if isinstance(value, list) else []


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _nodata(value: Any) -> float | None:
    return math.nan if value == "nan" else _number(value)


def _crs(code: Any, wkt: Any) -> str | None:
    if isinstance(code, str) and 0 < len(code) < 50:
        return code
    return wkt if isinstance(wkt, str) and 0 < len(wkt) < 20_000 else None


def _is_raster(asset: Mapping[str, Any]) -> bool:
    href = str(asset["href"]).partition("?")[0].lower()
    kind = str(asset.get("type") or "").lower()
    return kind.startswith(_RASTER_TYPES) or (not kind.startswith("image/") and href.endswith(_RASTER_ENDINGS))


def _read_json(place: str, allow_remote: bool) -> Any:
    import json

    if is_remote(place):
        if not allow_remote:
            raise UnsafeSceneError(
                f"{_shown(place)} is a remote STAC item",
                hint="Remote sources are read only when asked for, by --allow-remote (allow_remote=True).",
            )
        from geogrounding.sources.hrefs import check_server
        from geogrounding.sources.http import fetch_json

        return fetch_json(check_server(place))
    try:
        with Path(place).open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InputError(f"{place} cannot be opened: {error.strerror}", hint="Check the path.") from None
    if len(data) > MAX_FILE_BYTES:
        raise InputError(f"{place} is larger than {MAX_FILE_BYTES // 2**20} MiB", hint="Use stac-geoparquet.")
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise InputError(f"{Path(place).name} is no JSON", hint=_IS_RASTER) from None


def _read_parquet(path: Path, only: str | None) -> Iterator[dict[str, Any]]:
    """The items of a stac-geoparquet file, a row group at a time."""
    try:
        import pyarrow.compute
        import pyarrow.parquet
        from stac_geoparquet.arrow import stac_table_to_items
    except ImportError:
        raise InputError("stac-geoparquet needs a further package", hint='pip install "geogrounding[stac]"') from None
    number = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            if not {"id", "assets", "geometry"} <= set(file.schema_arrow.names):
                raise InputError(f"{path.name} is no stac-geoparquet: id, assets or geometry is missing")
            for group in range(file.num_row_groups):
                table = file.read_row_group(group)
                if only is not None:
                    table = table.filter(pyarrow.compute.equal(table["id"], only))
                for document in stac_table_to_items(table) if len(table) else ():
                    number += 1
                    if number > MAX_ITEMS:
                        raise InputError(f"{path.name} holds more than {MAX_ITEMS:,} items", hint="Filter it first.")
                    yield document
    except OSError as error:
        raise InputError(f"{path} cannot be read: {shorten(error.strerror or error)}") from None
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 (Arrow's errors, and what odd columns make of them)
        raise InputError(f"{path.name} is no stac-geoparquet: {shorten(error)}") from None


def _shown(place: str) -> str:
    return shorten(without_secrets(place) if is_remote(place) else place)


def identities(documents: Sequence[Mapping[str, Any]]) -> list[str]:
    """Ids of items, each once.

    Raises:
        InputError: an id is missing or comes twice.
    """
    ids = [document.get("id") for document in documents]
    if any(not isinstance(value, str) or not value for value in ids):
        raise InputError("a STAC item has no id")
    if len(set(ids)) != len(ids):
        raise InputError("a STAC item comes twice in the collection", hint="Give each item once.")
    return [str(value) for value in ids]
