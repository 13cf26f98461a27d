"""Answering the chips of a scene in this process, one batch after the other."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

from geogrounding.execution.examples import model_like
from geogrounding.execution.executor import (
    ModelSource,
    SegmenterSource,
    ask_batch,
    batches_of,
    open_model,
    open_segmenter,
)
from geogrounding.execution.journal import ChipRecord
from geogrounding.execution.model_plan import with_plans
from geogrounding.execution.report import Clock
from geogrounding.execution.scan_plan import Plan
from geogrounding.models.base import Model
from geogrounding.models.segmenters.base import Segmenter
from geogrounding.raster.reader import read_chips
from geogrounding.raster.scene import Scene
from geogrounding.raster.stretch import Stretch
from geogrounding.settings import RunSettings


class LocalExecutor:
    """Reads by threads ahead of the model; both in this process."""

    @contextmanager
    def answering(
        self, scene: Scene, settings: RunSettings, model: ModelSource, segmenter: SegmenterSource
    ) -> Iterator[LocalAnswering]:
        """Load model and segmenter for one scene; see ``Executor``."""
        with open_model(model) as loaded, open_segmenter(segmenter, settings) as masks:
            if settings.like is not None:
                loaded = model_like(scene, settings, loaded)
            yield LocalAnswering(scene=scene, model=loaded, segmenter=masks)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalAnswering:
    """One scene, its model and its segmenter, in this process."""

    scene: Scene
    model: Model
    segmenter: Segmenter | None

    def planned(self, settings: RunSettings, *, again: bool = False) -> RunSettings:
        """Ask the model for plans; see ``Answering``."""
        return with_plans(settings, self.model, again=again)

    def batches(
        self, plan: Plan, stretch: Stretch, chips: Sequence[int], clock: Clock
    ) -> Generator[list[ChipRecord], None, None]:
        """Answer chips batch by batch; see ``Answering``."""
        questions = plan.composition.questions
        with closing(read_chips(self.scene, (plan.grid[i] for i in chips), stretch)) as images:
            groups = batches_of(images, self.model.conventions.batch_size)
            while True:
                with clock.count("waiting"):
                    group = next(groups, None)
                if group is None:
                    return
                with clock.count("model"):
                    records = ask_batch(self.model, group, questions, self.segmenter, least_score=plan.sure_score)
                yield records
