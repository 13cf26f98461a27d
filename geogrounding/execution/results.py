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

from geogrounding.execution.journal import ChipRecord, Journal
from geogrounding.execution.scan_plan import Plan
from geogrounding.geometry.boxes import lexical_order
from geogrounding.query.evaluate import choose
from geogrounding.query.planner import Composed, reasoning
from geogrounding.raster.grid import Chip
from geogrounding.raster.scene import Scene
from geogrounding.settings import RunSettings
from geogrounding.types import Answer
from geogrounding.vector.feature import Feature
from geogrounding.vector.georeference import areas_m2, boxes_to_scene_px, cut_edges, polygons_crs
from geogrounding.vector.merge import Candidates, merge

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Objects:
    """The merged answers to one question, inside the area of the run."""

    boxes_scene_px: NDArray[np.float64]
    """(K, 4)."""
    scores: NDArray[np.float64]
    """(K,) NaN where the model gave none."""
    candidates: NDArray[np.int64]
    """(K,) the candidate whose label and chip stand for the object."""

    def take(self, indexes: NDArray[np.int64]) -> _Objects:
        return _Objects(
            boxes_scene_px=self.boxes_scene_px[indexes],
            scores=self.scores[indexes],
            candidates=self.candidates[indexes],
        )

    def best(self) -> _Objects:
        """The one with the best score, of equal ones the first; none of none."""
        scores = np.nan_to_num(self.scores, nan=-1.0)
        return self.take(np.array([np.argmax(scores)] if len(scores) else [], np.int64))


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
        whole_scene: bool | None = None,
    ) -> None:
        """Collect and merge.

        Args:
            scene: the raster.
            plan: how it was looked at and what was asked.
            settings: what the user asked for.
            records: the answers, by chip.
            model_name: goes to every feature.
            first_id: of the first feature.
            whole_scene: only expressions that are decided over the whole scene (True), which needs the records of all
                chips, or only the others (False); None takes all.
        """
        self._scene, self._plan, self._settings, self._records = scene, plan, settings, records
        self._model_name, self._first_id = model_name, first_id
        self.empty_chips = 0
        """Chips without a valid pixel."""
        self.drops: Counter[str] = Counter()
        """Parts of answers that could not be used, by reason."""
        self._failed = False
        self._found = _Found()
        for record in records.values():
            self.empty_chips += record.state == "empty"
            self._failed |= record.error is not None
            for question, answer in enumerate(record.answers):
                self.drops.update(d.reason for d in answer.dropped)
                if answer.detections:
                    self._found.add(plan.grid[record.index], question, answer, plan.min_score)
        self._reasoning: dict[int, str] = {}
        """Of expressions that are decided over the whole scene."""
        self._expression, self._features = self._collect(whole_scene)

    def __len__(self) -> int:
        return len(self._expression)

    def __iter__(self) -> Iterator[Feature]:
        """Features from the top of the scene to its bottom, numbered on from the first id."""
        for start in range(0, len(self), BLOCK):
            boxes_scene_px = self._features.boxes_scene_px[start : start + BLOCK]
            polygons = polygons_crs(boxes_scene_px, self._scene.transform)
            areas = None if self._scene.crs is None else areas_m2(polygons, self._scene.crs)
            for i, polygon in enumerate(polygons):
                area = None if areas is None else round(float(areas[i]), 2)
                yield self._feature(start + i, polygon, area)

    def _feature(self, place: int, polygon: shapely.Polygon, area_m2: float | None) -> Feature:
        candidate, expression = int(self._features.candidates[place]), int(self._expression[place])
        chip_index, question = self._found.chip[candidate], self._found.question[candidate]
        answer = self._records[chip_index].answers[question]
        score = float(self._features.scores[place])
        return Feature(
            id=self._first_id + place,
            query=self._settings.expressions[expression],
            label=answer.detections[self._found.detection[candidate]].label,
            score=None if math.isnan(score) else round(score, 4),
            reasoning=self._reasoning.get(expression, answer.reasoning),
            model=self._model_name,
            chip=chip_name(self._plan.grid[chip_index]),
            source=self._scene.name,
            area_m2=area_m2,
            geometry_crs=polygon,
        )

    def _collect(self, whole_scene: bool | None) -> tuple[NDArray[np.int64], _Objects]:
        """(F,) indexes of expressions, and the object of each feature, from top to bottom and left to right."""
        merging = _Merging(self._found.candidates(), self._plan, self._settings)
        answers: list[_Objects] = []
        for expression, part in enumerate(self._plan.composition.parts):
            if isinstance(part, Composed):
                answer = self._resolve(expression, part, merging) if whole_scene is not False else merging.nothing
            else:
                answer = merging.objects(part, self._plan.min_score) if not whole_scene else merging.nothing
            answers.append(answer.best() if self._settings.task == "refer" else answer)
        expressions = np.repeat(np.arange(len(answers), dtype=np.int64), [len(a.scores) for a in answers])
        every = _Objects(
            boxes_scene_px=np.concatenate([a.boxes_scene_px for a in answers]),
            scores=np.concatenate([a.scores for a in answers]),
            candidates=np.concatenate([a.candidates for a in answers]),
        )
        order = lexical_order(*every.boxes_scene_px[:, [1, 0, 3, 2]].T, expressions, every.candidates)
        return expressions[order], every.take(order)

    def _resolve(self, expression: int, composed: Composed, merging: _Merging) -> _Objects:
        """The objects that an expression means, decided over all objects of the scene; also notes why."""
        x0, y0, x1, y1 = self._plan.area.window_scene_px
        origin = np.array([x0, y0, x0, y0], np.float64)
        same = composed.neighbour == composed.target
        for least in merging.attempts(composed):
            targets = merging.objects(composed.target, least[0])
            neighbours = merging.objects(
                composed.target if composed.neighbour is None else composed.neighbour, least[1]
            )
            choice = choose(
                composed.meaning,
                targets.boxes_scene_px - origin,
                neighbours.boxes_scene_px - origin,
                (x1 - x0, y1 - y0),
                place=composed.place,
                same=same,
            )
            if len(choice.chosen):
                self._reasoning[expression] = reasoning(
                    composed,
                    targets=len(targets.scores),
                    neighbours=len(neighbours.scores),
                    pool=len(choice.pool),
                    where=self._where(),
                    sure=min(least) >= self._plan.sure_score,
                )
                return targets.take(choice.chosen)
        return merging.nothing

    def _where(self) -> str:
        """What was looked at, in words that stay true when chips failed."""
        whole = (0, 0, self._scene.width, self._scene.height)
        area = self._plan.area
        place = "the scene" if area.window_scene_px == whole and area.shape_scene_px is None else "the area asked about"
        return f"what was seen of {place}" if self._failed else place


