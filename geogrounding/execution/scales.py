"""At which levels a scene is looked at, and which of them only where a coarser one leaves something unclear."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from geogrounding.models.base import Conventions
from geogrounding.query.lexicon import class_of
from geogrounding.query.parser import read_expression
from geogrounding.raster.grid import ChipGrid
from geogrounding.raster.tiling import HasGroundResolution
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


def choose_scales(
    scene: HasGroundResolution,
    settings: RunSettings,
    conventions: Conventions,
    questions: Sequence[Question] = (),
    *,
    looks: Sequence[tuple[float, float]] = (),
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
        looks: see ``first_looks``; their levels are added.
    """
    native_m = scene.ground_resolution_m
    suited = None if settings.scales else _suited(questions, conventions)
    if suited is not None:
        if not native_m:
            return UNKNOWN_RESOLUTION
        if settings.resolution_m is not None:
            suited = (settings.resolution_m, *(m for m in suited if m > settings.resolution_m))
        suited = (*suited, *(ground_m for ground_m, _ in looks))
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


def first_looks(
    scene: HasGroundResolution, settings: RunSettings, conventions: Conventions, questions: Sequence[Question]
) -> tuple[tuple[float, float], ...]:
    """What ``Conventions.coarse_to_fine`` says of the class of each question; nothing where a question has to be asked
    of every level everywhere, as one that says more than a class or asks for the single best object.

    Levels that a user chose are all looked at. Scores of a class that a model does not list, or that fine-tuning has
    taught it again, are not those that were measured.
    """
    chosen = settings.scales or settings.resolution_m is not None
    if chosen or settings.task == "refer" or not scene.ground_resolution_m:
        return ()
    taught = {class_of(name) for name in conventions.taught}
    measured = (conventions.classes.keys() & conventions.coarse_to_fine.keys()) - taught
    looks = []
    for question in questions:
        meaning = read_expression(question.expression)
        if meaning is None or meaning.plain != meaning.category or meaning.category not in measured:
            return ()
        looks.append(conventions.coarse_to_fine[meaning.category])
    return tuple(looks)


def closer_looks(
    looks: Sequence[tuple[float, float]],
    conventions: Conventions,
    sure_score: float,
    grid: ChipGrid,
    *,
    native_m: float | None,
) -> tuple[Closer, ...] | None:
    """What calls for a closer look, one per question; None where every level is looked at everywhere.

    Who asks for less sure objects gets them from more chips: the scores that call for a closer look go down with the
    least score of a result.

    Args:
        looks: see ``first_looks``.
        conventions: what the model states.
        sure_score: least score of what a run reports.
        grid: the chips.
        native_m: ground resolution of the scene, metres per pixel.
    """
    if not looks or not native_m or grid.level_count == 1 or not conventions.object_sizes_px:
        return None
    usual = conventions.min_score
    out = []
    for ground_m, score in looks:
        fit = [level for level, scale in enumerate(grid.tiling.scales) if scale * native_m <= ground_m * NATIVE]
        out.append(
            Closer(
                below=min(max(fit, default=0), grid[0].level),
                small=score * min(1.0, sure_score / usual),
                small_px=conventions.object_sizes_px[0],
                unsure=(UNSURE * min(sure_score, usual), max(sure_score, usual)),
            )
        )
    return tuple(out)
