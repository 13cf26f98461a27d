"""A training run of a service under test: three steps with a falling loss, and a folder that is a model.

While the gate (``service_worker``) is shut it takes one step, writes a checkpoint, and waits.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from geogrounding.engine.train_process import main
from geogrounding.training import launch
from geogrounding.training.run_folder import CHECKPOINTS, last_checkpoint
from tests.engines.service_worker import GATE


def train(_method: str, settings: Any, output: Path, *, resume: bool = False, on_log: Any = None, **_more: Any) -> Any:
    record = {"status": "running", "config": json.loads(settings.model_dump_json())}
    begun = last_checkpoint(output) if resume else None
    output.mkdir(exist_ok=resume)
    (output / "training.json").write_text(json.dumps(record))
    for step in (1, 2, 3) if begun is None else (2, 3):
        while step == 2 and Path(os.environ[GATE]).exists():
            time.sleep(0.02)
        on_log({"step": float(step), "steps": 3.0, "loss": 1.0 / step})
        if step == 1:
            checkpoint = output / CHECKPOINTS / "checkpoint-1"
            checkpoint.mkdir(parents=True)
            (checkpoint / "trainer_state.json").write_text("{}")
    (output / "training.json").write_text(json.dumps({**record, "status": "done"}))
    (output / "labels.geojson").write_text(Path(settings.labels).read_text())
    return SimpleNamespace(folder=output, steps=3, seconds=1.0, samples=10, problems=0, notes=(), last={"loss": 0.33})


if __name__ == "__main__":
    launch.train = train  # type: ignore[assignment]  # takes what the service passes
    main()
