"""Expressions that are decided over the whole scene: merged answers to their questions, and the choice among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from geogrounding.execution.scan_plan import Plan
from geogrounding.query.evaluate import choose
from geogrounding.query.planner import Composed, reasoning
from geogrounding.raster.scene import Scene
from geogrounding.settings import RunSettings
from geogrounding.vector.merge import Candidates, merge


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    """The merged answers to one question, inside the area of the run."""

    boxes_scene_px: NDArray[np.float64]
    """(K, 4)."""
    scores: NDArray[np.float64]
    """(K,) NaN where the model gave none."""
    candidates: NDArray[np.int64]
    """(K,) the candidate whose label and chip stand for the object."""

    def take(self, indexes: NDArray[np.int64]) -> Objects:
        """The objects at these indexes (J,)."""
        return Objects(
            boxes_scene_px=self.boxes_scene_px[indexes],
            scores=self.scores[indexes],
            candidates=self.candidates[indexes],
        )

    def best(self) -> Objects:
        """The one with the best score, of equal ones the first; none of none."""
        scores = np.nan_to_num(self.scores, nan=-1.0)
        return self.take(np.array([np.argmax(scores)] if len(scores) else [], np.int64))


class Merging:
    """Merges the candidates of a question when they are needed, once for each least score."""

    def __init__(self, candidates: Candidates, plan: Plan, settings: RunSettings) -> None:
        self._candidates, self._plan, self._settings = candidates, plan, settings
        self._done: dict[tuple[int, float], Objects] = {}
        none = np.empty(0, np.int64)
        self.nothing = Objects(boxes_scene_px=np.empty((0, 4)), scores=np.empty(0), candidates=none)
        if plan.area.shape_scene_px is not None:
            shapely.prepare(plan.area.shape_scene_px)

    def objects(self, question: int, least: float) -> Objects:
        """What was found by a question with at least this score (or none), merged, as far as it touches the area."""
        if (question, least) not in self._done:
            self._done[question, least] = self._merge(question, least)
        return self._done[question, least]

    def _merge(self, question: int, least: float) -> Objects:
        mine = np.flatnonzero((self._candidates.groups == question) & ~(self._candidates.scores < least))
        everything = len(mine) == len(self._candidates)
        merged = merge(
            self._candidates if everything else self._candidates.take(mine),
            method=self._settings.merge,
            metric=self._settings.match_metric,
            threshold=self._settings.match_threshold,
        )
        # Merging compares boxes in square pixels: see results._Found.
        aspect = self._plan.grid.pixel_aspect
        boxes_scene_px = merged.boxes_scene_px * [*aspect, *aspect]
        objects = Objects(boxes_scene_px=boxes_scene_px, scores=merged.scores, candidates=mine[merged.representative])
        shape = self._plan.area.shape_scene_px
        if shape is None or not len(mine):
            return objects
        return objects.take(np.flatnonzero(shapely.intersects(shapely.box(*boxes_scene_px.T), shape)))

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


def resolve(composed: Composed, merging: Merging, plan: Plan, where: str) -> tuple[Objects, str]:
    """The objects that an expression means, decided over all objects of the scene, and the explanation.

    Args:
        composed: the expression, taken apart.
        merging: the answers of the model, merged on demand.
        plan: how the scene was looked at.
        where: what was looked at, in words.
    """
    x0, y0, x1, y1 = plan.area.window_scene_px
    origin = np.array([x0, y0, x0, y0], np.float64)
    same = composed.neighbour == composed.target
    for least in merging.attempts(composed):
        targets = merging.objects(composed.target, least[0])
        neighbours = merging.objects(composed.target if composed.neighbour is None else composed.neighbour, least[1])
        choice = choose(
            composed.meaning,
            targets.boxes_scene_px - origin,
            neighbours.boxes_scene_px - origin,
            (x1 - x0, y1 - y0),
            place=composed.place,
            same=same,
        )
        if len(choice.chosen):
            why = reasoning(
                composed,
                targets=len(targets.scores),
                neighbours=len(neighbours.scores),
                pool=len(choice.pool),
                where=where,
                sure=min(least) >= plan.sure_score,
            )
            return targets.take(choice.chosen), why
    return merging.nothing, ""


def where_seen(scene: Scene, plan: Plan, failed: bool) -> str:
    """What was looked at, in words that stay true when chips failed."""
    whole = (0, 0, scene.width, scene.height)
    place = "the area asked about"
    if plan.area.window_scene_px == whole and plan.area.shape_scene_px is None:
        place = "the scene"
    return f"what was seen of {place}" if failed else place
