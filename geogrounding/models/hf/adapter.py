"""A PEFT adapter merged into a model, every weight of its file accounted for. Imports torch: import it late.

Module names changed with transformers 4.52, which put the language layers of vision-language models under
``language_model``: adapters of Qwen2-VL and Qwen2.5-VL published before name ``model.layers.0...`` and
``visual.blocks.0...``, in their weights and in ``target_modules``, which may be names, full names or a regular
expression over full names. Here the file decides: the modules that it has weights for are the targets, under the names
that the model has today, and ``target_modules`` is not read.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import torch

from geogrounding.errors import ModelError
from geogrounding.messages import ERROR, first_line, shorten
from geogrounding.models import hub

_PREFIX = "base_model.model."
_RENAMES = (
    (r"model\.(?=(?:layers|norm|embed_tokens|rotary_emb)\b)", "model.language_model."),
    (r"visual\.", "model.visual."),
    (r"model\.visual\.", "visual."),
    (r"language_model\.model\.", "model.language_model."),
    (r"language_model\.(?=lm_head\b)", ""),
    (r"(?=(?:vision_tower|multi_modal_projector|language_model)\b)", "model."),
    (r"(?=(?:layers|norm|embed_tokens)\b)", "model.language_model."),
    (r"model\.language_model\.(?!model\b)", "model."),
    (r"model\.model\.", "model."),
)
"""Prefixes of module names in older adapters, and what stands in their place today; the first that leads to a module
of the model counts."""
_PLAIN_SUFFIXES = ("weight", "bias", "base_layer.weight", "base_layer.bias")
_MAX_SUFFIX_PARTS = 2
_SHOWN = 3


def merge_adapter(model: Any, folder: Path) -> Any:
    """Merge the adapter of a checked folder into a loaded model, so that it answers as fast as the model alone.

    An adapter of ``lm_head`` or ``embed_tokens`` of a model whose two ends share one matrix is merged into the end that
    it was trained on: the ends are untied first. An adapter that was trained with tied ends stays beside the weights.

    Returns:
        The model, of the same class.

    Raises:
        ModelError: peft is missing, the adapter belongs to another model, weights of its file have no place in the
            model or are missing, or it cannot be merged.
    """
    try:
        import peft
    except ImportError as error:
        raise ModelError("an adapter needs the package peft", hint="pip install peft") from error
    try:
        with warnings.catch_warnings(record=True) as caught:  # peft only warns where weights are missing
            warnings.simplefilter("always")
            config = peft.PeftConfig.from_pretrained(str(folder), local_files_only=True)
            if config.is_prompt_learning:
                raise ModelError(
                    f"the adapter {folder} cannot be merged into the weights",
                    hint="LoRA and its relatives can; prompt and prefix tuning cannot.",
                )
            keys = _keys(folder)
            modules = _modules_of(model, keys, folder)
            mapping = _aim(config, model, modules, keys)
            tied_training = bool(getattr(config, "ensure_weight_tying", False) or _trains_tokens(config))
            if not tied_training and _touches_ends(model, modules.values()):
                _untie(model)
            adapted = peft.PeftModel.from_pretrained(
                model, str(folder), is_trainable=False, config=config, key_mapping=mapping, local_files_only=True
            )
            lost = [str(warning.message) for warning in caught if "missing adapter keys" in str(warning.message)]
            if lost:
                raise ModelError(
                    f"the adapter {folder} lacks weights: {shorten(lost[0], ERROR)}",
                    hint="Was it trained on another model?",
                )
            _check_all_used(adapted, keys, modules, folder)
            if not hasattr(adapted.base_model, "merge_and_unload"):
                raise ModelError(
                    f"the adapter {folder} cannot be merged into the weights",
                    hint="LoRA and its relatives can; prompt and prefix tuning cannot.",
                )
            return adapted.get_base_model() if tied_training else adapted.merge_and_unload(safe_merge=True)
    except ModelError:
        raise
    except Exception as error:  # whatever a foreign folder makes the libraries raise
        raise ModelError(
            f"the adapter {folder} does not fit the model: {first_line(error)}", hint=_trained_on(folder)
        ) from error


def _keys(folder: Path) -> list[str]:
    """Names of the weights in the file, without peft's prefix."""
    headers = [hub.read_header(path) for path in hub.weight_files(folder, "adapter")]
    names = [name for header in headers for name in header if name != "__metadata__"]
    return sorted(name.removeprefix(_PREFIX) for name in names)


