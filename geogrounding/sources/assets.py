"""Which rasters of an item become red, green and blue: by what the item calls them, never by their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from geogrounding.errors import InputError
from geogrounding.messages import shorten
from geogrounding.raster.bands import COLOURS, Band, choose_colours, role_of
from geogrounding.sources.items import Asset, Item, ItemBand

_NOT_IMAGERY = frozenset(("thumbnail", "overview", "metadata", "data-mask", "cloud", "snow-ice", "water-mask"))
"""Roles of assets that show no ground, or only a small copy of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenBand:
    """A band of an asset that becomes one colour (or grey)."""

    asset: Asset
    number: int
    """1-based, in the asset."""
    described: ItemBand
    colour: str
    """red, green, blue; empty for a band without a colour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a scene is made from: one asset as it is, or bands of several."""

    whole: Asset | None = None
    bands: tuple[ChosenBand, ...] = ()


def choose_assets(item: Item, wanted: Sequence[str] = ()) -> Choice:
    """The assets of an item that show it as an image.

    In this order: what is asked for; one asset that names red, green and blue among its bands, a visual one first; an
    asset with the role ``visual``; three assets that are red, green and blue by their common names, band names or keys
    (GeoTIFF before JPEG 2000, fine before coarse); the only raster.

    Args:
        item: the item.
        wanted: keys of assets: one, or three for red, green and blue.

    Raises:
        InputError: nothing fits.
    """
    if wanted:
        return _by_keys(item, wanted)
    shown = [a for a in item.assets if not _NOT_IMAGERY & set(a.roles) or a.key == "visual" or "visual" in a.roles]
    coloured = [a for a in shown if set(COLOURS) <= set(map(colour_of, a.bands))]
    visual = [a for a in shown if "visual" in a.roles or a.key == "visual"]
    for group in ([a for a in coloured if a in visual], coloured, [a for a in visual if len(a.bands) in (0, 3, 4)]):
        if group:
            return Choice(whole=min(group, key=_rank))
    separate = _separate(shown) or _by_numbers(shown, item.platform)
    if separate is not None:
        return Choice(bands=separate)
    data = [a for a in shown if "data" in a.roles or "reflectance" in a.roles] or shown
    if len(data) == 1:
        return Choice(whole=data[0])
    listed = shorten(", ".join(item.keys) or "none", 300)
    raise InputError(
        f"nothing says which assets of the item {shorten(item.id)} are red, green and blue"
        if item.assets
        else f"the item {shorten(item.id)} has no asset that is a raster",
        hint=f"Its assets: {listed}. Name one, or three for red, green, blue: --assets KEY[,KEY,KEY].",
    )


def colour_of(band: ItemBand) -> str:
    """red, green, blue, or another role; empty where the band does not say."""
    if band.common_name:
        return band.common_name if band.common_name in COLOURS else (role_of(band.common_name) or "other")
    return role_of(band.name) or ""


def _by_keys(item: Item, wanted: Sequence[str]) -> Choice:
    known = {asset.key: asset for asset in item.assets}
    missing = [key for key in wanted if key not in known]
    if missing:
        raise InputError(
            f"the item {shorten(item.id)} has no raster {', '.join(map(repr, missing))}",
            hint=f"Its rasters: {shorten(', '.join(known) or 'none', 300)}.",
        )
    if len(wanted) == 1:
        return Choice(whole=known[wanted[0]])
    colours = COLOURS if len(wanted) == 3 else ("",) * len(wanted)
    return Choice(bands=tuple(_only_band(known[key], colour) for key, colour in zip(wanted, colours, strict=True)))


def _only_band(asset: Asset, colour: str) -> ChosenBand:
    for number, band in enumerate(asset.bands, 1):
        if colour and colour_of(band) == colour:
            return ChosenBand(asset=asset, number=number, described=band, colour=colour)
    return ChosenBand(asset=asset, number=1, described=asset.bands[0] if asset.bands else ItemBand(), colour=colour)


def _separate(assets: Sequence[Asset]) -> tuple[ChosenBand, ...] | None:
    """One band each of three assets, by what the item or, where it is silent, the key says."""
    chosen = []
    for colour in COLOURS:
        named = [a for a in assets if len(a.bands) == 1 and colour_of(a.bands[0]) == colour]
        named = named or [
            a for a in assets if len(a.bands) <= 1 and not any(map(colour_of, a.bands)) and role_of(a.key) == colour
        ]
        if not named:
            return None
        chosen.append(_only_band(min(named, key=_rank), colour))
    return tuple(chosen)


def _by_numbers(assets: Sequence[Asset], platform: str) -> tuple[ChosenBand, ...] | None:
    """Keys such as B04, B03, B02, read as the band numbers of a sensor."""
    single = [a for a in assets if len(a.bands) <= 1]
    colours = choose_colours([Band(name=a.key) for a in single], platform=platform) if len(single) >= 3 else None
    if colours is None or colours.reason not in ("names", "band numbers"):
        return None
    return tuple(_only_band(single[number - 1], colour) for number, colour in zip(colours.bands, COLOURS, strict=True))


def _rank(asset: Asset) -> tuple[bool, bool, float]:
    """GeoTIFF first, then data, then the finest."""
    jpeg_2000 = "jp2" in asset.media_type or asset.href.lower().partition("?")[0].endswith((".jp2", ".j2k"))
    return jpeg_2000, not {"data", "reflectance", "visual"} & set(asset.roles), asset.resolution or 0.0
