"""Small randomly initialised open-vocabulary detectors, saved as a user's folder would be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import transformers

from geogrounding.models.hf.checkpoint import quiet

SIDE = 64
SIDES = {
    "grounding-dino": 128,
    "mm-grounding-dino": 128,
    "owlvit": SIDE,
    "owlv2": SIDE,
    "omdet-turbo": 128,
    "sam3": 112,
}
"""Side of the square that each kind sees, pixels."""
_WORDS = ("ship", "tree", "car", "tank", "the", "red", "largest", "a", "at", "quay", "detect", "airplane")
_LIBRARY: Any = transformers


def bert_tokenizer() -> Any:
    """A word-piece tokenizer whose special tokens have the ids that Grounding DINO expects of BERT's."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    vocabulary = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, ".": 1012, "?": 1029}
    vocabulary |= {letter: 200 + index for index, letter in enumerate("abcdefghijklmnopqrstuvwxyz")}
    vocabulary |= {f"##{letter}": 300 + index for index, letter in enumerate("abcdefghijklmnopqrstuvwxyz")}
    vocabulary |= {word: 400 + index for index, word in enumerate(_WORDS) if word not in vocabulary}
    tokenizer = Tokenizer(models.WordPiece(vocab=vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 101), ("[SEP]", 102)]
    )
    return _LIBRARY.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]"
    )


def clip_tokenizer() -> Any:
    """A tokenizer of letters with the start and end of CLIP's."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    letters = "abcdefghijklmnopqrstuvwxyz., "
    vocabulary = {"!": 0} | {letter: 1 + index for index, letter in enumerate(letters)}
    vocabulary |= {"<|startoftext|>": 62, "<|endoftext|>": 63}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="!"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|startoftext|> $A <|endoftext|>", special_tokens=[("<|startoftext|>", 62), ("<|endoftext|>", 63)]
    )
    return _LIBRARY.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="!", bos_token="<|startoftext|>", eos_token="<|endoftext|>", pad_token="!"
    )


def _swin() -> Any:
    return _LIBRARY.SwinConfig(
        image_size=SIDE, patch_size=4, embed_dim=16, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=4,
        out_features=["stage2", "stage3", "stage4"],
    )  # fmt: skip


def _grounding_dino(kind: str) -> Any:
    text = _LIBRARY.BertConfig(
        vocab_size=1100, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
    )
    shared: dict[str, Any] = {
        "text_config": text, "backbone_config": _swin(), "d_model": 32, "encoder_layers": 1, "decoder_layers": 2,
        "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
        "num_queries": 20, "fusion_dropout": 0.0, "fusion_droppath": 0.0, "use_timm_backbone": False,
    }  # fmt: skip
    config = _LIBRARY.GroundingDinoConfig if kind == "grounding-dino" else _LIBRARY.MMGroundingDinoConfig
    return config(**shared)


def _owl(kind: str) -> Any:
    text = {
        "vocab_size": 64, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2,
        "num_attention_heads": 2, "max_position_embeddings": 16, "bos_token_id": 62, "eos_token_id": 63,
    }  # fmt: skip
    vision = {
        "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
        "image_size": SIDE, "patch_size": 16,
    }  # fmt: skip
    config = _LIBRARY.OwlViTConfig if kind == "owlvit" else _LIBRARY.Owlv2Config
    return config(text_config=text, vision_config=vision, projection_dim=32)


def _sam3() -> Any:
    small = {"hidden_size": 32, "intermediate_size": 32, "num_attention_heads": 2}
    return _LIBRARY.Sam3Config(
        vision_config={
            "backbone_config": {
                "model_type": "sam3_vit_model", **small, "num_hidden_layers": 2, "image_size": 112, "patch_size": 14,
                "pretrain_image_size": 112, "window_size": 4, "global_attn_indexes": [1],
            },
            "fpn_hidden_size": 32,
            "backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]],
        },
        text_config={
            "vocab_size": 64, **small, "num_hidden_layers": 2, "max_position_embeddings": 32, "projection_dim": 32,
            "bos_token_id": 62, "eos_token_id": 63,
        },
        geometry_encoder_config={**small, "num_layers": 1},
        detr_encoder_config={**small, "num_layers": 1},
        detr_decoder_config={**small, "num_layers": 2, "num_queries": 12},
        mask_decoder_config={"hidden_size": 32, "num_attention_heads": 2},
    )  # fmt: skip


def _omdet() -> Any:
    """With a backbone of transformers in place of timm's, as a checkpoint may have it."""
    text = {
        "model_type": "clip_text_model", "vocab_size": 64, "hidden_size": 48, "intermediate_size": 32,
        "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 77, "projection_dim": 48,
        "bos_token_id": 62, "eos_token_id": 63,
    }  # fmt: skip
    return _LIBRARY.OmDetTurboConfig(
        text_config=text, backbone_config=_swin().to_dict(), use_timm_backbone=False,
        image_size=SIDES["omdet-turbo"],
        apply_layernorm_after_vision_backbone=False,
        encoder_in_channels=[32, 64, 128], vision_features_channels=[32, 32, 32], encoder_hidden_dim=32,
        encoder_attention_heads=2, encoder_dim_feedforward=32, text_projection_in_dim=48, text_projection_out_dim=48,
        task_encoder_hidden_dim=32, class_embed_dim=48, num_queries=20, decoder_hidden_dim=32, decoder_num_heads=2,
        decoder_num_layers=2, decoder_dim_feedforward=32, disable_custom_kernels=True,
    )  # fmt: skip


KINDS = ("grounding-dino", "mm-grounding-dino", "owlvit", "owlv2", "omdet-turbo", "sam3")


def save_tiny_detector(folder: Path, kind: str, seed: int = 0) -> Path:
    """Build a detector with random weights, wide enough that its answers depend on image and text, and save it."""
    import torch

    if kind.endswith("grounding-dino"):
        config, tokenizer = _grounding_dino(kind), bert_tokenizer()
    elif kind == "sam3":
        config, tokenizer = _sam3(), clip_tokenizer()
    elif kind == "omdet-turbo":
        config, tokenizer = _omdet(), clip_tokenizer()
    else:
        config, tokenizer = _owl(kind), clip_tokenizer()
    auto = _LIBRARY.Sam3Model if kind == "sam3" else _LIBRARY.AutoModelForZeroShotObjectDetection
    with torch.random.fork_rng(), quiet():
        torch.manual_seed(seed)
        model = auto(config) if kind == "sam3" else auto.from_config(config)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if weight.ndim > 1 and "norm" not in name:
                    weight.add_(torch.randn_like(weight) * 0.2)
        model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    side = SIDES[kind]
    size: dict[str, int] = {"height": side, "width": side}
    if kind.endswith("dino"):
        size = {"shortest_edge": side, "longest_edge": 2 * side}
    described = {"size": size, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.25, 0.25, 0.25], "resample": 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(described))
    return folder
