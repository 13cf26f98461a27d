"""Scenes, their upload and their tiles; models."""

from __future__ import annotations

import shutil
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from geogrounding.service.links import path_of
from geogrounding.service.tiles import MAX_ZOOM

router = APIRouter()
Zoom = Annotated[int, Path(ge=0, le=MAX_ZOOM)]
Index = Annotated[int, Path(ge=0, lt=1 << MAX_ZOOM)]


@router.get("/scenes")
def scenes(request: Request) -> dict[str, Any]:
    """Rasters that can be asked about."""
    found = request.app.state.service.scenes.entries()
    return {"scenes": [{"id": entry.id, "name": entry.name, "uploaded": entry.uploaded} for entry in found]}


@router.get("/scenes/{scene_id}")
def scene(scene_id: str, request: Request) -> dict[str, Any]:
    """Size, place and bands of a raster."""
    catalogue = request.app.state.service.scenes
    described: dict[str, Any] = catalogue.describe(catalogue.entry(scene_id))
    return described


@router.post("/scenes", status_code=201)
async def upload(request: Request, name: Annotated[str, Query(max_length=130)]) -> Response:
    """Send a raster as the body; it is checked like any other and can be asked about then."""
    service = request.app.state.service
    limits = service.settings.limits
    expected = int(request.headers.get("content-length", "0"))
    if shutil.disk_usage(service.settings.state).free - expected < limits.free_bytes:
        raise HTTPException(507, "the disk of the service is nearly full")
    entry = await service.scenes.upload(name, request.stream(), limit=limits.upload_bytes, free=limits.free_bytes)
    described = await run_in_threadpool(service.scenes.describe, entry)
    return JSONResponse(described, 201, {"Location": path_of(request, f"/scenes/{entry.id}")})


@router.delete("/scenes/{scene_id}", status_code=204)
def remove(scene_id: str, request: Request) -> Response:
    """Remove a raster that was uploaded; one that a waiting or running job needs stays."""
    service = request.app.state.service
    unfinished = service.jobs.store.jobs(states=("accepted", "interrupted", "running"))
    if any(job.inputs.get("scene") == scene_id for job in unfinished):
        raise HTTPException(409, "a job that has not ended needs this raster")
    service.scenes.remove(scene_id)
    return Response(status_code=204)


@router.get("/scenes/{scene_id}/tiles/WebMercatorQuad/{z}/{x}/{y}", response_model=None)
def tile(scene_id: str, z: Zoom, x: Index, y: Index, request: Request) -> Response:
    """Pixels of the scene with its own stretch; 204 outside of it."""
    service = request.app.state.service
    if x >= 1 << z or y >= 1 << z:
        raise HTTPException(404, "there is no such tile")
    entry = service.scenes.entry(scene_id)
    headers = {"etag": service.tiles.etag(entry, z, x, y), "cache-control": "private, max-age=0, must-revalidate"}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    made = service.tiles.tile(entry, z, x, y)
    if not made.png:
        return Response(status_code=204, headers=headers)
    return Response(made.png, media_type="image/png", headers=headers)


@router.get("/models")
def models(request: Request) -> dict[str, Any]:
    """Names of the models that a job may use."""
    return {"models": request.app.state.service.jobs.shelf.model_names()}
