"""What the user wants to know, and the request that it becomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .area_choice import AreaAsked
from .background import Input
from .examples import ExampleFile
from .rasters import Export, Outline, Source

MAX_QUESTIONS = 64
MAX_QUESTION_CHARS = 500


@dataclass(frozen=True)
class Ask:
    """Questions about one raster."""

    source: Source
    questions: tuple[str, ...]
    task: str
    model: str
    resolution_m: float
    min_score: float
    """-1: what suits the model."""
    area: AreaAsked = field(default_factory=AreaAsked)

    def params(self) -> dict[str, Any]:
        """The request for the engine, without what only the settings know and without files that ``inputs`` makes."""
        box = self.source.extent
        params: dict[str, Any] = {
            "source": self.source.path,
            "expressions": list(self.questions),
            "task": self.task,
            "model": self.model,
            **self.source.appearance.params(),
        }
        if not self.source.whole and self.source.path is not None and self.area.polygons is None:
            params["bbox"] = [box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()]
        if self.resolution_m > 0:
            params["resolution_m"] = self.resolution_m
        if self.min_score >= 0:
            params["min_score"] = self.min_score
        return params

    def inputs(self) -> dict[str, Input]:
        """Files to make before a run: the polygons of the area, and an export of the raster."""
        files = self._area_file()
        if self.source.path is None:
            files["source"] = Export(self.source)
        return files

    def outlines(self) -> dict[str, Input]:
        """Files to make before an estimate: as ``inputs``, but an empty raster of the size of the export."""
        files = self._area_file()
        if self.source.path is None:
            files["source"] = Outline(self.source)
        return files

    def _area_file(self) -> dict[str, Input]:
        if self.area.polygons is None:
            return {}
        return {"aoi": ExampleFile(self.area.polygons, selected_only=self.area.selected_only)}
