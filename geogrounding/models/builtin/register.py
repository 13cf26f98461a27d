"""Importing this module registers the built-in model with transformers' Auto classes."""

from __future__ import annotations

from transformers import AutoConfig, AutoImageProcessor, AutoModelForImageTextToText, AutoProcessor

from geogrounding.models.builtin.configuration import GeogroundConfig
from geogrounding.models.builtin.modeling import GeogroundForConditionalGeneration
from geogrounding.models.builtin.processing import GeogroundImageProcessor, GeogroundProcessor

AutoConfig.register(GeogroundConfig.model_type, GeogroundConfig, exist_ok=True)
AutoModelForImageTextToText.register(GeogroundConfig, GeogroundForConditionalGeneration, exist_ok=True)
AutoProcessor.register(GeogroundConfig, GeogroundProcessor, exist_ok=True)
AutoImageProcessor.register(GeogroundConfig, image_processor_classes={"pil": GeogroundImageProcessor}, exist_ok=True)

__all__ = ["GeogroundConfig", "GeogroundForConditionalGeneration", "GeogroundImageProcessor", "GeogroundProcessor"]
