"""The built-in model: a small vision-language model that reasons in words and answers in boxes of regions it saw.

    image ──> frozen ViT ──> region head ──> K regions, coarse map          what is there      (vision.py, regions.py)
                                                  │
    question words ───────────────────────────> reader ──> relevance of each   which are meant   (reader.py)
                                                  │  regions as tokens
    question words, reasoning so far ─────────> Llama ──> next word                              (here)
                                                  └─────> next place, number, end of the list    (grammar.py)

The first line is frozen in training: it is computed once an image (``encode_images``) and shared by every question about it
and every answer drawn. The rest is trained. To transformers and TRL it is an ordinary image-text-to-text model; its logits
are log-probabilities.

Frames: all boxes are pixels of the model's image (``config.image_size`` a side).
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import Dinov2Model, GenerationMixin, LlamaModel, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from geogrounding.models.builtin.configuration import GeogroundConfig
from geogrounding.models.builtin.constrained_head import Grammar
from geogrounding.models.builtin.question_encoder import Read, Reader, ReaderLayer, Seen
from geogrounding.models.builtin.region_loss import NO_REGION, WORTH_OF_SCORES, after_seeing, score_loss
from geogrounding.models.builtin.regions import DenseMaps, Regions
from geogrounding.models.builtin.vision import Sees, VisionConfig, features_after, head_of

FROZEN = ("vision_tower", "region_head")
"""Parts that are not trained with the language side."""


class GeogroundPreTrainedModel(PreTrainedModel):
    """Base class for loading and saving."""

    config_class = GeogroundConfig
    base_model_prefix = "model"
    main_input_name = "input_ids"
    input_modalities = ("image", "text")  # type: ignore[assignment]  # a tuple, as transformers' own models have
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _no_split_modules = ["LlamaDecoderLayer", "Dinov2Layer", "ReaderLayer"]

    def _init_weights(self, module: nn.Module) -> None:
        std = self.config.text_config.initializer_range
        if isinstance(module, Grammar):
            # what was said changes nothing at first: relevance is the reader's
            nn.init.zeros_(module.query.weight)
            nn.init.zeros_(module.end.weight)
        elif isinstance(module, ReaderLayer):
            nn.init.zeros_(module.pair.weight)
        elif isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=std)
            bias = getattr(module, "bias", None)
            if bias is not None:
                nn.init.zeros_(bias)


class GeogroundForConditionalGeneration(Sees, GeogroundPreTrainedModel, GenerationMixin):
    """Image and text to text; see the module's docstring."""

    _tied_weights_keys = {"lm_head.weight": "language_model.embed_tokens.weight"}

    def __init__(self, config: GeogroundConfig) -> None:
        super().__init__(config)
        self.vision_tower = Dinov2Model(config.vision_config)
        self.region_head = head_of(VisionConfig.of(config.to_dict()))
        self.reader = Reader(config)
        self.language_model = LlamaModel(config.text_config)
        self.grammar = Grammar(config)
        self.lm_head = nn.Linear(config.text_config.hidden_size, config.text_config.vocab_size, bias=False)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """Word embeddings of the language model."""
        return self.language_model.embed_tokens

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the word embeddings."""
        self.language_model.embed_tokens = value  # type: ignore[assignment]

    def get_output_embeddings(self) -> nn.Module:
        """Vocabulary side."""
        head: nn.Module = self.lm_head
        return head

    def freeze_vision(self) -> None:
        """Turn off gradients of the parts that see; see ``FROZEN``."""
        for name in FROZEN:
            getattr(self, name).requires_grad_(False)

    # -- images -----------------------------------------------------------------------------------------------------

    def vision_features(self, pixel_values: Tensor) -> Tensor:
        """Features (B, cells, width x layers) of normalised images (B, 3, S, S): what the region head reads, no more."""
        tower = self.vision_tower
        x = tower.embeddings(pixel_values.to(tower.embeddings.patch_embeddings.projection.weight.dtype))
        return features_after(x, tower.encoder.layer, self.config.vision_layers)

    def seen(self, maps: DenseMaps, regions: Regions) -> Seen:
        """What the reader reads of images: the best of their regions, and a coarse map."""
        context = nn.functional.adaptive_avg_pool2d(maps.coarse.float(), self.config.context_grid)
        return Seen(regions=regions.best(self.config.regions), context=context)

    @torch.no_grad()
    def encode_images(self, pixel_values: Tensor) -> Seen:
        """Everything that is read of images (B, 3, S, S) before any question; no gradient goes through it."""
        maps = self.dense_maps(pixel_values)
        return self.seen(maps, self.regions_of(maps))

    # -- language -----------------------------------------------------------------------------------------------------

    def question_words(self, input_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Ids of the words between image and ``<s>`` (B, W), and where they count."""
        image = input_ids == self.config.image_token_id
        after = image.cumsum(1) == image.sum(1, keepdim=True)
        start = (input_ids == self.config.bos_token_id).cumsum(1) > 0
        mine = after & ~image & ~start & (input_ids != self.config.pad_token_id)
        longest = max(1, min(self.config.question_words, int(mine.sum(1).max())))
        order = (~mine).to(torch.int8).argsort(dim=1, stable=True)[:, :longest]
        return torch.gather(input_ids, 1, order), torch.gather(mine, 1, order)

    def read(self, seen: Seen, ids: Tensor, count: Tensor) -> Read:
        """Read images with a question each: word ids (B, W), and where they count."""
        out: Read = self.reader(seen, self.language_model.embed_tokens(ids), count)
        return out

    def forward(  # noqa: PLR0913 - the signature that transformers calls
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
        region_embeds: Tensor | None = None,
        region_relevance: Tensor | None = None,
        region_boxes: Tensor | None = None,
        history_ids: Tensor | None = None,
        target_boxes: Tensor | None = None,
        target_partial: Tensor | None = None,
        target_unlike: Tensor | None = None,
        **kwargs: Any,
    ) -> CausalLMOutputWithPast:
        """Log-probabilities of the next tokens.

        Args:
            input_ids: (B, T) with ``config.image_tokens`` placeholders where the image stands.
            pixel_values: (B, 3, S, S); or the three tensors of a ``Read`` as ``region_embeds``, ``region_relevance``,
                ``region_boxes``, as ``generate`` passes them so that an image is read once.
            history_ids: all ids so far, where ``input_ids`` holds only the newest; boxes already emitted are masked out.
            labels: (B, T), -100 where nothing is learned.
            target_boxes: (B, N, 4) all boxes that are meant, NaN where there are fewer: the loss is then that of the scores
                as well, see ``choosing.score_loss``. Needs ``pixel_values``.
            target_partial: (B,) True where the boxes may not be all there are.
            target_unlike: (B, M, 4) boxes of what is not meant, NaN where there are fewer.

        Raises:
            ValueError: an image is missing, or the placeholders do not fit it.
        """
        if input_ids is None or inputs_embeds is not None:
            raise ValueError("pass input_ids: what comes next depends on the tokens so far")
        look: Tensor | None = None
        sure: Tensor | None = None
        if region_embeds is None or region_relevance is None or region_boxes is None:
            if pixel_values is None:
                raise ValueError("the built-in model answers about an image: pass pixel_values")
            seen = self.encode_images(pixel_values)
            read = self.read(seen, *self.question_words(input_ids))
            region_embeds, region_relevance, region_boxes = read.embeds, read.relevance, read.boxes_px
            look, sure = seen.regions.look, seen.regions.scores.amax(-1)
        embeds = self.language_model.embed_tokens(input_ids)
        places = input_ids == self.config.image_token_id
        if bool(places.any()):
            if int(places.sum()) != region_embeds.shape[0] * region_embeds.shape[1]:
                raise ValueError(f"each image needs {self.config.image_tokens} <image> tokens")
            embeds = embeds.masked_scatter(places[..., None], region_embeds.to(embeds.dtype))
        out = self.language_model(
            inputs_embeds=embeds,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            use_cache=use_cache,
            **kwargs,
        )
        history = input_ids if history_ids is None else history_ids
        state = self.grammar.state(history, region_boxes)
        hidden = out.last_hidden_state
        keys = region_embeds[:, -region_boxes.shape[1] :]
        loss: Tensor | None = None
        if target_boxes is not None and look is not None:
            seeing_state, said = after_seeing(hidden, input_ids == self.config.see_token_id)
            odds = self.grammar.odds(seeing_state, region_relevance, keys)
            scores = odds * self.config.score_scale + self.config.score_shift
            real = (region_relevance > NO_REGION) & said[:, None]
            partial = torch.zeros_like(said) if target_partial is None else target_partial
            more = score_loss(
                scores, region_boxes, target_boxes, real, look=look, partial=partial, sure=sure, unlike_px=target_unlike
            )
            loss = WORTH_OF_SCORES * more
        state = state.take(slice(history.shape[1] - hidden.shape[1], None))
        if isinstance(logits_to_keep, Tensor):
            hidden, state = hidden[:, logits_to_keep], state.take(logits_to_keep)
        elif logits_to_keep:
            hidden, state = hidden[:, -logits_to_keep:], state.take(slice(-logits_to_keep, None))
        logits = self.grammar(hidden, self.lm_head(hidden), state, region_relevance, keys, region_boxes)
        if labels is not None:
            # already log-probabilities: their log-softmax is themselves
            wanted = labels[:, 1:].flatten()
            nll = nn.functional.nll_loss(logits[:, :-1].flatten(0, 1), wanted, ignore_index=-100, reduction="sum")
            nll = nll / (wanted != -100).sum().clamp(min=1)
            loss = nll if loss is None else loss + nll
        return CausalLMOutputWithPast(
            loss=loss,
            logits=logits,
            past_key_values=out.past_key_values,
            hidden_states=out.hidden_states,
            attentions=out.attentions,
        )

    def prepare_inputs_for_generation(self, input_ids: Tensor, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """As ever, with the whole text beside the newest token."""
        ids = cast(torch.LongTensor, input_ids)
        inputs: dict[str, Any] = super().prepare_inputs_for_generation(ids, *args, **kwargs)  # type: ignore[misc]  # a mixin's
        inputs["history_ids"] = input_ids
        return inputs

    @torch.no_grad()
    def generate(
        self, inputs: Tensor | None = None, *args: Any, pixel_values: Tensor | None = None, **kwargs: Any
    ) -> Any:
        """Like every ``generate`` of transformers; the image is read once, not once a token or a completion."""
        ids = kwargs.get("input_ids", inputs)
        if pixel_values is not None and ids is not None and kwargs.get("region_embeds") is None:
            read = self.read(self.encode_images(pixel_values), *self.question_words(ids))
            kwargs.update(region_embeds=read.embeds, region_relevance=read.relevance, region_boxes=read.boxes_px)
        return super().generate(inputs, *args, **kwargs)  # type: ignore[misc]
