"""Augmentation for few-shot training: dihedral orientations, and rehearsal of known classes.

Fine-tuning on a few chips overfits: the model predicts the new class everywhere. Two counter-measures: each chip in its
eight orientations (``datasets/dihedral.py``), and for each sample a question about a class that the model already knew, on
the same chip, with the answer of the base model ("rehearsal" by pseudo-labels, Robins 1995, https://doi.org/10.1080/09540099550039318; in the form of Learning without Forgetting, Li and
Hoiem 2016, arXiv 1606.09282). Measured in docs/performance.md.

Frames: boxes are pixels of the sample's image.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from geogrounding.datasets.dihedral import TURNS
from geogrounding.datasets.sample import turned
from geogrounding.models.builtin import BUILTIN_CONVENTIONS
from geogrounding.query.lexicon import SYNONYMS, words_for
from geogrounding.query.parser import read_expression
from geogrounding.training.image_refs import ImageRef
from geogrounding.types import Answer, Question

if TYPE_CHECKING:
    from geogrounding.datasets import Sample
    from geogrounding.training.base_model import Base
    from geogrounding.training.config import TrainSettings

MAX_IMAGES = 400
"""Largest number of images after turning: encoding an image takes a tenth of a second."""
SHOWN = 0.6
"""Share of rehearsal questions about a class that the base model finds on the chip, where it finds any."""
MAX_TAUGHT = 100
"""Largest number of learned classes in the record of a run; later runs rehearse them."""
MAX_REHEARSED = 400
"""Largest number of chips that the base model is asked about."""

RehearsalTargets = Mapping[Hashable, Mapping[str, "Sample"]]
"""By image, then by class: the answer of the base model."""


def widen(samples: Sequence[Sample], settings: TrainSettings, base: Base) -> list[Sample]:
    """The samples in the orientations of the settings, and rehearsal samples, in a fixed order.

    Args:
        samples: what was labelled.
        settings: ``turns``, ``partial``, ``seed``, and of SFT ``rehearse``; with all defaults filled in.
        base: the model before training.
    """
    rng = np.random.default_rng(settings.seed)
    share = float(getattr(settings, "rehearse", None) or 0.0)
    known = rehearsals(samples, base, settings) if share else {}
    turns = max(1, min(settings.turns or 1, MAX_IMAGES // max(1, len(samples))))
    out: list[Sample] = []
    rehearsed: list[Sample] = []
    for whole in samples:
        sample = dataclasses.replace(whole, complete=not settings.partial)
        chosen = [0, *sorted(1 + rng.permutation(TURNS - 1)[: turns - 1])] if free_of_direction(sample) else [0]
        for turn in chosen:
            out.append(turned(sample, int(turn)))
            for _ in range(int(share) + int(rng.random() < share % 1)):
                one = _choose(known.get(ImageRef(sample=sample).key, {}), sample, rng)
                if one is not None:
                    rehearsed.append(turned(one, int(turn)))
    return [*out, *rehearsed]


def free_of_direction(sample: Sample) -> bool:
    """Whether the expression keeps its meaning in a turned image: it has no place, rank or relation."""
    label = sample.labels[0] if sample.labels else sample.category or sample.expression
    meaning = read_expression(sample.expression, {**SYNONYMS, **words_for([label])})
    return meaning is not None and meaning.selector is None and meaning.relation is None


def known_words(base: Base) -> list[str]:
    """Classes that the base model knows: those of the built-in model, and those learned since."""
    classes = list(getattr(base.model.config, "classes", ()))
    return list(dict.fromkeys([*classes, *taught_before(base)]))


def taught_before(base: Base) -> list[str]:
    """Expressions that the base model learned in earlier runs, oldest first."""
    from geogrounding.training import run_folder

    folder = Path(base.source)
    if not (folder / run_folder.RECORD).is_file():
        return []
    listed = run_folder.read_record(folder).get("taught", [])
    return [word for word in listed if isinstance(word, str)] if isinstance(listed, list) else []


def taught(base: Base, samples: Sequence[Sample]) -> list[str]:
    """Classes that a model has learned after a training on these samples and can be asked for by name."""
    new = [sample.expression for sample in samples if free_of_direction(sample)]
    return list(dict.fromkeys([*taught_before(base), *new]))[:MAX_TAUGHT]


def rehearsals(samples: Sequence[Sample], base: Base, settings: TrainSettings) -> RehearsalTargets:
    """Predictions of the base model for all known classes except those being trained: the rehearsal targets."""
    from geogrounding.models.load import load_model

    new = {_plain(sample.expression) for sample in samples}
    words = [word for word in known_words(base) if _plain(word) not in new]
    if not words:
        return {}
    images = list({ImageRef(sample=sample).key: sample for sample in samples}.values())[:MAX_REHEARSED]
    questions = [Question(expression=word, task="detect") for word in words]
    model: Any = load_model(base.source, device=settings.device)
    try:
        size = model.conventions.batch_size
        answers: list[list[Answer]] = []
        for first in range(0, len(images), size):
            answers += model.ground([sample.pixels() for sample in images[first : first + size]], questions)
    finally:
        model.close()
    return {
        ImageRef(sample=sample).key: {
            word: _as_sample(sample, word, answer) for word, answer in zip(words, row, strict=True)
        }
        for sample, row in zip(images, answers, strict=True)
    }


def _as_sample(sample: Sample, word: str, answer: Answer) -> Sample:
    least = BUILTIN_CONVENTIONS.min_score  # the default score of a run
    sure = [found.box_chip_px for found in answer.detections if (found.score or 0.0) >= least]
    return dataclasses.replace(
        sample,
        id=f"{sample.id}~{word}",
        expression=word,
        category=word,
        task="detect",
        boxes_px=np.array(sure, np.float64).reshape(-1, 4),
        labels=(word,) * len(sure),
        unlike_px=np.empty((0, 4)),
        complete=True,
        polygons_px=(),
        unique=None,
        reasoning="",
    )


def _choose(answers: Mapping[str, Sample], sample: Sample, rng: np.random.Generator) -> Sample | None:
    shown = [one for one in answers.values() if len(one.boxes_px)]
    absent = [one for one in answers.values() if not len(one.boxes_px)]
    some = shown if (shown and rng.random() < SHOWN) or not absent else absent
    return some[int(rng.integers(len(some)))] if some else None


def _plain(expression: str) -> str:
    meaning = read_expression(expression)
    return meaning.category if meaning is not None else expression.strip().lower()
