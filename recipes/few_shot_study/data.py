"""Data of the study: what is withheld, a pool from which shots are chosen, and test sets. See ``study``.

A **shot** is a view of a training image in which one withheld class (or way to choose, such as "largest") is asked for: the
questions about it, and one question about the image that has no target. Shots are nested: the 1-shot set is a subset of the
5-shot set, and so on.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from geogrounding.datasets.few_shot import choose_shots
from geogrounding.datasets.read import read_samples
from geogrounding.datasets.sample import Sample
from geogrounding.datasets.synthetic import Kind
from geogrounding.errors import InputError

RegimeName = Literal["classes", "expressions", "known"]
WITHHELD = ("airplane", "storage tank", "tennis court", "baseball diamond")
"""Classes that the base model never saw, unless others are named."""
WITHHELD_KINDS: tuple[Kind, ...] = ("rank", "size")
"""Kinds of expression that the base model never read, unless others are named."""
CHOOSING: tuple[Kind, ...] = ("position", "rank", "size", "relation", "count")
QUESTIONS = "questions.jsonl"
POOL, DEV = "pool", "dev"
_ASKED = 8
"""Expressions made about a view; of them a few are kept."""
_CHOSEN = 4
"""Questions of a kind of task that choose among the objects of an image, at most."""
_NEGATIVES = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSet:
    """Views of data sets with questions about them."""

    name: str
    title: str
    sources: tuple[str, ...] = ()
    """Names of the data sets in ``recipes.builtin_model.corpora``; none: all."""
    split: Literal["train", "dev", "test"]
    classes: tuple[str, ...]
    kinds: tuple[Kind, ...]
    choosing: bool = False
    """Questions are about how objects are chosen, not about classes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """What the base model lacks, and the sets that say how well it is learned."""

    name: RegimeName
    withheld: tuple[str, ...]
    """Classes or kinds of expression."""
    pool: ImageSet
    dev: ImageSet
    """Learning rates are chosen here."""
    tests: tuple[ImageSet, ...]

    @property
    def sets(self) -> tuple[ImageSet, ...]:
        """All sets."""
        return (self.pool, self.dev, *self.tests)


def regime_of(name: RegimeName, withheld: tuple[str, ...], known: tuple[str, ...]) -> Regime:
    """A regime of the study.

    Args:
        name: ``classes`` (some were never seen), ``expressions`` (some kinds were never read) or ``known`` (the model knows
            everything and is trained further).
        withheld: classes or kinds; none: ``WITHHELD`` or ``WITHHELD_KINDS``.
        known: classes of the base model's region head.

    Raises:
        InputError: what is withheld does not exist.
    """
    if name == "classes":
        return _classes(withheld or WITHHELD, known)
    kinds = tuple(withheld) or (WITHHELD_KINDS if name == "expressions" else CHOOSING)
    if unknown := sorted(set(kinds) - set(CHOOSING)):
        raise InputError(
            f"{', '.join(unknown)}: no kind of expression", hint=f"Those that choose are {', '.join(CHOOSING)}."
        )
    mine = tuple(kind for kind in CHOOSING if kind in kinds)
    others = tuple(kind for kind in CHOOSING if kind not in kinds)

    def made(called: str, title: str, split: Literal["train", "dev", "test"], kinds: tuple[Kind, ...]) -> ImageSet:
        asked: tuple[Kind, ...] = (*kinds, *kinds, "negative")
        return ImageSet(name=called, title=title, split=split, classes=known, kinds=asked, choosing=True)

    words = " and ".join(mine) if name == "expressions" else "all kinds"
    tests = [made("asked", f"expressions by {words}", "test", mine)]
    if others:
        tests.append(made("other", f"expressions by {', '.join(others)}", "test", others))
    return Regime(
        name=name,
        withheld=mine if name == "expressions" else (),
        pool=made(POOL, "shots", "train", mine),
        dev=made(DEV, "images kept back", "dev", mine),
        tests=tuple(tests),
    )


