"""What each process takes, checked, and the request to the engine that is made of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Protocol, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from geogrounding.engine import parameters
from geogrounding.engine.protocol import RequestError
from geogrounding.errors import SettingsError
from geogrounding.messages import quote
from geogrounding.packaged import default_model
from geogrounding.service.layers import Layer, Wanted, read_polygon, read_shape
from geogrounding.settings import FROM_MASKS, MAX_EXPRESSION_CHARS, MAX_EXPRESSIONS, drawn_outline
from geogrounding.training.choices import Method
from geogrounding.types import Outline, Task

Text = Annotated[str, Field(min_length=1, max_length=MAX_EXPRESSION_CHARS)]
SceneId = Annotated[str, Field(min_length=1, max_length=100, description="Id of a raster, see /scenes.")]
Score = Annotated[float, Field(ge=0, le=1)]
Polygons = Annotated[list[dict[str, Any]], Field(min_length=1, max_length=200)]
Labels = Annotated[list[dict[str, Any]], Field(max_length=10_000)]
Band = Annotated[int, Field(ge=1, le=65_535)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]
MIN_EXAMPLES = 3
SAVE_EVERY = 10
"""Steps between checkpoints: what a restart of the service costs a training at most."""
LAYER_NAME, MASKS_NAME = "result.gpkg", "result.masks"


class Place(Protocol):
    """What inputs are resolved against."""

    @property
    def machines(self) -> dict[str, Any]:
        """Where searches run: a part of the engine's request."""

    def scene_path(self, scene_id: str) -> Path:
        """The raster of an id; LookupError where there is none."""

    def model(self, name: str) -> str:
        """What the engine loads for the name of a model; LookupError where users may not choose it."""

    def model_folder(self, name: str) -> Path:
        """Where a trained model of this name is written; FileExistsError where there is one."""

    def layer_of(self, job_id: str) -> tuple[str, Layer]:
        """The id of the scene and the features of a finished job; LookupError where there is none."""


class Inputs(BaseModel):
    """Inputs of a process: nothing unknown, nothing converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, protected_namespaces=())
    method: ClassVar[str]

    def request(self, place: Place, folder: Path) -> dict[str, Any]:
        """Parameters of the engine's method; files that it needs are written to ``folder``."""
        raise NotImplementedError

    @property
    def title(self) -> str:
        """The job in a few words."""
        raise NotImplementedError


class _OfScene(Inputs):
    scene: SceneId
    model: Annotated[str, Field(max_length=100, description="Name of a model, see /models.")] = Field(
        default_factory=default_model
    )
    min_score: Annotated[Score | None, Field(description="Leave out what scores less.")] = None


class Ground(_OfScene):
    """Find what queries describe in a scene."""

    method: ClassVar[str] = "run"
    queries: Annotated[
        list[Text], Field(min_length=1, max_length=MAX_EXPRESSIONS, description="What to look for, in English.")
    ]
    task: Annotated[Task, Field(description="detect: every match; refer: the best; segment: matches as masks.")] = (
        "detect"
    )
    outline: Annotated[Outline | None, Field(description="What geometries show.")] = None
    area: Annotated[dict[str, Any] | None, Field(description="GeoJSON polygon: look only inside.")] = None
    resolution_m: Annotated[float | None, Field(gt=0, description="Ground resolution looked at, metres.")] = None
    like: Annotated[Polygons | None, Field(description="GeoJSON polygons around examples: find all like these.")] = None
    unlike: Annotated[Polygons | None, Field(description="GeoJSON polygons around what is not meant.")] = None
    bands: Annotated[
        list[Band] | None,
        Field(min_length=1, max_length=3, description="Bands that become red, green, blue, or grey; from 1."),
    ] = None
    stretch: Annotated[
        str | None, Field(max_length=200, description="auto, none, or lowest and highest value: 0,3000.")
    ] = None
    plans: Annotated[
        dict[Text, str] | None,
        Field(max_length=MAX_EXPRESSIONS, description="Query plans (/plan_query) as JSON, by query: not read again."),
    ] = None
    contexts: Annotated[
        dict[Text, dict[str, Any]] | None,
        Field(max_length=MAX_EXPRESSIONS, description="GeoJSON FeatureCollections by the names that queries use."),
    ] = None

    @property
    def title(self) -> str:
        """The queries."""
        return ", ".join(self.queries)

    def request(self, place: Place, folder: Path) -> dict[str, Any]:
        """Parameters of ``run``."""
        params: dict[str, Any] = {
            "source": str(place.scene_path(self.scene)),
            "expressions": self.queries,
            "task": self.task,
            "model": place.model(self.model),
            "output": str(folder / LAYER_NAME),
            "overwrite": False,
            **place.machines,
        }
        for name in ("min_score", "outline", "resolution_m", "bands", "stretch", "plans"):
            if (value := getattr(self, name)) is not None:
                params[name] = value
        if drawn_outline(self.outline, self.task) in FROM_MASKS:  # kept, so that they can be drawn again
            params["masks"] = str(folder / MASKS_NAME)
        for name, polygons in (
            ("aoi", [self.area] if self.area else None),
            ("like", self.like),
            ("unlike", self.unlike),
        ):
            if polygons is not None:
                params[name] = str(_write_polygons(folder / f"{name}.geojson", polygons))
        if self.contexts is not None:
            params["contexts"] = {
                name: str(_write_context(folder / f"context-{number}.geojson", name, collection))
                for number, (name, collection) in enumerate(self.contexts.items())
            }
        return params


