"""Small randomly initialised models for tests, saved with ``save_pretrained`` and loaded again by the real code.

The main families: a Qwen2.5-VL (answers in pixels of the resized image), a LLaVA with a CLIP tower (56 x 56 input)
and a Qwen3-VL (0-1000, deepstack features). Their tokenizer knows every byte, so any text passes through it. A
*random* model babbles, but its babble depends on image and question (the weights are drawn wide on purpose). A
*rigged* model says one known text whatever it sees: its layers add nothing, so that the next token depends on the
last token alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from geogrounding.models.hf.checkpoint import quiet

Family = Literal["qwen2_5_vl", "qwen3_vl", "llava", "qwen2_vl", "qwen3_vl_moe", "llava_next", "qwen3_5", "glm4v"]
FAMILIES: tuple[Family, ...] = ("qwen2_5_vl", "qwen3_vl", "llava")
"""Those that every test of the backend runs with."""
RELATIVES: tuple[Family, ...] = ("qwen2_vl", "qwen3_vl_moe", "qwen3_5", "glm4v")
"""Further families that share the work on an image; ``llava_next`` is one that does not."""

HIDDEN = 64
_WIDE = 0.4
_PINPOINTS = [[112, 112], [56, 112], [112, 56]]
_SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>")

_QWEN_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_LLAVA_TEMPLATE = (
    "{% for message in messages %}USER: {% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>\n{% else %}{{ part['text'] }}{% endif %}{% endfor %} {% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:\n{% endif %}"
)


def build_tokenizer(family: Family, extra_tokens: Sequence[str] = ()) -> Any:
    """A byte-level tokenizer of 256 bytes and the family's special tokens; ``extra_tokens`` are added as ordinary."""
    import transformers
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={symbol: index for index, symbol in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    image_tokens = ("<image>",) if family.startswith("llava") else ("<|image_pad|>", "<|video_pad|>")
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in _SPECIAL + image_tokens]
    )
    if extra_tokens:
        tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in extra_tokens])
    library: Any = transformers  # its classes are only partly typed
    return library.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=_LLAVA_TEMPLATE if family.startswith("llava") else _QWEN_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def build_config(family: Family, tokenizer: Any) -> Any:
    """The smallest configuration that exercises every part of the architecture."""
    import transformers

    library: Any = transformers

    def token_id(token: str) -> int:
        return int(tokenizer.convert_tokens_to_ids(token))

    text: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": HIDDEN,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 8192,
        "pad_token_id": tokenizer.pad_token_id,
        "initializer_range": _WIDE,
    }
    ids = {"eos_token_id": tokenizer.eos_token_id, "bos_token_id": None}
    if family.startswith("llava"):
        vision = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
        size = {"image_size": 56, "patch_size": 14}
        kind = library.LlavaConfig if family == "llava" else library.LlavaNextConfig
        return kind(
            vision_config=library.CLIPVisionConfig(**vision, **size, initializer_range=_WIDE),
            text_config=library.LlamaConfig(**text, **ids),
            image_token_index=token_id("<image>"),
            image_seq_length=16,
            **({} if family == "llava" else {"image_grid_pinpoints": _PINPOINTS}),
        )
    tokens = {
        "image_token_id": token_id("<|image_pad|>"),
        "video_token_id": token_id("<|video_pad|>"),
        "vision_start_token_id": token_id("<|vision_start|>"),
        "vision_end_token_id": token_id("<|vision_end|>"),
    }
    tower = {"depth": 2, "num_heads": 2, "initializer_range": _WIDE}
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]}
    if family == "qwen2_vl":
        return library.Qwen2VLConfig(
            vision_config={**tower, "embed_dim": 32, "hidden_size": HIDDEN, "patch_size": 14, "mlp_ratio": 1},
            text_config={**text, **ids, "rope_parameters": rope},
            **tokens,
        )
    tower |= {"hidden_size": 32, "intermediate_size": 32, "out_hidden_size": HIDDEN}
    if family == "glm4v":
        return library.Glm4vConfig(
            vision_config={**tower, "patch_size": 14, "image_size": 112},
            text_config={**text, **ids, "head_dim": 16, "rope_parameters": {**rope, "partial_rotary_factor": 1.0}},
            image_token_id=tokens["image_token_id"],
            video_token_id=tokens["video_token_id"],
            image_start_token_id=tokens["vision_start_token_id"],
            image_end_token_id=tokens["vision_end_token_id"],
        )
    if family == "qwen3_5":
        linear = dict.fromkeys(("linear_num_key_heads", "linear_num_value_heads"), 2)
        linear |= dict.fromkeys(("linear_key_head_dim", "linear_value_head_dim"), 16)
        turned = {**rope, "mrope_interleaved": True, "partial_rotary_factor": 1.0}
        layers = ["linear_attention", "full_attention"]
        return library.Qwen3_5Config(
            vision_config={**tower, "patch_size": 16, "num_position_embeddings": 64},
            text_config={**text, **ids, **linear, "head_dim": 16, "layer_types": layers, "rope_parameters": turned},
            **tokens,
        )
    if family == "qwen2_5_vl":
        return library.Qwen2_5_VLConfig(
            vision_config={**tower, "patch_size": 14, "window_size": 56, "fullatt_block_indexes": [1]},
            text_config={**text, **ids, "rope_parameters": rope},
            **tokens,
        )
    text |= {"head_dim": 16, "rope_parameters": {**rope, "mrope_interleaved": True}}
    experts = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
    kind = library.Qwen3VLConfig if family == "qwen3_vl" else library.Qwen3VLMoeConfig
    return kind(
        vision_config={**tower, "patch_size": 16, "deepstack_visual_indexes": [0], "num_position_embeddings": 64},
        text_config=text if family == "qwen3_vl" else {**text, **experts},
        **tokens,
    )


