"""From a name and options to a model that answers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from geogrounding.errors import ModelError, SettingsError
from geogrounding.model_options import ModelOptions
from geogrounding.models import backends, trained_run
from geogrounding.models import hub as weights
from geogrounding.models.base import Model
from geogrounding.models.null import NullModel
from geogrounding.packaged import PACKAGED, default_model
from geogrounding.types import BoxOrder, CoordinateConvention, Dtype, PromptStyle

_SERVER_ONLY = ("api_key", "concurrency", "timeout_s")
_LOCAL_ONLY = ("adapter", "processor", "device", "dtype", "batch_size")
_LANGUAGE_ONLY = ("adapter", "coordinates", "box_order", "style", "max_new_tokens", "max_pixels")
_TRANSFORMERS_ONLY = ("processor", *_LANGUAGE_ONLY)
BUILTIN_MODEL_TYPE = "geoground"
"""``model_type`` in config.json of folders that hold a retrained built-in model."""


def load_model(  # noqa: PLR0913 - keyword-only options of the public function
    name: str | None = None,
    *,
    base_url: str | None = None,
    adapter: str | None = None,
    processor: str | None = None,
    device: str | None = None,
    dtype: Dtype | None = None,
    batch_size: int | None = None,
    coordinates: CoordinateConvention | None = None,
    box_order: BoxOrder | None = None,
    style: PromptStyle | None = None,
    api_key: str | None = None,
    concurrency: int | None = None,
    timeout_s: float | None = None,
    max_new_tokens: int | None = None,
    max_pixels: int | None = None,
) -> Model:
    """Load a model, or connect to a server.

    Args:
        name: "builtin" or "builtin-open" (the built-in model, see ``packaged``), "null" (finds nothing), a
            folder (of a model, of a PEFT adapter that names its model, or of a training run), a hub id, or "BACKEND" or
            "BACKEND:NAME" for a backend of another package (``models.backends``); with ``base_url`` the server's name
            of the model, where "builtin" stands for the only one it serves. None: ``packaged.default_model``.
        base_url: of an OpenAI-compatible server, such as ``http://localhost:8000/v1``.
        adapter: PEFT folder or hub id.
        processor: folder or hub id of tokenizer, image processor and chat template, where the model brings none.
        device: "cpu", "cuda", "cuda:1", "mps"; default the fastest there is.
        dtype: "float32", "bfloat16", "float16"; default what suits the device.
        batch_size: images (times questions) answered together.
        coordinates: what the numbers in replies mean; default what the model's family writes (``models.families``).
        box_order: order of the four numbers of a box; default that of the model's family.
        style: how questions are worded; default by kind of model.
        api_key: for the server; default from the environment.
        concurrency: requests in flight to the server.
        timeout_s: for one request to the server, seconds.
        max_new_tokens: where a reply is cut off.
        max_pixels: largest image shown to the model, pixels.

    Returns:
        The model; close it when done.

    Raises:
        SettingsError: options that do not go together, or a value out of range.
        ModelError: the model cannot be found, is unsafe or damaged, or does not fit here.
    """
    given = ModelOptions(
        base_url=base_url,
        adapter=adapter,
        processor=processor,
        device=device,
        dtype=dtype,
        batch_size=batch_size,
        coordinates=coordinates,
        box_order=box_order,
        style=style,
        api_key=api_key,
        concurrency=concurrency,
        timeout_s=timeout_s,
        max_new_tokens=max_new_tokens,
        max_pixels=max_pixels,
    ).given()
    if name is None:
        name = default_model()
    if base_url is not None:
        del given["base_url"]
        _refuse(given, _LOCAL_ONLY, "base_url", "A server has its own; set it there.")
        return _server(name, base_url, given)
    if not name.strip():
        raise SettingsError("the model has no name", hint='Try "builtin".')
    plugin = backends.find(name)
    if plugin is not None:
        return plugin.load(ModelOptions(**given))
    _refuse(given, _SERVER_ONLY, f"model {name}", "It is for a server: give base_url as well.")
    if name == "null":
        _refuse(given, tuple(key for key in given if key != "batch_size"), "model null", "It looks at nothing.")
        return NullModel(**given)
    if name in PACKAGED or model_type_of(name) == BUILTIN_MODEL_TYPE:
        _refuse(given, _TRANSFORMERS_ONLY, f"model {name}", "The built-in model brings its own.")
        return _builtin(PACKAGED.get(name) or weights.local_path(name), given)
    _require("torch", "transformers")
    if _is_detector(name):
        _refuse(given, _LANGUAGE_ONLY, f"model {name}", "It is a detector and writes no text.")
        from geogrounding.models.detectors.model import DetectorModel

        return DetectorModel(name, **given)
    from geogrounding.models.hf.model import TransformersModel

    name, given = _trained(name, given)
    return TransformersModel(name, **given)


def _server(name: str, base_url: str, given: Mapping[str, Any]) -> Model:
    _require("httpx")
    from geogrounding.models.openai.model import OpenAIServer

    translated = {"max_tokens" if key == "max_new_tokens" else key: value for key, value in given.items()}
    return OpenAIServer(base_url, model=None if name in PACKAGED else name, **translated)


def _builtin(folder: Path, given: Mapping[str, Any]) -> Model:
    _require("torch", "transformers")
    from geogrounding.models import builtin

    return builtin.load(folder=folder, **given)


def model_type_of(name: str) -> str | None:
    """``model_type`` in config.json of a model folder; None for any other name."""
    config = weights.local_path(name) / "config.json"
    model_type = weights.read_json(config).get("model_type") if config.is_file() else None
    return model_type if isinstance(model_type, str) else None


def _is_detector(name: str) -> bool:
    """Whether a folder or hub id is an open-vocabulary detector, by its config.json or else by its name."""
    from geogrounding.models.detectors.kinds import kind_by_name, kind_of

    model_type = model_type_of(name)
    return kind_by_name(name) if model_type is None else kind_of(model_type) is not None


def _trained(name: str, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """A run folder or an adapter folder as the model behind it and the options it was trained for; others unchanged."""
    folder = weights.local_path(name)
    if not folder.is_dir():
        return name, given
    recorded = trained_run.inference_of(folder)
    options = {} if recorded is None else recorded.options()
    if (folder / "config.json").is_file() or not (folder / "adapter_config.json").is_file():
        return name, {**options, **given}
    if "adapter" in given:
        raise SettingsError(f"{name} is an adapter itself", hint="Give the model as the name, one adapter beside it.")
    base = recorded.base if recorded is not None else trained_run.base_of_adapter(folder)
    if base is None:
        raise ModelError(
            f"the adapter in {folder} does not say which model it belongs to",
            hint="Give that model as the name, and the folder as the adapter.",
        )
    return base, {**options, **given, "adapter": name}


def _refuse(given: Mapping[str, Any], names: tuple[str, ...], partner: str, hint: str) -> None:
    for name in names:
        if name in given:
            raise SettingsError(f"{name} does not go with {partner}", hint=f"{hint} Leave {name} out.")


def _require(*packages: str) -> None:
    from importlib.util import find_spec

    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise ModelError(
            f"this model needs {' and '.join(missing)}, not installed here", hint=f"pip install {' '.join(missing)}"
        )
