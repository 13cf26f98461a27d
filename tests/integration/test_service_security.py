"""Tries by plain HTTP to get more from a service than it should give."""

from __future__ import annotations

import asyncio
import gzip
import os
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from geogrounding.errors import SettingsError
from geogrounding.service.guard import new_cookie, user_of_cookie
from geogrounding.service.jobs import Jobs, TooManyJobsError
from geogrounding.service.routes_pages import STATIC
from geogrounding.service.scenes import FullError, Scenes
from geogrounding.service.settings import Limits, ServiceSettings, token_of_environment
from geogrounding.service.store import Store
from tests.blobs import write_scene
from tests.engines.service import TOKEN, Running, service


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("service")
    scenes = folder / "scenes"
    scenes.mkdir()
    write_scene(scenes / "harbour.tif", [(10, 10, 30, 30)])
    write_scene(folder / "secret.tif", [(10, 10, 30, 30)])
    (scenes / "link.tif").symlink_to(folder / "secret.tif")
    (scenes / "folder").symlink_to(folder)
    with service(folder) as started:
        yield started


def bare(running: Running, **headers: str) -> httpx.Client:
    return httpx.Client(base_url=running.address, headers=headers, timeout=60, trust_env=False)


PROTECTED = (
    "/scenes", "/processes", "/jobs", "/collections", "/models", "/api", "/api.html", "/me", "/static/js/main.js",
    "/nothing", "/scenes/x/tiles/WebMercatorQuad/1/0/0", "/collections/x/map/tiles/WebMercatorQuad/1/0/0",
)  # fmt: skip


