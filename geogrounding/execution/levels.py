"""Levels of a scene whose ground resolution is not known, from a look at some of its chips.

Where it is known, each class is looked for at the ground resolutions that suit it. Elsewhere the objects themselves say
how large they are: where most of those found are smaller than the model sees well, one level more shows them enlarged,
and where nearly all are large, the finest level, which has most of the chips, is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from geogrounding.execution.executor import Answering
from geogrounding.execution.report import Clock
from geogrounding.execution.scales import UNKNOWN_RESOLUTION
from geogrounding.execution.scan_plan import Plan, make_plan
from geogrounding.raster.grid import Chip
from geogrounding.raster.scene import Scene
from geogrounding.raster.stretch import Stretch
from geogrounding.settings import RunSettings
from geogrounding.types import Answer

SHARE, LEAST_CHIPS, MOST_CHIPS = 0.25, 8, 16
"""Chips of the finest level that are looked at: a share of them, at least and at most so many."""
FEW = 3
"""Fewer objects than this say nothing of their usual size."""
FINER = (0.25, *UNKNOWN_RESOLUTION)
"""Levels for small objects."""
SMALL = 1.2
"""Small: half of them measure less than so many times the least size that the model sees well. Chosen on cars of images
kept back: of 22 pixels they are found better enlarged (AP50 0.57 and 0.76), of 36 worse (0.88 and 0.81)."""
LARGE = 0.8
"""Large: three quarters measure at least so much of the largest size that the model sees well. Buildings of two such
images kept back had AP50 0.65 on all levels and 0.81 without the finest, trees of one 0.68 and 0.71."""
EDGE_PX = 1.0
"""A box as near to the edge of a chip may be a part of an object."""
_NONE = np.empty(0, np.float64)
_GOLDEN = (5**0.5 - 1) / 2


def plan_by_looking(
    scene: Scene, settings: RunSettings, answering: Answering, stretch: Stretch, clock: Clock | None = None
) -> Plan:
    """``make_plan``; where the size of a pixel is not known, with levels that suit the sizes of what is asked.

    The chips looked at follow from the plan, so a resumed run comes to the same levels.

    Args:
        scene: the raster.
        settings: what the user asked.
        answering: the model.
        stretch: of the scene.
        clock: gets the time that it takes.

    Raises:
        GeogroundingError: see ``make_plan`` and ``Answering.batches``.
    """
    conventions = answering.model.conventions
    plan = make_plan(scene, settings, conventions)
    if not plan.levels_guessed or conventions.object_sizes_px is None:
        return plan
    with closing(answering.batches(plan, stretch, _sample(plan), clock or Clock())) as batches:
        records = [record for of_batch in batches for record in of_batch if record.answers]
    least, most = conventions.object_sizes_px
    of_questions = [
        np.concatenate([_sizes(r.answers[n], plan.grid[r.index], conventions.min_score) for r in records] or [_NONE])
        for n in range(len(plan.composition.questions))
    ]
    said = [sizes_px for sizes_px in of_questions if len(sizes_px) >= FEW]
    if any(np.median(sizes_px) < SMALL * least for sizes_px in said):
        return make_plan(scene, settings, conventions, guess=FINER)
    if said and len(said) == len(of_questions) and all(np.quantile(s, 0.25) >= LARGE * most for s in said):
        return make_plan(scene, settings, conventions, guess=UNKNOWN_RESOLUTION[1:])
    return plan


def _sample(plan: Plan) -> Sequence[int]:
    """Indexes of chips of the finest level, spread over it."""
    finest = plan.grid.level_chips(0)
    wanted = min(len(finest), MOST_CHIPS, max(LEAST_CHIPS, round(len(finest) * SHARE)))
    # multiples of the golden ratio leave no row or column out, as even steps would
    return sorted({finest[int(k * _GOLDEN % 1 * len(finest))] for k in range(wanted)})


def _sizes(answer: Answer, chip: Chip, least_score: float) -> NDArray[np.float64]:
    """Roots of the areas, chip pixels, of the boxes that are surely seen, and whole."""
    sure = [d.box_chip_px for d in answer.detections if d.score is None or d.score >= least_score]
    boxes = np.array(sure, np.float64).reshape(-1, 4)
    whole = (boxes[:, :2] > EDGE_PX).all(axis=1) & (boxes[:, 2:] < np.array(chip.size_px) - EDGE_PX).all(axis=1)
    sizes: NDArray[np.float64] = np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(axis=1))[whole]
    return sizes
