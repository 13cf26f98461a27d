"""Kind: what a model sees of an oblong chip is all of it, whatever its processor does with such images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geogrounding.errors import SettingsError
from geogrounding.models import load_model
from geogrounding.models.families import FAMILIES
from geogrounding.models.hf.processing import squared
from tests.integration import tiny_models
from tests.integration.tiny_models import Family

SIZES = [(100, 50), (50, 100), (300, 40), (61, 60)]


def striped(size: tuple[int, int]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A grey image with one end white and the other black, along its longer side."""
    width, height = size
    image = np.full((height, width, 3), 127, np.uint8)
    part = max(1, max(size) // 8)
    if width > height:
        image[:, :part], image[:, -part:] = 255, 0
    else:
        image[:part], image[-part:] = 255, 0
    return image


def processors() -> dict[str, Any]:
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
    from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil

    crop: dict[str, Any] = {"size": {"shortest_edge": 56}, "crop_size": {"height": 56, "width": 56}}
    return {
        "crop (LLaVA, VipLLaVA)": CLIPImageProcessorPil(**crop, do_center_crop=True),
        "crop (LLaVA's own)": LlavaImageProcessorPil(**crop, do_center_crop=True),
        "pad (LLaVA)": LlavaImageProcessorPil(**crop, do_pad=True, do_center_crop=False),
        "pad and crop": LlavaImageProcessorPil(**crop, do_pad=True, do_center_crop=True),
    }


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["crop (LLaVA, VipLLaVA)", "crop (LLaVA's own)", "pad (LLaVA)", "pad and crop"])
def test_both_ends_reach_the_model_and_nothing_else(name: str, size: tuple[int, int]) -> None:
    processor = processors()[name]

    def seen(image: Any) -> Any:
        made = processor(images=[image], return_tensors="np", input_data_format="channels_last")["pixel_values"][0]
        return np.asarray(made).mean(axis=0)

    low, high = seen(np.zeros((56, 56, 3), np.uint8)).mean(), seen(np.full((56, 56, 3), 255, np.uint8)).mean()
    plane = (seen(squared(striped(size), processor)) - low) / (high - low)
    along = plane.mean(axis=0) if size[0] > size[1] else plane.mean(axis=1)
    assert along[0] > 0.9
    assert along[-1] < 0.1
    across = plane.mean(axis=1) if size[0] > size[1] else plane.mean(axis=0)
    assert np.ptp(across) < 0.05, "a border of padding"


def test_square_chips_and_other_processors_are_left_alone() -> None:
    class Tiles:
        do_center_crop = True
        image_grid_pinpoints = ((1, 1),)

    class Plain:
        do_pad = True

    for processor in (*processors().values(), Tiles(), Plain()):
        image = striped((64, 64))
        assert squared(image, processor) is image
    oblong = striped((64, 32))
    assert squared(oblong, Tiles()) is oblong
    assert squared(oblong, Plain()) is oblong


def test_families_that_need_squares_say_so() -> None:
    named = {family.name for family in FAMILIES if family.image == "square"}
    assert {"LLaVA", "Kosmos-2", "Florence-2"} <= named


@pytest.mark.parametrize("family", ["qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_5", "glm4v"])
@pytest.mark.parametrize("max_pixels", [30_000, 100_000])
def test_the_largest_image_is_what_was_asked_for(family: Family, max_pixels: int, tmp_path: Path) -> None:
    """GLM's processor counts each pixel twice, once for each frame of a patch in time."""
    folder = tiny_models.save_tiny(tmp_path / family, family)
    model = load_model(str(folder), device="cpu", dtype="float32", max_pixels=max_pixels, max_new_tokens=2)
    width, height = model._processing.image(striped((700, 500))).model_size_px  # type: ignore[attr-defined]
    assert 0.75 * max_pixels < width * height <= max_pixels
    assert width / height == pytest.approx(7 / 5, rel=0.2)


def test_types_without_a_budget_say_which_have_one(tmp_path: Path) -> None:
    folder = tiny_models.save_tiny(tmp_path / "llava", "llava")
    with pytest.raises(SettingsError, match="max_pixels") as caught:
        load_model(str(folder), max_pixels=30_000)
    assert "qwen3_5" in caught.value.hint
