"""What each method takes. Everything a client says is checked here, before it reaches rasters or models."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from geogrounding.engine.protocol import PROTOCOL, Id, RequestError
from geogrounding.errors import GeogroundingError, SettingsError
from geogrounding.model_options import ModelOptions
from geogrounding.packaged import default_model
from geogrounding.settings import LEAST_FIT, MAX_TILE_PX, MIN_TILE_PX, RunSettings
from geogrounding.training.choices import Method
from geogrounding.types import Outline

if TYPE_CHECKING:
    from geogrounding.training.config import TrainSettings

Name = Annotated[str, Field(min_length=1, max_length=4096)]
Count = Annotated[int, Field(ge=1)]
_IMPOSSIBLE = re.compile("[\x00\ud800-\udfff]")
_SETTINGS = frozenset(field.name for field in fields(RunSettings))


class Parameters(BaseModel):
    """Parameters of a method: nothing unknown, nothing converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, protected_namespaces=())


class Nothing(Parameters):
    """A method without parameters."""


class Hello(Parameters):
    """``hello``."""

    protocol: int = PROTOCOL
    """The number that the client was written for."""


class Cancel(Parameters):
    """``cancel``."""

    request: Id


class Models(Parameters):
    """``models``."""

    folders: tuple[Path, ...] = ()
    """Folders of models and of training runs, besides those the engine was started with."""


class Lookup(Parameters):
    """``crs`` and ``test``."""

    crs: Annotated[str, Field(min_length=1, max_length=20_000)] = "EPSG:32633"


class Load(Parameters):
    """``load``; also the part of ``plan`` and ``run`` that says which model."""

    model: Name = Field(default_factory=default_model)
    model_options: ModelOptions = ModelOptions()


class _Info(Parameters):
    pass


class _Plan(Load):
    measure: bool | None = None


class _Run(Load):
    segmenter: Name = "builtin"
    masks: Path | None = None
    output: Path | None = None
    overwrite: bool = False
    resume: bool = False
    executor: Literal["local", "ray"] = "local"
    workers: Count | None = None
    gpus_per_worker: Annotated[float, Field(ge=0, lt=1024)] | None = None


class SceneParameters(Parameters):
    """Parameters of a method that looks at a scene: those of ``RunSettings``, and its own."""

    settings: RunSettings


class Info(SceneParameters):
    """``info``."""


class Plan(SceneParameters):
    """``plan``."""

    model: Load
    measure: bool | None
    """Whether the model may be tried on a few chips; None: yes, unless it is on a server."""


class Run(SceneParameters):
    """``run``."""

    model: Load
    output: Path | None
    """A layer to write; None: features are only sent."""
    segmenter: str
    """Draws masks where the outline needs them."""
    masks: Path | None
    """A file to keep the masks in, for ``redraw``."""
    overwrite: bool
    resume: bool
    executor: Literal["local", "ray"]
    """Who answers the chips: this process, or workers of a Ray cluster."""
    workers: int | None
    gpus_per_worker: float | None


class Train(Parameters):
    """``train``."""

    method: Method = "sft"
    output: Path
    resume: bool = False
    keep_cancelled: bool = True
    """Whether the folder of a cancelled run stays, to be resumed; what was there before always stays."""
    settings: dict[str, Any] = {}

    def make_settings(self) -> TrainSettings:
        """The checked settings.

        Raises:
            SettingsError: one is unknown, out of range, or contradicts another.
        """
        from geogrounding.training import config, launch

        kind: type[TrainSettings] = config.GRPOSettings if self.method == "grpo" else config.SFTSettings
        begun = launch.settings_of_run(self.output, kind) if self.resume else {}
        return config.make_settings(kind, {**begun, **self.settings})


class Cut(Parameters):
    """``cut_training_set``: a scene, labels, and the fields of ``CutOptions``."""

    scene: Path
    labels: Path
    output: Path
    expression: Name | None = None
    expression_field: Name | None = None
    labels_layer: Name | None = None
    unlike: Path | None = None
    task: Literal["detect", "refer"] = "detect"
    aoi: Path | None = None
    aoi_layer: Name | None = None
    tile_size_px: Annotated[int, Field(ge=MIN_TILE_PX, le=MAX_TILE_PX)] | None = None
    overlap_px: Annotated[int, Field(ge=0)] | None = None
    scales: Annotated[tuple[float, ...], Field(min_length=1, max_length=16)] | None = None
    resolution_m: Annotated[float, Field(gt=0)] | None = None
    least_visible: Annotated[float, Field(gt=0, le=1)] = 0.6
    negatives: Annotated[float, Field(ge=0, le=1)] = 0.25
    stretch: Name = "auto"
    seed: Annotated[int, Field(ge=0, lt=1 << 31)] = 0


P = TypeVar("P", bound=Parameters)


