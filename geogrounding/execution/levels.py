"""Levels of a scene whose ground resolution is not known, from a look at some of its chips.

Where it is known, each class is looked for at the ground resolutions that suit it. Elsewhere the objects themselves say
how large they are: where most of those found are smaller than the model sees well, one level more shows them enlarged.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from geogrounding.execution.executor import Answering
from geogrounding.execution.report import Clock
from geogrounding.execution.scan_plan import Plan, make_plan
from geogrounding.raster.scene import Scene
from geogrounding.raster.stretch import Stretch
from geogrounding.settings import RunSettings
from geogrounding.types import Answer

SHARE, LEAST_CHIPS, MOST_CHIPS = 0.25, 8, 16
"""Chips of the finest level that are looked at: a share of them, at least and at most so many."""
FEW = 3
"""Fewer objects than this say nothing of their usual size."""
SMALL = 1.2
"""Objects look small where they measure less than so many times the least size that the model sees well. Chosen on cars
of images kept back: of 22 pixels they are found better enlarged (AP50 0.57 and 0.76), of 36 worse (0.88 and 0.81)."""
_GOLDEN = (5**0.5 - 1) / 2


def plan_by_looking(
    scene: Scene, settings: RunSettings, answering: Answering, stretch: Stretch, clock: Clock | None = None
) -> Plan:
    """``make_plan``; where the size of a pixel is not known, with a finer level if what is asked for looks small.

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
        answered = [record.answers for records in batches for record in records if record.answers]
    for answers in zip(*answered, strict=False):  # one question after the other
        sizes_px = _sizes(answers, conventions.min_score)
        if len(sizes_px) >= FEW and np.median(sizes_px) < SMALL * conventions.object_sizes_px[0]:
            return make_plan(scene, settings, conventions, finer=True)
    return plan


def _sample(plan: Plan) -> Sequence[int]:
    """Indexes of chips of the finest level, spread over it."""
    count = bisect_left(range(len(plan.grid)), 1, key=lambda index: plan.grid[index].level)
    wanted = min(count, MOST_CHIPS, max(LEAST_CHIPS, round(count * SHARE)))
    # multiples of the golden ratio leave no row or column out, as even steps would
    return sorted({int(k * _GOLDEN % 1 * count) for k in range(wanted)})


def _sizes(answers: Sequence[Answer], least_score: float) -> NDArray[np.float64]:
    """Roots of the areas, chip pixels, of the boxes that are surely seen."""
    boxes = [
        detection.box_chip_px
        for answer in answers
        for detection in answer.detections
        if detection.score is None or detection.score >= least_score
    ]
    corners = np.array(boxes, np.float64).reshape(-1, 4)
    sizes: NDArray[np.float64] = np.sqrt((corners[:, 2:] - corners[:, :2]).prod(axis=1))
    return sizes
