"""The lines that a client and the engine exchange; docs/engine.md describes them for people.

    request   {"id": 7, "method": "run", "params": {...}}
    event     {"id": 7, "event": "progress", ...}          any number, before the reply
    reply     {"id": 7, "result": {...}}  or  {"id": 7, "error": {"code": ..., "message": ..., "hint": ...}}

One line is one JSON object in ASCII. A reply that belongs to no request has the id null.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Never

from geogrounding.errors import (
    GeogroundingError,
    IncompleteError,
    InputError,
    JournalError,
    ModelError,
    OutputError,
    SettingsError,
)
from geogrounding.messages import quote, shorten

LIGHT = frozenset({"info", "crs", "test", "models", "plan_query"})
"""Methods that are answered while another job runs."""
HEAVY = frozenset({"plan", "run", "ask", "load", "cut_training_set", "redraw"})
"""Methods that wait for each other."""
PROTOCOL = 1
"""Rises when a client of the former number would misunderstand the engine; new members alone do not raise it."""
MAX_REQUEST_BYTES = 1 << 20
"""Longer lines are thrown away: 64 expressions of 500 characters are a tenth of it."""
MAX_ID_CHARS = 64
MAX_QUOTED_CHARS = 80

Id = int | str

_CODES: tuple[tuple[type[GeogroundingError], str], ...] = (
    (SettingsError, "settings"),
    (InputError, "input"),
    (ModelError, "model"),
    (OutputError, "output"),
    (IncompleteError, "incomplete"),
    (JournalError, "journal"),
)


class RequestError(Exception):
    """A request that cannot be served as it is; becomes an error reply."""

    def __init__(self, code: str, message: str, *, hint: str = "", request_id: Id | None = None) -> None:
        super().__init__(message)
        self.code, self.hint, self.request_id = code, hint, request_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request whose form is right; its parameters are not checked yet."""

    id: Id
    method: str
    params: dict[str, Any]


def parse_request(line: bytes) -> Request:
    """Read one line.

    Raises:
        RequestError: it is no request; ``request_id`` is set where the id could be read.
    """
    try:
        value = json.loads(line.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise RequestError(
            "bad-request", f"the line is not JSON: {shorten(error, MAX_QUOTED_CHARS)}", hint=_FORM
        ) from None
    if not isinstance(value, dict):
        raise RequestError("bad-request", "the line is JSON but no object", hint=_FORM)
    request_id = value.get("id")
    if isinstance(request_id, bool) or not isinstance(request_id, int | str):
        raise RequestError("bad-request", "the id is no number and no text", hint=_FORM)
    if len(str(request_id)) > MAX_ID_CHARS:
        raise RequestError("bad-request", f"the id is longer than {MAX_ID_CHARS} characters", hint=_FORM)
    method, params = value.get("method"), value.get("params", {})
    if not isinstance(method, str) or not isinstance(params, dict):
        raise RequestError(
            "bad-request", "method must be a text and params an object", hint=_FORM, request_id=request_id
        )
    if unknown := sorted(value.keys() - {"id", "method", "params"}):
        raise RequestError(
            "bad-request", f"unknown member {quote(unknown[0], MAX_QUOTED_CHARS)}", hint=_FORM, request_id=request_id
        )
    return Request(id=request_id, method=method, params=params)


_FORM = 'A request is one line: {"id": 1, "method": "hello", "params": {}}'


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is no JSON")


def encode(message: dict[str, Any]) -> bytes:
    """A message as one line. Numbers that JSON lacks become null: no reader may choke on them."""
    try:
        text = json.dumps(message, allow_nan=False, separators=(",", ":"))
    except ValueError:
        text = json.dumps(_finite(message), allow_nan=False, separators=(",", ":"))
    return text.encode("ascii") + b"\n"


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def event(request_id: Id, name: str, **members: Any) -> dict[str, Any]:
    """An event of a request."""
    return {"id": request_id, "event": name, **members}


def reply(request_id: Id, result: dict[str, Any]) -> dict[str, Any]:
    """The end of a request that was served."""
    return {"id": request_id, "result": result}


def failure(request_id: Id | None, code: str, message: str, hint: str = "") -> dict[str, Any]:
    """The end of a request that was not."""
    return {"id": request_id, "error": {"code": code, "message": message, "hint": hint}}


def failure_of(request_id: Id | None, error: BaseException) -> dict[str, Any]:
    """An exception as a reply: errors of the project by their kind, anything else as a defect."""
    if isinstance(error, RequestError):
        return failure(error.request_id if request_id is None else request_id, error.code, str(error), error.hint)
    if isinstance(error, GeogroundingError):
        code = next((code for kind, code in _CODES if isinstance(error, kind)), "other")
        return failure(request_id, code, str(error), error.hint)
    if isinstance(error, MemoryError):
        return failure(
            request_id, "memory", "the memory is used up", "Take a smaller model or batch size, or close programs."
        )
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return failure(
        request_id, "defect", f"unexpected: {said}", "This is a defect: please report it, with the log of the engine."
    )
