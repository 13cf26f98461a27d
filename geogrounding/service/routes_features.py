"""Features of jobs: OGC API - Features, vector tiles, review, export."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException

from geogrounding.errors import SettingsError
from geogrounding.service.exports import TYPES, ExportFormat, file_name, write_export
from geogrounding.service.layers import REVIEWS, Layer, Review, Wanted
from geogrounding.service.links import link
from geogrounding.service.map_tiles import CROWDED
from geogrounding.service.routes_scenes import Index, Zoom
from geogrounding.service.store import Job
from geogrounding.service.vector_tiles import tile_bounds, vector_tile

router = APIRouter()
MAX_PAGE = 5_000
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
GEOJSON = "application/geo+json"
Bbox = Annotated[str | None, Query(max_length=200, description="west,south,east,north in degrees")]
Reviews = Annotated[list[Review] | None, Query()]
Score = Annotated[float | None, Query(ge=0, le=1)]
QueryText = Annotated[str | None, Query(max_length=500)]
Without = Annotated[list[Annotated[str, Field(max_length=500)]] | None, Query(max_length=64)]
Area = Annotated[float | None, Query(ge=0, allow_inf_nan=False, description="Square metres.")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Change(_Body):
    """A change to one feature."""

    review: Review | None = None
    deleted: bool | None = None
    label: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    geometry: dict[str, Any] | None = None


class Drawn(_Body):
    """A feature that a user drew."""

    geometry: dict[str, Any]
    query: Annotated[str, Field(max_length=500)]
    label: Annotated[str, Field(min_length=1, max_length=200)]


class Many(_Body):
    """A review of many features: those of the ids, or all that match."""

    review: Review
    ids: Annotated[list[int], Field(max_length=100_000)] | None = None
    min_score: Annotated[float, Field(ge=0, le=1)] | None = None
    query: Annotated[str, Field(max_length=500)] | None = None
    without: Annotated[list[Annotated[str, Field(max_length=500)]], Field(max_length=64)] = []
    area_from: Annotated[float, Field(ge=0)] | None = None
    area_to: Annotated[float, Field(ge=0)] | None = None
    only: Review | None = None


@router.get("/collections")
def collections(request: Request) -> dict[str, Any]:
    """Each job that ended well is a collection of features."""
    jobs = request.app.state.service.jobs
    found = [job for job in jobs.store.jobs(states=("successful",), limit=1_000) if job.process != "train"]
    return {
        "collections": [_collection(request, job) for job in found],
        "links": [link(request, "/collections", "self")],
    }


@router.get("/collections/{job_id}")
def collection(job_id: str, request: Request) -> dict[str, Any]:
    """One collection, with its counts."""
    job, layer = _layer(request, job_id)
    return {**_collection(request, job), "summary": layer.summary()}


@router.get("/collections/{job_id}/items", response_model=None)
def items(  # noqa: PLR0913 - parameters of the query
    job_id: str,
    request: Request,
    bbox: Bbox = None,
    min_score: Score = None,
    review: Reviews = None,
    query: QueryText = None,
    without: Without = None,
    area_from: Area = None,
    area_to: Area = None,
    sortby: Annotated[str | None, Query(pattern="^-score$")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """A page of features, in longitude and latitude."""
    _, layer = _layer(request, job_id)
    wanted = Wanted(
        bbox=_bbox(bbox), min_score=min_score, review=tuple(review or REVIEWS), query=query,
        without=tuple(without or ()), area_from=area_from, area_to=area_to,
    )  # fmt: skip
    found, total = layer.features(wanted, limit=limit, offset=offset, by_score=sortby is not None)
    own = f"/collections/{job_id}/items"
    links = [link(request, f"{own}?{request.url.query}".rstrip("?"), "self", GEOJSON)]
    if offset + len(found) < total:
        following = request.url.include_query_params(offset=offset + limit, limit=limit)
        links.append(link(request, f"{own}?{following.query}", "next", GEOJSON))
    return JSONResponse(
        {
            "type": "FeatureCollection",
            "features": found,
            "numberMatched": total,
            "numberReturned": len(found),
            "links": links,
        },
        media_type=GEOJSON,
    )


@router.get("/collections/{job_id}/items/{feature_id}", response_model=None)
def item(job_id: str, feature_id: int, request: Request) -> Response:
    """One feature."""
    return JSONResponse(_layer(request, job_id)[1].feature(feature_id), media_type=GEOJSON)


@router.get("/collections/{job_id}/tiles/WebMercatorQuad/{z}/{x}/{y}", response_model=None)
def tile(  # noqa: PLR0913 - parameters of the query
    job_id: str,
    z: Zoom,
    x: Index,
    y: Index,
    request: Request,
    min_score: Score = None,
    review: Reviews = None,
    query: QueryText = None,
    crowded: Annotated[bool, Query(description="false: nothing where there is an image.")] = True,
) -> Response:
    """Features as a Mapbox vector tile with the layer ``features``; 204 where nothing is."""
    _, layer = _layer(request, job_id)
    if not crowded and layer.crowded(tile_bounds(z, x, y), CROWDED):
        return Response(status_code=204)
    made = vector_tile(layer, Wanted(min_score=min_score, review=tuple(review or REVIEWS), query=query), z, x, y)
    if not made:
        return Response(status_code=204)
    return Response(made, media_type="application/vnd.mapbox-vector-tile")


@router.get("/collections/{job_id}/map/tiles/WebMercatorQuad/{z}/{x}/{y}", response_model=None)
def map_tile(  # noqa: PLR0913 - parameters of the query
    job_id: str,
    z: Zoom,
    x: Index,
    y: Index,
    request: Request,
    min_score: Score = None,
    review: Reviews = None,
    without: Without = None,
    area_from: Area = None,
    area_to: Area = None,
) -> Response:
    """All features of a tile as an image, where many lie close together; 204 elsewhere."""
    job, layer = _layer(request, job_id)
    wanted = Wanted(
        min_score=min_score, review=tuple(review or REVIEWS), without=tuple(without or ()),
        area_from=area_from, area_to=area_to,
    )  # fmt: skip
    made = request.app.state.service.map_tiles.png(layer, wanted, job.inputs.get("queries") or [], z, x, y)
    return Response(made, media_type="image/png") if made else Response(status_code=204)


@router.post("/jobs/{job_id}/features", status_code=201)
def draw(job_id: str, body: Drawn, request: Request) -> dict[str, Any]:
    """Add a polygon; it is accepted as it is."""
    return _layer(request, job_id)[1].draw(body.geometry, body.query, body.label)


@router.patch("/jobs/{job_id}/features")
def review_many(job_id: str, body: Many, request: Request) -> dict[str, Any]:
    """Review many features."""
    wanted = Wanted(
        ids=None if body.ids is None else tuple(body.ids),
        min_score=body.min_score,
        query=body.query,
        without=tuple(body.without),
        area_from=body.area_from,
        area_to=body.area_to,
        review=REVIEWS if body.only is None else (body.only,),
    )
    layer = _layer(request, job_id)[1]
    return {"changed": layer.review(wanted, body.review), "summary": layer.summary()}


@router.patch("/jobs/{job_id}/features/{feature_id}")
def change(job_id: str, feature_id: int, body: Change, request: Request) -> dict[str, Any]:
    """Accept, reject, correct, delete or bring back a feature."""
    layer = _layer(request, job_id)[1]
    return layer.change(feature_id, review=body.review, deleted=body.deleted, label=body.label, geometry=body.geometry)


@router.get("/jobs/{job_id}/export", response_model=None)
def export(
    job_id: str,
    request: Request,
    format: ExportFormat,
    review: Reviews = None,
    min_score: Score = None,
) -> Response:
    """Features as a file: by default those that are accepted."""
    job, layer = _layer(request, job_id)
    wanted = Wanted(review=tuple(review or ("accepted",)), min_score=min_score)
    try:
        scene = request.app.state.service.scenes.entry(job.inputs["scene"])
    except LookupError:
        scene = None
    folder = Path(tempfile.mkdtemp(prefix="geoground-export-"))
    try:
        path = write_export(job, layer, wanted, format, None if scene is None else scene.path, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return FileResponse(
        path,
        media_type=TYPES[format][1],
        filename=file_name(job, None if scene is None else scene.name, format),
        background=BackgroundTask(shutil.rmtree, folder, ignore_errors=True),
    )


def _layer(request: Request, job_id: str) -> tuple[Job, Layer]:
    jobs = request.app.state.service.jobs
    job = jobs.job(job_id)
    layer = jobs.shelf.layer(job_id)
    if not layer.exists or job.state != "successful":
        raise HTTPException(404, "the job has no results (yet)")
    return job, layer


def _bbox(text: str | None) -> tuple[float, float, float, float] | None:
    if text is None:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise SettingsError("bbox is not four numbers", hint="west,south,east,north in degrees.") from None
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise SettingsError("bbox is outside of longitude and latitude", hint="west,south,east,north in degrees.")
    return west, south, east, north


def _collection(request: Request, job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "title": job.title,
        "description": f"{job.process} on {job.inputs['scene']}",
        "itemType": "feature",
        "crs": [CRS84],
        "storageCrs": CRS84,
        "links": [
            link(request, f"/collections/{job.id}", "self"),
            link(request, f"/collections/{job.id}/items", "items", GEOJSON),
        ],
    }