def _classes(withheld: tuple[str, ...], known: tuple[str, ...]) -> Regime:
    from recipes.builtin_model.corpora import CLASSES

    if unknown := sorted(set(withheld) - set(CLASSES)):
        raise InputError(f"{', '.join(unknown)}: no class of the data sets", hint=f"Those are {', '.join(CLASSES)}.")
    kinds: tuple[Kind, ...] = ("class", "position", "rank", "size", "negative")
    retained = tuple(name for name in known if name in CLASSES and name not in withheld)

    def made(
        name: str, title: str, source: str, split: Literal["train", "dev", "test"], mine: Iterable[str]
    ) -> ImageSet:
        return ImageSet(name=name, title=title, sources=(source,), split=split, classes=tuple(mine), kinds=kinds)

    tests = [made("nwpu", "NWPU VHR-10, withheld classes", "nwpu", "test", withheld)]
    if "airplane" in withheld:
        tests.append(made("airbus", "Airbus, airplane", "airbus", "test", ["airplane"]))
        # These are not trained on, and have no test split.
        tests.append(made("hrplanes", "HRPlanes, airplane", "hrplanes", "train", ["airplane"]))
    if "vehicle" in withheld:
        tests.append(made("drone", "Drone vehicles, vehicle", "drone", "train", ["vehicle"]))
    if retained:
        several = ImageSet(
            name="retained", title="all sets, other classes", split="test", classes=retained, kinds=kinds
        )
        tests.append(several)
    return Regime(
        name="classes",
        withheld=withheld,
        pool=made(POOL, "shots", "nwpu", "train", withheld),
        dev=made(DEV, "images kept back", "nwpu", "dev", withheld),
        tests=tuple(tests),
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
            kinds=wanted.kinds,
            sources=frozenset(wanted.sources) or None,
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
    choose = choose_expressions if wanted.choosing else choose_questions
    chosen = choose([json.loads(line) for line in records.read_text(encoding="utf-8").splitlines()])
    if not any(record["solution"] != "None" for record in chosen):
        raise InputError(
            f"none of {views} views of {' and '.join(wanted.sources) or 'all sets'} shows a target of {wanted.title}",
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


def choose_expressions(records: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """A few questions about each image that choose among its objects, each by something else, and one for all of something
    that it does not show; images without a question that has a target are left out.
    """
    seen: set[tuple[str, ...]] = set()
    count: Counter[tuple[str, str]] = Counter()
    chosen = []
    for record in records:
        image, task, none = str(record["image"]), str(record["task"]), record["solution"] == "None"
        if none and task == "refer":
            continue
        key = (image, "none") if none else (image, task, str(record["category"]), str(record["asks"]))
        if key not in seen and (none or count[image, task] < _CHOSEN):
            seen.add(key)
            count[image, "none" if none else task] += 1
            chosen.append(record)
    return [r for r in chosen if count[str(r["image"]), "refer"] or count[str(r["image"]), "detect"]]


def read_questions(folder: Path) -> tuple[Sample, ...]:
    """The samples of a set, one for each line of its file."""
    return read_samples(folder / QUESTIONS, folder, format="geo-r1", on_error="refuse").samples


def shot_records(pool: Path, shots: int, *, seed: int, regime: Regime) -> list[dict[str, Any]]:
    """The questions of ``shots`` shots of each class or way to choose, shot by shot.

    Args:
        pool: folder of the pool.
        shots: of each.
        seed: the same seed gives the same shots, and more of them begin with fewer.
        regime: whether classes are taught, or ways to choose; of the latter all are taken where there are fewer views.

    Raises:
        InputError: the pool has fewer views of a withheld class.
    """
    lines = [json.loads(line) for line in (pool / QUESTIONS).read_text(encoding="utf-8").splitlines()]
    samples = read_questions(pool)
    if regime.name == "classes":
        about = [sample.category for sample in samples]
        whole = [sample for sample in samples if sample.task == "detect" and len(sample.boxes_px)]
        views = Counter(sample.category for sample in whole)
        for name in regime.withheld:
            if views[name] < shots:
                raise InputError(
                    f"the pool holds {views[name]} views of {name}, fewer than {shots} shots",
                    hint="Draw more views: --pool-views.",
                )
    else:
        about = [str(line["asks"]) for line in lines]
        named = {
            (sample.image, asks): replace(sample, category=asks)
            for sample, asks in zip(samples, about, strict=True)
            if len(sample.boxes_px)
        }
        whole = list(named.values())
    records, taken = [], set()
    for shot in choose_shots(whole, shots, seed=seed):
        for number, (sample, line) in enumerate(zip(samples, lines, strict=True)):
            mine = sample.image == shot.image and (about[number] == shot.category or not len(sample.boxes_px))
            if mine and number not in taken:
                taken.add(number)
                records.append(line)
    return records


def write_records(file: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Write JSON lines, whole or not at all."""
    partial = file.with_name(f".{file.name}.partial")
    partial.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    partial.replace(file)


def describe(folder: Path, title: str) -> dict[str, Any]:
    """What a set holds: hash of its questions, images, questions by task, and those without a target."""
    samples = read_questions(folder)
    return {
        "title": title,
        "sha256": hashlib.sha256((folder / QUESTIONS).read_bytes()).hexdigest(),
        "pictures": len({sample.image for sample in samples}),
        "refer": sum(sample.task == "refer" and len(sample.boxes_px) > 0 for sample in samples),
        "detect": sum(sample.task == "detect" and len(sample.boxes_px) > 0 for sample in samples),
        "none": sum(not len(sample.boxes_px) for sample in samples),
    }
