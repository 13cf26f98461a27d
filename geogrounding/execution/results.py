"""From the journal's answers per chip to the features of the whole scene."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray

from geogrounding.execution.journal import ChipRecord, Journal
from geogrounding.execution.looks import Looker
from geogrounding.execution.outlines import PixelOutlines, geometries_of, pixel_outlines
from geogrounding.execution.placed_reasoning import place_in_area, placed_reasoning
from geogrounding.execution.scan_plan import Plan
from geogrounding.execution.scene_query import Detail, Merging, Objects, resolve, together, where_seen
from geogrounding.geometry.boxes import lexical_order
from geogrounding.packaged import BUILTIN
from geogrounding.query.answer import Answered
from geogrounding.query.doubt import FAINTER
from geogrounding.query.planner import Composed
from geogrounding.raster.grid import Chip
from geogrounding.raster.scene import Scene
from geogrounding.settings import RunSettings
from geogrounding.types import Answer, Mask, Outline
from geogrounding.vector.feature import Feature
from geogrounding.vector.georeference import (
    areas_m2,
    boxes_to_scene_px,
    cut_edges,
    polygons_crs,
)
from geogrounding.vector.merge import Candidates
from geogrounding.vector.spans import cut_spans

BLOCK = 10_000
"""Polygons georeferenced at a time: enough to be fast, few enough to be small."""


@dataclass(slots=True)
class _Found:
    """Where each candidate came from, and its numbers; texts stay in the journal.

    Boxes are kept in square pixels (scene pixels over ``ChipGrid.pixel_aspect``), in which merging compares them.
    """

    chip: array[int] = field(default_factory=lambda: array("q"))
    question: array[int] = field(default_factory=lambda: array("q"))
    detection: array[int] = field(default_factory=lambda: array("q"))
    score: array[float] = field(default_factory=lambda: array("d"))
    box_square_px: array[float] = field(default_factory=lambda: array("d"))
    cut: array[int] = field(default_factory=lambda: array("b"))
    window_square_px: array[float] = field(default_factory=lambda: array("d"))
    scale: array[float] = field(default_factory=lambda: array("d"))
    spans_square_px: array[float] | None = None
    """Of masks; None where none are asked for."""

    def add(self, chip: Chip, question: int, answer: Answer, min_score: float) -> None:
        kept = [i for i, d in enumerate(answer.detections) if d.score is None or d.score >= min_score]
        if not kept:
            return
        boxes_chip_px = np.array([answer.detections[i].box_chip_px for i in kept], dtype=np.float64)
        aspect = np.array([*chip.pixel_aspect, *chip.pixel_aspect])
        window_square_px = np.array(chip.window_scene_px) / aspect
        self.box_square_px.extend((boxes_to_scene_px(chip, boxes_chip_px) / aspect).ravel())
        cut = cut_edges(chip, boxes_chip_px)
        self.cut.extend(cut.ravel().astype(np.int8))
        if self.spans_square_px is not None:
            spans = [cut_spans(chip, answer.detections[i].mask, own) for i, own in zip(kept, cut, strict=True)]
            self.spans_square_px.extend((np.array(spans) / aspect[[1, 0, 1, 0], None]).ravel())
        for i in kept:
            score = answer.detections[i].score
            self.chip.append(chip.index)
            self.question.append(question)
            self.detection.append(i)
            self.score.append(math.nan if score is None else score)
            self.window_square_px.extend(window_square_px)
            self.scale.append(max(chip.scale[0] / aspect[0], chip.scale[1] / aspect[1]))

    def candidates(self) -> Candidates:
        return Candidates(
            boxes_scene_px=np.array(self.box_square_px, dtype=np.float64).reshape(-1, 4),
            scores=np.array(self.score, dtype=np.float64),
            # One question, one group: a label may differ between two views of the same object.
            groups=np.array(self.question, dtype=np.int64),
            cut=np.array(self.cut, dtype=np.bool_).reshape(-1, 4),
            chips=np.array(self.chip, dtype=np.int64),
            chip_windows_scene_px=np.array(self.window_square_px, dtype=np.float64).reshape(-1, 4),
            scales=np.array(self.scale, dtype=np.float64),
            spans=None if self.spans_square_px is None else np.array(self.spans_square_px).reshape(-1, 4, 2),
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
        whole_scene: bool | None = None,
        looker: Looker | None = None,
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
            looker: reads pixels again, for queries that speak of colours and shapes; without it these are unknown.
        """
        self._looker = looker
        self._scene, self._plan, self._settings, self._records = scene, plan, settings, records
        self._model_name, self._first_id = model_name, first_id
        self.empty_chips = 0
        """Chips without a valid pixel."""
        self.passed_over_chips = 0
        """Chips of finer levels that nothing of the coarser ones called for."""
        self.drops: Counter[str] = Counter()
        """Parts of answers that could not be used, by reason."""
        self._failed = False
        self._found = _Found(spans_square_px=array("d") if settings.needs_masks else None)
        least = plan.min_score * (FAINTER if plan.composition.composed and settings.task != "refer" else 1.0)
        for record in records.values():
            self.empty_chips += record.state == "empty"
            self.passed_over_chips += record.state == "passed over"
            self._failed |= record.error is not None
            for question, answer in enumerate(record.answers):
                self.drops.update(d.reason for d in answer.dropped)
                if answer.detections:
                    self._found.add(plan.grid[record.index], question, answer, least)
        self._details: dict[tuple[int, int], Detail] = {}
        """By expression that is decided over the whole scene, and candidate."""
        self.answers: dict[str, Answered] = {}
        """What expressions that are decided over the whole scene came to."""
        self.warnings = tuple(
            f"'{word}' is not known to the {_spoken_model(model_name)}; {expression!r} was asked as it stands"
            for expression, words in plan.composition.unread.items()
            for word in words
            if expression in settings.expressions
        )
        """What the result lacks."""
        self.measures: tuple[str, ...] = ()
        """Names of what was measured of some features, in alphabetical order."""
        self._expression, self._features = self._collect(whole_scene)

    def __len__(self) -> int:
        return len(self._expression)

    @property
    def empty_columns(self) -> tuple[str, ...]:
        """Attributes that are null in every feature: scores of a model that gives none, areas of points."""
        unmeasured = self._scene.crs is None or self._settings.drawn_outline == "point"
        scored = np.isfinite(self._features.scores).any()
        return (() if scored else ("score",)) + (("area_m2",) if unmeasured else ())

    def __iter__(self) -> Iterator[Feature]:
        """Features from the top of the scene to its bottom, numbered on from the first id."""
        for start in range(0, len(self), BLOCK):
            block = self._features.take(np.arange(start, min(start + BLOCK, len(self))))
            geometries, outlines = self._geometries(block)
            areas = None
            if self._scene.crs is not None and self._settings.drawn_outline != "point":
                areas = areas_m2(geometries, self._scene.crs)
            for i, geometry in enumerate(geometries):
                area = None if areas is None else round(float(areas[i]), 2)
                yield self._feature(start + i, geometry, outlines[i], area)

    def masks(self) -> Iterator[tuple[list[Feature], PixelOutlines]]:
        """The features in blocks, with boxes for geometries, and their masks as far as the run has any."""
        for start in range(0, len(self), BLOCK):
            block = self._features.take(np.arange(start, min(start + BLOCK, len(self))))
            boxes = polygons_crs(block.boxes_scene_px, self._scene.transform)
            features = [self._feature(start + i, box, "box", None) for i, box in enumerate(boxes)]
            yield features, self._pixel_outlines(block)

    def _geometries(self, block: Objects) -> tuple[NDArray[np.object_], Sequence[Outline]]:
        """Geometries in the CRS of the scene (or scene pixels), and what each shows."""
        return geometries_of(
            self._pixel_outlines(block),
            outline=self._settings.drawn_outline,
            simplify_m=self._settings.simplify_m,
            transform=self._scene.transform,
            crs=self._scene.crs,
        )

    def _pixel_outlines(self, block: Objects) -> PixelOutlines:
        if not self._settings.needs_masks:
            return PixelOutlines.without_masks(block.boxes_scene_px)
        return pixel_outlines(
            block.boxes_scene_px,
            self._plan.grid.pixel_aspect,
            list(block.members),
            self._candidates,
            self._view,
        )

    def _measured(self, objects: Objects) -> NDArray[np.object_]:
        """What is measured of objects: the outlines that are written; boxes where points are."""
        if self._settings.drawn_outline == "point":
            return polygons_crs(objects.boxes_scene_px, self._scene.transform)
        return self._geometries(objects)[0]

    def _view(self, candidate: int) -> tuple[Mask | None, Chip]:
        """The mask of a candidate, and the chip it was seen on."""
        chip = self._found.chip[candidate]
        answer = self._records[chip].answers[self._found.question[candidate]]
        return answer.detections[self._found.detection[candidate]].mask, self._plan.grid[chip]

    def _feature(
        self, place: int, geometry: shapely.Polygon | shapely.Point, outline: Outline, area_m2: float | None
    ) -> Feature:
        candidate, expression = int(self._features.candidates[place]), int(self._expression[place])
        chip_index, question = self._found.chip[candidate], self._found.question[candidate]
        answer = self._records[chip_index].answers[question]
        score = float(self._features.scores[place])
        detail = self._details.get((expression, candidate))
        return Feature(
            id=self._first_id + place,
            query=self._settings.expressions[expression],
            label=answer.detections[self._found.detection[candidate]].label,
            score=None if math.isnan(score) else round(score, 4),
            reasoning=self._placed(answer.reasoning, place) if detail is None else detail.reason,
            model=self._model_name,
            chip=chip_name(self._plan.grid[chip_index]),
            source=self._scene.name,
            outline=outline,
            area_m2=area_m2,
            geometry_crs=geometry,
            measures=() if detail is None else tuple(detail.measures.items()),
        )

    def _placed(self, reasoning: str, place: int) -> str:
        box = self._features.boxes_scene_px[place]
        where = place_in_area(box, self._plan.area.window_scene_px)
        return placed_reasoning(reasoning, where)

    def _collect(self, whole_scene: bool | None) -> tuple[NDArray[np.int64], Objects]:
        """(F,) indexes of expressions, and the object of each feature, from top to bottom and left to right."""
        self._candidates = self._found.candidates()
        merging = Merging(self._candidates, self._plan, self._settings)
        answers: list[Objects] = []
        for expression, part in enumerate(self._plan.composition.parts):
            if isinstance(part, Composed):
                answer = merging.nothing
                if whole_scene is not False:
                    where = where_seen(self._scene, self._plan, self._failed)
                    resolved = resolve(
                        part, merging, self._scene, self._plan, where, self._measured,
                        None if self._looker is None else self._looker.look,
                        boxed=self._settings.drawn_outline == "box",
                    )  # fmt: skip
                    answer = resolved.objects
                    self._details |= {(expression, number): detail for number, detail in resolved.details.items()}
                    if resolved.answered is not None:
                        self.answers[self._settings.expressions[expression]] = resolved.answered
                        spoken = _spoken_model(self._model_name)
                        self.warnings += tuple(
                            f"'{word}' is not known to the {spoken}; nothing was searched for it"
                            for word in resolved.answered.unknown
                        )
                        self.warnings += resolved.answered.remarks
            else:
                answer = merging.objects(part, self._plan.min_score) if not whole_scene else merging.nothing
            answers.append(answer.best() if self._settings.task == "refer" else answer)
        expressions = np.repeat(np.arange(len(answers), dtype=np.int64), [len(a.scores) for a in answers])
        every = together(answers)
        self.measures = tuple(
            sorted({name for detail in self._details.values() for name in detail.measures} - {"area_m2"})
        )
        order = lexical_order(*every.boxes_scene_px[:, [1, 0, 3, 2]].T, expressions, every.candidates)
        return expressions[order], every.take(order)


def _spoken_model(name: str) -> str:
    return "built-in model" if name == BUILTIN else f"model {name}"


def chip_name(chip: Chip) -> str:
    """The name of a chip in attributes and reports: ``level/row/column``."""
    return f"{chip.level}/{chip.row}/{chip.column}"
