"""Load the base model of a training, and save the trained one. Imports torch: import it late."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from geogrounding.errors import ModelError, SettingsError
from geogrounding.messages import first_line
from geogrounding.models import hub, trained_run
from geogrounding.models.base import Conventions
from geogrounding.models.builtin import BUILTIN_CONVENTIONS
from geogrounding.models.hf import checkpoint
from geogrounding.models.hf.model import default_style
from geogrounding.models.hf.processing import TRAINABLE_FAMILIES, load_processing
from geogrounding.models.load import BUILTIN_MODEL_TYPE
from geogrounding.models.trained_run import Inference
from geogrounding.packaged import PACKAGED
from geogrounding.training.chat_format import Format, make_format
from geogrounding.training.config import TrainSettings
from geogrounding.training.processor import BuiltinEncoder, SharedEncoder, TrainingProcessor

_VISION = ("visual", "vision_tower", "vision_model", "region_head", "multi_modal_projector")
"""Modules that encode the image; frozen unless ``train_vision``, and never under an adapter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A model ready to be trained."""

    model: Any
    """A transformers model, or a PeftModel whose adapter is trained further."""
    processor: TrainingProcessor
    form: Format
    builtin: bool
    source: str
    """Folder or hub id of the model (under the adapter, where there is one)."""
    processor_source: str | None
    fingerprint: str
    """Identity of the weights, for the record."""
    conventions: Conventions
    """How chips are cut for the model, the same in training and in a run."""
    largest_px: tuple[int, int] | int | None
    """Largest image of the model: (width, height), their product, or None where every size is stretched."""
    context: int
    """Length of the context, tokens."""
    device: torch.device
    bf16: bool

    @property
    def adapted(self) -> bool:
        """Whether the base model is an adapter that is trained further."""
        return hasattr(self.model, "peft_config")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inputs:
    """How questions and images become inputs of a kind of model."""

    processor: TrainingProcessor
    form: Format
    conventions: Conventions
    largest_px: tuple[int, int] | int | None


def load_base(settings: TrainSettings) -> Base:
    """Find, check and load the model that training starts from.

    Raises:
        SettingsError: settings that do not suit the model.
        ModelError: it cannot be found, is damaged, does not fit here, or is of a kind that cannot be trained.
    """
    name, inference, adapter = _resolve(settings.model)
    folder = PACKAGED.get(name) or hub.find(name, "model")
    source = name if name in PACKAGED or not folder.samefile(hub.local_path(name)) else str(folder.resolve())
    family = str(hub.read_json(folder / "config.json").get("model_type"))
    device = checkpoint.choose_device(settings.device)
    bf16 = _bf16(settings, device)
    builtin = family == BUILTIN_MODEL_TYPE
    processor_source = settings.processor or (inference.processor if inference else None)
    if builtin:
        _refuse_for_builtin(settings, adapter)
        inputs = _builtin_inputs(folder, settings)
    else:
        inputs = _shared_inputs(folder, family, settings, inference, processor_source)
    # The weights under an adapter are frozen: they are kept in the precision of the computation.
    dtype = torch.bfloat16 if bf16 and not settings.full and not builtin else torch.float32
    model = checkpoint.load(folder, adapter=adapter if settings.full else None, device=device, dtype=dtype)
    model.generation_config.pad_token_id = inputs.processor.tokenizer.pad_token_id
    model.requires_grad_(True)
    if not settings.train_vision:
        freeze_vision(model)
    if adapter is not None and not settings.full:
        model = _with_adapter(model, adapter)
    return Base(
        model=model,
        processor=inputs.processor,
        form=inputs.form,
        builtin=builtin,
        source=source,
        processor_source=processor_source,
        fingerprint=hub.fingerprint([folder] if adapter is None else [folder, adapter], settings=None),
        conventions=inputs.conventions,
        largest_px=inputs.largest_px,
        context=int(getattr(model.config.get_text_config(), "max_position_embeddings", None) or 1 << 30),
        device=device,
        bf16=bf16,
    )


def _builtin_inputs(folder: Path, settings: TrainSettings) -> _Inputs:
    from geogrounding.models.builtin import register  # registers the model with transformers

    with checkpoint.quiet():
        own: Any = register.GeogroundProcessor.from_pretrained(folder)
    side = int(own.image_processor.image_size)
    return _Inputs(
        processor=TrainingProcessor(BuiltinEncoder(processor=own, side_px=side), share=settings.share_vision),
        form=Format(style="embedded", coordinates="resized-pixels", reasoning=settings.reasoning, processor=own),
        conventions=BUILTIN_CONVENTIONS,
        largest_px=(side, side),
    )


def _shared_inputs(
    folder: Path, family: str, settings: TrainSettings, inference: Inference | None, processor_source: str | None
) -> _Inputs:
    if family not in TRAINABLE_FAMILIES:
        raise ModelError(
            f"models of type {family} cannot be trained here: the size of the image they see is not known",
            hint=f"Types that can: {', '.join(TRAINABLE_FAMILIES)}.",
        )
    texts = folder if processor_source is None else hub.find(processor_source, "processor")
    pixels = settings.max_pixels or (inference.max_pixels if inference else None)
    processing: Any = load_processing(texts, _config(folder), max_pixels=pixels)
    style = settings.style or (inference.style if inference else default_style(family))
    form = make_format(
        style=style.removesuffix("-direct") if settings.style is None else style,  # type: ignore[arg-type]
        coordinates=settings.coordinates or (inference.coordinates if inference else None),  # type: ignore[arg-type]
        reasoning=settings.reasoning,
    )
    tile = processing.tile_size_px
    return _Inputs(
        processor=TrainingProcessor(SharedEncoder(processing=processing), share=settings.share_vision),
        form=form,
        conventions=Conventions(tile_size_px=tile, overlap_px=tile // 8, coordinates=form.coordinates),
        largest_px=processing.max_pixels,
    )


def _resolve(name: str) -> tuple[str, Inference | None, Path | None]:
    """The model, how it is asked where a run trained it, and its adapter where it is one."""
    folder = hub.local_path(name)
    if name in PACKAGED or not folder.is_dir():
        return name, None, None
    inference = trained_run.inference_of(folder)
    if (folder / "config.json").is_file() or not (folder / "adapter_config.json").is_file():
        return name, inference, None
    hub.check_folder(folder, "adapter")
    base = inference.base if inference is not None else trained_run.base_of_adapter(folder)
    if base is None:
        raise ModelError(f"the adapter in {folder} does not say which model it belongs to", hint="Train it again.")
    return base, inference, folder


@contextlib.contextmanager
def libraries_quiet() -> Iterator[None]:
    """Hide deprecation warnings of peft and trl, which call what transformers is about to rename."""
    with checkpoint.quiet(), warnings.catch_warnings():
        for kind in (FutureWarning, DeprecationWarning):
            warnings.simplefilter("ignore", kind)
        yield


def is_builtin(name: str) -> bool:
    """Whether a name means the built-in model or one trained from it; nothing is loaded."""
    config = hub.local_path(name) / "config.json"
    return name in PACKAGED or (config.is_file() and hub.read_json(config).get("model_type") == BUILTIN_MODEL_TYPE)


def _config(folder: Path) -> Any:
    from transformers import AutoConfig

    with checkpoint.quiet():
        return AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)


def _bf16(settings: TrainSettings, device: torch.device) -> bool:
    if settings.bf16 and device.type == "mps":
        raise SettingsError("bf16 does not suit device mps", hint="Leave it out.")
    if settings.bf16 is not None:
        return settings.bf16
    return device.type == "cuda" and torch.cuda.get_device_capability(device)[0] >= 8


def _refuse_for_builtin(settings: TrainSettings, adapter: Path | None) -> None:
    for name in ("processor", "style", "coordinates", "max_pixels"):
        if getattr(settings, name) is not None:
            raise SettingsError(
                f"{name} does not go with the built-in model", hint="The built-in model brings its own. Leave it out."
            )
    if settings.train_vision:
        raise SettingsError(
            "the vision tower of the built-in model is not trained here", hint="Leave out --train-vision."
        )
    if adapter is not None:
        raise ModelError(
            f"{adapter} is an adapter of the built-in model, whose results are whole models", hint="Merge it first."
        )


def _with_adapter(model: Any, folder: Path) -> Any:
    from peft import PeftModel

    try:
        with libraries_quiet():
            return PeftModel.from_pretrained(model, str(folder), is_trainable=True, local_files_only=True)
    except Exception as error:  # whatever a foreign folder makes the libraries raise
        raise ModelError(
            f"the adapter {folder} does not fit the model: {first_line(error)}",
            hint="Use the model it was trained on.",
        ) from error


def freeze_vision(model: Any) -> None:
    """Freeze the modules that encode the image."""
    if hasattr(model, "freeze_vision"):
        model.freeze_vision()
        return
    for name, parameter in model.named_parameters():
        if any(part in _VISION for part in name.split(".")):
            parameter.requires_grad_(False)


def adapter_config(base: Base, settings: TrainSettings) -> Any:
    """LoRA on every linear layer, except those that encode the image and the output layer."""
    from peft import LoraConfig

    head = base.model.get_output_embeddings()
    names = [
        name
        for name, module in base.model.named_modules()
        if isinstance(module, torch.nn.Linear)
        and module is not head
        and not any(part in _VISION for part in name.split("."))
    ]
    if not names:
        raise ModelError("the model has no linear layer for an adapter", hint="Train it with --full.")
    alpha = settings.lora_alpha or 2 * settings.lora_rank
    return LoraConfig(
        r=settings.lora_rank,
        # peft and strict readers of adapter_config.json expect an integer
        lora_alpha=int(alpha) if float(alpha).is_integer() else alpha,  # type: ignore[arg-type]
        lora_dropout=settings.lora_dropout,
        target_modules=names,
        task_type="CAUSAL_LM",
    )


def save_result(
    base: Base, settings: TrainSettings, model: Any, folder: Path, *, taught: Sequence[str] = ()
) -> Inference:
    """Write what was trained into the folder of the run.

    The built-in model and fully trained models are saved whole, others as an adapter that names its base model. Weights that
    were not trained keep the type that they were stored in.

    Args:
        base: of the run.
        settings: of the run.
        model: as the trainer leaves it, unwrapped.
        folder: of the run.
        taught: classes learned by the built-in model besides its own.

    Returns:
        How to ask the trained model.
    """
    whole = base.builtin or settings.full
    with libraries_quiet():
        if whole:
            trained_names = {_plain(name) for name, parameter in model.named_parameters() if parameter.requires_grad}
            merged = model.merge_and_unload(safe_merge=True) if hasattr(model, "peft_config") else model
            stored = _stored_types(base) if base.builtin else {}
            small = torch.bfloat16 if base.bf16 else torch.float32
            state = {
                name: tensor.to(_type_of(name, stored, trained_names, small) if tensor.is_floating_point() else None)
                for name, tensor in merged.state_dict().items()
            }
            if base.builtin:
                merged.config.taught = list(taught)
            merged.save_pretrained(folder, state_dict=state)
            base.processor.save_pretrained(folder)
        else:
            model.peft_config["default"].base_model_name_or_path = base.source
            model.save_pretrained(folder, selected_adapters=["default"])
            (folder / "README.md").unlink(missing_ok=True)  # peft's template of a model card
    texts: Any = base.processor.encoder
    own = None if base.processor_source is None else _absolute(base.processor_source)
    return Inference(
        base=None if whole else base.source,
        processor=None if whole else own,
        style=base.form.style,
        coordinates=base.form.coordinates,
        max_pixels=texts.processing.max_pixels if isinstance(texts, SharedEncoder) else None,
    )


def _absolute(source: str) -> str:
    folder = hub.local_path(source)
    return str(folder.resolve()) if folder.is_dir() else source


def _stored_types(base: Base) -> Mapping[str, torch.dtype]:
    types = {"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32}
    folder = PACKAGED.get(base.source) or Path(base.source)
    found = {}
    for path in folder.glob("*.safetensors"):
        for name, entry in hub.read_header(path).items():
            if name != "__metadata__" and entry.get("dtype") in types:
                found[name] = types[entry["dtype"]]
    return found


def _plain(name: str) -> str:
    """The name of a parameter's module, without the wrappers of PEFT."""
    bare = re.sub(r"\.(lora_[A-Za-z_]+|base_layer)(\.default)?", "", name.removeprefix("base_model.model."))
    return bare.rpartition(".")[0]


def _type_of(name: str, stored: Mapping[str, torch.dtype], learned: set[str], small: torch.dtype) -> torch.dtype:
    if name in stored and name.rpartition(".")[0] not in learned:
        return stored[name]
    return torch.float32 if stored else small
