"""From the journal's answers per chip to the features of the whole scene."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray

from geogrounding.grounding.detection import Answer
from geogrounding.journal import ChipRecord, Journal
from geogrounding.plan import Plan
from geogrounding.raster.grid import Chip
from geogrounding.raster.scene import Scene
from geogrounding.settings import RunSettings
from geogrounding.vector.feature import Feature
from geogrounding.vector.georeference import areas_m2, boxes_to_scene_px, cut_edges, polygons_crs
from geogrounding.vector.merge import Candidates, Merged, merge

BLOCK = 10_000
"""Polygons georeferenced at a time: enough to be fast, few enough to be small."""


@dataclass(slots=True)
class _Found:
    """Where each candidate came from, and its numbers; texts stay in the journal."""

    chip: array[int] = field(default_factory=lambda: array("q"))
    question: array[int] = field(default_factory=lambda: array("q"))
    detection: array[int] = field(default_factory=lambda: array("q"))
    score: array[float] = field(default_factory=lambda: array("d"))
    box_scene_px: array[float] = field(default_factory=lambda: array("d"))
    cut: array[int] = field(default_factory=lambda: array("b"))
    window_scene_px: array[float] = field(default_factory=lambda: array("d"))
    scale: array[float] = field(default_factory=lambda: array("d"))

    def add(self, chip: Chip, question: int, answer: Answer, min_score: float) -> None:
        kept = [i for i, d in enumerate(answer.detections) if d.score is None or d.score >= min_score]
        if not kept:
            return
        boxes_chip_px = np.array([answer.detections[i].box_chip_px for i in kept], dtype=np.float64)
        self.box_scene_px.extend(boxes_to_scene_px(chip, boxes_chip_px).ravel())
        self.cut.extend(cut_edges(chip, boxes_chip_px).ravel().astype(np.int8))
        for i in kept:
            score = answer.detections[i].score
            self.chip.append(chip.index)
            self.question.append(question)
            self.detection.append(i)
            self.score.append(math.nan if score is None else score)
            self.window_scene_px.extend(chip.window_scene_px)
            self.scale.append(max(chip.scale))

    def candidates(self) -> Candidates:
        return Candidates(
            boxes_scene_px=np.array(self.box_scene_px, dtype=np.float64).reshape(-1, 4),
            scores=np.array(self.score, dtype=np.float64),
            # One question, one group: a label may differ between two views of the same object.
            groups=np.array(self.question, dtype=np.int64),
            cut=np.array(self.cut, dtype=np.bool_).reshape(-1, 4),
            chips=np.array(self.chip, dtype=np.int64),
            chip_windows_scene_px=np.array(self.window_scene_px, dtype=np.float64).reshape(-1, 4),
            scales=np.array(self.scale, dtype=np.float64),
        )


class Collection:
    """The features of answered chips, made from their records as often as they are asked for."""

    def __init__(
        self,
        scene: Scene,
        plan: Plan,
        settings: RunSettings,
        records: Journal | Mapping[int, ChipRecord],
        *,
        model_name: str,
        first_id: int = 1,
    ) -> None:
        self._scene, self._settings, self._records = scene, settings, records
        self._grid, self._model_name, self._first_id = plan.grid, model_name, first_id
        self.empty_chips = 0
        """Chips without a valid pixel."""
        self.drops: Counter[str] = Counter()
        """Parts of answers that could not be used, by reason."""
        self._found = _Found()
        for record in records.values():
            self.empty_chips += record.state == "empty"
            for question, answer in enumerate(record.answers):
                self.drops.update(d.reason for d in answer.dropped)
                if answer.detections:
                    self._found.add(plan.grid[record.index], question, answer, plan.min_score)
        merged = merge(
            self._found.candidates(),
            method=settings.merge,
            metric=settings.match_metric,
            threshold=settings.match_threshold,
        )
        self._merged = merged
        self._kept = self._select(merged, plan)

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[Feature]:
        """Features from the top of the scene to its bottom, numbered on from the first id."""
        for start in range(0, len(self._kept), BLOCK):
            kept = self._kept[start : start + BLOCK]
            polygons = polygons_crs(self._merged.boxes_scene_px[kept], self._scene.transform)
            areas = None if self._scene.crs is None else areas_m2(polygons, self._scene.crs)
            for i, m in enumerate(kept):
                area = None if areas is None else round(float(areas[i]), 2)
                yield self._feature(self._first_id + start + i, int(m), polygons[i], area)

    def _feature(self, number: int, m: int, polygon: shapely.Polygon, area_m2: float | None) -> Feature:
        candidate = int(self._merged.representative[m])
        chip_index, question = self._found.chip[candidate], self._found.question[candidate]
        answer = self._records[chip_index].answers[question]
        score = float(self._merged.scores[m])
        return Feature(
            id=number,
            query=self._settings.expressions[question],
            label=answer.detections[self._found.detection[candidate]].label,
            score=None if math.isnan(score) else round(score, 4),
            reasoning=answer.reasoning,
            model=self._model_name,
            chip=chip_name(self._grid[chip_index]),
            source=self._scene.name,
            area_m2=area_m2,
            geometry_crs=polygon,
        )

    def _select(self, merged: Merged, plan: Plan) -> NDArray[np.int64]:
        """Which merged boxes become features: those that touch the area; for ``refer`` the best of each question."""
        keep = np.arange(len(merged.boxes_scene_px))
        if plan.area.shape_scene_px is not None and len(keep):
            shapely.prepare(plan.area.shape_scene_px)
            keep = keep[shapely.intersects(shapely.box(*merged.boxes_scene_px.T), plan.area.shape_scene_px)]
        if self._settings.task == "refer" and len(keep):
            questions = np.array(self._found.question)[merged.representative[keep]]
            scores = np.nan_to_num(merged.scores[keep], nan=-1.0)
            best = [keep[questions == q][np.argmax(scores[questions == q])] for q in np.unique(questions)]
            keep = np.sort(np.array(best))
        return keep


def chip_name(chip: Chip) -> str:
    """The name of a chip in attributes and reports: ``level/row/column``."""
    return f"{chip.level}/{chip.row}/{chip.column}"
