"""Rasters and paths made to do harm: no address is contacted, no other file is opened, nothing huge is allocated."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

from geogrounding.errors import GeogroundingError, SceneError, UnsafeSceneError
from geogrounding.raster.grid import ChipGrid
from geogrounding.raster.reader import read_chips
from geogrounding.raster.scene import Scene
from geogrounding.raster.stretch import compute_stretch
from geogrounding.raster.tiling import Tiling
from tests.rasters import noise, write

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