class Ask(_OfScene):
    """Answer a question about a scene."""

    method: ClassVar[str] = "ask"
    question: Annotated[Text, Field(description="How many, which, is there, how long, what is the total area of ...")]

    @property
    def title(self) -> str:
        """The question."""
        return self.question

    def request(self, place: Place, folder: Path) -> dict[str, Any]:
        """Parameters of ``ask``."""
        params: dict[str, Any] = {
            "source": str(place.scene_path(self.scene)),
            "query": self.question,
            "model": place.model(self.model),
            "output": str(folder / LAYER_NAME),
            "overwrite": True,
        }
        if self.min_score is not None:
            params["min_score"] = self.min_score
        return params


class Train(Inputs):
    """Teach a model from the accepted and rejected features of a job, or from polygons on a scene."""

    method: ClassVar[str] = "train"
    job: Annotated[str | None, Field(max_length=64, description="The job whose accepted features are examples.")] = None
    scene: Annotated[SceneId | None, Field(description="In place of a job: the scene of the polygons.")] = None
    examples: Annotated[
        Labels | None, Field(description="In place of a job: GeoJSON polygons around the examples.")
    ] = None
    unlike: Annotated[
        Labels | None, Field(description="In place of a job: GeoJSON polygons around what is not meant.")
    ] = None
    label: Annotated[Text, Field(description="What the examples are, such as: greenhouse.")]
    name: Annotated[Name, Field(description="Name of the new model.")]
    learn: Annotated[Method, Field(description="sft: from the examples; grpo: by rewards.")] = "sft"
    steps: Annotated[int, Field(ge=1, le=2_000)] = 80
    complete: Annotated[bool, Field(description="Every object of the scene is among the accepted ones.")] = False
    model: Annotated[str, Field(max_length=100, description="The model that training starts from.")] = Field(
        default_factory=default_model
    )
    seed: Annotated[int, Field(ge=0, lt=1 << 31)] = 0

    @property
    def title(self) -> str:
        """Name and label."""
        return f"{self.name}: {self.label}"

    def request(self, place: Place, folder: Path) -> dict[str, Any]:
        """Parameters of ``train``."""
        scene, examples, unlike = self._lesson(place)
        if len(examples) < MIN_EXAMPLES:
            raise SettingsError(
                f"{len(examples)} accepted features are too few examples",
                hint=f"Accept or draw at least {MIN_EXAMPLES}, better ten.",
            )
        output = place.model_folder(self.name)
        labels = _write_polygons(folder / "labels.geojson", examples)
        settings = {
            "scene": str(place.scene_path(scene)),
            "labels": str(labels),
            "expression": self.label,
            "model": place.model(self.model),
            "steps": self.steps,
            "save_every": SAVE_EVERY,
            "seed": self.seed,
            "partial": not self.complete,
            "negatives": 0.0,
        }
        if unlike:
            settings["unlike"] = str(_write_polygons(folder / "unlike.geojson", unlike))
        return {"method": self.learn, "output": str(output), "keep_cancelled": False, "settings": settings}

    def _lesson(self, place: Place) -> tuple[str, list[dict[str, Any]], list[dict[str, Any]]]:
        """The scene, polygons around the examples, and around what is not meant."""
        if (self.job is None) == (self.scene is None) or (self.scene is None) != (self.examples is None):
            raise SettingsError("give either job, or scene and examples")
        if self.job is not None:
            if self.unlike is not None:
                raise SettingsError("unlike goes with scene and examples: of a job the rejected features are taken")
            scene, layer = place.layer_of(self.job)
            accepted, rejected = (
                [one["geometry"] for one in layer.features(Wanted(review=(verdict,)), limit=10_000)[0]]
                for verdict in ("accepted", "rejected")
            )
            return scene, accepted, rejected
        assert self.scene is not None
        assert self.examples is not None
        return self.scene, self.examples, list(self.unlike or [])


PROCESSES: dict[str, type[Inputs]] = {"ground": Ground, "ask": Ask, "train": Train}


def read_inputs(process: str, values: object) -> Inputs:
    """The checked inputs of a process.

    Raises:
        SettingsError: one is missing, unknown, of the wrong kind or out of range.
    """
    try:
        return PROCESSES[process].model_validate_json(json.dumps(values, allow_nan=False), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:60]
        raise SettingsError(f"inputs.{where}: {first['msg']}", hint=f"/processes/{process} describes them.") from None
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"the inputs cannot be read: {quote(str(error))}") from None


def engine_request(inputs: Inputs, place: Place, folder: Path) -> dict[str, Any]:
    """Parameters for the engine, checked as the engine will.

    Raises:
        SettingsError: the engine would refuse them.
        LookupError: a scene, model or job does not exist.
    """
    params = inputs.request(place, folder)
    try:
        checked = parameters.parse(inputs.method, params)
        if isinstance(checked, parameters.Train):
            checked.make_settings()
    except RequestError as error:
        raise SettingsError(str(error), hint=error.hint) from None
    return params


def process_of(name: str) -> Literal["ground", "ask", "train"]:
    """The name of a process.

    Raises:
        LookupError: there is no such process.
    """
    if name not in PROCESSES:
        raise LookupError(name)
    return cast(Literal["ground", "ask", "train"], name)


def _write_context(path: Path, name: str, collection: dict[str, Any]) -> Path:
    """A context layer in longitude and latitude; its attributes are not needed."""
    listed = collection.get("features")
    shapes = [one.get("geometry") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    if not shapes:
        raise SettingsError(f"the context {quote(name)} has no features", hint="Give a GeoJSON FeatureCollection.")
    for shape in shapes:
        read_shape(shape)
    features: list[dict[str, Any]] = [{"type": "Feature", "properties": {}, "geometry": shape} for shape in shapes]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


def _write_polygons(path: Path, polygons: list[dict[str, Any]]) -> Path:
    features: list[dict[str, Any]] = []
    for geometry in polygons:
        read_polygon(geometry)
        features.append({"type": "Feature", "properties": {}, "geometry": geometry})
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path
