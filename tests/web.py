"""A web server of the tests: files with ranges, counted, and a STAC API that can be made to misbehave."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Answer = tuple[int, dict[str, str], bytes]
Route = Callable[["Web", str, dict[str, list[str]], bytes], Answer]


@dataclass
class Web:
    """A running server."""

    folder: Path
    routes: dict[str, Route] = field(default_factory=dict)
    """By path; what is not here is a file of the folder."""
    below: dict[str, Route] = field(default_factory=dict)
    """By the beginning of a path."""
    base: str = ""
    asked: list[str] = field(default_factory=list)
    """Paths with queries, in order."""
    ranges: list[tuple[str, int, int]] = field(default_factory=list)
    """Path, first and one past the last byte sent of a file."""
    secret: str | None = None
    """Value of ``sig`` without which no file is given out."""


def as_json(value: Any, status: int = 200) -> Answer:
    """A JSON answer."""
    return status, {"Content-Type": "application/json"}, json.dumps(value).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, web: Web, *args: Any) -> None:
        self.web = web
        super().__init__(*args)

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.web.asked.append(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = unquote(parts.path)
        route = self.web.routes.get(path) or next(
            (one for start, one in self.web.below.items() if path.startswith(start)), None
        )
        if route is not None:
            self.answer(*route(self.web, path, parse_qs(parts.query), body))
        else:
            self.file(self.web.folder / path.lstrip("/"), path, parse_qs(parts.query))

    do_POST = do_HEAD = do_PUT = do_DELETE = do_GET

    def file(self, file: Path, path: str, query: dict[str, list[str]]) -> None:
        if self.web.secret is not None and query.get("sig") != [self.web.secret]:
            self.answer(403, {}, b"no signature")
            return
        if not file.is_file():
            self.answer(404, {}, b"nothing here")
            return
        size = file.stat().st_size
        wanted = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        start, end = (int(wanted[1]), min(size, int(wanted[2] or size) + 1)) if wanted else (0, size)
        if start >= size:
            self.answer(416, {"Content-Range": f"bytes */{size}"}, b"")
            return
        with file.open("rb") as opened:
            opened.seek(start)
            data = opened.read(end - start)
        headers = {"Accept-Ranges": "bytes", "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}
        if wanted:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        if self.command != "HEAD":
            self.web.ranges.append((path, start, end))
        self.answer(206 if wanted else 200, headers, data)

    def answer(self, status: int, headers: dict[str, str], data: bytes) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(data))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            try:
                self.wfile.write(data)
            except OSError:  # a client that has read enough
                pass

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # a client that has read enough
            super().handle_error(request, client_address)


@contextmanager
def serve(folder: Path, **routes: Route) -> Iterator[Web]:
    """Serve the files of a folder."""
    web = Web(folder=folder, routes=dict(routes))
    server = _Server(("127.0.0.1", 0), partial(_Handler, web))
    web.base = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


CONFORMS = [
    "https://api.stacspec.org/v1.0.0/core",
    "https://api.stacspec.org/v1.0.0/item-search",
    "https://api.stacspec.org/v1.0.0/item-search#query",
    "https://api.stacspec.org/v1.0.0/collections",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
]


def stac_api(web: Web, items: list[dict[str, Any]], *, page: int = 2) -> str:
    """Make a server a STAC API with these items, which it gives out in pages; return its address."""
    root = f"{web.base}/stac"

    def landing(*_: Any) -> Answer:
        return as_json(
            {
                "type": "Catalog", "stac_version": "1.0.0", "id": "tests", "description": "of the tests",
                "conformsTo": CONFORMS,
                "links": [
                    {"rel": "self", "href": root}, {"rel": "root", "href": root},
                    {"rel": "search", "href": f"{root}/search", "type": "application/geo+json", "method": "GET"},
                    {"rel": "search", "href": f"{root}/search", "type": "application/geo+json", "method": "POST"},
                ],
            }
        )  # fmt: skip

    def search(_web: Web, _path: str, query: dict[str, list[str]], body: bytes) -> Answer:
        asked = json.loads(body) if body else {key: value[0] for key, value in query.items()}
        start = int(asked.get("token", 0))
        names = asked.get("collections")
        wanted = [
            item for item in items if not names or item["collection"] in (names if isinstance(names, list) else [names])
        ]
        links = []
        if start + page < len(wanted):
            links = [
                {"rel": "next", "href": f"{root}/search", "method": "POST", "body": {**asked, "token": start + page}}
            ]
        return as_json({"type": "FeatureCollection", "features": wanted[start : start + page], "links": links})

    web.routes |= {"/stac": landing, "/stac/search": search}
    for item in items:
        web.routes[f"/stac/collections/{item['collection']}/items/{item['id']}"] = lambda *_, item=item: as_json(item)
    return root


def item_of(
    identity: str, assets: dict[str, dict[str, Any]], *, version: str = "1.0.0", **properties: Any
) -> dict[str, Any]:
    """A STAC item over a square in UTM zone 33."""
    return {
        "type": "Feature",
        "stac_version": version,
        "stac_extensions": [],
        "id": identity,
        "collection": "scenes",
        "geometry": {"type": "Polygon", "coordinates": [[[13, 45], [14, 45], [14, 46], [13, 46], [13, 45]]]},
        "bbox": [13, 45, 14, 46],
        "properties": {"datetime": "2024-05-01T10:00:00Z", **properties},
        "links": [],
        "assets": assets,
    }