class _Merging:
    """Merges the candidates of a question when they are needed, once for each least score."""

    def __init__(self, candidates: Candidates, plan: Plan, settings: RunSettings) -> None:
        self._candidates, self._plan, self._settings = candidates, plan, settings
        self._done: dict[tuple[int, float], _Objects] = {}
        none = np.empty(0, np.int64)
        self.nothing = _Objects(boxes_scene_px=np.empty((0, 4)), scores=np.empty(0), candidates=none)
        if plan.area.shape_scene_px is not None:
            shapely.prepare(plan.area.shape_scene_px)

    def objects(self, question: int, least: float) -> _Objects:
        """What was found by a question with at least this score (or none), merged, as far as it touches the area."""
        if (question, least) not in self._done:
            self._done[question, least] = self._merge(question, least)
        return self._done[question, least]

    def _merge(self, question: int, least: float) -> _Objects:
        mine = np.flatnonzero((self._candidates.groups == question) & ~(self._candidates.scores < least))
        everything = len(mine) == len(self._candidates)
        merged = merge(
            self._candidates if everything else self._candidates.take(mine),
            method=self._settings.merge,
            metric=self._settings.match_metric,
            threshold=self._settings.match_threshold,
        )
        objects = _Objects(
            boxes_scene_px=merged.boxes_scene_px, scores=merged.scores, candidates=mine[merged.representative]
        )
        shape = self._plan.area.shape_scene_px
        if shape is None or not len(mine):
            return objects
        return objects.take(np.flatnonzero(shapely.intersects(shapely.box(*merged.boxes_scene_px.T), shape)))

    def attempts(self, composed: Composed) -> list[tuple[float, float]]:
        """Least scores of targets and neighbours under which an expression is decided, until something fits.

        Only what is surely seen counts. ``refer`` wants an answer: where a question has nothing sure, what scores at
        least half as much as its best counts instead, and where still nothing fits, that counts for both.
        """
        sure = self._plan.sure_score
        if self._settings.task != "refer":
            return [(sure, sure)]
        best = [self._best(q) for q in (composed.target, composed.neighbour) if q is not None]
        low = [min(sure, b / 2) for b in best]
        first = [sure if b >= sure else less for b, less in zip(best, low, strict=True)]
        return list(dict.fromkeys((some[0], some[-1]) for some in (first, low)))

    def _best(self, question: int) -> float:
        """The best score; 1 where the model gives none, 0 where nothing was found."""
        scores = self._candidates.scores[self._candidates.groups == question]
        return float(np.nan_to_num(scores, nan=1.0).max(initial=0.0))


def chip_name(chip: Chip) -> str:
    """The name of a chip in attributes and reports: ``level/row/column``."""
    return f"{chip.level}/{chip.row}/{chip.column}"
