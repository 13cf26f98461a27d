"""What a run would need, before it is begun: chips, bytes to read, and the time by a few chips that are answered."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from geogrounding.execution.executor import Answering
from geogrounding.execution.report import Clock
from geogrounding.execution.scan_plan import Plan
from geogrounding.raster.scene import Scene
from geogrounding.raster.stretch import compute_stretch
from geogrounding.settings import RunSettings

PROBE_CHIPS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """What one scene needs."""

    chips: int
    bytes_to_read: int | None
    """About, as they are stored; None where the size of the file is not known without reading it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What answering a few chips showed."""

    chips: int
    seconds_per_chip: float
    """Of one worker, reading included."""
    seconds_before: float
    """Until the first chip of a scene can be read."""


def needed(scene: Scene, plan: Plan) -> Needed:
    """Chips and bytes of a scene: each level reads its share of the raster or of the overview that it is made from.

    Blocks on the edge of the area are read whole, and those between two strips of chips may be read twice: real runs
    over small areas need more.
    """
    try:
        file_bytes = Path(scene.source).stat().st_size
    except (OSError, ValueError):  # remote, or part of a file
        return Needed(chips=plan.chips_expected, bytes_to_read=None)
    x0, y0, x1, y1 = plan.area.window_scene_px
    shape = plan.area.shape_scene_px
    share = ((x1 - x0) * (y1 - y0) if shape is None else shape.area) / (scene.width * scene.height)
    stored = sum(source.width * source.height for source in scene.sources)
    used = (scene.source_for((scale, scale)) for scale in plan.tiling.scales[: plan.grid.level_count])
    pixels = sum(source.width * source.height for source in used)
    return Needed(chips=plan.chips_expected, bytes_to_read=round(file_bytes * min(1.0, share) * pixels / stored))


def probe(answering: Answering, scene: Scene, settings: RunSettings, plan: Plan, count: int = PROBE_CHIPS) -> Probed:
    """Answer chips that lie evenly over the scene, so that empty ones have their share; the first warms the model.

    Args:
        answering: the scene at an executor, of one worker.
        scene: the raster.
        settings: what is asked.
        plan: of the scene.
        count: of chips, at most.

    Raises:
        GeogroundingError: the model or the raster cannot go on.
    """
    begin = time.monotonic()
    stretch = compute_stretch(scene, settings.stretch)
    before = time.monotonic() - begin
    last = len(plan.grid) - 1
    chips = sorted({round(last * n / max(1, count - 1)) for n in range(count)})
    for some in (chips[:1], chips):
        begin = time.monotonic()
        with closing(answering.batches(plan, stretch, some, Clock())) as batches:
            for _ in batches:
                pass
    return Probed(chips=len(chips), seconds_per_chip=(time.monotonic() - begin) / len(chips), seconds_before=before)
