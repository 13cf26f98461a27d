"""SAM checkpoints as segmenters: random small models, images prepared as their processors do it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    Sam2Config,
    Sam2HieraDetConfig,
    Sam2Model,
    Sam2VisionConfig,
    Sam3TrackerConfig,
    Sam3TrackerModel,
    SamConfig,
    SamModel,
    SamVisionConfig,
)

from geogrounding.errors import ModelError, SettingsError
from geogrounding.geometry.masks import unpack_mask
from geogrounding.models.segmenters.base import Segmenter
from geogrounding.models.segmenters.load import load_segmenter
from geogrounding.models.segmenters.sam import KINDS, MEAN, STD, mask_in_box, prepare

SMALL_DECODER = {"mlp_dim": 16, "num_attention_heads": 2, "iou_head_hidden_dim": 16, "num_hidden_layers": 2}


def small_sam2(folder: Path) -> Path:
    torch.manual_seed(0)
    backbone = Sam2HieraDetConfig(
        hidden_size=8,
        num_attention_heads=1,
        image_size=[128, 128],
        blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[8, 16, 32, 64],
        num_attention_heads_per_stage=[1, 1, 1, 1],
        window_size_per_stage=[4, 4, 4, 4],
        global_attention_blocks=[3],
        window_positional_embedding_background_size=[4, 4],
    )
    vision = Sam2VisionConfig(
        backbone_config=backbone,
        backbone_channel_list=[64, 32, 16, 8],
        backbone_feature_sizes=[[32, 32], [16, 16], [8, 8]],
        fpn_hidden_size=32,
    )
    config = Sam2Config(
        vision_config=vision,
        prompt_encoder_config={"hidden_size": 32, "image_size": 128, "mask_input_channels": 4},
        mask_decoder_config={"hidden_size": 32, **SMALL_DECODER},
    )
    Sam2Model(config).save_pretrained(folder)
    return folder


def small_sam(folder: Path) -> Path:
    torch.manual_seed(0)
    vision = SamVisionConfig(
        hidden_size=16,
        output_channels=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=128,
        mlp_dim=16,
        global_attn_indexes=[1],
        num_pos_feats=8,
        window_size=4,
    )
    config = SamConfig(
        vision_config=vision,
        prompt_encoder_config={"hidden_size": 16, "image_size": 128, "mask_input_channels": 4},
        mask_decoder_config={"hidden_size": 16, **SMALL_DECODER},
    )
    SamModel(config).save_pretrained(folder)
    return folder


def small_sam3(folder: Path) -> Path:
    torch.manual_seed(0)
    config = Sam3TrackerConfig(
        vision_config={
            "model_type": "sam3_vision_model",
            "backbone_config": {
                "model_type": "sam3_vit_model",
                "hidden_size": 32,
                "intermediate_size": 32,
                "num_attention_heads": 2,
                "num_hidden_layers": 2,
                "image_size": 112,
                "patch_size": 14,
                "pretrain_image_size": 112,
                "window_size": 4,
                "global_attn_indexes": [1],
            },
            "fpn_hidden_size": 32,
            "backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]],
        },
        prompt_encoder_config={"hidden_size": 32, "image_size": 112, "patch_size": 14, "mask_input_channels": 4},
        mask_decoder_config={"hidden_size": 32, **SMALL_DECODER},
    )
    Sam3TrackerModel(config).save_pretrained(folder)
    return folder


def as_published(sam3: Path, folder: Path) -> Path:
    """The same weights as facebook/sam3 holds its tracker: beside a detector, with which it shares the backbone."""
    config = json.loads((sam3 / "config.json").read_text())
    folder.mkdir()
    (folder / "config.json").write_text(
        json.dumps({"model_type": "sam3_video", "tracker_config": config | {"model_type": "sam3_tracker_video"}})
    )
    names = {
        "vision_encoder.backbone.": "detector_model.vision_encoder.backbone.",
        "vision_encoder.neck.": "tracker_neck.",
    }
    renamed = {}
    for name, tensor in load_file(sam3 / "model.safetensors").items():
        prefix = next((old for old in names if name.startswith(old)), "")
        renamed[names.get(prefix, "tracker_model.") + name.removeprefix(prefix)] = tensor
    save_file(renamed, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


SMALL = {"sam2": small_sam2, "sam": small_sam, "sam3": small_sam3}


@pytest.fixture(scope="module", params=SMALL)
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return SMALL[request.param](tmp_path_factory.mktemp("segmenters") / request.param)


def test_the_tracker_of_sam_3_is_found_in_the_published_checkpoint(tmp_path: Path) -> None:
    alone = small_sam3(tmp_path / "alone")
    image = np.random.default_rng(0).integers(0, 255, (80, 100, 3), dtype=np.uint8)
    masks = [
        load_segmenter(str(folder), device="cpu").segment(image, BOXES, [()] * len(BOXES))
        for folder in (alone, as_published(alone, tmp_path / "published"))
    ]
    assert masks[0] == masks[1]
    assert any(mask is not None for mask in masks[0])


BOXES = np.array([[10.0, 5.0, 60.0, 50.0], [70.5, 20.25, 99.0, 79.5], [0.0, 0.0, 100.0, 80.0]])


def test_masks_lie_in_their_boxes_and_do_not_depend_on_the_others(checkpoint: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (80, 100, 3), dtype=np.uint8)
    segmenter = load_segmenter(str(checkpoint), device="cpu", dtype="float32")
    assert isinstance(segmenter, Segmenter)
    points = [(), ((80.0, 40.0), (90.0, 60.0)), ()]
    together = segmenter.segment(image, BOXES, points)
    assert any(mask is not None for mask in together)
    for n, mask in enumerate(together):
        assert segmenter.segment(image, BOXES[n : n + 1], points[n : n + 1]) == [mask]
        if mask is not None:
            x0, y0, x1, y1 = mask.window_chip_px
            assert np.floor(BOXES[n, :2]).tolist() <= [x0, y0]
            assert x1 <= np.ceil(BOXES[n, 2])
            assert y1 <= np.ceil(BOXES[n, 3])
    segmenter.close()
    with pytest.raises(ModelError, match="closed"):
        segmenter.segment(image, BOXES, points)


def test_the_fingerprint_is_that_of_the_weights(checkpoint: Path) -> None:
    assert (
        load_segmenter(str(checkpoint), device="cpu").fingerprint
        == load_segmenter(str(checkpoint), device="cpu").fingerprint
    )


def test_images_are_prepared_as_the_processor_of_sam_does_it() -> None:
    from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

    image = np.random.default_rng(1).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    theirs = SamImageProcessorPil()(image, return_tensors="pt")["pixel_values"]
    ours, scale = prepare(image, 1024, KINDS["sam"])
    assert ours.shape == theirs.shape == (1, 3, 1024, 1024)
    assert scale.tolist() == [16.0, 16.0]
    # one level of 255: the processor rounds where Pillow does
    assert float((ours - theirs).abs().max()) <= 1 / 255 / min(STD) + 1e-5


def test_images_are_stretched_for_sam_2() -> None:
    image = np.full((30, 60, 3), (124, 116, 104), np.uint8)
    pixels, scale = prepare(image, 1024, KINDS["sam2"])
    assert scale.tolist() == [1024 / 60, 1024 / 30]
    expected = [(v / 255 - m) / s for v, m, s in zip((124, 116, 104), MEAN, STD, strict=True)]
    assert np.allclose(pixels.amax((2, 3))[0], expected, atol=1e-6)
    assert np.allclose(pixels.amin((2, 3))[0], expected, atol=1e-6)


@pytest.mark.parametrize("size", [(80, 100), (300, 200)])
def test_logits_are_enlarged_as_a_whole_mask_would_be(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    logits = torch.nn.functional.interpolate(torch.randn(1, 1, 8, 8), (32, 32), mode="bicubic")[0, 0]
    height, width = size
    scale = np.array([128 / width, 128 / height])
    whole = torch.nn.functional.interpolate(logits[None, None], size, mode="bilinear", align_corners=False)[0, 0] > 0
    box = np.array([11.0, 7.0, 63.0, 71.0])
    mask = mask_in_box(logits, box, scale, 128, size)
    assert mask is not None
    canvas = np.zeros(size, np.bool_)
    x0, y0, x1, y1 = mask.window_chip_px
    canvas[y0:y1, x0:x1] = unpack_mask(mask)
    part = np.zeros(size, np.bool_)
    part[7:71, 11:63] = whole.numpy()[7:71, 11:63]
    assert np.array_equal(canvas, part)


@pytest.mark.parametrize(
    ("kind", "reason"), [("sam3", "give it as --model"), ("edgetam", "timm"), ("llama", "type llama")]
)
def test_what_cannot_segment_here_is_refused_with_the_reason(
    checkpoint: Path, tmp_path: Path, kind: str, reason: str
) -> None:
    for file in checkpoint.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "model_type": kind}))
    with pytest.raises(ModelError, match=reason):
        load_segmenter(str(tmp_path))


def test_a_segmenter_without_a_name_is_refused() -> None:
    with pytest.raises(SettingsError, match="no name"):
        load_segmenter(" ")