def test_without_a_token_only_the_landing_page_and_conformance_answer(running: Running) -> None:
    wrong = ("", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xff")
    for header in wrong:
        with bare(running) as client:
            headers = {b"authorization": header.encode("latin-1")}
            assert {client.get(path, headers=headers).status_code for path in PROTECTED} == {401}
            assert client.post("/processes/ground/execution", json={}, headers=headers).status_code == 401
    with bare(running) as client:
        assert client.get("/").status_code == 200
        assert client.get("/conformance").json()["conformsTo"]
        page = client.get("/", headers={"accept": "text/html"})
        assert TOKEN not in page.text
        assert "main.js" not in page.text
        assert client.get(f"/scenes?token={TOKEN}").status_code == 401
        assert client.post("/session", data={"token": "wrong"}).status_code == 401
        forged = {"cookie": f"geoground-{running.port}=abcd.{'0' * 64}"}
        assert client.get("/scenes", headers=forged).status_code == 401


def test_a_cookie_serves_pages_of_this_service_only(running: Running) -> None:
    with bare(running) as client:
        entered = client.post("/session", data={"token": TOKEN})
        assert entered.status_code == 303
        kept = entered.headers["set-cookie"].lower()
        assert "httponly" in kept
        assert "samesite=lax" in kept
        assert TOKEN not in kept
        assert client.get("/scenes").status_code == 200
        body: dict[str, Any] = {"inputs": {}}
        path = "/processes/ground/execution"
        for origin in (None, "http://evil.example", "null", "http://127.0.0.1:1", "https://evil.example"):
            headers = {} if origin is None else {"origin": origin}
            assert client.post(path, json=body, headers=headers).status_code == 403
        assert client.post(path, json=body, headers={"origin": running.address}).status_code == 400
        answer = client.get("/scenes", headers={"origin": "http://evil.example"})
        assert not [name for name in answer.headers if name.startswith("access-control")]
        asked = client.options(
            "/scenes", headers={"origin": "http://evil.example", "access-control-request-method": "GET"}
        )
        assert "access-control-allow-origin" not in asked.headers
    assert user_of_cookie(new_cookie("another token of a service"), TOKEN) is None


def test_two_services_of_a_host_keep_their_cookies_apart(running: Running, tmp_path: Path) -> None:
    with service(tmp_path) as other, httpx.Client(trust_env=False, timeout=60) as browser:
        addresses = (running.address, other.address)
        for address in addresses:
            assert browser.post(f"{address}/session", data={"token": TOKEN}).status_code == 303
        assert browser.delete(f"{other.address}/session", headers={"origin": other.address}).status_code == 204
        assert [browser.get(f"{address}/me").status_code for address in addresses] == [200, 401]


def test_another_host_name_is_refused(running: Running) -> None:
    for host in ("evil.example", f"evil.example:{running.port}", "127.0.0.1:1", "", "localhost.evil.example"):
        with bare(running, host=host, authorization=f"Bearer {TOKEN}") as client:
            assert client.get("/scenes").status_code == 421
    with bare(running, host=f"LOCALHOST:{running.port}", authorization=f"Bearer {TOKEN}") as client:
        assert client.get("/scenes").status_code == 200


def test_every_answer_forbids_foreign_scripts_and_frames(running: Running) -> None:
    with running.client() as client:
        for path in ("/", "/scenes", "/nothing", "/static/js/main.js", "/conformance"):
            headers = client.get(path).headers
            assert "script-src 'self';" in headers["content-security-policy"]
            assert "unsafe" not in headers["content-security-policy"]
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"


PATHS = (
    "../secret.tif",
    "..%2fsecret.tif",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "file:///etc/passwd",
    "http://127.0.0.1/",
)


def test_scenes_are_ids_and_links_out_are_not_followed(running: Running) -> None:
    with running.client() as client:
        assert [scene["name"] for scene in client.get("/scenes").json()["scenes"]] == ["harbour.tif"]
        for path in (*PATHS, str(running.folder / "secret.tif")):
            assert client.get(f"/scenes/{path}").status_code in (404, 405)
            assert client.get(f"/static/{path}").status_code == 404
            inputs = {"scene": path[:100], "queries": ["ship"]}
            answer = client.post("/processes/ground/execution", json={"inputs": inputs})
            assert answer.status_code == 400, answer.text
            inputs = {
                "scene": client.get("/scenes").json()["scenes"][0]["id"],
                "queries": ["ship"],
                "model": path[:100],
            }
            assert client.post("/processes/ground/execution", json={"inputs": inputs}).status_code == 400


def test_no_setting_of_the_engine_slips_through(running: Running) -> None:
    with running.client() as client:
        scene = client.get("/scenes").json()["scenes"][0]["id"]
        good = {"scene": scene, "queries": ["ship"]}
        tries: tuple[dict[str, Any], ...] = (
            {"source": "/etc/passwd"}, {"output": "/tmp/x.gpkg"}, {"allow_remote": True}, {"model_options": {}},
            {"aoi": "/etc/passwd"}, {"contexts": {"river": "/etc/passwd"}}, {"queries": []}, {"queries": "ship"},
            {"queries": ["x" * 501]}, {"queries": ["a\0b"]}, {"min_score": 2}, {"min_score": "0.5"}, {"task": "delete"},
            {"area": {"type": "Point", "coordinates": [1, 2]}}, {"area": {"type": "Polygon"}},
            {"area": {"type": "Polygon", "coordinates": [[[0, 0], [1e9, 0], [1, 1], [0, 0]]]}}, {"like": []},
        )  # fmt: skip
        for more in tries:
            answer = client.post("/processes/ground/execution", json={"inputs": {**good, **more}})
            assert answer.status_code == 400, (more, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
        path = "/processes/ground/execution"
        assert client.post(path, json={"inputs": good, "subscriber": {"successUri": "http://x"}}).status_code == 400
        assert client.post(path, content=b"[" * 50_000).status_code in (400, 422)
        train = {"job": "../../x", "label": "a", "name": "../../etc/cron.d/x"}
        assert client.post("/processes/train/execution", json={"inputs": train}).status_code == 400


def test_sizes_and_numbers_are_bounded(running: Running) -> None:
    running.gate.touch()
    with running.client(**{"x-geoground-user": "greedy"}) as client:
        assert client.post("/processes/ground/execution", content=b"x" * 200_000).status_code == 413
        chunks = (b"x" * 10_000 for _ in range(20))
        assert client.post("/processes/ground/execution", content=chunks).status_code == 413
        scene = client.get("/scenes").json()["scenes"][0]["id"]
        body = {"inputs": {"scene": scene, "queries": ["ship"], "model": "gated"}}
        codes = [
            client.post("/processes/ground/execution", json=body, headers={"prefer": "respond-async"}).status_code
            for _ in range(7)
        ]
        assert codes[:4] == [201] * 4
        assert codes[-1] == 429
        for path in ("/jobs?limit=100000", "/jobs?offset=-1", f"/scenes/{scene}/tiles/WebMercatorQuad/99/0/0"):
            assert client.get(path).status_code == 422
        for path in (f"/scenes/{scene}/tiles/WebMercatorQuad/1/7/0", "/jobs/x'%20OR%201=1--/events"):
            assert client.get(path).status_code == 404
        for job in client.get("/jobs?limit=1000").json()["jobs"]:
            client.delete(f"/jobs/{job['jobID']}")
    running.gate.unlink()


def test_uploads_are_checked_like_any_raster(running: Running, tmp_path: Path) -> None:
    with running.client() as client:
        good = write_scene(tmp_path / "good.tif", [(5, 5, 20, 20)]).read_bytes()
        for name in ("../evil.tif", "a/b.tif", ".hidden.tif", "x.vrt", "x.py", "", "CON\0.tif", "x" * 200 + ".tif"):
            assert client.post("/scenes", params={"name": name}, content=good).status_code in (400, 422), name
        vrt = b'<VRTDataset rasterXSize="1" rasterYSize="1"><SourceFilename>/etc/passwd</SourceFilename></VRTDataset>'
        for content in (b"", b"no raster", vrt, good[:100]):
            answer = client.post("/scenes", params={"name": "bad.tif"}, content=content)
            assert answer.status_code == 400, answer.text
        answer = client.post("/scenes", params={"name": "good.tif"}, content=good)
        assert answer.status_code == 201, answer.text
        assert client.get(f"/scenes/{answer.json()['id']}").json()["width"] == 300
        assert client.post("/scenes", params={"name": "good.tif"}, content=good).status_code == 400
        for end in (len(good) // 2, len(good) - 10):
            cut = client.post("/scenes", params={"name": "cut.tif"}, content=good[:end])
            assert cut.status_code == 400, cut.text
            assert "cut off" in cut.json()["detail"] or "damaged" in cut.json()["detail"], cut.text
            assert cut.json()["hint"]
        other = client.get("/scenes").json()["scenes"]
        given = next(scene["id"] for scene in other if not scene["uploaded"])
        assert client.delete(f"/scenes/{given}").status_code == 400
        second = client.post("/scenes", params={"name": "second.tif"}, content=good).json()["id"]
        assert client.delete(f"/scenes/{second}").status_code == 204
        assert client.get(f"/scenes/{second}").status_code == 404
        left = [path.name for path in (running.folder / "state" / "uploads").iterdir()]
        assert left == ["good.tif"]


def test_broken_requests_do_not_end_the_service(running: Running) -> None:
    for raw in (
        b"GET / HTTP/1.1\r\n\r\n", b"\x00\xff\x13\r\n\r\n", b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"POST /session HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"POST /session HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ):  # fmt: skip
        with socket.create_connection(("127.0.0.1", running.port), timeout=10) as plain:
            plain.sendall(raw)
            plain.shutdown(socket.SHUT_WR)
            assert not plain.recv(100).startswith(b"HTTP/1.1 200")
    with running.client() as client:
        assert client.get("/scenes").status_code == 200


def test_the_page_is_small_and_fetched_once(running: Running) -> None:
    sent = 0
    with running.client() as client:
        for path in sorted(STATIC.rglob("*")):
            if path.suffix not in (".html", ".js", ".mjs", ".css"):
                continue
            name = f"/static/{path.relative_to(STATIC).as_posix()}"
            with client.stream("GET", name, headers={"accept-encoding": "gzip"}) as answer:
                assert answer.headers["content-encoding"] == "gzip"
                raw = b"".join(answer.iter_raw())
            assert gzip.decompress(raw) == path.read_bytes()
            sent += len(raw)
            again = client.get(name, headers={"if-none-match": answer.headers["etag"]})
            assert again.status_code == 304
            plain = client.get(name, headers={"accept-encoding": "identity"})
            assert plain.content == path.read_bytes()
    assert 100_000 < sent <= 1_500_000


def test_the_token_of_a_link_is_written_nowhere(running: Running) -> None:
    with bare(running, accept="text/html") as client:
        entered = client.get(f"/?token={TOKEN}")
        assert entered.status_code == 303
        assert entered.headers["location"] == "/"
        assert entered.headers["referrer-policy"] == "same-origin"
        assert client.get("/?token=wrong").status_code == 401
    kept = [path for path in (running.folder / "state").rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if TOKEN.encode() in path.read_bytes()]
    assert TOKEN not in repr(ServiceSettings(data=(running.data,), state=running.folder, token=TOKEN))


def test_a_body_that_stops_coming_is_not_waited_for(running: Running) -> None:
    for path in ("/processes/ground/execution", "/scenes?name=slow.tif", "/session"):
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 900\r\n"
        with socket.create_connection(("127.0.0.1", running.port), timeout=60) as plain:
            plain.sendall(f"{head}Content-Type: application/json\r\n\r\n{{".encode())
            assert plain.recv(100).startswith((b"HTTP/1.1 408", b"HTTP/1.1 400")), path
    assert not list((running.folder / "state" / "uploads").glob(".incoming-*"))


def test_uploads_at_the_same_time_do_not_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scenes = Scenes((), tmp_path / "uploads")
    monkeypatch.setattr("geogrounding.service.scenes.CHECKED_BYTES", 10)

    async def body() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"x" * 20

    with pytest.raises(FullError):
        asyncio.run(scenes.upload("big.tif", body(), limit=1_000, free=1 << 60))
    assert not list((tmp_path / "uploads").iterdir())


def test_a_full_disk_takes_neither_uploads_nor_jobs(tmp_path: Path) -> None:
    (tmp_path / "scenes").mkdir()
    write_scene(tmp_path / "scenes" / "harbour.tif", [(10, 10, 30, 30)])
    settings = ServiceSettings(
        data=(tmp_path / "scenes",), state=tmp_path / "state", token=TOKEN, limits=Limits(free_bytes=1 << 60)
    )
    store = Store(tmp_path / "jobs.sqlite")
    scenes = Scenes(settings.data, tmp_path / "uploads")
    jobs = Jobs(store=store, scenes=scenes, folder=tmp_path, limits=settings.limits)
    with pytest.raises(TooManyJobsError, match="nearly full"):
        jobs.submit("ground", {"scene": scenes.entries()[0].id, "queries": ["ship"]}, "me")
    store.close()


def test_other_machines_are_let_in_only_with_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEOGROUND_TOKEN", raising=False)
    assert token_of_environment("127.0.0.1")[1]
    assert token_of_environment("127.0.0.1") != token_of_environment("127.0.0.1")
    for host in ("0.0.0.0", "::", "192.168.1.5", "maps.example.org"):
        with pytest.raises(SettingsError, match="GEOGROUND_TOKEN is not set"):
            token_of_environment(host)
    monkeypatch.setitem(os.environ, "GEOGROUND_TOKEN", TOKEN)
    assert token_of_environment("0.0.0.0") == (TOKEN, False)


@pytest.mark.parametrize("path", ["geoground", "/geoground/", "//evil.example", "/a b", "/../x", "/a\r\nset-cookie: x"])
def test_a_root_path_is_a_path(tmp_path: Path, path: str) -> None:
    with pytest.raises(SettingsError, match="no path of a site"):
        ServiceSettings(data=(tmp_path,), state=tmp_path, token=TOKEN, root_path=path)
