"""Few-shot choice is nested and does not depend on order; readers survive whatever a label file holds."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.features import rasterize

from geogrounding.datasets import DataFormat, Sample, choose_shots, read_samples
from geogrounding.datasets.masks import polygons_of_mask
from geogrounding.errors import GeogroundingError, SettingsError
from tests import labelled


@st.composite
def data_sets(draw: st.DrawFn) -> list[Sample]:
    """Samples of up to four classes, some without a target, some alike in everything but their image."""
    described = draw(
        st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 30), st.integers(0, 2)), max_size=40, unique=True)
    )
    return [
        Sample(
            id=f"{place}",
            image=Path(f"/data/{number}.png"),
            size_px=(64, 48),
            expression=f"the {category}",
            task="detect",
            boxes_px=np.array([[k, k, k + 5.0, k + 6.0] for k in range(count)]).reshape(-1, 4),
            labels=(category,) * count,
            category=category,
            origin=f"train.json:{place}",
        )
        for place, (category, number, count) in enumerate(described)
    ]


@settings(deadline=None)
@given(data_sets(), st.integers(1, 4), st.integers(1, 6), st.integers(-5, 10**9), st.integers(0, 3), st.randoms())
def test_shots_are_nested_and_do_not_depend_on_order(
    samples: list[Sample], few: int, more: int, seed: int, negatives: int, chance: random.Random
) -> None:
    small = choose_shots(samples, few, seed=seed)
    large = choose_shots(samples, few + more, seed=seed)
    assert small == large[: len(small)]
    for category in {sample.category for sample in samples}:
        available = sum(sample.category == category and len(sample.boxes_px) > 0 for sample in samples)
        assert sum(sample.category == category for sample in small) == min(few, available)
    assert all(len(sample.boxes_px) for sample in large)

    # Another order, other ids, another folder: the same choice.
    other = [
        replace(sample, id=f"x{sample.id}", image=Path("/elsewhere") / sample.image.name, origin="other.json:1")
        for sample in samples
    ]
    chance.shuffle(other)
    assert [(s.image.name, s.category) for s in choose_shots(other, few, seed=seed)] == [
        (s.image.name, s.category) for s in small
    ]

    # What was not chosen does not matter.
    kept = [sample for sample in samples if sample in large or chance.random() < 0.5]
    assert choose_shots(kept, few + more, seed=seed) == large

    with_negatives = choose_shots(samples, few, seed=seed, negatives=negatives)
    assert with_negatives[: len(small)] == small
    assert not any(len(sample.boxes_px) for sample in with_negatives[len(small) :])
    chosen_classes = {sample.category for sample in small}
    for category in "abcd":
        absent = sum(sample.category == category and not len(sample.boxes_px) for sample in samples)
        added = sum(sample.category == category for sample in with_negatives[len(small) :])
        assert added == (min(negatives, absent) if category in chosen_classes else 0)


def test_seeds_choose_differently() -> None:
    samples = [
        Sample(
            id=str(number),
            image=Path(f"{number}.png"),
            size_px=(64, 48),
            expression="ship",
            task="detect",
            boxes_px=np.array([[0, 0, 5.0, 6.0]]),
            labels=("ship",),
            category="ship",
            origin="test",
        )
        for number in range(100)
    ]
    chosen = [{s.id for s in choose_shots(samples, 10, seed=seed)} for seed in range(20)]
    counts = np.zeros(100)
    for ids in chosen:
        counts[[int(i) for i in ids]] += 1
    assert len({frozenset(ids) for ids in chosen}) == 20
    assert counts.max() <= 8  # 20 draws of a tenth: 2 on average


@pytest.mark.parametrize("numbers", [{"shots": 0}, {"shots": -1}, {"shots": 1, "negatives": -1}])
def test_numbers_of_shots_are_checked(numbers: dict[str, int]) -> None:
    with pytest.raises(SettingsError):
        choose_shots([], seed=0, **numbers)


WORDS = st.sampled_from(
    ["a.png", "../a.png", "None", "<bbox>", "<ref-object>", "human", "gpt", "user", "assistant", "[1,2,3,4]", "",
     "ship", "{<1><2><3><4>}", "[refer] where is <p>it</p>", "norm1", "\ud800", "\x00", "detect", "segment"]
)  # fmt: skip
KEYS = st.sampled_from(
    ["image", "images", "problem", "solution", "conversations", "from", "value", "objects", "ref", "bbox", "messages",
     "role", "content", "prompt", "completion", "image_id", "question", "ground_truth", "obj_cls", "is_unique", "mask",
     "width", "height", "task", "expression", "bbox_2d", "label", "category", "bbox_type", "annotations", "categories",
     "id", "name", "file_name", "category_id", "segmentation", "iscrowd", "size", "counts", "path", "bbox_list"]
)  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers(-3, 70) | st.floats() | WORDS | st.integers(10**30, 10**400)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(KEYS, inner, max_size=6)
        | st.tuples(*[st.integers(0, 60)] * 4).map(list)
    ),
    max_leaves=25,
)
RECORDS = st.dictionaries(KEYS, VALUES, max_size=8)
SPOILED = st.fixed_dictionaries(
    {}, optional={
        "image": st.just("a.png") | VALUES, "images": st.just(["a.png"]) | VALUES,
        "image_id": st.just("a.png") | VALUES,
        "problem": WORDS | VALUES, "solution": VALUES, "conversations": VALUES, "objects": VALUES, "messages": VALUES,
        "prompt": WORDS | VALUES, "completion": VALUES, "question": WORDS, "ground_truth": WORDS, "mask": VALUES,
    },
)  # fmt: skip


@pytest.mark.parametrize("format_", ["geo-r1", "ms-swift", "trl", "vrsbench", "coco", "auto"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_no_label_file_breaks_a_reader(tmp_path: Path, format_: DataFormat, data: st.DataObject) -> None:
    """Whatever the records are, a reader gives checked samples and problems, or one of the project's errors."""
    if not (tmp_path / "a.png").exists():
        labelled.image(tmp_path / "a.png")
    whole: Any
    if format_ == "coco":
        keys = {"images": st.lists(RECORDS, max_size=3), "annotations": st.lists(RECORDS, max_size=4)}
        named = st.lists(st.fixed_dictionaries({"id": st.integers(0, 3), "name": WORDS}), max_size=3)
        whole = data.draw(st.fixed_dictionaries(keys | {"categories": named | VALUES}) | VALUES)
    else:
        whole = data.draw(st.lists(SPOILED | RECORDS | VALUES, max_size=4))
    path = tmp_path / "train.json"
    path.write_text(json.dumps(whole))
    try:
        read = read_samples(path, format=format_)
    except GeogroundingError:
        return
    for sample in read.samples:
        assert sample.image == (tmp_path / "a.png").resolve()
    for problem in read.problems:
        assert problem.origin.startswith("train.json")
        assert problem.reason


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_break_a_reader(tmp_path: Path, content: bytes) -> None:
    for name in ("train.json", "train.jsonl"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(GeogroundingError):
            read_samples(tmp_path / name)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 24), st.integers(1, 24), st.integers(0, 2**32 - 1), st.floats(0.05, 0.95))
def test_masks_become_polygons_that_draw_the_same_mask(width: int, height: int, seed: int, share: float) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < share
    polygons = polygons_of_mask(mask)
    assert sum(polygon.area for polygon in polygons) == mask.sum()
    assert all(polygon.is_valid for polygon in polygons)
    if polygons:
        assert np.array_equal(rasterize(polygons, out_shape=mask.shape).astype(bool), mask)
