"""Configuration of the embedded model."""

from __future__ import annotations

from typing import Any

from transformers import Dinov2Config, LlamaConfig, PreTrainedConfig


class GeogroundConfig(PreTrainedConfig):
    """Sizes of the embedded model: a frozen vision tower, a region head, a small language model that points at regions.

    Args:
        vision_config: a Dinov2 configuration (hidden states after ``vision_layers`` are read).
        text_config: a Llama configuration.
        classes: names of the classes the region head scores, in order.
        image_size: side of the model's picture, pixels; box coordinates are pixels of it.
        regions: regions handed to the language model.
        candidates: cells looked at before near-duplicates are removed.
        region_width: channels at the coarse grid (14 px cells).
        region_fine_width: channels at the fine grid (7 px cells).
        context_grid: cells a side of the coarse context tokens.
        frequencies: Fourier frequencies of the coordinate code.
        pointer_width: width of the pointer attention.
        pointer_sigma_px: spread of a copied coordinate.
        image_token_id: placeholder of one image token.
        number_token_ids: first token id of each coordinate family (see ``vocabulary.number_token``); the ids of
            0 .. image_size follow it, and the families follow each other.
        label_token_ids: first token id of the labels that go on, and of those that end the list; one id a class follows.
    """

    model_type = "geoground"
    sub_configs = {"vision_config": Dinov2Config, "text_config": LlamaConfig}

    def __init__(
        self,
        vision_config: dict[str, Any] | Dinov2Config | None = None,
        text_config: dict[str, Any] | LlamaConfig | None = None,
        classes: list[str] | None = None,
        image_size: int = 336,
        vision_layers: tuple[int, ...] | list[int] = (9, 11),
        regions: int = 64,
        candidates: int = 256,
        region_width: int = 160,
        region_fine_width: int = 64,
        context_grid: int = 4,
        frequencies: int = 24,
        pointer_width: int = 128,
        pointer_sigma_px: float = 0.5,
        image_token_id: int = 4,
        number_token_ids: tuple[int, int, int] | list[int] = (0, 0, 0),
        label_token_ids: tuple[int, int] | list[int] = (0, 0),
        **kwargs: Any,
    ) -> None:
        self.vision_config = (
            Dinov2Config(**vision_config) if isinstance(vision_config, dict) else vision_config or Dinov2Config()
        )
        self.text_config = LlamaConfig(**text_config) if isinstance(text_config, dict) else text_config or LlamaConfig()
        self.classes = list(classes or [])
        self.image_size = image_size
        self.vision_layers = list(vision_layers)
        self.regions = regions
        self.candidates = candidates
        self.region_width = region_width
        self.region_fine_width = region_fine_width
        self.context_grid = context_grid
        self.frequencies = frequencies
        self.pointer_width = pointer_width
        self.pointer_sigma_px = pointer_sigma_px
        self.image_token_id = image_token_id
        self.number_token_ids = list(number_token_ids)
        self.label_token_ids = list(label_token_ids)
        kwargs.setdefault("tie_word_embeddings", True)
        super().__init__(**kwargs)

    @property
    def image_tokens(self) -> int:
        """Tokens the language model reads for a picture."""
        return self.context_grid**2 + self.regions
