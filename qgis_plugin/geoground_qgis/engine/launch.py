"""How the engine is started and ended as a process: its command, its environment, its process group.

QGIS sets variables that make another Python find the wrong libraries, PROJ its wrong database and GDAL its wrong
drivers. The engine gets none of them, and Python is started isolated (``-I``) from what is left.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess  # nosec B404 - the engine is a process of its own
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .errors import EngineError

MODULE = "geogrounding_cli.main"
_PYTHONS = ("bin/python3", "bin/python", "Scripts/python.exe", "python.exe")
_FOREIGN = (
    "PYTHON",
    "PROJ_",
    "GDAL_",
    "OGR_",
    "OSGEO4W_",
    "QGIS_",
    "QT_",
    "QML",
    "DYLD_",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "GEOTIFF_CSV",
    "VIRTUAL_ENV",
    "CONDA_",
)
"""Beginnings of variables that another program's libraries are found by."""
_HINT = "Give the Python of the environment that geogrounding is installed in, or its program geoground."


def command_for(engine: str, arguments: Sequence[str] = ()) -> list[str]:
    """The command that starts the engine.

    Args:
        engine: what the user named: a Python, the program ``geoground``, or the folder of an environment.
        arguments: options of ``geoground engine``.

    Raises:
        EngineError: nothing there that could be started.
    """
    named = engine.strip().strip('"')
    if not named:
        raise EngineError("no engine is set up", _HINT, "no-engine")
    # Not resolved: the Python of an environment is a link, and knows by its own place which environment it is.
    path = Path(named).expanduser().absolute()
    if Path(named).name == named and not path.exists():
        path = Path(shutil.which(named) or path).absolute()
    if path.is_dir():
        path = next((path / inside for inside in _PYTHONS if (path / inside).is_file()), path)
    if not path.is_file():
        raise EngineError(f"there is no engine at {path}", _HINT, "no-engine")
    if not os.access(path, os.X_OK):
        raise EngineError(f"{path} is no program", _HINT, "no-engine")
    name = path.stem.lower()
    if name.startswith("python"):
        return [str(path), "-I", "-u", "-X", "utf8", "-m", MODULE, "engine", *arguments]
    if name.startswith("geoground"):
        return [str(path), "engine", *arguments]
    raise EngineError(f"{path.name} is neither a Python nor geoground", _HINT, "no-engine")


def clean_environment() -> dict[str, str]:
    """This process's environment without what would lead the engine to another program's libraries."""
    root = os.environ.get("OSGEO4W_ROOT", "")
    kept = {
        name: value for name, value in os.environ.items() if not name.upper().startswith(_FOREIGN) and "\0" not in value
    }
    if root:
        inside = os.path.normcase(Path(root).absolute())
        entries = kept.get("PATH", "").split(os.pathsep)
        kept["PATH"] = os.pathsep.join(
            entry for entry in entries if entry and not os.path.normcase(Path(entry).absolute()).startswith(inside)
        )
    kept["PYTHONUTF8"] = "1"
    return kept


def start(
    command: Sequence[str], environment: dict[str, str] | None = None, *, together: bool = False
) -> subprocess.Popen[bytes]:
    """Start the engine, or another program, in a process group of its own and without a window.

    Args:
        command: what ``command_for`` gives.
        environment: default ``clean_environment()``.
        together: its errors come in its output.

    Raises:
        EngineError: it cannot be started.
    """
    options: dict[str, Any] = {}
    if sys.platform == "win32":
        options["creationflags"] = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    else:
        options["start_new_session"] = True
    try:
        return subprocess.Popen(  # nosec B603 - an absolute path that the user chose, and no shell  # noqa: S603
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if together else subprocess.PIPE,
            cwd=tempfile.gettempdir(),
            env=clean_environment() if environment is None else environment,
            bufsize=0,
            **options,
        )
    except (OSError, ValueError) as error:
        raise EngineError(f"the engine cannot be started: {error}", _HINT, "no-engine") from error


def kill(process: subprocess.Popen[bytes]) -> None:
    """End the engine at once, with its process group.

    What it had started in other groups ends by itself, because its input closes; so it is on Windows for all of it.
    """
    try:
        if sys.platform == "win32":
            process.kill()
        elif process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
    except OSError:
        return  # it has ended already
