"""Regions that look like examples: a small classifier on what the vision tower sees inside boxes.

No name is needed and nothing is trained but one logistic regression, fitted in seconds on the examples against the other
regions around them. Its input are the features of the region head in the middle of a box, of unit length and standardised
over all regions seen, and its logits of the classes: things that have a name are distinguished best by it, and what has none
still looks more like one class than another. The mean of the tower's features inside a box added nothing where this was
measured. How surely a region is an object at all counts as well.

Frames: boxes are pixels of an image; those of the model's own image are named so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geogrounding.errors import ModelError
from geogrounding.models.base import Conventions
from geogrounding.models.builtin.classes import of_class
from geogrounding.types import Answer, Detection, Question

PENALTY = 10.0
"""Of the squared weights, beside the mean log-likelihood of which the examples and all others are one half each: strong, since
a few examples says little about a hundred features."""
LOGIT, MOST = 0.25, 5.0
"""Spread that the logit of a class is taken to have: small, so that a class weighs more than a feature; and the most that it
counts. Chosen on images kept back (``python -m recipes.builtin_model like --split dev``): mean AP50 of 13 cases 0.55 without
logits, 0.61 with a spread of 0.67, 0.63 with this."""
CUT = 0.6
"""Where the least score of a run lies, from the typical other region (0) to the typical example (1). The best of the others are
no measure: among them are objects that nothing says are examples."""
SPREAD = 3.0
"""Logits between the two."""
OBJECT = 0.6
"""Weight of the logit of being an object at all."""
TYPICAL = 0.5
"""Logit of being an object of a region that is one."""
ALIKE = 0.8
"""Share of the likeness of most examples from which a region that no one marked may be one more of them."""
NEAR_IOU = 0.3
"""A region that covers an example this much is neither an example of something else nor counted."""
LEAST = 0.05
"""Boxes below this score are not reported, even where low scores are asked for."""
ROUNDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedAt:
    """What a model sees of one image."""

    boxes_px: NDArray[np.float64]
    """(K, 4) regions, pixels of the image."""
    objectness: NDArray[np.float64]
    """(K,) score for being an object at all, in (0, 1)."""
    features: NDArray[np.float32]
    """(K, D); the last ``classes`` columns are logits of classes."""
    given: NDArray[np.float32]
    """(G, D) the same inside boxes that were asked for."""
    classes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranker:
    """A logistic regression on standardised features."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    weights: NDArray[np.float64]
    shift: float
    classes: int = 0
    """So many of the last features are logits of classes."""

    def scores(self, features: NDArray[np.floating], objectness: NDArray[np.floating]) -> NDArray[np.float64]:
        """(N,) in (0, 1) for features (N, D) and scores for being an object (N,)."""
        odds = (_bounded(features, self.classes) - self.mean) / self.deviation @ self.weights + self.shift
        sure = np.asarray(objectness, np.float64).clip(1e-3, 1 - 1e-3)
        # an object that is as sure as most are changes nothing
        odds = odds + OBJECT * (np.log(sure / (1 - sure)) - TYPICAL)
        out: NDArray[np.float64] = 1 / (1 + np.exp(-odds.clip(-30, 30)))
        return out


