"""Where a catalogue may point: a document from the network names no local file and no address inside a network.

An item is a document that makes GDAL open what it names. One that the user has as a file may name files and addresses;
one that comes from a server may name addresses only, and a server on the internet none that only this machine's own
network can reach. Paths of GDAL's own file systems (``/vsi...``) and ``file:`` are never taken from a document.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import quote, urljoin, urlsplit

from geogrounding.errors import SettingsError, UnsafeSceneError
from geogrounding.messages import shorten, without_secrets
from geogrounding.sources.names import is_remote

SCHEMES = ("http", "https", "s3", "gs", "az")
LONGEST = 16_384
"""Characters of an address; signed ones have a thousand or two."""
_PLAIN = re.compile(r"[!#-;=?-\[\]_a-z~%]+\Z")
"""What an address consists of (RFC 3986)."""


def resolve(href: str, base: str) -> str:
    """A href of a document as an address or path.

    Args:
        href: as the document has it; may be relative.
        base: address or path of the document.

    Raises:
        UnsafeSceneError: it leads to a place that a document from there may not name.
    """
    text = href.strip()
    if not text or len(text) > LONGEST or any(ord(sign) < 32 for sign in text):
        raise _refused(href, "is no address")
    if "/vsi" in text.lower().replace("\\", "/") or text.lower().startswith("file:"):
        raise _refused(href, "names a local or virtual file")
    if is_remote(base):
        try:
            text = urljoin(base, text)
        except ValueError:
            raise _refused(href, "is no address") from None
        return check_address(text, base)
    if is_remote(text):
        return check_address(text, base)
    folder = base.rpartition("/")[0]
    return text if text.startswith("/") or not folder else f"{folder}/{text}"


def check_address(address: str, base: str = "") -> str:
    """An address that may be opened, with spaces and the like encoded.

    Args:
        address: absolute.
        base: of the document that names it; a local one may name any server.

    Raises:
        UnsafeSceneError: its scheme is not read, or it lies inside a network and its document does not.
    """
    text = quote(address, safe="!#$%&'()*+,/:;=?@[]~")
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise _refused(address, "is no address") from None
    if parts.scheme.lower() not in SCHEMES or not host or not _PLAIN.match(text) or "/vsi" in text.lower():
        raise _refused(address, "is no address that is read")
    if parts.scheme.lower() in ("http", "https") and is_remote(base) and is_inside(host):
        home = urlsplit(base)
        if home.scheme.lower() not in ("http", "https") or not is_inside(home.hostname or ""):
            raise _refused(address, "lies inside this machine's own network")
    return text


def check_server(address: str) -> str:
    """The address of a catalogue or map service that a user named.

    Raises:
        SettingsError: it is no http(s) address.
    """
    try:
        parts = urlsplit(address.strip())
        if parts.scheme.lower() in ("http", "https") and parts.hostname and parts.port != 0:
            return address.strip()
    except ValueError:
        pass
    raise SettingsError(f"{shorten(without_secrets(address))} is no http(s) address", hint="Example: https://host/stac")


def is_inside(host: str) -> bool:
    """Whether a host is this machine or one of its own network, by its address or what its name resolves to."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        return not ipaddress.ip_address(name).is_global
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False  # only a proxy knows it
    return any(not ipaddress.ip_address(entry[4][0].partition("%")[0]).is_global for entry in found)  # type: ignore[union-attr]


def _refused(href: str, why: str) -> UnsafeSceneError:
    return UnsafeSceneError(
        f"the catalogue names {shorten(without_secrets(href))!r}, which {why}",
        hint="Such an item is not read. If you trust it, copy the raster to a file and give that.",
    )
