"""From what a user names to what can be opened: a raster as it is, those of a STAC item, or an area of a map."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from geogrounding.errors import InputError, SettingsError, UnsafeSceneError
from geogrounding.raster import security
from geogrounding.raster.security import Location
from geogrounding.sources.assets import Choice, ChosenBand, choose_assets, colour_of
from geogrounding.sources.hrefs import resolve
from geogrounding.sources.items import Asset, Item, ItemBand, identities, read_documents, read_item
from geogrounding.sources.joined import Facts, JoinedBand, join, look_at
from geogrounding.sources.names import is_map, is_remote, is_stac, shown


def locate_source(
    source: str | os.PathLike[str],
    *,
    allow_remote: bool,
    trusted_folders: Iterable[str | os.PathLike[str]] = (),
    assets: Sequence[str] = (),
    open_options: Mapping[str, str] | None = None,
    bbox: tuple[float, float, float, float] | None = None,
    bbox_crs: str | None = None,
    resolution_m: float | None = None,
) -> Location:
    """What to open for a source; see ``security.locate`` for rasters and ``choose_assets`` for STAC items.

    Args:
        source: path or address of a raster or of a STAC item; ``ITEMS#ID`` for one of a collection.
        allow_remote: permit network access.
        trusted_folders: folders whose VRT files may be followed.
        assets: keys of assets, in place of what the item suggests.
        open_options: GDAL open options.
        bbox: (xmin, ymin, xmax, ymax) in ``bbox_crs``: the area of a map service that is fetched.
        bbox_crs: anything pyproj understands.
        resolution_m: metres of a pixel of a map service.

    Raises:
        SceneError: it cannot be opened or is refused.
        InputError: the item cannot be read or used.
        SettingsError: assets are given for what is no item.
    """
    text = os.fsdecode(source)
    if not is_stac(text):
        if assets:
            raise SettingsError("--assets is for STAC items", hint="Bands of a raster are chosen with -b.")
        if is_map(text):
            return _of_map(text, bbox, bbox_crs, resolution_m, allow_remote=allow_remote)
        return security.locate(source, allow_remote=allow_remote, trusted_folders=trusted_folders)
    item = read_item(text, allow_remote=allow_remote)
    choice = choose_assets(item, assets)
    folders = tuple(trusted_folders)

    def look(asset: Asset) -> Facts:
        place = security.locate(resolve(asset.href, item.base), allow_remote=allow_remote, trusted_folders=folders)
        return look_at(place, dict(open_options or {}))

    return (
        _of_whole(item, choice.whole, look(choice.whole), text) if choice.whole else _of_bands(item, choice, look, text)
    )


def expand(sources: Iterable[str], *, allow_remote: bool = False) -> list[str]:
    """The scenes of a batch: each item of an item collection or stac-geoparquet on its own, all else as it is.

    Raises:
        InputError: a collection cannot be read, or has no items.
        UnsafeSceneError: one is an address, and remote input is not allowed.
    """
    scenes: list[str] = []
    for source in sources:
        place, _, item = source.partition("#")
        parquet = not is_remote(place) and place.lower().endswith(".parquet")
        if item or not (parquet or (is_stac(source) and not is_remote(place))):
            scenes.append(source)
            continue
        documents = list(read_documents(place, allow_remote=allow_remote))
        if not documents:
            raise InputError(f"{place} holds no items")
        single = len(documents) == 1 and documents[0].get("type") == "Feature" and not parquet
        scenes += [source] if single else [f"{place}#{name}" for name in identities(documents)]
    return scenes


def _of_map(
    source: str,
    bbox: tuple[float, float, float, float] | None,
    bbox_crs: str | None,
    resolution_m: float | None,
    *,
    allow_remote: bool,
) -> Location:
    if not allow_remote:
        raise UnsafeSceneError(
            f"{shown(source)} is a map service",
            hint="Remote rasters are read only when asked for, by --allow-remote (allow_remote=True).",
        )
    if bbox is None:
        raise SettingsError("a map service needs an area", hint="Give --bbox xmin,ymin,xmax,ymax and --bbox-crs.")
    if bbox_crs is None or bbox_crs == "pixels":
        raise SettingsError(
            "the area of a map service needs a coordinate system",
            hint="--bbox-crs EPSG:4326 for longitude and latitude.",
        )
    from geogrounding.sources.map_services import read_service
    from geogrounding.sources.map_tiles import locate_map

    return locate_map(read_service(source), source, bbox, bbox_crs, resolution_m)


def _of_whole(item: Item, asset: Asset, facts: Facts, source: str) -> Location:
    """One file; as it is where it says all that is needed, else through a VRT with what the item adds."""
    described = [*asset.bands, *[ItemBand()] * facts.count][: facts.count]
    names = tuple(band.common_name or band.name for band in asset.bands)
    bands = [
        JoinedBand(facts=facts, number=number, described=band, name=_name(band))
        for number, band in enumerate(described, 1)
    ]
    scaled = any(
        (band.scale, band.offset) != (1.0, 0.0) and dtype != "uint8"
        for band, dtype in zip(described, facts.dtypes, strict=True)
    )
    hidden = any(band.nodata is not None and own is None for band, own in zip(described, facts.nodata, strict=True))
    unplaced = not facts.crs and not facts.by_points and asset.crs is not None
    if (scaled or hidden or unplaced) and "palette" not in facts.colours and not facts.by_points:
        return join(bands, name=item.id, source=source, crs=asset.crs, transform=asset.transform)
    return replace(facts.location, name=item.id, source=source, band_names=names)


def _of_bands(item: Item, choice: Choice, look: object, source: str) -> Location:
    seen: dict[str, Facts] = {}

    def facts_of(band: ChosenBand) -> Facts:
        if band.asset.key not in seen:
            seen[band.asset.key] = look(band.asset)  # type: ignore[operator] # the function above
        facts = seen[band.asset.key]
        if band.number > facts.count:
            raise InputError(f"the asset {band.asset.key} of the item {item.id} has only {facts.count} bands")
        return facts

    bands = [
        JoinedBand(
            facts=facts_of(band),
            number=band.number,
            described=band.described,
            name=band.colour or _name(band.described),
        )
        for band in choice.bands
    ]
    finest = min(zip(bands, choice.bands, strict=True), key=lambda pair: 1.0 / pair[0].facts.width)[1].asset
    return join(bands, name=item.id, source=source, crs=finest.crs, transform=finest.transform)


def _name(band: ItemBand) -> str:
    return colour_of(band) if colour_of(band) in ("red", "green", "blue") else band.name or band.common_name
