"""The part of the built-in model that sees: a vision transformer and the region head, and their weights from a folder.

It answers every question for a class by itself. It is plain torch: reading a question that says more than a class needs
transformers, whose import takes longer than a small run, so that half of the model is loaded when it is asked for
(``reading``). The tower is DINOv2's (Oquab et al. 2023, arXiv 2304.07193) with the names that ``transformers.Dinov2Model``
gives its weights, and a test holds it to the same numbers.
"""

from __future__ import annotations

import json
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from geogrounding.models.builtin.regions import DenseMaps, RegionHead, Regions, select_regions


@dataclass(frozen=True, slots=True, kw_only=True)
class TowerSizes:
    """Sizes of a tower; names and defaults are those of ``transformers.Dinov2Config``."""

    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    mlp_ratio: int = 4
    layer_norm_eps: float = 1e-6
    image_size: int = 224
    patch_size: int = 14
    num_channels: int = 3
    layerscale_value: float = 1.0
    hidden_act: str = "gelu"
    qkv_bias: bool = True
    use_swiglu_ffn: bool = False
    use_mask_token: bool = True

    def __post_init__(self) -> None:
        """Refuse what the tower does not have.

        Raises:
            ValueError: another kind of DINOv2.
        """
        if self.hidden_act != "gelu" or not self.qkv_bias or self.use_swiglu_ffn or not self.use_mask_token:
            raise ValueError("the vision tower is a DINOv2 with GELU, biases and a mask token")


@dataclass(frozen=True, slots=True, kw_only=True)
class VisionConfig:
    """What the seeing part needs of a ``GeogroundConfig``, which says what each value means; with its defaults, since a folder
    of an earlier version lacks values.
    """

    tower: TowerSizes
    vision_layers: tuple[int, ...] = (9, 11)
    classes: tuple[str, ...] = ()
    image_size: int = 336
    regions: int = 64
    found_regions: int = 300
    candidates: int = 1500
    region_width: int = 160
    region_fine_width: int = 64
    region_stem: int = 16
    region_blocks: int = 0
    class_shifts: tuple[float, ...] = ()
    taught: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: dict[str, Any]) -> VisionConfig:
        """From the values of a ``config.json`` or of ``GeogroundConfig.to_dict()``.

        Raises:
            KeyError: there is no ``vision_config``.
            ValueError, TypeError: a value is of the wrong kind.
        """
        if config.get("model_type") != "geoground":
            raise ValueError(f"a model of type {config.get('model_type')!r}, not 'geoground'")
        own: dict[str, Any] = {f.name: config[f.name] for f in fields(cls) if config.get(f.name) is not None}
        for name in ("vision_layers", "classes", "class_shifts", "taught"):
            if name in own:
                own[name] = tuple(own[name])
        sizes = dict(config["vision_config"])
        known = {f.name: sizes[f.name] for f in fields(TowerSizes) if f.name in sizes}
        return cls(tower=TowerSizes(**known), **own)


class _Scale(nn.Module):
    def __init__(self, sizes: TowerSizes) -> None:
        super().__init__()
        self.lambda1 = nn.Parameter(torch.full((sizes.hidden_size,), float(sizes.layerscale_value)))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.lambda1


