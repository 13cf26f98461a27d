"""The embedded model: a small vision-language model whose coordinates are copied from regions it points at.

    picture ──> frozen ViT ──> region head ──> K regions ──> one token each ─┐
                                  └── coarse features ──> context tokens ────┤
    prompt words ────────────────────────────────────────────────────────────┴─> Llama ──> next token

The next token is drawn from a mixture (pointer-generator, See et al. 2017, arXiv 1704.04368): with probability 1 - m from the
vocabulary, with probability m copied. The copy side points at a region (attention p_k over regions), picks a side j of its
box (gate g_j), and spreads over the number tokens around that side: sum_k p_k N(v; box_k[j], sigma). So coordinates have the
region head's precision although the model stays an ordinary autoregressive language model over ordinary tokens.

Frames: all boxes are pixels of the model's picture (``config.image_size`` a side).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Dinov2Model, GenerationMixin, LlamaModel, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from geogrounding.grounding.models.builtin.configuration import GeogroundConfig
from geogrounding.grounding.models.builtin.regions import RegionHead, Regions, select_regions

TINY = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageState:
    """What the language model needs of a picture; computed once, shared by every question about it."""

    embeds: Tensor
    """(B, context + K, width) image tokens."""
    keys: Tensor
    """(B, K, ...) what the pointer compares with; see ``Pointer.read``."""
    numbers: Tensor
    """(B, K, 4, image_size + 1) spread of each side of each region's box over the numbers."""

    def take(self, index: Tensor) -> ImageState:
        """Rows ``index`` of the batch."""
        return ImageState(embeds=self.embeds[index], keys=self.keys[index], numbers=self.numbers[index])


def coordinate_code(values: Tensor, frequencies: int) -> Tensor:
    """Smooth code of numbers in [0, 1]: sin and cos of v 2^(8 i / F) pi / 2, i < F: (...,) to (..., 2 F)."""
    scale = 2 ** (torch.arange(frequencies, device=values.device, dtype=torch.float32) / frequencies * 8) * (
        math.pi / 2
    )
    angle = values.float()[..., None] * scale
    return torch.cat([angle.sin(), angle.cos()], -1)


class Projector(nn.Module):
    """Regions and coarse features to image tokens."""

    def __init__(self, config: GeogroundConfig) -> None:
        super().__init__()
        width, classes = config.text_config.hidden_size, len(config.classes)
        self.config_frequencies, self.side_px, self.grid = config.frequencies, config.image_size, config.context_grid
        size = 2 * classes + config.region_fine_width + 6 * 2 * config.frequencies
        self.norm = nn.LayerNorm(config.region_fine_width)
        self.region = nn.Sequential(nn.Linear(size, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.context_norm = nn.LayerNorm(config.region_width)
        self.context = nn.Linear(config.region_width, width)
        self.place = nn.Parameter(torch.zeros(config.context_grid**2, width))
        self.kind = nn.Parameter(torch.zeros(width))

    def forward(self, regions: Regions, coarse: Tensor) -> Tensor:
        """(B, context + K, width)."""
        boxes = regions.boxes_px / self.side_px
        size = boxes[..., 2:] - boxes[..., :2]
        code = coordinate_code(torch.cat([boxes, size], -1), self.config_frequencies).flatten(-2)
        odds = torch.logit(regions.scores.clamp(0.005, 0.995)) / 4
        dtype = self.kind.dtype
        parts = torch.cat([regions.scores, odds, self.norm(regions.hidden.to(dtype)), code], -1).to(dtype)
        pooled = nn.functional.adaptive_avg_pool2d(coarse.to(dtype), self.grid).flatten(2).transpose(1, 2)
        context = self.context(self.context_norm(pooled)) + self.place
        return torch.cat([context, self.region(parts) + self.kind], 1)


class Pointer(nn.Module):
    """The copy side of the mixture.

    A region is compared by a learned key, and by what a question is mostly about as it is: its class odds, the code of
    its box and of its place in reading order. Without these the language model has to find them through the projector,
    and needs many times the training steps to begin to point.
    """

    def __init__(self, config: GeogroundConfig) -> None:
        super().__init__()
        width, self.frequencies, self.side_px = config.text_config.hidden_size, config.frequencies, config.image_size
        compared = config.pointer_width + len(config.classes) + 5 * 2 * config.frequencies
        self.query = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, compared))
        self.key = nn.Linear(width, config.pointer_width)
        self.scale = 1 / math.sqrt(config.pointer_width)
        self.side = nn.Linear(width, 4)
        self.copy = nn.Linear(width, 1)

    def read(self, regions: Regions, embeds: Tensor) -> Tensor:
        """What regions are compared by (B, K, ...), from the regions and their tokens (B, K, width)."""
        count = regions.boxes_px.shape[1]
        order = (torch.arange(count, device=embeds.device) / count).expand(regions.boxes_px.shape[:2])
        known = torch.cat([regions.boxes_px / self.side_px, order[..., None].to(regions.boxes_px.dtype)], -1)
        code = coordinate_code(known, self.frequencies).flatten(-2)
        odds = torch.logit(regions.scores.clamp(0.005, 0.995))
        return torch.cat([self.key(embeds), odds.to(embeds.dtype), code.to(embeds.dtype)], -1)

    def attention(self, hidden: Tensor, keys: Tensor) -> Tensor:
        """Log of p_k: (B, T, K)."""
        scores = self.query(hidden) @ keys.transpose(1, 2) * self.scale
        return scores.float().log_softmax(-1)


