"""An engine of the plugin's own: a Python environment in the profile, made with the Python of the system and with pip.

Nothing is installed into the Python of QGIS: the environment has its own, and pip runs isolated in it. What was begun
can be gone on with, since pip passes over what is installed; and all of it can be removed.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from qgis.core import QgsSettings

from . import settings
from .engine import launch
from .engine_link import Cancelled, EngineError
from .messages import tr

LEAST = (3, 11)
NAMES = ("python3.13", "python3.12", "python3.11", "python3", "python")
MARK = "made-by-geogrounding-for-qgis"
"""A file inside the environment: only a folder that has it is ever deleted."""
COMPLETE = "environment"
"""What the file holds when the environment has its pip: making it may have been cut off after its Python."""
TORCH = "torch==2.13.0"
"""The version that the library is tested with; its build for processors is the one of the usual index."""
CHECK_S = 60.0
_CHECK = "import ensurepip, sys, venv; print(*sys.version_info[:2])"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Recipe:
    """From what an engine is made."""

    python: str
    source: str
    """A checkout of geogrounding, or a folder with its wheel (and, without a network, with those it needs)."""
    index_url: str = ""
    """Of the packages; empty: as pip is configured."""
    offline: bool = False
    """Only what is in the folder is used."""
    training: bool = True


def home() -> Path:
    """Where the environment is."""
    return settings.home() / "engine"


def python_of(folder: Path) -> Path:
    """The Python of an environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def exists() -> bool:
    """Whether something was made, be it complete or not."""
    return (home() / MARK).is_file()


def remove() -> None:
    """Delete the environment.

    Raises:
        EngineError: it cannot be deleted, for instance because it is running.
    """
    if exists():
        try:
            shutil.rmtree(home())
        except OSError as error:
            raise EngineError(tr("{path} cannot be deleted: {why}").format(path=home(), why=error)) from error


def pythons() -> list[str]:
    """Pythons on the search path that may do, the newest first."""
    found = (shutil.which(name) for name in NAMES)
    return list(dict.fromkeys(path for path in found if path))


def install(recipe: Recipe, say: Say, cancelled: Callable[[], bool]) -> str:
    """Make the environment, or go on with it, and return its Python; ``say`` gets what pip says, a line at a time.

    Raises:
        EngineError: the Python is too old or not complete, the folder holds no geogrounding, or pip failed.
        Cancelled: the user stopped it.
    """
    what = packages(recipe)
    check_python(recipe.python, cancelled)
    folder = home()
    python = python_of(folder)
    mark = folder / MARK
    if not python.exists() or not exists() or mark.read_text(encoding="utf-8") != COMPLETE:
        if folder.exists() and any(folder.iterdir()) and not exists():
            raise EngineError(tr("{path} is there, and is not from here.").format(path=folder))
        folder.mkdir(parents=True, exist_ok=True)
        mark.touch()
        say(tr("Making an environment…"))
        _run([recipe.python, "-I", "-m", "venv", str(folder)], say, cancelled)
        mark.write_text(COMPLETE, encoding="utf-8")
    pip = [str(python), "-I", "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *_where(recipe)]
    for wanted in what:
        _run([*pip, *wanted], say, cancelled)
    return str(python)


def packages(recipe: Recipe) -> list[list[str]]:
    """What pip is asked for, one call after the other.

    Raises:
        EngineError: the folder holds no geogrounding.
    """
    extra = "[training]" if recipe.training else ""
    folder = Path(recipe.source or os.devnull).expanduser().absolute()
    if (folder / "pyproject.toml").is_file():
        limits = folder / "requirements" / "constraints.txt"
        within = ["-c", str(limits)] if limits.is_file() else []
        return [[*within, TORCH], [*within, f"{folder}{extra}"]]
    if folder.is_dir() and any(folder.glob("geogrounding-*.whl")):
        return [["--find-links", str(folder), f"geogrounding{extra}"]]
    raise EngineError(
        tr("There is no geogrounding in {path}.").format(path=recipe.source or "–"),
        tr("Choose the folder of its checkout, or a folder with its wheel."),
    )


def check_python(python: str, cancelled: Callable[[], bool]) -> None:
    """See that a Python can make environments.

    Raises:
        EngineError: it is too old, not complete, or no Python.
    """
    lines: list[str] = []
    try:
        _run([python, "-I", "-c", _CHECK], lines.append, cancelled)
    except Cancelled:
        raise
    except EngineError as error:
        raise EngineError(
            tr("{path} cannot make environments.").format(path=python),
            tr("On Debian and Ubuntu: sudo apt install python3-venv. Else install Python from python.org."),
        ) from error
    numbers = re.fullmatch(r"(\d+) (\d+)", lines[-1].strip()) if lines else None
    if numbers is None or tuple(map(int, numbers.groups())) < LEAST:
        raise EngineError(
            tr("{path} is too old: Python 3.11 or later is needed.").format(path=python),
            tr("Choose another Python."),
        )


def _where(recipe: Recipe) -> list[str]:
    if recipe.offline:
        return ["--no-index", "--find-links", str(Path(recipe.source).expanduser())]
    return ["--index-url", recipe.index_url] if recipe.index_url else []


def proxy() -> dict[str, str]:
    """The proxy of QGIS's settings as variables for pip; none where QGIS has none."""
    store = QgsSettings()
    host = str(store.value("proxy/proxyHost", "") or "")
    if not store.value("proxy/proxyEnabled", False, type=bool) or not host:
        return {}
    port, user = store.value("proxy/proxyPort", "") or "", str(store.value("proxy/proxyUser", "") or "")
    secret = str(store.value("proxy/proxyPassword", "") or "")
    who = f"{quote(user, safe='')}{':' + quote(secret, safe='') if secret else ''}@" if user else ""
    address = f"http://{who}{host}{f':{port}' if port else ''}"
    return {"HTTP_PROXY": address, "HTTPS_PROXY": address}


def _run(command: Sequence[str], say: Say, cancelled: Callable[[], bool]) -> None:
    """Run a program to its end and pass its lines on.

    Raises:
        EngineError: it cannot be started, or fails; the hint is what it said last.
        Cancelled: the user stopped it.
    """
    process = launch.start(command, {**launch.clean_environment(), **proxy()}, together=True)
    if process.stdin is not None:
        process.stdin.close()
    last: list[str] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.1):
            if cancelled():
                launch.kill(process)
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        for line in process.stdout or ():
            text = line.decode("utf-8", "replace").rstrip()
            if text:
                last = [*last[-7:], text]
                say(text)
        code = process.wait()
    finally:
        ended.set()
        watcher.join()
        if process.stdout is not None:
            process.stdout.close()
    if cancelled():
        raise Cancelled
    if code != 0:
        raise EngineError(tr("{program} failed.").format(program=Path(command[0]).name), "\n".join(last))
