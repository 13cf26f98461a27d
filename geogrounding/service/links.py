"""Links in answers: paths from the root of the host, with what the service is below (``--root-path``)."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from fastapi import Request


def own_path(scope: MutableMapping[str, Any]) -> str:
    """The path of a request without what the service is below."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def path_of(request: Request, path: str) -> str:
    """A path of this service as the client that sent the request reaches it."""
    return f"{request.scope.get('root_path', '')}{path}"


def link(request: Request, path: str, rel: str, kind: str = "application/json") -> dict[str, str]:
    """A link of OGC API to a path of this service."""
    return {"href": path_of(request, path), "rel": rel, "type": kind}
