"""Samples are validated, and images are read safely."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from PIL import Image

from geogrounding.datasets import Sample, read_samples
from geogrounding.datasets.few_shot import choose_shots
from geogrounding.datasets.images import ImageFolder, MalformedError, image_size, read_image
from geogrounding.errors import InputError, SceneError, UnsafeSceneError
from tests import labelled, rasters


def sample(**changed: Any) -> Sample:
    values: dict[str, Any] = {
        "id": "1",
        "image": Path("a.png"),
        "size_px": (64, 48),
        "expression": "the ship",
        "task": "detect",
        "boxes_px": np.array([[1.0, 2.0, 30.0, 40.0]]),
        "labels": ("ship",),
        "origin": "test",
    }
    return Sample(**values | changed)


def test_boxes_are_a_read_only_copy() -> None:
    boxes = np.array([[1.0, 2.0, 30.0, 40.0]])
    made = sample(boxes_px=boxes)
    boxes[0, 0] = 9.0
    assert made.boxes_px[0, 0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        made.boxes_px[0, 0] = 5.0


def test_no_boxes_have_the_shape_of_none() -> None:
    assert sample(boxes_px=np.empty(0), labels=()).boxes_px.shape == (0, 4)


def test_rounding_noise_at_the_edge_is_clipped() -> None:
    assert sample(boxes_px=np.array([[-1e-9, 0, 64 + 1e-9, 48.0]])).boxes_px.tolist() == [[0, 0, 64, 48]]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"boxes_px": np.array([[1.0, 2.0, 65.0, 40.0]])}, "outside the image"),
        ({"boxes_px": np.array([[-1.0, 2.0, 6.0, 40.0]])}, "outside the image"),
        ({"boxes_px": np.array([[1.0, 2.0, 1.0, 40.0]])}, "empty or has its corners swapped"),
        ({"boxes_px": np.array([[30.0, 2.0, 1.0, 40.0]])}, "empty or has its corners swapped"),
        ({"boxes_px": np.array([[1.0, np.nan, 30.0, 40.0]])}, "not finite"),
        ({"labels": ()}, "1 boxes have 0 labels"),
        ({"task": "count"}, "unknown"),
        ({"task": "refer", "boxes_px": np.array([[1, 2, 3, 4], [5, 6, 7, 8.0]]), "labels": ("a", "b")}, "one target"),
        ({"task": "segment"}, "needs masks"),
        ({"expression": " "}, "empty"),
        ({"expression": "x" * 501}, "501 characters"),
        ({"size_px": (0, 48)}, "is empty"),
        ({"window_px": (0, 0, 10, 10)}, "does not fit"),
        ({"window_px": (-4, 0, 60, 48)}, "does not fit"),
    ],
)
def test_what_is_wrong_is_refused(changed: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        sample(**changed)


def test_a_segment_sample_may_show_nothing() -> None:
    assert sample(task="segment", boxes_px=np.empty((0, 4)), labels=()).polygons_px == ()
    with pytest.raises(InputError, match="needs masks"):
        sample(task="segment", boxes_px=np.empty((0, 4)), labels=(), polygons_px=(shapely.box(0, 0, 1, 1),))


@pytest.mark.parametrize("suffix", ["png", "bmp", "webp"])
def test_pixels_of_an_image_are_what_is_stored(tmp_path: Path, suffix: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / f"a.{suffix}", lossless=True)
    read = sample(image=tmp_path / f"a.{suffix}").pixels()
    assert read.dtype == np.uint8
    assert np.array_equal(read, pixels)


def test_a_window_is_a_part_of_the_pixels(tmp_path: Path) -> None:
    path = labelled.image(tmp_path / "a.png")
    whole = read_image(path)
    part = sample(image=path, window_px=(10, 5, 40, 45), size_px=(30, 40), boxes_px=np.empty(0), labels=()).pixels()
    assert np.array_equal(part, whole[5:45, 10:40])


def test_pixels_of_a_geotiff_come_through_the_scene(tmp_path: Path) -> None:
    array = rasters.noise((3, 48, 64))
    path = rasters.write(tmp_path / "a.tif", array, block=16)
    assert image_size(path) == (64, 48)
    assert np.array_equal(sample(image=path).pixels(), np.moveaxis(array, 0, 2))
    part = sample(image=path, window_px=(10, 5, 40, 45), size_px=(30, 40), boxes_px=np.empty(0), labels=()).pixels()
    assert np.array_equal(part, np.moveaxis(array, 0, 2)[5:45, 10:40])


def test_a_raster_of_16_bits_gets_the_stretch_of_the_whole_file(tmp_path: Path) -> None:
    array = (rasters.noise((3, 48, 64)).astype(np.uint16) + 1) * 40
    path = rasters.write(tmp_path / "a.tif", array, block=16)
    whole = read_image(path)
    assert whole.min() == 0
    assert whole.max() == 255
    assert np.array_equal(read_image(path, (3, 4, 20, 30)), whole[4:30, 3:20])


def test_a_png_of_16_bits_is_stretched_not_cut_off(tmp_path: Path) -> None:
    values = np.linspace(1000, 60_000, 64 * 48).reshape(48, 64).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    read = read_image(tmp_path / "a.png")
    assert read.shape == (48, 64, 3)
    assert 100 < read.mean() < 155  # Pillow's own conversion would give 255 nearly everywhere


def test_palette_and_grey_images_become_rgb(tmp_path: Path) -> None:
    Image.fromarray(np.full((48, 64), 7, np.uint8)).save(tmp_path / "grey.png")
    assert (read_image(tmp_path / "grey.png") == 7).all()
    palette = Image.new("P", (64, 48), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30] + [0] * 750)
    palette.save(tmp_path / "palette.png", transparency=bytes([255, 128]))
    assert (read_image(tmp_path / "palette.png") == [10, 20, 30]).all()


def bomb(path: Path, width: int, height: int) -> Path:
    """A PNG of a few hundred bytes that declares any size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )
    return path


