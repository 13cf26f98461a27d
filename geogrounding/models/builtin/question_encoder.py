"""The reader: looks at the regions of an image with a question in mind.

A bidirectional transformer over the words of the question, the regions, a coarse map of the image and one token that sums
up. What it says of a region is its relevance: the logit that the region is what the question means. Regions see each other
together with where they lie to each other (relation bias, after Hu et al. 2018, arXiv 1711.11575), so "the tank nearest the
pier" is one comparison. The language model reads the regions as they leave the reader.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from geogrounding.models.builtin.configuration import GeogroundConfig
from geogrounding.models.builtin.regions import Regions

LEAST_SCORE = 0.005
"""Scores are read as if none were below it, or as near to 1."""
PAIR = 8
"""Numbers that say how two boxes lie to each other."""
PAIR_WIDTH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is known of images before any question: computed once, shared by every question and every answer."""

    regions: Regions
    context: Tensor
    """(B, W, g, g) coarse features."""

    def take(self, index: Tensor) -> Seen:
        """Rows ``index`` of the batch."""
        return Seen(regions=self.regions.take(index), context=self.context[index])


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Images read with a question in mind."""

    embeds: Tensor
    """(B, context + K, width) image tokens of the language model."""
    relevance: Tensor
    """(B, K) logits; very negative where there is no region."""
    boxes_px: Tensor
    """(B, K, 4) boxes of the regions."""


def coordinate_code(values: Tensor, frequencies: int) -> Tensor:
    """Smooth code of numbers in [0, 1]: sin and cos of v 2^(8 i / F) pi / 2, i < F: (...,) to (..., 2 F)."""
    scale = 2 ** (torch.arange(frequencies, device=values.device, dtype=torch.float32) / frequencies * 8) * (
        math.pi / 2
    )
    angle = values.float()[..., None] * scale
    return torch.cat([angle.sin(), angle.cos()], -1)


def pair_code(boxes: Tensor) -> Tensor:
    """How boxes (B, K, 4), in shares of the image, lie to each other: (B, K, K, PAIR)."""
    centre, size = (boxes[..., :2] + boxes[..., 2:]) / 2, (boxes[..., 2:] - boxes[..., :2]).clamp(min=1e-3)
    offset = centre[:, None] - centre[:, :, None]
    gap = (offset.abs() - (size[:, None] + size[:, :, None]) / 2).clamp(min=0)
    area = size.prod(-1).log() / 2
    return torch.cat(
        [
            offset * 2,
            offset.sign() * (offset.abs() + 0.02).log(),
            (gap.norm(dim=-1, keepdim=True) + 0.01).log(),
            (offset.norm(dim=-1, keepdim=True) + 0.01).log(),
            (area[:, None] - area[:, :, None])[..., None].clamp(-3, 3),
            torch.eye(boxes.shape[1], device=boxes.device).expand(len(boxes), -1, -1)[..., None],
        ],
        -1,
    )


class ReaderLayer(nn.Module):
    """Attention with a bias for pairs of regions, and a feed-forward network, both on normalised input."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm, self.norm_up = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.output = nn.Linear(width, width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 3 * width), nn.Linear(3 * width, width)
        self.pair = nn.Linear(PAIR_WIDTH, heads)

    def forward(self, x: Tensor, pairs: Tensor, mask: Tensor) -> Tensor:
        """(B, T, width) to the same; the last K of the T tokens are the regions of ``pairs`` (B, K, K, PAIR_WIDTH).

        Args:
            x: tokens.
            pairs: what is known of pairs of regions.
            mask: (B, 1, 1, T), 0 or a large negative number for tokens that do not count.
        """
        b, t, width = x.shape
        k = pairs.shape[1]
        near = self.pair(pairs).permute(0, 3, 1, 2)
        bias = nn.functional.pad(near, (t - k, 0, t - k, 0)) + mask.to(near.dtype)
        y = self.norm(x)
        q, key, v = (part(y).view(b, t, self.heads, -1).transpose(1, 2) for part in (self.query, self.key, self.value))
        y = nn.functional.scaled_dot_product_attention(q, key, v, attn_mask=bias.to(q.dtype))
        x = x + self.output(y.transpose(1, 2).reshape(b, t, width))
        out: Tensor = x + self.down(nn.functional.gelu(self.up(self.norm_up(x))))
        return out


class Reader(nn.Module):
    """Words and regions to image tokens and relevances; see the module's docstring."""

    def __init__(self, config: GeogroundConfig) -> None:
        super().__init__()
        width = config.text_config.hidden_size
        self.frequencies, self.side_px = config.frequencies, config.image_size
        look = config.vision_config.hidden_size
        self.grid = config.context_grid
        self.words = nn.Embedding(config.question_words, width)
        self.known = nn.Linear(2 * (len(config.classes) + 1) + 6 * 2 * config.frequencies, width)
        self.hidden_norm, self.hidden = (
            nn.LayerNorm(config.region_fine_width),
            nn.Linear(config.region_fine_width, width),
        )
        self.look_norm, self.look = nn.LayerNorm(look), nn.Linear(look, width)
        self.context_norm = nn.LayerNorm(config.region_width)
        self.context = nn.Linear(config.region_width, width)
        self.place = nn.Parameter(torch.zeros(config.context_grid**2, width))
        self.pairs = nn.Linear(PAIR, PAIR_WIDTH)
        self.layers = nn.ModuleList(ReaderLayer(width, max(1, width // 64)) for _ in range(config.reader_layers))
        self.norm = nn.LayerNorm(width)
        self.relevant_up, self.relevant = nn.Linear(width, width), nn.Linear(width, 1)

    def forward(self, seen: Seen, words: Tensor, count: Tensor) -> Read:
        """Read images with one question each.

        Args:
            seen: B images.
            words: (B, W, width) embeddings of the questions' words.
            count: (B, W) True where there is a word.
        """
        regions, dtype = seen.regions, self.place.dtype
        boxes = regions.boxes_px / self.side_px
        code = coordinate_code(torch.cat([boxes, boxes[..., 2:] - boxes[..., :2]], -1), self.frequencies).flatten(-2)
        odds = torch.logit(regions.scores.clamp(LEAST_SCORE, 1 - LEAST_SCORE)) / 2
        tokens = self.known(torch.cat([regions.scores, odds, code], -1).to(dtype))
        tokens = tokens + self.hidden(self.hidden_norm(regions.hidden.to(dtype)))
        tokens = tokens + self.look(self.look_norm(regions.look.to(dtype)))
        pooled = nn.functional.adaptive_avg_pool2d(seen.context.to(dtype), self.grid).flatten(2).transpose(1, 2)
        context = self.context(self.context_norm(pooled)) + self.place
        words = words.to(dtype) + self.words.weight[: words.shape[1]]
        x = torch.cat([words, context, tokens], 1)
        real = regions.scores.amax(-1) > 0
        counts = torch.cat([count, torch.ones_like(context[..., 0], dtype=torch.bool), real], 1)
        mask = torch.zeros(counts.shape, dtype=torch.float32, device=x.device).masked_fill(~counts, -1e4)
        pairs = nn.functional.gelu(self.pairs(pair_code(boxes.float()).to(dtype)))
        for layer in self.layers:
            x = layer(x, pairs, mask[:, None, None])
        x = self.norm(x)
        attended = x[:, words.shape[1] + context.shape[1] :]
        relevance = self.relevant(nn.functional.gelu(self.relevant_up(attended)))[..., 0].float()
        return Read(
            embeds=x[:, words.shape[1] :],
            relevance=relevance.masked_fill(~real, -30.0),
            boxes_px=regions.boxes_px,
        )
