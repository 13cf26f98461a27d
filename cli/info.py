"""``geoground info``: what a scene is, and how a run would look at it. Never imports torch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from geogrounding.errors import MissingCRSError

from . import options as opt
from . import resolve
from .run import count, duration
from .terminal import table, to_json

if TYPE_CHECKING:
    from geogrounding.plan import Plan
    from geogrounding.raster.scene import Scene
    from geogrounding.settings import RunSettings


@click.command(cls=opt.Command)
@click.argument("scene", help="A raster: GeoTIFF, COG, or anything else GDAL reads.")
@opt.option("--json", "as_json", is_flag=True, section="Output", help="Write one JSON document.")
@opt.AREA
@opt.GRID
@opt.SCENE
@opt.VERBOSE
def command(scene: str, as_json: bool, **options: Any) -> None:
    """Show what SCENE is and how a run with the embedded model would look at it.

    Coordinate system, size, ground resolution, bands, stretch, the grid of chips and an estimate of the time. The
    options are those of `geoground run`; no model is loaded.

    \b
    Examples:
      geoground info scene.tif
      geoground info scene.tif --resolution 0.5 --bbox 500000,4600000,501000,4601000
      geoground info scene.tif --json
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    settings = resolve.make_settings(scene, ["anything"], options)
    facts = describe_scene(settings)
    click.echo(to_json(facts, indent=2) if as_json else table(_lines(facts)))


def describe_scene(settings: RunSettings) -> dict[str, Any]:
    """Everything ``info`` shows, in plain values.

    Raises:
        InputError: the scene or the area cannot be used.
    """
    from geogrounding.grounding.models.builtin import BUILTIN_CONVENTIONS
    from geogrounding.plan import make_plan
    from geogrounding.raster.stretch import compute_stretch

    with _open(settings) as scene:
        plan = make_plan(scene, settings, BUILTIN_CONVENTIONS)
        stretch = compute_stretch(scene, settings.stretch)
        return {
            "name": scene.name,
            "driver": scene.driver,
            "width": scene.width,
            "height": scene.height,
            "crs": _describe_crs(scene),
            "bounds_crs": None if scene.crs is None else _bounds_crs(scene),
            "transform": list(scene.transform)[:6],
            "ground_resolution_m": scene.ground_resolution_m,
            "band_count": scene.band_count,
            "bands": list(scene.bands),
            "dtype": scene.dtype,
            "nodata": scene.nodata,
            "mask": scene.has_mask,
            "block_shape": list(scene.block_shape),
            "overview_factors": list(scene.overview_factors),
            "stretch": stretch.describe(),
            "grid": {**plan.describe(), "area_shape": plan.area.shape_scene_px is not None, "levels": _levels(plan)},
            "estimate": _estimate(plan),
        }


def _open(settings: RunSettings) -> Scene:
    """Open the scene; one without coordinates is described all the same."""
    from geogrounding.raster.scene import Scene

    def open_scene(pixel_coordinates: bool) -> Scene:
        return Scene.open(
            settings.source,
            bands=settings.bands,
            nodata=settings.nodata,
            pixel_coordinates=pixel_coordinates,
            allow_remote=settings.allow_remote,
            trusted_folders=settings.trusted_folders,
            open_options=settings.open_options,
        )

    try:
        return open_scene(settings.pixel_coordinates)
    except MissingCRSError:
        return open_scene(True)


def _describe_crs(scene: Scene) -> dict[str, Any] | None:
    if scene.crs is None:
        return None
    return {"id": scene.crs.to_string() if scene.crs.to_authority() else None, "name": scene.crs.name}


def _bounds_crs(scene: Scene) -> list[float]:
    """(xmin, ymin, xmax, ymax) around the four corners, in the CRS of the scene."""
    a, b, c, d, e, f = list(scene.transform)[:6]
    corners = [(x, y) for x in (0, scene.width) for y in (0, scene.height)]
    xs = [a * x + b * y + c for x, y in corners]
    ys = [d * x + e * y + f for x, y in corners]
    return [min(xs), min(ys), max(xs), max(ys)]


def _levels(plan: Plan) -> list[dict[str, Any]]:
    """Chips of each level, counted from the grid's own numbers; with an area of interest some of them are left out."""
    x0, y0, x1, y1 = plan.area.window_scene_px
    levels: list[dict[str, Any]] = []
    tile, step = plan.tiling.tile_size_px, plan.tiling.tile_size_px - plan.tiling.overlap_px
    for scale in plan.tiling.scales:
        sides = (max(1, round((x1 - x0) / scale)), max(1, round((y1 - y0) / scale)))
        columns, rows = (1 if side <= tile else 1 + math.ceil((side - tile) / step) for side in sides)
        levels.append({"scale": scale, "columns": columns, "rows": rows})
        if columns == rows == 1:
            break
    return levels


def _estimate(plan: Plan) -> dict[str, Any]:
    chips = len(plan.grid)
    return {"chips": chips, "megapixels_read": round(chips * plan.tiling.tile_size_px**2 / 1e6, 1)}


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
        ("Resolution", "unknown" if resolution is None else f"{resolution:.4g} m"),
        ("Bands used", ", ".join(map(str, facts["bands"]))),
        ("Nodata", _nodata(facts)),
        ("Blocks", f"{facts['block_shape'][1]} x {facts['block_shape'][0]}{_overviews(facts['overview_factors'])}"),
        ("Stretch", _stretch(facts["stretch"])),
        ("Chips", f"{estimate['chips']:,} of {grid['tile_size_px']} pixels, overlap {grid['overlap_px']}"),
    ]
    for number, level in enumerate(grid["levels"]):
        size = "" if resolution is None else f", {resolution * level['scale']:.3g} m a pixel"
        lines.append(
            (f"  level {number}", f"{level['columns']} x {level['rows']} chips, 1 : {level['scale']:.3g}{size}")
        )
    lines.append(("To read", f"{estimate['megapixels_read']:,} megapixels"))
    if "seconds" in estimate:
        lines.append(("Estimate", f"about {duration(estimate['seconds'])} a query with the embedded model"))
    return lines


def _nodata(facts: dict[str, Any]) -> str:
    value = "none" if facts["nodata"] is None else f"{facts['nodata']:g}"
    return f"{value}, with a mask" if facts["mask"] and facts["nodata"] is None else value


def _overviews(factors: list[float]) -> str:
    return f", overviews 1 : {', '.join(f'{factor:.3g}' for factor in factors)}" if factors else ", no overviews"


def _stretch(stretch: dict[str, Any]) -> str:
    if "low" not in stretch:
        return f"{stretch['method']} (values as they are)"
    pairs = zip(stretch["low"], stretch["high"], strict=True)
    return f"{stretch['method']}: " + ", ".join(f"{low:.6g} to {high:.6g}" for low, high in pairs)
