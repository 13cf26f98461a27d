"""Rasters and paths made to do harm: no address is contacted, no other file is opened, nothing huge is allocated."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

from geogrounding.errors import GeogroundingError, SceneError, UnsafeSceneError
from geogrounding.raster import security
from geogrounding.raster.grid import ChipGrid, Tiling
from geogrounding.raster.reader import read_chips
from geogrounding.raster.scene import Scene
from geogrounding.raster.stretch import compute_stretch
from tests.rasters import NORTH_UP, noise, write

PORT_MARK, CANARY_MARK = "{PORT}", "{CANARY}"


class Trap:
    """A listening socket that must not be contacted, and a file outside that must not be opened."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.setblocking(False)
        self.port = self._server.getsockname()[1]
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._watch = self._libc.inotify_init1(os.O_NONBLOCK)
        in_open = 0x20
        assert self._libc.inotify_add_watch(self._watch, os.fsencode(canary), in_open) >= 0

    def sprung(self) -> list[str]:
        """What was touched since the last call."""
        touched = []
        try:
            connection, _ = self._server.accept()
            connection.close()
            touched.append("socket")
        except BlockingIOError:
            pass
        try:
            os.read(self._watch, 4096)
            touched.append("canary")
        except BlockingIOError:
            pass
        return touched

    def close(self) -> None:
        self._server.close()
        os.close(self._watch)


@pytest.fixture
def trap(tmp_path: Path) -> Iterator[Trap]:
    outside = tmp_path / "outside"
    outside.mkdir()
    trap = Trap(write(outside / "canary.tif", noise((3, 64, 64))))
    yield trap
    trap.close()


def test_the_trap_springs(trap: Trap) -> None:
    assert trap.sprung() == []
    with rasterio.open(trap.canary):
        pass
    socket.create_connection(("127.0.0.1", trap.port)).close()
    assert trap.sprung() == ["socket", "canary"]
    assert trap.sprung() == []


VRT = """<VRTDataset rasterXSize="64" rasterYSize="64"><SRS>EPSG:32633</SRS>
<GeoTransform>400000,0.5,0,5000000,0,-0.5</GeoTransform><VRTRasterBand dataType="Byte" band="1"><SimpleSource>
<SourceFilename relativeToVRT="0">{SOURCE}</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand>
</VRTDataset>"""
WARPED = (
    '<VRTDataset rasterXSize="9" rasterYSize="9" subClass="VRTWarpedDataset"><GDALWarpOptions>'
    "<SourceDataset>{SOURCE}</SourceDataset></GDALWarpOptions></VRTDataset>"
)
WMS = (
    '<GDAL_WMS><Service name="TMS"><ServerUrl>http://127.0.0.1:{PORT}/${x}/${y}/${z}</ServerUrl></Service>'
    "<DataWindow><SizeX>9</SizeX><SizeY>9</SizeY></DataWindow></GDAL_WMS>"
)
STACIT = (
    '{"type":"FeatureCollection","stac_version":"1.0.0",'
    '"features":[{"assets":{"a":{"href":"/vsicurl/http://127.0.0.1:{PORT}/a.tif"}}}]}'
)
GTI = (
    "<GDALTileIndexDataset><IndexDataset>/vsicurl/http://127.0.0.1:{PORT}/a.gpkg</IndexDataset></GDALTileIndexDataset>"
)
REMOTE = "/vsicurl/http://127.0.0.1:{PORT}/a.tif"

