"""HTTP to a model server: time-outs, retries, size limits, and errors that say what to do.

What is tried again, and how often:

| what happened | further attempts |
| --- | --- |
| connection refused, reset, cut off | ``max_retries`` |
| 429, 500, 502, 503, 504, 529, as status or as code of an error in a body | ``max_retries`` |
| no reply within the time-out | one: a slow server is not made faster by asking more |
| any other 4xx | none |

After a 429 or 5xx with Retry-After it waits as long as the server says, at most 60 s. Otherwise it waits 0.5 s, 1 s,
2 s ... up to 30 s between attempts, shortened at random by up to a half so that many clients do not return in step.
Redirects are not followed: they would carry the images, and perhaps the key, to another host.
"""

from __future__ import annotations

import ipaddress
import json
import random
import re
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from geogrounding.errors import ModelError, SettingsError
from geogrounding.models.openai.bodies import error_status, error_words, joined_events
from geogrounding.models.parsing.found import short

if TYPE_CHECKING:
    import httpx

FailureKind = Literal["unreachable", "timeout", "unavailable", "refused", "broken", "stopped"]
"""``unreachable``: no connection. ``timeout``: no reply in time. ``unavailable``: 429 or 5xx to the end. ``refused``: a
4xx that concerns this request. ``broken``: a reply that cannot be used. ``stopped``: the run was given up."""

_RETRIED_STATUS = frozenset({429, 500, 502, 503, 504, 529})
_TIMEOUT_RETRIES = 1
_FIRST_DELAY_S = 0.5
_MAX_DELAY_S = 30.0
_MAX_RETRY_AFTER_S = 60.0
_CONNECT_TIMEOUT_S = 10.0
_MAX_ERROR_BYTES = 64 * 1024
_MAX_DETAIL = 4000
_MAX_MESSAGE = 200
_KEY = re.compile(r"[\x21-\x7e]{1,4096}")


class RequestError(Exception):
    """A request that got no usable reply; the chip fails, the run may go on."""

    def __init__(self, kind: FailureKind, message: str, *, status: int | None = None, detail: str = "") -> None:
        super().__init__(message)
        self.kind: FailureKind = kind
        self.status = status
        self.detail = detail
        """What the server said, longer than in the message."""


def check_base_url(base_url: str) -> str:
    """The address without a trailing slash.

    Raises:
        SettingsError: not an http or https address, or one with a user name, a query or a fragment.
    """
    hint = "Give an address such as http://localhost:8000/v1."
    try:
        parts = urlsplit(base_url.strip())
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise SettingsError("the server's address cannot be read", hint=hint) from None
    if not valid or any(ord(character) <= 32 or ord(character) == 127 for character in base_url.strip()):
        raise SettingsError("the server's address must be an http or https address", hint=hint)
    if parts.username is not None or parts.password is not None:
        raise SettingsError(
            "the server's address must not hold a user name or password",
            hint="Pass the key with --api-key or in GEOGROUND_API_KEY.",
        )
    if parts.query or parts.fragment:
        raise SettingsError("the server's address must not hold a query or fragment", hint=hint)
    return base_url.strip().rstrip("/")


