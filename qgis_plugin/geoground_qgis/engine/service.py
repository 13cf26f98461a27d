"""HTTP client of ``geoground serve``. Standard library only, as the rest of this folder.

Nothing here follows redirects or uses a proxy: the service is a machine of one's own network.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from .errors import Cancelled, EngineError

TIMEOUT_S = 60.0
RETRIES = 300
RETRY_S = 1.0
"""A service that is away for five minutes is not being restarted, but has ended."""
BLOCK = 1 << 18
_HINT = "Is it running, and is the address right? Example: http://host:8000"


def is_address(engine: str) -> bool:
    """Whether what a user named as the engine is the address of a service."""
    return engine.strip().lower().startswith(("http://", "https://"))


def split_link(engine: str) -> tuple[str, str]:
    """The address, and the token where the link that ``geoground serve`` prints was pasted."""
    parts = urlsplit(engine.strip())
    token = parse_qs(parts.query).get("token", [""])[0]
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}", token


class Service:
    """One service; for any thread, each request has a connection of its own."""

    def __init__(self, address: str, token: str, user: str = "", context: ssl.SSLContext | None = None) -> None:
        """Nothing is sent yet.

        Args:
            address: such as ``http://host:8000``, also with a path before the service's own.
            token: of the service.
            user: a name by which users take turns.
            context: of https; None trusts what the system trusts.

        Raises:
            EngineError: the address is none.
        """
        self.address = address.rstrip("/")
        parts = urlsplit(self.address)
        try:
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if parts.scheme not in ("http", "https") or not host:
            raise EngineError(f"{self.address} is no address of a server", _HINT, "no-engine")
        self._https, self._host, self._port, self._path = parts.scheme == "https", host, port, parts.path
        self._context = context
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        if user.isascii() and user.isprintable():
            self._headers["X-Geoground-User"] = user[:40]
        if not token.isascii() or not token.isprintable():
            raise EngineError("the token holds characters that no token has", "Copy it again.", "no-engine")

    def json(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request, with ``body`` as JSON, and return the JSON of the answer.

        Raises:
            EngineError: the service refuses or cannot be reached.
        """
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        with _Exchange(self, method, path, headers, data) as answer:
            text = answer.read()
        try:
            return json.loads(text) if text else None
        except ValueError:
            raise EngineError(f"{self.address} answers, but is no geogrounding service", _HINT, "protocol") from None

    def download(self, path: str, target: Path, cancelled: Callable[[], bool]) -> None:
        """Write an answer to a file.

        Raises:
            EngineError: the service refuses or cannot be reached; Cancelled where the user stopped it.
        """
        with _Exchange(self, "GET", path, {}, None) as answer, target.open("wb") as file:
            while block := answer.read(BLOCK):
                if cancelled():
                    raise Cancelled
                file.write(block)

    def records(
        self, path: str, body: Any, cancelled: Callable[[], bool], most_bytes: int = 1 << 24
    ) -> Iterator[dict[str, Any]]:
        """Send JSON and read the sequence of JSON records (RFC 7464) of the answer as they come.

        Raises:
            EngineError: the service refuses, cannot be reached, or breaks off; Cancelled where the user stopped it.
        """
        headers = {"Content-Type": "application/json", "Accept": "application/geo+json-seq"}
        with _Exchange(self, "POST", path, headers, json.dumps(body).encode()) as answer:
            while line := answer.readline(most_bytes):
                if cancelled():
                    raise Cancelled
                try:
                    record = json.loads(line.lstrip(b"\x1e"))
                except ValueError:
                    raise EngineError(f"{self.address} broke off its answer", "Try again.", "protocol") from None
                if isinstance(record, dict):
                    yield record

    def upload(
        self, name: str, file: Path, on_share: Callable[[float], None], cancelled: Callable[[], bool]
    ) -> dict[str, Any]:
        """Send a raster and return its description.

        Raises:
            EngineError: the service refuses or cannot be reached; Cancelled where the user stopped it.
        """
        size = file.stat().st_size

        def blocks() -> Iterator[bytes]:
            sent = 0
            with file.open("rb") as stream:
                while block := stream.read(BLOCK):
                    if cancelled():
                        raise Cancelled
                    yield block
                    sent += len(block)
                    on_share(sent / max(1, size))

        headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
        with _Exchange(self, "POST", f"/scenes?{urlencode({'name': name})}", headers, blocks()) as answer:
            return dict(json.loads(answer.read()))

    def follow(self, job: str) -> Following:
        """Follow a job; see ``Following``."""
        return Following(self, job)

    def connect(self, timeout_s: float = TIMEOUT_S) -> http.client.HTTPConnection:
        """A new connection."""
        if self._https:
            return http.client.HTTPSConnection(self._host, self._port, timeout=timeout_s, context=self._context)
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout_s)

    def target(self, path: str) -> str:
        """What a request line names."""
        return f"{self._path}{path}"

    def headers(self, more: dict[str, str]) -> dict[str, str]:
        """Headers of a request."""
        return {**self._headers, **more}

    def unreachable(self, error: Exception) -> EngineError:
        """The error for a connection that failed."""
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return EngineError(f"the server {self.address} cannot be reached: {why}", _HINT, "no-engine")