class GeogroundPreTrainedModel(PreTrainedModel):
    """Base class for loading and saving."""

    config_class = GeogroundConfig
    base_model_prefix = "model"
    main_input_name = "input_ids"
    input_modalities = ("image", "text")
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _no_split_modules = ["LlamaDecoderLayer", "Dinov2Layer"]

    def _init_weights(self, module: nn.Module) -> None:
        std = self.config.text_config.initializer_range
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=std)
            if getattr(module, "bias", None) is not None:
                nn.init.zeros_(module.bias)


class GeogroundForConditionalGeneration(GeogroundPreTrainedModel, GenerationMixin):
    """Image and text to text; see the module's docstring."""

    _tied_weights_keys = {"lm_head.weight": "language_model.embed_tokens.weight"}

    def __init__(self, config: GeogroundConfig) -> None:
        super().__init__(config)
        self.vision_tower = Dinov2Model(config.vision_config)
        self.region_head = RegionHead(
            feature_width=config.vision_config.hidden_size * len(config.vision_layers),
            feature_parts=len(config.vision_layers),
            width=config.region_width,
            fine=config.region_fine_width,
            classes=len(config.classes),
            patch_px=config.vision_config.patch_size,
        )
        self.projector = Projector(config)
        self.language_model = LlamaModel(config.text_config)
        self.pointer = Pointer(config)
        self.lm_head = nn.Linear(config.text_config.hidden_size, config.text_config.vocab_size, bias=False)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """Word embeddings of the language model."""
        return self.language_model.embed_tokens

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the word embeddings."""
        self.language_model.embed_tokens = value  # type: ignore[assignment]

    def get_output_embeddings(self) -> nn.Module:
        """Vocabulary side of the mixture."""
        return self.lm_head

    # -- pictures -----------------------------------------------------------------------------------------------------

    def vision_features(self, pixel_values: Tensor) -> Tensor:
        """Frozen features (B, cells, width x layers) of normalised pictures (B, 3, S, S)."""
        weight = self.vision_tower.embeddings.patch_embeddings.projection.weight
        with torch.no_grad():
            states = self.vision_tower(pixel_values.to(weight.dtype), output_hidden_states=True).hidden_states
        return torch.cat([states[layer][:, 1:] for layer in self.config.vision_layers], -1)

    def find_regions(self, features: Tensor, pixel_values: Tensor) -> tuple[Regions, Tensor]:
        """Regions in reading order, and the coarse features (B, C, G, G)."""
        dtype = self.region_head.reduce.weight.dtype
        maps = self.region_head(features.to(dtype), pixel_values.to(dtype))
        config = self.config
        regions = select_regions(maps, side_px=config.image_size, candidates=config.candidates, keep=config.regions)
        return regions, maps.coarse

    def read_regions(self, regions: Regions, coarse: Tensor) -> ImageState:
        """Image tokens, pointer keys and number spreads of regions."""
        embeds = self.projector(regions, coarse)
        keys = self.pointer.read(regions, embeds[:, -regions.boxes_px.shape[1] :])
        numbers = torch.arange(self.config.image_size + 1, device=embeds.device, dtype=torch.float32)
        distance = (numbers - regions.boxes_px[..., None].float()) / self.config.pointer_sigma_px
        return ImageState(embeds=embeds, keys=keys, numbers=torch.softmax(-0.5 * distance**2, -1).to(embeds.dtype))

    def encode_images(self, pixel_values: Tensor) -> tuple[ImageState, Regions]:
        """Everything that is needed of pictures (B, 3, S, S)."""
        regions, coarse = self.find_regions(self.vision_features(pixel_values), pixel_values)
        return self.read_regions(regions, coarse), regions

    # -- language -----------------------------------------------------------------------------------------------------

    def mixture(self, hidden: Tensor, keys: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities of the next token (B, T, V) and of the pointer (B, T, K), float32."""
        first = self.config.number_token_ids[0]
        count = self.config.image_size + 1
        plain = self.lm_head(hidden).float().softmax(-1)
        pointer = self.pointer.attention(hidden, keys)
        b, t, k = pointer.shape
        spread = (pointer.exp().to(numbers.dtype) @ numbers.reshape(b, k, -1)).float().reshape(b, t, 4, count)
        spread = spread * self.pointer.side(hidden).float().softmax(-1)[..., None]
        copied = torch.cat([spread[:, :, 0], spread[:, :, 1] + spread[:, :, 2], spread[:, :, 3]], -1)
        share = self.pointer.copy(hidden).float().sigmoid()
        mixed = plain * (1 - share)
        # the three families follow each other
        head, middle, tail = mixed.split([first, 3 * count, mixed.shape[-1] - first - 3 * count], -1)
        mixed = torch.cat([head, middle + share * copied, tail], -1)
        return (mixed + TINY).log(), pointer

    def forward(
        self,
        input_ids: Tensor | None = None,
        pixel_values: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Any = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | Tensor = 0,
        image_embeds: Tensor | None = None,
        region_keys: Tensor | None = None,
        region_numbers: Tensor | None = None,
        **kwargs: Any,
    ) -> CausalLMOutputWithPast:
        """Log-probabilities of the next tokens.

        Args:
            input_ids: (B, T) with ``config.image_tokens`` placeholders where the picture stands.
            pixel_values: (B, 3, S, S); or the three tensors of an ``ImageState`` as ``image_embeds``, ``region_keys``,
                ``region_numbers``, as ``generate`` passes them so that a picture is encoded once.
            labels: (B, T), -100 where nothing is learned.

        Raises:
            ValueError: a picture is missing, or the placeholders do not fit it.
        """
        if image_embeds is None or region_keys is None or region_numbers is None:
            if pixel_values is None:
                raise ValueError("the embedded model answers about a picture: pass pixel_values")
            state, _ = self.encode_images(pixel_values)
            image_embeds, region_keys, region_numbers = state.embeds, state.keys, state.numbers
        if inputs_embeds is None:
            if input_ids is None:
                raise ValueError("pass input_ids")
            inputs_embeds = self.language_model.embed_tokens(input_ids)
            places = input_ids == self.config.image_token_id
            if bool(places.any()):
                if int(places.sum()) != image_embeds.shape[0] * image_embeds.shape[1]:
                    raise ValueError(f"each picture needs {self.config.image_tokens} <image> tokens")
                inputs_embeds = inputs_embeds.masked_scatter(places[..., None], image_embeds.to(inputs_embeds.dtype))
        out = self.language_model(
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            use_cache=use_cache,
            **kwargs,
        )
        kept = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) and logits_to_keep else slice(None)
        if isinstance(logits_to_keep, Tensor):
            hidden = out.last_hidden_state[:, logits_to_keep]
        else:
            hidden = out.last_hidden_state[:, kept]
        logits, _ = self.mixture(hidden, region_keys, region_numbers)
        loss = None
        if labels is not None:
            # already log-probabilities: their log-softmax is themselves
            loss = nn.functional.nll_loss(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)
        return CausalLMOutputWithPast(
            loss=loss,  # type: ignore[arg-type]
            logits=logits,  # type: ignore[arg-type]
            past_key_values=out.past_key_values,
            hidden_states=out.hidden_states,
            attentions=out.attentions,
        )

    @torch.no_grad()
    def generate(self, *args: Any, pixel_values: Tensor | None = None, **kwargs: Any) -> Any:
        """Like every ``generate`` of transformers; the picture is encoded once, not once a token or a completion."""
        if pixel_values is not None and kwargs.get("image_embeds") is None:
            state, _ = self.encode_images(pixel_values)
            kwargs.update(image_embeds=state.embeds, region_keys=state.keys, region_numbers=state.numbers)
        return super().generate(*args, **kwargs)  # type: ignore[misc]
