"""Catalogues, items and servers that misbehave: one message, the documented exit code, and nothing half."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

from geogrounding.errors import InputError, UnsafeSceneError
from geogrounding.messages import without_secrets
from geogrounding.sources import http
from geogrounding.sources.hrefs import is_inside, resolve
from geogrounding.sources.search import Search, find_scenes
from tests.blobs import BlobModel
from tests.kinds.doors import command, polygons
from tests.rasters import write
from tests.web import Answer, Web, as_json, item_of, serve, stac_api

TIFF = "image/tiff; application=geotiff"
VISUAL = {"type": TIFF, "roles": ["visual"]}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("urllib3.util.retry.Retry.sleep", lambda *_: None)
    monkeypatch.setattr("geogrounding.models.load.load_model", lambda *_, **__: BlobModel())


def scene(folder: Path, name: str) -> Path:
    values = np.ones((3, 128, 128), np.uint8)
    values[:, 40:60, 30:50] = 250
    return write(folder / name, values, photometric="rgb")


def queries(folder: Path) -> Path:
    path = folder / "queries.txt"
    path.write_text("bright\n")
    return path


def batch(web: Web, folder: Path, *more: object) -> Result:
    return command(
        "batch", "--stac", f"{web.base}/stac", "--queries", queries(folder), "-o", folder / "out", "-f", "gpkg", *more
    )


def refused(result: Result, code: int, *words: str) -> None:
    """It ended with this code and one error with these words."""
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    (line,) = [line for line in result.output.splitlines() if line.startswith("Error")]
    for word in words:
        assert word in line


def test_a_search_is_run_over_all_pages_with_signed_files(tmp_path: Path) -> None:
    """Four items on two pages, files behind signatures: every scene is done, and no signature is written anywhere."""
    files = tmp_path / "files"
    files.mkdir()
    with serve(files) as web:
        web.secret = "SECRETSIGNATURE"
        items = []
        for name in ("a", "b", "c", "d"):
            scene(files, f"{name}.tif")
            items.append(item_of(name, {"visual": {"href": f"{web.base}/{name}.tif?sig={web.secret}", **VISUAL}}))
        other = item_of("e", {"visual": {"href": f"{web.base}/none.tif", **VISUAL}})
        stac_api(web, [*items, other | {"collection": "others"}])
        result = batch(web, tmp_path, "--collections", "scenes", "--previews")
        assert result.exit_code == 0, result.output
        again = batch(web, tmp_path, "--collections", "scenes", "--previews", "--resume")
        assert again.exit_code == 0, again.output
    out = tmp_path / "out"
    assert {path.name for path in out.glob("*.gpkg")} == {"a.gpkg", "b.gpkg", "c.gpkg", "d.gpkg"}
    assert [polygon.bounds for polygon in polygons(out / "c.gpkg")] == [(400_015, 4_999_970, 400_025, 4_999_980)]
    for path in out.iterdir():
        assert b"SECRETSIGNATURE" not in path.read_bytes(), path
    assert "SECRETSIGNATURE" not in result.output + again.output


def test_a_signature_that_is_refused_stays_secret(tmp_path: Path) -> None:
    with serve(tmp_path) as web:
        web.secret = "other"
        scene(tmp_path, "a.tif")
        stac_api(web, [item_of("a", {"visual": {"href": f"{web.base}/a.tif?sig=TOPSECRET", **VISUAL}})])
        result = batch(web, tmp_path)
    assert result.exit_code == 6
    assert "TOPSECRET" not in result.output
    assert "TOPSECRET" not in (tmp_path / "out" / "summary.csv").read_text()
    assert "a.tif" in (tmp_path / "out" / "summary.csv").read_text()


def test_one_item_by_its_address(tmp_path: Path) -> None:
    with serve(tmp_path) as web:
        scene(tmp_path, "a.tif")
        (tmp_path / "item.json").write_text(json.dumps(item_of("a", {"visual": {"href": "./a.tif", **VISUAL}})))
        result = command("run", f"{web.base}/item.json", "bright", "-o", tmp_path / "a.gpkg")
        assert result.exit_code == 0, result.output
        local = json.dumps(item_of("a", {"visual": {"href": f"{web.base}/a.tif", **VISUAL}}))
        (tmp_path / "local.json").write_text(local)
        refused(command("run", tmp_path / "local.json", "bright", "-o", tmp_path / "b.gpkg"), 3, "remote")
        allowed = command("run", tmp_path / "local.json", "bright", "-o", tmp_path / "b.gpkg", "--allow-remote")
        assert allowed.exit_code == 0, allowed.output
    assert len(polygons(tmp_path / "a.gpkg")) == 1
    assert not (tmp_path / "c.gpkg").exists()


def failing(status: int, body: bytes, **headers: str) -> Any:
    return lambda *_: (status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (failing(500, b"oops"), "answers 500"),
        (failing(503, b"later", Retry_After="100000"), "answers 503"),
        (failing(401, b""), "answers 401"),
        (failing(404, b"<html>"), "answers 404"),
        (failing(200, b"<!DOCTYPE html><html></html>"), "no STAC API"),
        (failing(200, b"\x00\xff garbage"), "no STAC API"),
        (failing(200, b"[" * 100_000), "no STAC API"),
        (failing(200, b"[]"), "no STAC API"),
        (failing(200, b'{"type": "Catalog"}'), "no STAC API"),
        (failing(302, b"", Location="/stac"), "redirects"),
        (failing(302, b"", Location="file:///etc/passwd"), ""),
    ],
)
def test_a_catalogue_that_is_none(tmp_path: Path, answer: Any, words: str) -> None:
    with serve(tmp_path) as web:
        web.routes["/stac"] = answer
        refused(batch(web, tmp_path), 3, words)
    assert not list(tmp_path.glob("out/*.gpkg"))


def test_a_catalogue_that_is_not_there(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(InputError, match="cannot be reached"):
            find_scenes(Search(url=f"http://127.0.0.1:{closed.getsockname()[1]}/stac"))
    assert (
        command("batch", "--stac", "ftp://x/y", "--queries", queries(tmp_path), "-o", tmp_path / "out").exit_code == 2
    )


def search_answers(web: Web, answer: Any) -> None:
    stac_api(web, [])
    web.routes["/stac/search"] = answer


def page(web: Web, items: list[dict[str, Any]], href: str) -> Answer:
    return as_json({"type": "FeatureCollection", "features": items, "links": [{"rel": "next", "href": href}]})


def test_pages_that_never_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geogrounding.sources.search.MAX_ITEMS", 30)
    with serve(tmp_path) as web:
        asset = {"visual": {"href": "a.tif", **VISUAL}}
        search_answers(web, lambda *_: page(web, [item_of("same", asset)], f"{web.base}/stac/search?x=1"))
        refused(batch(web, tmp_path), 3, "repeats its pages")
        count = iter(range(10_000))
        search_answers(
            web, lambda *_: page(web, [item_of(f"i{next(count)}", asset) for _ in range(5)], f"{web.base}/stac/search")
        )
        refused(batch(web, tmp_path), 3, "more than 30 items")
        assert len(find_scenes(Search(url=f"{web.base}/stac", max_items=7))) == 7


@pytest.mark.parametrize(
    "answer",
    [
        lambda *_: as_json({"type": "FeatureCollection", "features": "many"}),
        lambda *_: as_json({"type": "FeatureCollection", "features": [1, 2]}),
        lambda *_: as_json({"type": "FeatureCollection", "features": [{"id": 7}]}),
        lambda *_: as_json({"type": "FeatureCollection", "features": [], "links": []}),
        lambda *_: as_json([]),
        lambda *_: as_json("text"),
        lambda web, *_: page(web, [item_of("a", {})], "/etc/hostname"),
        lambda web, *_: page(web, [item_of("a", {})], "file:///etc/hostname"),
        lambda web, *_: page(web, [item_of("a", {})], "s3://bucket/next"),
    ],
)
def test_a_search_that_answers_anything(tmp_path: Path, answer: Any) -> None:
    with serve(tmp_path) as web:
        search_answers(web, answer)
        refused(batch(web, tmp_path), 3)


@pytest.mark.parametrize(
    "document",
    [
        b"<html>", b"{", b"[]", b"null", b'{"type": "Catalog"}', b'{"type": "Feature", "stac_version": "1.0.0"}',
        b'{"type": "Feature", "stac_version": "1.0.0", "id": "x", "assets": 7, "properties": {}, "links": []}',
        b'{"type": "Feature", "stac_version": "1.0.0", "id": "x", "assets": {"a": {}}, "properties": {}, "links": []}',
        b'{"type": "Feature", "stac_version": "9.9.9", "id": "x", "assets": {"a": []}, "properties": 3, "links": 1}',
        b'{"type": "FeatureCollection", "features": [{"geometry": null}]}',
        b'{"type": "FeatureCollection", "features": []}',
    ],
)  # fmt: skip
def test_an_item_that_is_none(tmp_path: Path, document: bytes) -> None:
    path = tmp_path / "item.json"
    path.write_bytes(document)
    refused(command("run", path, "bright", "-o", tmp_path / "a.gpkg"), 3)
    assert not (tmp_path / "a.gpkg").exists()


@pytest.mark.parametrize(
    "href",
    [
        "/etc/passwd.tif", "file:///etc/passwd", "FILE:/etc/passwd", "/vsimem/x.tif", "/vsicurl/http://127.0.0.1/x",
        "../../../../etc/passwd", "ftp://host/x.tif", "/VSIzip/x", "http://host/vsizip/x.tif", "\\vsicurl\\x",
        "javascript:1", "", "http://", "http://[::1", "<VRTDataset></VRTDataset>", "GTIFF_DIR:1:/etc/passwd",
        "http://host/a.tif\n/etc/passwd",
    ],
)  # fmt: skip
def test_a_server_names_no_local_file(href: str) -> None:
    """Whatever the text, what comes out is an address of the scheme http(s), or an error; never a path."""
    base = "https://host/stac/collections/c/items/i"
    try:
        address = resolve(href, base)
    except UnsafeSceneError:
        return
    assert address.startswith(("http://host", "https://host/"))
    assert "/vsi" not in address.lower()
    assert "<" not in address


def test_a_server_on_the_internet_names_nothing_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    places = {"public": "8.8.8.8", "sneaky": "10.0.0.7", "intranet": "192.168.1.1"}

    def lookup(host: str, *_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (places[host], 0))]

    monkeypatch.setattr("socket.getaddrinfo", lookup)
    inside = [
        "http://127.0.0.1/x",
        "http://169.254.169.254/latest",
        "http://[::1]/x",
        "http://sneaky/x",
        "http://localhost/x",
    ]
    for href in [*inside, "https://metadata.google.internal/x"]:
        with pytest.raises(UnsafeSceneError, match="own network"):
            resolve(href, "https://public/item.json")
        with pytest.raises(UnsafeSceneError, match="own network"):
            resolve(href, "s3://bucket/item.json")
    assert resolve("http://intranet/x.tif", "http://intranet/item.json") == "http://intranet/x.tif"
    assert resolve("http://127.0.0.1/x.tif", "item.json") == "http://127.0.0.1/x.tif"  # the user's own file
    assert not is_inside("public")


def test_an_item_of_a_server_that_names_a_local_file(tmp_path: Path) -> None:
    local = scene(tmp_path, "secret.tif")
    for href in (str(local), f"file://{local}", f"/vsicurl/file://{local}"):
        with serve(tmp_path / "home") as web:
            item = item_of("a", {"visual": {"href": href, **VISUAL}})
            web.routes["/item.json"] = lambda *_, item=item: as_json(item)
            result = command("run", f"{web.base}/item.json", "bright", "-o", tmp_path / "a.gpkg")
        assert result.exit_code == 3, result.output
        assert not (tmp_path / "a.gpkg").exists()


def test_an_asset_that_is_something_else(tmp_path: Path) -> None:
    """A VRT that names a local file, a web page, half a raster: none of them is followed or half read."""
    local = scene(tmp_path, "local.tif")
    files = tmp_path / "files"
    files.mkdir()
    vrt = (
        '<VRTDataset rasterXSize="128" rasterYSize="128"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>'
        f"<SourceFilename>{local}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    contents = {
        "vrt.tif": vrt.encode(),
        "page.tif": b"<html></html>",
        "cut.tif": local.read_bytes()[:200],
        "none.tif": b"",
    }
    with serve(files) as web:
        for name, content in contents.items():
            (files / name).write_bytes(content)
            for keys in (("visual",), ("red", "green", "blue")):
                item = item_of("a", {key: {"href": f"{web.base}/{name}", "type": TIFF} for key in keys})
                (tmp_path / "item.json").write_text(json.dumps(item))
                output = tmp_path / "out.gpkg"
                refused(command("run", tmp_path / "item.json", "bright", "-o", output, "--allow-remote"), 3)
                assert not output.exists()


def test_answers_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(tmp_path) as web:
        web.routes["/big"] = failing(200, b"x" * 500_000)
        monkeypatch.setattr(http, "MAX_BYTES", 100_000)
        with pytest.raises(InputError, match="more than"):
            http.fetch(f"{web.base}/big")


def test_secrets_leave_every_text() -> None:
    for text in (
        "HTTP 403: https://user:pass@host/a.tif?sig=abc failed",
        "/vsicurl/https://host/a.tif?X-Amz-Signature=abc&b=c",
        "('s3://key:abc@bucket/a.tif',)",
    ):
        shown = without_secrets(text)
        assert "abc" not in shown
        assert "pass" not in shown
        assert "a.tif" in shown
