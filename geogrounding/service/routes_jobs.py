"""OGC API - Processes: processes, their execution, jobs, events, results."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from geogrounding._version import __version__
from geogrounding.errors import SettingsError
from geogrounding.packaged import default_model
from geogrounding.service.engine_link import EngineError
from geogrounding.service.inputs import PROCESSES, engine_request, process_of, read_inputs
from geogrounding.service.jobs import Jobs
from geogrounding.service.layers import Wanted
from geogrounding.service.links import link, path_of
from geogrounding.service.store import ENDED, Event, Job, State

router = APIRouter()
KEEP_ALIVE_S = 15.0
ESTIMATE_S = 15.0
MAX_PAGE = 1_000
_STATUS: dict[State, str] = {"interrupted": "accepted"}
"""OGC knows no interrupted job: it waits."""
_STATES: dict[str, tuple[State, ...]] = {
    "accepted": ("accepted", "interrupted"),
    "running": ("running",),
    "successful": ("successful",),
    "failed": ("failed",),
    "dismissed": ("dismissed",),
}
_TITLES = {"ground": "Find objects by a query", "ask": "Answer a question", "train": "Teach a model"}
Execute = Annotated[dict[str, Any], Body(examples=[{"inputs": {"scene": "ID", "queries": ["ship"]}}])]


@router.get("/processes")
def processes(request: Request) -> dict[str, Any]:
    """What can be executed."""
    shown = [_summary(request, name) for name in PROCESSES]
    return {"processes": shown, "links": [link(request, "/processes", "self")]}


@router.get("/processes/{name}")
def process(name: str, request: Request) -> dict[str, Any]:
    """Inputs and outputs of a process, as JSON Schema."""
    schema = PROCESSES[process_of(name)].model_json_schema()
    required = set(schema.get("required", ()))
    inputs = {
        key: {
            "title": key.replace("_", " "),
            "description": value.get("description", ""),
            "minOccurs": int(key in required),
            "maxOccurs": 1,
            "schema": {k: v for k, v in value.items() if k not in ("title", "description")},
        }
        for key, value in schema["properties"].items()
    }
    outputs = {
        "ground": {
            "features": {"type": "object", "contentMediaType": "application/geo+json"},
            "report": {"type": "object"},
        },
        "ask": {
            "features": {"type": "object", "contentMediaType": "application/geo+json"},
            "report": {"type": "object"},
        },
        "train": {"report": {"type": "object"}},
    }[name]
    described = {key: {"title": key, "schema": value} for key, value in outputs.items()}
    return {**_summary(request, name), "inputs": inputs, "outputs": described}


@router.post("/processes/{name}/execution", status_code=201, response_model=None)
async def execute(name: str, request: Request, body: Execute) -> Response:
    """Execute a process: at once where it ends within a minute, or with ``Prefer: respond-async`` as a job."""
    service = request.app.state.service
    process_of(name)
    unknown = body.keys() - {"inputs", "outputs", "response"}
    if unknown:
        raise SettingsError(
            f"{sorted(unknown)[0][:40]} is not supported", hint="Give inputs; read results from the job."
        )
    job = await run_in_threadpool(service.jobs.submit, name, body.get("inputs", {}), request.state.user)
    prefer = [part.strip().lower() for part in request.headers.get("prefer", "").replace(";", ",").split(",")]
    location = {"Location": path_of(request, f"/jobs/{job.id}")}
    if "respond-async" in prefer:
        return JSONResponse(_status(request, job), 201, {**location, "Preference-Applied": "respond-async"})
    ended = await _wait(service, job, _patience(prefer, service.settings.limits.sync_s))
    if not ended.ended:
        return JSONResponse(_status(request, ended), 201, location)
    if ended.state != "successful":
        raise HTTPException(500 if ended.state == "failed" else 410, ended.message or "the job was cancelled")
    return JSONResponse(await run_in_threadpool(_results, request, ended), 200, location)


@router.post("/processes/{name}/estimate")
def estimate(name: str, request: Request, body: Execute) -> dict[str, Any]:
    """How many chips an execution would look at, how long it would take, and how many jobs come before it."""
    service = request.app.state.service
    inputs = read_inputs(process_of(name), body.get("inputs", {}))
    if name != "ground":
        raise SettingsError("only ground can be estimated")
    jobs = service.jobs
    with tempfile.TemporaryDirectory(prefix="geoground-estimate-") as folder:
        params = engine_request(inputs, jobs.shelf, Path(folder))
        own = ("output", "overwrite", "model", "like", "unlike", "masks")
        settings = {key: value for key, value in params.items() if key not in own}
        questions = len(settings["expressions"])
        model = body["inputs"].get("model") or default_model()
        speed = jobs.store.speed(model)
        plan = _plan(jobs, {**settings, "model": params["model"], "measure": speed is None}) if jobs.idle else None
        if plan is not None:
            chips, expected, per_chip = plan["chips"], plan["chips_expected"], plan["seconds_per_chip"]
            if speed is None and per_chip is not None:
                speed = per_chip / questions
                jobs.store.set_speed(model, speed)
        else:  # chips as the built-in model would cut them
            found = jobs.engine.call("info", settings)["estimate"]
            chips, expected = found["chips"], found["chips_expected"]
    waiting = jobs.store.count(("accepted", "interrupted", "running"))
    seconds = None if speed is None else round(speed * questions * expected, 1)
    return {"chips": chips, "seconds": seconds, "jobs_ahead": waiting}


def _plan(jobs: Jobs, params: dict[str, Any]) -> dict[str, Any] | None:
    """The engine's plan; None where it takes long, such as while the model is being loaded."""
    try:
        return jobs.engine.call("plan", params, timeout_s=ESTIMATE_S)
    except EngineError as error:
        if error.code not in ("timeout", "cancelled"):
            raise
        return None