class ServerClient:
    """JSON requests to one server; safe to use from several threads."""

    def __init__(  # noqa: PLR0913 - keyword-only options of the client
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        timeout_s: float = 120.0,
        max_retries: int = 5,
        max_response_bytes: int = 8 * 1024 * 1024,
        max_connections: int = 16,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Prepare the client; nothing is sent yet.

        Args:
            base_url: address up to and including ``/v1``.
            api_key: sent as bearer token; never logged and cut out of every error.
            timeout_s: for one attempt, from the connection to the last byte of the reply.
            max_retries: further attempts after the first.
            max_response_bytes: a longer reply is given up.
            max_connections: connections kept to the server.
            transport: replaces the network in tests.
            sleep: waits so many seconds; by default a wait that ``stop`` ends at once.
            clock: a monotonic clock in seconds.
            jitter: random numbers in [0, 1).

        Raises:
            SettingsError: the address, the key or a number is wrong.
            ModelError: httpx is not installed.
        """
        self.base_url = check_base_url(base_url)
        if not 0 < timeout_s < float("inf"):
            raise SettingsError(f"timeout {timeout_s} is not a positive number of seconds")
        if max_retries < 0:
            raise SettingsError(f"number of retries {max_retries} is negative")
        if api_key and not _KEY.fullmatch(api_key):
            raise SettingsError("the API key holds characters that cannot stand in a request", hint="Copy it again.")
        try:
            import httpx
        except ImportError:
            raise ModelError(
                "a model server needs the package httpx", hint="Run: pip install 'geogrounding[server]'"
            ) from None
        self._httpx = httpx
        self._api_key = api_key or None
        self._timeout_s = timeout_s
        self._max_retries = max_retries
        self._max_response_bytes = max_response_bytes
        self._stopped = threading.Event()
        self._sleep = sleep or self._stopped.wait
        self._clock = clock
        self._jitter = jitter
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "geogrounding"}
        if self._api_key:
            headers["Authorization"] = f"Bearer {self._api_key}"
        self._client = httpx.Client(
            headers=headers,
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_TIMEOUT_S)),
            limits=httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_connections),
            follow_redirects=False,
            transport=transport,
            # A proxy named in the environment cannot reach a server on this machine.
            trust_env=not _is_loopback(self.base_url),
        )

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, patient: bool = True) -> Any:
        """Send one request, again where that may help, and return the decoded JSON.

        Args:
            method: GET or POST.
            path: such as ``/models``, appended to the base address.
            body: sent as JSON.
            patient: False makes a single attempt.

        Raises:
            RequestError: no usable reply to this request.
            ModelError: no request can succeed: the key is refused, the path or model does not exist, a redirect.
        """
        attempts = 0
        while True:
            attempts += 1
            if self._stopped.is_set():
                raise RequestError("stopped", "the run was stopped")
            retry_after_s: float | None = None
            try:
                status, headers, content = self._attempt(method, path, body)
            except RequestError as failure:
                last = failure
            else:
                value, failed = self._decode(content) if 200 <= status < 300 else (None, status)
                if failed is None:
                    return value
                last = self._failure(path, failed, self.scrub(error_words(value)) or self._message(content))
                retry_after_s = _retry_after_s(headers)
            retries = min(self._max_retries, _TIMEOUT_RETRIES) if last.kind == "timeout" else self._max_retries
            if last.kind in ("broken", "stopped", "refused") or not patient or attempts > retries:
                if attempts > 1:
                    raise RequestError(
                        last.kind, f"{last} (tried {attempts} times)", status=last.status, detail=last.detail
                    )
                raise last
            delay_s = min(_MAX_DELAY_S, _FIRST_DELAY_S * 2 ** (attempts - 1)) * (1.0 - 0.5 * self._jitter())
            self._sleep(delay_s if retry_after_s is None else min(_MAX_RETRY_AFTER_S, max(delay_s, retry_after_s)))

    def stop(self) -> None:
        """Let requests that wait for their next attempt fail at once, and start no more."""
        self._stopped.set()

    def close(self) -> None:
        """Stop, and close the connections."""
        self.stop()
        self._client.close()

    def scrub(self, text: str) -> str:
        """One line of the text without the key."""
        return short(text.replace(self._api_key, "***") if self._api_key else text, _MAX_DETAIL)

    def _attempt(self, method: str, path: str, body: Mapping[str, Any] | None) -> tuple[int, httpx.Headers, bytes]:
        httpx = self._httpx
        deadline = self._clock() + self._timeout_s
        try:
            with self._client.stream(method, self.base_url + path, json=body) as response:
                limit = self._max_response_bytes if response.is_success else _MAX_ERROR_BYTES
                unpack = _unpacker(response.headers.get("content-encoding", ""))
                # A transport that holds the whole reply has unpacked it already.
                held = response.is_stream_consumed
                content = bytearray()
                for piece in response.iter_bytes() if held else response.iter_raw():
                    # as it arrives: a reply that drips must not escape the clock
                    content += piece if held else unpack(piece, limit + 1 - len(content))
                    if len(content) > limit:
                        if response.is_success:
                            raise RequestError("broken", f"the reply is longer than {limit} bytes")
                        break
                    if self._clock() > deadline:
                        raise RequestError("timeout", f"no complete reply within {self._timeout_s:g} s")
                return response.status_code, response.headers, bytes(content[:limit])
        except httpx.ConnectTimeout:
            raise RequestError("unreachable", f"no connection to {self.base_url} in time") from None
        except httpx.TimeoutException:
            raise RequestError("timeout", f"no reply within {self._timeout_s:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RequestError(
                "unreachable", f"no connection to {self.base_url}: {self.scrub(str(error) or type(error).__name__)}"
            ) from None
        except RuntimeError:
            if not self._client.is_closed:
                raise
            raise RequestError("stopped", "the connection was closed") from None

    def _failure(self, path: str, status: int, detail: str) -> RequestError:
        """What a reply of this status means for the request.

        Raises:
            ModelError: no request can succeed.
        """
        message = f"the server answered {status}: {short(detail, _MAX_MESSAGE)}"
        if status in (401, 403):
            raise ModelError(
                f"{self.base_url} refuses access ({message})",
                hint="Pass the key with --api-key or in GEOGROUND_API_KEY; check that it may use this model.",
            )
        if status == 404 or 300 <= status < 400:
            raise ModelError(
                f"{self.base_url}{path} is not there or has no such model ({message})",
                hint="Check --model, and that --base-url is the final address and ends in /v1.",
            )
        if status == 413:
            message += "; a smaller --tile-size makes smaller images"
        kind: FailureKind = "unavailable" if status in _RETRIED_STATUS else "refused"
        return RequestError(kind, message, status=status, detail=detail)

    def _decode(self, content: bytes) -> tuple[Any, int | None]:
        """The value of a reply of status 2xx, and the status of the error that it holds in its body, if any.

        Raises:
            RequestError: it is neither JSON nor a stream of events.
        """
        try:
            value = json.loads(content)
        except (ValueError, RecursionError):
            value = joined_events(content)
            if value is None:
                begins = self.scrub(content[:_MAX_DETAIL].decode(errors="replace"))
                words = f"not JSON; it begins {short(begins, 80)!r}" if begins.strip() else "empty"
                raise RequestError("broken", f"the server's reply is {words}") from None
        return value, error_status(value)

    def _message(self, content: bytes) -> str:
        """What the server says of an error, on one line."""
        text = content.decode(errors="replace")
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return self.scrub(text)
        return self.scrub(error_words(value) or text)


def _unpacker(encoding: str) -> Callable[[bytes, int], bytes]:
    """A function that unpacks a piece of a reply into at most so many bytes, whatever the piece would swell to.

    Raises:
        RequestError: the encoding is not gzip or deflate; none was asked for.
    """
    kind = encoding.strip().casefold()
    if kind in ("", "identity"):
        return lambda piece, limit: piece
    if kind not in ("gzip", "x-gzip", "deflate"):
        raise RequestError("broken", f"the server sent a compressed reply ({short(kind, 20)}) that was not asked for")
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)

    def unpack(piece: bytes, limit: int) -> bytes:
        try:
            return unpacker.decompress(piece, max(limit, 1))
        except zlib.error:
            raise RequestError("broken", "the server's compressed reply is damaged") from None

    return unpack


def _is_loopback(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _retry_after_s(headers: httpx.Headers) -> float | None:
    """Seconds that the server asks to wait: a number, or a date compared with the server's own clock."""
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,3})?", value):
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - parsedate_to_datetime(headers["date"])).total_seconds())
    except (KeyError, ValueError, TypeError):
        return None
