"""What the built-in model takes from torch that is not part of its public interface, and what happens where it is missing."""

from __future__ import annotations

import torch

__all__ = ["bfloat16_is_fast"]


def bfloat16_is_fast() -> bool:
    """Whether this processor computes bfloat16 in hardware, as far as torch says so; no where torch does not say."""
    try:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    except (AttributeError, RuntimeError):  # another version of torch, or a build without oneDNN
        return False
