"""Expressions that are decided over the whole scene: merged answers to their questions, and the choice among them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import shapely
from numpy.typing import NDArray

from geogrounding.execution.layer_query import Layer, rows_of, same_noun
from geogrounding.execution.scan_plan import Plan
from geogrounding.geometry.boxes import similarity
from geogrounding.geometry.geodesy import transform_points
from geogrounding.geometry.measure import Ground
from geogrounding.query.answer import Answered, answer_plan
from geogrounding.query.appearance import Looks
from geogrounding.query.describe import measured_text
from geogrounding.query.doubt import FAINTER, with_doubt
from geogrounding.query.evaluate import Selection
from geogrounding.query.lexicon import class_of
from geogrounding.query.plan import Target
from geogrounding.query.planner import Composed, measures_sizes
from geogrounding.query.things import Lookup, Things, World
from geogrounding.raster.scene import Scene
from geogrounding.settings import RunSettings
from geogrounding.vector.georeference import shapes_crs
from geogrounding.vector.merge import Candidates, merge

SAME_OBJECT = 0.7
"""Boxes that two questions of one class found (a car, a red car) are one object from this overlap (IoU) on."""
_SOURCE_BITS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    """The merged answers to one question, inside the area of the run."""

    boxes_scene_px: NDArray[np.float64]
    """(K, 4)."""
    scores: NDArray[np.float64]
    """(K,) NaN where the model gave none."""
    candidates: NDArray[np.int64]
    """(K,) the candidate whose label and chip stand for the object."""
    members: NDArray[np.object_]
    """(K,) indexes of all candidates that went into each object; None where no mask is asked for."""

    def take(self, indexes: NDArray[np.int64]) -> Objects:
        """The objects at these indexes (J,)."""
        return Objects(
            boxes_scene_px=self.boxes_scene_px[indexes],
            scores=self.scores[indexes],
            candidates=self.candidates[indexes],
            members=self.members[indexes],
        )

    def best(self) -> Objects:
        """The one with the best score, of equal ones the first; none of none."""
        scores = np.nan_to_num(self.scores, nan=-1.0)
        return self.take(np.array([np.argmax(scores)] if len(scores) else [], np.int64))


def together(many: list[Objects]) -> Objects:
    """Several sets of objects as one, in order."""
    return Objects(
        boxes_scene_px=np.concatenate([one.boxes_scene_px for one in many]),
        scores=np.concatenate([one.scores for one in many]),
        candidates=np.concatenate([one.candidates for one in many]),
        members=np.concatenate([one.members for one in many]),
    )


class Merging:
    """Merges the candidates of a question when they are needed, once for each least score."""

    def __init__(self, candidates: Candidates, plan: Plan, settings: RunSettings) -> None:
        self._candidates, self._plan, self._settings = candidates, plan, settings
        self._suited = candidates.of_suited_level(plan.object_sizes_px, plan.tiling.scales)
        self._done: dict[tuple[int, float], Objects] = {}
        none = np.empty(0, np.int64)
        self.nothing = Objects(
            boxes_scene_px=np.empty((0, 4)), scores=np.empty(0), candidates=none, members=np.empty(0, object)
        )
        if plan.area.shape_scene_px is not None:
            shapely.prepare(plan.area.shape_scene_px)

    def objects(self, question: int, least: float) -> Objects:
        """What was found by a question with at least this score (or none), merged, as far as it touches the area."""
        if (question, least) not in self._done:
            self._done[question, least] = self._merge(question, least)
        return self._done[question, least]

    def _merge(self, question: int, least: float) -> Objects:
        asked = (self._candidates.groups == question) & self._suited
        mine = np.flatnonzero(asked & ~(self._candidates.scores < least))
        everything = len(mine) == len(self._candidates)
        merged = merge(
            self._candidates if everything else self._candidates.take(mine),
            method=self._settings.merge,
            metric=self._settings.match_metric,
            threshold=self._settings.match_threshold,
            nested=question not in self._plan.unnested,
        )
        # Merging compares boxes in square pixels: see results._Found.
        aspect = self._plan.grid.pixel_aspect
        members = np.full(len(merged), None, dtype=object)
        if self._settings.needs_masks:
            by_result = np.argsort(merged.results, kind="stable")
            ends = np.cumsum(merged.sizes)
            for k, own in enumerate(np.split(mine[by_result], ends[:-1]) if len(merged) else []):
                members[k] = own
        objects = Objects(
            boxes_scene_px=merged.boxes_scene_px * [*aspect, *aspect],
            scores=merged.scores,
            candidates=mine[merged.representative],
            members=members,
        )
        shape = self._plan.area.shape_scene_px
        if shape is None or not len(mine):
            return objects
        return objects.take(np.flatnonzero(shapely.intersects(shapely.box(*objects.boxes_scene_px.T), shape)))

    def attempts(self, composed: Composed) -> list[dict[int, float]]:
        """Least scores of each question under which an expression is decided, until something fits.

        Only what is surely seen counts. ``refer`` wants an answer: where a question has nothing sure, what scores at
        least half as much as its best counts instead, and where still nothing fits, that counts for all.
        """
        sure, questions = self._plan.sure_score, sorted(set(composed.questions.values()))
        if self._settings.task != "refer":
            return [dict.fromkeys(questions, sure)]
        best = {question: self._best(question) for question in questions}
        low = {question: min(sure, score / 2) for question, score in best.items()}
        first = {question: sure if best[question] >= sure else low[question] for question in questions}
        return [first] if first == low else [first, low]

    def faint(self, composed: Composed) -> dict[int, float]:
        """Least scores of each question under which less sure candidates take part; none where there are none."""
        sure, questions = self._plan.sure_score, sorted(set(composed.questions.values()))
        low = sure * FAINTER
        scores = self._candidates.scores[np.isin(self._candidates.groups, questions)]
        if self._settings.task == "refer" or not bool(((scores >= low) & (scores < sure)).any()):
            return {}
        return dict.fromkeys(questions, low)

    def _best(self, question: int) -> float:
        """The best score; 1 where the model gives none, 0 where nothing was found."""
        scores = self._candidates.scores[(self._candidates.groups == question) & self._suited]
        return float(np.nan_to_num(scores, nan=1.0).max(initial=0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """Why an object was chosen, and what was measured of it."""

    reason: str
    measures: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What an expression came to."""

    objects: Objects
    details: Mapping[int, Detail] = field(default_factory=dict)
    """By candidate."""
    answered: Answered | None = None


