"""The version of the plugin, as metadata.txt says it."""

from __future__ import annotations

import configparser
from pathlib import Path


def version() -> str:
    """The version, or ``unknown`` where the file cannot be read."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(Path(__file__).parent / "metadata.txt", encoding="utf-8")
        return parser.get("general", "version")
    except (configparser.Error, OSError):
        return "unknown"
