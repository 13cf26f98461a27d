"""Models behind one protocol: the embedded one, any transformers model, any OpenAI-compatible server, and none at all.

``load_model`` picks and loads, ``available`` lists; torch and transformers are imported only when a model is loaded.
"""

from __future__ import annotations

from geogrounding.models.base import Conventions, CoordinateConvention, Model
from geogrounding.models.catalog import ModelInfo, available
from geogrounding.models.load import load_model
from geogrounding.models.null import NullModel

__all__ = ["Conventions", "CoordinateConvention", "Model", "ModelInfo", "NullModel", "available", "load_model"]
