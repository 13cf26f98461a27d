"""What a person needs who is asked for help, as text."""

from __future__ import annotations

import platform
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from qgis.core import Qgis
from qgis.PyQt.QtCore import PYQT_VERSION_STR, QT_VERSION_STR

from .engine_link import Link, models_of
from .messages import tr
from .settings import Settings
from .version import version


def describe_probe(found: dict[str, Any]) -> str:
    """What the engine said about itself (the method ``test`` of docs/engine.md), a line each."""
    lines = [f"{name}: {_short(found[name])}" for name in ("geogrounding", "python") if found.get(name)]
    if found.get("device"):
        lines.append(tr("device: {device} ({name})").format(device=found["device"], name=found.get("device_name", "")))
    packages, crs = found.get("packages"), found.get("crs")
    if isinstance(packages, dict):
        missing = tr("missing")
        lines.append(tr("packages: ") + ", ".join(f"{name} {version or missing}" for name, version in packages.items()))
    if isinstance(crs, dict):
        lines.append(tr("coordinate systems are found: {id} {name}").format(id=crs.get("id"), name=crs.get("name")))
    models = models_of(found)
    if models:
        lines.append(tr("models: ") + ", ".join(_short(name) for name in models))
    return "\n".join(lines)


def diagnostics(link: Link, chosen: Settings) -> str:
    """Versions, settings, and the last words of the engine; nothing secret."""
    options = asdict(chosen)
    options["server_url"] = _without_credentials(chosen.server_url)
    options["engine"] = chosen.engine.partition("?")[0]
    options["token"] = "set" if chosen.token else ""
    parts = [
        f"plugin: {version()}",
        f"QGIS: {Qgis.QGIS_VERSION}, Qt {QT_VERSION_STR}, PyQt {PYQT_VERSION_STR}",
        f"Python of QGIS: {platform.python_version()}",
        f"system: {platform.platform()}",
        "settings:",
        *(f"  {name}: {value}" for name, value in options.items()),
        "engine:",
        *(f"  {line}" for line in describe_probe(link.facts).splitlines() or [tr("not started")]),
        "last messages of the engine:",
        *(f"  {line}" for line in link.log()[-40:]),
    ]
    return "\n".join(parts) + "\n"


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 300 else text[:300] + "…"
