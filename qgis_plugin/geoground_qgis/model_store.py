"""The trained models in their folder: listed, renamed, exported, deleted."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from . import settings
from .messages import tr
from .rasters import LayerError

CHECKPOINTS = "checkpoints"
"""What a training could go on from: state of the optimiser, several times as large as the model."""


MOST_NAMES, MOST_NAME_CHARS = 50, 200
"""Of what a model was taught."""


def models() -> list[Path]:
    """The folders of trained models, by name."""
    folder = settings.models_folder(settings.load())
    return sorted(path for path in folder.iterdir() if (path / "config.json").is_file())


def check_name(name: str) -> str:
    """The name of a model as the name of a folder.

    Raises:
        LayerError: it is not usable, or taken.
    """
    wanted = name.strip()
    if not re.fullmatch(r"[\w][\w .-]{0,39}", wanted) or wanted.endswith("."):
        raise LayerError(tr("Give the new model a short name of letters, digits, “-” and “_”."))
    if (settings.models_folder(settings.load()) / wanted).exists():
        raise LayerError(tr("A model named “{name}” is there already; choose another name.").format(name=wanted))
    return wanted


def taught_by(model: str) -> tuple[str, ...]:
    """What a trained model was taught, as its folder says; nothing for others, and where the folder is damaged."""
    if not Path(model).is_absolute():
        return ()
    try:
        found = json.loads((Path(model) / "config.json").read_text(encoding="utf-8"))["taught"]
    except (OSError, ValueError, KeyError, TypeError):
        return ()
    names = found if isinstance(found, list) else []
    return tuple(name for name in names if isinstance(name, str) and 0 < len(name) <= MOST_NAME_CHARS)[:MOST_NAMES]


def tidy(folder: Path) -> None:
    """Delete what only a training needs; the model is complete."""
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)


def rename(folder: Path, name: str) -> Path:
    """Give a model another name.

    Raises:
        LayerError: the name is not usable, or the folder cannot be renamed.
    """
    target = folder.with_name(check_name(name))
    try:
        return folder.rename(target)
    except OSError as error:
        raise LayerError(tr("{path} cannot be renamed: {why}").format(path=folder, why=error)) from error


def delete(folder: Path) -> None:
    """Delete a model.

    Raises:
        LayerError: it cannot be deleted.
    """
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise LayerError(tr("{path} cannot be deleted: {why}").format(path=folder, why=error)) from error


def export(folder: Path, target: Path) -> Path:
    """Pack a model into a zip, for another computer's folder of trained models; it replaces the file as a whole.

    Raises:
        LayerError: it cannot be written.
    """
    part = target.with_name(f".{target.stem}.part")
    try:
        made = Path(shutil.make_archive(str(part), "zip", folder.parent, folder.name))
        return made.replace(target)
    except OSError as error:
        Path(f"{part}.zip").unlink(missing_ok=True)
        raise LayerError(tr("{file} could not be written.").format(file=target)) from error