BOXED = "sizes are those of boxes; the outlines themselves are measured with --outline mask"
Outlines = Callable[[Objects], NDArray[np.object_]]
"""Outlines (K,) of objects in the CRS of the scene, or in its pixels."""


Look = Callable[[NDArray[np.float64]], tuple[NDArray[np.float64], NDArray[np.object_]]]
"""From boxes (K, 4) in scene pixels to shares of colours and outlines in scene pixels: see ``looks.Looker.look``."""


def resolve(
    composed: Composed,
    merging: Merging,
    scene: Scene,
    plan: Plan,
    where: str,
    outlines: Outlines,
    look: Look | None = None,
    *,
    boxed: bool = False,
) -> Resolved:
    """The objects that an expression means, decided over all objects of the scene.

    Args:
        composed: the expression, taken apart.
        merging: the answers of the model, merged on demand.
        scene: the raster.
        plan: how it was looked at.
        where: what was looked at, in words.
        outlines: draws what is measured of objects.
        look: measures what objects look like; None where no pixels can be read.
        boxed: the outlines are boxes: sizes are then those of boxes, and a step says so.
    """
    result = Resolved(objects=merging.nothing)
    for least in merging.attempts(composed) or [{}]:
        world = SceneWorld(composed, merging, scene, plan, least, outlines, look, boxed=boxed)
        sure = min(least.values(), default=plan.sure_score) >= plan.sure_score
        answered = answer_plan(world.world, composed.plan, where=where, sure=sure)
        result = world.resolved(answered)
        if len(result.objects.scores):
            break
    faint = merging.faint(composed)
    if faint and result.answered is not None:
        world = SceneWorld(composed, merging, scene, plan, faint, outlines, look, boxed=boxed)
        other = answer_plan(world.world, composed.plan, where=where, sure=False)
        result = replace(result, answered=with_doubt(result.answered, other, plan.sure_score))
    return result


