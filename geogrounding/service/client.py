"""A client of the service, as ``geoground jobs`` uses it: submit, follow, read, cancel."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from geogrounding.errors import GeogroundingError, InputError, ModelError, SettingsError
from geogrounding.messages import shorten

TIMEOUT_S = 60.0
ENDED = ("successful", "failed", "dismissed")
RETRIES = 20
RETRY_S = 1.0
PAGE = 1_000


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event of a job."""

    number: int
    name: str
    values: dict[str, Any]


class Client:
    """Talks to one service; a context manager."""

    def __init__(self, address: str, token: str) -> None:
        """Nothing is sent yet.

        Raises:
            SettingsError: the address is none, or httpx is not installed.
        """
        try:
            import httpx
        except ModuleNotFoundError as error:
            raise SettingsError("httpx is not installed", hint='pip install "geogrounding[service]"') from error
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingsError(f"{shorten(address)} is no address of a service", hint="Example: http://host:8000")
        self._httpx = httpx
        self._client = httpx.Client(
            base_url=f"{parts.scheme}://{parts.netloc}{parts.path}",
            headers={"authorization": f"Bearer {token}"},
            timeout=TIMEOUT_S,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._client.close()

    def get(self, path: str, **params: Any) -> Any:
        """The JSON of a page.

        Raises:
            GeogroundingError: the service refuses or cannot be reached.
        """
        return self._send("GET", path, params=params).json()

    def scene(self, name: str) -> str:
        """The id of a scene by its id, name, or the end of its path.

        Raises:
            InputError: there is none, or several.
        """
        scenes = self.get("/scenes")["scenes"]
        for matches in (
            [scene for scene in scenes if name in (scene["id"], scene["name"])],
            [scene for scene in scenes if scene["name"].endswith(f"/{name}")],
        ):
            if len(matches) == 1:
                return str(matches[0]["id"])
            if matches:
                raise InputError(f"{len(matches)} scenes are named {shorten(name)}", hint="Give the id of one.")
        known = ", ".join(scene["name"] for scene in scenes[:5]) or "none"
        raise InputError(f"the service has no scene {shorten(name)}", hint=f"It has: {known}.")

    def submit(self, process: str, inputs: dict[str, Any]) -> dict[str, Any]:
        """Start a job; return its status."""
        answer = self._send(
            "POST", f"/processes/{process}/execution", json={"inputs": inputs}, headers={"prefer": "respond-async"}
        )
        status: dict[str, Any] = answer.json()
        return status

    def watch(self, job_id: str, after: int = 0) -> Iterator[ServerEvent]:
        """Events of a job until it has ended; a connection that is lost is taken up where it was.

        Raises:
            GeogroundingError: the service refuses, or is away for long.
        """
        failures = 0
        while True:
            try:
                headers = {"last-event-id": str(after), "accept": "text/event-stream"}
                with self._client.stream("GET", f"/jobs/{job_id}/events", headers=headers) as answer:
                    _check(answer)
                    for event in _events(answer.iter_lines()):
                        after, failures = event.number, 0
                        yield event
                        if event.name == "status" and event.values.get("state") in (
                            "successful",
                            "failed",
                            "dismissed",
                        ):
                            return
            except self._httpx.HTTPError as error:
                failures += 1
                if failures > RETRIES:
                    raise ModelError(f"the service cannot be reached: {error}", hint="Is it running?") from error
                time.sleep(RETRY_S)

    def features(self, job_id: str, **params: Any) -> Iterator[dict[str, Any]]:
        """All features of a job, page by page."""
        offset = 0
        while True:
            page = self.get(f"/collections/{job_id}/items", limit=PAGE, offset=offset, **params)
            yield from page["features"]
            offset += page["numberReturned"]
            if not page["numberReturned"] or offset >= page["numberMatched"]:
                return

    def export(self, job_id: str, output: Path, format: str, review: tuple[str, ...]) -> None:
        """Write features of a job to a file."""
        params = {"format": format, "review": list(review)}
        with self._client.stream("GET", f"/jobs/{job_id}/export", params=params) as answer:
            _check(answer)
            with output.open("wb") as file:
                for chunk in answer.iter_bytes():
                    file.write(chunk)

    def cancel(self, job_id: str) -> dict[str, Any]:
        """Cancel a job that waits or runs; remove one that has ended."""
        status: dict[str, Any] = self._send("DELETE", f"/jobs/{job_id}").json()
        return status

    def _send(self, method: str, path: str, **options: Any) -> Any:
        try:
            answer = self._client.request(method, path, **options)
        except self._httpx.HTTPError as error:
            raise ModelError(
                f"the service cannot be reached: {error}", hint="Is it running, and is the address right?"
            ) from error
        _check(answer)
        return answer


def _check(answer: Any) -> None:
    """Turn a refusal into an error of this library."""
    if answer.status_code < 400:
        return
    answer.read()
    try:
        problem = answer.json()
        said, hint = str(problem.get("detail")), str(problem.get("hint", ""))
    except (ValueError, AttributeError):
        said, hint = f"status {answer.status_code}", ""
    if answer.status_code == 401:
        raise SettingsError("the service refuses the token", hint="Set GEOGROUND_TOKEN to that of the service.")
    kind: type[GeogroundingError] = InputError if answer.status_code < 500 else ModelError
    raise kind(shorten(said, 300), hint=hint)


def _events(lines: Iterator[str]) -> Iterator[ServerEvent]:
    """Server-sent events from the lines of a stream."""
    number, name, data = 0, "message", list[str]()
    for line in lines:
        if not line:
            if data:
                yield ServerEvent(number, name, json.loads("\n".join(data)))
            name, data = "message", []
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "id" and value.isdigit():
            number = int(value)
        elif field == "event":
            name = value
        elif field == "data":
            data.append(value)
