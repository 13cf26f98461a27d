"""Images are encoded once, and the numbers are those of encoding each of them every time."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.integration.tiny_builtin import save_tiny_builtin
from tests.integration.tiny_models import Family, build_model, build_tokenizer, image_processor

FAMILIES: tuple[Family, ...] = ("qwen2_5_vl", "qwen3_vl", "llava")


def image(seed: int, size: int = 56) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (size, size, 3), dtype=np.uint8)


def inputs_of(family: Family, images: list[np.ndarray]) -> dict[str, Any]:
    import torch

    process = image_processor(family, 56 * 56)
    parts = [process(images=[one], return_tensors="pt", input_data_format="channels_last") for one in images]
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def freeze_all_but_language(model: Any) -> None:
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("language_model" in name)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_numbers_for_fewer_images(family: Family) -> None:
    import torch

    from geogrounding.training.vision_cache import SharedVision

    model = build_model(family, build_tokenizer(family))
    freeze_all_but_language(model)
    batch = inputs_of(family, [image(seed) for seed in (1, 2, 1, 1, 3, 2)])
    with torch.no_grad():
        plain = model.get_image_features(**batch, return_dict=True)
    shared = SharedVision(model)
    assert shared.works
    with torch.no_grad():
        first = model.get_image_features(**batch, return_dict=True)
        again = model.get_image_features(**batch, return_dict=True)
    assert (shared.counts.asked, shared.counts.encoded) == (12, 3)
    for output in (first, again):
        assert len(output.pooler_output) == 6
        for one, other in zip(plain.pooler_output, output.pooler_output, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)
        for level, known in zip(
            getattr(output, "deepstack_features", None) or (),
            getattr(plain, "deepstack_features", None) or (),
            strict=True,
        ):
            torch.testing.assert_close(torch.cat(list(level)), torch.cat(list(known)), rtol=1e-5, atol=1e-5)
    shared.close()
    with torch.no_grad():
        model.get_image_features(**batch, return_dict=True)
    assert shared.counts.asked == 12


def test_images_that_differ_in_one_value_are_two() -> None:
    import torch

    from geogrounding.training.vision_cache import SharedVision

    model = build_model("qwen2_5_vl", build_tokenizer("qwen2_5_vl"))
    freeze_all_but_language(model)
    batch = inputs_of("qwen2_5_vl", [image(1), image(1)])
    half = len(batch["pixel_values"]) // 2
    batch["pixel_values"][half + 3, 7] += 0.25
    shared = SharedVision(model)
    with torch.no_grad():
        output = model.get_image_features(**batch, return_dict=True).pooler_output
        before = shared.counts.encoded
        batch["pixel_values"][half + 3, 7] += 0.25
        model.get_image_features(**batch, return_dict=True)
    assert before == 2
    assert not torch.equal(output[0], output[1])
    assert shared.counts.encoded == 3


def test_a_tower_that_learns_shares_within_a_batch_only_and_gets_the_whole_gradient() -> None:
    import torch

    from geogrounding.training.vision_cache import SharedVision

    batch = inputs_of("qwen2_5_vl", [image(1), image(2), image(1)])
    gradients = []
    for share in (False, True):
        model = build_model("qwen2_5_vl", build_tokenizer("qwen2_5_vl"))
        shared = SharedVision(model, share=share)
        for _ in range(2):
            features = model.get_image_features(**batch, return_dict=True).pooler_output
        sum((index + 1) * feature.square().sum() for index, feature in enumerate(features)).backward()
        gradients.append(model.model.visual.patch_embed.proj.weight.grad.clone())
        assert shared.counts.encoded == (4 if share else 6)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-3, atol=1e-4 * float(gradients[0].abs().max()))


def test_memory_is_bounded() -> None:
    import torch

    from geogrounding.training.vision_cache import SharedVision

    model = build_model("qwen2_5_vl", build_tokenizer("qwen2_5_vl"))
    freeze_all_but_language(model)
    shared = SharedVision(model, limit_bytes=2 * 4 * 64 * 4)  # two images of four tokens of 64 numbers
    with torch.no_grad():
        for seed in (1, 2, 3, 3, 1):
            model.get_image_features(**inputs_of("qwen2_5_vl", [image(seed)]), return_dict=True)
    assert shared.counts.encoded == 4


def test_the_built_in_model_sees_each_image_once(tmp_path: Path) -> None:
    import torch

    from geogrounding.models.builtin import register
    from geogrounding.training.vision_cache import SharedVision

    folder = save_tiny_builtin(tmp_path / "m")
    model: Any = register.GeogroundForConditionalGeneration.from_pretrained(folder).eval()
    model.freeze_vision()
    pixels = torch.stack([torch.full((3, 336, 336), value) for value in (0.1, 0.7, 0.1, 0.1)])
    pixels[:, :, 40:90, 60:100] = 2.0
    plain = model.encode_images(pixels)
    shared = SharedVision(model)
    for _ in range(2):
        seen = model.encode_images(pixels)
        for field in dataclasses.fields(plain.regions):
            one, other = getattr(plain.regions, field.name), getattr(seen.regions, field.name)
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(plain.context, seen.context, rtol=1e-4, atol=1e-4)
    assert (shared.counts.asked, shared.counts.encoded) == (8, 2)


def test_a_group_shares_its_prompt_and_the_numbers_and_gradients_stay(tmp_path: Path) -> None:
    import torch
    from transformers import GenerationConfig

    from geogrounding.models.builtin import register
    from geogrounding.training.logprobs import add_own_head
    from geogrounding.training.prefix_sharing import SharedPrompt

    folder = save_tiny_builtin(tmp_path / "m")
    model: Any = register.GeogroundForConditionalGeneration.from_pretrained(folder).eval()
    processor: Any = register.GeogroundProcessor.from_pretrained(folder)
    model.freeze_vision()
    images = [image(seed, 200) for seed in (1, 2, 1, 2, 1, 3)]
    texts = ["<image>detect: square<s>" if row % 2 == 0 else "<image>refer: the leftmost ship<s>" for row in range(6)]
    prompts = processor(images=images, text=texts, return_tensors="pt", padding=True)
    answers = processor.tokenizer(
        [processor.completion("square", [[10, 20, 50 + row, 90]][: row % 3]) + "</s>" for row in range(6)],
        return_tensors="pt",
        padding=True,
        padding_side="right",
        add_special_tokens=False,
    )
    ids = torch.cat([prompts["input_ids"], answers["input_ids"]], 1)
    mask = torch.cat([prompts["attention_mask"], answers["attention_mask"]], 1)
    labels = ids.masked_fill(mask == 0, -100)
    labels[:, : prompts["input_ids"].shape[1]] = -100
    found, written = [], []
    for share in (False, True):
        add_own_head(model, temperature=0.9)
        shared = SharedPrompt(model, share=share)
        assert shared.works is share
        model.zero_grad()
        inputs = {"input_ids": ids, "attention_mask": mask, "pixel_values": prompts["pixel_values"]}
        output = model(**inputs, labels=labels, fused_lm_head=True)
        (output.log_probs * torch.arange(1.0, 7.0)[:, None]).sum().backward()
        gradients = {name: one.grad.clone() for name, one in model.named_parameters() if one.grad is not None}
        found.append((output.log_probs.detach(), output.entropy, gradients))
        written.append(model.generate(**prompts, max_new_tokens=6, do_sample=False))
        # through the settings of a trainer, where rows leave as they are done
        ends = sorted({int(row[-3]) for row in written[0]} | {processor.tokenizer.eos_token_id})
        settings = GenerationConfig(
            max_new_tokens=9, do_sample=False, eos_token_id=ends, pad_token_id=processor.tokenizer.pad_token_id
        )
        written.append(model.generate(**prompts, generation_config=settings))
        shared.close()
    (plain, entropy, grads), (same, same_entropy, same_grads) = found
    assert plain.shape == labels[:, 1:].shape
    torch.testing.assert_close(same, plain, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(same_entropy, entropy, rtol=1e-4, atol=1e-4)
    assert grads.keys() == same_grads.keys()
    for name, gradient in grads.items():
        scale = float(gradient.abs().max())
        torch.testing.assert_close(same_grads[name], gradient, rtol=1e-3, atol=1e-3 * scale + 1e-5)
    assert torch.equal(written[0], written[2])
    assert torch.equal(written[1], written[3])
    assert written[1].shape[1] <= written[0].shape[1]  # every row came to one of the ends


def test_sampling_follows_temperature_and_top_p() -> None:
    import torch
    from transformers import GenerationConfig

    from geogrounding.training.prefix_sharing import _next

    torch.manual_seed(0)
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log().repeat(4000, 1)

    def shares(**settings: Any) -> list[float]:
        drawn = _next(logits.clone(), GenerationConfig(do_sample=True, **settings))
        return [float((drawn == token).float().mean()) for token in range(4)]

    assert shares(temperature=1.0) == pytest.approx([0.5, 0.3, 0.15, 0.05], abs=0.03)
    assert shares(temperature=1.0, top_p=0.8) == pytest.approx([0.625, 0.375, 0, 0], abs=0.03)
    assert shares(temperature=0.5) == pytest.approx([0.685, 0.247, 0.062, 0.007], abs=0.03)
    assert shares(temperature=1.0, suppress_tokens=[0]) == pytest.approx([0, 0.6, 0.3, 0.1], abs=0.03)


def test_prompts_are_the_same_only_with_the_same_image() -> None:
    import torch

    from geogrounding.training.prefix_sharing import same_prompts

    ids = torch.tensor([[1, 2], [1, 2], [1, 3], [1, 2]])
    pixels = torch.tensor([0.0, 1.0, 0.0, 0.0])[:, None]
    first, of = same_prompts(ids, pixels)
    assert first.tolist() == [0, 1, 2]
    assert of.tolist() == [0, 1, 2, 0]
