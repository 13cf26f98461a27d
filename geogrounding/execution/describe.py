"""A scene with its plan, a report, an error in plain values: for ``geoground info``, JSON progress and the engine.

Importing this imports neither numpy nor rasterio.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from geogrounding.errors import GeogroundingError, MissingCRSError
from geogrounding.execution.scene import open_scene

if TYPE_CHECKING:
    from pyproj import CRS

    from geogrounding.execution.report import RunReport
    from geogrounding.execution.scan_plan import Plan
    from geogrounding.raster.scene import Scene
    from geogrounding.settings import RunSettings
    from geogrounding.vector.feature import Feature


ATTRIBUTES = ("query", "label", "score", "reasoning", "model", "chip", "source", "outline", "area_m2")
"""Attributes of a feature that a client of the engine gets, in this order."""


def describe_scene(settings: RunSettings) -> dict[str, Any]:
    """Everything ``info`` shows, in plain values.

    Raises:
        InputError: the scene or the area cannot be used.
    """
    from geogrounding.execution.scan_plan import make_plan
    from geogrounding.models.builtin import BUILTIN_CONVENTIONS
    from geogrounding.raster.stretch import compute_stretch
    from geogrounding.raster.validity import notices_of, sample_validity

    opened, lacking = _open(settings)
    with opened as scene:
        plan = make_plan(scene, settings, BUILTIN_CONVENTIONS)
        stretch = compute_stretch(scene, settings.stretch)
        validity = sample_validity(scene)
        return {
            "name": scene.name,
            "driver": scene.driver,
            "width": scene.width,
            "height": scene.height,
            "crs": _describe_crs(scene),
            "bounds_crs": None if scene.crs is None else _bounds_crs(scene),
            "transform": list(scene.transform)[:6],
            "ground_resolution_m": scene.ground_resolution_m,
            "pixel_size_m": None if scene.pixel_size.x_m is None else [scene.pixel_size.x_m, scene.pixel_size.y_m],
            "square_pixels": scene.pixel_size.square,
            "band_count": scene.band_count,
            "bands": list(scene.bands),
            "band_names": list(scene.plan.names),
            "bands_chosen_by": scene.plan.chosen_by,
            "dtype": scene.dtype,
            "nodata": scene.nodata,
            "mask": scene.has_mask,
            "alpha": scene.plan.alpha,
            "valid_share": round(validity.valid, 4),
            "hidden_by": {
                "nodata": round(validity.hidden_by_nodata, 4),
                "alpha": round(validity.hidden_by_alpha, 4),
                "mask": round(validity.hidden_by_mask, 4),
            },
            "notices": [*lacking, *notices_of(scene, validity), *plan.area.notices],
            "block_shape": list(scene.block_shape),
            "overview_factors": list(scene.overview_factors),
            "stretch": stretch.describe(),
            "grid": {
                **plan.describe(),
                "area_shape": plan.area.shape_scene_px is not None,
                "levels": describe_levels(plan),
            },
            "estimate": _estimate(plan),
        }


def _open(settings: RunSettings) -> tuple[Scene, tuple[str, ...]]:
    """Open the scene; one without coordinates is described in pixels, with what a run would say of it."""
    try:
        return open_scene(settings), ()
    except MissingCRSError as error:
        return open_scene(replace(settings, pixel_coordinates=True)), (f"{error}. {error.hint}",)


def _describe_crs(scene: Scene) -> dict[str, Any] | None:
    from geogrounding.raster.georeference import code_of_crs

    if scene.crs is None:
        return None
    return {"id": code_of_crs(scene.crs), "name": scene.crs.name}


def _bounds_crs(scene: Scene) -> list[float]:
    """(xmin, ymin, xmax, ymax) around the four corners, in the CRS of the scene."""
    return list(scene.bounds)


def describe_levels(plan: Plan) -> list[dict[str, Any]]:
    """Scale, columns and rows of each level of the grid; an area of interest may leave some of the chips out."""
    shapes = (plan.grid.level_shape(level) for level in range(plan.grid.level_count))
    return [
        {"scale": scale, "columns": columns, "rows": rows}
        for scale, (columns, rows) in zip(plan.tiling.scales, shapes, strict=False)
    ]


def _estimate(plan: Plan) -> dict[str, Any]:
    chips = len(plan.grid)
    return {
        "chips": chips,
        "chips_expected": plan.chips_expected,
        "megapixels_read": round(plan.chips_expected * plan.tiling.tile_size_px**2 / 1e6, 1),
    }


def describe_feature(feature: Feature, feature_id: int | str) -> dict[str, Any]:
    """A feature as GeoJSON has it, but in the CRS of the scene."""
    import shapely

    return {
        "type": "Feature",
        "id": feature_id,
        "geometry": shapely.geometry.mapping(feature.geometry_crs),
        "properties": {name: getattr(feature, name) for name in ATTRIBUTES},
        **({"measures": dict(feature.measures)} if feature.measures else {}),
    }


def describe_plan(scene: Scene, plan: Plan, per_chip: float | None) -> dict[str, Any]:
    """The chips, the area and the resolution of a run, and its time by the seconds of a chip, in plain values."""
    native_m = plan.pixel_size.ground_resolution_m
    return {
        "chips": len(plan.grid),
        "chips_expected": plan.chips_expected,
        "crs": None if scene.crs is None else describe_crs(scene.crs),
        "area_scene_px": list(plan.area.window_scene_px),
        "tile_size_px": plan.tiling.tile_size_px,
        "overlap_px": plan.tiling.overlap_px,
        "scales": list(plan.tiling.scales),
        "resolution_m": None if native_m is None else native_m * plan.tiling.scales[0],
        "min_score": plan.min_score,
        "seconds": None if per_chip is None else round(per_chip * plan.chips_expected, 1),
    }


def describe_crs(crs: CRS) -> dict[str, Any]:
    """Authority code (None where there is none), name and WKT of a CRS."""
    authority = crs.to_authority(min_confidence=100)
    return {"id": ":".join(authority) if authority else None, "name": crs.name, "wkt": crs.to_wkt()}


def describe_report(report: RunReport) -> dict[str, Any]:
    """A report in plain values."""
    return {
        "complete": report.complete,
        "features": report.features,
        "chips": report.chips,
        "empty_chips": report.empty_chips,
        "passed_over_chips": report.passed_over_chips,
        "failed_chips": [{"chip": chip, "reason": reason} for chip, reason in report.failed_chips],
        "drops": dict(report.drops),
        "seconds": round(report.seconds, 3),
        "model_seconds": round(report.model_seconds, 3),
        "waiting_seconds": round(report.waiting_seconds, 3),
    }


def describe_error(error: GeogroundingError) -> dict[str, Any]:
    """An error in plain values."""
    return {"type": type(error).__name__, "message": str(error), "hint": error.hint, "exit_code": error.exit_code}
