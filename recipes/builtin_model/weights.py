"""Writing the built-in model as a folder that ``from_pretrained`` reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

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