@router.get("/jobs")
def jobs(
    request: Request,
    type: Annotated[str | None, Query()] = None,
    status: Annotated[list[str] | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> dict[str, Any]:
    """Jobs of all users, newest first."""
    service = request.app.state.service
    wanted = [value for text in status or _STATES for value in text.split(",")]
    states = tuple(state for name in wanted for state in _STATES.get(name, ()))
    found = service.jobs.store.jobs(states=states, limit=limit + 1, offset=offset) if states else []
    links = [link(request, "/jobs", "self")]
    if len(found) > limit:
        links.append(link(request, f"/jobs?limit={limit}&offset={offset + limit}", "next"))
    user = request.state.user
    return {"jobs": [{**_status(request, job), "mine": job.user == user} for job in found[:limit]], "links": links}


@router.get("/jobs/{job_id}")
def job_status(job_id: str, request: Request) -> dict[str, Any]:
    """The state of a job."""
    service = request.app.state.service
    job = service.jobs.job(job_id)
    return {**_status(request, job), "inputs": job.inputs, "mine": job.user == request.state.user}


@router.delete("/jobs/{job_id}")
def dismiss(job_id: str, request: Request) -> dict[str, Any]:
    """Cancel a job that waits or runs; remove one that has ended, with its results."""
    service = request.app.state.service
    return {**_status(request, service.jobs.dismiss(job_id)), "status": "dismissed"}


@router.get("/jobs/{job_id}/results", response_model=None)
def results(job_id: str, request: Request) -> Response:
    """Features and report of a job that has ended; above 5,000 features, a link to their pages."""
    service = request.app.state.service
    job = service.jobs.job(job_id)
    if job.state == "failed":
        raise HTTPException(500, job.message)
    if job.state != "successful":
        kind = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/result-not-ready"
        said = f"the job is {job.state}"
        return JSONResponse(
            {"type": kind, "title": said, "status": 404, "detail": said}, 404, media_type="application/problem+json"
        )
    return JSONResponse(_results(request, job))


@router.get("/jobs/{job_id}/events", response_model=None)
async def events(job_id: str, request: Request) -> Response:
    """Server-sent events of a job, from ``Last-Event-ID`` on; the stream ends with the job."""
    service = request.app.state.service
    service.jobs.job(job_id)
    if service.jobs.hub.followers >= service.settings.limits.streams:
        raise HTTPException(503, "too many streams are open")
    last = request.headers.get("last-event-id", request.query_params.get("last", "0"))
    after = int(last) if last.isascii() and last.isdigit() and len(last) < 16 else 0
    return StreamingResponse(
        _stream(service, job_id, after),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def _stream(service: Any, job_id: str, after: int) -> AsyncIterator[bytes]:
    store = service.jobs.store
    with service.jobs.hub.follow(job_id) as follower:
        yield b": follows\n\n"
        while True:
            recent = follower.recent(after)
            found: list[Event] = recent if recent is not None else await run_in_threadpool(store.events, job_id, after)
            for event in found:
                yield _sse(event)
                after = event.number
                if event.name == "status" and json.loads(event.data)["state"] in ENDED:
                    return
            if found:
                continue
            if await run_in_threadpool(store.job, job_id) is None:
                return
            if not await follower.wait(KEEP_ALIVE_S):
                yield b": waits\n\n"


def _sse(event: Event) -> bytes:
    return f"id: {event.number}\nevent: {event.name}\ndata: {event.data}\n\n".encode()


async def _wait(service: Any, job: Job, timeout_s: float) -> Job:
    async def follow() -> None:
        async for _ in _stream(service, job.id, 0):
            pass

    try:
        await asyncio.wait_for(follow(), timeout_s)
    except TimeoutError:
        pass
    found: Job = service.jobs.job(job.id)
    return found


def _patience(prefer: list[str], longest: float) -> float:
    for part in prefer:
        name, _, value = part.partition("=")
        if name.strip() == "wait" and value.strip().isdigit():
            return min(longest, float(value))
    return longest


def _results(request: Request, job: Job) -> dict[str, Any]:
    service = request.app.state.service
    shown: dict[str, Any] = {"report": job.result}
    layer = service.jobs.shelf.layer(job.id)
    if layer.exists:
        most = service.settings.limits.inline_features
        found, total = layer.features(Wanted(), limit=most)
        if total > most:
            shown["features"] = {
                "href": path_of(request, f"/collections/{job.id}/items"),
                "type": "application/geo+json",
            }
        else:
            value = {"type": "FeatureCollection", "features": found}
            shown["features"] = {"mediaType": "application/geo+json", "value": value}
    return shown


def _summary(request: Request, name: str) -> dict[str, Any]:
    return {
        "id": name,
        "title": _TITLES[name],
        "description": (PROCESSES[name].__doc__ or "").strip(),
        "version": __version__,
        "jobControlOptions": ["sync-execute", "async-execute", "dismiss"],
        "outputTransmission": ["value", "reference"],
        "links": [
            link(request, f"/processes/{name}", "self"),
            link(request, f"/processes/{name}/execution", "http://www.opengis.net/def/rel/ogc/1.0/execute"),
        ],
    }


def _status(request: Request, job: Job) -> dict[str, Any]:
    links = [link(request, f"/jobs/{job.id}", "self")]
    if job.state == "successful":
        links.append(link(request, f"/jobs/{job.id}/results", "http://www.opengis.net/def/rel/ogc/1.0/results"))
        if job.process != "train":
            links.append(link(request, f"/collections/{job.id}/items", "items"))
    shown: dict[str, Any] = {
        "processID": job.process,
        "type": "process",
        "jobID": job.id,
        "status": _STATUS.get(job.state, job.state),
        "state": job.state,
        "message": job.message,
        "title": job.title,
        "scene": job.inputs.get("scene"),
        "created": _time(job.created),
        "updated": _time(job.updated),
        "progress": job.progress,
        "links": links,
    }
    if job.started is not None:
        shown["started"] = _time(job.started)
    if job.finished is not None:
        shown["finished"] = _time(job.finished)
    if job.error is not None:
        shown["error"] = {key: job.error.get(key) for key in ("code", "hint")}
    if job.result is not None:
        shown["features"] = job.result.get("features") if isinstance(job.result.get("features"), int) else None
    if not job.ended and job.state != "running":
        shown["jobs_ahead"] = request.app.state.service.jobs.ahead(job)
    return shown


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
