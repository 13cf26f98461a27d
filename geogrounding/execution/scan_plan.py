"""Before the first chip: which area, at which resolution, cut how."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import shapely

from geogrounding.errors import InputError
from geogrounding.execution.area import Area, resolve_area
from geogrounding.execution.layer_query import Layer, check_near, nouns_of, read_contexts
from geogrounding.execution.scales import UNKNOWN_RESOLUTION, Closer, choose_scales, closer_looks, first_looks
from geogrounding.models.base import Conventions
from geogrounding.query.contradictions import check_unit
from geogrounding.query.parser import read_expression
from geogrounding.query.plan import QueryPlan
from geogrounding.query.planner import Composed, Composition, Known, compose
from geogrounding.raster.georeference import PixelSize
from geogrounding.raster.grid import ChipGrid
from geogrounding.raster.scene import Scene
from geogrounding.raster.tiling import Tiling, parse_overlap
from geogrounding.settings import RunSettings

CLOSER_SHARE = 0.3
"""Share of the finer chips that a closer look is expected to need: 0.15 of those of ten scenes of airports, 0.6 of
those of eight shown at half their size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a scene will be looked at."""

    area: Area
    tiling: Tiling
    grid: ChipGrid
    pixel_size: PixelSize
    """On the ground, in the middle of the area."""
    composition: Composition
    """What is asked of each chip."""
    min_score: float
    """Detections that score less are left out."""
    sure_score: float
    """Minimum score of the objects that take part in ranking and in spatial relations."""

    object_sizes_px: tuple[float, float] | None = None
    """See ``Conventions``."""
    unnested: frozenset[int] = frozenset()
    """Questions whose objects never lie inside each other: see ``Conventions.unnested``."""

    closer: tuple[Closer, ...] | None = None
    """One per question, where finer levels are looked at only where coarser ones leave something unclear; None: every
    level is looked at everywhere."""

    levels_guessed: bool = False
    """The size of a pixel is not known, so the levels of the grid are a guess."""
    contexts: Mapping[str, Layer] = field(default_factory=dict)
    """Vector layers that queries may speak of, by name."""

    @property
    def chips_expected(self) -> int:
        """About how many chips will be looked at."""
        levels = range(self.grid.level_count)
        finer = sum(len(self.grid.level_chips(position)) for position in levels if not self.everywhere(position))
        return len(self.grid) - finer + round(CLOSER_SHARE * finer)

    def everywhere(self, position: int) -> bool:
        """Whether all chips of a level (counted as ``ChipGrid.level_chips`` does) are looked at for some question."""
        if self.closer is None:
            return True
        level = self.grid[self.grid.level_chips(position)[0]].level
        return any(level >= one.below for one in self.closer)

    def describe(self) -> dict[str, Any]:
        """The plan in plain values, for people, side-cars and the key of the journal."""
        aspect = {} if self.pixel_size.square else {"pixel_aspect": list(self.grid.pixel_aspect)}
        closer = {} if self.closer is None else {"coarse_to_fine": [asdict(one) for one in self.closer]}
        return (
            aspect
            | closer
            | {
                "area_scene_px": list(self.area.window_scene_px),
                "area_shape": None if self.area.shape_scene_px is None else self.area.shape_scene_px.wkt,
                "tile_size_px": self.tiling.tile_size_px,
                "overlap_px": self.tiling.overlap_px,
                "scales": list(self.tiling.scales),
                "chips": len(self.grid),
            }
        )


def make_plan(
    scene: Scene,
    settings: RunSettings,
    conventions: Conventions,
    *,
    look_around: bool = True,
    guess: tuple[float, ...] = UNKNOWN_RESOLUTION,
) -> Plan:
    """Decide area, resolution and chips from what the user asked, what the model states and what the scene is.

    Args:
        scene: the raster.
        settings: what the user asked.
        conventions: what the model states.
        look_around: whether an area smaller than a chip is looked at with what lies around it.
        guess: levels where neither the scene nor the user says which: see ``levels.plan_by_looking``.

    Raises:
        AreaError: the area asked for is malformed or misses the scene.
        SettingsError: tile size, overlap and scales do not fit together.
    """
    area = resolve_area(
        scene, bbox=settings.bbox, bbox_crs=settings.bbox_crs, aoi=settings.aoi, aoi_layer=settings.aoi_layer
    )
    pixel_size = scene.pixel_size_near(area.window_scene_px)
    tile_size_px = settings.tile_size or conventions.tile_size_px
    if settings.overlap is not None:
        overlap_px = parse_overlap(settings.overlap, tile_size_px)
    else:  # keep the model's share of overlap when only the tile size is changed
        overlap_px = round(conventions.overlap_px * tile_size_px / conventions.tile_size_px)
    whole_scene = True if settings.whole_scene is None and conventions.scene_questions else settings.whole_scene
    contexts = read_contexts(settings.contexts)
    if contexts:
        _check_contexts(scene, area, contexts)
    known = Known(taught=conventions.taught, classes=tuple(conventions.classes), layers=nouns_of(None, contexts))
    plans = {expression: QueryPlan.read(text) for expression, text in settings.plans.items()}
    composition = compose(settings.expressions, settings.task, whole_scene=whole_scene, known=known, plans=plans)
    for part in composition.parts:
        if isinstance(part, Composed):
            check_unit(part.plan, metres=scene.crs is not None)
    looks = first_looks(pixel_size, settings, conventions, composition.questions)
    scales = choose_scales(pixel_size, settings, conventions, composition.questions, looks=looks)
    guessed = scales is UNKNOWN_RESOLUTION
    if guessed:
        scales = guess
    tiling = Tiling(tile_size_px=tile_size_px, overlap_px=overlap_px, scales=scales)
    looked_at = area
    if look_around:
        area, looked_at = _with_surroundings(scene, area, tiling, pixel_size.aspect)
    grid = ChipGrid(
        scene.width,
        scene.height,
        tiling=tiling,
        area_scene_px=looked_at.window_scene_px,
        aoi_scene_px=looked_at.shape_scene_px,
        pixel_aspect=pixel_size.aspect,
    )
    sure_score = conventions.min_score if settings.min_score is None else settings.min_score
    return Plan(
        area=area,
        tiling=tiling,
        grid=grid,
        pixel_size=pixel_size,
        composition=composition,
        closer=closer_looks(looks, conventions, sure_score, grid, native_m=pixel_size.ground_resolution_m),
        levels_guessed=guessed,
        contexts=contexts,
        object_sizes_px=conventions.object_sizes_px,
        unnested=frozenset(
            number
            for number, question in enumerate(composition.questions)
            if (meaning := read_expression(question.expression)) and meaning.category in conventions.unnested
        ),
        min_score=0.0 if settings.task == "refer" and settings.min_score is None else sure_score,
        sure_score=sure_score,
    )


def _check_contexts(scene: Scene, area: Area, contexts: Mapping[str, Layer]) -> None:
    """Refuse layers that cannot be compared with the scene.

    Raises:
        InputError: the scene has no CRS, or a layer lies far from the area.
    """
    if scene.crs is None:
        raise InputError(
            "a context layer needs a scene with a CRS", hint="Give the raster coordinates, or ask without --context."
        )
    x0, y0, x1, y1 = area.window_scene_px
    corners = np.array([scene.transform @ (x, y) for x in (x0, x1) for y in (y0, y1)])
    bounds = np.r_[corners.min(axis=0), corners.max(axis=0)]
    check_near(scene.name, bounds, scene.crs, contexts)


def _with_surroundings(scene: Scene, area: Area, tiling: Tiling, aspect: tuple[float, float]) -> tuple[Area, Area]:
    """The area to report objects of, and the area to scan.

    They differ where the area is smaller than a chip: models miss objects in an image that is only a fragment, so the
    area is padded with context to the size of a chip.
    """
    # Rounded down: one scene pixel more, and the area would no longer fit one chip. Room for float noise.
    sides = [max(1, math.floor(tiling.tile_size_px * tiling.scales[0] * along + 1e-6)) for along in aspect]
    x0, y0, x1, y1 = area.window_scene_px
    left, right = _grown(x0, x1, min(sides[0], scene.width), scene.width)
    top, bottom = _grown(y0, y1, min(sides[1], scene.height), scene.height)
    if (left, top, right, bottom) == area.window_scene_px:
        return area, area
    reported = area.shape_scene_px or shapely.box(x0, y0, x1, y1)
    return (
        replace(area, shape_scene_px=reported),
        Area(window_scene_px=(left, top, right, bottom), shape_scene_px=None),
    )


def _grown(low: int, high: int, side: int, limit: int) -> tuple[int, int]:
    """The interval, or a longer one of length ``side`` around it, inside 0 to ``limit``."""
    if high - low >= side:
        return low, high
    begin = min(max(0, (low + high - side) // 2), limit - side)
    return begin, begin + side
