"""The service behind a real nginx with the configuration of deploy/: events in time, uploads, cookie, Origin."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from geogrounding.service.client import Client
from tests.blobs import write_scene
from tests.browser.conftest import User
from tests.engines.service import ROOT, TOKEN, Running, service

NAME = "maps.example.org"
NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
FRAME = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr warn;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    include {folder}/geoground.conf;
}}
"""
SITE = """
server {{
    listen 127.0.0.1:{port};
    absolute_redirect off;
    location / {{ return 200 "another application"; }}
    include {folder}/path.conf;
}}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def site_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def running(site_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("behind")
    (folder / "scenes").mkdir()
    write_scene(folder / "scenes" / "harbour.tif", [(10, 10, 30, 30)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEOGROUND_TEST_HOSTS", f"localhost:{site_port}")
        with service(folder) as started:
            yield started


@pytest.fixture(scope="module")
def proxy(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of nginx with the configuration that is in the project, but for ports and paths."""
    folder = tmp_path_factory.mktemp("nginx")
    certificate = ("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"), "-subj", f"/CN={NAME}")
    more = ("-addext", f"subjectAltName=DNS:{NAME},DNS:localhost")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *certificate, *more]
    subprocess.run(command, check=True, capture_output=True)
    port = free_port()
    text = configuration(
        "nginx.conf",
        {
            "listen 443": f"listen 127.0.0.1:{port}",
            "http://127.0.0.1:8000": running.address,
            "/etc/ssl/maps.example.org.pem": f"{folder}/cert.pem",
            "/etc/ssl/maps.example.org.key": f"{folder}/key.pem",
        },
    )
    with nginx(folder, text, port):
        yield f"https://localhost:{port}|{folder}/cert.pem"


