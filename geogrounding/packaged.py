"""The models that come with the package, and which one answers where none is named. Imports no torch."""

from __future__ import annotations

import os
from pathlib import Path

MODEL_VARIABLE = "GEOGROUND_MODEL"
"""Environment variable: the model where none is named, as for ``--model``."""

BUILTIN = "builtin"
"""All that the built-in model has learned; its weights are for research."""
_ROOT = Path(__file__).parent / "models" / "builtin"
PACKAGED: dict[str, Path] = {BUILTIN: _ROOT / "weights", "builtin-open": _ROOT / "weights_open"}
"""Folders by name. ``builtin-open`` learned from data alone that may be used at work (docs/model-card.md)."""


def default_model() -> str:
    """The name of the model that answers where none is named."""
    return os.environ.get(MODEL_VARIABLE, "").strip() or BUILTIN


def folder_name(folder: Path) -> str:
    """The name of a folder of weights: that of a packaged model, or the folder's own."""
    return next((name for name, place in PACKAGED.items() if place == folder), folder.resolve().name)
