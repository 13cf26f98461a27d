"""Small training sets: grey images with bright squares, in the Geo-R1 form, and models that can answer about them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.integration.tiny_models import Family, save_tiny

SAYS = (
    "<think>a square.</think><answer>",
    '```json\n[{"bbox_2d": [',
    "8, 8, 40, 40",
    '], "label": "square"}]\n```',
    "</answer>",
)
"""Pieces of an answer of the right form."""


def write_squares(folder: Path, count: int, *, size: int = 56, seed: int = 0) -> Path:
    """Write ``count`` images with one square each and ``train.jsonl``; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    lines = []
    for index in range(count):
        x, y = (int(value) for value in rng.integers(2, size // 2, 2))
        side = int(rng.integers(size // 5, size // 3))
        image = np.full((size, size, 3), 90, dtype=np.uint8)
        image += rng.integers(0, 20, image.shape, dtype=np.uint8)
        image[y : y + side, x : x + side] = (230, 220, 40)
        Image.fromarray(image).save(folder / f"{index}.png")
        truth = [{"bbox_2d": [x, y, x + side, y + side], "label": "square"}]
        lines.append(
            {
                "image": f"{index}.png",
                "problem": "the square",
                "expression": "the square",
                "task": "detect",
                "solution": f"<answer>```json\n{json.dumps(truth)}\n```</answer>",
            }
        )
    data = folder / "train.jsonl"
    data.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return data


def save_talker(folder: Path, family: Family = "qwen2_5_vl") -> Path:
    """A tiny model whose answers often have the right form."""
    return save_tiny(folder, family, say=SAYS, probabilities=[0.9] * 6, max_pixels=112 * 112)


def brevity_reward(completions: Sequence[Any], **columns: Any) -> list[float]:
    """A reward that differs from answer to answer whatever a model says: short is good."""
    return [-len(completion[-1]["content"]) / 100 for completion in completions]
