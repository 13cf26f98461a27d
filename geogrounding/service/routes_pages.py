"""Landing page, conformance, the session of a browser, and the files of the web map."""

from __future__ import annotations

import gzip
import hashlib
import html
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from geogrounding.service.guard import COOKIE_S, cookie_name, new_cookie, token_is
from geogrounding.service.links import path_of

router = APIRouter()
STATIC = Path(__file__).parent / "static"
_PROCESSES = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf"
_FEATURES = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf"
CONFORMANCE = (
    *(f"{_PROCESSES}/{name}" for name in ("core", "ogc-process-description", "json", "job-list", "dismiss")),
    *(f"{_FEATURES}/{name}" for name in ("core", "geojson")),
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
)
_TYPES = {
    ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css",
    ".svg": "image/svg+xml", ".txt": "text/plain",
}  # fmt: skip
MAX_FORM_BYTES = 4096


@router.get("/", response_model=None)
def landing(request: Request, token: str | None = None) -> Response:
    """The web map for a browser with a session, a form for one without, links for programs."""
    settings = request.app.state.service.settings
    wants_page = "text/html" in request.headers.get("accept", "")
    if token is not None and wants_page:
        return _session(request, token)
    if wants_page:
        page = "map.html" if request.state.user is not None else "landing.html"
        return FileResponse(
            STATIC / page, media_type="text/html", headers={"cache-control": "no-cache", "vary": "cookie"}
        )
    scheme = "https" if _is_https(request) else "http"
    base = f"{scheme}://{request.url.netloc}"
    relations = (
        ("self", "/"),
        ("service-desc", "/api"),
        ("service-doc", "/api.html"),
        ("conformance", "/conformance"),
        ("http://www.opengis.net/def/rel/ogc/1.0/conformance", "/conformance"),
        ("http://www.opengis.net/def/rel/ogc/1.0/processes", "/processes"),
        ("http://www.opengis.net/def/rel/ogc/1.0/job-list", "/jobs"),
        ("data", "/collections"),
    )
    links = [{"href": base + path_of(request, path), "rel": rel, "type": "application/json"} for rel, path in relations]
    assert settings.token
    return JSONResponse(
        {"title": "geogrounding", "description": "Questions to rasters, polygons back.", "links": links}
    )


@router.get("/conformance")
def conformance() -> dict[str, Any]:
    """What of OGC API is implemented."""
    return {"conformsTo": list(CONFORMANCE)}


@router.post("/session", response_model=None)
async def session(request: Request) -> Response:
    """Hand the token in, as a form of a browser does; the answer carries a cookie."""
    from urllib.parse import parse_qs

    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            raise HTTPException(413, "the form is too long")
    token = parse_qs(body.decode("utf-8", "replace")).get("token", [""])[0]
    return _session(request, token.strip())


@router.delete("/session", response_model=None)
def leave(request: Request) -> Response:
    """Forget the cookie."""
    answer = Response(status_code=204)
    answer.delete_cookie(cookie_name(request.app.state.service.settings), path=path_of(request, "/"))
    return answer


@router.get("/me")
def me(request: Request) -> dict[str, Any]:
    """Limits that the web map shows."""
    limits = request.app.state.service.settings.limits
    return {"inline_features": limits.inline_features, "upload_bytes": limits.upload_bytes}


@router.get("/api.html", response_model=None)
def api_page(request: Request) -> Response:
    """The interface as a page to read."""
    described = request.app.openapi()
    rows = []
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            said = operation.get("description") or operation.get("summary", "")
            names = ", ".join(parameter["name"] for parameter in operation.get("parameters", ()))
            cells = (f"<code>{method.upper()} {html.escape(path)}</code>", html.escape(said), html.escape(names))
            rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return HTMLResponse(
        "<!doctype html><html lang=en><meta charset=utf-8><title>geogrounding: HTTP interface</title>"
        '<link rel=stylesheet href="static/landing.css"><main class=wide><h1>HTTP interface</h1>'
        '<p>The same for programs: <a href="api">OpenAPI</a>. Send <code>Authorization: Bearer TOKEN</code>.</p>'
        f"<table><tr><th>Request<th>What it does<th>Parameters</tr>{''.join(rows)}</table></main>"
    )


@router.get("/static/{name:path}", response_model=None, include_in_schema=False)
def static(name: str, request: Request) -> Response:
    """A file of the web map; 304 where the browser has it already."""
    path = (STATIC / name).resolve()
    if not path.is_relative_to(STATIC.resolve()) or path.suffix not in _TYPES or not path.is_file():
        raise HTTPException(404, "not found")
    stat = path.stat()
    content, etag = _packed(path, stat.st_mtime_ns, stat.st_size)
    headers = {"cache-control": "no-cache", "etag": etag, "vary": "accept-encoding"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return FileResponse(path, media_type=_TYPES[path.suffix], headers=headers)
    return Response(content, media_type=_TYPES[path.suffix], headers={**headers, "content-encoding": "gzip"})


@lru_cache(maxsize=64)
def _packed(path: Path, _changed: int, _size: int) -> tuple[bytes, str]:
    """A file in gzip, and its ETag; once for each version of it."""
    content = path.read_bytes()
    return gzip.compress(content), f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def _session(request: Request, token: str) -> Response:
    settings = request.app.state.service.settings
    wanted = settings.token
    if not token_is(token, wanted):
        page = (STATIC / "landing.html").read_text(encoding="utf-8").replace("<!-- wrong -->", "That token is wrong.")
        return HTMLResponse(page, status_code=401)
    answer = RedirectResponse(path_of(request, "/"), status_code=303)
    answer.set_cookie(
        cookie_name(settings), new_cookie(wanted), max_age=COOKIE_S, path=path_of(request, "/"), httponly=True,
        samesite="lax", secure=_is_https(request),
    )  # fmt: skip
    return answer


def _is_https(request: Request) -> bool:
    """Whether the browser speaks https, with the service or with a proxy before it."""
    return "https" in (request.url.scheme, request.headers.get("x-forwarded-proto", ""))
