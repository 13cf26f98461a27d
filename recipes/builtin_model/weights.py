"""The built-in model as a folder that ``from_pretrained`` reads: writing and loading."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from recipes.builtin_model.corpora import SIDE_PX

VISION = "vision.safetensors"
"""The tower: the same bytes for every model that fine-tuning makes of one."""
REST = "language.safetensors"


def write_weights(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write config, processor and two float16 shards; a tower that is already in the folder is left as it is."""
    from geogrounding.models.builtin.processing import GeogroundImageProcessor, GeogroundProcessor

    folder.mkdir(parents=True, exist_ok=True)
    processor = GeogroundProcessor(
        GeogroundImageProcessor(model.config.image_size), tokenizer, image_tokens=model.config.image_tokens
    )
    processor.save_pretrained(folder)
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(folder)
    model.generation_config.save_pretrained(folder)
    state = {k: v.half().contiguous() for k, v in model.state_dict().items() if k != "lm_head.weight"}
    shards = {
        VISION: {k: v for k, v in state.items() if k.startswith("vision_tower.")},
        REST: {k: v for k, v in state.items() if not k.startswith("vision_tower.")},
    }
    for name, part in shards.items():
        if name != VISION or not (folder / name).exists():
            save_file(part, folder / name, metadata={"format": "pt"})
    index = {
        "metadata": {"total_size": sum(v.numel() * v.element_size() for v in state.values())},
        "weight_map": {k: name for name, part in shards.items() for k in sorted(part)},
    }
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")


def load(folder: Path) -> tuple[Any, Any]:
    """A model folder as (model in float32, tokenizer); of a folder with a tower alone, a fresh model around it."""
    from transformers import AutoModelForImageTextToText, AutoProcessor

    from geogrounding.models.builtin import register  # noqa: F401  (registers the model)

    if not (folder / "config.json").exists():
        return _around_tower(folder)
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
    return model.eval(), AutoProcessor.from_pretrained(folder).tokenizer


def _around_tower(folder: Path) -> tuple[Any, Any]:
    from geogrounding.models.builtin.tokenizer import build_tokenizer
    from recipes.builtin_model.language import new_model
    from recipes.builtin_model.questions import vocabulary

    tokenizer = build_tokenizer(vocabulary(), SIDE_PX)
    model = new_model(tokenizer)
    model.vision_tower.load_state_dict({k: v.float() for k, v in load_file(folder / "vision.safetensors").items()})
    return model.eval(), tokenizer
