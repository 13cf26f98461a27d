"""The eight orientations of an image: boxes and polygons go where the pixels go."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from geogrounding.datasets import Sample
from geogrounding.datasets.dihedral import TURNS, turn_boxes, turn_pixels, turn_points, turn_size
from geogrounding.datasets.sample import turned
from geogrounding.training.image_refs import ImageRef

SIDE = st.integers(2, 30)


@st.composite
def images(draw: st.DrawFn) -> tuple[tuple[int, int], tuple[int, int, int, int]]:
    """A size and a box inside it, in whole pixels."""
    width, height = draw(SIDE), draw(SIDE)
    x0, y0 = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    x1, y1 = draw(st.integers(x0 + 1, width)), draw(st.integers(y0 + 1, height))
    return (width, height), (x0, y0, x1, y1)


@given(images(), st.integers(0, TURNS - 1))
def test_a_box_goes_where_its_pixels_go(image: tuple[tuple[int, int], tuple[int, int, int, int]], turn: int) -> None:
    (width, height), (x0, y0, x1, y1) = image
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[y0:y1, x0:x1] = 255
    seen = turn_pixels(pixels, turn)
    assert (seen.shape[1], seen.shape[0]) == turn_size((width, height), turn)
    rows, columns = np.nonzero(seen[..., 0])
    truth = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert turn_boxes(np.array([[x0, y0, x1, y1]], float), (width, height), turn).tolist() == [truth]


def test_the_eight_are_different_and_keep_their_size_twice() -> None:
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    assert len({turn_pixels(pixels, turn).tobytes() + bytes(turn_pixels(pixels, turn).shape) for turn in range(8)}) == 8
    for turn in range(TURNS):
        assert turn_size(turn_size((3, 2), turn), turn) == (3, 2)


def test_no_box_is_no_box() -> None:
    assert turn_boxes(np.empty((0, 4)), (5, 4), 3).shape == (0, 4)
    assert turn_points(np.empty((0, 2)), (5, 4), 3).shape == (0, 2)


@pytest.mark.parametrize("window", [None, (2, 1, 8, 5)])
@pytest.mark.parametrize("turn", range(TURNS))
def test_a_sample_turns_as_a_whole(tmp_path: Path, turn: int, window: tuple[int, int, int, int] | None) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (7, 9, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    size = (9, 7) if window is None else (6, 4)
    sample = Sample(
        id="a",
        image=tmp_path / "a.png",
        window_px=window,
        size_px=size,
        expression="shed",
        task="segment",
        boxes_px=np.array([[1.0, 1, 3, 2]]),
        labels=("shed",),
        polygons_px=(shapely.box(1, 1, 3, 2),),
        origin="here",
    )
    other = turned(sample, turn)
    assert np.array_equal(other.pixels(), turn_pixels(sample.pixels(), turn))
    assert other.polygons_px[0].bounds == tuple(other.boxes_px[0])
    assert (ImageRef(sample=other).key == ImageRef(sample=sample).key) is (turn == 0)
    assert (other is sample) is (turn == 0)