HOSTILE_PATHS = [
    "http://127.0.0.1:{PORT}/a.tif",
    "HTTP://127.0.0.1:{PORT}/a.tif",
    " http://127.0.0.1:{PORT}/a.tif",
    "https://127.0.0.1:{PORT}/a.tif",
    "ftp://127.0.0.1:{PORT}/a.tif",
    "file://{CANARY}",
    "zip://{CANARY}",
    "zip+http://127.0.0.1:{PORT}/a.zip!a.tif",
    "gzip://{CANARY}",
    "s3://bucket/a.tif",
    "gs://bucket/a.tif",
    "az://bucket/a.tif",
    "/vsicurl/http://127.0.0.1:{PORT}/a.tif",
    "/VSICURL/http://127.0.0.1:{PORT}/a.tif",
    "/vsicurl?url=http://127.0.0.1:{PORT}/a.tif",
    "/vsicurl_streaming/http://127.0.0.1:{PORT}/a.tif",
    "/vsis3/bucket/a.tif",
    "/vsis3_streaming/bucket/a.tif",
    "/vsigs/bucket/a.tif",
    "/vsiaz/bucket/a.tif",
    "/vsiwebhdfs/http://127.0.0.1:{PORT}/a.tif",
    "/vsizip/{CANARY}/a.tif",
    "/vsizip//vsicurl/http://127.0.0.1:{PORT}/a.zip/a.tif",
    "/vsitar/{CANARY}/a.tif",
    "/vsigzip/{CANARY}",
    "/vsisubfile/0_100,{CANARY}",
    "/vsicached?file={CANARY}",
    "/vsisparse/{CANARY}",
    "/vsistdin/",
    "/vsimem/a.tif",
    "/vsicrypt/key=1,file={CANARY}",
    "GTIFF_DIR:1:{CANARY}",
    "GTIFF_RAW:{CANARY}",
    "DERIVED_SUBDATASET:LOGAMPLITUDE:{CANARY}",
    "vrt://{CANARY}?bands=1",
    "WMS:http://127.0.0.1:{PORT}/wms",
    "WMTS:http://127.0.0.1:{PORT}/wmts",
    "WCS:http://127.0.0.1:{PORT}/wcs",
    'STACIT:"http://127.0.0.1:{PORT}/search"',
    "EEDAI:projects/x",
    "GTI:{CANARY}",
    "MEM:::DATAPOINTER=1,PIXELS=1,LINES=1",
    "HTTP:http://127.0.0.1:{PORT}/a.tif",
    "ZARR:/vsicurl/http://127.0.0.1:{PORT}/a.zarr",
    "NETCDF:{CANARY}:band",
    "HDF5:{CANARY}://x",
    "PG:host=127.0.0.1 port={PORT}",
    VRT.replace("{SOURCE}", REMOTE),
    VRT.replace("{SOURCE}", "{CANARY}"),
    WMS,
    GTI,
    STACIT,
    "",
    "  ",
    "a\0b.tif",
    "/dev/zero",
    "/proc/self/environ",
    "no-such-file.tif",
    ".",
]


@pytest.mark.parametrize("path", HOSTILE_PATHS)
def test_hostile_paths_are_refused_and_touch_nothing(trap: Trap, path: str) -> None:
    path = path.replace(PORT_MARK, str(trap.port)).replace(CANARY_MARK, str(trap.canary))
    with pytest.raises(SceneError) as caught:
        Scene.open(path, pixel_coordinates=True)
    assert caught.value.exit_code == 3
    assert trap.sprung() == []


HOSTILE_FILES = {
    "vrt.vrt": VRT.replace("{SOURCE}", "{CANARY}"),
    "vrt.tif": VRT.replace("{SOURCE}", "{CANARY}"),
    "curl.tif": VRT.replace("{SOURCE}", REMOTE),
    "bom.tif": "\ufeff\n" + VRT.replace("{SOURCE}", "{CANARY}"),
    "warped.tif": WARPED.replace("{SOURCE}", "{CANARY}"),
    "commented.png": "<!-- image -->" * 30 + VRT.replace("{SOURCE}", "{CANARY}"),
    "wms.tif": WMS,
    "wms.xml": WMS,
    "stacit.json": STACIT,
    "gti.gti": GTI,
    "gti.tif": GTI,
    "text.tif": "just text",
    "empty.tif": "",
}


@pytest.mark.parametrize("name", HOSTILE_FILES)
def test_hostile_files_are_refused_and_touch_nothing(trap: Trap, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(HOSTILE_FILES[name].replace(PORT_MARK, str(trap.port)).replace(CANARY_MARK, str(trap.canary)))
    with pytest.raises(SceneError):
        Scene.open(path, pixel_coordinates=True)
    assert trap.sprung() == []


def read_all(path: Path, **options: object) -> None:
    """Everything that a run does with a scene."""
    with Scene.open(path, **options) as scene:  # type: ignore[arg-type]
        assert scene.fingerprint
        stretch = compute_stretch(scene, "percentile:2,98")
        tiling = Tiling(tile_size_px=64, overlap_px=0, scales=(1, 3))
        for _ in read_chips(scene, ChipGrid(scene.width, scene.height, tiling=tiling), stretch):
            pass


def _overview_item(path: Path, target: str) -> None:
    with rasterio.open(path, "r+") as dataset:
        dataset.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=target)


def _sidecar_vrt(suffix: str) -> Callable[[Path, str], None]:
    def make(path: Path, target: str) -> None:
        path.with_name(path.name + suffix).write_text(VRT.replace("{SOURCE}", target))

    return make


def _aux_overview(path: Path, target: str) -> None:
    item = f'<MDI key="OVERVIEW&#95;FILE">{target}</MDI>'
    path.with_name(path.name + ".aux.xml").write_text(
        f'<PAMDataset><Metadata domain="OVERVIEWS">{item}</Metadata></PAMDataset>'
    )


def _nested_overview(path: Path, target: str) -> None:
    beside = path.with_name(path.name + ".ovr")
    write(beside, noise((3, 100, 100)), crs=None)
    _overview_item(beside, target)


def _sidecar_link(path: Path, target: str) -> None:
    path.with_name(path.name + ".msk").symlink_to(target if not target.startswith("/vsi") else "/dev/zero")


