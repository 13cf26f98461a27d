"""What the user chose once: kept in the profile of QGIS under ``geogrounding/``."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from qgis.core import QgsApplication, QgsSettings

from .choices import OUTLINES, TASKS
from .messages import NAME

HISTORY_LENGTH = 30
MAX_IDLE_MINUTES = 24 * 60


@dataclass(frozen=True)
class Settings:
    """Every choice, with what holds where none was made."""

    engine: str = ""
    """Python of the environment that geogrounding is installed in, or its ``geoground``, or the address of a service;
    empty: not set up yet."""
    token: str = ""
    """Of the service, where the engine is one; empty: the variable GEOGROUND_TOKEN."""
    model: str = "builtin"
    device: str = "auto"
    server_url: str = ""
    """An OpenAI-compatible server; empty: models run in the engine."""
    task: str = "detect"
    resolution_m: float = 0.0
    """Metres per pixel that the model sees; 0: what suits the model."""
    min_score: float = -1.0
    """-1: what suits the model."""
    outline: str = "box"
    """What is drawn: one of ``choices.OUTLINES``."""
    idle_minutes: int = 15
    """The engine ends after so long without a request, and gives its memory back."""
    models_folder: str = ""
    """Where trained models are put and looked for; empty: ``models`` beside the cache."""
    keep_results: bool = True
    """Whether a run writes into a GeoPackage; else they are temporary layers until they are saved."""
    results_folder: str = ""
    """Where that GeoPackage is; empty: beside the project."""

    @property
    def ready(self) -> bool:
        """Whether an engine was named."""
        return bool(self.engine.strip())


def load() -> Settings:
    """Read the settings; a value of the wrong kind counts as absent, because profiles are edited by hand."""
    store, defaults = QgsSettings(), Settings()
    found: dict[str, Any] = {}
    for field in fields(Settings):
        default = getattr(defaults, field.name)
        value = store.value(f"{NAME}/{field.name}", default)
        found[field.name] = _as(type(default), value, default)
    settings = Settings(**found)
    return replace(
        settings,
        engine=settings.engine or os.environ.get("GEOGROUND_ENGINE", ""),
        token=settings.token or os.environ.get("GEOGROUND_TOKEN", ""),
        task=settings.task if settings.task in TASKS else defaults.task,
        outline=settings.outline if settings.outline in OUTLINES else defaults.outline,
        idle_minutes=min(max(settings.idle_minutes, 1), MAX_IDLE_MINUTES),
        resolution_m=max(settings.resolution_m, 0.0),
        min_score=settings.min_score if 0 <= settings.min_score <= 1 else defaults.min_score,
    )


def save(settings: Settings) -> None:
    """Write all settings."""
    store = QgsSettings()
    for field in fields(Settings):
        store.setValue(f"{NAME}/{field.name}", getattr(settings, field.name))


def history() -> list[str]:
    """Questions asked before, newest first."""
    value = QgsSettings().value(f"{NAME}/history", [])
    if isinstance(value, str):  # a list of one comes back as its only item
        value = [value]
    return [item for item in value or [] if isinstance(item, str) and item.strip()][:HISTORY_LENGTH]


def remember(questions: list[str]) -> None:
    """Put questions at the top of the history, each once."""
    merged = list(dict.fromkeys([*questions, *history()]))
    QgsSettings().setValue(f"{NAME}/history", merged[:HISTORY_LENGTH])


def forget_history() -> None:
    """Empty the history."""
    QgsSettings().remove(f"{NAME}/history")


def home() -> Path:
    """The folder of the plugin inside the profile; made when missing."""
    folder = Path(QgsApplication.qgisSettingsDirPath()) / NAME
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def models_folder(settings: Settings) -> Path:
    """Where trained models go; made when missing."""
    folder = Path(settings.models_folder) if settings.models_folder else home() / "models"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def masks_folder() -> Path:
    """Where the masks of results are kept, from which outlines are drawn again; made when missing."""
    folder = home() / "masks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def cache_folder() -> Path:
    """Where rasters are exported to; made when missing."""
    folder = home() / "cache"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _as(kind: type, value: Any, default: Any) -> Any:
    try:
        if kind is bool:  # a profile holds "true" and "false"
            return value if isinstance(value, bool) else str(value).strip().lower() in ("true", "1")
        if kind is float:
            number = float(value)
            return number if math.isfinite(number) else default
        return kind(value)
    except (TypeError, ValueError, OverflowError):
        return default
