"""What the engine behind the service is, and how it understands queries."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from geogrounding.settings import MAX_EXPRESSION_CHARS

router = APIRouter()
SHOWN = ("geogrounding", "python", "packages", "device", "device_name", "crs")


class Asked(BaseModel):
    """A query, or a plan to be checked."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    query: Annotated[str, Field(max_length=MAX_EXPRESSION_CHARS)] = ""
    plan: dict[str, Any] | None = None
    context: Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=64)] = []
    """Names of context layers, which are nouns of the query."""


@router.get("/engine")
def engine(request: Request) -> dict[str, Any]:
    """Versions and device of the engine, without paths."""
    found = request.app.state.service.jobs.engine.call("test", {})
    return {name: found[name] for name in SHOWN if name in found}


@router.post("/plan_query")
def plan_query(body: Asked, request: Request) -> dict[str, Any]:
    """How a query is understood: its plan, and the same in words; a plan is checked."""
    asked: dict[str, Any] = {"query": body.query} if body.plan is None else {"plan": body.plan}
    found: dict[str, Any] = request.app.state.service.jobs.engine.call("plan_query", {**asked, "context": body.context})
    return found
