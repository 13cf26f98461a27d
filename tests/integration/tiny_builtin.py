"""A tiny model of the built-in kind, random but for what the grammar of its answers holds."""

from __future__ import annotations

from pathlib import Path

WORDS = ("detect", "refer", "the", "a", "square", "ship", "leftmost", ":")


def save_tiny_builtin(folder: Path, *, seed: int = 0) -> Path:
    """Build and save weights, configuration, tokenizer and image processor; return ``folder``."""
    import torch
    from transformers import Dinov2Config

    from geogrounding.models.builtin import register
    from geogrounding.models.builtin import tokenizer as vocabulary
    from geogrounding.models.hf.checkpoint import quiet
    from recipes.builtin_model.language import new_model

    vit = Dinov2Config(hidden_size=384, num_hidden_layers=1, num_attention_heads=6, image_size=336, patch_size=14)
    tokenizer = vocabulary.build_tokenizer(WORDS, 336)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = new_model(tokenizer, width=64, layers=1, vision_config=vit, regions=8)
        model.config.vision_layers = [0, 1]
        with torch.no_grad():  # a head that finds something, so that there are regions to choose from
            bias = model.region_head.out.bias
            assert bias is not None
            bias.add_(4.0)
    processor = register.GeogroundProcessor(
        register.GeogroundImageProcessor(336), tokenizer, image_tokens=model.config.image_tokens
    )
    folder.mkdir(parents=True, exist_ok=True)
    with quiet():
        model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