def _standard(features: NDArray[np.floating], classes: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and spread (D,) of features (N, D), the last of which are the logits of so many classes."""
    mean, deviation = features.mean(0), features.std(0) + 1e-3
    deviation[features.shape[1] - classes :] = LOGIT
    return mean, deviation


def _bounded(features: NDArray[np.floating], classes: int) -> NDArray[np.float64]:
    """Features (N, D) with logits that are not so large that one class decides alone."""
    out = np.array(features, np.float64)
    first = out.shape[1] - classes
    out[:, first:] = out[:, first:].clip(-MOST, MOST)
    return out


def alike(examples: NDArray[np.floating], others: NDArray[np.floating], *, classes: int = 0) -> NDArray[np.bool_]:
    """(N,) which others (N, D) look about as much like the mean example as most examples (P, D) do: they may be more of
    the same that no one marked.
    """
    everything = _bounded(np.concatenate([examples, others]), classes)
    mean, deviation = _standard(everything, classes)
    some, rest = np.split((everything - mean) / deviation, [len(examples)])
    centre = some.mean(0)

    def cosine(x: NDArray[np.float64]) -> NDArray[np.float64]:
        out: NDArray[np.float64] = x @ centre / np.maximum(np.linalg.norm(x, axis=1) * np.linalg.norm(centre), 1e-9)
        return out

    return np.asarray(cosine(rest) >= ALIKE * np.quantile(cosine(some), 0.1))


def fit(
    examples: NDArray[np.floating], others: NDArray[np.floating], *, least_score: float, classes: int = 0
) -> Ranker:
    """Fit a ranker by Newton's method.

    The examples and the others weigh the same together, whatever their numbers. The scores are then
    spread so that ``least_score`` lies between the typical example and the typical other region (``CUT``).

    Args:
        examples: (P, D) features of what is looked for, at least one.
        others: (N, D) features of other things, at least one.
        least_score: score from which a run reports a box.
        classes: so many of the last columns are logits of classes.

    Raises:
        ModelError: there is nothing to distinguish the examples from.
    """
    if not len(examples) or not len(others):
        raise ModelError(
            "examples can only be distinguished from other objects around them, and there are none",
            hint="Give examples that lie inside a larger image.",
        )
    everything = _bounded(np.concatenate([examples, others]), classes)
    mean, deviation = _standard(everything, classes)
    x = (everything - mean) / deviation
    right = np.arange(len(x)) < len(examples)
    worth = np.where(right, 0.5 / len(examples), 0.5 / len(others))
    weights, bias = np.zeros(x.shape[1]), 0.0
    with_bias = np.concatenate([x, np.ones((len(x), 1))], 1)
    keep = np.append(np.full(x.shape[1], PENALTY), 1e-6)
    for _ in range(ROUNDS):
        odds = x @ weights + bias
        p = 1 / (1 + np.exp(-odds.clip(-30, 30)))
        gradient = with_bias.T @ (worth * (right - p)) - keep * np.append(weights, bias)
        curvature = (with_bias * (worth * p * (1 - p))[:, None]).T @ with_bias + np.diag(keep)
        step = np.linalg.solve(curvature, gradient)
        weights, bias = weights + step[:-1], bias + float(step[-1])
        if np.abs(step).max() < 1e-6:
            break
    odds = x @ weights
    low, high = float(np.median(odds[~right])), float(np.median(odds[right]))
    slope = SPREAD / max(high - low, 1e-3)
    cut = (low + CUT * (high - low)) * slope
    return Ranker(
        mean=mean,
        deviation=deviation,
        weights=weights * slope,
        shift=float(np.log(least_score / (1 - least_score))) - cut,
        classes=classes,
    )


class LikeModel:
    """A model that answers every question with the regions that look like examples."""

    def __init__(self, model: Any, ranker: Ranker, conventions: Conventions) -> None:
        """Args:
        model: a ``BuiltinModel``; it is closed with this one.
        ranker: fitted to its features.
        conventions: at which resolution to look.
        """
        self._model, self._ranker = model, ranker
        self.name = f"{model.name} (like examples)"
        digest = hashlib.sha256(ranker.weights.tobytes() + np.float64(ranker.shift).tobytes())
        self.fingerprint = f"{model.fingerprint}:like:{digest.hexdigest()[:16]}"
        # the name of an example says nothing to the planner: it is one question, at one resolution
        self.conventions = replace(conventions, classes={}, taught=(), scene_questions=False)

    def ground(self, images: Sequence[NDArray[np.uint8]], questions: Sequence[Question]) -> list[list[Answer]]:
        """Answer every question about every image; see ``Model.ground``."""
        out = []
        for seen in self._model.look_at(images):
            if isinstance(seen, str):
                out.append([Answer(error=seen) for _ in questions])
                continue
            scores = self._ranker.scores(seen.features, seen.objectness)
            order = of_class(seen.boxes_px, scores, least=LEAST)
            answers = []
            for question in questions:
                kept = order[:1] if question.task == "refer" else order
                found = tuple(
                    Detection(
                        box_chip_px=(float(b[0]), float(b[1]), float(b[2]), float(b[3])),
                        label=question.expression,
                        score=float(scores[k]),
                    )
                    for k in kept
                    if (b := seen.boxes_px[k])[2] > b[0] and b[3] > b[1]
                )
                answers.append(Answer(detections=found, reasoning="It looks like the examples." if found else ""))
            out.append(answers)
        return out

    def close(self) -> None:
        """Close the model that looks."""
        self._model.close()
