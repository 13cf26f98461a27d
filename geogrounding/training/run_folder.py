"""The folder of a training run, which is a ``--model`` when the run is done.

    training.json       settings, versions, hashes of the data, and how the result is asked (written first, completed last)
    config.json ...     a full model, or adapter_config.json ... a PEFT adapter: the result
    metrics.csv, curves.png, completions.jsonl, completions.txt, problems.txt
    checkpoints/        to resume from

How such a folder is read again as a model is in ``models/trained_run.py``. Nothing here imports torch.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from geogrounding.errors import OutputError
from geogrounding.models import hub
from geogrounding.models.trained_run import RECORD as RECORD

CHECKPOINTS = "checkpoints"
_PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "numpy")


def is_main() -> bool:
    """Whether this process writes files: the first of those that train together."""
    return int(os.environ.get("RANK", "0") or 0) == 0


def begin(folder: Path, record: Mapping[str, Any]) -> None:
    """Create the folder of a run and write its record.

    Raises:
        OutputError: it exists and is not empty, or cannot be made.
    """
    if not is_main():
        return
    check_new(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_record(folder, {**record, "status": "running"})
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror}") from error


def check_new(folder: Path) -> None:
    """Refuse a folder that holds something, before any work.

    Raises:
        OutputError: it does.
    """
    if folder.is_file():
        raise OutputError(f"{folder} is a file", hint="Give a folder that does not exist yet.")
    if folder.is_dir() and any(folder.iterdir()):
        done = (folder / RECORD).is_file() and read_record(folder).get("status") == "done"
        raise OutputError(
            f"{folder} exists and is not empty",
            hint="Give another folder." if done else "Give another folder, or --resume to go on with the run in it.",
        )


def write_record(folder: Path, record: Mapping[str, Any]) -> None:
    """Write ``training.json`` in one step."""
    temporary = folder / (RECORD + ".new")
    temporary.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    temporary.replace(folder / RECORD)


def read_record(folder: Path) -> dict[str, Any]:
    """Read ``training.json``.

    Raises:
        ModelError: it is missing or damaged.
    """
    return hub.read_json(folder / RECORD)


def complete(folder: Path, record: Mapping[str, Any]) -> None:
    """Mark a run as done."""
    if is_main():
        write_record(folder, {**record, "status": "done"})


def last_checkpoint(folder: Path) -> Path | None:
    """The newest complete checkpoint of a run."""
    found = [
        path
        for path in (folder / CHECKPOINTS).glob("checkpoint-*")
        if path.name.removeprefix("checkpoint-").isdecimal() and (path / "trainer_state.json").is_file()
    ]
    return max(found, key=lambda path: int(path.name.removeprefix("checkpoint-")), default=None)


def versions() -> dict[str, str]:
    """Versions of what results depend on."""
    from importlib.metadata import PackageNotFoundError, version

    from geogrounding._version import __version__

    found = {"geogrounding": __version__}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found
