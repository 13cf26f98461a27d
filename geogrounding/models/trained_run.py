"""The result of a training run as a model: read from the ``training.json`` that the run wrote beside the weights.

The file comes from outside when a folder is used as a model: it is checked here. Nothing here imports torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from geogrounding.errors import ModelError, SettingsError
from geogrounding.models import hub as weights
from geogrounding.models.prompts import check_style
from geogrounding.types import CoordinateConvention

RECORD = "training.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """Default ``load_model`` options that were stored with a training run."""

    base: str | None
    """Model that the adapter in the folder belongs to; None where the folder holds a whole model."""
    processor: str | None
    style: str
    coordinates: str
    max_pixels: int | None

    def options(self) -> dict[str, Any]:
        """Arguments of ``load_model`` that are not None."""
        named = {
            "processor": self.processor,
            "style": self.style,
            "coordinates": self.coordinates,
            "max_pixels": self.max_pixels,
        }
        return {key: value for key, value in named.items() if value is not None}


def inference_of(folder: Path) -> Inference | None:
    """How the result in a folder is asked; None for a folder that no training run wrote.

    Raises:
        ModelError: the run is not done, or its record is damaged.
    """
    if not (folder / RECORD).is_file():
        return None
    record = weights.read_json(folder / RECORD)
    if record.get("status") != "done":
        raise ModelError(
            f"the training run in {folder} is not done",
            hint="Finish it with --resume, or give one of its checkpoints.",
        )
    recorded = record.get("inference")
    if not isinstance(recorded, dict):
        raise ModelError(f"{folder / RECORD} does not say how to ask the model", hint="Train it again.")
    for name in ("base", "processor", "style", "coordinates"):
        if not isinstance(recorded.get(name), str | None):
            raise _damaged(folder, name)
    pixels = recorded.get("max_pixels")
    if pixels is not None and (not isinstance(pixels, int) or isinstance(pixels, bool) or pixels < 1):
        raise _damaged(folder, "max_pixels")
    try:
        style = check_style(str(recorded.get("style")))
    except SettingsError as error:
        raise _damaged(folder, "style") from error
    if recorded.get("coordinates") not in get_args(CoordinateConvention):
        raise _damaged(folder, "coordinates")
    return Inference(
        base=recorded.get("base"),
        processor=recorded.get("processor"),
        style=style,
        coordinates=str(recorded["coordinates"]),
        max_pixels=pixels,
    )


def _damaged(folder: Path, name: str) -> ModelError:
    return ModelError(f"{folder / RECORD} is damaged: {name} means nothing", hint="Train it again.")


def base_of_adapter(folder: Path) -> str | None:
    """The model that a PEFT adapter names as its base, a folder or hub id.

    Raises:
        ModelError: adapter_config.json is damaged.
    """
    base = weights.read_json(folder / "adapter_config.json").get("base_model_name_or_path")
    return base if isinstance(base, str) and base.strip() else None
