"""Questions about the whole scene, on rasters larger than a chip: each kind of object has a colour of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import Generator
from numpy.typing import NDArray

import geogrounding as gg
from geogrounding.datasets.synthetic import Objects, evaluate, read_expression
from geogrounding.errors import JournalError
from geogrounding.models.base import Conventions
from geogrounding.pipeline import run, walk_scene
from geogrounding.types import Answer, Detection, Question
from geogrounding.vector.feature import Feature
from tests.blobs import UTM, BlobModel

KINDS = ("ship", "storage tank", "harbor")
"""Red, green, blue."""
Box = tuple[int, int, int, int]
WIDTH, HEIGHT = 512, 256


class Painted(BlobModel):
    """Finds the things of a kind by their colour; the brighter, the surer: 0.9 at 225, 0.5 at 125."""

    name = fingerprint = "painted"

    def __init__(self, *, tile: int = 64, overlap: int = 24, split: bool = True, batch_size: int = 4) -> None:
        super().__init__()
        self.conventions = Conventions(
            tile_size_px=tile,
            overlap_px=overlap,
            coordinates="resized-pixels",
            batch_size=batch_size,
            min_score=0.6,
            scene_questions=split,
        )
        self.asked: set[Question] = set()

    def ground(self, images: Sequence[NDArray[np.uint8]], questions: Sequence[Question]) -> list[list[Answer]]:
        self.asked.update(questions)
        return super().ground(images, questions)

    def answer(self, image: NDArray[np.uint8], question: Question) -> Answer:
        kind = next((number for number, name in enumerate(KINDS) if name in question.expression), None)
        if kind is None:
            return Answer()
        found = []
        for grey in range(50, 250, 25):
            mask = (image[:, :, kind] == grey).astype(np.uint8)
            for shape, _ in rasterio.features.shapes(mask, mask=mask.astype(bool)):
                xs, ys = zip(*shape["coordinates"][0], strict=True)
                box = (float(min(xs)), float(min(ys)), float(max(xs)), float(max(ys)))
                found.append(Detection(box_chip_px=box, label=KINDS[kind], score=grey / 250))
        return Answer(reasoning="by its colour", detections=tuple(found))


def paint(path: Path, things: Mapping[str, Sequence[Box]], *, grey: int = 225) -> Path:
    """A GeoTIFF with the boxes of each kind; boxes of one kind must not touch."""
    pixels = np.zeros((3, HEIGHT, WIDTH), np.uint8)
    for kind, boxes in things.items():
        for x0, y0, x1, y1 in boxes:
            pixels[KINDS.index(kind), y0:y1, x0:x1] = grey
    profile: dict[str, Any] = {"driver": "GTiff", "width": WIDTH, "height": HEIGHT, "count": 3, "dtype": "uint8"}
    with rasterio.open(path, "w", crs="EPSG:32633", transform=UTM, **profile) as out:
        out.write(pixels)
    return path


def box_px(polygon: shapely.Polygon) -> Box:
    corners = np.array([~UTM * (x, y) for x, y in polygon.exterior.coords])
    x0, y0, x1, y1 = (round(float(v)) for v in [*corners.min(axis=0), *corners.max(axis=0)])
    return x0, y0, x1, y1


def found(layer: gpd.GeoDataFrame, query: str) -> list[Box]:
    return sorted(box_px(polygon) for polygon in layer.geometry[layer["query"] == query])


SHIPS: list[Box] = [(300, 100, 310, 110), (30, 200, 60, 215), (200, 20, 210, 40), (480, 30, 490, 44)]
TANKS: list[Box] = [(320, 100, 330, 110), (100, 100, 120, 120), (400, 200, 410, 210)]
HARBORS: list[Box] = [(335, 95, 360, 125), (470, 50, 500, 60)]
THINGS = {"ship": SHIPS, "storage tank": TANKS, "harbor": HARBORS}


def test_the_leftmost_is_that_of_the_scene_and_not_of_each_chip(tmp_path: Path) -> None:
    scene = paint(tmp_path / "s.tif", THINGS)
    model = Painted()
    query = "the leftmost ship"
    layer = gg.ground(scene, query, model=model)
    assert sum(model.batches) > 20
    assert found(layer, query) == [(30, 200, 60, 215)]
    assert model.asked == {Question(expression="ship", task="detect")}
    (feature,) = layer.itertuples()
    assert feature.reasoning == "There are four ships in the scene; this one is the leftmost."
    assert (feature.label, feature.score, feature.id) == ("ship", 0.9, 1)
    # Chip by chip each chip has a leftmost ship of its own.
    assert len(gg.ground(scene, query, model=Painted(), whole_scene=False)) == 4
    assert len(gg.ground(scene, query, model=Painted(split=False))) == 4
    assert len(gg.ground(scene, query, model=Painted(split=False), whole_scene=True)) == 1


@pytest.mark.parametrize("task", ["detect", "refer"])
def test_ranks_places_and_neighbours_in_one_run(tmp_path: Path, task: Any) -> None:
    scene = paint(tmp_path / "s.tif", THINGS)
    expected = {
        "the largest storage tank": [(100, 100, 120, 120)],
        "second ship from the left": [(200, 20, 210, 40)],
        "the storage tank next to the pier": [(320, 100, 330, 110)],
        "the ship nearest to a pier": [(480, 30, 490, 44)],
        "the ship farthest from the pier": [(30, 200, 60, 215)],
        "largest ship in the upper right": [(480, 30, 490, 44)],
        "the ship in the lower left": [(30, 200, 60, 215)],
        "largest harbor below the storage tank": [],
    }
    model = Painted()
    layer = gg.ground(scene, *expected, model=model, task=task)
    assert {query: found(layer, query) for query in expected} == expected
    assert {q.expression for q in model.asked} == set(KINDS)
    said = dict(zip(layer["query"], layer["reasoning"], strict=True))
    assert said["the storage tank next to the pier"] == (
        "There are three storage tanks and two harbors in the scene; this one is next to a harbor."
    )


def random_things(random: Generator) -> dict[str, list[Box]]:
    """One thing at most in each cell, so that no two of a kind touch."""
    cells = [(x, y) for x in range(0, WIDTH - 28, 29) for y in range(0, HEIGHT - 28, 29)]
    things = {}
    for kind in KINDS:
        boxes = []
        for number in random.permutation(len(cells))[: int(random.integers(0, 25))]:
            (x, y), low, side = cells[number], random.integers(0, 9, 2), random.integers(3, 20, 2)
            boxes.append((int(x + low[0]), int(y + low[1]), int(x + low[0] + side[0]), int(y + low[1] + side[1])))
        things[kind] = sorted(boxes, key=lambda box: (box[1], box[0], box[3], box[2]))  # the order of results
    return things


ASKED = (
    "the leftmost ship",
    "the three largest ships",
    "second storage tank from the bottom",
    "all ships in the upper right",
    "storage tanks in the centre",
    "ships next to a harbor",
    "storage tanks near a ship",
    "ships near another ship",
    "the ship nearest to a harbor",
    "the storage tank farthest from the ship",
    "the smallest ship near a storage tank",
    "ships inside a harbor",
)


@pytest.mark.parametrize("examples", [6, pytest.param(300, marks=pytest.mark.slow)])
def test_it_is_what_evaluate_says_about_all_objects_whatever_the_chips(
    tmp_path_factory: pytest.TempPathFactory, examples: int
) -> None:
    folder, answers = tmp_path_factory.mktemp("scenes"), dict.fromkeys(ASKED, 0)

    @given(seed=st.integers(0, 2**32 - 1), tile=st.sampled_from([48, 64, 100, 200, 1024]))
    @settings(max_examples=examples, deadline=None, derandomize=True, database=None)
    def holds(seed: int, tile: int) -> None:
        things = random_things(np.random.default_rng(seed))
        layer = gg.ground(paint(folder / "s.tif", things), *ASKED, model=Painted(tile=tile))
        every = [(kind, box) for kind, boxes in things.items() for box in boxes]
        objects = Objects(
            boxes_px=np.array([box for _, box in every], np.float64).reshape(-1, 4),
            labels=tuple(kind for kind, _ in every),
            size_px=(WIDTH, HEIGHT),
        )
        for query in ASKED:
            meaning = read_expression(query)
            assert meaning is not None
            targets = [every[index][1] for index in evaluate(meaning, objects)]
            assert found(layer, query) == sorted(targets), (query, things)
            answers[query] += len(targets)

    holds()
    assert sum(count > 0 for count in answers.values()) >= len(ASKED) - 1


def test_places_and_counts_are_those_of_the_area_asked_about(tmp_path: Path) -> None:
    scene = paint(tmp_path / "s.tif", THINGS)
    queries = ("ships in the upper right", "the leftmost ship")
    layer = gg.ground(scene, *queries, model=Painted(), bbox=(150, 0, 350, 256), bbox_crs="pixels")
    assert found(layer, queries[0]) == [(300, 100, 310, 110)]  # in the upper right of the box, not of the scene
    assert found(layer, queries[1]) == [(200, 20, 210, 40)]
    assert set(layer["reasoning"]) == {
        "There are two ships in the area asked about; this one is in the upper right quarter.",
        "There are two ships in the area asked about; this one is the leftmost.",
    }


def test_what_lies_outside_an_area_of_interest_does_not_count(tmp_path: Path) -> None:
    scene = paint(tmp_path / "s.tif", THINGS)
    corner = shapely.Polygon([(512, 0), (512, 256), (250, 256), (250, 12), (150, 12), (150, 0)])  # around a ship
    area = shapely.transform(corner, lambda xy: np.array([UTM * tuple(p) for p in xy]))
    gpd.GeoDataFrame(geometry=[area], crs=32633).to_file(tmp_path / "aoi.gpkg")
    layer = gg.ground(scene, "the leftmost ship", model=Painted(), aoi=tmp_path / "aoi.gpkg")
    assert found(layer, "the leftmost ship") == [(300, 100, 310, 110)]


def test_refer_answers_from_the_best_where_nothing_is_sure(tmp_path: Path) -> None:
    scene = paint(tmp_path / "s.tif", THINGS, grey=125)
    with rasterio.open(scene, "r+") as file:  # a ship farther left, but less than half as sure as the others
        pixels = file.read()
        pixels[0, 10:20, 5:15] = 50
        file.write(pixels)
    query = "the leftmost ship"
    assert len(gg.ground(scene, query, model=Painted())) == 0
    layer = gg.ground(scene, query, model=Painted(), task="refer")
    assert found(layer, query) == [(30, 200, 60, 215)]
    assert list(layer["reasoning"]) == ["There may be four ships in the scene; this one is the leftmost."]
    assert len(gg.ground(scene, query, model=Painted(), task="refer", min_score=0.6)) == 0
    assert found(gg.ground(scene, query, model=Painted(), min_score=0.1), query) == [(5, 10, 15, 20)]


def test_refer_counts_what_is_not_sure_only_where_nothing_sure_fits(tmp_path: Path) -> None:
    scene = paint(tmp_path / "s.tif", {"ship": SHIPS[:1]})
    with rasterio.open(scene, "r+") as file:
        pixels = file.read()
        pixels[0, 10:20, 5:15] = 125
        file.write(pixels)
    queries = ("the leftmost ship", "the ship in the upper left")
    layer = gg.ground(scene, *queries, model=Painted(), task="refer")
    assert found(layer, queries[0]) == [(300, 100, 310, 110)]
    assert found(layer, queries[1]) == [(5, 10, 15, 20)]


def test_stream_answers_about_the_scene_at_its_end(tmp_path: Path) -> None:
    scene = paint(tmp_path / "s.tif", THINGS)
    model = Painted()
    features = list(gg.stream(scene, "the leftmost ship", "ship", model=model))
    assert [f.query for f in features] == ["ship"] * (len(features) - 1) + ["the leftmost ship"]
    assert box_px(features[-1].geometry_crs) == (30, 200, 60, 215)
    assert [f.id for f in features] == list(range(1, len(features) + 1))


def test_batches_say_nothing_about_the_scene(tmp_path: Path) -> None:
    scene = paint(tmp_path / "s.tif", THINGS)
    said: list[Feature] = []
    chosen = gg.RunSettings(source=str(scene), expressions=("the leftmost ship", "harbor"))
    with walk_scene(chosen, Painted(), tmp_path / "journal", on_features=said.extend) as walk:
        assert {f.query for f in said} == {"harbor"}
        assert {f.query for f in walk.collection} == {"the leftmost ship", "harbor"}


class Interrupted(Painted):
    """Stops as a Ctrl-C would, after some batches."""

    def ground(self, images: Sequence[NDArray[np.uint8]], questions: Sequence[Question]) -> list[list[Answer]]:
        if len(self.batches) == 3:
            raise KeyboardInterrupt
        return super().ground(images, questions)


def test_after_an_interruption_resume_ends_with_the_same_bytes(tmp_path: Path) -> None:
    scene = paint(tmp_path / "s.tif", THINGS)
    asked = ("the storage tanks next to the pier", "the largest ship")
    chosen = gg.RunSettings(source=str(scene), expressions=asked)
    run(chosen, tmp_path / "a.geojson", model=Painted(batch_size=8))
    with pytest.raises(KeyboardInterrupt):
        run(chosen, tmp_path / "b.geojson", model=Interrupted())
    for other in (
        gg.RunSettings(source=str(scene), expressions=asked, whole_scene=False),
        gg.RunSettings(source=str(scene), expressions=("the storage tanks next to the pier", "the smallest ship")),
    ):
        with pytest.raises(JournalError, match="questions changed"):
            run(other, tmp_path / "b.geojson", model=Painted(), resume=True)
    run(chosen, tmp_path / "b.geojson", model=Painted(), resume=True)
    assert (tmp_path / "b.geojson").read_bytes() == (tmp_path / "a.geojson").read_bytes()
    facts = json.loads((tmp_path / "b.geojson.run.json").read_text())
    assert facts["asked"] == ["storage tank", "harbor", "ship"]


class Forgetful(Painted):
    """Fails where it sees a ship on the left, until it is switched."""

    failing = True

    def answer(self, image: NDArray[np.uint8], question: Question) -> Answer:
        answer = super().answer(image, question)
        wide = any(d.box_chip_px[2] - d.box_chip_px[0] > 12 for d in answer.detections)
        return Answer(error="out of memory") if wide and self.failing else answer


def test_where_chips_failed_the_answer_speaks_of_what_was_seen(tmp_path: Path) -> None:
    scene = paint(tmp_path / "s.tif", {"ship": SHIPS})
    chosen = gg.RunSettings(source=str(scene), expressions=("the leftmost ship",))
    model = Forgetful(tile=128)
    assert not run(chosen, tmp_path / "o.gpkg", model=model).complete
    layer = gpd.read_file(tmp_path / "o.gpkg")
    assert found(layer, "the leftmost ship") == [(200, 20, 210, 40)]
    assert list(layer["reasoning"]) == [
        "There are three ships in what was seen of the scene; this one is the leftmost."
    ]
    model.failing = False
    assert run(chosen, tmp_path / "o.gpkg", model=model, resume=True).complete
    layer = gpd.read_file(tmp_path / "o.gpkg")
    assert found(layer, "the leftmost ship") == [(30, 200, 60, 215)]
    assert list(layer["reasoning"]) == ["There are four ships in the scene; this one is the leftmost."]