class _Attention(nn.Module):
    def __init__(self, sizes: TowerSizes) -> None:
        super().__init__()
        width, self.heads = sizes.hidden_size, sizes.num_attention_heads
        self.q_proj, self.k_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.v_proj, self.o_proj = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (
            project(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        mixed = nn.functional.scaled_dot_product_attention(q, k, v)
        out: Tensor = self.o_proj(mixed.transpose(1, 2).flatten(2))
        return out


class _Mlp(nn.Module):
    def __init__(self, sizes: TowerSizes) -> None:
        super().__init__()
        inner = int(sizes.hidden_size * sizes.mlp_ratio)
        self.fc1, self.fc2 = nn.Linear(sizes.hidden_size, inner), nn.Linear(inner, sizes.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc2(nn.functional.gelu(self.fc1(x)))
        return out


class VisionLayer(nn.Module):
    """A block of the tower."""

    def __init__(self, sizes: TowerSizes) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(sizes.hidden_size, eps=sizes.layer_norm_eps)
        self.attention = _Attention(sizes)
        self.layer_scale1 = _Scale(sizes)
        self.norm2 = nn.LayerNorm(sizes.hidden_size, eps=sizes.layer_norm_eps)
        self.mlp = _Mlp(sizes)
        self.layer_scale2 = _Scale(sizes)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 1 + cells, width) to the same shape."""
        x = self.layer_scale1(self.attention(self.norm1(x))) + x
        out: Tensor = self.layer_scale2(self.mlp(self.norm2(x))) + x
        return out


class _Patches(nn.Module):
    def __init__(self, sizes: TowerSizes) -> None:
        super().__init__()
        self.projection = nn.Conv2d(
            sizes.num_channels, sizes.hidden_size, kernel_size=sizes.patch_size, stride=sizes.patch_size
        )


class _Embeddings(nn.Module):
    def __init__(self, sizes: TowerSizes) -> None:
        super().__init__()
        cells = (sizes.image_size // sizes.patch_size) ** 2
        self.cls_token = nn.Parameter(torch.zeros(1, 1, sizes.hidden_size))
        self.mask_token = nn.Parameter(torch.zeros(1, sizes.hidden_size))  # of DINOv2's own training; not read
        self.patch_embeddings = _Patches(sizes)
        self.position_embeddings = nn.Parameter(torch.zeros(1, cells + 1, sizes.hidden_size))

    def forward(self, pixel_values: Tensor) -> Tensor:
        projection = self.patch_embeddings.projection
        cells = projection(pixel_values.to(projection.weight.dtype)).flatten(2).transpose(1, 2)
        return torch.cat([self.cls_token.expand(len(cells), -1, -1), cells], 1) + self.position_embeddings


class _Encoder(nn.Module):
    def __init__(self, sizes: TowerSizes) -> None:
        super().__init__()
        self.layer = nn.ModuleList(VisionLayer(sizes) for _ in range(sizes.num_hidden_layers))


class VisionTower(nn.Module):
    """A DINOv2 for images of one size."""

    def __init__(self, sizes: TowerSizes) -> None:
        super().__init__()
        self.embeddings = _Embeddings(sizes)
        self.encoder = _Encoder(sizes)
        self.layernorm = nn.LayerNorm(sizes.hidden_size, eps=sizes.layer_norm_eps)  # after the last layer; not read

    def forward(self, pixel_values: Tensor, layers: Sequence[int]) -> Tensor:
        """Features (B, cells, width x layers) after some layers (0: before the first) of normalised images (B, 3, S, S)."""
        return features_after(self.embeddings(pixel_values), self.encoder.layer, layers)


def features_after(x: Tensor, blocks: nn.ModuleList, layers: Sequence[int]) -> Tensor:
    """Features (B, cells, width x layers) after some blocks (0: before the first) of images as tokens (B, 1 + cells, width).

    Blocks after the last of these are not computed.
    """
    states = {0: x}
    for number, block in enumerate(blocks[: max(layers)], 1):
        x = block(x)
        if number in layers:
            states[number] = x
    return torch.cat([states[layer][:, 1:] for layer in layers], -1)


def head_of(config: VisionConfig) -> RegionHead:
    """A region head with random weights."""
    return RegionHead(
        feature_width=config.tower.hidden_size * len(config.vision_layers),
        feature_parts=len(config.vision_layers),
        width=config.region_width,
        fine=config.region_fine_width,
        classes=len(config.classes),
        patch_px=config.tower.patch_size,
        stem=config.region_stem,
        fine_blocks=config.region_blocks,
    )


class Sees(ABC):
    """What a module with a vision tower and a region head sees."""

    region_head: RegionHead
    config: Any
    """A ``VisionConfig``, or a ``GeogroundConfig``, which has the same values and more."""

    @abstractmethod
    def vision_features(self, pixel_values: Tensor) -> Tensor:
        """Features (B, cells, width x layers) of normalised images (B, 3, S, S): what the region head reads, no more."""

    @torch.no_grad()
    def dense_maps(self, pixel_values: Tensor) -> DenseMaps:
        """What every cell of images (B, 3, S, S) says, with the feature maps that it was read from."""
        features = self.vision_features(pixel_values)
        dtype = self.region_head.reduce.weight.dtype
        maps: DenseMaps = self.region_head(features.to(dtype), pixel_values.to(dtype))
        return maps

    @torch.no_grad()
    def regions_of(self, maps: DenseMaps) -> Regions:
        """Every region worth an answer, at least as many as the reader reads (float32)."""
        found = select_regions(
            maps,
            side_px=self.config.image_size,
            candidates=self.config.candidates,
            keep=self.config.found_regions,
            least=self.config.regions,
        )
        return Regions(**{f.name: getattr(found, f.name).float() for f in fields(found)})


class Vision(Sees, nn.Module):
    """The seeing part by itself."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.config = config
        self.vision_tower, self.region_head = VisionTower(config.tower), head_of(config)

    def vision_features(self, pixel_values: Tensor) -> Tensor:
        """See ``Sees``."""
        features: Tensor = self.vision_tower(pixel_values, self.config.vision_layers)
        return features


def _own_name(name: str) -> str:
    """The name of a weight; ``save_pretrained`` of transformers writes some of DINOv2's as its earlier releases did."""
    name = name.replace(".attention.output.dense.", ".attention.o_proj.")
    return re.sub(r"\.attention\.attention\.(query|key|value)\.", lambda m: f".attention.{m[1][0]}_proj.", name)


def load_vision(folder: Path) -> Vision:
    """The seeing part of a folder of weights, float32, for inference.

    Raises:
        OSError: a file cannot be read.
        ValueError, KeyError, TypeError, RuntimeError: weights or configuration are damaged or do not fit each other.
    """
    config = VisionConfig.of(json.loads((folder / "config.json").read_text(encoding="utf-8")))
    if not config.vision_layers or not set(config.vision_layers) <= set(range(config.tower.num_hidden_layers + 1)):
        raise ValueError(f"vision_layers {list(config.vision_layers)} are not layers of the tower")
    if len(config.class_shifts) not in (0, len(config.classes)) or not all(map(math.isfinite, config.class_shifts)):
        raise ValueError("class_shifts are not one number for each class")
    with torch.device("meta"):  # nothing is drawn at random that is read from the file anyway
        vision = Vision(config)
    state: dict[str, Tensor] = {}
    for file in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(file, framework="pt") as weights:
                names = [name for name in weights.keys() if name.startswith(("vision_tower.", "region_head."))]  # noqa: SIM118 - no dictionary
                state.update({_own_name(name): weights.get_tensor(name).float() for name in names})
        except SafetensorError as error:
            raise ValueError(f"{file.name}: {error}") from error
    vision.load_state_dict(state, assign=True)
    return vision.eval().requires_grad_(False)