def build_model(family: Family, tokenizer: Any, seed: int = 0) -> Any:
    """A randomly initialised float32 model; the same seed gives the same weights."""
    import torch
    import transformers

    library: Any = transformers

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = library.AutoModelForImageTextToText.from_config(build_config(family, tokenizer), dtype=torch.float32)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model.eval()


def rig(model: Any, tokenizer: Any, pieces: Sequence[str], probabilities: Sequence[float] | None = None) -> None:
    """Make ``model`` say ``pieces`` one after the other and stop, whatever it is shown.

    Every piece must be one token of the vocabulary and appear once. Layers are silenced, so that the last hidden
    state is the embedding of the last token; each token of the chain owns one direction of it, and the output row of
    its successor points there. ``probabilities`` says how sure the model is of each piece and of the end after the
    last; 0.9 by default.
    """
    import torch

    token_ids = [int(tokenizer.convert_tokens_to_ids(piece)) for piece in pieces] + [int(tokenizer.eos_token_id)]
    chain = [tokenizer("\n", add_special_tokens=False)["input_ids"][-1], *token_ids]
    if len(set(chain)) != len(chain) or len(chain) > HIDDEN:
        raise ValueError("pieces must be distinct single tokens")
    with torch.no_grad():
        for name, weight in model.model.language_model.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                weight.zero_()
        embeddings = model.get_input_embeddings().weight
        head = model.lm_head.weight
        head.zero_()
        sure = [0.9] * len(token_ids) if probabilities is None else list(probabilities)
        for direction, ((current, following), probability) in enumerate(zip(pairwise(chain), sure, strict=True)):
            embeddings[current] = 0.0
            embeddings[current, direction] = 1.0
            # The norm before the head makes the one direction sqrt(hidden) long; all other tokens have logit 0.
            logit = math.log(probability * (head.shape[0] - 1) / (1 - probability))
            head[following, direction] = logit / math.sqrt(HIDDEN)


def save_tiny(
    folder: Path,
    family: Family,
    *,
    say: Sequence[str] | None = None,
    probabilities: Sequence[float] | None = None,
    seed: int = 0,
    max_pixels: int = 1024 * 1024,
) -> Path:
    """Build and save a whole model folder: weights, configuration, tokenizer, image processor.

    Args:
        folder: created when missing.
        family: which architecture.
        say: pieces a rigged model says (see ``rig``); None leaves the model random.
        probabilities: how sure a rigged model is of each piece and of the end.
        seed: of the weights.
        max_pixels: pixel budget written to the image processor (Qwen families).

    Returns:
        ``folder``.
    """
    tokenizer = build_tokenizer(family, extra_tokens=say or ())
    model = build_model(family, tokenizer, seed)
    if say is not None:
        rig(model, tokenizer, say, probabilities)
    folder.mkdir(parents=True, exist_ok=True)
    with quiet():
        model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    image_processor(family, max_pixels).save_pretrained(folder)
    if family.startswith("llava"):
        import transformers

        library: Any = transformers
        kind = library.LlavaProcessor if family == "llava" else library.LlavaNextProcessor
        kind(
            image_processor=image_processor(family, max_pixels),
            tokenizer=tokenizer,
            patch_size=14,
            vision_feature_select_strategy="default",
            num_additional_image_tokens=1,
            chat_template=_LLAVA_TEMPLATE,
        ).save_pretrained(folder)
    return folder


def image_processor(family: Family, max_pixels: int) -> Any:
    """The family's image processor with a Pillow backend."""
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
    from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    fixed: dict[str, Any] = {"size": {"shortest_edge": 56}, "crop_size": {"height": 56, "width": 56}}
    if family == "llava":
        return CLIPImageProcessorPil(**fixed)
    if family == "llava_next":
        return LlavaNextImageProcessorPil(**fixed, image_grid_pinpoints=_PINPOINTS)
    if family == "glm4v":
        from transformers.models.glm4v.image_processing_pil_glm4v import Glm4vImageProcessorPil

        return Glm4vImageProcessorPil(size={"shortest_edge": 2 * 4 * 14 * 14, "longest_edge": 2 * max_pixels})
    patch_size = 14 if family.startswith("qwen2") else 16
    size = {"shortest_edge": 4 * patch_size * patch_size, "longest_edge": max_pixels}
    return Qwen2VLImageProcessorPil(size=size, patch_size=patch_size, merge_size=2, temporal_patch_size=2)
