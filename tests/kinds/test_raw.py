"""Raw formats with a header beside them: the size must fit, neighbours are not pixels, what is cut is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine

from geogrounding.errors import SceneError
from geogrounding.raster.scene import Scene
from tests.kinds.doors import command

TRANSFORM = Affine(0.5, 0, 500_000, 0, -0.5, 4_600_000)


def raw(
    path: Path, driver: str = "ENVI", *, count: int = 3, dtype: str = "uint8", first: bytes = b"", **options: Any
) -> Path:
    """A raw raster, with the bytes of its first pixels replaced."""
    pixels = np.random.default_rng(1).integers(1, 200, (count, 50, 60)).astype(dtype)
    profile = {"width": 60, "height": 50, "count": count, "dtype": dtype, "crs": "EPSG:32633", "transform": TRANSFORM}
    with rasterio.open(path, "w", driver=driver, **profile, **options) as file:
        file.write(pixels)
    with path.open("r+b") as file:
        file.write(first)
    return path


KINDS = [
    ("ENVI", "scene.img", {"interleave": "bsq"}),
    ("ENVI", "scene.dat", {"interleave": "bil"}),
    ("ENVI", "scene", {"interleave": "bip"}),
    ("ENVI", "scene.raw", {"dtype": "uint16"}),
    ("ENVI", "scene.raw", {"dtype": "float32", "count": 1}),
    ("ENVI", "scene.bil", {"suffix": "ADD"}),
    ("EHdr", "scene.bil", {}),
    ("EHdr", "scene.bil", {"dtype": "int16", "count": 1}),
    ("EHdr", "scene.flt", {"dtype": "float32", "count": 1}),
]


@pytest.mark.parametrize(("driver", "name", "options"), KINDS)
def test_pixels_are_those_of_gdal(tmp_path: Path, driver: str, name: str, options: dict[str, Any]) -> None:
    path = raw(tmp_path / name, driver, **options)
    with rasterio.open(path) as file:
        expected = file.read(list(range(1, min(3, file.count) + 1)))
    with Scene.open(path) as scene:
        assert scene.driver == driver
        assert np.array_equal(scene.read_raw()[0], expected)


@pytest.mark.parametrize(("driver", "name", "options"), KINDS)
@pytest.mark.parametrize("keep", [0.0, 0.5, 0.999])
def test_a_cut_file_is_refused(tmp_path: Path, driver: str, name: str, options: dict[str, Any], keep: float) -> None:
    path = raw(tmp_path / name, driver, **options)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(int(size * keep))
    with pytest.raises(SceneError, match=r"cut off|not a raster"):
        Scene.open(path)


FIRST_BYTES = [
    b"BM", b"BM\x10\x27\0\0\0\0\0\0", b"\xff\xd8\xff\xe0", b"II*\0\x08\0\0\0", b"MM\0*", b"\x89PNG\r\n\x1a\n",
    b"NITF02.10", b"<VRTDataset", b"RIFF\0\0\0\0WEBP", b"{", b"EHFA_HEADER_TAG", b"ENVI",
]  # fmt: skip


@pytest.mark.parametrize("first", FIRST_BYTES)
@pytest.mark.parametrize("driver", ["ENVI", "EHdr"])
def test_first_pixels_are_not_taken_for_another_format(tmp_path: Path, driver: str, first: bytes) -> None:
    path = raw(tmp_path / "scene.bil", driver, first=first)
    with Scene.open(path) as scene:
        assert scene.driver == driver
        assert (scene.width, scene.height) == (60, 50)


@pytest.mark.parametrize("content", [b"BM and other pixels", b"BM\0\0\0\0\1\1\1\1", b"plain words", b"\0" * 9000, b""])
def test_what_only_begins_like_a_raster_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "alone.dat").write_bytes(content)
    with pytest.raises(SceneError):
        Scene.open(tmp_path / "alone.dat")


@pytest.mark.parametrize("driver", ["ENVI", "EHdr"])
def test_neighbours_of_the_header_are_not_pixels(tmp_path: Path, driver: str) -> None:
    raw(tmp_path / "scene.bil", driver)
    (tmp_path / "scene.txt").write_text("notes " * 2000)
    (tmp_path / "scene.aux").write_bytes(b"\x01" * 100_000)
    for name in ("scene.txt", "scene.aux", "scene.hdr"):
        with pytest.raises(SceneError):
            Scene.open(tmp_path / name)
    refused = command("info", tmp_path / "scene.hdr")
    assert refused.exit_code == 3
    assert "header" in refused.stderr


def test_a_tiff_beside_a_header_is_a_tiff(tmp_path: Path) -> None:
    raw(tmp_path / "scene.img")
    with rasterio.open(tmp_path / "scene.tif", "w", driver="GTiff", width=9, height=8, count=1, dtype="uint8",
                       crs="EPSG:32633", transform=TRANSFORM) as file:  # fmt: skip
        file.write(np.ones((1, 8, 9), np.uint8))
    with Scene.open(tmp_path / "scene.tif") as scene:
        assert scene.driver == "GTiff"
        assert scene.shape == (8, 9)


CUT = [
    ("GTiff", ".tif", {}),
    ("GTiff", ".tif", {"compress": "deflate", "tiled": True, "blockxsize": 16, "blockysize": 16}),
    ("HFA", ".img", {}),
    ("NITF", ".ntf", {}),
    ("PNG", ".png", {}),
    ("JPEG", ".jpg", {}),
    ("BMP", ".bmp", {}),
    ("WEBP", ".webp", {"lossless": True}),
    ("JP2OpenJPEG", ".jp2", {"reversible": "yes", "quality": 100}),
]


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(("driver", "suffix", "options"), CUT)
def test_what_is_cut_never_reads_as_black(tmp_path: Path, driver: str, suffix: str, options: dict[str, Any]) -> None:
    """Opening or reading fails; or what can be read is what the whole file holds."""
    pixels = np.random.default_rng(2).integers(60, 200, (3, 64, 96)).astype(np.uint8)
    path = tmp_path / f"a{suffix}"
    with rasterio.MemoryFile() as memory:  # formats that can only be copied
        with memory.open(driver="GTiff", width=96, height=64, count=3, dtype="uint8") as source:
            source.write(pixels)
        with memory.open() as source:
            rasterio.shutil.copy(source, path, driver=driver, **options)
    with rasterio.open(path) as file:
        whole = file.read()
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * 0.6))
    try:
        with Scene.open(path, pixel_coordinates=True) as scene:
            raw_values, _ = scene.read_raw()
    except SceneError:
        return
    assert np.array_equal(raw_values, whole)
