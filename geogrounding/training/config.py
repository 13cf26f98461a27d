"""Training configuration, validated on construction. Importing this imports neither torch nor trl.

A configuration comes from a YAML or JSON file, from the command line, or both (the command line wins). Every run writes a
complete copy with all defaults into its folder, and that copy repeats the run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from geogrounding.errors import SettingsError
from geogrounding.messages import ERROR, shorten
from geogrounding.packaged import default_model
from geogrounding.settings import MAX_TILE_PX, MIN_TILE_PX
from geogrounding.training.choices import Loss, RewardScale, Scheduler, VllmMode
from geogrounding.types import CoordinateConvention, DataFormat, OnError, PromptStyle, Task

MAX_CONFIG_BYTES = 1_000_000

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class TrainSettings(BaseModel):
    """Settings that SFT and GRPO share."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    # -- data: a file of samples, or a raster and a layer ----------------------------------------------------------------
    data: Path | None = None
    """File of samples."""
    images: Path | None = None
    """Folder of its images."""
    data_format: DataFormat = "auto"
    task: Task | None = None
    """Task of the samples; None takes that of the file."""
    on_error: OnError = "skip"
    """What happens to records that cannot be used."""
    scene: Path | None = None
    """Raster that chips are cut from."""
    labels: Path | None = None
    """Vector layer of labels on it."""
    labels_layer: str | None = None
    """Name of the layer, where ``labels`` holds several."""
    expression_field: str | None = None
    """Attribute of the layer that names a feature."""
    expression: str | None = None
    """Name of all features, where no attribute holds it."""
    unlike: Path | None = None
    """Vector layer of what looks similar and is not meant, named as the labels are (scene only)."""
    tile_size: Annotated[int, Field(ge=MIN_TILE_PX, le=MAX_TILE_PX)] | None = None
    """Side of the chips, pixels; default what suits the model."""
    negatives: Share = 0.2
    """Questions without a target, as a share of the others (layer only, and only where everything is labelled)."""
    aoi: Path | None = None
    """Vector file: only chips inside its polygons are cut (scene only); everything there is labelled."""
    aoi_layer: str | None = None
    """Name of the layer, where ``aoi`` holds several."""
    turns: Annotated[int, Field(ge=1, le=8)] | None = None
    """Orientations of each image to learn from; default 8 for the built-in model and a scene, else 1. Fewer are taken where
    there are many images; expressions that name directions are not turned."""
    partial: bool | None = None
    """Labels may be incomplete: there are no negatives, and SFT of the built-in model ignores unlabelled look-alikes in the
    loss. (SFT of other models and the rewards of GRPO count unlabelled objects as absent.) Default yes for SFT of the built-in
    model from a scene, else no."""
    shots: Count | None = None
    """Samples of each category; None takes all."""

    # -- model -----------------------------------------------------------------------------------------------------------
    model: str = Field(default_factory=default_model)
    """builtin, builtin-open, a folder, the folder of an earlier run, or a hub id."""
    processor: str | None = None
    """Where tokenizer and image processor come from; default the model."""
    style: PromptStyle | None = None
    coordinates: CoordinateConvention | None = None
    max_pixels: Annotated[int, Field(ge=784)] | None = None
    """Largest image shown to the model; the same at inference."""
    reduce_pictures: bool = False
    """Whether images larger than that are reduced; refused otherwise."""
    reasoning: bool = True
    """Whether prompts ask for reasoning and answers contain it."""
    full: bool = False
    """Train all weights (the vision tower only with ``train_vision``) rather than a LoRA adapter."""
    train_vision: bool = False
    lora_rank: Annotated[int, Field(ge=1, le=1024)] = 16
    lora_alpha: Positive | None = None
    """Default twice the rank."""
    lora_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    device: str | None = None
    bf16: bool | None = None
    """Compute in bfloat16; default yes on a GPU that has it, no on a CPU."""
    gradient_checkpointing: bool | None = None
    """Less memory, more time; default yes, except for the built-in model."""

    # -- optimisation ----------------------------------------------------------------------------------------------------
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    steps: Count | None = None
    """Steps of the optimiser; default from ``epochs``."""
    epochs: Positive | None = None
    learning_rate: Positive | None = None
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    scheduler: Scheduler = "constant"
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    max_grad_norm: Positive = 1.0
    accumulate: Count = 1
    """Batches whose gradients are accumulated for a step."""

    # -- run -------------------------------------------------------------------------------------------------------------
    log_every: Count = 1
    save_every: Count = 50
    """Steps between checkpoints."""
    keep_checkpoints: Count = 2
    share_vision: bool = True
    """Encode each image once; False is plain TRL, for comparison."""

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.steps is not None and self.epochs is not None:
            raise ValueError("steps and epochs: give one of them")
        if (self.data is None) == (self.scene is None):
            raise ValueError("give either data (a file of samples) or scene with labels (a raster and a layer)")
        if (self.scene is None) != (self.labels is None):
            raise ValueError("scene and labels go together")
        only_scene = ("labels_layer", "expression_field", "expression", "tile_size", "aoi", "aoi_layer", "unlike")
        if self.scene is None and (given := [name for name in only_scene if getattr(self, name) is not None]):
            raise ValueError(f"{' and '.join(given)}: only with scene and labels")
        if self.scene is not None and (self.expression_field is None) == (self.expression is None):
            raise ValueError("give expression_field or expression, the name of the features")
        if self.images is not None and self.data is None:
            raise ValueError("images goes with data")
        if self.train_vision and not self.full:
            raise ValueError("train_vision needs full: an adapter leaves the vision tower as it is")
        return self

    def _filled(self, *, builtin: bool, **defaults: Any) -> Self:
        """A copy in which settings that were not given have the given values."""
        turns = 8 if builtin and self.scene is not None else 1
        common = {
            "gradient_checkpointing": not builtin,
            "lora_alpha": 2.0 * self.lora_rank,
            "turns": turns,
            **defaults,
        }
        return self.model_copy(
            update={name: value for name, value in common.items() if getattr(self, name) is None and value is not None}
        )


