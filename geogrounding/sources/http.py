"""Documents from the network: bounded bytes, seconds, redirects and tries, and one message when it fails."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from geogrounding._version import __version__
from geogrounding.errors import GeogroundingError, InputError
from geogrounding.messages import shorten, without_secrets
from geogrounding.sources.hrefs import check_address

MAX_BYTES = 64 * 2**20
"""Of a document; a page of a catalogue has a megabyte or two."""
MAX_SECONDS = 120.0
MAX_REDIRECTS = 5
TIMEOUT_S = (20, 60)
"""To connect, and between two packets."""
_AGAIN = (429, 502, 503, 504)
AGENT = f"geogrounding/{__version__}"


def fetch_json(
    address: str, *, body: Mapping[str, Any] | None = None, parameters: Mapping[str, Any] | None = None
) -> Any:
    """The JSON document at an address.

    Args:
        address: http(s).
        body: sent as JSON by POST; None is GET.
        parameters: of the query, added to those in the address.

    Raises:
        InputError: it cannot be had, or is no JSON.
    """
    data = fetch(address, body=body, parameters=parameters)
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        kind = "a web page" if data.lstrip()[:1] == b"<" else "something that is no JSON"
        raise InputError(
            f"{shorten(without_secrets(address))} answers with {kind}",
            hint="Give the address of the STAC API or item itself, as its documentation names it.",
        ) from None


def fetch(address: str, *, body: Mapping[str, Any] | None = None, parameters: Mapping[str, Any] | None = None) -> bytes:
    """The bytes at an address; see ``fetch_json``. Credentials come from ``~/.netrc`` and proxies from the environment.

    Raises:
        InputError: it cannot be had.
    """
    with open_session(address) as session:
        answer = ask(session, address, body=body, parameters=parameters)
    if answer.status != 200:
        where = shorten(without_secrets(address))
        raise InputError(
            f"{where} answers {answer.status} {shorten(answer.reason, 60)}".rstrip(), hint=hint_of(answer.status)
        )
    return answer.data


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a server answered."""

    status: int
    reason: str
    kind: str
    """Its Content-Type, lower case."""
    data: bytes
    """Empty unless the status is 200."""


@contextmanager
def open_session(address: str) -> Iterator[Any]:
    """A session of requests that goes nowhere that a document from ``address`` may not name; for one thread.

    Raises:
        InputError: a package is missing.
    """
    try:
        import requests
        from requests.adapters import HTTPAdapter
        from urllib3.util.retry import Retry
    except ImportError:
        raise InputError("an address needs a further package", hint='pip install "geogrounding[stac]"') from None

    # Retry-After is not followed: it may ask for hours.
    retry = Retry(
        total=2, redirect=False, status_forcelist=_AGAIN, backoff_factor=0.5, respect_retry_after_header=False,
        allowed_methods=None, raise_on_status=False,
    )  # fmt: skip

    class Guarded(HTTPAdapter):
        def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
            check_address(request.url, address)  # also the targets of redirects
            return super().send(request, *args, **kwargs)

    with requests.Session() as session:
        session.max_redirects = MAX_REDIRECTS
        session.headers["User-Agent"] = AGENT
        for scheme in ("http://", "https://"):
            session.mount(scheme, Guarded(max_retries=retry))
        yield session


def ask(
    session: Any,
    address: str,
    *,
    body: Mapping[str, Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
    most: int | None = None,
) -> Reply:
    """One answer, of any status.

    Raises:
        InputError: there is none, or one that is too long or takes too long.
    """
    import requests

    where = shorten(without_secrets(address))
    most = MAX_BYTES if most is None else most
    end = time.monotonic() + MAX_SECONDS
    try:
        with session.request(
            "GET" if body is None else "POST", address, json=body, params=parameters, timeout=TIMEOUT_S, stream=True
        ) as response:
            data = bytearray()
            if response.status_code == 200:
                for part in response.iter_content(64 * 1024):
                    data += part
                    if len(data) > most or time.monotonic() > end:
                        raise InputError(
                            f"{where} answers with more than {most // 2**20} MiB or takes more than "
                            f"{MAX_SECONDS:.0f} s",
                            hint="Ask for less: a smaller --bbox or --datetime.",
                        )
            return Reply(
                status=response.status_code,
                reason=response.reason or "",
                kind=response.headers.get("Content-Type", "").lower(),
                data=bytes(data),
            )
    except requests.TooManyRedirects:
        raise InputError(f"{where} redirects more than {MAX_REDIRECTS} times", hint="Check the address.") from None
    except GeogroundingError:
        raise
    except (requests.RequestException, ValueError) as error:  # ValueError: it redirects to what is no address
        raise InputError(
            f"{where} cannot be reached: {type(error).__name__}", hint="Check the address and the network."
        ) from None


def hint_of(status: int) -> str:
    """What to do about a status."""
    if status in (401, 403, 404):
        return "Is the address right, and may you read it? Passwords belong into ~/.netrc."
    return "The server fails; try again later."
