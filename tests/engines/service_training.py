"""A training run of a service under test: three steps with a falling loss, and a folder that is a model."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from geogrounding.engine.train_process import main
from geogrounding.training import launch


def train(_method: str, settings: Any, output: Path, *, on_log: Any = None, **_more: Any) -> Any:
    output.mkdir()
    for step in (1, 2, 3):
        on_log({"step": float(step), "steps": 3.0, "loss": 1.0 / step})
    (output / "training.json").write_text("{}")
    (output / "labels.geojson").write_text(Path(settings.labels).read_text())
    return SimpleNamespace(folder=output, steps=3, seconds=1.0, samples=10, problems=0, notes=(), last={"loss": 0.33})


if __name__ == "__main__":
    launch.train = train  # type: ignore[assignment]  # takes what the service passes
    main()
