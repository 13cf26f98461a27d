"""Data of the study: a pool from which shots are chosen, and test sets. See ``study``.

A **shot** is one view of a training image in which one withheld class is labelled: the question for all of that class, up
to two questions for one of it (where it can be identified), and one question about the image that has no target. Shots are
nested: the 1-shot set is a subset of the 5-shot set, and so on.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from geogrounding.datasets.few_shot import choose_shots
from geogrounding.datasets.read import read_samples
from geogrounding.datasets.sample import Sample
from geogrounding.datasets.synthetic import Kind
from geogrounding.errors import InputError

WITHHELD = ("airplane", "ship", "tennis court", "vehicle")
"""Classes that the base model never saw."""
RETAINED = ("storage tank", "baseball diamond", "basketball court", "ground track field", "harbor", "bridge")
"""The other classes of NWPU VHR-10, to measure what is forgotten."""
KINDS: tuple[Kind, ...] = ("class", "position", "rank", "size", "negative")
QUESTIONS = "questions.jsonl"
POOL = "pool"
_ASKED = 8
"""Expressions made about a view; of them ``choose_questions`` keeps a few."""
_NEGATIVES = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSet:
    """Views of one data set with questions about some classes."""

    name: str
    title: str
    source: str
    """Name of the data set in ``recipes.builtin_model.corpora``."""
    split: Literal["train", "test"]
    classes: tuple[str, ...]


POOL_SET = ImageSet(name=POOL, title="shots", source="nwpu", split="train", classes=WITHHELD)
TESTS = (
    ImageSet(name="nwpu", title="NWPU VHR-10, withheld classes", source="nwpu", split="test", classes=WITHHELD),
    ImageSet(name="airbus", title="Airbus, airplane", source="airbus", split="test", classes=("airplane",)),
    # These two are not trained on, and have no test split.
    ImageSet(name="hrplanes", title="HRPlanes, airplane", source="hrplanes", split="train", classes=("airplane",)),
    ImageSet(name="drone", title="Drone vehicles, vehicle", source="drone", split="train", classes=("vehicle",)),
    ImageSet(name="retained", title="NWPU VHR-10, other classes", source="nwpu", split="test", classes=RETAINED),
)

Write = Callable[[Path, ImageSet, int, int], Path]
"""(folder, set, views, seed) -> the file of records written there."""


def view_writer(root: Path) -> Write:
    """Writes views of the data sets under ``root``, 336 pixels wide at most; needs torch installed."""

    def write(folder: Path, wanted: ImageSet, views: int, seed: int) -> Path:
        from recipes.builtin_model.samples import write_views

        return write_views(
            root,
            folder,
            count=views,
            seed=seed,
            questions=_ASKED,
            kinds=KINDS,
            sources=frozenset({wanted.source}),
            classes=frozenset(wanted.classes),
            split=wanted.split,
            negatives=_NEGATIVES,
        )

    return write


def prepare(folder: Path, wanted: ImageSet, *, views: int, seed: int, write: Write) -> Path:
    """The folder of a set, made unless it is there: ``questions.jsonl`` and the images it names.

    Args:
        folder: of all sets of an experiment.
        wanted: the set.
        views: number of views drawn; those without a target are left out.
        seed: decides everything.
        write: see ``view_writer``.

    Raises:
        InputError: no view shows a target.
    """
    final = folder / wanted.name
    if final.is_dir():
        return final
    partial = folder / f".{wanted.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    records = write(partial, wanted, views, seed)
    chosen = choose_questions(json.loads(line) for line in records.read_text(encoding="utf-8").splitlines())
    if not any(record["solution"] != "None" for record in chosen):
        raise InputError(
            f"none of {views} views of {wanted.source} shows {' or '.join(wanted.classes)}",
            hint="Ask for more views, and see that the folder of data sets is the right one.",
        )
    write_records(partial / QUESTIONS, chosen)
    records.unlink()
    partial.rename(final)
    return final


def choose_questions(records: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """A few questions about each image, none of them a paraphrase of another.

    Of each class that an image shows: all of it, one of it by its name alone, one by place, rank or size, as far as they
    were made. Of each image: one for all of something that it does not show.
    """
    seen: set[tuple[str, ...]] = set()
    chosen = []
    for record in records:
        image, category, task = str(record["image"]), str(record["category"]), str(record["task"])
        plain = record["kind"] == "class"
        none = record["solution"] == "None"
        if task == "refer" if none else task == "detect" and not plain:
            continue  # "all ships at the top" would count beside "all ships" in the class's average precision
        if none:
            key: tuple[str, ...] = (image,)
        else:
            key = (image, category, task, "plain" if plain else "chosen")
        if key not in seen:
            seen.add(key)
            chosen.append(record)
    return chosen


def read_questions(folder: Path) -> tuple[Sample, ...]:
    """The samples of a set, one for each line of its file."""
    return read_samples(folder / QUESTIONS, folder, format="geo-r1", on_error="refuse").samples


def shot_records(pool: Path, shots: int, *, seed: int) -> list[dict[str, Any]]:
    """The questions of ``shots`` shots of each class, shot by shot.

    Args:
        pool: folder of the pool.
        shots: of each class.
        seed: the same seed gives the same shots, and more of them begin with fewer.

    Raises:
        InputError: the pool has fewer views of a class.
    """
    lines = [json.loads(line) for line in (pool / QUESTIONS).read_text(encoding="utf-8").splitlines()]
    samples = read_questions(pool)
    whole = [sample for sample in samples if sample.task == "detect" and len(sample.boxes_px)]
    views = Counter(sample.category for sample in whole)
    for name in WITHHELD:
        if views[name] < shots:
            raise InputError(
                f"the pool holds {views[name]} views of {name}, fewer than {shots} shots",
                hint="Draw more views: --pool-views.",
            )
    records, taken = [], set()
    for shot in choose_shots(whole, shots, seed=seed):
        for number, (sample, line) in enumerate(zip(samples, lines, strict=True)):
            mine = sample.image == shot.image and (sample.category == shot.category or not len(sample.boxes_px))
            if mine and number not in taken:
                taken.add(number)
                records.append(line)
    return records


def write_records(file: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Write JSON lines, whole or not at all."""
    partial = file.with_name(f".{file.name}.partial")
    partial.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    partial.replace(file)


def describe(folder: Path) -> dict[str, Any]:
    """What a set holds: hash of its questions, images, questions by task, and those without a target."""
    samples = read_questions(folder)
    return {
        "sha256": hashlib.sha256((folder / QUESTIONS).read_bytes()).hexdigest(),
        "pictures": len({sample.image for sample in samples}),
        "refer": sum(sample.task == "refer" and len(sample.boxes_px) > 0 for sample in samples),
        "detect": sum(sample.task == "detect" and len(sample.boxes_px) > 0 for sample in samples),
        "none": sum(not len(sample.boxes_px) for sample in samples),
    }
