"""What the user wants to know, and the request that it becomes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qgis.core import QgsProject, QgsVectorLayer

from . import results
from .area_choice import AreaAsked
from .background import Input
from .examples import ExampleFile, Examples
from .rasters import Export, Outline, Source

MAX_QUESTIONS = 64
MAX_QUESTION_CHARS = 500
CONTEXT = "context/"
"""Names of the files of context layers begin with it."""


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
    outline: str = "box"
    area: AreaAsked = field(default_factory=AreaAsked)
    examples: Examples | None = None
    """What results should look like; None: what the words say."""
    contexts: Mapping[str, QgsVectorLayer] = field(default_factory=dict)
    """Layers that the questions speak of, by the name that they use."""
    plans: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    """Plans that the user changed, by question."""

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
        if self.outline != "box":
            params["outline"] = self.outline
        if not self.source.whole and self.source.path is not None and self.area.polygons is None:
            params["bbox"] = [box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()]
        if self.resolution_m > 0:
            params["resolution_m"] = self.resolution_m
        if self.min_score >= 0:
            params["min_score"] = self.min_score
        if self.plans and self.examples is None:
            params["plans"] = {question: json.dumps(plan) for question, plan in self.plans.items()}
        return params

    def inputs(self, folder: Path | None = None) -> dict[str, Input]:
        """Files to make before a run: an export of the raster, the area, examples, context layers."""
        files = self._layer_files(folder)
        if self.source.path is None:
            files["source"] = Export(self.source, folder)
        return files

    def outlines(self) -> dict[str, Input]:
        """Files to make before an estimate: as ``inputs``, but an empty raster of the size of the export.

        Examples cannot be looked at there, so that they are left out.
        """
        files = self._layer_files(None)
        if self.source.path is None:
            files = {name: made for name, made in files.items() if name not in ("like", "unlike")}
            files["source"] = Outline(self.source)
        return files

    def _layer_files(self, folder: Path | None) -> dict[str, Input]:
        files: dict[str, Input] = {}
        if self.area.polygons is not None:
            files["aoi"] = ExampleFile(self.area.polygons, selected_only=self.area.selected_only, folder=folder)
        if self.examples is not None:
            layer = self.examples.layer
            files["like"] = ExampleFile(layer, ids=self.examples.ids, folder=folder)
            if self.examples.unlike:
                files["unlike"] = ExampleFile(layer, ids=self.examples.unlike, folder=folder)
            return files
        for name, layer in self.contexts.items():
            files[CONTEXT + name] = ExampleFile(layer, folder=folder)
        return files


def with_files(params: Mapping[str, Any], paths: Mapping[str, str]) -> dict[str, Any]:
    """A request with the paths of the files that were made for it."""
    full = {**params, **{name: path for name, path in paths.items() if not name.startswith(CONTEXT)}}
    contexts = {name[len(CONTEXT) :]: path for name, path in paths.items() if name.startswith(CONTEXT)}
    return {**full, "contexts": contexts} if contexts else full


def contexts_in(questions: Sequence[str], project: QgsProject) -> dict[str, QgsVectorLayer]:
    """Vector layers of the project whose names the questions use as words; results are none."""
    found: dict[str, QgsVectorLayer] = {}
    text = "\n".join(questions).lower()
    for layer in project.mapLayers().values():
        if not isinstance(layer, QgsVectorLayer) or not layer.isSpatial() or results.is_result(layer):
            continue
        name = layer.name().strip().lower()
        if name and layer.crs().isValid() and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text):
            found.setdefault(name, layer)
    return found