def parse(method: str, params: Mapping[str, Any]) -> Parameters:
    """The checked parameters of a method.

    Raises:
        RequestError: the method is unknown, or a parameter is missing, unknown or of the wrong kind.
        SettingsError: a value is out of range or two contradict each other.
    """
    _check_texts(params)
    if method == "info":
        own, settings = _split(params, {"expressions": ["anything"]})
        _validate(_Info, own)
        return Info(settings=settings)
    if method == "plan":
        own, settings = _split(params, {})
        plan = _validate(_Plan, own)
        return Plan(settings=settings, model=_load_of(plan), measure=plan.measure)
    if method == "run":
        own, settings = _split(params, {})
        run = _validate(_Run, own)
        return Run(
            settings=settings,
            model=_load_of(run),
            output=run.output,
            segmenter=run.segmenter,
            masks=run.masks,
            overwrite=run.overwrite,
            resume=run.resume,
            executor=run.executor,
            workers=run.workers,
            gpus_per_worker=run.gpus_per_worker,
        )
    if method not in SIMPLE:
        raise RequestError(
            "unknown-method",
            f"the method {method[:MAX_SHOWN]!r} is unknown",
            hint=f"Known: {', '.join(sorted(METHODS))}.",
        )
    return _validate(SIMPLE[method], params)


class PlanQuery(Parameters):
    """``plan_query``."""

    query: Annotated[str, Field(max_length=4096)] = ""
    plan: dict[str, Any] | None = None
    """A query plan in place of the query: it is checked, and returned with its words."""
    context: tuple[Name, ...] = ()
    """Names of context layers, which are nouns of the query."""


class Ask(Load):
    """``ask``."""

    source: Name
    """A raster or a vector layer."""
    query: Annotated[str, Field(max_length=4096)] = ""
    plan: dict[str, Any] | None = None
    """A query plan in place of the query."""
    context: dict[str, Path] = {}
    label_field: Name | None = None
    min_score: Annotated[float, Field(ge=0, le=1)] | None = None
    output: Path | None = None
    overwrite: bool = False
    resume: bool = False


class Redraw(Parameters):
    """``redraw``."""

    masks: Path
    """What ``run`` kept."""
    outline: Outline = "mask"
    simplify_m: Annotated[float, Field(ge=0)] | None = None
    least_fit: Annotated[float, Field(ge=0, le=1)] = LEAST_FIT
    """Right angles that overlap less with the mask are not taken."""
    ids: Annotated[tuple[int, ...], Field(max_length=100_000)] | None = None
    """Only these features; None: all."""


SIMPLE: dict[str, type[Parameters]] = {
    "hello": Hello,
    "ping": Nothing,
    "shutdown": Nothing,
    "cancel": Cancel,
    "models": Models,
    "crs": Lookup,
    "test": Lookup,
    "load": Load,
    "train": Train,
    "cut_training_set": Cut,
    "plan_query": PlanQuery,
    "ask": Ask,
    "redraw": Redraw,
}
METHODS = (*SIMPLE, "info", "plan", "run")
MAX_SHOWN = 60


def _load_of(params: Load) -> Load:
    return Load(model=params.model, model_options=params.model_options)


def _split(params: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[dict[str, Any], RunSettings]:
    """Parameters that are no settings of a run, and the settings."""
    own = {key: value for key, value in params.items() if key not in _SETTINGS}
    chosen = {**defaults, **{key: value for key, value in params.items() if key in _SETTINGS}}
    return own, _validated(_settings_adapter().validate_json, chosen)


@cache
def _settings_adapter() -> TypeAdapter[RunSettings]:
    return TypeAdapter(RunSettings)


def _validate(kind: type[P], params: Mapping[str, Any]) -> P:
    return _validated(kind.model_validate_json, params)


T = TypeVar("T")


def _validated(validate_json: Callable[..., T], params: Mapping[str, Any]) -> T:
    try:
        # As JSON: a list is then a tuple and a text a path, while the rest stays strict.
        return validate_json(json.dumps(params, allow_nan=False), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        cause = first.get("ctx", {}).get("error")
        if isinstance(cause, GeogroundingError):
            raise cause from None
        place = ".".join(str(part) for part in first["loc"])[:MAX_SHOWN]
        said = first["msg"][:1].lower() + first["msg"][1:]
        raise RequestError(
            "bad-params", f"{place}: {said}" if place else said, hint="docs/engine.md lists the parameters."
        ) from None
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"the parameters cannot be read: {error}") from error


def _check_texts(params: Mapping[str, Any]) -> None:
    """Refuse characters that no file name and no tokenizer takes; deep nesting is walked without recursion."""
    waiting: list[Any] = [params]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str) and _IMPOSSIBLE.search(value):
            raise RequestError("bad-params", "a text holds NUL or half a character (a surrogate)", hint="Take it out.")
        if isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            waiting += value
