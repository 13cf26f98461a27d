"""Models behind one protocol: the built-in one, any transformers model, any OpenAI-compatible server, and none at all.

``load_model`` picks and loads, ``available`` lists; torch and transformers are imported only when a model is loaded.
"""

from __future__ import annotations

from geogrounding.models.base import Conventions, Model
from geogrounding.models.catalog import ModelInfo, available
from geogrounding.models.load import load_model
from geogrounding.models.null import NullModel
from geogrounding.types import BoxOrder, CoordinateConvention

__all__ = [
    "BoxOrder",
    "Conventions",
    "CoordinateConvention",
    "Model",
    "ModelInfo",
    "NullModel",
    "available",
    "load_model",
]
