"""The HTTP application: OGC API - Processes, features of jobs, tiles, uploads, and the pages of the web map."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from geogrounding._version import __version__
from geogrounding.errors import GeogroundingError, InputError, SettingsError
from geogrounding.service import (
    routes_engine,
    routes_features,
    routes_jobs,
    routes_outlines,
    routes_pages,
    routes_scenes,
)
from geogrounding.service.engine_link import EngineError
from geogrounding.service.guard import Guard
from geogrounding.service.jobs import Jobs, TooManyJobsError
from geogrounding.service.links import own_path
from geogrounding.service.map_tiles import MapTiles
from geogrounding.service.scenes import FullError, Scenes, clear_incoming
from geogrounding.service.settings import ServiceSettings
from geogrounding.service.store import Store
from geogrounding.service.tiles import Tiles

PROBLEM = "application/problem+json"
_TYPES = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"


@dataclass(frozen=True, slots=True)
class Service:
    """What the routes share: ``request.app.state.service``."""

    settings: ServiceSettings
    scenes: Scenes
    jobs: Jobs
    tiles: Tiles
    map_tiles: MapTiles


def make_app(
    settings: ServiceSettings,
    *,
    worker_command: Sequence[str] | None = None,
    training_command: Sequence[str] | None = None,
) -> Guard:
    """The application; its engine starts and ends with it.

    Args:
        settings: folders, token, limits.
        worker_command: what the engine's worker is; for tests.
        training_command: what a training run is; for tests.
    """
    state = settings.state
    state.mkdir(parents=True, exist_ok=True)
    uploads = state / "uploads"
    clear_incoming(uploads)
    scenes = Scenes(settings.data, uploads)
    store = Store(state / "jobs.sqlite")
    jobs = Jobs(
        store=store,
        scenes=scenes,
        folder=state,
        limits=settings.limits,
        model_folders=settings.models,
        machines=settings.machines,
        worker_command=worker_command,
        training_command=training_command,
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        jobs.start()
        yield
        jobs.close()
        store.close()

    app = FastAPI(
        title="geogrounding",
        version=__version__,
        summary="Ask aerial and satellite images questions; get georeferenced polygons.",
        lifespan=lifespan,
        openapi_url="/api",
        docs_url=None,
        redoc_url=None,
    )
    app.state.service = Service(settings, scenes, jobs, Tiles(), MapTiles())
    for routes in (routes_pages, routes_jobs, routes_scenes, routes_features, routes_outlines, routes_engine):
        app.include_router(routes.router)
    for kind in (GeogroundingError, LookupError, HTTPException):
        app.add_exception_handler(kind, _problem)
    return Guard(app, settings)


def _problem(request: Request, error: Exception) -> Response:
    """An error as RFC 9457 has it."""
    status, kind, detail = _of(request, error)
    hint = getattr(error, "hint", "")
    content: dict[str, Any] = {"type": kind, "title": detail, "status": status, "detail": detail}
    if hint:
        content["hint"] = hint
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    return JSONResponse(content, status_code=status, media_type=PROBLEM, headers=headers)


def _of(request: Request, error: Exception) -> tuple[int, str, str]:
    """Status, type and text of a problem."""
    if isinstance(error, HTTPException):
        return error.status_code, "about:blank", str(error.detail)
    if isinstance(error, LookupError):
        return _missing(request, error)
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    if isinstance(error, EngineError) and error.code in ("settings", "input", "bad-params"):
        status = 400
    return status, "about:blank", str(error)


_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (TooManyJobsError, 429),
    (FullError, 507),
    (EngineError, 503),
    (SettingsError, 400),
    (InputError, 400),
)


def _missing(request: Request, error: LookupError) -> tuple[int, str, str]:
    path, named = own_path(request.scope), str(error.args[0]) if error.args else ""
    if path.startswith("/processes"):
        if request.method == "POST" and named not in path:
            return 400, "about:blank", f"there is no scene, model or job {named[:60]!r}"
        return 404, f"{_TYPES}no-such-process", "there is no such process"
    if path.startswith("/jobs"):
        return 404, f"{_TYPES}no-such-job", "there is no such job, or it has no such feature"
    return 404, "about:blank", "not found"
