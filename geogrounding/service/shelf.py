"""What the inputs of jobs refer to: scenes, models, and the files of other jobs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from geogrounding.errors import SettingsError
from geogrounding.packaged import PACKAGED, default_model
from geogrounding.service.layers import Layer
from geogrounding.service.scenes import Scenes
from geogrounding.service.store import Store


@dataclass(frozen=True, slots=True)
class Shelf:
    """The ``inputs.Place`` of a service."""

    store: Store
    scenes: Scenes
    root: Path
    """Folder of the service's state."""
    given: tuple[Path, ...]
    """Folders of models given to the service."""
    machines: dict[str, Any] = field(default_factory=dict)
    """Where searches run: a part of the engine's request."""

    def __post_init__(self) -> None:
        for name in ("jobs", "models"):
            (self.root / name).mkdir(parents=True, exist_ok=True)

    @property
    def models(self) -> Path:
        """Folder of models that were trained here."""
        return self.root / "models"

    @property
    def model_folders(self) -> tuple[Path, ...]:
        """Folders that the engine lists models of."""
        return (self.models, *self.given)

    def folder(self, job_id: str) -> Path:
        """Files of a job."""
        return self.root / "jobs" / job_id

    def layer(self, job_id: str) -> Layer:
        """Features of a job."""
        return Layer(self.folder(job_id) / "features.sqlite")

    def scene_path(self, scene_id: str) -> Path:
        """The raster of an id.

        Raises:
            LookupError: there is none.
        """
        return self.scenes.entry(scene_id).path

    def model_names(self) -> list[str]:
        """Models that users may choose: the built-in ones, those trained here, those given to the service; that of
        ``GEOGROUND_MODEL`` first.
        """
        trained = sorted(path.name for path in self.models.iterdir() if _is_done(path))
        names = [*PACKAGED, *trained, *(folder.name for folder in self.given)]
        return sorted(names, key=lambda name: name != default_model())

    def model(self, name: str) -> str:
        """What the engine loads for a name.

        Raises:
            LookupError: users may not choose it.
        """
        if name not in self.model_names():
            raise LookupError(name)
        if name in PACKAGED:
            return name
        found = next((folder for folder in self.given if folder.name == name), self.models / name)
        return str(found)

    def model_folder(self, name: str) -> Path:
        """Where a model of this name is written.

        Raises:
            SettingsError: there is one.
        """
        if (self.models / name).exists() or name in self.model_names():
            raise SettingsError(f"a model named {name} is there already", hint="Give the new one another name.")
        return self.models / name

    def layer_of(self, job_id: str) -> tuple[str, Layer]:
        """The id of the scene and the features of a finished job.

        Raises:
            LookupError: there is no such job, or it has no features.
        """
        job = self.store.job(job_id)
        if job is None or "scene" not in job.inputs or not self.layer(job_id).exists:
            raise LookupError(job_id)
        return str(job.inputs["scene"]), self.layer(job_id)


def _is_done(folder: Path) -> bool:
    """Whether a training has ended well."""
    try:
        record = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(record, dict) and record.get("status") == "done"
