"""Configuration of the built-in model."""

from __future__ import annotations

from typing import Any

from transformers import Dinov2Config, LlamaConfig, PreTrainedConfig


class GeogroundConfig(PreTrainedConfig):
    """Sizes of the built-in model; see ``modeling`` for how its parts go together.

    Args:
        vision_config: a Dinov2 configuration (hidden states after ``vision_layers`` are read).
        text_config: a Llama configuration.
        classes: names of the classes the region head scores, in order; one more score is for any object.
        image_size: side of the model's image, pixels; box coordinates are pixels of it.
        regions: regions handed to the reader, the best ones.
        found_regions: most regions of an image that are answered with.
        candidates: most cells looked at before near-duplicates are removed.
        region_width: channels at the coarse grid (14 px cells).
        region_fine_width: channels at the fine grid (7 px cells).
        region_stem: channels that the raw pixels give to the fine grid.
        region_blocks: residual blocks on the fine grid.
        context_grid: cells a side of the coarse context tokens.
        frequencies: Fourier frequencies of the coordinate code.
        reader_layers: layers of the reader.
        question_words: longest question, in tokens; what follows is not read.
        sharpness: what the relevance of a region is multiplied by before one is drawn, at the start of training.
        score_scale, score_shift: what turns the logit of a region into that of a score: the probability that its box is right,
            as measured on images kept back (Platt scaling).
        class_shifts: what is added to the logit of each class's score in an answer, so that F1 of a run is about best at its
            default score; empty for nothing.
        calibration: slope and shift of each class that the logits of the region head hold since they were calibrated: training
            goes on from logits without them. Empty for none.
        number_token_ids: first token id of each coordinate family (see ``vocabulary.number_token``); the ids of
            0 .. image_size follow it, and the families follow each other.
        place_token_ids: first token id of the places.
        see_token_id, none_token_id, more_token_id, close_token_id: ids of the chunks of that name in ``vocabulary``.
        image_token_id: placeholder of one image token.
        taught: names of things that fine-tuning has taught since; the model need not spell what it looks for then.
    """

    model_type = "geoground"
    sub_configs = {"vision_config": Dinov2Config, "text_config": LlamaConfig}

    def __init__(  # noqa: PLR0913 - fields of config.json, as transformers passes them
        self,
        vision_config: dict[str, Any] | Dinov2Config | None = None,
        text_config: dict[str, Any] | LlamaConfig | None = None,
        classes: list[str] | None = None,
        image_size: int = 336,
        vision_layers: tuple[int, ...] | list[int] = (9, 11),
        regions: int = 64,
        candidates: int = 1500,
        found_regions: int = 300,
        region_width: int = 160,
        region_fine_width: int = 64,
        region_stem: int = 16,
        region_blocks: int = 0,
        context_grid: int = 4,
        frequencies: int = 24,
        reader_layers: int = 3,
        question_words: int = 48,
        sharpness: float = 3.0,
        score_scale: float = 1.0,
        score_shift: float = 0.0,
        class_shifts: list[float] | None = None,
        calibration: list[list[float]] | None = None,
        number_token_ids: tuple[int, int, int] | list[int] = (0, 0, 0),
        place_token_ids: int = 0,
        see_token_id: int = 0,
        none_token_id: int = 0,
        more_token_id: int = 0,
        close_token_id: int = 0,
        image_token_id: int = 4,
        taught: list[str] | None = None,
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
        self.found_regions = found_regions
        self.region_width = region_width
        self.region_fine_width = region_fine_width
        self.region_stem = region_stem
        self.region_blocks = region_blocks
        self.context_grid = context_grid
        self.frequencies = frequencies
        self.reader_layers = reader_layers
        self.question_words = question_words
        self.sharpness = sharpness
        self.score_scale = score_scale
        self.score_shift = score_shift
        self.class_shifts = list(class_shifts or [])
        self.calibration = [list(pair) for pair in calibration or []]
        self.number_token_ids = list(number_token_ids)
        self.place_token_ids = place_token_ids
        self.see_token_id = see_token_id
        self.none_token_id = none_token_id
        self.more_token_id = more_token_id
        self.close_token_id = close_token_id
        self.image_token_id = image_token_id
        self.taught = list(taught or [])
        kwargs.setdefault("tie_word_embeddings", True)
        super().__init__(**kwargs)

    @property
    def image_tokens(self) -> int:
        """Tokens the language model reads for an image."""
        return self.context_grid**2 + self.regions
