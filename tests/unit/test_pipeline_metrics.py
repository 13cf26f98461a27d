"""Labelled images are measured as scenes of the ground resolution that their set states."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import geogrounding as gg
from recipes.builtin_model.corpora import CLASSES, LabelledImage
from recipes.builtin_model.pipeline_metrics import ground_image, write_scene
from recipes.builtin_model.sets import ground_m_of
from tests.blobs import BlobModel


def labelled_image(path: Path, source: str) -> LabelledImage:
    pixels = np.full((60, 90, 3), 30, np.uint8)
    pixels[10:20, 40:55] = 220
    Image.fromarray(pixels).save(path)
    return LabelledImage(
        source=source,
        path=path,
        window_px=None,
        boxes_px=np.array([[40.0, 10, 55, 20]]),
        labels=np.array([CLASSES.index("vehicle")]),
        known=frozenset({"vehicle"}),
    )


@pytest.mark.parametrize(
    ("source", "name", "metres"),
    [
        ("estonia-ortho", "20cm-image-0-03-04.png", 0.2),
        ("estonia-ortho", "10cm-image-1.png", 0.1),
        ("airbus-aircraft", "0a.png", 0.5),
        ("nwpu-vhr10", "002.png", None),
    ],
)
def test_sets_state_their_ground_resolution(tmp_path: Path, source: str, name: str, metres: float | None) -> None:
    assert ground_m_of(labelled_image(tmp_path / name, source)) == metres


def test_an_image_becomes_a_scene_of_the_same_pixels(tmp_path: Path) -> None:
    labelled = labelled_image(tmp_path / "20cm-a.png", "estonia-ortho")
    write_scene(tmp_path / "scene.tif", labelled, 0.2)
    with gg.Scene.open(str(tmp_path / "scene.tif")) as scene:
        assert scene.ground_resolution_m == pytest.approx(0.2, rel=1e-2)
        assert (scene.width, scene.height) == (90, 60)
    with Image.open(tmp_path / "scene.tif") as image:
        assert np.array_equal(np.asarray(image), labelled.pixels())


@pytest.mark.parametrize("as_image", [True, False])
def test_what_is_found_is_in_pixels_of_the_image(tmp_path: Path, as_image: bool) -> None:
    labelled = labelled_image(tmp_path / "20cm-a.png", "estonia-ortho")
    found = ground_image(BlobModel(), labelled, ["car"], "detect", as_image=as_image)
    boxes, scores = found["car"]
    assert np.allclose(boxes, labelled.boxes_px, atol=1e-6)
    assert len(scores) == 1