class _Exchange:
    """One request and its answer, whose status is checked."""

    def __init__(self, service: Service, method: str, path: str, headers: dict[str, str], data: Any) -> None:
        self._service, self._request = service, (method, service.target(path), data, service.headers(headers))
        self._connection = service.connect()

    def __enter__(self) -> http.client.HTTPResponse:
        method, target, data, headers = self._request
        try:
            try:
                self._connection.request(method, target, body=data, headers=headers)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused before all of it was sent: the answer says why
            answer = self._connection.getresponse()
            check(answer, self._service.address)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise self._service.unreachable(error) from error
        except BaseException:
            self._connection.close()
            raise
        return answer

    def __exit__(self, kind: object, error: BaseException | None, _trace: object) -> None:
        self._connection.close()
        if isinstance(error, (OSError, http.client.HTTPException)):
            raise self._service.unreachable(error) from error


def check(answer: http.client.HTTPResponse, address: str) -> None:
    """Turn a refusal into an error that says why.

    Raises:
        EngineError: the status is none of success.
    """
    if answer.status < 300:
        return
    said, hint = f"the server {address} answers with status {answer.status}", _HINT
    with suppress(ValueError, AttributeError, OSError, http.client.HTTPException):
        problem = json.loads(answer.read(1 << 16))
        said, hint = str(problem["detail"])[:500], str(problem.get("hint", ""))[:500]
    if answer.status == 401:
        said = f"the server {address} refuses the token"
        hint = "Enter the token in the settings, or paste the whole link that geoground serve prints."
    elif answer.status < 400:
        hint = "It sends elsewhere: enter the address that it sends to."
    raise EngineError(said, hint, "service")


class Following:
    """Events of a job in a thread of its own; a connection that is lost is taken up where it was."""

    def __init__(self, service: Service, job: str) -> None:
        self._service, self._job = service, quote(job, safe="")
        self._stopped = threading.Event()
        self._socket: socket.socket | None = None

    def events(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Name and values of each event, until the job has ended or ``stop`` is called.

        Raises:
            EngineError: the service refuses, or is away for long.
        """
        after, failures = 0, 0
        while not self._stopped.is_set():
            try:
                for number, name, values in self._connected(after):
                    after, failures = number, 0
                    yield name, values
                    if name == "status" and values.get("state") in ("successful", "failed", "dismissed"):
                        return
            except (OSError, http.client.HTTPException, ValueError) as error:
                failures += 1
                if failures > RETRIES:
                    raise self._service.unreachable(error) from error
            if not self._stopped.is_set():
                time.sleep(RETRY_S if failures else 0)

    def stop(self) -> None:
        """End ``events``, from any thread."""
        self._stopped.set()
        opened = self._socket
        if opened is not None:
            with suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)

    def _connected(self, after: int) -> Iterator[tuple[int, str, dict[str, Any]]]:
        connection = self._service.connect()
        try:
            headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
            target = self._service.target(f"/jobs/{self._job}/events")
            connection.request("GET", target, headers=self._service.headers(headers))
            self._socket = connection.sock
            if self._stopped.is_set():
                return
            answer = connection.getresponse()
            check(answer, self._service.address)
            yield from read_events(iter(answer.readline, b""))
        finally:
            self._socket = None
            connection.close()


def read_events(lines: Iterator[bytes]) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Number, name and values of server-sent events."""
    number, name, data = 0, "message", list[str]()
    for line in lines:
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        field, _, value = text.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if not text:
            if data:
                yield number, name, dict(json.loads("\n".join(data)))
            name, data = "message", []
        elif field == "id" and value.isdigit():
            number = int(value)
        elif field == "event":
            name = value
        elif field == "data":
            data.append(value)
