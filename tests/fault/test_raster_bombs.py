"""Rasters that declare more than they hold are refused before memory is taken."""

from __future__ import annotations

import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import rasterio

from geogrounding.errors import SceneError, UnsafeSceneError
from geogrounding.raster import security
from geogrounding.raster.scene import Scene
from tests.rasters import NORTH_UP, noise, write


def tiff_declaring(
    width: int, height: int, *, samples: int = 1, rows: int | None = None, tile: int | None = None, next_ifd: int = 0
) -> bytes:
    """A classic TIFF whose one directory declares what it likes, deflated, with a single short block."""
    tags = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, 8),
        (259, 3, 8),
        (262, 3, 1),
        (277, 3, samples),
        (284, 3, 1),
    ]
    if tile:
        tags += [(322, 4, tile), (323, 4, tile), (324, 4, 400), (325, 4, 20)]
    else:
        tags += [(273, 4, 400), (278, 4, rows or height), (279, 4, 20)]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in sorted(tags))
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", next_ifd)
    return head.ljust(400, b"\0") + b"x\x9c" + b"\0" * 18


def _huge_png(side: int) -> bytes:
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"x\x9c") + chunk(b"IEND", b"")


BOMBS: dict[str, Callable[[Path], object]] = {
    "terapixel": lambda p: p.write_bytes(tiff_declaring(1_000_000, 1_000_000, tile=256)),
    "four-billion": lambda p: p.write_bytes(tiff_declaring(2**32 - 1, 2**32 - 1, tile=256)),
    "one-row": lambda p: p.write_bytes(tiff_declaring(2**31, 1)),
    "one-column": lambda p: p.write_bytes(tiff_declaring(1, 2**31, rows=1)),
    "no-width": lambda p: p.write_bytes(tiff_declaring(0, 100)),
    "one-strip": lambda p: p.write_bytes(tiff_declaring(16_400, 16_400)),
    "one-wide-strip": lambda p: p.write_bytes(tiff_declaring(200_000, 200_000, rows=5_000)),
    "one-tile": lambda p: p.write_bytes(tiff_declaring(64, 64, tile=32_768)),
    "huge-tile": lambda p: p.write_bytes(tiff_declaring(64, 64, tile=2**30)),
    "many-bands": lambda p: p.write_bytes(tiff_declaring(64, 64, samples=65_000)),
    "bands-in-tiles": lambda p: p.write_bytes(tiff_declaring(4_000, 4_000, samples=1_000, tile=1024)),
    "tiny-tiles": lambda p: p.write_bytes(tiff_declaring(400_000, 400_000, tile=16)),
    "endless": lambda p: p.write_bytes(tiff_declaring(64, 64, next_ifd=8)),
    "huge-second": lambda p: p.write_bytes(tiff_declaring(64, 64, next_ifd=420) + tiff_declaring(2**30, 2**30)[8:]),
    "png": lambda p: p.write_bytes(_huge_png(60_000)),
    "cut-header": lambda p: p.write_bytes(b"II*\0\x08"),
    "cut-directory": lambda p: p.write_bytes(tiff_declaring(64, 64)[:40]),
    "far-directory": lambda p: p.write_bytes(b"II*\0" + struct.pack("<I", 2**31) + b"\0" * 100),
    "big-far-directory": lambda p: p.write_bytes(b"II+\0\x08\0\0\0" + struct.pack("<Q", 2**63 - 1) + b"\0" * 100),
    "huge-count": lambda p: p.write_bytes(b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 2**62) + b"\0" * 100),
    "huge-mask": lambda p: (
        write(p, noise((1, 64, 64))),
        p.with_name(p.name + ".msk").write_bytes(tiff_declaring(30_000, 30_000)),
    ),
    "huge-overview": lambda p: (
        write(p, noise((1, 64, 64))),
        p.with_name(p.name + ".ovr").write_bytes(tiff_declaring(30_000, 30_000)),
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "bomb.tif"
    BOMBS[name](path)
    start = time.process_time()
    with pytest.raises(SceneError):
        Scene.open(path, pixel_coordinates=True)
    assert time.process_time() - start < 1


def test_bombs_take_no_memory(tmp_path: Path) -> None:
    paths = []
    for name, make in BOMBS.items():
        folder = tmp_path / name
        folder.mkdir()
        make(folder / "bomb.tif")
        paths.append(str(folder / "bomb.tif"))
    program = """
import re, sys
from pathlib import Path
from geogrounding.errors import SceneError
from geogrounding.raster.scene import Scene
refused = 0
for path in sys.argv[1:]:
    try:
        Scene.open(path, pixel_coordinates=True)
    except SceneError:
        refused += 1
status = Path("/proc/self/status").read_text()  # ru_maxrss would count what the parent held before exec
print(refused, int(re.search(r"VmHWM:\\s+(\\d+)", status)[1]) // 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, *paths], capture_output=True, text=True, check=True, timeout=60
    )
    refused, peak_mib = (int(word) for word in done.stdout.split())
    assert refused == len(BOMBS)
    assert peak_mib < 200


def test_large_but_legal_rasters_pass(tmp_path: Path) -> None:
    profile = {"driver": "GTiff", "count": 3, "dtype": "uint8", "crs": "EPSG:32633", "transform": NORTH_UP}
    sparse = {"tiled": True, "compress": "deflate", "SPARSE_OK": "TRUE", "BIGTIFF": "YES"}
    with rasterio.open(tmp_path / "large.tif", "w", width=100_000, height=100_000, **profile, **sparse):
        pass
    strip = {"compress": "deflate", "blockysize": 8_000, "SPARSE_OK": "TRUE"}
    with rasterio.open(tmp_path / "one-strip.tif", "w", width=8_000, height=8_000, **profile, **strip):
        pass
    plain = {"blockysize": 20_000, "SPARSE_OK": "TRUE"}
    with rasterio.open(tmp_path / "uncompressed.tif", "w", width=20_000, height=20_000, **profile, **plain):
        pass
    for name in ("large.tif", "one-strip.tif", "uncompressed.tif"):
        start = time.process_time()
        with Scene.open(tmp_path / name) as scene:
            assert scene.width * scene.height >= 64_000_000
            assert scene.fingerprint
        assert time.process_time() - start < 1


def test_the_block_limit_is_one_of_bytes(tmp_path: Path) -> None:
    assert security.MAX_BLOCK_BYTES == 2**28
    security.check_block(2**28)
    with pytest.raises(UnsafeSceneError, match="MiB"):
        security.check_block(2**28 + 1)
    (tmp_path / "exact.tif").write_bytes(tiff_declaring(16_384, 16_384))
    with Scene.open(tmp_path / "exact.tif", pixel_coordinates=True) as scene:
        assert (scene.width, scene.height) == (16_384, 16_384)
