"""``geoground info``: what a scene is, and how a run would look at it. Never imports torch."""

from __future__ import annotations

from typing import Any

import click

from geogrounding.execution.describe import describe_scene

from . import build
from . import options as opt
from .terminal import count, table, to_json


@click.command(cls=opt.Command)
@click.argument("scene", help="A raster: GeoTIFF, COG, or anything else GDAL reads.")
@click.argument("query", nargs=-1, help="What would be looked for: it decides the resolutions.")
@opt.option("--json", "as_json", is_flag=True, section="Output", help="Write one JSON document.")
@opt.AREA
@opt.GRID
@opt.SCENE
@opt.VERBOSE
def command(scene: str, query: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Show what SCENE is and how a run with the built-in model would cut it into chips.

    Coordinate system, size, ground resolution, bands, stretch, the grid of chips and the pixels to read. The options
    are those of `geoground run`; no model is loaded, so there is no estimate of the time.

    \b
    Examples:
      geoground info scene.tif
      geoground info scene.tif car "running track"
      geoground info scene.tif --resolution 0.5 --bbox 500000,4600000,501000,4601000
      geoground info scene.tif --json
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    build.check_queries(query)
    settings = build.make_settings(scene, build.unique(query) or ["anything"], options)
    facts = describe_scene(settings)
    click.echo(to_json(facts, indent=2) if as_json else table(_lines(facts)))


def _lines(facts: dict[str, Any]) -> list[tuple[str, str]]:
    grid, estimate = facts["grid"], facts["estimate"]
    crs, resolution = facts["crs"], facts["ground_resolution_m"]
    lines = [
        ("Scene", f"{facts['name']} ({facts['driver']})"),
        (
            "Size",
            f"{facts['width']:,} x {facts['height']:,} pixels, {count(facts['band_count'], 'band')} {facts['dtype']}",
        ),
        (
            "CRS",
            "none: a run needs --pixel-coordinates"
            if crs is None
            else " ".join(filter(None, (crs["id"], crs["name"]))),
        ),
    ]
    if facts["bounds_crs"] is not None:
        lines.append(("Bounds", ", ".join(f"{value:.10g}" for value in facts["bounds_crs"])))
    lines += [
        ("Resolution", _resolution(facts)),
        ("Bands used", _bands(facts)),
        ("Nodata", _nodata(facts)),
        ("Blocks", f"{facts['block_shape'][1]} x {facts['block_shape'][0]}{_overviews(facts['overview_factors'])}"),
        ("Stretch", _stretch(facts["stretch"])),
        ("Chips", _chips(grid, estimate)),
    ]
    for number, level in enumerate(grid["levels"]):
        size = "" if resolution is None else f", {resolution * level['scale']:.3g} m a pixel"
        lines.append(
            (f"  level {number}", f"{level['columns']} x {level['rows']} chips, 1 : {level['scale']:.3g}{size}")
        )
    lines.append(("To read", f"{estimate['megapixels_read']:,} megapixels"))
    lines += [("Note", notice) for notice in facts["notices"]]
    return lines


def _chips(grid: dict[str, Any], estimate: dict[str, Any]) -> str:
    text = f"{estimate['chips']:,} of {grid['tile_size_px']} pixels, overlap {grid['overlap_px']}"
    if estimate["chips_expected"] == estimate["chips"]:
        return text
    return f"{text}; about {estimate['chips_expected']:,} looked at, finer ones where coarser ones are unclear"


def _resolution(facts: dict[str, Any]) -> str:
    shown, sides = facts["ground_resolution_m"], facts["pixel_size_m"]
    if shown is None:
        return "unknown"
    if facts["square_pixels"]:
        return f"{shown:.4g} m"
    return f"{sides[0]:.4g} x {sides[1]:.4g} m (x, y); chips show {shown:.4g} m in both directions"


def _nodata(facts: dict[str, Any]) -> str:
    value = "none" if facts["nodata"] is None else f"{facts['nodata']:g}"
    if not facts["mask"]:
        return value
    masks = {"alpha": f"alpha band {facts['alpha']}", "mask": "a mask", "nodata": "nodata"}
    shares = [f"{masks[kind]} {share:.0%}" for kind, share in facts["hidden_by"].items() if share > 0]
    return f"{value}; hidden: {', '.join(shares)}" if shares else f"{value}; nothing is hidden"


def _bands(facts: dict[str, Any]) -> str:
    names = facts["band_names"]
    used = ", ".join(f"{band} {names[band - 1]!r}" if names[band - 1] else str(band) for band in facts["bands"])
    others = [f"{i} {name!r}" for i, name in enumerate(names, 1) if name and i not in facts["bands"]]
    text = f"{used} (by {facts['bands_chosen_by']})"
    return f"{text}; others: {', '.join(others)}" if others else text


def _overviews(factors: list[float]) -> str:
    return f", overviews 1 : {', '.join(f'{factor:.3g}' for factor in factors)}" if factors else ", no overviews"


def _stretch(stretch: dict[str, Any]) -> str:
    if "low" not in stretch:
        colours = "colours of the palette" if "palette_colours" in stretch else "values as they are"
        return f"{stretch['method']} ({colours})"
    pairs = zip(stretch["low"], stretch["high"], strict=True)
    return f"{stretch['method']}: " + ", ".join(f"{low:.6g} to {high:.6g}" for low, high in pairs)
