"""What every request passes: size, Host, token, Origin; and the headers that every answer carries.

A program sends ``Authorization: Bearer TOKEN``. A browser has a cookie, which is made once from the token, is not
readable by scripts and is not sent by other sites (SameSite); a change that comes with the cookie must also come from a
page of this service (Origin). Without either only the landing page and ``/conformance`` answer.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException

from geogrounding.service.links import own_path
from geogrounding.service.settings import ServiceSettings

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OPEN_PATHS = frozenset({"/", "/conformance", "/session", "/static/landing.css"})
"""``/session`` is where a browser hands in the token; it answers 401 to a wrong one."""
UPLOADS = "/scenes"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
COOKIE_S = 30 * 24 * 3600
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "worker-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
HEADERS = (
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    # not no-referrer: a browser then sends "Origin: null" with the form that hands in the token
    ("referrer-policy", "same-origin"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
)


class Guard:
    """Wraps the application."""

    def __init__(self, app: App, settings: ServiceSettings) -> None:
        self._app, self._settings = app, settings
        names = {settings.host, *settings.hosts, "localhost", "127.0.0.1", "[::1]"}
        self._hosts = {name.lower() for name in names} | {f"{name}:{settings.port}".lower() for name in names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # no WebSockets

        async def with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                extra = [(name.encode(), value.encode()) for name, value in HEADERS if name.encode() not in given]
                if b"cache-control" not in given:
                    extra.append((b"cache-control", b"no-store"))
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        root = self._settings.root_path
        if root and scope["path"] == root and scope["method"] in SAFE:
            await _redirect(with_headers, f"{root}/")
            return
        if root and scope["path"].startswith(f"{root}/"):
            scope["root_path"] = root
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refused = self._refusal(scope, headers)
        if refused is not None:
            await _refuse(with_headers, *refused)
            return
        limits = self._settings.limits
        limit = limits.upload_bytes if own_path(scope) == UPLOADS else limits.body_bytes
        await self._app(scope, _bounded(receive, limit, limits.silence_s), with_headers)

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        """Status and reason where a request is not served; else its user is known."""
        if headers.get("host", "").lower() not in self._hosts:
            return 421, "This service is not reached by that name. Start it with --allow-host NAME to permit it."
        length = headers.get("content-length", "0")
        limit = self._settings.limits.upload_bytes if own_path(scope) == UPLOADS else self._settings.limits.body_bytes
        if not (length.isascii() and length.isdigit()) or int(length) > limit:
            return 413, f"The body is longer than {limit:,} bytes."
        user, by_cookie = self._user(headers, scope)
        scope.setdefault("state", {})["user"] = user
        if user is None and own_path(scope) not in OPEN_PATHS:
            return (
                401,
                "The token is missing or wrong: send it as Authorization: Bearer TOKEN, or open the printed link.",
            )
        if scope["method"] in SAFE:
            return None
        origin = headers.get("origin")
        same = origin is not None and urlsplit(origin).netloc.lower() == headers["host"].lower()
        if origin is not None and not same:
            return 403, "A page of another site may not change anything here."
        if by_cookie and not same:
            return 403, "A change that comes with a cookie must come from a page of this service (Origin)."
        return None

    def _user(self, headers: dict[str, str], scope: Scope) -> tuple[str | None, bool]:
        """Who asks, and whether a cookie says so; None without a valid token."""
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and token_is(token, self._settings.token):
            client = scope.get("client") or ("local", 0)
            name = headers.get("x-geoground-user", "")[:40]
            return (f"name:{name}" if name else f"address:{client[0]}"), False
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(cookie_name(self._settings))
        except CookieError:
            cookie = None
        user = None if cookie is None else user_of_cookie(cookie.value, self._settings.token)
        return user, user is not None


def cookie_name(settings: ServiceSettings) -> str:
    """Another one for each service of a host, as browsers send a cookie to all ports of it."""
    return f"geoground-{settings.port}"


def token_is(given: str, token: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), token.encode())


def new_cookie(token: str) -> str:
    """The value of a cookie for a new user; it does not reveal the token."""
    name = secrets.token_hex(8)
    return f"{name}.{_signature(name, token)}"


def user_of_cookie(value: str, token: str) -> str | None:
    """The user that a cookie was made for; None where it was not made here."""
    name, _, signature = value.partition(".")
    if not name.isalnum() or not hmac.compare_digest(
        signature.encode("utf-8", "replace"), _signature(name, token).encode()
    ):
        return None
    return f"browser:{name}"


def _signature(name: str, token: str) -> str:
    return hmac.new(token.encode(), f"geoground cookie {name}".encode(), hashlib.sha256).hexdigest()


class BodyTooLongError(HTTPException):
    """A body without a length went over the limit."""

    def __init__(self) -> None:
        super().__init__(413, "the body is too long")


class BodyTooSlowError(HTTPException):
    """No more of a body came."""

    def __init__(self) -> None:
        super().__init__(408, "the body did not come")


def _bounded(receive: Receive, limit: int, silence_s: float) -> Receive:
    """Messages of a body up to its length in bytes, each within a time; after the last one there may be silence."""
    taken, complete = 0, False

    async def bounded() -> MutableMapping[str, Any]:
        nonlocal taken, complete
        try:
            message = await asyncio.wait_for(receive(), None if complete else silence_s)
        except TimeoutError:
            raise BodyTooSlowError from None
        complete = not message.get("more_body", False)
        taken += len(message.get("body", b""))
        if taken > limit:
            raise BodyTooLongError
        return message

    return bounded


async def _redirect(send: Send, path: str) -> None:
    headers = [(b"location", path.encode()), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 308, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _refuse(send: Send, status: int, detail: str) -> None:
    body = json.dumps({"type": "about:blank", "title": detail, "status": status, "detail": detail}).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="geoground"'))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
