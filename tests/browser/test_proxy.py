"""The service behind a real nginx with the configuration of deploy/: events in time, uploads, cookie, Origin."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.blobs import write_scene
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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("behind")
    (folder / "scenes").mkdir()
    write_scene(folder / "scenes" / "harbour.tif", [(10, 10, 30, 30)])
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
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    for old, new in (
        ("listen 443", f"listen 127.0.0.1:{port}"),
        ("http://127.0.0.1:8000", running.address),
        ("/etc/ssl/maps.example.org.pem", f"{folder}/cert.pem"),
        ("/etc/ssl/maps.example.org.key", f"{folder}/key.pem"),
    ):
        assert old in text
        text = text.replace(old, new)
    (folder / "geoground.conf").write_text(text)
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
    yield f"https://localhost:{port}|{folder}/cert.pem"
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