def _modules_of(model: Any, keys: list[str], folder: Path) -> dict[str, str]:
    """The module that each weight belongs to, by its name in the file -> its name in the model.

    Raises:
        ModelError: a weight has no module.
    """
    known = {name for name, _ in model.named_modules()}
    found: dict[str, str] = {}
    unplaced: list[str] = []
    for key in keys:
        place = next(((owner, today) for owner in _owners(key) if (today := _today(owner, known)) is not None), None)
        if place is None:
            unplaced.append(key)
        else:
            found[place[0]] = place[1]
    if unplaced:
        shown = ", ".join(unplaced[:_SHOWN])
        raise ModelError(
            f"the adapter {folder} does not fit the model: {len(unplaced)} of its {len(keys)} weights have no module "
            f"there, such as {shorten(shown, ERROR)}",
            hint=_trained_on(folder),
        )
    return found


def _owners(key: str) -> list[str]:
    """Names of modules that a weight may belong to: its own name without the last part, and without the last two."""
    parts = key.split(".")
    return [".".join(parts[:-count]) for count in range(1, min(_MAX_SUFFIX_PARTS, len(parts) - 1) + 1)]


def _today(name: str, known: set[str]) -> str | None:
    """The name that a module of an adapter's file has in the model; None where it has none."""
    if name in known and name:
        return name
    for pattern, replacement in _RENAMES:
        renamed, count = re.subn(f"^{pattern}", replacement, name)
        if count and renamed in known:
            return renamed
    return None


def _aim(config: Any, model: Any, modules: dict[str, str], keys: list[str]) -> dict[str, str]:
    """Point a configuration at the modules of the file; return peft's mapping of older names, as patterns."""
    named = dict(model.named_modules())
    if isinstance(getattr(config, "target_modules", None), str | list | set | tuple):
        owners = {owner for key in keys for owner in _owners(key) if key[len(owner) + 1 :] not in _PLAIN_SUFFIXES}
        targets = [
            modules[owner]
            for owner in owners & modules.keys()
            if any(True for _ in named[modules[owner]].parameters(recurse=False))
        ]
        if targets:
            config.target_modules = set(targets)
            for name in ("layers_to_transform", "layers_pattern", "exclude_modules"):
                if hasattr(config, name):
                    setattr(config, name, None)
    for name in ("rank_pattern", "alpha_pattern"):
        pattern = getattr(config, name, None)
        if pattern:
            setattr(config, name, {modules.get(key, key): value for key, value in pattern.items()})
    if getattr(config, "modules_to_save", None):
        config.modules_to_save = [_today(name, set(named)) or name for name in config.modules_to_save]
    return {f"^{re.escape(name)}\\.": f"{today}." for name, today in modules.items() if name != today}


def _trains_tokens(config: Any) -> bool:
    """Whether single rows of the embedding were trained, which both tied ends share."""
    return bool(getattr(config, "trainable_token_indices", None)) or str(config.peft_type).endswith("TRAINABLE_TOKENS")


def _touches_ends(model: Any, modules: Any) -> bool:
    """Whether an adapter has weights for one of two ends that share their matrix."""
    first, last = model.get_input_embeddings(), model.get_output_embeddings()
    if first is None or last is None or first.weight is not last.weight:
        return False
    ends = {name for name, module in model.named_modules() if module is first or module is last}
    return not ends.isdisjoint(modules)


def _untie(model: Any) -> None:
    """Give the head a matrix of its own, equal to the shared one."""
    head = model.get_output_embeddings()
    head.weight = torch.nn.Parameter(head.weight.detach().clone(), requires_grad=False)
    for config in (model.config, model.config.get_text_config()):
        config.tie_word_embeddings = False


def _check_all_used(adapted: Any, keys: list[str], modules: dict[str, str], folder: Path) -> None:
    """Count the weights of the file that did not end in the model.

    Raises:
        ModelError: there are some.
    """
    import peft

    state = peft.get_peft_model_state_dict(adapted, save_embedding_layers=False)
    ended = {name.removeprefix(_PREFIX) for name in state}
    unused = []
    for key in keys:
        owner = next(name for name in _owners(key) if name in modules)
        suffix = key[len(owner) + 1 :]
        if not suffix.startswith("base_layer.") and f"{modules[owner]}.{suffix}" not in ended:
            unused.append(key)
    if unused:
        raise ModelError(
            f"{len(unused)} of the {len(keys)} weights of the adapter {folder} would not be used, such as "
            f"{shorten(', '.join(unused[:_SHOWN]), ERROR)}",
            hint="Its configuration and its weights contradict each other. " + _trained_on(folder),
        )


def _trained_on(folder: Path) -> str:
    base = hub.read_json(folder / "adapter_config.json").get("base_model_name_or_path")
    named = isinstance(base, str) and base.strip()
    return f"It was trained on {shorten(base)}." if named else "Use the model it was trained on."
