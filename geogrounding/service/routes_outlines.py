"""Outlines of a job drawn again from its masks, for sliders that move while its features are on the screen."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import islice
from typing import Annotated

import numpy as np
import shapely
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from pyproj import CRS
from starlette.exceptions import HTTPException

from geogrounding.execution.kept_masks import open_masks
from geogrounding.service.inputs import MASKS_NAME
from geogrounding.service.layers import to_lonlat
from geogrounding.settings import LEAST_FIT
from geogrounding.types import Outline
from geogrounding.vector.feature import Feature

router = APIRouter()
MOST_IDS = 100_000
BLOCK = 200
_PROCESSORS = CapacityLimiter(2)
"""As many threads draw, for all requests together, a block of each by turns."""


class Drawn(BaseModel):
    """How outlines are to be drawn."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    outline: Outline = "mask"
    simplify_m: Annotated[float, Field(ge=0, description="Tolerance of mask and regular in metres.")] | None = None
    least_fit: Annotated[float, Field(ge=0, le=1)] = LEAST_FIT
    ids: Annotated[list[int], Field(max_length=MOST_IDS, description="Only these features.")] | None = None


@router.post("/jobs/{job_id}/outlines", response_model=None)
def outlines(job_id: str, body: Drawn, request: Request) -> StreamingResponse:
    """Other outlines for the features of a job, without its scene or the model: a sequence of GeoJSON features."""
    jobs = request.app.state.service.jobs
    path = jobs.shelf.folder(jobs.job(job_id).id) / MASKS_NAME
    if not path.is_file():
        raise HTTPException(409, "the job has no masks: it has not ended, or was not asked for as outlines")
    masks = open_masks(path)
    found = masks.redraw(body.outline, simplify_m=body.simplify_m, least_fit=body.least_fit, ids=body.ids)
    return StreamingResponse(_sequence(found, masks.crs), media_type="application/geo+json-seq")


async def _sequence(found: Iterator[Feature], crs: CRS | None) -> AsyncIterator[bytes]:
    """Features as RFC 8142 has them; a file that is damaged breaks the answer off."""
    while block := await to_thread.run_sync(_block, found, crs, limiter=_PROCESSORS):
        yield block


def _block(found: Iterator[Feature], crs: CRS | None) -> bytes:
    block = list(islice(found, BLOCK))
    return b"".join(_records(block, crs)) if block else b""


def _records(block: Sequence[Feature], crs: CRS | None) -> Iterator[bytes]:
    shapes = to_lonlat(np.array([feature.geometry_crs for feature in block], dtype=object), crs)
    for feature, shape in zip(block, shapes, strict=True):
        value = {
            "type": "Feature",
            "id": feature.id,
            "geometry": shapely.geometry.mapping(shape),
            "properties": {"outline": feature.outline, "area_m2": feature.area_m2},
        }
        yield b"\x1e" + json.dumps(value, separators=(",", ":"), allow_nan=False).encode() + b"\n"