@pytest.mark.parametrize("target", [REMOTE, "{CANARY}"])
@pytest.mark.parametrize(
    "make",
    [_overview_item, _sidecar_vrt(".msk"), _sidecar_vrt(".ovr"), _sidecar_vrt(".MSK"), _aux_overview, _nested_overview],
)
def test_side_cars_that_point_elsewhere_are_refused(
    trap: Trap, tmp_path: Path, make: Callable[[Path, str], None], target: str
) -> None:
    path = write(tmp_path / "scene.tif", noise((3, 200, 200)))
    make(path, target.replace(PORT_MARK, str(trap.port)).replace(CANARY_MARK, str(trap.canary)))
    trap.sprung()
    with pytest.raises(UnsafeSceneError):
        read_all(path)
    assert trap.sprung() == []


def test_a_mask_that_is_a_link_to_a_device_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "scene.tif", noise((3, 200, 200)))
    path.with_name("scene.tif.msk").symlink_to("/dev/zero")
    with pytest.raises(UnsafeSceneError):
        read_all(path)


def test_a_vrt_is_read_from_a_trusted_folder_only(tmp_path: Path) -> None:
    trusted, other = tmp_path / "trusted", tmp_path / "other"
    trusted.mkdir()
    other.mkdir()
    source = write(trusted / "source.tif", noise((3, 64, 64)))
    for folder in (trusted, other):
        (folder / "mosaic.vrt").write_text(VRT.replace("{SOURCE}", str(source)))
    read_all(trusted / "mosaic.vrt", trusted_folders=[trusted])
    read_all(trusted / "mosaic.vrt", trusted_folders=[tmp_path / "nowhere", tmp_path])
    with pytest.raises(UnsafeSceneError, match="VRT"):
        Scene.open(trusted / "mosaic.vrt")
    with pytest.raises(UnsafeSceneError, match="VRT"):
        Scene.open(other / "mosaic.vrt", trusted_folders=[trusted])
    # Links and dots are resolved before the folder is compared.
    (trusted / "link.vrt").symlink_to(other / "mosaic.vrt")
    for sneaky in (trusted / "link.vrt", trusted / ".." / "other" / "mosaic.vrt"):
        with pytest.raises(UnsafeSceneError, match="VRT"):
            Scene.open(sneaky, trusted_folders=[trusted])


@pytest.mark.parametrize("source", [REMOTE, "http://127.0.0.1:{PORT}/a.tif", "/vsizip/{CANARY}/a.tif"])
def test_a_trusted_vrt_still_opens_no_address(trap: Trap, tmp_path: Path, source: str) -> None:
    path = tmp_path / "mosaic.vrt"
    source = source.replace(PORT_MARK, str(trap.port)).replace(CANARY_MARK, str(trap.canary))
    path.write_text(VRT.replace("{SOURCE}", source))
    with pytest.raises(UnsafeSceneError, match="remote"):
        read_all(path, trusted_folders=[tmp_path])
    # Behind a VRT inside the VRT the words are not seen; then GDAL's closed HTTP layer holds.
    inner = tmp_path / "inner.vrt"
    path.rename(inner)
    path.write_text(VRT.replace("{SOURCE}", str(inner)))
    with Scene.open(path, trusted_folders=[tmp_path]) as scene:
        tiling = Tiling(tile_size_px=64, overlap_px=0)
        (image,) = read_chips(scene, ChipGrid(64, 64, tiling=tiling), compute_stretch(scene, "0,255"))
        assert image.error is not None
    assert "socket" not in trap.sprung()


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


def test_network_drivers_are_gone_from_a_fresh_process() -> None:
    program = (
        "import geogrounding.raster.scene, rasterio, pyogrio\n"
        "with rasterio.Env() as env: print(sorted(env.drivers()))\nprint(sorted(pyogrio.list_drivers()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    raster, vector = (set(eval(line, {})) for line in done.stdout.splitlines())
    assert {"GTiff", "VRT"} <= raster
    assert not raster & {"HTTP", "WMS", "WMTS", "WCS", "EEDAI", "STACIT", "STACTA", "PLMOSAIC", "GTI"}
    assert not vector & {"WFS", "OAPIF", "CSW", "Carto", "Elasticsearch", "NGW"}
    assert done.stderr == ""


def test_an_image_that_is_cut_off_is_an_error_not_grey(tmp_path: Path) -> None:
    path = tmp_path / "cut.jpg"
    Image.fromarray(np.moveaxis(noise((3, 300, 300)), 0, -1)).save(path)
    path.write_bytes(path.read_bytes()[:20_000])
    with Scene.open(path, pixel_coordinates=True) as scene:
        tiling = Tiling(tile_size_px=300, overlap_px=0)
        (image,) = read_chips(scene, ChipGrid(300, 300, tiling=tiling), compute_stretch(scene))
        assert image.error is not None
    with Scene.open(path, pixel_coordinates=True) as scene, pytest.raises(GeogroundingError):
        compute_stretch(scene, "minmax")
