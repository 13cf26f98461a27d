"""Before the first chip: which area, at which resolution, cut how."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import shapely

from geogrounding.errors import InputError
from geogrounding.execution.area import Area, resolve_area
from geogrounding.execution.layer_query import Layer, check_near, nouns_of, read_contexts
from geogrounding.models.base import Conventions
from geogrounding.query.contradictions import check_unit
from geogrounding.query.parser import read_expression
from geogrounding.query.plan import QueryPlan
from geogrounding.query.planner import Composed, Composition, Known, compose
from geogrounding.raster.georeference import PixelSize
from geogrounding.raster.grid import ChipGrid
from geogrounding.raster.scene import Scene
from geogrounding.raster.tiling import HasGroundResolution, Tiling, parse_overlap
from geogrounding.settings import RunSettings
from geogrounding.types import Detection, Question

RANGE_TOLERANCE = 1.05
"""A level may pass the coarsest ground resolution of a model by this factor: 0.51 m imagery is 0.5 m imagery."""

FINEST = 0.35
"""Imagery is enlarged at most so far (scene pixels per chip pixel): there is no more in it."""
NATIVE = 1.3
"""A level that differs from the native resolution by less than this factor is the native one: nothing is resampled."""
APART = 1.6
"""Least factor between two levels."""
UNSURE = 0.5
"""Share of the least score of a result from which on a box may turn out to be one."""
CLOSER_SHARE = 0.3
"""Share of the finer chips that a closer look is expected to need: 0.15 of those of ten scenes of airports, 0.6 of
those of eight shown at half their size."""
UNKNOWN_RESOLUTION = (0.5, 1.0, 2.0)
"""Levels for imagery of which it is not known how large a pixel is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closer:
    """What calls for a closer look when one question is asked."""

    below: int
    """Index of the coarsest level that suits the question; it and coarser ones are looked at everywhere."""
    small: float
    """Score from which on boxes count that are smaller than ``small_px``, the root of their area in chip pixels."""
    small_px: float
    unsure: tuple[float, float]
    """Scores, half-open, of larger boxes that may be right or wrong."""

    def unclear(self, detection: Detection) -> bool:
        """Whether a finer level may show something else where a coarser one has this."""
        x0, y0, x1, y1 = detection.box_chip_px
        score = detection.score
        if score is None:
            return True
        small = math.sqrt((x1 - x0) * (y1 - y0)) < self.small_px
        return score >= self.small if small else self.unsure[0] <= score < self.unsure[1]


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
        if self.closer is None:
            return len(self.grid)
        below = min(one.below for one in self.closer)
        levels = [self.grid.level_chips(position) for position in range(self.grid.level_count)]
        finer = sum(len(chips) for chips in levels if self.grid[chips[0]].level < below)
        return len(self.grid) - finer + round(CLOSER_SHARE * finer)

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
    scales = choose_scales(pixel_size, settings, conventions, composition.questions)
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
        closer=_closer(pixel_size, settings, conventions, composition.questions, tiling, grid, sure_score),
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


def choose_scales(
    scene: HasGroundResolution, settings: RunSettings, conventions: Conventions, questions: Sequence[Question] = ()
) -> tuple[float, ...]:
    """Scene pixels (square ones: see ``ChipGrid``) per chip pixel at each level, finest first.

    ``--scales`` are taken as they are, as multiples of the finest resolution. Otherwise, where every question names a
    class of the model, each is looked for at the ground resolutions that suit it, and nothing is looked at in vain;
    where the ground resolution of the scene is not known, at its own, a finer and a coarser one. In all other cases the
    finest level is the resolution asked for, else the native one, else the nearest inside the model's range, and
    coarser levels follow the model's multiples, as far as the range goes.

    Args:
        scene: the raster.
        settings: what the user asked.
        conventions: what the model states.
        questions: what is asked of each chip.
    """
    native_m = scene.ground_resolution_m
    suited = None if settings.scales else _suited(questions, conventions)
    if suited is not None:
        if not native_m:
            return UNKNOWN_RESOLUTION
        if settings.resolution_m is not None:
            suited = (settings.resolution_m, *(m for m in suited if m > settings.resolution_m))
        return _apart(settings.resolution_m, [m / native_m for m in suited], native_m)
    finest = 1.0
    if settings.resolution_m is not None and native_m:
        finest = settings.resolution_m / native_m
    elif conventions.ground_resolution_m and native_m:
        low, high = conventions.ground_resolution_m
        finest = min(max(native_m, low), high) / native_m
    multiples = settings.scales or conventions.scales
    scales = [finest * m for m in multiples]
    if settings.scales is None and conventions.ground_resolution_m and native_m:
        coarsest = conventions.ground_resolution_m[1] * RANGE_TOLERANCE / native_m
        scales = [s for s in scales if s <= coarsest] or scales[:1]
    return tuple(scales)


def _suited(questions: Sequence[Question], conventions: Conventions) -> tuple[float, ...] | None:
    """Ground resolutions that suit what is asked, finest first; None where a question names no class with such."""
    found: set[float] = set()
    for question in questions:
        meaning = read_expression(question.expression)
        levels = () if meaning is None else conventions.classes.get(meaning.category, ())
        if not levels:
            return None
        found.update(levels)
    return tuple(sorted(found)) or None


def _closer(
    scene: HasGroundResolution,
    settings: RunSettings,
    conventions: Conventions,
    questions: Sequence[Question],
    tiling: Tiling,
    grid: ChipGrid,
    sure_score: float,
) -> tuple[Closer, ...] | None:
    """What calls for a closer look; None where a question is to be asked of every level everywhere.

    Levels that the user chose are all looked at. Who asks for less sure objects gets them from more chips: the scores
    that call for a closer look go down with the least score of a result.
    """
    native_m = scene.ground_resolution_m
    chosen = settings.scales or settings.resolution_m is not None
    if chosen or settings.task == "refer" or not native_m or grid.level_count == 1 or not conventions.object_sizes_px:
        return None
    out = []
    for question in questions:
        meaning = read_expression(question.expression)
        if meaning is None or meaning.plain != meaning.category or meaning.category not in conventions.coarse_to_fine:
            return None
        coarsest_m = conventions.classes[meaning.category][-1]
        fit = [level for level, scale in enumerate(tiling.scales) if scale * native_m <= coarsest_m * NATIVE]
        usual = conventions.min_score
        out.append(
            Closer(
                below=min(max(fit, default=0), grid[0].level),
                small=conventions.coarse_to_fine[meaning.category] * min(1.0, sure_score / usual),
                small_px=conventions.object_sizes_px[0],
                unsure=(UNSURE * min(sure_score, usual), max(sure_score, usual)),
            )
        )
    return tuple(out)


def _apart(asked_m: float | None, scales: Sequence[float], native_m: float) -> tuple[float, ...]:
    """Levels without those that show the same again: close to the native resolution a level is the native one, and two
    levels are at least ``APART`` apart. A resolution that was asked for stays as it is.
    """
    out: list[float] = []
    for scale in sorted(scales):
        level = max(scale, FINEST)
        if asked_m is not None and scale == asked_m / native_m:
            level = scale
        elif 1 / NATIVE <= level <= NATIVE:
            level = 1.0
        if not out or level >= out[-1] * APART:
            out.append(level)
    return tuple(out)
