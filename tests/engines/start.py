"""Clients of the engines of this folder, for tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from qgis_plugin.geoground_qgis.engine import EngineClient

ROOT = Path(__file__).resolve().parents[2]
# -I of a real engine would hide the tests themselves, and the client starts it in a folder of its own
COMMAND = [
    sys.executable,
    "-c",
    "import os, runpy, sys; os.chdir(sys.argv.pop(1)); sys.path.insert(0, ''); "
    "os.environ['PYTHONPATH'] = os.getcwd(); runpy.run_module('tests.engines.engine', run_name='__main__')",
    str(ROOT),
]


@contextmanager
def engine(*arguments: str) -> Iterator[EngineClient]:
    """A client that is closed afterwards."""
    client = EngineClient([*COMMAND, *arguments])
    try:
        yield client
    finally:
        client.close()


def family(pid: int) -> list[psutil.Process]:
    """A process and all that it started."""
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def alive(processes: list[psutil.Process], *, within_s: float) -> list[int]:
    """Those that have not ended after so long; a zombie has ended."""
    _, left = psutil.wait_procs(processes, timeout=within_s)
    return [p.pid for p in left if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def run_params(scene: Path, model: str = "blobs", **more: Any) -> dict[str, Any]:
    return {"source": os.fspath(scene), "expressions": ["ship"], "model": model, **more}
