"""A training run that learns nothing: the engine's training process with another ``train`` in it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from geogrounding.engine.train_process import main
from geogrounding.errors import ModelError
from geogrounding.training import launch


def train(
    method: str, settings: Any, output: Path, *, resume: bool = False, on_log: Any = None, on_note: Any = None
) -> Any:
    """Three steps; the expression says what happens in the second."""
    output.mkdir(exist_ok=resume)
    print("a library prints", flush=True)
    for step in (1, 2, 3):
        on_log({"step": float(step), "steps": 3.0, "reward": step / 4, "loss": float("nan")})
        if step == 2 and settings.expression == "no memory":
            raise ModelError("memory ran out", hint="Choose a smaller batch.")
        if step == 2 and settings.expression == "endless":
            child = subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait()"])
            (output / "child.json").write_text(json.dumps(child.pid))
            on_log({"step": 2.0, "steps": 3.0})
            child.wait()
    return SimpleNamespace(folder=output, steps=3, seconds=1.0, samples=10, problems=0, notes=(), last={"reward": 0.75})


if __name__ == "__main__":
    launch.train = train
    main()
