"""XML that describes a map service: bounded, and without declarations of its own."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from geogrounding.errors import InputError

MAX_BYTES = 16 * 2**20
"""Capabilities of a country's WMTS are a few megabytes."""


def parse_xml(data: bytes, what: str) -> ET.Element:
    """The root of a document.

    Raises:
        InputError: it is none, too long, or declares entities.
    """
    if len(data) > MAX_BYTES or b"<!DOCTYPE" in data or b"<!ENTITY" in data or b"\0" in data:
        raise InputError(f"{what} is too long, or declares what a description of a map does not need")
    try:
        return ET.fromstring(data)  # noqa: S314 (without declarations nothing in it expands)
    except (ET.ParseError, ValueError, LookupError, RecursionError):
        raise InputError(f"{what} is no XML", hint="Is it complete, and its address right?") from None


def local_name(element: ET.Element) -> str:
    """The name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]