class SFTSettings(TrainSettings):
    """Supervised fine-tuning on target answers."""

    batch: Count = 8
    """Samples of a batch on each device."""
    rehearse: Annotated[float, Field(ge=0, le=10)] | None = None
    """Rehearsal questions for each sample: about known classes, with the base model's own answers (built-in model only).
    Default 1 for a scene, else 0."""

    def completed(self, *, builtin: bool) -> Self:
        """With the defaults that depend on the kind of model and on what is trained of it."""
        return self._filled(
            builtin=builtin,
            learning_rate=(3e-4 if builtin else 1e-5) if self.full else (1e-3 if builtin else 2e-4),
            epochs=None if self.steps else 3.0,
            partial=builtin and self.scene is not None,
            rehearse=1.0 if builtin and self.scene is not None else 0.0,
        )


class GRPOSettings(TrainSettings):
    """Reinforcement learning from computed rewards, relative within a group of answers (GRPO, DAPO)."""

    group: Annotated[int, Field(ge=2, le=256)] = 8
    """Completions of each question."""
    batch: Count | None = None
    """Completions of a batch on each device; all devices and ``accumulate`` together hold whole groups. Default: one group,
    eight for the built-in model."""
    loss: Loss = "dapo"
    epsilon: Positive = 0.2
    epsilon_high: Positive = 0.28
    """Upper clip; DAPO's clip-higher, arXiv 2503.14476. Equal to ``epsilon`` is PPO's."""
    beta: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the KL divergence from the base model; 0 switches it off."""
    iterations: Count = 1
    """Steps on the same completions."""
    scale_rewards: RewardScale = "group"
    mask_truncated: bool = False
    """Leave completions that were cut off out of the loss."""
    temperature: Positive = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    max_completion: Annotated[int, Field(ge=8, le=65536)] | None = None
    """Tokens of a completion; default 1024, 256 for the built-in model."""
    rewards: tuple[str, ...] = ()
    """Dotted paths of reward functions; default format and what suits the task."""
    reward_weights: tuple[float, ...] = ()
    segmenter: str | None = None
    """Draws the answered boxes and keypoints of the task ``segment`` for its reward: builtin, or a SAM checkpoint. None:
    boxes count as masks."""
    compare_labels: bool | None = None
    """Whether a box with another label than the one class asked for counts as wrong; default yes, except for the built-in
    model, which has labels of its own."""
    probe: Annotated[int, Field(ge=0, le=64)] = 4
    """Questions asked before training, to check that answers have the required form and can earn rewards; 0 skips it."""
    completions_every: Count = 10
    """Steps between samples of completions in the log."""
    vllm: bool = False
    """Sample completions with vLLM."""
    vllm_mode: VllmMode = "colocate"
    vllm_base_url: str | None = None
    vllm_memory: Annotated[float, Field(gt=0, lt=1)] = 0.3

    @model_validator(mode="after")
    def _rewards(self) -> Self:
        if self.reward_weights and not self.rewards:
            raise ValueError("reward_weights goes with rewards")
        if self.reward_weights and len(self.reward_weights) != len(self.rewards):
            raise ValueError(f"{len(self.reward_weights)} reward_weights for {len(self.rewards)} rewards")
        if self.epsilon_high < self.epsilon:
            raise ValueError(f"epsilon_high {self.epsilon_high} is below epsilon {self.epsilon}")
        if self.save_every % self.iterations:
            raise ValueError(
                f"save_every {self.save_every} is not a multiple of iterations {self.iterations}: a checkpoint in between "
                "would lose the completions in use"
            )
        if not self.vllm and self.vllm_base_url:
            raise ValueError("vllm_base_url goes with vllm")
        return self

    def completed(self, *, builtin: bool) -> Self:
        """With the defaults that depend on the kind of model and on what is trained of it."""
        return self._filled(
            builtin=builtin,
            learning_rate=(3e-5 if builtin else 1e-6) if self.full else (1e-4 if builtin else 1e-5),
            steps=None if self.epochs else 200,
            batch=self.group * (8 if builtin else 1),
            max_completion=256 if builtin else 1024,
            partial=False,
            compare_labels=not builtin,
        )

    def check_batch(self, processes: int) -> None:
        """Refuse a batch that does not hold whole groups.

        Args:
            processes: devices that train together.

        Raises:
            SettingsError: the completions of a step are not a multiple of the group.
        """
        batch = self.batch or self.group
        together = batch * self.accumulate * processes
        if together % self.group:
            by = f"batch {batch} x accumulate {self.accumulate} x {processes} processes"
            lower = together // self.group * self.group
            better = f"{lower} or {lower + self.group}" if lower else str(self.group)
            raise SettingsError(
                f"{by} = {together} completions a step cannot be divided into groups of {self.group}: rewards are "
                "compared within a whole group",
                hint=f"Choose them so that the product is a multiple of the group, such as {better}.",
            )


S = TypeVar("S", bound=TrainSettings)


def make_settings(kind: type[S], given: Mapping[str, Any], file: Path | None = None) -> S:
    """Settings from a file and from given values, which win.

    Args:
        kind: ``SFTSettings`` or ``GRPOSettings``.
        given: values by name.
        file: YAML or JSON; paths in it are relative to the working directory, as on the command line.

    Raises:
        SettingsError: a name is unknown, a value out of range, or two contradict each other.
    """
    values = {**({} if file is None else read_config(file)), **given}
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise SettingsError(_first(error), hint=_known(error, kind)) from error


def read_config(path: Path) -> dict[str, Any]:
    """A configuration file, or ``training.json`` of a run, as a dictionary.

    Raises:
        SettingsError: it cannot be read, is too large, or holds no mapping.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_CONFIG_BYTES + 1)
        if len(raw) > MAX_CONFIG_BYTES:
            raise SettingsError(f"{path} is larger than a configuration can be")
        text = raw.decode("utf-8")
        content: object
        if path.suffix.lower() == ".json":
            content = json.loads(text)
        else:
            import yaml

            content = yaml.safe_load(text)
    except SettingsError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError(f"{path} cannot be read: {str(error).splitlines()[0] if str(error) else error}") from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "yaml":
            raise
        raise SettingsError(f"{path} is not YAML: {shorten(' '.join(str(error).split()), ERROR)}") from error
    if isinstance(content, dict) and isinstance(content.get("config"), dict) and "geogrounding" in content:
        content = content["config"]
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise SettingsError(f"{path} holds no settings", hint="Write one `name: value` a line.")
    return content


def describe(settings: TrainSettings) -> dict[str, Any]:
    """Settings as plain values, complete, in the order of their definition."""
    return settings.model_dump(mode="json")


def _first(error: ValidationError) -> str:
    details = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in details["loc"])
    message = details["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    if details["type"] == "extra_forbidden":
        return f"unknown setting {place!r}"
    return f"{place}: {message}" if place else message


def _known(error: ValidationError, kind: type[TrainSettings]) -> str:
    if any(detail["type"] == "extra_forbidden" for detail in error.errors(include_url=False)):
        return f"Known: {', '.join(sorted(kind.model_fields))}."
    return ""
