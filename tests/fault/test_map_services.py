"""Map services that misbehave and descriptions that lie: one message, the documented exit code, nothing black."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from geogrounding.errors import GeogroundingError, InputError
from geogrounding.sources.map_services import read_service
from tests.blobs import BlobModel
from tests.fault.test_catalogues import refused
from tests.kinds.doors import command
from tests.maps import PLACE, Drawing, Maps, capabilities, encode, matrix, own_world
from tests.web import Answer, Web

HERE = (1491636.0, 6894700.0)
BBOX = f"{PLACE[0] - 0.0006},{PLACE[1] - 0.0004},{PLACE[0] + 0.0006},{PLACE[1] + 0.0004}"
AREA = ("--bbox", BBOX, "--bbox-crs", "EPSG:4326", "--resolution", "0.5")
PNG = {"Content-Type": "image/png"}
VRT = b"<VRTDataset rasterXSize='256' rasterYSize='256'><VRTRasterBand/></VRTDataset>"


@pytest.fixture(autouse=True)
def _world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own_world(monkeypatch, tmp_path, BlobModel())


@pytest.fixture
def maps(web: Web) -> Maps:
    made = Maps(Drawing("EPSG:3857", [(HERE[0], HERE[1], HERE[0] + 20, HERE[1] + 20)]))
    made.attach(web)
    return made


def run(source: object, *more: object) -> Result:
    result = command("run", source, "bright", "-o", "found.gpkg", *AREA, *more)
    if result.exit_code:
        assert not list(Path.cwd().glob("found*")), "something half was left"
    return result


def tiles(web: Web) -> str:
    return f"{web.base}/xyz/{{z}}/{{x}}/{{y}}.png"


def sixteen_bits() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 9999, (256, 256)).astype(np.uint16)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((500, {}, b"oh"), ["0 of 4 tiles could be had", "answers 500"]),
        ((503, {}, b"later"), ["answers 503"]),
        ((401, {}, b""), ["answers 401"]),
        ((403, {}, b""), ["answers 403"]),
        ((429, {"Retry-After": "86400"}, b""), ["answers 429"]),
        ((200, {"Content-Type": "text/html"}, b"<html>Sign in</html>"), ["a web page instead of an image"]),
        ((200, PNG, b"<?xml version='1.0'?><ServiceException/>"), ["a message instead of an image"]),
        ((200, PNG, VRT), ["a message instead of an image"]),
        ((200, PNG, encode(np.zeros((256, 256, 3), np.uint8) + 9)[:-60]), ["no complete PNG"]),
        ((200, PNG, b"GIF89a" + bytes(900)), ["no complete PNG, JPEG or WebP"]),
        ((200, PNG, encode(np.zeros((512, 512, 3), np.uint8))), ["512 x 512 pixels, not 256 x 256"]),
        ((200, PNG, sixteen_bits()), ["no 8-bit images"]),
        ((200, PNG, b"x" * (9 * 2**20)), ["more than 8 MiB"]),
        ((404, {}, b""), ["shows nothing"]),
        ((204, {}, b""), ["shows nothing"]),
        ((200, PNG, b""), ["shows nothing"]),
        ((200, PNG, encode(np.zeros((256, 256, 4), np.uint8))), ["shows nothing"]),
        ((200, PNG, encode(np.zeros((256, 256, 3), np.uint8))), ["one colour only"]),
        ((200, PNG, encode(np.full((256, 256, 3), 255, np.uint8))), ["one colour only"]),
        ((302, {"Location": "ftp://127.0.0.1/a.png"}, b""), ["cannot be reached"]),
        ((302, {"Location": "http://[bad/"}, b""), ["cannot be reached"]),
    ],
    ids=range(21),
)
def test_answers_that_are_no_tiles(web: Web, maps: Maps, answer: Answer, words: list[str]) -> None:
    maps.instead = {"*": answer}
    refused(run(tiles(web)), 3, *words)


def test_what_came_is_kept_for_the_next_run(web: Web, maps: Maps) -> None:
    maps.instead = {"18/140830/85995": (500, {}, b"")}
    refused(run(tiles(web)), 3, "3 of 4 tiles could be had")
    maps.instead, maps.asked = {}, []
    assert run(tiles(web)).exit_code == 0
    assert maps.asked == ["18/140830/85995"]


def test_a_server_that_fails_is_left_alone(web: Web, maps: Maps) -> None:
    """Of 400 tiles only a few are asked for, once a server has failed eight times."""
    maps.instead = {"*": (500, {}, b"")}
    result = command(
        "run", tiles(web), "bright", "-o", "f.gpkg", "--bbox", "13.4,52.5,13.42,52.52", "--bbox-crs", "EPSG:4326",
        "--resolution", 0.5,
    )  # fmt: skip
    refused(result, 3, "answers 500")
    assert len(maps.asked) < 12


def test_a_wms_that_answers_with_an_exception(web: Web, maps: Maps) -> None:
    refused(run(f"crs=EPSG:3857&format=image/png&layers=none&url={web.base}/wms"), 3, "a message instead of an image")
    refused(run(f"crs=EPSG:99999&format=image/png&layers=ortho&url={web.base}/wms"), 3, "unknown coordinate system")
    refused(run(f"crs=EPSG:3857&format=image/png&url={web.base}/wms"), 3, "no map that can be asked for tiles")


def test_addresses_need_permission_and_stay_on_the_network(web: Web, maps: Maps) -> None:
    """A file that names a server needs --allow-remote, and neither it nor a URI can name a file."""
    text = (
        '<GDAL_WMS><Service name="TMS"><ServerUrl>{}</ServerUrl></Service><DataWindow><TileLevel>18</TileLevel>'
        "<YOrigin>top</YOrigin></DataWindow></GDAL_WMS>"
    )
    Path("map.xml").write_text(text.format(f"{web.base}/xyz/${{z}}/${{x}}/${{y}}.png"))
    refused(run("map.xml"), 3, "is a map service")
    assert not web.asked
    assert run("map.xml", "--allow-remote").exit_code == 0
    for address in ("file:///etc/passwd", "/vsicurl/http://a/b", "/etc/passwd", "http://a/vsizip/b", ""):
        Path("map.xml").write_text(text.format(address))
        with pytest.raises(GeogroundingError):
            read_service("map.xml")
    with pytest.raises(InputError, match="password"):
        read_service("https://me:secret@host/{z}/{x}/{y}.png")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ('<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><GDAL_WMS>&b;</GDAL_WMS>', "declares"),
        ("<GDAL_WMS>", "no XML"),
        ("<a/>", "does not describe a map service"),
        ('<GDAL_WMS><Service name="AGS"><ServerUrl>http://h/a</ServerUrl></Service></GDAL_WMS>', "is not asked"),
        ('<GDAL_WMS><Service name="TMS"><ServerUrl>http://h/a</ServerUrl></Service></GDAL_WMS>', "its levels"),
        ('<GDAL_WMS><Service name="WMS"><ServerUrl>http://h/a</ServerUrl></Service></GDAL_WMS>', "names no layer"),
        (
            '<GDAL_WMS><Service name="TMS"><ServerUrl>http://h/${z}</ServerUrl></Service><DataWindow>'
            "<TileLevel>99</TileLevel></DataWindow></GDAL_WMS>",
            "more than is read",
        ),
        (
            '<GDAL_WMS><Service name="TMS"><ServerUrl>http://h/${z}</ServerUrl></Service><DataWindow>'
            "<TileLevel>nan</TileLevel></DataWindow></GDAL_WMS>",
            "is no number",
        ),
        ("<a>" * 200_000, "no XML"),
    ],
    ids=range(9),
)
def test_descriptions_that_lie(document: str, words: str) -> None:
    Path("map.xml").write_text(document)
    with pytest.raises(InputError, match=words):
        read_service("map.xml")


def test_capabilities_that_lie(web: Web) -> None:
    """Another answer, another layer, no numbers, and tiles inside a network that the server is not in."""
    good = matrix("0", 1000.0, "0 0", 10, 10)
    uri = f"layers=ortho&tileMatrixSet=grid&url={web.base}/caps"
    for document, words in (
        (b"<html><body>hello", "no XML"),
        (b"<html/>", "no layer"),
        (capabilities(web.base, "other", "EPSG:3857", good), "no tile matrix set"),
        (capabilities(web.base, "grid", "EPSG:0", good), "unknown coordinate system"),
        (capabilities(web.base, "grid", "EPSG:3857", ""), "is empty"),
        (capabilities(web.base, "grid", "EPSG:3857", good.replace(">10<", ">many<")), "lacks a number"),
        (capabilities(web.base, "grid", "EPSG:3857", good.replace(">256<", ">99999<")), "no grid of tiles"),
        (capabilities("file:///etc", "grid", "EPSG:3857", good), "names a local or virtual file"),
    ):
        web.routes["/caps"] = lambda *_, document=document: (200, {}, document)
        with pytest.raises(InputError, match=words):
            read_service(uri)
    web.routes["/caps"] = lambda *_: (500, {}, b"")
    refused(run(uri), 3, "answers 500")


def test_secrets_of_an_address_are_written_nowhere(web: Web, maps: Maps, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(f"type=xyz&url={web.base}/xyz/{{z}}/{{x}}/{{y}}.png%3Ftoken%3DVERYSECRET&zmax=19")
    assert result.exit_code == 0
    monkeypatch.setenv("GEOGROUNDING_CACHE", str(Path("other").absolute()))
    maps.instead = {"*": (500, {}, b"")}
    failed = command(
        "run", f"{tiles(web)}?token=VERYSECRET", "bright", "-o", "other.gpkg", *AREA, "--overwrite"
    )  # fmt: skip
    assert failed.exit_code == 3
    assert "VERYSECRET" not in result.output + failed.output
    for path in Path.cwd().rglob("*"):
        assert "VERYSECRET" not in path.name
        assert not path.is_file() or b"VERYSECRET" not in path.read_bytes(), path


def test_old_tiles_go(web: Web, maps: Maps) -> None:
    assert run(tiles(web)).exit_code == 0
    kept = [path for path in Path("cache").rglob("*") if path.is_file()]
    month = time.time() - 31 * 86_400
    for path in kept:
        os.utime(path, (month, month))
    maps.asked.clear()
    assert run(tiles(web), "--overwrite").exit_code == 0
    assert len(maps.asked) == 4


def test_a_cache_that_cannot_be_written(web: Web, maps: Maps, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("file").touch()
    monkeypatch.setenv("GEOGROUNDING_CACHE", str(Path("file").absolute()))
    refused(run(tiles(web)), 3, "cache of map tiles")