@pytest.mark.parametrize("size", [(9_400, 9_400), (12_000, 12_000), (60_000, 60_000), (2_000_000_000, 2)])
def test_a_bomb_is_refused_before_it_unpacks(tmp_path: Path, size: tuple[int, int]) -> None:
    path = bomb(tmp_path / "bomb.png", *size)
    with pytest.raises(UnsafeSceneError, match="declares more than 80,000,000 pixels"):
        image_size(path)
    with pytest.raises(UnsafeSceneError, match="declares more than"):
        sample(image=path).pixels()


def test_a_window_of_a_raster_may_not_be_a_bomb_either(tmp_path: Path) -> None:
    path = tmp_path / "sparse.tif"
    import rasterio

    with rasterio.open(
        path, "w", driver="GTiff", width=20_000, height=20_000, count=3, dtype="uint8", tiled=True, sparse_ok=True,
        crs="EPSG:32633", transform=rasters.NORTH_UP,
    ):  # fmt: skip
        pass
    assert image_size(path) == (20_000, 20_000)
    assert read_image(path, (0, 0, 30, 20)).shape == (20, 30, 3)
    with pytest.raises(UnsafeSceneError, match="declares more than"):
        read_image(path)


def test_a_missing_image_is_reported(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match=r"'gone.png' cannot be read: No such file") as caught:
        sample(image=tmp_path / "gone.png").pixels()
    assert caught.value.hint


def test_a_link_is_refused(tmp_path: Path) -> None:
    real = labelled.image(tmp_path / "a.png")
    link = tmp_path / "link.png"
    link.symlink_to(real)
    with pytest.raises(UnsafeSceneError, match="is a link"):
        sample(image=link).pixels()


@pytest.mark.parametrize("name", ["folder", "/dev/zero"])
def test_what_is_no_regular_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(SceneError, match="not a regular file"):
        read_image(tmp_path / name)


def test_an_image_cut_off_is_reported(tmp_path: Path) -> None:
    path = labelled.image(tmp_path / "a.jpg", (640, 480))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(SceneError, match="is damaged"):
        read_image(path)


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"BM" + b"\0" * 50, b"<VRTDataset/>", b"no image"])
def test_what_is_no_image_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(SceneError):
        read_image(path)


def test_an_image_that_changed_its_size_is_reported(tmp_path: Path) -> None:
    made = sample(image=labelled.image(tmp_path / "a.png", (32, 48)))
    with pytest.raises(SceneError, match="has 32 x 48 pixels, not 64 x 48"):
        made.pixels()


def test_names_are_found_in_the_folder_and_below(tmp_path: Path) -> None:
    labelled.image(tmp_path / "images" / "deep" / "a.png")
    images = ImageFolder(tmp_path, ("images",))
    for name in ("images/deep/a.png", "deep/a.png", str(tmp_path / "images" / "deep" / "a.png"), "file://deep/a.png"):
        assert images.find(name) == (tmp_path.resolve() / "images" / "deep" / "a.png", (64, 48))


def test_names_that_lead_outside_are_refused(tmp_path: Path) -> None:
    labelled.image(tmp_path / "secret.png")
    labelled.image(tmp_path / "images" / "a.png")
    (tmp_path / "images" / "link.png").symlink_to(tmp_path / "secret.png")
    (tmp_path / "images" / "up").symlink_to(tmp_path)
    images = ImageFolder(tmp_path / "images")
    for name in ("../secret.png", str(tmp_path / "secret.png"), "link.png", "up/secret.png"):
        with pytest.raises(MalformedError, match="lies outside the folder"):
            images.find(name)


@pytest.mark.parametrize("name", ["", "   ", None, 3, "a\0b", "https://example.org/a.png", "gone.png", "x" * 5000])
def test_names_that_are_none_are_refused(tmp_path: Path, name: object) -> None:
    with pytest.raises(MalformedError):
        ImageFolder(tmp_path).find(name)


def test_a_link_inside_the_folder_is_followed_once(tmp_path: Path) -> None:
    real = labelled.image(tmp_path / "a.png")
    (tmp_path / "b.png").symlink_to(real)
    path, _ = ImageFolder(tmp_path).find("b.png")
    assert path == real.resolve()
    assert replace(sample(), image=path).pixels().shape == (48, 64, 3)


def test_a_folder_of_images_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        ImageFolder(tmp_path / "gone")


def test_shots_of_earthreason_are_chosen_by_class_and_nested(tmp_path: Path) -> None:
    split = tmp_path / "train"
    for name in ("airport_1", "airport_2", "airport_3", "lake_1", "lake_2"):
        labelled.image(split / "images" / f"{name}.jpg")
        labelled.mask(split / "labels" / f"{name}.png", [(4, 5, 24, 25)])
        labelled.write_json(split / "QAs" / f"{name}.json", {"questions": [f"Where, {name}?"], "answer": ["There."]})
    samples = read_samples(tmp_path, split="train").samples
    one, two = (choose_shots(samples, shots, seed=3) for shots in (1, 2))
    assert [sample.category for sample in one] == ["airport", "lake"]
    assert [sample.category for sample in two] == ["airport", "lake"] * 2
    assert two[:2] == one
    assert all(sample.task == "segment" and sample.polygons_px for sample in two)