@pytest.fixture(scope="module")
def below(running: Running, site_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the service below a path of another site, by the configuration that is in the project."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "path.conf").write_text(configuration("nginx-path.conf", {"http://127.0.0.1:8000": running.address}))
    with nginx(folder, SITE.format(port=site_port, folder=folder), site_port):
        yield f"http://localhost:{site_port}/geoground"


def configuration(name: str, changes: dict[str, str]) -> str:
    """A file of deploy/ with other ports and paths."""
    text = (ROOT / "deploy" / name).read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return text


@contextmanager
def nginx(folder: Path, servers: str, port: int) -> Iterator[None]:
    """A running nginx."""
    (folder / "geoground.conf").write_text(servers)
    (folder / "nginx.conf").write_text(FRAME.format(folder=folder))
    process = subprocess.Popen([NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf")])
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            assert process.poll() is None, "nginx does not take its configuration"
            assert time.monotonic() < deadline
    yield
    process.terminate()
    process.wait(30)


def client_of(proxy: str, host: str, **headers: str) -> httpx.Client:
    address, _, certificate = proxy.partition("|")
    context = ssl.create_default_context(cafile=certificate)
    return httpx.Client(
        base_url=address, verify=context, timeout=60, trust_env=False, headers={"host": host, **headers}
    )


def test_behind_a_proxy_everything_works_under_its_name(proxy: str, running: Running, tmp_path: Path) -> None:
    with client_of(proxy, NAME, authorization=f"Bearer {TOKEN}") as client:
        assert client.get("/scenes").status_code == 200
        links = {link["rel"]: link["href"] for link in client.get("/").json()["links"]}
        assert links["data"] == f"https://{NAME}/collections"
        assert client.get("/scenes", headers={"host": "evil.example"}).status_code == 421
        good = write_scene(tmp_path / "good.tif", [(5, 5, 20, 20)]).read_bytes()
        assert client.post("/scenes", params={"name": "good.tif"}, content=good).status_code == 201
        scene = next(s["id"] for s in client.get("/scenes").json()["scenes"] if s["name"] == "harbour.tif")
        running.gate.touch()
        body = {"inputs": {"scene": scene, "queries": ["ship"], "model": "gated"}}
        path = "/processes/ground/execution"
        job = client.post(path, json=body, headers={"prefer": "respond-async"}).json()["jobID"]
        with client.stream("GET", f"/jobs/{job}/events") as answer:
            names = []
            for line in answer.iter_lines():
                if line.startswith("event: "):
                    names.append(line.removeprefix("event: "))
                if "features" in names and running.gate.exists():
                    running.gate.unlink()  # what was found came while the job still waits: nothing is held back
        assert names[-1] == "status"


def test_the_cookie_is_for_https_alone_and_changes_come_from_the_page(proxy: str) -> None:
    with client_of(proxy, NAME) as client:
        entered = client.post("/session", data={"token": TOKEN})
        assert entered.status_code == 303
        assert "secure" in entered.headers["set-cookie"].lower()
        assert entered.headers["location"] == "/"
        cookie = entered.headers["set-cookie"].partition(";")[0]
        path = "/processes/ground/execution"
        for origin, status in ((f"https://{NAME}", 400), ("https://evil.example", 403), ("", 403)):
            headers = {"cookie": cookie, **({"origin": origin} if origin else {})}
            assert client.post(path, json={"inputs": {}}, headers=headers).status_code == status


def test_below_a_path_of_another_site_programs_follow_links(below: str, running: Running) -> None:
    headers = {"authorization": f"Bearer {TOKEN}", "host": NAME}
    root = below.removesuffix("/geoground")
    with httpx.Client(base_url=root, timeout=60, trust_env=False, headers=headers) as client:
        assert client.get("/").text == "another application"
        assert client.get("/geoground").headers["location"] == "/geoground/"
        links = {link["rel"]: link["href"] for link in client.get("/geoground/").json()["links"]}
        assert links["data"] == f"http://{NAME}/geoground/collections"
        assert client.get("/geoground/api").json()["servers"] == [{"url": "/geoground"}]
        assert client.get("/geoground/jobs/none").json()["type"].endswith("no-such-job")
        assert client.get("/geoground/me", headers={"authorization": ""}).status_code == 401
        scene = next(s["id"] for s in client.get("/geoground/scenes").json()["scenes"] if s["name"] == "harbour.tif")
        body = {"inputs": {"scene": scene, "queries": ["ship"]}}
        done = client.post("/geoground/processes/ground/execution", json=body)
        status = client.get(done.headers["location"]).json()
        assert status["status"] == "successful"
        paths = {link["rel"]: link["href"] for link in status["links"]}
        assert client.get(paths["items"]).json()["numberMatched"] == 1
        (own,) = client.get(paths["items"] + "?limit=1").json()["links"]
        assert own["href"] == paths["items"] + "?limit=1"
    with running.client() as client:  # without the proxy it is where it was
        assert client.get("/").json()["links"][0]["href"] == f"{running.address}/"
        assert client.get("/geogrounded/scenes").status_code == 404
        assert client.get("/geoground").headers["location"] == "/geoground/"
    with Client(below, TOKEN) as own_client:
        assert list(own_client.watch(status["jobID"]))[-1].values["state"] == "successful"


def test_the_map_works_below_a_path_of_another_site(below: str, user: Callable[..., User]) -> None:
    person = user()
    person.address = below
    page = person.page
    page.goto(f"{below}/")
    page.locator("#token").fill(TOKEN)
    page.get_by_role("button").click()
    person.ready()
    (cookie,) = page.context.cookies()
    assert cookie["path"] == "/geoground/"
    person.choose("harbour.tif")
    person.run("ship")
    person.results()
    expect(page.locator("#counts")).to_contain_text("1 feature,")
    page.locator("#next").click()
    page.locator("#accept").click()
    expect(page.locator("#counts")).to_contain_text("1 accepted")
    with page.expect_download() as download:
        page.get_by_role("link", name="GeoJSON").click()
    assert download.value.url.startswith(f"{below}/jobs/")
    page.reload()
    person.ready()
    person.results()