class SceneWorld:
    """Looks nouns up among the objects that the model found, and in context layers."""

    def __init__(
        self,
        composed: Composed,
        merging: Merging,
        scene: Scene,
        plan: Plan,
        least: Mapping[int, float],
        outlines: Outlines,
        look: Look | None = None,
        *,
        boxed: bool = False,
    ) -> None:
        self._outlines, self._look, self._boxed = outlines, look, boxed
        self._composed, self._merging, self._scene, self._plan, self._least = composed, merging, scene, plan, least
        x0, y0, x1, y1 = plan.area.window_scene_px
        ring = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float64)
        outline = np.array([shapely.Polygon(_to_crs(ring, scene))], object)
        self._ground = Ground.around(scene.crs, shapely.total_bounds(outline).tolist())
        corners = np.array([shapely.Point(*point) for point in _to_crs(ring, scene)], object)
        self.world = World(
            ground=self._ground,
            extent=(float(x0), float(y0), float(x1), float(y1)),
            corners=shapely.get_coordinates(self._ground.lay(corners)),
            find=self.find,
        )
        self._things: dict[int, Things] = {}
        self._layers: dict[str, Things] = {}

    def find(self, target: Target) -> Lookup:
        """What a noun names: of a context layer for what others stand to, else what the model found."""
        question = self._composed.question_of(target)
        if question is not None:
            note = BOXED if self._boxed and measures_sizes(target, self._composed.plan) else ""
            return Lookup(things=self._found(question), settled=self._composed.settled(target), note=note)
        for name, layer in self._plan.contexts.items():
            things = self._layer_things(name, layer, target.noun)
            if things is not None:
                return Lookup(things=things)
        return Lookup(things=None, unknown=(target.said or target.noun,))

    def _layer_things(self, name: str, layer: Layer, noun: str) -> Things | None:
        rows = rows_of(layer, noun)
        if rows is None and not same_noun(name, noun) and not same_noun(layer.name, noun):
            return None
        if name not in self._layers:
            shapes = layer.shapes
            number = 1 + list(self._plan.contexts).index(name)
            assert self._scene.crs is not None
            moved = shapely.transform(
                shapes, lambda xy: _to_px(transform_points(xy, layer.crs, self._scene.crs), self._scene)
            )
            self._layers[name] = Things(
                shapes=self._ground.lay(shapes, layer.crs),
                image=shapely.bounds(moved).reshape(-1, 4),
                ids=np.arange(len(shapes), dtype=np.int64)
                + ((number + len(self._plan.composition.questions)) << _SOURCE_BITS),
            )
        return self._layers[name] if rows is None else self._layers[name].take(rows)

    def _found(self, question: int) -> Things:
        if question not in self._things:
            objects = self._merging.objects(question, self._least[question])
            polygons = self._outlines(objects)
            self._things[question] = Things(
                shapes=self._ground.lay(polygons),
                image=objects.boxes_scene_px,
                ids=self._ids(question, objects),
                scores=objects.scores,
                looks=None if self._look is None else partial(self._looks, objects.boxes_scene_px),
            )
        return self._things[question]

    def _looks(self, boxes_scene_px: NDArray[np.float64], some: NDArray[np.int64]) -> Looks:
        """What the objects at some indexes look like."""
        assert self._look is not None
        shares, outlines = self._look(boxes_scene_px[some])
        known = np.flatnonzero([outline is not None for outline in outlines])
        placed = np.full(len(some), None, object)
        placed[known] = self._ground.lay(shapes_crs(outlines[known], self._scene.transform))
        return Looks(shares=shares, outlines=placed)

    def _ids(self, question: int, objects: Objects) -> NDArray[np.int64]:
        """Identities: an object that an earlier question of the same class found keeps that one."""
        ids = np.arange(len(objects.scores), dtype=np.int64) + (question << _SOURCE_BITS)
        asked = self._plan.composition.questions
        kind = class_of(asked[question].expression.rsplit(" ", 1)[-1])
        for earlier, things in self._things.items():
            if class_of(asked[earlier].expression.rsplit(" ", 1)[-1]) != kind or not len(things) or not len(ids):
                continue
            tree = shapely.STRtree(shapely.box(*things.image.T))
            one, two = tree.query(shapely.box(*objects.boxes_scene_px.T))
            alike = similarity(objects.boxes_scene_px[one], things.image[two], "iou") >= SAME_OBJECT
            ids[one[alike]] = things.ids[two[alike]]
        return ids

    def resolved(self, answered: Answered) -> Resolved:
        """The objects behind an answer, with what was measured of each."""
        parts, details = [self._merging.nothing], {}
        for selection, reason in zip(answered.selections, answered.reasons, strict=True):
            question = self._composed.question_of(selection.target)
            if question is None:
                continue
            objects = self._merging.objects(question, self._least[question]).take(selection.chosen)
            parts.append(objects)
            for place, candidate in enumerate(objects.candidates):
                index = int(selection.chosen[place])
                measures = {name: float(values[index]) for name, values in selection.measured.items()}
                details[int(candidate)] = Detail(
                    reason=_with_looks(reason, selection, index, self._ground.unit), measures=measures
                )
        return Resolved(objects=together(parts), details=details, answered=answered)


def _with_looks(reason: str, selection: Selection, index: int, unit: str) -> str:
    """A reason with what was measured of the looks of one object, where that decided."""
    names = {name for name in selection.measured if name.endswith(("_share", "_ratio", "bearing_deg"))}
    if not names:
        return reason
    seen = replace(selection, measured={name: selection.measured[name] for name in selection.measured if name in names})
    return f"{reason.removesuffix('.')} ({measured_text(seen, index, unit)})."


def _to_crs(points_px: NDArray[np.float64], scene: Scene) -> NDArray[np.float64]:
    a, b, c, d, e, f = tuple(scene.transform)[:6]
    x, y = points_px.T
    return points_px if scene.crs is None else np.stack([a * x + b * y + c, d * x + e * y + f], axis=1)


def _to_px(points_crs: NDArray[np.float64], scene: Scene) -> NDArray[np.float64]:
    a, b, c, d, e, f = tuple(~scene.transform)[:6]
    x, y = points_crs.T
    return np.stack([a * x + b * y + c, d * x + e * y + f], axis=1)


def where_seen(scene: Scene, plan: Plan, failed: bool) -> str:
    """What was looked at, in words that stay true when chips failed."""
    whole = (0, 0, scene.width, scene.height)
    place = "the area asked about"
    if plan.area.window_scene_px == whole and plan.area.shape_scene_px is None:
        place = "the scene"
    return f"what was seen of {place}" if failed else place
