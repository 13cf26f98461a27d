"""Documents from the network: bounded bytes, seconds, redirects and tries, and one message when it fails."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from geogrounding._version import __version__
from geogrounding.errors import InputError
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
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util.retry import Retry

    where = shorten(without_secrets(address))
    # Retry-After is not followed: it may ask for hours.
    retry = Retry(
        total=2, redirect=False, status_forcelist=_AGAIN, backoff_factor=0.5, respect_retry_after_header=False,
        allowed_methods=None, raise_on_status=False,
    )  # fmt: skip

    class Guarded(HTTPAdapter):
        def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
            check_address(request.url, address)  # also the targets of redirects
            return super().send(request, *args, **kwargs)

    end = time.monotonic() + MAX_SECONDS
    with requests.Session() as session:
        session.max_redirects = MAX_REDIRECTS
        session.headers["User-Agent"] = AGENT
        for scheme in ("http://", "https://"):
            session.mount(scheme, Guarded(max_retries=retry))
        try:
            with session.request(
                "GET" if body is None else "POST",
                address,
                json=body,
                params=parameters,
                timeout=TIMEOUT_S,
                stream=True,
            ) as response:
                if response.status_code != 200:
                    raise InputError(
                        f"{where} answers {response.status_code} {shorten(response.reason or '', 60)}".rstrip(),
                        hint="Is the address right, and may you read it? Passwords belong into ~/.netrc."
                        if response.status_code in (401, 403, 404)
                        else "The server fails; try again later.",
                    )
                data = bytearray()
                for part in response.iter_content(64 * 1024):
                    data += part
                    if len(data) > MAX_BYTES or time.monotonic() > end:
                        raise InputError(
                            f"{where} answers with more than {MAX_BYTES // 2**20} MiB or takes more than "
                            f"{MAX_SECONDS:.0f} s",
                            hint="Ask for less: a smaller --bbox or --datetime.",
                        )
                return bytes(data)
        except requests.TooManyRedirects:
            raise InputError(f"{where} redirects more than {MAX_REDIRECTS} times", hint="Check the address.") from None
        except requests.RequestException as error:
            raise InputError(
                f"{where} cannot be reached: {type(error).__name__}", hint="Check the address and the network."
            ) from None
