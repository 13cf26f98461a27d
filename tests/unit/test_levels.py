"""One level more where the objects of an image without a ground resolution look small."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray

import geogrounding as gg
from geogrounding.errors import IncompleteError
from geogrounding.execution.levels import FINER
from geogrounding.execution.scales import UNKNOWN_RESOLUTION
from geogrounding.types import Answer, Question
from tests.blobs import UTM, BlobModel, write_scene


class CarFinder(BlobModel):
    """Every blob is a car of at least 24 pixels; of airplanes it sees none."""

    def __init__(self) -> None:
        super().__init__(tile_size_px=336, overlap_px=64)
        self.conventions = replace(
            self.conventions,
            classes={"vehicle": (0.12,), "airplane": (0.5,)},
            object_sizes_px=(24.0, 120.0),
            min_score=0.4,
        )

    def answer(self, image: NDArray[Any], question: Question) -> Answer:
        return Answer() if "plane" in question.expression else super().answer(image, question)


def levels(folder: Path, side_px: int, *queries: str, known: bool = False, model: Any = None, **settings: Any) -> Any:
    """Levels at which a run looked at an image of squares."""
    squares = [(x, y, x + side_px, y + side_px) for y in range(20, 560, 70) for x in range(20, 560, 70)]
    place: dict[str, Any] = {} if known else {"crs": None, "transform": Affine.identity()}
    scene = folder / f"{side_px}-{known}.tif"
    if not scene.exists():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
            write_scene(scene, squares, width=600, height=600, **place)
    settings = {"pixel_coordinates": not known, "overwrite": True} | settings
    gg.run(str(scene), folder / "o.geojson", *queries, model=model or CarFinder(), **settings)
    return tuple(json.loads((folder / "o.geojson.run.json").read_text())["grid"]["scales"])


@pytest.mark.parametrize("side_px", [8, 11, 14, 15, 40, 46, 50])
def test_levels_go_by_the_sizes_of_objects(tmp_path: Path, side_px: int) -> None:
    expected: tuple[float, ...] = UNKNOWN_RESOLUTION
    if 2 * side_px < 1.2 * 24:
        expected = FINER
    if 2 * side_px >= 0.8 * 120:
        expected = UNKNOWN_RESOLUTION[1:]
    assert levels(tmp_path, side_px, "car") == expected


def test_the_smallest_of_several_classes_counts(tmp_path: Path) -> None:
    assert levels(tmp_path, 9, "airplane") == UNKNOWN_RESOLUTION
    assert levels(tmp_path, 9, "airplane", "car") == FINER


def test_large_objects_of_one_class_take_no_level_from_another(tmp_path: Path) -> None:
    """Of airplanes none was seen, so they may be small."""
    assert levels(tmp_path, 50, "car") == UNKNOWN_RESOLUTION[1:]
    assert levels(tmp_path, 50, "airplane", "car") == UNKNOWN_RESOLUTION


def test_levels_that_are_known_or_asked_for_stay(tmp_path: Path) -> None:
    known = levels(tmp_path, 9, "car", known=True)
    assert known == (pytest.approx(0.35),)  # 0.12 m of 0.5 m, as far as imagery is enlarged
    assert levels(tmp_path, 9, "car", scales=(1.0,)) == (1.0,)


def test_what_is_less_sure_does_not_decide(tmp_path: Path) -> None:
    """Blobs of 3 pixels score below the default; asked for with a lower score, they still say nothing of the levels."""
    assert levels(tmp_path, 3, "car", min_score=0.01) == UNKNOWN_RESOLUTION


def test_a_resumed_run_comes_to_the_same_levels_and_bytes(tmp_path: Path) -> None:
    class Failing(CarFinder):
        def answer(self, image: NDArray[Any], question: Question) -> Answer:
            if sum(self.batches) > 20:
                return Answer(error="lost")
            return super().answer(image, question)

    whole = levels(tmp_path, 9, "car")
    expected = (tmp_path / "o.geojson").read_bytes()
    broken = levels(tmp_path, 9, "car", model=Failing())
    assert (tmp_path / "o.geojson").read_bytes() != expected
    assert levels(tmp_path, 9, "car", resume=True, overwrite=False) == broken == whole
    assert (tmp_path / "o.geojson").read_bytes() == expected


def test_failed_chips_say_nothing_of_the_levels(tmp_path: Path) -> None:
    class Lost(CarFinder):
        def answer(self, image: NDArray[Any], question: Question) -> Answer:
            return Answer(error="lost")

    with pytest.raises(IncompleteError):
        gg.ground(
            str(write_scene(tmp_path / "s.tif", [(5, 5, 14, 14)], crs=None, transform=UTM)),
            "car",
            model=Lost(),
            pixel_coordinates=True,
        )
