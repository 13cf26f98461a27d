"""Which models can run here, found without importing torch or transformers: only folders and small files are looked
at.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from geogrounding.models import backends
from geogrounding.models.detectors.kinds import kind_of
from geogrounding.packaged import PACKAGED

MODELS_VARIABLE = "GEOGROUND_MODELS_DIR"
"""Environment variable: folders of models, separated as in PATH; each is a model folder or holds model folders."""

Kind = Literal["builtin", "folder", "hub", "backend", "server", "null"]

_MAX_CONFIG_BYTES = 1_000_000
_MAX_CARD_BYTES = 16_384
_MAX_FOLDERS = 500
_LICENCE = re.compile(r"^license(?:_name)?:[ \t]*[\"']?([\w.+ -]{1,60}?)[\"']?[ \t]*$", re.MULTILINE)
_VISION_KEYS = ("vision_config", "vision_tower", "visual", "vision")
_PACKAGED_NOTES = {
    "builtin": "the built-in model, works offline; for research",
    "builtin-open": "the built-in model of data that may be used at work; knows fewer classes",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """One line of ``geoground models``."""

    name: str
    """What to give as ``--model``."""
    kind: Kind
    licence: str
    """As the model's card states it; empty when it states none."""
    size_mb: float
    """Of its safetensors files on disk, megabytes (10^6 bytes)."""
    present: bool
    """Whether it could be loaded without fetching or installing anything."""
    note: str
    """What is missing, or what kind of model it is."""


def available(folders: Iterable[str | Path] = ()) -> list[ModelInfo]:
    """Models that can run on this machine: the built-in one, local folders, the Hugging Face cache, a server, none.

    Args:
        folders: model folders, or folders that hold model folders, besides those of ``GEOGROUND_MODELS_DIR``.

    Returns:
        The built-in models first, then folders and cached models by name; folders without a vision-language model in
        them are left out. Nothing is loaded, so that a damaged weight file is not noticed here.
    """
    missing = [package for package in ("torch", "transformers") if find_spec(package) is None]
    needs = f"needs {' and '.join(missing)}: pip install {' '.join(missing)}" if missing else ""
    found = [_packaged(name, folder, needs) for name, folder in PACKAGED.items()]
    named = [Path(entry) for entry in os.environ.get(MODELS_VARIABLE, "").split(os.pathsep) if entry]
    local = {folder.resolve(): folder for folder in _model_folders([*map(Path, folders), *named])}
    found += [info for folder in sorted(local.values()) if (info := _describe(folder, str(folder), "folder", needs))]
    found += [info for name, folder in _cached() if (info := _describe(folder, name, "hub", needs))]
    found += [
        ModelInfo(
            name=f"{name}:NAME",
            kind="backend",
            licence="",
            size_mb=0.0,
            present=True,
            note="brought by another package",
        )
        for name in backends.names()
    ]
    client = "" if find_spec("httpx") else "needs httpx: pip install httpx"
    found.append(
        ModelInfo(
            name="--base-url URL",
            kind="server",
            licence="",
            size_mb=0.0,
            present=not client,
            note=client or "any OpenAI-compatible server, such as vLLM, llama.cpp, Ollama or transformers serve",
        )
    )
    found.append(
        ModelInfo(name="null", kind="null", licence="", size_mb=0.0, present=True, note="finds nothing; for measuring")
    )
    return found


def _packaged(name: str, folder: Path, needs: str) -> ModelInfo:
    files = list(folder.glob("*.safetensors"))
    return ModelInfo(
        name=name,
        kind="builtin",
        licence=_licence(folder / "README.md"),
        size_mb=_megabytes(files),
        present=bool(files) and not needs,
        note=needs or (_PACKAGED_NOTES[name] if files else "its weights are missing here"),
    )


def _describe(folder: Path, name: str, kind: Kind, needs: str) -> ModelInfo | None:
    config = _config(folder)
    if config is None:
        return None
    if not any(key in config for key in _VISION_KEYS) and kind_of(str(config.get("model_type"))) is None:
        return None
    files = list(folder.glob("*.safetensors"))
    problem = "" if files else "no safetensors weights"
    if "auto_map" in config:
        problem = "brings its own code, which is never run"
    return ModelInfo(
        name=name,
        kind=kind,
        licence=_licence(folder / "README.md"),
        size_mb=_megabytes(files),
        present=not problem and not needs,
        note=problem or needs or str(config.get("model_type", "")),
    )


def _model_folders(roots: Iterable[Path]) -> Iterator[Path]:
    for root in roots:
        root = root.expanduser()
        if (root / "config.json").is_file():
            yield root
        else:
            yield from [folder for folder in _listed(root) if (folder / "config.json").is_file()]


def _cached() -> Iterator[tuple[str, Path]]:
    """Name and newest snapshot of each model in the Hugging Face cache (its layout is documented by
    huggingface_hub).
    """
    home = Path(
        os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huggingface"
    )
    for repository in _listed(Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()):
        if not repository.name.startswith("models--"):
            continue
        snapshots = _listed(repository / "snapshots")
        if snapshots:
            newest = max(snapshots, key=lambda snapshot: (snapshot.stat().st_mtime, snapshot.name))
            yield repository.name.removeprefix("models--").replace("--", "/", 1), newest


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir())[:_MAX_FOLDERS]
    except OSError:
        return []


def _config(folder: Path) -> dict[str, Any] | None:
    try:
        path = folder / "config.json"
        if path.stat().st_size > _MAX_CONFIG_BYTES:
            return None
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return config if isinstance(config, dict) else None


def _licence(card: Path) -> str:
    """The licence in the front matter of a model card; of "other" the name it is given."""
    try:
        with card.open(encoding="utf-8", errors="replace") as file:
            text = file.read(_MAX_CARD_BYTES)
    except OSError:
        return ""
    parts = text.split("---", 2)
    found: list[str] = _LICENCE.findall(parts[1]) if len(parts) == 3 and not parts[0].strip() else []
    return found[-1] if found and found[0] == "other" else next(iter(found), "")


def _megabytes(files: Iterable[Path]) -> float:
    total = 0
    for path in files:
        try:
            total += path.stat().st_size
        except OSError:  # a link of the cache whose target is gone
            continue
    return round(total / 1e6, 1)
