"""Which checkpoints are open-vocabulary detectors; nothing here imports torch."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of detector."""

    model_type: str
    """``model_type`` in config.json."""
    tile_size_px: int
    """Side of chips that suits the input of the published checkpoints."""
    min_score: float
    """Score below which boxes are left out by default: the default of the kind's own post-processing."""


KINDS = (
    Kind(model_type="grounding-dino", tile_size_px=800, min_score=0.25),
    Kind(model_type="mm-grounding-dino", tile_size_px=800, min_score=0.25),
    Kind(model_type="owlvit", tile_size_px=768, min_score=0.1),
    Kind(model_type="owlv2", tile_size_px=960, min_score=0.1),
    Kind(model_type="omdet-turbo", tile_size_px=640, min_score=0.3),
    Kind(model_type="sam3", tile_size_px=1008, min_score=0.3),
)
_ALSO = {"sam3_video": "sam3"}
"""Published checkpoints of SAM 3 hold its detector and its tracker under one type."""
_NAMES = re.compile(r"grounding-?dino|owl-?vit|owl-?v2|omdet|(?:^|[/-])sam-?3(?:$|[^\d])")


def kind_of(model_type: str) -> Kind | None:
    """The kind of a checkpoint by its ``model_type``; None where it is no detector."""
    known = _ALSO.get(model_type, model_type)
    return next((kind for kind in KINDS if kind.model_type == known), None)


def kind_by_name(name: str) -> bool:
    """Whether a hub id names a detector, such as ``IDEA-Research/grounding-dino-tiny``."""
    return _NAMES.search(name.casefold().replace("_", "-")) is not None
